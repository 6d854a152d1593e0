"""What is said of drugs: which columns each kind of statement has, and which statements are of one course."""

from typing import Any

import pytest

from hub.columns import COLUMNS
from hub.courses import SAID, kinds_on, shelf_of
from hub.merging import entry_key, fold, project
from hub.record import Entry, Json, short_key
from hub.tables import ENTRY_TABLES
from tests.unit.test_merging import RESIDENT, fact

METFORMIN: Json = {"coding": [{"system": "s", "code": "Y002", "display": "二甲双胍片"}]}
DRUG: Json = {"medicationCodeableConcept": METFORMIN}
REQUEST, DISPENSE, GIVEN, TAKEN = SAID


def columns(kind: str, resource: Json, **more: Any) -> dict[str, Any]:
    return COLUMNS[kind](resource, fact(1, resource, kind=kind, **more))


def key(kind: str, resource: Json, **more: Any) -> str:
    return entry_key(kind, resource, fact(1, resource, kind=kind, **more))


def course(*said: tuple[str, Json], **more: Any) -> Entry:
    """The entry of several statements, each said a minute after the one before it."""
    folded = [fold([fact(at, one, kind=kind, key=f"{at}", **more)]) for at, (kind, one) in enumerate(said)]
    entry = project(RESIDENT, REQUEST, "k", folded)
    assert entry is not None
    return entry


def test_all_that_is_said_of_drugs_stands_on_one_shelf() -> None:
    assert {shelf_of(kind) for kind in SAID} == {REQUEST}
    assert set(kinds_on(REQUEST)) == set(SAID)
    assert shelf_of("Observation") == "Observation"
    assert kinds_on("Observation") == ("Observation",)


@pytest.mark.parametrize("kind", SAID)
def test_each_statement_has_every_column_of_the_shelf(kind: str) -> None:
    own = {column.name for column in ENTRY_TABLES[REQUEST].c}
    kept = own - {"id", "resident_id", "key", "origins", "conflicts", "flags"}
    assert set(columns(kind, DRUG)) == kept
    assert columns(kind, DRUG)["statements"] == [SAID[kind]]


def test_a_prescription_tells_its_course_and_how_long_it_lasts() -> None:
    bounds = {"boundsPeriod": {"start": "2026-02-05", "end": "2026-03-05"}}
    found = columns(REQUEST, {"dosageInstruction": [{"timing": {"repeat": bounds}}]})
    assert (found["started"], found["ended"]) == ("2026-02-05", "2026-03-05")
    lasting = {"boundsDuration": {"value": 4, "unit": "wk"}}
    assert columns(REQUEST, {"dosageInstruction": [{"timing": {"repeat": lasting}}]})["duration"] == "4 wk"
    supplied = {"dispenseRequest": {"expectedSupplyDuration": {"value": 14, "unit": "d"}}}
    assert columns(REQUEST, supplied)["duration"] == "14 d"


def test_a_dispense_tells_when_how_much_for_how_long_and_by_whom() -> None:
    said = {
        "whenHandedOver": "2026-02-05",
        "quantity": {"value": 56, "unit": "片"},
        "daysSupply": {"value": 28, "unit": "d"},
        "performer": [{"actor": {"display": "孙药师"}}],
        "authorizingPrescription": [{"identifier": {"value": "CF1"}}],
    }
    found = columns(DISPENSE, said)
    told = ("handed_over", "quantity", "duration", "performer", "prescription_number", "effective")
    assert tuple(found[name] for name in told) == ("2026-02-05", "56 片", "28 d", "孙药师", "CF1", "2026-02-05")
    assert columns(DISPENSE, {"whenPrepared": "2026-02-04"})["effective"] == "2026-02-04"
    assert columns(DISPENSE, {"whenPrepared": "2026-02-04"})["handed_over"] is None


def test_an_administration_tells_what_was_given_and_when() -> None:
    dosage = {"dose": {"value": 10, "unit": "U"}, "route": {"text": "皮下注射"}, "text": "餐前"}
    found = columns(GIVEN, {"dosage": dosage, "effectiveDateTime": "2026-02-05T10:00:00+08:00"})
    assert (found["dose"], found["route"], found["instruction"]) == ("10 U", "皮下注射", "餐前")
    assert found["effective"] == "2026-02-05T10:00:00+08:00"
    lasted = columns(GIVEN, {"effectivePeriod": {"start": "2026-02-05", "end": "2026-02-06"}})
    assert (lasted["effective"], lasted["started"], lasted["ended"]) == ("2026-02-05", "2026-02-05", "2026-02-06")


def test_what_is_taken_tells_since_when_and_who_says_so() -> None:
    said = {
        "effectivePeriod": {"start": "2025"},
        "dosage": [{"text": "每晚一片", "doseAndRate": [{"doseQuantity": {"value": 1, "unit": "片"}}]}],
        "informationSource": {"display": "女儿"},
    }
    found = columns(TAKEN, said)
    assert (found["started"], found["instruction"], found["dose"], found["performer"]) == (
        "2025",
        "每晚一片",
        "1 片",
        "女儿",
    )
    bounded = {"dosage": [{"timing": {"repeat": {"boundsPeriod": {"start": "2026-01-01", "end": "2026-02-01"}}}}]}
    assert columns(TAKEN, bounded | {"effectiveDateTime": "2026-01-01"})["ended"] == "2026-02-01"
    assert columns(TAKEN, {"dateAsserted": "2026-01-09"})["effective"] == "2026-01-09"


# -- one course --------------------------------------------------------------------------------------------------------


def test_a_dispense_belongs_to_the_prescription_that_it_refers_to() -> None:
    asked = {"authorizingPrescription": [{"reference": "MedicationRequest/r1"}]}
    assert key(DISPENSE, asked, key="d1") == key(REQUEST, DRUG, key="r1")
    absolute = {"authorizingPrescription": [{"reference": "https://his.example/fhir/MedicationRequest/r1"}]}
    assert key(DISPENSE, absolute, key="d1") == key(REQUEST, DRUG, key="r1")
    assert key(DISPENSE, asked, key="d1", source="other") != key(REQUEST, DRUG, key="r1")


def test_the_same_number_and_drug_in_one_house_is_one_course() -> None:
    numbered = {"identifier": [{"value": "CF1"}], **DRUG}
    asked = {"authorizingPrescription": [{"identifier": {"value": "CF1"}}], **DRUG}
    assert key(DISPENSE, asked, key="d", source="pharmacy") == key(REQUEST, numbered, key="r", source="his")
    assert key(DISPENSE, asked, organisation="there") != key(REQUEST, numbered, organisation="here")
    other = asked | {"medicationCodeableConcept": {"text": "阿司匹林"}}
    assert key(DISPENSE, other, key="d") != key(REQUEST, numbered, key="r")


def test_a_prescription_that_is_named_by_its_bundle_is_found_by_that() -> None:
    urn = "urn:uuid:0c3151bd-1cbf-4d64-b04d-cd9187a4c6e0"
    asked = {"authorizingPrescription": [{"reference": urn}]}
    assert key(DISPENSE, asked, names={urn: "house|CF1|s|Y002"}) == "house|CF1|s|Y002"
    assert key(DISPENSE, asked, key="d", source="his") == "his|MedicationDispense|d"


def test_a_contained_prescription_says_its_number_and_drug_itself() -> None:
    numbered = {"identifier": [{"value": "CF1"}], **DRUG}
    inside = {"contained": [{"resourceType": REQUEST, "id": "r", **numbered}]}
    asked = {**inside, "authorizingPrescription": [{"reference": "#r"}]}
    assert key(DISPENSE, asked, key="d") == key(REQUEST, numbered, key="r")
    drugless = [{"resourceType": REQUEST, "id": "r", "identifier": [{"value": "CF1"}]}]
    assert key(DISPENSE, {**asked, **DRUG, "contained": drugless}, key="d") == key(REQUEST, numbered, key="r")


def test_what_is_taken_belongs_to_its_prescription_and_to_no_plan() -> None:
    asked = {"basedOn": [{"reference": "MedicationRequest/r1"}]}
    assert key(TAKEN, asked, key="t") == key(REQUEST, DRUG, key="r1")
    plan = {"basedOn": [{"reference": "CarePlan/r1"}, {"type": "ServiceRequest", "identifier": {"value": "1"}}]}
    assert key(TAKEN, plan | DRUG, key="t", source="his") == "his|MedicationStatement|t"


def test_each_administration_is_an_event_of_its_own() -> None:
    asked = {"request": {"reference": "MedicationRequest/r1"}, **DRUG}
    assert key(GIVEN, asked, key="a", source="his") == "his|MedicationAdministration|a"


def test_ids_count_by_type_so_that_the_same_id_of_two_types_is_two_things() -> None:
    assert len({key(kind, DRUG, key="1") for kind in (REQUEST, DISPENSE, GIVEN, TAKEN)}) == 4


def test_a_course_shows_all_that_its_statements_say_led_by_the_prescription() -> None:
    asked = {**DRUG, "status": "active", "authoredOn": "2026-02-05", "requester": {"display": "赵医生"}}
    given = {**DRUG, "status": "completed", "whenHandedOver": "2026-02-06", "quantity": {"value": 56, "unit": "片"}}
    for said in ([(REQUEST, asked), (DISPENSE, given)], [(DISPENSE, given), (REQUEST, asked)]):
        entry = course(*said)
        assert entry.columns["statements"] == ["prescribed", "dispensed"]
        assert (entry.columns["status"], entry.columns["effective"]) == ("active", "2026-02-05")
        assert (entry.columns["handed_over"], entry.columns["quantity"]) == ("2026-02-06", "56 片")
        assert len(entry.origins) == 2
        assert entry.conflicts == ()


def test_of_several_dispenses_the_last_tells_when_it_was_handed_out() -> None:
    said = [(DISPENSE, {**DRUG, "whenHandedOver": f"2026-0{month}-06"}) for month in (2, 3)]
    entry = course((REQUEST, DRUG), *said)
    assert entry.columns["handed_over"] == "2026-03-06"
    assert len(entry.origins) == 3


def test_another_drug_or_dose_than_was_prescribed_is_kept_beside_it() -> None:
    dose = {"doseAndRate": [{"doseQuantity": {"value": 0.5, "unit": "克"}}]}
    more = {"doseAndRate": [{"doseQuantity": {"value": 1, "unit": "克"}}]}
    other = {"medicationCodeableConcept": {"text": "盐酸二甲双胍缓释片"}}
    entry = course((REQUEST, {**DRUG, "dosageInstruction": [dose]}), (DISPENSE, {**other, "dosageInstruction": [more]}))
    assert {(one.element, one.value) for one in entry.conflicts} == {
        ("dose", "1 克"),
        ("display", "盐酸二甲双胍缓释片"),
    }


def test_a_prescription_that_was_withdrawn_leaves_what_was_dispensed() -> None:
    gone = {**DRUG, "status": "entered-in-error"}
    assert course((REQUEST, gone), (DISPENSE, DRUG)).columns["statements"] == ["dispensed"]


def test_a_key_that_was_shortened_is_not_shortened_again() -> None:
    long = short_key("药" * 300)
    assert short_key(long) == long
    assert short_key("药" * 300 + "片") != long
