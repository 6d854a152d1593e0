"""``POST /fhir``: a request is kept, then waited for, and answered with its real outcome.

A sender that cannot wait (``Prefer: respond-async``), or that the merge keeps waiting, gets 202 with a status
address (FHIR R4 3.1.6, asynchronous request pattern).
"""

import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from uuid import UUID

import orjson
import structlog
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from adapters.fhir.outcome import EntryResult, operation_outcome, response_bundle, status_line
from adapters.fhir.reading import known_type
from hub.errors import Refusal, Refused, places_of, refuse
from hub.message import Arrival, FhirMessage, Format, Source, Transport

log = structlog.get_logger()

CONTENT_TYPE = "application/fhir+json"
_STATUS = {
    "not-json": 400,
    "no-token": 401,
    "not-allowed": 403,
    "may-not-send": 403,
    "unknown-source": 404,
    "not-found": 404,
    "unsupported-method": 405,
    "frame-too-large": 413,
    "unsupported-content-type": 415,
    "not-kept": 503,
    "internal": 500,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """What became of a kept request: its refusal, or those of single entries of a batch by where they stand."""

    kind: str
    refusal: Refusal | None
    findings: tuple[Refusal, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class FhirEndpoint:
    """The FHIR door. `who` names the sending source by the request's token and raises Refused.

    `validate` reads and checks a body, `keep` returns when it is committed, `wait` gives the outcome or None where
    the seconds are over, `find` looks a request up whose status address is asked for.
    """

    who: Callable[[Request, Transport], Source]
    validate: Callable[[bytes, str, str, str], Awaitable[FhirMessage]]
    keep: Callable[[Arrival], Awaitable[UUID]]
    wait: Callable[[UUID, float], Awaitable[Outcome | None]]
    find: Callable[[UUID, str], Awaitable[Outcome | None]]
    max_bytes: int
    wait_seconds: float

    def routes(self) -> list[Route]:
        """The routes of this door."""
        return [
            Route("/fhir", self.take, methods=["POST"]),
            Route("/fhir/status/{message}", self.status, methods=["GET"]),
            Route("/fhir/{kind}", self.take, methods=["POST"]),
            Route("/fhir/{kind}/{identifier}", self.take, methods=["PUT"]),
        ]

    async def take(self, request: Request) -> Response:
        """One request body: a transaction, a batch or one resource."""
        try:
            source = self.who(request, Transport.FHIR)
            _check_type(request)
            body = await limited_body(request, self.max_bytes)
        except Refused as refused:
            return refusal_response(refused.refusal)
        return await self.take_body(request, source, body, Transport.FHIR)

    async def take_body(self, request: Request, source: Source, body: bytes, transport: Transport) -> Response:
        """A body of a known source, whichever door it came by."""
        kind, identifier = (str(request.path_params.get(name, "")) for name in ("kind", "identifier"))
        message, refusal = await self._read(body, kind, request.method, identifier)
        arrival = Arrival(
            source=source.name,
            transport=transport,
            format=Format.FHIR,
            raw=body,
            kind=_shown_kind(message, kind, request.method),
            refusal=refusal,
            findings=tuple(entry.refusal for entry in message.entries if entry.refusal) if message else (),
        )
        try:
            key = await self.keep(arrival)
        except Exception as fault:  # whatever it is, the sender must not take its message for kept
            log.error("message-not-kept", fault=type(fault).__name__, places=places_of(fault))
            return refusal_response(refuse("not-kept").refusal)
        if message is None:
            return refusal_response(refusal or _internal())
        seconds = 0.0 if "respond-async" in request.headers.get("prefer", "") else self.wait_seconds
        outcome = await self.wait(key, seconds) if seconds else None
        return _answer(message, outcome) if outcome else _accepted(request, key)

    async def status(self, request: Request) -> Response:
        """What has become of a request that was answered with 202."""
        try:
            source = self.who(request, Transport.FHIR)
            key = UUID(request.path_params["message"])
        except Refused as refused:
            return refusal_response(refused.refusal)
        except ValueError:
            return refusal_response(refuse("not-found", "status").refusal)
        try:
            outcome = await self.find(key, source.name)
        except Refused as refused:
            return refusal_response(refused.refusal)
        if outcome is None:
            return _accepted(request, key)
        if outcome.refusal:
            return refusal_response(outcome.refusal)
        return json_response(operation_outcome(outcome.findings), 200)

    async def _read(
        self, body: bytes, kind: str, method: str, identifier: str
    ) -> tuple[FhirMessage | None, Refusal | None]:
        try:
            return await self.validate(body, kind, method, identifier), None
        except Refused as refused:
            return None, refused.refusal
        except Exception as fault:  # a fault of ours must not lose the bytes: they are kept, parked and replayed
            refusal = _internal()
            reference = refusal.given["reference"]
            log.error("body-not-examined", reference=reference, fault=type(fault).__name__, places=places_of(fault))
            return None, refusal


def _internal() -> Refusal:
    return refuse("internal", reference=secrets.token_hex(6)).refusal


def _shown_kind(message: FhirMessage | None, kind: str, method: str) -> str:
    """``transaction``, ``Patient``, ``PUT Patient``: the worker reads a body as the door did."""
    shown = message.kind if message else known_type(kind) or "unreadable"
    return f"{method} {shown}" if method == "PUT" else shown


def _answer(message: FhirMessage, outcome: Outcome) -> Response:
    if outcome.refusal:
        return refusal_response(outcome.refusal)
    if message.kind not in ("transaction", "batch"):
        return json_response(operation_outcome(()), 201)
    findings = {_entry_of(finding.where): finding for finding in outcome.findings}
    results = [_result(findings.get(_entry_of(entry.where)), entry.resource) for entry in message.entries]
    return json_response(response_bundle(message.kind, results), 200)


def _entry_of(where: str) -> str:
    """``Bundle.entry[2]`` of a position below it."""
    return where.split("].", 1)[0]


def _result(finding: Refusal | None, resource: dict[str, object]) -> EntryResult:
    if finding:
        status = status_line(_STATUS.get(finding.code, 422))
        return EntryResult(status=status, outcome=operation_outcome((finding,)))
    location = f"{resource['resourceType']}/{resource['id']}" if "id" in resource else ""
    return EntryResult(status=status_line(201), location=location)


def _accepted(request: Request, key: UUID) -> Response:
    address = str(request.url_for("status", message=str(key)))
    return Response(status_code=202, headers={"content-location": address})


def refusal_response(refusal: Refusal) -> Response:
    """A refusal as an OperationOutcome with the HTTP status that fits it."""
    return json_response(operation_outcome((refusal,)), _STATUS.get(refusal.code, 422))


def json_response(content: dict[str, object], status: int) -> Response:
    """A FHIR resource as a response."""
    return Response(orjson.dumps(content), status, media_type=f"{CONTENT_TYPE}; charset=utf-8")


def _check_type(request: Request) -> None:
    sent = request.headers.get("content-type", "").split(";", 1)[0].strip().lower()
    if sent not in (CONTENT_TYPE, "application/json", "application/json+fhir"):
        raise refuse("unsupported-content-type", type=sent[:60] or "-")


async def limited_body(request: Request, most: int) -> bytes:
    """The body of a request. Raises Refused (frame-too-large) as soon as it is longer than `most` bytes."""
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > most:
            raise refuse("frame-too-large", limit=str(most))
        chunks.append(chunk)
    return b"".join(chunks)
