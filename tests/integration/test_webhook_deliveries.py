"""What an alert says reaches each receiver: signed, in order, again until it is taken, and nowhere else."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from uuid import UUID

import orjson
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from hub.alerts import Alert, Kind
from hub.ids import new_id
from hub.store import alerts, deliveries
from hub.webhooks import Postman, place_of, read_receivers, sign
from tests.desk import rows

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
KEY = b"k" * 32


class Receiver:
    """An HTTP server that keeps what it is told, and answers as it is told to."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, dict[str, str], bytes]] = []
        self.answer = "204 No Content"
        self.more = ""
        self.seconds = 0.0
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook?key=SECRET"

    @property
    def events(self) -> list[str]:
        return [orjson.loads(body)["event"] for _, _, body in self.heard]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("ascii").splitlines()
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        body = await reader.readexactly(int(headers["content-length"]))
        self.heard.append((first, headers, body))
        await asyncio.sleep(self.seconds)
        writer.write(f"HTTP/1.1 {self.answer}\r\n{self.more}content-length: 0\r\nconnection: close\r\n\r\n".encode())
        writer.close()

    @asynccontextmanager
    async def listening(self) -> AsyncIterator["Receiver"]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            await server.wait_closed()


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with Receiver().listening() as found:
        yield found


class Clock:
    """The postman's time."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


def postman(engine: AsyncEngine, *urls: str, clock: Callable[[], datetime], **more: Any) -> Postman:
    return Postman(engine, read_receivers(" ".join(urls)), KEY, now=clock, **more)


async def begin(engine: AsyncEngine, *urls: str, kind: Kind = Kind.DISK) -> Alert:
    """An alert begins, and is to be told."""
    alert = Alert(id=new_id(), kind=kind, source="", since=NOW, figure=0.9, threshold=0.9, given={})
    async with engine.begin() as connection:
        await alerts.save_begun(connection, alert)
    await tell(engine, alert, "began", *urls)
    return alert


async def tell(engine: AsyncEngine, alert: Alert, event: str, *urls: str) -> UUID:
    notice = new_id()
    alert = replace(alert, until=NOW if event == "ended" else None)
    async with engine.begin() as connection:
        await alerts.save_notice(connection, notice, alert, orjson.dumps({"event": event}))
        places = {key: place_of(url) for key, url in read_receivers(" ".join(urls)).items()}
        await deliveries.save_deliveries(connection, notice, places)
    return notice


async def states(engine: AsyncEngine) -> list[tuple[str, int]]:
    return [
        (row["state"], row["tries"]) for row in await rows(engine, "select * from alert_delivery order by notice_id")
    ]


async def test_a_notice_is_told_once_and_signed(engine: AsyncEngine, receiver: Receiver) -> None:
    clock = Clock()
    sender = postman(engine, receiver.url, clock=clock)
    await begin(engine, receiver.url)
    assert [await sender.deliver() for _ in range(3)] == [1, 0, 0]
    ((first, headers, body),) = receiver.heard
    assert first == "POST /hook?key=SECRET HTTP/1.1"
    moment = int(headers["webhook-timestamp"])
    assert moment == int(NOW.timestamp())
    assert headers["webhook-signature"] == sign(KEY, headers["webhook-id"], moment, body)
    assert await states(engine) == [("delivered", 1)]


@pytest.mark.parametrize("answer", ["500 Oops", "404 Not Found", "302 Found", "199 Odd"])
async def test_who_does_not_take_it_is_told_again_later_and_by_the_same_id(
    answer: str, engine: AsyncEngine, receiver: Receiver
) -> None:
    clock, outcomes = Clock(), list[str]()
    sender = postman(engine, receiver.url, clock=clock, on_attempt=outcomes.append)
    receiver.answer, receiver.more = answer, f"location: http://127.0.0.1:{receiver.port}/elsewhere\r\n"
    await begin(engine, receiver.url)
    assert await sender.deliver() == 1
    clock.now += timedelta(seconds=2)
    assert await sender.deliver() == 0  # not yet
    clock.now += timedelta(seconds=3)
    receiver.answer = "200 OK"
    assert await sender.deliver() == 1
    assert [first for first, _, _ in receiver.heard] == ["POST /hook?key=SECRET HTTP/1.1"] * 2
    assert len({headers["webhook-id"] for _, headers, _ in receiver.heard}) == 1
    assert len({headers["webhook-timestamp"] for _, headers, _ in receiver.heard}) == 2
    assert outcomes == ["failed", "delivered"]
    attempts = await rows(engine, "select status, fault from alert_attempt order by at")
    assert [row["status"] for row in attempts] == [0 if answer.startswith("199") else int(answer[:3]), 200]


async def test_who_is_away_or_slow_is_told_again_later(engine: AsyncEngine, receiver: Receiver) -> None:
    clock = Clock()
    gone = Receiver()
    async with gone.listening():
        pass
    receiver.seconds = 1.0
    sender = postman(engine, receiver.url, gone.url, clock=clock, seconds=0.2)
    await begin(engine, receiver.url, gone.url)
    assert await sender.deliver() == 2
    faults = {row["fault"] for row in await rows(engine, "select fault from alert_attempt")}
    assert faults == {"TimeoutError", "ConnectError"} or faults == {"ReadTimeout", "ConnectError"}
    receiver.seconds = 0
    clock.now += timedelta(seconds=5)
    async with gone.listening():
        assert await sender.deliver() == 2
    assert await states(engine) == [("delivered", 2)] * 2


async def test_pauses_grow_and_after_a_day_it_is_given_up(engine: AsyncEngine, receiver: Receiver) -> None:
    receiver.answer = "503 Later"
    clock, outcomes = Clock(), list[str]()
    sender = postman(engine, receiver.url, clock=clock, on_attempt=outcomes.append)
    await begin(engine, receiver.url)
    at: list[float] = []
    clock.now = datetime.now(UTC)  # a notice is as old as its row
    began = clock.now
    while clock.now < began + timedelta(days=2):
        if await sender.deliver():
            at.append((clock.now - began).total_seconds())
        clock.now += timedelta(seconds=5 if clock.now < began + timedelta(hours=2) else 600)
    pauses = [later - earlier for earlier, later in pairwise(at)]
    assert pauses[0] <= 10
    assert max(pauses) <= 3600 + 600
    assert 24 <= len(at) <= 80
    assert at[-1] <= 24 * 3600
    assert (outcomes[-1], set(outcomes[:-1])) == ("given-up", {"failed"})
    ((state, _),) = await states(engine)
    assert state == "given-up"


async def test_an_end_is_told_after_its_beginning(engine: AsyncEngine, receiver: Receiver) -> None:
    clock = Clock()
    sender = postman(engine, receiver.url, clock=clock)
    alert = await begin(engine, receiver.url)
    await tell(engine, alert, "ended", receiver.url)
    other = await begin(engine, receiver.url, kind=Kind.LAG)
    assert other.id != alert.id
    receiver.answer = "500 Oops"
    assert await sender.deliver() == 2  # both beginnings; the end waits for its own
    receiver.answer = "200 OK"
    clock.now += timedelta(seconds=5)
    assert [await sender.deliver(), await sender.deliver()] == [2, 1]
    assert receiver.events == ["began"] * 4 + ["ended"]


async def test_a_receiver_that_is_away_keeps_no_other_waiting(engine: AsyncEngine, receiver: Receiver) -> None:
    async with Receiver().listening() as other:
        receiver.answer = "500 Oops"
        sender = postman(engine, receiver.url, other.url, clock=Clock())
        alert = await begin(engine, receiver.url, other.url)
        await tell(engine, alert, "ended", receiver.url, other.url)
        while await sender.deliver():
            pass
        assert (receiver.events, other.events) == (["began"], ["began", "ended"])


async def test_two_postmen_do_not_tell_twice(engine: AsyncEngine, receiver: Receiver) -> None:
    clock = Clock()
    receiver.seconds = 0.05
    for kind in Kind:
        await begin(engine, receiver.url, kind=kind)
    senders = [postman(engine, receiver.url, clock=clock) for _ in range(4)]
    found = await asyncio.gather(*(one.deliver() for one in senders))
    assert sum(found) == len(receiver.heard) == len(Kind)


async def test_what_a_killed_process_had_in_hand_is_told_by_another(engine: AsyncEngine, receiver: Receiver) -> None:
    clock = Clock()
    receiver.seconds = 5.0
    await begin(engine, receiver.url)
    killed = asyncio.create_task(postman(engine, receiver.url, clock=clock).deliver())
    async with asyncio.timeout(20):
        while not receiver.heard:
            await asyncio.sleep(0.01)
    killed.cancel()
    await asyncio.gather(killed, return_exceptions=True)
    receiver.seconds = 0
    other = postman(engine, receiver.url, clock=clock)
    assert await other.deliver() == 0
    clock.now += timedelta(seconds=60)
    assert await other.deliver() == 1
    assert len(receiver.heard) == 2
    assert await states(engine) == [("delivered", 2)]


async def test_who_is_no_longer_named_is_given_up_after_a_day(engine: AsyncEngine, receiver: Receiver) -> None:
    await begin(engine, "https://old.test/", receiver.url)
    sender = postman(engine, receiver.url, clock=Clock())
    assert await sender.deliver() == 1
    for days, state in ((0.9, "waiting"), (1.1, "given-up")):
        async with engine.begin() as connection:
            now = datetime.now(UTC) + timedelta(days=days)
            await deliveries.give_up_strangers(connection, list(read_receivers(receiver.url)), now)
        assert sorted(state for state, _ in await states(engine)) == ["delivered", state]


async def test_a_running_postman_tells_and_goes_on_after_a_fault(engine: AsyncEngine, receiver: Receiver) -> None:
    times = iter([ZeroDivisionError, ZeroDivisionError])

    def now() -> datetime:
        if fault := next(times, None):
            raise fault
        return datetime.now(UTC)

    sender = postman(engine, receiver.url, clock=now, look_seconds=0.01)
    sender.start()
    await begin(engine, receiver.url)
    async with asyncio.timeout(20):
        while not receiver.heard:
            await asyncio.sleep(0.01)
    assert sender.is_alive
    await sender.stop()
    assert await states(engine) == [("delivered", 1)]


async def test_no_secret_of_a_url_is_logged_or_stored(
    engine: AsyncEngine, receiver: Receiver, capsys: pytest.CaptureFixture[str]
) -> None:
    receiver.answer = "500 SECRET"
    await begin(engine, receiver.url, "http://user:SECRET@127.0.0.1:1/SECRET")
    sender = postman(engine, receiver.url, "http://user:SECRET@127.0.0.1:1/SECRET", clock=Clock())
    assert await sender.deliver() == 2
    printed = capsys.readouterr()
    assert "webhook-failed" in printed.out + printed.err
    stored = [
        str(dict(row))
        for table in ("alert", "alert_notice", "alert_delivery", "alert_attempt")
        for row in await rows(engine, f"select * from {table}")
    ]
    assert len(stored) == 6
    assert "SECRET" not in printed.out + printed.err + "".join(stored)
