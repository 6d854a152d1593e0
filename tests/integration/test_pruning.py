"""Retention: merged bytes go month by month, what may still be needed stays, and a witness of all of it remains."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from hub.ids import first_id_at, made_at
from hub.message import Source
from hub.pruning import cuts_for, prune
from hub.store import retention
from hub.store.database import open_engine
from tests.conftest import Urls
from tests.desk import rows, sources
from tests.integration.test_inbox import came, keep

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


async def keep_at(engine: AsyncEngine, database: Urls, moment: datetime, source: str, fate: str) -> UUID:
    """A message as if it had been kept then. Only the owner may write a past."""
    (kept,) = await keep(engine, came(f"{moment} {source} {fate}", "x", source=source))
    past = UUID(int=first_id_at(moment).int + (kept.id.int & 0xFFFF_FFFF))
    owner = open_engine(database.owner, size=1, role="")
    async with owner.begin() as connection:
        given = {"new": past, "old": kept.id, "fate": fate}
        for statement in (
            """insert into message select :new, source, transport, format, kind, control_id, received_at, size
               from message where id = :old""",
            "update body set message_id = :new where message_id = :old",
            "update control set message_id = :new where message_id = :old",
            "update fate set message_id = :new, fate = :fate where message_id = :old",
            "delete from message where id = :old",
        ):
            await connection.execute(text(statement), {k: v for k, v in given.items() if f":{k}" in statement})
    await owner.dispose()
    return past


def keeping(**days: int) -> list[Source]:
    return [replace(source, retention_days=days.get(name.partition("-")[0], 0)) for name, source in sources().items()]


async def left(engine: AsyncEngine) -> set[UUID]:
    return {row["message_id"] for row in await rows(engine, "select message_id from body")}


async def test_merged_bytes_go_after_their_sources_days_and_the_rest_stays(engine: AsyncEngine, database: Urls) -> None:
    at = NOW - timedelta(days=20)
    gone = await keep_at(engine, database, at, "renmin-his", "merged")
    parked = await keep_at(engine, database, at, "renmin-his", "parked")
    waiting = await keep_at(engine, database, at, "renmin-his", "kept")
    other = await keep_at(engine, database, at, "zhongyi-his", "merged")
    young = await keep_at(engine, database, NOW - timedelta(days=9), "renmin-his", "merged")
    cuts = cuts_for(keeping(renmin=10), 30, NOW)
    told = await prune(database.owner, cuts, NOW, only_count=True)
    assert [(one.month, one.messages, one.is_dropped) for one in told] == [("body_202610", 1, False)]
    assert gone in await left(engine)
    (freed,) = await prune(database.owner, cuts, NOW)
    assert (freed.messages, freed.size) == (1, told[0].size)
    assert await left(engine) == {parked, waiting, other, young}
    assert len(await rows(engine, "select id from message")) == 5
    assert await prune(database.owner, cuts, NOW) == []


async def test_a_month_with_nothing_left_is_dropped_and_the_months_ahead_are_made(
    engine: AsyncEngine, database: Urls
) -> None:
    await keep_at(engine, database, NOW - timedelta(days=25), "renmin-his", "merged")
    later = NOW + timedelta(days=800)
    freed = await prune(database.owner, cuts_for([], 30, later), later)
    assert [one.month for one in freed if one.messages] == ["body_202610"]
    assert all(one.is_dropped for one in freed)
    owner = open_engine(database.owner, size=1, role="")
    async with owner.connect() as connection:
        months = await retention.list_months(connection)
    await owner.dispose()
    assert max(made_at(month.end) for month in months if month.end) > later + timedelta(days=700)
    assert all(month.begin is None or made_at(month.begin) >= NOW for month in months)
    await keep(engine, came("1", "now"))
    assert len(await left(engine)) == 1


async def test_without_days_everything_is_kept_for_ever(engine: AsyncEngine, database: Urls) -> None:
    await keep_at(engine, database, NOW - timedelta(days=25), "renmin-his", "merged")
    assert await prune(database.owner, cuts_for([], 0, NOW), NOW + timedelta(days=9000)) == []


async def test_a_control_id_is_forgotten_with_the_bytes(engine: AsyncEngine, database: Urls) -> None:
    await keep_at(engine, database, NOW - timedelta(days=25), "renmin-his", "merged")
    await prune(database.owner, cuts_for([], 10, NOW), NOW)
    assert await rows(engine, "select * from control") == []


@pytest.mark.parametrize("moment", [NOW, datetime(2026, 1, 1, tzinfo=UTC), datetime(1970, 1, 1, tzinfo=UTC)])
def test_an_id_tells_when_it_was_made(moment: datetime) -> None:
    assert made_at(first_id_at(moment)) == moment
