"""What a listener's connections may hold together."""

import asyncio
import socket
from contextlib import AsyncExitStack

from hypothesis import given
from hypothesis import strategies as st

from adapters.hl7v2.answering import NO_ANSWER, Answer
from adapters.hl7v2.framing import Frame, frame
from adapters.hl7v2.room import Room
from tests.unit.adapters.test_listener import answers, connected, listening, until

KB = 1024
STEP = st.tuples(st.integers(0, 4), st.integers(0, 40).map(lambda tens: tens * 10))


class Scales:
    """Answers each whole frame with its size."""

    def __init__(self) -> None:
        self.faults: list[str] = []

    async def __call__(self, received: Frame) -> Answer:
        if received.fault is not None:
            self.faults.append(received.fault.code)
            return NO_ANSWER
        return Answer(b"%d" % len(received.content))


class Someone:
    """A holder that remembers whether it would read."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self.reads = True

    def regulate(self) -> None:
        self.reads = self._room.has_turn(self)


@given(st.lists(STEP, max_size=60))
def test_whoever_may_read_has_been_told_and_somebody_always_may(steps: list[tuple[int, int]]) -> None:
    room = Room(500, small=50)
    all_of_them = [Someone(room) for _ in range(5)]
    held: dict[int, int] = {}
    for who, size in steps:
        room.hold(all_of_them[who], size)
        all_of_them[who].regulate()  # as a connection does after it was read from or answered
        held.pop(who, None) if size <= 50 else held.__setitem__(who, size)
        assert room.is_full == (sum(held.values()) >= 500)
        assert [one.reads for one in all_of_them] == [room.has_turn(one) for one in all_of_them]
        assert any(one.reads for one in all_of_them)
        first = next(iter(held), None)
        for number, one in enumerate(all_of_them):
            assert one.reads == (not room.is_full or number not in held or number == first)


async def test_half_sent_messages_of_many_senders_take_no_more_than_the_room_there_is() -> None:
    senders, size = 12, 400 * KB
    desk = Scales()
    async with (
        listening(desk, bytes=1024 * KB, together=1024 * KB, idle=20) as listener,
        AsyncExitStack() as stack,
    ):
        pairs = [await stack.enter_async_context(connected(listener)) for _ in range(senders)]
        for _, writer in pairs:
            sent = writer.get_extra_info("socket")
            sent.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 16 * KB)
            writer.write(b"\x0b" + b"x" * size)
        await until(lambda: listener.room.is_full)
        await asyncio.sleep(0.3)
        held = [connection.held for connection in listener.connections]
        assert 1024 * KB <= sum(held) <= 1024 * KB + senders * 256 * KB + size  # a read is 256 KB at most
        assert sum(held) < senders * size  # what all of them would hold
        for _, writer in pairs:
            writer.write(b"\x1c\r")
        got = await asyncio.gather(*(answers(reader, 1) for reader, _ in pairs))
        assert got == [[b"%d" % size]] * senders
        await until(lambda: not listener.room.is_full)
    assert not desk.faults


async def test_a_sender_that_stops_half_way_gives_its_turn_up_when_its_time_is_over() -> None:
    desk = Scales()
    async with (
        listening(desk, bytes=600 * KB, together=256 * KB, idle=0.3, frame=30) as listener,
        connected(listener) as (_, stopped),
        connected(listener) as (reader, other),
    ):
        stopped.write(b"\x0b" + b"x" * 500 * KB)
        await until(lambda: listener.room.is_full)
        other.write(frame(b"y" * 500 * KB))
        assert await answers(reader, 1) == [b"%d" % (500 * KB)]
    assert desk.faults == ["broken-frame"]
