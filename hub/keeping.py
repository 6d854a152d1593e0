"""Group commit: messages that arrive while one commit is under way share the next one.

Nothing is acknowledged before `keep` returns, and `keep` returns only after the commit.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

import asyncpg
import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from hub.ids import new_id
from hub.message import Arrival, Kept
from hub.store import inbox
from hub.store.claims import within_bytes

logger = structlog.get_logger()

_MOST = 256
"""Messages of one commit. More would lengthen the wait of the first without sparing much."""


Waiting = tuple[UUID, Arrival, asyncio.Future[Kept]]


class Keeper:
    """Keeps arrivals, many to a commit. `start` before use; `stop` waits for what is under way."""

    def __init__(self, engine: AsyncEngine, *, writers: int = 1) -> None:
        # What is written is one statement and thereby a transaction of its own: BEGIN and COMMIT would make one round
        # trip three.
        self._engine = engine.execution_options(isolation_level="AUTOCOMMIT")
        self._writers = writers
        self._waiting: list[Waiting] = []
        self._came = asyncio.Event()
        self._stopping = False
        self._tasks: list[asyncio.Task[None]] = []
        self.kept = asyncio.Event()

    def start(self) -> None:
        """Begin to write."""
        self._tasks = [asyncio.create_task(self._write()) for _ in range(self._writers)]

    @property
    def is_alive(self) -> bool:
        """Whether every writer writes; a supervisor asks by /readyz."""
        return bool(self._tasks) and not any(task.done() for task in self._tasks)

    async def stop(self) -> None:
        """Finish what waits and what is under way, then end."""
        self._stopping = True
        self._came.set()
        await asyncio.gather(*self._tasks)

    def keep(self, arrival: Arrival) -> asyncio.Future[Kept]:
        """Commit a message: done when it is committed. Raises what the database raised; then nothing was kept."""
        done: asyncio.Future[Kept] = asyncio.get_running_loop().create_future()
        self._waiting.append((new_id(), arrival, done))
        self._came.set()
        return done

    async def _write(self) -> None:
        """One writer. It holds its connection until a commit fails: to check one out costs as much as to commit."""
        while batch := await self._next():
            try:
                async with self._driver() as driver:
                    while batch:
                        await self._commit(driver, batch)
                        batch = await self._next()
            except Exception:  # whatever it is, it must cost one message and not the writer
                await self._one_by_one(batch)

    async def _next(self) -> list[Waiting]:
        """The messages of the next commit, as soon as there are any; none where the keeper stops."""
        while not self._waiting and not self._stopping:
            self._came.clear()
            await self._came.wait()
        batch = within_bytes((one, len(one[1].raw)) for one in self._waiting[:_MOST])
        del self._waiting[: len(batch)]
        return batch

    @asynccontextmanager
    async def _driver(self) -> AsyncIterator[asyncpg.Connection]:
        """The driver's own connection. After a fault it is thrown away: the pool would not notice that it is broken."""
        async with self._engine.connect() as connection:
            try:
                yield (await connection.get_raw_connection()).driver_connection
            except BaseException:
                await connection.invalidate()
                raise

    async def _commit(self, driver: asyncpg.Connection, batch: list[Waiting]) -> None:
        waiting = {key: done for key, _, done in batch}
        async for kept in inbox.keep_at_once(driver, [(key, arrival) for key, arrival, _ in batch]):
            for key, one in kept.items():
                if not waiting[key].done():
                    waiting[key].set_result(one)
            self.kept.set()

    async def _one_by_one(self, batch: list[Waiting]) -> None:
        """One message may have spoilt the others' statement: each that is not kept yet is tried alone before it is
        given up. Where there is no connection at all they are given up together: a server that is silent costs one
        time-out and not one each."""
        left = [one for one in batch if not one[2].done()]
        for place, one in enumerate(left):
            try:
                async with self._driver() as driver:
                    await self._commit(driver, [one])
            except OSError as fault:
                return _give_up(left[place:], fault)
            except Exception as fault:
                _give_up([one], fault)


def _give_up(batch: list[Waiting], fault: Exception) -> None:
    logger.error("keep-failed", fault=type(fault).__name__, count=len(batch))
    for _, _, done in batch:
        if not done.done():
            done.set_exception(fault)
