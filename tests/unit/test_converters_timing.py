"""Converters of what has several values, and of when something was or shall be."""

import pytest

from hub.mapping.converters import Reader
from tests.unit.test_converters import convert, reader


def obx(kind: str, value: str, *, unit: str = "", spread: str = "") -> Reader:
    return reader(f"OBX|1|{kind}|XL^心率||{value}|{unit}|{spread}")


def test_several_values_of_one_code_are_its_components_and_none_of_them_its_value() -> None:
    at = obx("NM", "62~118", unit="次/分", spread="60-100")
    found = [convert("component", value, at) for value in ("62", "118")]
    assert [one["valueQuantity"]["value"] for one in found] == [62, 118]
    assert {one["code"]["text"] for one in found} == {"心率"}
    assert {one["referenceRange"][0]["text"] for one in found} == {"60-100"}
    for name in ("quantity", "coded-value", "text-value", "single-range"):
        assert convert(name, "62~118", at) is None


def test_text_is_one_value_however_many_lines_it_has() -> None:
    at = obx("TX", "甲~乙")
    assert convert("component", "甲", at) is None
    assert convert("text-value", "甲~乙", at) == "甲\n乙"


def test_a_titre_stays_text_and_carries_its_unit() -> None:
    assert convert("text-value", "^1^:^320", obx("SN", "^1^:^320", unit="滴度")) == "1 : 320 滴度"


@pytest.mark.parametrize(
    ("sent", "code", "label"),
    [("BID^每日两次", "BID", "每日两次"), ("P&餐后&HL70335", "P", "餐后"), ("X9^每月初一", "X9", "每月初一")],
)
def test_a_frequency_is_read_wherever_its_words_stand(sent: str, code: str, label: str) -> None:
    found = convert("repeat-name", sent, reader("TQ1|1", table="repeat-pattern", number=3))
    assert (found["coding"][0]["code"], found["text"]) == (code, label)


def test_minutes_before_or_after_are_counted_from_any_unit() -> None:
    timed = reader("TQ1|1", number=3)
    assert [convert("minutes", f"^^^^^^^AC^{sent}", timed) for sent in ("30^min", "120^s", "2^小时", "2^次")] == [
        30,
        2,
        120,
        None,
    ]
    assert convert("minutes", "1^h", reader("TQ1|1", number=5)) == 60


def test_a_procedure_ends_when_its_minutes_are_over() -> None:
    at = reader("PR1|1||||202601271000||90", number=5)
    assert convert("procedure-period", "202601271000", at) == {
        "start": "2026-01-27T10:00:00+08:00",
        "end": "2026-01-27T11:30:00+08:00",
    }
    assert convert("procedure-period", "20260127", at) is None


def test_a_number_that_the_list_repeats_is_not_told_twice() -> None:
    assert convert("other-number", "0000000016", reader("PID|1||0000000016^^^^IDCard", number=2)) is None
    assert convert("other-number", "M16", reader("PID|1||0000000016^^^^IDCard", number=2))["value"] == "M16"


def test_a_county_fills_an_address_that_names_none() -> None:
    assert convert("county", "威泉县", reader("PID" + "|" * 11 + "海棠路16号", number=12)) == "威泉县"
    assert convert("county", "威泉县", reader("PID" + "|" * 11 + "海棠路16号^^^^^^^^&东城区", number=12)) is None


def test_the_second_code_is_translated_too_where_it_is_of_the_same_system() -> None:
    said = convert("concept", "2^^X^3^^X", reader("PV2|1", table="encounter-priority", number=25))
    assert [coding["code"] for coding in said["coding"]][:2] == ["UR", "EL"]
    other = convert("concept", "2^^X^3^^Y", reader("PV2|1", table="encounter-priority", number=25))
    assert [coding["code"] for coding in other["coding"]] == ["UR", "2", "3"]


def test_a_code_in_the_second_place_alone_is_a_code() -> None:
    assert convert("concept", "^^^K^血钾^L") == {
        "coding": [{"system": "urn:hub:source:renmin-his:L", "code": "K", "display": "血钾"}],
        "text": "血钾",
    }


def ordered(raw: str) -> Reader:
    return reader(f"ORC|NW|O1|||||{raw}", table="repeat-pattern", number=7)


def test_the_timing_of_before_version_2_5_is_read_part_by_part() -> None:
    raw = "2&片^BID&0800,2000^D5^^^R^^餐前服^^^^10"
    found = convert("old-timing", raw, ordered(raw))
    assert found["code"]["coding"][0]["code"] == "BID"
    assert found["repeat"]["timeOfDay"] == ["08:00:00", "20:00:00"]
    assert (found["repeat"]["boundsDuration"]["code"], found["repeat"]["boundsDuration"]["value"]) == ("d", 5)
    assert found["repeat"]["count"] == 10
    assert convert("old-quantity", raw, ordered(raw)) == {"value": 2, "unit": "片"}
    assert convert("old-instruction", raw, ordered(raw)) == {"text": "餐前服"}


def test_of_a_length_and_a_period_the_period_bounds_a_timing() -> None:
    raw = "^TID^D5^20260205080000^20260210080000"
    repeat = convert("old-timing", raw, ordered(raw))["repeat"]
    assert set(repeat) == {"boundsPeriod"}


@pytest.mark.parametrize("raw", ["1^^^20260205080000^20260210080000^S", "^^^^^R", "1", "^^X9"])
def test_a_timing_that_says_no_more_than_a_period_is_none(raw: str) -> None:
    assert convert("old-timing", raw, ordered(raw)) is None
    assert convert("old-quantity", raw, ordered(raw)) is None


@pytest.mark.parametrize("sent", ["3.5-5.5", "3.5~5.5", "1:160", "阳性", "++", "<0.01?", "1e9999"])
def test_what_is_no_number_stays_the_text_that_it_is_under_a_numeric_type(sent: str) -> None:
    at = obx("NM", sent.replace("~", "～"))
    assert convert("quantity", sent.replace("~", "～"), at) is None
    assert convert("text-value", sent.replace("~", "～"), at) == sent.replace("~", "～")


def test_a_value_below_the_limit_is_a_number_with_its_comparator() -> None:
    found = convert("quantity", "<0.01", obx("ST", "<0.01", unit="ng/mL"))
    assert (found["comparator"], found["value"]) == ("<", 0.01)


@pytest.mark.parametrize(("sent", "code"), [("H", "H"), ("L", "L"), ("HH", "HH"), ("N", "N"), ("A", "A")])
def test_an_abnormal_flag_is_the_interpretation(sent: str, code: str) -> None:
    found = convert("concept", sent, reader(f"OBX|1|NM|GLU||6.8||||{sent}", table="interpretation", number=8))
    assert found["coding"][0]["code"] == code


@pytest.mark.parametrize(
    ("name", "segment", "own", "other"),
    [("procedure-reference", "PR1", 19, 25), ("due-to", "DG1", 20, 22)],
)
def test_what_another_thing_is_called_by_is_of_the_system_of_its_own_number(
    name: str, segment: str, own: int, other: int
) -> None:
    named = convert("entity-number", "N1", reader(f"{segment}|1", number=own))
    found = convert(name, "N1", reader(f"{segment}|1", number=other))
    assert found.get("valueReference", found)["identifier"] == named
