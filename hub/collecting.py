"""What the hub fetches itself: drop folders are looked into and views polled, as long as profiles say so.

Each folder and each view has a round of its own that is repeated: one that is away or wrong pauses, longer each time,
says so once for each reason, and holds up no other. Profiles may change at any time: what they no longer name ends
after its round, what they name anew begins, and what they say otherwise begins again.
"""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Protocol

import structlog

from hub.errors import Refusal, Refused, places_of
from hub.message import DropFolder, Source, View

logger = structlog.get_logger()

_LOOK_SECONDS = 1.0
_LONGEST_PAUSE = 60.0
_ENDING_SECONDS = 10.0
"""How long a round may take to its end when the hub stops. A round that is cut off is a kill: nothing is lost."""


class Fetching(Protocol):
    """One folder or view that is fetched from."""

    async def fetch(self) -> bool:
        """One round; whether there is more to be had at once. Raises Refused, or what went wrong."""

    async def close(self) -> None:
        """Let go of it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """What is fetched from: the folder of a source, or one of its views."""

    source: str
    what: DropFolder | View

    @property
    def name(self) -> str:
        """``folder``, or the view's name."""
        return self.what.name if isinstance(self.what, View) else "folder"


@dataclass(frozen=True, kw_only=True, slots=True)
class State:
    """How a place stands. `failures` counts rounds that failed on end, `fault` is why, where it is a refusal."""

    rounds: int = 0
    failures: int = 0
    well_at: datetime | None = None
    fault: Refusal | None = None


class Collector:
    """Fetches from every place that profiles name. `sources` gives them as they stand now, `begin` what fetches."""

    def __init__(
        self,
        sources: Callable[[], Mapping[str, Source]],
        begin: Callable[[Place], Fetching],
        *,
        look_seconds: float = _LOOK_SECONDS,
        longest_pause: float = _LONGEST_PAUSE,
    ) -> None:
        self._sources, self._begin = sources, begin
        self._look_seconds, self._longest = look_seconds, longest_pause
        self._rounds: dict[Place, asyncio.Task[None]] = {}
        self._endings: dict[Place, asyncio.Event] = {}
        self._stopping = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self.states: dict[Place, State] = {}
        """How each place stands, as long as it is fetched from."""

    def start(self) -> None:
        """Begin."""
        self._task = asyncio.create_task(self._run(), name="collector")

    @property
    def is_alive(self) -> bool:
        """Whether it runs; a supervisor asks by /readyz."""
        return self._task is not None and not self._task.done()

    async def stop(self) -> None:
        """Finish the rounds under way, within a time, then end."""
        self._stopping.set()
        if self._task is not None:
            await self._task
        for ending in self._endings.values():
            ending.set()
        tasks = list(self._rounds.values())
        if not tasks:
            return
        _, late = await asyncio.wait(tasks, timeout=_ENDING_SECONDS)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)

    async def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._look()
            except Exception as fault:  # whatever it is, what is fetched goes on being fetched
                logger.error("collector-not-looked", fault=type(fault).__name__, at=places_of(fault))
            await _pause(self._stopping, self._look_seconds)

    def _look(self) -> None:
        """Begin what is named and not yet fetched from; end what is no longer named."""
        wanted = set(places_in(self._sources()))
        for place, task in list(self._rounds.items()):
            if task.done():
                del self._rounds[place], self._endings[place]
                self.states.pop(place, None)
            elif place not in wanted:
                self._endings[place].set()
        busy = {(place.source, place.name) for place in self._rounds}
        for place in wanted:
            # The old round of a place that has changed ends first: two at one folder would be in each other's way.
            if (place.source, place.name) not in busy:
                self._endings[place] = asyncio.Event()
                self._rounds[place] = asyncio.create_task(self._repeat(place), name=f"{place.source} {place.name}")

    async def _repeat(self, place: Place) -> None:
        """The rounds of one place until it is to end."""
        ending = self._endings[place]
        self.states[place] = State()
        fetching = self._begin(place)
        try:
            while not ending.is_set():
                await _pause(ending, await self._round(place, fetching))
        finally:
            with suppress(Exception):
                await fetching.close()

    async def _round(self, place: Place, fetching: Fetching) -> float:
        """One round; the seconds until the next."""
        before = self.states[place]
        try:
            is_more = await fetching.fetch()
        except Refused as refused:
            return self._failed(place, refused.refusal, refused)
        except Exception as fault:  # whatever it is, this place pauses and the others do not
            return self._failed(place, None, fault)
        if before.failures:
            logger.info("collecting-again", source=place.source, place=place.name, failures=before.failures)
        self.states[place] = State(rounds=before.rounds + 1, well_at=datetime.now(UTC))
        return 0 if is_more else place.what.seconds

    def _failed(self, place: Place, refusal: Refusal | None, fault: Exception) -> float:
        """Note a round that failed, say why where it is not known yet; the pause. No fault's text is said: drivers
        quote URLs with passwords."""
        before = self.states[place]
        failures = before.failures + 1
        usual = float(place.what.seconds)
        pause: float = min(usual * 2 ** min(failures, 10), self._longest)
        self.states[place] = replace(before, rounds=before.rounds + 1, failures=failures, fault=refusal)
        if failures > 1 and before.fault == refusal:
            return pause
        tell = logger.bind(source=place.source, place=place.name, seconds=pause)
        if refusal:
            tell.error("collecting-pauses", code=refusal.code, where=refusal.where, reason=refusal.message())
        else:
            tell.error("collecting-pauses", fault=type(fault).__name__, at=places_of(fault))
        return pause


def places_in(sources: Mapping[str, Source]) -> list[Place]:
    """What profiles say is to be fetched from."""
    found: list[Place] = []
    for source in sources.values():
        if source.folder is not None:
            found.append(Place(source=source.name, what=source.folder))
        found += [Place(source=source.name, what=view) for view in source.views]
    return found


async def _pause(until: asyncio.Event, seconds: float) -> None:
    """So many seconds, or less where the event comes."""
    if seconds <= 0:
        await asyncio.sleep(0)
        return
    with suppress(TimeoutError):
        await asyncio.wait_for(until.wait(), seconds)
