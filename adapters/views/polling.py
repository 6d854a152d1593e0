"""A view is polled: what is behind its watermark is read page by page, kept, and only then the watermark is noted.

Rows that share a watermark are one group, and a page ends between two groups, so none is cut in two. The group at the
edge is read again at every poll: a row that was committed a moment later with the same time is found then. A kill
between keeping and noting reads rows again, and these are repeats.
"""

import os
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256

import orjson

from adapters.files.bundles import FileBundle
from adapters.files.columns import FILE_KINDS
from adapters.files.kinds import FileKind
from adapters.files.reading import FilesRead
from adapters.views.cells import Reached, ViewRow, written
from adapters.views.database import Reading, ask, reading_of
from hub.errors import Refusal, refuse
from hub.message import Arrival, Format, Kept, Source, Transport, View, plain

_PAGES = 20
"""Pages of one poll: other views have their turn."""
_CHUNKS = 200
"""Pages of one group of rows that share a watermark."""
_MOST_SEEN = 5_000
_SECONDS = 60.0
_REFUSED = "row"
"""The kind of a message that holds a row that could not be read."""

Lines = Sequence[tuple[int, tuple[str, ...]]]
ReadLines = Callable[[str, str, tuple[str, ...], Lines, Source], Awaitable[Sequence[FilesRead]]]
"""View, kind of sheet, names of its columns, numbered cells, source: what each line holds by itself."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Polled:
    """What a poll came to. `is_more`: there is more to be read at once."""

    rows: int = 0
    refused: int = 0
    is_more: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class ViewDoor:
    """Reads views. `keep_all` returns when all messages are committed and raises where one is not; `load_watermark` and
    `save_watermark` know how far a view of a source has been read; `environment` gives the URL by its variable."""

    read: ReadLines
    keep_all: Callable[[Sequence[Arrival]], Awaitable[Sequence[Kept]]]
    load_watermark: Callable[[str, str], Awaitable[str | None]]
    save_watermark: Callable[[str, str, str], Awaitable[None]]
    environment: Callable[[str], str | None] = os.environ.get
    seconds: float = _SECONDS

    async def poll(self, source: Source, view: View) -> Polled:
        """Read what is new. Raises Refused where the view cannot be read, and what keeping raises; then nothing of the
        page at hand is noted as read."""
        kind = _kind_of(source, view)
        url = self.environment(view.url_from)
        if not url:
            raise refuse("view-url-missing", view.name, variable=view.url_from)
        reading = await ask(
            url, view, lambda connection: reading_of(connection, view, kind, source.time_zone), self.seconds
        )
        stored = await self.load_watermark(source.name, view.name)
        reached = Reached.read(stored, view.name) if stored is not None else None
        return await _Poll(self, source, view, kind, reading, url).run(reached)


def _kind_of(source: Source, view: View) -> FileKind:
    """The kind of a view's rows. Raises Refused (view-sheet, may-not-tell)."""
    kind = next((kind for kind in FILE_KINDS if kind.name == view.sheet and kind.single), None)
    if kind is None:
        known = ", ".join(kind.name for kind in FILE_KINDS if kind.single)
        raise refuse("view-sheet", view.name, sheet=view.sheet, known=known)
    if kind.tells not in source.tells:
        raise refuse("may-not-tell", view.name, kind=kind.name, tells=kind.tells.value)
    return kind


class _Poll:
    """One poll of one view. The URL lives as long as this."""

    def __init__(self, door: ViewDoor, source: Source, view: View, kind: FileKind, reading: Reading, url: str) -> None:
        self._door, self._source, self._view, self._kind = door, source, view, kind
        self._reading, self._url = reading, url
        self._polled = Polled()

    async def run(self, reached: Reached | None) -> Polled:
        """From the edge of the last poll to where it ends."""
        if reached is not None:
            reached = await self._take_group(reached.watermark, reached)
        most = self._view.most
        for _ in range(_PAGES):
            after = reached.watermark if reached else None
            rows = await self._read(lambda reading, mark=after: reading.after(mark, most + 1))  # type: ignore[misc]
            whole = rows if len(rows) <= most else [row for row in rows if row.watermark != rows[-1].watermark]
            if whole:
                await self._take(whole)
                reached = await self._note(Reached.of(whole, _MOST_SEEN))
            elif rows:  # one group is longer than a page
                reached = await self._take_group(rows[0].watermark, None)
            if len(rows) <= most:
                return self._polled
        return replace(self._polled, is_more=True)

    async def _take_group(self, watermark: object, reached: Reached | None) -> Reached:
        """All rows of one watermark that have not been seen."""
        seen = reached.seen if reached else frozenset()
        found: set[str] = set()
        most = self._view.most
        for at in range(_CHUNKS):
            rows = await self._read(lambda reading, offset=at * most: reading.at(watermark, offset, most))  # type: ignore[misc]
            await self._take([row for row in rows if row.hash not in seen])
            found |= {row.hash for row in rows}
            if len(rows) < most:
                break
        now = Reached(watermark=watermark, seen=frozenset(found if len(found) <= _MOST_SEEN else ()))
        return now if reached is not None and now.seen == reached.seen else await self._note(now)

    async def _read(self, asked: Callable[[Reading], object]) -> list[ViewRow]:
        reading = self._reading
        return await ask(
            self._url,
            self._view,
            lambda connection: reading.rows(connection, asked(reading)),  # type: ignore[arg-type]
            self._door.seconds,
        )

    async def _note(self, reached: Reached) -> Reached:
        await self._door.save_watermark(self._source.name, self._view.name, reached.text())
        return reached

    async def _take(self, rows: Sequence[ViewRow]) -> None:
        """Keep rows, each as a message of its own; one that cannot be read is kept and parked."""
        if not rows:
            return
        columns = tuple(column.name for column in self._reading.columns)
        lines = [(number, row.cells) for number, row in enumerate(rows, 1)]
        found = await self._door.read(self._view.name, self._kind.name, columns, lines, self._source)
        arrivals = [self._arrival(row, read) for row, read in zip(rows, found, strict=True)]
        await self._door.keep_all(arrivals)
        refused = sum(arrival.refusal is not None for arrival in arrivals)
        self._polled = replace(self._polled, rows=self._polled.rows + len(rows), refused=self._polled.refused + refused)

    def _arrival(self, row: ViewRow, read: FilesRead) -> Arrival:
        """A row under a name that it has again when it is read again, and not when it was written anew."""
        name = plain(f"{self._view.name} {row.hash} {written(row.watermark)}")
        if read.bundles:
            arrival = _bundle_of(read).arrival(self._source, Transport.VIEW)
        else:
            arrival = self._refused(row, [_row_fault(fault) for fault in read.faults])
        return replace(
            arrival,
            control_id=name,
            digest=sha256(orjson.dumps([written(row.watermark), *row.cells])).digest(),
            reuse=self._source.reuse,
        )

    def _refused(self, row: ViewRow, faults: Sequence[Refusal]) -> Arrival:
        cells = dict(zip(self._reading.names, row.cells, strict=True))
        return Arrival(
            source=self._source.name,
            transport=Transport.VIEW,
            format=Format.FHIR,
            raw=orjson.dumps({"view": self._view.name, "watermark": written(row.watermark), "row": cells}),
            kind=_REFUSED,
            refusal=faults[0] if faults else refuse("view-row-empty", self._view.name).refusal,
            findings=tuple(faults[1:]),
        )


def _bundle_of(read: FilesRead) -> FileBundle:
    (bundle,) = read.bundles
    return bundle


def _row_fault(fault: Refusal) -> Refusal:
    return replace(fault, code="bad-row") if fault.code == "bad-file" else fault
