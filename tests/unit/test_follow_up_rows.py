"""The rows that make one ServiceRequest of what an A03 asks for, and of no part of it an Observation."""

from datetime import UTC, datetime
from typing import Any

from fhir.resources.R4B.servicerequest import ServiceRequest

from adapters.hl7v2.reading import read
from hub.record import Mapped
from tests.aftercare import Course, every, way, when
from tests.desk import mappings, sources

RECEIVED = datetime(2026, 7, 1, tzinfo=UTC)
STAY = Course(slug="stroke")


def mapped(*local: str) -> list[Mapped]:
    body = STAY.a03(*local).body
    reading = mappings().v2["renmin-his"].read(read(body, sources()["renmin-his"].charset), RECEIVED)
    return list(reading.parts[0].resources)


def asked(*local: str) -> list[dict[str, Any]]:
    return [one.resource for one in mapped(*local) if one.kind == "ServiceRequest"]


def test_the_three_elements_are_one_request_of_the_stay() -> None:
    [request] = asked(way("2"), when("20260625"), every("2", "周"))
    assert (request["status"], request["intent"]) == ("active", "order")
    assert request["code"]["coding"][0] == {"system": "urn:hub:request", "code": "follow-up", "display": "出院随访"}
    assert request["orderDetail"][0]["coding"][0]["code"] == "2"
    assert request["occurrenceTiming"] == {"event": ["2026-06-25"], "repeat": {"period": 2, "periodUnit": "wk"}}
    assert request["encounter"]["identifier"]["value"] == STAY.serial
    ServiceRequest.model_validate(request)


def test_no_part_of_a_request_is_an_observation() -> None:
    kinds = [one.kind for one in mapped(way("2"), when("20260625"))]
    assert sorted(kinds) == ["Condition", "Encounter", "ServiceRequest"]


def test_a_result_beside_a_request_stays_a_result() -> None:
    weight = "OBX|9|NM|29463-7^体重||61|kg|||||F"
    kinds = [one.kind for one in mapped(way("2"), weight, when("20260625"))]
    assert (kinds.count("Observation"), kinds.count("ServiceRequest")) == (1, 1)


def test_several_days_are_all_kept_and_sub_ids_make_requests_of_their_own() -> None:
    [request] = asked(when("20260625"), when("20260710", 3))
    assert request["occurrenceTiming"]["event"] == ["2026-06-25", "2026-07-10"]
    apart = when("20260625").replace("随访日期时间||", "随访日期时间|2|")
    assert len(asked(when("20260625"), apart)) == 2


def test_a_period_that_comes_as_a_code_is_kept_and_not_guessed_at() -> None:
    [request] = asked("OBX|1|CE|DE06.00.112.00^随访周期建议代码||3^每月||||||F")
    assert "occurrenceTiming" not in request
    assert request["orderDetail"][0]["text"] == "每月"


def test_a_note_belongs_to_the_segment_before_it() -> None:
    weight = "OBX|9|NM|29463-7^体重||61|kg|||||F"
    found = mapped(weight, "NTE|1|L|空腹", way("2"), "NTE|1|L|电话勿在上午")
    notes = {one.kind: [note["text"] for note in one.resource["note"]] for one in found if "note" in one.resource}
    assert notes == {"Observation": ["空腹"], "ServiceRequest": ["电话勿在上午"]}


def test_a_request_that_is_deleted_is_no_request() -> None:
    [request] = asked(way("2").replace("|F", "|D"))
    assert request["status"] == "entered-in-error"


def test_each_value_says_where_it_was_read() -> None:
    [one] = [each for each in mapped(way("2"), when("20260625")) if each.kind == "ServiceRequest"]
    paths = {trace.target: trace.path for trace in one.traces}
    assert paths["orderDetail"] == "OBX-5"
    assert paths["occurrenceTiming.event"].startswith("OBX[2]-5")
