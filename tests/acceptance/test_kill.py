"""The kill between any two lines: what was acknowledged is there, and merged exactly once."""

import asyncio
import random
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from fixtures.county import crowd, write_adt, write_oru
from fixtures.county.clinic import Order, at, panel
from fixtures.senders import NoAnswer, send_mllp
from hub.store import inbox
from tests.acceptance.feed import write_feed
from tests.acceptance.hub_process import HubProcess, serving
from tests.acceptance.killing import check_day, rough_day
from tests.conftest import Urls

PEOPLE = 150
LETTERS, LINES = 1_500, 6
KILLS = {"door": 1, "worker-1": 1, "worker-2": 1, "postgres": 2}


def _messages() -> list[bytes]:
    """An admission and a laboratory report for each of a crowd."""
    found = []
    for number, person in enumerate(crowd(PEOPLE, seed=11)):
        found.append(write_adt("renmin-his", person, "A01", control_id=f"K{number}A", at=at("2026-03-01T08:30")))
        results = panel("metabolic", person, "renmin-his")
        order = Order(
            filler=f"K{number}",
            code="SH",
            text="生化",
            collected_at=at("2026-03-01T09:00"),
            reported_at=at("2026-03-01T11:00"),
        )
        found.append(write_oru("renmin-his", person, order, results, control_id=f"K{number}R"))
    return found


async def _finish(engine: AsyncEngine) -> None:
    async with engine.connect() as connection:
        while await inbox.count_waiting(connection):
            await connection.rollback()
            await asyncio.sleep(0.02)


async def test_a_worker_killed_between_keep_and_merge_merges_each_message_exactly_once(
    engine: AsyncEngine, database: Urls, tmp_path: Path
) -> None:
    messages = _messages()
    with serving(tmp_path / "door", database.application, "mllp") as door:
        acks = await send_mllp("127.0.0.1", door.mllp_port, messages, pipelined=True)
    assert {ack.code for ack in acks} == {"AA"}
    async with engine.connect() as connection:
        assert await inbox.count_waiting(connection) == len(messages)

    chance = random.Random(5)
    kills = 0
    for number in range(4):
        with serving(tmp_path / f"worker-{number}", database.application, "worker") as worker:
            await _let_it_work(engine, chance.randrange(20, 80))
            worker.kill()
            kills += 1
    with serving(tmp_path / "last", database.application, "worker"):
        await _finish(engine)

    async with engine.connect() as connection:
        counted = await connection.execute(text("select fate, count(*) from fate group by 1"))
        fates = {row[0]: row[1] for row in counted}
        twice = await connection.scalar(
            text(
                "select count(*) from (select from fact group by message_id, path, kind having count(*) > 1) as doubled"
            )
        )
        silent = await connection.scalar(
            text("select count(*) from message m where not exists (select from fact f where f.message_id = m.id)")
        )
    assert kills == 4
    assert fates == {"merged": len(messages)}
    assert (twice, silent) == (0, 0)


async def _let_it_work(engine: AsyncEngine, most: int) -> None:
    """Return while a batch is under way: as soon as some, and not all, of the messages are settled."""
    async with engine.connect() as connection:
        before = await inbox.count_waiting(connection)
        while before - await inbox.count_waiting(connection) < min(most, before):
            await connection.rollback()
            await asyncio.sleep(0.002)


async def test_what_was_acknowledged_before_a_kill_is_there_after_it(
    engine: AsyncEngine, database: Urls, tmp_path: Path
) -> None:
    messages = _messages()
    with serving(tmp_path / "first", database.application) as hub:
        acknowledged = await _send_until_killed(hub, messages)
    assert acknowledged
    with serving(tmp_path / "second", database.application) as hub:
        await send_mllp("127.0.0.1", hub.mllp_port, messages, pipelined=True)  # the sender sends all again
        await _finish(engine)
    async with engine.connect() as connection:
        kept = {bytes(raw) for (raw,) in await connection.execute(text("select raw from body"))}
        open_ = await connection.scalar(text("select count(*) from fate where fate <> 'merged'"))
        once = await connection.scalar(
            text("select count(*) from (select distinct patient_id, kind, key, event_at from fact) as f")
        )
        facts = await connection.scalar(text("select count(*) from fact"))
    assert set(acknowledged) <= kept
    assert open_ == 0
    assert facts == once, "sending again must not say anything twice"


async def _send_until_killed(hub: HubProcess, messages: list[bytes]) -> list[bytes]:
    acknowledged: list[bytes] = []
    for number, body in enumerate(messages):
        if number == len(messages) // 2:
            hub.kill()
        try:
            (ack,) = await send_mllp("127.0.0.1", hub.mllp_port, [body], seconds=5)
        except (NoAnswer, OSError):
            break
        assert ack.code == "AA"
        acknowledged.append(body)
    return acknowledged


@pytest.mark.bench
async def test_each_acknowledged_message_is_merged_exactly_once_whatever_is_killed(tmp_path: Path) -> None:
    letters = write_feed(LETTERS, lines=LINES)
    day = await rough_day(tmp_path, letters, KILLS, seed=29)
    print(day.said())
    check_day(day, letters)
    assert day.kills == KILLS
