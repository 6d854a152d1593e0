"""What nothing reads, counted for each source and field.

Every message adds to the same few counts, so these are not written with the message: two workers would wait for each
other at every batch. A worker adds them up and writes them now and then; what a kill takes with it is half a minute of
counting and no content.
"""

import asyncio
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from hub.errors import places_of
from hub.record import Unaccounted
from hub.store import coverage

logger = structlog.get_logger()

_EVERY_SECONDS = 30.0


class Tally:
    """Counts, and writes what it has counted as long as it runs."""

    def __init__(self, engine: AsyncEngine, *, every_seconds: float = _EVERY_SECONDS) -> None:
        self._engine, self._every = engine, every_seconds
        self._counts: Counter[tuple[str, str]] = Counter()
        self._stopping = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def add(self, source: str, unaccounted: Iterable[Unaccounted]) -> None:
        """Count one message of a source: each field once, however often it stands there."""
        self._counts.update((source, field) for field in {one.field for one in unaccounted})

    def start(self) -> None:
        """Begin to write."""
        self._task = asyncio.create_task(self._run(), name="tally")

    @property
    def is_alive(self) -> bool:
        """Whether it runs; a supervisor asks by /readyz."""
        return self._task is not None and not self._task.done()

    async def stop(self) -> None:
        """Write what is left, then end."""
        self._stopping.set()
        if self._task:
            await self._task

    async def write(self) -> None:
        """Write what has been counted. Where that fails it is counted still."""
        counts, self._counts = self._counts, Counter()
        if not counts:
            return
        try:
            async with self._engine.begin() as connection:
                await coverage.add(connection, counts, datetime.now(UTC))
        except Exception:
            self._counts.update(counts)
            raise

    async def _run(self) -> None:
        while not self._stopping.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), self._every)
            try:
                await self.write()
            except Exception as fault:  # the counts stay, and are written the next time
                logger.warning("tally-not-written", fault=type(fault).__name__, at=places_of(fault))
