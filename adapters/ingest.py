"""``POST /ingest/{source}``: any format by its content type, for senders that speak HTTP and nothing else."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from adapters.fhir.endpoint import FhirEndpoint, limited_body, refusal_response
from adapters.files.door import FileDoor
from adapters.hl7v2.framing import Frame
from hub.errors import Refused, refuse
from hub.message import Format, Source, Transport

HL7V2_TYPE = "application/hl7-v2"
_V2 = frozenset({HL7V2_TYPE, "x-application/hl7-v2+er7", "application/edi-hl7v2", "text/plain"})
_FHIR = frozenset({"application/fhir+json", "application/json", "application/json+fhir"})
_CSV = frozenset({"text/csv", "application/csv"})
_STATUS = {"AA": 200, "AE": 422, "AR": 400}


@dataclass(frozen=True, kw_only=True, slots=True)
class IngestEndpoint:
    """The door for files and web services. `answer` takes one v2 message of a source as a frame. A CSV file is so many
    FHIR requests, so a source whose format is FHIR may send one."""

    who: Callable[[Request, Transport], Source]
    answer: Callable[[Frame, Source], Awaitable[bytes | None]]
    fhir: FhirEndpoint
    files: FileDoor
    max_bytes: int

    def routes(self) -> list[Route]:
        """The route of this door."""
        return [Route("/ingest/{source}", self.take, methods=["POST"])]

    async def take(self, request: Request) -> Response:
        """One message; a v2 message is answered with its acknowledgement, a FHIR one as at ``/fhir``, a CSV file with
        an OperationOutcome."""
        try:
            source = self.who(request, Transport.INGEST)
            format_ = _format(request)
            if format_ is not source.format:
                raise refuse("unsupported-content-type", type=request.headers.get("content-type", "")[:60])
            body = await limited_body(request, self.max_bytes)
        except Refused as refused:
            return refusal_response(refused.refusal)
        if _content_type(request) in _CSV:
            return await self.files.take(source, body)
        if format_ is Format.FHIR:
            return await self.fhir.take_body(request, source, body, Transport.INGEST)
        content = body.removeprefix(b"\x0b").removesuffix(b"\x1c\r")
        acknowledgement = await self.answer(Frame(content=content, fault=None), source)
        if acknowledgement is None:
            return Response(status_code=204)
        return Response(acknowledgement, _status_of(acknowledgement), media_type=HL7V2_TYPE)


def _format(request: Request) -> Format:
    sent = _content_type(request)
    if sent in _V2:
        return Format.HL7V2
    if sent in _FHIR | _CSV:
        return Format.FHIR
    raise refuse("unsupported-content-type", type=sent[:60] or "-")


def _content_type(request: Request) -> str:
    return request.headers.get("content-type", "").split(";", 1)[0].strip().lower()


def _status_of(acknowledgement: bytes) -> int:
    segment = next((line for line in acknowledgement.split(b"\r") if line.startswith(b"MSA")), b"MSA|AE")
    code = segment.split(segment[3:4])[1].decode("ascii", "replace")
    return _STATUS.get(code, 422)
