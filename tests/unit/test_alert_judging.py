"""An alert calls once when it begins and once when it is over, whatever its figure does in between."""

import math
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.alerts import Alert, Kind, Reading, judge, load_thresholds, next_step, sentence, tell
from hub.alerts.readings import (
    read_disk,
    read_failures,
    read_growth,
    read_lag,
    read_queue,
    read_silence,
)
from hub.ids import new_id

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
CALM = timedelta(minutes=5)
MINUTE = timedelta(minutes=1)
RULES = load_thresholds(None)


def lag(figure: float, source: str = "") -> Reading:
    return Reading(kind=Kind.LAG, source=source, figure=figure, begin=300, end=60, given={})


def watched(figures: Sequence[float], step: timedelta = MINUTE) -> tuple[list[str], list[Alert]]:
    """What is told of a figure over time, and what is open at its end."""
    opened: list[Alert] = []
    told: list[str] = []
    for number, figure in enumerate(figures):
        verdict = judge(opened, [lag(figure)], CALM, NOW + number * step)
        told += ["began"] * len(verdict.begun) + ["ended"] * len(verdict.ended)
        after = {one.id: one for one in (*opened, *verdict.begun, *verdict.changed)}
        opened = [one for key, one in after.items() if key not in {ended.id for ended in verdict.ended}]
    return told, opened


def test_it_begins_where_its_limit_is_reached_and_not_before() -> None:
    assert watched([0, 299.9])[0] == []
    assert watched([0, 300])[0] == ["began"]


def test_it_goes_on_between_the_two_limits() -> None:
    told, opened = watched([300, *[100] * 60])
    assert (told, len(opened)) == (["began"], 1)


def test_it_ends_once_it_has_been_well_for_the_calm() -> None:
    assert watched([300, *[0] * 5])[0] == ["began"]
    assert watched([300, *[0] * 6])[0] == ["began", "ended"]


def test_a_calm_that_is_broken_begins_anew() -> None:
    assert watched([300, 0, 0, 0, 61, 0, 0, 0, 0, 0])[0] == ["began"]


def test_one_that_trembles_about_its_limit_calls_once() -> None:
    assert watched([299, 301] * 50)[0] == ["began"]


def test_one_that_comes_back_is_another_one() -> None:
    assert watched([300, *[0] * 6, 300])[0] == ["began", "ended", "began"]


@given(st.lists(st.floats(0, 600), max_size=60), st.integers(1, 600))
def test_beginnings_and_ends_take_turns(figures: list[float], seconds: int) -> None:
    told, opened = watched(figures, timedelta(seconds=seconds))
    assert told == (["began", "ended"] * len(told))[: len(told)]
    assert len(opened) == told.count("began") - told.count("ended")


@given(st.lists(st.sampled_from(["", "a", "b"]), max_size=20))
def test_each_source_is_judged_by_itself(sources: list[str]) -> None:
    verdict = judge([], [lag(300, source) for source in sources], CALM, NOW)
    assert sorted(one.source for one in verdict.begun) == sorted(set(sources))


def test_what_can_no_longer_be_judged_is_closed_and_not_called_recovered() -> None:
    (alert,) = judge([], [lag(300)], CALM, NOW).begun
    (waiting,) = judge([alert], [], CALM, NOW + MINUTE).changed
    (ended,) = judge([waiting], [], CALM, NOW + MINUTE + CALM).ended
    assert (ended.is_recovered, ended.until) == (False, NOW + MINUTE + CALM)
    (well,) = judge([waiting], [lag(0)], CALM, NOW + MINUTE + CALM).ended
    assert well.is_recovered


# -- readings ----------------------------------------------------------------------------------------------------------


def silent(minutes: float, usual: float | None, opened: Alert | None = None) -> Reading:
    wait = None if usual is None else timedelta(minutes=usual)
    return read_silence(RULES.silence, "his", NOW - timedelta(minutes=minutes), wait, opened, NOW)


@pytest.mark.parametrize(
    ("minutes", "usual", "begins"),
    [(59, 5, False), (60, 5, True), (119, 60, False), (120, 60, True), (10_000, None, False)],
    ids=["below the floor", "the floor", "below twice the usual", "twice the usual", "nothing known"],
)
def test_silence_begins_at_its_factor_and_never_below_its_floor(
    minutes: float, usual: float | None, begins: bool
) -> None:
    assert bool(judge([], [silent(minutes, usual)], CALM, NOW).begun) is begins


def test_a_silence_ends_with_a_message_and_not_with_an_hour_that_is_usually_quiet() -> None:
    (alert,) = judge([], [silent(60, 5)], CALM, NOW - timedelta(minutes=30)).begun
    for usual in (5, 600, None):
        assert not judge([alert], [silent(90, usual, alert)], timedelta(), NOW).ended
    (ended,) = judge([alert], [silent(1, 5, alert)], timedelta(), NOW).ended
    assert ended.is_recovered


def test_a_share_of_too_few_messages_says_nothing() -> None:
    assert read_failures(RULES.failures, "his", 19, 19, "bad-code") is None
    reading = read_failures(RULES.failures, "his", 4, 20, "bad-code")
    assert reading is not None
    assert (reading.figure, reading.begin) == (0.2, 0.2)


def test_a_full_disk_is_reckoned_without_what_is_kept_back_for_root() -> None:
    assert read_disk(RULES.disk, 90, 10).figure == 0.9
    assert read_disk(RULES.disk, 0, 0).figure == 0


@pytest.mark.parametrize(
    "reading",
    [
        silent(61, 5),
        read_failures(RULES.failures, "his", 30, 40, "bad-code"),
        read_lag(RULES.lag, timedelta(minutes=6), "his"),
        read_queue(RULES.queue, 20_000),
        read_disk(RULES.disk, 9, 1),
        read_growth(RULES.growth, 30 * 2**30, 90 * 2**30),
    ],
    ids=lambda reading: reading.kind.value,
)
def test_each_kind_says_in_both_languages_what_is_the_matter_and_that_it_is_over(reading: Reading) -> None:
    (alert,) = judge([], [reading], CALM, NOW).begun
    over = replace(alert, until=NOW + timedelta(minutes=42), is_recovered=True)
    for language in ("zh", "en"):
        said, after = sentence(alert, language), sentence(over, language)
        assert said in after
        assert "42" in after
        assert "{" not in said + after + next_step(alert, language) + next_step(over, language)
    assert next_step(alert, "en") != next_step(over, "en")


def test_a_notice_says_what_a_receiver_needs_and_is_json() -> None:
    (alert,) = judge([], [silent(61, 5)], CALM, NOW).begun
    notice = new_id()
    told = tell(alert, notice)
    assert told["id"] == str(notice)
    assert (told["event"], told["recovered"], told["until"]) == ("began", False, None)
    assert (told["kind"], told["source"], told["unit"]) == ("silence", "his", "seconds")
    assert (told["figure"], told["threshold"]) == (61 * 60, 60 * 60)
    assert math.isfinite(told["threshold"])
    over = tell(replace(alert, until=NOW, is_recovered=True), notice)
    assert (over["event"], over["recovered"], over["until"]) == ("ended", True, NOW.isoformat())
