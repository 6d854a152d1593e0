"""The FHIR door: whatever fails, the bytes are kept, or the sender is told that they are not."""

from uuid import UUID, uuid4

import httpx
import pytest
from starlette.applications import Starlette

from adapters.fhir.endpoint import FhirEndpoint, Outcome
from hub.message import Arrival, FhirMessage
from tests.unit.adapters.test_reception import HIS

HEADERS = {"content-type": "application/fhir+json"}


class Desk:
    """A door whose store is a list; its validation fails."""

    def __init__(self, keep_fails: bool = False) -> None:
        self.kept: list[Arrival] = []
        self.keep_fails = keep_fails

    async def validate(self, body: bytes, kind: str, method: str, identifier: str) -> FhirMessage:
        raise MemoryError("测试甲")

    async def keep(self, arrival: Arrival) -> UUID:
        if self.keep_fails:
            raise ConnectionError("测试甲")
        self.kept.append(arrival)
        return uuid4()

    async def nothing(self, *_: object) -> Outcome | None:
        return None

    async def post(self, path: str) -> httpx.Response:
        endpoint = FhirEndpoint(
            who=lambda *_: HIS,
            validate=self.validate,
            keep=self.keep,
            wait=self.nothing,
            find=self.nothing,
            max_bytes=1000,
            wait_seconds=0,
        )
        transport = httpx.ASGITransport(Starlette(routes=endpoint.routes()))
        async with httpx.AsyncClient(transport=transport, base_url="http://hub") as client:
            return await client.post(path, content=b"{}", headers=HEADERS)


async def test_a_body_whose_validation_fails_is_kept_and_answered_with_a_reference() -> None:
    desk = Desk()
    response = await desk.post("/fhir/Patient")
    assert response.status_code == 500
    assert response.json()["resourceType"] == "OperationOutcome"
    (arrival,) = desk.kept
    assert (arrival.raw, arrival.kind) == (b"{}", "Patient")
    assert arrival.refusal is not None
    assert arrival.refusal.code == "internal"
    assert arrival.refusal.given["reference"] in response.text
    assert "测试甲" not in response.text


@pytest.mark.parametrize("path", ["/fhir/%00", "/fhir/%E5%BC%A0%E4%B8%89", "/fhir/Zhangsan", "/fhir"])
async def test_a_kind_is_kept_only_where_fhir_has_such_a_type(path: str) -> None:
    desk = Desk()
    await desk.post(path)
    assert desk.kept[0].kind == "unreadable"


async def test_what_cannot_be_kept_is_to_be_sent_again() -> None:
    response = await Desk(keep_fails=True).post("/fhir")
    assert response.status_code == 503
    assert response.json()["issue"][0]["code"] == "transient"
    assert "send the message again" in response.text
