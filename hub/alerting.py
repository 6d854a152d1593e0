"""The watcher: looks at the hub's figures every half a minute, and says when something begins and when it is over.

Any number of processes may watch over one database: one of them looks at a time, and what is open is in the database,
so neither a restart nor a second watcher tells anything twice. What an alert says is written in the transaction in
which it begins; delivering it is left to `hub.webhooks`.
"""

import shutil
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson
import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from hub.alerts import Alert, Kind, Reading, Thresholds, judge, readings, tell
from hub.alerts.rhythm import usual_wait
from hub.errors import places_of
from hub.ids import new_id
from hub.rounds import Rounds
from hub.store import alerts as stored
from hub.store import deliveries, watermarks
from hub.store.search import Figures, find_figures
from hub.store.turns import take_turn

logger = structlog.get_logger()

_EVERY_SECONDS = 30.0
_LONGEST_PAUSE = 300.0
_TURN = "alerts"
_LOOKED, _AWAKE = "alerts-looked", "alerts-awake-since"
"""Watermarks of no source: when somebody looked last, and since when without a break."""
_BREAK = timedelta(minutes=10)


class Watcher:
    """Watches as long as it runs. `sources` are the names of the profiles as they stand, `home` lies on the disk that
    is watched, `places` are the receivers that are told: their keys, with what may be shown of them."""

    def __init__(
        self,
        engine: AsyncEngine,
        sources: Callable[[], Collection[str]],
        thresholds: Thresholds,
        home: Path,
        places: Mapping[str, str],
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        every_seconds: float = _EVERY_SECONDS,
    ) -> None:
        self._engine, self._sources, self._thresholds = engine, sources, thresholds
        self._home, self._places, self._now, self._every = home, places, now, every_seconds
        self._usual: dict[str, tuple[datetime, timedelta | None]] = {}
        self._rounds = Rounds("watcher", _LONGEST_PAUSE)

    def start(self) -> None:
        """Begin to watch."""
        self._rounds.start((self.look, self._every))

    @property
    def is_alive(self) -> bool:
        """Whether it runs; a supervisor asks by /readyz."""
        return self._rounds.is_alive

    async def stop(self) -> None:
        """Finish the look under way, then end."""
        await self._rounds.stop()

    async def look(self) -> list[Alert]:
        """Look once: the alerts that begin and end now. None where another process is looking."""
        now = self._now()
        async with self._engine.begin() as connection:
            if not await take_turn(connection, _TURN):
                return []
            opened = await stored.list_open(connection)
            found, unread = await self._read(connection, opened, now)
            judged = [one for one in opened if one.kind not in unread]
            verdict = judge(judged, found, self._thresholds.calm, now)
            for one in verdict.begun:
                await stored.save_begun(connection, one)
            for one in (*verdict.changed, *verdict.ended):
                await stored.save_change(connection, one)
            told = [*verdict.begun, *verdict.ended]
            for one in told:
                await self._tell(connection, one)
        for one in told:
            event = "alert-began" if one.until is None else "alert-ended"
            logger.warning(event, kind=one.kind.value, source=one.source, figure=one.figure, threshold=one.threshold)
        return told

    async def _tell(self, connection: AsyncConnection, one: Alert) -> None:
        key = new_id()
        await stored.save_notice(connection, key, one, orjson.dumps(tell(one, key)))
        await deliveries.save_deliveries(connection, key, self._places)

    async def _read(
        self, connection: AsyncConnection, opened: list[Alert], now: datetime
    ) -> tuple[list[Reading], set[Kind]]:
        """Every figure that is watched, and the kinds whose figures cannot be had now: these end nothing, and keep
        nobody from hearing of the others."""
        sources = list(self._sources())
        figures = await find_figures(connection, sources, now)
        readers: Mapping[Kind, Callable[[], Awaitable[list[Reading]]]] = {
            Kind.SILENCE: lambda: self._silence(connection, sources, figures, opened, now),
            Kind.FAILURES: lambda: self._failures(connection, sources, now),
            Kind.LAG: lambda: self._lag(figures),
            Kind.QUEUE: lambda: self._queue(figures),
            Kind.DISK: self._disk,
            Kind.GROWTH: lambda: self._growth(connection, now),
        }
        found: list[Reading] = []
        unread = set()
        for kind in [one for one in readers if one in self._thresholds.kinds]:
            try:
                async with connection.begin_nested():
                    found += await readers[kind]()
            except (OSError, SQLAlchemyError) as fault:
                unread.add(kind)
                logger.warning("alert-unread", kind=kind.value, fault=type(fault).__name__, at=places_of(fault))
        return found, unread

    async def _silence(
        self,
        connection: AsyncConnection,
        sources: Sequence[str],
        figures: Mapping[str, Figures],
        opened: list[Alert],
        now: datetime,
    ) -> list[Reading]:
        rule = self._thresholds.silence
        awake_since = await self._awake_since(connection, now)
        silent = {one.source: one for one in opened if one.kind is Kind.SILENCE}
        found = []
        for name in sources:
            last_at, opened_ = figures[name].last_at, silent.get(name)
            if last_at is not None:
                usual = await self._usual_wait(connection, name, now)
                began = opened_.since - timedelta(seconds=opened_.figure) if opened_ else awake_since
                found.append(readings.read_silence(rule, name, max(last_at, began), usual, opened_, now))
        return found

    async def _awake_since(self, connection: AsyncConnection, now: datetime) -> datetime:
        """Since when somebody has looked without a longer break: what did not come while the hub was off is no
        silence of its sender."""
        looked, since = [await watermarks.find_watermark(connection, "", name) for name in (_LOOKED, _AWAKE)]
        if looked is None or since is None or now - datetime.fromisoformat(looked) > _BREAK:
            since = now.isoformat()
            await watermarks.save_watermark(connection, "", _AWAKE, since)
        await watermarks.save_watermark(connection, "", _LOOKED, now.isoformat())
        return datetime.fromisoformat(since)

    async def _usual_wait(self, connection: AsyncConnection, source: str, now: datetime) -> timedelta | None:
        """The usual wait of a source at this hour; reckoned once an hour, and when more has been learned."""
        rule = self._thresholds.silence
        hour = now.replace(minute=0, second=0, microsecond=0)
        is_more = await stored.learn(connection, source, now, rule.weeks)
        known = self._usual.get(source)
        if is_more or known is None or known[0] != hour:
            hours = await stored.list_hours(connection, source)
            wait = usual_wait(hours, now, weeks=rule.weeks, least_weeks=rule.least_weeks)
            known = self._usual[source] = (hour, wait)
        return known[1]

    async def _failures(self, connection: AsyncConnection, sources: Sequence[str], now: datetime) -> list[Reading]:
        rule = self._thresholds.failures
        recent = timedelta(minutes=rule.minutes)
        failing = await stored.find_failing(connection, [*sources, ""], now, recent=recent, least=rule.least)
        read = (readings.read_failures(rule, name, one.parked, one.messages, one.code) for name, one in failing.items())
        return [one for one in read if one is not None]

    async def _lag(self, figures: Mapping[str, Figures]) -> list[Reading]:
        """One for the hub: where the worker has stopped, a call for each source would be a flood."""
        name = max(figures, key=lambda one: figures[one].lag, default="")
        lag = figures[name].lag if name else timedelta()
        return [readings.read_lag(self._thresholds.lag, lag, name)]

    async def _queue(self, figures: Mapping[str, Figures]) -> list[Reading]:
        return [readings.read_queue(self._thresholds.queue, sum(one.queue for one in figures.values()))]

    async def _disk(self) -> list[Reading]:
        usage = shutil.disk_usage(self._home)
        return [readings.read_disk(self._thresholds.disk, usage.used, usage.free)]

    async def _growth(self, connection: AsyncConnection, now: datetime) -> list[Reading]:
        size, grown = await stored.measure_size(connection, now)
        return [] if grown is None else [readings.read_growth(self._thresholds.growth, grown, size)]
