"""Days as the programme counts them: in China, whatever clock the server has."""

from datetime import UTC, date, datetime, time, timedelta, timezone

from hub.errors import refuse

CHINA = timezone(timedelta(hours=8))
"""China has one time zone and no summer time since 1991."""
EARLIEST, LATEST = 1900, 2200
"""The years that are asked about: far enough from the ends of the calendar for every zone and every sum of days."""


def day_of(moment: datetime) -> date:
    """The day in China on which a moment falls."""
    return moment.astimezone(CHINA).date()


def begin_of(day: date) -> datetime:
    """The first moment of a day in China."""
    return datetime.combine(day, time(), CHINA).astimezone(UTC)


def check_day(day: date, where: str) -> date:
    """A day that somebody gave. Raises Refused (bad-argument) where its year is not 1900 to 2200."""
    if not EARLIEST <= day.year <= LATEST:
        raise refuse("bad-argument", where, reason=f"{EARLIEST}-{LATEST}")
    return day


def check_moment(at: datetime, where: str) -> datetime:
    """A moment that somebody gave, with its zone. Raises Refused (bad-argument) without one, or as `check_day`."""
    if at.tzinfo is None:
        raise refuse("bad-argument", where, reason="no time zone")
    check_day(at, where)
    return at
