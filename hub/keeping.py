"""Group commit: messages that arrive while one commit is under way share the next one.

Nothing is acknowledged before `keep` returns, and `keep` returns only after the commit.
"""

import asyncio
from uuid import UUID

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from hub.ids import new_id
from hub.message import Arrival
from hub.store import inbox

logger = structlog.get_logger()

_MOST = 256
"""Messages of one commit. More would lengthen the wait of the first without sparing much."""


Waiting = tuple[UUID, Arrival, asyncio.Future[None]]


class Keeper:
    """Keeps arrivals, many to a commit. `start` before use; `stop` waits for what is under way."""

    def __init__(self, engine: AsyncEngine, *, writers: int = 1) -> None:
        # `inbox.keep` is one statement and thereby a transaction of its own: BEGIN and COMMIT would make one round
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

    async def keep(self, arrival: Arrival) -> UUID:
        """Commit a message and return its id. Raises what the database raised; then nothing was kept."""
        key = new_id()
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((key, arrival, done))
        self._came.set()
        await done
        return key

    async def _write(self) -> None:
        """One writer. It holds its connection until a commit fails: to check one out costs as much as to commit."""
        while batch := await self._next():
            try:
                async with self._engine.connect() as connection:
                    while batch:
                        await self._commit(connection, batch)
                        batch = await self._next()
            except Exception:  # whatever it is, it must cost one message and not the writer
                await self._one_by_one(batch)

    async def _next(self) -> list[Waiting]:
        """The messages of the next commit, as soon as there are any; none where the keeper stops."""
        while not self._waiting and not self._stopping:
            self._came.clear()
            await self._came.wait()
        batch, self._waiting = self._waiting[:_MOST], self._waiting[_MOST:]
        return batch

    async def _commit(self, connection: AsyncConnection, batch: list[Waiting]) -> None:
        await inbox.keep(connection, [(key, arrival) for key, arrival, _ in batch])
        for _, _, done in batch:
            if not done.done():
                done.set_result(None)
        self.kept.set()

    async def _one_by_one(self, batch: list[Waiting]) -> None:
        """One message may have spoilt the others' statement: each is tried alone before it is given up."""
        for one in batch:
            try:
                async with self._engine.connect() as connection:
                    await self._commit(connection, [one])
            except Exception as fault:
                logger.error("keep-failed", fault=type(fault).__name__)
                if not one[2].done():
                    one[2].set_exception(fault)
