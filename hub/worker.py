"""The worker: takes kept messages batch by batch until there are none, then waits to be woken."""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from hub.errors import places_of
from hub.intake import Desk, work

logger = structlog.get_logger()

_IDLE_SECONDS = 0.25
"""How long a message kept by another process waits at the most before this one looks."""
_LONGEST_PAUSE = 30.0


class Worker:
    """Merges kept messages as long as it runs. Work that a kill cut short is found kept, and done again."""

    def __init__(
        self,
        engine: AsyncEngine,
        desk: Desk,
        kept: asyncio.Event,
        *,
        most: int = 64,
        on_batch: Callable[[int, float], None] = lambda settled, seconds: None,
    ) -> None:
        self._engine = engine
        self._desk = desk
        self._kept = kept
        self._most = most
        self._on_batch = on_batch
        self._stopping = False
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to work."""
        self._task = asyncio.create_task(self._run())

    @property
    def is_alive(self) -> bool:
        """Whether it works; a supervisor asks by /readyz."""
        return self._task is not None and not self._task.done()

    async def stop(self) -> None:
        """Finish the batch at hand, then end."""
        self._stopping = True
        self._kept.set()
        if self._task:
            await self._task

    async def _run(self) -> None:
        pause = _IDLE_SECONDS
        while not self._stopping:
            self._kept.clear()
            try:
                began = time.perf_counter()
                settled = await work(self._engine, self._desk, most=self._most)
                self._on_batch(settled, time.perf_counter() - began)
                pause = _IDLE_SECONDS
            except Exception as fault:  # passing, as a lost connection is: the messages stay kept
                logger.warning("worker-pauses", fault=type(fault).__name__, at=places_of(fault), seconds=pause)
                settled, pause = 0, min(pause * 2, _LONGEST_PAUSE)
            if settled:
                await asyncio.sleep(0)  # let the listeners have their turn
                continue
            with suppress(TimeoutError):
                await asyncio.wait_for(self._kept.wait(), pause)
