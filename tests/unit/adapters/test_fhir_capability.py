"""The CapabilityStatement claims what the door does, and the door does nothing of what it does not claim."""

from datetime import UTC, datetime
from typing import Any

import pytest
from fhir.resources.R4B import get_fhir_model_class

from adapters.fhir.capability import RECORD_OPERATIONS, capability_statement
from hub.api.record_door import RecordDoor
from hub.mapping.bundles import SUPPORTED
from tests.unit.adapters.fhir_door import NUMBER, Door, bundle, entry, message, patient

AT = datetime(2026, 3, 1, tzinfo=UTC)
_CODED = {"code": {"text": "x"}, "status": "final"}
_SUBJECT = {"subject": {"identifier": {"system": NUMBER, "value": "P1"}}}
_DRUG = {"medicationCodeableConcept": {"text": "x"}, **_SUBJECT}
LEAST: dict[str, dict[str, Any]] = {
    "AllergyIntolerance": {"patient": _SUBJECT["subject"]},
    "CareTeam": {},
    "Condition": _SUBJECT,
    "Contract": {},
    "DiagnosticReport": {**_CODED, **_SUBJECT},
    "Encounter": {"status": "finished", "class": {"code": "IMP"}, **_SUBJECT},
    "Group": {"type": "person", "actual": True},
    "Location": {},
    "Observation": {**_CODED, **_SUBJECT},
    "Organization": {"name": "威泉县第二医院"},
    "Patient": {},
    "Practitioner": {},
    "PractitionerRole": {},
    "QuestionnaireResponse": {"status": "completed", "identifier": {"system": NUMBER, "value": "P1"}, **_SUBJECT},
    "Schedule": {"actor": [{"display": "x"}]},
    "ServiceRequest": {"status": "active", "intent": "order", **_SUBJECT},
    "Slot": {
        "schedule": {"display": "x"},
        "status": "free",
        "start": "2026-01-05T01:00:00Z",
        "end": "2026-01-05T02:00:00Z",
    },
    "Appointment": {
        "status": "proposed",
        "participant": [{"actor": _SUBJECT["subject"] | {"type": "Patient"}, "status": "accepted"}],
    },
    "Composition": {
        **{"status": "final", "type": {"text": "x"}, "title": "x", "date": "2026-01-05", "author": [{"display": "x"}]},
        "identifier": {"system": NUMBER, "value": "P1"},
        **_SUBJECT,
    },
    "Coverage": {"status": "active", "beneficiary": _SUBJECT["subject"], "payor": [{"display": "x"}]},
    "DocumentReference": {"status": "current", "content": [{"attachment": {"title": "x"}}], **_SUBJECT},
    "Immunization": {
        **{"status": "completed", "vaccineCode": {"text": "x"}, "occurrenceDateTime": "2026-01-05"},
        "patient": _SUBJECT["subject"],
    },
    "Medication": {"code": {"text": "x"}},
    "MedicationAdministration": {"status": "completed", "effectiveDateTime": "2026-01-05", **_DRUG},
    "MedicationDispense": {"status": "completed", **_DRUG},
    "MedicationRequest": {"status": "active", "intent": "order", **_DRUG},
    "MedicationStatement": {"status": "active", **_DRUG},
    "Procedure": {"status": "completed", **_SUBJECT},
    "RelatedPerson": {"patient": _SUBJECT["subject"]},
    "Specimen": _SUBJECT,
}
"""The least that is valid of each type."""


def least(kind: str, **more: Any) -> dict[str, Any]:
    return {"resourceType": kind, "identifier": [{"system": NUMBER, "value": "P1"}], **LEAST[kind], **more}


async def claimed() -> dict[str, Any]:
    response = await Door().ask("GET", "/fhir/metadata")
    assert response.status_code == 200
    return dict(response.json())


def test_a_patient_offers_what_the_hub_has_a_door_for_and_nothing_else_does() -> None:
    told = capability_statement(SUPPORTED, address="http://hub/fhir", at=AT, operations=RECORD_OPERATIONS)
    get_fhir_model_class("CapabilityStatement").model_validate(told)
    offered = {
        one["type"]: [operation["name"] for operation in one["operation"]]
        for one in told["rest"][0]["resource"]
        if "operation" in one
    }
    assert offered == {"Patient": ["everything", "summary"]}
    paths = [route.path for route in RecordDoor.routes(object.__new__(RecordDoor))]
    assert paths == [f"/fhir/Patient/{{id}}/${name}" for name in RECORD_OPERATIONS]


async def test_a_door_without_a_way_out_claims_none() -> None:
    assert all("operation" not in one for one in (await claimed())["rest"][0]["resource"])


async def test_the_statement_is_valid_and_names_what_is_mapped() -> None:
    found = await claimed()
    get_fhir_model_class("CapabilityStatement").model_validate(found)
    assert found["fhirVersion"] == "4.0.1"
    (rest,) = found["rest"]
    assert {one["type"] for one in rest["resource"]} == SUPPORTED == set(LEAST)
    assert found["implementation"]["url"] == "http://hub/fhir"


@pytest.mark.parametrize("kind", sorted(LEAST))
async def test_each_interaction_that_is_claimed_of_a_type_is_taken(kind: str) -> None:
    (rest,) = (await claimed())["rest"]
    (told,) = (one for one in rest["resource"] if one["type"] == kind)
    assert [one["code"] for one in told["interaction"]] == ["create", "update"]
    condition = f"identifier={NUMBER}|P1"
    asked: list[tuple[str, str, Any, dict[str, str]]] = [
        ("POST", f"/fhir/{kind}", least(kind), {}),
        ("PUT", f"/fhir/{kind}/x1", least(kind, id="x1"), {}),
    ]
    if told["conditionalCreate"]:
        asked.append(("POST", f"/fhir/{kind}", least(kind), {"if-none-exist": condition}))
    if told["conditionalUpdate"]:
        asked.append(("PUT", f"/fhir/{kind}?{condition}", least(kind), {}))
    assert len(asked) == 4
    for method, path, resource, headers in asked:
        response = await Door().ask(method, path, resource, headers)
        assert response.status_code == 201, response.text


@pytest.mark.parametrize("kind", sorted(LEAST))
async def test_what_is_not_claimed_of_a_type_is_not_there(kind: str) -> None:
    for method, path in (
        ("GET", f"/fhir/{kind}/x1"),
        ("GET", f"/fhir/{kind}/x1/_history/1"),
        ("GET", f"/fhir/{kind}/_history"),
        ("GET", f"/fhir/{kind}?identifier=1"),
        ("DELETE", f"/fhir/{kind}/x1"),
        ("DELETE", f"/fhir/{kind}?identifier=1"),
        ("PATCH", f"/fhir/{kind}/x1"),
    ):
        response = await Door().ask(method, path, least(kind, id="x1"))
        assert response.status_code == 405, path
        assert response.json()["resourceType"] == "OperationOutcome"


async def test_each_interaction_that_is_claimed_of_the_whole_is_taken() -> None:
    (rest,) = (await claimed())["rest"]
    for interaction in rest["interaction"]:
        kind = interaction["code"]
        answer = (await Door().post("/fhir", bundle(entry(patient()), kind=kind))).json()
        assert (answer["type"], answer["entry"][0]["response"]["status"]) == (f"{kind}-response", "201 Created")
    for operation in rest["operation"]:
        response = await Door().post(f"/fhir/${operation['name']}", message(patient()))
        assert response.status_code == 200


async def test_each_format_that_is_claimed_is_taken_and_no_other() -> None:
    formats = (await claimed())["format"]
    for type_ in [*formats, "application/fhir+xml", "text/turtle", "text/plain"]:
        response = await Door().post("/fhir", patient(), content_type=type_)
        assert response.status_code == (201 if type_ in formats else 415), type_
