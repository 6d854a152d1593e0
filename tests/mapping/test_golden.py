"""Golden pairs: what each type of message becomes, in both dialects, element by element with its field and row."""

from typing import Any

import pytest
from fhir.resources.R4B import get_fhir_model_class

from adapters.fhir.validation import check
from hub.record import Mapped
from tests.desk import mappings
from tests.mapping.cases import CASES, GOLDEN, RENMIN, reading_of, written


def resources(name: str) -> list[dict[str, Any]]:
    reading = reading_of(name)
    told = [one.resource for one in reading.shared]
    return [one.resource for part in reading.parts for one in (part.demographics, *part.resources) if one] + told


@pytest.mark.parametrize("name", CASES)
def test_a_message_becomes_what_its_golden_file_says(name: str) -> None:
    """After a wanted change: ``python -m tests.mapping.regenerate``."""
    assert written(reading_of(name)) == (GOLDEN / f"{name}.json").read_text("utf-8")


def test_every_golden_file_belongs_to_a_message() -> None:
    assert {file.stem for file in GOLDEN.glob("*.json")} == set(CASES)


@pytest.mark.parametrize("name", CASES)
def test_every_mapped_resource_is_valid_r4b(name: str) -> None:
    for resource in resources(name):
        get_fhir_model_class(resource["resourceType"]).model_validate(resource)
        assert check(resource) is None


@pytest.mark.parametrize("name", CASES)
def test_every_element_names_the_row_that_gave_it(name: str) -> None:
    for part in reading_of(name).parts:
        for one in (part.demographics, *part.resources):
            assert one is not None
            elements = (
                set(one.resource)
                - {"resourceType", "id", "subject", "patient", "beneficiary", "result"}
                - set(one.assumed)
            )
            traced = {trace.target.split(".")[0].split("[")[0] for trace in one.traces}
            assert {element for element in elements if not element.startswith("_")} <= traced


def test_every_row_gives_something_in_some_golden_pair() -> None:
    """A row that no pair has tried is a guess."""
    rows = {row.id: row for plan in mappings().v2[RENMIN].plans.values() for of in plan.row_sets for row in of.rows}
    tried = {trace.row for name in CASES for one in mapped(name) for trace in one.traces}
    tried |= {trace.row for name in CASES for told in reading_of(name).shared for trace in told.traces}
    cleared = {element for name in CASES for one in mapped(name) for element in one.cleared}
    left = {key for key, row in rows.items() if key not in tried and not (row.clear and row.target in cleared)}
    assert left == set()


def mapped(name: str) -> list[Mapped]:
    return [one for part in reading_of(name).parts for one in (part.demographics, *part.resources) if one]
