"""What a converter gets and gives: the text at one place of one message, and a FHIR value or None."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from hub.mapping.codes import Code, CodeTable, IdentifierKind
from hub.message import Delimiters, Segment, Source, component_of
from hub.record import Flag, Json


@dataclass(slots=True)
class Reader:
    """What helps a converter at one place of one message. It moves along with the reading."""

    source: Source
    tables: Mapping[str, CodeTable]
    kinds: Mapping[str, IdentifierKind]
    delimiters: Delimiters
    segment: Segment
    number: int = 0
    where: str = ""
    table: CodeTable | None = None
    flags: list[Flag] = field(default_factory=list)
    read: set[tuple[int, int]] = field(default_factory=set)
    """The line and number of each field that a converter has read beside its own."""

    def part(self, text: str, component: int, subcomponent: int = 1) -> str:
        """One component of a repetition, unescaped and stripped; "" for a placeholder such as 无."""
        value = component_of(self.delimiters, text, component, subcomponent).replace("\0", "").strip()
        return "" if value in self.tables["placeholder"].codes or value == '""' else value

    def beside(self, number: int) -> str:
        """The raw text of another field of the segment: a unit beside its value."""
        text = self.segment.field(number)
        if text:
            self.read.add((self.segment.line, number))
        return text

    def flag(self, code: str, table: str = "") -> None:
        """Note something about the value at hand; `table` where it is not the row's that does not know it."""
        self.flags.append(Flag(code, self.where, table or (self.table.name if self.table else "")))

    def code(self, text: str) -> Code | None:
        """The meaning of a code in the row's table; an unknown one is flagged."""
        if self.table is None:
            return None
        found = self.table.find(text)
        if found is None:
            self.flag("unknown-code")
        return found


Convert = Callable[[str, Reader], Any]


@dataclass(frozen=True, slots=True)
class Converter:
    """A converter and the FHIR types that it gives."""

    convert: Convert
    types: frozenset[str]


def logical(kind: str, identifier: Json | None) -> Json | None:
    """A logical Reference to the one who has this identifier."""
    return {"type": kind, "identifier": identifier} if identifier else None


def filled(value: Json) -> Json:
    """A FHIR value without what is not said."""
    return {name: item for name, item in value.items() if item not in (None, "")}
