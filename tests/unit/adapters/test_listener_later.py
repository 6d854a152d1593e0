"""Answers that come later than the next message: the application acknowledgements of enhanced mode."""

import asyncio
import socket
from collections.abc import Callable

from structlog.testing import capture_logs

from adapters.hl7v2.answering import Answer, Later
from adapters.hl7v2.framing import Frame, frame
from tests.unit.adapters.test_listener import answers, connected, listening, until


class Ward:
    """Accepts at once; what has become of a message is known when `settle` says so."""

    def __init__(self, *, elsewhere: bool = False, accepts: bool = True) -> None:
        self.settled: dict[bytes, asyncio.Event] = {}
        self.told: list[bytes] = []
        self._elsewhere, self._accepts = elsewhere, accepts

    async def __call__(self, received: Frame) -> Answer:
        content = received.content
        known = self.settled[content] = asyncio.Event()

        async def become() -> bytes | None:
            await known.wait()
            if content == b"fail":
                raise RuntimeError("as told")
            return None if content == b"silent" else b"AA " + content

        async def take(said: bytes) -> None:
            self.told.append(said)

        return Answer(b"CA " + content if self._accepts else None, Later(become, take if self._elsewhere else None))

    def settle(self, *contents: bytes) -> None:
        for content in contents:
            self.settled[content].set()

    def has(self, *contents: bytes) -> Callable[[], bool]:
        return lambda: set(contents) <= set(self.settled)


async def test_an_application_acknowledgement_follows_whenever_it_is_known() -> None:
    ward = Ward()
    async with listening(ward) as listener, connected(listener) as (reader, writer):
        writer.write(frame(b"1") + frame(b"2") + frame(b"3"))
        assert await answers(reader, 3) == [b"CA 1", b"CA 2", b"CA 3"]
        ward.settle(b"2")
        assert await answers(reader, 1) == [b"AA 2"]
        writer.write(frame(b"4"))
        assert await answers(reader, 1) == [b"CA 4"]
        ward.settle(b"1", b"3", b"4")
        assert set(await answers(reader, 3)) == {b"AA 1", b"AA 3", b"AA 4"}


async def test_it_never_overtakes_the_accept_acknowledgement() -> None:
    hold = asyncio.Event()

    async def settled_at_once(received: Frame) -> Answer:
        async def become() -> bytes:
            return b"AA " + received.content

        if received.content == b"slow":
            await hold.wait()
        return Answer(b"CA " + received.content, Later(become))

    async with listening(settled_at_once) as listener, connected(listener) as (reader, writer):
        writer.write(frame(b"slow") + frame(b"quick"))
        await asyncio.sleep(0.05)
        hold.set()
        found = await answers(reader, 4)
    for name in (b"slow", b"quick"):
        assert found.index(b"CA " + name) < found.index(b"AA " + name)


async def test_a_sender_that_closed_its_side_is_told_before_the_connection_closes() -> None:
    ward = Ward(accepts=False)
    async with listening(ward) as listener, connected(listener) as (reader, writer):
        writer.write(frame(b"1"))
        writer.write_eof()
        await until(ward.has(b"1"))
        await asyncio.sleep(0.05)
        ward.settle(b"1")
        assert await answers(reader, 1) == [b"AA 1"]
        assert await reader.read() == b""
    assert not listener.late


async def test_once_the_connection_is_gone_it_goes_elsewhere() -> None:
    ward = Ward(elsewhere=True)
    async with listening(ward) as listener:
        async with connected(listener) as (reader, writer):
            writer.write(frame(b"1") + frame(b"2"))
            await answers(reader, 2)
        await until(lambda: not listener.connections)
        ward.settle(b"1", b"2")
        await until(lambda: len(ward.told) == 2)
    assert sorted(ward.told) == [b"AA 1", b"AA 2"]


async def test_without_an_elsewhere_it_is_reported_as_lost() -> None:
    ward = Ward()
    with capture_logs() as said:
        async with listening(ward) as listener:
            async with connected(listener) as (reader, writer):
                writer.write(frame(b"1") + frame(b"2"))
                await answers(reader, 2)
                reset = writer.get_extra_info("socket")
                reset.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
            await until(lambda: not listener.connections and not listener.late)
    assert [(line["event"], line["count"]) for line in said] == [("application-acknowledgements-lost", 2)]


async def test_one_that_fails_or_is_not_asked_for_harms_no_other() -> None:
    ward = Ward()
    async with listening(ward) as listener, connected(listener) as (reader, writer):
        writer.write(frame(b"fail") + frame(b"silent") + frame(b"good"))
        await answers(reader, 3)
        with capture_logs() as said:
            ward.settle(b"fail", b"silent", b"good")
            assert await answers(reader, 1) == [b"AA good"]
        assert [(line["event"], line["fault"]) for line in said] == [
            ("application-acknowledgement-not-sent", "RuntimeError")
        ]


async def test_a_sender_with_too_many_outstanding_is_slowed_down() -> None:
    ward = Ward()
    names = [f"{number}".encode() for number in range(10)]
    async with listening(ward, owed=4, pending=2) as listener, connected(listener) as (reader, writer):
        writer.write(b"".join(frame(name) for name in names))
        await until(lambda: len(listener.late) >= 4)
        await asyncio.sleep(0.05)
        assert len(ward.settled) < 7
        while len(ward.settled) < 10 or listener.late:
            ward.settle(*list(ward.settled))
            await asyncio.sleep(0.01)
        found = await answers(reader, 20)
    assert sorted(found) == sorted([*(b"CA " + name for name in names), *(b"AA " + name for name in names)])


async def test_stopping_does_not_wait_for_them() -> None:
    ward = Ward(elsewhere=True)
    async with listening(ward) as listener, connected(listener) as (reader, writer):
        writer.write(frame(b"1"))
        await answers(reader, 1)
        async with asyncio.timeout(5):
            await listener.stop()
        assert await reader.read() == b""
    assert not listener.late
    assert ward.told == []
