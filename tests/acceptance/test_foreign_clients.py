"""MLLP clients that this project did not write, against a running hub: many messages over one connection, Chinese text
both ways, what was refused, and a second connection.

Of hl7apy only the listener speaks MLLP; it has no client to be tried.
"""

import json
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import hl7
import pytest
from hl7.client import MLLPClient
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from fixtures.county import write_adt
from fixtures.county.clinic import at
from fixtures.county.crowd import crowd
from fixtures.county.people import Person
from tests.acceptance.hub_process import HubProcess, serving
from tests.conftest import Urls

pytestmark = pytest.mark.long

MANY = 120
WHEN = at("2026-01-05T08:30")
RARE = "\ue000某𠮷䶮"
"""A surname out of the private-use area, and characters of four bytes in GB 18030."""
CLIENTS = ("node-hl7-client@3.2.0", "@medplum/hl7@5.0.10")
CODECS = {"utf-8": "UNICODE UTF-8", "gb18030": "GB 18030-2000"}


@pytest.fixture
def hub(database: Urls, tmp_path: Path) -> Iterator[HubProcess]:
    """Its people speak Chinese, so its acknowledgements of what it refuses do."""
    with serving(tmp_path / "home", database.application, HUB_LOCALE="zh") as process:
        yield process


def persons(count: int) -> list[Person]:
    """The first of them has a name that few character sets hold."""
    first, *others = islice(crowd(count, 11), count)
    return [replace(first, name=RARE), *others]


def admissions(count: int, codec: str, prefix: str) -> list[str]:
    """Messages that declare a character set, and, last, one of an impossible day of birth."""
    found = [
        write_adt("renmin-his", person, "A01", control_id=f"{prefix}{number}", at=WHEN)
        for number, person in enumerate(persons(count))
    ]
    wrong = write_adt("renmin-his", persons(1)[0], "A01", control_id=f"{prefix}X", at=WHEN, pid={7: "19561332"})
    return [_declared(body.decode("gb18030"), codec) for body in (*found, wrong)]


def _declared(body: str, codec: str) -> str:
    """Says in MSH-18 what it is written in, and sends it to a system of a rare name."""
    return body.replace("|AL|AL|CHN", f"|AL|AL|CHN|{CODECS[codec]}", 1).replace("|HUB|", f"|{RARE}|", 1)


async def check_kept(engine: AsyncEngine, count: int, raw: Sequence[bytes]) -> None:
    """Nothing that came is lost, changed or doubled, and the rare name stands in the record as it was sent. Some
    clients leave out the last line end."""
    async with engine.connect() as connection:
        bodies = (await connection.execute(text("select raw from body"))).scalars().all()
        fates = (await connection.execute(text("select fate, count(*) from fate group by fate"))).all()
        names = (await connection.execute(text("select name from resident"))).scalars().all()
    assert Counter(body.rstrip(b"\r") for body in bodies) == Counter(body.rstrip(b"\r") for body in raw)
    assert dict(tuple(row) for row in fates) == {"merged": count, "parked": 1}
    assert Counter(names) == Counter(person.name for person in persons(count))


async def settled(engine: AsyncEngine) -> None:
    """Waits until the hub has taken all that it has kept to its end."""
    for _ in range(600):
        async with engine.connect() as connection:
            if not await connection.scalar(text("select count(*) from fate where fate = 'kept'")):
                return
            await connection.execute(text("select pg_sleep(0.05)"))
    raise AssertionError("messages stay kept")


# -- python-hl7 --------------------------------------------------------------------------------------------------------


def read_reply(reply: bytes) -> tuple[str, str, str]:
    """MSA-1, MSA-2 and MSA-3 of an answer as python-hl7 reads it, from whom it was sent to."""
    codec = "gb18030" if b"GB 18030-2000" in reply else "utf-8"  # as MSH-18 says
    answer = hl7.parse(reply.strip(b"\x0b\x1c\r").decode(codec))
    assert str(answer.segment("MSH")[3]) == RARE
    msa = answer.segment("MSA")
    return str(msa[1]), str(msa[2]), str(msa[3]) if len(msa) > 3 else ""


@pytest.mark.parametrize("codec", CODECS)
async def test_python_hl7s_client_sends_many_over_one_connection_and_comes_back(
    hub: HubProcess, engine: AsyncEngine, codec: str
) -> None:
    bodies = admissions(MANY, codec, "PY")
    with MLLPClient("127.0.0.1", hub.mllp_port, encoding=codec) as client:
        first = [read_reply(client.send_message(body)) for body in bodies]
    with MLLPClient("127.0.0.1", hub.mllp_port, encoding=codec) as client:
        again = [read_reply(client.send_message(body)) for body in (bodies[0], bodies[-1])]
    assert [(code, name) for code, name, _ in first[:-1]] == [("AA", f"PY{number}") for number in range(MANY)]
    code, name, said = first[-1]
    assert (code, name) == ("AE", "PYX")
    assert "PID-7" in said
    assert "有效的日历日期" in said
    assert again == [first[0], first[-1]], "what comes twice gets its first answer"
    await settled(engine)
    await check_kept(engine, MANY, [body.encode(codec) for body in bodies])


async def test_python_hl7s_command_sends_a_file(hub: HubProcess, engine: AsyncEngine, tmp_path: Path) -> None:
    bodies = admissions(MANY, "utf-8", "MS")
    file = tmp_path / "messages.hl7"
    file.write_bytes(b"".join(b"\x0b" + body.encode() + b"\x1c\r" for body in bodies))
    code = "from hl7.client import mllp_send; mllp_send()"
    words = [sys.executable, "-c", code, "--file", str(file), "--port", str(hub.mllp_port), "127.0.0.1"]
    said = subprocess.run(words, capture_output=True, timeout=120, check=True).stdout
    answers = [read_reply(answer) for answer in said.split(b"\x1c\r") if b"MSH" in answer]
    assert [(code, name) for code, name, _ in answers] == [
        *(("AA", f"MS{number}") for number in range(MANY)),
        ("AE", "MSX"),
    ]
    await settled(engine)
    await check_kept(engine, MANY, [body.encode() for body in bodies])


async def test_python_hl7s_command_sends_a_file_with_loose_line_ends(
    hub: HubProcess, engine: AsyncEngine, tmp_path: Path
) -> None:
    bodies = admissions(3, "utf-8", "LO")
    file = tmp_path / "messages.hl7"
    file.write_text("".join(body.replace("\r", "\n") for body in bodies), encoding="utf-8")
    code = "from hl7.client import mllp_send; mllp_send()"
    words = [sys.executable, "-c", code, "--loose", "--file", str(file), "--port", str(hub.mllp_port), "127.0.0.1"]
    said = subprocess.run(words, capture_output=True, timeout=120, check=True).stdout
    answers = [read_reply(answer) for answer in said.split(b"\x1c\r") if b"MSH" in answer]
    assert [(code, name) for code, name, _ in answers] == [("AA", "LO0"), ("AA", "LO1"), ("AA", "LO2"), ("AE", "LOX")]
    await settled(engine)


# -- clients of Node.js ------------------------------------------------------------------------------------------------

NODE_HL7_CLIENT = """
import { readFileSync, writeFileSync } from "node:fs";
import { Client, Message } from "node-hl7-client";

const [port, asked, told] = process.argv.slice(2);
const answers = [];

async function send(bodies) {
  const client = new Client({ host: "127.0.0.1" });
  let answered;
  const connection = client.createConnection({ port: Number(port), waitAck: true }, async (response) => {
    const answer = response.getMessage();
    answered([answer.get("MSA.1").toString(), answer.get("MSA.2").toString(), answer.get("MSA.3").toString()]);
  });
  for (const body of bodies) {
    const next = new Promise((resolve) => { answered = resolve; });
    await connection.sendMessage(new Message({ text: body }));
    answers.push(await next);
  }
  await connection.close();
}

const bodies = JSON.parse(readFileSync(asked, "utf-8"));
await send(bodies);
await send([bodies.at(0), bodies.at(-1)]);
writeFileSync(told, JSON.stringify(answers));
process.exit(0);
"""

MEDPLUM = """
import { readFileSync, writeFileSync } from "node:fs";
import { Hl7Message } from "@medplum/core";
import { Hl7Client } from "@medplum/hl7";

const [port, asked, told, encoding] = process.argv.slice(2);
const answers = [];

async function send(bodies) {
  const client = new Hl7Client({ host: "127.0.0.1", port: Number(port), encoding, keepAlive: true });
  const sent = bodies.map((body) => client.sendAndWait(Hl7Message.parse(body), { timeoutMs: 60000 }));
  for (const answer of await Promise.all(sent)) {
    const msa = answer.getSegment("MSA");
    answers.push([1, 2, 3].map((number) => msa.getField(number)?.toString() ?? ""));
  }
  await client.close();
}

const bodies = JSON.parse(readFileSync(asked, "utf-8"));
await send(bodies);
await send([bodies.at(0), bodies.at(-1)]);
writeFileSync(told, JSON.stringify(answers));
process.exit(0);
"""


@pytest.fixture(scope="session")
def fetched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the clients in it, as npm fetches them."""
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        pytest.skip("npm is not installed here")
    folder = tmp_path_factory.mktemp("clients")
    (folder / "package.json").write_text('{"name": "clients", "private": true}')
    words = [npm, "install", "--no-audit", "--no-fund", "--ignore-scripts", *CLIENTS]
    try:
        done = subprocess.run(words, cwd=folder, capture_output=True, text=True, timeout=180, check=False)
    except subprocess.TimeoutExpired:
        pytest.skip("npm could not fetch the clients within three minutes")
    if done.returncode:
        pytest.skip(f"npm could not fetch the clients: {done.stderr[-200:]}")
    return folder


def run_node(folder: Path, script: str, port: int, bodies: Sequence[str], encoding: str) -> list[tuple[str, ...]]:
    """MSA-1 to MSA-3 of each answer as a script read them."""
    (folder / "client.mjs").write_text(script, encoding="utf-8")
    asked, told = folder / "asked.json", folder / "told.json"
    asked.write_text(json.dumps(bodies), encoding="utf-8")
    told.unlink(missing_ok=True)
    words = ["node", "client.mjs", str(port), str(asked), str(told), encoding]
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, timeout=240, check=False)
    assert told.exists(), done.stderr[-2000:]
    found: list[list[Any]] = json.loads(told.read_text(encoding="utf-8"))
    return [tuple(answer) for answer in found]


@pytest.mark.parametrize(
    ("script", "codec"),
    [(NODE_HL7_CLIENT, "utf-8"), (MEDPLUM, "utf-8"), (MEDPLUM, "gb18030")],
    ids=["node-hl7-client", "medplum-utf-8", "medplum-gb18030"],
)
async def test_a_client_of_node_sends_many_over_one_connection_and_comes_back(
    hub: HubProcess, engine: AsyncEngine, fetched: Path, script: str, codec: str
) -> None:
    bodies = admissions(MANY, codec, "NO")
    answers = run_node(fetched, script, hub.mllp_port, bodies, codec)
    assert [answer[:2] for answer in answers[:MANY]] == [("AA", f"NO{number}") for number in range(MANY)]
    refused = answers[MANY]
    assert refused[:2] == ("AE", "NOX")
    assert "PID-7" in refused[2]
    # A client that is set to one character set does not look into MSH-18: it is answered in its own.
    assert "有效的日历日期" in refused[2]
    assert answers[MANY + 1 :] == [answers[0], refused], "what comes twice gets its first answer"
    await settled(engine)
    await check_kept(engine, MANY, [body.encode(codec) for body in bodies])
