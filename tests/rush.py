"""A rush: many clients over HTTP, each with a connection of its own, who want a slot of one session all at once.

Started as ``python -m tests.rush``; each line of its input is a `Rush`, each line of its output a `Found`.
"""

import asyncio
import re
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import insert

from hub.access import Role, Viewer
from hub.api.paging import global_id
from hub.tables import resident
from hub.tokens import Keyring
from tests.integration.api.conftest import sign
from tests.sessions import Clinic, published

HOLD = """mutation Hold($input: HoldSlotInput!) { holdSlot(input: $input) { __typename
  ... on BookingPayload { booking { id } } ... on Refusal { code clause changesAt nextStep { zh } } } }"""
CONFIRM = """mutation Confirm($input: ConfirmBookingInput!) { confirmBooking(input: $input) { __typename
  ... on BookingPayload { booking { id state } } ... on Refusal { code } } }"""

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True, slots=True)
class Rush:
    """`clients` are (token, resident id) pairs."""

    port: int
    pool_id: str
    clients: Sequence[tuple[str, str]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """What came of a rush. `outcomes` counts ``BOOKED`` and the codes of refusals; `answers` are the seconds of each
    answer, `booked` those from the first request of a client to their booking, `seconds` all of it."""

    outcomes: dict[str, int]
    clauses: list[str | None]
    bookings: list[str]
    answers: list[float]
    booked: list[float]
    seconds: float


async def set_up(clinic: Clinic, keyring: Keyring, *, clients: int, total: int, reserved: int, teams: int = 20) -> Rush:
    """A session that is open now, and a doctor with a resident for each client; the port is still to be said."""
    now = datetime.now(UTC)
    await clinic.open(teams)
    session = await open_session(clinic, "S1", total, reserved)
    people = []
    async with clinic.engine.begin() as connection:
        for at in range(clients):
            team = f"team-{at % teams + 1}"
            key = UUID(int=(at + 1) << 64)
            await connection.execute(insert(resident).values(id=key, name=f"居民{at}", origins=[]))
            await sign(connection, key, team)
            viewer = Viewer(id=f"dr-{at}", name="医生", role=Role.FAMILY_DOCTOR, organisation="centre-1", team=team)
            people.append((keyring.issue(viewer, now=now), str(global_id("Resident", key))))
    return Rush(port=0, pool_id=str(global_id("SlotPool", session)), clients=people)


async def open_session(clinic: Clinic, number: str, total: int, reserved: int) -> UUID:
    """A session that teams may book now."""
    now = datetime.now(UTC)
    starts_at = (now + timedelta(days=9)).replace(microsecond=0)
    told = published(
        total,
        number=number,
        starts_at=starts_at,
        public_from=now - timedelta(days=1),
        told_at=now,
        reserved=reserved,
    )
    return await clinic.publish(told, now=now)


async def carry(rush: Rush) -> Found:
    """Let all clients connect, then ask at the same moment."""
    gate = asyncio.Event()
    clients = [_Client(rush.port, token, resident, rush.pool_id, gate) for token, resident in rush.clients]
    for some in range(0, len(clients), 100):
        await asyncio.gather(*(client.connect() for client in clients[some : some + 100]))
    doing = [asyncio.create_task(client.book()) for client in clients]
    await asyncio.sleep(0)
    began = time.perf_counter()
    gate.set()
    await asyncio.gather(*doing)
    took = time.perf_counter() - began
    return Found(
        outcomes=dict(Counter(client.outcome for client in clients)),
        clauses=sorted({client.clause for client in clients if client.outcome != "BOOKED"}, key=str),
        bookings=[client.booking for client in clients if client.booking],
        answers=[seconds for client in clients for seconds in client.answers],
        booked=[sum(client.answers) for client in clients if client.outcome == "BOOKED"],
        seconds=took,
    )


class _Client:
    """One front end."""

    def __init__(self, port: int, token: str, resident: str, pool_id: str, gate: asyncio.Event) -> None:
        self._port, self._token, self._gate = port, token, gate
        self._resident, self._pool_id = resident, pool_id
        self.answers: list[float] = []
        self.outcome, self.booking = "", ""
        self.clause: str | None = None

    async def connect(self) -> None:
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)

    async def book(self) -> None:
        """Hold a slot, and confirm it."""
        await self._gate.wait()
        held = await self._ask(HOLD, "holdSlot", {"slotPoolId": self._pool_id})
        if held["__typename"] == "Refusal":
            self.outcome, self.clause = held["code"], held["clause"]
            assert held["nextStep"]["zh"]
            assert datetime.fromisoformat(held["changesAt"]) > datetime.now(UTC)
        else:
            self.booking = held["booking"]["id"]
            given = {"bookingId": self.booking, "residentId": self._resident}
            booked = await self._ask(CONFIRM, "confirmBooking", given)
            self.outcome = booked.get("code") or booked["booking"]["state"]
        self._writer.close()

    async def _ask(self, query: str, name: str, given: dict[str, str]) -> Any:
        body = orjson.dumps({"query": query, "variables": {"input": given}})
        head = (
            f"POST /graphql HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {self._token}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        began = time.perf_counter()
        self._writer.write(head.encode() + body)
        answer = await self._reader.readuntil(b"\r\n\r\n")
        length = _LENGTH.search(answer)
        if b" 200 " not in answer[:20] or length is None:
            raise AssertionError(answer)
        said = orjson.loads(await self._reader.readexactly(int(length[1])))
        self.answers.append(time.perf_counter() - began)
        if "errors" in said:
            raise AssertionError(said)
        return said["data"][name]


class Crowd:
    """The process, as a test sees it."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def carry(self, rush: Rush, port: int) -> Found:
        """Let the clients go."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(orjson.dumps(asdict(replace(rush, port=port))) + b"\n")
        return Found(**orjson.loads(await self._process.stdout.readline()))


@asynccontextmanager
async def crowd() -> AsyncIterator[Crowd]:
    """The clients, in a process of their own."""
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", __name__, stdin=pipe, stdout=pipe, limit=16 * 1024 * 1024
    )
    try:
        yield Crowd(process)
    finally:
        assert process.stdin is not None
        process.stdin.close()
        await process.wait()


def main() -> None:
    """Carry rushes until the input ends."""
    for line in sys.stdin.buffer:
        found = asyncio.run(carry(Rush(**orjson.loads(line))))
        print(orjson.dumps(asdict(found)).decode(), flush=True)


if __name__ == "__main__":
    main()
