"""The county's desk: the fixtures' messages kept and merged in a test's own database, without any transport."""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from adapters.cda.document import read_whole
from adapters.fhir import reading as fhir
from adapters.hl7v2 import reading as v2
from adapters.hl7v2.charset import codec_of
from adapters.hl7v2.dictionary import Dictionary
from adapters.hl7v2.header import read_header
from fixtures.county import Sending, story
from hub.errors import Refusal
from hub.ids import new_id
from hub.intake import Desk, work
from hub.likeness import Matcher, load_matcher
from hub.mapping.bundles import SUPPORTED
from hub.mapping.codes import Folder, IdentifierKind, load_kinds
from hub.mapping.library import Mappings, gather, load_base, load_own
from hub.message import Arrival, Format, Message, Source, Transport
from hub.record import Reading
from hub.sources import load_sources
from hub.store import inbox
from hub.tables import ENTRY_TABLES

ROOT = Path(__file__).parents[1]
MAPPINGS = ROOT / "mappings"
PROFILES = ROOT / "fixtures" / "county" / "sources"


@cache
def kinds() -> Mapping[str, IdentifierKind]:
    """The kinds of identifiers that the hub knows."""
    return load_kinds(MAPPINGS / "codes")


@cache
def dictionary() -> Dictionary:
    """The v2 standard's positions."""
    return Dictionary()


def is_charset(name: str) -> bool:
    """Whether the hub can decode it."""
    return codec_of(name) is not None


def load_mappings(base: Folder, sources: Mapping[str, tuple[Source, Folder]], dictionary: Dictionary) -> Mappings:
    """The base and all sources at once; `sources` gives each profile with its folder.

    Raises Refused (bad-mapping) with file and line.
    """
    loaded = load_base(base, dictionary)
    return gather(loaded, {name: load_own(loaded, source, folder) for name, (source, folder) in sources.items()})


@cache
def mappings() -> Mappings:
    """How the county's sources are read."""
    return load_mappings(MAPPINGS, load_sources([MAPPINGS / "sources", PROFILES], kinds(), is_charset), dictionary())


@cache
def sources() -> Mapping[str, Source]:
    """The county's sources by name."""
    found = load_sources([MAPPINGS / "sources", PROFILES], kinds(), is_charset)
    return {name: source for name, (source, _) in found.items()}


def read(message: Message, source: Source) -> tuple[Reading, Mapping[str, Refusal]]:
    """A kept message, read as the worker reads it."""
    if message.format is Format.CDA:
        return mappings().cda[source.name].read(read_whole(message.raw), message.received_at), {}
    if message.format is Format.FHIR:
        kind = "" if message.kind in ("transaction", "batch", "document") else message.kind
        parsed = fhir.read(message.raw, supported=SUPPORTED, kind=kind)
        return mappings().fhir[source.name].read(parsed, message.received_at)
    parsed_v2 = v2.read(message.raw, source.charset)
    return mappings().v2[source.name].read(parsed_v2, message.received_at), {}


@cache
def matcher() -> Matcher:
    """How the hub compares persons."""
    return load_matcher(kinds())


def county_desk() -> Desk:
    """A desk that knows the county's sources."""
    return Desk(kinds=kinds(), source_of=_source_of, read=read, matcher=matcher())


def incurious_desk() -> Desk:
    """A desk that links by numbers and messages alone, so that whoever has none stays apart."""
    return replace(county_desk(), matcher=None)


def _source_of(message: Message) -> Source:
    """By name; what no profile fitted when it came by its header."""
    known = sources()
    if message.source:
        return known[message.source]
    return next(one for one in known.values() if one.sending_application == read_header(message.raw).application)


def arrival(sending: Sending) -> Arrival:
    """A message of the county at the door, which finds nothing to refuse."""
    source = sources()[sending.source]
    kind, format_ = "", Format.CDA if sending.body.startswith(b"<") else source.format
    if format_ is Format.FHIR:
        body = json.loads(sending.body)
        kind = body["type"] if body["resourceType"] == "Bundle" else body["resourceType"]
    return Arrival(
        source=source.name,
        transport=Transport(sending.transport),
        format=format_,
        raw=sending.body,
        kind=kind,
        control_id=sending.slug,
    )


async def deliver(
    engine: AsyncEngine, sendings: Iterable[Sending], *, most: int = 64, desk: Desk | None = None
) -> None:
    """Keep messages in this order and merge them in batches of `most`."""
    await keep(engine, sendings)
    await drain(engine, most=most, desk=desk)


async def keep(engine: AsyncEngine, sendings: Iterable[Sending]) -> None:
    """Keep messages in this order."""
    async with engine.begin() as connection:
        await inbox.keep(connection, [(new_id(), arrival(sending)) for sending in sendings])


async def drain(engine: AsyncEngine, *, most: int = 64, desk: Desk | None = None) -> None:
    """Merge what is kept until nothing is."""
    while await work(engine, desk or county_desk(), most=most):
        pass


async def replay_parked(engine: AsyncEngine) -> int:
    """Try again what was parked. Returns how many messages that were."""
    async with engine.begin() as connection:
        replayed = await inbox.replay(connection, None)
    await drain(engine)
    return replayed


def told(*starts: str, about: str = "") -> list[Sending]:
    """Messages of the story, by how their slugs begin or by whom they are about."""
    return [
        sending
        for sending in story()
        if (about and about in sending.about) or (starts and sending.slug.startswith(starts))
    ]


async def rows(engine: AsyncEngine, statement: str, **given: Any) -> list[RowMapping]:
    """What a query answers."""
    async with engine.connect() as connection:
        return list((await connection.execute(text(statement), given)).mappings())


async def counts(engine: AsyncEngine) -> dict[str, int]:
    """How many rows the tables of the record hold."""
    tables = ("resident", "patient", "patient_number", "resident_number", "link", "fact", "event")
    names = (*tables, *(table.name for table in ENTRY_TABLES.values()))
    async with engine.connect() as connection:
        return {name: int(await connection.scalar(text(f"select count(*) from {name}")) or 0) for name in names}


# -- the record without what differs from run to run -------------------------------------------------------------------

Dump = list[dict[str, Any]]

_PATIENTS = """
    select p.id, p.source, l.resident_id, l.grade, p.merged_into,
           array(select n.system || '|' || n.value from patient_number n
                 where n.patient_id = p.id order by 1) as numbers
    from patient p join link l on l.patient_id = p.id and l.until is null
"""


async def dump(engine: AsyncEngine) -> Dump:
    """Every present resident with their patients and entries, free of ids and of the times of receipt.

    A patient is named by its source and numbers, so the dump does not depend on the order of arrival. Why a link
    stands does: the first patient of a person opens a resident, the others join it.
    """
    async with engine.connect() as connection:
        patients = (await connection.execute(text(_PATIENTS))).mappings().all()
        people = {row["id"]: row for row in await _all(connection, "resident")}
        numbers = await _all(connection, "resident_number")
        entries = {table.name: await _all(connection, table.name) for table in ENTRY_TABLES.values()}
    names = {row["id"]: f"{row['source']} {row['numbers']}" for row in patients}
    found: dict[UUID, dict[str, Any]] = defaultdict(lambda: {"patients": [], "numbers": [], "entries": []})
    for row in patients:
        into = names.get(row["merged_into"], "")
        found[row["resident_id"]]["patients"].append((names[row["id"]], row["grade"], into))
    for row in numbers:
        found[row["resident_id"]]["numbers"].append((row["kind"], row["value"]))
    for kind, of_kind in entries.items():
        for row in of_kind:
            found[row["resident_id"]]["entries"].append((kind, row["key"], _said(row)))
    return sorted((_sorted(one, _said(people[key])) for key, one in found.items()), key=repr)


async def _all(connection: AsyncConnection, table: str) -> Sequence[RowMapping]:
    return (await connection.execute(text(f"select * from {table}"))).mappings().all()


_PASSING = frozenset({"id", "resident_id", "created_at", "changed_at", "replaced_by"})


def _said(row: RowMapping) -> str:
    """A row as text, without ids and times of the run."""
    kept = {name: _plain(value) for name, value in row.items() if name not in _PASSING}
    return orjson.dumps(kept, option=orjson.OPT_SORT_KEYS).decode()


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        undated = value.get("path") == "Observation"  # a FHIR resource alone: without a time it was sent when it came
        left_out = {"message_id", "sent_at"} if undated else {"message_id"}
        return {name: item for name, item in value.items() if name not in left_out}
    return value


def _sorted(one: dict[str, Any], columns: str) -> dict[str, Any]:
    return {name: sorted(items) for name, items in one.items()} | {"columns": columns}
