"""Which references may be named from elsewhere, and how the names are laid beside a fact."""

import pytest

from hub.naming import unnamed, with_names
from hub.record import Json, Named
from tests.unit.test_merging import fact


def order(**more: Json) -> Json:
    return {
        "medicationReference": {"reference": "Medication/m1"},
        "requester": {"reference": "Practitioner/d1"},
        **more,
    }


@pytest.mark.parametrize(
    ("reference", "waits"),
    [
        ("Practitioner/d1", True),
        ("https://his.example/fhir/Practitioner/d1", True),
        ("Practitioner?identifier=urn:staff|D1", True),
        ("#d1", False),
        ("urn:uuid:5e1c2b0a-77f0-4d0e-9a35-3f7d0f1b6c00", False),
        ("Patient/p1", False),
        ("Encounter/e1", False),
        ("PractitionerX/1", False),
        ("", False),
    ],
)
def test_only_what_leads_beyond_the_bundle_to_a_named_thing_waits(reference: str, waits: bool) -> None:
    one = fact(1, {"performer": [{"actor": {"reference": reference}}]}, kind="Procedure", whole=True)
    assert list(unnamed(one)) == ([reference] if waits else [])


def test_what_its_own_bundle_names_waits_for_nobody() -> None:
    one = fact(1, order(), kind="MedicationRequest", whole=True, names={"Practitioner/d1": "时医生"})
    assert list(unnamed(one)) == ["Medication/m1"]


def test_what_is_no_fhir_refers_to_nothing_beyond_it() -> None:
    assert list(unnamed(fact(1, order(), kind="MedicationRequest"))) == []


def test_names_are_laid_beside_a_fact_and_its_own_come_first() -> None:
    one = fact(1, order(), kind="MedicationRequest", whole=True, names={"Practitioner/d1": "时医生"})
    names = {
        (one.source, "Medication/m1"): Named(reference="Medication/m1", kind="Medication", shown="二甲双胍片"),
        ("another", "Practitioner/d1"): Named(reference="Practitioner/d1", kind="Practitioner", shown="他人"),
    }
    [named] = with_names([one], names)
    assert (named.names["Medication/m1"], named.names["Practitioner/d1"]) == ("二甲双胍片", "时医生")
    assert named.resource == one.resource
