"""What happened: the event log, the history and the audit trail. All are only ever added to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import RowMapping, insert, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.tables import audit, event, history


@dataclass(frozen=True, kw_only=True, slots=True)
class Event:
    """Something changed. `cursor` is where to resume after it; `audience` names whose it is (``team:ID``)."""

    cursor: str
    at: datetime
    kind: str
    resident_id: UUID | None
    message_id: UUID | None
    entries: tuple[str, ...]
    subject: UUID | None = None
    audience: frozenset[str] = frozenset()


async def tell(connection: AsyncConnection, events: Sequence[Mapping[str, Any]]) -> None:
    """Add events to the log, in this transaction. Each row names the same columns."""
    if events:
        await connection.execute(insert(event), events)


# One round trip for all that a change leaves behind: there are many of them in a rush, and each waits for its commit.
_LEAVE = text(
    """
    with steps as (
      insert into history (id, kind, subject, act, before, after, by, role, note, message_id, at)
      select id, kind, subject, act, before, after, by, role, note, message_id, at
      from jsonb_to_recordset(cast(:steps as jsonb)) as s(id uuid, kind text, subject uuid, act text, before text,
        after text, by text, role text, note text, message_id uuid, at timestamptz)
    ), events as (
      insert into event (kind, resident_id, subject, message_id, entries, audience)
      select kind, resident_id, subject, message_id, entries, audience
      from jsonb_to_recordset(cast(:events as jsonb)) as e(kind text, resident_id uuid, subject uuid, message_id uuid,
        entries text[], audience text[])
    ), witnesses as (
      insert into audit (id, viewer, role, operation, purpose, decision, rule, residents, kinds, changes, address)
      select id, viewer, role, operation, purpose, decision, rule, residents, kinds, changes, address
      from jsonb_to_recordset(cast(:witnesses as jsonb)) as w(id uuid, viewer text, role text, operation text,
        purpose text, decision text, rule text, residents uuid[], kinds text[], changes text[], address text)
    )
    select case when :wakes then pg_notify('hub_wake', 'event') end
    """
)


async def leave(
    connection: AsyncConnection,
    steps: Sequence[Mapping[str, Any]],
    events: Sequence[Mapping[str, Any]],
    witnesses: Sequence[Mapping[str, Any]] = (),
) -> None:
    """Add to the history of what has states, to the event log and to the audit trail, in this transaction; who follows
    events is woken when it commits."""
    if steps or events or witnesses:
        told = {"steps": _json(steps), "events": _json(events), "witnesses": _json(witnesses)}
        await connection.execute(_LEAVE, {**told, "wakes": bool(events)})


def _json(rows: Sequence[Mapping[str, Any]]) -> str:
    return orjson.dumps(rows, default=str).decode()  # asyncpg's UUIDs are a class of their own


async def list_history(connection: AsyncConnection, subject: UUID) -> list[RowMapping]:
    """Every step of one thing, the first first."""
    rows = await connection.execute(select(history).where(history.c.subject == subject).order_by(history.c.id))
    return list(rows.mappings())


# Only below the oldest running transaction: what commits later can then never slip in before what was read.
_AFTER = text(
    """
    select position, transaction, at, kind, resident_id, message_id, entries, subject, audience from event
    where (transaction, position) > (:transaction, :position)
      and transaction < (pg_snapshot_xmin(pg_current_snapshot())::text)::bigint
    order by transaction, position limit :most
    """
)
_END = text(
    """
    select coalesce(max(transaction), 0) from event
    where transaction < (pg_snapshot_xmin(pg_current_snapshot())::text)::bigint
    """
)


async def read_after(connection: AsyncConnection, cursor: str, most: int = 500) -> list[Event]:
    """Events after a cursor, in the order of their commits. Raises ValueError where the cursor is none of ours."""
    transaction, _, position = cursor.partition(".")
    rows = await connection.execute(_AFTER, {"transaction": int(transaction), "position": int(position), "most": most})
    return [
        Event(
            cursor=f"{row.transaction}.{row.position}",
            at=row.at,
            kind=row.kind,
            resident_id=row.resident_id,
            message_id=row.message_id,
            entries=tuple(row.entries),
            subject=row.subject,
            audience=frozenset(row.audience),
        )
        for row in rows
    ]


async def end(connection: AsyncConnection) -> str:
    """The cursor behind everything that has been committed so far."""
    last = await connection.scalar(_END)
    return f"{last}.{2**62}"


async def witness(connection: AsyncConnection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Add audit rows, in this transaction."""
    if rows:
        await connection.execute(insert(audit), rows)
