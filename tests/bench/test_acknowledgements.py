"""Durable acknowledgements over MLLP against listeners that do nothing but store the bytes.

All of them write to one durable PostgreSQL and are driven by the same senders in another process: ADT^A01 of 1.2 KB
over 8 connections, one message at a time each, or up to 32 on the way each.
"""

import asyncio
from collections.abc import AsyncIterator, Collection
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from hub.app import Part, running
from hub.settings import Settings
from hub.site import Database
from hub.store import inbox
from tests.bench.bare_listeners import bare_pool, committing_each, group_committing, listening
from tests.bench.figures import Measure, by_turns, show
from tests.bench.mllp_load import crowd_process

pytestmark = pytest.mark.bench

MESSAGES = 4_000
BESIDE = 800
ROUNDS = 5


@pytest.mark.parametrize("window", [1, 32], ids=["one-at-a-time", "pipelined"])
async def test_acknowledgements_keep_up_with_a_bare_group_commit(
    site: Database, settings: Settings, window: int
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
        measures = {name: partial(senders.send, port, MESSAGES, window) for name, port in ports.items()}
        await by_turns(measures, 1)
        rates = await by_turns(measures, ROUNDS)
    how = "one at a time" if window == 1 else f"{window} under way"
    ratio = show(f"acknowledgements, {how}: group commit", rates["group"], rates["hub"], "0.8")
    ahead = show(f"acknowledgements, {how}: a commit each", rates["each"], rates["hub"], "over 1")
    show(f"acknowledgements, {how}: constant answer, nothing stored", rates["constant"], rates["hub"], "-")
    assert ratio > (0.2 if window == 1 else 0.06)
    assert ahead > 0.35


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
