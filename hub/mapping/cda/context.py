"""What a converter for documents works with: an element with what is below it, and the context that it stands in. It
gives None where there is nothing to say; an unknown code is kept as it came and flagged.

What converters give is what those of v2 give of the same thing, so that a record does not tell which of the two it came
in.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from hub.mapping.cda.places import Branch
from hub.mapping.codes import Code, CodeTable, IdentifierKind
from hub.message import Datum, Source
from hub.record import Flag


@dataclass(kw_only=True, slots=True)
class Context:
    """What helps a converter: whose document it is, the row's table, and what stands beside the element at hand."""

    source: Source
    tables: Mapping[str, CodeTable]
    kinds: Mapping[str, IdentifierKind]
    table: CodeTable | None = None
    beside: Branch | None = None
    where: str = ""
    flags: list[Flag] = field(default_factory=list)

    def flag(self, code: str, table: str = "") -> None:
        """Note something about the value at hand."""
        self.flags.append(Flag(code, self.where, table or (self.table.name if self.table else "")))

    def find(self, datum: Datum) -> Code | None:
        """The meaning of an element in the row's table: by its code, else its name, else its text. An unknown one is
        flagged."""
        if self.table is None:
            return None
        for said in (datum.code, datum.display, datum.value):
            if said and (found := self.table.find(said)):
                return found
        self.flag("unknown-code")
        return None

    def said(self, text: str) -> str:
        """Text, or "" for a placeholder such as 无."""
        return "" if text in self.tables["placeholder"].codes else text

    def neighbour(self) -> str:
        """What stands beside the element: a unit, a name."""
        if self.beside is None:
            return ""
        main = self.beside.first
        return next((said for one in (main.value, main.display, main.code) if (said := self.said(one))), "")


Convert = Callable[[Branch, Context], Any]


@dataclass(frozen=True, slots=True)
class CdaConverter:
    """A converter and the FHIR types that it gives."""

    convert: Convert
    types: frozenset[str]
