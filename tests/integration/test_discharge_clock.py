"""The clock and follow-up: what agreements left adrift is caught up with, whoever it fails with."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from structlog.testing import capture_logs

from fixtures.county import people
from hub.programme.discharges import Discharges
from hub.programme.hand import TIME, Hand
from hub.programme.setbacks import FIRST_PAUSE, LONGEST_PAUSE, Setbacks
from hub.store import followups
from tests.aftercare import NOW, Course, deliver, discharges, known, offers, plans, run, set_up, sign
from tests.desk import rows

SLUGS = ("leap-day", "fifteen-digit", "stroke")
ODD = "update encounter set origins = '[]' where resident_id = :id"
"""No word of where a stay comes from: nobody can make a plan of it."""


async def offered(engine: AsyncEngine) -> list[UUID]:
    """Three who were discharged without an agreement and are signed by now, in the order of their ids."""
    await set_up(engine)
    found = []
    for at, slug in enumerate(SLUGS):
        found.append(await known(engine, slug))
        course = Course(slug=slug, serial=f"26000095{at}")
        await deliver(engine, [course.a01(), course.a03()])
    for resident in found:
        await sign(engine, resident)
    assert found == sorted(found)
    return found


async def tick(engine: AsyncEngine, follow: Discharges, now: datetime = NOW, most: int = 200) -> int:
    async with engine.begin() as connection:
        hand = Hand(connection=connection, by=TIME, role="time", now=now)
        done = await follow.catch_up(hand, most)
        await hand.write()
    return done


async def test_who_fails_keeps_nobody_else_from_their_plan_and_is_reported(engine: AsyncEngine) -> None:
    failing, *others = await offered(engine)
    [kept] = await rows(engine, "select origins::text as origins from encounter where resident_id = :id", id=failing)
    await run(engine, ODD, id=failing)
    follow = discharges()
    with capture_logs() as said:
        assert await tick(engine, follow) == 2
        assert await tick(engine, follow) == 0  # it is not tried each second
    assert {plan["resident_id"] for plan in await plans(engine)} == set(others)
    assert {offer["resident_id"]: offer["state"] for offer in await offers(engine)} == {
        failing: "open",
        **dict.fromkeys(others, "taken"),
    }
    [report] = [one for one in said if one["event"] == "follow-up-not-brought-up"]
    assert (report["resident"], report["fault"], report["log_level"]) == (str(failing), "IndexError", "error")
    assert not any(people()[slug].name in str(said) for slug in SLUGS)
    delivered = await rows(engine, "select subject from history where kind = 'plan'")
    assert {row["subject"] for row in delivered} == {plan["id"] for plan in await plans(engine)}
    again = NOW + FIRST_PAUSE
    assert await tick(engine, follow, again) == 0
    mend = "update encounter set origins = cast(:origins as jsonb) where resident_id = :id"
    await run(engine, mend, origins=kept["origins"], id=failing)
    assert await tick(engine, follow, again + FIRST_PAUSE) == 0  # it waits twice as long by now
    assert await tick(engine, follow, again + 2 * FIRST_PAUSE) == 1
    assert len(await plans(engine)) == 3


async def test_those_with_whom_it_fails_starve_nobody_behind_them(engine: AsyncEngine) -> None:
    first, second, third = await offered(engine)
    for resident in (first, second):
        await run(engine, ODD, id=resident)
    follow = discharges()
    assert [await tick(engine, follow, most=1) for _ in range(4)] == [0, 0, 1, 0]
    assert [plan["resident_id"] for plan in await plans(engine)] == [third]


async def test_a_database_that_goes_away_is_no_setback_of_anybody(
    engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    await offered(engine)
    follow, find_stays = discharges(), followups.find_stays

    async def cut_off(connection: AsyncConnection, residents: Sequence[UUID]) -> Any:
        own = await connection.scalar(text("select pg_backend_pid()"))
        async with engine.connect() as other:
            await other.execute(text("select pg_terminate_backend(:own)"), {"own": own})
        return await find_stays(connection, residents)

    with monkeypatch.context() as patch, capture_logs() as said:
        patch.setattr(followups, "find_stays", cut_off)
        with pytest.raises(DBAPIError):
            await tick(engine, follow)
    assert said == []
    assert follow.setbacks.waiting(NOW) == []
    assert await tick(engine, follow) == 3


def test_a_setback_lasts_twice_as_long_each_time_and_no_longer_than_an_hour() -> None:
    setbacks, key = Setbacks(), UUID(int=1)
    pauses = [setbacks.add(key, NOW).pause for _ in range(9)]
    assert pauses[:3] == [FIRST_PAUSE, 2 * FIRST_PAUSE, 4 * FIRST_PAUSE]
    assert pauses[-1] == LONGEST_PAUSE
    assert setbacks.waiting(NOW + LONGEST_PAUSE - timedelta(seconds=1)) == [key]
    assert setbacks.waiting(NOW + LONGEST_PAUSE) == []
    setbacks.forget(key)
    assert setbacks.add(key, NOW).pause == FIRST_PAUSE
