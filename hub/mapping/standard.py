"""HL7's own v2-to-FHIR tables, as HL7 publishes them (one CSV a segment and resource): which of their rows the hub has.

A row is what one field gives of one element: ``PID-5`` and ``Patient.name``. The lines of a table that compose one
element of one field (its type, its system, its text) are one row, since a converter composes them. A line about an
extension of an element is a row of its own.
"""

import csv
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from hub.errors import refuse
from hub.mapping.misses import Leaf
from hub.mapping.rows import MessagePlan

_FILE = re.compile(r"^HL7 Segment - FHIR R4_ (?P<table>(?P<segment>[A-Z0-9]{3})\[(?P<resource>[A-Za-z]+)[^\]]*\])")
_FIELD = re.compile(r"(?P<segment>[A-Z][A-Z0-9]{2})(?:-(?P<field>\d+))?$")
_NAME = re.compile(r"[A-Za-z]+|\$this")
_IDENTIFIER, _TARGET = 1, 9
_SHORT = 3
"""A value no longer than this (``Y``, ``MR``) stands somewhere by chance, and so may one in lower case: what FHIR's own
codes are (``home``, ``final``)."""


@dataclass(frozen=True, order=True, kw_only=True, slots=True)
class StandardRow:
    """One row of HL7's tables: the field (0: the segment as such), and the element that it gives (``name``,
    ``birthDate.extension``; ``$this``: of several)."""

    table: str
    segment: str
    field: int
    resource: str
    element: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Standard:
    """All rows, and which segments give something of which resource."""

    rows: tuple[StandardRow, ...]

    def segments_of(self, resource: str) -> frozenset[str]:
        """The segments of which HL7 has a table for this resource."""
        return frozenset(row.segment for row in self.rows if row.resource == resource)

    def of(self, lines: Sequence[str]) -> "Measured":
        """What it says of the leaves that are expected of one message."""
        return Measured(self, lines)


@dataclass(frozen=True, slots=True)
class Measured:
    """A standard beside one message, by its lines."""

    standard: Standard
    lines: Sequence[str]

    def asks_for(self, leaf: Leaf) -> bool:
        """Whether HL7 has a row for an expected leaf: one for its element, and its value does not stand in segments
        alone of which HL7 has no table for the resource."""
        resource, element = leaf[0].split(".")[:2]
        rows = self.standard.rows
        if not any(row.resource == resource and _is_element(row.element, element) for row in rows):
            return False
        return self._stands(resource, leaf[1]) is not False

    def is_elsewhere(self, kind: str, leaves: Sequence[Leaf], *, whole: bool = False) -> bool:
        """Whether something of an item stands in segments alone of which HL7 has no table for the resource (an insured
        person's number in IN2, and so the type of that number); of a `whole` resource, and nothing in others alone."""
        stand = [self._stands(kind, value) for _, value in leaves if len(value) > _SHORT and not value.islower()]
        return False in stand and not (whole and True in stand)

    def _stands(self, kind: str, value: str) -> bool | None:
        """Whether a value stands in segments of which HL7 has a table for the resource; None: nobody sent it."""
        holding = [line for line in self.lines if value in line]
        own = self.standard.segments_of(kind)
        return any(line[:3] in own for line in holding) if holding else None


def load_standard(folder: Path) -> Standard:
    """Every segment table below a folder. Raises Refused (bad-argument) where there is none."""
    found: set[StandardRow] = set()
    for file in sorted(folder.rglob("*.csv")):
        if name := _FILE.match(file.name):
            found.update(_rows(file, name["table"], name["segment"], name["resource"]))
    if not found:
        raise refuse("bad-argument", str(folder), reason="HL7 Segment - FHIR R4_ PID[Patient] - PID.csv")
    return Standard(rows=tuple(sorted(found)))


def _rows(file: Path, table: str, segment: str, resource: str) -> Iterator[StandardRow]:
    with file.open(encoding="utf-8-sig", newline="") as text:
        for cells in csv.reader(text):
            place = _FIELD.match(cells[_IDENTIFIER].strip()) if len(cells) > _TARGET else None
            element = _element(cells[_TARGET]) if place else ""
            if place and element:
                yield StandardRow(
                    table=table, segment=segment, field=int(place["field"] or 0), resource=resource, element=element
                )


def _element(target: str) -> str:
    """``participant[1].type.coding.code`` is participant; ``birthDate.extension[1].url`` birthDate.extension."""
    names = _NAME.findall(re.split(r"[(=]", re.sub(r"\[[^\]]*\]", "", target.strip()))[0])
    if len(names) > 1 and names[1] == "extension":
        return f"{names[0]}.extension"
    return names[0] if names else ""


def _is_element(standard: str, element: str) -> bool:
    """Whether an element is that of a row; of a choice both the whole and its types are written (``valueQuantity``)."""
    return standard == element or (len(standard) > 3 and element.startswith(standard))


def implemented(standard: Standard, plans: Mapping[str, MessagePlan]) -> frozenset[StandardRow]:
    """The rows of HL7's tables that the hub's own row sets have: the same field gives the same element."""
    given = {
        (
            position.segment,
            position.field,
            row_set.resource if not row_set.into else _owner(row_set.part_of, plans),
            name,
        )
        for plan in plans.values()
        for row_set in plan.row_sets
        for row in row_set.rows
        for position in ([row.position] if row.position else row.watches)
        for name in [row_set.into or row.target.split(".")[0]]
    }
    of_segments = {
        (row_set.segment, row_set.resource, row.target.split(".")[0])
        for plan in plans.values()
        for row_set in plan.row_sets
        for row in row_set.rows
    }
    return frozenset(row for row in standard.rows if _is_given(row, given, of_segments))


def _owner(names: Collection[str], plans: Mapping[str, MessagePlan]) -> str:
    owners = (row_set for plan in plans.values() for row_set in plan.row_sets if row_set.name in names)
    return next(owners).resource


def _is_given(
    row: StandardRow,
    given: Collection[tuple[str, int, str, str]],
    of_segments: Collection[tuple[str, str, str]],
) -> bool:
    if row.element == "$this":
        return any(one[:3] == (row.segment, row.field, row.resource) for one in given)
    if not row.field:
        return (row.segment, row.resource, row.element) in of_segments
    return any(one[:3] == (row.segment, row.field, row.resource) and _is_element(row.element, one[3]) for one in given)
