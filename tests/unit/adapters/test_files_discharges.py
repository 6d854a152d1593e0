"""Rows of discharges: a patient, a stay, its diagnoses, and what the hospital asks for."""

from dataclasses import replace
from typing import Any

import pytest

from adapters.files.reading import FilesRead, read_singly
from adapters.files.sheet import NamedFile
from hub.followups.requests import read_request
from hub.message import IdentifierRule, Transport
from tests.unit.adapters.csv_files import CHECKS, DISCHARGE, PERSON, SOURCE, faults_of, read, resources_of, written

HIS = replace(
    SOURCE,
    name="renmin-views",
    identifiers=(
        IdentifierRule(type="urn:renmin:patient", kind="local-number", of_patient=True),
        IdentifierRule(type="urn:oid:2.16.156.10011.1.3", kind="citizen-id"),
    ),
)


def resources(**changes: str) -> dict[str, list[dict[str, Any]]]:
    """The valid resources of a row, by kind."""
    [found] = resources_of(read(HIS, discharges=written(DISCHARGE | changes)))
    kinds: dict[str, list[dict[str, Any]]] = {}
    for resource in found:
        kinds.setdefault(resource["resourceType"], []).append(resource)
    return kinds


def singly(*rows: dict[str, str]) -> FilesRead:
    return read_singly(NamedFile(name="d.csv", raw=written(*rows).encode()), HIS, CHECKS)


def test_a_row_becomes_patient_stay_diagnoses_and_request() -> None:
    found = resources()
    assert {kind: len(ones) for kind, ones in found.items()} == {
        "Patient": 1,
        "Encounter": 1,
        "Condition": 2,
        "ServiceRequest": 1,
    }
    [patient], [stay] = found["Patient"], found["Encounter"]
    assert patient["identifier"] == [
        {"system": "urn:renmin:patient", "value": "0000123"},
        {"system": "urn:oid:2.16.156.10011.1.3", "value": PERSON},
    ]
    assert (patient["gender"], patient["birthDate"]) == ("male", "1956-03-12")
    assert stay["period"] == {"start": "2026-06-10T10:00:00+08:00", "end": "2026-06-19T09:30:00+08:00"}
    assert stay["hospitalization"]["dischargeDisposition"]["coding"][0]["code"] == "1"
    assert [one["code"]["coding"][0]["code"] for one in found["Condition"]] == ["I63.900", "I10.x00"]
    assert {one["encounter"]["reference"] for one in found["Condition"]} == {
        one["encounter"]["reference"] for one in found["ServiceRequest"]
    }


def test_the_request_is_read_as_days_and_words() -> None:
    request = read_request(resources()["ServiceRequest"])
    assert request is not None
    assert request.json() == {
        "way": "telephone",
        "days": ["2026-06-26"],
        "spans": [],
        "cycles": [{"days": 14, "begin": None, "end": None, "count": 0}],
        "notes": ["两周后神经内科复查"],
    }


def test_a_row_needs_no_more_than_who_which_stay_and_when() -> None:
    bare = {name: DISCHARGE[name] for name in ("patient", "name", "visit", "discharged_at")}
    [found] = resources_of(read(HIS, discharges=written(bare)))
    assert [one["resourceType"] for one in found] == ["Patient", "Encounter"]


@pytest.mark.parametrize(
    ("written", "planned"),
    [("无", False), ("有", True), ("true", True), ("FALSE", False), ("1无", False), ("2有", True)],
)
def test_a_plan_to_come_back_is_read_from_words_whatever_digit_stands_beside(written: str, planned: bool) -> None:
    [stay] = resources(readmission_planned=written)["Encounter"]
    assert {one["url"]: one for one in stay["extension"]}["urn:hub:readmission-planned"]["valueBoolean"] is planned


@pytest.mark.parametrize("written", ["1", "01", "城镇职工基本医疗保险"])
def test_how_it_is_paid_is_one_code_however_it_is_written(written: str) -> None:
    [stay] = resources(payment=written)["Encounter"]
    assert stay["extension"][0]["valueCodeableConcept"]["coding"][0]["code"] == "1"


def test_a_day_stays_a_day() -> None:
    [stay] = resources(admitted_at="2026/6/10", discharged_at="2026年6月19日")["Encounter"]
    assert stay["period"] == {"start": "2026-06-10", "end": "2026-06-19"}


def test_who_died_is_told_as_dead() -> None:
    [patient] = resources(disposition="死亡")["Patient"]
    assert patient["deceasedDateTime"] == "2026-06-19T09:30:00+08:00"
    assert "deceasedDateTime" not in resources()["Patient"][0]


def test_a_corrected_diagnosis_takes_the_place_of_the_first() -> None:
    before, after = resources()["Condition"][0], resources(diagnosis_code="I61.900", diagnosis="脑出血")["Condition"][0]
    assert before["identifier"] == after["identifier"]
    assert before["code"] != after["code"]


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"citizen_id": "371099195603120158"}, "[citizen_id]"),
        ({"discharged_at": "2026-06-09"}, "[discharged_at]"),
        ({"disposition": "7"}, "[disposition]"),
        ({"sex": "3"}, "[sex]"),
        ({"payment": "10"}, "[payment]"),
        ({"readmission_planned": "1"}, "[readmission_planned]"),
        ({"readmission_planned": "2"}, "[readmission_planned]"),
        ({"diagnosis_code": "脑梗死"}, "[diagnosis_code]"),
        ({"follow_up_every": "常来"}, "[follow_up_every]"),
        ({"follow_up_every": "0 wk"}, "[follow_up_every]"),
        ({"visit": ""}, "[visit]"),
    ],
)
def test_a_fault_is_told_at_its_column(changes: dict[str, str], fault: str) -> None:
    [(where, _)] = faults_of(HIS, discharges=written(DISCHARGE | changes))
    assert where == f"discharges.csv:2 {fault}"


@pytest.mark.parametrize("code", ["I63.900", "E11.900x001", "H36.0*", "A18.0+M49.0*", "i10", "C34", "Z51.102"])
def test_codes_of_icd_10_are_taken_as_hospitals_write_them(code: str) -> None:
    assert resources(diagnosis_code=code)["Condition"][0]["code"]["coding"][0]["code"].casefold() == code.casefold()


def test_a_number_that_the_profile_does_not_declare_is_a_fault() -> None:
    source = replace(HIS, identifiers=HIS.identifiers[:1])
    [(where, why)] = faults_of(source, discharges=written(DISCHARGE))
    assert (where, "declares" in why) == ("discharges.csv:2 [citizen_id]", True)
    nobody = replace(HIS, identifiers=(HIS.identifiers[1],))
    assert [where for where, _ in faults_of(nobody, discharges=written(DISCHARGE))] == ["discharges.csv:2 [patient]"]


def test_one_bad_row_keeps_no_other_back_where_rows_are_taken_singly() -> None:
    found = singly(DISCHARGE, DISCHARGE | {"visit": "2", "sex": "x"}, DISCHARGE | {"visit": "3"})
    assert [one.key for one in found.bundles] == ["260000901", "3"]
    assert [fault.where for fault in found.faults] == ["d.csv:3 [sex]"]


def test_of_two_rows_of_one_stay_none_is_chosen() -> None:
    found = singly(DISCHARGE, DISCHARGE | {"name": "秦勤"}, DISCHARGE | {"visit": "3"})
    assert [one.key for one in found.bundles] == ["3"]
    assert [fault.where for fault in found.faults] == ["d.csv:2 [visit]", "d.csv:3 [visit]"]


def test_a_discharge_is_found_by_its_patient_and_stays_in_their_lane() -> None:
    [one] = read(HIS, discharges=written(DISCHARGE)).bundles
    arrival = one.arrival(HIS, Transport.FILE)
    assert arrival.numbers == ("0000123", PERSON)
    assert arrival.names == ("秦学勤",)
    assert arrival.lanes == ("renmin-views|local-number|0000123",)
