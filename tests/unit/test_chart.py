"""A record as doctors read it: problems, drugs taken now, trends."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from hub.chart.chapters import chapter_of, chapters
from hub.chart.medications import RULES, current_of, is_current
from hub.chart.problems import Telling, problems_of
from hub.chart.ranges import Whose, applying
from hub.chart.trends import Trend, codes_read, followed
from hub.chart.trends import trends_of as trends_of_whom
from hub.mapping.units import LOINC

ICD = "http://hl7.org/fhir/sid/icd-10"
NATIONAL = "urn:oid:2.16.156.10011.2.3.3.11.5"
NOW = datetime(2026, 3, 10, 4, tzinfo=UTC)


def day(number: int) -> datetime:
    return datetime(2026, 3, 1, tzinfo=UTC) + timedelta(days=number)


def row(number: int = 0, **columns: Any) -> dict[str, Any]:
    """A line of a record; the number makes its id."""
    said: dict[str, Any] = {
        **dict.fromkeys(("status", "code_system", "code", "display", "onset", "clinical_status", "organisation")),
        **dict.fromkeys(("value", "unit", "reference_range", "interpretation", "interpretation_code")),
        "effective": None,
        "effective_at": None,
        "origins": [],
    }
    return {"id": UUID(int=number), "key": str(number), **said, **columns}


# -- problems ----------------------------------------------------------------------------------------------------------


def told(**times: int) -> Mapping[str, Telling]:
    return {
        key.removeprefix("k"): Telling(times=count, first_at=day(0), last_at=day(count), visits=(("人民医院", key),))
        for key, count in times.items()
    }


def test_editions_of_one_code_are_one_problem() -> None:
    rows = [
        row(1, code_system=NATIONAL + "-icd", code="I10.x00", display="原发性高血压"),
        row(2, code_system=ICD, code="I10", display="Hypertension"),
        row(3, code_system=ICD, code="I11.900", display="高血压性心脏病"),
    ]
    found = problems_of(rows, told(k1=3, k2=2, k3=1))
    assert [(one.code, one.times, one.display) for one in found] == [
        ("I10", 5, "原发性高血压"),
        ("I11.9", 1, "高血压性心脏病"),
    ]
    assert found[0].visits == (("人民医院", "k1"), ("人民医院", "k2"))
    assert found[0].chapter is not None
    assert (found[0].chapter.number, found[0].chapter.zh) == ("IX", "循环系统疾病")


def test_a_problem_without_a_code_is_known_by_its_words() -> None:
    rows = [row(1, display="头 痛"), row(2, display="头痛"), row(3, display="胸痛")]
    found = problems_of(rows, {})
    assert sorted(one.times for one in found) == [1, 2]
    assert {one.chapter for one in found} == {None}


def test_a_problem_is_over_where_its_last_word_says_so() -> None:
    over = row(1, code_system=ICD, code="J18.9", clinical_status="resolved", effective_at=day(5))
    still = row(2, code_system=ICD, code="J18.900", clinical_status="active", effective_at=day(1))
    assert [one.is_active for one in problems_of([over, still], {})] == [False]
    assert [one.is_active for one in problems_of([over | {"effective_at": day(0)}, still], {})] == [True]
    assert [one.is_active for one in problems_of([row(1, code="I10", clinical_status=None)], {})] == [True]


def test_active_problems_come_first_then_what_was_said_last() -> None:
    rows = [
        row(1, display="甲", effective_at=day(1)),
        row(2, display="乙", effective_at=day(2)),
        row(3, display="丙", effective_at=day(9), clinical_status="inactive"),
        row(4, display="丁"),
    ]
    assert [one.display for one in problems_of(rows, {})] == ["乙", "甲", "丁", "丙"]


def test_what_was_refuted_is_no_problem() -> None:
    assert problems_of([row(1, display="肺癌", status="refuted")], {}) == []


def test_a_problem_is_there_since_its_earliest_onset_else_since_it_was_first_spoken_of() -> None:
    onset = [
        row(1, code="I10", onset="2019-05", effective_at=datetime(2019, 5, 1, tzinfo=UTC)),
        row(2, code="I10.x00", onset="2021", effective_at=datetime(2021, 1, 1, tzinfo=UTC)),
    ]
    [found] = problems_of(onset, told(k1=1))
    assert (found.since, found.since_at, found.is_onset) == ("2019-05", datetime(2019, 5, 1, tzinfo=UTC), True)
    [found] = problems_of([row(1, code="I10", effective_at=day(4))], told(k1=7))
    assert (found.since, found.since_at, found.is_onset) == (None, day(0), False)


def test_every_category_of_icd_10_has_one_chapter_or_is_between_two() -> None:
    assert len(chapters()) == 22
    for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ":
        for number in range(100):
            category = f"{letter}{number:02}"
            holding = [one for one in chapters() if one.categories[:3] <= category <= one.categories[4:]]
            assert len(holding) <= 1
            assert chapter_of(f"{category}.9") == (holding[0] if holding else None)
    assert all(one.zh and one.en for one in chapters())


@pytest.mark.parametrize(("code", "number"), [("H59.8", "VII"), ("h60", "VIII"), ("D48", "II"), ("D50.900", "III")])
def test_a_chapter_begins_where_the_one_before_it_ends(code: str, number: str) -> None:
    found = chapter_of(code)
    assert found is not None
    assert found.number == number


@pytest.mark.parametrize("code", ["", "高血压", "BNS", "38341003", "I1"])
def test_what_is_no_code_of_icd_10_has_no_chapter(code: str) -> None:
    assert chapter_of(code) is None


# -- drugs -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("columns", "current"),
    [
        ({"status": "active"}, True),
        ({"status": None}, True),
        ({"status": "unknown"}, True),
        ({"status": "stopped"}, False),
        ({"status": "cancelled"}, False),
        ({"status": "completed"}, False),
        ({"status": "on-hold"}, False),
        ({"status": "active", "intent": "plan"}, False),
        ({"status": "active", "intent": "order"}, True),
        ({"status": "active", "ended": "2026-03-10", "ended_at": datetime(2026, 3, 9, 16, tzinfo=UTC)}, True),
        ({"status": "active", "ended": "2026-03-09", "ended_at": datetime(2026, 3, 8, 16, tzinfo=UTC)}, False),
        ({"status": "active", "ended": "2026-03-10T11:00:00+08:00", "ended_at": NOW - timedelta(hours=1)}, False),
        ({"status": "active", "ended": "2026-03-10T13:00:00+08:00", "ended_at": NOW + timedelta(hours=1)}, True),
        ({"status": "active", "effective_at": NOW + timedelta(days=1)}, False),
    ],
)
def test_a_drug_is_taken_until_it_is_stopped_or_its_end_has_come(columns: dict[str, Any], current: bool) -> None:
    assert is_current("MedicationRequest", row(1, **columns), NOW) is current


def test_two_orders_of_one_drug_are_one_line_with_both_doses() -> None:
    lines = [
        row(1, code_system="urn:drug", code="D1", display="氨氯地平", dose="5 mg", frequency="QD", effective_at=day(1)),
        row(2, code_system="urn:drug", code="D1", display="氨氯地平片", dose="10 mg", effective_at=day(3)),
        row(3, display="阿司匹林", dose="100 mg", effective_at=day(2)),
        row(4, display="阿 司匹林", dose="100 mg"),
    ]
    found = current_of([("MedicationRequest", one) for one in lines], NOW)
    assert [(one.display, one.doses, one.since_at, one.last_at) for one in found] == [
        ("氨氯地平片", ("10 mg", "5 mg QD"), day(1), day(3)),
        ("阿司匹林", ("100 mg",), day(2), day(2)),
    ]


def test_a_rule_never_calls_an_active_order_over() -> None:
    assert all("active" not in rule.over for rule in RULES.values())


# -- trends ------------------------------------------------------------------------------------------------------------


def value(number: int, code: str, said: str, unit: str | None, **columns: Any) -> dict[str, Any]:
    shown = {"code_system": LOINC, "code": code, "value": said, "unit": unit, "effective_at": day(number)}
    return row(number, **(shown | columns))


def trends_of(rows: Sequence[dict[str, Any]], codes: Sequence[str], most: int) -> list[Trend]:
    return trends_of_whom(rows, codes, most, Whose())


def test_values_of_two_units_are_one_trend() -> None:
    rows = [value(2, "1558-6", "126", "mg/dL"), value(1, "1558-6", "6.5", "mmol/L")]
    [found] = trends_of(rows, ["1558-6"], 10)
    assert [point.normalised[0].value for point in found.points] == [7.0, 6.5]
    assert {point.normalised[0].unit for point in found.points} == {"mmol/L"}
    assert [point.value for point in found.points] == ["126", "6.5"]


def test_trends_come_in_the_order_asked_and_hold_the_newest_only() -> None:
    rows = [value(number, "8867-4", str(60 + number), "/min") for number in (5, 4, 3, 2, 1)]
    found = trends_of(rows, ["K", "8867-4", "K"], 2)
    assert [(one.code, [point.value for point in one.points]) for one in found] == [("K", []), ("8867-4", ["65", "64"])]


PANEL, SYSTOLIC, DIASTOLIC = "85354-9", "8480-6", "8462-4"


def test_a_blood_pressure_is_a_pair_however_it_came() -> None:
    rows = [
        value(3, PANEL, "128/78", "mmHg"),
        value(2, SYSTOLIC, "17.3", "kPa", organisation="东城", id=UUID(int=20)),
        value(2, DIASTOLIC, "10.7", "kPa", organisation="东城", id=UUID(int=21)),
        value(1, SYSTOLIC, "150", "mmHg", organisation="东城"),
    ]
    [whole] = trends_of(rows, [PANEL], 10)
    assert [(point.value, [one.value for one in point.normalised]) for point in whole.points] == [
        ("128/78", [128.0, 78.0]),
        ("17.3/10.7", [130, 80]),
    ]
    assert len(whole.points[1].rows) == 2
    [upper] = trends_of(rows, [SYSTOLIC], 10)
    assert [point.value for point in upper.points] == ["128", "17.3", "150"]
    assert [point.normalised[0].value for point in upper.points] == [128.0, 130, 150.0]


def test_pressures_of_two_houses_are_no_pair() -> None:
    rows = [
        value(2, SYSTOLIC, "130", "mmHg", organisation="东城"),
        value(2, DIASTOLIC, "80", "mmHg", organisation="人民医院"),
    ]
    assert trends_of(rows, [PANEL], 10)[0].points == ()


def test_what_is_read_for_a_code_is_where_it_may_stand() -> None:
    assert codes_read([SYSTOLIC]) == [SYSTOLIC, PANEL]
    assert codes_read([PANEL]) == [PANEL, SYSTOLIC, DIASTOLIC]
    assert codes_read(["K", "K"]) == ["K"]
    assert followed()[0] == PANEL
    assert not {SYSTOLIC, DIASTOLIC} & set(followed())


@pytest.mark.parametrize(
    ("said", "unit", "bounds"),
    [
        ("3.9-6.1", "mmol/L", (3.9, 6.1)),
        ("70 ～ 110", "mg/dL", (3.9, 6.1)),
        ("<=6.1", "mmol/L", (None, 6.1)),
        ("＜6.1", "mmol/L", None),
        (">= 3.9", "mmol/L", (3.9, None)),
        ("-6.1", "mmol/L", None),
        ("3.9>6.1", "mmol/L", None),
        ("阴性", "mmol/L", None),
        (None, "mmol/L", None),
    ],
)
def test_a_reference_range_is_read_in_the_unit_of_comparison(
    said: str | None, unit: str, bounds: tuple[float | None, float | None] | None
) -> None:
    [found] = trends_of([value(1, "1558-6", "5.0", unit, reference_range=said)], ["1558-6"], 1)
    read = found.points[0].bounds
    assert (read and (read.low, read.high)) == bounds


WOMAN_OF_70, MAN_OF_40 = Whose(sex="female", birth_date="1955-03-12"), Whose(sex="male", birth_date="1985-06-30")


@pytest.mark.parametrize(
    ("said", "hers", "his"),
    [
        ("3.9-6.1", "3.9-6.1", "3.9-6.1"),
        ("男:130-175;女:115-150", "115-150", "130-175"),
        ("男 130-175 女 115-150", "115-150", "130-175"),
        ("男性130～175，女性115～150；孕妇110～150", "115～150", "130～175"),
        ("成年男性:57-97;≥60岁女性:41-81", "41-81", "57-97"),
        ("18-60岁：3.1-8.0;60岁以上：3.6-9.5", "3.6-9.5", "3.1-8.0"),
        ("<18岁:1-2;≥18岁:3-4", "3-4", "3-4"),
        ("孕妇:0.1-2.5;0.3-4.2", "0.3-4.2", "0.3-4.2"),
        ("孕妇:0.1-2.5", None, None),
        ("女:卵泡期 3.5-12.5;女:黄体期 1.7-7.7", None, None),
        ("女:1-2;女:3-4", None, None),
        ("阴性", "阴性", "阴性"),
        ("", "", ""),
    ],
)
def test_of_a_range_by_sex_or_age_the_part_that_is_the_residents_holds(
    said: str, hers: str | None, his: str | None
) -> None:
    at = datetime(2026, 3, 11, tzinfo=UTC)
    assert (applying(said, WOMAN_OF_70, at), applying(said, MAN_OF_40, at)) == (hers, his)


def test_a_range_by_age_holds_from_the_birthday_on() -> None:
    said = "<71岁:1-2;≥71岁:3-4"
    assert applying(said, WOMAN_OF_70, datetime(2026, 3, 11, tzinfo=UTC)) == "1-2"
    assert applying(said, WOMAN_OF_70, datetime(2026, 3, 12, tzinfo=UTC)) == "3-4"


@pytest.mark.parametrize("whose", [Whose(), Whose(sex="female"), Whose(sex="female", birth_date="1955")])
def test_whom_a_range_by_age_holds_for_is_not_guessed(whose: Whose) -> None:
    assert applying("<71岁:1-2;≥71岁:3-4", whose, datetime(2026, 3, 11, tzinfo=UTC)) is None


def test_the_bounds_of_a_trend_are_those_of_the_residents_sex() -> None:
    rows = [value(1, "718-7", "12.1", "g/dL", reference_range="男:13.0-17.5;女:11.5-15.0")]
    bounds = [trends_of_whom(rows, ["718-7"], 1, whose)[0].points[0].bounds for whose in (WOMAN_OF_70, MAN_OF_40)]
    assert [(one.low, one.high) for one in bounds if one] == [(115, 150), (130, 175)]


def test_a_value_of_a_hospitals_own_code_has_a_trend_and_no_normal_unit() -> None:
    [found] = trends_of([value(1, "XT", "5.0", "mmol/L", code_system="urn:hub:source:his:OBX-3")], ["XT"], 1)
    assert (found.points[0].value, found.points[0].normalised, found.points[0].bounds) == ("5.0", (), None)
