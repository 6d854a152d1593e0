"""How far a merge or a split reaches: what would move, and who has read what was, or would be, the wrong record."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection


@dataclass(frozen=True, kw_only=True, slots=True)
class Reader:
    """Somebody who was answered with a resident's data: how often, last when."""

    viewer: str
    role: str
    times: int
    last_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Reach:
    """What patients that leave a resident take along. `entries` are counted by kind; an entry that others speak of as
    well stays, and stands there as `shared`. Beside the record only a resident who is left without a patient takes
    anything along."""

    entries: Mapping[str, int]
    shared: int
    agreements: int
    referrals: int
    follow_ups: int
    bookings: int
    readers: Sequence[Reader]


_ENTRIES = text(
    """
    with moving as (
      select distinct kind, entry_key from fact
      where patient_id = any(cast(:patients as uuid[])) and kind <> 'Patient'
    ), others as (
      select distinct f.kind, f.entry_key from fact f
      join link l on l.patient_id = f.patient_id and l.until is null and l.resident_id = :resident
      where f.patient_id <> all(cast(:patients as uuid[])) and f.kind <> 'Patient'
    )
    select m.kind, count(*) as entries, count(o.kind) as shared
    from moving m left join others o using (kind, entry_key) group by m.kind order by m.kind
    """
)
_BESIDE = text(
    """
    select (select count(*) from coverage where resident_id = :resident) as agreements,
           (select count(*) from referral where resident_id = :resident) as referrals,
           (select count(*) from follow_up f join follow_up_plan p on p.id = f.plan_id
            where p.resident_id = :resident) as follow_ups,
           (select count(*) from booking where resident_id = :resident) as bookings
    """
)
_READERS = text(
    """
    select viewer, role, count(*) as times, max(at) as last_at from audit
    where residents && array[cast(:resident as uuid)] and decision = 'allowed' and at >= :since and kinds <> '{}'
    group by viewer, role order by max(at) desc, viewer
    """
)


async def find_reach(
    connection: AsyncConnection, patients: Sequence[UUID], resident: UUID, *, is_all: bool, since: datetime
) -> Reach:
    """What these patients of a resident take along, and who has read the resident's record since. `is_all`: none
    is left."""
    given = {"patients": list(patients), "resident": resident}
    counted = (await connection.execute(_ENTRIES, given)).all()
    beside = (await connection.execute(_BESIDE, {"resident": resident})).one() if is_all else None
    readers = await connection.execute(_READERS, {"resident": resident, "since": since})
    return Reach(
        entries={row.kind: row.entries for row in counted},
        shared=sum(row.shared for row in counted),
        agreements=beside.agreements if beside else 0,
        referrals=beside.referrals if beside else 0,
        follow_ups=beside.follow_ups if beside else 0,
        bookings=beside.bookings if beside else 0,
        readers=tuple(Reader(**row) for row in readers.mappings()),
    )
