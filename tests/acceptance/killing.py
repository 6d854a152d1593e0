"""A rough day: a feed is sent while everything is killed, and in the end the record is held against the feed."""

import asyncio
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from random import Random
from typing import Any

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from hub.store import inbox
from tests.acceptance.feed import Ledger, Letter, send_all
from tests.acceptance.fleet import DATABASE, Fleet, fleet, is_there

FIRST_KILL, LAST_KILL = 0.05, 0.9
"""Of all steps of the load: each letter is acknowledged, which is one, and merged, which is another."""
LOOK_SECONDS = 0.05
ORPHAN_SECONDS = 20.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Day:
    """What happened: kills by what was killed, the senders' ledger, what the database holds in the end."""

    kills: Mapping[str, int]
    ledger: Ledger
    seconds: float
    held: Mapping[str, Any] = field(default_factory=dict)

    def said(self) -> str:
        """One line for whoever runs it."""
        kills = ", ".join(f"{name} {count}" for name, count in sorted(self.kills.items()))
        answers = ", ".join(f"{code} {count}" for code, count in sorted(self.ledger.other.items())) or "none"
        return (
            f"{len(self.ledger.acknowledged):,} messages acknowledged of {self.ledger.sent:,} sent in "
            f"{self.seconds:.0f} s; {sum(self.kills.values())} kills ({kills}); {self.ledger.broken} conversations "
            f"broken, answers but AA: {answers}; {self.held['repeats']:,} repeats known as such"
        )


async def rough_day(folder: Path, letters: Sequence[Letter], kills: Mapping[str, int], *, seed: int) -> Day:
    """Send the letters, kill as often as asked at random points of the load, wait until all is merged, look."""
    chance = Random(seed)
    ledger, began = Ledger(), time.monotonic()
    async with fleet(folder, seed) as (hub, engine):
        async with asyncio.TaskGroup() as group:
            group.create_task(send_all(letters, hub.mllp_port, ledger))
            group.create_task(_kill(hub, engine, ledger, len(letters), kills, chance))
        while await _merged(engine) < len(letters):
            await asyncio.sleep(LOOK_SECONDS)
        seconds = time.monotonic() - began
        await _check_orphans(hub)
        async with engine.connect() as connection:
            held = await _look(connection)
    return Day(kills=dict(hub.kills), ledger=ledger, seconds=seconds, held=held)


async def _kill(
    hub: Fleet, engine: AsyncEngine, ledger: Ledger, count: int, kills: Mapping[str, int], chance: Random
) -> None:
    """Kill in random order at random steps of the load; those that fall together come one after the other."""
    victims = [name for name, times in kills.items() for _ in range(times)]
    chance.shuffle(victims)
    due = sorted(chance.uniform(FIRST_KILL, LAST_KILL) * 2 * count for _ in victims)
    merged = 0
    for victim, step in zip(victims, due, strict=True):
        while len(ledger.acknowledged) + (merged := max(merged, await _merged(engine))) < step:
            await asyncio.sleep(LOOK_SECONDS * chance.random())
        await hub.kill(victim)


async def _merged(engine: AsyncEngine) -> int:
    """How many messages are merged; 0 while the database is away."""
    with suppress(DBAPIError, OSError):
        async with engine.connect() as connection:
            return int(await connection.scalar(text("select count(*) from fate where fate = 'merged'")) or 0)
    return 0


async def _check_orphans(hub: Fleet) -> None:
    """What a killed process had started must end by itself."""
    left = set(chain.from_iterable(process.orphans for process in hub.processes.values()))
    deadline = time.monotonic() + ORPHAN_SECONDS
    while left := {process_id for process_id in left if is_there(process_id)}:
        assert time.monotonic() < deadline, f"{len(left)} processes outlived the hub that had started them"
        await asyncio.sleep(0.1)


_OF_WHOM = """
    select {number}, n.value from {table} e
    join resident_number n on n.resident_id = e.resident_id and n.kind = 'citizen-id'
"""
_COUNTS = {
    "repeats": "select coalesce(sum(repeats), 0) from control",
    "parked steps": "select count(*) from message_step where step = 'parked'",
    "present residents": "select count(*) from resident where replaced_by is null",
    "facts": "select count(*) from fact",
    "different facts": "select count(*) from "
    "(select distinct patient_id, kind, key, content_hash, event_at from fact) as said",
    "results said twice": "select count(*) from (select from fact where kind in ('Observation', 'DiagnosticReport') "
    "group by kind, key having count(*) > 1) as twice",
    "silent messages": "select count(*) from message m where kind not like 'ADT^A40%' "
    "and not exists (select from fact f where f.message_id = m.id)",
    "bodiless messages": "select count(*) from message m where not exists (select from body where message_id = m.id)",
}


async def _look(connection: AsyncConnection) -> dict[str, Any]:
    held: dict[str, Any] = {name: await connection.scalar(text(query)) for name, query in _COUNTS.items()}
    rows = await connection.execute(
        text(
            "select control_id, raw, fate, attempts from message m join body on message_id = m.id join fate on "
            "fate.message_id = m.id"
        )
    )
    held["messages"] = Counter((row.control_id, bytes(row.raw), row.fate, row.attempts) for row in rows)
    for table, number in (("encounter", "visit_number"), ("report", "report_number")):
        found = await connection.execute(text(_OF_WHOM.format(table=table, number=number)))
        held[table] = Counter((value, whose) for value, whose in found)
    found = await connection.execute(text(_OF_WHOM.format(table="observation", number="count(*)") + " group by 2"))
    held["observation"] = {whose: count for count, whose in found}
    assert await inbox.count_waiting(connection) == 0
    return held


def check_day(day: Day, letters: Sequence[Letter]) -> None:
    """Every acknowledged message is there once, merged once, and the record holds once what it said, of the right
    person."""
    held = day.held
    assert set(day.ledger.acknowledged) == {letter.control_id for letter in letters}
    assert held["messages"] == Counter((letter.control_id, letter.body, "merged", 1) for letter in letters)
    assert held["parked steps"] == held["silent messages"] == held["bodiless messages"] == 0
    assert held["facts"] == held["different facts"]
    assert held["results said twice"] == 0
    said = set(chain.from_iterable(letter.entries for letter in letters))
    for table in ("encounter", "report"):
        assert held[table] == Counter((number, whose) for kind, whose, number in said if kind == table)
    assert held["observation"] == Counter(whose for kind, whose, _ in said if kind == "observation")
    assert held["present residents"] == len({whose for _, whose, _ in said})
    assert held["repeats"] <= day.ledger.sent - len(letters)


EVERYTHING = ("door", "worker-1", "worker-2", DATABASE)
"""All that can be killed."""
