"""A crowd of senders in a process of its own, so that it shares no event loop with what it measures.

Started as ``python -m tests.bench.mllp_load PEOPLE``; each line of its input is a `Load`, each line of its output the
seconds that it took. Every message has a control id of its own, and every answer has to be AA.
"""

import asyncio
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import partial

import orjson

from fixtures.county import messages
from fixtures.county.clinic import Contact, Visit, diagnoses
from fixtures.county.crowd import crowd

START, END = b"\x0b", b"\x1c\r"
CONTROL_ID = "C" * 12
PEOPLE = 2_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Load:
    """`messages` over `connections`, each with at most `window` unanswered; `first` is the first control id."""

    port: int
    messages: int
    first: int
    connections: int = 8
    window: int = 1


class Crowd:
    """The process, as the bench sees it."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._sent = 0

    async def send(self, port: int, messages: int, window: int, connections: int = 8) -> float:
        """Acknowledgements a second."""
        load = Load(port=port, messages=messages, first=self._sent, window=window, connections=connections)
        self._sent += messages
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(orjson.dumps(asdict(load)) + b"\n")
        return messages / float(await self._process.stdout.readline())


@asynccontextmanager
async def crowd_process(people: int = PEOPLE) -> AsyncIterator[Crowd]:
    """The senders, ready to be told what to send, about so many people in turn."""
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", __name__, str(people), stdin=pipe, stdout=pipe)
    try:
        yield Crowd(process)
    finally:
        assert process.stdin is not None
        process.stdin.close()
        await process.wait()


def admissions(people: int = PEOPLE) -> list[bytes]:
    """ADT^A01 of about 1.2 KB, with a number to be filled in: its control id, and that of the stay."""
    admitted = datetime(2026, 4, 1, 8, 30, tzinfo=UTC)
    known = diagnoses()
    visit = Visit(serial=f"ZY{CONTROL_ID}", kind="I", began_at=admitted)  # each message is a stay of its own
    return [
        messages.write_adt(
            "renmin-his",
            person,
            "A01",
            control_id=CONTROL_ID,
            at=admitted,
            visit=visit,
            diagnoses=list(known.values())[:4],
            contacts=[Contact(name="家属", relation="1", relation_text="配偶", phone="19900001234")] * 2,
            local=["ZCS|1|" + "X" * 400],
        )
        for person in crowd(people, 7)
    ]


class Sender(asyncio.Protocol):
    """One connection: sends its frames, never more than `window` ahead of their answers."""

    def __init__(self, frames: list[bytes], window: int) -> None:
        self.done: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._frames, self._window = frames, window
        self._sent = self._answered = 0
        self._answers: list[bytes] = []
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def start(self) -> None:
        """Send the first frames."""
        self._send(self._window)

    def data_received(self, data: bytes) -> None:
        self._answers.append(data)
        answered = data.count(END[:1])
        self._answered += answered
        if self._answered == len(self._frames):
            self._transport.close()
            self.done.set_result(b"".join(self._answers))
        elif answered:
            self._send(answered)

    def connection_lost(self, _: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(ConnectionError("closed before the last answer"))

    def _send(self, count: int) -> None:
        due = self._frames[self._sent : self._sent + count]
        self._sent += len(due)
        self._transport.write(b"".join(due))


async def carry(load: Load, bodies: list[bytes]) -> float:
    """Send a load; the seconds from the first frame to the last answer."""
    loop = asyncio.get_running_loop()
    mark = CONTROL_ID.encode()
    frames = [
        START + bodies[number % len(bodies)].replace(mark, b"%012d" % number) + END
        for number in range(load.first, load.first + load.messages)
    ]
    senders = [Sender(frames[place :: load.connections], load.window) for place in range(load.connections)]
    for sender in senders:
        await loop.create_connection(partial(_itself, sender), "127.0.0.1", load.port)
    began = time.perf_counter()
    for sender in senders:
        sender.start()
    answers = await asyncio.gather(*(sender.done for sender in senders))
    took = time.perf_counter() - began
    accepted = sum(answer.count(b"MSA|AA") for answer in answers)
    if accepted != load.messages:
        raise AssertionError(f"{accepted} of {load.messages} were accepted: {answers[0][:400]!r}")
    return took


def _itself(sender: Sender) -> Sender:
    return sender


def main() -> None:
    """Carry loads until the input ends."""
    bodies = admissions(int(sys.argv[1]))
    for line in sys.stdin.buffer:
        took = asyncio.run(carry(Load(**orjson.loads(line)), bodies))
        print(took, flush=True)


if __name__ == "__main__":
    main()
