"""Slot pools, as they change: sessions, slots, bookings, and the ledger that every movement goes into.

Who changes a booking holds its slot; so a slot is locked first and its booking read after it. Locks are FOR NO KEY
UPDATE: a booking's foreign keys may point at what another transaction works on.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Integer, Text, TextClause, Uuid, and_, bindparam, insert, or_, select, text, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.slots import Session, Standing, Use
from hub.tables import booking, organisation, resident, session, slot

Row = Mapping[str, Any]

SESSION_COLUMNS = tuple(session.c[name] for name in Session.__dataclass_fields__)

# -- sessions and their slots ----------------------------------------------------------------------------------------


async def add_session(connection: AsyncConnection, row: Row) -> None:
    """Add a session, unless its hospital has one of this number: then nothing happens."""
    await connection.execute(upsert(session).values(**row).on_conflict_do_nothing())


async def lock_session(
    connection: AsyncConnection, organisation_id: str, *, number: str = "", key: UUID | None = None
) -> Session | None:
    """A hospital's session by its id, or by the hospital's own number, held for this transaction."""
    which = session.c.number == number if key is None else session.c.id == key
    asked = select(*SESSION_COLUMNS).where(session.c.organisation_id == organisation_id, which)
    row = (await connection.execute(asked.with_for_update(key_share=True))).mappings().one_or_none()
    return Session(**row) if row else None


async def change_session(connection: AsyncConnection, key: UUID, row: Row) -> None:
    """Change a session that is held."""
    await connection.execute(update(session).where(session.c.id == key).values(**row))


async def list_standing(connection: AsyncConnection, session_id: UUID) -> list[Standing]:
    """A session's slots, held for this transaction in the order of their numbers."""
    columns = (slot.c[name] for name in Standing.__dataclass_fields__)
    asked = select(*columns).where(slot.c.session_id == session_id).order_by(slot.c.number)
    return [Standing(**row) for row in (await connection.execute(asked.with_for_update(key_share=True))).mappings()]


async def add_slots(connection: AsyncConnection, rows: Sequence[Row]) -> None:
    """Add slots, as yet on no account."""
    if rows:
        await connection.execute(insert(slot), [{**row, "moves": 0, "account": "new"} for row in rows])


async def change_times(connection: AsyncConnection, rows: Sequence[Row]) -> None:
    """Move slots (`of`) to other times (`begins`, `ends`)."""
    if rows:
        moved = update(slot).where(slot.c.id == bindparam("of"))
        await connection.execute(moved.values(starts_at=bindparam("begins"), ends_at=bindparam("ends")), rows)


async def find_authority(connection: AsyncConnection, organisation_id: str) -> str | None:
    """Whose an organisation is, "" where nobody said; None where there is no such organisation."""
    asked = select(organisation.c.authority).where(organisation.c.id == organisation_id)
    found: str | None = await connection.scalar(asked)
    return found


# -- the ledger ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class Movement:
    """A slot leaves the account where its movement `before` took it."""

    slot_id: UUID
    before: int
    account_from: str
    account_into: str
    booking_id: UUID | None = None


_MOVE = text(
    """
    with told as (
        select * from unnest(:slots, :numbers, :sources, :targets, :bookings)
            as told(slot_id, before, account_from, account_into, booking_id)
    ), written as (
        insert into movement (slot_id, number, before, session_id, account_from, account_into, act, booking_id, by, at,
                              message_id)
        select told.slot_id, told.before + 1, nullif(told.before, 0), slot.session_id, told.account_from,
               told.account_into, :act, told.booking_id, :by, :at, :message_id
        from told join slot on slot.id = told.slot_id
    )
    update slot set moves = told.before + 1, account = told.account_into from told where slot.id = told.slot_id
    """
).bindparams(
    bindparam("slots", type_=ARRAY(Uuid)),
    bindparam("numbers", type_=ARRAY(Integer)),
    bindparam("sources", type_=ARRAY(Text)),
    bindparam("targets", type_=ARRAY(Text)),
    bindparam("bookings", type_=ARRAY(Uuid)),
    bindparam("message_id", type_=Uuid),
)


async def move(
    connection: AsyncConnection,
    movements: Sequence[Movement],
    *,
    act: str,
    by: str,
    at: datetime,
    message_id: UUID | None,
) -> None:
    """Write movements into the ledger, one a slot at the most, and bring the slots to where they lead.

    Whoever was faster has written the same number: the database refuses the second.
    """
    if movements:
        columns = {
            "slots": [one.slot_id for one in movements],
            "numbers": [one.before for one in movements],
            "sources": [one.account_from for one in movements],
            "targets": [one.account_into for one in movements],
            "bookings": [one.booking_id for one in movements],
        }
        await connection.execute(_MOVE, {**columns, "act": act, "by": by, "at": at, "message_id": message_id})


# -- holding ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """What a team wants to hold: a slot, or any of a session, as near as can be to a time where one is given."""

    session_id: UUID
    slot_id: UUID | None = None
    near: datetime | None = None
    team_id: str
    resident_id: UUID | None = None
    expires_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What came of it: the slot that was taken (None: none was to be had) and its time; else how the session's slots
    stand. `is_allied`: the team may book there at all; `is_known`: the directory has the team."""

    session: Session
    is_known: bool
    is_allied: bool
    slot_id: UUID | None = None
    starts_at: datetime | None = None
    use: Use


_NAMES = ", ".join(f"asked.{column.name}" for column in SESSION_COLUMNS)
_USED = """
    count(*) filter (where slot.account <> 'withdrawn') as total,
    count(*) filter (where slot.account = 'team' or held.expires_at <= :now) as free,
    min(held.expires_at) filter (where held.expires_at > :now) as next_expiry
    from slot left join booking held on held.slot_id = slot.id and held.state = 'held'
"""


@cache
def _hold(*, has_slot: bool, has_time: bool, waits: bool) -> TextClause:
    """The free slot that is wanted, its booking and its movement, or how the slots stand, in one statement: in a rush
    most ask in vain. Slots that others are about to take are passed over, unless it waits for them."""
    only = "and slot.id = :slot_id" if has_slot else ""
    order = "abs(extract(epoch from slot.starts_at - :near))," if has_time else ""
    return text(
        f"""
        with asked as (
            select session.*, team.id is not null as is_known,
                   hospital.alliance_id is null or coalesce(hospital.alliance_id = centre.alliance_id, false)
                       as is_allied
            from session join organisation hospital on hospital.id = session.organisation_id
            left join team on team.id = :team_id
            left join organisation centre on centre.id = team.organisation_id
            where session.id = :session_id
        ), picked as (
            select slot.id, slot.session_id, slot.moves, slot.starts_at
            from asked join slot on slot.session_id = asked.id
            where slot.account = 'team' {only}
              and asked.is_known and asked.is_allied and asked.state = 'open' and asked.team_from <= :now
              and asked.release_at > :now and asked.starts_at > :now
            order by {order} slot.starts_at, slot.number limit 1
            for no key update of slot {"" if waits else "skip locked"}
        ), made as (
            insert into booking (id, slot_id, session_id, team_id, resident_id, state, expires_at, by, created_at,
                                 changed_at)
            select :id, id, session_id, :team_id, :resident_id, 'held', :expires_at, :by, :now, :now from picked
        ), written as (
            insert into movement (slot_id, number, before, session_id, account_from, account_into, act, booking_id, by,
                                  at)
            select id, moves + 1, moves, session_id, 'team', 'held', 'hold', :id, :by, :now from picked
        ), turned as (
            update slot set moves = picked.moves + 1, account = 'held' from picked where slot.id = picked.id
        )
        select {_NAMES}, asked.is_known, asked.is_allied, picked.id as slot_id, picked.starts_at as slot_starts_at,
               used.total, used.free, used.next_expiry
        from asked left join picked on true
        left join lateral (select {_USED} where picked.id is null and slot.session_id = asked.id) as used on true
        """  # noqa: S608 - constants of this file
    ).bindparams(bindparam("resident_id", type_=Uuid))


async def hold(
    connection: AsyncConnection, key: UUID, wanted: Wanted, *, by: str, now: datetime, waits: bool = False
) -> Answer | None:
    """Hold a slot that is free as the booking `key`; None where there is no such session."""
    given: dict[str, Any] = {
        "id": key,
        "session_id": wanted.session_id,
        "team_id": wanted.team_id,
        "resident_id": wanted.resident_id,
        "expires_at": wanted.expires_at,
        "by": by,
        "now": now,
    }
    if wanted.slot_id is not None:
        given["slot_id"] = wanted.slot_id
    if wanted.near is not None:
        given["near"] = wanted.near
    statement = _hold(has_slot=wanted.slot_id is not None, has_time=wanted.near is not None, waits=waits)
    row = _row((await connection.execute(statement, given)).one_or_none())
    if row is None:
        return None
    return Answer(
        session=Session(**{name: row[name] for name in Session.__dataclass_fields__}),
        is_known=row["is_known"],
        is_allied=row["is_allied"],
        slot_id=row["slot_id"],
        starts_at=row["slot_starts_at"],
        use=Use(total=row["total"], free=row["free"], next_expiry=row["next_expiry"]),
    )


async def find_session_of(connection: AsyncConnection, slot_id: UUID) -> UUID | None:
    """The session of a slot."""
    found: UUID | None = await connection.scalar(select(slot.c.session_id).where(slot.c.id == slot_id))
    return found


_USE = text(f"select slot.session_id, {_USED} where slot.session_id = any(:ids) group by slot.session_id").bindparams(
    bindparam("ids", type_=ARRAY(Uuid))
)


async def find_use(connection: AsyncConnection, sessions: Sequence[UUID], now: datetime) -> dict[UUID, Use]:
    """How the slots of sessions stand at a moment."""
    rows = await connection.execute(_USE, {"ids": list(sessions), "now": now})
    return {row.session_id: Use(total=row.total, free=row.free, next_expiry=row.next_expiry) for row in rows}


_ALLIED = text(
    """
    select hospital.id from organisation hospital
    where hospital.id = any(:ids) and (hospital.alliance_id is null or hospital.alliance_id =
        (select centre.alliance_id from team join organisation centre on centre.id = team.organisation_id
         where team.id = :team_id))
    """
).bindparams(bindparam("ids", type_=ARRAY(Text)))


async def find_allied(connection: AsyncConnection, team_id: str, hospitals: Sequence[str]) -> frozenset[str]:
    """Those of these hospitals whose slots a team may book: they are of its alliance, or of none."""
    rows = await connection.execute(_ALLIED, {"ids": list(hospitals), "team_id": team_id})
    return frozenset(rows.scalars())


# -- bookings --------------------------------------------------------------------------------------------------------

_HELD = select(slot.c.id).where(
    slot.c.id == select(booking.c.slot_id).where(booking.c.id == bindparam("key")).scalar_subquery()
)
_BOOKING = (
    select(
        booking,
        session.c.organisation_id,
        session.c.release_at,
        slot.c.starts_at,
        slot.c.moves,
        slot.c.account,
    )
    .join(slot, slot.c.id == booking.c.slot_id)
    .join(session, session.c.id == booking.c.session_id)
)


async def lock_booking(connection: AsyncConnection, key: UUID) -> Row | None:
    """A booking with its slot, both held for this transaction."""
    await connection.execute(_HELD.with_for_update(key_share=True), {"key": key})
    return _row((await connection.execute(_BOOKING.where(booking.c.id == key))).one_or_none())


async def list_taken(connection: AsyncConnection, session_id: UUID) -> list[Row]:
    """The standing bookings of a session whose slots are held."""
    standing = _BOOKING.where(booking.c.session_id == session_id, booking.c.state.in_(("held", "booked")))
    return _rows(await connection.execute(standing.order_by(slot.c.number)))


_LAPSED = _BOOKING.where(booking.c.state == "held", booking.c.expires_at <= bindparam("now"))
_LOCKED: dict[str, Any] = {"of": [slot, booking], "key_share": True}


async def list_lapsed(connection: AsyncConnection, now: datetime, most: int) -> list[Row]:
    """Holds whose time is over, with their slots, held for this transaction; those that others work on are left out."""
    due = _LAPSED.order_by(booking.c.expires_at).limit(most)
    return _rows(await connection.execute(due.with_for_update(**_LOCKED, skip_locked=True), {"now": now}))


async def list_lapsed_in(connection: AsyncConnection, now: datetime, session_id: UUID) -> list[Row]:
    """Those of one session; where others work on them it waits until they have ended, or have not."""
    due = _LAPSED.where(booking.c.session_id == session_id).order_by(slot.c.number)
    return _rows(await connection.execute(due.with_for_update(**_LOCKED), {"now": now}))


async def list_released(connection: AsyncConnection, now: datetime, most: int) -> list[Session]:
    """Open sessions whose slots are to go to the public, held for this transaction; those in work are left out."""
    due = select(*SESSION_COLUMNS).where(session.c.state == "open", session.c.release_at <= now)
    locked = due.order_by(session.c.release_at).limit(most).with_for_update(key_share=True, skip_locked=True)
    return [Session(**row) for row in (await connection.execute(locked)).mappings()]


async def change_bookings(connection: AsyncConnection, keys: Sequence[UUID], now: datetime, **values: Any) -> None:
    """Change bookings whose slots are held."""
    if keys:
        changed = update(booking).where(booking.c.id.in_(keys))
        await connection.execute(changed.values(**values, version=booking.c.version + 1, changed_at=now))


async def has_taken(
    connection: AsyncConnection, session_id: UUID, resident_id: UUID, now: datetime, *, besides: UUID | None = None
) -> bool:
    """Whether a resident has a slot of a session, held or booked; a hold whose time is over is none. One booking may
    be left out (`besides`)."""
    standing = or_(booking.c.state == "booked", and_(booking.c.state == "held", booking.c.expires_at > now))
    asked = select(booking.c.id).where(booking.c.session_id == session_id, booking.c.resident_id == resident_id)
    if besides is not None:
        asked = asked.where(booking.c.id != besides)
    return await connection.scalar(asked.where(standing).limit(1)) is not None


async def lock_resident(connection: AsyncConnection, key: UUID) -> Row | None:
    """A resident (id, deceased), held for this transaction: themselves, or the one that stays in their place, who is
    held as well. None: nobody."""
    columns = select(resident.c.id, resident.c.deceased, resident.c.replaced_by).with_for_update(key_share=True)
    found = _row((await connection.execute(columns.where(resident.c.id == key))).one_or_none())
    if found is None or found["replaced_by"] is None:
        return found
    return _row((await connection.execute(columns.where(resident.c.id == found["replaced_by"]))).one_or_none())


_FOLLOW = text(
    """
    update booking set resident_id = :after, version = booking.version + 1, changed_at = :now
    where resident_id = :before
      and exists (select from resident where id = :before and replaced_by is not null)
      and not (state = 'booked' and exists (
          select from booking other
          where other.session_id = booking.session_id and other.resident_id = :after and other.state = 'booked'))
    returning id, state, team_id, session_id
    """
)


async def follow(connection: AsyncConnection, before: UUID, after: UUID, now: datetime) -> list[Row]:
    """Give the bookings of a resident who was replaced to the one that stays. Where both have booked the same session
    each booking stays as it is: which of the two places is given back is for the team to say."""
    return _rows(await connection.execute(_FOLLOW, {"before": before, "after": after, "now": now}))


def _row(row: Any) -> Row | None:
    return None if row is None else row._asdict()


def _rows(found: Any) -> list[Row]:
    return [row._asdict() for row in found]
