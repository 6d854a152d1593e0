"""An alert begins once and ends once, whatever its figure does meanwhile."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.alerts import UNITS, Alert, Kind, Reading, Verdict, judge, next_step, sentence, tell
from hub.alerts.readings import read_disk, read_failures, read_growth, read_lag, read_queue, read_silence
from hub.alerts.thresholds import Disk, Failures, Growth, Lag, Queue, Silence, load_thresholds

NOW = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)
CALM = timedelta(minutes=5)
MINUTE = timedelta(minutes=1)
SILENCE = Silence(factor=2, floor_minutes=60, weeks=4, least_weeks=2)


def disk(figure: float) -> Reading:
    return read_disk(Disk(begin=0.9, end=0.8), used=round(figure * 1000), free=1000 - round(figure * 1000))


class Desk:
    """Judges one reading after another, and remembers what is open, as the database does."""

    def __init__(self, calm: timedelta = CALM) -> None:
        self.opened: dict[UUID, Alert] = {}
        self.told: list[Alert] = []
        self.calm = calm

    def judge(self, now: datetime, *readings: Reading) -> Verdict:
        verdict = judge(list(self.opened.values()), readings, self.calm, now)
        self.opened |= {one.id: one for one in (*verdict.begun, *verdict.changed)}
        for one in verdict.ended:
            del self.opened[one.id]
        self.told += [*verdict.begun, *verdict.ended]
        return verdict

    def run(self, figures: Sequence[float], step: timedelta = MINUTE) -> list[str]:
        """A figure of the disk each minute; when something was told, as minute and word."""
        found = []
        for number, figure in enumerate(figures):
            verdict = self.judge(NOW + step * number, disk(figure))
            found += [f"{number} began" for _ in verdict.begun] + [f"{number} ended" for _ in verdict.ended]
        return found


def test_an_alert_begins_once_and_ends_once_when_it_has_been_calm_for_a_while() -> None:
    assert Desk().run([0.5, 0.95, 0.96, 0.97, *[0.5] * 10]) == ["1 began", "9 ended"]


def test_it_begins_at_its_limit_and_not_below_it() -> None:
    assert Desk().run([0.899]) == []
    assert Desk().run([0.9]) == ["0 began"]


def test_what_lies_between_end_and_begin_ends_nothing() -> None:
    assert Desk().run([0.95, *[0.8] * 30]) == ["0 began"]


def test_a_relapse_begins_the_calm_anew() -> None:
    assert Desk().run([0.95, *[0.5] * 5, 0.85, *[0.5] * 6]) == ["0 began", "12 ended"]


def test_a_figure_that_trembles_about_its_limit_calls_nobody_twice() -> None:
    assert Desk().run([0.91, 0.79] * 50) == ["0 began"]


def test_what_ended_may_begin_again_as_another_alert() -> None:
    desk = Desk(calm=timedelta())
    assert desk.run([0.95, 0.5, 0.95, 0.5]) == ["0 began", "1 ended", "2 began", "3 ended"]
    assert len({one.id for one in desk.told}) == 2


def test_an_end_says_whether_all_is_well_or_nothing_is_left_to_judge_by() -> None:
    desk = Desk(calm=timedelta())
    desk.run([0.95])
    (well,) = desk.judge(NOW + MINUTE, disk(0.1)).ended
    assert (well.is_recovered, well.until) == (True, NOW + MINUTE)
    desk.run([0.95])
    (unjudged,) = desk.judge(NOW + MINUTE).ended
    assert not unjudged.is_recovered
    for language, word in (("en", "nothing left to judge by"), ("zh", "无可供判断")):
        assert word in sentence(unjudged, language)  # type: ignore[arg-type]


def test_without_a_reading_an_alert_waits_for_its_calm_too() -> None:
    desk = Desk()
    desk.run([0.95])
    assert not desk.judge(NOW + MINUTE).ended
    assert not desk.judge(NOW + MINUTE * 2, disk(0.95)).ended, "the figure was away for one look only"
    assert not desk.judge(NOW + MINUTE * 3).ended
    assert desk.judge(NOW + MINUTE * 8).ended


def test_each_kind_and_source_has_an_alert_of_its_own() -> None:
    failing = Failures(begin=0.2, end=0.1, minutes=15, least=20)
    readings = [read_failures(failing, name, 10, 20, "no-patient") for name in ("a", "b")]
    desk = Desk()
    desk.judge(NOW, *[one for one in readings if one], disk(0.95))
    assert {(one.kind, one.source) for one in desk.told} == {("failures", "a"), ("failures", "b"), ("disk", "")}


FIGURES = st.lists(st.one_of(st.none(), st.floats(0, 1)), max_size=60)


@given(FIGURES, FIGURES, st.integers(0, 10), st.floats(0.5, 0.9), st.floats(0.01, 0.49))
def test_begins_and_ends_alternate_over_any_series_of_figures(
    first: Sequence[float | None], second: Sequence[float | None], calm: int, begin: float, end: float
) -> None:
    desk = Desk(calm=MINUTE * calm)
    length = max(len(first), len(second))
    for number in range(length):
        readings = [
            Reading(kind=Kind.FAILURES, source=source, figure=figure, begin=begin, end=end)
            for source, series in (("a", first), ("b", second))
            if number < len(series) and (figure := series[number]) is not None
        ]
        desk.judge(NOW + MINUTE * number, *readings)
    for source in ("a", "b"):
        told = [one for one in desk.told if one.source == source]
        began, ended = told[::2], told[1::2]
        assert all(one.until is None and one.figure >= one.threshold == begin for one in began)
        assert all(one.until is not None and one.until - one.since >= desk.calm for one in ended)
        assert [one.id for one in ended] == [one.id for one in began[: len(ended)]]
        assert len(began) - len(ended) == sum(1 for one in desk.opened.values() if one.source == source)


# -- silence -----------------------------------------------------------------------------------------------------------


def silence(
    last: datetime, now: datetime, usual: timedelta | None = timedelta(hours=1), opened: Alert | None = None
) -> Reading:
    return read_silence(SILENCE, "a", last, usual, opened, now)


def test_silence_begins_at_so_many_times_the_usual_wait_and_never_below_the_floor() -> None:
    assert silence(NOW, NOW).begin == 2 * 3600
    assert silence(NOW, NOW, timedelta(minutes=3)).begin == 3600
    assert silence(NOW - timedelta(hours=2), NOW).given["minutes"] == "120"


def test_where_the_usual_wait_is_not_known_nothing_begins() -> None:
    assert not judge([], [silence(NOW - timedelta(weeks=50), NOW, None)], CALM, NOW).begun


def test_silence_ends_with_a_message_and_with_nothing_else() -> None:
    desk, last, now = Desk(), NOW - timedelta(hours=2), NOW
    (began,) = desk.judge(now, silence(last, now)).begun
    for number in range(1, 60):  # another hour has another limit, or none
        now = NOW + MINUTE * number
        usual = None if number % 2 else timedelta(hours=12)
        assert not desk.judge(now, silence(last, now, usual, began)).ended
    last = now
    for number in range(6):
        now = last + MINUTE * number
        verdict = desk.judge(now, silence(last, now, opened=began))
    assert [one.is_recovered for one in verdict.ended] == [True]


def test_a_message_ends_a_silence_though_the_clock_of_the_watcher_is_ahead_of_the_doors() -> None:
    ahead, last = timedelta(minutes=3), NOW - timedelta(hours=2)
    (began,) = judge([], [silence(last, NOW + ahead)], CALM, NOW + ahead).begun
    came = NOW + MINUTE
    now = came + ahead
    reading = silence(came, now, opened=began)
    assert came < began.since, "by the clock of the door it came before the alert began"
    assert reading.figure < reading.end


# -- the other figures -------------------------------------------------------------------------------------------------


def test_of_too_few_messages_no_share_is_told() -> None:
    rule = Failures(begin=0.2, end=0.1, minutes=15, least=20)
    assert read_failures(rule, "a", 19, 19, "x") is None
    read = read_failures(rule, "a", 5, 20, "no-patient")
    assert read is not None
    assert (read.figure, read.given["reason"]) == (0.25, "no-patient")


def test_figures_are_in_the_units_that_the_alerts_name() -> None:
    lag = read_lag(Lag(begin_minutes=5, end_minutes=1), timedelta(minutes=6), "a")
    growth = read_growth(Growth(begin_gib=20, end_gib=10), grown=21 * 2**30, size=2**40)
    queue = read_queue(Queue(begin=10, end=5), 11)
    assert (lag.figure, lag.begin, lag.end, lag.source) == (360, 300, 60, "")
    assert (growth.figure, growth.begin, growth.given["size"]) == (21 * 2**30, 20 * 2**30, "1024.0")
    assert (queue.figure, queue.begin, queue.end) == (11, 10, 5)
    assert read_disk(Disk(begin=0.9, end=0.8), 0, 0).figure == 0, "a disk of no size is not full"
    assert set(UNITS) == set(Kind)


# -- words -------------------------------------------------------------------------------------------------------------


def every_reading() -> list[Reading]:
    rules = load_thresholds(None)
    failing = read_failures(rules.failures, "a", 90, 100, "no-patient")
    assert failing is not None
    return [
        read_silence(rules.silence, "a", NOW - timedelta(days=1), MINUTE, None, NOW),
        failing,
        read_lag(rules.lag, timedelta(hours=1), "a"),
        read_queue(rules.queue, 100_000),
        read_disk(rules.disk, 99, 1),
        read_growth(rules.growth, 2**40, 2**40),
    ]


@pytest.mark.parametrize("reading", every_reading(), ids=lambda one: one.kind.value)
def test_every_alert_says_in_both_languages_what_is_the_matter_and_what_to_do(reading: Reading) -> None:
    (began,) = judge([], [reading], CALM, NOW).begun
    over = replace(began, until=NOW + timedelta(minutes=90), is_recovered=True)
    for one, event in ((began, "began"), (over, "ended")):
        told = tell(one, UUID(int=1))
        assert (told["event"], told["alert"], told["kind"]) == (event, str(began.id), reading.kind.value)
        for words in (told["sentence"], told["nextStep"]):
            assert set(words) == {"zh", "en"}
            assert all(said and "{" not in said for said in words.values())
    assert "90" in sentence(over, "en")
    assert next_step(over, "en") == "Nothing is left to be done."
