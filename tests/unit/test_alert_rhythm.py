"""What is usual is a source's own: by hour and day of the week, in its own time zone, an outage left out."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone

import pytest

from hub.alerts.rhythm import HOUR, Hour, usual_wait

CHINA = timezone(timedelta(hours=8))
NOW = datetime(2026, 11, 23, 10, 30, tzinfo=CHINA)  # a Monday
MINUTE = timedelta(minutes=1)

Rate = Callable[[datetime], int]
"""How many messages come within the hour that begins at a time of the source's zone."""


def hours(rate: Rate, weeks: int = 5, zone: timezone = CHINA, until: datetime = NOW) -> list[Hour]:
    """Whole hours up to `until` of a source that sends evenly; from the first with a message on."""
    last = until.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    found: list[Hour] = []
    for number in range(weeks * 7 * 24, 0, -1):
        at = last - HOUR * number
        count = rate(at.astimezone(zone))
        gap = HOUR / count if count else HOUR
        first = at + gap / 2
        if count:
            longest = gap if count > 1 else timedelta()
            end = first + gap * (count - 1)
            found.append(Hour(at=at, messages=count, first_at=first, last_at=end, longest=longest))
        elif found:
            found.append(Hour(at=at, messages=0))
    return found


def wait(
    rate: Rate, now: datetime = NOW, *, weeks: int = 4, least: int = 2, zone: timezone = CHINA
) -> timedelta | None:
    return usual_wait(hours(rate, zone=zone, until=now), now, weeks=weeks, least_weeks=least)


def ward(at: datetime) -> int:
    """Busy by day, one message an hour in the evening, quiet at night."""
    return 12 if 8 <= at.hour < 18 else 1 if 18 <= at.hour < 22 else 0


def test_by_day_the_usual_wait_is_short_and_in_the_evening_longer() -> None:
    assert wait(ward) == 5 * MINUTE
    assert wait(ward, NOW.replace(hour=20)) == HOUR


def test_at_an_hour_at_which_it_never_sends_nothing_can_be_said() -> None:
    assert wait(ward, NOW.replace(hour=3)) is None


def test_the_first_hour_of_a_day_knows_of_the_night_before_it() -> None:
    usual = wait(ward, NOW.replace(hour=8))
    assert usual == timedelta(hours=10.5) + MINUTE * 2.5, "from half past nine until the first message of the day"


def test_each_day_of_the_week_has_a_rhythm_of_its_own() -> None:
    def surgery(at: datetime) -> int:
        return 12 if at.weekday() < 5 else 1

    assert wait(surgery) == 5 * MINUTE
    assert wait(surgery, NOW - timedelta(days=1)) == HOUR


def test_one_week_of_an_outage_teaches_nothing() -> None:
    def broken(at: datetime) -> int:
        return 0 if timedelta(days=6.5) < NOW - at < timedelta(days=7.5) else 12

    assert wait(broken) == 5 * MINUTE


def test_two_such_weeks_are_a_habit() -> None:
    def pausing(at: datetime) -> int:
        away = NOW - at
        return 0 if any(timedelta(days=d - 0.5) < away < timedelta(days=d + 0.5) for d in (7, 14)) else 12

    usual = wait(pausing)
    assert usual is not None
    assert usual > timedelta(hours=10)


def test_of_two_weeks_none_is_left_out() -> None:
    def younger(at: datetime) -> int:
        return 0 if NOW - at > timedelta(days=15) else 4 if NOW - at > timedelta(days=8) else 12

    assert wait(younger) == 15 * MINUTE


@pytest.mark.parametrize(("days", "expected"), [(6, None), (8, None), (15, 5 * MINUTE)])
def test_after_too_few_weeks_nothing_can_be_said(days: int, expected: timedelta | None) -> None:
    assert wait(lambda at: 12 if NOW - at < timedelta(days=days) else 0) == expected


def test_of_a_source_that_never_sent_nothing_can_be_said() -> None:
    assert wait(lambda at: 0) is None
    assert usual_wait([], NOW, weeks=4, least_weeks=1) is None


def test_while_weeks_are_still_to_be_learned_nothing_is_said() -> None:
    known = [one for one in hours(ward) if one.at < NOW - timedelta(days=14)]
    assert usual_wait(known, NOW, weeks=4, least_weeks=2) is None


def test_what_is_older_than_the_weeks_asked_for_does_not_count() -> None:
    def changed(at: datetime) -> int:
        return 1 if NOW - at > timedelta(days=15) else 12

    assert wait(changed, weeks=2) == 5 * MINUTE
    assert wait(changed, weeks=4) == HOUR


def test_hours_are_those_of_the_sources_own_clock() -> None:
    half = timezone(timedelta(hours=5, minutes=30))
    for zone in (CHINA, UTC, half):
        now = datetime(2026, 11, 23, 10, 45, tzinfo=zone)
        assert wait(ward, now, zone=zone) == 5 * MINUTE
        assert wait(ward, now.replace(hour=3), zone=zone) is None


def test_the_hour_under_way_does_not_count() -> None:
    known = hours(lambda at: 12 if NOW - at < timedelta(days=8) else 0)
    under_way = Hour(at=NOW - 30 * MINUTE, messages=0)
    assert usual_wait([*known, under_way], NOW, weeks=4, least_weeks=1) == 5 * MINUTE


def test_the_longest_wait_within_an_hour_is_no_shorter_than_any_of_its_pauses() -> None:
    at = NOW - timedelta(weeks=1) - MINUTE * 30
    before = Hour(at=at - HOUR, messages=1, first_at=at - 50 * MINUTE, last_at=at - 50 * MINUTE)
    rest = [Hour(at=at + HOUR * number, messages=0) for number in range(1, 7 * 24)]
    for first, last, longest, expected in ((5, 55, 50, 55), (15, 20, 5, 65), (1, 2, 1, 58), (1, 59, 58, 58)):
        hour = Hour(
            at=at, messages=2, first_at=at + first * MINUTE, last_at=at + last * MINUTE, longest=longest * MINUTE
        )
        usual = usual_wait([before, hour, *rest], NOW, weeks=4, least_weeks=1)
        assert usual == expected * MINUTE
