"""What of a session is the teams', from when until when, and why not: each region's rule on a session of ten slots."""

from dataclasses import replace
from datetime import datetime, timedelta
from fractions import Fraction
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.errors import Refused
from hub.ids import new_id
from hub.policy import Programme, load_programme, policy_folders
from hub.slots import (
    BOOKING_MACHINE,
    MACHINE,
    SESSION_MACHINE,
    Account,
    Booking,
    BookingState,
    Offered,
    Session,
    SessionState,
    Slot,
    Standing,
    Stated,
    Terms,
    Use,
    for_teams,
    match,
    reserved,
    spread,
    terms,
    why_not,
)
from hub.transitions import Actor
from tests.sessions import NOW, STARTS, offered

WEEK = timedelta(weeks=1)
PUBLIC = STARTS - timedelta(days=2)
RELEASE = STARTS - timedelta(hours=12)


def region(name: str, *site: Path) -> Programme:
    return load_programme(name, [*policy_folders(None), *site])


def stated(**changed: Any) -> Stated:
    """A specialist's session of ten slots at a district's hospital, whose release the hospital states."""
    said: dict[str, Any] = {
        "kind": "expert",
        "authority": "district",
        "starts_at": STARTS,
        "public_from": PUBLIC,
        "total": 10,
        "release_at": RELEASE,
    }
    return Stated(**{**said, **changed})


def refused(programme: Programme, asked: Stated) -> Refused:
    with pytest.raises(Refused) as raised:
        terms(programme, asked)
    assert raised.value.refusal.message("zh")
    assert raised.value.refusal.next_step("zh")
    return raised.value


# -- the regions -----------------------------------------------------------------------------------------------------


def test_pudong_keeps_four_of_ten_and_opens_them_a_week_earlier() -> None:
    assert terms(region("pudong-2023"), stated()) == Terms(
        reserved=4,
        share="1/3",
        rule="pudong-2023 18",
        team_from=PUBLIC - WEEK,
        opening_rule="pudong-2023 18",
        release_at=RELEASE,
    )


@pytest.mark.parametrize(
    ("name", "kind", "clause"),
    [
        ("weihai-2023", "expert", "weihai-2023 四(三)"),
        ("weihai-2023", "examination", "weihai-2023 四(三)"),
        ("guangzhou-2017", "expert", "guangzhou-2017 二(二)5"),
    ],
)
def test_weihai_and_guangzhou_keep_two_of_ten(name: str, kind: str, clause: str) -> None:
    found = terms(region(name), stated(kind=kind))
    assert (found.reserved, found.share, found.rule) == (2, "1/5", clause)
    assert (found.team_from, found.opening_rule) == (PUBLIC, "")


@pytest.mark.parametrize(("name", "clause"), [("baodi-2017", "二(二)2(3)"), ("fujian-2022", "三(六)")])
def test_baodi_and_fujian_refuse_until_their_share_is_set(name: str, clause: str, tmp_path: Path) -> None:
    refusal = refused(region(name), stated()).refusal
    assert (refusal.code, refusal.where, refusal.given["reference"]) == (
        "policy-open",
        "slot-share",
        f"{name} {clause}",
    )
    assert "[[set]]" in refusal.next_step()
    site = 'by = "区卫健委"\non = 2026-01-10\nwhy = "会议商定"\n'
    overlay = f'[[set]]\nrule = "slot-share"\nvalue = "1/4"\nunit = "share"\n{site}'
    overlay += f'\n[[set]]\nrule = "slot-release"\nvalue = 24\nunit = "hours"\n{site}'
    (tmp_path / f"{name}.toml").write_text(overlay, encoding="utf-8")
    found = terms(region(name, tmp_path), stated(release_at=None))
    assert (found.reserved, found.share, found.rule) == (3, "1/4", f"{name} {clause}")
    assert (found.release_at, found.release_rule) == (STARTS - timedelta(days=1), f"{name} {clause}")


@pytest.mark.parametrize("name", ["baodi-2017", "fujian-2022"])
def test_what_the_hospital_states_holds_where_the_rule_is_open(name: str) -> None:
    found = terms(region(name), stated(reserved=3))
    assert (found.reserved, found.share) == (3, "")
    assert found.rule.startswith(name)


@pytest.mark.parametrize("name", ["weihai-2023", "guangzhou-2017", "pudong-2023"])
def test_no_document_says_when_slots_are_released_so_the_site_or_the_hospital_has_to(name: str) -> None:
    refusal = refused(region(name), stated(release_at=None)).refusal
    assert (refusal.code, refusal.where) == ("policy-open", "slot-release")


def test_hearsay_about_pudongs_city_hospitals_refuses_until_it_is_set(tmp_path: Path) -> None:
    city = stated(authority="city", release_at=None, public_from=STARTS - timedelta(days=10))
    assert refused(region("pudong-2023"), city).refusal.where == "slot-share"
    site = 'by = "区卫健委"\non = 2026-01-10\nwhy = "会议商定"\nunit = "share"\nauthorities = ["city"]\n'
    site += 'kinds = ["expert", "general"]\n'
    one = f'[[set]]\nrule = "slot-share"\nvalue = "1/2"\n{site}'
    (tmp_path / "pudong-2023.toml").write_text(one, encoding="utf-8")
    assert refused(region("pudong-2023", tmp_path), city).refusal.where == "slot-window-share"
    both = f'{one}\n[[set]]\nrule = "slot-window-share"\nvalue = "1/2"\n{site}'
    (tmp_path / "pudong-2023.toml").write_text(both, encoding="utf-8")
    found = terms(region("pudong-2023", tmp_path), city)
    assert (found.reserved, found.release_at) == (5, STARTS - timedelta(days=5))
    assert found.release_rule == "pudong-2023 18"


def test_a_kind_that_no_rule_is_about_reserves_what_the_hospital_states_and_needs_no_rule() -> None:
    weihai = region("weihai-2023")
    nothing = terms(weihai, stated(kind="general", release_at=None))
    assert nothing == Terms(reserved=0, team_from=PUBLIC, release_at=STARTS)
    assert terms(weihai, stated(kind="general", reserved=3)).reserved == 3


def test_beds_that_may_be_kept_are_kept_where_the_hospital_says_so() -> None:
    weihai = region("weihai-2023")
    assert terms(weihai, stated(kind="bed", release_at=None)).reserved == 0
    found = terms(weihai, stated(kind="bed", reserved=1))
    assert (found.reserved, found.rule) == (1, "weihai-2023 四(三)")


def test_without_a_region_nothing_says_how_much_is_kept() -> None:
    assert refused(Programme(), stated()).refusal.code == "no-region"


def test_a_hospital_may_give_more_than_the_rule_and_never_less() -> None:
    pudong = region("pudong-2023")
    assert [terms(pudong, stated(reserved=count)).reserved for count in (1, 4, 7)] == [4, 4, 7]
    early, late = PUBLIC - 2 * WEEK, PUBLIC - timedelta(days=1)
    assert terms(pudong, stated(team_from=early)).team_from == early
    assert terms(pudong, stated(team_from=early)).opening_rule == ""
    assert terms(pudong, stated(team_from=late)).team_from == PUBLIC - WEEK


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"reserved": 11}, "reserved-above-total"),
        ({"team_from": PUBLIC + timedelta(hours=1)}, "opens-after-public"),
        ({"release_at": STARTS + timedelta(hours=1)}, "released-after-start"),
    ],
)
def test_what_cannot_be_is_refused(changed: dict[str, Any], code: str) -> None:
    assert refused(region("weihai-2023"), stated(**changed)).refusal.code == code


# -- which slots -----------------------------------------------------------------------------------------------------


@given(st.integers(0, 500), st.fractions(0, 1))
def test_a_share_is_rounded_up_and_never_too_much(total: int, share: Fraction) -> None:
    count = reserved(total, share)
    assert total * share <= count <= total
    assert count - 1 < total * share


def test_a_third_of_ten_is_four_and_a_third_of_nine_three() -> None:
    assert [reserved(total, Fraction(1, 3)) for total in (9, 10)] == [3, 4]
    assert reserved(10, Fraction("0.2")) == 2
    assert reserved(0, Fraction(1, 3)) == 0


def test_teams_do_not_get_only_the_last_slots() -> None:
    assert spread(range(1, 11), 4) == [2, 4, 7, 9]
    assert spread(range(1, 11), 2) == [3, 8]
    assert spread(range(1, 11), 10) == list(range(1, 11))
    assert spread([], 2) == []


@given(st.integers(0, 60), st.data())
def test_the_teams_have_what_is_reserved_as_far_as_there_are_free_slots(total: int, data: st.DataObject) -> None:
    numbers = range(1, total + 1)
    some = st.sets(st.sampled_from(numbers)) if total else st.just(set())
    taken, busy, marked = (data.draw(some) for _ in range(3))
    count = data.draw(st.integers(0, total))
    slots = [offered(one, is_free=one not in busy, is_for_team=one in marked) for one in numbers]
    found = for_teams(slots, taken, count)
    free = set(numbers) - busy - taken
    assert found <= free
    assert marked & free <= found
    assert len(found) + len(taken) >= min(count, len(free) + len(taken))
    if not marked and len(taken) < count:
        assert len(found) + len(taken) <= count


# -- the same slot ---------------------------------------------------------------------------------------------------


def standing(number: int, account: Account = Account.PUBLIC) -> Standing:
    one = offered(number)
    return Standing(id=new_id(), number=number, starts_at=one.starts_at, ends_at=one.ends_at, account=account, moves=1)


def unnumbered(*numbers: int) -> list[Offered]:
    return [replace(offered(number), number=0) for number in numbers]


def test_slots_without_numbers_are_known_by_their_time() -> None:
    found = match(unnumbered(4, 1, 3), [standing(number) for number in (1, 2, 3, 4)])
    assert [(one.number, one.starts_at) for one in found] == [
        (number, offered(number).starts_at) for number in (1, 3, 4)
    ]
    assert [one.number for one in match(unnumbered(1, 2, 9), [standing(1), standing(2)])] == [1, 2, 3]
    assert [one.number for one in match(unnumbered(1, 2), [])] == [1, 2]


def test_a_taken_slot_without_a_number_keeps_a_place_when_times_change() -> None:
    known = [standing(1), standing(2, Account.BOOKED), standing(3)]
    (found,) = match(unnumbered(9), known)
    assert found.number == 2


@given(st.lists(st.integers(1, 30), unique=True), st.lists(st.integers(1, 30), unique=True))
def test_every_slot_told_has_one_number_of_its_own(told: list[int], known: list[int]) -> None:
    found = match(unnumbered(*told), [standing(number) for number in known])
    assert len({one.number for one in found}) == len(found) == len(told)
    assert {one.starts_at for one in found} == {offered(number).starts_at for number in told}


# -- why not ---------------------------------------------------------------------------------------------------------


def session(**changed: Any) -> Session:
    said: dict[str, Any] = {
        "id": new_id(),
        "organisation_id": "renmin",
        "number": "S1",
        "kind": "expert",
        "department": "心内科",
        "starts_at": STARTS,
        "ends_at": STARTS + timedelta(hours=2),
        "team_from": NOW - timedelta(days=1),
        "public_from": NOW,
        "release_at": RELEASE,
        "reserved": 4,
        "share": "1/3",
        "rule": "pudong-2023 18",
        "state": SessionState.OPEN,
        "told_at": NOW,
    }
    return Session(**{**said, **changed})


SOON = NOW + timedelta(minutes=3)
FULL = Use(total=10, free=0, next_expiry=SOON)
FREE = Use(total=10, free=1)


@pytest.mark.parametrize(
    ("changed", "use", "now", "code", "clause", "changes_at"),
    [
        ({}, FREE, NOW, None, None, None),
        ({}, FULL, NOW, "pool-taken", "pudong-2023 18", SOON),
        ({}, Use(total=10), NOW, "pool-taken", "pudong-2023 18", RELEASE),
        ({"team_from": SOON, "opening_rule": "a 1"}, FREE, NOW, "pool-not-open", "a 1", SOON),
        ({"team_from": SOON}, FREE, SOON, None, None, None),
        ({"release_rule": "b 2"}, FREE, RELEASE, "pool-released", "b 2", None),
        ({"rule": ""}, FREE, RELEASE, "pool-released", None, None),
        ({"state": SessionState.CANCELLED}, FREE, NOW, "session-cancelled", None, None),
        ({}, FREE, STARTS, "session-begun", None, None),
        ({"reserved": 0}, FREE, NOW, "nothing-reserved", "pudong-2023 18", None),
    ],
)
def test_why_not_names_the_clause_and_when_it_changes(
    changed: dict[str, Any], use: Use, now: datetime, code: str | None, clause: str | None, changes_at: datetime | None
) -> None:
    refusal = why_not(session(**changed), use, now)
    if code is None:
        assert refusal is None
        return
    assert refusal is not None
    assert (refusal.code, refusal.given.get("clause")) == (code, clause)
    assert refusal.given.get("changes_at") == (changes_at.isoformat() if changes_at else None)
    for language in ("zh", "en"):
        assert "{" not in refusal.message(language) + refusal.next_step(language)


def test_a_team_of_another_alliance_is_told_so_first() -> None:
    refusal = why_not(session(state=SessionState.CANCELLED), FREE, NOW, is_allied=False)
    assert refusal is not None
    assert refusal.code == "not-your-alliance"


# -- the tables ------------------------------------------------------------------------------------------------------

ACTORS = {Actor.TEAM, Actor.HOSPITAL, Actor.TIME, Actor.MESSAGE}


def _subjects(name: str) -> list[Any]:
    if name == "slot":
        return [Slot(account=account, is_released=over) for account, over in product(Account, (False, True))]
    if name == "session":
        return [session(state=state) for state in SessionState]
    times = (NOW - timedelta(minutes=1), NOW + timedelta(minutes=1))
    return [
        Booking(state=state, expires_at=expires, starts_at=starts, seen_at=NOW)
        for state, expires, starts in product(BookingState, (*times, None), times)
    ]


@pytest.mark.parametrize("machine", [MACHINE, BOOKING_MACHINE, SESSION_MACHINE], ids=lambda machine: machine.name)
def test_every_act_state_and_actor_has_the_outcome_that_the_table_says(machine: Any) -> None:
    acts = {one.act for one in machine.moves}
    for act, subject, actor in product(sorted(acts), _subjects(machine.name), sorted(ACTORS)):
        lines = [
            one
            for one in machine.moves
            if one.act == act and actor in one.actors and machine.state_of(subject) in one.sources
        ]
        open_lines = [one for one in lines if one.guard is None or one.guard(subject) is None]
        assert len(open_lines) <= 1
        if open_lines:
            assert machine.check(act, subject, frozenset({actor})) == (
                open_lines[0].target or machine.state_of(subject)
            )
        else:
            with pytest.raises(Refused) as raised:
                machine.check(act, subject, frozenset({actor}))
            assert raised.value.refusal.message("zh")


@pytest.mark.parametrize(
    ("machine", "first", "final"),
    [
        (MACHINE, {Account.NEW}, set()),
        (BOOKING_MACHINE, {BookingState.HELD}, {BookingState.EXPIRED, BookingState.CANCELLED}),
        (SESSION_MACHINE, {SessionState.OPEN}, set()),
    ],
    ids=["slot", "booking", "session"],
)
def test_every_state_is_reached_and_only_those_that_are_meant_are_final(
    machine: Any, first: set[str], final: set[str]
) -> None:
    reached = set(first)
    for _ in machine.states:
        reached |= {one.target for one in machine.moves if one.sources & reached and one.target}
    assert reached == set(machine.states)
    assert machine.final == final
    assert machine.states[0] in first


def test_a_slot_that_is_given_back_is_the_teams_before_the_release_and_the_publics_after_it() -> None:
    for act, actor in (("expire", Actor.TIME), ("cancel", Actor.TEAM)):
        held = [Slot(account=Account.HELD, is_released=over) for over in (False, True)]
        assert [MACHINE.check(act, one, frozenset({actor})) for one in held] == [Account.TEAM, Account.PUBLIC]


def test_a_taken_slot_is_never_withdrawn() -> None:
    for account in (Account.HELD, Account.BOOKED):
        with pytest.raises(Refused):
            MACHINE.check("withdraw", Slot(account=account), frozenset({Actor.HOSPITAL}))
