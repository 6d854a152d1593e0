"""Referrals as both sides read them: their worklists, and one by one."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Boolean, ColumnElement, Text, and_, bindparam, func, not_, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.referrals import Direction
from hub.tables import booking, history, organisation, referral, session, slot, team

Row = Mapping[str, Any]

Party = Mapping[str, Any]
"""Whose referrals: `team`, `organisation`, `is_desk`. A token without a team or organisation has none through it."""

_TEAM, _ORGANISATION = bindparam("team", type_=Text), bindparam("organisation", type_=Text)
_IS_DESK = bindparam("is_desk", type_=Boolean)
_to_centre = and_(
    referral.c.direction == Direction.DOWN,
    referral.c.to_team_id.is_(None),
    referral.c.to_organisation_id == _ORGANISATION,
)
_SENT_BY: ColumnElement[bool] = or_(
    and_(_IS_DESK, referral.c.from_organisation_id == _ORGANISATION),
    and_(not_(_IS_DESK), referral.c.from_team_id == _TEAM),
)
_SENT_TO: ColumnElement[bool] = or_(
    and_(_IS_DESK, referral.c.to_organisation_id == _ORGANISATION),
    and_(not_(_IS_DESK), or_(referral.c.to_team_id == _TEAM, _to_centre)),
)
BOXES: Mapping[str, ColumnElement[bool]] = {"sent": _SENT_BY, "received": _SENT_TO, "": or_(_SENT_BY, _SENT_TO)}
"""Those that a side sent, those that came to it, and both."""

_from, _to = organisation.alias("from_organisation"), organisation.alias("to_organisation")
_from_team, _to_team = team.alias("from_team"), team.alias("to_team")
_VIEW = (
    select(
        referral,
        _from.c.name.label("from_name"),
        _to.c.name.label("to_name"),
        _to.c.authority.label("to_authority"),
        _from_team.c.name.label("from_team_name"),
        _to_team.c.name.label("to_team_name"),
        booking.c.state.label("booking_state"),
        slot.c.starts_at.label("slot_starts_at"),
        slot.c.ends_at.label("slot_ends_at"),
        session.c.kind.label("session_kind"),
        session.c.department.label("session_department"),
        session.c.practitioner.label("session_practitioner"),
        session.c.place.label("session_place"),
    )
    .join(_from, _from.c.id == referral.c.from_organisation_id)
    .join(_to, _to.c.id == referral.c.to_organisation_id)
    .outerjoin(_from_team, _from_team.c.id == referral.c.from_team_id)
    .outerjoin(_to_team, _to_team.c.id == referral.c.to_team_id)
    .outerjoin(booking, booking.c.id == referral.c.booking_id)
    .outerjoin(slot, slot.c.id == booking.c.slot_id)
    .outerjoin(session, session.c.id == slot.c.session_id)
)


def party(*, team: str, organisation: str, is_desk: bool) -> Party:
    """Whose referrals are asked for."""
    return {"team": team or None, "organisation": organisation or None, "is_desk": is_desk}


async def find_views(connection: AsyncConnection, whose: Party, ids: Sequence[UUID]) -> dict[UUID, Row]:
    """Referrals by id as they are shown, with the names of both sides and the booked slot; only a party's own."""
    asked = _VIEW.where(referral.c.id.in_(ids), BOXES[""])
    return {row.id: row._asdict() for row in await connection.execute(asked, whose)}


async def is_party(connection: AsyncConnection, whose: Party, key: UUID) -> bool:
    """Whether a referral is one of a party's own."""
    asked = select(referral.c.id).where(referral.c.id == key, BOXES[""])
    return (await connection.execute(asked, whose)).first() is not None


async def page(
    connection: AsyncConnection, whose: Party, box: str, states: Sequence[str], most: int, after: UUID | None
) -> list[Row]:
    """A party's referrals of a box, the newest first, behind one of them; of all states where none is named."""
    asked = _VIEW.where(BOXES[box], *_of_states(states)).order_by(referral.c.id.desc()).limit(most)
    asked = asked.where(referral.c.id < after) if after else asked
    return [row._asdict() for row in await connection.execute(asked, whose)]


async def count(connection: AsyncConnection, whose: Party, box: str, states: Sequence[str]) -> int:
    """How many referrals of a box there are."""
    asked = select(func.count()).select_from(referral).where(BOXES[box], *_of_states(states))
    return int(await connection.scalar(asked, whose) or 0)


async def page_of_residents(
    connection: AsyncConnection, whose: Party, residents: Sequence[UUID], most: int
) -> dict[UUID, list[Row]]:
    """The newest referrals of each of these residents that are a party's own."""
    place = func.row_number().over(partition_by=referral.c.resident_id, order_by=referral.c.id.desc()).label("place")
    newest = select(referral.c.id, place).where(referral.c.resident_id.in_(residents), BOXES[""]).subquery()
    asked = (
        _VIEW.join(newest, newest.c.id == referral.c.id).where(newest.c.place <= most).order_by(referral.c.id.desc())
    )
    found: dict[UUID, list[Row]] = {}
    for row in await connection.execute(asked, whose):
        found.setdefault(row.resident_id, []).append(row._asdict())
    return found


def _of_states(states: Sequence[str]) -> list[ColumnElement[bool]]:
    return [referral.c.state.in_(states)] if states else []


async def list_steps(connection: AsyncConnection, ids: Sequence[UUID]) -> dict[UUID, list[Row]]:
    """The history of each of these referrals, the first step first."""
    asked = select(history).where(history.c.subject.in_(ids)).order_by(history.c.id)
    found: dict[UUID, list[Row]] = {}
    for row in await connection.execute(asked):
        found.setdefault(row.subject, []).append(row._asdict())
    return found
