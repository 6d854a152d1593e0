"""What a mapping can refuse at once: the dates that its rows read and the citizen ID numbers that its profile declares.

The listener asks only these few questions before it acknowledges; everything else is the worker's.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from hub.identifiers import read_citizen_id
from hub.mapping.converters import numbers, values
from hub.mapping.rows import Row
from hub.mapping.times import is_no_time, read_time
from hub.mapping.v2 import V2Mapping
from hub.matching.placeholders import is_placeholder

_TIMES = frozenset({values.date, values.datetime, values.instant})
_HEADER = (("MSH", 7), ("EVN", 2), ("EVN", 6))


@dataclass(frozen=True, kw_only=True, slots=True)
class Question:
    """One check of one place. `types` limits it to repetitions whose CX.5 is one of them; empty means all."""

    segment: str
    field: int
    component: int
    passes: Callable[[str], bool]
    refusal: str
    each: bool = False
    types: frozenset[str] = frozenset()


def questions(mapping: V2Mapping) -> tuple[Question, ...]:
    """Every question that holds whatever the message's type: rows with a condition are left to the worker."""
    found = {
        (question.segment, question.field, question.component, question.refusal): question
        for question in (*_of_header(mapping), *_of_rows(mapping))
    }
    return tuple(found.values())


def _of_header(mapping: V2Mapping) -> Iterator[Question]:
    for segment, field in _HEADER:
        yield _time(mapping, segment, field, 0)


def _of_rows(mapping: V2Mapping) -> Iterator[Question]:
    for plan in mapping.plans.values():
        for row_set in plan.row_sets:
            for row in row_set.rows:
                if row.condition is None and row.position is not None:
                    yield from _of_row(mapping, row)


def _of_row(mapping: V2Mapping, row: Row) -> Iterator[Question]:
    position = row.position
    if position is None:
        return
    if row.convert in _TIMES:
        yield _time(mapping, position.segment, position.field, position.component)
    elif row.convert is numbers.citizen_id:
        rule = mapping.source.rule_for(str(position))
        if rule is None or rule.kind == "citizen-id":
            yield _number(mapping, position.segment, position.field, frozenset(), row.each)
    elif row.convert is numbers.identifier:
        types = frozenset(rule.type for rule in mapping.source.identifiers if rule.kind == "citizen-id")
        if types:
            yield _number(mapping, position.segment, position.field, types, row.each)


def _time(mapping: V2Mapping, segment: str, field: int, component: int) -> Question:
    zone, skipped = mapping.source.time_zone, mapping.tables["placeholder"].codes

    def passes(text: str) -> bool:
        return read_time(text, zone) is not None or text in skipped or is_no_time(text)  # the likeliest first

    return Question(segment=segment, field=field, component=component, passes=passes, refusal="impossible-date")


def _number(mapping: V2Mapping, segment: str, field: int, types: frozenset[str], each: bool) -> Question:
    skipped = mapping.tables["placeholder"].codes

    def passes(text: str) -> bool:
        return read_citizen_id(text) is not None or text in skipped or is_placeholder(text)

    return Question(
        segment=segment,
        field=field,
        component=0,
        passes=passes,
        refusal="wrong-check-digit",
        each=each,
        types=types,
    )
