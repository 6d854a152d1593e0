"""What comparing finds: births, addresses, numbers and newborns, one code each."""

from dataclasses import replace

import pytest

from hub.matching.addresses import Place, compare_places
from hub.matching.comparing import compare
from hub.matching.findings import compare_births, compare_names, findings
from hub.matching.person import Person
from hub.matching.rules import load_rules
from hub.record import Grade, Identifier
from tests.desk import MAPPINGS

RULES = load_rules(MAPPINGS / "identity.toml")
NUMBER = Identifier(kind="citizen-id", system="s", value="37109919560312001X")
WHO = Person(names=("秦学勤",), birth_date="1956-03-12", sex="female", phones=("19900004127",), numbers=(NUMBER,))
ADDRESS = "山东省威泉县城关镇海棠社区海棠路105号30号楼3单元503室"
CHILD = Person(names=("秦小雨",), birth_date="2024-05-06", sex="female", mother="金静玲", phones=("19900004127",))
NEWBORN = replace(CHILD, names=("金静玲之女",), mother="")


@pytest.mark.parametrize(
    ("one", "other", "code"),
    [
        ("1956-03-12", "1956-03-12", "born-same"),
        ("1956-03-12", "1956", "born-part"),
        ("1956", "1956", "born-part"),
        ("1956-03-12", "1956-01-01", "born-part"),
        ("1956-03-12", "1956-02-01", "born-lunar"),
        ("1956-01-20", "1955-12-08", "born-lunar"),
        ("1956-03-12", "1956-12-03", "born-swapped"),
        ("1956-03-12", "1956-03-17", "born-close"),
        ("1956-03-12", "1957-03-12", "born-close"),
        ("1956-03-12", "1956-07-29", "born-year"),
        ("1956-03-12", "1931-07-29", "born-other"),
        ("1956-03-12", "", ""),
    ],
)
def test_birth_dates_relate_in_one_way_and_both_ways_round(one: str, other: str, code: str) -> None:
    assert compare_births(one, other) == compare_births(other, one) == code


@pytest.mark.parametrize(
    ("other", "place"),
    [
        ("城关镇海棠社区海棠路105号30号楼503", Place.SAME),
        ("城关海棠路105号30-3-503", Place.SAME),
        ("威泉县城关镇海棠路", Place.NEAR),
        ("城关镇海棠路106号2号楼", Place.OTHER),
        ("威泉县石桥镇张家湾村195号", Place.OTHER),
    ],
)
def test_an_address_is_the_same_written_short(other: str, place: Place) -> None:
    assert compare_places(ADDRESS, other) is compare_places(other, ADDRESS) is place


def test_a_village_without_a_house_is_near_itself() -> None:
    assert compare_places("大营乡王家庄村", "大营乡王家庄村") is Place.NEAR


@pytest.mark.parametrize(
    ("one", "other", "code"),
    [
        ("秦学勤", "秦雪琴", "name-sound"),
        ("秦学勤", "qin xueqin", "name-sound"),
        ("秦学勤", "秦学□", "name-part"),
        ("阿卜杜拉买买提", "阿卜杜拉", "name-part"),
        ("秦学勤", "秦学琪", "name-close"),
        ("秦学勤", "秦明远", "name-surname"),
        ("秦学勤", "褚明远", "name-other"),
        ("金静玲之女", "秦小雨", "newborn-named"),
        ("金静玲之大女", "秦小雨", "newborn-either"),
        ("金静玲之大女", "金静玲之小女", "newborn-other"),
        ("金静玲之子", "金静玲之女", "newborn-other"),
        ("金静玲之女", "金静玲之女", "newborn-same"),
        ("秦婴", "秦小雨", "newborn-either"),
        ("金婴", "秦小雨", "newborn-unlike"),
    ],
)
def test_names_relate_in_one_way_and_both_ways_round(one: str, other: str, code: str) -> None:
    mine, theirs = Person(names=(one,)), Person(names=(other,))
    assert compare_names(mine, theirs) == compare_names(theirs, mine) == code


def test_an_alias_is_a_name() -> None:
    assert compare_names(Person(names=("秦学勤", "秦大丫")), Person(names=("秦大丫",))) == "name-same"


def test_a_number_tells_the_birth_date_that_nobody_said() -> None:
    silent = replace(WHO, birth_date="")
    assert "born-same" in findings(silent, replace(WHO, numbers=()))
    assert "born-same" not in findings(silent, WHO), "of two with one number it would be counted twice"


def test_only_a_number_with_a_name_makes_certain() -> None:
    assert compare(WHO, WHO, RULES).grade is Grade.CERTAIN
    assert compare(replace(WHO, numbers=()), WHO, RULES).grade is not Grade.CERTAIN


def test_a_relatives_number_is_asked_about() -> None:
    son = replace(WHO, names=("秦明远",), birth_date="", sex="male")
    assert compare(WHO, son, RULES).grade not in (Grade.CERTAIN, Grade.PROBABLE)


def test_two_citizens_of_one_name_and_day_are_two() -> None:
    other = replace(WHO, numbers=(replace(NUMBER, value="371099195603120028"),))
    assert compare(WHO, other, RULES).grade is Grade.NOT


def test_mother_and_newborn_under_her_number_are_two() -> None:
    newborn = replace(NEWBORN, anothers=(NUMBER,))
    assert compare(newborn, replace(WHO, names=("金静玲",)), RULES).grade is Grade.NOT


def test_a_newborn_is_found_again_under_its_name() -> None:
    assert compare(NEWBORN, CHILD, RULES).grade is Grade.PROBABLE


@pytest.mark.parametrize("name", ["金静玲之大女", "秦婴"])
def test_a_newborn_who_may_be_a_twin_is_asked_about(name: str) -> None:
    assert compare(replace(NEWBORN, names=(name,)), CHILD, RULES).grade is Grade.POSSIBLE


def test_what_is_missing_is_worth_little_and_capped() -> None:
    told = [weight for weight in compare(WHO, Person(names=WHO.names), RULES).weights if weight.code == "missing"]
    assert [weight.bits for weight in told] == [RULES.missing_values.most]


def test_every_weight_has_a_sentence_in_both_languages() -> None:
    for weight in compare(WHO, replace(WHO, sex="male", phones=("19900004128",)), RULES).weights:
        assert weight.zh.endswith("。")
        assert weight.en.endswith(".")
