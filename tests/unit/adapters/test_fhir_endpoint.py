"""The FHIR door: whatever fails, the bytes are kept, or the sender is told that they are not."""

from typing import Any
from uuid import uuid4

import pytest
from fhir.resources.R4B import get_fhir_model_class

from hub.errors import refuse
from hub.message import Arrival, Kept, Reuse
from tests.unit.adapters.fhir_door import NUMBER, Door, bundle, entry, message, patient

CONDITION = f"identifier={NUMBER}|P1"


class Broken(Door):
    """A door whose checking process is lost."""

    async def run(self, function: Any, *arguments: Any) -> Any:
        raise MemoryError("测试甲")


class Full(Door):
    """A door whose store takes nothing."""

    async def keep(self, arrival: Arrival) -> Kept:
        raise ConnectionError("测试甲")


def codes(response: Any) -> list[str]:
    return [issue["code"] for issue in response.json()["issue"]]


async def test_a_body_whose_examination_fails_is_kept_and_answered_with_a_reference() -> None:
    door = Broken()
    response = await door.post("/fhir/Patient", patient(text={"status": "empty", "div": "x" * 9000}))
    assert response.status_code == 500
    assert response.json()["resourceType"] == "OperationOutcome"
    arrival = door.only
    assert arrival.kind == "Patient"
    assert arrival.refusal is not None
    assert arrival.refusal.code == "internal"
    assert arrival.refusal.given["reference"] in response.text
    assert "测试甲" not in response.text


@pytest.mark.parametrize("path", ["/fhir/%00", "/fhir/%E5%BC%A0%E4%B8%89", "/fhir/Zhangsan", "/fhir"])
async def test_a_kind_is_kept_only_where_fhir_has_such_a_type(path: str) -> None:
    door = Door()
    assert (await door.post(path, b"{}")).status_code == 422
    assert door.only.kind == "unreadable"


async def test_what_cannot_be_kept_is_to_be_sent_again() -> None:
    response = await Full().post("/fhir", patient())
    assert response.status_code == 503
    assert codes(response) == ["transient"]
    assert "send the message again" in response.text


# -- numbers, names, lanes, digests ------------------------------------------------------------------------------------


async def test_an_arrival_is_found_by_its_patients_and_ordered_by_the_numbers_of_the_source() -> None:
    door = Door()
    citizen = {"system": "urn:oid:2.16.156.10011.1.3", "value": "37109919560312001X"}
    own = patient(name=[{"family": "欧阳", "given": ["娜"]}, {"text": "Ouyang Na"}])
    own["identifier"].append(citizen)
    report = {"resourceType": "Observation", "status": "final", "code": {"text": "x"}}
    other = {**report, "subject": {"identifier": {"system": NUMBER, "value": "P2"}}}
    third = {**report, "subject": {"reference": "Patient/p3"}}
    same = {**report, "subject": {"reference": "urn:uuid:1"}}
    sent = bundle(entry(own, "urn:uuid:1"), entry(other), entry(third), entry(same))
    assert (await door.post("/fhir", sent)).status_code == 200
    assert door.only.numbers == ("P1", "37109919560312001X", "P2", "p3")
    assert door.only.names == ("欧阳娜", "Ouyang Na")
    assert door.only.lanes == (
        "erke-fhir|local-number|P1",
        "erke-fhir|local-number|P2",
        "erke-fhir|fhir-id|p3",
    )


async def test_an_invalid_request_is_still_found_by_its_patients() -> None:
    door = Door()
    assert (await door.post("/fhir", patient(birthDate="1956-02-30"))).status_code == 422
    assert (door.only.numbers, door.only.names) == (("P1",), ("测试甲",))


async def test_a_bundles_identifier_tells_it_apart_and_its_timestamp_does_not_count() -> None:
    door = Door()
    named: dict[str, Any] = {"identifier": {"system": "urn:example", "value": "B1"}}
    for second in (1, 2):
        sent = bundle(entry(patient()), timestamp=f"2026-01-05T01:30:0{second}Z", **named)
        assert (await door.post("/fhir", sent)).status_code == 200
    assert door.only.control_id == "urn:example|B1"
    await door.post("/fhir", bundle(entry(patient("P2")), **named))
    assert len(door.arrivals) == 2, "other content is taken, as the profile does not say refuse"


# -- Idempotency-Key ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", ['"8e03978e-40d5"', "8e03978e-40d5"])
async def test_the_same_key_and_body_is_the_same_request(key: str) -> None:
    door = Door()
    first = await door.post("/fhir/Patient", patient(), idempotency_key=key)
    again = await door.post("/fhir/Patient", patient(), idempotency_key=key)
    assert (first.status_code, first.content) == (again.status_code, again.content)
    assert (door.only.control_id, door.only.reuse) == ("8e03978e-40d5", Reuse.REFUSE)


@pytest.mark.parametrize(
    ("method", "path", "resource"),
    [
        ("POST", "/fhir/Patient", patient("P2")),
        ("POST", "/fhir", patient()),
        ("PUT", "/fhir/Patient?" + CONDITION, patient()),
    ],
)
async def test_a_key_with_another_body_or_address_is_refused(method: str, path: str, resource: Any) -> None:
    door = Door()
    await door.post("/fhir/Patient", patient(), idempotency_key="k1")
    other = await door.ask(method, path, resource, {"idempotency-key": "k1"})
    assert other.status_code == 422
    assert codes(other) == ["duplicate"]
    assert "Idempotency-Key" in other.text


@pytest.mark.parametrize("key", ["", '""', "x" * 201, "a b"])
async def test_a_key_that_is_none_is_refused_and_nothing_is_kept(key: str) -> None:
    door = Door()
    response = await door.post("/fhir/Patient", patient(), idempotency_key=key)
    assert (response.status_code, codes(response)) == (400, ["value"])
    assert not door.arrivals


# -- Prefer ------------------------------------------------------------------------------------------------------------


async def test_what_is_returned_is_what_the_sender_prefers() -> None:
    door = Door()
    minimal = await door.post("/fhir/Patient", patient(), prefer="return=minimal")
    assert (minimal.status_code, minimal.content) == (201, b"")
    whole = await door.post("/fhir/Patient", patient(), prefer="wait=10, return=representation")
    assert (whole.status_code, whole.json()) == (201, patient())
    assert whole.headers["preference-applied"] == "return=representation"
    plain = await door.post("/fhir/Patient", patient())
    assert plain.json()["resourceType"] == "OperationOutcome"
    assert "preference-applied" not in plain.headers


async def test_the_entries_of_an_answer_carry_what_the_sender_prefers() -> None:
    door = Door()
    sent = bundle(entry(patient()), entry({"resourceType": "Basic"}), kind="batch")
    (good, bad) = (await door.post("/fhir", sent, prefer="return=representation")).json()["entry"]
    assert good["resource"] == patient()
    assert "resource" not in bad
    (good, bad) = (await door.post("/fhir", sent, prefer="return=OperationOutcome")).json()["entry"]
    assert good["response"]["outcome"]["issue"][0]["severity"] == "information"
    (good, bad) = (await door.post("/fhir", sent, prefer="return=minimal")).json()["entry"]
    assert good == {"response": {"status": "201 Created"}}
    assert bad["response"]["outcome"]["issue"][0]["severity"] == "error"


async def test_a_sender_that_waits_less_is_answered_sooner_and_never_later_than_the_hub_says() -> None:
    door = Door(is_slow=True)
    for prefer in ("wait=3", "wait=500", "wait=soon", "respond-async"):
        response = await door.post("/fhir", patient(), prefer=prefer)
        assert response.status_code == 202
        assert response.headers["content-location"].startswith("http://hub/fhir/status/")
    assert door.waited == [3, 20, 20]


# -- conditions --------------------------------------------------------------------------------------------------------


async def test_a_resource_may_be_created_and_updated_by_its_identifier() -> None:
    door = Door()
    created = await door.post("/fhir/Patient", patient(), if_none_exist=CONDITION)
    updated = await door.ask("PUT", f"/fhir/Patient?{CONDITION}", patient())
    assert (created.status_code, updated.status_code) == (201, 201)
    assert [one.kind for one in door.arrivals.values()] == ["Patient", "PUT Patient"]


@pytest.mark.parametrize(
    ("method", "path", "headers"),
    [
        ("POST", "/fhir/Patient", {"if-none-exist": "name=zhang"}),
        ("POST", "/fhir/Patient", {"if-none-exist": f"identifier={NUMBER}|P2"}),
        ("PUT", "/fhir/Patient?name=x", {}),
        ("PUT", "/fhir/Patient?identifier=P1", {}),
        ("PUT", f"/fhir/Patient?{CONDITION}&active=true", {}),
        ("PUT", f"/fhir/Patient?{CONDITION},{NUMBER}|P2", {}),
        ("PUT", "/fhir/Patient", {}),
        ("POST", f"/fhir/Patient?{CONDITION}", {}),
        ("PUT", "/fhir/Patient/1", {"if-match": 'W/"1"'}),
    ],
)
async def test_a_condition_that_needs_a_search_or_a_version_is_refused(
    method: str, path: str, headers: dict[str, str]
) -> None:
    response = await Door().ask(method, path, patient(id="1") if path.endswith("/1") else patient(), headers)
    assert (response.status_code, codes(response)) == (422, ["not-supported"])
    assert "identifier=SYSTEM|VALUE" in response.json()["issue"][0]["diagnostics"]
    assert "P1" not in response.text


# -- what is not offered -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/fhir/Patient/1", 405),
        ("GET", "/fhir/Patient", 405),
        ("DELETE", "/fhir/Patient/1", 405),
        ("PATCH", "/fhir/Patient/1", 405),
        ("POST", "/fhir/Patient/1", 405),
        ("POST", "/fhir/Patient/_search", 405),
        ("GET", "/fhir", 405),
        ("GET", "/fhir/$process-message", 405),
        ("GET", "/fhir/Zhangsan/1", 404),
        ("POST", "/fhir/$validate", 404),
        ("POST", "/fhir/_search", 404),
        ("GET", "/fhir/Patient/1/_history/1", 405),
    ],
)
async def test_what_the_door_does_not_offer_is_answered_with_an_operation_outcome(
    method: str, path: str, status: int
) -> None:
    door = Door()
    response = await door.ask(method, path, patient())
    assert response.status_code == status
    assert codes(response) == ["not-supported"]
    assert (status == 405) == ("allow" in response.headers)
    assert not door.arrivals


@pytest.mark.parametrize("type_", ["application/fhir+xml", "text/xml; charset=gbk", "application/xml"])
async def test_xml_is_refused_with_what_to_send_instead(type_: str) -> None:
    response = await Door().post("/fhir", b"<Patient/>", content_type=type_)
    assert response.status_code == 415
    assert "application/fhir+json" in response.json()["issue"][0]["diagnostics"]


# -- $process-message --------------------------------------------------------------------------------------------------


def answer_of(response: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    found = response.json()
    get_fhir_model_class("Bundle").model_validate(found)
    assert found["type"] == "message"
    header, outcome = (one["resource"] for one in found["entry"])
    assert header["response"]["details"]["reference"] == found["entry"][1]["fullUrl"]
    return header, outcome


async def test_a_message_is_answered_with_a_message() -> None:
    door = Door()
    response = await door.post("/fhir/$process-message", message(patient()))
    header, outcome = answer_of(response)
    assert response.status_code == 200
    assert header["response"]["identifier"] == "m-1"
    assert header["response"]["code"] == "ok"
    assert header["eventCoding"]["code"] == "admit"
    assert header["destination"] == [{"endpoint": "https://erke.example/fhir"}]
    assert outcome["issue"][0]["severity"] == "information"
    assert (door.only.kind, door.only.control_id, door.only.numbers) == ("message", "m-1", ("P1",))


async def test_a_message_that_is_sent_again_with_a_new_envelope_is_the_same_message() -> None:
    door = Door()
    for at in ("1", "2"):
        named: dict[str, Any] = {"id": at, "identifier": {"value": at}, "timestamp": f"2026-01-05T01:30:0{at}Z"}
        answer_of(await door.post("/fhir/$process-message", message(patient(), **named)))
    assert len(door.arrivals) == 1


async def test_a_message_with_a_fault_is_answered_as_fatal_with_its_place() -> None:
    response = await Door().post("/fhir/$process-message", message(patient(birthDate="1956-02-30")))
    header, outcome = answer_of(response)
    assert (response.status_code, header["response"]["code"]) == (422, "fatal-error")
    assert outcome["issue"][0]["expression"] == ["Bundle.entry[1].resource.birthDate"]


async def test_what_the_merge_refuses_is_fatal_and_a_fault_of_ours_is_transient() -> None:
    refused = Door(refusal=refuse("no-patient", "Bundle.entry[1].resource.subject").refusal)
    header, _ = answer_of(await refused.post("/fhir/$process-message", message(patient())))
    assert header["response"]["code"] == "fatal-error"
    response = await Full().post("/fhir/$process-message", message(patient()))
    header, _ = answer_of(response)
    assert (response.status_code, header["response"]["code"]) == (503, "transient-error")


async def test_an_asynchronous_message_is_answered_with_a_status_address() -> None:
    response = await Door().post("/fhir/$process-message?async=true", message(patient()))
    assert response.status_code == 202


@pytest.mark.parametrize(
    "sent",
    [
        bundle(entry(patient())),
        bundle({"resource": patient()}, kind="message"),
        message(),
        patient(),
        {**message(patient()), "entry": [None, {"resource": patient()}]},
    ],
)
async def test_what_is_no_message_is_refused_with_an_operation_outcome(sent: Any) -> None:
    response = await Door().post("/fhir/$process-message", sent)
    assert response.status_code == 422
    assert "fatal-error" in response.text or response.json()["resourceType"] == "OperationOutcome"


async def test_an_answer_to_somewhere_else_is_refused() -> None:
    response = await Door().post("/fhir/$process-message?response-url=http://x", message(patient()))
    assert (response.status_code, codes(response)) == (422, ["not-supported"])


async def test_the_status_address_says_what_became_of_each_entry() -> None:
    door = Door()
    sent = bundle(entry(patient()), entry(patient(birthDate="1956-02-30")), kind="batch")
    accepted = await door.post("/fhir", sent, prefer="respond-async")
    found = await door.ask("GET", accepted.headers["content-location"].removeprefix("http://hub"))
    assert found.status_code == 200
    assert [issue["expression"] for issue in found.json()["issue"]] == [["Bundle.entry[1].resource.birthDate"]]
    assert (await door.ask("GET", f"/fhir/status/{uuid4().hex[:5]}")).status_code == 404
