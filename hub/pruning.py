"""Bytes are kept as long as their source's profile says; then they go, month by month, and it is told how much."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from hub.errors import places_of
from hub.ids import first_id_at
from hub.message import Source
from hub.store import retention
from hub.store.database import open_engine
from hub.store.retention import Cuts, Freed

logger = structlog.get_logger()

_EVERY = timedelta(days=1)


def cuts_for(sources: Iterable[Source], days: int, now: datetime) -> Cuts:
    """What is old enough to go. `days` are those of sources that say nothing; 0: for ever."""
    told = {one.name: one.retention_days for one in sources if one.retention_days}
    return Cuts(
        by_source={name: first_id_at(now - timedelta(days=kept)) for name, kept in told.items()},
        otherwise=first_id_at(now - timedelta(days=days)) if days else None,
    )


async def prune(owner: str, cuts: Cuts, now: datetime, *, only_count: bool = False) -> list[Freed]:
    """Let go what is spent, a month a transaction, and make the months ahead. `owner` is the owner's URL.

    Returns the months of which anything went (or would go).
    """
    engine = open_engine(owner, size=1, role="")
    try:
        return await _prune(engine, cuts, now, only_count)
    finally:
        await engine.dispose()


async def _prune(engine: AsyncEngine, cuts: Cuts, now: datetime, only_count: bool) -> list[Freed]:
    async with engine.begin() as connection:
        months = await retention.list_months(connection)
        if not only_count:
            await retention.make_months(connection, now)
    freed: list[Freed] = []
    for month in months:
        async with engine.begin() as connection:
            one = await retention.let_go(connection, month, cuts, only_count=only_count)
        if one.messages or one.is_dropped:
            freed.append(one)
    if not only_count:
        async with engine.begin() as connection:
            await retention.forget_controls(connection, cuts)
    return freed


class Pruner:
    """Prunes once a day, as long as it runs. Where the login may not (it is not the owner's), it says so once."""

    def __init__(self, owner: str, sources: Callable[[], Sequence[Source]], days: int) -> None:
        self._owner, self._sources, self._days = owner, sources, days
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to prune."""
        self._task = asyncio.create_task(self._run(), name="pruner")

    async def stop(self) -> None:
        """Leave off. A month that is under way is rolled back."""
        if self._task:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def _run(self) -> None:
        while True:
            now = datetime.now(UTC)
            try:
                freed = await prune(self._owner, cuts_for(self._sources(), self._days, now), now)
                messages, size = sum(one.messages for one in freed), sum(one.size for one in freed)
                logger.info("pruned", messages=messages, bytes=size, months=[one.month for one in freed])
            except Exception as fault:  # a night without pruning is no reason to end
                logger.warning("pruning-failed", fault=type(fault).__name__, at=places_of(fault))
            await asyncio.sleep(_EVERY.total_seconds())
