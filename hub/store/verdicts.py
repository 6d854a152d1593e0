"""What people decided of patients: that two are one person, or that they are not."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.tables import verdict, verdict_pair

Pair = tuple[UUID, UUID]

# A patient stands for one resident, so what was decided of two patients is known of the residents that they stand for
# now, wherever other links have moved meanwhile.
_DECIDED = text(
    """
    with pair as (
      select p.one as patient_id, p.other as other_id, v.is_same from verdict_pair p
      join verdict v on v.id = p.verdict_id and v.undone_at is null where p.one = any(cast(:ids as uuid[]))
      union all
      select p.other, p.one, v.is_same from verdict_pair p
      join verdict v on v.id = p.verdict_id and v.undone_at is null where p.other = any(cast(:ids as uuid[]))
    )
    select pair.patient_id, pair.is_same, l.resident_id from pair
    join link l on l.patient_id = pair.other_id and l.until is null
    """
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Decided:
    """Of one patient: the residents whom a person said that they are, and those whom a person said that they are
    not."""

    same: frozenset[UUID] = frozenset()
    different: frozenset[UUID] = frozenset()


async def find_decided(connection: AsyncConnection, patients: Iterable[UUID]) -> dict[UUID, Decided]:
    """What stands decided of patients; one of whom nothing was decided is absent."""
    asked = sorted(set(patients))
    if not asked:
        return {}
    same: dict[UUID, set[UUID]] = {}
    different: dict[UUID, set[UUID]] = {}
    for row in await connection.execute(_DECIDED, {"ids": asked}):
        (same if row.is_same else different).setdefault(row.patient_id, set()).add(row.resident_id)
    return {
        patient: Decided(same=frozenset(same.get(patient, ())), different=frozenset(different.get(patient, ())))
        for patient in same.keys() | different.keys()
    }


_SUPERSEDE = text(
    """
    update verdict set undone_at = :at, undone_by = :by, undone_reason = :reason, superseded_by = :id
    where undone_at is null and id <> :id and id in (
      select p.verdict_id from verdict_pair p
      join unnest(cast(:ones as uuid[]), cast(:others as uuid[])) as asked(one, other) using (one, other))
    """
)


async def save(connection: AsyncConnection, row: Mapping[str, Any], pairs: Sequence[Pair]) -> None:
    """Keep a decision about pairs of patients. What stood decided of the same pairs is undone by it: the last word of
    a person counts."""
    ordered = [(min(pair), max(pair)) for pair in pairs]
    asked = {"ones": [one for one, _ in ordered], "others": [other for _, other in ordered]}
    by = {name: row[name] for name in ("id", "at", "by", "reason")}
    await connection.execute(insert(verdict).values(**row))
    await connection.execute(_SUPERSEDE, {**asked, **by})
    said = [{"verdict_id": row["id"], "one": one, "other": other} for one, other in ordered]
    await connection.execute(insert(verdict_pair), said)


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """A decision as it is kept, with the pairs that it is about."""

    id: UUID
    is_same: bool
    reason: str
    by: str
    role: str
    at: datetime
    undone_by: str | None
    undone_reason: str | None
    undone_at: datetime | None
    superseded_by: UUID | None
    pairs: tuple[Pair, ...]


async def find(connection: AsyncConnection, key: UUID, *, lock: bool = False) -> Verdict | None:
    """A decision by id, held for this transaction where it is to be undone."""
    asked = select(verdict).where(verdict.c.id == key)
    row = (await connection.execute(asked.with_for_update() if lock else asked)).mappings().one_or_none()
    if row is None:
        return None
    pairs = await connection.execute(select(verdict_pair).where(verdict_pair.c.verdict_id == key))
    return Verdict(**row, pairs=tuple((pair.one, pair.other) for pair in pairs))


_ABOUT = text(
    """
    select distinct v.* from verdict v join verdict_pair p on p.verdict_id = v.id
    where p.one = any(cast(:ids as uuid[])) or p.other = any(cast(:ids as uuid[]))
    order by v.id desc
    """
)


async def list_about(connection: AsyncConnection, patients: Sequence[UUID]) -> list[Verdict]:
    """Every decision about any of these patients, the last first; without its pairs."""
    rows = (await connection.execute(_ABOUT, {"ids": list(patients)})).mappings()
    return [Verdict(**row, pairs=()) for row in rows]


async def undo(connection: AsyncConnection, key: UUID, *, by: str, reason: str, at: datetime) -> None:
    """A decision no longer stands; those that it had superseded stand again."""
    values = {"undone_at": at, "undone_by": by, "undone_reason": reason}
    await connection.execute(update(verdict).where(verdict.c.id == key).values(**values))
    again = {"undone_at": None, "undone_by": None, "undone_reason": None, "superseded_by": None}
    await connection.execute(update(verdict).where(verdict.c.superseded_by == key).values(**again))
