"""The cells of a policy file: each read into a value, or found to be at fault."""

import re
from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from enum import StrEnum
from fractions import Fraction
from typing import Any, TypeVar

from hub.policy.rules import AUTHORITIES, KINDS, RULES, Scope, Topic, Unit, Words, amount_fault

E = TypeVar("E", bound=StrEnum)

_EXACT = re.compile(r"-?[0-9]{1,9}(\.[0-9]{1,9}|/[1-9][0-9]{0,8})?")


class Fault(Exception):  # noqa: N818 - carried to where the line is known
    """What is wrong with the cell `key` of the `index`-th ``[[table]]``; without a table, of the file's header."""

    def __init__(self, key: str, reason: str, table: str = "", index: int = 0) -> None:
        super().__init__(reason)
        self.key, self.reason, self.table, self.index = key, reason, table, index


def check_keys(table: Mapping[str, Any], known: Collection[str]) -> None:
    """Insist that a table has only known keys. Raises Fault."""
    for key in table:
        if key not in known:
            raise Fault(key, f"unknown key {key}")


def read_topic(table: Mapping[str, Any], key: str) -> Topic:
    """What the rule that a cell names is about. Raises Fault."""
    if (name := read_text(table, key)) not in RULES:
        raise Fault(key, f"{name!r} is not a rule that the hub knows: {', '.join(RULES)}")
    return RULES[name]


def read_unit(table: Mapping[str, Any], topic: Topic, id: str) -> Unit:
    """The unit, one of those that the rule is counted in. Raises Fault."""
    unit: Unit = one_of(Unit, table, "unit", *Unit)
    if unit not in topic.units:
        raise Fault("unit", f"{id} is not counted in {unit}, but in {', '.join(sorted(topic.units))}")
    return unit


def read_scope(table: Mapping[str, Any], starts_on: date) -> Scope:
    """Kinds, authorities and days; `starts_on` where no `from` stands there. Raises Fault."""
    start = read_date(table, "from") if "from" in table else starts_on
    end = read_date(table, "until") if "until" in table else None
    if end is not None and end < start:
        raise Fault("until", f"until {end} comes before {start}, when it begins")
    return Scope(
        kinds=_names(table, "kinds", KINDS),
        authorities=_names(table, "authorities", AUTHORITIES),
        starts_on=start,
        ends_on=end,
    )


def read_range(table: Mapping[str, Any], unit: Unit) -> tuple[Fraction | None, Fraction | None]:
    """Value and upper, as far as they stand there. Raises Fault."""
    figure, upper = (_number(table, key, unit) if key in table else None for key in ("value", "upper"))
    if figure is not None and upper is not None and upper <= figure:
        raise Fault("upper", f"upper {upper} is not above {figure}")
    return figure, upper


def _number(table: Mapping[str, Any], key: str, unit: Unit) -> Fraction:
    """An exact figure: 20, "0.2", "1/3". A binary float is none: 0.2 of it is not a fifth."""
    given = table[key]
    is_whole = isinstance(given, int) and not isinstance(given, bool)
    if not is_whole and not (isinstance(given, str) and _EXACT.fullmatch(given)):
        raise Fault(key, f'{key} is a whole number, or in quotes a decimal or a fraction: 20, "0.2", "1/3"')
    value = Fraction(given)
    if reason := amount_fault(value, unit):
        raise Fault(key, reason)
    return value


def read_text(table: Mapping[str, Any], key: str) -> str:
    """A text that must stand there. Raises Fault."""
    text = table.get(key, "")
    if not isinstance(text, str):
        raise Fault(key, f"{key} is a text, in quotes")
    if not text.strip():
        raise Fault(key, f"{key} is missing")
    return text


def read_words(table: Mapping[str, Any], key: str) -> Words:
    """A text in both languages. Raises Fault."""
    said = table.get(key)
    if not isinstance(said, Mapping) or set(said) != {"zh", "en"} or not all(_is_text(text) for text in said.values()):
        raise Fault(key, f'{key} is written as {{ zh = "...", en = "..." }}')
    return Words(**said)


def _is_text(text: object) -> bool:
    return isinstance(text, str) and bool(text.strip())


def read_date(table: Mapping[str, Any], key: str) -> date:
    """A date without a time. Raises Fault."""
    on = table.get(key)
    if not isinstance(on, date) or isinstance(on, datetime):
        raise Fault(key, f"{key} is a date without quotes: 2026-03-01")
    return on


def read_list(table: Mapping[str, Any], key: str) -> tuple[str, ...]:
    """A list of texts, at least one. Raises Fault."""
    given = table.get(key)
    if not isinstance(given, list) or not given or not all(_is_text(text) for text in given):
        raise Fault(key, f"{key} is a list of texts")
    return tuple(given)


def _names(table: Mapping[str, Any], key: str, known: Sequence[str]) -> frozenset[str]:
    names = read_list(table, key) if key in table else ()
    if strange := [name for name in names if name not in known]:
        raise Fault(key, f"{strange[0]!r} is not one of {', '.join(known)}")
    return frozenset(names)


def one_of(choices: type[E], table: Mapping[str, Any], key: str, *allowed: E) -> E:
    """One of the values that are allowed. Raises Fault."""
    text = read_text(table, key)
    if text not in set(allowed):
        raise Fault(key, f"{text!r} is not one of {', '.join(allowed)}")
    return choices(text)
