"""What falls due: holds expire, slots go back to the public, agreements lapse, patients do not come.

Nothing relies on it being on time: whoever reads or changes something asks the clock as well. It only makes visible
what is so already, tells those who follow, and leaves a history.
"""

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import TypeAlias

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from hub.programme.hand import TIME, Hand
from hub.rounds import Rounds

logger = structlog.get_logger()

Doing: TypeAlias = Callable[[Hand, int], Awaitable[int]]
"""Does what is due of one kind, so many at the most, and returns how many it did."""

_MOST = 200
_BATCHES = 50
"""Batches of one kind at a time: the others are due as well."""
_EVERY_SECONDS = 1.0
_LONGEST_PAUSE = 30.0


class Timekeeper:
    """Does what is due, as long as it runs. Several may run over one database: rows in work are skipped."""

    def __init__(
        self,
        engine: AsyncEngine,
        doings: Sequence[Doing],
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        every_seconds: float = _EVERY_SECONDS,
    ) -> None:
        self._engine = engine
        self._doings = doings
        self._now = now
        self._every = every_seconds
        self._rounds = Rounds("timekeeper", _LONGEST_PAUSE)

    def start(self) -> None:
        """Begin to look at the clock."""
        self._rounds.start((self.keep, self._every))

    @property
    def is_alive(self) -> bool:
        """Whether it runs; a supervisor asks by /readyz."""
        return self._rounds.is_alive

    async def stop(self) -> None:
        """Finish what is under way, then end."""
        await self._rounds.stop()

    async def keep(self) -> int:
        """Do all that is due now, each batch in a transaction of its own. Returns how many things that were.

        What fails keeps nothing else from being done: the others have their turn first, then its fault is raised.
        """
        done, faults = 0, []
        for doing in self._doings:
            try:
                done += await self._all(doing)
            except Exception as fault:
                faults.append(fault)
        if faults:
            raise faults[0]
        return done

    async def _all(self, doing: Doing) -> int:
        done = 0
        for _ in range(_BATCHES):
            some = await self._some(doing)
            done += some
            if not some or self._rounds.is_stopping:
                break
        return done

    async def _some(self, doing: Doing) -> int:
        async with self._engine.begin() as connection:
            hand = Hand(connection=connection, by=TIME, role="time", now=self._now())
            some = await doing(hand, _MOST)
            await hand.write()
            return some
