"""FHIR requests: the resources stay as sent, and each goes to the patient whom it names and to no other."""

from datetime import UTC, datetime
from typing import Any

import pytest

from hub.errors import Refused
from hub.message import FhirEntry, FhirMessage
from hub.record import Reading
from tests.desk import mappings

RECEIVED = datetime(2026, 10, 1, tzinfo=UTC)
NUMBER = "https://erke.example/patient-number"


def patient(number: str, **more: Any) -> dict[str, Any]:
    return {"resourceType": "Patient", "identifier": [{"system": NUMBER, "value": number}], **more}


def observation(subject: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"resourceType": "Observation", "status": "final", "code": {"text": "血压"}, "subject": subject, **more}


def read(
    *resources: dict[str, Any], kind: str = "transaction", urls: tuple[str, ...] = (), method: str = "POST"
) -> Reading:
    entries = tuple(
        FhirEntry(resource=resource, where=f"Bundle.entry[{place}].resource", full_url=url, method=method)
        for place, (resource, url) in enumerate(zip(resources, urls or ("",) * len(resources), strict=True))
    )
    message = FhirMessage(kind=kind, sent_at=None, entries=entries)
    return mappings().fhir["erke-fhir"].read(message, RECEIVED)[0]


def told_of(reading: Reading) -> dict[str, int]:
    """How many resources each patient number got."""
    return {part.numbers[-1].value: len(part.resources) for part in reading.parts}


def test_a_resource_goes_to_the_patient_of_its_reference() -> None:
    reading = read(
        patient("EK1"), patient("EK2"), observation({"reference": "urn:uuid:1"}), urls=("urn:uuid:1", "urn:uuid:2", "")
    )
    assert told_of(reading) == {"EK1": 1, "EK2": 0}


def test_a_subject_by_identifier_never_goes_to_a_patient_who_merely_has_no_address() -> None:
    """Entries without fullUrl and id are in nobody's way: the empty reference leads to none of them."""
    subject = {"identifier": {"system": NUMBER, "value": "EK2"}}
    assert told_of(read(patient("EK1"), observation(subject))) == {"EK1": 0, "EK2": 1}


def test_a_resource_about_nobody_is_refused() -> None:
    with pytest.raises(Refused) as refused:
        read(observation({"display": "somebody"}), kind="Observation")
    assert refused.value.refusal.code == "no-patient"


def test_what_was_sent_stays_as_it_was_sent() -> None:
    sent = patient("EK1", id="p1", name=[{"text": "秦学勤"}])
    [part] = read(sent, kind="Patient").parts
    assert part.demographics is not None
    assert part.demographics.resource == sent
    assert [number.kind for number in part.numbers] == ["local-number"]


def test_an_id_names_a_patient_only_where_the_source_updates() -> None:
    """What is created gets its id from the server: two senders' ``p1`` are not one person."""
    [part] = read(patient("EK1", id="p1"), kind="Patient", method="PUT").parts
    assert [number.kind for number in part.numbers] == ["fhir-id", "local-number"]


def test_names_come_from_the_resources_that_carry_them() -> None:
    doctor = {"resourceType": "Practitioner", "id": "D1", "name": [{"text": "时砚秋"}]}
    seen = observation({"reference": "Patient/p1"}, performer=[{"reference": "Practitioner/D1"}])
    [part] = read(patient("EK1", id="p1"), doctor, seen).parts
    assert part.resources[0].names == {"Practitioner/D1": "时砚秋"}
