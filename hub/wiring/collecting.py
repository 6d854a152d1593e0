"""What the hub fetches itself, with what the adapters know of files and views."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from adapters.fhir.examination import INLINE_BYTES, Examiner
from adapters.files.reading import FilesRead
from adapters.files.sheet import NamedFile
from adapters.folder.examining import Examining, Keep
from adapters.folder.watching import FolderDoor, FolderWatch
from adapters.hl7v2.reception import Reception
from adapters.views.polling import Lines, Polled, ViewDoor
from hub.checking import CheckingProcess
from hub.collecting import Fetching, Place
from hub.mapping.bundles import SUPPORTED
from hub.message import Arrival, DropFolder, Kept, Source, Transport, View
from hub.profiles import Profiles
from hub.settings import Settings
from hub.store import watermarks
from hub.store.turns import take_turn
from hub.wiring.doors import Doors, kept_together
from hub.wiring.profiles import read_each_of, read_singly_of

logger = structlog.get_logger()

_POLLS = 4
"""Views that are polled at a time: each holds a connection of the hub's own while it is."""


class Collecting:
    """Begins to fetch from folders and views; what they hold is kept with `keep`."""

    def __init__(
        self,
        settings: Settings,
        profiles: Profiles,
        checking: CheckingProcess,
        engine: AsyncEngine,
        doors: Doors,
        keep: Callable[[Arrival], Awaitable[Kept]],
    ) -> None:
        self._settings, self._profiles, self._checking = settings, profiles, checking
        self._engine, self._doors, self._keep = engine, doors, keep
        self._folder = FolderDoor(
            examining=Examining(reception=self._reception, examine=Examiner(supported=SUPPORTED, run=checking.run)),
            read=self._read_sheet,
            keep=keep,
            most_file=settings.max_file_bytes,
            most_message=settings.max_message_bytes,
        )
        self._polls = asyncio.Semaphore(_POLLS)

    def begin(self, place: Place) -> Fetching:
        """What fetches from a place."""
        find = partial(self._find, place)
        if isinstance(place.what, View):
            return FromView(door=self._view, view=place.what, find=find, engine=self._engine, polls=self._polls)
        watch = FolderWatch(Path(place.what.path), self._folder, make=place.what.is_ours)
        return FromFolder(watch=watch, find=find)

    def _find(self, place: Place) -> Source | None:
        """The source as it stands now; None where it no longer says this of the place."""
        source = self._profiles.now.book.by_name.get(place.source)
        if source is None or (source.folder != place.what and place.what not in source.views):
            return None
        return source

    def _view(self, connection: AsyncConnection) -> ViewDoor:
        return ViewDoor(
            read=self._read_rows,
            keep_all=kept_together(self._keep),
            load_watermark=partial(watermarks.find_watermark, connection),
            save_watermark=partial(watermarks.save_watermark, connection),
        )

    def _reception(self, source: Source, keep: Keep) -> Reception:
        return self._doors.reception_of(source, Transport.FOLDER, keep)

    async def _read_sheet(self, file: NamedFile, source: Source) -> FilesRead:
        if len(file.raw) <= INLINE_BYTES:
            return read_singly_of(file, source)
        return await self._checking.run(read_singly_of, file, source)

    async def _read_rows(
        self, name: str, kind: str, columns: tuple[str, ...], lines: Lines, source: Source
    ) -> Sequence[FilesRead]:
        return await self._checking.run(read_each_of, name, kind, columns, lines, source)


@dataclass(frozen=True, kw_only=True, slots=True)
class FromFolder:
    """Fetches from a drop folder."""

    watch: FolderWatch
    find: Callable[[], Source | None]

    async def fetch(self) -> bool:
        """One look."""
        if (source := self.find()) is not None and isinstance(source.folder, DropFolder):
            await self.watch.look(source)
        return False

    async def close(self) -> None:
        """Let go of the folder."""
        await self.watch.close()


@dataclass(frozen=True, kw_only=True, slots=True)
class FromView:
    """Fetches from a view. Of several processes over one database, one polls it at a time."""

    door: Callable[[AsyncConnection], ViewDoor]
    view: View
    find: Callable[[], Source | None]
    engine: AsyncEngine
    polls: asyncio.Semaphore

    async def fetch(self) -> bool:
        """One poll. What was noted before it failed stays noted."""
        source = self.find()
        if source is None:
            return False
        fault: Exception | None = None
        polled = Polled()
        async with self.polls, self.engine.begin() as connection:
            if not await take_turn(connection, f"view {source.name} {self.view.name}"):
                return False
            try:
                polled = await self.door(connection).poll(source, self.view)
            except Exception as error:
                fault = error
        if fault is not None:
            raise fault
        if polled.rows:
            logger.info("view-read", source=source.name, view=self.view.name, rows=polled.rows, refused=polled.refused)
        return polled.is_more

    async def close(self) -> None:
        """Nothing is held between two polls."""
