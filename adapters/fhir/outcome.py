"""Refusals and results as FHIR says them: OperationOutcome and response bundles."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus

from hub.errors import Refusal

# https://hl7.org/fhir/R4B/valueset-issue-type.html
_ISSUES: Mapping[str, str] = {
    "not-json": "structure",
    "json-not-utf8": "structure",
    "nested-too-deeply": "structure",
    "broken-body": "incomplete",
    "not-unpackable": "structure",
    "unsupported-encoding": "not-supported",
    "fhir-in-xml": "not-supported",
    "unsupported-condition": "not-supported",
    "unsupported-operation": "not-supported",
    "no-response-url": "not-supported",
    "same-resource-twice": "duplicate",
    "control-id-reused": "duplicate",
    "reference-not-in-bundle": "not-found",
    "bad-idempotency-key": "value",
    "body-too-slow": "timeout",
    "unsupported-content-type": "not-supported",
    "invalid-resource": "structure",
    "unsupported-resource": "not-supported",
    "other-fhir-version": "not-supported",
    "unsupported-method": "not-supported",
    "missing-field": "required",
    "no-patient": "required",
    "no-merged-patient": "required",
    "mapped-resource-invalid": "required",
    "unresolved-reference": "not-found",
    "impossible-date": "value",
    "wrong-check-digit": "value",
    "bad-argument": "value",
    "unknown-source": "not-found",
    "not-found": "not-found",
    "no-token": "login",
    "not-allowed": "forbidden",
    "may-not-read-records": "forbidden",
    "no-relation": "forbidden",
    "bad-cursor": "value",
    "bad-id": "not-found",
    "transport-not-declared": "forbidden",
    "internal": "exception",
    "not-kept": "transient",
    "database-unreachable": "transient",
    "frame-too-large": "too-long",
}
_EXPRESSION = re.compile(r"[A-Z][A-Za-z]+(\.\w+(\[\d+\])?)*", re.ASCII)


@dataclass(frozen=True, kw_only=True, slots=True)
class EntryResult:
    """What became of one entry: `status` as ``201 Created``, `location` as ``Patient/123/_history/1`` or
    "", `resource` where the sender wants it back."""

    status: str
    location: str = ""
    outcome: dict[str, object] | None = None
    resource: dict[str, object] | None = None


def operation_outcome(refusals: Sequence[Refusal], severity: str = "error") -> dict[str, object]:
    """An OperationOutcome with an issue for each refusal: Chinese and English text, the next step as
    diagnostics.

    Without refusals it says that all went well (FHIR asks for at least one issue).
    """
    issues = [_issue(refusal, severity) for refusal in refusals]
    return {"resourceType": "OperationOutcome", "issue": issues or [_ALL_WELL]}


_ALL_WELL = {
    "severity": "information",
    "code": "informational",
    "details": {"text": "已完成 / All went well"},
}


def response_bundle(kind: str, results: Sequence[EntryResult]) -> dict[str, object]:
    """The ``transaction-response`` or ``batch-response`` to a message of `kind` transaction or batch, in its
    order."""
    return {
        "resourceType": "Bundle",
        "type": f"{kind}-response",
        "entry": [_entry(result) for result in results],
    }


def status_line(status: int) -> str:
    """``201 Created``, as `EntryResult.status` wants it."""
    return f"{status} {HTTPStatus(status).phrase}"


def _issue(refusal: Refusal, severity: str) -> dict[str, object]:
    issue: dict[str, object] = {
        "severity": severity,
        "code": _ISSUES.get(refusal.code, "processing"),
        "details": {"text": f"{refusal.message('zh')} / {refusal.message('en')}"},
        "diagnostics": f"{refusal.next_step('zh')} / {refusal.next_step('en')}",
    }
    if _EXPRESSION.fullmatch(refusal.where):
        issue["expression"] = [refusal.where]
    return issue


def _entry(result: EntryResult) -> dict[str, object]:
    response: dict[str, object] = {"status": result.status}
    if result.location:
        response["location"] = result.location
    if result.outcome is not None:
        response["outcome"] = result.outcome
    return {"response": response} if result.resource is None else {"resource": result.resource, "response": response}
