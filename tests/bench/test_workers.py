"""Workers as processes of their own over one database, and what it costs them to find their next batch.

The processes, the senders of nothing and PostgreSQL share the machine's cores: with two cores a second worker can only
use what the first and the database leave over.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from statistics import median

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from hub.ids import new_id
from hub.message import Arrival, Format, Transport
from hub.site import Database
from hub.store import claims, inbox
from hub.store.database import open_engine
from tests.acceptance.hub_process import serving
from tests.bench.conftest import NewSite
from tests.bench.figures import Measure, by_turns, show
from tests.bench.traffic import mixed

pytestmark = pytest.mark.bench

PEOPLE = 200
ROUNDS = 4
LOOK_SECONDS = 0.02

FEW, MANY = 200, 100_000
CLAIMS = 60
MOST = 64
AT_ONCE = 1_000


async def test_two_workers_merge_more_than_one(new_site: NewSite, tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        measures: dict[str, Measure] = {}
        for count in (1, 2):
            engine = await stack.enter_async_context(_workers(await new_site(), count, tmp_path / str(count)))
            measures[str(count)] = partial(_merged_a_second, engine, iter(range(ROUNDS + 1)))
        await by_turns(measures, 1)
        rates = await by_turns(measures, ROUNDS)
    ratio = show("messages merged by two worker processes, against one", rates["1"], rates["2"], "over 1")
    assert ratio > 0.7


@pytest.mark.parametrize(
    ("what", "lane_of", "put_off"),
    [
        (f"{MANY:,} messages of as many patients wait", lambda number: f"his|x|{number}", False),
        (f"{MANY:,} messages of one patient wait", lambda _: "his|x|1", False),
        (f"{MANY:,} messages were put off", lambda number: f"his|x|{number}", True),
    ],
    ids=["many-lanes", "one-lane", "put-off"],
)
async def test_a_batch_is_found_as_soon_among_many_waiting_as_among_few(
    site: Database, engine: AsyncEngine, what: str, lane_of: Callable[[int], str], put_off: bool
) -> None:
    if put_off:
        await _wait_in_line(engine, MANY, lane_of)
        await _run(site, "update fate set retry_at = now() + interval '1 hour', tries = 3")
        await _wait_in_line(engine, FEW, lambda number: f"his|y|{number}")
        await _run(site, "analyze")
        many = [await _claim_seconds(engine) for _ in range(CLAIMS)]
        await _run(site, "update fate set fate = 'merged' where retry_at is not null", "analyze")
        few = [await _claim_seconds(engine) for _ in range(CLAIMS)]
    else:
        await _wait_in_line(engine, FEW, lambda number: f"his|x|{number}")
        await _run(site, "analyze")
        few = [await _claim_seconds(engine) for _ in range(CLAIMS)]
        await _wait_in_line(engine, MANY, lane_of)
        await _run(site, "analyze")
        many = [await _claim_seconds(engine) for _ in range(CLAIMS)]
    ratio = show(f"batches found a second while {what}", 1 / median(few), 1 / median(many), "1")
    assert ratio > (0.02 if put_off else 0.4)


async def _merged_a_second(engine: AsyncEngine, stays: Iterator[int]) -> float:
    """Keep a lot of messages at once, wait until none is left."""
    arrived = mixed(PEOPLE, stay=next(stays))
    async with engine.begin() as connection:
        await inbox.keep(connection, arrived)
    began = time.perf_counter()
    while await _waiting(engine):
        await asyncio.sleep(LOOK_SECONDS)
    return len(arrived) / (time.perf_counter() - began)


async def _waiting(engine: AsyncEngine) -> int:
    async with engine.connect() as connection:
        return await inbox.count_waiting(connection)


@asynccontextmanager
async def _workers(site: Database, count: int, folder: Path) -> AsyncIterator[AsyncEngine]:
    """Worker processes over a site, and an engine to look at it."""
    engine = open_engine(site.application, size=1)
    async with AsyncExitStack() as stack:
        for number in range(count):
            url, owner = site.application, site.owner
            stack.enter_context(serving(folder / str(number), url, "worker", HUB_OWNER_DATABASE_URL=owner))
        yield engine
    await engine.dispose()


async def _wait_in_line(engine: AsyncEngine, count: int, lane_of: Callable[[int], str]) -> None:
    """Messages that wait, small ones: a batch is found without reading them."""
    for start in range(0, count, AT_ONCE):
        arrivals = [
            Arrival(source="his", transport=Transport.MLLP, format=Format.HL7V2, raw=b"MSH|", lanes=(lane_of(number),))
            for number in range(start, min(start + AT_ONCE, count))
        ]
        async with engine.begin() as connection:
            await inbox.keep(connection, [(new_id(), arrival) for arrival in arrivals])


async def _run(site: Database, *statements: str) -> None:
    """As the owner."""
    engine = open_engine(site.owner, size=1, role="")
    async with engine.begin() as connection:
        for statement in statements:
            await connection.execute(text(statement))
    await engine.dispose()


async def _claim_seconds(engine: AsyncEngine) -> float:
    """Claim a batch and let it go again."""
    async with engine.connect() as connection:
        began = time.perf_counter()
        claimed = await claims.claim(connection, MOST)
        took = time.perf_counter() - began
        await connection.rollback()
    assert claimed
    return took
