"""Who has been told of alerts: every delivery, and every attempt at it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.ids import new_id
from hub.tables import alert_attempt, alert_delivery, alert_notice

DELIVERED, GIVEN_UP = "delivered", "given-up"

_FRESH = timedelta(days=1)

# What a receiver is to hear: of each alert its beginning before its end. A row that another process has in hand is
# passed over; one that was taken out comes back when the time it was taken for is over.
_TAKE = text(
    """
    with due as (
      select d.notice_id, d.receiver
      from alert_delivery d join alert_notice n on n.id = d.notice_id
      where d.state = 'waiting' and d.receiver = any(:receivers) and (d.next_at is null or d.next_at <= :now)
        and not exists (
          select from alert_delivery e join alert_notice m on m.id = e.notice_id
          where n.event = 'ended' and e.receiver = d.receiver and e.state = 'waiting'
            and m.alert_id = n.alert_id and m.event = 'began')
      order by d.notice_id limit :most for update of d skip locked
    )
    update alert_delivery d set next_at = :back_at, tries = d.tries + 1
    from due, alert_notice n
    where d.notice_id = due.notice_id and d.receiver = due.receiver and n.id = d.notice_id
    returning d.notice_id, d.receiver, d.tries, n.at, n.body
    """
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Due:
    """A notice that a receiver is to be told now. `tries` counts this attempt."""

    notice: UUID
    receiver: str
    tries: int
    at: datetime
    body: bytes


@dataclass(frozen=True, kw_only=True, slots=True)
class Attempt:
    """One attempt. `status` is that of HTTP, 0 where there was no answer; then `fault` is its kind."""

    notice: UUID
    receiver: str
    at: datetime
    status: int
    fault: str
    seconds: float


async def save_deliveries(connection: AsyncConnection, notice: UUID, places: Mapping[str, str]) -> None:
    """A notice is to be delivered to these receivers, by their places."""
    if places:
        rows = [{"notice_id": notice, "receiver": key, "place": place} for key, place in places.items()]
        await connection.execute(insert(alert_delivery), rows)


async def take_due(
    connection: AsyncConnection, receivers: Sequence[str], now: datetime, back_at: datetime, most: int
) -> list[Due]:
    """What is to be delivered now, taken out until `back_at`: by then the attempt has been noted, or its process is
    dead and another one tries."""
    given = {"receivers": list(receivers), "now": now, "back_at": back_at, "most": most}
    rows = (await connection.execute(_TAKE, given)).mappings()
    return [
        Due(notice=row["notice_id"], receiver=row["receiver"], tries=row["tries"], at=row["at"], body=row["body"])
        for row in rows
    ]


async def save_attempt(connection: AsyncConnection, one: Attempt, state: str, next_at: datetime | None) -> None:
    """Note an attempt, and how its delivery stands after it; one that is settled stays so, if this comes late."""
    row = {
        "id": new_id(),
        "notice_id": one.notice,
        "receiver": one.receiver,
        "at": one.at,
        "status": one.status,
        "fault": one.fault,
        "seconds": one.seconds,
    }
    await connection.execute(insert(alert_attempt).values(**row))
    of = (alert_delivery.c.notice_id == one.notice) & (alert_delivery.c.receiver == one.receiver)
    waits = alert_delivery.c.state == "waiting"
    settled_at = None if next_at else one.at
    await connection.execute(
        update(alert_delivery).where(of, waits).values(state=state, next_at=next_at, settled_at=settled_at)
    )


async def give_up_strangers(connection: AsyncConnection, receivers: Sequence[str], now: datetime) -> int:
    """What waits for receivers that are no longer told is given up, once it is a day old: a process that is started
    with other settings does not take from its neighbour what that one is still to deliver."""
    late = select(alert_notice.c.id).where(alert_notice.c.at < now - _FRESH)
    waits = alert_delivery.c.state == "waiting"
    gone = alert_delivery.c.receiver.not_in(list(receivers))
    done = await connection.execute(
        update(alert_delivery)
        .where(waits, gone, alert_delivery.c.notice_id.in_(late))
        .values(state=GIVEN_UP, settled_at=now, next_at=None)
    )
    return done.rowcount
