"""How a wrong policy file is refused: with its line."""

from datetime import date
from fractions import Fraction
from pathlib import Path

import pytest

from hub.errors import Refused
from hub.policy import find_faults, load_policies, load_programme
from tests.policies import DOCUMENT, OWN, SET, folders


@pytest.mark.parametrize(
    ("old", "new", "line", "said"),
    [
        (
            'value = "0.25"',
            'value = "0.1"',
            3,
            "1/10 share contradicts erzhou-2025 一(二) (不低于五分之一), which asks",
        ),
        ('value = "0.25"', 'value = "5/4"', 3, "5/4: a share is at most 1"),
        ('value = "0.25"', "value = 0.25", 3, 'in quotes a decimal or a fraction: 20, "0.2"'),
        ('value = "0.25"', 'value = "0.25"\nupper = "0.2"', 4, "upper 1/5 is not above 1/4"),
        ('value = "0.25"\n', "", 1, "value is missing"),
        ('unit = "share"', 'unit = "hours"', 4, "slot-share is not counted in hours, but in share"),
        ('unit = "days"', 'unit = "years"', 13, "slot-release is not counted in years, but in days, hours, weeks"),
        ("value = 1", 'value = "1/7"', 12, "1/7 days is no whole number of minutes"),
        ("value = 1", "value = -1", 12, "a figure of days is 0 or more"),
        ('rule = "slot-share"', 'rule = "slot-shares"', 2, "'slot-shares' is not a rule that the hub knows"),
        ('rule = "slot-share"', 'rule = "referral-priority"', 2, "is a duty: there is no figure to set"),
        ('rule = "slot-release"', 'rule = "slot-share"', 13, "slot-share is not counted in days"),
        ('kinds = ["expert", "bed"]', 'kinds = ["experts"]', 5, "'experts' is not one of expert, general"),
        ('kinds = ["expert", "bed"]', "kinds = []", 5, "kinds is a list of texts"),
        ('by = "二州市卫生健康委员会"\non = 2026-01-10\nwhy = "会', 'on = 2026-01-10\nwhy = "会', 1, "by is missing"),
        ("on = 2026-01-10", 'on = "2026-01-10"', 7, "on is a date without quotes"),
        ('why = "会议商定。"', 'why = ""', 8, "why is missing"),
        ('why = "会议商定。"', 'because = "会议商定。"', 8, "unknown key because"),
        ('why = "前一日退回。"', 'why = "前"\nuntil = 2025-12-31', 17, "until 2025-12-31 comes before 2026-01-10"),
        ("[[set]]\nrule", 'region = "erzhou-2025"\n[[set]]\nrule', 1, "unknown key region"),
    ],
)
def test_a_wrong_value_of_a_site_is_refused_with_file_and_line(
    old: str, new: str, line: int, said: str, tmp_path: Path
) -> None:
    assert old in SET
    where = folders(tmp_path, overlay=SET.replace(old, new, 1))
    with pytest.raises(Refused) as refused:
        load_programme("erzhou-2025", where)
    refusal = refused.value.refusal
    assert (refusal.code, refusal.where) == ("bad-policy", f"{where[1] / 'erzhou-2025.toml'}:{line}")
    assert said in refusal.message()


def test_two_decisions_of_one_thing_at_one_time_are_refused(tmp_path: Path) -> None:
    where = folders(tmp_path, overlay=SET + SET[SET.index('[[set]]\nrule = "slot-release"') :])
    with pytest.raises(Refused, match="slot-release is set twice") as refused:
        load_programme("erzhou-2025", where)
    assert refused.value.refusal.where.endswith(":18")


def test_values_for_a_region_that_is_not_there_are_refused(tmp_path: Path) -> None:
    where = folders(tmp_path)
    (where[1] / "erzhou.toml").write_text(SET, encoding="utf-8")
    for region in ("", "erzhou-2025"):
        with pytest.raises(Refused, match="no sound policy named erzhou to set"):
            load_programme(region, where)


@pytest.mark.parametrize(
    ("old", "new", "line", "said"),
    [
        ('region = "erzhou-2025"', 'region = "erzhou"', 1, "region must be the name of the file"),
        ('division = "371000"', 'division = "3710"', 2, "division is a code of six digits"),
        ('name = { zh = "二州", en = "Erzhou" }', 'name = "二州"', 3, "name is written as { zh"),
        ("issued = 2025-02-03", "issued = 2025-02-03T00:00:00", 6, "issued is a date without quotes"),
        ('issuers = ["二州市卫生健康委员会"]', "issuers = []", 7, "issuers is a list of texts"),
        ("number =", "no =", 5, "unknown key no"),
        ('id = "slot-share"', 'id = "slot-part"', 10, "'slot-part' is not a rule that the hub knows"),
        ('standing = "stated"', 'standing = "site"', 11, "'site' is not one of stated, open, hearsay"),
        ('binding = "must"', 'binding = "should"', 12, "'should' is not one of must, principle, may"),
        ('operator = ">="', 'operator = ">"', 13, "'>' is not one of >="),
        ('value = "1/5"', 'value = "1.2"', 14, "6/5: a share is at most 1"),
        ('value = "1/5"', 'value = "-1/5"', 14, "a figure of share is 0 or more"),
        ('value = "1/5"', "value = 0.2", 14, "value is a whole number, or in quotes"),
        ('value = "1/5"', "value = true", 14, "value is a whole number, or in quotes"),
        ('value = "1/5"', 'value = "1/0"', 14, "value is a whole number, or in quotes"),
        ('value = "1/5"\n', "", 9, "what is stated has a value; without one it is open"),
        ('unit = "share"', 'unit = "percent"', 15, "'percent' is not one of share"),
        ('unit = "share"', 'unit = "persons"', 15, "slot-share is not counted in persons"),
        ('denominator = { zh = "专家号源", en = "expert slots" }\n', "", 9, "denominator is written as"),
        ('kinds = ["expert"]', 'kinds = ["surgery"]', 17, "'surgery' is not one of expert, general"),
        ('kinds = ["expert"]', 'authorities = ["nation"]', 17, "'nation' is not one of county, district"),
        ('kinds = ["expert"]', "kind = 1", 17, "unknown key kind"),
        ('kinds = ["expert"]', "until = 2025-01-01", 17, "until 2025-01-01 comes before 2025-02-03"),
        ('clause = "一(二)"\n', "", 9, "clause is missing"),
        ('clause = "一(二)"', "clause = 18", 18, "clause is a text, in quotes"),
        ('printed = "不低于五分之一"', 'printed = " "', 19, "printed is missing"),
        ('zh = "至少五分之一。"\n', "", 9, "zh is missing"),
        ('en = "At least a fifth."\n', "", 9, "en is missing"),
        ("upper = 3\n", "", 23, "upper is the end of between"),
        ("upper = 3", "upper = 2", 29, "upper 2 is not above 2"),
        (
            'value = 2\nupper = 3\nunit = "years"',
            'value = "0.3"\nupper = 3\nunit = "years"',
            28,
            "no whole number of mon",
        ),
        (
            'operator = "="\nunit = "hours"',
            'operator = "="\nvalue = 5\nunit = "hours"',
            41,
            "what is open has no value",
        ),
        ('source = { zh = "传闻", en = "hearsay" }\n', "", 47, "a rule known by hearsay names its source"),
        ('standing = "hearsay"', 'standing = "stated"', 60, "and no other does"),
        ('kinds = ["general"]', 'kinds = ["general", "expert"]', 48, "slot-share stands here twice"),
        ('kinds = ["general"]\n', "", 48, "slot-share stands here twice"),
        ('printed = "优先"', 'printed = "优先"\nunit = "days"', 68, "referral-priority is a duty and takes no unit"),
    ],
)
def test_a_wrong_document_is_refused_with_file_and_line(
    old: str, new: str, line: int, said: str, tmp_path: Path
) -> None:
    assert old in DOCUMENT
    where = folders(tmp_path, DOCUMENT.replace(old, new, 1))
    with pytest.raises(Refused) as refused:
        load_policies(where)
    refusal = refused.value.refusal
    assert (refusal.code, refusal.where) == ("bad-policy", f"{where[0] / 'erzhou-2025.toml'}:{line}")
    assert said in refusal.message()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (DOCUMENT.encode("gb18030"), "is not UTF-8"),
        (DOCUMENT.replace('"must"', "must", 1).encode(), "erzhou-2025.toml:12: is no TOML"),
        (DOCUMENT[: DOCUMENT.index("[[rule]]")].encode(), "there is no \\[\\[rule\\]\\] in it"),
        (b"rule = 5\n" + DOCUMENT[: DOCUMENT.index("[[rule]]")].encode(), "erzhou-2025.toml:1: rule is written as"),
    ],
)
def test_a_document_that_cannot_be_read_is_refused(content: bytes, said: str, tmp_path: Path) -> None:
    where = folders(tmp_path)
    (where[0] / "erzhou-2025.toml").write_bytes(content)
    with pytest.raises(Refused, match=said) as refused:
        load_policies(where)
    assert refused.value.refusal.code == "bad-policy"


def test_rules_of_different_times_may_stand_side_by_side(tmp_path: Path) -> None:
    first = DOCUMENT.replace('kinds = ["expert"]', 'kinds = ["expert"]\nuntil = 2025-12-31', 1)
    again = DOCUMENT[DOCUMENT.index("[[rule]]") : DOCUMENT.index('[[rule]]\nid = "agreement')]
    later = again.replace('"1/5"', '"0.3"').replace("kinds", "from = 2026-01-01\nkinds")
    site = load_programme("erzhou-2025", folders(tmp_path, f"{first}\n{later}"))
    assert site.get("slot-share", date(2025, 12, 31), kind="expert").value == Fraction(1, 5)
    assert site.get("slot-share", date(2026, 1, 1), kind="expert").value == Fraction(3, 10)


def test_every_fault_of_a_file_is_found_in_the_order_of_its_lines(tmp_path: Path) -> None:
    text = DOCUMENT.replace('clause = "二"', "").replace('"371000"', '"3"').replace('value = "0.5"', 'value = "2"')
    where = folders(tmp_path, text, SET.replace('why = "会议商定。"', "").replace("value = 1", "value = -1"))
    document, overlay = where[0] / "erzhou-2025.toml", where[1] / "erzhou-2025.toml"
    assert [fault.where for fault in find_faults(document, where)] == [f"{document}:{line}" for line in (2, 23, 52)]
    (missing,) = find_faults(overlay, where)
    assert "no sound policy named erzhou-2025" in missing.message()
    document.write_text(DOCUMENT, encoding="utf-8")
    assert [fault.where for fault in find_faults(overlay, where)] == [f"{overlay}:{line}" for line in (1, 12)]
    assert find_faults(document, where) == []


def test_a_file_that_is_not_there_is_a_fault(tmp_path: Path) -> None:
    (fault,) = find_faults(tmp_path / "none.toml", OWN)
    assert "cannot be read" in fault.message()
