"""The v2 standard's tables, compiled out of hl7apy's, a segment at a time when it is first asked for."""

import re
from collections.abc import Mapping
from functools import cache
from typing import Any

from hl7apy import SUPPORTED_LIBRARIES, load_library

from hub.message import FieldDefinition

DEFAULT_VERSION = "2.5.1"

_POSITION = re.compile(r"([A-Z][A-Z0-9]{2})(?:\[\d+\])?-(\d+)(?:\[\d+\])?(?:\.(\d+))?")
_SMALL = frozenset({"a", "and", "by", "for", "in", "of", "on", "or", "the", "to", "with"})
_ACRONYMS = frozenset({"DEA", "DRG", "HL7", "ID", "NPI", "OID", "SSN", "UPIN", "URL", "VIP"})

# Which structure a trigger event uses where it is not named after the event itself (HL7 table 0354), newest
# first: older versions fold more events into one structure, so the first one that the version has is taken.
_STRUCTURES: Mapping[str, str] = {
    "ADT A04 A08 A13": "ADT_A01",
    "ADT A05 A14 A28 A31": "ADT_A05 ADT_A01",
    "ADT A07": "ADT_A06",
    "ADT A10 A11": "ADT_A09",
    "ADT A12": "ADT_A12 ADT_A09",
    "ADT A15": "ADT_A15 ADT_A09",
    "ADT A22 A23 A25 A26 A27 A29 A32 A33": "ADT_A21 ADT_A09",
    "ADT A21": "ADT_A21 ADT_A09",
    "ADT A34 A35 A36 A46 A47 A48 A49": "ADT_A30",
    "ADT A37": "ADT_A37 ADT_A24",
    "ADT A40 A41 A42": "ADT_A39",
    "ADT A44": "ADT_A44 ADT_A43",
    "ADT A51": "ADT_A50",
    "ADT A53": "ADT_A52",
    "ADT A55": "ADT_A54",
    "ADT A62": "ADT_A61",
    "MDM T03 T05 T07 T09 T11": "MDM_T01",
    "MDM T04 T06 T08 T10": "MDM_T02",
    "OMG O20": "ORG_O20",
    "ORU R31 R32": "ORU_R30 ORU_R01",
    "PPR PC2 PC3": "PPR_PC1",
    "PMU B02": "PMU_B01",
    "PMU B05 B06": "PMU_B04",
    "QBP Q22 Q23 Q24": "QBP_Q21",
    "RDE O01 O25": "RDE_O11",
    "REF I13 I14 I15": "REF_I12",
    "RPA I09 I10 I11": "RPA_I08",
    "RQA I09 I10 I11": "RQA_I08",
    "RRI I13 I14 I15": "RRI_I12",
    "RSP K22": "RSP_K21",
    "RSP K24": "RSP_K23",
    "SIU S13 S14 S15 S16 S17 S18 S19 S20 S21 S22 S23 S24 S26": "SIU_S12",
    "SRM S02 S03 S04 S05 S06 S07 S08 S09 S10 S11": "SRM_S01",
    "SRR S02 S03 S04 S05 S06 S07 S08 S09 S10 S11": "SRR_S01",
}


class Dictionary:
    """The standard's own words for positions, structures and tables; a `hub.message.V2Dictionary`.

    Versions 2.1 to 2.8.2. A version that hl7apy does not carry is answered out of the nearest older one.
    """

    def find(self, position: str, version: str = DEFAULT_VERSION) -> FieldDefinition | None:
        """What stands at ``PID-3`` or ``PID-3.1`` (occurrence numbers in brackets are ignored), or None."""
        match = _POSITION.fullmatch(position)
        if match is None:
            return None
        segment, field, component = match.groups()
        return _segment(nearest_version(version), segment).get((int(field), int(component or 0)))

    def structure_of(self, kind: str, version: str = DEFAULT_VERSION) -> str | None:
        """The message structure of a trigger event: ``ADT^A08`` has ``ADT_A01``. None where there is none."""
        version = nearest_version(version)
        known: Mapping[str, object] = load_library(version).MESSAGES
        named, shared = kind.replace("^", "_"), _structures().get(kind, ())
        # Structures came with 2.3; before, each event's message is described under its own name.
        names = (named, *shared) if version in ("2.1", "2.2") else (*shared, named)
        return next((name for name in names if name in known), None)

    def table(self, number: int, version: str = DEFAULT_VERSION) -> tuple[str, ...] | None:
        """The codes of an HL7 table, or None where hl7apy carries none (so in 2.1 to 2.3)."""
        entry = load_library(nearest_version(version)).ELEMENTS["Table"].get(f"HL7{number:04d}")
        return None if entry is None else tuple(entry[1])

    def has_segment(self, name: str, version: str = DEFAULT_VERSION) -> bool:
        """Whether the standard defines this segment."""
        return name in load_library(nearest_version(version)).SEGMENTS


def is_known(version: str) -> bool:
    """Whether hl7apy carries exactly this version."""
    return version in SUPPORTED_LIBRARIES


@cache
def nearest_version(version: str) -> str:
    """The version whose tables answer for this one: 2.7 for 2.7.1, 2.8.2 for 2.9, 2.5.1 for what is no
    number."""
    if version in SUPPORTED_LIBRARIES:
        return version
    if re.fullmatch(r"\d{1,2}(\.\d{1,2}){0,3}", version) is None:
        return DEFAULT_VERSION
    known: list[str] = sorted(SUPPORTED_LIBRARIES, key=_number)
    return next((name for name in reversed(known) if _number(name) <= _number(version)), known[0])


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


@cache
def _structures() -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for events, names in _STRUCTURES.items():
        message, *triggers = events.split()
        found |= {f"{message}^{trigger}": tuple(names.split()) for trigger in triggers}
    return found


@cache
def _segment(version: str, name: str) -> dict[tuple[int, int], FieldDefinition]:
    """Definitions by (field, component); component 0 is the field itself."""
    reference = load_library(version).SEGMENTS.get(name)
    found: dict[tuple[int, int], FieldDefinition] = {}
    for child in reference[1] if reference else ():
        number = int(child[0].rpartition("_")[2])
        found[number, 0] = whole = _definition(child)
        components = child[1][1] if child[1][0] == "sequence" else ()
        if not components:  # a simple field is its own first component (HL7 v2.5.1 chapter 2.5.3)
            found[number, 1] = whole
        for at, component in enumerate(components, 1):
            found[number, at] = _definition(component)
    return found


def _definition(child: tuple[Any, ...]) -> FieldDefinition:
    """Out of hl7apy's ``(name, (kind, children, datatype, long name, ...), (least, most), class)``."""
    most = child[2][1]
    return FieldDefinition(
        name=_humanised(child[1][3] or ""), datatype=child[1][2] or "", repeats=most == -1 or most > 1
    )


def _humanised(name: str) -> str:
    """``Date/Time of Birth`` out of ``DATE_TIME_OF_BIRTH``, ``Set ID - PID`` out of ``SET_ID_PID``."""
    if name.startswith("SET_ID_"):
        return f"Set ID - {name.removeprefix('SET_ID_')}"
    words = [_word(word) for word in name.replace("DATE_TIME", "DATE/TIME").split("_") if word]
    return " ".join(words[:1] + [word.lower() if word.lower() in _SMALL else word for word in words[1:]])


def _word(word: str) -> str:
    return word if word in _ACRONYMS else "/".join(part.capitalize() for part in word.split("/"))
