"""The values of one measurement over time, each as it was sent and beside it in the unit in which its kind is compared.

A blood pressure is one measurement of two numbers, whether it came as a panel (``128/78``) or as two results of one
instant; each of the two can be followed alone as well, whichever way it came.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice
from typing import Any

from hub.chart.order import NEVER
from hub.chart.ranges import SIGNS, Whose, applying
from hub.mapping.units import LOINC, PRESSURE_PANEL, PRESSURES, Comparable, comparables, scales

Row = Mapping[str, Any]
_RANGE = re.compile(rf"\s*(?P<low>[+-]?\d+(\.\d+)?)?\s*(?P<sign>{SIGNS})\s*(?P<high>\d+(\.\d+)?)\s*")
_FROM = frozenset({">", ">=", "≥"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Bounds:
    """A reference range as numbers, in the unit of comparison; None where it is open."""

    low: float | None
    high: float | None
    unit: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Point:
    """One value: as it was sent, and its numbers in the unit of comparison (two of a blood pressure). `rows` are the
    results that it comes from: two where a pressure came as two."""

    value: str | None
    unit: str | None
    normalised: tuple[Comparable, ...]
    rows: tuple[Row, ...]
    bounds: Bounds | None = None

    @property
    def row(self) -> Row:
        """The result that it is read from; of a pressure that came as two, the systolic one."""
        return self.rows[0]


@dataclass(frozen=True, kw_only=True, slots=True)
class Trend:
    """The values of one code, the newest first."""

    code: str
    display: str | None
    points: tuple[Point, ...]


def codes_read(codes: Iterable[str]) -> list[str]:
    """Under which codes results of these are told: a pressure also in the panel, and the panel also as its parts."""
    asked = list(dict.fromkeys(codes))
    parts = [PRESSURE_PANEL] if set(asked) & set(PRESSURES) else []
    return list(dict.fromkeys([*asked, *parts, *(PRESSURES if PRESSURE_PANEL in asked else ())]))


def followed() -> list[str]:
    """The codes that doctors follow (``mappings/units.toml``), a blood pressure as a whole."""
    return [PRESSURE_PANEL, *(code for code in scales() if code not in PRESSURES)]


def trends_of(rows: Sequence[Row], codes: Iterable[str], most: int, whose: Whose) -> list[Trend]:
    """The trends of codes, in their order, at most `most` values of each. `rows` are results, the newest first; of a
    range by sex or age the part that is `whose` becomes bounds."""
    by_code: dict[str, list[Row]] = {}
    for row in rows:
        by_code.setdefault(row["code"], []).append(row)
    return [_trend(code, by_code, most, whose) for code in dict.fromkeys(codes)]


def _trend(code: str, by_code: Mapping[str, Sequence[Row]], most: int, whose: Whose) -> Trend:
    if code == PRESSURE_PANEL:
        points = [*_points(by_code.get(code, ())), *_pairs(by_code)]
    elif code in PRESSURES:
        points = [*_points(by_code.get(code, ())), *_halves(code, by_code.get(PRESSURE_PANEL, ()))]
    else:
        points = _points(by_code.get(code, ()))
    points.sort(key=lambda point: _place(point.row), reverse=True)
    shown = tuple(replace(point, bounds=_bounds(point, whose)) for point in islice(points, most))
    display = next((point.row["display"] for point in shown if point.row["display"]), None)
    return Trend(code=code, display=display, points=shown)


def _points(rows: Iterable[Row]) -> list[Point]:
    return [_point(row, row["value"], _compared(row, row["code"], row["value"])) for row in rows]


def _halves(code: str, panels: Iterable[Row]) -> Iterable[Point]:
    """One of the pressures, out of panels."""
    at = PRESSURES.index(code)
    for row in panels:
        parts = str(row["value"] or "").split("/")
        if len(parts) == len(PRESSURES):
            yield _point(row, parts[at], _compared(row, code, parts[at]))


def _pairs(by_code: Mapping[str, Sequence[Row]]) -> Iterable[Point]:
    """Pressures that came as two results of one instant and one organisation."""
    upper, lower = (by_code.get(code, ()) for code in PRESSURES)
    others = {(row["effective_at"], row["organisation"]): row for row in reversed(lower) if row["effective_at"]}
    for row in upper:
        other = others.get((row["effective_at"], row["organisation"]))
        if other is not None and row["unit"] == other["unit"]:
            numbers = (*_compared(row, PRESSURES[0], row["value"]), *_compared(other, PRESSURES[1], other["value"]))
            value = f"{row['value']}/{other['value']}"
            yield Point(value=value, unit=row["unit"], normalised=numbers, rows=(row, other))


def _point(row: Row, value: str | None, numbers: Sequence[Comparable]) -> Point:
    return Point(value=value, unit=row["unit"], normalised=tuple(numbers), rows=(row,))


def _compared(row: Row, code: str, value: str | None) -> list[Comparable]:
    if row["code_system"] != LOINC or not value or not row["unit"]:
        return []
    return comparables(code, value, row["unit"])


def _bounds(point: Point, whose: Whose) -> Bounds | None:
    """A result's reference range in the unit of comparison; None where it is no range of numbers, or not theirs."""
    if len(point.normalised) != 1:
        return None
    row, code = point.row, point.normalised[0].loinc
    said = _RANGE.fullmatch(applying(row["reference_range"], whose, row["effective_at"]) or "")
    if said is None:
        return None
    low, high, sign = said["low"], said["high"], said["sign"]
    if low is None and sign in _FROM:
        low, high = high, None
    elif (low is None) != (sign not in _BETWEEN):
        return None
    ends = [_compared(row, code, end) if end else [] for end in (low, high)]
    values = [found[0] if found else None for found in ends]
    if not any(values):
        return None
    unit = next(one.unit for one in values if one)
    return Bounds(low=values[0].value if values[0] else None, high=values[1].value if values[1] else None, unit=unit)


_BETWEEN = frozenset({"--", "-", "~", "～", "—", "–", "至"})


def _place(row: Row) -> tuple[bool, datetime, Any]:
    at: datetime | None = row["effective_at"]
    return (at is not None, at or NEVER, row["id"])
