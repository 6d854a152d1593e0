"""Referrals as both sides read them: their worklists, and one by one."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Integer,
    SelectBase,
    Text,
    Uuid,
    and_,
    bindparam,
    func,
    literal_column,
    or_,
    select,
    union,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.referrals import ENDED, Direction
from hub.tables import booking, history, organisation, referral, session, slot, team

Row = Mapping[str, Any]

Party = Mapping[str, Any]
"""Whose referrals: `team`, `organisation`, `is_desk`. A token without a team or organisation has none through it."""

_TEAM, _ORGANISATION = bindparam("team", type_=Text), bindparam("organisation", type_=Text)
_SENT, _RECEIVED = "sent", "received"
_DESK: Mapping[str, Sequence[ColumnElement[bool]]] = {
    _SENT: (referral.c.from_organisation_id == _ORGANISATION,),
    _RECEIVED: (referral.c.to_organisation_id == _ORGANISATION,),
}
_OF_TEAM: Mapping[str, Sequence[ColumnElement[bool]]] = {
    _SENT: (referral.c.from_team_id == _TEAM,),
    _RECEIVED: (
        referral.c.to_team_id == _TEAM,
        and_(
            referral.c.direction == literal_column(f"'{Direction.DOWN}'"),  # as the index has it
            referral.c.to_team_id.is_(None),
            referral.c.to_organisation_id == _ORGANISATION,
        ),
    ),
}
"""What a side sent, and what came to it: each part has an index of its own, and is asked by itself."""

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


def _parts(whose: Party, box: str = "") -> Sequence[ColumnElement[bool]]:
    """The parts of a box: "sent", "received", "" for both."""
    boxes = _DESK if whose["is_desk"] else _OF_TEAM
    return [part for name, parts in boxes.items() if box in (name, "") for part in parts]


def _named(whose: Party) -> dict[str, Any]:
    return {name: whose[name] for name in ("team", "organisation")}


async def find_views(connection: AsyncConnection, whose: Party, ids: Sequence[UUID]) -> dict[UUID, Row]:
    """Referrals by id as they are shown, with the names of both sides and the booked slot; only a party's own."""
    asked = _VIEW.where(referral.c.id.in_(ids), or_(*_parts(whose)))
    return {row.id: row._asdict() for row in await connection.execute(asked, _named(whose))}


async def is_party(connection: AsyncConnection, whose: Party, key: UUID) -> bool:
    """Whether a referral is one of a party's own."""
    asked = select(referral.c.id).where(referral.c.id == key, or_(*_parts(whose)))
    return (await connection.execute(asked, _named(whose))).first() is not None


async def page(
    connection: AsyncConnection, whose: Party, box: str, states: Sequence[str], most: int, after: UUID | None
) -> list[Row]:
    """A party's referrals of a box, the newest first, behind one of them; of all states where none is named."""
    behind = [referral.c.id < after] if after else []
    few = literal_column(str(int(most)), Integer)  # the planner takes an unknown limit for a tenth of the table
    arms = [
        select(referral.c.id).where(part, *_of_states(states), *behind).order_by(referral.c.id.desc()).limit(few)
        for part in _parts(whose, box)
    ]
    newest = union(*(select(arm.subquery().c.id) for arm in arms))
    asked = _VIEW.where(_is_one_of(newest)).order_by(referral.c.id.desc()).limit(few)
    return [row._asdict() for row in await connection.execute(asked, _named(whose))]


async def count(connection: AsyncConnection, whose: Party, box: str, states: Sequence[str]) -> int:
    """How many referrals of a box there are."""
    arms = [select(referral.c.id).where(part, *_of_states(states)) for part in _parts(whose, box)]
    asked = select(func.count()).select_from(union(*arms).subquery())
    return int(await connection.scalar(asked, _named(whose)) or 0)


async def page_of_residents(
    connection: AsyncConnection, whose: Party, residents: Sequence[UUID], most: int
) -> dict[UUID, list[Row]]:
    """The newest referrals of each of these residents that are a party's own."""
    place = func.row_number().over(partition_by=referral.c.resident_id, order_by=referral.c.id.desc()).label("place")
    theirs = referral.c.resident_id == func.any(bindparam("ids", type_=ARRAY(Uuid)))
    placed = select(referral.c.id, place).where(theirs, or_(*_parts(whose))).subquery()
    newest = select(placed.c.id).where(placed.c.place <= most)
    asked = _VIEW.where(_is_one_of(newest)).order_by(referral.c.id.desc())
    found: dict[UUID, list[Row]] = {}
    for row in await connection.execute(asked, {**_named(whose), "ids": list(residents)}):
        found.setdefault(row.resident_id, []).append(row._asdict())
    return found


def _is_one_of(ids: SelectBase) -> ColumnElement[bool]:
    """Found first, then shown: as one more join of a view of so many tables they would come last, after all others."""
    return referral.c.id == func.any(func.array(ids.scalar_subquery()))


def _of_states(states: Sequence[str]) -> list[ColumnElement[bool]]:
    """What is asked of states; of those where something is still owed, that it has not ended: they are few."""
    if not states:
        return []
    is_open = [referral.c.ended_at.is_(None)] if ENDED.isdisjoint(states) else []
    return [referral.c.state.in_(states), *is_open]


async def list_steps(connection: AsyncConnection, ids: Sequence[UUID]) -> dict[UUID, list[Row]]:
    """The history of each of these referrals, the first step first."""
    asked = select(history).where(history.c.subject.in_(ids)).order_by(history.c.id)
    found: dict[UUID, list[Row]] = {}
    for row in await connection.execute(asked):
        found.setdefault(row.subject, []).append(row._asdict())
    return found
