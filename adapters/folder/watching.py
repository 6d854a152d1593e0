"""A look into a drop folder: what stands still is claimed, cut, kept, reported and put away, file by file.

    ready -> claim -> read -> cut -> examine -> keep -> report -> put away

A kill between any two of these loses nothing: an unclaimed file is found again, a claimed one lies in ``taking``, and
what of it was kept is a repeat when it is kept again.
"""

import asyncio
import secrets
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import ParamSpec, TypeVar

import structlog

from adapters.files.bundles import FileBundle
from adapters.files.reading import FilesRead
from adapters.files.sheet import NamedFile
from adapters.folder.drop import DONE, FAILED, Claim, Drop
from adapters.folder.examining import Examining, check_spoken
from adapters.folder.report import Became, Line, Report
from adapters.folder.splitting import Faults, Piece, Shape, pieces_of, shape_of, unpacked
from hub.errors import Refusal, Refused, places_of, refuse
from hub.message import Arrival, Kept, Source, Transport, plain

log = structlog.get_logger()

P = ParamSpec("P")
T = TypeVar("T")

_TOGETHER = 64
"""Messages that are handed to the inbox at once, in their order: they share a commit."""


class NotKept(Exception):  # noqa: N818 - says what is so
    """Raised where the inbox did not take a message: the file waits, and is taken again."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FolderDoor:
    """What a file's content goes through. `read` reads a sheet, `keep` returns when a message is committed. Files of
    more than `most_file` bytes, packed or unpacked, and messages of more than `most_message` bytes are refused."""

    examining: Examining
    read: Callable[[NamedFile, Source], Awaitable[FilesRead]]
    keep: Callable[[Arrival], Awaitable[Kept]]
    most_file: int
    most_message: int
    clock: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))

    async def take(self, raw: bytes, claim: Claim, source: Source) -> Report:
        """Keep all that a file holds, as far as it can be read; what is wrong stands in the report. Raises NotKept."""
        report = Report(file=claim.shown, source=source.name, taken_at=self.clock().astimezone(source.time_zone))
        try:
            content = await asyncio.to_thread(unpacked, raw, self.most_file)
            name = claim.shown.casefold().removesuffix(".gz")
            shape = shape_of(content, name)
            report = replace(report, shape=shape.value)
            check_spoken(shape, source)
            if shape is Shape.SHEET:
                return await self._take_sheet(content, claim, source, report)
            return await self._take_messages(content, shape, claim, source, report)
        except Refused as refused:
            return replace(report, faults=(refused.refusal,))
        except NotKept:
            raise
        except Exception as fault:  # a fault of ours must not hold up the files behind this one: it is put away
            reference = secrets.token_hex(6)
            log.error("file-not-read", reference=reference, fault=type(fault).__name__, places=places_of(fault))
            return replace(report, faults=(refuse("internal", reference=reference).refusal,))

    async def _take_messages(
        self, content: bytes, shape: Shape, claim: Claim, source: Source, report: Report
    ) -> Report:
        faults = Faults()
        pieces = pieces_of(content, shape, self.most_message, faults)
        lines: list[Line] = []
        while together := list(islice(pieces, _TOGETHER)):
            arrivals = [await self._examined(piece, shape, source, claim) for piece in together]
            kept = await self._keep_all(arrivals)
            lines += [_line(piece.where, one) for piece, one in zip(together, kept, strict=True)]
        return replace(report, lines=lines, faults=tuple(faults.found))

    async def _examined(self, piece: Piece, shape: Shape, source: Source, claim: Claim) -> Arrival:
        return await self.examining.arrival(piece, shape, source, claim.shown, claim.token)

    async def _take_sheet(self, content: bytes, claim: Claim, source: Source, report: Report) -> Report:
        read = await self.read(NamedFile(name=claim.shown, raw=content), source)
        lines: list[Line] = []
        for together in _groups(read.bundles):
            kept = await self._keep_all([_arrival_of(one, claim, source) for one in together])
            lines += [_line(one.positions, each, one) for one, each in zip(together, kept, strict=True)]
        for fault in read.faults:  # one row may have several faults; each is told
            told = replace(fault, code="bad-row") if fault.code == "bad-file" and read.bundles else fault
            lines.append(Line(where=fault.where.partition(" [")[0], became=Became.REFUSED, refusal=told))
        return replace(report, lines=lines)

    async def _keep_all(self, arrivals: Sequence[Arrival]) -> Sequence[Kept]:
        """Keep messages in their order, as many to a commit as there are. Raises NotKept once all are tried."""
        found = await asyncio.gather(*(self.keep(arrival) for arrival in arrivals), return_exceptions=True)
        kept: list[Kept] = []
        for one in found:
            if isinstance(one, BaseException):
                raise NotKept(type(one).__name__)
            kept.append(one)
        return kept


def _groups(bundles: Sequence[FileBundle]) -> Iterator[Sequence[FileBundle]]:
    for start in range(0, len(bundles), _TOGETHER):
        yield bundles[start : start + _TOGETHER]


def _arrival_of(one: FileBundle, claim: Claim, source: Source) -> Arrival:
    """Rows as a message that is the same within this taking of the file: another day's file of that name says anew
    what may have changed in between."""
    arrival = one.arrival(source, Transport.FOLDER)
    name = plain(f"{claim.token} {one.positions}")
    return replace(arrival, control_id=name, digest=sha256(one.body).digest(), reuse=source.reuse)


def _line(where: str, kept: Kept, bundle: FileBundle | None = None) -> Line:
    refusal = bundle.placed(kept.refusal) if bundle and kept.refusal else kept.refusal
    became = Became.REFUSED if refusal else Became.REPEAT if kept.is_repeat else Became.KEPT
    return Line(where=where, became=became, id=kept.id, refusal=refusal)


class FolderWatch:
    """The watch over one drop folder; `look` is called over and over, `close` lets go of it."""

    def __init__(self, path: Path, door: FolderDoor, *, make: bool = False) -> None:
        self._path, self._door, self._make = path, door, make
        self._drop: Drop | None = None
        self._tries: Counter[str] = Counter()

    async def look(self, source: Source) -> int:
        """Take what is ready; how many files were put away. Nothing while another process works the folder.

        Raises Refused (folder-not-usable), NotKept, OSError: then the file at hand waits in ``taking``, and comes
        behind the others.
        """
        drop = await self._opened()
        folder = source.folder
        if drop is None or folder is None:
            return 0
        taken = 0
        if back := await _on_disk(drop.come_back):
            log.warning("file-written-on", source=source.name, count=back)
        left = await _on_disk(drop.left)
        for claim in left:
            if not self._tries[claim.token]:
                taken += await self._take(drop, claim, source)
        for found in await _on_disk(drop.ready, folder.pattern):
            claimed = await _on_disk(drop.claim, found)
            if claimed is not None:
                taken += await self._take(drop, claimed, source)
        return taken + await self._again(drop, [claim for claim in left if self._tries[claim.token]], source, taken)

    async def _again(self, drop: Drop, left: Sequence[Claim], source: Source, taken: int) -> int:
        """Files that failed before: where the inbox takes others, one that it does not take holds up nobody."""
        done = 0
        for claim in left:
            try:
                done += await self._take(drop, claim, source)
            except NotKept as fault:
                if not taken + done:
                    raise
                log.error("file-waits", source=source.name, token=claim.token, fault=str(fault))
        return done

    async def close(self) -> None:
        """Let go of the folder."""
        if self._drop is not None:
            self._drop.close()
            self._drop = None

    async def _opened(self) -> Drop | None:
        if self._drop is not None:
            try:
                await _on_disk(self._drop.check)
            except Refused:
                await self.close()
                raise
        if self._drop is None:
            self._drop = await _on_disk(lambda: Drop.open(self._path, make=self._make))
        return self._drop

    async def _take(self, drop: Drop, claim: Claim, source: Source) -> int:
        """One claimed file to its end; 0 where its sender wrote on meanwhile."""
        self._tries[claim.token] += 1
        try:
            raw = await _on_disk(drop.read, claim, self._door.most_file)
        except Refused as refused:
            at = self._door.clock().astimezone(source.time_zone)
            report = Report(file=claim.shown, source=source.name, taken_at=at, faults=(refused.refusal,))
        else:
            if raw is None:
                del self._tries[claim.token]
                return 0
            report = await self._door.take(raw, claim, source)
        place = DONE if report.is_good else FAILED
        unwritten = await _on_disk(drop.put_away, claim, place, report.written())
        del self._tries[claim.token]
        _tell(report, place, claim.token, unwritten)
        return 1


async def _on_disk(act: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """What a blocking act gives. One that is under way is waited for even by who is cancelled: it works on open
    folders, and they are closed next."""
    task = asyncio.ensure_future(asyncio.to_thread(act, *args, **kwargs))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        raise


def _tell(report: Report, place: str, token: str, unwritten: Refusal | None) -> None:
    """Into the log, without the file's name: people name files after people."""
    counts = {became.value: report.count(became) for became in Became}
    codes = sorted({one.code for one in (*report.faults, *(line.refusal for line in report.lines)) if one})
    is_whole = not codes and place == DONE
    tell = log.info if is_whole else log.warning
    tell("file-taken", source=report.source, token=token, place=place, codes=codes, **counts)
    if unwritten:
        log.error("report-not-written", source=report.source, token=token, reason=unwritten.message())
