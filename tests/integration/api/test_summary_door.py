"""The patient summary: a valid document that says what the record holds, and of what nothing is known."""

from typing import Any

from fhir.resources.R4B.bundle import Bundle
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.fhir.validation import check
from fixtures.county import story
from tests.desk import deliver
from tests.integration.api.conftest import Ward
from tests.integration.api.test_charts_api import readable
from tests.integration.api.test_record_door import Reader, app, reader

__all__ = ["app", "reader"]

SECTIONS = {"11450-4", "10160-0", "48765-2"}


def sections(bundle: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {one["code"]["coding"][0]["code"]: one for one in bundle["entry"][0]["resource"]["section"]}


async def test_a_summary_of_everybody_is_a_valid_document(reader: Reader, ward: Ward, engine: AsyncEngine) -> None:
    await deliver(engine, story())
    for key in await readable(engine, ward):
        found = await reader.bundle(f"/fhir/Patient/{key}/$summary")
        Bundle.model_validate(found)
        _check_document(found)


def _check_document(found: dict[str, Any]) -> None:
    """The rules of a document (FHIR R4B 3.3.1) and of the patient summary that no model checks."""
    entries = {one["fullUrl"]: one["resource"] for one in found["entry"]}
    assert len(entries) == len(found["entry"])
    assert found["type"] == "document"
    assert found["identifier"]["value"] == f"urn:uuid:{found['id']}"
    composition = found["entry"][0]["resource"]
    assert composition["resourceType"] == "Composition"
    assert composition["type"]["coding"][0]["code"] == "60591-5"
    assert entries[composition["subject"]["reference"]]["resourceType"] == "Patient"
    assert entries[composition["author"][0]["reference"]]["resourceType"] == "Device"
    assert set(sections(found)) >= SECTIONS
    for section in composition["section"]:
        assert section["text"]["div"].startswith("<div xmlns=")
        assert bool(section.get("entry")) != bool(section.get("emptyReason"))
        for one in section.get("entry", ()):
            assert one["reference"] in entries
    for resource in entries.values():
        whose = resource.get("subject") or resource.get("patient")
        assert whose is None or whose == composition["subject"]
        assert check(resource) is None


async def test_a_summary_says_what_the_record_holds(reader: Reader, ward: Ward) -> None:
    key = await ward.admit(sex="male", birth_date="1949-12-31")
    icd: dict[str, Any] = {"code_system": "http://hl7.org/fhir/sid/icd-10"}
    await ward.note(key, "Condition", code="I10.x00", display="高血压 <1级>", clinical_status="active", **icd)
    await ward.note(key, "Condition", code="J18.9", display="肺炎", clinical_status="resolved", **icd)
    await ward.note(key, "AllergyIntolerance", code="P", display="青霉素", status="active", reaction="皮疹")
    await ward.note(key, "MedicationRequest", code="D", display="氨氯地平", status="active", dose="5 mg")
    await ward.note(key, "MedicationRequest", code="E", display="头孢", status="stopped")
    loinc: dict[str, Any] = {"code_system": "http://loinc.org"}
    pressure: dict[str, Any] = {"code": "85354-9", "value": "128/78", "unit": "mmHg", "display": "血压", **loinc}
    await ward.note(key, "Observation", 3, **pressure)
    glucose: dict[str, Any] = {"code": "1558-6", "value": "<6.10", "value_number": 6.1, "unit": "mmol/L", **loinc}
    await ward.note(key, "Observation", 2, **glucose, display="血糖", effective="2026", reference_range="3.9-6.1")
    await ward.note(key, "Immunization", status="completed", display="流感疫苗", effective=None, effective_at=None)
    found = await reader.bundle(f"/fhir/Patient/{key}/$summary")
    Bundle.model_validate(found)
    _check_document(found)
    told = sections(found)
    assert "高血压 &lt;1级&gt;" in told["11450-4"]["text"]["div"]
    assert "肺炎" in told["11348-0"]["text"]["div"]
    assert "头孢" not in told["10160-0"]["text"]["div"]
    assert "青霉素" in told["48765-2"]["text"]["div"]
    assert "47519-4" not in told
    resources = [one["resource"] for one in found["entry"]]
    [upper] = [one for one in resources if one.get("code", {}).get("coding", [{}])[0].get("code") == "85354-9"]
    assert [part["valueQuantity"]["value"] for part in upper["component"]] == [128, 78]
    [sugar] = [one for one in resources if one.get("code", {}).get("text") == "血糖"]
    assert sugar["valueQuantity"] == {
        **{"value": 6.1, "comparator": "<", "unit": "mmol/L"},
        **{"system": "http://unitsofmeasure.org", "code": "mmol/L"},
    }
    assert sugar["effectiveDateTime"] == "2026"
    [shot] = [one for one in resources if one["resourceType"] == "Immunization"]
    assert shot["occurrenceString"] == "不详 / unknown"


async def test_a_summary_of_nothing_says_that_nothing_is_known(reader: Reader, ward: Ward) -> None:
    key = await ward.admit()
    found = await reader.bundle(f"/fhir/Patient/{key}/$summary")
    Bundle.model_validate(found)
    _check_document(found)
    told = sections(found)
    assert set(told) == SECTIONS
    assert {one["emptyReason"]["coding"][0]["code"] for one in told.values()} == {"unavailable"}
    assert found["entry"][1]["resource"]["_birthDate"]["extension"][0]["valueCode"] == "unknown"


async def test_an_entry_that_was_cancelled_is_not_in_a_summary(reader: Reader, ward: Ward) -> None:
    key = await ward.admit()
    await ward.note(key, "Observation", display="作废", status="cancelled", value="1")
    await ward.note(key, "Condition", display="排除", status="refuted")
    assert set(sections(await reader.bundle(f"/fhir/Patient/{key}/$summary"))) == SECTIONS
