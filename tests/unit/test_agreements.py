"""Agreements: their table is complete, and each region's committed policy says how long they may run."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from itertools import product
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.agreements import (
    MACHINE,
    Agreement,
    Client,
    Kind,
    Provider,
    Seen,
    State,
    Term,
    Wish,
    as_of,
    check_ratio,
    in_order,
    last_day,
    length_in_months,
    most_of,
    run_on,
    term_fault,
    term_of,
)
from hub.errors import Refused
from hub.policy import Programme, load_programme
from hub.transitions import Actor
from tests.policies import OWN

TODAY = date(2026, 11, 22)
SIGNED_AT = datetime(2026, 1, 1, 1, 0, tzinfo=UTC)
DAY = timedelta(days=1)
DATES = st.dates(date(2000, 1, 1), date(2099, 12, 31))


def programme(region: str) -> Programme:
    return load_programme(region, OWN)


def term(begins: date, ends: date) -> Term:
    return Term(begins_on=begins, ends_on=ends, signed_at=SIGNED_AT, signed_by="dr-lin")


def seen(state: State, *terms: tuple[date, date], today: date = TODAY) -> Seen:
    """An agreement in a state, with these terms."""
    known = tuple(term(*one) for one in terms)
    one = Agreement(
        id=UUID(int=1),
        number="A1",
        kind=Kind.PRIMARY,
        provider_kind=Provider.TEAM,
        provider_id="team-1",
        team_id="team-1",
        organisation_id="centre-1",
        client_kind=Client.RESIDENT,
        client_id=str(UUID(int=2)),
        state=state,
        term=1,
        begins_on=TODAY,
        ends_on=TODAY,
    )
    return Seen(agreement=as_of(one, known, today), terms=known, today=today)


RUNNING = (TODAY - 100 * DAY, TODAY + 100 * DAY)
OVER = (TODAY - 400 * DAY, TODAY - 35 * DAY)
AHEAD = (TODAY + 10 * DAY, TODAY + 300 * DAY)
NEXT = (TODAY + 101 * DAY, TODAY + 400 * DAY)


def outcome(act: str, subject: Seen, actor: Actor) -> str:
    """The state that an act leads to, or the code of its refusal."""
    try:
        return MACHINE.check(act, subject, frozenset({actor}))
    except Refused as refused:
        return refused.refusal.code


# -- the table -------------------------------------------------------------------------------------------------------


def test_every_state_is_reached_and_only_the_end_is_final() -> None:
    reached = {MACHINE.states[0]}
    while more := {one.target for one in MACHINE.moves if one.target and one.sources & reached} - reached:
        reached |= more
    assert reached == set(State) == set(MACHINE.states)
    assert MACHINE.final == {State.ENDED}


ALLOWED = {
    ("begin", State.SIGNED, Actor.TIME): State.IN_FORCE,
    ("renew", State.IN_FORCE, Actor.TEAM): State.IN_FORCE,
    ("renew", State.IN_FORCE, Actor.MESSAGE): State.IN_FORCE,
    ("renew", State.SIGNED, Actor.MESSAGE): State.SIGNED,
    ("renew", State.LAPSED, Actor.TEAM): State.SIGNED,
    ("renew", State.LAPSED, Actor.MESSAGE): State.SIGNED,
    ("renew", State.LAPSED, Actor.TIME): State.SIGNED,
    ("transfer", State.IN_FORCE, Actor.TEAM): State.ENDED,
    ("transfer", State.IN_FORCE, Actor.RECEIVER): State.ENDED,
    ("end", State.SIGNED, Actor.TEAM): State.ENDED,
    ("end", State.IN_FORCE, Actor.TEAM): State.ENDED,
    ("end", State.SIGNED, Actor.MESSAGE): State.ENDED,
    ("end", State.IN_FORCE, Actor.MESSAGE): State.ENDED,
    ("end", State.LAPSED, Actor.MESSAGE): State.ENDED,
}
ACTS = sorted({one.act for one in MACHINE.moves} - {"lapse"})


@pytest.mark.parametrize(("act", "state", "actor"), list(product(ACTS, State, Actor)))
def test_every_act_in_every_state_has_the_outcome_of_the_table(act: str, state: State, actor: Actor) -> None:
    """While its term runs, so that no guard speaks."""
    expected = ALLOWED.get((act, state, actor))
    if expected is None:
        assert outcome(act, seen(state, RUNNING), actor) in ("not-in-this-state", "not-yours-to-do")
    else:
        assert outcome(act, seen(state, RUNNING), actor) == expected


@pytest.mark.parametrize(
    ("act", "state", "terms", "actor", "expected"),
    [
        ("lapse", State.IN_FORCE, [OVER], Actor.TIME, State.LAPSED),
        ("lapse", State.IN_FORCE, [RUNNING], Actor.TIME, "agreement-runs"),
        ("lapse", State.IN_FORCE, [OVER], Actor.TEAM, "not-yours-to-do"),
        ("begin", State.SIGNED, [AHEAD], Actor.TIME, "agreement-not-begun"),
        ("begin", State.SIGNED, [RUNNING, NEXT], Actor.TIME, State.IN_FORCE),
        ("renew", State.IN_FORCE, [RUNNING, NEXT], Actor.TEAM, "agreement-not-begun"),
        ("renew", State.LAPSED, [OVER], Actor.TEAM, State.SIGNED),
        ("renew", State.LAPSED, [OVER], Actor.MESSAGE, "agreement-over"),
        ("renew", State.LAPSED, [OVER, AHEAD], Actor.TIME, State.SIGNED),
        ("transfer", State.IN_FORCE, [OVER], Actor.TEAM, "agreement-over"),
        ("end", State.IN_FORCE, [OVER], Actor.TEAM, "agreement-over"),
        ("end", State.LAPSED, [OVER], Actor.MESSAGE, State.ENDED),
    ],
)
def test_what_a_guard_asks_for(
    act: str, state: State, terms: list[tuple[date, date]], actor: Actor, expected: str
) -> None:
    assert outcome(act, seen(state, *terms), actor) == expected


@given(st.sampled_from(State), st.sampled_from([OVER, RUNNING, AHEAD]))
def test_the_clock_comes_to_rest(state: State, dates: tuple[date, date]) -> None:
    """What time does to an agreement ends after at most one round through the table."""
    subject, steps = seen(state, dates), 0
    while (act := next(MACHINE.acts(subject, frozenset({Actor.TIME})), None)) is not None:
        after = State(MACHINE.check(act, subject, frozenset({Actor.TIME})))
        subject, steps = replace(subject, agreement=replace(subject.agreement, state=after)), steps + 1
        assert steps <= len(State)


def test_an_agreement_lapses_with_its_last_day_whoever_closed_it_or_not() -> None:
    one = seen(State.IN_FORCE, RUNNING).agreement
    assert one.state_on(one.ends_on) is State.IN_FORCE
    assert one.state_on(one.ends_on + DAY) is State.LAPSED


# -- days and months -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("begins", "months", "ends"),
    [
        (date(2026, 1, 1), 12, date(2026, 12, 31)),
        (date(2026, 3, 15), 24, date(2028, 3, 14)),
        (date(2024, 2, 29), 12, date(2025, 2, 28)),
        (date(2026, 1, 31), 1, date(2026, 2, 28)),
    ],
)
def test_a_term_ends_the_day_before_the_corresponding_one(begins: date, months: int, ends: date) -> None:
    assert last_day(begins, months) == ends
    assert length_in_months(begins, ends) == months


@given(DATES, st.integers(1, 60), st.integers(-40, 40))
def test_a_term_is_as_long_as_it_was_made(begins: date, months: int, off: int) -> None:
    ends = last_day(begins, months)
    other = ends + off * DAY
    if other >= begins:
        length = length_in_months(begins, other)
        assert (length > months) == (off > 0)
        assert (length == months) == (off == 0)


@given(st.lists(st.tuples(DATES, st.integers(0, 900)), min_size=1, max_size=6), st.randoms(), DATES)
def test_the_order_in_which_terms_become_known_does_not_matter(
    given_terms: list[tuple[date, int]], random: object, today: date
) -> None:
    terms = [term(begins, begins + days * DAY) for begins, days in given_terms]
    shuffled = list(terms)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    blank = seen(State.SIGNED, RUNNING).agreement
    assert as_of(blank, shuffled, today) == as_of(blank, [*terms, *shuffled], today)


def test_a_day_between_two_terms_breaks_them_apart() -> None:
    first, second = term(date(2026, 1, 1), date(2026, 12, 31)), term(date(2027, 1, 1), date(2028, 12, 31))
    late = term(date(2027, 1, 2), date(2028, 12, 31))
    assert run_on([second, first], date(2026, 6, 1)) == (first, second)
    assert run_on([late, first], date(2026, 6, 1)) == (first,)
    assert run_on([late, first], date(2027, 6, 1)) == (late,)
    assert in_order([first, replace(first, ends_on=date(2026, 6, 30))]) == (first,)


# -- each region's terms ---------------------------------------------------------------------------------------------

BEGINS = date(2026, 12, 1)


def first_term(months: int | None, deviation: str = "") -> Wish:
    ends = last_day(BEGINS, months) if months else None
    return Wish(signs_on=TODAY, begins_on=BEGINS, ends_on=ends, deviation=deviation)


def renewal(months: int | None, years_before: int = 1, deviation: str = "") -> Wish:
    since = date(BEGINS.year - years_before, BEGINS.month, BEGINS.day)
    return replace(first_term(months, deviation), since=since)


def said(region: str, wish: Wish) -> str:
    """The months that may be signed and the rule, or the code of the refusal."""
    try:
        ends_on, rule = term_of(programme(region), wish)
    except Refused as refused:
        return refused.refusal.code
    return f"{length_in_months(wish.begins_on, ends_on)} {rule}".strip()


FIRST, RENEWAL = "agreement-first-term", "agreement-renewal-term"


@pytest.mark.parametrize(
    ("region", "wish", "expected"),
    [
        # Weihai 五(一): a year as a principle; renewals may run two to three.
        ("weihai-2023", first_term(None), f"12 {FIRST} weihai-2023 五(一)"),
        ("weihai-2023", first_term(24), "term-needs-a-reason"),
        ("weihai-2023", first_term(24, "居民要求"), f"24 {FIRST} weihai-2023 五(一)"),
        ("weihai-2023", renewal(None), f"12 {FIRST} weihai-2023 五(一)"),
        ("weihai-2023", renewal(36), f"36 {RENEWAL} weihai-2023 五(一)"),
        ("weihai-2023", renewal(18), "term-not-allowed"),
        ("weihai-2023", renewal(48, deviation="居民要求"), "term-not-allowed"),
        # Baodi 二(一)3: a year as a principle, the first and every other.
        ("baodi-2017", first_term(None), f"12 {FIRST} baodi-2017 二(一)3"),
        ("baodi-2017", renewal(None, 5), f"12 {RENEWAL} baodi-2017 二(一)3"),
        ("baodi-2017", renewal(24, 5), "term-needs-a-reason"),
        ("baodi-2017", renewal(24, 5, "外出务工"), f"24 {RENEWAL} baodi-2017 二(一)3"),
        # Pudong 12: a year; after two unbroken years two to three.
        ("pudong-2023", first_term(None), f"12 {FIRST} pudong-2023 12"),
        ("pudong-2023", first_term(24, "居民要求"), "term-not-allowed"),
        ("pudong-2023", renewal(None, 1), f"12 {FIRST} pudong-2023 12"),
        ("pudong-2023", renewal(24, 1), "term-too-early"),
        ("pudong-2023", renewal(24, 2), f"24 {RENEWAL} pudong-2023 12"),
        ("pudong-2023", renewal(36, 3), f"36 {RENEWAL} pudong-2023 12"),
        ("pudong-2023", renewal(12, 3), f"12 {FIRST} pudong-2023 12"),
        ("pudong-2023", renewal(48, 3), "term-not-allowed"),
        # Guangzhou 二(一)2: a year, and a year again.
        ("guangzhou-2017", first_term(None), f"12 {FIRST} guangzhou-2017 二(一)2"),
        ("guangzhou-2017", first_term(13, "居民要求"), "term-not-allowed"),
        ("guangzhou-2017", renewal(None, 4), f"12 {RENEWAL} guangzhou-2017 二(一)2"),
        # Fujian 四(一): one to three years, so nobody but the signers can tell; longer where both have talked it over.
        ("fujian-2022", first_term(None), "term-needs-an-end"),
        ("fujian-2022", first_term(12), f"12 {FIRST} fujian-2022 四(一)"),
        ("fujian-2022", first_term(36), f"36 {FIRST} fujian-2022 四(一)"),
        ("fujian-2022", first_term(37, "居民要求"), "term-not-allowed"),
        ("fujian-2022", renewal(60, 3), f"60 {RENEWAL} fujian-2022 四(一)"),
        ("fujian-2022", renewal(6, 3), "term-not-allowed"),
    ],
)
def test_what_each_region_lets_sign(region: str, wish: Wish, expected: str) -> None:
    assert said(region, wish) == expected


def test_a_document_that_says_nothing_forbids_nothing_but_tells_no_length() -> None:
    silent = Programme()
    assert term_of(silent, first_term(60)) == (last_day(BEGINS, 60), "")
    with pytest.raises(Refused) as refused:
        term_of(silent, first_term(None))
    assert refused.value.refusal.code == "term-needs-an-end"


def test_a_refusal_names_the_rule_the_clause_and_what_would_be_allowed() -> None:
    fault = term_fault(programme("pudong-2023"), renewal(30, 1))
    assert fault is not None
    assert fault.given["clause"] == "pudong-2023 12"
    assert fault.given["day"] == "2027-12-01"
    assert fault.given["changes_at"] == "2027-11-30T16:00:00+00:00"
    assert "1 year" in fault.message("en")
    assert "2027-12-01" in fault.message("zh")


def test_a_term_ends_no_earlier_than_it_begins() -> None:
    with pytest.raises(Refused) as refused:
        term_of(programme("weihai-2023"), replace(first_term(None), ends_on=BEGINS - DAY))
    assert refused.value.refusal.code == "term-order"


# -- how many --------------------------------------------------------------------------------------------------------


def refused(region: str, has: int, more: int, deviation: str = "") -> str:
    """The code with which a team is full; "" where it has room."""
    try:
        check_ratio(programme(region), TODAY, has=has, more=more, deviation=deviation)
    except Refused as refused:
        return refused.refusal.code
    return ""


def test_a_team_takes_as_many_as_the_ratio_has_it_and_more_only_with_a_reason() -> None:
    assert refused("baodi-2017", 2999, 1) == ""
    assert refused("baodi-2017", 2999, 2) == "team-full-in-principle"
    assert refused("baodi-2017", 3000, 1, "新建小区") == ""


@pytest.mark.parametrize("region", ["weihai-2023", "pudong-2023", "guangzhou-2017", "fujian-2022"])
def test_a_document_without_a_ratio_fills_no_team(region: str) -> None:
    assert refused(region, 99_999, 9) == ""


def test_only_baodi_counts_the_residents_of_a_team() -> None:
    found = most_of(programme("baodi-2017"), TODAY)
    assert found is not None
    assert (found[0], found[1].reference(), found[1].value) == (3000, "baodi-2017 二(一)3", Fraction(1000))
