"""Group commit: what `keep` returns for is on disk, whatever happens to the others or to the connection."""

import asyncio

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from hub.keeping import Keeper
from hub.message import Arrival, Format, Transport
from hub.store import inbox


def _arrival(number: int, *, kind: str = "ADT^A01") -> Arrival:
    raw = b"MSH %d" % number
    return Arrival(source="his", transport=Transport.MLLP, format=Format.HL7V2, raw=raw, kind=kind)


async def _kept(engine: AsyncEngine) -> int:
    async with engine.connect() as connection:
        return await inbox.count_waiting(connection)


async def test_messages_that_come_together_are_all_kept(engine: AsyncEngine) -> None:
    keeper = Keeper(engine)
    keeper.start()
    kept = await asyncio.gather(*(keeper.keep(_arrival(number)) for number in range(600)))
    assert await _kept(engine) == len({one.id for one in kept}) == 600
    await keeper.stop()


@pytest.mark.parametrize("unfit", ["ADT\0A01", "ADT\ud800A01"], ids=["zero byte", "half a character"])
async def test_a_message_that_cannot_be_stored_does_not_spoil_the_others(engine: AsyncEngine, unfit: str) -> None:
    keeper = Keeper(engine)
    arrivals = [_arrival(1), _arrival(2, kind=unfit), _arrival(3)]
    waiting = [asyncio.create_task(keeper.keep(arrival)) for arrival in arrivals]
    await asyncio.sleep(0)
    keeper.start()
    outcomes = await asyncio.gather(*waiting, return_exceptions=True)
    assert [isinstance(outcome, Exception) for outcome in outcomes] == [False, True, False]
    assert await _kept(engine) == 2
    await keeper.stop()


async def test_a_lost_connection_costs_no_message(engine: AsyncEngine) -> None:
    keeper = Keeper(engine)
    keeper.start()
    await keeper.keep(_arrival(1))
    async with engine.connect() as connection:
        others = "select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid()"
        await connection.execute(text(f"{others} and datname = current_database() and usename = current_user"))
    await keeper.keep(_arrival(2))
    assert await _kept(engine) == 2
    await keeper.stop()


async def test_stopping_finishes_what_waits(engine: AsyncEngine) -> None:
    keeper = Keeper(engine)
    keeper.start()
    waiting = [asyncio.create_task(keeper.keep(_arrival(number))) for number in range(300)]
    await asyncio.sleep(0)
    await keeper.stop()
    assert len(set(await asyncio.gather(*waiting))) == await _kept(engine) == 300


@pytest.mark.parametrize("writers", [1, 2])
async def test_the_worker_is_woken_by_each_commit(engine: AsyncEngine, writers: int) -> None:
    keeper = Keeper(engine, writers=writers)
    keeper.start()
    await keeper.keep(_arrival(1))
    assert keeper.kept.is_set()
    await keeper.stop()
