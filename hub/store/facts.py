"""Facts: written once, read to be folded."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import RowMapping, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.ids import first_id_at
from hub.record import Fact, Flag, Trace
from hub.tables import fact

# Of facts that say the same with the same key only the latest can matter: it sets just what the earlier ones set.
# So a patient's hundredth unchanged demographics cost no more to fold than the first.
_COLUMNS = """
    distinct on (f.patient_id, f.kind, f.key, f.content_hash)
    f.id, f.patient_id, f.message_id, p.source, p.organisation, f.kind, f.key, f.entry_key,
    f.event_at, f.sent_at, f.received_at, f.content, f.path, f.row, f.notes
"""
_ORDER = """
    order by f.patient_id, f.kind, f.key, f.content_hash, f.event_at desc, f.sent_at desc, f.received_at desc, f.id desc
"""
_FROM = "join patient p on p.id = f.patient_id join message m on m.id = f.message_id"

_BY_KEY = text(
    f"""
    select {_COLUMNS}
    from unnest(cast(:patients as uuid[]), cast(:kinds as text[]), cast(:keys as text[]))
      as asked(patient_id, kind, key)
    join fact f using (patient_id, kind, key) {_FROM} {_ORDER}
    """  # noqa: S608 - constants only
)
_BY_ENTRY = text(
    f"""
    with touched as (
      select distinct f.patient_id, f.kind, f.key
      from unnest(cast(:patients as uuid[]), cast(:kinds as text[]), cast(:keys as text[]))
        as asked(patient_id, kind, entry_key)
      join fact f using (patient_id, kind, entry_key)
    )
    select {_COLUMNS} from touched join fact f using (patient_id, kind, key) {_FROM} {_ORDER}
    """  # noqa: S608 - constants only
)
_OF_PATIENTS = text(
    f"""
    select {_COLUMNS} from unnest(cast(:patients as uuid[])) as asked(patient_id)
    join fact f using (patient_id) {_FROM} {_ORDER}
    """  # noqa: S608 - constants only
)

_OF_KINDS = text(
    f"""
    select {_COLUMNS} from unnest(cast(:patients as uuid[])) as asked(patient_id)
    join fact f on f.patient_id = asked.patient_id and f.kind = any(cast(:kinds as text[])) {_FROM} {_ORDER}
    """  # noqa: S608 - constants only
)

_UNTIL = text(
    f"""
    select {_COLUMNS} from unnest(cast(:patients as uuid[])) as asked(patient_id)
    join fact f on f.patient_id = asked.patient_id and f.kind = any(cast(:kinds as text[]))
      and f.received_at <= cast(:at as timestamptz) and f.id < cast(:later as uuid) {_FROM} {_ORDER}
    """  # noqa: S608 - constants only
)
_EVERY = text(
    f"""
    with touched as (
      select distinct f.patient_id, f.kind, f.key
      from unnest(cast(:patients as uuid[]), cast(:kinds as text[]), cast(:keys as text[]))
        as asked(patient_id, kind, entry_key)
      join fact f using (patient_id, kind, entry_key)
    )
    select {_COLUMNS.replace("distinct on (f.patient_id, f.kind, f.key, f.content_hash)", "")}
    from touched join fact f using (patient_id, kind, key) {_FROM}
    where cast(:at as timestamptz) is null or (f.received_at <= :at and f.id < cast(:later as uuid))
    """  # noqa: S608 - constants only
)
_EVERY_OF_KINDS = text(
    f"""
    select {_COLUMNS.replace("distinct on (f.patient_id, f.kind, f.key, f.content_hash)", "")}
    from unnest(cast(:patients as uuid[])) as asked(patient_id)
    join fact f on f.patient_id = asked.patient_id and f.kind = any(cast(:kinds as text[])) {_FROM}
    where cast(:at as timestamptz) is null or (f.received_at <= :at and f.id < cast(:later as uuid))
    """  # noqa: S608 - constants only
)

_SAID = text(
    """
    select f.patient_id, f.kind, f.key, f.event_at, f.content_hash
    from unnest(cast(:patients as uuid[]), cast(:kinds as text[]), cast(:keys as text[]),
                cast(:events as timestamptz[]), cast(:hashes as bytea[]))
      as asked(patient_id, kind, key, event_at, content_hash)
    join fact f using (patient_id, kind, key, event_at, content_hash)
    """
)

Key = tuple[UUID, str, str]
Sameness = tuple[UUID, str, str, datetime, bytes]


async def find_by_key(connection: AsyncConnection, keys: Iterable[Key]) -> list[Fact]:
    """The facts of (patient, kind, key)."""
    return await _find(connection, _BY_KEY, list(keys))


async def find_by_entry(connection: AsyncConnection, keys: Iterable[Key]) -> list[Fact]:
    """The facts of (patient, kind, entry key), with every other fact of the same business keys: one that superseded
    them may have moved on to another entry."""
    return await _find(connection, _BY_ENTRY, list(keys))


async def find_written(connection: AsyncConnection, keys: Iterable[Key]) -> list[tuple[Fact, str]]:
    """As `find_by_key`, each with the text of its resource as it is stored."""
    if not (asked := list(keys)):
        return []
    patients, kinds, names = zip(*asked, strict=True)
    given = {"patients": list(patients), "kinds": list(kinds), "keys": list(names)}
    rows = (await connection.execute(_BY_KEY, given)).mappings().all()
    return [(_fact(row), row["content"]) for row in rows]


async def list_of_patients(connection: AsyncConnection, patients: Sequence[UUID]) -> list[Fact]:
    """All that was said of patients."""
    rows = await connection.execute(_OF_PATIENTS, {"patients": list(patients)})
    return [_fact(row) for row in rows.mappings()]


async def list_of_kinds(connection: AsyncConnection, patients: Sequence[UUID], kinds: Sequence[str]) -> list[Fact]:
    """What was said of patients, of some kinds only."""
    rows = await connection.execute(_OF_KINDS, {"patients": list(patients), "kinds": list(kinds)})
    return [_fact(row) for row in rows.mappings()]


def later_than(at: datetime) -> UUID:
    """The least id of a fact that was made after a moment; ids tell it to the millisecond."""
    return first_id_at(at + timedelta(milliseconds=1))


async def list_until(
    connection: AsyncConnection, patients: Sequence[UUID], kinds: Sequence[str], at: datetime
) -> list[Fact]:
    """What had been said of patients by a moment, of some kinds: what had been received, and taken in, by then."""
    given = {"patients": list(patients), "kinds": list(kinds), "at": at, "later": later_than(at)}
    rows = await connection.execute(_UNTIL, given)
    return [_fact(row) for row in rows.mappings()]


async def list_every(connection: AsyncConnection, keys: Iterable[Key], at: datetime | None) -> list[Fact]:
    """As `find_by_entry`, with what was said again in the same words, and until a moment where one is given."""
    if not (asked := list(keys)):
        return []
    patients, kinds, names = zip(*asked, strict=True)
    given = {
        "patients": list(patients),
        "kinds": list(kinds),
        "keys": list(names),
        "at": at,
        "later": at and later_than(at),
    }
    return [_fact(row) for row in (await connection.execute(_EVERY, given)).mappings()]


async def list_every_of_kinds(
    connection: AsyncConnection, patients: Sequence[UUID], kinds: Sequence[str], at: datetime | None
) -> list[Fact]:
    """As `list_of_kinds`, with what was said again in the same words, and until a moment where one is given."""
    given = {"patients": list(patients), "kinds": list(kinds), "at": at, "later": at and later_than(at)}
    return [_fact(row) for row in (await connection.execute(_EVERY_OF_KINDS, given)).mappings()]


async def find_said(connection: AsyncConnection, asked: Iterable[Fact]) -> set[Sameness]:
    """Which of these were said before by the same event, in the same words."""
    same = [sameness(one) for one in asked]
    if not same:
        return set()
    patients, kinds, keys, events, hashes = zip(*same, strict=True)
    rows = await connection.execute(
        _SAID,
        {
            "patients": list(patients),
            "kinds": list(kinds),
            "keys": list(keys),
            "events": list(events),
            "hashes": list(hashes),
        },
    )
    return {(row.patient_id, row.kind, row.key, row.event_at, bytes(row.content_hash)) for row in rows}


async def _find(connection: AsyncConnection, statement: Any, keys: list[Key]) -> list[Fact]:
    if not keys:
        return []
    patients, kinds, names = zip(*keys, strict=True)
    rows = await connection.execute(statement, {"patients": list(patients), "kinds": list(kinds), "keys": list(names)})
    return [_fact(row) for row in rows.mappings()]


def _fact(row: RowMapping) -> Fact:
    notes = orjson.loads(row["notes"])
    return Fact(
        id=row["id"],
        patient_id=row["patient_id"],
        message_id=row["message_id"],
        source=row["source"],
        organisation=row["organisation"],
        kind=row["kind"],
        key=row["key"],
        entry_key=row["entry_key"],
        event_at=row["event_at"],
        sent_at=row["sent_at"],
        received_at=row["received_at"],
        resource=orjson.loads(row["content"]),
        path=row["path"],
        row=row["row"],
        traces=tuple(Trace(*trace) for trace in notes["traces"]),
        flags=tuple(Flag(*flag) for flag in notes["flags"]),
        cleared=tuple(notes["cleared"]),
        assumed=tuple(notes["assumed"]),
        names=notes["names"],
        whole=notes["whole"],
        ordinal=notes["ordinal"],
    )


def sameness(one: Fact) -> Sameness:
    """What makes two facts one: the same event said the same of the same thing."""
    return (one.patient_id, one.kind, one.key, one.event_at, content_hash(one))


async def save(connection: AsyncConnection, facts: Sequence[Fact]) -> None:
    """Write facts; one that the same event said before is left out."""
    if facts:
        await connection.execute(insert(fact).on_conflict_do_nothing(), [_row(one) for one in facts])


def content_hash(one: Fact) -> bytes:
    """What a fact says, as 16 bytes."""
    said = orjson.dumps([one.resource, one.cleared, one.assumed, one.ordinal], option=orjson.OPT_SORT_KEYS)
    return blake2b(said, digest_size=16).digest()


def _row(one: Fact) -> Mapping[str, Any]:
    notes = {
        "traces": [(trace.target, trace.path, trace.row, trace.codes) for trace in one.traces],
        "flags": [(flag.code, flag.where, flag.table) for flag in one.flags],
        "cleared": one.cleared,
        "assumed": one.assumed,
        "names": one.names,
        "whole": one.whole,
        "ordinal": one.ordinal,
    }
    return {
        "id": one.id,
        "patient_id": one.patient_id,
        "message_id": one.message_id,
        "kind": one.kind,
        "key": one.key,
        "entry_key": one.entry_key,
        "event_at": one.event_at,
        "sent_at": one.sent_at,
        "received_at": one.received_at,
        "content": orjson.dumps(one.resource).decode(),
        "content_hash": content_hash(one),
        "path": one.path,
        "row": one.row,
        "notes": orjson.dumps(notes).decode(),
    }
