"""Profiles change under a running hub: what is right holds at once, what is wrong leaves the last good one, and the
connections of those who are sending stay open."""

import asyncio
import os
import re
import shutil
import signal
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import orjson
import pytest

from fixtures.county import people, write_adt
from fixtures.county.clinic import at
from tests.acceptance.hub_process import COUNTY, PATIENCE, HubProcess, run_hub, serving
from tests.conftest import Urls

HIS = COUNTY / "sources" / "renmin-his" / "source.toml"
PROFILE = re.sub(r"^acknowledging = .*\n", "", HIS.read_text("utf-8"), flags=re.MULTILINE).replace(
    "\nformat", '\nacknowledging = "original"\nformat', 1
)
"""The county hospital's, answered once a message, whatever its messages ask for."""


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A site with the county's profiles, free to be changed."""
    shutil.copytree(COUNTY / "sources", tmp_path / "site" / "sources")
    written(tmp_path / "site", "renmin-his", PROFILE)
    return tmp_path / "site"


@pytest.fixture
def hub(database: Urls, tmp_path: Path, site: Path) -> Iterator[HubProcess]:
    with serving(tmp_path / "home", database.application, HUB_CONFIG_DIR=str(site)) as process:
        yield process


class Line:
    """One MLLP connection that stays open."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._sent = 0

    async def send(self, facility: str) -> str:
        """An admission of that facility; MSA-1 of its answer. Fails where the hub has closed the connection."""
        self._sent += 1
        told = write_adt(
            "renmin-his", people()["leap-day"], "A01", control_id=f"R{self._sent}", at=at("2026-01-05T08:30")
        )
        self._writer.write(b"\x0b" + told.replace(b"|XRMYY|", f"|{facility}|".encode(), 1) + b"\x1c\r")
        await self._writer.drain()
        answer = await asyncio.wait_for(self._reader.readuntil(b"\x1c\r"), PATIENCE)
        return answer.split(b"MSA|", 1)[1][:2].decode()

    async def send_until(self, facility: str, code: str) -> None:
        """Send until the answer is `code`: the hub looks at its profiles once a second."""
        deadline = time.monotonic() + PATIENCE
        while (answer := await self.send(facility)) != code:
            assert time.monotonic() < deadline, f"still {answer}"
            await asyncio.sleep(0.2)


@asynccontextmanager
async def line(hub: HubProcess) -> AsyncIterator[Line]:
    reader, writer = await asyncio.open_connection("127.0.0.1", hub.mllp_port)
    try:
        yield Line(reader, writer)
    finally:
        writer.close()
        await writer.wait_closed()


def written(site: Path, name: str, text: str) -> Path:
    file = site / "sources" / name / "source.toml"
    file.parent.mkdir(exist_ok=True)
    file.write_text(text, "utf-8")
    return file


def another(facility: str, name: str) -> str:
    return PROFILE.replace('"XRMYY"', f'"{facility}"').replace('name = "renmin-his"', f'name = "{name}"')


def said(hub: HubProcess, event: str) -> list[dict[str, str]]:
    lines = [line for line in hub.log.read_text("utf-8").splitlines() if line.startswith("{")]
    return [one for one in map(orjson.loads, lines) if one["event"] == event]


async def logged(hub: HubProcess, event: str, source: str) -> dict[str, str]:
    deadline = time.monotonic() + PATIENCE
    while not (found := [one for one in said(hub, event) if one["source"] == source]):
        assert time.monotonic() < deadline, f"no {event} of {source}"
        await asyncio.sleep(0.1)
    return found[-1]


async def test_a_profile_dropped_in_is_taken_on_a_connection_that_is_open(hub: HubProcess, site: Path) -> None:
    async with line(hub) as open_line:
        assert await open_line.send("XINYY") == "AR"
        written(site, "xin-his", another("XINYY", "xin-his"))
        await open_line.send_until("XINYY", "AA")
        assert await open_line.send("XRMYY") == "AA"
        shutil.rmtree(site / "sources" / "xin-his")
        await open_line.send_until("XINYY", "AR")
        assert await open_line.send("XRMYY") == "AA", "the others and the connection are as before"


async def test_a_broken_edit_keeps_the_last_good_profile_and_says_where_it_is_broken(
    hub: HubProcess, site: Path
) -> None:
    async with line(hub) as open_line:
        assert await open_line.send("XRMYY") == "AA"
        broken = PROFILE.replace('charset = "gb18030"', 'charset = "gb18031"')
        file = written(site, "renmin-his", broken)
        refused = await logged(hub, "profile-refused", "renmin-his")
        assert refused["where"] == f"{file}:{broken[: broken.index('charset =')].count(chr(10)) + 1}"
        assert refused["in_force"] == "the last good one"
        assert await open_line.send("XRMYY") == "AA"
        checked = run_hub(hub.environment, "source", "check")
        assert checked.returncode == 1
        assert refused["where"] in checked.stderr
        written(site, "renmin-his", PROFILE.replace('"XRMYY"', '"RENYY"'))
        await open_line.send_until("RENYY", "AA")
        assert await open_line.send("XRMYY") == "AR"


async def test_whoever_comes_to_claim_anothers_header_is_refused(hub: HubProcess, site: Path) -> None:
    async with line(hub) as open_line:
        written(site, "a-thief", another("XRMYY", "a-thief"))
        refused = await logged(hub, "profile-refused", "a-thief")
        assert "renmin-his" in refused["reason"]
        assert await open_line.send("XRMYY") == "AA"


async def test_profiles_are_read_at_once_when_the_hub_is_told_to(hub: HubProcess, site: Path) -> None:
    written(site, "xin-his", another("XINYY", "xin-his"))
    os.kill(hub.process.pid, signal.SIGHUP)
    await logged(hub, "profile-loaded", "xin-his")
    async with line(hub) as open_line:
        assert await open_line.send("XINYY") == "AA"


def test_a_hub_starts_without_the_profile_that_is_broken(database: Urls, tmp_path: Path, site: Path) -> None:
    file = written(site, "zhongyi-his", "name = zhongyi-his\n")
    with serving(tmp_path / "home", database.application, HUB_CONFIG_DIR=str(site)) as hub:
        (refused,) = said(hub, "profile-refused")
        assert refused["source"] == "zhongyi-his"
        assert refused["where"] == f"{file}:1"
        assert refused["in_force"] == "none"
