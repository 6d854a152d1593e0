"""Figures as they stand, held against the thresholds."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from hub.alerts.kinds import Alert, Kind, whole_minutes
from hub.alerts.thresholds import Disk, Failures, Growth, Lag, Queue, Silence

_GIB = 2**30
_ROUNDING = 0.5
"""Seconds; of two messages with a silence between them the times differ by more."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Reading:
    """A figure as it stands, and the limits that it is held against. `given` fills the sentence; nothing of a person is
    in it. `source` is "" where the whole hub is meant."""

    kind: Kind
    source: str = ""
    figure: float
    begin: float
    end: float
    given: Mapping[str, str] = field(default_factory=dict)


def read_silence(
    rule: Silence, source: str, heard: datetime, usual: timedelta | None, opened: Alert | None, now: datetime
) -> Reading:
    """How long a source has been silent; `heard` is the time of its last message, or since when the hub listens again,
    whichever is later. Where its usual wait is not known (None) nothing begins.

    What began ends only with a message: the limit of another hour of the day, which is a longer one, ends nothing.
    Compared are times of messages, so the clock of whoever looks, which may be ahead of a door's, is not in it.
    """
    silent = now - heard
    limit = max(usual * rule.factor, timedelta(minutes=rule.floor_minutes)) if usual is not None else None
    return Reading(
        kind=Kind.SILENCE,
        source=source,
        figure=silent.total_seconds(),
        begin=limit.total_seconds() if limit is not None else math.inf,
        end=(now - opened.since).total_seconds() + opened.figure - _ROUNDING if opened else 0,
        given={
            "source": source,
            "minutes": whole_minutes(silent),
            "usual": whole_minutes(usual or timedelta()),
            "limit": whole_minutes(limit or timedelta()),
            "weeks": str(rule.weeks),
        },
    )


def read_failures(rule: Failures, source: str, parked: int, messages: int, code: str) -> Reading | None:
    """The share that is parked; None where too few came. `code` is the refusal that is met most often."""
    if messages < rule.least:
        return None
    given = {"source": source, "parked": str(parked), "messages": str(messages), "reason": code}
    begin, end = rule.begin, rule.end
    return Reading(kind=Kind.FAILURES, source=source, figure=parked / messages, begin=begin, end=end, given=given)


def read_lag(rule: Lag, lag: timedelta, source: str) -> Reading:
    """How long the oldest message has waited; `source` is whose it is."""
    begin, end = rule.begin_minutes * 60, rule.end_minutes * 60
    given = {"minutes": whole_minutes(lag), "limit": f"{rule.begin_minutes:g}", "source": source}
    return Reading(kind=Kind.LAG, figure=lag.total_seconds(), begin=begin, end=end, given=given)


def read_queue(rule: Queue, waiting: int) -> Reading:
    """How many messages wait."""
    given = {"messages": str(waiting), "limit": str(rule.begin)}
    return Reading(kind=Kind.QUEUE, figure=waiting, begin=rule.begin, end=rule.end, given=given)


def read_disk(rule: Disk, used: int, free: int) -> Reading:
    """How full the disk is; bytes. As `df` reckons: what is kept back for root is not there for us."""
    share = used / max(used + free, 1)
    given = {"percent": f"{share * 100:.0f}", "free": f"{free / _GIB:.1f}"}
    return Reading(kind=Kind.DISK, figure=share, begin=rule.begin, end=rule.end, given=given)


def read_growth(rule: Growth, grown: int, size: int) -> Reading:
    """By how many bytes the database grew within a day, and its size now."""
    given = {"gib": f"{grown / _GIB:.1f}", "size": f"{size / _GIB:.1f}", "limit": f"{rule.begin_gib:g}"}
    begin, end = rule.begin_gib * _GIB, rule.end_gib * _GIB
    return Reading(kind=Kind.GROWTH, figure=grown, begin=begin, end=end, given=given)
