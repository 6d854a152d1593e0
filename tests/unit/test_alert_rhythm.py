"""How long one usually waits for a source's next message is learned from its own weeks, hour by hour."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from hub.alerts.rhythm import HOUR, Hour, usual_wait
from hub.days import CHINA

NOW = datetime(2026, 11, 23, 2, 30, tzinfo=UTC)
"""A Monday, half past ten in China."""
BEGAN = datetime(2026, 10, 19, 0, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def hours_of(moments: Sequence[datetime], since: datetime = BEGAN, until: datetime = NOW) -> list[Hour]:
    """What is stored of messages that came at these moments."""
    found = []
    at = since
    while at + HOUR <= until:
        within = [one for one in moments if at <= one < at + HOUR]
        gaps = [later - earlier for earlier, later in pairwise(within)]
        found.append(
            Hour(
                at=at,
                messages=len(within),
                first_at=within[0] if within else None,
                last_at=within[-1] if within else None,
                longest=max(gaps, default=timedelta()),
            )
        )
        at += HOUR
    return found


def sending(every: timedelta, when: Callable[[datetime], bool]) -> list[datetime]:
    """Messages at a pace, at the times (China's) when the source is at work."""
    found, at = [], BEGAN
    while at < NOW:
        if when(at.astimezone(CHINA)):
            found.append(at)
        at += every
    return found


def usual(moments: Sequence[datetime], now: datetime = NOW, least_weeks: int = 2) -> int | None:
    """In whole minutes."""
    wait = usual_wait(hours_of(moments, until=now), now, weeks=4, least_weeks=least_weeks)
    return None if wait is None else int(wait.total_seconds() // 60)


def test_a_source_that_sends_all_the_time_is_waited_for_as_long_as_its_pace() -> None:
    assert usual(sending(10 * MINUTE, lambda _: True)) == 10


def test_nights_are_long_and_do_not_lengthen_the_day() -> None:
    moments = sending(10 * MINUTE, lambda at: 8 <= at.hour < 18)
    assert usual(moments) == 10
    at_three = datetime(2026, 11, 22, 19, 30, tzinfo=UTC)
    assert usual([*moments], at_three) is None  # it never sends at that hour, so nothing can be said
    assert usual(moments, datetime(2026, 11, 23, 0, 30, tzinfo=UTC)) == 14 * 60 + 10  # until the first of the morning


def test_a_sunday_without_work_says_nothing_of_a_monday() -> None:
    moments = sending(10 * MINUTE, lambda at: at.weekday() < 6)
    assert usual(moments) == 10
    assert usual(moments, NOW - timedelta(days=1)) is None


def test_one_outage_does_not_teach_that_outages_are_usual() -> None:
    gone = (datetime(2026, 11, 9, 1, 0, tzinfo=UTC), datetime(2026, 11, 9, 6, 0, tzinfo=UTC))
    moments = [at for at in sending(10 * MINUTE, lambda _: True) if not gone[0] <= at < gone[1]]
    assert usual(moments) == 10


def test_a_source_of_which_little_is_known_is_waited_for_for_ever() -> None:
    recent = [at for at in sending(10 * MINUTE, lambda _: True) if at >= NOW - timedelta(days=8)]
    assert usual(recent) is None
    assert usual(recent, least_weeks=1) is not None
    assert usual([]) is None


@settings(max_examples=20, deadline=None)
@given(st.integers(20, 180), st.integers(0, 59))
def test_a_steady_pace_is_never_waited_for_longer_than_it_takes(minutes: int, late: int) -> None:
    moments = [at + late * MINUTE for at in sending(minutes * MINUTE, lambda _: True)]
    found = usual([at for at in moments if at < NOW], least_weeks=1)
    assert found is None or found <= minutes
