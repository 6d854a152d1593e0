"""Plans, contacts, offers: what is stored of follow-up, and what it needs to know of stays and of the directory."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Uuid, bindparam, func, insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.store import people
from hub.store.records import Row
from hub.tables import contact, follow_up, follow_up_plan, link, offer, patient, patient_number

_IDS = bindparam("ids", type_=ARRAY(Uuid))

# -- what the record says --------------------------------------------------------------------------------------------

_STAYS = text(
    """
    select resident_id, key, status, effective_at, ended_at, disposition_code, organisation, destination, origins
    from encounter where resident_id = any(cast(:ids as uuid[])) and code in ('IMP', 'ACUTE')
    """
)


async def find_stays(connection: AsyncConnection, residents: Sequence[UUID]) -> dict[UUID, list[Row]]:
    """The inpatient stays of residents, as their records have them now."""
    return _by(await connection.execute(_STAYS, {"ids": list(residents)}), "resident_id")


_PEOPLE = text(
    """
    select r.id, coalesce(r.deceased, false) as deceased, coalesce(r.address, '') as address,
           array(select distinct p.source from link l join patient p on p.id = l.patient_id
                 where l.resident_id = r.id and l.until is null order by 1) as sources
    from resident r where r.id = any(cast(:ids as uuid[]))
    """
)


async def find_people(connection: AsyncConnection, residents: Sequence[UUID]) -> dict[UUID, Row]:
    """Of residents whether they died, where they live, and which sources know them."""
    return {row.id: row._asdict() for row in await connection.execute(_PEOPLE, {"ids": list(residents)})}


@dataclass(frozen=True, kw_only=True, slots=True)
class Cover:
    """The agreement that covers a resident, and the team that serves. An alliance's names no team, and is none."""

    agreement_id: UUID
    team_id: str


_STANDING = """
    select true from coverage c join agreement a on a.id = c.agreement_id
    where c.until is null and c.kind = 'primary' and a.ended_on is null
      and cast(:today as date) between c.since and a.ends_on
"""
_ADRIFT = text(
    f"""
    select p.resident_id from follow_up_plan p
    where p.ended_at is null and p.resident_id <> all(cast(:but as uuid[])) and (
      {_STANDING} and c.agreement_id = p.agreement_id and c.resident_id = p.resident_id and a.team_id = p.team_id
      limit 1) is null
    union
    select o.resident_id from offer o
    where o.ended_at is null and o.resident_id <> all(cast(:but as uuid[])) and (
      {_STANDING} and c.resident_id = o.resident_id and a.team_id is not null
      limit 1)
    order by 1 limit :most
    """  # noqa: S608 - constants of this file
)
# A look at the index for each open plan and offer, which are few: a join (or an EXISTS, which the planner makes one of)
# reads every agreement of the region, each second.


async def find_adrift(connection: AsyncConnection, today: date, most: int, but: Sequence[UUID] = ()) -> list[UUID]:
    """Residents whose open plans and offers are not those of the agreement that now stands, but for some."""
    return list(await connection.scalars(_ADRIFT, {"today": today, "most": most, "but": list(but)}))


# -- the directory ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class Directory:
    """The organisations by id, and the grid areas as (name, organisation of its team), the longest name first."""

    organisations: Mapping[str, Row]
    areas: Sequence[tuple[str, str]]

    def known(self, key: str | None) -> str | None:
        """An organisation's id, if it is in the directory."""
        return key if key in self.organisations else None

    def centres(self) -> Iterable[Row]:
        """The community health centres, in the order of their ids."""
        return (one for _, one in sorted(self.organisations.items()) if one["kind"] == "community-health-centre")

    def centres_near(self, hospital_id: str | None) -> list[str]:
        """The centres of a hospital's alliance; of a hospital without one, all of them."""
        hospital = self.organisations.get(hospital_id or "")
        alliance = hospital["alliance_id"] if hospital else None
        return [one["id"] for one in self.centres() if alliance is None or one["alliance_id"] == alliance]


_ORGANISATIONS = text("select id, name, name_en, kind, alliance_id, credit_code from organisation")
_AREAS = text(
    "select a.name, t.organisation_id from area a join team t on t.id = a.team_id order by length(a.name) desc, a.name"
)


async def read_directory(connection: AsyncConnection) -> Directory:
    """The whole directory, as far as follow-up needs it."""
    organisations = await connection.execute(_ORGANISATIONS)
    areas = await connection.execute(_AREAS)
    return Directory(
        organisations={row.id: row._asdict() for row in organisations},
        areas=[(row.name, row.organisation_id) for row in areas if row.name],
    )


# -- plans, contacts, offers of residents ----------------------------------------------------------------------------

_PLANS_OF = select(follow_up_plan).where(follow_up_plan.c.resident_id == func.any(_IDS))
_OFFERS_OF = select(offer).where(offer.c.resident_id == func.any(_IDS))
_FOLLOW_UPS_OF = select(follow_up).where(follow_up.c.plan_id == func.any(_IDS)).order_by(follow_up.c.number)
_CONTACTS_OF = select(contact).where(contact.c.follow_up_id == func.any(_IDS)).order_by(contact.c.id)


async def find_plans_of(connection: AsyncConnection, residents: Sequence[UUID]) -> list[Row]:
    """Every plan of residents."""
    return [row._asdict() for row in await connection.execute(_PLANS_OF, {"ids": list(residents)})]


async def find_offers_of(connection: AsyncConnection, residents: Sequence[UUID]) -> list[Row]:
    """Every offer about residents."""
    return [row._asdict() for row in await connection.execute(_OFFERS_OF, {"ids": list(residents)})]


async def list_follow_ups_of(connection: AsyncConnection, plans: Sequence[UUID]) -> dict[UUID, list[Row]]:
    """The contacts of plans, in their order."""
    return _by(await connection.execute(_FOLLOW_UPS_OF, {"ids": list(plans)}), "plan_id")


async def list_contacts_of(connection: AsyncConnection, follow_ups: Sequence[UUID]) -> dict[UUID, list[Row]]:
    """The attempts to reach somebody, in their order."""
    return _by(await connection.execute(_CONTACTS_OF, {"ids": list(follow_ups)}), "follow_up_id")


async def add_plan(connection: AsyncConnection, row: Row) -> None:
    """A new plan."""
    await connection.execute(insert(follow_up_plan).values(**row))


async def change_plan(connection: AsyncConnection, key: UUID, **columns: Any) -> None:
    """Change a plan; its version rises."""
    await connection.execute(
        update(follow_up_plan)
        .where(follow_up_plan.c.id == key)
        .values(**columns, version=follow_up_plan.c.version + 1, changed_at=func.now())
    )


async def add_follow_ups(connection: AsyncConnection, rows: Sequence[Row]) -> None:
    """New contacts that are due."""
    if rows:
        await connection.execute(insert(follow_up), list(rows))


async def change_follow_up(connection: AsyncConnection, key: UUID, **columns: Any) -> None:
    """Change a contact; its version rises."""
    await connection.execute(
        update(follow_up)
        .where(follow_up.c.id == key)
        .values(**columns, version=follow_up.c.version + 1, changed_at=func.now())
    )


async def add_contact(connection: AsyncConnection, row: Row) -> None:
    """One attempt to reach a resident."""
    await connection.execute(insert(contact).values(**row))


async def add_offer(connection: AsyncConnection, row: Row) -> None:
    """A new offer."""
    await connection.execute(insert(offer).values(**row))


async def change_offer(connection: AsyncConnection, key: UUID, **columns: Any) -> None:
    """Change an offer; its version rises."""
    await connection.execute(
        update(offer).where(offer.c.id == key).values(**columns, version=offer.c.version + 1, changed_at=func.now())
    )


async def move_plan(connection: AsyncConnection, key: UUID, resident: UUID) -> None:
    """A plan with its contacts goes where its stay went."""
    await change_plan(connection, key, resident_id=resident)
    await connection.execute(update(follow_up).where(follow_up.c.plan_id == key).values(resident_id=resident))


# -- one thing, locked ------------------------------------------------------------------------------------------------

_PLAN = select(follow_up_plan).where(follow_up_plan.c.id == bindparam("id", type_=Uuid))
_FOLLOW_UP = select(follow_up).where(follow_up.c.id == bindparam("id", type_=Uuid))
_OFFER = select(offer).where(offer.c.id == bindparam("id", type_=Uuid))


async def lock_plan(connection: AsyncConnection, key: UUID) -> Row | None:
    """A plan, with its resident held for this transaction, so that what messages do and people do come one by one."""
    return await _locked(connection, _PLAN, key)


async def lock_follow_up(connection: AsyncConnection, key: UUID) -> Row | None:
    """A contact, with its resident held for this transaction."""
    return await _locked(connection, _FOLLOW_UP, key)


async def lock_offer(connection: AsyncConnection, key: UUID) -> Row | None:
    """An offer, with the resident held for this transaction."""
    return await _locked(connection, _OFFER, key)


async def _locked(connection: AsyncConnection, statement: Any, key: UUID) -> Row | None:
    """A row, read anew once its resident is held: a merge may have moved it while we waited."""
    for _ in range(3):
        row = (await connection.execute(statement, {"id": key})).mappings().first()
        if row is None:
            return None
        await people.lock_residents(connection, [row["resident_id"]])
        again = (await connection.execute(statement.with_for_update(), {"id": key})).mappings().first()
        if again is not None and again["resident_id"] == row["resident_id"]:
            return dict(again)
    return None


# -- the hub's own patient of a resident -------------------------------------------------------------------------------


async def open_own_patient(connection: AsyncConnection, row: Mapping[str, Any]) -> None:
    """The hub's own patient of a resident, made once: `id`, `source`, `organisation`, `system`, `kind`, `value`,
    `resident_id`, `link_id`, `reason`. The resident is held."""
    known = select(patient_number.c.patient_id).where(
        patient_number.c.source == row["source"],
        patient_number.c.system == row["system"],
        patient_number.c.value == row["value"],
    )
    if await connection.scalar(known):
        return
    await connection.execute(
        insert(patient).values(id=row["id"], source=row["source"], organisation=row["organisation"])
    )
    number = {name: row[name] for name in ("source", "system", "kind", "value")}
    await connection.execute(insert(patient_number).values(patient_id=row["id"], **number))
    await connection.execute(
        insert(link).values(
            id=row["link_id"],
            patient_id=row["id"],
            resident_id=row["resident_id"],
            grade="certain",
            reason=row["reason"],
        )
    )


_PERFORMER = text(
    """
    select t.id as team_id, t.name as team_name, o.id as organisation_id, o.name as organisation_name
    from team t join organisation o on o.id = t.organisation_id where t.id = :team
    """
)


async def find_performer(connection: AsyncConnection, team: str) -> Row | None:
    """A team with its organisation, by their names."""
    row = (await connection.execute(_PERFORMER, {"team": team})).mappings().first()
    return dict(row) if row else None


def _by(rows: Any, name: str) -> dict[UUID, list[Row]]:
    found: dict[UUID, list[Row]] = {}
    for row in rows:
        found.setdefault(getattr(row, name), []).append(row._asdict())
    return found
