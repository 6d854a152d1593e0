"""Durable acknowledgements over MLLP against listeners that do nothing but store the bytes.

All of them write to one durable PostgreSQL and are driven by the same senders in another process: ADT^A01 of 1.2 KB
over 1, 8 and 64 connections with one message at a time each, as hospitals' engines send, or over 8 with up to 32 on the
way each. The floors cut frames and store bytes; the hub also reads each message, checks it, and keeps what it is found
by.
"""

import asyncio
from collections.abc import AsyncIterator, Collection
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from hub.app import Part, running
from hub.settings import Settings
from hub.site import Database
from hub.store import inbox
from tests.acceptance.hub_process import free_port, serving
from tests.bench.bare_listeners import bare_pool, committing_each, group_committing, listening
from tests.bench.figures import Measure, by_turns, show
from tests.bench.mllp_load import crowd_process

pytestmark = pytest.mark.bench

MESSAGES = {1: 1_000, 8: 2_500, 64: 4_000}
BESIDE = 800
ROUNDS = 5
LEAST = {(1, 1): (0.35, 0.5), (8, 1): (0.25, 0.5), (64, 1): (0.18, 0.8), (8, 32): (0.12, 0.9)}
"""Of the floors that group-commit and that commit each message, by connections and window."""


@pytest.mark.parametrize(("connections", "window"), list(LEAST))
async def test_acknowledgements_keep_up_with_bare_listeners(
    site: Database, settings: Settings, connections: int, window: int
) -> None:
    async with AsyncExitStack() as stack:
        senders = await stack.enter_async_context(crowd_process())
        pool = await stack.enter_async_context(bare_pool(site.owner))
        ports = {
            "constant": await stack.enter_async_context(listening(None)),
            "group": await stack.enter_async_context(group_committing(pool)),
            "each": await stack.enter_async_context(committing_each(pool)),
            "hub": await stack.enter_async_context(_hub(settings, site, {Part.MLLP})),
        }
        measures = {
            name: partial(senders.send, port, MESSAGES[connections], window, connections)
            for name, port in ports.items()
        }
        await by_turns(measures, 1)
        rates = await by_turns(measures, ROUNDS)
    how = f"{connections} connections, {window} under way each"
    ratio = show(f"acknowledgements, {how}: group commit", rates["group"], rates["hub"], "0.8")
    ahead = show(f"acknowledgements, {how}: a commit each", rates["each"], rates["hub"], "over 1")
    show(f"acknowledgements, {how}: constant answer, nothing stored", rates["constant"], rates["hub"], "-")
    least, least_ahead = LEAST[connections, window]
    assert ratio > least
    assert ahead > least_ahead


async def test_two_doors_at_one_port_are_ahead_of_a_listener_that_commits_each(site: Database, tmp_path: Path) -> None:
    """Over two cores that the senders and PostgreSQL use as well."""
    port, connections = free_port(), 64
    async with AsyncExitStack() as stack:
        senders = await stack.enter_async_context(crowd_process())
        pool = await stack.enter_async_context(bare_pool(site.owner))
        each = await stack.enter_async_context(committing_each(pool))
        settings = {"HUB_MLLP_PORT": str(port), "HUB_MLLP_PORT_SHARED": "true"}
        for name in ("one", "other"):
            stack.enter_context(serving(tmp_path / name, site.application, "mllp", **settings))
        measures: dict[str, Measure] = {
            name: partial(senders.send, at, MESSAGES[connections], 1, connections)
            for name, at in (("each", each), ("hub", port))
        }
        await by_turns(measures, 1)
        rates = await by_turns(measures, ROUNDS)
    ratio = show("acknowledgements, 64 connections, two doors: a commit each", rates["each"], rates["hub"], "over 1")
    assert ratio > 0.6


async def test_acknowledgements_go_on_while_the_worker_merges(
    site: Database, engine: AsyncEngine, settings: Settings
) -> None:
    async with AsyncExitStack() as stack:
        senders = await stack.enter_async_context(crowd_process())
        pool = await stack.enter_async_context(bare_pool(site.owner))
        group = await stack.enter_async_context(group_committing(pool))
        hub = await stack.enter_async_context(_hub(settings, site, {Part.MLLP, Part.WORKER}))

        async def beside() -> float:
            rate = await senders.send(hub, BESIDE, 1)
            while await _waiting(engine):  # the next round of the floor shall have the machine to itself
                await asyncio.sleep(0.1)
            return rate

        measures: dict[str, Measure] = {"group": partial(senders.send, group, BESIDE, 1), "hub": beside}
        await by_turns(measures, 1)
        rates = await by_turns(measures, ROUNDS)
    ratio = show("acknowledgements, one at a time, worker merging beside", rates["group"], rates["hub"], "-")
    assert ratio > 0.03


async def _waiting(engine: AsyncEngine) -> int:
    async with engine.connect() as connection:
        return await inbox.count_waiting(connection)


@asynccontextmanager
async def _hub(settings: Settings, site: Database, parts: Collection[Part]) -> AsyncIterator[int]:
    """The hub as wired; its MLLP port."""
    async with running(settings, site, parts) as hub:
        yield hub.mllp_port
