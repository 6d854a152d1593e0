"""What is due after a discharge, and what may be done with it: the ladder, requests, states, measurements. Pure."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from fhir.resources.R4B.bundle import Bundle
from hypothesis import given
from hypothesis import strategies as st

from hub.errors import Refused
from hub.followups import (
    FOLLOW_UP_MACHINE,
    OFFER_MACHINE,
    PLAN_MACHINE,
    Attempt,
    Discharge,
    FollowUp,
    Limits,
    Measured,
    Measurement,
    Offer,
    Performer,
    Plan,
    Window,
    bundle_of,
    check_measured,
    check_window,
    plan_for,
    read_request,
)
from hub.transitions import Actor, Machine
from tests.aftercare import ladder

DAY = date(2026, 3, 2)
KEY = UUID(int=1)
LIMITS = Limits(attempts=3, days=2, ways=frozenset({"telephone", "home"}), put_off_days=14)
WAYS = "urn:oid:2.16.156.10011.2.3.1.183"


def discharge(*diagnoses: str, disposition: str = "1", late: int = 0) -> Discharge:
    return Discharge(on=DAY, known_on=DAY + timedelta(days=late), disposition=disposition, diagnoses=diagnoses)


def due(*diagnoses: str, **more: Any) -> list[tuple[int, int]]:
    """The windows in days after the discharge."""
    return [_days(one) for one in plan_for(discharge(*diagnoses, **more), ladder()).windows]


def _days(one: Window) -> tuple[int, int]:
    return (one.begin - DAY).days, (one.end - DAY).days


# -- the ladder --------------------------------------------------------------------------------------------------------


def test_everybody_is_contacted_within_a_week() -> None:
    assert due() == [(0, 7)]
    assert due("K29.5", "Z00.0") == [(0, 7)]


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("I63.900", [(0, 7), (7, 14), (28, 37), (84, 98), (175, 189), (358, 372)]),
        ("I50.9", [(0, 7), (7, 14)]),
        ("J44.101", [(0, 7), (84, 112)]),
        ("I10.x00", [(0, 7), (8, 14)]),
        ("F20.9", [(0, 7)]),
        ("Z38.0", [(0, 7)]),
        ("Z96.6", [(0, 7), (12, 16), (38, 46), (80, 88)]),
        ("Z96.1", [(0, 7)]),
        ("I65.2", [(0, 7)]),
        ("c34.9", [(0, 7), (8, 21), (84, 98), (175, 189), (266, 280), (358, 372)]),
    ],
)
def test_a_diagnosis_adds_its_steps(code: str, expected: list[tuple[int, int]]) -> None:
    assert due(code) == expected


def test_rules_that_mean_the_same_days_make_one_contact_with_both_reasons() -> None:
    windows = plan_for(discharge("I63.9", "I25.1", "E11.9"), ladder()).windows
    assert len(windows) == 6
    month = windows[2]
    assert set(month.rule.split(" + ")) == {"follow-up:stroke", "follow-up:coronary"}
    assert "脑卒中" in month.reason.zh
    assert "冠心病" in month.reason.zh


def test_a_transfer_and_a_death_ask_for_nothing() -> None:
    assert due("I63.9", disposition="2") == []
    assert due("I63.9", disposition="5") == []


def test_an_unknown_disposition_is_an_ordinary_one() -> None:
    assert due(disposition="X9") == due(disposition="") == [(0, 7)]


def test_the_community_and_who_leaves_against_advice_come_first() -> None:
    assert due(disposition="3") == [(0, 3)]
    gone = plan_for(discharge(disposition="4"), ladder())
    assert (gone.priority, _days(gone.windows[0])) == ("raised", (0, 3))
    assert "非医嘱" in gone.windows[0].reason.zh


def test_what_was_over_before_it_was_known_is_owed_once() -> None:
    assert due("I63.9", late=20)[:2] == [(20, 23), (28, 37)]
    assert due("I63.9", late=26)[0] == (28, 37)  # the next contact is near enough
    assert due(late=7) == [(0, 7)]


@given(
    st.lists(
        st.sampled_from(["I63.9", "I10", "J44.9", "I25.1", "C34.9", "S72.0", "O80.0", "F20.0", "Z38.0"]), max_size=5
    ),
    st.sampled_from(["1", "3", "4", "9", ""]),
    st.integers(0, 400),
)
def test_every_window_is_whole_in_order_and_not_over(codes: list[str], disposition: str, late: int) -> None:
    found = due(*codes, disposition=disposition, late=late)
    assert found, "something is always owed"
    assert all(begin <= end for begin, end in found)
    assert all(end >= late for _, end in found)
    assert [end for _, end in found] == sorted(end for _, end in found)
    assert due(*reversed(codes), *codes, disposition=disposition, late=late) == found


# -- what the hospital asks for ----------------------------------------------------------------------------------------


def asked(**more: Any) -> dict[str, Any]:
    code = {"coding": [{"system": "urn:hub:request", "code": "follow-up"}]}
    return {"resourceType": "ServiceRequest", "status": "active", "intent": "order", "code": code, **more}


def windows(*resources: dict[str, Any]) -> list[tuple[int, int]]:
    request = read_request(resources)
    assert request is not None
    return [_days(one) for one in plan_for(discharge("I63.9"), ladder(), request).windows]


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({"occurrenceDateTime": "2026-03-09"}, [(7, 10)]),
        ({"occurrenceDateTime": "2026-03-08T17:00:00Z"}, [(7, 10)]),  # the ninth, in China
        ({"occurrenceDateTime": "2026-03"}, [(-1, 29)]),
        ({"occurrencePeriod": {"start": "2026-03-09", "end": "2026-03-12"}}, [(7, 10)]),
        ({"occurrenceTiming": {"event": ["2026-03-09", "2026-04-06"]}}, [(7, 10), (35, 38)]),
        ({"occurrenceTiming": {"repeat": {"period": 2, "periodUnit": "wk", "count": 2}}}, [(14, 17), (28, 31)]),
        (
            {
                "occurrenceTiming": {
                    "repeat": {
                        "period": 1,
                        "periodUnit": "mo",
                        "boundsPeriod": {"start": "2026-04-01", "end": "2026-05-15"},
                    }
                }
            },
            [(30, 33), (60, 63)],
        ),
        ({"occurrenceTiming": {"repeat": {"period": 1, "periodUnit": "mo"}}}, [(30, 33), (60, 63), (90, 93)]),
    ],
)
def test_a_structured_request_goes_before_the_ladder(said: dict[str, Any], expected: list[tuple[int, int]]) -> None:
    assert windows(asked(**said)) == expected


def every(period: int, unit: str, **more: Any) -> dict[str, Any]:
    return asked(occurrenceTiming={"repeat": {"period": period, "periodUnit": unit, **more}})


@pytest.mark.parametrize(
    ("days", "cycle", "begins"),
    [
        (["2026-03-09"], every(2, "wk"), [7, 21, 35, 49, 63, 77]),
        (["2026-03-09"], every(2, "wk", count=3), [7, 21, 35]),  # the named day is the first of three
        (["2026-03-20", "2026-03-09"], every(2, "wk", count=3), [7, 18, 35]),  # the 20th stands for the 23rd
        (["2025-12-01"], every(2, "wk", count=2), [14, 28]),  # before the discharge: it says nothing
        (["2026-03-09"], every(1, "d", count=3), [7, 8, 9]),
        (["2026-03-30"], every(1, "mo", count=2, boundsPeriod={"start": "2026-04-01"}), [28, 60]),
    ],
)
def test_a_period_beside_a_day_counts_from_that_day(days: list[str], cycle: dict[str, Any], begins: list[int]) -> None:
    named = [asked(occurrenceDateTime=day) for day in days]
    assert [begin for begin, _ in windows(*named, cycle)] == begins


@pytest.mark.parametrize(
    "said",
    [
        {"occurrenceDateTime": "2026"},
        {"occurrenceDateTime": "2025-03-09"},
        {"occurrenceTiming": {"repeat": {"period": 6, "periodUnit": "h"}}},
        {"occurrenceTiming": {"repeat": {"period": 2, "_periodUnit": {}}}},
        {"occurrencePeriod": {"start": "2026-03-09"}},
        {"note": [{"text": "两周后复查"}]},
    ],
)
def test_what_names_no_days_leaves_the_ladder_in_force(said: dict[str, Any]) -> None:
    owed = plan_for(discharge(), ladder(), read_request([asked(**said)]))
    assert (owed.basis, [_days(one) for one in owed.windows]) == ("ladder", [(0, 7)])


def test_a_way_alone_is_followed_on_the_ladders_days() -> None:
    way = {"orderDetail": [{"coding": [{"system": WAYS, "code": "2"}]}]}
    owed = plan_for(discharge("F20.0"), ladder(), read_request([asked(**way)]))
    assert (owed.basis, {one.way for one in owed.windows}) == ("ladder", {"home"})


def test_a_request_that_was_taken_back_is_none() -> None:
    for status in ("revoked", "entered-in-error", "draft"):
        assert read_request([{**asked(occurrenceDateTime="2026-03-09"), "status": status}]) is None
    other = {**asked(occurrenceDateTime="2026-03-09"), "code": {"coding": [{"code": "follow-up"}]}}
    assert read_request([other]) is None


def test_a_request_does_not_undo_a_transfer() -> None:
    request = read_request([asked(occurrenceDateTime="2026-03-09")])
    assert plan_for(discharge(disposition="2"), ladder(), request).windows == ()


def test_a_cycle_without_an_end_ends() -> None:
    daily = windows(asked(occurrenceTiming={"repeat": {"period": 1, "periodUnit": "d"}}))
    assert len(daily) == 24


@pytest.mark.parametrize(
    "odd",
    [
        {"occurrenceTiming": {"repeat": {"period": 99999999, "periodUnit": "wk"}}},
        {"occurrenceTiming": {"repeat": {"period": 2, "periodUnit": "wk", "boundsPeriod": {"start": "9999-12-31"}}}},
        {"occurrenceDateTime": "9999-12-31"},
        {"occurrenceDateTime": "0001-01-01T00:00:00+14:00"},
    ],
)
def test_what_nobody_can_mean_asks_for_nothing_beyond_the_calendar(odd: dict[str, object]) -> None:
    assert all(days < 366 * 200 for _, days in windows(asked(**odd)))


# -- states ------------------------------------------------------------------------------------------------------------


def line(state: str = "due", *attempts: Attempt, begin: int = 0, seen: int = 0) -> FollowUp:
    end = DAY + timedelta(days=begin + 7)
    return FollowUp(
        id=KEY,
        state=state,
        due_from=DAY + timedelta(days=begin),
        due_until=end,
        planned_until=end,
        seen_on=DAY + timedelta(days=seen),
        limits=LIMITS,
        attempts=attempts,
    )


MACHINES: list[tuple[Machine[Any], Callable[[str], Any], set[str]]] = [
    (PLAN_MACHINE, lambda state: Plan(id=KEY, state=state), set()),
    (FOLLOW_UP_MACHINE, line, {"completed", "lost"}),
    (OFFER_MACHINE, lambda state: Offer(id=KEY, state=state, organisation="c"), set()),
]


@pytest.mark.parametrize(("machine", "make", "final"), MACHINES, ids=["plan", "follow-up", "offer"])
def test_every_state_is_reached_and_every_final_state_is_meant(
    machine: Machine[Any], make: Callable[[str], Any], final: set[str]
) -> None:
    reached, grown = {machine.states[0]}, True
    while grown:
        more = {one.target or state for state in reached for one in machine.moves if state in one.sources}
        grown = not more <= reached
        reached |= more
    assert reached == set(machine.states)
    assert set(machine.final) == final


@pytest.mark.parametrize(("machine", "make", "final"), MACHINES, ids=["plan", "follow-up", "offer"])
def test_every_act_in_every_state_by_everybody_has_the_outcome_of_the_table(
    machine: Machine[Any], make: Callable[[str], Any], final: set[str]
) -> None:
    for state in machine.states:
        for actor in Actor:
            for one in machine.moves:
                subject = make(state)
                allowed = actor in one.actors and state in one.sources and not (one.guard and one.guard(subject))
                if allowed:
                    assert machine.check(one.act, subject, frozenset({actor})) == (one.target or state)
                    continue
                with pytest.raises(Refused) as raised:
                    machine.check(one.act, subject, frozenset({actor}))
                assert raised.value.refusal.message("zh")
                assert raised.value.refusal.next_step("en")


def test_only_a_team_works_on_a_follow_up() -> None:
    for act in ("contact", "complete", "reschedule", "lose"):
        [one] = [each for each in FOLLOW_UP_MACHINE.moves if each.act == act]
        assert one.actors == {Actor.TEAM}


def attempt(day: int, way: str, *, is_reached: bool = False) -> Attempt:
    return Attempt(on=DAY + timedelta(days=day), way=way, is_reached=is_reached)


@pytest.mark.parametrize(
    ("attempts", "is_enough"),
    [
        ([], False),
        ([attempt(0, "telephone")] * 5, False),
        ([attempt(0, "telephone"), attempt(0, "home"), attempt(0, "telephone")], False),
        ([attempt(0, "telephone"), attempt(1, "telephone"), attempt(2, "telephone")], False),
        ([attempt(0, "telephone"), attempt(1, "home")], False),
        ([attempt(0, "telephone"), attempt(1, "home", is_reached=True), attempt(2, "telephone")], False),
        ([attempt(0, "telephone"), attempt(0, "telephone"), attempt(1, "home")], True),
    ],
)
def test_lost_is_who_was_tried_often_enough_on_several_days_and_at_home(
    attempts: list[Attempt], *, is_enough: bool
) -> None:
    assert ("lose" in list(FOLLOW_UP_MACHINE.acts(line("due", *attempts), frozenset({Actor.TEAM})))) is is_enough


def test_overdue_is_seen_from_a_day() -> None:
    assert not line(seen=7).is_overdue
    assert line(seen=8).is_overdue
    assert not line("completed", seen=8).is_overdue


@given(st.integers(-3, 60), st.integers(-3, 60), st.integers(0, 60))
def test_a_window_is_moved_between_today_and_the_latest_day_alone(begin: int, end: int, seen: int) -> None:
    one = line(seen=seen)
    latest = max(21, seen)
    allowed = seen <= begin <= end <= latest
    days = (DAY + timedelta(days=begin), DAY + timedelta(days=end))
    if allowed:
        check_window(one, *days)
    else:
        with pytest.raises(Refused):
            check_window(one, *days)


# -- what a team measures ----------------------------------------------------------------------------------------------


def test_every_measurement_has_its_code_and_range() -> None:
    assert set(ladder().measures) == {str(one) for one in Measurement}
    assert len({one.loinc for one in ladder().measures.values()}) == len(Measurement)


@given(st.sampled_from(sorted(Measurement)), st.floats(allow_nan=True, allow_infinity=True))
def test_what_is_outside_its_range_is_refused_without_its_value(name: str, value: float) -> None:
    measure = ladder().measures[name]
    given_ = [Measured(name=name, value=value)]
    fits = measure.low <= value <= measure.high
    is_half = name in ("systolic", "diastolic")
    if fits and not is_half:
        check_measured(given_, ladder().measures)
        return
    with pytest.raises(Refused) as raised:
        check_measured(given_, ladder().measures)
    assert set(raised.value.refusal.given) <= {"low", "high", "unit"}


def test_a_bundle_is_sound_fhir_and_the_same_however_often_it_is_made() -> None:
    values = [Measured(name=str(one), value=ladder().measures[one].low + 10) for one in Measurement]
    values = [replace(one, value=120) if one.name == "systolic" else one for one in values]
    made = [
        bundle_of(
            values,
            ladder().measures,
            follow_up=KEY,
            resident=UUID(int=2),
            at=datetime(2026, 3, 9, 1, 30, tzinfo=UTC),
            performer=Performer(team="t", team_name="团队", organisation="c", organisation_name="中心"),
        )
        for _ in range(2)
    ]
    assert made[0] == made[1]
    assert len(made[0]["entry"]) == len(Measurement) - 1  # two pressures are one
    Bundle.model_validate(made[0])
    first = made[0]["entry"][0]["resource"]
    assert [part["valueQuantity"]["value"] for part in first["component"]] == [120, 30]
    assert first["effectiveDateTime"] == "2026-03-09T09:30:00+08:00"
