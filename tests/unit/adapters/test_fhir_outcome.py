"""Answers that FHIR clients read."""

from string import Formatter

import pytest

from adapters.fhir.outcome import EntryResult, operation_outcome, response_bundle, status_line
from adapters.fhir.validation import check
from hub.errors import Refusal, refuse
from hub.wordings import WORDINGS


def refusal_of(code: str) -> Refusal:
    wording = WORDINGS[code]
    text = "".join((wording.en, wording.zh, wording.next_en, wording.next_zh))
    names = {name for _, name, _, _ in Formatter().parse(text) if name} - {"where"}
    return refuse(code, "Bundle.entry[2].resource.gender", **dict.fromkeys(names, "x")).refusal


@pytest.mark.parametrize("code", WORDINGS)
def test_every_refusal_makes_a_valid_outcome(code: str) -> None:
    assert check(operation_outcome([refusal_of(code)])) is None


def test_an_outcome_says_what_where_and_what_next_in_both_languages() -> None:
    refusal = refuse("invalid-resource", "Patient.gender", reason="is not one of male").refusal
    assert operation_outcome([refusal])["issue"] == [
        {
            "severity": "error",
            "code": "structure",
            "details": {"text": f"{refusal.message('zh')} / {refusal.message('en')}"},
            "diagnostics": f"{refusal.next_step('zh')} / {refusal.next_step('en')}",
            "expression": ["Patient.gender"],
        }
    ]


def test_a_position_that_is_no_fhir_path_is_no_expression() -> None:
    for where in ("", "PID-7", "HUB_PORT", "Patient.?"):
        assert "expression" not in str(operation_outcome([refuse("impossible-date", where).refusal]))


def test_without_refusals_the_outcome_says_so() -> None:
    outcome = operation_outcome([])
    assert check(outcome) is None
    assert outcome["issue"][0]["severity"] == "information"  # type: ignore[index]


@pytest.mark.parametrize("kind", ["transaction", "batch"])
def test_a_response_bundle_answers_each_entry_in_order(kind: str) -> None:
    outcome = operation_outcome([refuse("no-patient", "Patient").refusal])
    found = response_bundle(
        kind,
        [
            EntryResult(status=status_line(201), location="Patient/1/_history/1"),
            EntryResult(status=status_line(400), outcome=outcome),
        ],
    )
    assert check(found) is None
    assert found["type"] == f"{kind}-response"
    assert found["entry"] == [
        {"response": {"status": "201 Created", "location": "Patient/1/_history/1"}},
        {"response": {"status": "400 Bad Request", "outcome": outcome}},
    ]
