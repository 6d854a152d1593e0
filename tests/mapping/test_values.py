"""Results as doctors need them: bounds, titres, Chinese positives, corrections, units, ranges, coarse dates."""

from typing import Any

import pytest

from hub.mapping.codes import load_tables
from hub.record import Mapped
from tests.desk import MAPPINGS
from tests.mapping.cases import reading_of

TABLES = load_tables(MAPPINGS / "codes")


def results() -> dict[str, Mapped]:
    """The results of the golden message, by their names."""
    [part] = reading_of("renmin-oru-r01-values").parts
    return {one.resource["code"]["text"]: one for one in part.resources if one.kind == "Observation"}


def interpretation(name: str) -> str | None:
    found = results()[name].resource.get("interpretation")
    return str(found[0]["coding"][0]["code"]) if found else None


@pytest.mark.parametrize(
    ("name", "said", "code"),
    [
        ("乙肝表面抗原", "阳性", "POS"),
        ("尿蛋白", "++", "POS"),
        ("结核抗体", "±", "E"),
        ("白细胞", "3-5", None),
    ],
)
def test_a_finding_in_words_stays_as_it_was_sent_with_its_meaning_beside_it(
    name: str, said: str, code: str | None
) -> None:
    assert results()[name].resource["valueString"] == said
    assert interpretation(name) == code


def test_a_titre_is_kept_with_what_the_laboratory_says_of_it() -> None:
    assert results()["抗体滴度"].resource["valueString"].replace(" ", "") == "1:80"


@pytest.mark.parametrize(
    ("name", "comparator", "value", "code"),
    [
        ("促甲状腺素", "<=", 0.01, "LL"),
        ("铁蛋白", ">", 1000, "AA"),
    ],
)
def test_a_bound_in_chinese_marks_is_a_bound(name: str, comparator: str, value: float, code: str) -> None:
    found = results()[name].resource["valueQuantity"]
    assert (found["comparator"], found["value"]) == (comparator, value)
    assert interpretation(name) == code


def test_a_range_by_sex_is_kept_word_by_word() -> None:
    assert results()["促甲状腺素"].resource["referenceRange"] == [{"text": "男:0.3-4.2;女:0.3-4.5;孕妇:0.1-2.5"}]


@pytest.mark.parametrize(("name", "flag"), [("钾", "unknown-unit"), ("肌酐", "no-unit")])
def test_a_unit_that_is_missing_or_unknown_is_flagged_and_not_guessed(name: str, flag: str) -> None:
    one = results()[name]
    assert "code" not in one.resource["valueQuantity"]
    assert flag in [found.code for found in one.flags]


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("结核抗体", "corrected"),
        ("作废", "entered-in-error"),
        ("错录", "entered-in-error"),
        ("乙肝表面抗原", "final"),
    ],
)
def test_what_a_laboratory_takes_back_or_corrects_says_so(name: str, status: str) -> None:
    assert results()[name].resource["status"] == status


@pytest.mark.parametrize(
    ("name", "code", "display"), [("ABO血型", "3", "O型"), ("血型", "4", "AB型"), ("Rh血型", "2", "阳性")]
)
def test_a_blood_group_is_a_code_however_it_is_written(name: str, code: str, display: str) -> None:
    coding = results()[name].resource["valueCodeableConcept"]["coding"][0]
    assert (coding["code"], coding["display"]) == (code, display)


def test_an_emptied_value_clears_and_a_month_stays_a_month() -> None:
    one = results()["清空"]
    assert not [element for element in one.resource if element.startswith("value")]
    assert [element for element in one.cleared if element.startswith("value")]
    assert one.resource["effectiveDateTime"] == "2026-02"


@pytest.mark.parametrize(
    ("table", "sent", "code"),
    [
        ("marital-status", "1", "S"),
        ("marital-status", "20", "M"),
        ("marital-status", "3", "W"),
        ("marital-status", "4", "D"),
        ("marital-status", "9", "OTH"),
        ("marital-status", "复婚", "M"),
        ("relationship", "0", "ONESELF"),
        ("relationship", "女儿", "DAUC"),
        ("relationship", "丈夫", "HUSB"),
        ("relationship", "6", "GRPRN"),
        ("ethnicity", "66", "66"),
        ("ethnicity", "外国血统中国籍", "98"),
        ("discharge-disposition", "医嘱转社区", "3"),
        ("interpretation", "↓↓", "LL"),
    ],
)
def test_codes_are_known_by_digit_and_by_word(table: str, sent: str, code: str) -> None:
    found: Any = TABLES[table].find(sent)
    assert found is not None
    assert found.to == code


def test_every_ethnicity_of_the_standard_is_known_by_both_digits_one_digit_and_name() -> None:
    codes = TABLES["ethnicity"].codes
    assert {f"{number:02}" for number in range(1, 57)} <= {code.to for code in codes.values()}
    assert all(codes[str(number)].to == f"{number:02}" for number in range(1, 10))
