"""Where the fields of a v2 message stand among its bytes, by the names that origins give them: ``OBX[2]-5``.

The tokenizer keeps no offsets: whoever looks at one value in a thousand pays for them, and not whoever sends. What is
found is held against the tokenizer's own reading of that field, so that no wrong place is ever shown.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from adapters.hl7v2.charset import BOM, decoded
from adapters.hl7v2.header import read_header
from adapters.hl7v2.tokenizer import tokenize
from hub.message import BytePlace, Delimiters, Segment

_PATH = re.compile(r"([A-Z][A-Z0-9]{2})(?:\[(\d{1,5})\])?(?:-(\d{1,3})(?:\.(\d{1,3}))?)?")
_LINE = re.compile(r"[^\r\n]+")
_NAME = re.compile(r"[A-Z][A-Z0-9]{2}", re.ASCII)
_HEADERS = frozenset({"MSH", "FHS", "BHS"})  # their first field is the separator itself


class _Span(NamedTuple):
    """A stretch of the text; `line` is its segment's number."""

    start: int
    end: int
    line: int = 0


def locate(raw: bytes, charset: str, paths: Iterable[str]) -> dict[str, BytePlace]:
    """Where these positions stand: a segment (``OBX[2]``), a field (``OBX[2]-5``) or a component of its first
    repetition (``PID-8.1``). What does not stand there is left out. `charset` is the source profile's.

    Raises `Refused` as `reading.read` does.
    """
    found = decoded(raw, read_header(raw), charset)
    message = tokenize(found.text)
    stretches = list(_segments(found.text))
    if len(stretches) != len(message.segments):
        return {}
    spans = {(one.name, one.ordinal): of for one, of in zip(message.segments, stretches, strict=True)}
    segments = {(one.name, one.ordinal): one for one in message.segments}
    skipped = len(BOM) if raw.startswith(BOM) else 0
    places: dict[str, BytePlace] = {}
    for path in paths:
        span = _span(path, found.text, spans, segments)
        if span and (place := _place(raw, found.text, found.codec, span, skipped)):
            places[path] = place
    return places


def _span(
    path: str,
    text: str,
    spans: Mapping[tuple[str, int], _Span],
    segments: Mapping[tuple[str, int], Segment],
) -> _Span | None:
    said = _PATH.fullmatch(path)
    key = (said[1], int(said[2] or 1)) if said else ("", 0)
    if said is None or key not in spans:
        return None
    span, segment = spans[key], segments[key]
    if said[3] is None:
        return span
    field = _field(text, span, segment, int(said[3]))
    if field is None or said[4] is None:
        return field
    return _component(text, field, segment.delimiters, int(said[4]))


def _segments(text: str) -> Iterator[_Span]:
    """The stretch of each segment, as `tokenizer.tokenize` cuts them: a line that begins with no name goes on with the
    segment before it, and so does a name that stands alone within such lines."""
    separator = text[text.index("MSH") + 3]
    found: list[list[int]] = []
    for line in _LINE.finditer(text):
        name = line[0].lstrip("\ufeff\t ") if not found else line[0]
        name = name.partition(separator)[0]
        if _NAME.fullmatch(name):
            found.append([line.start(), line.end()])
        elif line[0].strip() and found:
            while len(found) > 1 and separator not in text[found[-1][0] : found[-1][1]]:
                found.pop()
            found[-1][1] = line.end()
    for number, (start, end) in enumerate(found, 1):
        lead = len(text[start:end]) - len(text[start:end].lstrip("\ufeff\t ")) if number == 1 else 0
        yield _Span(start + lead, end, number)


def _field(text: str, span: _Span, segment: Segment, number: int) -> _Span | None:
    """A field of a segment; None where there is none, or the tokenizer reads another text there."""
    separator = segment.delimiters.field
    at = number - 1 if segment.name in _HEADERS else number
    parts = text[span.start : span.end].split(separator)
    if not 0 < at < len(parts) or number >= len(segment.fields):
        return None
    start = span.start + sum(len(part) + len(separator) for part in parts[:at])
    field = _Span(start, start + len(parts[at]), span.line)
    said = text[field.start : field.end].replace("\r\n", "\n").replace("\r", "\n")
    return field if said.strip("\n") == segment.fields[number].strip("\n") else None


def _component(text: str, field: _Span, marks: Delimiters, number: int) -> _Span | None:
    first = text[field.start : field.end].split(marks.repetition, 1)[0]
    parts = first.split(marks.component)
    if not 0 < number <= len(parts):
        return None
    start = field.start + sum(len(part) + len(marks.component) for part in parts[: number - 1])
    return _Span(start, start + len(parts[number - 1]), field.line)


def _place(raw: bytes, text: str, codec: str, span: _Span, skipped: int) -> BytePlace | None:
    """A stretch in bytes. A character set may have two ways to write one character; where that shifts what stands
    before, the bytes do not mean the text, and no place is better than a wrong one."""
    start = skipped + len(text[: span.start].encode(codec))
    said = text[span.start : span.end]
    end = start + len(said.encode(codec))
    if raw[start:end] != said.encode(codec):
        return None
    return BytePlace(start=start, end=end, text=said, line=span.line)
