"""A FHIR door whose store is a list: it keeps by the inbox's rule for messages that come twice, and merges at once."""

import gzip
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import UUID, uuid4

import httpx
import orjson
from starlette.applications import Starlette

from adapters.fhir.endpoint import FhirEndpoint, Outcome
from adapters.fhir.examination import Examiner
from hub.errors import Refusal, refuse
from hub.mapping.bundles import SUPPORTED
from hub.message import Arrival, Format, IdentifierRule, Kept, Reuse, Source, Transport

NUMBER = "https://erke.example/patient-number"
HEADERS = {"content-type": "application/fhir+json"}
AT = datetime(2026, 1, 5, 9, 30, tzinfo=UTC)
ERKE = Source(
    name="erke-fhir",
    organisation="威泉县第二医院",
    format=Format.FHIR,
    transports=frozenset({Transport.FHIR}),
    time_zone=timezone(timedelta(hours=8)),
    identifiers=(
        IdentifierRule(type=NUMBER, kind="local-number", of_patient=True),
        IdentifierRule(type="urn:oid:2.16.156.10011.1.3", kind="citizen-id"),
    ),
)


class Door:
    """`refusal`: what the merge says of everything. `is_slow`: it never gets done."""

    def __init__(self, *, refusal: Refusal | None = None, is_slow: bool = False, max_bytes: int = 1_000_000) -> None:
        self.refusal = refusal
        self.is_slow = is_slow
        self.max_bytes = max_bytes
        self.arrivals: dict[UUID, Arrival] = {}
        self.waited: list[float] = []

    @property
    def only(self) -> Arrival:
        (arrival,) = self.arrivals.values()
        return arrival

    async def run(self, function: Any, *arguments: Any) -> Any:
        return function(*arguments)

    async def keep(self, arrival: Arrival) -> Kept:
        same = [
            (key, one)
            for key, one in self.arrivals.items()
            if arrival.control_id and one.control_id == arrival.control_id
        ]
        for key, one in same:
            if one.digest == arrival.digest:
                return Kept(id=key, refusal=arrival.refusal, is_repeat=True)
        key = uuid4()
        self.arrivals[key] = arrival
        reused = refuse("control-id-reused", "MSH-10").refusal if same and arrival.reuse is Reuse.REFUSE else None
        return Kept(id=key, refusal=arrival.refusal or reused)

    async def wait(self, key: UUID, seconds: float) -> Outcome | None:
        self.waited.append(seconds)
        if self.is_slow:
            return None
        return Outcome(kind="merged", refusal=self.refusal, findings=self.arrivals[key].findings)

    async def find(self, key: UUID, source: str) -> Outcome | None:
        assert source == ERKE.name
        return await self.wait(key, 0)

    async def ask(
        self, method: str, path: str, content: Any = None, headers: Mapping[str, str] | None = None
    ) -> httpx.Response:
        endpoint = FhirEndpoint(
            who=lambda *_: ERKE,
            examine=Examiner(supported=frozenset(SUPPORTED), run=self.run),
            keep=self.keep,
            wait=self.wait,
            find=self.find,
            supported=frozenset(SUPPORTED),
            max_bytes=self.max_bytes,
            wait_seconds=20,
            clock=lambda: AT,
            opened_at=AT,
        )
        body = content if isinstance(content, bytes) or content is None else orjson.dumps(content)
        transport = httpx.ASGITransport(Starlette(routes=endpoint.routes()))
        async with httpx.AsyncClient(transport=transport, base_url="http://hub") as client:
            return await client.request(method, path, content=body, headers={**HEADERS, **(headers or {})})

    async def post(self, path: str, content: Any, **headers: str) -> httpx.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.ask("POST", path, content, named)


def patient(number: str = "P1", **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "Patient",
        "identifier": [{"system": NUMBER, "value": number}],
        "name": [{"text": "测试甲"}],
        **more,
    }


def entry(resource: Mapping[str, Any], at: str = "", **request: str) -> dict[str, Any]:
    """An entry that creates the resource, unless `request` says otherwise."""
    given = {"resource": resource, "request": {"method": "POST", "url": resource["resourceType"], **request}}
    return {"fullUrl": at, **given} if at else given


def bundle(*entries: Any, kind: str = "transaction", **more: Any) -> dict[str, Any]:
    return {"resourceType": "Bundle", "type": kind, "entry": list(entries), **more}


def message(*resources: Mapping[str, Any], header_id: str = "m-1", **more: Any) -> dict[str, Any]:
    header = {
        "resourceType": "MessageHeader",
        "id": header_id,
        "eventCoding": {"system": "urn:example:events", "code": "admit"},
        "source": {"endpoint": "https://erke.example/fhir"},
    }
    entries = [{"fullUrl": f"urn:uuid:{at}", "resource": one} for at, one in enumerate((header, *resources))]
    return bundle(*entries, kind="message", **more)


def packed(content: Any) -> bytes:
    return gzip.compress(orjson.dumps(content), mtime=0)
