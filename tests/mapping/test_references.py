"""Whom a FHIR resource is about, in every way in which FHIR lets it say so, and how what it refers to is called."""

from typing import Any

import pytest

from adapters.fhir.people import people_in
from hub.errors import Refused
from hub.message import FhirEntry, FhirMessage
from tests.mapping.test_bundles import NUMBER, observation, patient, read, told_of

WHO = {"identifier": {"system": NUMBER, "value": "EK1"}}
ABOUT: dict[str, dict[str, Any]] = {
    **{
        kind: {"subject": WHO}
        for kind in (
            *("Procedure", "MedicationRequest", "MedicationStatement", "MedicationDispense"),
            *("MedicationAdministration", "DocumentReference", "Specimen", "Composition"),
        )
    },
    **{kind: {"patient": WHO} for kind in ("Immunization", "RelatedPerson")},
    "Coverage": {"beneficiary": WHO},
    "Appointment": {"participant": [{"actor": {"display": "赵医生"}}, {"actor": {"type": "Patient", **WHO}}]},
}


@pytest.mark.parametrize("kind", ABOUT)
def test_each_kind_goes_to_the_patient_whom_it_names_in_its_own_element(kind: str) -> None:
    made = 2 if kind == "Composition" else 1  # it is a document of the record, too
    assert told_of(read({"resourceType": kind, **ABOUT[kind]}, kind=kind)) == {"EK1": made}


@pytest.mark.parametrize("kind", ABOUT)
def test_each_kind_that_names_nobody_is_refused_at_its_own_element(kind: str) -> None:
    with pytest.raises(Refused) as refused:
        read({"resourceType": kind}, kind=kind)
    [element] = ABOUT[kind]
    assert refused.value.refusal.code == "no-patient"
    assert refused.value.refusal.where.endswith(f".{element}") or refused.value.refusal.where.endswith(".resource")


def test_a_doctor_who_comes_to_an_appointment_is_not_its_patient() -> None:
    doctor = {"actor": {"type": "Practitioner", "identifier": {"system": NUMBER, "value": "EK9"}}}
    with pytest.raises(Refused):
        read({"resourceType": "Appointment", "participant": [doctor]}, kind="Appointment")


def test_a_contained_patient_is_known_by_its_numbers() -> None:
    inside = {"contained": [patient("EK1", id="p"), patient("EK2", id="q")]}
    assert told_of(read(observation({"reference": "#q"}, **inside), kind="Observation")) == {"EK2": 1}


@pytest.mark.parametrize(
    "subject", [WHO, {"reference": f"Patient?identifier={NUMBER}%7CEK1"}, {"reference": "#p"}], ids=str
)
def test_a_number_of_a_patient_of_the_same_bundle_means_that_patient(subject: dict[str, Any]) -> None:
    """Whom a bundle brings nobody knows before: as somebody else's they would be looked for in vain."""
    inside = {"contained": [patient("EK1", id="p")]}
    reading = read(patient("EK1", name=[{"text": "测试甲"}]), observation(subject, **inside))
    assert [len(part.resources) for part in reading.parts] == [1]
    assert reading.parts[0].demographics is not None


def test_a_conditional_reference_is_known_by_its_condition() -> None:
    asked = {"reference": f"Patient?identifier={NUMBER}%7CEK1"}
    assert told_of(read(observation(asked), kind="Observation")) == {"EK1": 1}


BASE = "http://erke.example/fhir/"


def test_an_absolute_reference_leads_into_the_bundle_and_to_what_its_server_sent_before() -> None:
    urls = (f"{BASE}Patient/7", f"{BASE}Observation/1", f"{BASE}Observation/2")
    here, before = observation({"reference": urls[0]}), observation({"reference": f"{BASE}Patient/8/_history/2"})
    assert told_of(read(patient("EK1"), here, before, urls=urls)) == {"EK1": 1, "8": 1}


def test_the_same_id_at_another_server_is_somebody_else() -> None:
    with pytest.raises(Refused) as refused:
        read(observation({"reference": "http://other.example/fhir/Patient/7"}), kind="Observation")
    assert refused.value.refusal.code == "no-patient"


def test_the_door_and_the_mapping_mean_the_same_people() -> None:
    """Requests about one patient keep their order only if the door finds whom the mapping will find."""
    resources = [
        {"resourceType": "Appointment", **ABOUT["Appointment"]},
        {"resourceType": "Coverage", "beneficiary": {"reference": f"{BASE}Patient/8"}},
        observation({"reference": "#q"}, contained=[patient("EK2", id="q")]),
        observation({"reference": f"Patient?identifier={NUMBER}%7CEK3"}),
        observation({"reference": "Patient/9"}),
    ]
    entries = tuple(
        FhirEntry(resource=one, where=f"Bundle.entry[{at}].resource", full_url=f"{BASE}Observation/{at}")
        for at, one in enumerate(resources)
    )
    people = people_in(FhirMessage(kind="transaction", sent_at=None, entries=entries))
    found = {value for person in people for _, value in person.identifiers} | {one.fhir_id for one in people if one}
    urls = tuple(entry.full_url for entry in entries)
    assert set(told_of(read(*resources, urls=urls))) == found - {""} == {"EK1", "EK2", "EK3", "8", "9"}


def test_what_a_resource_contains_is_called_by_its_own_name() -> None:
    inside = {"resourceType": "Practitioner", "id": "d", "name": [{"family": "赵", "given": ["医生"]}]}
    reading = read(observation(WHO, contained=[inside], performer=[{"reference": "#d"}]), kind="Observation")
    assert reading.parts[0].resources[0].names["#d"] == "赵医生"


def test_a_medication_of_the_bundle_gives_its_prescription_the_drugs_name() -> None:
    urn = "urn:uuid:3f0dbb0e-3c4b-4a63-8f2a-6f5f2bb1a4f1"
    drug = {"resourceType": "Medication", "code": {"text": "二甲双胍片"}}
    asked = {"resourceType": "MedicationRequest", "subject": WHO, "medicationReference": {"reference": urn}}
    reading = read(drug, asked, urls=(urn, ""))
    names = reading.parts[0].resources[0].names
    assert (names[urn], names[f"{urn}#type"]) == ("二甲双胍片", "Medication")


def test_what_has_a_list_of_codes_and_no_name_names_nothing() -> None:
    """A PractitionerRole has several codes, which are no name of it; it may be contained as well."""
    role = {"resourceType": "PractitionerRole", "id": "r", "code": [{"text": "主治医师"}]}
    said = observation(WHO, contained=[role], performer=[{"reference": "#r"}, {"reference": "PractitionerRole/r"}])
    reading = read(role, said)
    assert reading.parts[0].resources[0].names == {"#r#type": "PractitionerRole"}


def test_what_has_neither_id_nor_number_is_told_apart_by_what_it_says_and_when() -> None:
    vaccine = {"resourceType": "Immunization", "patient": WHO, "vaccineCode": {"text": "流感疫苗"}}
    twice = [vaccine | {"occurrenceDateTime": day} for day in ("2025-10-01", "2026-10-01")]
    keys = {one.key for part in read(*twice).parts for one in part.resources}
    assert len(keys) == 2


def test_a_document_goes_by_its_master_identifier() -> None:
    document = {"resourceType": "DocumentReference", "subject": WHO, "masterIdentifier": {"system": "s", "value": "D1"}}
    assert read(document).parts[0].resources[0].key == "s|D1"
