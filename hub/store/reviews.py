"""Reviews: two patients who may be one person, for a person to decide."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, RowMapping, Uuid, bindparam, func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.store.relations import RELATED, Given
from hub.tables import match_review


@dataclass(frozen=True, kw_only=True, slots=True)
class Review:
    """Two patients, with whom they stand for now. `weights` say what speaks for and against it, the strongest first;
    `state` is open, same, different, or settled (by itself: they stand for one resident by other means)."""

    id: UUID
    patient_id: UUID
    other_id: UUID
    resident_id: UUID
    other_resident_id: UUID
    grade: str
    score: float
    weights: Sequence[Mapping[str, Any]]
    message_id: UUID
    opened_at: datetime
    state: str
    ended_at: datetime | None
    verdict_id: UUID | None


async def open_all(connection: AsyncConnection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Open reviews; one that is open for the same two patients stays as it is."""
    if rows:
        # As a literal: of a parameter the planner cannot know that it is what the index is about.
        opened = insert(match_review).on_conflict_do_nothing(
            index_elements=["patient_id", "other_id"], index_where=text("state = 'open'")
        )
        await connection.execute(opened, rows)


_COLUMNS = "v.*, one.resident_id, other.resident_id as other_resident_id"
_FROM = """
    from match_review v
    join link one on one.patient_id = v.patient_id and one.until is null
    join link other on other.patient_id = v.other_id and other.until is null
"""
_ONE = text(f"select {_COLUMNS} {_FROM} where v.id = :key")
_HOLD = select(match_review.c.id).with_for_update()

# Whoever serves one of the two may decide: only then can the record of the resident they serve become whole.
_IS_RELATED = f"(one.resident_id in ({RELATED}) or other.resident_id in ({RELATED}))"
_PAGE = {
    sees_all: text(
        f"""
        select {_COLUMNS} {_FROM}
        where v.state = any(cast(:states as text[])) and v.id < :after {"" if sees_all else f"and {_IS_RELATED}"}
        order by v.id desc limit :most
        """
    )
    for sees_all in (True, False)
}
_COUNT = {
    sees_all: text(
        f"""
        select count(*) {_FROM}
        where v.state = any(cast(:states as text[])) {"" if sees_all else f"and {_IS_RELATED}"}
        """
    )
    for sees_all in (True, False)
}
_LAST = UUID(int=2**128 - 1)
_OPEN_ABOUT = text(
    f"""
    select {_COLUMNS} {_FROM}
    where v.state = 'open' and (v.patient_id = any(cast(:ids as uuid[])) or v.other_id = any(cast(:ids as uuid[])))
    order by v.id
    """
)


async def list_open_about(connection: AsyncConnection, patients: Collection[UUID]) -> list[Review]:
    """What waits to be decided of any of these patients, the first that was raised first."""
    rows = await connection.execute(_OPEN_ABOUT, {"ids": sorted(patients)})
    return [_review(row) for row in rows.mappings()]


async def find(connection: AsyncConnection, key: UUID, *, lock: bool = False) -> Review | None:
    """A review by id, held for this transaction where it is to be decided."""
    if lock:
        await connection.execute(_HOLD.where(match_review.c.id == key))
    row = (await connection.execute(_ONE, {"key": key})).mappings().one_or_none()
    return _review(row) if row else None


async def page(
    connection: AsyncConnection, whose: Given | None, states: Sequence[str], most: int, after: UUID | None
) -> list[Review]:
    """Reviews behind `after`, the newest first: all of them, or those with a resident to whom there is a relation."""
    given = {"states": list(states), "most": most, "after": after or _LAST, **(whose or {})}
    rows = await connection.execute(_PAGE[whose is None], given)
    return [_review(row) for row in rows.mappings()]


async def count(connection: AsyncConnection, whose: Given | None, states: Sequence[str]) -> int:
    """How many there are."""
    given = {"states": list(states), **(whose or {})}
    return int(await connection.scalar(_COUNT[whose is None], given) or 0)


async def end(connection: AsyncConnection, key: UUID, *, state: str, verdict_id: UUID, at: datetime) -> None:
    """A review is decided."""
    values = {"state": state, "verdict_id": verdict_id, "ended_at": at}
    await connection.execute(update(match_review).where(match_review.c.id == key).values(**values))


_SETTLE = text(
    f"""
    update match_review r set state = 'settled', ended_at = :at where r.state = 'open' and r.id in (
      select v.id {_FROM} where one.resident_id = other.resident_id and one.resident_id = any(cast(:ids as uuid[])))
    """  # noqa: S608 - constants of this file
)


_WITHDRAW = (
    update(match_review)
    .where(match_review.c.id == func.any(bindparam("ids", type_=ARRAY(Uuid))), match_review.c.state == "open")
    .values(state="settled", ended_at=func.now())
)


async def withdraw(connection: AsyncConnection, keys: Collection[UUID]) -> None:
    """End open reviews that what is known by now no longer gives a reason for."""
    if keys:
        await connection.execute(_WITHDRAW, {"ids": sorted(keys)})


async def settle(connection: AsyncConnection, residents: Sequence[UUID], at: datetime) -> None:
    """End what is open between patients who by now stand for one of these residents."""
    await connection.execute(_SETTLE, {"ids": list(residents), "at": at})


_REOPEN = text(
    """
    update match_review set state = 'open', ended_at = null, verdict_id = null
    where verdict_id = :verdict and not exists (
      select from match_review other where other.state = 'open' and other.patient_id = match_review.patient_id
        and other.other_id = match_review.other_id)
    """
)


async def reopen(connection: AsyncConnection, verdict_id: UUID) -> None:
    """The decision that ended a review was undone: it waits again."""
    await connection.execute(_REOPEN, {"verdict": verdict_id})


def _review(row: RowMapping) -> Review:
    return Review(**row)
