"""The watcher over a real database: whatever goes bad is told once when it begins and once when it is over."""

import asyncio
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import orjson
import pytest
from sqlalchemy import insert, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from hub.alerting import Watcher
from hub.alerts import Kind, Thresholds, load_thresholds
from hub.alerts.thresholds import Growth, Queue
from hub.ids import first_id_at
from hub.message import Source
from hub.store import alerts as stored
from hub.store import deliveries, watermarks
from hub.store.alerts import count_open
from hub.tables import database_size, fate, message
from tests.desk import rows, sources
from tests.integration.api.test_reading import counting

NOW = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
HIS, FHIR = "renmin-his", "erke-fhir"
PLACES = {"r1": "https://a.example", "r2": "https://b.example"}
GIB = 2**30
_NUMBERS = count(1)


async def come(engine: AsyncEngine, times: Iterable[datetime], *, source: str = HIS, ended: str = "merged") -> None:
    """Messages as if they had come then, and had ended so."""
    came = {"source": source, "transport": "mllp", "format": "hl7v2", "kind": "ADT^A01", "control_id": "1", "size": 3}
    ids = [(UUID(int=first_id_at(at).int + next(_NUMBERS)), at) for at in times]
    refusal = {"code": "no-patient", "where": "PID", "given": {}} if ended == "parked" else None
    async with engine.begin() as connection:
        await connection.execute(insert(message), [{**came, "id": key, "received_at": at} for key, at in ids])
        fates = [{"message_id": key, "fate": ended, "refusal": refusal, "changed_at": at} for key, at in ids]
        await connection.execute(insert(fate), fates)


async def merge(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        await connection.execute(text("update fate set fate = 'merged', refusal = null"))


def every(step: timedelta, since: datetime, until: datetime) -> list[datetime]:
    return [since + step * number for number in range((until - since) // step)]


async def awake(engine: AsyncEngine, since: datetime, until: datetime) -> None:
    """Somebody has looked all that time."""
    async with engine.begin() as connection:
        await watermarks.save_watermark(connection, "", "alerts-awake-since", since.isoformat())
        await watermarks.save_watermark(connection, "", "alerts-looked", until.isoformat())


class Watch:
    """A watcher whose clock is the test's, and what it told."""

    def __init__(self, engine: AsyncEngine, home: Path, thresholds: Thresholds, *names: str) -> None:
        self.engine, self.home, self.thresholds = engine, home, thresholds
        self.now = NOW
        self.known: Mapping[str, Source] = {name: sources()[name] for name in names or (HIS, FHIR)}
        self.told: list[str] = []
        self.is_awake = False
        self.restart()

    def restart(self) -> None:
        """Another process, which knows what is in the database and nothing else."""
        self.watcher = Watcher(
            self.engine, lambda: self.known, self.thresholds, self.home, PLACES, now=lambda: self.now
        )

    async def look(self, minutes: float = 0, step: float = 5, *, anew: bool = False) -> list[str]:
        """Look now and on, for so many minutes: what was told, as minute after NOW and words."""
        until, found = self.now + MINUTE * minutes, []
        if not self.is_awake:
            await awake(self.engine, since=NOW - 400 * DAY, until=self.now)
            self.is_awake = True
        while True:
            if anew:
                self.restart()
            for one in await self.watcher.look():
                word = "began" if one.until is None else "over" if one.is_recovered else "closed"
                found.append(f"{(self.now - NOW) // MINUTE} {one.kind.value} {one.source or '-'} {word}")
            if self.now >= until:
                self.told += found
                return found
            self.now += MINUTE * step


def only(*kinds: Kind, **changed: Any) -> Thresholds:
    return replace(load_thresholds(None), kinds=frozenset(kinds), **changed)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path


async def notices(engine: AsyncEngine) -> list[dict[str, Any]]:
    """The bodies of what is to be delivered, each with how many receivers it is for."""
    query = """select n.body, n.id, (select count(*) from alert_delivery d where d.notice_id = n.id) as receivers
               from alert_notice n order by n.id"""
    found = await rows(engine, query)
    assert all(orjson.loads(row["body"])["id"] == str(row["id"]) for row in found)
    return [{**orjson.loads(row["body"]), "receivers": row["receivers"]} for row in found]


# -- silence -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("anew", [False, True])
async def test_a_source_that_falls_silent_is_told_of_once_until_its_next_message(
    engine: AsyncEngine, home: Path, anew: bool
) -> None:
    await come(engine, every(30 * MINUTE, NOW - 30 * DAY, NOW + MINUTE))
    watch = Watch(engine, home, only(Kind.SILENCE))
    last = NOW - 30 * MINUTE
    assert await watch.look(240, anew=anew) == [f"{(last + 60 * MINUTE - NOW) // MINUTE} silence {HIS} began"]
    await come(engine, [NOW + 238 * MINUTE])
    assert await watch.look(30, anew=anew) == [f"245 silence {HIS} over"]
    began, over = await notices(engine)
    assert (began["event"], began["source"], began["threshold"], began["receivers"]) == ("began", HIS, 3600, 2)
    assert (over["event"], over["recovered"], over["alert"]) == ("ended", True, began["alert"])


async def test_a_night_without_messages_is_no_silence_but_a_morning_without_is(engine: AsyncEngine, home: Path) -> None:
    local = sources()[HIS].time_zone
    by_day = [at for at in every(15 * MINUTE, NOW - 30 * DAY, NOW + DAY) if 8 <= at.astimezone(local).hour < 18]
    broke = datetime(2026, 11, 24, 8, 0, tzinfo=local)
    await come(engine, [at for at in by_day if at < broke])
    watch = Watch(engine, home, only(Kind.SILENCE))
    told = await watch.look((broke + timedelta(hours=4) - NOW) / MINUTE, step=10)
    assert [line.split(" ", 1)[1] for line in told] == [f"silence {HIS} began"]
    minute = int(told[0].split()[0])
    assert broke + timedelta(hours=1) <= NOW + minute * MINUTE <= broke + timedelta(hours=1, minutes=15)


async def test_a_silence_of_a_source_that_is_taken_out_is_closed(engine: AsyncEngine, home: Path) -> None:
    await come(engine, every(30 * MINUTE, NOW - 30 * DAY, NOW))
    watch = Watch(engine, home, only(Kind.SILENCE))
    assert await watch.look(60) == [f"30 silence {HIS} began"]
    watch.known = {}
    assert await watch.look(30) == [f"65 silence {HIS} closed"]


async def test_a_source_that_never_sent_or_only_began_to_is_not_silent(engine: AsyncEngine, home: Path) -> None:
    await come(engine, every(MINUTE, NOW - timedelta(hours=30), NOW - timedelta(hours=6)))
    assert await Watch(engine, home, only(Kind.SILENCE)).look(120) == []


async def test_what_is_learned_of_a_source_is_what_it_sent(engine: AsyncEngine) -> None:
    times = [NOW - DAY + MINUTE * minute for minute in (0, 10, 50, 200, 205, 23 * 60 + 59)]
    await come(engine, times)
    async with engine.begin() as connection:
        assert await stored.learn(connection, HIS, NOW + 3 * MINUTE, weeks=4)
        assert not await stored.learn(connection, HIS, NOW + 3 * MINUTE, weeks=4)
        assert len(await stored.list_hours(connection, HIS)) == 23, "the last hour is still too fresh"
        assert await stored.learn(connection, HIS, NOW + 5 * MINUTE, weeks=4)
        found = await stored.list_hours(connection, HIS)
    assert [one.at for one in found] == every(timedelta(hours=1), NOW - DAY, NOW)
    assert [(n, one.messages) for n, one in enumerate(found) if one.messages] == [(0, 3), (3, 2), (23, 1)]
    assert (found[0].first_at, found[0].last_at, found[0].longest) == (times[0], times[2], 40 * MINUTE)
    async with engine.begin() as connection:
        await stored.learn(connection, HIS, NOW + 40 * DAY, weeks=1)
        found = await stored.list_hours(connection, HIS)
    assert found[0].at == NOW + 32 * DAY, "what is old is forgotten"
    assert not any(one.messages for one in found)


# -- failures ----------------------------------------------------------------------------------------------------------


async def test_failing_messages_are_told_of_once_until_few_fail(engine: AsyncEngine, home: Path) -> None:
    watch = Watch(engine, home, only(Kind.FAILURES))
    await come(engine, every(10 * timedelta(seconds=1), NOW - 10 * MINUTE, NOW - 5 * MINUTE))
    assert await watch.look(2, step=1) == []
    await come(engine, every(10 * timedelta(seconds=1), NOW - 5 * MINUTE, NOW), ended="parked")
    assert await watch.look(10, step=1) == [f"2 failures {HIS} began"]
    assert await watch.look(60) == [], "nothing else came: its last messages are still these"
    await come(engine, every(timedelta(seconds=1), NOW + 73 * MINUTE, NOW + 78 * MINUTE))
    watch.now = NOW + 78 * MINUTE
    assert await watch.look(30, step=1) == [f"83 failures {HIS} over"]
    (began, _) = await notices(engine)
    assert "30 of the last 60 messages" in began["sentence"]["en"]
    assert "no-patient" in began["sentence"]["zh"]


async def test_what_waits_to_be_merged_says_nothing_of_failures(engine: AsyncEngine, home: Path) -> None:
    watch = Watch(engine, home, only(Kind.FAILURES))
    await come(engine, every(timedelta(seconds=10), NOW - 5 * MINUTE, NOW), ended="parked")
    assert await watch.look() == [f"0 failures {HIS} began"]
    await come(engine, every(timedelta(seconds=1), NOW - 5 * MINUTE, NOW), ended="kept")
    assert await watch.look(10, step=1) == []


async def test_few_messages_of_a_day_are_judged_by_the_last_of_them(engine: AsyncEngine, home: Path) -> None:
    watch = Watch(engine, home, only(Kind.FAILURES))
    await come(engine, every(timedelta(hours=1), NOW - 20 * timedelta(hours=1), NOW), ended="parked")
    assert await watch.look() == [f"0 failures {HIS} began"]
    watch.now = NOW + DAY
    assert await watch.look(10) == [f"1445 failures {HIS} closed"], "too few of a day say nothing"


# -- the hub itself ----------------------------------------------------------------------------------------------------


async def test_merging_that_lags_is_told_of_once_until_it_has_caught_up(engine: AsyncEngine, home: Path) -> None:
    now = datetime.now(UTC)  # how long messages have waited is reckoned by the database's clock
    for name in (HIS, FHIR):
        await come(engine, [now - 6 * MINUTE], source=name, ended="kept")
    watch = Watch(engine, home, only(Kind.LAG))
    assert await watch.look(60) == ["0 lag - began"], "one for the hub, not one for each source"
    await merge(engine)
    assert await watch.look(30) == ["65 lag - over"]


async def test_a_long_queue_is_told_of_once_until_it_is_short(engine: AsyncEngine, home: Path) -> None:
    watch = Watch(engine, home, only(Kind.QUEUE, queue=Queue(begin=10, end=5)))
    await come(engine, [NOW] * 6, ended="kept")
    assert await watch.look(10) == []
    await come(engine, [NOW] * 4, source=FHIR, ended="kept")
    assert await watch.look(30) == ["10 queue - began"]
    await merge(engine)
    assert await watch.look(30) == ["45 queue - over"]


def fill(monkeypatch: pytest.MonkeyPatch, share: float) -> None:
    usage = SimpleNamespace(total=1000, used=round(share * 1000), free=1000 - round(share * 1000))
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)


async def test_a_disk_that_fills_is_told_of_once_until_there_is_room(
    engine: AsyncEngine, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch = Watch(engine, home, only(Kind.DISK))
    for share, minutes, expected in ((0.89, 10, []), (0.91, 30, ["10 disk - began"]), (0.86, 30, [])):
        fill(monkeypatch, share)
        assert await watch.look(minutes) == expected
    fill(monkeypatch, 0.5)
    assert await watch.look(30) == ["75 disk - over"]


async def test_a_database_that_grows_fast_is_told_of_once_until_it_grows_slowly(
    engine: AsyncEngine, home: Path
) -> None:
    watch = Watch(engine, home, only(Kind.GROWTH, growth=Growth(begin_gib=2, end_gib=1)))
    assert await watch.look(60, step=30) == [], "it has not been measured for a day"
    watch.now = NOW + 2 * DAY
    async with engine.begin() as connection:
        await connection.execute(insert(database_size).values(at=NOW + DAY, bytes=-3 * GIB))
    assert await watch.look(120, step=30) == ["2880 growth - began"]
    watch.now = NOW + 3 * DAY + timedelta(hours=2)
    assert await watch.look(60) == ["4445 growth - over"]


async def test_only_the_kinds_that_the_site_names_are_watched(
    engine: AsyncEngine, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(monkeypatch, 0.99)
    assert await Watch(engine, home, only()).look() == []
    watch = Watch(engine, home, only(Kind.DISK))
    await watch.look()
    watch.thresholds = only(Kind.QUEUE)
    watch.restart()
    assert await watch.look(10) == ["5 disk - closed"]


# -- once --------------------------------------------------------------------------------------------------------------


async def test_of_watchers_that_look_at_once_one_tells(
    engine: AsyncEngine, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    watches = [Watch(engine, home, only(Kind.DISK)) for _ in range(4)]
    for share, expected in ((0.99, 1), (0.1, 1)):
        fill(monkeypatch, share)
        told: list[str] = []
        for number in range(20):
            for watch in watches:
                watch.now = NOW + MINUTE * (number + 60 * (share < 0.5))
            for found in await asyncio.gather(*(watch.look() for watch in watches)):
                told += found
        assert len(told) == expected
    assert [one["event"] for one in await notices(engine)] == ["began", "ended"]


async def test_a_restart_tells_nothing_twice(engine: AsyncEngine, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    watch = Watch(engine, home, only(Kind.DISK, Kind.FAILURES))
    await come(engine, every(timedelta(seconds=10), NOW - 5 * MINUTE, NOW), ended="parked")
    for share in (0.95, 0.5, 0.95, 0.5):
        fill(monkeypatch, share)
        await watch.look(20, step=2, anew=True)
    disk = [line.split(" ", 1)[1] for line in watch.told if "disk" in line]
    assert disk == ["disk - began", "disk - over"] * 2
    assert len([line for line in watch.told if "failures" in line]) == 1
    async with engine.connect() as connection:
        assert {kind: n for kind, n in (await count_open(connection)).items() if n} == {Kind.FAILURES: 1}
        assert len(await count_open(connection)) == len(Kind), "a kind without an alert is a nought"


async def test_what_a_look_says_is_said_whole_or_not_at_all(
    engine: AsyncEngine, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: Any) -> None:
        raise ZeroDivisionError

    fill(monkeypatch, 0.99)
    watch = Watch(engine, home, only(Kind.DISK))
    with monkeypatch.context() as broken:
        broken.setattr(deliveries, "save_deliveries", fail)
        with pytest.raises(ZeroDivisionError):
            await watch.look()
    assert await rows(engine, "select id from alert") == []
    assert await watch.look() == ["0 disk - began"]


# -- faults and costs --------------------------------------------------------------------------------------------------


async def test_a_fault_in_a_look_does_not_end_the_watcher(
    engine: AsyncEngine, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = 0

    def known() -> Mapping[str, Source]:
        nonlocal looks
        looks += 1
        if looks == 1:
            raise ZeroDivisionError
        return {}

    fill(monkeypatch, 0.99)
    watcher = Watcher(engine, known, only(Kind.DISK), home, {}, every_seconds=0.01)
    watcher.start()
    async with asyncio.timeout(10):
        while looks < 4:
            assert watcher.is_alive
            await asyncio.sleep(0.01)
    await watcher.stop()
    assert not watcher.is_alive
    assert len(await rows(engine, "select id from alert")) == 1


async def test_a_figure_that_cannot_be_had_hides_no_other_and_ends_nothing(
    engine: AsyncEngine, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(connection: AsyncConnection, now: datetime) -> None:
        await connection.execute(text("select pg_database_size('nobody')"))

    watch = Watch(engine, home, only(Kind.DISK, Kind.GROWTH, Kind.QUEUE, queue=Queue(begin=2, end=1)))
    monkeypatch.setattr(stored, "measure_size", refuse)
    fill(monkeypatch, 0.99)
    assert await watch.look() == ["0 disk - began"]

    def lost(_: Path) -> None:
        raise FileNotFoundError

    monkeypatch.setattr(shutil, "disk_usage", lost)
    await come(engine, [NOW] * 2, ended="kept")
    assert await watch.look(30) == ["0 queue - began"], "and the disk's alert goes on"
    fill(monkeypatch, 0.1)
    assert await watch.look(10) == ["35 disk - over"]


async def test_a_look_asks_no_more_of_many_messages_than_of_few(engine: AsyncEngine, home: Path) -> None:
    watch = Watch(engine, home, replace(load_thresholds(None), kinds=frozenset(Kind) - {Kind.DISK}))
    asked = []
    for messages in (10, 2000):
        await come(engine, every(MINUTE / 100, NOW - MINUTE * messages / 100, NOW))
        watch.now += timedelta(hours=1)
        await watch.look()
        with counting(engine) as sent:
            await watch.look()
        asked.append(len(sent))
    assert asked[0] == asked[1]
