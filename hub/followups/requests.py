"""The hospital's structured request for follow-up: a ServiceRequest, read into days.

FHIR sends it as it is; HL7 v2 sends the data elements DE06.00.108.00 (way), DE06.00.109.00 (when) and DE06.00.112.00
(how often), which the mapping rows make the same of. Words (``note``) are shown and never read as days.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any, Protocol

from hub.days import day_of
from hub.followups.states import WAY_CODES

WAYS_OF = "urn:oid:2.16.156.10011.2.3.1.183"
REQUEST, FOLLOW_UP = "urn:hub:request", "follow-up"
_MOST = 24
"""Contacts that one request may lead to: what is asked for without an end would never end."""
_DAYS = {"d": 1, "wk": 7, "mo": 30, "a": 365}
_DAY = re.compile(r"^(\d{4})-(\d{2})(?:-(\d{2}))?")
_DECEMBER = 12

Resource = Mapping[str, Any]
Span = tuple[date, date]


class Horizon(Protocol):
    """What a site has settled about requests."""

    @property
    def request_tolerance_days(self) -> int:
        """Days after a single day that was named within which it still counts."""

    @property
    def request_horizon_days(self) -> int:
        """Days after the discharge for which a period without an end is followed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Cycle:
    """Every so many days: from a day (else from the first day named beside it, else a period after the discharge),
    until a day or for a number of times."""

    days: int
    begin: date | None = None
    end: date | None = None
    count: int = 0


_LONGEST_ROUND = 3 * 366
"""Days of a cycle: whoever is to come back in ten years was mistyped. Such a period asks for nothing."""
_YEARS = range(1900, 2200)
"""Years in which somebody can be asked to come; counting on from them stays in the calendar."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """What a hospital asked for. `days` are single days, `spans` whole windows; `notes` are its words."""

    way: str = ""
    days: tuple[date, ...] = ()
    spans: tuple[Span, ...] = ()
    cycles: tuple[Cycle, ...] = ()
    notes: tuple[str, ...] = field(default=())

    @property
    def is_structured(self) -> bool:
        """Whether it says when."""
        return bool(self.days or self.spans or self.cycles)

    def windows(self, discharged_on: date, horizon: Horizon) -> list[Span]:
        """The windows that it asks for, in order; what lies before the discharge is none.

        A day and a period beside it (DE06.00.109.00, DE06.00.112.00) say when first, and how often from then on. A
        round that is nearer to a named day than half a period is that day's contact, and no second one.
        """
        tolerance = timedelta(days=horizon.request_tolerance_days)
        named = [(day, day + tolerance) for day in self.days]
        last = discharged_on + timedelta(days=horizon.request_horizon_days)
        first = min((day for day, end in (*named, *self.spans) if end >= discharged_on), default=None)
        rounds = [
            (day, day + min(tolerance, timedelta(days=one.days - 1)))
            for one in self.cycles
            for day in _days_of(replace(one, begin=one.begin or first), discharged_on, last)
            if not any(abs((day - other).days) * 2 < one.days for other, _ in (*named, *self.spans))
        ]
        found = sorted({span for span in (*named, *self.spans, *rounds) if span[1] >= discharged_on})
        return found[:_MOST]

    def json(self) -> dict[str, Any]:
        """As it is stored and shown."""
        return {
            "way": self.way,
            "days": [str(day) for day in self.days],
            "spans": [[str(begin), str(end)] for begin, end in self.spans],
            "cycles": [
                {
                    "days": one.days,
                    "begin": str(one.begin) if one.begin else None,
                    "end": str(one.end) if one.end else None,
                    "count": one.count,
                }
                for one in self.cycles
            ],
            "notes": list(self.notes),
        }


def read_request(resources: Sequence[Resource]) -> Request | None:
    """What the standing follow-up requests of one stay amount to; None where there is none."""
    standing = [one for one in resources if _is_standing(one)]
    if not standing:
        return None
    return Request(
        way=next((way for one in standing for way in _ways(one)), ""),
        days=_once(day for one in standing for day in _single_days(one)),
        spans=_once(span for one in standing for span in _spans(one)),
        cycles=_once(cycle for one in standing for cycle in _cycles(one)),
        notes=_once(text for one in standing for text in _words(one)),
    )


def _is_standing(resource: Resource) -> bool:
    codings = (resource.get("code") or {}).get("coding") or ()
    is_ours = any(one.get("system") == REQUEST and one.get("code") == FOLLOW_UP for one in codings)
    return is_ours and resource.get("status") == "active"


def _ways(resource: Resource) -> Iterator[str]:
    for detail in resource.get("orderDetail") or ():
        for coding in detail.get("coding") or ():
            if coding.get("system") == WAYS_OF and coding.get("code") in WAY_CODES:
                yield WAY_CODES[coding["code"]]


def _single_days(resource: Resource) -> Iterator[date]:
    timing = resource.get("occurrenceTiming") or {}
    for said in (resource.get("occurrenceDateTime"), *(timing.get("event") or ())):
        if said and (span := _span(said)) and span[0] == span[1]:
            yield span[0]


def _spans(resource: Resource) -> Iterator[Span]:
    """Windows as they were named: a period with both ends, or a month."""
    timing = resource.get("occurrenceTiming") or {}
    for said in (resource.get("occurrenceDateTime"), *(timing.get("event") or ())):
        if said and (span := _span(said)) and span[0] != span[1]:
            yield span
    period = resource.get("occurrencePeriod") or {}
    begin, end = (_span(period[name]) if period.get(name) else None for name in ("start", "end"))
    if begin and end and begin[0] <= end[1]:
        yield begin[0], end[1]


def _cycles(resource: Resource) -> Iterator[Cycle]:
    repeat = (resource.get("occurrenceTiming") or {}).get("repeat") or {}
    days = int(float(repeat.get("period") or 0) * _DAYS.get(str(repeat.get("periodUnit", "")), 0))
    if not 1 <= days <= _LONGEST_ROUND:
        return
    bounds = repeat.get("boundsPeriod") or {}
    begin, end = (_span(bounds[name]) if bounds.get(name) else None for name in ("start", "end"))
    yield Cycle(
        days=days,
        begin=begin[0] if begin else None,
        end=end[1] if end else None,
        count=int(repeat.get("count") or 0),
    )


def _days_of(cycle: Cycle, discharged_on: date, last: date) -> Iterator[date]:
    step = timedelta(days=cycle.days)
    day = cycle.begin or discharged_on + step
    end = cycle.end or (date.max if cycle.count else last)
    for _ in range(min(cycle.count or _MOST, _MOST)):
        if day > end:
            return
        yield day
        day += step


def _words(resource: Resource) -> Iterator[str]:
    yield from (str(note["text"]) for note in resource.get("note") or () if note.get("text"))
    if resource.get("patientInstruction"):
        yield str(resource["patientInstruction"])


def _span(said: str) -> Span | None:
    """The days in China that a FHIR date or dateTime covers; None for a year alone, which asks for nothing."""
    try:
        if "T" in said:
            day = day_of(datetime.fromisoformat(said))
            return (day, day) if day.year in _YEARS else None
        found = _DAY.match(said)
        if found is None:
            return None
        year, month = int(found[1]), int(found[2])
        if year not in _YEARS:
            return None
        if found[3]:
            day = date(year, month, int(found[3]))
            return day, day
        after = date(year + month // _DECEMBER, month % _DECEMBER + 1, 1)
        return date(year, month, 1), after - timedelta(days=1)
    except (ValueError, OverflowError):
        return None


def _once(items: Iterable[Any]) -> tuple[Any, ...]:
    return tuple(dict.fromkeys(items))
