"""A date keeps its precision, a time keeps its zone, and what is on no calendar is none."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.mapping.times import fhir_date, fhir_datetime, fhir_instant, instant_of, is_no_time, read_time

CHINA = timezone(timedelta(hours=8))


@pytest.mark.parametrize(
    ("sent", "date"),
    [
        ("1956", "1956"),
        ("195603", "1956-03"),
        ("19560312", "1956-03-12"),
        ("19560312000000", "1956-03-12"),
        ("1956-03-12", "1956-03-12"),
        ("1956-03-12 00:00:00.0", "1956-03-12"),
        ("19480229", "1948-02-29"),
    ],
)
def test_a_date_keeps_its_precision(sent: str, date: str) -> None:
    assert fhir_date(sent, CHINA) == date


@pytest.mark.parametrize(
    ("sent", "time"),
    [
        ("2026", "2026"),
        ("202601", "2026-01"),
        ("20260105", "2026-01-05"),
        ("2026010509", "2026-01-05T09:00:00+08:00"),
        ("202601050930", "2026-01-05T09:30:00+08:00"),
        ("20260105093015", "2026-01-05T09:30:15+08:00"),
        ("20260105093015.25", "2026-01-05T09:30:15.250+08:00"),
        ("20260105093015+0000", "2026-01-05T09:30:15+00:00"),
        ("20260105093015-0530", "2026-01-05T09:30:15-05:30"),
        ("2026-01-05T09:30:15Z", "2026-01-05T09:30:15+00:00"),
        ("2026-01-05 09:30:15", "2026-01-05T09:30:15+08:00"),
    ],
)
def test_a_time_keeps_its_zone_and_without_one_means_the_senders(sent: str, time: str) -> None:
    assert fhir_datetime(sent, CHINA) == time


@pytest.mark.parametrize(
    "wrong", ["19560230", "20261301", "20260105250000", "56", "69岁", "", "202601050", "0000", "2026/01/05"]
)
def test_what_is_on_no_calendar_is_no_time(wrong: str) -> None:
    assert read_time(wrong, CHINA) is None


@pytest.mark.parametrize("zone", ["+9900", "+2400", "-9999"])
def test_a_zone_that_no_clock_has_makes_no_time(zone: str) -> None:
    assert read_time(f"20260105093015{zone}", CHINA) is None


def test_an_instant_needs_a_time_of_day() -> None:
    assert fhir_instant("20260105", CHINA) is None
    assert fhir_instant("2026010509", CHINA) == "2026-01-05T09:00:00+08:00"


def test_the_first_instant_of_a_month_is_its_first_midnight() -> None:
    assert instant_of("2026-03", CHINA) == datetime(2026, 3, 1, tzinfo=CHINA)


@given(st.datetimes(min_value=datetime(1800, 1, 2), max_value=datetime(2200, 12, 30), timezones=st.just(UTC)))  # noqa: DTZ001
def test_what_v2_writes_is_the_instant_that_fhir_says(when: datetime) -> None:
    when = when.replace(microsecond=0)
    said = fhir_datetime(f"{when.year:04d}{when:%m%d%H%M%S}+0000", CHINA)
    assert said is not None
    assert instant_of(said, CHINA) == when


@pytest.mark.parametrize("text", ["00010101000000", "99991231235959-1200", "17991231", "22010101"])
def test_a_year_of_nobodys_life_makes_no_time(text: str) -> None:
    assert read_time(text, CHINA) is None


def test_what_programs_write_for_no_time_is_no_time() -> None:
    assert is_no_time("00010101000000")
    assert is_no_time("99991231")
    assert not is_no_time("20260101")


@given(st.text(max_size=20))
def test_any_text_is_a_time_or_none(text: str) -> None:
    assert (read_time(text, CHINA) is None) == (fhir_datetime(text, CHINA) is None)
