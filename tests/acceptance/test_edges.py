"""What nobody meant to send, and what nobody meant to happen: kept all the same, and answered by its fault."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from fixtures.county import people, write_adt
from fixtures.county.clinic import at
from fixtures.senders import END, START, send_mllp
from tests.acceptance.hub_process import HubProcess, serving
from tests.acceptance.test_doors import token_for
from tests.conftest import Urls

SOURCE = "erke-fhir"
LARGE = 12 * 1024
"""More than what is validated in the hub's own process."""


@pytest.fixture
def hub(database: Urls, tmp_path: Path) -> Iterator[HubProcess]:
    with serving(tmp_path / "home", database.application) as process:
        yield process


def patient(**more: Any) -> dict[str, Any]:
    """A Patient of the source, with a number of the source's own."""
    number = {"system": "urn:oid:2.16.156.10011.1.3", "value": "37109919560312001X"}
    return {"resourceType": "Patient", "id": "edge-1", "identifier": [number], "gender": "male", **more}


def large() -> dict[str, Any]:
    """A valid Patient that goes to the checking process."""
    return patient(address=[{"text": "某" * LARGE}])


async def post(hub: HubProcess, path: str, body: object) -> httpx.Response:
    """The response to a FHIR request; `body` is sent as JSON."""
    headers = {"Authorization": f"Bearer {token_for(hub, SOURCE)}", "Content-Type": "application/fhir+json"}
    async with httpx.AsyncClient(timeout=30) as client:
        return await client.post(f"{hub.base}{path}", content=orjson.dumps(body), headers=headers)


def children(parent: int) -> list[int]:
    """The processes that a process has started."""
    found = []
    for file in Path("/proc").glob("[0-9]*/stat"):
        try:
            if int(file.read_text().rpartition(")")[2].split()[1]) == parent:
                found.append(int(file.parent.name))
        except (OSError, ValueError):
            continue
    return found


def commands(parent: int, word: bytes) -> list[int]:
    """Those of them whose command line holds a word."""
    return [child for child in children(parent) if word in Path(f"/proc/{child}/cmdline").read_bytes()]


async def rows(engine: AsyncEngine) -> list[tuple[Any, ...]]:
    """Kind, control id, fate and refusal of each message, in the order of receipt."""
    query = "select kind, control_id, fate, refusal->>'code' from message join fate on message_id = id order by id"
    async with engine.connect() as connection:
        return [tuple(row) for row in await connection.execute(text(query))]


on_linux = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


@on_linux
async def test_a_lost_checking_process_is_replaced(hub: HubProcess) -> None:
    first = await post(hub, "/fhir", large())
    assert first.status_code == 201, first.text
    (worker,) = commands(hub.process.pid, b"spawn_main")
    os.kill(worker, signal.SIGKILL)
    for _ in range(2):
        assert (await post(hub, "/fhir", large())).status_code == 201
    assert commands(hub.process.pid, b"spawn_main") != [worker]


@on_linux
async def test_a_killed_hub_leaves_no_process_behind(hub: HubProcess) -> None:
    assert (await post(hub, "/fhir", large())).status_code == 201
    left = children(hub.process.pid)
    assert left
    hub.kill()
    deadline = time.monotonic() + 20
    while any(_is_running(one) for one in left) and time.monotonic() < deadline:
        await asyncio.sleep(0.05)
    assert [one for one in left if _is_running(one)] == []


def _is_running(process: int) -> bool:
    """Not ended; one that nobody has waited for counts as ended."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


async def test_odd_bytes_at_the_mllp_door_are_kept_without_their_control_characters(
    hub: HubProcess, engine: AsyncEngine
) -> None:
    good = write_adt("renmin-his", people()["leap-day"], "A01", control_id="EDGE", at=at("2026-01-05T08:30"))
    acks = await send_mllp("127.0.0.1", hub.mllp_port, [good.replace(b"EDGE", b"ED\x00GE"), good])
    assert [ack.code for ack in acks] == ["AA", "AA"]
    reader, writer = await asyncio.open_connection("127.0.0.1", hub.mllp_port)
    writer.write(START * 3000 + good + END)
    await writer.drain()
    await asyncio.wait_for(reader.readuntil(END), 20)
    writer.close()
    assert [control for _, control, _, _ in await rows(engine)] == ["EDGE"] * 2, "the third says what the second said"


async def test_an_address_that_names_no_type_is_refused_and_not_repeated(hub: HubProcess, engine: AsyncEngine) -> None:
    for path in ("/fhir/%00", "/fhir/%E5%BC%A0%E4%B8%89"):
        answer = await post(hub, path, patient())
        assert answer.status_code == 422, answer.text
        assert "张三" not in answer.text
        assert "\\u0000" not in answer.text
    assert await rows(engine) == [("unreadable", "", "parked", "invalid-resource")] * 2


@pytest.mark.parametrize(
    ("more", "where"),
    [
        ({"deceasedBoolean": "false"}, "Patient.deceasedBoolean"),
        ({"name": [{"family": None}]}, "Patient.name[0].family"),
        ({"name": [{"family": "a\0b"}]}, "Patient.name[0].family"),
    ],
)
async def test_what_fhirs_json_does_not_have_is_refused_at_its_path_and_kept(
    hub: HubProcess, engine: AsyncEngine, more: dict[str, Any], where: str
) -> None:
    answer = await post(hub, "/fhir", patient(**more))
    assert answer.status_code == 422
    assert answer.json()["issue"][0]["expression"] == [where]
    assert [row[2:] for row in await rows(engine)] == [("parked", "invalid-resource")]


async def test_an_update_is_known_again_by_its_id_and_a_created_resource_is_not(
    hub: HubProcess, engine: AsyncEngine
) -> None:
    """PUT Patient/p1 twice is one patient; the id of a POST is the server's to give, and proves nothing."""
    headers = {
        "Authorization": f"Bearer {token_for(hub, 'erke-fhir')}",
        "Content-Type": "application/fhir+json",
    }
    body = {"resourceType": "Patient", "id": "p1", "name": [{"text": "秦学勤"}]}
    async with httpx.AsyncClient(base_url=hub.base, headers=headers, timeout=20) as client:
        first = await client.put("/fhir/Patient/p1", json=body)
        again = await client.put("/fhir/Patient/p1", json={**body, "gender": "male"})
        created = await client.post("/fhir/Patient", json=body)
    assert (first.status_code, again.status_code) == (201, 201)
    assert created.status_code == 422
    async with engine.connect() as connection:
        assert await connection.scalar(text("select count(*) from patient")) == 1
        assert await connection.scalar(text("select sex from resident")) == "male"


async def test_two_messages_in_one_frame_are_refused_and_neither_is_taken_for_the_others_part(
    hub: HubProcess, engine: AsyncEngine
) -> None:
    person = people()["leap-day"]
    one, two = (
        write_adt("renmin-his", person, event, control_id=event, at=at("2026-01-05T08:30")) for event in ("A01", "A03")
    )
    (ack,) = await send_mllp("127.0.0.1", hub.mllp_port, [one + two])
    assert (ack.code, ack.control_id) == ("AE", "A01")
    assert "more than one message" in ack.text
    assert await rows(engine) == [("ADT^A01", "A01", "parked", "several-messages")]
