"""Reading messages and documents that no profile is for: foreign samples, to score a mapping and to see what it does
not read."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from adapters.cda.document import read_whole
from adapters.fhir.reading import read as read_fhir
from adapters.hl7v2.reading import read as read_v2
from hub.errors import Refused
from hub.mapping.bundles import SUPPORTED
from hub.mapping.library import Base, Reads, load_own
from hub.message import (
    CdaDocument,
    FhirMessage,
    Format,
    IdentifierRule,
    Source,
    Tells,
    Transport,
    V2Message,
    subjects_of,
)
from hub.record import Reading

Parsed = V2Message | CdaDocument | FhirMessage | Refused
_NUMBERED = ("PID", "MRG")
_IDS = ("recordTarget/patientRole/id", "recordTarget/patientRole/patient/id")
_BLANK = b"\xef\xbb\xbf \t\r\n"
_NOWHERE = Path("/nonexistent")


@dataclass(frozen=True, kw_only=True, slots=True)
class Tried:
    """A sample by its name, as the hub's own rows read it; the refusal's code and place where they do not."""

    name: str
    kind: str
    reading: Reading | None
    refused: str = ""

    @property
    def resources(self) -> list[Mapping[str, Any]]:
        """What it becomes."""
        if self.reading is None:
            return []
        parts = self.reading.parts
        return [one.resource for part in parts for one in (part.demographics, *part.resources) if one]


def try_messages(base: Base, samples: Mapping[str, bytes]) -> Iterator[Tried]:
    """Each sample, read as a sender's whose every type of number tells its patients apart."""
    parsed = {name: _parsed(raw) for name, raw in samples.items()}
    reads = _neutral(base, list(parsed.values()))
    now = datetime.now(UTC)
    for name, one in parsed.items():
        if isinstance(one, Refused):
            yield Tried(name=name, kind="", reading=None, refused=_told(one))
            continue
        kind = f"CDA {one.code}" if isinstance(one, CdaDocument) else one.kind
        try:
            yield Tried(name=name, kind=kind, reading=_read(reads, one, now))
        except Refused as refused:
            yield Tried(name=name, kind=kind, reading=None, refused=_told(refused))


def _parsed(raw: bytes) -> Parsed:
    start = raw.lstrip(_BLANK)[:1]
    try:
        if start == b"<":
            return read_whole(raw)
        return read_fhir(raw, supported=SUPPORTED) if start == b"{" else read_v2(raw, "")
    except Refused as refused:
        return refused


def _read(reads: Reads, one: V2Message | CdaDocument | FhirMessage, now: datetime) -> Reading:
    if isinstance(one, V2Message):
        assert reads.v2 is not None
        return reads.v2.read(one, now)
    if isinstance(one, CdaDocument):
        assert reads.cda is not None
        return reads.cda.read(one, now)
    assert reads.fhir is not None
    return reads.fhir.read(one, now)[0]


def _told(refused: Refused) -> str:
    return f"{refused.refusal.code} {refused.refusal.where}".strip()


def _neutral(base: Base, parsed: Sequence[Parsed]) -> Reads:
    types = {*_types(one for one in parsed if isinstance(one, V2Message))}
    roots = {*_roots(one for one in parsed if isinstance(one, CdaDocument))}
    systems = {*_systems(one for one in parsed if isinstance(one, FhirMessage))}
    every = sorted({*types, *roots, *systems, ""})
    rules = [IdentifierRule(type=one, kind="local-number", of_patient=True) for one in every]
    source = Source(
        name="sample",
        organisation="",
        format=Format.HL7V2,
        also=frozenset({Format.CDA, Format.FHIR}),
        tells=frozenset(Tells),
        transports=frozenset({Transport.INGEST}),
        time_zone=timezone(timedelta()),
        identifiers=(*rules, IdentifierRule(type="PID-19", kind="insurance-number")),
    )
    return load_own(base, source, _NOWHERE)


def _types(messages: Iterable[V2Message]) -> Iterator[str]:
    """The types of number that messages name (CX.5)."""
    for message in messages:
        mark = message.delimiters.component
        for segment in message.segments:
            if segment.name in _NUMBERED:
                repetitions = (one for number in (1, 2, 3) for one in segment.repetitions(number))
                yield from (one.split(mark)[4] for one in repetitions if one.count(mark) > 3)


def _roots(documents: Iterable[CdaDocument]) -> Iterator[str]:
    """The roots of the ids of patients."""
    for document in documents:
        yield from (one.system for one in document.header if one.path in _IDS and one.system)


def _systems(messages: Iterable[FhirMessage]) -> Iterator[str]:
    """The systems of patients' identifiers, and of those that lead to patients."""
    for message in messages:
        for entry in message.entries:
            is_patient = entry.resource.get("resourceType") == "Patient"
            own: Any = (entry.resource.get("identifier") or ()) if is_patient else ()
            numbers: list[Any] = [*own]
            numbers += [subject["identifier"] for subject in subjects_of(entry.resource) if "identifier" in subject]
            yield from (str(one["system"]) for one in numbers if one.get("system"))
