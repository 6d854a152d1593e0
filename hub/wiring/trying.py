"""Reading messages that no profile is for: foreign samples, to score a mapping and to see what it does not read."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from adapters.hl7v2.reading import read as read_v2
from hub.errors import Refused
from hub.mapping.library import Base, load_own
from hub.mapping.v2 import V2Mapping
from hub.message import Format, IdentifierRule, Source, Transport, V2Message
from hub.record import Reading

_NUMBERED = ("PID", "MRG")
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
    parsed: dict[str, V2Message | Refused] = {name: _parsed(raw) for name, raw in samples.items()}
    mapping = _neutral(base, [one for one in parsed.values() if isinstance(one, V2Message)])
    now = datetime.now(UTC)
    for name, one in parsed.items():
        if isinstance(one, Refused):
            yield Tried(name=name, kind="", reading=None, refused=_told(one))
            continue
        try:
            yield Tried(name=name, kind=one.kind, reading=mapping.read(one, now))
        except Refused as refused:
            yield Tried(name=name, kind=one.kind, reading=None, refused=_told(refused))


def _parsed(raw: bytes) -> V2Message | Refused:
    try:
        return read_v2(raw, "")
    except Refused as refused:
        return refused


def _told(refused: Refused) -> str:
    return f"{refused.refusal.code} {refused.refusal.where}".strip()


def _neutral(base: Base, messages: list[V2Message]) -> V2Mapping:
    types = {
        repetition.split(message.delimiters.component)[4]
        for message in messages
        for segment in message.segments
        if segment.name in _NUMBERED
        for number in (1, 2, 3)
        for repetition in segment.repetitions(number)
        if repetition.count(message.delimiters.component) > 3
    }
    rules = [IdentifierRule(type=one, kind="local-number", of_patient=True) for one in sorted({*types, ""})]
    source = Source(
        name="sample",
        organisation="",
        format=Format.HL7V2,
        transports=frozenset({Transport.MLLP}),
        time_zone=timezone(timedelta()),
        identifiers=(*rules, IdentifierRule(type="PID-19", kind="insurance-number")),
    )
    reads = load_own(base, source, _NOWHERE)
    assert reads.v2 is not None
    return reads.v2
