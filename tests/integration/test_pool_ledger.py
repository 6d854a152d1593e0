"""The ledger of slots: a chain that the database holds together, whoever writes, and that the balance is read from."""

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from hub.store import pools as reading
from tests.sessions import Clinic, check_ledger, published, weihai


@pytest.fixture
async def clinic(engine: AsyncEngine) -> Clinic:
    clinic = Clinic(engine, weihai())
    await clinic.open()
    return clinic


_MOVE = """
    insert into movement (slot_id, number, before, session_id, account_from, account_into, act, by)
    select id, :number, :before, session_id, :source, :target, 'hold', 'thief' from slot where number = 3
"""


@pytest.mark.parametrize(
    ("number", "before", "source", "target"),
    [
        (2, 1, "public", "held"),  # it is not where this says
        (3, 2, "held", "booked"),  # there is no such movement before
        (1, None, "new", "booked"),  # it has begun already
        (2, None, "new", "booked"),  # a beginning is number 1
        (3, 1, "team", "booked"),  # a number is left out
        (2, 1, "team", "new"),  # nothing goes back to nowhere
        (2, 1, "team", "pocket"),
    ],
)
async def test_the_database_refuses_a_movement_that_breaks_the_chain(
    clinic: Clinic, number: int, before: int | None, source: str, target: str
) -> None:
    session = await clinic.publish(published())
    given = {"number": number, "before": before, "source": source, "target": target}
    with pytest.raises(DBAPIError):
        async with clinic.engine.begin() as connection:
            await connection.execute(text(_MOVE), given)
    await check_ledger(clinic, session)


@pytest.mark.parametrize(
    "change",
    [
        "update slot set account = 'booked' where number = 3",
        "update slot set moves = 2, account = 'held' where number = 3",
        "update movement set account_into = 'booked'",
        "delete from movement",
        "delete from slot where number = 3",
    ],
)
async def test_the_database_refuses_a_slot_that_is_not_where_the_ledger_says(clinic: Clinic, change: str) -> None:
    session = await clinic.publish(published())
    with pytest.raises(DBAPIError):
        async with clinic.engine.begin() as connection:
            await connection.execute(text(change))
    await check_ledger(clinic, session)


async def test_the_database_refuses_a_second_standing_booking_of_a_slot(clinic: Clinic) -> None:
    session = await clinic.publish(published())
    await clinic.hold(session)
    again = text(
        """insert into booking (id, slot_id, session_id, team_id, state, expires_at, by)
           select gen_random_uuid(), slot_id, session_id, 'team-2', 'held', now(), 'thief' from booking"""
    )
    with pytest.raises(DBAPIError):
        async with clinic.engine.begin() as connection:
            await connection.execute(again)
    await check_ledger(clinic, session)


async def test_the_balance_is_read_from_the_ledger_alone(clinic: Clinic) -> None:
    session = await clinic.publish(published())
    await clinic.hold(session)
    async with clinic.engine.connect() as connection:
        found = await reading.find_balances(connection, [session])
    assert found == {session: {"team": 1, "held": 1, "public": 8}}
