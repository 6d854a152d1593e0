"""What the committed policies say, and how a rule is found or insisted on."""

from datetime import date, timedelta
from fractions import Fraction
from math import ceil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.errors import Refused
from hub.policy import RULES, Binding, Operator, Rule, Scope, Standing, Unit, load_policies, load_programme
from tests.policies import DAY, OWN, programme, refused_code

REGIONS = ("baodi-2017", "fujian-2022", "guangzhou-2017", "pudong-2023", "weihai-2023")

# -- the five regions ------------------------------------------------------------------------------------------------


def test_the_five_regions_are_there() -> None:
    assert tuple(sorted(load_policies(OWN))) == REGIONS


@pytest.mark.parametrize("region", REGIONS)
def test_every_region_holds_rules_of_slots_agreements_and_referrals(region: str) -> None:
    ids = {rule.id for rule in load_policies(OWN)[region].rules}
    assert {"slot-share", "slot-release", "agreement-first-term", "agreement-renewal-term", "referral-priority"} <= ids


@pytest.mark.parametrize("region", REGIONS)
def test_when_unused_slots_go_back_is_open_everywhere(region: str) -> None:
    assert refused_code(load_programme(region, OWN), "slot-release", kind="expert") == "policy-open"


@pytest.mark.parametrize(
    ("region", "authority", "share", "reference"),
    [
        ("weihai-2023", "county", Fraction(1, 5), "weihai-2023 四(三)"),
        ("guangzhou-2017", "district", Fraction(1, 5), "guangzhou-2017 二(二)5"),
        ("pudong-2023", "district", Fraction(1, 3), "pudong-2023 18"),
    ],
)
def test_a_stated_share_of_expert_slots_is_exact(region: str, authority: str, share: Fraction, reference: str) -> None:
    rule = load_programme(region, OWN).get("slot-share", DAY, kind="expert", authority=authority)
    assert (rule.value, rule.operator, rule.reference()) == (share, Operator.AT_LEAST, reference)
    assert ceil(10 * rule.value) == {"pudong-2023": 4}.get(region, 2)


@pytest.mark.parametrize("region", ["baodi-2017", "fujian-2022"])
def test_a_share_that_a_document_leaves_open_is_refused_with_its_clause(region: str) -> None:
    with pytest.raises(Refused) as refused:
        load_programme(region, OWN).get("slot-share", DAY, kind="expert", authority="county")
    refusal = refused.value.refusal
    assert (refusal.code, refusal.where) == ("policy-open", "slot-share")
    assert {"baodi-2017": "二(二)2(3)", "fujian-2022": "三(六)"}[region] in refusal.message()
    assert "一定比例" in refusal.message()
    assert f"policies/{region}.toml" in refusal.next_step()


def test_pudongs_districts_open_a_week_earlier_and_its_citys_hospitals_are_hearsay() -> None:
    pudong = load_programme("pudong-2023", OWN)
    lead = pudong.get("slot-lead-time", DAY, kind="expert", authority="district")
    assert lead.as_days() == timedelta(days=7)
    half = pudong.find("slot-share", DAY, kind="expert", authority="city")
    assert half is not None
    assert (half.standing, half.figure, half.holds) == (Standing.HEARSAY, Fraction(1, 2), False)
    assert half.source is not None
    assert refused_code(pudong, "slot-share", kind="expert", authority="city") == "policy-open"
    assert refused_code(pudong, "slot-window-share", kind="expert", authority="city") == "policy-open"


def test_a_rule_for_some_hospitals_says_nothing_of_others() -> None:
    pudong = load_programme("pudong-2023", OWN)
    assert pudong.find("slot-share", DAY, kind="expert") is None
    assert pudong.find("slot-share", DAY, kind="examination", authority="district") is None
    assert refused_code(pudong, "slot-share", kind="expert", authority="province") == "policy-silent"


def test_a_rule_holds_from_the_day_that_its_document_names() -> None:
    guangzhou = load_programme("guangzhou-2017", OWN)
    assert guangzhou.find("slot-share", date(2016, 12, 31), kind="expert") is None
    assert guangzhou.get("slot-share", date(2017, 1, 1), kind="expert").value == Fraction(1, 5)
    assert guangzhou.find("agreement-first-term", date(2017, 9, 4)) is None
    assert guangzhou.get("agreement-first-term", date(2017, 9, 5)).as_months() == 12


def test_in_principle_is_not_must() -> None:
    assert load_programme("baodi-2017", OWN).get("team-ratio", DAY).binding is Binding.PRINCIPLE
    assert load_programme("guangzhou-2017", OWN).get("agreement-first-term", DAY).binding is Binding.MUST
    assert load_programme("fujian-2022", OWN).get("agreement-first-term", DAY).binding is Binding.MAY


def test_baodis_teams_have_between_one_and_three_thousand_residents() -> None:
    ratio = load_programme("baodi-2017", OWN).get("team-ratio", DAY)
    assert [ratio.allows(count) for count in (999, 1000, 3000, 3001)] == [False, True, True, False]


# -- finding and insisting -------------------------------------------------------------------------------------------


def test_without_a_region_nothing_is_found_and_insisting_is_refused() -> None:
    nowhere = load_programme("", OWN)
    assert nowhere.region == ""
    assert nowhere.rules == ()
    assert nowhere.find("slot-share", DAY, kind="expert") is None
    assert refused_code(nowhere, "slot-share") == "no-region"


def test_a_region_that_has_no_policy_is_refused_by_name() -> None:
    with pytest.raises(Refused, match="weihai-2032") as refused:
        load_programme("weihai-2032", OWN)
    assert (refused.value.refusal.code, refused.value.refusal.where) == ("unknown-region", "HUB_REGION")
    assert "weihai-2023" in refused.value.refusal.next_step()


def test_a_rule_that_the_hub_does_not_know_is_a_fault_of_the_code() -> None:
    with pytest.raises(KeyError):
        load_programme("weihai-2023", OWN).find("slots-share", DAY)


def test_a_duty_holds_without_a_figure(tmp_path: Path) -> None:
    duty = programme(tmp_path).get("referral-priority", DAY)
    assert (duty.holds, duty.asks(), duty.allows(5)) == (True, "", True)


def test_an_open_rule_can_be_found_and_its_figure_cannot(tmp_path: Path) -> None:
    rule = programme(tmp_path).find("slot-release", DAY)
    assert rule is not None
    assert not rule.holds
    with pytest.raises(Refused, match="及时退回"):
        rule.as_days()


def test_hearsay_has_a_figure_that_nobody_may_act_on(tmp_path: Path) -> None:
    rule = programme(tmp_path).find("slot-share", DAY, kind="general")
    assert rule is not None
    assert rule.figure == Fraction(1, 2)
    with pytest.raises(Refused, match="policies/erzhou-2025"):
        _ = rule.value


def some_rule(operator: Operator, figure: Fraction, unit: Unit, upper: Fraction | None = None) -> Rule:
    return Rule(
        id="slot-lead-time",
        region="erzhou-2025",
        standing=Standing.STATED,
        binding=Binding.MUST,
        operator=operator,
        unit=unit,
        figure=figure,
        upper=upper,
        scope=Scope(starts_on=date(2025, 1, 1)),
        clause="一",
        printed="一",
        zh="一。",
        en="One.",
    )


@pytest.mark.parametrize(
    ("operator", "allowed"),
    [
        (Operator.AT_LEAST, [False, True, True]),
        (Operator.AT_MOST, [True, True, False]),
        (Operator.EQUAL, [False, True, False]),
        (Operator.ABOUT, [True, True, True]),
    ],
)
def test_an_operator_says_which_values_are_allowed(operator: Operator, allowed: list[bool]) -> None:
    rule = some_rule(operator, Fraction(7), Unit.DAYS)
    assert [rule.allows(days) for days in (6, 7, 8)] == allowed


def test_a_value_may_come_in_another_unit_of_its_sort() -> None:
    rule = some_rule(Operator.AT_LEAST, Fraction(1), Unit.WEEKS)
    assert rule.allows(7, Unit.DAYS)
    assert not rule.allows(167, Unit.HOURS)
    with pytest.raises(ValueError, match="not in months"):
        rule.allows(1, Unit.MONTHS)


def test_days_and_months_are_not_turned_into_each_other() -> None:
    assert some_rule(Operator.EQUAL, Fraction(3, 2), Unit.DAYS).as_days() == timedelta(hours=36)
    assert some_rule(Operator.EQUAL, Fraction(3, 2), Unit.YEARS).as_months() == 18
    with pytest.raises(ValueError, match="not in months"):
        some_rule(Operator.EQUAL, Fraction(30), Unit.DAYS).as_months()
    with pytest.raises(ValueError, match="not in minutes"):
        some_rule(Operator.EQUAL, Fraction(1), Unit.MONTHS).as_days()


DAYS = st.dates(date(2025, 1, 1), date(2025, 1, 9))
NAMES = st.frozensets(st.sampled_from(["expert", "bed"]))


@st.composite
def scopes(draw: st.DrawFn) -> Scope:
    start = draw(DAYS)
    end = draw(st.none() | st.dates(start, date(2025, 1, 12)))
    return Scope(kinds=draw(NAMES), authorities=draw(NAMES), starts_on=start, ends_on=end)


@given(scopes(), scopes())
def test_two_scopes_meet_only_where_both_cover_something(one: Scope, other: Scope) -> None:
    names = ("expert", "bed")
    both = any(
        one.covers(day, kind, authority) and other.covers(day, kind, authority)
        for day in (date(2025, 1, 1) + timedelta(days=n) for n in range(13))
        for kind in names
        for authority in names
    )
    assert one.meets(other) == other.meets(one) == both


def test_every_known_rule_is_used_by_some_region() -> None:
    used = {rule.id for policy in load_policies(OWN).values() for rule in policy.rules}
    assert used == set(RULES)
