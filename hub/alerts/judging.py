"""When an alert begins and when it ends: one call at the start, one at the end, and none between.

Every figure is the worse the higher it is. An alert begins where its figure reaches `begin` and ends when the figure
has been below `end` for a while, so a figure that trembles about one limit calls nobody twice.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from hub.alerts.kinds import Alert
from hub.alerts.readings import Reading
from hub.ids import new_id


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """What begins, what ends, and whose calm began or was broken."""

    begun: tuple[Alert, ...]
    ended: tuple[Alert, ...]
    changed: tuple[Alert, ...]


def judge(opened: Collection[Alert], readings: Iterable[Reading], calm: timedelta, now: datetime) -> Verdict:
    """What the readings mean for the alerts that are open; at most one alert is open of a kind and source."""
    read = {(one.kind, one.source): one for one in readings}
    known = {(one.kind, one.source) for one in opened}
    begun = tuple(_begun(one, now) for key, one in read.items() if key not in known and one.figure >= one.begin)
    after = [(alert, _next(alert, read.get((alert.kind, alert.source)), calm, now)) for alert in opened]
    return Verdict(
        begun=begun,
        ended=tuple(then for _, then in after if then.until is not None),
        changed=tuple(then for was, then in after if then.until is None and then != was),
    )


def _begun(reading: Reading, now: datetime) -> Alert:
    return Alert(
        id=new_id(),
        kind=reading.kind,
        source=reading.source,
        since=now,
        figure=reading.figure,
        threshold=reading.begin,
        given=reading.given,
    )


def _next(alert: Alert, reading: Reading | None, calm: timedelta, now: datetime) -> Alert:
    if reading is not None and reading.figure >= reading.end:
        return replace(alert, calm_since=None)
    calm_since = alert.calm_since or now
    if now - calm_since < calm:
        return replace(alert, calm_since=calm_since)
    return replace(alert, calm_since=calm_since, until=now, is_recovered=reading is not None)
