"""What a source sent: values that adapters, mapping and the inbox speak in. Nothing here knows of residents."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from enum import StrEnum
from typing import Protocol
from uuid import UUID

from hub.errors import Refusal

_CONTROLS = dict.fromkeys((*range(32), *range(127, 160)))
_LONGEST = 200


def plain(text: str, most: int = _LONGEST) -> str:
    """Text from outside, fit to stand beside what was sent: without control characters, cut to `most`. PostgreSQL
    holds no U+0000, and a control id is no 16 MB; the message itself is kept whole."""
    return text[:most] if text.isprintable() else text.translate(_CONTROLS)[:most]


class Format(StrEnum):
    """How the bytes of a message are written."""

    HL7V2 = "hl7v2"
    FHIR = "fhir"


class Transport(StrEnum):
    """The way a message came."""

    MLLP = "mllp"
    INGEST = "ingest"
    FHIR = "fhir"
    FILE = "file"
    HUB = "hub"
    """The hub's own: what a team measured, kept as a message like any other."""


OWN_SOURCE = "hub"
"""The source of what the hub itself says: its profile is ``mappings/sources/hub/source.toml``."""


class Tells(StrEnum):
    """What a source has a say in."""

    RECORD = "record"
    """Patients and what is known of their health."""
    DIRECTORY = "directory"
    """Organisations, practitioners, teams."""
    AGREEMENTS = "agreements"
    """Who signed with whom."""
    SESSIONS = "sessions"
    """The sessions and slots of its own organisation."""


class Fate(StrEnum):
    """What has become of a message. Every message that was received has exactly one."""

    KEPT = "kept"
    MERGED = "merged"
    PARKED = "parked"


MOVES: dict[Fate, frozenset[Fate]] = {
    Fate.KEPT: frozenset({Fate.MERGED, Fate.PARKED}),
    Fate.MERGED: frozenset({Fate.KEPT}),  # a replay
    Fate.PARKED: frozenset({Fate.KEPT}),  # a replay
}


@dataclass(frozen=True, kw_only=True, slots=True)
class IdentifierRule:
    """What a source means by one identifier type of its own (CX.5 in v2, ``Identifier.system`` in FHIR)."""

    type: str
    kind: str
    of_patient: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """One sending system of one organisation: its profile, as the site wrote it. `organisation_id` is that of the
    directory; without it nothing that the source says moves a referral or publishes a session."""

    name: str
    organisation: str
    organisation_en: str = ""
    format: Format
    transports: frozenset[Transport]
    time_zone: timezone
    identifiers: tuple[IdentifierRule, ...]
    sending_application: str = ""
    sending_facility: str = ""
    charset: str = ""
    organisation_id: str = ""
    tells: frozenset[Tells] = frozenset({Tells.RECORD})

    def rule_for(self, identifier_type: str) -> IdentifierRule | None:
        """The rule for an identifier type as sent; case is ignored, senders vary it."""
        wanted = identifier_type.casefold()
        return next((rule for rule in self.identifiers if rule.type.casefold() == wanted), None)


@dataclass(frozen=True, kw_only=True, slots=True)
class Arrival:
    """A message at the door, just before it is kept. `source` is "" when no profile fits.

    A `refusal` parks it; `findings` are the entries of a FHIR batch that were refused while the others go on.
    """

    source: str
    transport: Transport
    format: Format
    raw: bytes
    kind: str = ""
    control_id: str = ""
    refusal: Refusal | None = None
    findings: tuple[Refusal, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Message:
    """A kept message. `id` is a UUID of version 7, so ids sort by receipt; `attempts` is above 0 after a replay."""

    id: UUID
    source: str
    transport: Transport
    format: Format
    raw: bytes
    received_at: datetime
    kind: str = ""
    control_id: str = ""
    attempts: int = 0
    findings: tuple[Refusal, ...] = ()


@dataclass(frozen=True, slots=True)
class Delimiters:
    """MSH-1 and MSH-2: the five separators of one v2 message."""

    field: str = "|"
    component: str = "^"
    repetition: str = "~"
    escape: str = "\\"
    subcomponent: str = "&"


@dataclass(frozen=True, slots=True)
class Segment:
    """One v2 segment. `fields[n]` is the raw text of field n (``fields[0]`` is the name); `ordinal` counts from 1
    among the segments of that name; `line` counts from 1 in the message."""

    name: str
    ordinal: int
    line: int
    fields: Sequence[str]
    delimiters: Delimiters

    def field(self, number: int) -> str:
        """The raw text of a field, all repetitions; "" where the segment is shorter."""
        return self.fields[number] if number < len(self.fields) else ""

    def repetitions(self, number: int) -> list[str]:
        """The raw repetitions of a field; an empty field has none."""
        text = self.field(number)
        return text.split(self.delimiters.repetition) if text else []

    def component(self, number: int, component: int = 1, subcomponent: int = 1) -> str:
        """One component of a field's first repetition, unescaped."""
        return component_of(self.delimiters, self.field(number), component, subcomponent)

    @property
    def where(self) -> str:
        """How people name this segment: ``OBX[2]``; without a number where it is the first."""
        return self.name if self.ordinal == 1 else f"{self.name}[{self.ordinal}]"


def component_of(delimiters: Delimiters, text: str, component: int = 1, subcomponent: int = 1) -> str:
    """One component of the first repetition of a field's raw text, unescaped; "" where there is none."""
    if delimiters.repetition in text:
        text = text.split(delimiters.repetition, 1)[0]
    if delimiters.component in text:
        parts = text.split(delimiters.component, component)
        text = parts[component - 1] if component <= len(parts) else ""
    elif component > 1:
        return ""
    if delimiters.subcomponent in text:
        pieces = text.split(delimiters.subcomponent)
        text = pieces[subcomponent - 1] if subcomponent <= len(pieces) else ""
    elif subcomponent > 1:
        return ""
    return unescape(delimiters, text)


def unescape(delimiters: Delimiters, text: str) -> str:
    """Text with its v2 escape sequences resolved (HL7 v2.5.1 chapter 2.7); an unknown sequence stays as it is."""
    mark = delimiters.escape
    if mark not in text:
        return text
    plain = {
        "F": delimiters.field,
        "S": delimiters.component,
        "T": delimiters.subcomponent,
        "R": delimiters.repetition,
        "E": mark,
        ".br": "\n",
        "H": "",
        "N": "",
    }
    pieces = text.split(mark)
    out = [pieces[0]]
    at = 1
    while at < len(pieces):
        sequence = pieces[at]
        if at + 1 == len(pieces):  # an unpaired mark
            out.append(mark + sequence)
        elif sequence in plain:
            out.append(plain[sequence] + pieces[at + 1])
        elif sequence[:1] == "X" and (octets := _octets(sequence[1:])) is not None:
            out.append(octets + pieces[at + 1])
        else:
            out.append(mark + sequence + mark + pieces[at + 1])
        at += 2
    return "".join(out)


def _octets(digits: str) -> str | None:
    try:
        return bytes.fromhex(digits).decode("utf-8")
    except (ValueError, UnicodeDecodeError):
        return None


@dataclass(frozen=True, slots=True)
class V2Message:
    """A tokenized v2 message: its segments in order, nothing dropped, unknown ones included."""

    delimiters: Delimiters
    segments: tuple[Segment, ...]

    def first(self, name: str) -> Segment | None:
        """The first segment of that name."""
        return next((segment for segment in self.segments if segment.name == name), None)

    def all(self, name: str) -> Iterator[Segment]:
        """The segments of that name, in order."""
        return (segment for segment in self.segments if segment.name == name)

    @property
    def kind(self) -> str:
        """``ADT^A01``: message type and trigger event of MSH-9."""
        msh = self.segments[0]
        return "^".join(part for part in (msh.component(9, 1), msh.component(9, 2)) if part)


@dataclass(frozen=True, kw_only=True, slots=True)
class FhirEntry:
    """One resource of a FHIR request. `where` is its path in the body (``Bundle.entry[2].resource``)."""

    resource: dict[str, object]
    where: str
    full_url: str = ""
    method: str = "POST"
    refusal: Refusal | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class FhirMessage:
    """A FHIR request body, validated. In a transaction no entry carries a refusal; in a batch some may."""

    kind: str
    sent_at: datetime | None
    entries: tuple[FhirEntry, ...] = field(default=())


@dataclass(frozen=True, slots=True)
class FieldDefinition:
    """What the standard says of one v2 field or component."""

    name: str
    datatype: str
    repeats: bool


class V2Dictionary(Protocol):
    """The v2 standard's tables. Positions are written ``PID-3`` and ``PID-3.1``."""

    def find(self, position: str, version: str = "2.5.1") -> FieldDefinition | None:
        """What stands at that position, or None where the standard has nothing there."""
