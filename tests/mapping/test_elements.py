"""What of a FHIR resource reaches nobody is told, element by element, and nothing that is read is."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hub.errors import Refused
from hub.mapping.elements import elements_read, load_elements
from hub.mapping.ignoring import FILE
from hub.mapping.library import load_base, load_own
from tests.desk import MAPPINGS, dictionary, mappings, sources
from tests.mapping.test_bundles import NUMBER, observation, patient, read

WHO = {"identifier": {"system": NUMBER, "value": "EK1"}}


def unread(*resources: dict[str, Any], kind: str = "transaction") -> list[str]:
    return [one.field for one in read(*resources, kind=kind).unaccounted]


def test_an_element_that_nothing_reads_is_told_with_its_place_and_is_no_problem_of_the_message() -> None:
    [lost] = read(patient("EK1"), observation(WHO, focus=[{"display": "x"}])).unaccounted
    assert (lost.field, lost.where, lost.is_clinical) == (
        "Observation.focus",
        "Bundle.entry[1].resource.focus",
        False,
    )


def test_what_is_read_or_ignored_for_a_reason_is_not_told() -> None:
    said = observation(
        WHO,
        id="o1",
        meta={"lastUpdated": "2026-01-01T00:00:00Z"},
        text={"status": "empty", "div": "<div/>"},
        valueString="阴性",
        effectiveDateTime="2026-01-01",
        note=[{"text": "x"}],
    )
    assert unread(patient("EK1", name=[{"text": "测试甲"}], gender="male"), said) == []


def test_a_modifier_is_never_passed_over_in_silence() -> None:
    assert unread(observation(WHO, modifierExtension=[{"url": "urn:x", "valueBoolean": True}])) == [
        "Observation.modifierExtension"
    ]


def test_of_a_kind_that_nothing_is_made_of_everything_but_its_subject_and_its_names_is_told() -> None:
    written = {"resourceType": "Composition", "id": "c", "status": "final", "subject": WHO, "confidentiality": "N"}
    assert unread(patient("EK1"), written | {"date": "2026-01-01"}) == [
        "Composition.status",
        "Composition.confidentiality",
        "Composition.date",
    ]


def test_a_refused_resource_of_a_batch_is_not_told_of() -> None:
    assert unread(patient("EK1"), observation({"display": "nobody"}, focus=[{"display": "x"}]), kind="batch") == []


@pytest.mark.parametrize(
    ("kind", "elements"),
    [
        ("Observation", {"subject", "code", "valueQuantity", "valueBoolean", "effectivePeriod", "component", "note"}),
        ("Procedure", {"subject", "performedDateTime", "performedPeriod", "performer", "bodySite"}),
        ("Appointment", {"participant", "start", "end", "serviceType", "appointmentType"}),
        ("MedicationRequest", {"medicationCodeableConcept", "medicationReference", "dosageInstruction"}),
        ("Immunization", {"patient", "vaccineCode", "lotNumber"}),
        ("Patient", {"identifier", "name", "gender", "birthDate", "deceasedDateTime", "telecom"}),
    ],
)
def test_what_is_read_is_noted_from_who_reads_it(kind: str, elements: set[str]) -> None:
    assert elements <= elements_read(kind)


def test_each_reason_is_of_something_that_is_not_read() -> None:
    """A reason for what is read would be no reason; one for every kind (``*``) is of what some kind does not read."""
    for element in load_elements(MAPPINGS / "fhir").ignored:
        kind, _, name = element.partition(".")
        assert kind == "*" or name not in elements_read(kind), element


@pytest.mark.parametrize(
    "text",
    [
        '[[ignored]]\nelements = ["Encounter"]\nzh = "x"\nen = "x"\n',
        '[[ignored]]\nelements = ["Encounter.length"]\nen = "x"\n',
        '[[ignored]]\nelements = "Encounter.length"\nzh = "x"\nen = "x"\n',
        "clinical = []\n",
        "[[ignored]\n",
    ],
)
def test_a_list_that_cannot_be_read_is_refused_with_its_file(tmp_path: Path, text: str) -> None:
    (tmp_path / FILE).write_text(text, encoding="utf-8")
    with pytest.raises(Refused) as refused:
        load_elements(tmp_path)
    assert refused.value.refusal.code == "bad-mapping"
    assert refused.value.refusal.where.startswith("fhir/ignored.toml")


def test_without_a_list_nothing_is_ignored(tmp_path: Path) -> None:
    mapping = replace(mappings().fhir["erke-fhir"], elements=load_elements(tmp_path))
    assert mapping.elements.reason_for("Patient", "meta") is None
    assert mappings().fhir["erke-fhir"].elements.reason_for("Patient", "meta") is not None


def test_a_source_says_itself_what_of_its_resources_is_passed_over(tmp_path: Path) -> None:
    """Beside the hub's own list, and a fault in it is named by its whole path."""
    folder = tmp_path / "fhir"
    folder.mkdir()
    own = '[[ignored]]\nelements = ["Observation.focus"]\nzh = "不用。"\nen = "Not used."\n'
    (folder / FILE).write_text(own, encoding="utf-8")
    base = load_base(MAPPINGS, dictionary())
    read_by = load_own(base, sources()["erke-fhir"], tmp_path).fhir
    assert read_by is not None
    assert read_by.elements.reason_for("Observation", "focus") is not None
    assert read_by.elements.reason_for("Observation", "meta") is not None
    assert base.elements.reason_for("Observation", "focus") is None
    (folder / FILE).write_text(own.replace("Observation.", "observation-"), encoding="utf-8")
    with pytest.raises(Refused) as refused:
        load_own(base, sources()["erke-fhir"], tmp_path)
    assert refused.value.refusal.where == f"{folder / FILE}:1"
