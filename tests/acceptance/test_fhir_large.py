"""A transaction of 10 MB goes in while everybody else is answered: nothing of it holds the loop for long."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from tests.acceptance.hub_process import HubProcess, serving
from tests.acceptance.test_doors import token_for
from tests.conftest import Urls
from tests.unit.adapters.fhir_door import NUMBER, bundle, entry, patient

pytestmark = pytest.mark.long

SOURCE = "erke-fhir"
RESOURCES = 5000
SHARE = 0.25
"""How much of the time that one blocked loop would cost a ping may take: see the test."""


@pytest.fixture
def hub(database: Urls, tmp_path: Path) -> Iterator[HubProcess]:
    """The doors alone: merging is the worker's, in a process of its own."""
    with serving(tmp_path / "home", database.application, roles="api") as process:
        yield process


@pytest.fixture
async def client(hub: HubProcess) -> AsyncIterator[httpx.AsyncClient]:
    headers = {"Authorization": f"Bearer {token_for(hub, SOURCE)}", "Content-Type": "application/fhir+json"}
    async with httpx.AsyncClient(base_url=hub.base, headers=headers, timeout=120) as client:
        yield client


def large() -> bytes:
    """5,000 results of 500 patients, 2 kB each."""
    entries = [entry(patient(f"L{at}"), f"urn:uuid:{at}") for at in range(RESOURCES // 10)]
    entries += [entry(_result(at)) for at in range(RESOURCES - len(entries))]
    return orjson.dumps(bundle(*entries))


def _result(at: int) -> dict[str, Any]:
    return {
        "resourceType": "Observation",
        "identifier": [{"system": f"{NUMBER}/result", "value": str(at)}],
        "status": "final",
        "code": {"coding": [{"system": "urn:example", "code": f"C{at % 40}", "display": "血红蛋白"}]},
        "subject": {"reference": f"urn:uuid:{at % (RESOURCES // 10)}"},
        "effectiveDateTime": "2026-01-05T09:30:00+08:00",
        "valueQuantity": {"value": 100 + at % 50, "unit": "g/L"},
        "note": [{"text": "备注" * 300}],
    }


def memory(process: int) -> int:
    """What a process holds at most, in MB."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) // 1024


async def pings(client: httpx.AsyncClient, until: asyncio.Event) -> list[float]:
    """How long each ping took, in seconds."""
    took = []
    while not until.is_set():
        began = time.perf_counter()
        assert (await client.get("/healthz")).status_code == 200
        took.append(time.perf_counter() - began)
        await asyncio.sleep(0.01)
    return took


async def test_while_a_large_transaction_is_examined_others_are_answered(
    client: httpx.AsyncClient, hub: HubProcess, record_property: Any
) -> None:
    body = large()
    assert 9_000_000 < len(body) < 16_000_000
    before = memory(hub.process.pid)
    done = asyncio.Event()
    async with httpx.AsyncClient(base_url=hub.base, timeout=60) as other:
        pinging = asyncio.create_task(pings(other, done))
        began = time.perf_counter()
        answer = await client.post("/fhir", content=body, headers={"Prefer": "respond-async"})
        whole = time.perf_counter() - began
        done.set()
        took = sorted(await pinging)
    assert answer.status_code == 202, answer.text
    grown = memory(hub.process.pid) - before
    record_property("large", {"seconds": whole, "worst": took[-1], "median": took[len(took) // 2], "MB": grown})
    print(
        f"{len(body)} B, {whole:.1f} s, {len(took)} pings, worst {took[-1]:.3f} s, {grown} MB, {os.cpu_count()} cores"
    )
    # Were the loop held while the bundle is examined, one ping would take as long as the whole.
    assert took[-1] < SHARE * whole
    assert took[len(took) // 2] < 0.05 * whole
    assert grown < 20 * len(body) / 1_000_000, "the door holds no tree of it, only bytes"


async def test_a_small_request_does_not_wait_for_a_large_one_to_be_examined(client: httpx.AsyncClient) -> None:
    large_one = asyncio.create_task(client.post("/fhir", content=large(), headers={"Prefer": "respond-async"}))
    await asyncio.sleep(1)
    sent = bundle(*[entry(patient(f"S{at}")) for at in range(90)])
    assert len(orjson.dumps(sent)) > 8 * 1024, "so it goes to the checking process, as the large one does"
    small = await client.post("/fhir", content=orjson.dumps(sent), headers={"Prefer": "respond-async"})
    assert small.status_code == 202
    assert not large_one.done(), "the small one was answered between two parts of the large one"
    assert (await large_one).status_code == 202
