"""Alerts as they are stored, and the figures that they are judged by."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import RowMapping, delete, func, insert, select, text, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.alerts import Alert, Kind
from hub.alerts.rhythm import HOUR, Hour
from hub.ids import first_id_at
from hub.tables import alert, alert_notice, database_size, source_hour

_STRAY = timedelta(minutes=5)
"""How far a message's id, made before its commit, may lie from the time of its receipt."""
_MOST_DAYS = timedelta(days=7)
"""What is learned of a source at a time; the first time there are weeks to read."""
_DAY = timedelta(days=1)


# -- alerts ------------------------------------------------------------------------------------------------------------


async def list_open(connection: AsyncConnection) -> list[Alert]:
    """The alerts that have begun and not ended, the first first."""
    asked = select(alert).where(alert.c.until.is_(None)).order_by(alert.c.id)
    return [_alert(row) for row in (await connection.execute(asked)).mappings()]


async def list_newest(
    connection: AsyncConnection, source: str | None, only_open: bool, most: int, after: UUID | None
) -> list[Alert]:
    """The newest alerts behind `after`, the last to begin first: of a source, or all."""
    asked = select(alert).order_by(alert.c.id.desc()).limit(most)
    if source is not None:
        asked = asked.where(alert.c.source == source)
    if only_open:
        asked = asked.where(alert.c.until.is_(None))
    if after is not None:
        asked = asked.where(alert.c.id < after)
    return [_alert(row) for row in (await connection.execute(asked)).mappings()]


async def count_open(connection: AsyncConnection) -> Mapping[Kind, int]:
    """How many alerts are open, by kind."""
    asked = select(alert.c.kind, func.count()).where(alert.c.until.is_(None)).group_by(alert.c.kind)
    found = {row[0]: int(row[1]) for row in await connection.execute(asked)}
    return {kind: found.get(kind, 0) for kind in Kind}


def _alert(row: RowMapping) -> Alert:
    return Alert(**{**row, "kind": Kind(row["kind"])})


async def save_begun(connection: AsyncConnection, one: Alert) -> None:
    """An alert begins. Raises IntegrityError where one of its kind and source is open."""
    row = {column.name: getattr(one, column.name) for column in alert.columns}
    await connection.execute(insert(alert).values(**row | {"given": dict(one.given)}))


async def save_change(connection: AsyncConnection, one: Alert) -> None:
    """What time has changed of an alert: its calm, its end."""
    values = {"calm_since": one.calm_since, "until": one.until, "is_recovered": one.is_recovered}
    await connection.execute(update(alert).where(alert.c.id == one.id).values(**values))


async def save_notice(connection: AsyncConnection, key: UUID, one: Alert, body: bytes) -> None:
    """What is told of an alert, word for word."""
    event = "began" if one.until is None else "ended"
    await connection.execute(insert(alert_notice).values(id=key, alert_id=one.id, event=event, body=body))


# -- failures ----------------------------------------------------------------------------------------------------------

_FAILING = text(
    """
    select asked.source,
           count(*) filter (where one.is_recent) as recent,
           count(*) filter (where one.is_recent and one.is_parked) as recent_parked,
           mode() within group (order by one.code) filter (where one.is_recent and one.is_parked) as recent_code,
           count(*) filter (where one.place <= :least) as latest,
           count(*) filter (where one.place <= :least and one.is_parked) as latest_parked,
           mode() within group (order by one.code) filter (where one.place <= :least and one.is_parked) as latest_code
    from unnest(cast(:sources as text[])) asked(source)
    cross join lateral (
      select came.id >= :recently as is_recent, fate.fate = 'parked' as is_parked, fate.refusal->>'code' as code,
             row_number() over (order by came.id desc) as place
      from (select id from message where source = asked.source and id >= :within order by id desc limit :most) came
      join fate on fate.message_id = came.id and fate.fate <> 'kept'  -- what waits has neither failed nor not
    ) one
    group by asked.source
    """
)
_MOST = 1000
"""Messages of a source that its share is reckoned from, at the most: a glance costs the same at any load."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Failing:
    """How many of a source's latest messages are parked, and for which refusal most often ("" for none)."""

    parked: int
    messages: int
    code: str


async def find_failing(
    connection: AsyncConnection, sources: Sequence[str], now: datetime, *, recent: timedelta, least: int
) -> Mapping[str, Failing]:
    """By source, of settled messages: those of the last while where they are at least `least`, else the last `least`
    of a day."""
    given = {
        "sources": list(sources),
        "recently": first_id_at(now - recent),
        "within": first_id_at(now - max(_DAY, recent)),
        "least": least,
        "most": max(_MOST, least),
    }
    found = {}
    for row in (await connection.execute(_FAILING, given)).mappings():
        of = "recent" if row["recent"] >= least else "latest"
        found[row["source"]] = Failing(parked=row[f"{of}_parked"], messages=row[of], code=row[f"{of}_code"] or "")
    return found


# -- rhythm ------------------------------------------------------------------------------------------------------------

_LEARN = text(
    """
    with came as (
      select date_trunc('hour', received_at, 'UTC') as hour, received_at,
             received_at - lag(received_at)
               over (partition by date_trunc('hour', received_at, 'UTC') order by received_at) as gap
      from message
      where source = :source and id >= :least and id < :below and received_at >= :since and received_at < :until
    ), summed as (
      select hour, count(*) as messages, min(received_at) as first_at, max(received_at) as last_at, max(gap) as longest
      from came group by hour
    )
    insert into source_hour (source, hour, messages, first_at, last_at, longest)
    select :source, slot, coalesce(messages, 0), first_at, last_at, coalesce(extract(epoch from longest), 0)
    from generate_series(cast(:since as timestamptz), cast(:until as timestamptz) - interval '1 hour', '1 hour') slot
    left join summed on summed.hour = slot
    on conflict do nothing
    """
)
_FIRST = text("select received_at from message where source = :source and id >= :least order by id limit 1")


async def learn(connection: AsyncConnection, source: str, now: datetime, weeks: int) -> bool:
    """Sum up what a source sent in the hours that have ended since it was last done; whether there were any.

    It begins with the source's first message of the last weeks, and forgets what is older.
    """
    oldest = now - timedelta(weeks=weeks) - _DAY
    asked = select(func.max(source_hour.c.hour)).where(source_hour.c.source == source)
    last = await connection.scalar(asked)
    first = last + HOUR if last else await connection.scalar(_FIRST, {"source": source, "least": first_id_at(oldest)})
    if first is None:
        return False
    since = _whole_hour(max(first, oldest))
    until = min(_whole_hour(now - _STRAY), since + _MOST_DAYS)
    if until <= since:
        return False
    least, below = first_id_at(since - _STRAY), first_id_at(until + _STRAY)
    given = {"source": source, "since": since, "until": until, "least": least, "below": below}
    await connection.execute(_LEARN, given)
    spent = delete(source_hour).where(source_hour.c.source == source, source_hour.c.hour < oldest)
    await connection.execute(spent)
    return True


async def list_hours(connection: AsyncConnection, source: str) -> list[Hour]:
    """What is known of a source's hours, in their order."""
    asked = select(source_hour).where(source_hour.c.source == source).order_by(source_hour.c.hour)
    return [
        Hour(
            at=row["hour"],
            messages=row["messages"],
            first_at=row["first_at"],
            last_at=row["last_at"],
            longest=timedelta(seconds=row["longest"]),
        )
        for row in (await connection.execute(asked)).mappings()
    ]


def _whole_hour(moment: datetime) -> datetime:
    return moment.replace(minute=0, second=0, microsecond=0)


# -- size --------------------------------------------------------------------------------------------------------------

_SIZE = text("select pg_database_size(current_database())")
_SIZES_KEPT = timedelta(days=40)


async def measure_size(connection: AsyncConnection, now: datetime) -> tuple[int, int | None]:
    """(bytes of the database, by how many it grew within a day; None where it has not been measured for a day)."""
    size = int(await connection.scalar(_SIZE) or 0)
    row = upsert(database_size).values(at=_whole_hour(now), bytes=size)
    await connection.execute(row.on_conflict_do_nothing())
    await connection.execute(delete(database_size).where(database_size.c.at < now - _SIZES_KEPT))
    asked = select(database_size.c.bytes).where(
        database_size.c.at <= now - _DAY, database_size.c.at > now - _DAY - timedelta(hours=12)
    )
    before = await connection.scalar(asked.order_by(database_size.c.at.desc()).limit(1))
    return size, None if before is None else size - int(before)
