"""The clock over agreements: in batches, past what waits, beside people who hold the same residents."""

import asyncio
from datetime import date
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from hub.programme.agreements import lock_present
from tests.integration.test_agreements import at, tick
from tests.signing import admit, found_county, hand, signed, state_of


@pytest.fixture
async def people(engine: AsyncEngine) -> list[UUID]:
    """Three residents of a county with two teams."""
    async with engine.begin() as connection:
        await found_county(connection)
        return await admit(connection, 3)


async def test_the_clock_takes_batches_and_leaves_alone_what_somebody_holds(
    engine: AsyncEngine, people: list[UUID]
) -> None:
    keys = [await signed(engine, who) for who in people]
    later = at(date(2027, 6, 1))
    async with engine.begin() as connection:
        await connection.exec_driver_sql(f"select from agreement where id = '{keys[0]}' for update")
        assert await tick(engine, later, most=10) == 2
    assert await tick(engine, later, most=10) == 1


async def test_those_who_wait_for_another_agreements_end_starve_nobody_behind_them(
    engine: AsyncEngine, people: list[UUID]
) -> None:
    begins = date(2027, 6, 1)
    for who in people[:2]:
        await signed(engine, who, 1)
        await signed(engine, who, 2, begins_on=begins)
    last = await signed(engine, people[2], begins_on=begins, ends_on=date(2029, 5, 31), deviation="外出务工")
    async with engine.begin() as connection:
        theirs = f"from agreement where team_id = 't1' and id <> '{last}'"
        await connection.exec_driver_sql(
            "insert into agreement_term"
            " (agreement_id, number, begins_on, ends_on, signed_at, signed_by, rule, deviation)"
            f" select id, 2, date '2027-06-01', date '2027-12-31', now(), 'x', '', '' {theirs}"
        )
        await connection.exec_driver_sql(
            f"update agreement set ends_on = '2027-12-31' where id in (select id {theirs})"
        )
    assert await tick(engine, at(begins), most=1) == 1
    assert (await state_of(engine, last))["state"] == "in-force"
    assert await tick(engine, at(begins), most=1) == 0


async def test_the_clock_holds_residents_before_their_agreements_as_people_do(
    engine: AsyncEngine, people: list[UUID]
) -> None:
    """Were it the other way round, the clock and whoever holds a resident would wait for each other."""
    key, later = await signed(engine, people[0]), at(date(2027, 6, 2))
    async with hand(engine, later) as one:
        await lock_present(one, people)
        clock = asyncio.create_task(tick(engine, later))
        await until_it_waits(engine, clock)
        await one.connection.exec_driver_sql(f"select from agreement where id = '{key}' for update nowait")
    assert await clock == 1
    assert (await state_of(engine, key))["state"] == "lapsed"


async def until_it_waits(engine: AsyncEngine, doing: asyncio.Task[int]) -> None:
    """Come back once another transaction waits for a row; fail where what is done is done without waiting."""
    waits = "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()"
    async with asyncio.timeout(20), engine.connect() as connection:
        while not await connection.scalar(text(waits)):
            assert not doing.done(), "it held nobody"
            await asyncio.sleep(0.01)
