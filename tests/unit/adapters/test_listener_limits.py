"""How far the listener goes with one sender, on real loopback sockets."""

import asyncio
import resource
import socket
import sys
import time
from contextlib import AsyncExitStack, suppress

import pytest
from structlog.testing import capture_logs

from adapters.hl7v2.answering import NO_ANSWER, Answer
from adapters.hl7v2.framing import Frame, frame
from tests.unit.adapters.test_listener import Desk, answers, connected, listening, until

RESET = b"\x01\x00\x00\x00\x00\x00\x00\x00"
"""SO_LINGER of no seconds: closing sends a reset."""


async def count_frames(counts: dict[str, int], received: Frame) -> Answer:
    code = received.fault.code if received.fault else "whole"
    counts[code] = counts.get(code, 0) + 1
    counts["bytes"] = counts.get("bytes", 0) + len(received.content)
    return NO_ANSWER if received.fault else Answer(b"A")


def peak_megabytes() -> float:
    """The most memory that this process has held so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 if sys.platform == "linux" else 1024 * 1024)


# -- time ------------------------------------------------------------------------------------------------------------


async def test_a_frame_that_trickles_has_to_end_in_time() -> None:
    desk = Desk()
    with capture_logs() as said:
        async with listening(desk, idle=5, frame=0.3) as listener, connected(listener) as (reader, writer):
            began = time.monotonic()
            with suppress(ConnectionError):
                writer.write(b"\x0b")
                while not reader.at_eof() and time.monotonic() - began < 10:
                    writer.write(b"x")
                    await writer.drain()
                    await asyncio.sleep(0.02)
            await until(lambda: not listener.connections)
    assert time.monotonic() - began < 5
    assert [code for _, code in desk.seen] == ["broken-frame"]
    assert "half-frame-slow" in {line["event"] for line in said}


async def test_a_sender_whose_frames_each_end_in_time_may_go_on_for_ever() -> None:
    async with listening(Desk(), idle=5, frame=0.15) as listener, connected(listener) as (reader, writer):
        rest = b"\x0b"
        for _ in range(40):  # every read ends inside a frame
            writer.write(rest + b"x" * 5 + b"\x1c\r" + b"\x0b")
            rest = b""
            await asyncio.sleep(0.01)
        assert await answers(reader, 40) == [b"ACK xxxxx"] * 40


async def test_time_that_the_sender_is_kept_waiting_does_not_count_against_it() -> None:
    go = asyncio.Event()

    async def wait(_: Frame) -> None:
        await go.wait()

    async with (
        listening(Desk(wait), idle=0.1, frame=0.1, pending=1) as listener,
        connected(listener) as (reader, writer),
    ):
        writer.write(frame(b"a") + frame(b"b") + b"\x0bhalf")
        await asyncio.sleep(0.4)
        go.set()
        assert await answers(reader, 2) == [b"ACK a", b"ACK b"]
        writer.write(b" of it\x1c\r")
        assert await answers(reader, 1) == [b"ACK half of it"]


async def test_a_connection_that_says_nothing_is_closed_in_the_end() -> None:
    async with listening(Desk(), silent=0.2) as listener, connected(listener) as (reader, writer):
        for _ in range(5):
            writer.write(frame(b"a"))
            assert await answers(reader, 1) == [b"ACK a"]
            await asyncio.sleep(0.1)
        assert await asyncio.wait_for(reader.read(), 10) == b""
        await until(lambda: not listener.connections)


async def test_a_connection_that_waits_for_its_answer_is_not_silent() -> None:
    async def slowly(_: Frame) -> None:
        await asyncio.sleep(0.4)

    async with listening(Desk(slowly), silent=0.1) as listener, connected(listener) as (reader, writer):
        writer.write(frame(b"a"))
        assert await answers(reader, 1) == [b"ACK a"]


# -- number ----------------------------------------------------------------------------------------------------------


async def test_one_address_has_no_more_than_its_share_of_connections() -> None:
    with capture_logs() as said:
        async with listening(Desk(), of_one_address=2) as listener, AsyncExitStack() as stack:
            for _ in range(2):
                reader, writer = await stack.enter_async_context(connected(listener))
                writer.write(frame(b"a"))
                await answers(reader, 1)
            for _ in range(3):
                async with connected(listener) as (third, _):
                    with suppress(ConnectionError):
                        assert await asyncio.wait_for(third.read(), 10) == b""
            writer.close()
            await until(lambda: len(listener.connections) == 1)
            again, writer = await stack.enter_async_context(connected(listener))
            writer.write(frame(b"b"))
            assert await answers(again, 1) == [b"ACK b"]
    refused = [line for line in said if line["event"] == "connection-refused"]
    assert len(refused) == 1, "whoever floods the port does not flood the log"
    assert (refused[0]["of"], refused[0]["limit"]) == ("address", 2)


async def test_silent_connections_do_not_shut_the_door() -> None:
    async with listening(Desk(), connections=3, idle=0.1) as listener, AsyncExitStack() as stack:
        silent = [await stack.enter_async_context(connected(listener)) for _ in range(3)]
        busy, busy_writer = silent[0]
        await asyncio.sleep(0.2)
        busy_writer.write(frame(b"busy"))
        assert await answers(busy, 1) == [b"ACK busy"]
        reader, writer = await stack.enter_async_context(connected(listener))
        writer.write(frame(b"new"))
        assert await answers(reader, 1) == [b"ACK new"]
        with suppress(ConnectionError):
            assert await asyncio.wait_for(silent[1][0].read(), 10) == b""
        busy_writer.write(frame(b"still"))
        assert await answers(busy, 1) == [b"ACK still"]
        assert len(listener.connections) == 3


# -- size ------------------------------------------------------------------------------------------------------------


@pytest.mark.skipif(sys.platform == "win32", reason="asks the kernel how much memory was used")
async def test_a_frame_without_end_is_kept_up_to_the_limit_and_takes_no_more_memory() -> None:
    limit, megabytes = 1_000_000, 200
    counts: dict[str, int] = {}
    async with (
        listening(lambda one: count_frames(counts, one), bytes=limit) as listener,
        connected(listener) as (reader, writer),
    ):
        writer.write(b"\x0b")
        block = b"x" * 1_000_000
        writer.write(block * 4)
        await writer.drain()
        before = peak_megabytes()
        for _ in range(megabytes):
            writer.write(block)
            await writer.drain()
        writer.write(b"\x1c\r" + frame(b"next"))
        assert await answers(reader, 1) == [b"A"]
        grown = peak_megabytes() - before
    assert counts == {"frame-too-large": 1, "whole": 1, "bytes": limit + 4}
    assert grown < megabytes / 10


@pytest.mark.skipif(sys.platform == "win32", reason="asks the kernel how much memory was used")
async def test_tiny_frames_in_great_number_take_no_more_memory() -> None:
    number, of_block = 60_000, 2_000
    counts: dict[str, int] = {}
    async with (
        listening(lambda one: count_frames(counts, one)) as listener,
        connected(listener) as (reader, writer),
    ):

        async def write() -> None:
            for _ in range(number // of_block):
                writer.write(frame(b"x") * of_block)
                await writer.drain()

        before = peak_megabytes()
        writing = asyncio.create_task(write())
        left = number * 4
        while left:
            left -= len(await asyncio.wait_for(reader.read(65_536), 30))
        await writing
    assert counts == {"whole": number, "bytes": number}
    assert peak_megabytes() - before < 20


async def test_large_frames_side_by_side_are_bounded_by_their_bytes() -> None:
    desk = Desk()
    most = 0

    async def slowly(_: Frame) -> None:
        nonlocal most
        most = max(most, desk.unanswered)
        await asyncio.sleep(0.02)

    desk._delay = slowly
    async with listening(desk, bytes=1_000_000) as listener, connected(listener) as (reader, writer):
        big = frame(b"x" * 600_000)
        for _ in range(6):
            writer.write(big)
        reader._limit = 2_000_000  # type: ignore[attr-defined]
        assert len(await answers(reader, 6)) == 6
    assert most == 2


# -- what happens on the way -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("codec", ["utf-8", "gb18030"])
async def test_a_reset_inside_a_character_loses_nothing_that_came(codec: str) -> None:
    desk = Desk()
    text = f"MSH|^~\\&|HIS|测试{'𬎆'}".encode(codec)
    async with listening(desk) as listener:
        for at in range(len(text) - 6, len(text)):
            raw = socket.create_connection(("127.0.0.1", listener.port))
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            raw.sendall(b"\x0b" + text[:at])
            await until(lambda: len(listener.connections) == 1)
            (connection,) = listener.connections
            await until(lambda one=connection: one._deframer.waiting)  # type: ignore[misc]
            raw.close()
            await until(lambda: not listener.connections)
    assert desk.seen == [(text[:at], "broken-frame") for at in range(len(text) - 6, len(text))]


async def test_a_sender_that_does_not_read_its_answers_is_not_read_from() -> None:
    async def wordy(_: Frame) -> Answer:
        return Answer(b"A" * 9_000)

    async with listening(wordy) as listener:
        reader, writer = await asyncio.open_connection("127.0.0.1", listener.port)
        written = 0

        async def write() -> None:
            nonlocal written
            while True:
                writer.write(frame(b"y" * 1_000))
                await writer.drain()
                written += 1

        writing = asyncio.create_task(write())
        seen = -1
        while seen != written:  # until nothing moves any more
            seen = written
            await asyncio.sleep(0.3)
        (connection,) = listener.connections
        assert not connection._transport.is_reading()
        for _ in range(seen):
            await asyncio.wait_for(reader.readuntil(b"\x1c\r"), 10)
        assert written > seen, "it goes on once its answers are read"
        writing.cancel()
        await asyncio.gather(writing, return_exceptions=True)
        writer.transport.abort()
