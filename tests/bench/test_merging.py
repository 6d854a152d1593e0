"""Messages to merged record by one worker, against the same rows inserted by the bare driver.

Half of the messages are ADT^A01, half ORU^R01 with 10 OBX. First the people are new to the hub, then they are known.
"""

import gc
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from statistics import median

import asyncpg
import pytest
from sqlalchemy import make_url
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.fhir.validation import validate_body
from hub.intake import work
from hub.mapping.bundles import SUPPORTED
from hub.message import Fate
from hub.settings import Settings
from hub.site import Database
from hub.store import inbox, search
from hub.store.database import open_engine
from hub.store.search import Wanted
from hub.wiring import Hub
from tests.bench.conftest import NewSite
from tests.bench.figures import show
from tests.bench.same_rows import Rows, insert_again, rows_by_message
from tests.bench.traffic import Arrived, bundles, mixed

pytestmark = pytest.mark.bench

PEOPLE = 150
BUNDLES = 48
AT_ONCE = 8
ROUNDS = 3
DEFAULT = 64

Way = Callable[[Database, Sequence[Arrived]], Awaitable[float]]
"""Merges kept messages; returns the seconds."""


async def test_merging_keeps_up_with_inserting_the_same_rows(new_site: NewSite, settings: Settings) -> None:
    lots = {"new": mixed(PEOPLE), "known": mixed(PEOPLE, stay=1)}
    rows = await _reference(await new_site(), settings, list(lots.values()))
    ways: dict[str, Way] = {
        "floor": _inserting(rows),
        "one": _merging(settings, 1),
        "batches": _merging(settings, DEFAULT),
    }
    found: dict[tuple[str, str], list[float]] = {}
    for _ in range(ROUNDS):
        for way, merge in ways.items():
            site = await new_site()
            for lot, arrived in lots.items():
                await _keep(site, arrived)
                found.setdefault((way, lot), []).append(len(arrived) / await merge(site, arrived))
    rates = {key: median(of) for key, of in found.items()}
    for lot in lots:
        floor = rates["floor", lot]
        one = show(f"messages merged one by one, people {lot}", floor, rates["one", lot], "0.5")
        many = show(f"messages merged in batches of {DEFAULT}, people {lot}", floor, rates["batches", lot], "1, 500/s")
        assert one > 0.06
        assert many > 0.2


async def test_bundles_keep_up_with_validating_and_inserting_the_same_rows(
    new_site: NewSite, settings: Settings
) -> None:
    arrived = bundles(BUNDLES)
    rows = await _reference(await new_site(), settings, [arrived])
    ways: dict[str, Way] = {
        "floor": _validating_first(_inserting(rows)),
        "hub": _validating_first(_merging(settings, AT_ONCE)),
    }
    found: dict[str, list[float]] = {way: [] for way in ways}
    for _ in range(ROUNDS):
        for way, carry in ways.items():
            site = await new_site()
            await _keep(site, arrived)
            found[way].append(len(arrived) / await carry(site, arrived))
    what = f"FHIR bundles validated and merged, {AT_ONCE} at a time"
    assert show(what, median(found["floor"]), median(found["hub"]), "0.5") > 0.25


def _inserting(rows: Rows) -> Way:
    async def insert(site: Database, arrived: Sequence[Arrived]) -> float:
        async with _bare(site) as connection:
            began = time.perf_counter()
            await insert_again(connection, arrived, rows)
            return time.perf_counter() - began

    return insert


def _merging(settings: Settings, most: int) -> Way:
    async def merge(site: Database, arrived: Sequence[Arrived]) -> float:
        async with _engine(site) as engine:
            desk = Hub(settings, engine).desk
            gc.freeze()  # as `hub.app` does once a hub is up
            began = time.perf_counter()
            while await work(engine, desk, most=most):
                pass
            took = time.perf_counter() - began
            gc.unfreeze()
            return took

    return merge


def _validating_first(merge: Way) -> Way:
    """The door's validation of bundles, then the merge: both ways pay for it alike."""

    async def carry(site: Database, arrived: Sequence[Arrived]) -> float:
        began = time.perf_counter()
        for _, arrival in arrived:
            validate_body(arrival.raw, SUPPORTED)
        return time.perf_counter() - began + await merge(site, arrived)

    return carry


async def _reference(site: Database, settings: Settings, lots: Sequence[Sequence[Arrived]]) -> Rows:
    """What the hub makes of the messages; none may be parked."""
    for arrived in lots:
        await _keep(site, arrived)
        await _merging(settings, DEFAULT)(site, arrived)
    async with _engine(site) as engine, engine.connect() as connection:
        assert await inbox.count_waiting(connection) == 0
        assert not await search.list_ids(connection, Wanted(fate=Fate.PARKED), 1)
    async with _bare(site) as bare:
        return await rows_by_message(bare)


async def _keep(site: Database, arrived: Sequence[Arrived]) -> None:
    async with _engine(site) as engine, engine.begin() as connection:
        await inbox.keep(connection, arrived)


@asynccontextmanager
async def _engine(site: Database) -> AsyncIterator[AsyncEngine]:
    engine = open_engine(site.application)
    yield engine
    await engine.dispose()


@asynccontextmanager
async def _bare(site: Database) -> AsyncIterator[asyncpg.Connection]:
    url = make_url(site.application).set(drivername="postgresql").render_as_string(hide_password=False)
    connection = await asyncpg.connect(url)
    yield connection
    await connection.close()
