"""Bytes that cannot be decoded are kept at every door of a running hub, and merged once the right set is named."""

import asyncio
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.hl7v2.autopsy import autopsy
from fixtures.county import people, write_adt
from fixtures.county.clinic import at
from fixtures.senders import read_ack, send_mllp
from hub.access import Role, Viewer
from hub.tokens import Keyring
from tests.acceptance.hub_process import COUNTY, HubProcess, run_hub, serving
from tests.conftest import Urls

PERSON = people()["leap-day"]
CHARSET = 'charset = "gb18030"'


def admission(control_id: str) -> bytes:
    """In GB 18030, and nothing in it says so."""
    return write_adt("renmin-his", PERSON, "A01", control_id=control_id, at=at("2026-01-05T08:30"))


@pytest.fixture
def profile(tmp_path: Path) -> Path:
    """A profile that names the wrong character set."""
    shutil.copytree(COUNTY / "sources", tmp_path / "site" / "sources")
    file = tmp_path / "site" / "sources" / "renmin-his" / "source.toml"
    assert CHARSET in file.read_text(encoding="utf-8")
    return name_charset(file, "UTF-8")


def name_charset(file: Path, charset: str) -> Path:
    lines = file.read_text(encoding="utf-8").splitlines()
    named = (f'charset = "{charset}"' if line.startswith("charset = ") else line for line in lines)
    file.write_text("\n".join(named), encoding="utf-8")
    return file


@pytest.fixture
def hub(database: Urls, profile: Path, tmp_path: Path) -> Iterator[HubProcess]:
    site = str(profile.parents[2])
    with serving(tmp_path / "home", database.application, HUB_CONFIG_DIR=site) as process:
        yield process


def token(hub: HubProcess) -> str:
    keyring = Keyring.open(Path(hub.environment["HUB_HOME"]) / "keys")
    viewer = Viewer(id="renmin-his", name="renmin-his", role=Role.HOSPITAL_SOURCE, source="renmin-his")
    return keyring.issue(viewer, now=datetime.now(UTC))


async def rows(engine: AsyncEngine) -> list[tuple[Any, ...]]:
    query = (
        "select control_id, raw, fate, refusal->>'code', refusal->'given'->>'position' from message"
        " join fate on fate.message_id = message.id join body on body.message_id = message.id order by message.id"
    )
    async with engine.connect() as connection:
        return [tuple(row) for row in await connection.execute(text(query))]


async def test_a_message_in_another_set_is_parked_with_its_byte_and_merges_once_the_profile_names_it(
    hub: HubProcess, engine: AsyncEngine, profile: Path
) -> None:
    by_wire, by_http = admission("WIRE"), admission("HTTP")
    (ack,) = await send_mllp("127.0.0.1", hub.mllp_port, [by_wire])
    headers = {"Authorization": f"Bearer {token(hub)}", "Content-Type": "application/hl7-v2"}
    async with httpx.AsyncClient(timeout=20) as client:
        answer = await client.post(f"{hub.base}/ingest/renmin-his", content=by_http, headers=headers)
    assert (ack.code, ack.control_id) == ("AE", "WIRE")
    over_http = read_ack(answer.content)
    assert (over_http.code, over_http.control_id) == ("AE", "HTTP")
    position = autopsy(by_wire, "UTF-8").position
    assert position is not None
    assert f"position {position}" in ack.text
    assert "hub message show" in ack.text
    assert await rows(engine) == [
        ("WIRE", by_wire, "parked", "wrong-charset", str(position)),
        ("HTTP", by_http, "parked", "wrong-charset", str(position)),
    ]

    name_charset(profile, "UTF-8~GBK")
    for _ in range(120):  # the profile is read anew while the hub runs
        run_hub(hub.environment, "message", "replay", "--parked")
        await asyncio.sleep(0.5)
        if all(fate == "merged" for _, _, fate, _, _ in await rows(engine)):
            break
    assert [fate for _, _, fate, _, _ in await rows(engine)] == ["merged", "merged"]
    async with engine.connect() as connection:
        assert (await connection.execute(text("select name from resident"))).scalars().all() == [PERSON.name]


async def test_nothing_of_an_undecodable_message_is_in_its_refusal_or_in_the_log(
    hub: HubProcess, engine: AsyncEngine
) -> None:
    body = admission("QUIET")
    (ack,) = await send_mllp("127.0.0.1", hub.mllp_port, [body])
    readings = [one.text for one in autopsy(body, "UTF-8").readings]
    assert any(PERSON.name in one for one in readings), "who asks is shown what stands there"
    said = ack.raw.decode()
    async with engine.connect() as connection:
        refusal = str(await connection.scalar(text("select refusal from fate")))
    assert hub.interrupt() == 0
    for one in (said, refusal, hub.log.read_text()):
        assert PERSON.name not in one
        assert not any(reading[:30] in one for reading in readings)


async def test_utf_16_is_refused_by_its_name_and_kept(hub: HubProcess, engine: AsyncEngine) -> None:
    body = b"\xff\xfe" + "MSH|^~\\&|HIS|XRMYY|HUB||20260105||ADT^A01|W|P|2.4\rPID|1".encode("utf-16-le")
    (ack,) = await send_mllp("127.0.0.1", hub.mllp_port, [body])
    assert ack.code == "AR"
    assert "UTF-16" in ack.text
    assert [row[1:4] for row in await rows(engine)] == [(body, "parked", "wide-charset")]
