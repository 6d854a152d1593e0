"""What the hub fetches itself: a view of a hospital over PostgreSQL, and rounds that survive what goes wrong."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from fixtures.county.people import people
from hub.collecting import Collector, Fetching, Place, State
from hub.errors import refuse
from hub.intake import work
from hub.message import DropFolder, Format, Source, Tells, Transport, View
from hub.settings import Settings
from hub.store import watermarks
from hub.store.database import open_engine
from hub.wiring import Hub
from tests.aftercare import NOW, known, lines, plans, set_up, sign
from tests.conftest import Urls
from tests.desk import rows

URL = "TEST_RENMIN_VIEW_URL"
PROFILE = f"""
name = "renmin-views"
organisation = "威泉县人民医院"
organisation_id = "renmin"
format = "fhir"
transports = ["view"]
identifiers = [
  {{ type = "urn:renmin:patient", kind = "local-number", of_patient = true }},
  {{ type = "urn:oid:2.16.156.10011.1.3", kind = "citizen-id" }},
]

[[views]]
name = "discharges"
url_from = "{URL}"
table = "his.v_discharges"
watermark = "updated_at"
sheet = "discharges"
seconds = 1
most = 2
columns = {{ patient = "PBID", citizen_id = "sfzh", discharged_at = "out_time", diagnosis_code = "icd" }}
"""
TABLE = """
create table his.v_discharges ("PBID" int, sfzh text, name text, visit text, out_time timestamp, icd text,
  disposition text, updated_at timestamptz)
"""


@pytest.fixture
async def site(tmp_path: Path) -> Path:
    """A site with one source: a view."""
    folder = tmp_path / "site" / "sources" / "renmin-views"
    folder.mkdir(parents=True)
    (folder / "source.toml").write_text(PROFILE, "utf-8")
    return tmp_path / "site"


@pytest.fixture
async def his(engine: AsyncEngine, database: Urls, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[AsyncEngine]:
    """The hospital's own schema; its login's URL stands in the environment."""
    owner = open_engine(database.owner, role="")
    async with owner.begin() as connection:
        await connection.execute(text("create schema his"))
        await connection.execute(text(TABLE))
    monkeypatch.setenv(URL, database.owner)
    yield owner
    await owner.dispose()


async def add(his: AsyncEngine, number: int, slug: str, icd: str = "I63.900", **more: Any) -> None:
    person = people()[slug]
    row = {"id": number, "card": person.citizen_id, "name": person.name, "visit": f"V{number}", "icd": icd, **more}
    async with his.begin() as connection:
        await connection.execute(
            text(
                "insert into his.v_discharges "
                "values (cast(:id as int), :card, :name, :visit, '2026-06-19 09:30:00.250', :icd, '1', "
                "timestamptz '2026-06-19 10:00:00.123456+08' + cast(:id as int) * interval '1 minute')"
            ),
            row,
        )


@asynccontextmanager
async def collecting(engine: AsyncEngine, site: Path, home: Path) -> AsyncIterator[Hub]:
    hub = Hub(Settings(home=home, config_dir=site, region="weihai-2023"), engine)
    hub.keeper.start()
    hub.collector.start()
    try:
        yield hub
    finally:
        await hub.collector.stop()
        await hub.keeper.stop()
        hub.close()


async def until(is_so: Callable[[], Any], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while True:
        found = is_so()
        if asyncio.iscoroutine(found):
            found = await found
        if found:
            return
        assert time.monotonic() < deadline, "it never came"
        await asyncio.sleep(0.05)


async def test_a_discharge_that_stands_in_a_view_gives_the_signed_resident_a_plan(
    engine: AsyncEngine, his: AsyncEngine, site: Path, tmp_path: Path
) -> None:
    await set_up(engine)
    await sign(engine, await known(engine, "stroke"))
    await add(his, 1, "stroke")
    await add(his, 2, "leap-day")
    await add(his, 3, "mother", icd="不是编码")

    async def kept() -> bool:
        return len(await rows(engine, "select id from message where source = 'renmin-views'")) == 3

    async with collecting(engine, site, tmp_path / "home") as hub:
        await until(kept)
        while await work(engine, replace(hub.desk, now=lambda: NOW), most=10):
            pass
    [plan] = await plans(engine)
    assert (plan["hospital_id"], plan["team_id"]) == ("renmin", "dongcheng-1")
    assert len(await lines(engine)) > 1, "a stroke is followed for long"
    found = await rows(
        engine,
        "select kind, transport, fate, refusal->>'code' as code, control_id from message join fate on message_id = id "
        "where source = 'renmin-views' order by id",
    )
    assert [(row["kind"], row["transport"], row["fate"], row["code"]) for row in found] == [
        ("transaction", "view", "merged", None),
        ("transaction", "view", "merged", None),
        ("row", "view", "parked", "bad-row"),
    ]
    [noted] = await rows(engine, "select value from watermark where source = 'renmin-views' and view = 'discharges'")
    assert "2026-06-19T02:03:00.123456+00:00" in noted["value"]


async def test_a_view_goes_on_where_it_ended_and_repeats_nothing(
    engine: AsyncEngine, his: AsyncEngine, site: Path, tmp_path: Path
) -> None:
    for number in range(1, 8):
        await add(his, number, "stroke")

    async def kept(many: int) -> bool:
        return len(await rows(engine, "select id from message")) == many

    async with collecting(engine, site, tmp_path / "one"):
        await until(lambda: kept(7))
    await add(his, 8, "stroke")
    async with collecting(engine, site, tmp_path / "two"), collecting(engine, site, tmp_path / "three"):
        await until(lambda: kept(8))
        await asyncio.sleep(1.5)
    assert await kept(8)
    assert await rows(engine, "select repeats from control where repeats > 0") == []


async def test_what_was_kept_before_a_kill_and_not_noted_is_a_repeat(
    engine: AsyncEngine, his: AsyncEngine, site: Path, tmp_path: Path
) -> None:
    for number in range(1, 6):
        await add(his, number, "stroke")

    async def read() -> bool:
        return await _mark(engine) is not None and len(await rows(engine, "select id from message")) == 5

    async with collecting(engine, site, tmp_path / "one"):
        await until(read)
    async with engine.begin() as connection:
        await connection.execute(text("delete from watermark"))
    async with collecting(engine, site, tmp_path / "two"):
        await until(read)
    assert len(await rows(engine, "select id from message")) == 5
    assert [row["repeats"] for row in await rows(engine, "select repeats from control")] == [1] * 5


async def _mark(engine: AsyncEngine) -> str | None:
    async with engine.connect() as connection:
        return await watermarks.find_watermark(connection, "renmin-views", "discharges")


async def test_a_database_that_is_away_is_said_once_without_its_address_and_comes_back(
    engine: AsyncEngine,
    his: AsyncEngine,
    site: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    right = os.environ[URL]
    monkeypatch.setenv(URL, "postgresql://somebody:s3cret@127.0.0.1:1/his")
    await add(his, 1, "stroke")
    async with collecting(engine, site, tmp_path / "home") as hub:

        def is_away() -> bool:
            return any(state.failures >= 2 for state in hub.collector.states.values())

        await until(is_away)
        [state] = hub.collector.states.values()
        assert state.fault is not None
        assert state.fault.code == "view-away"
        monkeypatch.setenv(URL, right)
        await until(lambda: any(one.well_at for one in hub.collector.states.values()))
        assert hub.collector.is_alive
    said = capsys.readouterr()
    told = said.out + said.err
    assert told.count("collecting-pauses") == 1
    assert "s3cret" not in told
    assert "somebody" not in told
    assert len(await rows(engine, "select id from message")) == 1


# -- rounds ----------------------------------------------------------------------------------------------------------

SOURCE = Source(
    name="his",
    organisation="测试医院",
    format=Format.FHIR,
    transports=frozenset({Transport.FOLDER, Transport.VIEW}),
    time_zone=timezone(timedelta(hours=8)),
    identifiers=(),
    tells=frozenset({Tells.RECORD}),
)
FOLDER = DropFolder(path="drop", seconds=0.01)
VIEW = View(name="v", url_from="X", table="t", watermark="w", sheet="discharges", seconds=0.01)


@dataclass
class Told:
    """Fetches by a script: what each round does."""

    rounds: int = 0
    closed: int = 0
    faults: list[Exception | None] = field(default_factory=list)
    at_work: int = 0

    async def fetch(self) -> bool:
        assert self.at_work == 0, "two rounds of one place at a time"
        self.at_work += 1
        await asyncio.sleep(0.002)
        self.at_work -= 1
        self.rounds += 1
        if self.faults and (fault := self.faults.pop(0)) is not None:
            raise fault
        return False

    async def close(self) -> None:
        self.closed += 1


@asynccontextmanager
async def running(sources: dict[str, Source], begun: dict[Place, Told]) -> AsyncIterator[Collector]:
    def begin(place: Place) -> Fetching:
        return begun.setdefault(place, Told())

    collector = Collector(lambda: sources, begin, look_seconds=0.01, longest_pause=0.05)
    collector.start()
    try:
        yield collector
    finally:
        await collector.stop()


async def test_one_place_that_fails_holds_up_no_other_and_tries_again() -> None:
    sources = {"his": replace(SOURCE, folder=FOLDER, views=(VIEW,))}
    folder, view = Place(source="his", what=FOLDER), Place(source="his", what=VIEW)
    bad = Told(faults=[refuse("view-away", "v", reason="x"), RuntimeError("s3cret"), KeyError("x"), None])
    begun = {view: bad}
    async with running(sources, begun) as collector:
        await until(lambda: bad.rounds >= 6 and begun[folder].rounds >= 6)
        assert collector.states[view] == State(
            rounds=collector.states[view].rounds, well_at=collector.states[view].well_at
        )
        assert collector.states[view].well_at is not None
    assert (bad.closed, begun[folder].closed) == (1, 1)


async def test_a_changed_profile_ends_what_it_no_longer_names_and_begins_what_it_does() -> None:
    sources = {"his": replace(SOURCE, folder=FOLDER)}
    begun: dict[Place, Told] = {}
    before = Place(source="his", what=FOLDER)
    after = Place(source="his", what=replace(FOLDER, path="elsewhere"))
    async with running(sources, begun) as collector:
        await until(lambda: before in begun and begun[before].rounds)
        sources["his"] = replace(SOURCE, folder=replace(FOLDER, path="elsewhere"))
        await until(lambda: after in begun and begun[after].rounds)
        assert begun[before].closed == 1
        assert set(collector.states) == {after}
        del sources["his"]
        await until(lambda: begun[after].closed == 1)
    assert begun[before].closed == begun[after].closed == 1
