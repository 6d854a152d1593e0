"""A SOAP door whose store is a list and whose one token is ``good``."""

from base64 import b64encode
from typing import Any
from uuid import uuid4

import httpx
from lxml import etree
from starlette.applications import Starlette
from starlette.requests import Request

from adapters.cda.door import DocumentDoor
from adapters.hl7v2.framing import Frame
from adapters.soap.endpoint import SoapEndpoint
from hub.errors import refuse
from hub.message import Arrival, Kept, Source
from tests.documents import SOAP_11, SOAP_12
from tests.unit.adapters.test_cda import HOSPITAL

ACK = "MSH|^~\\&|HUB|WQ|HIS|XRMYY|20260105083001||ACK^A01^ACK|1|P|2.4||||||UNICODE UTF-8\rMSA|AA|T1|好\r"
TOKEN = "good"
BASIC = "Basic " + b64encode(f"anybody:{TOKEN}".encode()).decode()
BEARER = f"Bearer {TOKEN}"


class Door:
    """`source` is who sends; `fault` is what keeping raises."""

    def __init__(self, source: Source = HOSPITAL, fault: Exception | None = None, max_bytes: int = 1_000_000) -> None:
        self.source = source
        self.fault = fault
        self.max_bytes = max_bytes
        self.frames: list[bytes] = []
        self.arrivals: list[Arrival] = []

    def who(self, request: Request, token: str) -> Source:
        if token != TOKEN:
            raise refuse("no-token")
        if request.path_params["source"] != self.source.name:
            raise refuse("may-not-send", source=str(request.path_params["source"]))
        return self.source

    async def answer(self, frame: Frame, source: Source) -> bytes | None:
        self.frames.append(frame.content)
        return None if b"||ACK" in frame.content else ACK.encode()

    async def keep(self, arrival: Arrival) -> Kept:
        if self.fault:
            raise self.fault
        self.arrivals.append(arrival)
        return Kept(id=uuid4(), refusal=arrival.refusal)

    async def ask(self, method: str, path: str, content: Any = None, **headers: str) -> httpx.Response:
        endpoint = SoapEndpoint(
            who=self.who,
            answer=self.answer,
            documents=DocumentDoor(keep=self.keep),
            keep=self.keep,
            max_bytes=self.max_bytes,
        )
        transport = httpx.ASGITransport(Starlette(routes=endpoint.routes()))
        async with httpx.AsyncClient(transport=transport, base_url="http://hub.example:8080") as client:
            named = {name.replace("_", "-"): value for name, value in headers.items() if value}
            return await client.request(method, path, content=content, headers=named)

    async def post(self, content: str | bytes, *, authorization: str = BEARER, **headers: str) -> "Answer":
        given = {"content_type": "text/xml; charset=utf-8", **headers}
        body = content.encode() if isinstance(content, str) else content
        return Answer(await self.ask("POST", "/soap/renmin-his", body, authorization=authorization, **given))


class Answer:
    """A response, read as a client would."""

    def __init__(self, response: httpx.Response) -> None:
        self.response = response
        self.status = response.status_code
        self.root = etree.fromstring(response.content)
        self.version = self.root.tag.removeprefix("{").partition("}")[0]
        assert self.version in (SOAP_11, SOAP_12)
        kind = "text/xml" if self.version == SOAP_11 else "application/soap+xml"
        assert response.headers["content-type"] == f"{kind}; charset=utf-8"
        (self.body,) = self.root.find(f"{{{self.version}}}Body")

    @property
    def result(self) -> str:
        """The text of the operation's one result."""
        (element,) = self.body
        return element.text or ""

    @property
    def fault(self) -> str:
        """The code of the refusal in a fault; "" where this is none."""
        if etree.QName(self.body).localname != "Fault":
            return ""
        return str(self.body.findtext(".//{*}refusal/{*}code"))
