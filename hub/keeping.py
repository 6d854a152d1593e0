"""Group commit: messages that arrive while one commit is under way share the next one.

Nothing is acknowledged before `keep` returns, and `keep` returns only after the commit.
"""

import asyncio
from contextlib import suppress
from uuid import UUID

import structlog
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from hub.ids import new_id
from hub.message import Arrival
from hub.store import inbox

logger = structlog.get_logger()

_MOST = 256
"""Messages of one commit. More would lengthen the wait of the first without sparing much."""


class Keeper:
    """Keeps arrivals, many to a commit. `start` before use; `stop` waits for what is under way."""

    def __init__(self, engine: AsyncEngine, *, writers: int = 2) -> None:
        self._engine = engine
        self._writers = writers
        self._waiting: list[tuple[UUID, Arrival, asyncio.Future[None]]] = []
        self._came = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self.kept = asyncio.Event()

    def start(self) -> None:
        """Begin to write."""
        self._tasks = [asyncio.create_task(self._write()) for _ in range(self._writers)]

    async def stop(self) -> None:
        """Finish what waits, then end."""
        await asyncio.gather(*(done for _, _, done in self._waiting), return_exceptions=True)
        for task in self._tasks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def keep(self, arrival: Arrival) -> UUID:
        """Commit a message and return its id. Raises what the database raised; then nothing was kept."""
        key = new_id()
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((key, arrival, done))
        self._came.set()
        await done
        return key

    async def _write(self) -> None:
        while True:
            await self._came.wait()
            batch, self._waiting = self._waiting[:_MOST], self._waiting[_MOST:]
            if not self._waiting:
                self._came.clear()
            if batch:
                await asyncio.shield(self._commit(batch))

    async def _commit(self, batch: list[tuple[UUID, Arrival, asyncio.Future[None]]]) -> None:
        try:
            async with self._engine.begin() as connection:
                await _keep(connection, batch)
        except (DBAPIError, OSError) as fault:
            await self._failed(batch, fault)
            return
        for _, _, done in batch:
            if not done.done():
                done.set_result(None)
        self.kept.set()

    async def _failed(self, batch: list[tuple[UUID, Arrival, asyncio.Future[None]]], fault: Exception) -> None:
        """One message may have spoilt the others' statement: each is tried alone before it is given up."""
        if len(batch) > 1:
            for one in batch:
                await self._commit([one])
            return
        logger.error("keep-failed", fault=type(fault).__name__)
        if not batch[0][2].done():
            batch[0][2].set_exception(fault)


async def _keep(connection: AsyncConnection, batch: list[tuple[UUID, Arrival, asyncio.Future[None]]]) -> None:
    await inbox.keep(connection, [(key, arrival) for key, arrival, _ in batch])
