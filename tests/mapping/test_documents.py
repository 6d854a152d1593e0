"""Clinical documents (WS/T 500): what each kind becomes, in two vendors' layouts."""

from collections.abc import Iterator
from typing import Any

import pytest
from fhir.resources.R4B import get_fhir_model_class

from adapters.fhir.validation import check
from hub.columns import COLUMNS
from tests.desk import mappings
from tests.mapping.document_cases import DOCUMENT_CASES, EMR, GOLDEN, mapped_of, reading_of_document, written_document
from tests.mapping.documents import DOCUMENTS
from tests.unit.test_merging import fact


@pytest.mark.parametrize("name", DOCUMENT_CASES)
def test_a_document_becomes_what_its_golden_file_says(name: str) -> None:
    """After a wanted change: ``python -m tests.mapping.regenerate``."""
    assert DOCUMENT_CASES[name] == (GOLDEN / f"{name}.xml").read_bytes()
    assert written_document(name) == (GOLDEN / f"{name}.json").read_text("utf-8")


@pytest.mark.parametrize("name", DOCUMENT_CASES)
def test_every_resource_of_a_document_is_valid_r4b(name: str) -> None:
    for one in mapped_of(reading_of_document(name)):
        get_fhir_model_class(one.kind).model_validate(one.resource)
        assert check(one.resource) is None


@pytest.mark.parametrize("name", DOCUMENT_CASES)
def test_every_element_of_a_document_names_the_row_that_gave_it(name: str) -> None:
    for one in mapped_of(reading_of_document(name)):
        elements = set(one.resource) - {"resourceType", "id", "subject", "patient", "result"} - set(one.assumed)
        traced = {trace.target.split(".")[0] for trace in one.traces}
        assert {element for element in elements if not element.startswith("_")} <= traced


@pytest.mark.parametrize("name", DOCUMENT_CASES)
def test_nothing_clinical_of_a_document_is_left_over(name: str) -> None:
    assert [one.where for one in reading_of_document(name).unaccounted if one.is_clinical] == []


def test_every_row_for_documents_gives_something_in_some_golden_pair() -> None:
    """A row that no pair has tried is a guess."""
    rows = {row.id for of in mappings().cda[EMR].plan.sets for row in of.rows}
    read = [one for name in DOCUMENT_CASES for one in mapped_of(reading_of_document(name))]
    tried = {trace.row for one in read for trace in one.traces}
    assert rows - tried == set()


def test_each_kind_that_is_called_exact_has_its_golden_pairs() -> None:
    plan = mappings().cda[EMR].plan
    assert {kind for kind, one in plan.kinds.items() if one.is_exact} == set(DOCUMENTS)


@pytest.mark.parametrize("kind", DOCUMENTS)
def test_two_vendors_who_say_the_same_are_read_the_same(kind: str) -> None:
    """All that doctors ask by, aside from systems, which the second vendor does not name."""
    national, vendor = (sorted(_shown(f"{kind.lower()}-{dialect}")) for dialect in ("national", "vendor"))
    assert national == vendor


def _shown(name: str) -> Iterator[str]:
    for one in mapped_of(reading_of_document(name)):
        if one.kind == "Patient":
            yield repr({key: one.resource.get(key) for key in ("name", "gender", "birthDate", "telecom", "address")})
        elif one.kind in COLUMNS:
            columns: dict[str, Any] = dict(COLUMNS[one.kind](one.resource, fact(1, one.resource, kind=one.kind)))
            unnamed = {"code_system", "text", "category", "status"}
            yield f"{one.kind} " + repr({key: value for key, value in columns.items() if key not in unnamed})
