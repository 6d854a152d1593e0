"""The event log as it grows: one reader for the whole process, any number of followers.

NOTIFY only wakes the reader (it may be lost, and it may come before the event can be read: the log is read below the
oldest running transaction). So after a wake the reader looks again and again at growing distances, and every few
seconds whether it was woken or not. What it reads it keeps for a while; a follower who is further behind reads the
database.
"""

import asyncio
import contextlib
import itertools
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from typing import Any, Self

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from hub.errors import refuse
from hub.store import log
from hub.store.log import Event

logger = structlog.get_logger()

CHANNEL = "hub_wake"
EVENT = "event"
SETTLED = "settled"

_KEPT = 2000
_BATCH = 500
_FIRST_LOOK = 0.01
_LONGEST_BACK_OFF = 5.0

Position = tuple[int, int]


class Watch:
    """A waiter for wakes of one kind. It hears every wake from its making on, also between two waits."""

    def __init__(self) -> None:
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """Something happened."""
        self._woken.set()

    async def next(self, timeout: float | None = None) -> bool:  # noqa: ASYNC109 - a wait that ends is an answer
        """Wait for the next wake; False where none came in time (seconds)."""
        try:
            async with asyncio.timeout(timeout):
                await self._woken.wait()
        except TimeoutError:
            return False
        self._woken.clear()
        return True


class EventFeed:
    """Reads the event log behind its growing end and wakes who waits for it."""

    def __init__(self, engine: AsyncEngine, *, poll_seconds: float = 3.0) -> None:
        self._engine = engine
        self._poll = poll_seconds
        self._watches: dict[str, set[Watch]] = {}
        self._doorbell = Watch()
        self._recent: deque[Event] = deque(maxlen=_KEPT)
        self._behind: Position = (0, 0)  # `_recent` holds everything after this ...
        self._end: Position = (0, 0)  # ... up to here
        self._reader: asyncio.Task[None] | None = None
        self._is_closed = False

    async def start(self) -> None:
        """Begin to read at the present end of the log. Raises where the database cannot be reached."""
        self._behind = self._end = _position(await self.end())
        self._reader = asyncio.create_task(self._run(), name="event-feed")

    async def close(self) -> None:
        """Stop reading; followers end, waiters return."""
        self._is_closed = True
        for kind in list(self._watches):
            self._wake(kind)
        if self._reader is not None:
            self._reader.cancel()
            await asyncio.gather(self._reader, return_exceptions=True)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def end(self) -> str:
        """The cursor behind everything that has been committed so far."""
        async with self._engine.connect() as connection:
            return await log.end(connection)

    async def follow(self, after: str) -> AsyncGenerator[list[Event], None]:
        """Events after a cursor, without end, in the order of their commits: every one, and each once.

        Raises Refused (bad-cursor) at once where the cursor is none of ours.
        """
        place = _position(after)
        with self.watch(EVENT) as watch:
            while not self._is_closed:
                events = await self._after(place)
                if events:
                    place = _position(events[-1].cursor)
                    yield events
                else:
                    await watch.next()

    @contextlib.contextmanager
    def watch(self, what: str) -> Iterator[Watch]:
        """A waiter for wakes of a kind: make it first, look at the database, then wait. So no wake is missed."""
        watch = Watch()
        self._watches.setdefault(what, set()).add(watch)
        try:
            yield watch
        finally:
            self._watches[what].discard(watch)

    async def wait(self, what: str, timeout: float) -> bool:  # noqa: ASYNC109 - a wait that ends is an answer
        """Return upon the next wake of a kind; False where none came in time (seconds)."""
        if self._is_closed:
            return False
        with self.watch(what) as watch:
            return await watch.next(timeout)

    def _wake(self, what: str) -> None:
        for watch in self._watches.get(what, ()):
            watch.wake()

    async def _after(self, place: Position) -> list[Event]:
        if place >= self._end:
            return []
        if place >= self._behind:
            newer = itertools.takewhile(lambda event: _position(event.cursor) > place, reversed(self._recent))
            return list(newer)[::-1]
        return await self._read(place)

    async def _read(self, place: Position) -> list[Event]:
        async with self._engine.connect() as connection:
            return await log.read_after(connection, f"{place[0]}.{place[1]}", _BATCH)

    async def _run(self) -> None:
        back_off = _FIRST_LOOK
        while True:
            try:
                async with self._listening() as connection:
                    back_off = _FIRST_LOOK
                    await self._read_on(connection)
            except Exception as fault:
                logger.warning("event-feed-interrupted", fault=type(fault).__name__)
            await asyncio.sleep(back_off)
            back_off = min(back_off * 2, _LONGEST_BACK_OFF)

    async def _read_on(self, connection: Any) -> None:
        pause = _FIRST_LOOK
        while not connection.is_closed():
            if events := await self._read(self._end):
                self._take(events)
                pause = _FIRST_LOOK
                continue
            woken = await self._doorbell.next(pause)
            pause = _FIRST_LOOK if woken else min(pause * 2, self._poll)

    def _take(self, events: list[Event]) -> None:
        for event in events:
            if len(self._recent) == _KEPT:
                self._behind = _position(self._recent[0].cursor)
            self._recent.append(event)
        self._end = _position(events[-1].cursor)
        self._wake(EVENT)

    @contextlib.asynccontextmanager
    async def _listening(self) -> AsyncIterator[Any]:
        """A connection of the feed's own, outside the pool, that hears the channel."""
        pooled = await self._engine.raw_connection()
        connection: Any = pooled.driver_connection
        pooled.detach()
        try:
            connection.add_termination_listener(lambda _: self._doorbell.wake())
            await connection.add_listener(CHANNEL, self._on_notify)
            yield connection
        finally:
            with contextlib.suppress(Exception):
                await connection.close(timeout=1)

    def _on_notify(self, _connection: object, _process: int, _channel: str, payload: str) -> None:
        if payload == EVENT:
            self._doorbell.wake()
        else:
            self._wake(payload)


def _position(cursor: str) -> Position:
    transaction, dot, position = cursor.partition(".")
    if not (dot and transaction.isascii() and transaction.isdigit() and position.isascii() and position.isdigit()):
        raise refuse("bad-cursor", "after")
    place = (int(transaction), int(position))
    if max(place) >= 2**63:
        raise refuse("bad-cursor", "after")
    return place
