"""Rows of public health's forms: a patient, and a response that reads back as what the row said."""

from dataclasses import replace
from typing import Any

import pytest

from hub.mapping.forms import read_form
from hub.message import Transport
from hub.message.forms import forms
from tests.unit.adapters.csv_files import PERSON, SAMPLES, SOURCE, faults_of, read, resources_of, written

ROW = {
    "record_number": "371099102-101-00013",
    "citizen_id": PERSON,
    "name": "秦学勤",
    "followed_up_on": "2026-03-05",
    "systolic": "148",
    "diastolic": "92",
    "weight": "65.50",
    "salt": "轻",
    "symptoms": "头痛头晕；6",
    "classification": "控制不满意",
}


def resources(**changes: str) -> list[dict[str, Any]]:
    [found] = resources_of(read(hypertension=written(ROW | changes)))
    return found


def observations(**changes: str) -> dict[str, dict[str, Any]]:
    found = read_form(resources(**changes)[1], "Bundle.entry[1].resource", {})
    assert found.unaccounted == ()
    return {one.row.rpartition(":")[2]: one.resource for one in found.resources}


def test_a_row_becomes_a_patient_and_a_response() -> None:
    patient, response = resources()
    assert [one["value"] for one in patient["identifier"]] == ["37109910210100013", PERSON]
    assert (response["resourceType"], response["authored"]) == ("QuestionnaireResponse", "2026-03-05")


def test_what_the_row_says_comes_out_as_observations() -> None:
    found = observations()
    assert [part["valueQuantity"]["value"] for part in found["血压"]["component"]] == [148, 92]
    assert found["weight"]["valueQuantity"]["extension"][0]["valueString"] == "65.50"
    assert found["form"]["valueCodeableConcept"]["text"] == "控制不满意"
    assert "症状：头痛头晕、心悸胸闷" in found["form"]["note"][0]["text"]


@pytest.mark.parametrize("form", forms().values(), ids=lambda form: form.name)
def test_every_column_of_every_form_is_accounted_for(form: Any) -> None:
    [(_, response)] = resources_of(read(SOURCE, **{form.name: written(*SAMPLES[form.name])}))
    found = read_form(response, "", {})
    assert found.unaccounted == ()
    assert not [flag for one in found.resources for flag in one.flags]
    rows = {one.row.rpartition(":")[2] for one in found.resources}
    assert {item.panel or item.name for item in form.items if item.is_observation} | {"form"} == rows


def test_the_key_stays_when_a_row_is_corrected_and_tells_nothing_of_the_person() -> None:
    [before], [after] = (
        read(hypertension=written(ROW)).bundles,
        read(hypertension=written(ROW | {"systolic": "150"})).bundles,
    )
    assert (before.key, before.body == after.body) == (after.key, False)
    assert PERSON not in before.key
    assert "37109910210100013" not in before.key
    [numbered] = read(hypertension=written(ROW | {"number": "GXY-1"})).bundles
    assert numbered.key == "GXY-1"


@pytest.mark.parametrize(
    ("change", "column", "said"),
    [
        ({"systolic": "18.7"}, "systolic", "plain number"),
        ({"systolic": "19"}, "systolic", "50 to 300 mmHg"),
        ({"diastolic": ""}, "diastolic", "two numbers"),
        ({"diastolic": "150"}, "diastolic", "not below"),
        ({"classification": "好"}, "classification", "is not one of"),
        ({"symptoms": "头痛头晕；头"}, "symptoms", "is not one of"),
        ({"record_number": "00013"}, "record_number", "17 digits"),
        ({"record_number": "", "citizen_id": ""}, "record_number", "nothing says who"),
        ({"citizen_id": "371099195603120158"}, "citizen_id", "check digit"),
        ({"followed_up_on": "昨天"}, "followed_up_on", "no day"),
        ({"weight": "130斤"}, "weight", "plain number"),
    ],
)
def test_a_fault_is_told_at_its_row_and_column(change: dict[str, str], column: str, said: str) -> None:
    [(where, why)] = faults_of(hypertension=written(ROW | change))
    assert where == f"hypertension.csv:2 [{column}]"
    assert said in why


def test_a_profile_that_declares_no_record_number_is_told_so() -> None:
    source = replace(SOURCE, identifiers=SOURCE.identifiers[1:])
    assert [where for where, _ in faults_of(source, hypertension=written(ROW))] == [
        "hypertension.csv:2 [record_number]"
    ]


def test_two_rows_of_one_resident_and_day_are_told() -> None:
    assert [where for where, _ in faults_of(hypertension=written(ROW, ROW))] == ["hypertension.csv:3 [followed_up_on]"]


def test_a_header_that_fits_two_forms_is_refused() -> None:
    shared = {name: ROW[name] for name in ("record_number", "name", "followed_up_on", "systolic", "diastolic")}
    [(where, why)] = faults_of(visits=written(shared))
    assert where == "visits.csv:1"
    assert "diabetes, hypertension" in why


def test_a_form_stays_in_the_lane_of_its_patient() -> None:
    [one] = read(hypertension=written(ROW)).bundles
    assert "county-files|health-record-number|37109910210100013" in one.arrival(SOURCE, Transport.FILE).lanes
