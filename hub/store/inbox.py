"""The inbox: raw messages, and what has become of each."""

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID
from zlib import crc32

import asyncpg
import orjson
from sqlalchemy import (
    ARRAY,
    BindParameter,
    Interval,
    RowMapping,
    Uuid,
    bindparam,
    exists,
    func,
    insert,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.dialects.postgresql import asyncpg as driver_of
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.errors import Refusal, refuse
from hub.ids import new_id
from hub.message import Arrival, Fate, Format, Kept, Message, Reuse, Transport
from hub.store.newcomers import SEPARATOR, Run, buckets_of, keep_new
from hub.tables import body, fate, message_step

# One statement and one round trip for any number of messages: the bytes, their witness and their fate are never apart.
# What is plainly new does not come here (`newcomers`): this is the slower by a third.
#
# A message is a repeat where its source used the control id before, for the same content: then nothing is stored. It is
# a reuse where the source used it before for other content, and so is its repeat as long as it is parked for that. A
# repeat of what the door refused once and takes now (the profile was corrected) takes the first one in again.
_KEEP = text(
    """
    with came as (
      select id, source, transport, format, kind, control_id, digest, refuses, raw,
             cast(refusal as jsonb) as refusal, coalesce(cast(findings as jsonb), '[]') as findings,
             string_to_array(numbers, chr(31)) as numbers, string_to_array(names, chr(31)) as names,
             cast(string_to_array(buckets, ',') as int[]) as buckets
      from unnest(cast(:ids as uuid[]), cast(:sources as text[]), cast(:transports as text[]), cast(:formats as text[]),
                  cast(:kinds as text[]), cast(:controls as text[]), cast(:digests as bytea[]),
                  cast(:refuses as boolean[]), cast(:raws as bytea[]), cast(:refusals as text[]),
                  cast(:findings as text[]), cast(:numbers as text[]), cast(:names as text[]), cast(:buckets as text[]))
        as came(id, source, transport, format, kind, control_id, digest, refuses, raw, refusal, findings, numbers,
                names, buckets)
    ), claimed as (
      insert into control as known (source, control_id, digest, message_id)
      select source, control_id, digest, id from came where control_id <> '' and digest <> ''
      on conflict (source, control_id, digest) do update set repeats = known.repeats + 1, repeated_at = now()
      returning source, control_id, digest, message_id
    ), judged as (
      select came.*, coalesce(claimed.message_id, came.id) as standing,
             came.source <> '' and case
               when claimed.message_id = came.id then exists (
                 select from control other
                 where other.source = came.source and other.control_id = came.control_id
                   and other.digest <> came.digest)
               when claimed.message_id is not null then exists (
                 select from fate
                 where fate.message_id = claimed.message_id and fate.refusal ->> 'code' = 'control-id-reused')
               else false end as is_reuse
      from came left join claimed using (source, control_id, digest)
    ), witness as (
      insert into message (id, source, transport, format, kind, control_id, size, numbers, names)
      select id, source, transport, format, kind, control_id, octet_length(raw), numbers, names
      from judged where standing = id
    ), bytes as (
      insert into body (message_id, source, raw) select id, source, raw from judged where standing = id
    ), again as (
      update fate set fate = 'kept', refusal = null, changed_at = now()
      from judged
      where fate.message_id = judged.standing and judged.standing <> judged.id and judged.refusal is null
        and not (judged.is_reuse and judged.refuses) and fate.fate = 'parked' and fate.attempts = 0
    ), first as (
      insert into fate (message_id, fate, refusal, findings, buckets)
      select id, case when refusal is null and not (is_reuse and refuses) then 'kept' else 'parked' end,
             coalesce(refusal, case when is_reuse and refuses then cast(:reused as jsonb) end),
             nullif(findings || case when is_reuse and not refuses then jsonb_build_array(cast(:reused as jsonb))
                                     else '[]' end, '[]'),
             buckets
      from judged where standing = id
      returning message_id, fate
    ), told as (
      insert into event (kind, subject, message_id, entries, audience)
      select 'message-failed', id, id, '{}', array['engineers', 'source:' || source]
      from first join judged on judged.id = first.message_id where first.fate = 'parked'
      returning pg_notify('hub_wake', 'event')
    )
    select id, standing, is_reuse and refuses as is_refused from judged
    """
)
_KEEP_BOUND = _KEEP.compile(dialect=driver_of.dialect())  # type: ignore[no-untyped-call]
"""As the driver takes it, its parameters numbered."""
_REUSED = refuse("control-id-reused", "MSH-10").refusal


async def keep(connection: AsyncConnection, arrivals: Sequence[tuple[UUID, Arrival]]) -> list[Kept]:
    """Store messages with their first fate: kept, or parked where the door refused them.

    What a source sent before is not stored again: the answer names the first one. Two of one control id in one call are
    told apart by their content as two calls would tell them.
    """

    if guarded := _guarded(arrivals):
        await connection.exec_driver_sql(_GUARD, (guarded,))

    async def run(statement: str, given: Sequence[Any]) -> Sequence[Any]:
        return (await connection.exec_driver_sql(statement, tuple(given))).all()

    kept = {key: one async for some in _keep(run, arrivals) for key, one in some.items()}
    return [kept[key] for key, _ in arrivals]


async def keep_at_once(
    driver: asyncpg.Connection, arrivals: Sequence[tuple[UUID, Arrival]]
) -> AsyncIterator[Mapping[UUID, Kept]]:
    """As `keep`, each statement a transaction of its own, and without SQLAlchemy, whose share of a small commit is
    larger than the driver's. Gives what is committed as soon as it is. Raises what the driver raises; the connection
    may be broken then, and what was given before is kept."""

    async def run(statement: str, given: Sequence[Any]) -> Sequence[Any]:
        rows: Sequence[Any] = await driver.fetch(statement, *given)
        return rows

    guarded = _guarded(arrivals)
    if not guarded:
        async for some in _keep(run, arrivals):
            yield some
        return
    async with driver.transaction():
        await driver.execute(_GUARD, guarded)
        all_of_them = [some async for some in _keep(run, arrivals)]
    for some in all_of_them:
        yield some


_GUARD = "select pg_advisory_xact_lock(41, number) from unnest($1::int[]) as number"
"""Taken in a statement of its own: the one that keeps then sees what whoever held the lock has written. 41 is this
lock's own class; locks of one number, such as the merge's, are of another space."""


def _guarded(arrivals: Sequence[tuple[UUID, Arrival]]) -> list[int]:
    """What to lock for sources that refuse a control id with other content: two processes that take one at once would
    not see each other's. In one order, so that no two wait for each other."""
    used = {
        crc32(f"{one.source}|{one.control_id}".encode("utf-8", "replace")) >> 1
        for _, one in arrivals
        if one.reuse is Reuse.REFUSE and one.control_id
    }
    return sorted(used)


async def _keep(run: Run, arrivals: Sequence[tuple[UUID, Arrival]]) -> AsyncIterator[dict[UUID, Kept]]:
    """What each statement kept."""
    for group in _apart(arrivals):
        new = await keep_new(run, group)
        yield {key: Kept(id=key) for key in new}
        if len(new) < len(group):
            yield await _judge(run, [one for one in group if one[0] not in new])


async def _judge(run: Run, arrivals: Sequence[tuple[UUID, Arrival]]) -> dict[UUID, Kept]:
    given = _kept_parameters(arrivals)
    rows = await run(_KEEP_BOUND.string, [given[name] for name in _KEEP_BOUND.positiontup or ()])
    arrival_of = dict(arrivals)
    return {row[0]: _kept(arrival_of[row[0]], *row) for row in rows}


def _apart(arrivals: Sequence[tuple[UUID, Arrival]]) -> list[list[tuple[UUID, Arrival]]]:
    """Runs in which no control id of a source comes twice: a statement does not see what it writes itself."""
    groups: list[list[tuple[UUID, Arrival]]] = [[]]
    seen: set[tuple[str, str]] = set()
    for key, arrival in arrivals:
        used = (arrival.source, arrival.control_id)
        if arrival.control_id and used in seen:
            groups.append([])
            seen = set()
        seen.add(used)
        groups[-1].append((key, arrival))
    return groups


def _kept(arrival: Arrival, key: UUID, standing: UUID, is_refused: bool) -> Kept:
    refusal = arrival.refusal or (_REUSED if is_refused else None)
    return Kept(id=standing, refusal=refusal, is_repeat=standing != key)


def _kept_parameters(arrivals: Sequence[tuple[UUID, Arrival]]) -> dict[str, Any]:
    came = [arrival for _, arrival in arrivals]
    return {
        "ids": [key for key, _ in arrivals],
        "sources": [arrival.source for arrival in came],
        "transports": [arrival.transport.value for arrival in came],
        "formats": [arrival.format.value for arrival in came],
        "kinds": [arrival.kind for arrival in came],
        "controls": [arrival.control_id for arrival in came],
        "digests": [arrival.digest for arrival in came],
        "refuses": [arrival.reuse is Reuse.REFUSE for arrival in came],
        "raws": [arrival.raw for arrival in came],
        "refusals": [_json(refusal_json(arrival.refusal)) for arrival in came],
        "findings": [_json([refusal_json(one) for one in arrival.findings]) for arrival in came],
        "numbers": [SEPARATOR.join(arrival.numbers) for arrival in came],
        "names": [SEPARATOR.join(arrival.names) for arrival in came],
        "buckets": [",".join(map(str, buckets_of(arrival))) for arrival in came],
        "reused": _json(refusal_json(_REUSED)),
    }


def _json(value: Any) -> str | None:
    return orjson.dumps(value).decode() if value else None


def message_from(row: RowMapping) -> Message:
    """A message from a row that has its columns and its bytes."""
    return Message(
        id=row["id"],
        source=row["source"],
        transport=Transport(row["transport"]),
        format=Format(row["format"]),
        raw=row["raw"] or b"",
        received_at=row["received_at"],
        kind=row["kind"],
        control_id=row["control_id"],
        attempts=row.get("attempts", 0),
        tries=row.get("tries", 0),
        findings=tuple(refusal for one in row.get("findings") or () if (refusal := refusal_from(one))),
    )


_SETTLE = (
    update(fate)
    .where(fate.c.message_id == bindparam("of"))
    .values(
        fate=bindparam("becomes"),
        lane=bindparam("in_lane"),
        refusal=bindparam("because", type_=JSONB(none_as_null=True)),
        findings=bindparam("found", type_=JSONB(none_as_null=True)),
        attempts=fate.c.attempts + 1,
        tries=0,
        retry_at=None,
        changed_at=func.now(),
    )
)


async def settle(connection: AsyncConnection, fates: Sequence[Mapping[str, Any]]) -> None:
    """Write what became of messages: rows of `of`, `becomes`, `in_lane`, `because`, `found`."""
    if not fates:
        return
    await connection.execute(_SETTLE, fates)
    parked = [{"of": row["of"], "code": row["because"]["code"]} for row in fates if row["because"]]
    await _note_steps(connection, "parked", "hub", parked)
    await _tell_failed(connection, [row["of"] for row in parked])


FAILED = "message-failed"
"""The event of a message that is parked; its subject is the message. `_KEEP` tells of those that the door parks."""
_TELL_FAILED = text(
    """
    with told as (
      insert into event (kind, subject, message_id, entries, audience)
      select 'message-failed', id, id, '{}', array['engineers', 'source:' || source]
      from message where id = any(cast(:ids as uuid[])) order by id
    )
    select pg_notify('hub_wake', 'event')
    """
)


async def _tell_failed(connection: AsyncConnection, ids: Sequence[UUID]) -> None:
    """Tell engineers, and the source's own account, of messages that are parked now."""
    if ids:
        await connection.execute(_TELL_FAILED, {"ids": list(ids)})


async def _note_steps(connection: AsyncConnection, step: str, by: str, rows: Sequence[Mapping[str, Any]]) -> None:
    if rows:
        said = [
            {"id": new_id(), "message_id": row["of"], "step": step, "by": by, "code": row["code"]}
            | ({"at": row["at"]} if "at" in row else {})
            for row in rows
        ]
        await connection.execute(insert(message_step), said)


_PUT_OFF = (
    update(fate)
    .where(fate.c.message_id == bindparam("of"))
    .values(tries=fate.c.tries + 1, retry_at=func.now() + bindparam("wait", type_=Interval))
)


async def put_off(connection: AsyncConnection, key: UUID, wait: timedelta, code: str) -> None:
    """Let a message that a passing fault hit wait; the others of its lane go on."""
    await connection.execute(_PUT_OFF, [{"of": key, "wait": wait}])
    await _note_steps(connection, "retried", "hub", [{"of": key, "code": code}])


_CLAIM_FOR = text(
    """
    insert into control (source, control_id, digest, message_id)
    select cast(:source as text), control_id, digest, message_id from control
    where source = '' and message_id = :id
    on conflict (source, control_id, digest) do nothing
    """
)


async def claim_for(connection: AsyncConnection, source: str, key: UUID) -> None:
    """Note that a message which no profile fitted when it came is of that source after all: what it sends again is a
    repeat of it."""
    await connection.execute(_CLAIM_FOR, {"source": source, "id": key})


async def find_fates(connection: AsyncConnection, ids: Sequence[UUID]) -> dict[UUID, RowMapping]:
    """The fates of messages by id."""
    rows = await connection.execute(select(fate).where(fate.c.message_id == func.any(_uuids("ids"))), {"ids": ids})
    return {row["message_id"]: row for row in rows.mappings()}


async def count_waiting(connection: AsyncConnection) -> int:
    """How many kept messages wait to be merged."""
    return int(await connection.scalar(select(func.count()).where(fate.c.fate == Fate.KEPT)) or 0)


NEVER_WHOLE = ("broken-frame", "frame-too-large", "stray-bytes", "unreadable-frame")
"""Refusals of bytes that are no whole message: to take half a message for a whole one would write half a record."""


async def replay(connection: AsyncConnection, ids: Sequence[UUID] | None, by: str = "hub") -> int:
    """Set settled messages back to kept; all parked ones where no ids are given. Returns how many.

    What was never a whole message stays parked, and what is no longer kept stays as it is. A replayed message counts as
    tried, so it is examined in full. `by` is the account of who asked.
    """
    again = update(fate).values(
        fate=Fate.KEPT, refusal=None, attempts=fate.c.attempts + 1, tries=0, retry_at=None, changed_at=func.now()
    )
    again = again.where(func.coalesce(fate.c.refusal["code"].astext, "").not_in(NEVER_WHOLE))
    again = again.where(exists().where(body.c.message_id == fate.c.message_id))
    again = (
        again.where(fate.c.message_id == func.any(_uuids("ids"))) if ids else again.where(fate.c.fate == Fate.PARKED)
    )
    # Where the door refused it, its fate is all that tells of that; it becomes a step before the fate changes.
    parked = select(fate.c.message_id.label("of"), fate.c.refusal["code"].astext.label("code"), fate.c.changed_at)
    parked = parked.where(fate.c.fate == Fate.PARKED, fate.c.attempts == 0, fate.c.refusal.is_not(None))
    parked = parked.where(~exists().where(message_step.c.message_id == fate.c.message_id))
    if ids:
        parked = parked.where(fate.c.message_id == func.any(_uuids("ids")))
    at_the_door = (await connection.execute(parked, {"ids": ids} if ids else {})).mappings().all()
    done = await connection.scalars(
        again.where(fate.c.fate != Fate.KEPT).returning(fate.c.message_id), {"ids": ids} if ids else {}
    )
    keys = set(done)
    refused = [
        {"of": row["of"], "code": row["code"], "at": row["changed_at"]} for row in at_the_door if row["of"] in keys
    ]
    await _note_steps(connection, "parked", "hub", refused)
    await _note_steps(connection, "replayed", by, [{"of": key, "code": ""} for key in keys])
    return len(keys)


def _uuids(name: str) -> BindParameter[Any]:
    return bindparam(name, type_=ARRAY(Uuid))


def refusal_json(refusal: Refusal | None) -> dict[str, Any] | None:
    """A refusal as it is stored."""
    if refusal is None:
        return None
    return {"code": refusal.code, "where": refusal.where, "given": dict(refusal.given)}


def refusal_from(stored: Mapping[str, Any] | None) -> Refusal | None:
    """A stored refusal."""
    return Refusal(code=stored["code"], where=stored["where"], given=stored["given"]) if stored else None


WAKE = text("select pg_notify('hub_wake', what) from unnest(cast(:whats as text[])) what")


async def wake(connection: AsyncConnection, *whats: str) -> None:
    """Wake readers when this transaction commits; several of one kind in one transaction are one."""
    await connection.execute(WAKE, {"whats": list(whats)})


async def note(connection: AsyncConnection, key: UUID, findings: Sequence[Mapping[str, Any]]) -> None:
    """Keep findings beside a message's fate; an empty list says that it was looked at."""
    await connection.execute(update(fate).where(fate.c.message_id == key).values(findings=list(findings)))
