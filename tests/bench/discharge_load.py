"""A hospital and a team in a process of their own: messages at a steady rate, and a subscription that hears of each
discharge. A discharge is known by its instant, which no two of a load share.

Started as ``python -m tests.bench.discharge_load``; each line of its input is a `Load`, each line of its output the
`Heard` of it.
"""

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

import orjson
from websockets.asyncio.client import ClientConnection, connect

from fixtures.county.clinic import BEIJING, Diagnosis, Visit, diagnoses
from fixtures.county.crowd import crowd
from fixtures.county.messages import write_adt
from fixtures.county.people import Person

START, END = b"\x0b", b"\x1c\r"
SEED = 7
PROTOCOL = "graphql-transport-ws"
FOLLOW = "subscription F($after: String) { followUpChanged(after: $after) { plan { dischargedAt } } }"
_PATIENCE = 60.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Load:
    """`people`, from number `first` of the crowd on, come and go: two messages each, `rate` messages a second."""

    http_port: int
    mllp_port: int
    token: str
    first: int
    people: int
    rate: float
    began_at: str
    connections: int = 8


@dataclass(frozen=True, kw_only=True, slots=True)
class Heard:
    """Seconds from sending each discharge to hearing of it, and the rate at which was really sent."""

    seconds: list[float]
    missing: int
    rate: float


class Hospital:
    """The process, as the bench sees it."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def discharge(self, load: Load) -> Heard:
        """Carry a load."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(orjson.dumps(asdict(load)) + b"\n")
        return Heard(**orjson.loads(await self._process.stdout.readline()))


@asynccontextmanager
async def hospital_process() -> AsyncIterator[Hospital]:
    """The hospital, ready to be told what to send."""
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", __name__, stdin=pipe, stdout=pipe, limit=16 * 1024 * 1024
    )
    try:
        yield Hospital(process)
    finally:
        assert process.stdin is not None
        process.stdin.close()
        await process.wait()


def crowd_of(first: int, people: int) -> list[Person]:
    """The people of a load."""
    return list(crowd(first + people, SEED))[first:]


def stays(load: Load) -> Iterator[tuple[bytes, datetime | None]]:
    """Admissions and discharges, each discharge a second after the one before; with its instant."""
    began_at = datetime.fromisoformat(load.began_at).astimezone(BEIJING).replace(microsecond=0)
    found = [diagnoses()["I10"]]
    for place, person in enumerate(crowd_of(load.first, load.people)):
        left_at = began_at - timedelta(seconds=load.people - place)
        visit = Visit(serial=f"B{load.first + place}", kind="I", began_at=left_at - timedelta(days=2))
        serial = f"{load.first + place:08d}"
        yield _adt(person, "A01", f"A{serial}", visit, visit.began_at, found), None
        over = Visit(serial=visit.serial, kind="I", began_at=visit.began_at, ended_at=left_at, disposition="1")
        yield _adt(person, "A03", f"D{serial}", over, left_at, found), left_at


def _adt(person: Person, event: str, control_id: str, visit: Visit, at: datetime, found: list[Diagnosis]) -> bytes:
    return write_adt("renmin-his", person, event, control_id=control_id, at=at, visit=visit, diagnoses=found)


async def carry(load: Load) -> Heard:
    """Send a load at its rate, and hear of it."""
    messages = list(stays(load))
    sent: dict[datetime, float] = {}
    heard: dict[datetime, float] = {}
    wires = [await asyncio.open_connection("127.0.0.1", load.mllp_port) for _ in range(load.connections)]
    drains = [asyncio.create_task(_drain(reader)) for reader, _ in wires]
    async with connect(f"ws://127.0.0.1:{load.http_port}/graphql", subprotocols=[PROTOCOL]) as socket:  # type: ignore[list-item]
        await _subscribe(socket, load.token)
        listening = asyncio.create_task(_listen(socket, heard, load.people))
        await asyncio.sleep(0.5)
        began = time.perf_counter()
        for number, (body, left_at) in enumerate(messages):
            await asyncio.sleep(max(0.0, began + number / load.rate - time.perf_counter()))
            if left_at is not None:
                sent[left_at] = time.perf_counter()
            # a person's admission and discharge go over one connection, as one engine sends them
            wires[number // 2 % len(wires)][1].write(START + body + END)
        took = time.perf_counter() - began
        await asyncio.wait([listening], timeout=_PATIENCE)
        listening.cancel()
    for _, writer in wires:
        writer.close()
    await asyncio.gather(*drains)
    seconds = [heard[at] - sent[at] for at in sent if at in heard]
    return Heard(seconds=seconds, missing=len(sent) - len(seconds), rate=len(messages) / took)


async def _drain(reader: asyncio.StreamReader) -> None:
    while await reader.read(65536):
        pass


async def _subscribe(socket: ClientConnection, token: str) -> None:
    await _say(socket, type="connection_init", payload={"Authorization": f"Bearer {token}"})
    await socket.recv()
    await _say(socket, type="subscribe", id="1", payload={"query": FOLLOW})


async def _say(socket: ClientConnection, **message: object) -> None:
    await socket.send(orjson.dumps(message).decode())


async def _listen(socket: ClientConnection, heard: dict[datetime, float], expected: int) -> None:
    async for frame in socket:
        said = orjson.loads(frame)
        if said["type"] == "ping":
            await _say(socket, type="pong")
        elif said["type"] == "next":
            plan = said["payload"]["data"]["followUpChanged"]["plan"]
            heard.setdefault(datetime.fromisoformat(plan["dischargedAt"]), time.perf_counter())
            if len(heard) == expected:
                return


def main() -> None:
    """Carry loads until the input ends."""
    for line in sys.stdin.buffer:
        print(orjson.dumps(asdict(asyncio.run(carry(Load(**orjson.loads(line)))))).decode(), flush=True)


if __name__ == "__main__":
    main()
