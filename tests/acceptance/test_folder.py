"""A drop folder of a real hub: files become messages, also when it is killed at any moment, and two hubs share one."""

import gzip
import json
import random
import shutil
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from fixtures.county import crowd, write_adt
from fixtures.county.clinic import at
from tests.acceptance.hub_process import COUNTY, PATIENCE, serving
from tests.conftest import Urls

KILLS = 5
PEOPLE = 400


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """The county, whose hospital may also put files into ``drop/renmin-his`` of the hub's home."""
    shutil.copytree(COUNTY / "sources", tmp_path / "site" / "sources")
    profile = tmp_path / "site" / "sources" / "renmin-his" / "source.toml"
    told = profile.read_text("utf-8").replace('["mllp", "ingest"]', '["mllp", "ingest", "folder"]')
    told = told.replace("identifiers = [", 'also = ["cda", "fhir"]\nidentifiers = [', 1)
    profile.write_text(f'{told}\n[folder]\npath = "drop/renmin-his"\nseconds = 0.1\n', "utf-8")
    return tmp_path / "site"


def admissions(first: int, people: int) -> list[bytes]:
    """An admission of each of a crowd, GB 18030 as this hospital writes it."""
    return [
        write_adt("renmin-his", person, "A01", control_id=f"F{first + number}", at=at("2026-03-01T08:30"))
        for number, person in enumerate(crowd(people, seed=23))
    ]


def put(folder: Path, name: str, content: bytes) -> None:
    """As a careful sender does: under another name first."""
    until(folder.is_dir)  # the hub makes it
    unfinished = folder / f"{name}.part"
    unfinished.write_bytes(content)
    unfinished.rename(folder / name)


def until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not is_so():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.02)


def whole_path(site: Path, drop: Path) -> Path:
    """The folder, made, and named so in the profile: hubs of several homes work it."""
    drop.mkdir()
    profile = site / "sources" / "renmin-his" / "source.toml"
    profile.write_text(profile.read_text("utf-8").replace("drop/renmin-his", str(drop)), "utf-8")
    return drop


def files(folder: Path) -> set[str]:
    return {file.name for file in folder.iterdir() if not file.name.startswith(".") and ".report." not in file.name}


async def fates(engine: AsyncEngine) -> dict[str, int]:
    async with engine.connect() as connection:
        found = await connection.execute(text("select fate, count(*) from fate group by fate"))
        return {row[0]: int(row[1]) for row in found}


async def test_what_is_put_into_the_folder_is_merged_and_its_report_says_so(
    engine: AsyncEngine, database: Urls, tmp_path: Path, site: Path
) -> None:
    drop = tmp_path / "home" / "drop" / "renmin-his"
    batch = [b"BHS|^~\\&|HIS\r", *admissions(0, 3), b"BTS|3\r"]
    with serving(tmp_path / "home", database.application, "worker,collect", HUB_CONFIG_DIR=str(site)) as hub:
        put(drop, "入院 2026-03-01.hl7.gz", gzip.compress(b"".join(batch), mtime=0))
        put(drop, "rubbish.hl7", b"MSH|^~\\&|HIS|XRMYY|||20260301||ADT^A99|R1|P|2.4\r")
        put(drop, "document.xml", b"<ClinicalDocument xmlns='urn:hl7-org:v3'><id root='1.2.3'/></ClinicalDocument>")
        until(
            lambda: len(files(drop / "done")) + len(files(drop / "failed")) == 3 if (drop / "done").exists() else False
        )
        async with engine.connect() as connection:
            while (await fates(engine)).get("kept"):
                time.sleep(0.05)
            await connection.rollback()
        log = hub.log.read_text("utf-8")
    assert files(drop / "done") == {"入院 2026-03-01.hl7.gz"}
    assert files(drop / "failed") == {"rubbish.hl7", "document.xml"}
    report = json.loads((drop / "done" / "入院 2026-03-01.hl7.gz.report.json").read_bytes())
    assert (report["kept"], report["refused"], report["faults"]) == (3, 0, [])
    assert await fates(engine) == {"merged": 3, "parked": 2}
    async with engine.connect() as connection:
        ids = {str(key) for key in await connection.scalars(text("select id from message where transport = 'folder'"))}
    assert {one["message"] for one in report["listed"]} < ids
    assert "入院" not in log, "people name files after people"


@pytest.mark.long
async def test_a_hub_that_is_killed_at_any_moment_loses_and_doubles_nothing(
    engine: AsyncEngine, database: Urls, tmp_path: Path, site: Path
) -> None:
    drop = whole_path(site, tmp_path / "killed")
    told = admissions(0, PEOPLE)
    chance = random.Random(4)
    names = set()
    for start in range(0, PEOPLE, 100):
        names.add(f"batch-{start}.hl7")
        put(drop, f"batch-{start}.hl7", b"".join(told[start : start + 100]))
    settings = {"HUB_CONFIG_DIR": str(site)}
    kills = 0
    for number in range(KILLS):
        with serving(tmp_path / f"home-{number}", database.application, "collect", **settings) as hub:
            time.sleep(chance.uniform(0.0, 0.6))
            hub.kill()
            kills += 1
    with serving(tmp_path / "home-last", database.application, "collect", **settings):
        until(lambda: files(drop / "done") == names)
    assert kills == KILLS
    assert files(drop / "taking") == set()
    assert files(drop / "failed") == set()
    async with engine.connect() as connection:
        kept = sorted(await connection.scalars(text("select control_id from message")))
    assert kept == sorted(f"F{number}" for number in range(PEOPLE))
    for name in names:
        report = json.loads((drop / "done" / f"{name}.report.json").read_bytes())
        assert report["kept"] + report["repeat"] == 100


async def test_two_hubs_share_a_folder_and_take_each_file_once(
    engine: AsyncEngine, database: Urls, tmp_path: Path, site: Path
) -> None:
    drop = whole_path(site, tmp_path / "shared")
    told = admissions(0, 60)
    with ExitStack() as stack:
        hubs = [
            stack.enter_context(
                serving(tmp_path / f"home-{number}", database.application, "collect", HUB_CONFIG_DIR=str(site))
            )
            for number in range(2)
        ]
        for number, message in enumerate(told[:30]):
            put(drop, f"{number}.hl7", message)
        until(lambda: (drop / "done").exists() and len(files(drop / "done")) == 30)
        hubs[0].kill()
        for number, message in enumerate(told[30:], 30):
            put(drop, f"{number}.hl7", message)
        until(lambda: len(files(drop / "done")) == 60)
    async with engine.connect() as connection:
        assert await connection.scalar(text("select count(*) from message")) == 60
        assert await connection.scalar(text("select coalesce(sum(repeats), 0) from control")) == 0
