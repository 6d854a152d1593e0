"""What is handed out of facts, a Patient of a resident, and a summary that people can read."""

from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from hub.chart.everything import behind, standing_facts
from hub.chart.narrative import sentence, table
from hub.chart.person import is_time, patient_of
from hub.record import Fact
from tests.unit.test_merging import fact


def result(number: int, value: int, **more: Any) -> Fact:
    return fact(number, {"status": "final", "valueQuantity": {"value": value}}, **more)


def keys_of(facts: list[Fact]) -> list[tuple[UUID, str, str]]:
    return list(dict.fromkeys((one.patient_id, one.kind, one.key) for one in facts))


def numbers(facts: list[Fact]) -> list[int]:
    return [one.id.int % 1000 for one in facts]


def test_a_word_that_was_replaced_is_not_handed_out_and_one_that_was_added_to_is() -> None:
    admitted = fact(1, {"status": "in-progress", "period": {"start": "2026-03-01"}}, kind="Encounter")
    discharged = fact(2, {"status": "finished", "period": {"end": "2026-03-09"}}, kind="Encounter")
    said = [result(3, 1), result(4, 2), admitted, discharged]
    assert numbers(standing_facts(said, keys_of(said))) == [4, 1, 2]


def test_what_was_withdrawn_is_not_handed_out() -> None:
    said = [result(1, 1), fact(2, {"status": "entered-in-error"})]
    assert standing_facts(said, keys_of(said)) == []


def test_facts_come_in_the_order_of_the_keys_and_go_on_behind_a_place() -> None:
    said = [result(1, 1, key="b"), result(2, 1, key="a"), result(3, 1, key="c")]
    ordered = standing_facts(said, keys_of(said))
    assert numbers(ordered) == [1, 2, 3]
    assert numbers(behind(ordered, said[0])) == [2, 3]
    assert behind(ordered, None) == ordered


def person(**columns: Any) -> dict[str, Any]:
    names = ("name", "sex", "birth_date", "phone", "address", "marital_status", "deceased", "deceased_on")
    return {"id": UUID(int=1), **dict.fromkeys(names), **columns}


def test_a_patient_has_the_numbers_of_all_sources_once() -> None:
    local = {"kind": "inpatient-number", "system": "urn:his", "value": "1"}
    strong = {"kind": "citizen-id", "system": "urn:id", "value": "2"}
    found = patient_of(person(name="张伟", sex="male"), [strong], [{"numbers": [local, strong]}, {"numbers": [local]}])
    assert found["identifier"] == [{"system": "urn:id", "value": "2"}, {"system": "urn:his", "value": "1"}]
    assert (found["name"], found["gender"]) == ([{"text": "张伟"}], "male")


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({"deceased_on": "2026-03", "deceased": True}, {"deceasedDateTime": "2026-03"}),
        ({"deceased_on": "last week", "deceased": True}, {"deceasedBoolean": True}),
        ({"deceased": None}, {}),
        ({"birth_date": "1956-03"}, {"birthDate": "1956-03"}),
        ({"sex": "raw"}, {}),
    ],
)
def test_a_patient_says_what_fhir_can_say(columns: dict[str, Any], said: dict[str, Any]) -> None:
    found = patient_of(person(**columns), [], [])
    assert {name: found[name] for name in found if name.startswith(("deceased", "birthDate", "gender"))} == said


@pytest.mark.parametrize("text", ["2026", "2026-03", "2026-03-01", "2026-03-01T08:30:00+08:00", "2026-03-01T00:00:00Z"])
def test_a_time_of_fhir_is_one(text: str) -> None:
    assert is_time(text)


@pytest.mark.parametrize("text", [None, "", "2026-03-01T08:30", "2026-03-01 08:30:00", "26-3-1", "2026-03-01T08:30:00"])
def test_another_time_is_none(text: str | None) -> None:
    assert not is_time(text)


@given(st.lists(st.lists(st.text(max_size=6) | st.none(), min_size=1, max_size=2), max_size=3), st.integers(0, 3))
def test_a_narrative_is_xml_whatever_it_says(rows: list[list[str | None]], left_out: int) -> None:
    listed = table(("<项目>", "&"), rows, left_out)
    for told in (listed, sentence("".join(text or "" for row in rows for text in row))):
        assert etree.fromstring(told["div"]).tag == "{http://www.w3.org/1999/xhtml}div"
    assert bool(left_out) is (f"另有 {left_out} 条未列出" in listed["div"])


def test_a_narrative_keeps_chinese_blanks_and_drops_what_xml_has_no_place_for() -> None:
    assert "<p>甲\u3000乙丙</p>" in sentence("甲\u3000乙\x0b\x00丙\ufffe")["div"]
