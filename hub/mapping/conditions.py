"""Conditions of mapping rows: ``PID-3 empty``, ``OBX-2 is NM``, ``PV1-36.1 in discharge-death``, joined by ``and``,
negated by ``not``. Anything cleverer is a converter."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from hub.mapping.codes import CodeTable
from hub.message import Segment

Segments = Mapping[str, Segment]
Condition = Callable[[Segments], bool]

_POSITION = re.compile(r"^(?P<segment>[A-Z][A-Z0-9]{2})-(?P<field>\d+)(?:\.(?P<component>\d+))?$")


@dataclass(frozen=True, slots=True)
class Position:
    """``PV1-36.1``; component 0 means the whole field."""

    segment: str
    field: int
    component: int = 0

    def __str__(self) -> str:
        return f"{self.segment}-{self.field}" + (f".{self.component}" if self.component else "")


def read_position(text: str) -> Position:
    """A position as written in a row. Raises ValueError with a sentence."""
    found = _POSITION.match(text.strip())
    if found is None:
        raise ValueError(f"{text!r} is not a position such as PID-3 or PID-3.1")
    return Position(found["segment"], int(found["field"]), int(found["component"] or 0))


def positions_in(text: str) -> tuple[Position, ...]:
    """The positions that a condition reads."""
    return tuple(read_position(word) for word in text.split() if _POSITION.match(word))


def read_condition(text: str, tables: Mapping[str, CodeTable]) -> Condition:
    """A condition compiled. Raises ValueError with a sentence that says what is wrong."""
    clauses = [_clause(part.split(), tables) for part in text.split(" and ")]
    if len(clauses) == 1:
        return clauses[0]
    return lambda segments: all(clause(segments) for clause in clauses)


def _clause(words: list[str], tables: Mapping[str, CodeTable]) -> Condition:
    if words[:1] == ["not"]:
        inner = _clause(words[1:], tables)
        return lambda segments: not inner(segments)
    match words:
        case [position, "empty"]:
            value = _value_at(read_position(position))
            return lambda segments: not value(segments)
        case [position, "valued"]:
            value = _value_at(read_position(position))
            return lambda segments: value(segments) not in ("", '""')  # an explicit null is neither value nor silence
        case [position, "is", wanted]:
            value = _value_at(read_position(position))
            return lambda segments: value(segments) == wanted
        case [position, "in", name]:
            if name not in tables:
                raise ValueError(f"there is no code table {name!r}")
            table, value = tables[name], _value_at(read_position(position))
            return lambda segments: table.find(value(segments)) is not None
    raise ValueError(f"{' '.join(words)!r} is not a condition: write POSITION empty, valued, is VALUE or in TABLE")


def _value_at(position: Position) -> Callable[[Segments], str]:
    name, field, component = position.segment, position.field, position.component

    def whole(segments: Segments) -> str:
        segment = segments.get(name)
        return segment.field(field).strip("^~& ") if segment else ""

    def part(segments: Segments) -> str:
        segment = segments.get(name)
        return segment.component(field, component).strip() if segment else ""

    return part if component else whole
