"""The MLLP door of a running hub: modes of acknowledgement, TLS, who may send, and ``hub send``."""

import asyncio
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hl7
import orjson
import pytest
from hl7.client import MLLPClient
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from fixtures.county import people, write_adt
from fixtures.county.clinic import at
from fixtures.senders import END, START, read_ack, send_mllp
from tests.acceptance.hub_process import COUNTY, HubProcess, free_port, run_hub, serving
from tests.conftest import Urls
from tests.unit.adapters.certificates import authority

PROFILE = COUNTY / "sources" / "renmin-his" / "source.toml"


def site(folder: Path, **keys: Any) -> Path:
    """The county's profiles, with other values for keys of the one that `admission` writes as."""
    shutil.copytree(COUNTY / "sources", folder / "sources")
    lines = [line for line in PROFILE.read_text().splitlines() if line.split(" =")[0] not in keys]
    given = [f"{key} = {orjson.dumps(value).decode()}" for key, value in keys.items()]
    (folder / "sources" / "renmin-his" / "source.toml").write_text("\n".join([*given, *lines]))
    return folder


def admission(control_id: str, asks: str = "AL|AL") -> bytes:
    body = write_adt("renmin-his", people()["leap-day"], "A01", control_id=control_id, at=at("2026-01-05T08:30"))
    assert b"|AL|AL" in body
    return body.replace(b"|AL|AL", b"|" + asks.encode(), 1)


async def fates(engine: AsyncEngine) -> list[tuple[Any, ...]]:
    query = "select source, control_id, fate, refusal->>'code' from message join fate on message_id = id order by id"
    async with engine.connect() as connection:
        return [tuple(row) for row in await connection.execute(text(query))]


async def answers(port: int, bodies: list[bytes], number: int) -> list[tuple[str, str]]:
    """MSA-1 and MSA-2 of so many answers to messages that are sent at once."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"".join(START + body + END for body in bodies))
    found = []
    for _ in range(number):
        ack = read_ack((await asyncio.wait_for(reader.readuntil(END), 20))[1:-2])
        found.append((ack.code, ack.control_id))
    writer.close()
    return found


@pytest.mark.skipif(not hasattr(socket, "SO_REUSEPORT"), reason="this system deals no connections out")
async def test_two_hubs_share_a_port_and_a_message_that_comes_to_both_is_kept_once(
    database: Urls, engine: AsyncEngine, tmp_path: Path
) -> None:
    port, asked = str(free_port()), 24
    settings = {"HUB_MLLP_PORT": port, "HUB_MLLP_PORT_SHARED": "true"}
    with (
        serving(tmp_path / "one", database.application, "mllp", **settings) as one,
        serving(tmp_path / "other", database.application, "mllp", **settings),
    ):
        both = await asyncio.gather(*(answers(int(port), [admission(f"S{number % 8}")], 1) for number in range(asked)))
        assert [code for found in both for code, _ in found] == ["AA"] * asked
        one.kill()
        more = await asyncio.gather(*(answers(int(port), [admission(f"T{number}")], 1) for number in range(8)))
        assert [code for found in more for code, _ in found] == ["AA"] * 8
    kept = sorted(control_id for _, control_id, _, _ in await fates(engine))
    assert kept == sorted([f"S{number}" for number in range(8)] + [f"T{number}" for number in range(8)])


@pytest.fixture
def as_asked(database: Urls, tmp_path: Path) -> Iterator[HubProcess]:
    config = site(tmp_path / "site", acknowledging="as-asked")
    with serving(tmp_path / "home", database.application, HUB_CONFIG_DIR=str(config)) as hub:
        yield hub


async def test_enhanced_mode_says_at_once_that_a_message_is_kept_and_then_that_it_is_merged(
    as_asked: HubProcess, engine: AsyncEngine
) -> None:
    found = await answers(as_asked.mllp_port, [admission("E1"), admission("E2")], 4)
    assert sorted(found) == [("AA", "E1"), ("AA", "E2"), ("CA", "E1"), ("CA", "E2")]
    assert {fate for _, _, fate, _ in await fates(engine)} == {"merged"}


async def test_each_acknowledgement_comes_only_where_it_is_asked_for(as_asked: HubProcess) -> None:
    bodies = [admission("N1", "NE|NE"), admission("N2", "AL|NE"), admission("N3", "ER|ER"), admission("N4", "NE|AL")]
    bad = admission("N5", "ER|ER").replace(b"ADT^A01", b"ADT^ZP1")
    found = await answers(as_asked.mllp_port, [*bodies, bad], 3)
    assert sorted(found) == [("AA", "N4"), ("CA", "N2"), ("CR", "N5")]


async def test_a_message_that_is_sent_again_gets_the_same_answers_again_and_is_kept_once(
    as_asked: HubProcess, engine: AsyncEngine
) -> None:
    first = await answers(as_asked.mllp_port, [admission("R1")], 2)
    assert await answers(as_asked.mllp_port, [admission("R1")], 2) == first == [("CA", "R1"), ("AA", "R1")]
    assert len(await fates(engine)) == 1


async def test_our_application_acknowledgement_may_be_acknowledged_and_that_ends_it(
    as_asked: HubProcess,
) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", as_asked.mllp_port)
    writer.write(START + admission("A1") + END)
    for _ in range(2):
        last = (await asyncio.wait_for(reader.readuntil(END), 20))[1:-2]
    own = last.split(b"|")[9]
    thanks = b"MSH|^~\\&|HIS|XRMYY|||20260105||ACK^A01|T1|P|2.4|||AL|AL\rMSA|CA|" + own + b"\r"
    writer.write(START + thanks + END + START + admission("A2", "AL|NE") + END)
    assert read_ack((await asyncio.wait_for(reader.readuntil(END), 20))[1:-2]).control_id == "A2"
    writer.close()


async def test_a_source_that_listens_is_told_there_once_its_connection_is_gone(database: Urls, tmp_path: Path) -> None:
    told: asyncio.Queue[bytes] = asyncio.Queue()

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        told.put_nowait((await reader.readuntil(END))[1:-2])
        writer.close()

    receiver = await asyncio.start_server(take, "127.0.0.1", 0)
    config = site(tmp_path / "site", acknowledging="as-asked")
    profile = config / "sources" / "renmin-his" / "source.toml"
    port = receiver.sockets[0].getsockname()[1]
    profile.write_text(profile.read_text() + f'\n[outbound]\nhost = "127.0.0.1"\nport = {port}\n')
    with serving(
        tmp_path / "home",
        database.application,
        "api,mllp",
        HUB_CONFIG_DIR=str(config),
        HUB_MLLP_APPLICATION_SECONDS="1",
    ) as hub:
        assert await answers(hub.mllp_port, [admission("O1")], 1) == [("CA", "O1")]
        ack = read_ack(await asyncio.wait_for(told.get(), 20))
    receiver.close()
    assert (ack.code, ack.control_id) == ("AE", "O1"), "no worker is up: the message is kept and not merged yet"
    assert any("not-settled" in error or "207" in error for error in ack.errors)


async def test_a_source_that_stops_at_an_error_is_told_that_its_message_is_kept(
    database: Urls, engine: AsyncEngine, tmp_path: Path
) -> None:
    config = site(tmp_path / "site", acknowledging="fast")
    with serving(tmp_path / "home", database.application, HUB_CONFIG_DIR=str(config)) as hub:
        wrong = admission("F1").replace(b"ADT^A01", b"ADT^ZP1")
        assert await answers(hub.mllp_port, [wrong], 1) == [("AA", "F1")]
        assert [row[2:] for row in await fates(engine)] == [("parked", "unknown-message-type")]


async def test_who_sends_from_elsewhere_is_refused_kept_and_not_believed(
    database: Urls, engine: AsyncEngine, tmp_path: Path
) -> None:
    config = site(tmp_path / "site", addresses=["10.9.8.0/24"])
    with serving(tmp_path / "home", database.application, HUB_CONFIG_DIR=str(config)) as hub:
        assert await answers(hub.mllp_port, [admission("W1")], 1) == [("AR", "W1")]
    assert await fates(engine) == [("", "W1", "parked", "address-not-allowed")]


async def test_over_tls_a_source_shows_its_certificate(database: Urls, engine: AsyncEngine, tmp_path: Path) -> None:
    signer = authority(tmp_path)
    config = site(tmp_path / "site", certificates=["his.renmin.test"])
    port = free_port()
    folder = tmp_path / "out"
    folder.mkdir()
    for name in ("T1", "T2", "T3"):
        (folder / name).write_bytes(admission(name))
    with serving(
        tmp_path / "home",
        database.application,
        HUB_CONFIG_DIR=str(config),
        HUB_MLLP_TLS_CERTIFICATE=str(signer.sign("localhost")),
        HUB_MLLP_TLS_CLIENT_CA=str(signer.file),
        HUB_MLLP_TLS_PORT=str(port),
    ) as hub:

        def send(name: str, to: int, *more: str) -> list[dict[str, Any]]:
            given = ("--ca", str(signer.file), *more) if more else ()
            words = ("send", str(folder / name), "--to", f"localhost:{to}", "--tries", "1", "--json", *given)
            found: list[dict[str, Any]] = orjson.loads(run_hub(hub.environment, *words).stdout)
            return found

        (good,) = send("T1", port, "--certificate", str(signer.sign("his.renmin.test")))
        (other,) = send("T2", port, "--certificate", str(signer.sign("other.test")))
        (plain,) = send("T3", hub.mllp_port)
    assert [one["code"] for one in (good, other, plain)] == ["AA", "AR", "AR"]
    codes = [row[3] for row in await fates(engine)]
    assert codes == [None, "certificate-not-allowed", "certificate-not-allowed"]


# -- hub send --------------------------------------------------------------------------------------------------------


@pytest.fixture
def hub(database: Urls, tmp_path: Path) -> Iterator[HubProcess]:
    with serving(tmp_path / "home", database.application) as process:
        yield process


async def test_a_batch_is_unwrapped_and_each_message_sent_once(
    hub: HubProcess, engine: AsyncEngine, tmp_path: Path
) -> None:
    batch = tmp_path / "batch.hl7"
    messages = b"".join(admission(name) for name in ("B1", "B2", "B3"))
    whole = b"FHS|^~\\&|HIS\rBHS|^~\\&|HIS\r" + messages + b"BTS|3\rFTS|1\r"
    batch.write_bytes(b"\xef\xbb\xbf" + whole.replace(b"\r", b"\r\n"))
    done = run_hub(hub.environment, "send", str(batch), "--to", f"127.0.0.1:{hub.mllp_port}", "--json")
    assert done.returncode == 0, done.stderr
    found = orjson.loads(done.stdout)
    assert [(one["number"], one["control_id"], one["code"]) for one in found] == [
        (1, "B1", "AA"),
        (2, "B2", "AA"),
        (3, "B3", "AA"),
    ]
    assert [row[1] for row in await fates(engine)] == ["B1", "B2", "B3"]


def test_an_answer_that_is_no_acceptance_ends_with_status_1_and_says_why(hub: HubProcess, tmp_path: Path) -> None:
    bad = tmp_path / "bad.hl7"
    bad.write_bytes(admission("S1").replace(b"ADT^A01", b"ADT^ZP1") + admission("S2"))
    environment = {**hub.environment, "COLUMNS": "80"}
    done = run_hub(environment, "send", str(bad), "--to", f"127.0.0.1:{hub.mllp_port}")
    assert done.returncode == 1
    assert "2 messages" in done.stdout
    assert "1 accepted, 1 refused, 0 not sent" in done.stdout
    assert max(len(line) for line in done.stdout.splitlines()[:-1]) <= 80


@pytest.mark.long
def test_who_cannot_be_reached_is_named_and_nothing_follows(hub: HubProcess, tmp_path: Path) -> None:
    file = tmp_path / "two.hl7"
    file.write_bytes(admission("U1") + admission("U2"))
    port = free_port()
    done = run_hub(hub.environment, "send", str(file), "--to", f"127.0.0.1:{port}", "--tries", "1", "--json")
    assert done.returncode == 1
    assert [one["refusal"] for one in orjson.loads(done.stdout)] == ["no-connection"] * 2
    for words, says in (
        ((str(file),), "--to"),
        ((str(file), "--to", "nowhere"), "HOST:PORT"),
        ((str(file), "--source", "renmin-his"), "outbound"),
        ((str(file), "--source", "nobody"), "--source"),
        ((str(PROFILE), "--to", "h:1"), "no HL7 v2 message"),
        ((str(tmp_path / "absent"), "--to", "h:1"), "absent"),
    ):
        done = run_hub(hub.environment, "send", *words)
        assert done.returncode == 1, words
        assert says in done.stderr, words


# -- foreign senders and hard weather --------------------------------------------------------------------------------


def test_python_hl7s_client_is_answered(hub: HubProcess) -> None:
    with MLLPClient("127.0.0.1", hub.mllp_port) as client:
        for name in ("P1", "P2"):
            answer = client.send_message(admission(name).decode("gb18030"))
            found = hl7.parse(answer.strip(b"\x0b\x1c\r").decode())
            assert str(found.segment("MSA")) == f"MSA|AA|{name}"


async def test_a_thousand_tiny_frames_and_one_without_end_are_kept_and_the_door_stays_open(
    database: Urls, engine: AsyncEngine, tmp_path: Path
) -> None:
    with serving(tmp_path / "home", database.application, HUB_MAX_MESSAGE_BYTES="100000") as hub:
        reader, writer = await asyncio.open_connection("127.0.0.1", hub.mllp_port)
        writer.write((START + b"x" + END) * 1_000 + START)
        for _ in range(50):
            writer.write(b"y" * 1_000_000)
            await writer.drain()
        writer.write(END)
        for _ in range(1_001):
            ack = read_ack((await asyncio.wait_for(reader.readuntil(END), 30))[1:-2])
            assert ack.code == "AR"
        writer.close()
        (good,) = await send_mllp("127.0.0.1", hub.mllp_port, [admission("G1")])
        assert good.code == "AA"
    async with engine.connect() as connection:
        sizes = list((await connection.execute(text("select length(raw) from body"))).scalars())
    assert sorted(sizes)[:1_000] == [1] * 1_000
    assert max(sizes) == 100_000
    assert len(sizes) == 1_002
