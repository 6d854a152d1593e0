"""The clock over agreements: in batches, past what waits, beside people who hold the same residents."""

import asyncio
from collections.abc import Sequence
from datetime import date
from uuid import UUID

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from hub.programme.agreements import lock_present
from tests.desk import rows
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


async def test_the_clock_and_people_who_hold_many_residents_never_wait_for_each_other(
    engine: AsyncEngine, people: list[UUID]
) -> None:
    """Whoever changes an agreement holds its residents first, the clock as well; a deadlock would end one of them."""
    later = at(date(2027, 6, 2))

    async def sign_again(order: Sequence[UUID]) -> None:
        for _ in range(6):
            async with hand(engine, later) as one:
                await lock_present(one, order)
                await asyncio.sleep(0.005)

    for who in people:
        await signed(engine, who)
    await asyncio.gather(sign_again(people), sign_again(people[::-1]), *(tick(engine, later, most=2) for _ in range(6)))
    assert {row["state"] for row in await rows(engine, "select state from agreement")} == {"lapsed"}
