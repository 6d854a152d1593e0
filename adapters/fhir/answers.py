"""What a sender is told: outcomes as HTTP responses."""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

import orjson
from starlette.requests import Request
from starlette.responses import Response

from adapters.fhir.examination import Entry, Examined
from adapters.fhir.outcome import EntryResult, operation_outcome, response_bundle, status_line
from adapters.fhir.preferences import Return
from adapters.fhir.reading import parse
from adapters.http import ENCODINGS
from hub.errors import Refusal

CONTENT_TYPE = "application/fhir+json"
MOST_RETURNED = 1024 * 1024
"""Bodies above so many bytes are not returned, whatever `Prefer` says: the sender has them."""
_STATUS = {
    "not-json": 400,
    "json-not-utf8": 400,
    "nested-too-deeply": 400,
    "broken-body": 400,
    "not-unpackable": 400,
    "bad-idempotency-key": 400,
    "no-token": 401,
    "not-allowed": 403,
    "transport-not-declared": 403,
    "may-not-send": 403,
    "may-not-read-records": 403,
    "no-relation": 403,
    "bad-argument": 400,
    "bad-cursor": 400,
    "bad-id": 404,
    "address-not-allowed": 403,
    "unknown-source": 404,
    "not-found": 404,
    "unsupported-operation": 404,
    "unsupported-method": 405,
    "body-too-slow": 408,
    "frame-too-large": 413,
    "unsupported-content-type": 415,
    "unsupported-encoding": 415,
    "fhir-in-xml": 415,
    "not-kept": 503,
    "gave-up": 503,
    "internal": 500,
}

_OF_VERSION = {"Content-Type": 415, "Accept": 406}


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """What became of a kept request: its refusal, or those of single entries of a batch by where they stand."""

    kind: str
    refusal: Refusal | None
    findings: tuple[Refusal, ...] = ()


def status_of(refusal: Refusal) -> int:
    """The HTTP status that fits a refusal."""
    if refusal.code == "other-fhir-version":
        return _OF_VERSION.get(refusal.where, 422)
    return _STATUS.get(refusal.code, 422)


def refusal_response(refusal: Refusal, status: int = 0) -> Response:
    """A refusal as an OperationOutcome with the HTTP status that fits it."""
    response = json_response(operation_outcome((refusal,)), status or status_of(refusal))
    if refusal.code == "unsupported-encoding":
        response.headers["accept-encoding"] = ENCODINGS
    return response


def json_response(content: Mapping[str, object], status: int) -> Response:
    """A FHIR resource as a response."""
    return Response(orjson.dumps(content), status, media_type=f"{CONTENT_TYPE}; charset=utf-8")


def accepted(request: Request, key: UUID) -> Response:
    """202: kept and not yet merged; the status address says when (FHIR R4 3.1.6.1)."""
    address = str(request.url_for("status", message=str(key)))
    return Response(status_code=202, headers={"content-location": address, "retry-after": "1"})


def answer(request: Request, body: bytes, examined: Examined, outcome: Outcome, returns: Return | None) -> Response:
    """The outcome of a request that is settled; the answer to a message is `messaging`'s."""
    if outcome.refusal:
        return refusal_response(outcome.refusal)
    if returns is Return.REPRESENTATION and len(body) > MOST_RETURNED:
        returns = None
    if examined.kind in ("transaction", "batch"):
        response = json_response(_bundle(body, examined, outcome, returns), 200)
    else:
        response = _single(body, returns)
        if examined.entries and (location := _location(examined.entries[0])):
            response.headers["location"] = f"{str(request.base_url).rstrip('/')}/fhir/{location}"
    if returns:
        response.headers["preference-applied"] = f"return={returns.value}"
    return response


def _single(body: bytes, returns: Return | None) -> Response:
    if returns is Return.MINIMAL:
        return Response(status_code=201)
    content = parse(body) if returns is Return.REPRESENTATION else operation_outcome(())
    return json_response(content, 201)


def _bundle(body: bytes, examined: Examined, outcome: Outcome, returns: Return | None) -> dict[str, object]:
    findings = {_entry_of(finding.where): finding for finding in outcome.findings}
    findings |= {_entry_of(entry.where): entry.refusal for entry in examined.entries if entry.refusal}
    sent = _resources(body) if returns is Return.REPRESENTATION else {}
    results = [_result(entry, findings.get(_entry_of(entry.where)), sent, returns) for entry in examined.entries]
    return response_bundle(examined.kind, results)


def _resources(body: bytes) -> dict[str, dict[str, object]]:
    """The resources of a bundle by where they stand: the hub keeps them as they were sent."""
    entries: list[dict[str, dict[str, object]]] = parse(body)["entry"]  # type: ignore[assignment]
    return {
        f"Bundle.entry[{at}].resource": entry["resource"] for at, entry in enumerate(entries) if "resource" in entry
    }


def _entry_of(where: str) -> str:
    """``Bundle.entry[2]`` of a position below it."""
    return where.split("].", 1)[0]


def _result(
    entry: Entry, finding: Refusal | None, sent: Mapping[str, dict[str, object]], returns: Return | None
) -> EntryResult:
    if finding:
        return EntryResult(status=status_line(status_of(finding)), outcome=operation_outcome((finding,)))
    return EntryResult(
        status=status_line(201),
        location=_location(entry),
        outcome=operation_outcome(()) if returns is Return.OUTCOME else None,
        resource=sent.get(entry.where),
    )


def _location(entry: Entry) -> str:
    return f"{entry.kind}/{entry.id}" if entry.id else ""
