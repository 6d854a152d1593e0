"""What a v2 message is told apart, found and ordered by, read at the door: a digest of what it says, the patients'
numbers and names as they stand in it, and the lanes that its merge takes.
"""

from collections.abc import Iterator, Sequence
from hashlib import sha256
from operator import itemgetter

from adapters.keys import MOST, Keys, add_keys, lane_of
from hub.message import Segment, Source, V2Message, components_of

_LOOKED_AT = 4 * MOST
"""Repetitions of one field that are looked at: empty and repeated ones are no keys."""
_LEAD = b"\xef\xbb\xbf\r\n\t "
_NULL = '""'


def digest_of(raw: bytes) -> bytes:
    """SHA-256 of a message with MSH-7, the time of its sending, left out: a sender that repeats a message from its
    queue writes that anew.

    What stands before MSH (a byte-order mark, blanks) and how segments end (CR, LF, CRLF) say nothing and do not count.
    Bytes without MSH are hashed as they are.
    """
    start = len(raw) - len(raw.lstrip(_LEAD)) if raw[:3] != b"MSH" else 0
    if raw[start : start + 3] != b"MSH":
        return sha256(raw).digest()
    if start:
        raw = raw[start:]
    if b"\n" in raw:
        raw = raw.replace(b"\r\n", b"\r").replace(b"\n", b"\r")
    end = raw.find(b"\r")
    if end < 0:
        end = len(raw)
    found = sha256(_without_time(raw[:end]))
    found.update(memoryview(raw)[end : len(raw.rstrip(b"\r"))])
    return found.digest()


def _without_time(line: bytes) -> bytes:
    """An MSH segment with field 7 empty. Text beyond ASCII is decoded first, as in `read_header`: the second byte of a
    GBK character may look like a separator."""
    if line.isascii():
        fields = line.split(line[3:4]) if line[3:4] else [line]
        return line[3:4].join([*fields[:6], b"", *fields[7:]])
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError:
        text = line.decode("gb18030", "surrogateescape")
    parts = text.split(text[3:4])
    return text[3:4].join([*parts[:6], "", *parts[7:]]).encode("utf-8", "surrogateescape")


def keys_of(message: V2Message, source: Source | None) -> Keys:
    """The keys of a message's patients.

    Numbers: PID-2, PID-3, PID-18, PID-19 and MRG-1. Names: PID-5 and MRG-7. Lanes: of each PID the number that the
    source tells its patients apart by, and every number of each MRG: a merge touches both, by whichever number earlier
    messages named them. Without a source there are no lanes.
    """
    numbers: dict[str, None] = {}
    names: dict[str, None] = {}
    lanes: dict[str, None] = {}
    for segment in message.segments:
        if segment.name == "PID":
            own = [*_numbered(segment, 3), *_numbered(segment, 2)]
            add_keys(numbers, [number for _, number in own])
            for field in (18, 19):
                add_keys(numbers, [number for _, number in _numbered(segment, field)])
            add_keys(names, _names(segment, 5))
            add_keys(lanes, _lanes(own, source, 1))
        elif segment.name == "MRG":
            prior = _numbered(segment, 1)
            add_keys(numbers, [number for _, number in prior])
            add_keys(names, _names(segment, 7))
            add_keys(lanes, _lanes(prior, source))
    return Keys(numbers=tuple(numbers), names=tuple(names), lanes=tuple(lanes))


def _numbered(segment: Segment, field: int) -> Sequence[tuple[str, str]]:
    """Type (CX.5) and number (CX.1) of each repetition that has one."""
    if not segment.field(field):
        return ()
    found = []
    for repetition in _repetitions(segment, field):
        parts = components_of(segment.delimiters, repetition)
        number = parts[0].strip()
        if number and number != _NULL:
            found.append((parts[4].strip() if len(parts) > 4 else "", number))
    return found


def _repetitions(segment: Segment, field: int) -> list[str]:
    text = segment.field(field)
    return text.split(segment.delimiters.repetition, _LOOKED_AT)[:_LOOKED_AT] if text else []


def _lanes(numbered: Sequence[tuple[str, str]], source: Source | None, most: int | None = None) -> list[str]:
    """The lanes of these numbers, first those by which the source itself tells its patients apart, in the profile's
    order; then the declared ones, then the others. Messages that write the numbers in another order share a lane so."""
    if source is None:
        return []
    ranked = []
    for type_, number in numbered:
        rule = source.rule_for(type_)
        if rule is None:
            ranked.append(((2, 0), type_.casefold(), number))
        else:
            place = next(at for at, one in enumerate(source.identifiers) if one is rule)
            ranked.append(((0 if rule.of_patient else 1, place), rule.kind, number))
    ranked.sort(key=itemgetter(0))
    return [lane_of(source, kind, number) for _, kind, number in ranked[:most]]


def _names(segment: Segment, field: int) -> Iterator[str]:
    """Each name as people would look for it: component 1, where Chinese senders put the whole name; with component 2
    behind it where the name is cut in two; without the blanks that fill up a two-character name."""
    for repetition in _repetitions(segment, field):
        first, second = (part.strip() for part in [*components_of(segment.delimiters, repetition), ""][:2])
        if not first or first == _NULL:
            continue
        yield first
        if second and second.isascii() == first.isascii():
            yield f"{first} {second}" if first.isascii() else first + second
        elif second:
            yield second  # the same name in Latin letters
        if not first.isascii() and (close := "".join(first.split())) != first:
            yield close
