"""Messages that this project did not write, and how well its mapping agrees with another converter's."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from functools import cache
from pathlib import Path
from typing import Any

from adapters.hl7v2.reading import read
from hub.mapping.v2 import V2Mapping
from hub.message import Format, IdentifierRule, Source, Transport
from hub.record import Mapped, Reading
from tests.desk import MAPPINGS, ROOT, dictionary, load_mappings

CORPORA = ROOT.parent / "shared" / "corpora"
TAKEN = ("ADT^A01", "ADT^A03", "ADT^A04", "ADT^A08", "ADT^A13", "ADT^A28", "ADT^A40", "ORU^R01")
RECEIVED = datetime(2026, 1, 1, tzinfo=UTC)
TYPES = ("MR", "PI", "PT", "AN", "VN", "U", "EI", "XX", "ANON", "SS", "PN", "")


def files(folder: str) -> list[Path]:
    """The messages of one corpus of the types that the hub takes."""
    found = sorted((CORPORA / folder).glob("*.hl7")) if CORPORA.is_dir() else []
    return [file for file in found if kind_of(file) in TAKEN]


def kind_of(file: Path) -> str:
    """MSH-9 of a file, without parsing it as the hub does."""
    header = next((line for line in _text(file).splitlines() if line.startswith("MSH")), "")
    parts = header.split("|")
    return "^".join(parts[8].split("^")[:2]) if len(parts) > 8 else ""


def _text(file: Path) -> str:
    return (
        file.read_bytes().decode("utf-8-sig", "replace").replace("\r\n", "\r").replace("\n", "\r").replace("\r", "\n")
    )


@cache
def stranger() -> V2Mapping:
    """A permissive source: every usual type of number is its own patient number."""
    rules = tuple(IdentifierRule(type=name, kind="local-number", of_patient=True) for name in TYPES)
    source = Source(
        name="stranger",
        organisation="Stranger",
        format=Format.HL7V2,
        transports=frozenset({Transport.MLLP}),
        time_zone=timezone(timedelta(0)),
        identifiers=(*rules, IdentifierRule(type="PID-19", kind="insurance-number")),
    )
    return load_mappings(MAPPINGS, {"stranger": (source, MAPPINGS / "none")}, dictionary()).v2["stranger"]


def reading_of(file: Path) -> Reading:
    """A foreign message, read and mapped. Raises Refused."""
    return stranger().read(read(file.read_bytes(), "utf-8"), RECEIVED)


def mapped_of(reading: Reading) -> Iterator[Mapped]:
    """Everything that a reading gave."""
    for part in reading.parts:
        if part.demographics:
            yield part.demographics
        yield from part.resources


# -- leaf by leaf ------------------------------------------------------------------------------------------------------

Leaves = Counter[str]
COPIED = (
    "Patient.identifier",
    "Patient.family",
    "Patient.given",
    "Patient.address",
    "Patient.telecom",
    "Condition.code",
    "Observation.code",
    "Observation.value",
)
"""Elements that are copied as they stand: where the text is in none of `SEGMENTS`, the other converter has it from a
segment that the hub does not read (GT1, IN2, PDA, ACC)."""
SEGMENTS = ("PID", "PV1", "OBR", "OBX", "AL1", "DG1")


@dataclass(slots=True)
class Score:
    """How many of the other converter's leaves ours gives too, by element."""

    wanted: Leaves = field(default_factory=Counter)
    met: Leaves = field(default_factory=Counter)
    missed: list[str] = field(default_factory=list)

    def add(self, name: str, theirs: Leaves, ours: Leaves, read: str) -> None:
        """Compare the leaves of one file, as far as they stand in what the hub reads of it."""
        for leaf, times in theirs.items():
            element, _, value = leaf.partition("=")
            if element in COPIED and value not in read:
                continue
            agreed = min(times, ours[leaf])
            self.wanted[element] += times
            self.met[element] += agreed
            if agreed < times:
                self.missed.append(f"{name}: {leaf}")

    @property
    def share(self) -> float:
        """Of all leaves."""
        return sum(self.met.values()) / max(1, sum(self.wanted.values()))


def leaves_of(resources: list[Mapping[str, Any]]) -> Leaves:
    """What is compared of a message's resources: values and codes, no ids, references, systems or labels."""
    return Counter(leaf for resource in resources for leaf in _leaves(resource))


def _leaves(resource: Mapping[str, Any]) -> Iterator[str]:
    kind = resource["resourceType"]
    match kind:
        case "Patient":
            yield from _patient(resource)
        case "Encounter":
            yield from _said("Encounter.class", [(resource.get("class") or {}).get("code")])
            yield from _said("Encounter.status", [resource.get("status")])
        case "Condition" | "AllergyIntolerance":
            yield from _said(f"{kind}.code", _codes(resource.get("code")))
        case "Observation":
            yield from _said("Observation.code", _codes(resource.get("code")))
            yield from _said("Observation.status", [resource.get("status")])
            yield from _said("Observation.value", _value(resource))


def _patient(resource: Mapping[str, Any]) -> Iterator[str]:
    for name in ("birthDate", "gender"):
        yield from _said(f"Patient.{name}", [resource.get(name)])
    yield from _said("Patient.identifier", [item.get("value") for item in resource.get("identifier") or ()])
    for name in resource.get("name") or ():
        yield from _said("Patient.family", [name.get("family")])
        yield from _said("Patient.given", name.get("given") or ())
    for address in resource.get("address") or ():
        yield from _said("Patient.address", [address.get(part) for part in ("city", "state", "postalCode", "country")])
    yield from _said("Patient.telecom", [item.get("value") for item in resource.get("telecom") or ()])
    yield from _said("Patient.maritalStatus", _codes(resource.get("maritalStatus"))[:1])


def _codes(concept: Any) -> list[str]:
    codings = (concept or {}).get("coding") or ()
    return [str(coding["code"]) for coding in codings if coding.get("code")]


def _value(resource: Mapping[str, Any]) -> list[Any]:
    if quantity := resource.get("valueQuantity"):
        return [f"{float(quantity['value']):g} {quantity.get('unit') or ''}".strip()] if "value" in quantity else []
    if concept := resource.get("valueCodeableConcept"):
        return _codes(concept)[:1] or [concept.get("text")]
    return [resource.get(name) for name in ("valueString", "valueDateTime", "valueTime", "valueInteger")]


def _said(element: str, values: Any) -> Iterator[str]:
    yield from (f"{element}={value}" for value in values if value not in (None, ""))


def _ours(file: Path) -> list[Mapping[str, Any]]:
    """What we make of a file, without the one result (an attached document) that has no code and so is refused."""
    raw = "\r".join(line for line in _text(file).splitlines() if not line.startswith("OBX||ED|||"))
    reading = stranger().read(read(raw.encode(), "utf-8"), RECEIVED)
    return [one.resource for one in mapped_of(reading)]


def score() -> Score:
    """Our mapping against ``NAME.expected.json`` of every pair."""
    total = Score()
    for file in files("hl7v2-fhir-pairs"):
        expected = json.loads(file.with_name(f"{file.stem}.expected.json").read_text("utf-8-sig"))
        theirs = leaves_of([entry["resource"] for entry in expected["entry"]])
        read_of = "\n".join(line for line in _text(file).splitlines() if line.startswith(SEGMENTS))
        total.add(file.stem, theirs, leaves_of(_ours(file)), read_of)
    return total
