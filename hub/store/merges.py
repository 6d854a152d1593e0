"""Residents that replace one another: what a merge takes along, and how it is handed back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Uuid, bindparam, func, insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.ids import new_id
from hub.tables import booking, link, referral, resident, resident_merge

Held = Mapping[str, Sequence[UUID]]
"""What is a resident's, by kind: agreement, referral, booking, plan, offer; `shared` are the agreements that cover the
one that replaces them as well."""

_IDS = bindparam("ids", type_=ARRAY(Uuid))

_HELD = text(
    """
    select r.id as resident_id, jsonb_build_object(
      'agreement', (select coalesce(jsonb_agg(c.agreement_id), '[]') from coverage c where c.resident_id = r.id),
      'shared', (select coalesce(jsonb_agg(c.agreement_id), '[]') from coverage c
                 join coverage o using (agreement_id) where c.resident_id = r.id and o.resident_id = r.other),
      'referral', (select coalesce(jsonb_agg(f.id), '[]') from referral f where f.resident_id = r.id),
      'booking', (select coalesce(jsonb_agg(b.id), '[]') from booking b where b.resident_id = r.id),
      'plan', (select coalesce(jsonb_agg(p.id), '[]') from follow_up_plan p where p.resident_id = r.id),
      'offer', (select coalesce(jsonb_agg(o.id), '[]') from offer o where o.resident_id = r.id)) as held
    from unnest(cast(:ids as uuid[]), cast(:others as uuid[])) as r(id, other)
    """
)


async def find_held(connection: AsyncConnection, pairs: Sequence[tuple[UUID, UUID]]) -> dict[UUID, Held]:
    """What is each resident's beside their record: pairs of (resident, the one that may replace them)."""
    ids, others = zip(*pairs, strict=True)
    rows = await connection.execute(_HELD, {"ids": list(ids), "others": list(others)})
    return {row.resident_id: _held(row.held) for row in rows}


def _held(stored: Mapping[str, Sequence[str]]) -> Held:
    return {kind: tuple(UUID(one) for one in ids) for kind, ids in stored.items()}


async def note(connection: AsyncConnection, merged: Sequence[tuple[UUID, UUID]]) -> None:
    """Keep what residents held who are being replaced, before it goes along: pairs of (before, after)."""
    if not merged:
        return
    held = await find_held(connection, merged)
    rows = [
        {
            "id": new_id(),
            "before": before,
            "after": after,
            "held": {kind: [str(one) for one in ids] for kind, ids in held[before].items()},
        }
        for before, after in merged
    ]
    await connection.execute(insert(resident_merge), rows)


@dataclass(frozen=True, kw_only=True, slots=True)
class Merge:
    """A resident was replaced: by whom, when, and what they held."""

    after: UUID
    at: datetime
    held: Held


async def find_last(connection: AsyncConnection, before: UUID) -> Merge | None:
    """The standing merge by which a resident was replaced."""
    asked = select(resident_merge).where(resident_merge.c.before == before, resident_merge.c.undone_at.is_(None))
    row = (await connection.execute(asked.order_by(resident_merge.c.id.desc()).limit(1))).one_or_none()
    return Merge(after=row.after, at=row.at, held=_held(row.held)) if row else None


_BEFORE_LAST = text(
    """
    select distinct on (patient_id) patient_id, resident_id from link
    where patient_id = any(cast(:ids as uuid[])) and resident_id <> :now and until is not null
    order by patient_id, until desc, id desc
    """
)


async def find_earlier(connection: AsyncConnection, patients: Sequence[UUID], now: UUID) -> dict[UUID, UUID]:
    """Whom each patient stood for before the resident they stand for now; who never stood for another is absent."""
    rows = await connection.execute(_BEFORE_LAST, {"ids": list(patients), "now": now})
    return {row.patient_id: row.resident_id for row in rows}


_MOVED_BY = text(
    """
    select v.patient_id, standing.resident_id as now, before.id as before,
           coalesce(before.replaced_by, before.id) as present
    from link v
    join resident led_to on led_to.id = v.resident_id
    join link standing on standing.patient_id = v.patient_id and standing.until is null
      and standing.resident_id = coalesce(led_to.replaced_by, led_to.id)
    join lateral (select l.resident_id from link l where l.patient_id = v.patient_id and l.until <= v.since
                  order by l.until desc, l.id desc limit 1) earlier on true
    join resident before on before.id = earlier.resident_id
    where v.verdict_id = :verdict and v.reason <> 'person-undid' and before.id <> standing.resident_id
    order by v.patient_id
    """
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Moved:
    """A patient who still stands where a decision led it: for whom `now`, for whom `before` it, and who that is at
    `present`."""

    patient_id: UUID
    now: UUID
    before: UUID
    present: UUID


async def list_moved_by(connection: AsyncConnection, verdict_id: UUID) -> list[Moved]:
    """The patients that a decision moved, and that nothing has moved on since."""
    rows = await connection.execute(_MOVED_BY, {"verdict": verdict_id})
    return [Moved(**row) for row in rows.mappings()]


async def revive(connection: AsyncConnection, key: UUID, was: UUID, at: datetime) -> None:
    """A resident who was replaced stands again, with those who had been replaced by them before."""
    await connection.execute(
        update(resident).where(resident.c.id == key).values(replaced_by=None, changed_at=func.now())
    )
    earlier = select(resident_merge.c.before).where(resident_merge.c.after == key, resident_merge.c.undone_at.is_(None))
    theirs = update(resident).where(resident.c.id.in_(earlier), resident.c.replaced_by == was)
    await connection.execute(theirs.values(replaced_by=key))
    ended = update(resident_merge).where(resident_merge.c.before == key, resident_merge.c.undone_at.is_(None))
    await connection.execute(ended.values(undone_at=at))


# What both sides were sent with stays where it is: which of them sends a wrong number is not for a program to say.
_PART_NUMBERS = text(
    """
    update resident_number n set resident_id = :after
    where n.resident_id = :before
      and exists (select from patient_proof p join link l on l.patient_id = p.patient_id and l.until is null
                  where l.resident_id = :after and p.system = n.system and p.value = n.value)
      and not exists (select from patient_proof p join link l on l.patient_id = p.patient_id and l.until is null
                      where l.resident_id = :before and p.system = n.system and p.value = n.value)
    """
)
_DISPUTED = text(
    """
    select distinct n.kind from resident_number n
    join patient_proof p on p.system = n.system and p.value = n.value
    join link l on l.patient_id = p.patient_id and l.until is null
    where n.resident_id in (:one, :other) and l.resident_id in (:one, :other) and l.resident_id <> n.resident_id
    order by 1
    """
)


async def part_numbers(connection: AsyncConnection, before: UUID, after: UUID) -> None:
    """After links moved from one resident to another, strong numbers that only the moved patients were sent with go
    along."""
    await connection.execute(_PART_NUMBERS, {"before": before, "after": after})


async def list_disputed(connection: AsyncConnection, one: UUID, other: UUID) -> list[str]:
    """The kinds of strong numbers that patients of both residents are sent with."""
    return list(await connection.scalars(_DISPUTED, {"one": one, "other": other}))


async def relink(connection: AsyncConnection, patients: Sequence[UUID], row: Mapping[str, Any]) -> None:
    """Move the standing links of patients: `row` has the new link's columns, without id and patient."""
    ended = update(link).where(link.c.patient_id == func.any(_IDS), link.c.until.is_(None))
    await connection.execute(ended.values(until=func.now()), {"ids": list(patients)})
    await connection.execute(insert(link), [{"id": new_id(), "patient_id": one, **row} for one in patients])


_COVER_AGAIN = (
    text(
        "update coverage set resident_id = :after "
        "where resident_id = :before and agreement_id = any(cast(:own as uuid[]))"
    ),
    text(
        """
        insert into coverage (agreement_id, resident_id, kind, since, until)
        select agreement_id, :after, kind, since, until from coverage
        where resident_id = :before and agreement_id = any(cast(:shared as uuid[])) on conflict do nothing
        """
    ),
    text(
        "update agreement set client_id = cast(cast(:after as uuid) as text) where client_kind = 'resident' "
        "and client_id = cast(cast(:before as uuid) as text) and id = any(cast(:own as uuid[]))"
    ),
)


async def give_back(
    connection: AsyncConnection, patients: Sequence[UUID], before: UUID, after: UUID | None, row: Mapping[str, Any]
) -> UUID:
    """Take patients off a resident who keeps others: to `after`, who stands again with all that a merge had taken
    along, or to a resident of their own where that is None. `row` has the new links' columns. Returns whose they
    are."""
    key = after or new_id()
    if after is None:
        await connection.execute(insert(resident).values(id=key))
    await relink(connection, patients, {**row, "resident_id": key})
    if (standing := await find_last(connection, key)) is not None:
        now = datetime.now(UTC)
        await revive(connection, key, before, now)
        await hand_back(connection, standing.held, before, key, now)
    await part_numbers(connection, before, key)
    return key


async def hand_back(connection: AsyncConnection, held: Held, before: UUID, after: UUID, at: datetime) -> None:
    """Give agreements, referrals and bookings that `before` was brought by a merge to `after`, whose they were. Plans
    go where their stays go (`hub.programme.discharges`)."""
    shared = set(held["shared"])
    given = {"before": before, "after": after, "shared": sorted(shared)}
    given["own"] = sorted(set(held["agreement"]) - shared)
    for statement in _COVER_AGAIN:
        await connection.execute(statement, given)
    for kind, table in (("referral", referral), ("booking", booking)):
        theirs = update(table).where(table.c.id.in_(held[kind]), table.c.resident_id == before)
        await connection.execute(theirs.values(resident_id=after, version=table.c.version + 1, changed_at=at))
