"""Procedures, prescriptions, vaccinations, documents and appointments: what their entries show and when two are one."""

from base64 import b64encode
from typing import Any

import pytest

from hub.attachments import attached_text
from hub.columns import COLUMNS
from hub.merging import entry_key
from hub.record import Json
from tests.unit.test_merging import fact


def columns(kind: str, resource: Json, **more: Any) -> dict[str, Any]:
    return COLUMNS[kind](resource, fact(1, resource, kind=kind, **more))


def key(kind: str, resource: Json, *, patient: int = 7, **more: Any) -> str:
    return entry_key(kind, resource, fact(1, resource, kind=kind, patient=patient, **more))


def plain(text: bytes, content_type: str = "text/plain") -> Json:
    return {"contentType": content_type, "data": b64encode(text).decode()}


APPENDIX = {"coding": [{"system": "http://hl7.org/fhir/sid/icd-9-cm", "code": "47.0900", "display": "阑尾切除术"}]}


def test_a_procedure_names_its_surgeon_before_whoever_else_took_part() -> None:
    team = [
        {"function": {"coding": [{"code": "88189002"}]}, "actor": {"display": "郑医生"}},
        {"function": {"coding": [{"code": "304292004"}]}, "actor": {"display": "王医生"}},
    ]
    assert columns("Procedure", {"performer": team})["performer"] == "王医生"
    assert columns("Procedure", {"performer": team[:1]})["performer"] == "郑医生"


def test_a_procedure_that_took_time_begins_and_ends() -> None:
    period = {"start": "2026-01-27T10:00:00+08:00", "end": "2026-01-27T10:30:00+08:00"}
    found = columns("Procedure", {"performedPeriod": period})
    assert (found["effective"], found["ended"]) == (period["start"], period["end"])
    assert found["effective_at"] < found["ended_at"]


@pytest.mark.parametrize(
    ("rate", "dose"),
    [
        ({"doseQuantity": {"value": 0.5, "unit": "克"}}, "0.5 克"),
        ({"doseQuantity": {"value": 1, "code": "mg"}}, "1 mg"),
        ({"doseRange": {"low": {"value": 0.5, "unit": "克"}, "high": {"value": 1, "unit": "克"}}}, "0.5 克-1 克"),
        ({"doseRange": {"high": {"value": 1, "unit": "克"}}}, "-1 克"),
        ({}, None),
    ],
)
def test_a_dose_is_shown_with_its_unit_and_a_range_with_both_ends(rate: Json, dose: str | None) -> None:
    assert columns("MedicationRequest", {"dosageInstruction": [{"doseAndRate": [rate]}]})["dose"] == dose


@pytest.mark.parametrize(
    ("timing", "often"),
    [
        ({"code": {"text": "BID"}, "repeat": {"frequency": 3, "period": 1, "periodUnit": "d"}}, "BID"),
        ({"repeat": {"frequency": 2, "period": 1, "periodUnit": "d"}}, "2/1 d"),
        ({"repeat": {"period": 8, "periodUnit": "h"}}, "1/8 h"),
        ({"repeat": {"boundsPeriod": {"start": "2026-02-05"}}}, None),
    ],
)
def test_how_often_is_the_senders_name_for_it_else_its_numbers(timing: Json, often: str | None) -> None:
    assert columns("MedicationRequest", {"dosageInstruction": [{"timing": timing}]})["frequency"] == often


def test_a_drug_is_a_code_or_the_medication_that_is_contained_or_named() -> None:
    code = {"coding": [{"system": "s", "code": "Y002", "display": "二甲双胍片"}]}
    inside = {"contained": [{"resourceType": "Medication", "id": "m", "code": code}]}
    by_reference = {"medicationReference": {"reference": "#m"}}
    for resource in ({"medicationCodeableConcept": code}, inside | by_reference):
        found = columns("MedicationRequest", resource)
        assert (found["code_system"], found["code"], found["display"]) == ("s", "Y002", "二甲双胍片")
    named = {"medicationReference": {"reference": "Medication/9", "display": "阿司匹林"}}
    assert columns("MedicationRequest", named)["display"] == "阿司匹林"
    called = {"medicationReference": {"reference": "Medication/9"}}
    assert columns("MedicationRequest", called, names={"Medication/9": "阿司匹林"})["display"] == "阿司匹林"


def test_a_vaccination_tells_its_batch_and_which_dose_it_is() -> None:
    said = {"lotNumber": "LOT2026", "expirationDate": "2027-01-01", "protocolApplied": [{"doseNumberPositiveInt": 2}]}
    found = columns("Immunization", said)
    assert (found["lot_number"], found["expires"], found["dose_number"]) == ("LOT2026", "2027-01-01", "2")


def test_a_document_shows_its_texts_and_leaves_pictures_where_they_are() -> None:
    parts = [plain("入院诊断：脑梗死".encode()), {"contentType": "application/pdf", "data": "JVBERi0="}]
    found = columns("DocumentReference", {"content": [{"attachment": one} for one in parts]})
    assert found["text"] == "入院诊断：脑梗死"


@pytest.mark.parametrize(
    ("attachment", "text"),
    [
        (plain("复查".encode("gb18030"), "text/plain; charset=GB18030"), "复查"),
        (plain("复查".encode(), 'text/plain;charset="utf-8"'), "复查"),
        (plain("复查".encode("gb18030")), None),
        (plain(b"x", "text/plain; charset=nonsense"), None),
        ({"contentType": "text/plain", "data": "%%%"}, None),
        ({"contentType": "text/plain"}, None),
        (plain(b"<p>x</p>", "text/html"), None),
        (plain(b"a\0b"), "ab"),
        (plain(b"\0"), None),
    ],
)
def test_a_text_is_read_in_its_charset_and_not_guessed(attachment: Json, text: str | None) -> None:
    assert attached_text(attachment) == text


def test_an_appointment_names_whom_it_is_with_and_not_who_arranged_it() -> None:
    clerk = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/provenance-participant-type"}]}
    people = [
        {"actor": {"type": "Patient", "display": "秦学勤"}},
        {"type": [clerk], "actor": {"type": "Practitioner", "display": "预约员"}},
        {"actor": {"reference": "http://his.example/fhir/Practitioner/7", "display": "赵医生"}},
        {"actor": {"type": "Location", "display": "诊室3"}},
    ]
    found = columns("Appointment", {"participant": people})
    assert (found["doctor"], found["department"]) == ("赵医生", "诊室3")


def test_a_participant_by_urn_is_known_by_what_its_bundle_says() -> None:
    urn = "urn:uuid:0c3151bd-1cbf-4d64-b04d-cd9187a4c6e0"
    who = {"participant": [{"actor": {"reference": urn}}]}
    names = {urn: "赵医生", f"{urn}#type": "Practitioner"}
    assert columns("Appointment", who, names=names)["doctor"] == "赵医生"
    assert columns("Appointment", who, names={urn: "赵医生"})["doctor"] is None


# -- what is the same thing --------------------------------------------------------------------------------------------


def test_two_houses_that_tell_of_one_procedure_at_one_instant_tell_of_one() -> None:
    here = {"code": APPENDIX, "performedDateTime": "2026-01-27T10:00:00+08:00"}
    there = {"code": APPENDIX, "performedPeriod": {"start": "2026-01-27T02:00:00Z"}}
    assert key("Procedure", here, patient=7) == key("Procedure", there, patient=8)
    assert key("Procedure", here) != key("Procedure", here | {"performedDateTime": "2026-01-28"})


def test_what_has_no_time_or_no_code_is_its_sources_own() -> None:
    assert key("Procedure", {"code": APPENDIX}, patient=7) != key("Procedure", {"code": APPENDIX}, patient=8)
    when = {"occurrenceDateTime": "2026-02-05"}
    assert key("Immunization", when, patient=7) != key("Immunization", when, patient=8)


def test_the_drugs_of_one_prescription_are_entries_of_their_own() -> None:
    number = {"identifier": [{"value": "CF1"}]}
    drugs = [{"medicationCodeableConcept": {"coding": [{"system": "s", "code": code}]}} for code in ("A", "B")]
    one, two = (key("MedicationRequest", number | drug) for drug in drugs)
    assert one != two
    assert one == key("MedicationRequest", number | drugs[0], key="otherwise", source="lis")
    elsewhere = [number | {"medicationReference": {"reference": f"Medication/{drug}"}} for drug in "AB"]
    assert key("MedicationRequest", elsewhere[0], key="A") != key("MedicationRequest", elsewhere[1], key="B")


@pytest.mark.parametrize(
    ("kind", "resource"),
    [
        ("MedicationRequest", {"identifier": [{"value": "1"}], "medicationCodeableConcept": {"text": "阿司匹林"}}),
        ("DocumentReference", {"masterIdentifier": {"value": "1"}}),
        ("Appointment", {"identifier": [{"value": "1"}]}),
    ],
)
def test_a_number_is_its_houses_own(kind: str, resource: Json) -> None:
    assert key(kind, resource, source="his") == key(kind, resource, source="emr")
    assert key(kind, resource, organisation="here") != key(kind, resource, organisation="there")
    assert key(kind, {}, key="a") != key(kind, {}, key="b")
