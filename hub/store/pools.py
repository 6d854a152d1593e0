"""Slot pools, as they are read. Every function answers for many at once in one statement."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, ColumnElement, Uuid, bindparam, func, or_, select, text, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.slots import Session
from hub.store.records import Place
from hub.store.slots import SESSION_COLUMNS, Row
from hub.tables import booking, movement, organisation, session, slot, team

_centre = organisation.alias("centre")


@dataclass(frozen=True, kw_only=True, slots=True)
class Whose:
    """Who looks: a team, or the desk of a hospital (`team` is "" then)."""

    team: str = ""
    organisation: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Pick:
    """Which sessions are looked for: "" and None are any. They end after `begin`, and begin before `end`."""

    kind: str = ""
    department: str = ""
    organisation: str = ""
    begin: datetime | None = None
    end: datetime | None = None


# -- sessions --------------------------------------------------------------------------------------------------------


def _visible(whose: Whose) -> ColumnElement[bool]:
    """A desk sees its own sessions; a team those of its alliance and of hospitals that are of none."""
    if not whose.team:
        return session.c.organisation_id == whose.organisation
    own = (
        select(_centre.c.alliance_id)
        .join(team, team.c.organisation_id == _centre.c.id)
        .where(team.c.id == whose.team)
        .scalar_subquery()
    )
    hospitals = select(organisation.c.id).where(
        or_(organisation.c.alliance_id.is_(None), organisation.c.alliance_id == own)
    )
    return session.c.organisation_id.in_(hospitals)


def _picked(whose: Whose, pick: Pick) -> list[ColumnElement[bool]]:
    wanted = {
        session.c.kind: pick.kind,
        session.c.department: pick.department,
        session.c.organisation_id: pick.organisation,
    }
    found = [_visible(whose), *(column == value for column, value in wanted.items() if value)]
    if pick.begin is not None:
        found.append(session.c.ends_at > pick.begin)
    if pick.end is not None:
        found.append(session.c.starts_at < pick.end)
    return found


async def page_sessions(
    connection: AsyncConnection, whose: Whose, pick: Pick, most: int, after: Place | None
) -> list[Session]:
    """Sessions by their begin, behind one of them."""
    asked = select(*SESSION_COLUMNS).where(*_picked(whose, pick))
    if after is not None:
        asked = asked.where(tuple_(session.c.starts_at, session.c.id) > tuple_(after.at, after.id))
    rows = await connection.execute(asked.order_by(session.c.starts_at, session.c.id).limit(most))
    return [Session(**row._asdict()) for row in rows]


async def count_sessions(connection: AsyncConnection, whose: Whose, pick: Pick) -> int:
    """How many sessions there are of a pick."""
    return int(await connection.scalar(select(func.count()).select_from(session).where(*_picked(whose, pick))) or 0)


async def find_sessions(connection: AsyncConnection, whose: Whose, keys: Sequence[UUID]) -> dict[UUID, Session]:
    """Sessions by id, as far as they are to be seen."""
    rows = await connection.execute(select(*SESSION_COLUMNS).where(session.c.id.in_(keys), _visible(whose)))
    return {row.id: Session(**row._asdict()) for row in rows}


_BALANCES = text(
    """
    select session_id, account, sum(part)::int as slots from (
        select session_id, account_into as account, 1 as part from movement where session_id = any(:ids)
        union all
        select session_id, account_from, -1 from movement where session_id = any(:ids)) as parts
    where account <> 'new' group by session_id, account having sum(part) <> 0
    """
).bindparams(bindparam("ids", type_=ARRAY(Uuid)))


async def find_balances(connection: AsyncConnection, sessions: Sequence[UUID]) -> dict[UUID, dict[str, int]]:
    """How many slots of each session are on each account: what came in less what went out, from the ledger alone."""
    found: dict[UUID, dict[str, int]] = {key: {} for key in sessions}
    for row in await connection.execute(_BALANCES, {"ids": list(sessions)}):
        found[row.session_id][row.account] = row.slots
    return found


async def list_movements(connection: AsyncConnection, sessions: Sequence[UUID]) -> dict[UUID, list[Row]]:
    """The ledger of each session, in the order of its movements."""
    asked = (
        select(movement, slot.c.number.label("slot_number"))
        .join(slot, slot.c.id == movement.c.slot_id)
        .where(movement.c.session_id.in_(sessions))
        .order_by(movement.c.at, slot.c.number, movement.c.number)
    )
    found: dict[UUID, list[Row]] = {key: [] for key in sessions}
    for row in await connection.execute(asked):
        found[row.session_id].append(row._asdict())
    return found


# -- slots -----------------------------------------------------------------------------------------------------------


async def page_slots(
    connection: AsyncConnection, session_id: UUID, most: int, after: UUID | None, free_at: datetime | None
) -> list[Row]:
    """Slots of a session by number, behind one of them; with `free_at`, those that teams may hold at that moment."""
    asked = _of_session(session_id, free_at)
    if after is not None:
        asked = asked.where(slot.c.number > select(slot.c.number).where(slot.c.id == after).scalar_subquery())
    return [row._asdict() for row in await connection.execute(asked.order_by(slot.c.number).limit(most))]


async def count_slots(connection: AsyncConnection, session_id: UUID, free_at: datetime | None) -> int:
    """How many slots of a session there are."""
    asked = select(func.count()).select_from(_of_session(session_id, free_at).subquery())
    return int(await connection.scalar(asked) or 0)


def _of_session(session_id: UUID, free_at: datetime | None) -> Any:
    asked = select(slot).where(slot.c.session_id == session_id)
    if free_at is None:
        return asked
    lapsed = select(booking.c.slot_id).where(
        booking.c.slot_id == slot.c.id, booking.c.state == "held", booking.c.expires_at <= free_at
    )
    return asked.join(session, session.c.id == slot.c.session_id).where(
        session.c.state == "open",
        session.c.release_at > free_at,
        slot.c.starts_at > free_at,
        or_(slot.c.account == "team", lapsed.exists()),
    )


async def find_slots(connection: AsyncConnection, whose: Whose, keys: Sequence[UUID]) -> dict[UUID, Row]:
    """Slots by id, as far as their sessions are to be seen."""
    asked = select(slot).join(session, session.c.id == slot.c.session_id).where(slot.c.id.in_(keys), _visible(whose))
    return {row.id: row._asdict() for row in await connection.execute(asked)}


# -- bookings --------------------------------------------------------------------------------------------------------

_BOOKING = (
    select(booking, session.c.organisation_id, slot.c.starts_at)
    .join(session, session.c.id == booking.c.session_id)
    .join(slot, slot.c.id == booking.c.slot_id)
)


def _own(whose: Whose, state: str) -> list[ColumnElement[bool]]:
    """A team's own bookings; for a desk, those of its sessions."""
    own = booking.c.team_id == whose.team if whose.team else session.c.organisation_id == whose.organisation
    return [own, *([booking.c.state == state] if state else [])]


async def page_bookings(
    connection: AsyncConnection, whose: Whose, state: str, most: int, after: UUID | None
) -> list[Row]:
    """Bookings in the order in which they were made, behind one of them."""
    asked = _BOOKING.where(*_own(whose, state))
    if after is not None:
        asked = asked.where(booking.c.id > after)
    return [row._asdict() for row in await connection.execute(asked.order_by(booking.c.id).limit(most))]


async def count_bookings(connection: AsyncConnection, whose: Whose, state: str) -> int:
    """How many bookings there are."""
    asked = select(func.count()).select_from(_BOOKING.where(*_own(whose, state)).subquery())
    return int(await connection.scalar(asked) or 0)


async def find_bookings(connection: AsyncConnection, whose: Whose, keys: Sequence[UUID]) -> dict[UUID, Row]:
    """Bookings by id, as far as they are one's own."""
    asked = _BOOKING.where(*_own(whose, ""), booking.c.id.in_(keys))
    return {row.id: row._asdict() for row in await connection.execute(asked)}
