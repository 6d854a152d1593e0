"""A source's own rhythm: how long one usually waits for its next message, at this hour of this day of the week.

A ward's system is quiet at night and a day-surgery's on Sundays, so one limit for all hours would either cry wolf or
say nothing. What counts is the longest time that one had waited for a message at some moment of such an hour in the
last weeks. The one longest week is left out where there are three or more: an outage must not teach that outages are
usual, nor one holiday that every Monday is one.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

HOUR = timedelta(hours=1)
_WEEK = timedelta(weeks=1)
_ENOUGH = 3
"""Weeks from which on the one with the longest wait is left out."""
_LEARNED = 3 * HOUR
"""How far what is known may lie back; where it lies further, weeks are still to be learned."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Hour:
    """What a source sent in the hour that began `at`. `longest` lies between two messages of this hour; `first_at` and
    `last_at` are None where there was none."""

    at: datetime
    messages: int
    first_at: datetime | None = None
    last_at: datetime | None = None
    longest: timedelta = timedelta()


def usual_wait(hours: Sequence[Hour], now: datetime, *, weeks: int, least_weeks: int) -> timedelta | None:
    """The longest time that one usually waits for a message at such an hour; None where nothing can be said: the source
    sent in fewer than `least_weeks` of the last `weeks` at that hour of that day, or its last weeks are still to be
    learned: the first of them alone may say something else.

    `hours` are whole hours in their order, without a gap from the first on, those without a message among them.
    """
    if not hours or now - hours[-1].at > _LEARNED:
        return None
    since = now - timedelta(weeks=weeks) - HOUR
    alike = [
        (hour, wait)
        for hour, wait in _waits(hours)
        if hour.at >= since and hour.at + HOUR <= now and (now - hour.at) % _WEEK < HOUR
    ]
    if sum(1 for hour, _ in alike if hour.messages) < least_weeks:
        return None
    waits = sorted(wait for _, wait in alike)
    return waits[-2] if len(waits) >= _ENOUGH else waits[-1]


def _waits(hours: Sequence[Hour]) -> Iterator[tuple[Hour, timedelta]]:
    """Each hour with the longest time that somebody who looked within it had been without a message."""
    before: datetime | None = None
    for hour in hours:
        end = hour.at + HOUR
        if hour.first_at is not None and hour.last_at is not None:
            until_first = hour.first_at - (before or hour.first_at)
            yield hour, max(until_first, hour.longest, end - hour.last_at)
            before = hour.last_at
        elif before is not None:
            yield hour, end - before
