"""What is done again and again as long as a process runs: a fault costs a longer pause, and nothing else."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

import structlog

from hub.errors import places_of

logger = structlog.get_logger()


class Rounds:
    """Rounds of one name, begun and ended together. Where one fails, `NAME-pauses` stands in the log, and its pause
    doubles up to `longest` seconds until it succeeds again."""

    def __init__(self, name: str, longest: float) -> None:
        self._name, self._longest = name, longest
        self._stopping = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self, *rounds: tuple[Callable[[], Awaitable[object]], float]) -> None:
        """Begin; each round with the seconds between two of it."""
        self._task = asyncio.create_task(self._run(rounds), name=self._name)

    @property
    def is_alive(self) -> bool:
        """Whether they go on; a supervisor asks by /readyz."""
        return self._task is not None and not self._task.done()

    @property
    def is_stopping(self) -> bool:
        """Whether somebody waits for what is under way to end."""
        return self._stopping.is_set()

    async def stop(self) -> None:
        """Finish what is under way, then end."""
        self._stopping.set()
        if self._task:
            await self._task

    async def _run(self, rounds: tuple[tuple[Callable[[], Awaitable[object]], float], ...]) -> None:
        await asyncio.gather(*(self._again(do, every) for do, every in rounds))

    async def _again(self, do: Callable[[], Awaitable[object]], every: float) -> None:
        pause = every
        while not self._stopping.is_set():
            try:
                await do()
                pause = every
            except Exception as fault:  # it is due the next time as well
                logger.warning(f"{self._name}-pauses", fault=type(fault).__name__, at=places_of(fault), seconds=pause)
                pause = min(pause * 2, self._longest)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), pause)
