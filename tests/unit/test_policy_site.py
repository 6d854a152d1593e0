"""What a site sets over its region's policy."""

from datetime import date, timedelta
from fractions import Fraction
from pathlib import Path

from hub.docs.policies import EXAMPLE
from hub.policy import Operator, Standing, Unit, load_programme
from tests.policies import DAY, DOCUMENT, OWN, SET, programme, refused_code


def test_the_example_of_the_page_is_taken(tmp_path: Path) -> None:
    (tmp_path / "weihai-2023.toml").write_text(EXAMPLE, encoding="utf-8")
    weihai = load_programme("weihai-2023", [*OWN, tmp_path])
    beds = weihai.get("slot-share", DAY, kind="bed", authority="county")
    assert (beds.value, beds.standing, beds.clause) == (Fraction(1, 4), Standing.OPEN, "四(三)")
    assert weihai.get("slot-release", DAY, kind="expert").as_days() == timedelta(days=1)


def test_a_site_sets_what_is_open_from_the_day_of_its_decision(tmp_path: Path) -> None:
    site = programme(tmp_path, SET)
    rule = site.get("slot-release", date(2026, 1, 10), kind="expert")
    assert (rule.value, rule.unit, rule.as_days()) == (Fraction(1), Unit.DAYS, timedelta(days=1))
    assert rule.set_by is not None
    assert (rule.set_by.by, rule.set_by.why) == ("二州市卫生健康委员会", "前一日退回。")
    assert rule.reference() == "erzhou-2025 三"
    assert refused_code(site, "slot-release", date(2026, 1, 9), kind="expert") == "policy-open"


def test_a_site_may_ask_for_more_than_a_clause(tmp_path: Path) -> None:
    rule = programme(tmp_path, SET).get("slot-share", DAY, kind="expert")
    assert (rule.value, rule.operator, rule.clause) == (Fraction(1, 4), Operator.AT_LEAST, "一(二)")


def test_before_the_decision_the_clause_alone_holds(tmp_path: Path) -> None:
    rule = programme(tmp_path, SET).get("slot-share", date(2025, 12, 31), kind="expert")
    assert (rule.value, rule.set_by) == (Fraction(1, 5), None)


def test_a_site_may_have_a_rule_where_the_document_is_silent(tmp_path: Path) -> None:
    site = programme(tmp_path, SET.replace('kinds = ["expert", "bed"]', 'kinds = ["bed"]'))
    rule = site.get("slot-share", DAY, kind="bed")
    assert (rule.value, rule.standing, rule.clause) == (Fraction(1, 4), Standing.SITE, "")
    assert rule.reference() == "erzhou-2025 (二州市卫生健康委员会, 2026-01-10)"
    assert [one.standing for one in site.rules].count(Standing.SITE) == 1
    assert refused_code(site, "slot-share", kind="examination") == "policy-silent"


def test_a_site_adopts_hearsay_by_setting_it(tmp_path: Path) -> None:
    adopted = SET.replace('value = "0.25"', 'value = "0.5"').replace('["expert", "bed"]', '["general"]')
    rule = programme(tmp_path, adopted).get("slot-share", DAY, kind="general")
    assert (rule.value, rule.standing, rule.holds) == (Fraction(1, 2), Standing.HEARSAY, True)


def test_one_figure_in_a_range_is_that_figure(tmp_path: Path) -> None:
    text = SET.replace("slot-release", "agreement-renewal-term").replace('value = 1\nunit = "days"', "VALUE")
    one = programme(tmp_path / "1", text.replace("VALUE", 'value = 30\nunit = "months"'))
    rule = one.get("agreement-renewal-term", DAY)
    assert (rule.operator, rule.as_months(), rule.allows(3, Unit.YEARS)) == (Operator.EQUAL, 30, False)
    narrower = programme(tmp_path / "2", text.replace("VALUE", 'value = 2\nupper = "2.5"\nunit = "years"'))
    rule = narrower.get("agreement-renewal-term", DAY)
    assert (rule.operator, rule.asks(), rule.allows(3)) == (Operator.BETWEEN, "2-5/2 years", False)


def test_a_decision_that_ended_gives_way_to_the_next(tmp_path: Path) -> None:
    older = SET.replace('unit = "days"', 'unit = "days"\nuntil = 2026-02-28')
    newer = SET[SET.index('[[set]]\nrule = "slot-release"') :].replace("value = 1", "value = 2")
    site = programme(tmp_path, older + newer.replace("2026-01-10", "2026-03-01"))
    assert site.get("slot-release", date(2026, 2, 28)).value == 1
    assert site.get("slot-release", date(2026, 3, 1)).value == 2


def test_a_site_may_bring_a_document_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "erzhou-2025.toml").write_text(DOCUMENT, encoding="utf-8")
    assert load_programme("erzhou-2025", [*OWN, tmp_path]).region == "erzhou-2025"
