"""The FHIR door of a running hub, by an ordinary HTTP client: what is answered is what became of it."""

import asyncio
import gzip
import socket
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from fhir.resources.R4B import get_fhir_model_class
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.acceptance.hub_process import HubProcess, serving
from tests.acceptance.test_doors import token_for
from tests.conftest import Urls
from tests.unit.adapters.fhir_door import NUMBER, bundle, entry, message, patient
from tests.unit.adapters.test_fhir_capability import least

SOURCE = "erke-fhir"
CONDITION = f"identifier={NUMBER}|P1"
RECORD = [
    *("Patient", "Encounter", "Condition", "AllergyIntolerance", "Observation", "DiagnosticReport", "ServiceRequest"),
    *("Organization", "Practitioner", "PractitionerRole", "Location"),
]
"""The types that stand for themselves. The others (sessions, agreements, teams) have to fit what is there already."""


@pytest.fixture
def hub(database: Urls, tmp_path: Path) -> Iterator[HubProcess]:
    with serving(tmp_path / "home", database.application, HUB_MAX_MESSAGE_BYTES="2000000") as process:
        yield process


@pytest.fixture
async def client(hub: HubProcess) -> AsyncIterator[httpx.AsyncClient]:
    headers = {"Authorization": f"Bearer {token_for(hub, SOURCE)}", "Content-Type": "application/fhir+json"}
    async with httpx.AsyncClient(base_url=hub.base, headers=headers, timeout=60) as client:
        yield client


async def count(engine: AsyncEngine, what: str) -> int:
    async with engine.connect() as connection:
        return int(await connection.scalar(text(f"select count(*) from {what}")) or 0)


def body(content: Any) -> bytes:
    return orjson.dumps(content)


async def test_each_interaction_that_the_hub_claims_succeeds(client: httpx.AsyncClient) -> None:
    found = (await client.get("/fhir/metadata", headers={"Authorization": ""})).json()
    get_fhir_model_class("CapabilityStatement").model_validate(found)
    (rest,) = found["rest"]
    assert set(RECORD) <= {one["type"] for one in rest["resource"]}
    for kind in RECORD:
        created = await client.post(f"/fhir/{kind}", content=body(least(kind)), headers={"If-None-Exist": CONDITION})
        updated = await client.put(f"/fhir/{kind}?{CONDITION}", content=body(least(kind)))
        assert (created.status_code, updated.status_code) == (201, 201), (created.text, updated.text)
        by_id = await client.put(f"/fhir/{kind}/x1", content=body(least(kind, id="x1")))
        assert by_id.status_code == 201, by_id.text
        assert by_id.headers["location"].endswith(f"/fhir/{kind}/x1")
        unclaimed = await client.get(f"/fhir/{kind}/x1")
        assert (unclaimed.status_code, unclaimed.json()["resourceType"]) == (405, "OperationOutcome")
    answered = await client.post("/fhir/$process-message", content=body(message(patient("P9"))))
    assert answered.json()["entry"][0]["resource"]["response"]["code"] == "ok", answered.text


async def test_a_patient_that_is_created_by_its_identifier_twice_is_one_resident(
    client: httpx.AsyncClient, engine: AsyncEngine
) -> None:
    for name in ("测试甲", "测试乙"):
        sent = body(patient(name=[{"text": name}]))
        answer = await client.post("/fhir/Patient", content=sent, headers={"If-None-Exist": CONDITION})
        assert answer.status_code == 201
    assert await count(engine, "resident") == 1


async def test_an_idempotency_key_gets_the_first_outcome_again_and_refuses_other_content(
    client: httpx.AsyncClient, engine: AsyncEngine
) -> None:
    good, bad = body(patient()), body(patient(birthDate="1956-02-30"))
    for key, content, status in (("k-good", good, 201), ("k-bad", bad, 422)):
        answers = await asyncio.gather(
            *(client.post("/fhir/Patient", content=content, headers={"Idempotency-Key": key}) for _ in range(5))
        )
        assert {answer.status_code for answer in answers} == {status}
        assert len({answer.content for answer in answers}) == 1
    assert await count(engine, "message") == 2, "each was kept once"
    reused = await client.post("/fhir/Patient", content=good, headers={"Idempotency-Key": "k-bad"})
    assert (reused.status_code, reused.json()["issue"][0]["code"]) == (422, "duplicate")
    assert "Idempotency-Key" in reused.text


async def test_a_message_that_is_resubmitted_is_merged_once(client: httpx.AsyncClient, engine: AsyncEngine) -> None:
    for at in ("1", "2"):
        sent = message(patient(), identifier={"value": at}, timestamp=f"2026-01-05T01:30:0{at}Z")
        header = (await client.post("/fhir/$process-message", content=body(sent))).json()["entry"][0]["resource"]
        assert (header["response"]["identifier"], header["response"]["code"]) == ("m-1", "ok")
    assert await count(engine, "message") == 1


async def test_a_batch_says_of_each_entry_what_became_of_it(client: httpx.AsyncClient) -> None:
    lost = {"resourceType": "Observation", "status": "final", "code": {"text": "x"}}
    entries = [
        entry(patient(), "urn:uuid:1"),
        entry({**lost, "subject": {"reference": "urn:uuid:1"}}),
        entry(lost),
        entry(patient(), ifNoneExist="name=x"),
        entry(patient(), method="DELETE"),
        entry({"resourceType": "Basic", "code": {"text": "x"}}),
    ]
    answer = (await client.post("/fhir", content=body(bundle(*entries, kind="batch")))).json()
    get_fhir_model_class("Bundle").model_validate(answer)
    assert [one["response"]["status"][:3] for one in answer["entry"]] == ["201", "201", "422", "422", "405", "422"]
    for at, one in enumerate(answer["entry"][2:], 2):
        (issue,) = one["response"]["outcome"]["issue"]
        assert issue["expression"][0].startswith(f"Bundle.entry[{at}]")
        assert " / " in issue["diagnostics"], "the next step, in Chinese and English"


async def test_a_transaction_with_one_fault_changes_nothing(client: httpx.AsyncClient, engine: AsyncEngine) -> None:
    lost = {"resourceType": "Observation", "status": "final", "code": {"text": "x"}}
    answer = await client.post("/fhir", content=body(bundle(entry(patient()), entry(lost))))
    assert (answer.status_code, answer.json()["resourceType"]) == (422, "OperationOutcome")
    assert await count(engine, "resident") == 0


async def test_a_packed_body_is_merged_and_a_bomb_is_not_unpacked(client: httpx.AsyncClient, hub: HubProcess) -> None:
    def packed(content: bytes) -> Iterator[bytes]:
        yield gzip.compress(content, mtime=0)

    async def chunked(content: bytes) -> AsyncIterator[bytes]:
        for piece in packed(content):
            yield piece

    sent = await client.post("/fhir", content=chunked(body(patient())), headers={"Content-Encoding": "gzip"})
    assert sent.status_code == 201, sent.text
    before = memory(hub)
    bomb = gzip.compress(b"0" * 300_000_000, 9, mtime=0)
    assert len(bomb) < 2_000_000
    for _ in range(3):
        refused = await client.post("/fhir", content=bomb, headers={"Content-Encoding": "gzip"})
        assert (refused.status_code, refused.json()["issue"][0]["code"]) == (413, "too-long")
    assert memory(hub) - before < 60_000, "kB; one bomb alone unpacks to 300 MB"
    assert (await client.get("/healthz")).status_code == 200


def memory(hub: HubProcess) -> int:
    """The most memory that the hub's process has held, in kB."""
    lines = Path(f"/proc/{hub.process.pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))


async def test_a_body_that_is_shorter_than_declared_leaves_nothing_behind(
    client: httpx.AsyncClient, hub: HubProcess, engine: AsyncEngine
) -> None:
    head = (
        f"POST /fhir HTTP/1.1\r\nHost: hub\r\nAuthorization: {client.headers['authorization']}\r\n"
        "Content-Type: application/fhir+json\r\nContent-Length: 5000\r\n\r\n"
    )
    for cut in (b"", b'{"resourceType":', '{"name":"测'.encode()[:-1]):
        with socket.create_connection(("127.0.0.1", hub.http_port)) as sender:
            sender.sendall(head.encode() + cut)
    await asyncio.sleep(0.5)
    assert await count(engine, "message") == 0
    assert (await client.post("/fhir", content=body(patient()))).status_code == 201
    assert "request-failed" not in hub.log.read_text()


async def test_a_sender_that_does_not_wait_learns_the_outcome_at_the_status_address(client: httpx.AsyncClient) -> None:
    sent = bundle(entry(patient()), entry(patient("P2", birthDate="1956-02-30")), kind="batch")
    accepted = await client.post("/fhir", content=body(sent), headers={"Prefer": "respond-async"})
    assert accepted.status_code == 202
    for _ in range(100):
        found = await client.get(accepted.headers["content-location"])
        if found.status_code != 202:
            break
        await asyncio.sleep(0.1)
    assert (found.status_code, len(found.json()["issue"])) == (200, 1)
    assert found.json()["issue"][0]["expression"] == ["Bundle.entry[1].resource.birthDate"]
