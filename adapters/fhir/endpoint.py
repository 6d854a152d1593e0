"""``/fhir``: a request is kept, then waited for, and answered with its real outcome.

A sender that cannot wait (``Prefer: respond-async``), or that the merge keeps waiting, gets 202 with a status
address (FHIR R4 3.1.6, asynchronous request pattern).
"""

import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from hashlib import sha256
from uuid import UUID

import structlog
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from adapters.fhir.answers import (
    CONTENT_TYPE,
    Outcome,
    accepted,
    answer,
    json_response,
    refusal_response,
)
from adapters.fhir.capability import capability_statement
from adapters.fhir.examination import Asked, Examined, Header
from adapters.fhir.messaging import message_answer
from adapters.fhir.outcome import operation_outcome
from adapters.fhir.people import keys_of
from adapters.fhir.preferences import Preferences, idempotency_key, preferences_of
from adapters.fhir.reading import known_type
from adapters.fhir.versions import header_fault
from adapters.http import content_type_of, limited_body
from hub.errors import Refusal, Refused, places_of, refuse
from hub.message import Arrival, Format, Kept, Reuse, Source, Transport, plain

__all__ = ["CONTENT_TYPE", "FhirEndpoint", "Outcome", "json_response", "limited_body", "refusal_response"]

log = structlog.get_logger()

_JSON = frozenset({CONTENT_TYPE, "application/json", "application/json+fhir"})
_XML = frozenset({"application/fhir+xml", "application/xml", "application/xml+fhir", "text/xml"})
_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


@dataclass(frozen=True, kw_only=True, slots=True)
class FhirEndpoint:
    """The FHIR door. `who` names the sending source by the request's token and raises Refused.

    `examine` says what a body asks for and whether it may be taken, `keep` returns when it is committed, `wait` gives
    the outcome or None where the seconds are over, `find` looks a request up whose status address is asked for.
    `supported` are the resource types that are mapped, `operations` what other doors offer of a Patient, by name.
    """

    who: Callable[[Request, Transport], Source]
    examine: Callable[[bytes, Asked], Awaitable[Examined]]
    keep: Callable[[Arrival], Awaitable[Kept]]
    wait: Callable[[UUID, float], Awaitable[Outcome | None]]
    find: Callable[[UUID, str], Awaitable[Outcome | None]]
    supported: frozenset[str]
    max_bytes: int
    wait_seconds: float
    operations: Mapping[str, str] = field(default_factory=dict)
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    opened_at: datetime = field(default_factory=lambda: datetime.now(UTC))

    def routes(self) -> list[Route]:
        """The routes of this door; the last one answers whatever else is asked for below ``/fhir``."""
        return [
            Route("/fhir", self.take, methods=["POST"]),
            Route("/fhir/metadata", self.metadata, methods=["GET"]),
            Route("/fhir/$process-message", self.take, methods=["POST"], name="process-message"),
            Route("/fhir/status/{message}", self.status, methods=["GET"]),
            Route("/fhir/{kind}", self.take, methods=["POST", "PUT"]),
            Route("/fhir/{kind}/{identifier}", self.take, methods=["PUT"]),
            Route("/fhir", self.elsewhere, methods=_METHODS),
            Route("/fhir/{path:path}", self.elsewhere, methods=_METHODS),
        ]

    async def take(self, request: Request) -> Response:
        """One request body: a transaction, a batch, a message or one resource."""
        try:
            source = self.who(request, Transport.FHIR)
            _check_address(request)
            _check_type(request)
            body = await limited_body(request, self.max_bytes)
        except Refused as refused:
            return refusal_response(refused.refusal)
        return await self.take_body(request, source, body, Transport.FHIR)

    async def take_body(self, request: Request, source: Source, body: bytes, transport: Transport) -> Response:
        """A body of a known source, whichever door it came by."""
        try:
            key = idempotency_key(request)
        except Refused as refused:
            return refusal_response(refused.refusal)
        asked = _asked(request)
        examined = await self._examined(body, asked)
        arrival = _arrival(source, transport, body, asked, examined)
        if key:
            arrival = _under_key(arrival, key, asked)
        try:
            kept = await self.keep(arrival)
        except Exception as fault:  # whatever it is, the sender must not take its message for kept
            log.error("message-not-kept", fault=type(fault).__name__, places=places_of(fault))
            return self._refused(request, examined, refuse("not-kept").refusal)
        if refusal := _told(kept, key):
            return self._refused(request, examined, refusal)
        return await self._settled(request, body, examined, kept.id)

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
            return accepted(request, key)
        if outcome.refusal:
            return refusal_response(outcome.refusal)
        return json_response(operation_outcome(outcome.findings), 200)

    async def metadata(self, request: Request) -> Response:
        """The CapabilityStatement. It is open to everybody: it names no source and no person."""
        address = f"{str(request.base_url).rstrip('/')}/fhir"
        told = capability_statement(self.supported, address=address, at=self.opened_at, operations=self.operations)
        return json_response(told, 200)

    async def elsewhere(self, request: Request) -> Response:
        """What this door does not offer: 405 for a type or an address that it knows by other methods, else 404."""
        refusal = refuse("unsupported-operation", operation=request.method).refusal
        first = str(request.path_params.get("path", "")).split("/", 1)[0]
        if first and first not in (*self.supported, "metadata", "status", "$process-message"):
            return refusal_response(refusal, 404)
        response = refusal_response(refusal, 405)
        response.headers["allow"] = _ALLOWED.get(first, "POST, PUT")
        return response

    async def _settled(self, request: Request, body: bytes, examined: Examined, key: UUID) -> Response:
        """The outcome of a kept request, once it is there."""
        preferences = preferences_of(request)
        seconds = self._patience(request, preferences)
        outcome = await self.wait(key, seconds) if seconds else None
        if outcome is None:
            return accepted(request, key)
        if examined.header:
            return self._message(request, examined.header, outcome.refusal)
        return answer(request, body, examined, outcome, preferences.returns)

    def _patience(self, request: Request, preferences: Preferences) -> float:
        if preferences.is_async or request.query_params.get("async") == "true":
            return 0.0
        asked = preferences.wait_seconds
        return self.wait_seconds if asked is None else min(self.wait_seconds, float(asked))

    def _refused(self, request: Request, examined: Examined, refusal: Refusal) -> Response:
        """A refusal: an OperationOutcome, or the message that answers a message."""
        if examined.header and examined.header.is_complete:
            return self._message(request, examined.header, refusal)
        return refusal_response(refusal)

    def _message(self, request: Request, header: Header, refusal: Refusal | None) -> Response:
        endpoint = str(request.url_for("process-message"))
        return message_answer(header, refusal, endpoint=endpoint, at=self.clock())

    async def _examined(self, body: bytes, asked: Asked) -> Examined:
        try:
            return await self.examine(body, asked)
        except Exception as fault:  # a fault of ours must not lose the bytes: they are kept, parked and replayed
            refusal = refuse("internal", reference=secrets.token_hex(6)).refusal
            reference = refusal.given["reference"]
            log.error("body-not-examined", reference=reference, fault=type(fault).__name__, places=places_of(fault))
            return Examined(refusal=refusal)


_ALLOWED = {"": "POST", "metadata": "GET", "status": "GET", "$process-message": "POST"}


def _arrival(source: Source, transport: Transport, body: bytes, asked: Asked, examined: Examined) -> Arrival:
    keys = keys_of(examined.people, source)
    return Arrival(
        source=source.name,
        transport=transport,
        format=Format.FHIR,
        raw=body,
        kind=_shown_kind(examined, asked),
        control_id=plain(examined.name),
        refusal=examined.refusal,
        findings=tuple(entry.refusal for entry in examined.entries if entry.refusal) if not examined.refusal else (),
        digest=examined.digest,
        reuse=source.reuse,
        numbers=keys.numbers,
        names=keys.names,
        lanes=keys.lanes,
    )


def _under_key(arrival: Arrival, key: str, asked: Asked) -> Arrival:
    """A request that its sender gave a key: the same key, address and bytes are the same request, and with anything
    else the key is refused (draft-ietf-httpapi-idempotency-key-header section 2.6)."""
    address = f"{asked.method} {asked.kind}/{asked.identifier}?{asked.condition}\n".encode("utf-8", "surrogateescape")
    return replace(arrival, control_id=key, digest=sha256(address + arrival.raw).digest(), reuse=Reuse.REFUSE)


def _told(kept: Kept, key: str) -> Refusal | None:
    """The refusal that the sender is told of, at the header or the identifier that it is about."""
    refusal = kept.refusal
    if refusal and refusal.code == "control-id-reused":
        return replace(refusal, where="Idempotency-Key" if key else "Bundle.identifier")
    return refusal


def _asked(request: Request) -> Asked:
    kind, identifier = (str(request.path_params.get(name, "")) for name in ("kind", "identifier"))
    condition, where = request.headers.get("if-none-exist", ""), "If-None-Exist"
    if request.method == "PUT":
        condition, where = ("" if identifier else request.url.query), "request.url"
    is_message = request.url.path.endswith("/$process-message")
    return Asked(
        kind=kind,
        method=request.method,
        identifier=identifier,
        condition=condition,
        where=where,
        is_message=is_message,
    )


def _shown_kind(examined: Examined, asked: Asked) -> str:
    """``transaction``, ``Patient``, ``PUT Patient``: the worker reads a body as the door did."""
    shown = examined.kind or known_type(asked.kind) or "unreadable"
    return f"{asked.method} {shown}" if asked.method == "PUT" else shown


def _check_address(request: Request) -> None:
    """Raises Refused where the address or its headers ask for what no body could make good."""
    kind = str(request.path_params.get("kind", ""))
    if kind.startswith(("$", "_")):
        raise refuse("unsupported-operation", operation=request.method)
    if request.method == "PUT" and "identifier" not in request.path_params and not request.url.query:
        raise refuse("unsupported-condition", "request.url", reason="an update names an id or an identifier")
    if request.method == "POST" and kind and request.url.query:
        raise refuse("unsupported-condition", "request.url", reason="a create is sent to the type alone")
    if "response-url" in request.query_params:
        raise refuse("no-response-url", "response-url")
    for name in ("If-Match", "If-None-Match"):
        if name in request.headers:
            raise refuse("unsupported-condition", name, reason="the condition is on a version, and the hub counts none")


def _check_type(request: Request) -> None:
    sent = content_type_of(request)
    if sent in _XML:
        raise refuse("fhir-in-xml")
    if sent not in _JSON:
        raise refuse("unsupported-content-type", type=sent[:60] or "-")
    for name in ("Content-Type", "Accept"):
        if fault := header_fault(request.headers.get(name, ""), name):
            raise Refused(fault)
