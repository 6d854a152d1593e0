"""Referrals as the programme moves them, and what of the record and the directory it asks for that."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    RowMapping,
    Text,
    Uuid,
    and_,
    bindparam,
    func,
    insert,
    null,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.record import Json
from hub.referrals import Death, Direction, Referral, State, Stay, Urgency
from hub.tables import (
    booking,
    encounter,
    follow_up_plan,
    organisation,
    referral,
    resident,
    session,
    slot,
    team,
)

Row = Mapping[str, Any]

_NAMES = tuple(field.name for field in fields(Referral))
_VALUE = select(*(referral.c[name] for name in _NAMES))


def value_from(row: Row) -> Referral:
    """A referral out of its row, without the summary."""
    said = {name: row[name] for name in _NAMES}
    kinds = {
        "direction": Direction(said["direction"]),
        "state": State(said["state"]),
        "urgency": Urgency(said["urgency"]),
    }
    return Referral(**{**said, **kinds})


# -- one by one ------------------------------------------------------------------------------------------------------


async def find(connection: AsyncConnection, key: UUID, *, lock: bool = False) -> Referral | None:
    """A referral; with `lock` nobody else moves it before this transaction ends."""
    asked = _VALUE.where(referral.c.id == key)
    row = (await connection.execute(asked.with_for_update(key_share=True) if lock else asked)).one_or_none()
    return value_from(row._asdict()) if row else None


async def list_of(connection: AsyncConnection, residents: Sequence[UUID]) -> list[Referral]:
    """Every referral of these residents, the oldest first."""
    asked = _VALUE.where(referral.c.resident_id == func.any(bindparam("ids", type_=ARRAY(Uuid)))).order_by(
        referral.c.id
    )
    return [value_from(row._asdict()) for row in await connection.execute(asked, {"ids": list(residents)})]


async def find_booked(connection: AsyncConnection, booking_id: UUID) -> UUID | None:
    """The standing referral that a booking is for."""
    standing = and_(referral.c.booking_id == booking_id, referral.c.ended_at.is_(None))
    found: UUID | None = await connection.scalar(select(referral.c.id).where(standing))
    return found


_FOLLOWING = text(
    """
    select f.id from referral f where f.plan_id = :plan and f.direction = 'down' and f.state <> 'withdrawn'
    union
    select f.id from follow_up_plan p join referral f on f.resident_id = p.resident_id and f.stay_key = p.encounter_key
    where p.id = :plan and f.direction = 'down' and f.stay_key <> '' and f.state <> 'withdrawn'
    order by 1 limit 1
    """
)
# Two looks at two indexes; with an OR no index serves, and every referral is read whenever a plan is accepted.


async def find_following(connection: AsyncConnection, plan_id: UUID) -> UUID | None:
    """The referral down that comes from the stay which a follow-up plan follows."""
    found: UUID | None = await connection.scalar(_FOLLOWING, {"plan": plan_id})
    return found


async def find_plan(connection: AsyncConnection, resident_id: UUID, stay_key: str) -> UUID | None:
    """The follow-up plan of a stay."""
    same = and_(follow_up_plan.c.resident_id == resident_id, follow_up_plan.c.encounter_key == stay_key)
    found: UUID | None = await connection.scalar(select(follow_up_plan.c.id).where(same))
    return found


async def add(connection: AsyncConnection, one: Referral, summary: Json) -> None:
    """Write a new referral with the summary that goes with it for good."""
    await connection.execute(insert(referral).values(id=one.id, summary=summary, **_values(one)))


async def save(connection: AsyncConnection, one: Referral, now: datetime) -> None:
    """Write what became of a referral. The summary is not among what can be written again."""
    await connection.execute(update(referral).where(referral.c.id == one.id).values(changed_at=now, **_values(one)))


def _values(one: Referral) -> dict[str, Any]:
    said = {name: getattr(one, name) for name in _NAMES if name != "id"}
    return said | {"reply": dict(one.reply) if one.reply else null()}


async def lock_resident(connection: AsyncConnection, resident_id: UUID) -> Row | None:
    """A resident's row, held until the end of this transaction."""
    asked = select(resident).where(resident.c.id == resident_id).with_for_update(key_share=True)
    row = (await connection.execute(asked)).one_or_none()
    return row._asdict() if row else None


async def lock_resident_of(connection: AsyncConnection, key: UUID) -> None:
    """Hold the resident whom a referral is about until the end of this transaction; nobody where there is none."""
    about = select(referral.c.resident_id).where(referral.c.id == key).scalar_subquery()
    await connection.execute(select(resident.c.id).where(resident.c.id == about).with_for_update(key_share=True))


async def list_merged(connection: AsyncConnection, moves: Iterable[tuple[UUID, UUID]]) -> list[tuple[UUID, UUID]]:
    """Of moves of links those that left a resident without a patient: (the one before, the one that stays)."""
    before = [gone for gone, _ in moves]
    asked = select(resident.c.id, resident.c.replaced_by).where(
        resident.c.id.in_(before), resident.c.replaced_by.is_not(None)
    )
    return [(gone, stays) for gone, stays in (await connection.execute(asked)).all()] if before else []


# -- what the record says --------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class ToldStay:
    """A stay with where it stands: its resident, its origins (the latest first), and what was said in words."""

    resident_id: UUID
    stay: Stay
    origins: Sequence[Json]
    disposition: str
    destination: str


_STAYS = select(
    encounter.c.resident_id,
    encounter.c.key,
    encounter.c.code,
    encounter.c.status,
    encounter.c.department,
    encounter.c.effective_at,
    encounter.c.ended_at,
    encounter.c.disposition_code,
    encounter.c.disposition,
    encounter.c.destination,
    encounter.c.origins,
)


async def list_stays(
    connection: AsyncConnection, residents: Sequence[UUID], organisations: Mapping[str, str]
) -> list[ToldStay]:
    """All stays and visits of residents. `organisations` are the directory's ids by the names of sources."""
    asked = _STAYS.where(encounter.c.resident_id == func.any(bindparam("ids", type_=ARRAY(Uuid))))
    rows = await connection.execute(asked, {"ids": list(residents)})
    return [_stay(row, organisations) for row in rows.mappings()]


async def list_sent_down(
    connection: AsyncConnection,
    touched: Collection[tuple[UUID, str]],
    disposition: str,
    organisations: Mapping[str, str],
) -> list[ToldStay]:
    """Those of these entries (resident, key) that say a disposition."""
    if not touched:
        return []
    asked = _STAYS.where(
        encounter.c.disposition_code == disposition,
        encounter.c.resident_id == func.any(bindparam("ids", type_=ARRAY(Uuid))),
        encounter.c.key == func.any(bindparam("keys", type_=ARRAY(Text))),
    )
    residents, keys = {one for one, _ in touched}, {key for _, key in touched}
    rows = await connection.execute(asked, {"ids": sorted(residents), "keys": sorted(keys)})
    return [_stay(row, organisations) for row in rows.mappings() if (row["resident_id"], row["key"]) in touched]


def _stay(row: RowMapping, organisations: Mapping[str, str]) -> ToldStay:
    origins = row["origins"]
    known = (organisations.get(origin["source"], "") for origin in origins)
    stay = Stay(
        key=row["key"],
        organisation_id=next((one for one in known if one), ""),
        kind=row["code"] or "",
        status=row["status"] or "unknown",
        department=row["department"] or "",
        began_at=row["effective_at"],
        told_at=min(datetime.fromisoformat(origin["sent_at"]) for origin in origins),
        ended_at=row["ended_at"],
        disposition=row["disposition_code"] or "",
    )
    return ToldStay(
        resident_id=row["resident_id"],
        stay=stay,
        origins=origins,
        disposition=row["disposition"] or "",
        destination=row["destination"] or "",
    )


async def list_deaths(connection: AsyncConnection, residents: Sequence[UUID]) -> dict[UUID, Death]:
    """Who of residents has died, and when."""
    asked = select(resident.c.id, resident.c.deceased_on).where(
        resident.c.id == func.any(bindparam("ids", type_=ARRAY(Uuid))), resident.c.deceased.is_(True)
    )
    rows = await connection.execute(asked, {"ids": list(residents)})
    return {row.id: Death(on=_day(row.deceased_on)) for row in rows}


def _day(said: str | None) -> date | None:
    try:
        return date.fromisoformat(said[:10]) if said and len(said) >= 10 else None
    except ValueError:
        return None


# -- where to --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class Destination:
    """To whom a referral down goes; without a team to any team of the centre."""

    organisation_id: str
    team_id: str | None = None


_COMMUNITY = or_(organisation.c.kind.in_(("community-health-centre", "clinic")), organisation.c.level == 1)
_TEAM_IN_FORCE = text(
    """
    select a.team_id, t.organisation_id from coverage c
    join agreement a on a.id = c.agreement_id join team t on t.id = a.team_id
    where c.resident_id = :resident_id and c.until is null and a.ended_on is null
      and :today between c.since and a.ends_on
    order by a.kind = 'primary' desc, a.id limit 1
    """
)
_CENTRE_BY_AREA = text(
    """
    select t.organisation_id from resident r
    join area on position(area.name in r.address) > 0 join team t on t.id = area.team_id
    where r.id = :resident_id order by length(area.name) desc, area.id limit 1
    """
)


async def find_community(connection: AsyncConnection, named: str) -> str | None:
    """The community institution of that id or name."""
    is_named = or_(organisation.c.id == named, organisation.c.name == named, organisation.c.name_en == named)
    asked = (
        select(organisation.c.id).where(is_named, _COMMUNITY).order_by(organisation.c.id != named, organisation.c.id)
    )
    found: str | None = await connection.scalar(asked) if named else None
    return found


async def find_team_in_force(connection: AsyncConnection, resident_id: UUID, today: date) -> Destination | None:
    """The team that a resident has an agreement with, and where it works."""
    row = (await connection.execute(_TEAM_IN_FORCE, {"resident_id": resident_id, "today": today})).one_or_none()
    return Destination(organisation_id=row.organisation_id, team_id=row.team_id) if row else None


_CENTRES_BY_SYSTEM = text(
    """
    select o.id from organisation o
    where o.kind in ('community-health-centre', 'clinic') and o.id = any(:ids)
    order by o.id limit 1
    """
)
_SOURCES = text(
    "select p.source from link l join patient p on p.id = l.patient_id where l.until is null and l.resident_id = :of"
)


async def find_centre_by_system(
    connection: AsyncConnection, resident_id: UUID, organisations: Mapping[str, str]
) -> Destination | None:
    """The centre whose own system knows a resident."""
    sources = await connection.scalars(_SOURCES, {"of": resident_id})
    known = sorted({organisations[one] for one in sources if one in organisations})
    found = await connection.scalar(_CENTRES_BY_SYSTEM, {"ids": known}) if known else None
    return Destination(organisation_id=found) if found else None


async def find_centre_by_area(connection: AsyncConnection, resident_id: UUID) -> Destination | None:
    """The centre of the grid area that a resident's address names."""
    found = await connection.scalar(_CENTRE_BY_AREA, {"resident_id": resident_id})
    return Destination(organisation_id=found) if found else None


async def find_kind(connection: AsyncConnection, organisation_id: str) -> str | None:
    """What kind of organisation it is; None where nobody knows it."""
    asked = select(organisation.c.kind).where(organisation.c.id == organisation_id)
    found: str | None = await connection.scalar(asked)
    return found


async def find_workplace(connection: AsyncConnection, team_id: str) -> str | None:
    """The organisation of a team; None where nobody knows the team."""
    found: str | None = await connection.scalar(select(team.c.organisation_id).where(team.c.id == team_id))
    return found


async def find_host(connection: AsyncConnection, booking_id: UUID, team_id: str) -> str | None:
    """The hospital where a booking of a team is; None where the team has no such booking."""
    of_team = and_(booking.c.id == booking_id, booking.c.team_id == team_id)
    asked = select(session.c.organisation_id).join(booking, booking.c.session_id == session.c.id).where(of_team)
    found: str | None = await connection.scalar(asked)
    return found


async def is_booked(connection: AsyncConnection, booking_id: UUID) -> bool:
    """Whether a booking still takes its slot."""
    return await connection.scalar(select(booking.c.state).where(booking.c.id == booking_id)) == "booked"


async def list_missed(connection: AsyncConnection, before: datetime, most: int) -> list[UUID]:
    """Booked referrals whose slot began before a moment and of whom nothing was heard since. They are locked; those
    that somebody else is at work on are left to them."""
    asked = (
        select(referral.c.id)
        .join(booking, booking.c.id == referral.c.booking_id)
        .join(slot, slot.c.id == booking.c.slot_id)
        .where(referral.c.state == State.BOOKED, slot.c.starts_at < before)
        .order_by(referral.c.id)
        .limit(most)
        .with_for_update(of=referral, skip_locked=True, key_share=True)
    )
    return list((await connection.scalars(asked)).all())
