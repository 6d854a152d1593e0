"""Referrals: complete tables, acts by viewer, and a record whose last word decides, whatever came before."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import product
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.errors import Refused
from hub.ids import new_id
from hub.referrals import (
    ENDED,
    MACHINES,
    TOLERANCE,
    VOID_DISCHARGE,
    Ask,
    Death,
    Direction,
    Outcome,
    Referral,
    State,
    Stay,
    actors_of,
    asked,
    available,
    machine_of,
    may_be_of,
    number_of,
    outcome_of,
    pair,
)
from hub.transitions import Actor

NOON = datetime(2026, 11, 22, 4, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
MESSAGE = frozenset({Actor.MESSAGE})


def referral(direction: Direction = Direction.UP, **changed: object) -> Referral:
    sides = (
        {"from_organisation_id": "centre-1", "from_team_id": "team-1", "to_organisation_id": "hospital-1"}
        if direction is Direction.UP
        else {"from_organisation_id": "hospital-1", "to_organisation_id": "centre-1", "to_team_id": "team-1"}
    )
    said = {"number": "20261122-0000-0001", "state": State.SENT, "reason": "胸痛", "by": "dr-lin", "sent_at": NOON}
    return Referral(**{"id": new_id(), "resident_id": UUID(int=1), "direction": direction, **sides, **said, **changed})  # type: ignore[arg-type]


def stay(**changed: object) -> Stay:
    said = {"key": "人民医院|260000205", "organisation_id": "hospital-1", "kind": "IMP", "status": "in-progress"}
    return Stay(**{**said, "began_at": NOON + DAY, "told_at": NOON + DAY, **changed})  # type: ignore[arg-type]


def over(one: Stay, disposition: str = "1") -> Stay:
    return replace(one, status="finished", ended_at=NOON + 10 * DAY, disposition=disposition)


# -- the tables ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("direction", list(Direction))
def test_every_state_can_be_reached(direction: Direction) -> None:
    machine = MACHINES[direction]
    reached, grown = set[str](), {machine.states[0]}
    while grown - reached:
        reached |= grown
        grown = {one.target for one in machine.moves if one.target and one.sources & reached} | reached
    assert reached == set(machine.states)


@pytest.mark.parametrize("direction", list(Direction))
def test_only_a_message_opens_again_what_has_ended(direction: Direction) -> None:
    for one in MACHINES[direction].moves:
        if one.target not in ("", *ENDED) and one.sources & ENDED:
            assert Actor.MESSAGE in one.actors
            assert one.act in ("resume", "arrive")


def test_what_ends_for_good_is_what_is_meant_to() -> None:
    assert MACHINES[Direction.UP].final == {State.REFUSED, State.WITHDRAWN}
    assert MACHINES[Direction.DOWN].final == {State.CLOSED, State.REFUSED, State.WITHDRAWN}


def lines() -> Iterator[tuple[Direction, str, State, Actor]]:
    for direction in Direction:
        acts = {one.act for one in MACHINES[direction].moves}
        yield from product([direction], sorted(acts), State, Actor)


def fitting(direction: Direction, state: State, *, accepted: bool, closed_by_discharge: bool) -> Referral:
    return referral(
        direction,
        state=state,
        accepted_at=NOON if accepted else None,
        stay_key="x" if closed_by_discharge else "",
        outcome="home" if closed_by_discharge else "answered",
        reply=None if closed_by_discharge else {"advice": "x"},
    )


@pytest.mark.parametrize("guarded", [True, False])
def test_every_act_in_every_state_by_everybody_has_the_outcome_that_the_table_says(guarded: bool) -> None:
    for direction, act, state, actor in lines():
        one = fitting(direction, state, accepted=guarded, closed_by_discharge=guarded)
        meant = [
            move
            for move in MACHINES[direction].moves
            if move.act == act and state in move.sources and actor in move.actors
            if move.guard is None or move.guard(one) is None
        ]
        if meant:
            assert machine_of(one).check(act, one, frozenset({actor})) == (meant[0].target or state)
            assert len({move.target or state for move in meant}) == 1, (act, state, actor)
        else:
            with pytest.raises(Refused) as refused:
                machine_of(one).check(act, one, frozenset({actor}))
            assert refused.value.refusal.message("zh")
            assert refused.value.refusal.next_step("en")


def test_each_table_can_be_drawn_with_the_names_of_its_guards() -> None:
    drawn = MACHINES[Direction.UP].diagram()
    assert "booked --> accepted: unbook (hospital, message, team, time) [Somebody has accepted it]" in drawn
    assert "not-arrived" not in MACHINES[Direction.DOWN].diagram()


def test_a_receipt_is_no_acceptance() -> None:
    assert machine_of(one := referral()).check("receive", one, frozenset({Actor.RECEIVER})) == State.RECEIVED
    with pytest.raises(Refused) as refused:
        machine_of(one := referral(state=State.RECEIVED)).check("close", one, frozenset({Actor.RECEIVER}))
    assert refused.value.refusal.code == "not-in-this-state"


def test_a_lost_booking_leads_back_to_where_the_referral_was() -> None:
    hospital = frozenset({Actor.HOSPITAL})
    booked = referral(state=State.BOOKED)
    assert machine_of(booked).check("unbook", booked, hospital) == State.SENT
    taken = replace(booked, accepted_at=NOON)
    assert machine_of(taken).check("unbook", taken, hospital) == State.ACCEPTED


@pytest.mark.parametrize("act", ["refuse", "withdraw", "miss", "die", "unbook"])
def test_no_late_failure_overwrites_what_was_confirmed(act: str) -> None:
    for closed in (referral(state=State.CLOSED, outcome="home"), referral(state=State.CLOSED, outcome="answered")):
        with pytest.raises(Refused):
            machine_of(closed).check(act, closed, frozenset(Actor))


# -- who may do what -------------------------------------------------------------------------------------------------


def acts(one: Referral, *, account: str = "x", team: str = "", organisation: str = "", desk: bool = False) -> list[str]:
    return available(one, actors_of(one, account=account, team=team, organisation=organisation, is_desk=desk))


def test_what_can_be_done_now_depends_on_who_asks() -> None:
    sent = referral()
    assert acts(sent, team="team-1") == ["withdraw", "book"]
    assert acts(sent, organisation="hospital-1", desk=True) == ["receive", "accept", "refuse", "arrive"]
    assert acts(sent, team="team-2", organisation="hospital-1") == []
    assert acts(sent, organisation="hospital-2", desk=True) == []


def test_what_can_be_done_changes_with_the_state() -> None:
    desk = {"organisation": "hospital-1", "desk": True}
    booked = referral(state=State.BOOKED)
    assert acts(booked, **desk) == ["accept", "refuse", "arrive", "close"]  # type: ignore[arg-type]
    assert acts(replace(booked, accepted_at=NOON), **desk) == ["refuse", "arrive", "close"]  # type: ignore[arg-type]
    assert acts(referral(state=State.ARRIVED), **desk) == ["close"]  # type: ignore[arg-type]
    discharged = referral(state=State.CLOSED, stay_key="x", outcome="home")
    assert acts(discharged, **desk) == ["reply"]  # type: ignore[arg-type]
    assert acts(replace(discharged, reply={"advice": "x"}), **desk) == []  # type: ignore[arg-type]
    assert acts(discharged, team="team-1") == []


def test_down_any_team_of_the_centre_may_take_what_names_none() -> None:
    down = referral(Direction.DOWN, to_team_id=None, by="renmin-his")
    assert acts(down, team="team-9", organisation="centre-1") == ["receive", "accept", "refuse", "arrive"]
    assert acts(down, team="team-9", organisation="centre-2") == []
    named = replace(down, to_team_id="team-1")
    assert acts(named, team="team-9", organisation="centre-1") == []
    assert acts(named, organisation="hospital-1", desk=True) == ["withdraw"]


def test_a_referrer_cannot_accept_their_own_referral() -> None:
    sent = referral(by="dr-lin")
    assert "accept" not in acts(sent, account="dr-lin", team="team-1", organisation="hospital-1")
    assert acts(sent, account="dr-lin", organisation="hospital-1", desk=True) == []
    assert "accept" in acts(sent, account="desk", organisation="hospital-1", desk=True)


# -- what the record asks --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changed", "counts"),
    [
        ({}, True),
        ({"organisation_id": "hospital-2"}, False),
        ({"organisation_id": ""}, False),
        ({"began_at": NOON - TOLERANCE}, True),
        ({"began_at": NOON - TOLERANCE - HOUR}, False),
        ({"began_at": NOON - 2 * HOUR, "ended_at": NOON - HOUR, "status": "finished"}, False),
        ({"began_at": NOON, "ended_at": NOON, "status": "finished"}, True),  # within one second, as hospitals write it
        ({"status": "planned"}, False),
        ({"status": "cancelled"}, False),
        ({"status": "unknown"}, True),
        ({"status": "unknown", "began_at": None}, False),
        ({"began_at": None}, True),
        ({"began_at": None, "told_at": NOON - 2 * DAY}, False),
    ],
)
def test_a_stay_counts_that_began_there_after_the_sending(changed: dict[str, object], counts: bool) -> None:
    assert may_be_of(referral(), stay(**changed)) is counts


def test_who_was_missed_has_come_if_the_stay_began_before_the_clock_gave_up() -> None:
    missed = referral(state=State.NOT_ARRIVED, ended_at=NOON + 5 * DAY)
    assert may_be_of(missed, stay(began_at=NOON + 4 * DAY))
    assert not may_be_of(missed, stay(began_at=NOON + 6 * DAY))


def test_of_two_referrals_each_leads_to_the_stay_of_its_department() -> None:
    heart, head = referral(department="心内科"), referral(department="神经内科")
    stays = [
        stay(key="1", department="神经内科"),
        stay(key="2", department="心内科", began_at=NOON + 2 * DAY),
    ]
    assert {key: one.key for key, one in pair([heart, head], stays).items()} == {heart.id: "2", head.id: "1"}


def test_one_stay_is_one_referrals() -> None:
    first, second = referral(), referral()
    assert list(pair([first, second], [stay()])) == [first.id]
    held = replace(first, state=State.CLOSED, stay_key=stay().key)
    assert pair([held, second], [stay()]) == {}


def test_a_visit_gives_way_to_the_admission_that_it_ends_in() -> None:
    visit = stay(key="V", kind="AMB")
    arrived = referral(state=State.ARRIVED, stay_key="V")
    admitted = stay(began_at=NOON + DAY + HOUR)
    assert pair([arrived], [visit, admitted]) == {arrived.id: admitted}
    assert asked(arrived, visit, admitted, None) == Ask(act="admit", stay_key=admitted.key)
    assert pair([arrived], [visit, replace(admitted, kind="AMB")]) == {}


@pytest.mark.parametrize(
    ("disposition", "outcome"),
    [
        ("1", Outcome.HOME),
        ("2", Outcome.TRANSFERRED),
        ("3", Outcome.COMMUNITY),
        ("4", Outcome.AGAINST_ADVICE),
        ("5", Outcome.DIED),
        ("9", Outcome.DISCHARGED),
        ("", Outcome.DISCHARGED),
    ],
)
def test_the_outcome_is_how_the_stay_ended(disposition: str, outcome: Outcome) -> None:
    assert outcome_of(over(stay(), disposition), None) is outcome


def test_a_death_until_the_last_day_is_the_outcome_where_the_stay_does_not_say() -> None:
    ended = over(stay(), "")
    assert outcome_of(ended, Death(on=date(2026, 12, 2))) is Outcome.DIED
    assert outcome_of(ended, Death(on=date(2026, 12, 3))) is Outcome.DISCHARGED
    assert outcome_of(over(stay()), Death(on=date(2026, 12, 2))) is Outcome.HOME


def test_a_reply_is_not_undone_by_a_cancelled_discharge() -> None:
    answered = referral(state=State.CLOSED, stay_key=stay().key, outcome="answered")
    assert asked(answered, stay(), None, None) is None
    assert asked(answered, over(stay(), "5"), None, Death()) is None


def test_an_unaccepted_referral_down_goes_with_its_discharge() -> None:
    down = referral(Direction.DOWN, message_id=new_id(), stay_key=stay().key)
    assert asked(down, over(stay(), "3"), None, None) is None
    assert asked(down, stay(), None, None) == Ask(act="withdraw", reason=VOID_DISCHARGE)
    assert asked(replace(down, state=State.ACCEPTED), stay(), None, None) is None
    assert asked(replace(down, message_id=None), stay(), None, None) is None


def settled(one: Referral, own: list[Stay], death: Death | None) -> Referral:
    """A referral after all that a record asks of it."""
    for _ in range(10):
        found = pair([one], own)
        mine = next((each for each in own if each.key == one.stay_key), None)
        ask = asked(one, mine, found.get(one.id), death)
        if ask is None:
            return one
        state = State(machine_of(one).check(ask.act, one, MESSAGE))
        key = one.stay_key if ask.stay_key is None else ask.stay_key
        ended = (one.ended_at or NOON + 20 * DAY) if state in ENDED else None
        one = replace(one, state=state, stay_key=key, outcome=ask.outcome or "", ended_at=ended)
    raise AssertionError("the record never has enough")


VIEWS = [
    [],
    [stay(status="unknown")],
    [stay()],
    [over(stay(), "1")],
    [over(stay(), "3")],
    [over(stay(), "")],
    [replace(stay(), kind="AMB")],
    [stay(status="cancelled")],
]


@given(
    st.lists(st.tuples(st.sampled_from(VIEWS), st.sampled_from([None, Death(), Death(on=date(2026, 12, 1))]))),
    st.sampled_from([State.SENT, State.RECEIVED, State.ACCEPTED, State.BOOKED]),
)
def test_whatever_the_record_said_before_its_last_word_decides(
    views: list[tuple[list[Stay], Death | None]], state: State
) -> None:
    """A stay that was told and vanished has been there; a death that was told stays one. All else is the last word."""
    one = referral(state=state)
    for own, death in views:
        one = settled(one, own, death)
        assert settled(one, own, death) == one, "asking twice changes nothing"
    last = [over(stay(), "1")]
    if one.state is State.CLOSED and not one.stay_key:  # died before anybody heard of a stay
        return
    done = settled(one, last, None)
    assert (done.state, done.outcome, done.stay_key) == (State.CLOSED, Outcome.HOME, stay().key)


# -- numbers ---------------------------------------------------------------------------------------------------------


def test_a_number_is_the_day_and_letters_that_cannot_be_misread() -> None:
    number = number_of(new_id(), date(2026, 11, 22))
    assert number.startswith("20261122-")
    assert len(number) == 18
    assert not set(number) & set("ILOU")
    assert number_of(UUID(int=0), date(2026, 1, 2)) == "20260102-0000-0000"


def test_numbers_made_in_one_moment_differ() -> None:
    assert len({number_of(new_id(), date(2026, 11, 22)) for _ in range(5000)}) == 5000
