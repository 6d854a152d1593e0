"""The doors of a running hub over real sockets: what is sent right is merged, what is wrong is answered helpfully."""

import asyncio
import re
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from fixtures.county import Sending, faults, people, story, write_adt, write_bundle
from fixtures.county.clinic import at
from fixtures.county.sending import HL7
from fixtures.senders import END, START, read_ack, send_fhir, send_ingest, send_mllp
from hub.access import Role, Viewer
from hub.tokens import Keyring
from tests.acceptance.hub_process import COUNTY, HubProcess, run_hub, serving
from tests.conftest import Urls

FAULTS = {sending.slug: sending for sending in faults()}


@pytest.fixture
def hub(database: Urls, tmp_path: Path) -> Iterator[HubProcess]:
    with serving(tmp_path / "home", database.application) as process:
        yield process


def token_for(hub: HubProcess, source: str) -> str:
    """A source's token, signed with the running hub's own key."""
    keyring = Keyring.open(Path(hub.environment["HUB_HOME"]) / "keys")
    viewer = Viewer(id=source, name=source, role=Role.HOSPITAL_SOURCE, source=source)
    return keyring.issue(viewer, now=datetime.now(UTC))


async def fates(engine: AsyncEngine) -> list[tuple[Any, ...]]:
    async with engine.connect() as connection:
        rows = await connection.execute(
            text("select raw, fate, refusal->>'code' from body join fate using (message_id) order by message_id")
        )
        return [tuple(row) for row in rows]


def of_mllp() -> list[Sending]:
    return [sending for sending in faults() if sending.transport == "mllp"]


async def test_every_v2_fault_is_answered_kept_and_leaves_the_connection_usable(
    hub: HubProcess, engine: AsyncEngine
) -> None:
    good = write_adt("renmin-his", people()["leap-day"], "A01", control_id="GOOD", at=at("2026-01-05T08:30"))
    bodies = [body for sending in of_mllp() for body in (sending.body, good)]
    acks = await send_mllp("127.0.0.1", hub.mllp_port, bodies)
    for sending, wrong, right in zip(of_mllp(), acks[::2], acks[1::2], strict=True):
        assert wrong.code == sending.answer, sending.slug
        assert wrong.errors, f"{sending.slug}: an ERR segment names the field"
        assert (right.code, right.control_id) == ("AA", "GOOD")
    kept = await fates(engine)
    once = list(dict.fromkeys(bodies))  # the good one is the same each time
    assert [raw for raw, _, _ in kept] == once, "nothing that came is lost, and it is kept as it came"
    assert {fate for raw, fate, _ in kept if raw != good} == {"parked"}


@pytest.mark.parametrize(
    ("slug", "where", "says"),
    [
        ("fault-v2-impossible-date", b"PID^1^7", "YYYYMMDD"),
        ("fault-v2-wrong-check-digit", b"PID^1^3", "GB 11643"),
        ("fault-v2-unknown-source", b"MSH^1^3", "source profile"),
        ("fault-v2-unknown-type-q22", b"MSH^1^9", "GraphQL"),
    ],
)
async def test_a_negative_acknowledgement_names_the_field_and_the_next_step(
    hub: HubProcess, slug: str, where: bytes, says: str
) -> None:
    (ack,) = await send_mllp("127.0.0.1", hub.mllp_port, [FAULTS[slug].body])
    assert ack.control_id
    assert where in ack.raw
    assert says in ack.raw.decode()


async def test_a_broken_frame_is_kept_and_reported_and_the_connection_goes_on(
    hub: HubProcess, engine: AsyncEngine
) -> None:
    good = write_adt("renmin-his", people()["leap-day"], "A01", control_id="AFTER", at=at("2026-01-05T08:30"))
    reader, writer = await asyncio.open_connection("127.0.0.1", hub.mllp_port)
    writer.write(START + b"MSH|^~\\&|HIS|half of a message" + START + good + END)
    await writer.drain()
    answers = await asyncio.wait_for(_answers(reader, b"AFTER"), 20)
    writer.close()
    assert read_ack(answers[-1]).code == "AA"
    kept = await fates(engine)
    assert kept[0][1:] == ("parked", "broken-frame")
    assert b"half of a message" in kept[0][0]


async def _answers(reader: asyncio.StreamReader, until: bytes) -> list[bytes]:
    found: list[bytes] = []
    while not found or until not in found[-1]:
        answer = await reader.readuntil(END)
        found.append(answer[len(START) : -len(END)])
    return found


async def test_every_fhir_fault_is_answered_with_an_operation_outcome_and_kept(
    hub: HubProcess, engine: AsyncEngine
) -> None:
    for sending in faults():
        if sending.transport != "fhir":
            continue
        answer = await send_fhir(hub.base, sending.body, token_for(hub, sending.source))
        assert str(answer.status) == sending.answer, sending.slug
        if sending.ends == "parked":
            issue = answer.body["issue"][0]
            assert answer.body["resourceType"] == "OperationOutcome"
            assert issue["details"]["text"]
            assert issue["diagnostics"], f"{sending.slug}: what to do next"
    assert len(await fates(engine)) == sum(1 for sending in faults() if sending.transport == "fhir")


async def test_a_transaction_with_one_bad_entry_leaves_nothing_behind(hub: HubProcess, engine: AsyncEngine) -> None:
    sending = FAULTS["fault-fhir-transaction"]
    answer = await send_fhir(hub.base, sending.body, token_for(hub, sending.source))
    assert answer.status == 422
    assert answer.body["issue"][0]["expression"] == ["Bundle.entry[2].resource.status"]
    async with engine.connect() as connection:
        assert await connection.scalar(text("select count(*) from fact")) == 0


async def test_a_batch_reports_each_entry_and_takes_the_good_ones(hub: HubProcess, engine: AsyncEngine) -> None:
    sending = FAULTS["fault-fhir-batch"]
    answer = await send_fhir(hub.base, sending.body, token_for(hub, sending.source))
    statuses = [entry["response"]["status"][:3] for entry in answer.body["entry"]]
    assert answer.status == 200
    assert answer.body["type"] == "batch-response"
    assert "201" in statuses
    assert set(statuses) > {"201"}
    async with engine.connect() as connection:
        assert await connection.scalar(text("select count(*) from fact")) == statuses.count("201")


async def test_a_sender_that_cannot_wait_gets_a_status_address(hub: HubProcess) -> None:
    token = token_for(hub, "erke-fhir")
    body = write_bundle("erke-fhir", people()["leap-day"], identifier="async-1", at=at("2026-01-05T08:30"))
    headers = {
        "Authorization": f"Bearer {token}",
        "Content-Type": "application/fhir+json",
        "Prefer": "respond-async",
    }
    async with httpx.AsyncClient(timeout=20) as client:
        accepted = await client.post(f"{hub.base}/fhir", content=body, headers=headers)
        assert accepted.status_code == 202
        for _ in range(100):
            status = await client.get(accepted.headers["content-location"], headers=headers)
            if status.status_code != 202:
                break
            await asyncio.sleep(0.05)
        assert status.status_code == 200
        foreign = {**headers, "Authorization": f"Bearer {token_for(hub, 'nanshan-phs')}"}
        hidden = await client.get(accepted.headers["content-location"], headers=foreign)
        assert hidden.status_code == 404, "another source's messages are nobody else's business"


async def test_without_the_sources_own_token_nothing_is_taken(hub: HubProcess, engine: AsyncEngine) -> None:
    sending = next(one for one in story() if one.transport == "ingest")
    nobody = await send_ingest(hub.base, sending.source, sending.body, sending.content_type, "not-a-token")
    other = token_for(hub, "erke-fhir")
    foreign = await send_ingest(hub.base, sending.source, sending.body, sending.content_type, other)
    unknown = await send_ingest(hub.base, "no-such", sending.body, sending.content_type, token_for(hub, "no-such"))
    assert (nobody.status, foreign.status, unknown.status) == (401, 403, 404)
    assert await fates(engine) == []


async def test_ingest_answers_a_v2_message_with_its_acknowledgement(hub: HubProcess) -> None:
    sending = next(one for one in story() if one.transport == "ingest" and one.content_type == HL7)
    headers = {
        "Authorization": f"Bearer {token_for(hub, sending.source)}",
        "Content-Type": sending.content_type,
    }
    async with httpx.AsyncClient(timeout=20) as client:
        answer = await client.post(f"{hub.base}/ingest/{sending.source}", content=sending.body, headers=headers)
    assert answer.status_code == 200
    assert read_ack(answer.content).code == "AA"


def replay_parked(hub: HubProcess) -> int:
    """How many messages the command takes in again, from the sentence it prints."""
    (count,) = re.findall(r"\d+", run_hub(hub.environment, "message", "replay", "--parked").stdout)
    return int(count)


async def test_a_parked_message_is_listed_with_its_next_step_and_merges_after_a_replay(
    hub: HubProcess, engine: AsyncEngine
) -> None:
    await send_mllp("127.0.0.1", hub.mllp_port, [FAULTS["fault-v2-wrong-check-digit"].body])
    listed = run_hub(hub.environment, "message", "list", "--fate", "parked", "--json")
    (row,) = orjson.loads(listed.stdout)
    assert (row["code"], row["source"]) == ("wrong-check-digit", "renmin-his")
    assert row["where"].startswith("PID-3")
    assert row["next_step"]
    assert replay_parked(hub) == 1
    for _ in range(100):
        ((_, fate, code),) = await fates(engine)
        if fate != "kept":
            break
        await asyncio.sleep(0.05)
    assert (fate, code) == ("parked", "wrong-check-digit"), "a content fault stays one, and is never half-merged"
    assert len(await fates(engine)) == 1


async def _settled(engine: AsyncEngine) -> list[tuple[Any, ...]]:
    for _ in range(200):
        found = await fates(engine)
        if all(fate != "kept" for _, fate, _ in found):
            return found
        await asyncio.sleep(0.05)
    raise AssertionError("messages stay kept")


async def test_a_refused_resource_is_refused_again_when_it_is_replayed(hub: HubProcess, engine: AsyncEngine) -> None:
    sending = FAULTS["fault-fhir-impossible-date"]
    await send_fhir(hub.base, sending.body, token_for(hub, sending.source))
    assert replay_parked(hub) == 1
    assert [found[1:] for found in await _settled(engine)] == [("parked", "invalid-resource")]


async def test_half_a_message_is_never_replayed(hub: HubProcess, engine: AsyncEngine) -> None:
    good = write_adt("renmin-his", people()["leap-day"], "A01", control_id="HALF", at=at("2026-01-05T08:30"))
    reader, writer = await asyncio.open_connection("127.0.0.1", hub.mllp_port)
    writer.write(START + good[: len(good) // 2])
    writer.write_eof()
    await reader.read()
    writer.close()
    assert [found[1:] for found in await _settled(engine)] == [("parked", "broken-frame")]
    assert replay_parked(hub) == 0
    assert [found[1:] for found in await _settled(engine)] == [("parked", "broken-frame")]


async def test_a_message_of_an_unknown_source_merges_once_the_source_has_a_profile(
    database: Urls, engine: AsyncEngine, tmp_path: Path
) -> None:
    site = tmp_path / "site"
    shutil.copytree(COUNTY / "sources", site / "sources", ignore=shutil.ignore_patterns("renmin-his"))
    body = write_adt("renmin-his", people()["leap-day"], "A01", control_id="EARLY", at=at("2026-01-05T08:30"))
    with serving(tmp_path / "before", database.application, HUB_CONFIG_DIR=str(site)) as hub:
        (ack,) = await send_mllp("127.0.0.1", hub.mllp_port, [body])
        assert ack.code == "AR"
    shutil.copytree(COUNTY / "sources" / "renmin-his", site / "sources" / "renmin-his")
    with serving(tmp_path / "after", database.application, HUB_CONFIG_DIR=str(site)) as hub:
        assert replay_parked(hub) == 1
        assert [found[1:] for found in await _settled(engine)] == [("merged", None)]


async def test_nothing_personal_reaches_the_log(hub: HubProcess) -> None:
    bodies = [sending.body for sending in story() if sending.source == "renmin-his" and sending.transport == "mllp"]
    await send_mllp("127.0.0.1", hub.mllp_port, [*bodies, *(sending.body for sending in of_mllp())], pipelined=True)
    assert hub.interrupt() == 0
    said = hub.log.read_text()
    for person in people().values():
        assert person.name not in said
        assert not person.citizen_id or person.citizen_id not in said
    assert "Traceback" not in said
