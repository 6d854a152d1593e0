"""``/soap/{source}``: an envelope is opened, its message kept, and the acknowledgement sent back as the result of its
operation.

What is wrong with the message is said in the response, as the message's own standard says it. What is wrong with the
request (no token, no envelope, no message in it) is a SOAP fault.
"""

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

import structlog
from lxml import etree
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from adapters.cda.door import DocumentDoor
from adapters.hl7v2.framing import Frame
from adapters.http import charset_of, content_type_of, limited_body
from adapters.soap.envelope import (
    Envelope,
    Version,
    check_understood,
    read_envelope,
    status_of_fault,
    write_fault,
    write_response,
)
from adapters.soap.security import token_in_envelope, token_in_headers
from adapters.soap.unwrapping import Payload, in_senders_lines, unwrap
from adapters.soap.wsdl import write_wsdl
from adapters.xml import fit, parse
from hub.errors import Refusal, Refused, places_of, refuse
from hub.message import Arrival, Format, Kept, Source, Transport

log = structlog.get_logger()

_TYPES = frozenset({"text/xml", "application/soap+xml", "application/xml", "text/plain", ""})
_INLINE_BYTES = 128 * 1024
"""A larger envelope is opened in a thread: it would hold up everybody else's requests."""
_KIND = "SOAP"
"""The kind of what was kept as it came, because no message was found in it."""

_Given = TypeVar("_Given")
_Made = TypeVar("_Made")


@dataclass(frozen=True, kw_only=True, slots=True)
class SoapEndpoint:
    """The SOAP door. `who` names the source that a request's token may send for, and raises Refused. `answer` takes one
    v2 message of a source as a frame and gives its acknowledgement, `documents` takes clinical documents, `keep` what
    holds neither."""

    who: Callable[[Request, str], Source]
    answer: Callable[[Frame, Source], Awaitable[bytes | None]]
    documents: DocumentDoor
    keep: Callable[[Arrival], Awaitable[Kept]]
    max_bytes: int

    def routes(self) -> list[Route]:
        """The routes of this door."""
        return [
            Route("/soap/{source}", self.take, methods=["POST"]),
            Route("/soap/{source}", self.describe, methods=["GET"], name="soap"),
        ]

    async def describe(self, request: Request) -> Response:
        """The WSDL, with the address that it was asked for at. It is open to everybody: it names no source that exists
        and no person."""
        if not {"wsdl", "singlewsdl"} & {name.lower() for name in request.query_params}:
            said = "POST a SOAP envelope here, or GET ?wsdl. / 请以 POST 发送 SOAP 报文，或以 GET ?wsdl 获取服务描述。"
            return PlainTextResponse(said, 405, headers={"allow": "GET, POST"})
        address = str(request.url_for("soap", source=request.path_params["source"]))
        return Response(write_wsdl(address), media_type="text/xml; charset=utf-8")

    async def take(self, request: Request) -> Response:
        """One envelope with one message."""
        is_newer = content_type_of(request) == Version.SOAP_12.media_type
        version = Version.SOAP_12 if is_newer else Version.SOAP_11
        try:
            source = self._shown(request)
            raw = await limited_body(request, self.max_bytes)
        except Refused as refused:
            return _fault(version, refused.refusal)
        return await self._handled(request, version, source, raw)

    def _shown(self, request: Request) -> Source | None:
        """The source of the token in the headers: known before the body is read. None where the envelope has to show
        it. Raises Refused."""
        if (sent := content_type_of(request)) not in _TYPES:
            raise refuse("soap-content-type", type=sent[:60] if sent.isascii() else "?")
        token = token_in_headers(request)
        return self.who(request, token) if token else None

    async def _handled(self, request: Request, version: Version, source: Source | None, raw: bytes) -> Response:
        large = len(raw) > _INLINE_BYTES
        try:
            envelope = await _worked(large, _opened, raw, charset_of(request))
        except Refused as refused:
            return await self._unopened(version, source, raw, refused.refusal)
        try:
            source = source or self.who(request, token_in_envelope(envelope))
            check_understood(envelope)
        except Refused as refused:
            return _fault(envelope.version, refused.refusal, envelope)
        try:
            payload = await _worked(large, unwrap, envelope.body, source.charset)
        except Refused as refused:
            return await self._unopened(envelope.version, source, raw, refused.refusal, envelope)
        return await self._taken(source, envelope, raw, payload)

    async def _taken(self, source: Source, envelope: Envelope, raw: bytes, payload: Payload) -> Response:
        try:
            if not source.speaks(payload.format):
                raise refuse("format-not-declared", format=payload.format.value, source=source.name)
            if payload.format is Format.CDA:
                kept = await self.documents.take(source, payload.content, Transport.SOAP)
                return _response(envelope, _result(kept))
        except Refused as refused:
            return _fault(envelope.version, refused.refusal, envelope)
        acknowledgement = await self.answer(Frame(payload.content), source)
        return _response(envelope, in_senders_lines(acknowledgement or b"", raw, payload.content))

    async def _unopened(
        self, version: Version, source: Source | None, raw: bytes, refusal: Refusal, envelope: Envelope | None = None
    ) -> Response:
        """An envelope without a message in it that could be read. Its bytes are kept and parked where its sender is
        known: there may well have been one."""
        if source is None:
            return _fault(version, refusal, envelope)
        format_ = Format.HL7V2 if source.speaks(Format.HL7V2) else Format.CDA
        arrival = Arrival(
            source=source.name, transport=Transport.SOAP, format=format_, raw=raw, kind=_KIND, refusal=refusal
        )
        try:
            await self.keep(arrival)
        except Exception as fault:  # whatever it is, the sender must not take its message for kept
            log.error("message-not-kept", fault=type(fault).__name__, places=places_of(fault))
            refusal = refuse("not-kept").refusal
        return _fault(version, refusal, envelope)


def _opened(raw: bytes, charset: str) -> Envelope:
    return read_envelope(parse(raw, charset))


async def _worked(large: bool, work: Callable[[_Given, str], _Made], given: _Given, charset: str) -> _Made:
    """What a piece of work makes; large work in a thread. Raises Refused: also "internal", where it fails, so that the
    bytes are kept and parked."""
    try:
        return await asyncio.to_thread(work, given, charset) if large else work(given, charset)
    except Refused:
        raise
    except Exception as fault:
        reference = secrets.token_hex(6)
        log.error("envelope-not-opened", reference=reference, fault=type(fault).__name__, places=places_of(fault))
        raise refuse("internal", reference=reference) from None


def _result(kept: Kept) -> str:
    """What has become of a document, as the text of the operation's result: code (AA, or AE where it is parked), text
    and next step in both languages, the refusal's own code and the message's id."""
    refusal = kept.refusal or refuse("document-kept").refusal
    root = etree.Element("Result")
    parts = [("Code", "AE" if kept.refusal else "AA", ""), ("MessageId", str(kept.id), "")]
    if kept.refusal:
        parts.append(("Reason", refusal.code, ""))
    for language in ("zh", "en"):
        parts.append(("Text", refusal.message(language), language))
        parts.append(("NextStep", refusal.next_step(language), language))
    for name, text, language in parts:
        element = etree.SubElement(root, name)
        element.text = fit(text)
        if language:
            element.set("language", language)
    return str(etree.tostring(root, encoding="unicode"))


def _response(envelope: Envelope, result: str) -> Response:
    return _xml(envelope.version, write_response(envelope, result), 200)


def _fault(version: Version, refusal: Refusal, envelope: Envelope | None = None) -> Response:
    status = status_of_fault(version, refusal)
    response = _xml(version, write_fault(version, refusal, envelope.addressing if envelope else None), status)
    if status == 401:
        response.headers["www-authenticate"] = 'Bearer, Basic realm="soap", charset="UTF-8"'
    return response


def _xml(version: Version, content: bytes, status: int) -> Response:
    return Response(content, status, media_type=f"{version.media_type}; charset=utf-8")
