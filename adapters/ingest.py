"""``POST /ingest/{source}``: any format by its content type, for senders that speak HTTP and nothing else."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from adapters.cda.door import DocumentDoor
from adapters.fhir.endpoint import FhirEndpoint, Outcome, json_response, limited_body, refusal_response
from adapters.fhir.outcome import operation_outcome
from adapters.files.door import FileDoor
from adapters.hl7v2.framing import Frame
from adapters.http import charset_of, content_type_of
from hub.errors import Refused, refuse
from hub.message import Format, Source, Transport

HL7V2_TYPE = "application/hl7-v2"
_V2 = frozenset({HL7V2_TYPE, "x-application/hl7-v2+er7", "application/edi-hl7v2", "text/plain"})
_FHIR = frozenset({"application/fhir+json", "application/json", "application/json+fhir"})
_CSV = frozenset({"text/csv", "application/csv"})
_CDA = frozenset({"application/hl7-cda+xml", "application/xml", "text/xml"})
_STATUS = {"AA": 200, "AE": 422, "AR": 400}


@dataclass(frozen=True, kw_only=True, slots=True)
class IngestEndpoint:
    """The door for files and web services. `answer` takes one v2 message of a source as a frame, `documents` takes
    clinical documents, `find` looks a message up whose status address is asked for. A CSV file is so many FHIR
    requests, so a source whose format is FHIR may send one."""

    who: Callable[[Request, Transport], Source]
    answer: Callable[[Frame, Source], Awaitable[bytes | None]]
    find: Callable[[UUID, str], Awaitable[Outcome | None]]
    fhir: FhirEndpoint
    files: FileDoor
    documents: DocumentDoor
    max_bytes: int

    def routes(self) -> list[Route]:
        """The routes of this door."""
        return [
            Route("/ingest/{source}", self.take, methods=["POST"]),
            Route("/ingest/{source}/status/{message}", self.status, methods=["GET"], name="ingest-status"),
        ]

    async def take(self, request: Request) -> Response:
        """One message; a v2 message is answered with its acknowledgement, a FHIR one as at ``/fhir``, a CSV file with
        an OperationOutcome, a document with 202 or with one."""
        try:
            source = self.who(request, Transport.INGEST)
            format_ = _format(request)
            if not source.speaks(format_):
                raise refuse("unsupported-content-type", type=request.headers.get("content-type", "")[:60])
            body = await limited_body(request, self.max_bytes)
        except Refused as refused:
            return refusal_response(refused.refusal)
        if content_type_of(request) in _CSV:
            return await self.files.take(source, body)
        if format_ is Format.FHIR:
            return await self.fhir.take_body(request, source, body, Transport.INGEST)
        if format_ is Format.CDA:
            return await self._document(request, source, body)
        content = body.removeprefix(b"\x0b").removesuffix(b"\x1c\r")
        acknowledgement = await self.answer(Frame(content=content, fault=None), source)
        if acknowledgement is None:
            return Response(status_code=204)
        return Response(acknowledgement, _status_of(acknowledgement), media_type=HL7V2_TYPE)

    async def status(self, request: Request) -> Response:
        """What has become of a document that was answered with 202: 202 while it waits."""
        try:
            source = self.who(request, Transport.INGEST)
            outcome = await self.find(UUID(request.path_params["message"]), source.name)
        except Refused as refused:
            return refusal_response(refused.refusal)
        except ValueError:
            return refusal_response(refuse("not-found", "status").refusal)
        if outcome is None:
            return Response(status_code=202, headers={"retry-after": "1"})
        if outcome.refusal is None:
            return json_response(operation_outcome(outcome.findings, "warning"), 200)
        return refusal_response(outcome.refusal)

    async def _document(self, request: Request, source: Source, body: bytes) -> Response:
        """202 where a document is kept, with the address of its status: what is made of it comes later."""
        try:
            kept = await self.documents.take(source, body, Transport.INGEST, charset_of(request))
        except Refused as refused:
            return refusal_response(refused.refusal)
        if kept.refusal:
            return refusal_response(kept.refusal)
        response = json_response(operation_outcome([refuse("document-kept").refusal], "information"), 202)
        address = request.url_for("ingest-status", source=source.name, message=str(kept.id))
        response.headers["content-location"] = str(address)
        response.headers["retry-after"] = "1"
        return response


def _format(request: Request) -> Format:
    sent = content_type_of(request)
    for types, format_ in ((_V2, Format.HL7V2), (_FHIR | _CSV, Format.FHIR), (_CDA, Format.CDA)):
        if sent in types:
            return format_
    raise refuse("unsupported-content-type", type=sent[:60] or "-")


def _status_of(acknowledgement: bytes) -> int:
    segment = next((line for line in acknowledgement.split(b"\r") if line.startswith(b"MSA")), b"MSA|AE")
    code = segment.split(segment[3:4])[1].decode("ascii", "replace")
    return _STATUS.get(code, 422)
