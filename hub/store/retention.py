"""How long bytes are kept: the months of `body`, made ahead and let go. For the owner's role only."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.ids import first_id_at

_MONTHS = text(
    """
    select c.relname as name, pg_total_relation_size(c.oid) as size,
           (regexp_match(pg_get_expr(c.relpartbound, c.oid), 'FROM \\(''([^'']+)''\\)'))[1]::uuid as begin,
           (regexp_match(pg_get_expr(c.relpartbound, c.oid), 'TO \\(''([^'']+)''\\)'))[1]::uuid as end
    from pg_inherits i join pg_class c on c.oid = i.inhrelid
    where i.inhparent = 'body'::regclass order by begin nulls last
    """
)
_SPENT = """
    from {month} b join fate f on f.message_id = b.message_id
    join unnest(cast(:sources as text[]), cast(:cuts as uuid[])) as kept(source, cut) on kept.source = b.source
    where f.fate = 'merged' and b.message_id < kept.cut
"""
_SPENT_ELSE = """
    from {month} b join fate f on f.message_id = b.message_id
    where f.fate = 'merged' and b.message_id < :cut and b.source <> all(cast(:sources as text[]))
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Month:
    """One partition of `body`: the ids from `begin` to before `end` (None: what fits no month). `size` in bytes."""

    name: str
    size: int
    begin: UUID | None
    end: UUID | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Cuts:
    """The ids below which merged messages' bytes are let go: by source, and for every other source (None: never)."""

    by_source: Mapping[str, UUID]
    otherwise: UUID | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Freed:
    """What was let go of one month. `size` is that of the bytes as they came; `is_dropped`: the month went as a whole,
    and its disk space at once."""

    month: str
    messages: int
    size: int
    is_dropped: bool


async def list_months(connection: AsyncConnection) -> list[Month]:
    """The months there are, the oldest first."""
    rows = await connection.execute(_MONTHS)
    return [Month(name=row.name, size=row.size, begin=row.begin, end=row.end) for row in rows]


async def make_months(connection: AsyncConnection, now: datetime, ahead: int = 24) -> int:
    """Make the months that are missing, from the next one on: this one may have bytes in `body_rest` by now."""
    present = {month.name for month in await list_months(connection)}
    made = 0
    for number in range(1, ahead + 1):
        begin, end = _month_after(now, number), _month_after(now, number + 1)
        name = f"body_{begin:%Y%m}"
        if name in present:
            continue
        bounds = f"from ('{first_id_at(begin)}') to ('{first_id_at(end)}')"
        await connection.execute(text(f"create table {name} partition of body for values {bounds}"))
        made += 1
    return made


async def let_go(connection: AsyncConnection, month: Month, cuts: Cuts, *, only_count: bool = False) -> Freed:
    """Let go what is spent of one month: merged, and older than its source's cut.

    What waits or is parked is kept: it may have to be taken in again. A month with nothing left is dropped.
    """
    given = {"sources": list(cuts.by_source), "cuts": list(cuts.by_source.values())}
    found = [await _spent(connection, month, _SPENT, given, only_count)]
    if cuts.otherwise is not None:
        given = {"sources": list(cuts.by_source), "cut": cuts.otherwise}
        found.append(await _spent(connection, month, _SPENT_ELSE, given, only_count))
    messages, size = sum(one[0] for one in found), sum(one[1] for one in found)
    is_over = month.end is not None and cuts.otherwise is not None and month.end <= cuts.otherwise
    dropped = is_over and not only_count and await _drop_if_empty(connection, month)
    return Freed(month=month.name, messages=messages, size=size, is_dropped=dropped)


async def forget_controls(connection: AsyncConnection, cuts: Cuts) -> int:
    """Let go the control ids of messages whose bytes are gone: the same content would be a new message then."""
    if cuts.otherwise is None:
        return 0
    oldest = min([cuts.otherwise, *cuts.by_source.values()])
    done = await connection.execute(text("delete from control where message_id < :cut"), {"cut": oldest})
    return int(done.rowcount)


async def _spent(
    connection: AsyncConnection, month: Month, which: str, given: Mapping[str, object], only_count: bool
) -> tuple[int, int]:
    """(messages, bytes) that are spent; gone, unless they are only counted."""
    spent = which.format(month=month.name)
    count = f"select count(*) as messages, coalesce(sum(octet_length(b.raw)), 0) as size {spent}"
    if not only_count:
        count = f"""
            with gone as (delete from {month.name} d using (select b.message_id {spent}) s
                          where d.message_id = s.message_id returning octet_length(d.raw) as size)
            select count(*) as messages, coalesce(sum(size), 0) as size from gone
        """  # noqa: S608 - the name of a month, which we made
    row = (await connection.execute(text(count), given)).one()
    return int(row.messages), int(row.size)


async def _drop_if_empty(connection: AsyncConnection, month: Month) -> bool:
    left = await connection.scalar(text(f"select exists(select from {month.name})"))  # noqa: S608 - as above
    if not left:
        await connection.execute(text(f"drop table {month.name}"))
    return not left


def _month_after(moment: datetime, number: int) -> datetime:
    months = moment.year * 12 + moment.month - 1 + number
    return datetime(months // 12, months % 12 + 1, 1, tzinfo=UTC)
