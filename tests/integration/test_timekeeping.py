"""What falls due is done, in batches, and a fault costs a pause and nothing else."""

import asyncio
from datetime import UTC, datetime
from uuid import UUID

import pytest
from sqlalchemy import insert, text, update
from sqlalchemy.ext.asyncio import AsyncEngine

from hub.programme.hand import TIME, Hand
from hub.store import log
from hub.tables import organisation
from hub.timekeeping import Timekeeper

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
SUBJECT = UUID(int=9)


async def count(engine: AsyncEngine) -> int:
    async with engine.connect() as connection:
        return int(await connection.scalar(text("select count(*) from organisation")) or 0)


async def test_all_that_is_due_is_done_batch_by_batch(engine: AsyncEngine) -> None:
    batches: list[int] = []

    async def open_three(hand: Hand, most: int) -> int:
        assert hand.now == NOW
        batches.append(most)
        if len(batches) > 3:
            return 0
        row = {"id": str(len(batches)), "name": "x", "kind": "other"}
        await hand.connection.execute(insert(organisation).values(row))
        hand.step("session", SUBJECT, "release", "open", "open")
        return 1

    assert await Timekeeper(engine, [open_three], now=lambda: NOW).keep() == 3
    assert await count(engine) == 3
    async with engine.connect() as connection:
        steps = await log.list_history(connection, SUBJECT)
    assert [(step["by"], step["role"]) for step in steps] == [(TIME, "time")] * 3


async def test_a_fault_undoes_its_batch_and_it_is_tried_again(engine: AsyncEngine) -> None:
    tried = asyncio.Event()
    times = 0

    async def fail_first(hand: Hand, most: int) -> int:
        nonlocal times
        times += 1
        if times > 2:
            return 0
        await hand.connection.execute(insert(organisation).values(id=f"{times}", name="x", kind="other"))
        if times == 1:
            raise ZeroDivisionError
        tried.set()
        return 1

    keeper = Timekeeper(engine, [fail_first], every_seconds=0.01)
    keeper.start()
    await asyncio.wait_for(tried.wait(), 5)
    assert keeper.is_alive
    await keeper.stop()
    assert not keeper.is_alive
    assert await count(engine) == 1


async def test_what_fails_keeps_nothing_else_from_being_done(engine: AsyncEngine) -> None:
    times = 0

    async def fail(hand: Hand, most: int) -> int:
        raise ZeroDivisionError

    async def open_one(hand: Hand, most: int) -> int:
        nonlocal times
        times += 1
        if times > 1:
            return 0
        await hand.connection.execute(insert(organisation).values(id="1", name="x", kind="other"))
        return 1

    with pytest.raises(ZeroDivisionError):
        await Timekeeper(engine, [fail, open_one]).keep()
    assert await count(engine) == 1


async def test_stopping_waits_for_what_is_under_way(engine: AsyncEngine) -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def slow(hand: Hand, most: int) -> int:
        await hand.connection.execute(insert(organisation).values(id="1", name="x", kind="other"))
        begun.set()
        await go_on.wait()
        await hand.connection.execute(update(organisation).values(name="y"))
        return 1

    keeper = Timekeeper(engine, [slow], every_seconds=0.01)
    keeper.start()
    await begun.wait()
    stopping = asyncio.create_task(keeper.stop())
    await asyncio.sleep(0.02)
    assert not stopping.done()
    go_on.set()
    await stopping
    assert await count(engine) == 1
