"""The lists that teams and centres work by: plans, contacts that are due, offers. Each page is one statement."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Uuid, bindparam, func, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.followups import FollowUpState
from hub.store.records import Row
from hub.tables import follow_up, follow_up_plan

_IDS = bindparam("ids", type_=ARRAY(Uuid))
_FIRST = UUID(int=0)
OVERDUE = "overdue"
"""Due, and its window is over."""
UNACCEPTED, OPEN, ALL = "unaccepted", "open", "all"


@dataclass(frozen=True, kw_only=True, slots=True)
class WantedPlans:
    """A page of plans: those that nobody has accepted yet, those that are open, or all; behind one of them."""

    which: str
    most: int = 0
    after: UUID | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class WantedFollowUps:
    """A page of follow-ups in a state (or `OVERDUE`), behind (last day, id)."""

    state: str
    most: int = 0
    after: tuple[date, UUID] | None = None


_WHICH = """
    team_id = :team and (:which = 'all' or ended_at is null) and (:which <> 'unaccepted' or state = 'delivered')
"""
_PLANS = text(f"select * from follow_up_plan where {_WHICH} and id > :after order by id limit :most")  # noqa: S608
_COUNT_PLANS = text(f"select count(*) from follow_up_plan where {_WHICH}")  # noqa: S608 - constants only


async def page_plans(connection: AsyncConnection, team: str, wanted: WantedPlans) -> list[Row]:
    """A team's plans, in the order in which they were made."""
    asked = {"team": team, "which": wanted.which, "after": wanted.after or _FIRST, "most": wanted.most}
    return [row._asdict() for row in await connection.execute(_PLANS, asked)]


async def count_plans(connection: AsyncConnection, team: str, wanted: WantedPlans) -> int:
    """How many there are on all pages."""
    return int(await connection.scalar(_COUNT_PLANS, {"team": team, "which": wanted.which}) or 0)


_STATED = """
    f.team_id = :team and f.state = :state and (not :is_overdue or f.due_until < cast(:today as date))
"""
_FOLLOW_UPS = text(
    f"""
    select f.* from follow_up f
    where {_STATED} and (f.due_until, f.id) > (cast(:day as date), cast(:after as uuid))
    order by f.due_until, f.id limit :most
    """  # noqa: S608 - constants only
)
_COUNT_FOLLOW_UPS = text(f"select count(*) from follow_up f where {_STATED}")  # noqa: S608


def _asked(team: str, today: date, wanted: WantedFollowUps) -> dict[str, Any]:
    is_overdue = wanted.state == OVERDUE
    state = FollowUpState.DUE.value if is_overdue else wanted.state
    return {"team": team, "state": state, "is_overdue": is_overdue, "today": today}


async def page_follow_ups(connection: AsyncConnection, team: str, today: date, wanted: WantedFollowUps) -> list[Row]:
    """A team's follow-ups in a state, by the last day of their windows."""
    day, after = wanted.after or (date(1, 1, 1), _FIRST)
    asked = {**_asked(team, today, wanted), "day": day, "after": after, "most": wanted.most}
    return [row._asdict() for row in await connection.execute(_FOLLOW_UPS, asked)]


async def count_follow_ups(connection: AsyncConnection, team: str, today: date, wanted: WantedFollowUps) -> int:
    """How many there are on all pages."""
    return int(await connection.scalar(_COUNT_FOLLOW_UPS, _asked(team, today, wanted)) or 0)


_PLANS_BY_ID = select(follow_up_plan).where(follow_up_plan.c.id == func.any(_IDS))
_BY_ID = select(follow_up).where(follow_up.c.id == func.any(_IDS))
_OF_RESIDENTS = (
    select(follow_up)
    .where(follow_up.c.resident_id == func.any(_IDS))
    .order_by(follow_up.c.due_until, follow_up.c.number, follow_up.c.id)
)


async def find_plans(connection: AsyncConnection, keys: Sequence[UUID]) -> dict[UUID, Row]:
    """Plans by their ids."""
    return {row.id: row._asdict() for row in await connection.execute(_PLANS_BY_ID, {"ids": list(keys)})}


async def find_follow_ups(connection: AsyncConnection, keys: Sequence[UUID]) -> dict[UUID, Row]:
    """Follow-ups by their ids."""
    return {row.id: row._asdict() for row in await connection.execute(_BY_ID, {"ids": list(keys)})}


async def list_of_residents(connection: AsyncConnection, residents: Sequence[UUID]) -> dict[UUID, list[Row]]:
    """All follow-ups of residents, by the last day of their windows."""
    found: dict[UUID, list[Row]] = {}
    for row in await connection.execute(_OF_RESIDENTS, {"ids": list(residents)}):
        found.setdefault(row.resident_id, []).append(row._asdict())
    return found


# An offer holds contact data and no word on anybody's health: not the disposition, not a diagnosis, not the department.
# Once it has ended nobody is to call any more, and what the resident's data became since is nobody's business here.
_OFFERS = """
    select o.id, o.resident_id, o.organisation_id, o.hospital, o.discharged_at, o.state, o.reason, o.version,
           o.ended_at, o.end_reason,
           case when o.ended_at is null then r.name end as name, case when o.ended_at is null then r.phone end as phone,
           case when o.ended_at is null then r.address end as address
    from offer o join resident r on r.id = o.resident_id
    where (o.organisation_id = :centre or o.organisation_id is null and exists (
             select from organisation mine where mine.id = :centre and mine.kind = 'community-health-centre'
             and coalesce((select h.alliance_id from organisation h where h.id = o.hospital_id), mine.alliance_id)
                 is not distinct from mine.alliance_id))
"""
_OPEN_OFFERS = text(f"{_OFFERS} and o.ended_at is null and o.id > :after order by o.id limit :most")
_OFFERS_BY_ID = text(f"{_OFFERS} and o.id = any(cast(:ids as uuid[]))")


async def page_offers(connection: AsyncConnection, centre: str, most: int, after: UUID | None) -> list[Row]:
    """The open offers that a centre may take, in the order in which they were made."""
    asked = {"centre": centre, "most": most, "after": after or _FIRST}
    return [row._asdict() for row in await connection.execute(_OPEN_OFFERS, asked)]


async def find_offers(connection: AsyncConnection, centre: str, keys: Sequence[UUID]) -> dict[UUID, Row]:
    """Offers by id, as far as they are made to a centre."""
    rows = await connection.execute(_OFFERS_BY_ID, {"centre": centre, "ids": list(keys)})
    return {row.id: row._asdict() for row in rows}
