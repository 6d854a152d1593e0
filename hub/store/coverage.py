"""Counts of fields that nothing reads, by source and day."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.days import CHINA
from hub.tables import unread_field

_KEPT = timedelta(days=90)
SHOWN = timedelta(days=7)
"""How far back the counts are shown: what was mended drops out of them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class UnreadField:
    """A field that messages of a source filled and nothing read: in how many of them, and when last."""

    field: str
    messages: int
    last_at: datetime


async def add(connection: AsyncConnection, counts: Mapping[tuple[str, str], int], now: datetime) -> None:
    """Add counts by source and field to those of the day."""
    day = now.astimezone(CHINA).date()
    rows = [
        {"source": source, "day": day, "field": field, "messages": count, "last_at": now}
        for (source, field), count in sorted(counts.items())  # in one order, so that no two writers wait for each other
    ]
    row = insert(unread_field)
    more = {"messages": unread_field.c.messages + row.excluded.messages, "last_at": row.excluded.last_at}
    await connection.execute(row.on_conflict_do_update(index_elements=["source", "day", "field"], set_=more), rows)
    await connection.execute(delete(unread_field).where(unread_field.c.day < (now - _KEPT).date()))


async def list_unread(
    connection: AsyncConnection, sources: Sequence[str], now: datetime
) -> Mapping[str, Sequence[UnreadField]]:
    """The fields of each source that nothing read in the last days, the most frequent first."""
    messages = func.sum(unread_field.c.messages).label("messages")
    asked = (
        select(unread_field.c.source, unread_field.c.field, messages, func.max(unread_field.c.last_at).label("last_at"))
        .where(unread_field.c.source.in_(sources), unread_field.c.last_at > now - SHOWN)
        .group_by(unread_field.c.source, unread_field.c.field)
        .order_by(unread_field.c.source, messages.desc(), unread_field.c.field)
    )
    found: dict[str, list[UnreadField]] = {name: [] for name in sources}
    for row in (await connection.execute(asked)).mappings():
        one = UnreadField(field=row["field"], messages=int(row["messages"]), last_at=row["last_at"])
        found[row["source"]].append(one)
    return found
