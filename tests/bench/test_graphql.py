"""GraphQL over HTTP against routes written by hand: the same token, the same audit row, the same JSON.

Both are served by granian in one process, as the hub is; 8 front ends ask from another process.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from uuid import UUID

import httpx
import orjson
import pytest
from granian.constants import Interfaces
from granian.server.embed import Server
from sqlalchemy.ext.asyncio import AsyncEngine
from starlette.applications import Starlette

from hub.api.paging import global_id
from hub.app import Part, running
from hub.settings import Settings
from hub.site import Database
from tests.acceptance.hub_process import free_port
from tests.bench.figures import by_turns, show
from tests.bench.http_load import Load, front_ends
from tests.bench.plain_routes import OBSERVATION, RESIDENTS, plain_routes
from tests.integration.api.conftest import DOCTOR, Ward
from tests.integration.api.test_reading import counting

pytestmark = pytest.mark.bench

REQUESTS = 400
ROUNDS = 5
PEOPLE = 20


@pytest.mark.parametrize("what", ["one record of 200 observations", "20 residents, conditions and encounters"])
async def test_graphql_keeps_up_with_routes_written_by_hand(
    site: Database, engine: AsyncEngine, settings: Settings, what: str
) -> None:
    first = await _admit(engine)
    async with AsyncExitStack() as stack:
        hub = await stack.enter_async_context(running(settings, site, {Part.API}))
        token = hub.hub.keyring.issue(DOCTOR, now=datetime.now(UTC))
        plain = await stack.enter_async_context(
            _serving(Starlette(routes=plain_routes(hub.hub.engine, hub.hub.keyring)))
        )
        clients = await stack.enter_async_context(front_ends())
        loads = _loads(what, first, token, hub.http_port, plain)
        assert await _answer(loads["hub"]) == await _answer(loads["floor"])
        with counting(hub.hub.engine) as sent:
            await _answer(loads["hub"])
        measures = {name: partial(clients.ask, load) for name, load in loads.items()}
        await by_turns(measures, 1)
        rates = await by_turns(measures, ROUNDS)
    ratio = show(f"GraphQL: {what} ({len(sent)} statements)", rates["floor"], rates["hub"], "0.5")
    assert ratio > 0.1


def _loads(what: str, first: UUID, token: str, hub: int, plain: int) -> dict[str, Load]:
    if what.startswith("one"):
        asked: dict[str, object] = {"query": OBSERVATION, "variables": {"id": global_id("Resident", first)}}
        path, given = "/observations", orjson.dumps({"id": str(first)}).decode()
    else:
        asked = {"query": RESIDENTS}
        path, given = "/residents", "{}"
    graphql = orjson.dumps(asked).decode()
    return {
        "floor": Load(port=plain, path=path, token=token, body=given, requests=REQUESTS),
        "hub": Load(port=hub, path="/graphql", token=token, body=graphql, requests=REQUESTS),
    }


async def _admit(engine: AsyncEngine) -> UUID:
    """Residents with their records; the first has 200 observations."""
    ward = Ward(engine)
    people = [await ward.admit(sex="female", birth_date="1956-03-12") for _ in range(PEOPLE)]
    result = {"value": "6.8", "unit": "mmol/L", "reference_range": "3.9-6.1", "interpretation": "H"}
    await ward.note(people[0], "Observation", 200, **result)
    for person in people:
        await ward.note(person, "Condition", 5)
        await ward.note(person, "Encounter", 5, visit_number="ZY1", department="心内科", ended="2026-03-02")
    return people[0]


async def _answer(load: Load) -> object:
    async with httpx.AsyncClient(trust_env=False) as client:
        url = f"http://127.0.0.1:{load.port}{load.path}"
        headers = {"Authorization": f"Bearer {load.token}", "Content-Type": "application/json"}
        return (await client.post(url, content=load.body, headers=headers)).json()


@asynccontextmanager
async def _serving(app: Starlette) -> AsyncIterator[int]:
    """The application under granian, as `hub.app` serves its own; its port."""
    port = free_port()
    server = Server(app, address="127.0.0.1", port=port, interface=Interfaces.ASGINL, log_enabled=False)
    serving = asyncio.create_task(server.serve())
    try:
        await asyncio.sleep(0.5)
        yield port
    finally:
        server.stop()  # type: ignore[no-untyped-call]
        await serving
