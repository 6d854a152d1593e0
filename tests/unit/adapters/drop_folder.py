"""A drop folder with everything behind it: an inbox that knows repeats, and doors that take v2 and FHIR."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta, timezone
from itertools import count
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson

from adapters.fhir.examination import Examiner
from adapters.files.reading import Checks, FilesRead, read_singly
from adapters.files.sheet import NamedFile
from adapters.folder.examining import Examining, Keep
from adapters.folder.watching import FolderDoor, FolderWatch
from adapters.hl7v2.checks import DoorCheck
from adapters.hl7v2.reception import Reception
from hub.mapping.bundles import SUPPORTED
from hub.message import Arrival, DropFolder, Format, IdentifierRule, Kept, Source, Tells, Transport

SOURCE = Source(
    name="his",
    organisation="测试医院",
    format=Format.HL7V2,
    also=frozenset({Format.FHIR, Format.CDA}),
    transports=frozenset({Transport.FOLDER}),
    time_zone=timezone(timedelta(hours=8)),
    identifiers=(
        IdentifierRule(type="urn:his:number", kind="local-number", of_patient=True),
        IdentifierRule(type="urn:oid:2.16.156.10011.1.3", kind="citizen-id"),
    ),
    tells=frozenset({Tells.RECORD, Tells.SESSIONS}),
    folder=DropFolder(path="drop"),
)


class Killed(BaseException):
    """The process ends here: nothing of it runs any more."""


@dataclass
class Inbox:
    """Keeps in memory, by the hub's rule: same source, control id and digest is a repeat."""

    kept: dict[tuple[str, bytes], Arrival] = field(default_factory=dict)
    ids: dict[tuple[str, bytes], UUID] = field(default_factory=dict)
    is_away: bool = False
    dies_after: int | None = None

    async def keep(self, arrival: Arrival) -> Kept:
        assert arrival.control_id
        assert arrival.digest
        if self.is_away:
            raise ConnectionError("password=secret")
        if self.dies_after is not None and len(self.kept) >= self.dies_after:
            raise Killed
        key = (arrival.control_id, arrival.digest)
        is_repeat = key in self.kept
        self.kept.setdefault(key, arrival)
        self.ids.setdefault(key, UUID(int=len(self.kept)))
        return Kept(id=self.ids[key], refusal=self.kept[key].refusal, is_repeat=is_repeat)

    @property
    def arrivals(self) -> Sequence[Arrival]:
        return list(self.kept.values())


async def run(act: Any, *given: Any) -> Any:
    """As the checking process runs it."""
    return act(*given)


async def read(file: NamedFile, source: Source) -> FilesRead:
    return read_singly(file, source, Checks(is_number=lambda *_: True, validate=lambda _: None))


def door_of(inbox: Inbox, **changes: Any) -> FolderDoor:
    numbers = count(1)

    def reception(source: Source, keep: Keep) -> Reception:
        return Reception(
            find_source=lambda *_: source,
            kinds=lambda _: {"ADT^A01", "ADT^A03"},
            door=lambda _: DoorCheck([]),
            keep=keep,
            wait=_never,
            clock=lambda: datetime(2026, 1, 5, tzinfo=UTC),
            new_control_id=lambda: f"H{next(numbers)}",
            transport=Transport.FOLDER,
        )

    door = FolderDoor(
        examining=Examining(reception=reception, examine=Examiner(supported=SUPPORTED, run=run)),
        read=read,
        keep=inbox.keep,
        most_file=1 << 20,
        most_message=1 << 16,
    )
    return replace(door, **changes)


async def _never(*_: Any) -> None:
    return None


@dataclass
class Dropped:
    """A folder on disk and its watch."""

    path: Path
    inbox: Inbox = field(default_factory=Inbox)
    door: FolderDoor | None = None
    source: Source = SOURCE

    def __post_init__(self) -> None:
        self.path.mkdir(exist_ok=True)
        self.watch = FolderWatch(self.path, self.door or door_of(self.inbox))

    def put(self, name: str, content: bytes) -> Path:
        (self.path / name).write_bytes(content)
        return self.path / name

    async def look(self, times: int = 2) -> int:
        return sum([await self.watch.look(self.source) for _ in range(times)])

    def files(self, place: str) -> list[str]:
        """What lies there, without reports."""
        found = (file.name for file in (self.path / place).iterdir() if not file.name.startswith("."))
        return sorted(name for name in found if ".report." not in name)

    def report(self, name: str, place: str = "done") -> dict[str, Any]:
        told: dict[str, Any] = orjson.loads((self.path / place / f"{name}.report.json").read_bytes())
        return told
