"""HL7 v2 messages: segments by position, nothing dropped."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from hub.errors import Refused, refuse

QUERIES = frozenset(
    {"EQQ", "OSQ", "QBP", "QCN", "QRY", "QSB", "QSX", "QVR", "RQC", "RQI", "RQP", "SPQ", "VQQ"},
)
"""Message types that ask and tell nothing (HL7 v2.8 table 0076)."""
_KIND = re.compile(r"[A-Z][A-Z0-9]{2}(\^[A-Z0-9]{3})?")


def shown_kind(kind: str) -> str:
    """MSH-9 fit for a refusal or a log: a message with shifted fields may have anything there, a name too."""
    return kind if _KIND.fullmatch(kind) else "?"


def unknown_kind(kind: str, known: Iterable[str]) -> Refused:
    """Why a type that nobody reads is refused: it asks and tells nothing, or it is not among those `known`."""
    if kind[:3] in QUERIES:
        return refuse("query-not-answered", "MSH-9", type=kind[:3])
    return refuse("unknown-message-type", "MSH-9", type=shown_kind(kind), known=", ".join(sorted(known)))


@dataclass(frozen=True, slots=True)
class Delimiters:
    """MSH-1 and MSH-2: the five separators of one v2 message."""

    field: str = "|"
    component: str = "^"
    repetition: str = "~"
    escape: str = "\\"
    subcomponent: str = "&"


class Segment(NamedTuple):
    """One v2 segment. `fields[n]` is the raw text of field n (``fields[0]`` is the name); `ordinal` counts from 1
    among the segments of that name; `line` counts from 1 in the message.

    A tuple: a dozen are made of each message while its sender waits, and a frozen dataclass takes thrice as long.
    """

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


def components_of(delimiters: Delimiters, repetition: str) -> list[str]:
    """Every component of one repetition as `component_of` gives it; at least one."""
    parts = repetition.split(delimiters.component)
    if delimiters.subcomponent in repetition or delimiters.escape in repetition:
        parts = [unescape(delimiters, part.split(delimiters.subcomponent, 1)[0]) for part in parts]
    return parts


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
