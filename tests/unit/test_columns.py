"""The columns that doctors ask by, read from FHIR resources of v2 and of FHIR senders."""

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from hub.columns import COLUMNS
from hub.record import Json
from hub.tables import ENTRY_TABLES
from tests.unit.test_merging import fact

CHINA = timezone(timedelta(hours=8))


def columns(kind: str, resource: Json, **more: Any) -> dict[str, Any]:
    return COLUMNS[kind](resource, fact(1, resource, kind=kind, **more))


@pytest.mark.parametrize("kind", ENTRY_TABLES)
def test_an_empty_resource_has_every_column_of_its_table_and_nothing_in_it(kind: str) -> None:
    found = columns(kind, {})
    kept = {"id", "resident_id", "key", "origins", "conflicts", "flags"}
    assert set(found) == {column.name for column in ENTRY_TABLES[kind].c} - kept
    assert {value for name, value in found.items() if name not in ("organisation", "statements")} <= {None, 0}


@pytest.mark.parametrize(
    ("said", "at"),
    [
        ("2026-03", datetime(2026, 3, 1, tzinfo=CHINA)),
        ("2026-03-05", datetime(2026, 3, 5, tzinfo=CHINA)),
        ("2026-03-05T08:00:00+08:00", datetime(2026, 3, 5, 8, tzinfo=CHINA)),
    ],
)
def test_a_time_is_given_as_said_and_as_its_first_instant(said: str, at: datetime) -> None:
    found = columns("Condition", {"onsetDateTime": said})
    assert (found["effective"], found["effective_at"]) == (said, at)


@pytest.mark.parametrize(
    ("resource", "value", "number"),
    [
        ({"valueQuantity": {"value": 5.2}}, "5.2", 5.2),
        ({"valueQuantity": {"value": 0.01, "comparator": "<"}}, "<0.01", 0.01),
        (
            {"valueQuantity": {"value": 5.2, "extension": [{"url": "urn:hub:digits", "valueString": "5.20"}]}},
            "5.20",
            5.2,
        ),
        ({"valueCodeableConcept": {"coding": [{"code": "2+", "display": "阳性(2+)"}]}}, "阳性(2+)", None),
        ({"valueCodeableConcept": {"text": "阳性"}}, "阳性", None),
        ({"valueString": "未见异常"}, "未见异常", None),
        ({"valueDateTime": "2026-03-05"}, "2026-03-05", None),
        ({"valueTime": "09:30:00"}, "09:30:00", None),
        ({"valueInteger": 0}, "0", None),
        ({"valueBoolean": False}, "false", None),
    ],
)
def test_a_value_of_any_type_is_shown(resource: Json, value: str, number: float | None) -> None:
    found = columns("Observation", resource)
    assert (found["value"], found["value_number"]) == (value, number)


@pytest.mark.parametrize(
    ("item", "shown"),
    [
        ({"text": "阴性"}, "阴性"),
        ({"low": {"value": 3.9}, "high": {"value": 6.1}}, "3.9-6.1"),
        ({"low": {"value": 0}, "high": {"value": 5}}, "0-5"),
        ({"low": {"value": 3.9}}, ">=3.9"),
        ({"high": {"value": 6.1}}, "<=6.1"),
    ],
)
def test_a_reference_range_is_read_from_text_or_limits(item: Json, shown: str) -> None:
    assert columns("Observation", {"referenceRange": [item]})["reference_range"] == shown


def test_of_several_reference_ranges_each_says_for_whom_it_holds() -> None:
    men = {"appliesTo": [{"coding": [{"code": "male"}]}], "low": {"value": 130}, "high": {"value": 175}}
    women = {"appliesTo": [{"text": "女性"}], "age": {"low": {"value": 18}}, "text": "115-150"}
    said = columns("Observation", {"referenceRange": [men, women, {"high": {"value": 200}}]})["reference_range"]
    assert said == "男:130-175;女性≥18岁:115-150;<=200"


def test_a_reference_is_called_by_its_own_words_or_by_its_bundle() -> None:
    resource = {"participant": [{"individual": {"reference": "Practitioner/1"}}]}
    assert columns("Encounter", resource, names={"Practitioner/1": "时砚秋"})["doctor"] == "时砚秋"
    assert columns("Encounter", resource)["doctor"] is None


def test_a_death_is_known_with_or_without_its_time() -> None:
    assert columns("Patient", {"deceasedBoolean": True})["deceased"] is True
    assert columns("Patient", {"deceasedDateTime": "2026-05"})["deceased_on"] == "2026-05"
    assert columns("Patient", {"deceasedBoolean": False})["deceased"] is None


def test_a_stay_shows_its_end_and_where_the_patient_went() -> None:
    stay = {
        "status": "finished",
        "period": {"start": "2026-01-26T09:30:00+08:00", "end": "2026-02-06"},
        "hospitalization": {"dischargeDisposition": {"coding": [{"code": "3", "display": "社区"}]}},
    }
    found = columns("Encounter", stay)
    assert (found["ended"], found["disposition_code"], found["disposition"]) == ("2026-02-06", "3", "社区")
    assert found["ended_at"] == datetime(2026, 2, 6, tzinfo=CHINA)


def part(code: str, name: str, value: int, unit: str = "mmHg") -> Json:
    coding = {"system": "http://loinc.org", "code": code, "display": name}
    return {"code": {"coding": [coding]}, "valueQuantity": {"value": value, "unit": unit}}


def test_a_blood_pressure_in_two_components_is_shown_as_doctors_write_it() -> None:
    """FHIR's vital-signs profile has no value beside the components; it must not look like an empty result."""
    found = columns("Observation", {"component": [part("8462-4", "舒张压", 78), part("8480-6", "收缩压", 128)]})
    assert (found["value"], found["unit"], found["value_number"]) == ("128/78", "mmHg", None)


def test_other_components_are_shown_by_name() -> None:
    found = columns("Observation", {"component": [part("8867-4", "心率", 70, "/min"), part("8480-6", "收缩压", 128)]})
    assert (found["value"], found["unit"]) == ("心率 70 /min；收缩压 128 mmHg", None)


def test_the_telephone_is_the_persons_own_and_no_fax() -> None:
    work, fax, own = (
        {"system": "phone", "value": "1", "use": "work"},
        {"system": "fax", "value": "2"},
        {"system": "phone", "value": "3", "use": "home"},
    )
    assert columns("Patient", {"telecom": [work, fax, own]})["phone"] == "3"
    assert columns("Patient", {"telecom": [fax, work]})["phone"] == "1"
    assert columns("Patient", {"telecom": [fax]})["phone"] is None
