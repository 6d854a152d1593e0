"""The summary that goes with a referral: the newest of each kind, whose word it is, and what was left out."""

from datetime import UTC, datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from hub.summary import LONGEST, SECTIONS, Entries, summarise, wanted

AT = datetime(2026, 11, 22, 4, tzinfo=UTC)
PERSON: dict[str, Any] = {
    **{"id": "x", "name": "秦守成", "sex": "male"},
    **{"birth_date": "1951-03-02", "phone": None, "origins": []},
}


def line(**said: Any) -> dict[str, Any]:
    origins = [
        {"organisation": "威泉县人民医院"},
        {"organisation": "东城街道社区卫生服务中心"},
        {"organisation": "威泉县人民医院"},
    ]
    return {"code": "I10", "display": "高血压", "status": "confirmed", "organisation": "甲", "origins": origins, **said}


def test_it_says_who_when_and_what() -> None:
    told = summarise(PERSON, {"Condition": Entries([line()], 1)}, AT)
    assert told["taken_at"] == "2026-11-22T04:00:00+00:00"
    assert told["person"] == {"name": "秦守成", "sex": "male", "birth_date": "1951-03-02", "organisations": []}
    assert told["conditions"] == {
        "lines": [
            {
                "code": "I10",
                "display": "高血压",
                "status": "confirmed",
                "organisations": ["威泉县人民医院", "东城街道社区卫生服务中心"],
            }
        ],
        "left_out": 0,
    }
    assert "handover" not in told


def test_a_line_without_a_named_origin_has_its_own_organisation() -> None:
    told = summarise(PERSON, {"Condition": Entries([line(origins=[])], 1)}, AT)
    assert told["conditions"]["lines"][0]["organisations"] == ["甲"]


def test_of_each_sort_of_result_the_last_is_shown() -> None:
    rows = [line(code="2345-7", value=value) for value in ("7.1", "6.8")] + [line(code="4548-4", value="8")]
    told = summarise(PERSON, {"Observation": Entries(rows, 3)}, AT)["results"]
    assert [(one["code"], one["value"]) for one in told["lines"]] == [("2345-7", "7.1"), ("4548-4", "8")]
    assert told["left_out"] == 1


def test_what_was_entered_in_error_is_neither_shown_nor_counted() -> None:
    rows = [line(status="entered-in-error"), line()]
    told = summarise(PERSON, {"Condition": Entries(rows, 2)}, AT)["conditions"]
    assert (len(told["lines"]), told["left_out"]) == (1, 0)


def test_a_long_text_is_cut_and_says_so() -> None:
    told = summarise(PERSON, {"Observation": Entries([line(value="长" * (LONGEST + 1), unit="g")], 1)}, AT)
    [shown] = told["results"]["lines"]
    assert shown["value"] == "长" * LONGEST
    assert shown["cut"] == ["value"]


def test_what_a_hospital_says_to_the_community_stands_beside_the_record() -> None:
    assert summarise(PERSON, {}, AT, {"advice": "低盐饮食"})["handover"] == {"advice": "低盐饮食"}


@given(st.sampled_from(sorted(SECTIONS)), st.integers(0, 60), st.integers(0, 500))
def test_no_list_is_longer_than_it_may_be_and_nothing_is_lost_in_silence(kind: str, seen: int, more: int) -> None:
    rows = [line(code=f"c{number}", value=str(number)) for number in range(min(seen, wanted(kind)))]
    told = summarise(PERSON, {kind: Entries(rows, len(rows) + more)}, AT)[SECTIONS[kind].name]
    assert len(told["lines"]) <= SECTIONS[kind].most
    assert len(told["lines"]) + told["left_out"] == len(rows) + more
