"""The county's own sessions, sent as a file to a real hub: the teams have their share of each, by the region's rule."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from fixtures.county.directory import BOOKING, SIGNING, directory_files, sessions_file
from hub.slots import Kind
from tests.acceptance.hub_process import HubProcess, run_hub, serving
from tests.conftest import Urls
from tests.sessions import Clinic, check_ledger, weihai

NOW = datetime.now(UTC)


@pytest.fixture
def hub(database: Urls, tmp_path: Path) -> Iterator[HubProcess]:
    with serving(tmp_path / "home", database.application, HUB_REGION="weihai-2023") as process:
        yield process


def load(hub: HubProcess, folder: Path, name: str, raw: bytes, source: str) -> str:
    (folder / name).write_bytes(raw)
    done = run_hub(hub.environment, "load", str(folder / name), "--source", source)
    return done.stdout + done.stderr


@pytest.mark.long
async def test_each_session_of_the_file_has_the_share_of_its_kind(
    hub: HubProcess, engine: AsyncEngine, tmp_path: Path
) -> None:
    files = directory_files(NOW)
    for name in ("organisations.csv", "practitioners.csv", "teams.csv"):
        load(hub, tmp_path, name, files[name], SIGNING)
    told = sessions_file(NOW)
    said = load(hub, tmp_path, "sessions.csv", told, BOOKING)
    assert "0 parked" in said, said
    clinic = Clinic(engine, weihai())
    sessions = await clinic.rows("select * from session")
    assert len(sessions) == len(told.decode("utf-8-sig").strip().splitlines()) - 1
    for session in sessions:
        total = (await check_ledger(clinic, session["id"])).total()
        if session["kind"] in (Kind.EXPERT, Kind.EXAMINATION) and session["state"] != "cancelled":
            assert session["reserved"] >= -(-total // 5) > 0
            assert session["rule"] == "weihai-2023 四(三)"
            assert (await clinic.accounts(session["id"]))["team"] >= session["reserved"] or session["state"] != "open"
    before = await clinic.rows("select count(*) as n from movement")
    load(hub, tmp_path, "sessions.csv", told, BOOKING)
    assert await clinic.rows("select count(*) as n from movement") == before
    async with engine.connect() as connection:
        assert await connection.scalar(text("select count(*) from history where kind = 'session'")) == len(sessions)
