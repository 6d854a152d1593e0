"""The watcher sees each thing that it watches begin once and end once, whoever else watches and whoever fails."""

import asyncio
import shutil
from collections import namedtuple
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import insert, text, update
from sqlalchemy.ext.asyncio import AsyncEngine

from hub.alerting import Watcher
from hub.alerts import Kind, Thresholds, load_thresholds
from hub.alerts.thresholds import Lag, Queue
from hub.ids import first_id_at
from hub.store import alerts as stored
from hub.tables import database_size, fate, message
from tests.desk import rows

NOW = datetime.now(UTC).replace(microsecond=0)
MINUTE = timedelta(minutes=1)
WEEK = timedelta(weeks=1)
RULES = load_thresholds(None)
SOURCES = ("a", "b")
_RANDOM = Random(20261122)
Usage = namedtuple("Usage", "total used free")


def only(*kinds: Kind, rules: Thresholds = RULES) -> Thresholds:
    return replace(rules, kinds=frozenset(kinds))


class Clock:
    """The time that a watcher is told."""

    def __init__(self, now: datetime = NOW) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now


def watcher(engine: AsyncEngine, thresholds: Thresholds, clock: Clock, **more: Any) -> Watcher:
    return Watcher(engine, lambda: SOURCES, thresholds, Path("/"), {"key": "https://a.test"}, now=clock, **more)


async def say(engine: AsyncEngine, moments: Iterable[datetime], fated: str = "merged", source: str = "a") -> list[UUID]:
    """Messages as if they had come then. Returns their ids."""
    ids = [UUID(int=first_id_at(at).int | _RANDOM.getrandbits(60)) for at in moments]
    came = {"transport": "mllp", "format": "hl7v2", "size": 3, "kind": "", "control_id": "", "source": source}
    refusal = {"code": "wrong-charset", "where": "", "given": {}} if fated == "parked" else None
    async with engine.begin() as connection:
        await connection.execute(
            insert(message), [{**came, "id": key, "received_at": at} for key, at in zip(ids, moments, strict=True)]
        )
        await connection.execute(insert(fate), [{"message_id": key, "fate": fated, "refusal": refusal} for key in ids])
    return ids


async def settle(engine: AsyncEngine, ids: Sequence[UUID], fated: str = "merged") -> None:
    async with engine.begin() as connection:
        await connection.execute(update(fate).where(fate.c.message_id.in_(ids)).values(fate=fated, refusal=None))


async def looks(watching: Watcher, clock: Clock, minutes: int) -> list[tuple[str, str, str]]:
    """What is told while somebody looks every half a minute."""
    told = []
    for _ in range(minutes * 2):
        told += [(one.kind.value, one.source, "ended" if one.until else "began") for one in await watching.look()]
        clock.now += MINUTE / 2
    return told


async def test_a_source_that_falls_silent_calls_once_and_once_when_it_speaks_again(engine: AsyncEngine) -> None:
    quiet_since = NOW - 50 * MINUTE
    paced = [quiet_since - number * 10 * MINUTE for number in range(3 * 7 * 24 * 6)]
    await say(engine, sorted(paced))
    clock = Clock()
    watching = watcher(engine, only(Kind.SILENCE), clock)
    assert await looks(watching, clock, 9) == []  # weeks are learned by and by; 59 minutes are no hour
    assert await looks(watching, clock, 120) == [("silence", "a", "began")]
    await say(engine, [clock.now])
    assert await looks(watching, clock, 4) == []
    assert await looks(watching, clock, 10) == [("silence", "a", "ended")]
    hours = await rows(engine, "select count(*) as n, min(hour) as first from source_hour where source = 'a'")
    assert hours[0]["n"] >= 3 * 7 * 24 - 1


async def test_a_source_that_is_always_quiet_at_that_hour_calls_nobody(engine: AsyncEngine) -> None:
    last = NOW - 90 * MINUTE
    moments = [last - week * WEEK - number * 10 * MINUTE for week in range(4) for number in range(6)]
    await say(engine, sorted(moments))
    clock = Clock()
    assert await looks(watcher(engine, only(Kind.SILENCE), clock), clock, 60) == []


async def test_a_source_whose_messages_are_parked_calls_with_the_commonest_reason(engine: AsyncEngine) -> None:
    clock = Clock()
    watching = watcher(engine, only(Kind.FAILURES), clock)
    await say(engine, [NOW - number * MINUTE / 4 for number in range(30, 14, -1)])
    parked = await say(engine, [NOW - number * MINUTE / 4 for number in range(4, 0, -1)], "parked")
    await say(engine, [NOW - number * MINUTE / 4 for number in range(4, 0, -1)], "parked", source="b")  # too few
    assert await looks(watching, clock, 3) == [("failures", "a", "began")]
    (alert,) = await rows(engine, "select * from alert")
    assert alert["given"] == {"source": "a", "parked": "4", "messages": "20", "code": "wrong-charset"}
    await settle(engine, parked)
    assert await looks(watching, clock, 10) == [("failures", "a", "ended")]


async def test_messages_that_wait_too_long_call_once_for_the_hub(engine: AsyncEngine) -> None:
    clock = Clock()
    watching = watcher(engine, only(Kind.LAG), clock)
    waiting = [*await say(engine, [NOW - 6 * MINUTE], "kept"), *await say(engine, [NOW - 9 * MINUTE], "kept", "b")]
    assert await looks(watching, clock, 2) == [("lag", "", "began")]
    (alert,) = await rows(engine, "select given from alert")
    assert (alert["given"]["source"], alert["given"]["minutes"]) == ("b", "9")
    await settle(engine, waiting)
    assert await looks(watching, clock, 10) == [("lag", "", "ended")]


async def test_a_long_queue_calls(engine: AsyncEngine) -> None:
    clock = Clock()
    rules = replace(RULES, queue=Queue(begin=3, end=2), lag=Lag(begin_minutes=5, end_minutes=1))
    watching = watcher(engine, only(Kind.QUEUE, rules=rules), clock)
    waiting = await say(engine, [NOW - number * MINUTE / 60 for number in range(3)], "kept")
    assert await looks(watching, clock, 1) == [("queue", "", "began")]
    await settle(engine, waiting[:1])
    assert await looks(watching, clock, 10) == []
    await settle(engine, waiting)
    assert await looks(watching, clock, 10) == [("queue", "", "ended")]


async def test_a_disk_that_fills_calls(engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    used = [0]
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(100, used[0], 100 - used[0]))
    clock = Clock()
    watching = watcher(engine, only(Kind.DISK), clock)
    told = []
    for used[0] in (89, 90, 86, 84):
        told.append(await looks(watching, clock, 10))
    assert told == [[], [("disk", "", "began")], [], [("disk", "", "ended")]]


async def test_a_database_that_grows_too_fast_calls(engine: AsyncEngine) -> None:
    clock = Clock()
    watching = watcher(engine, only(Kind.GROWTH), clock)
    assert await looks(watching, clock, 1) == []
    async with engine.begin() as connection:
        given = {"at": NOW - timedelta(days=1, hours=1), "bytes": -30 * 2**30}
        await connection.execute(insert(database_size), given)
    assert await looks(watching, clock, 1) == [("growth", "", "began")]
    async with engine.begin() as connection:
        await connection.execute(text("update database_size set bytes = 1 where bytes < 0"))
    assert await looks(watching, clock, 10) == [("growth", "", "ended")]


async def test_what_is_not_watched_calls_nobody(engine: AsyncEngine) -> None:
    await say(engine, [NOW - 60 * MINUTE], "kept")
    clock = Clock()
    assert await looks(watcher(engine, only(), clock), clock, 5) == []


async def test_two_who_watch_at_once_tell_once(engine: AsyncEngine) -> None:
    await say(engine, [NOW - 60 * MINUTE], "kept")
    clock = Clock()
    watching = [watcher(engine, only(Kind.LAG), clock) for _ in range(6)]
    found = await asyncio.gather(*(one.look() for one in watching * 5))
    assert sum(len(told) for told in found) == 1
    assert len(await rows(engine, "select * from alert_notice")) == 1


async def test_a_restart_tells_nothing_again(engine: AsyncEngine) -> None:
    await say(engine, [NOW - 60 * MINUTE], "kept")
    clock = Clock()
    told = []
    for _ in range(4):
        told += await looks(watcher(engine, only(Kind.LAG), clock), clock, 1)
    assert told == [("lag", "", "began")]


async def test_an_alert_and_what_is_told_of_it_are_written_together_or_not_at_all(
    engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    await say(engine, [NOW - 60 * MINUTE], "kept")
    clock = Clock()
    watching = watcher(engine, only(Kind.LAG), clock)
    whole = stored.save_notice

    async def fail(*_: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(stored, "save_notice", fail)
    with pytest.raises(ZeroDivisionError):
        await watching.look()
    assert await rows(engine, "select * from alert") == []
    monkeypatch.setattr(stored, "save_notice", whole)
    assert await looks(watching, clock, 1) == [("lag", "", "began")]
    (delivery,) = await rows(engine, "select * from alert_delivery")
    assert (delivery["state"], delivery["place"]) == ("waiting", "https://a.test")


async def test_a_look_that_fails_does_not_end_the_watch(engine: AsyncEngine) -> None:
    await say(engine, [NOW - 60 * MINUTE], "kept")
    failures = iter([True, True])

    def sources() -> Sequence[str]:
        if next(failures, False):
            raise ZeroDivisionError
        return SOURCES

    watching = Watcher(engine, sources, only(Kind.LAG), Path("/"), {}, every_seconds=0.01)
    watching.start()
    async with asyncio.timeout(20):
        while not await rows(engine, "select * from alert"):
            await asyncio.sleep(0.02)
    assert watching.is_alive
    await watching.stop()
    assert not watching.is_alive


async def test_a_source_whose_profile_is_gone_leaves_no_alert_open(engine: AsyncEngine) -> None:
    parked = [NOW - number * MINUTE / 4 for number in range(20, 0, -1)]
    await say(engine, parked, "parked")
    clock = Clock()
    assert len(await looks(watcher(engine, only(Kind.FAILURES), clock), clock, 1)) == 1
    without = Watcher(engine, lambda: (), only(Kind.FAILURES), Path("/"), {}, now=clock)
    assert await looks(without, clock, 10) == [("failures", "a", "ended")]
    (alert,) = await rows(engine, "select * from alert")
    assert not alert["is_recovered"]
