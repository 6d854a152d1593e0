"""What happened: the event log and the audit trail. Both are only ever added to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import insert, text
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.tables import audit, event


@dataclass(frozen=True, kw_only=True, slots=True)
class Event:
    """Something changed for a resident. `cursor` is where to resume after it."""

    cursor: str
    at: datetime
    kind: str
    resident_id: UUID
    message_id: UUID | None
    entries: tuple[str, ...]


async def tell(connection: AsyncConnection, events: Sequence[Mapping[str, Any]]) -> None:
    """Add events to the log, in this transaction."""
    if events:
        await connection.execute(insert(event), events)


# Only below the oldest running transaction: what commits later can then never slip in before what was read.
_AFTER = text(
    """
    select position, transaction, at, kind, resident_id, message_id, entries from event
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
