"""The listener on real loopback sockets."""

import asyncio
import random
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

from adapters.hl7v2.answering import NO_ANSWER, Answer
from adapters.hl7v2.framing import Frame, frame
from adapters.hl7v2.listener import Limits, MllpListener

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Desk:
    """Answers each frame with its own content; remembers what came, whole or faulty."""

    def __init__(self, delay: Callable[[Frame], Awaitable[None]] | None = None) -> None:
        self.seen: list[tuple[bytes, str]] = []
        self.unanswered = 0
        self.most_unanswered = 0
        self._delay = delay

    async def __call__(self, received: Frame) -> Answer:
        self.seen.append((received.content, received.fault.code if received.fault else ""))
        self.unanswered += 1
        self.most_unanswered = max(self.most_unanswered, self.unanswered)
        try:
            if self._delay:
                await self._delay(received)
            if received.content == b"fail":
                raise RuntimeError("as told")
            return NO_ANSWER if received.fault else Answer(b"ACK " + received.content)
        finally:
            self.unanswered -= 1


@asynccontextmanager
async def listening(
    desk: Callable[[Frame], Awaitable[Answer]],
    *,
    tls: ssl.SSLContext | None = None,
    tls_port: int | None = None,
    **limits: float,
) -> AsyncIterator[MllpListener]:
    given = Limits(**{"bytes": 10_000, **limits})  # type: ignore[arg-type]
    listener = MllpListener(desk, host="127.0.0.1", port=0, limits=given, tls=tls, tls_port=tls_port)
    await listener.start()
    try:
        yield listener
    finally:
        await listener.stop()


@asynccontextmanager
async def connected(listener: MllpListener) -> AsyncIterator[Streams]:
    reader, writer = await asyncio.open_connection("127.0.0.1", listener.port)
    try:
        yield reader, writer
    finally:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


async def answers(reader: asyncio.StreamReader, count: int) -> list[bytes]:
    async with asyncio.timeout(10):
        return [(await reader.readuntil(b"\x1c\r"))[1:-2] for _ in range(count)]


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.005)


async def test_a_frame_is_answered_and_the_connection_stays_open_for_the_next() -> None:
    async with listening(Desk()) as listener, connected(listener) as (reader, writer):
        for content in (b"one", b"two"):
            writer.write(frame(content))
            assert await answers(reader, 1) == [b"ACK " + content]


async def test_a_frame_may_arrive_in_pieces_and_several_in_one() -> None:
    async with listening(Desk()) as listener, connected(listener) as (reader, writer):
        for byte in frame(b"slow"):
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(0.001)
        writer.write(frame(b"a") + frame(b"b") + frame(b"c"))
        assert await answers(reader, 4) == [b"ACK slow", b"ACK a", b"ACK b", b"ACK c"]


async def test_garbage_and_oversize_are_handed_over_and_the_connection_stays_usable() -> None:
    desk = Desk()
    async with listening(desk, bytes=20) as listener, connected(listener) as (reader, writer):
        writer.write(b"garbage" + frame(b"x" * 5_000) + b"\x0bhalf" + frame(b"good"))
        assert await answers(reader, 1) == [b"ACK good"]
    assert desk.seen == [
        (b"garbage", "stray-bytes"),
        (b"x" * 20, "frame-too-large"),
        (b"half", "broken-frame"),
        (b"good", ""),
    ]


async def test_a_connection_that_ends_inside_a_frame_hands_over_what_came() -> None:
    desk = Desk()
    async with listening(desk) as listener:
        async with connected(listener) as (_, writer):
            writer.write(frame(b"whole") + b"\x0bMSH|half")
            await writer.drain()
            await until(lambda: len(desk.seen) == 1)
        await until(lambda: len(desk.seen) == 2)
        await until(lambda: not listener.connections)
    assert desk.seen[1] == (b"MSH|half", "broken-frame")


async def test_a_connection_that_is_reset_harms_nobody() -> None:
    desk = Desk()
    async with listening(desk) as listener, connected(listener) as (reader, writer):
        raw = socket.create_connection(("127.0.0.1", listener.port))
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
        raw.sendall(b"\x0bMSH|ha")
        await until(lambda: len(listener.connections) == 2)
        await asyncio.sleep(0.02)
        raw.close()
        await until(lambda: len(listener.connections) == 1)
        writer.write(frame(b"other"))
        assert await answers(reader, 1) == [b"ACK other"]
    assert (b"MSH|ha", "broken-frame") in desk.seen


async def test_a_sender_that_closes_its_side_still_gets_its_answers() -> None:
    async def slowly(_: Frame) -> None:
        await asyncio.sleep(0.05)

    async with listening(Desk(slowly)) as listener, connected(listener) as (reader, writer):
        writer.write(frame(b"last"))
        writer.write_eof()
        assert await answers(reader, 1) == [b"ACK last"]
        assert await reader.read() == b""


async def test_acknowledgements_leave_in_the_order_of_the_frames() -> None:
    chance = random.Random(7)

    async def somehow(_: Frame) -> None:
        await asyncio.sleep(chance.random() / 50)

    contents = [f"{number}".encode() for number in range(200)]
    async with listening(Desk(somehow)) as listener, connected(listener) as (reader, writer):
        writer.write(b"".join(frame(content) for content in contents))
        assert await answers(reader, 200) == [b"ACK " + content for content in contents]


async def test_answers_that_are_known_out_of_order_leave_in_the_order_of_the_frames() -> None:
    """The last is known first, as where two groups are under way: it waits for those before it."""
    given: list[asyncio.Future[Answer]] = []

    def desk(_: Frame) -> asyncio.Future[Answer]:
        given.append(asyncio.get_running_loop().create_future())
        return given[-1]

    async with listening(desk) as listener, connected(listener) as (reader, writer):
        writer.write(b"".join(frame(b"%d" % number) for number in range(4)))
        await until(lambda: len(given) == 4)
        given[3].set_result(Answer(b"3"))
        await asyncio.sleep(0.02)
        for number in (1, 2, 0):
            given[number].set_result(Answer(b"%d" % number))
        assert await asyncio.wait_for(reader.read(1_000), 10) == b"".join(frame(b"%d" % number) for number in range(4))


async def test_a_desk_that_fails_before_it_waits_leaves_only_its_own_frame_unanswered() -> None:
    def desk(received: Frame) -> Awaitable[Answer]:
        if received.content == b"fail":
            raise RuntimeError("as told")
        return Desk()(received)

    async with listening(desk) as listener, connected(listener) as (reader, writer):
        writer.write(frame(b"a") + frame(b"fail") + frame(b"b"))
        assert await answers(reader, 2) == [b"ACK a", b"ACK b"]


async def test_an_answer_to_a_connection_that_was_cut_goes_nowhere() -> None:
    given: list[asyncio.Future[Answer]] = []

    def desk(_: Frame) -> asyncio.Future[Answer]:
        given.append(asyncio.get_running_loop().create_future())
        return given[-1]

    async with listening(desk) as listener:
        async with connected(listener) as (reader, writer):
            writer.write(frame(b"a") + frame(b"b"))
            await until(lambda: len(given) == 2)
            for connection in list(listener.connections):
                connection.cut()
            assert await reader.read() == b""
        await until(lambda: not listener.connections)
    assert all(answer.cancelled() for answer in given)


async def test_frames_that_arrive_together_are_answered_side_by_side() -> None:
    together = asyncio.Event()
    desk = Desk()

    async def all_here(_: Frame) -> None:
        if desk.unanswered == 10:
            together.set()
        async with asyncio.timeout(5):
            await together.wait()

    desk._delay = all_here
    async with listening(desk) as listener, connected(listener) as (reader, writer):
        writer.write(frame(b"x") * 10)
        assert len(await answers(reader, 10)) == 10


async def test_a_connection_is_not_read_from_while_too_many_frames_are_unanswered() -> None:
    go = asyncio.Event()

    async def wait(_: Frame) -> None:
        await go.wait()

    desk = Desk(wait)
    async with listening(desk, pending=4) as listener, connected(listener) as (reader, writer):
        writer.write(frame(b"y" * 1_000) * 2_000)
        await until(lambda: desk.unanswered == 4)
        await asyncio.sleep(0.05)
        (connection,) = listener.connections
        assert not connection._transport.is_reading()
        assert len(connection._answers) == 4
        go.set()
        assert len(await answers(reader, 2_000)) == 2_000
    assert desk.most_unanswered == 4


async def test_an_answer_that_fails_leaves_only_its_own_frame_unanswered() -> None:
    async with listening(Desk()) as listener, connected(listener) as (reader, writer):
        writer.write(frame(b"a") + frame(b"fail") + frame(b"b"))
        assert await answers(reader, 2) == [b"ACK a", b"ACK b"]


async def test_a_half_frame_that_stays_idle_is_handed_over_and_closed() -> None:
    desk = Desk()
    async with listening(desk, idle=0.1) as listener, connected(listener) as (reader, writer):
        writer.write(frame(b"a") + b"\x0bhalf")
        assert await answers(reader, 1) == [b"ACK a"]
        async with asyncio.timeout(5):
            assert await reader.read() == b""
    assert desk.seen[-1] == (b"half", "broken-frame")


async def test_a_connection_idle_between_frames_stays_open() -> None:
    async with listening(Desk(), idle=0.05) as listener, connected(listener) as (reader, writer):
        writer.write(b"\x0bfir")
        await asyncio.sleep(0.02)
        writer.write(frame(b"first")[4:])
        await answers(reader, 1)
        await asyncio.sleep(0.2)
        writer.write(frame(b"second"))
        assert await answers(reader, 1) == [b"ACK second"]


async def test_fifty_connections_are_answered_each_its_own() -> None:
    async def sender(listener: MllpListener, name: int) -> None:
        async with connected(listener) as (reader, writer):
            for number in range(10):
                writer.write(frame(f"{name}-{number}".encode()))
                assert await answers(reader, 1) == [f"ACK {name}-{number}".encode()]

    async with listening(Desk()) as listener:
        await asyncio.gather(*(sender(listener, name) for name in range(50)))


async def test_connections_beyond_the_limit_are_turned_away() -> None:
    async with listening(Desk(), connections=1) as listener, connected(listener) as (reader, writer):
        writer.write(frame(b"a"))
        await answers(reader, 1)
        async with connected(listener) as (second, _):
            with suppress(ConnectionError):  # a reset says the same
                assert await second.read() == b""
        writer.write(frame(b"b"))
        assert await answers(reader, 1) == [b"ACK b"]
        await until(lambda: len(listener.connections) == 1)


async def test_stopping_answers_what_was_read_and_closes() -> None:
    async def slowly(_: Frame) -> None:
        await asyncio.sleep(0.1)

    desk = Desk(slowly)
    async with listening(desk) as listener, connected(listener) as (reader, writer):
        writer.write(frame(b"a") * 3 + b"\x0bhalf")
        await until(lambda: len(desk.seen) == 3)
        await listener.stop()
        assert await answers(reader, 3) == [b"ACK a"] * 3
        assert await reader.read() == b""
    assert desk.seen[-1] == (b"half", "broken-frame")
    assert not listener.connections


async def test_stopping_does_not_wait_for_ever() -> None:
    async def never(_: Frame) -> None:
        await asyncio.Event().wait()

    desk = Desk(never)
    async with listening(desk) as listener, connected(listener) as (_, writer):
        writer.write(frame(b"a"))
        await until(lambda: desk.unanswered == 1)
        async with asyncio.timeout(5):
            await listener.stop(grace_seconds=0.05)
        await until(lambda: not listener.connections and desk.unanswered == 0)
