"""Following a resident over graphql-transport-ws, through a real server and a foreign client."""

import asyncio
import contextlib
import socket
import time
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any, Self
from uuid import UUID

import orjson
import pytest
import websockets
from granian.constants import Interfaces
from granian.server.embed import Server
from sqlalchemy import insert, text
from sqlalchemy.ext.asyncio import AsyncEngine
from starlette.applications import Starlette
from websockets.asyncio.client import ClientConnection

from hub.errors import Refused
from hub.events import SETTLED, EventFeed
from hub.ids import new_id
from hub.store import inbox, log
from hub.tables import resident
from hub.tokens import Keyring
from tests.integration.api.conftest import DOCTOR, ENGINEER, Clock, Ward

CHANGES = """subscription Changes($id: ID, $after: String) { residentChanged(residentId: $id, after: $after) {
  cursor at entries residentId messageId
  resident { name record { conditions { totalCount edges { node { display origins { path } } } } } }
} }"""


class Socket:
    """A client of graphql-transport-ws, as its protocol has it."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection

    async def say(self, **message: Any) -> None:
        await self._connection.send(orjson.dumps(message).decode())

    async def hear(self, within: float = 5) -> dict[str, Any]:
        async with asyncio.timeout(within):
            frame = await self._connection.recv()
        assert isinstance(frame, str)
        heard: dict[str, Any] = orjson.loads(frame)
        return heard

    async def enter(self, token: str) -> Self:
        await self.say(type="connection_init", payload={"Authorization": f"Bearer {token}"})
        assert (await self.hear())["type"] == "connection_ack"
        return self

    async def follow(self, key: UUID | None, after: str | None = None, name: str = "1", query: str = CHANGES) -> None:
        asked = {"id": str(key) if key else None, "after": after}
        await self.say(type="subscribe", id=name, payload={"query": query, "variables": asked})

    async def change(self, within: float = 5) -> dict[str, Any]:
        heard = await self.hear(within)
        assert heard["type"] == "next", heard
        found: dict[str, Any] = heard["payload"]["data"]["residentChanged"]
        return found

    async def closed(self) -> int:
        async with asyncio.timeout(5):
            await self._connection.wait_closed()
        assert self._connection.close_code is not None
        return self._connection.close_code


@pytest.fixture
async def address(app: Starlette) -> AsyncIterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = Server(app, address="127.0.0.1", port=port, interface=Interfaces.ASGINL, log_enabled=False)
    serving = asyncio.create_task(server.serve())
    await _listening(port)
    yield f"ws://127.0.0.1:{port}/graphql"
    server.stop()  # type: ignore[no-untyped-call]
    await serving


async def _listening(port: int) -> None:
    while True:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.01)
        else:
            writer.close()
            return


@contextlib.asynccontextmanager
async def connected(address: str, **headers: str) -> AsyncIterator[Socket]:
    """A socket that has said nothing yet."""
    protocol = websockets.Subprotocol("graphql-transport-ws")
    async with websockets.connect(address, subprotocols=[protocol], additional_headers=headers) as connection:
        yield Socket(connection)


@pytest.fixture
def token(keyring: Keyring, clock: Clock) -> str:
    return keyring.issue(DOCTOR, now=clock())


async def test_a_change_arrives_within_a_second(address: str, token: str, ward: Ward) -> None:
    key = await ward.admit("李娜")
    async with connected(address) as socket:
        await (await socket.enter(token)).follow(key)
        await _rows(ward, 1)
        await ward.note(key, "Condition")
        began = time.monotonic()
        await ward.change(key, kinds=("Condition", "Patient"))
        change = await socket.change(within=1)
        assert time.monotonic() - began < 1
    assert change["entries"] == ["Condition", "Patient"]
    assert change["resident"]["name"] == "李娜"
    assert change["resident"]["record"]["conditions"]["edges"][0]["node"]["origins"] == [{"path": "DG1"}]


async def test_each_delivery_is_in_the_audit_trail_before_it_is_sent(address: str, token: str, ward: Ward) -> None:
    key = await ward.admit()
    async with connected(address, Authorization=f"Bearer {token}") as socket:
        await socket.say(type="connection_init")
        assert (await socket.hear())["type"] == "connection_ack"
        await socket.follow(key)
        begun = await _rows(ward, 1)
        for count in (2, 3):
            await ward.change(key)
            await socket.change()
            assert len(await ward.audited()) == count
    rows = await ward.audited()
    assert [row["residents"] for row in begun] == [[key]]
    assert {(row["operation"], row["viewer"], row["decision"]) for row in rows} == {("Changes", "dr-lin", "allowed")}
    assert [(row["residents"], row["kinds"]) for row in rows[1:]] == [([key], ["Condition"])] * 2


async def test_following_resumes_behind_a_cursor_without_a_gap(address: str, token: str, ward: Ward) -> None:
    key, other = await ward.admit(), await ward.admit()
    async with connected(address) as socket:
        await (await socket.enter(token)).follow(key)
        await _rows(ward, 1)
        await ward.change(key, kinds=("one",))
        first = await socket.change()
    for name in ("two", "three"):
        await ward.change(other, key, kinds=(name,))
    async with connected(address) as socket:
        await (await socket.enter(token)).follow(key, first["cursor"])
        missed = [await socket.change(), await socket.change()]
        await ward.change(key, kinds=("four",))
        assert (await socket.change())["entries"] == ["four"]
    assert [change["entries"] for change in missed] == [["two"], ["three"]]
    assert {change["residentId"] for change in missed} == {first["residentId"]}


async def test_all_residents_can_be_followed_and_many_at_once(address: str, token: str, ward: Ward) -> None:
    one, two = await ward.admit(), await ward.admit()
    async with connected(address) as socket:
        await socket.enter(token)
        await socket.follow(None, name="all")
        await socket.follow(two, name="two")
        await _rows(ward, 2)
        await ward.change(one, two)
        heard = [await socket.hear() for _ in range(3)]
    assert sorted(message["id"] for message in heard) == ["all", "all", "two"]


async def test_one_who_was_merged_is_followed_as_the_one_that_stays(
    address: str, token: str, ward: Ward, engine: AsyncEngine
) -> None:
    stays, gone = await ward.admit("王芳"), new_id()
    async with engine.begin() as connection:
        await connection.execute(insert(resident).values(id=gone, name="王方", replaced_by=stays))
    async with connected(address) as socket:
        await (await socket.enter(token)).follow(gone)
        await _rows(ward, 1)
        await ward.change(stays)
        assert (await socket.change())["resident"]["name"] == "王芳"


@pytest.mark.parametrize("payload", [{}, {"Authorization": "Bearer x"}, {"Authorization": 1}, {"token": "x"}])
async def test_without_a_token_the_connection_is_closed(address: str, payload: dict[str, Any]) -> None:
    async with connected(address) as socket:
        await socket.say(type="connection_init", payload=payload)
        assert await socket.closed() == 4403


async def test_nothing_is_followed_before_the_token_was_read(address: str) -> None:
    async with connected(address) as socket:
        await socket.follow(None)
        assert await socket.closed() == 4401


async def test_an_engineer_follows_nobody(address: str, keyring: Keyring, clock: Clock, ward: Ward) -> None:
    key = await ward.admit()
    async with connected(address) as socket:
        await (await socket.enter(keyring.issue(ENGINEER, now=clock()))).follow(key)
        heard = await socket.hear()
    assert _code(heard) == "may-not-read-records"
    assert [(row["decision"], row["residents"]) for row in await ward.audited()] == [("refused", [key])]


async def test_following_ends_with_the_token(address: str, token: str, ward: Ward, clock: Clock) -> None:
    key = await ward.admit()
    async with connected(address) as socket:
        await (await socket.enter(token)).follow(key)
        await _rows(ward, 1)
        clock.moment += timedelta(days=31)
        await ward.change(key)
        heard = await socket.hear()
        assert _code(heard) == "no-token"
        assert heard["payload"]["data"] is None
        assert (await socket.hear())["type"] == "complete"


async def test_a_cursor_of_somebody_elses_is_refused(address: str, token: str, ward: Ward) -> None:
    async with connected(address) as socket:
        await (await socket.enter(token)).follow(None, after="yesterday")
        assert _code(await socket.hear()) == "bad-cursor"


async def test_the_socket_carries_subscriptions_alone(address: str, token: str, ward: Ward) -> None:
    await ward.admit()
    async with connected(address) as socket:
        await (await socket.enter(token)).follow(None, query="{ residents { edges { node { name } } } }")
        heard = await socket.hear()
    assert heard["type"] == "error"
    assert "张伟" not in str(heard)


def _code(heard: dict[str, Any]) -> str:
    payload = heard["payload"]
    errors = payload["errors"] if isinstance(payload, dict) else payload
    return str(errors[0]["extensions"]["code"])


async def _rows(ward: Ward, count: int) -> list[Any]:
    """The audit rows, once there are so many: then the subscription has begun."""
    async with asyncio.timeout(5):
        while len(rows := await ward.audited()) < count:
            await asyncio.sleep(0.01)
    return list(rows)


# -- the feed --------------------------------------------------------------------------------------------------------


async def test_the_feed_misses_nothing_when_a_notification_is_lost(engine: AsyncEngine, ward: Ward) -> None:
    key = await ward.admit()
    async with EventFeed(engine, poll_seconds=0.1) as feed:
        begin = await feed.end()
        async with engine.begin() as connection:
            await log.tell(connection, [{"kind": "resident-changed", "resident_id": key, "entries": ["silent"]}])
        assert await _entries(feed, begin, 1) == [("silent",)]


async def test_the_feed_waits_for_who_began_earlier_and_keeps_the_order(
    feed: EventFeed, engine: AsyncEngine, ward: Ward
) -> None:
    key = await ward.admit()
    begin = await feed.end()
    async with engine.connect() as slow:
        await log.tell(slow, [{"kind": "resident-changed", "resident_id": key, "entries": ["slow"]}])
        await ward.change(key, kinds=("quick",))
        await asyncio.sleep(0.2)
        await inbox.wake(slow, "event")
        await slow.commit()
    assert await _entries(feed, begin, 2) == [("slow",), ("quick",)]


async def test_the_feed_finds_its_way_back_after_its_connection_broke(
    feed: EventFeed, engine: AsyncEngine, ward: Ward
) -> None:
    key = await ward.admit()
    begin = await feed.end()
    async with engine.connect() as connection:
        others = "pid <> pg_backend_pid() and usename = current_user and datname = current_database()"
        await connection.execute(text(f"select pg_terminate_backend(pid) from pg_stat_activity where {others}"))
    await engine.dispose()
    await ward.change(key, kinds=("after",))
    assert await _entries(feed, begin, 1) == [("after",)]


async def test_a_follower_far_behind_reads_the_log_itself(feed: EventFeed, engine: AsyncEngine, ward: Ward) -> None:
    key = await ward.admit()
    begin = await feed.end()
    async with engine.begin() as connection:
        rows = [{"kind": "resident-changed", "resident_id": key, "entries": [str(n)]} for n in range(3000)]
        await log.tell(connection, rows)
        await inbox.wake(connection, "event")
    assert await _entries(feed, begin, 3000) == [(str(n),) for n in range(3000)]
    assert await _entries(feed, begin, 3000) == [(str(n),) for n in range(3000)]


async def _entries(feed: EventFeed, begin: str, count: int) -> list[tuple[str, ...]]:
    found: list[tuple[str, ...]] = []
    async with asyncio.timeout(10), contextlib.aclosing(feed.follow(begin)) as batches:
        async for events in batches:
            found += [event.entries for event in events]
            if len(found) >= count:
                break
    return found


async def test_a_wait_ends_with_the_next_wake_of_its_kind(feed: EventFeed, engine: AsyncEngine) -> None:
    assert await feed.wait(SETTLED, 0.05) is False
    waiting = [asyncio.create_task(feed.wait(SETTLED, 5)) for _ in range(3)]
    other = asyncio.create_task(feed.wait("other", 0.3))
    await asyncio.sleep(0.05)
    async with engine.begin() as connection:
        await inbox.wake(connection, SETTLED)
    assert await asyncio.gather(*waiting) == [True] * 3
    assert await other is False


async def test_a_wake_between_two_waits_is_not_lost(feed: EventFeed, engine: AsyncEngine) -> None:
    with feed.watch(SETTLED) as watch:
        async with engine.begin() as connection:
            await inbox.wake(connection, SETTLED)
        await asyncio.sleep(0.1)
        assert await watch.next(0) is True


async def test_closing_ends_all_who_follow_or_wait(engine: AsyncEngine) -> None:
    feed = EventFeed(engine)
    await feed.start()
    begin = await feed.end()

    async def follow() -> list[Any]:
        return [events async for events in feed.follow(begin)]

    tasks = [asyncio.create_task(follow()), asyncio.create_task(feed.wait(SETTLED, 60))]
    await asyncio.sleep(0.05)
    before = len(asyncio.all_tasks())
    await feed.close()
    assert (await asyncio.gather(*tasks))[0] == []
    assert len(asyncio.all_tasks()) < before


async def test_a_cursor_is_checked_before_it_is_followed(feed: EventFeed) -> None:
    for cursor in ("", "x", "1", "1.", "-1.0", "1.99999999999999999999999", "١.1"):
        with pytest.raises(Refused) as refused:
            await anext(feed.follow(cursor))
        assert refused.value.refusal.code == "bad-cursor"
