"""A message taken apart for somebody who looks at it: its segments with their names, and what each field became.

It is read anew, by the mapping as it stands now; what was made of it when it was merged stands in the record.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from hub.errors import Refusal, Refused
from hub.message import BytePlace, Format, Message, Segment, Source, V2Dictionary, V2Message
from hub.record import Flag, Json, Mapped, Reading, Trace

_PLAIN_TYPES = frozenset({"ID", "IS", "SI", "HD", "VID", "PT"})
"""Datatypes whose values are a table's, a counter's or a system's (HL7 v2.5.1 chapter 2A): they are nobody's."""
_PLAIN_SEGMENTS = frozenset({"MSH", "FHS", "BHS", "BTS", "FTS", "MSA"})
_NULL = '""'
_MOST_FIELDS = 20_000
"""Fields of one message that are shown; a message of 10,000 segments is not looked at field by field."""


class Evidence(Protocol):
    """Which character set a message was read in, and why."""

    @property
    def codec(self) -> str:
        """The character set; "" where the bytes are in none that was tried."""

    @property
    def because(self) -> str:
        """``declared``, ``ascii``, ``valid-utf-8``, ``profile``, ``default``."""

    @property
    def where(self) -> str:
        """Where it was declared (``MSH-18``)."""


class CharsetReading(Protocol):
    """Bytes, read in one character set."""

    @property
    def codec(self) -> str:
        """The character set."""

    @property
    def before(self) -> str:
        """The text before the place."""

    @property
    def at(self) -> str:
        """What stands at the place."""

    @property
    def after(self) -> str:
        """The text behind it."""

    @property
    def undecodable(self) -> int:
        """Bytes of the whole message that cannot be read."""


class Autopsy(Protocol):
    """A message whose character set is wrong, in each that comes into question."""

    @property
    def readings(self) -> Sequence[CharsetReading]:
        """One for each."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Anatomist:
    """What it takes to take a message apart, handed in by wiring. `source_of`, `read`, `tokenize` and `evidence_of`
    raise Refused; the latter two get the bytes and the character set of the source's profile. `locate` tells where
    positions stand among the bytes of a message."""

    source_of: Callable[[Message], Source]
    read: Callable[[Message, Source], tuple[Reading, Mapping[str, Refusal]]]
    tokenize: Callable[[bytes, str], V2Message]
    evidence_of: Callable[[bytes, str], Evidence]
    dictionary: V2Dictionary
    autopsy: Callable[[bytes, str], Autopsy] | None = None
    locate: Callable[[Message, str, Sequence[str]], Mapping[str, BytePlace]] | None = None

    def places(self, message: Message, paths: Sequence[str]) -> Mapping[str, BytePlace]:
        """Where positions (``OBX[2]-5``) stand among a message's bytes, as far as that can be told."""
        if self.locate is None:
            return {}
        try:
            return self.locate(message, self.source_of(message).charset, paths)
        except Refused:
            return {}

    def dissect(self, message: Message, *, reveal: bool = False) -> "Anatomy":
        """A message with its bytes, taken apart as far as it can be read; values of people stand masked unless they are
        revealed. Raises nothing: what stands in the way is in the result."""
        found = _Found()
        try:
            found.source = self.source_of(message)
        except Refused as refused:
            found.refusal = refused.refusal
        charset = found.source.charset if found.source else ""
        if message.format is Format.HL7V2:
            self._take_apart(message, charset, found, reveal=reveal)
        if found.source:
            self._map(message, found.source, found, reveal=reveal)
        return Anatomy(
            source=found.source,
            evidence=found.evidence,
            segments=tuple(found.segments),
            became=tuple(found.became),
            merges=found.merges,
            refusal=found.refusal,
            findings=tuple(found.findings),
            unread=tuple(found.unread),
            readings=tuple(found.readings),
        )

    def _take_apart(self, message: Message, charset: str, found: "_Found", *, reveal: bool) -> None:
        try:
            found.evidence = self.evidence_of(message.raw, charset)
            tokenized = self.tokenize(message.raw, charset)
        except Refused as refused:
            found.refusal = found.refusal or refused.refusal
            if refused.refusal.code == "wrong-charset" and self.autopsy:
                with suppress(Refused):  # it is in no character set of eight bits
                    readings = self.autopsy(message.raw, charset).readings
                    found.readings = [_read_as(one, reveal=reveal) for one in readings]
            return
        version = tokenized.segments[0].component(12)
        left = _MOST_FIELDS
        for segment in tokenized.segments:
            found.segments.append(self._segment(segment, version, reveal=reveal, most=left))
            left = max(0, left - len(segment.fields))

    def _segment(self, segment: Segment, version: str, *, reveal: bool, most: int) -> "SegmentSeen":
        fields = []
        for number, text in enumerate(segment.fields[: most + 1]):
            if number and text:
                of = self.dictionary.find(f"{segment.name}-{number}", version)
                shown = text if reveal or segment.name in _PLAIN_SEGMENTS else self._masked(segment, number, version)
                fields.append(
                    FieldSeen(
                        position=f"{segment.where}-{number}",
                        name=of.name if of else "",
                        datatype=of.datatype if of else "",
                        value=shown,
                    )
                )
        return SegmentSeen(name=segment.name, where=segment.where, line=segment.line, fields=tuple(fields))

    def _masked(self, segment: Segment, number: int, version: str) -> str:
        """A field with its separators and what is nobody's in the clear."""
        marks = segment.delimiters
        return marks.repetition.join(
            marks.component.join(
                text if self._is_plain(f"{segment.name}-{number}.{at}", version) else masked(text, marks.subcomponent)
                for at, text in enumerate(repetition.split(marks.component), 1)
            )
            for repetition in segment.field(number).split(marks.repetition)
        )

    def _is_plain(self, position: str, version: str) -> bool:
        of = self.dictionary.find(position, version)
        return of is not None and of.datatype in _PLAIN_TYPES

    def _map(self, message: Message, source: Source, found: "_Found", *, reveal: bool) -> None:
        try:
            reading, refused = self.read(replace(message, attempts=max(1, message.attempts)), source)
        except Refused as fault:
            found.refusal = found.refusal or fault.refusal
            return
        found.findings = [replace(refusal, where=refusal.where or where) for where, refusal in refused.items()]
        found.findings += reading.left_out
        found.merges = len(reading.merges)
        found.unread = [one.where for one in reading.unaccounted]
        for patient, mapped in _mapped(reading):
            found.became.append(_became(patient, mapped, reveal=reveal))
        for shared in reading.shared:
            row = shared.traces[0].row.partition(":")[0] if shared.traces else "fhir/as-sent"
            found.became.append(Became(kind=shared.kind, patient=0, path=shared.path, row=row))


@dataclass(slots=True)
class _Found:
    """What came out so far."""

    source: Source | None = None
    evidence: Evidence | None = None
    refusal: Refusal | None = None
    merges: int = 0
    readings: list["ReadAs"] = field(default_factory=list)
    segments: list["SegmentSeen"] = field(default_factory=list)
    became: list["Became"] = field(default_factory=list)
    findings: list[Refusal] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True, slots=True)
class FieldSeen:
    """One field that is not empty: ``PID-5``, ``Patient Name``, ``XPN``, and its text as it stands."""

    position: str
    name: str
    datatype: str
    value: str


@dataclass(frozen=True, kw_only=True, slots=True)
class SegmentSeen:
    """One segment with its fields; `line` counts from 1 in the message."""

    name: str
    where: str
    line: int
    fields: tuple[FieldSeen, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class ElementSeen:
    """One element of a resource with the field and the mapping row that it comes from, and its value."""

    target: str
    path: str
    row: str
    codes: str
    value: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Became:
    """One resource that the message gives. `patient` counts the message's patients from 1; 0: it is of none."""

    kind: str
    patient: int
    path: str
    row: str
    elements: tuple[ElementSeen, ...] = ()
    flags: tuple[Flag, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class ReadAs:
    """The text around the first bad byte in one character set, `at` what stands there, and how many bytes of the whole
    message could not be read in it."""

    codec: str
    before: str
    at: str
    after: str
    undecodable: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Anatomy:
    """A message, taken apart. `refusal` is why it could not be read, by now; `findings` are those of single entries;
    `merges` counts the patients that the source merges."""

    source: Source | None
    evidence: Evidence | None
    segments: tuple[SegmentSeen, ...]
    became: tuple[Became, ...]
    merges: int
    refusal: Refusal | None
    findings: tuple[Refusal, ...]
    unread: tuple[str, ...] = ()
    """The fields that say something which no row reads and nobody ignores: ``OBX[2]-13``."""
    readings: tuple[ReadAs, ...] = ()
    """Of a message whose character set is wrong: the text around the first bad byte, as each would have it."""


def masked(text: str, keep: str = "") -> str:
    """Text without what it says, its shape left: ``张伟 1371`` is ``＊＊ ####``. An explicit null stays."""
    if text == _NULL:
        return text
    return "".join(character if character in keep else _mask(character) for character in text)


def _read_as(one: CharsetReading, *, reveal: bool) -> ReadAs:
    before, at, after = (text if reveal else masked(text, "|^~&") for text in (one.before, one.at, one.after))
    return ReadAs(codec=one.codec, before=before, at=at, after=after, undecodable=one.undecodable)


def _mask(character: str) -> str:
    if character.isascii():
        return "#" if character.isdigit() else "x" if character.isalpha() else character
    return "＊"


def _mapped(reading: Reading) -> Iterator[tuple[int, Mapped]]:
    for number, part in enumerate(reading.parts, 1):
        if part.demographics:
            yield number, part.demographics
        yield from ((number, mapped) for mapped in part.resources)


def _became(patient: int, mapped: Mapped, *, reveal: bool) -> Became:
    return Became(
        kind=mapped.kind,
        patient=patient,
        path=mapped.path,
        row=mapped.row,
        elements=tuple(_element(mapped.resource, trace, reveal=reveal) for trace in mapped.traces),
        flags=mapped.flags,
    )


def _element(resource: Json, trace: Trace, *, reveal: bool) -> ElementSeen:
    value = value_at(resource, trace.target)
    is_constant = "-" not in trace.path and trace.row.startswith("hl7v2/")
    is_ours = bool(trace.codes) or is_constant
    shown = value if reveal or is_ours else masked(value)
    return ElementSeen(target=trace.target, path=trace.path, row=trace.row, codes=trace.codes, value=shown)


def value_at(resource: Json, target: str) -> str:
    """The texts that stand at a target (``contact[0].name``) of a resource, joined; "" where nothing does."""
    at: Any = resource
    for step in target.replace("[", ".").replace("]", "").split("."):
        if isinstance(at, list) and step.isdigit() and int(step) < len(at):
            at = at[int(step)]
        else:
            at = at.get(step) if isinstance(at, dict) else None
    return " ".join(_texts(at))


def _texts(value: Any) -> Sequence[str]:
    if isinstance(value, dict):
        told = {name: item for name, item in value.items() if name not in ("system", "use", "id")}
        if data := told.get("data"):  # an attachment: nobody reads base64
            told["data"] = f"({len(str(data)) * 3 // 4} bytes)"
        return [text for item in told.values() for text in _texts(item)]
    if isinstance(value, list):
        return [text for item in value for text in _texts(item)]
    return [] if value is None or value == "" else [str(value)]
