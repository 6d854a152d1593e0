"""R4 and R4B are taken. R5 and STU3 are refused by their name, and what is merely wrong is not taken for either."""

from typing import Any

import pytest

from adapters.fhir.validation import check
from adapters.fhir.versions import header_fault
from tests.unit.adapters.fhir_door import Door, patient

WHO = {"reference": "Patient/1"}
R5: dict[str, dict[str, Any]] = {
    "Encounter": {"status": "completed", "class": [{"coding": [{"code": "IMP"}]}], "actualPeriod": {"start": "2026"}},
    "MedicationRequest": {"status": "active", "intent": "order", "medication": {"concept": {"text": "x"}}},
}
STU3: dict[str, dict[str, Any]] = {
    "Encounter": {"status": "finished", "diagnosis": [{"condition": {"reference": "Condition/1"}, "role": {}}]},
    "Condition": {"clinicalStatus": "active", "assertedDate": "2020-01-01"},
    "Procedure": {"status": "completed", "context": {"reference": "Encounter/1"}},
}


@pytest.mark.parametrize(
    ("version", "kind", "resource"),
    [("R5", kind, one) for kind, one in R5.items()] + [("STU3", kind, one) for kind, one in STU3.items()],
)
def test_what_only_another_version_knows_is_named_by_it(version: str, kind: str, resource: dict[str, Any]) -> None:
    refusal = check({"resourceType": kind, "subject": WHO, **resource})
    assert refusal is not None
    assert (refusal.code, refusal.given["version"]) == ("other-fhir-version", version)
    assert refusal.where.startswith(f"{kind}.")


@pytest.mark.parametrize(
    "resource",
    [
        {"resourceType": "Encounter", "status": "finished"},
        {"resourceType": "Condition", "subject": WHO, "unheard": 1},
        {"resourceType": "Patient", "gender": "X"},
        {"resourceType": "Patient", "birthDate": "yesterday"},
    ],
)
def test_what_is_merely_wrong_stays_an_invalid_resource(resource: dict[str, Any]) -> None:
    refusal = check(resource)
    assert refusal is not None
    assert refusal.code == "invalid-resource"


@pytest.mark.parametrize(
    ("profile", "version"),
    [
        ("http://hl7.org/fhir/StructureDefinition/Patient|5.0.0", "R5"),
        ("http://hl7.org/fhir/5.0/StructureDefinition/Patient", "R5"),
        ("http://hl7.org/fhir/StructureDefinition/Patient|3.0.2", "STU3"),
        ("http://hl7.org/fhir/StructureDefinition/Patient|4.0.1", None),
        ("http://hl7.org/fhir/StructureDefinition/Patient|4.3.0", None),
        ("http://hl7.org/fhir/StructureDefinition/Patient", None),
        ("https://erke.example/StructureDefinition/Patient|5.0.0", None),
    ],
)
def test_a_profile_of_the_standard_tells_its_version(profile: str, version: str | None) -> None:
    refusal = check({"resourceType": "Patient", "meta": {"profile": [profile]}})
    assert (refusal.given["version"] if refusal else None) == version


@pytest.mark.parametrize(
    ("value", "version"),
    [
        ("application/fhir+json; fhirVersion=5.0", "R5"),
        ('application/fhir+json;fhirversion="3.0"', "STU3"),
        ("application/fhir+json; charset=utf-8; fhirVersion=3.0", "STU3"),
        ("application/fhir+json; fhirVersion=9.9", "9.9"),
        ("application/fhir+json; fhirVersion=R5", "?"),
        ("application/fhir+json; fhirVersion=4.0", None),
        ("application/fhir+json; fhirVersion=4.0.1", None),
        ("application/fhir+json; fhirVersion=4.3", None),
        ("application/fhir+json; fhirVersion=5.0, application/fhir+json; fhirVersion=4.0", None),
        ("application/fhir+json; fhirVersion=5.0, */*", None),
        ("application/fhir+json", None),
        ("", None),
    ],
)
def test_a_media_type_may_name_a_version(value: str, version: str | None) -> None:
    refusal = header_fault(value, "Accept")
    assert (refusal.given["version"] if refusal else None) == version


@pytest.mark.parametrize(("header", "status"), [("content-type", 415), ("accept", 406)])
async def test_the_door_refuses_a_media_type_of_another_version_and_keeps_nothing(header: str, status: int) -> None:
    door = Door()
    answer = await door.ask("POST", "/fhir/Patient", patient(), {header: "application/fhir+json; fhirVersion=5.0"})
    [issue] = answer.json()["issue"]
    assert (answer.status_code, issue["code"], door.arrivals) == (status, "not-supported", {})
    assert "FHIR R5" in issue["details"]["text"]
    assert "平台接收 R4（4.0.1）与 R4B（4.3.0）。" in issue["details"]["text"]


async def test_the_door_names_the_version_of_a_type_that_r4b_does_not_have() -> None:
    door = Door()
    for kind, version in (("Transport", "R5"), ("ReferralRequest", "STU3")):
        answer = await door.post("/fhir", {"resourceType": kind})
        assert answer.status_code == 422
        assert f"FHIR {version}" in answer.json()["issue"][0]["details"]["text"]
