"""What patients are compared by, and who is worth comparing with whom: one lookup by the keys that they share."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.matching.blocks import MOST_SHARING
from hub.matching.person import Person, person_from, person_json
from hub.message import OWN_SOURCE
from hub.tables import match_person


@dataclass(frozen=True, kw_only=True, slots=True)
class Candidate:
    """A patient, whom it stands for, and which of the keys that were asked for it has."""

    patient_id: UUID
    resident_id: UUID
    person: Person
    keys: frozenset[int]


_SHARING = text(
    """
    with shared as (
      select asked.key, b.patient_id, count(*) over (partition by asked.key) as members
      from unnest(cast(:keys as bigint[])) as asked(key)
      cross join lateral (select patient_id from match_block where match_block.key = asked.key limit :most + 1) b
    ), worth as (
      select patient_id, array_agg(key) as keys from shared where members <= :most group by patient_id
    )
    select p.patient_id, p.person, l.resident_id, worth.keys
    from worth join match_person p using (patient_id)
    join link l on l.patient_id = p.patient_id and l.until is null
    """
)


async def find_sharing(connection: AsyncConnection, keys: Collection[int], most: int = MOST_SHARING) -> list[Candidate]:
    """The patients who have any of these keys; a key of more than `most` is passed over."""
    if not keys:
        return []
    rows = await connection.execute(_SHARING, {"keys": sorted(keys), "most": most})
    return [
        Candidate(
            patient_id=row.patient_id,
            resident_id=row.resident_id,
            person=person_from(row.person),
            keys=frozenset(row.keys),
        )
        for row in rows
    ]


# In the order of the array, so that no two transactions wait for each other. A key is a hash of 64 bits: that it is one
# of the hub's few other advisory locks is as likely as that it is somebody else's key.
_HOLD = text("select pg_advisory_xact_lock(key) from unnest(cast(:keys as bigint[])) as asked(key)")


async def hold(connection: AsyncConnection, keys: Collection[int]) -> None:
    """Wait until nobody else is about to enter a patient under one of these keys, and let nobody before this
    transaction ends: two who enter one person at once would not see each other."""
    if keys:
        await connection.execute(_HOLD, {"keys": sorted(keys)})


@dataclass(frozen=True, kw_only=True, slots=True)
class Known:
    """What a patient is compared by, as it is stored."""

    person: Person
    digest: bytes


_KNOWN = text("select patient_id, person, digest from match_person where patient_id = any(cast(:ids as uuid[]))")


async def find_known(connection: AsyncConnection, patients: Collection[UUID]) -> dict[UUID, Known]:
    """What patients are compared by; one who was never entered is absent."""
    if not patients:
        return {}
    rows = await connection.execute(_KNOWN, {"ids": sorted(patients)})
    return {row.patient_id: Known(person=person_from(row.person), digest=row.digest) for row in rows}


_DIGESTS = text("select patient_id, digest from match_person where patient_id = any(cast(:ids as uuid[]))")


async def find_digests(connection: AsyncConnection, patients: Collection[UUID]) -> dict[UUID, bytes]:
    """Of what each patient was entered."""
    rows = await connection.execute(_DIGESTS, {"ids": sorted(patients)})
    return {row.patient_id: row.digest for row in rows}


@dataclass(frozen=True, kw_only=True, slots=True)
class Entered:
    """What a patient is compared by from now on, and the keys by which it is found."""

    patient_id: UUID
    person: Person
    keys: tuple[int, ...]
    digest: bytes


_ENTER = insert(match_person)
_ENTER_ANEW = _ENTER.on_conflict_do_update(
    index_elements=["patient_id"], set_={"person": _ENTER.excluded.person, "digest": _ENTER.excluded.digest}
)
_LEAVE_KEYS = text(
    """
    delete from match_block b using unnest(cast(:ids as uuid[])) as asked(patient_id)
    where b.patient_id = asked.patient_id
    """
)
_ENTER_KEYS = text(
    """
    insert into match_block (key, patient_id)
    select * from unnest(cast(:keys as bigint[]), cast(:ids as uuid[])) on conflict do nothing
    """
)


async def enter(connection: AsyncConnection, entered: Sequence[Entered], *, known: Collection[UUID]) -> None:
    """Write what patients are compared by, in place of what was; `known` are those who were entered before."""
    if not entered:
        return
    rows = [{"patient_id": one.patient_id, "person": person_json(one.person), "digest": one.digest} for one in entered]
    await connection.execute(_ENTER_ANEW, rows)
    if known:
        await connection.execute(_LEAVE_KEYS, {"ids": sorted(known)})
    pairs = [(key, one.patient_id) for one in entered for key in one.keys]
    if pairs:
        keys, ids = zip(*pairs, strict=True)
        await connection.execute(_ENTER_KEYS, {"keys": list(keys), "ids": list(ids)})


# -- patients of before ------------------------------------------------------------------------------------------------

# Who enters a patient refers to its row and so waits for whoever holds it.
_BEHIND = """
    select p.id, p.source from patient p
    where p.id > :after and p.source <> :own {missing} order by p.id limit :most for update skip locked
"""
_MISSING = text(_BEHIND.format(missing="and not exists (select from match_person m where m.patient_id = p.id)"))
_ALL = text(_BEHIND.format(missing=""))


async def hold_patients(connection: AsyncConnection, after: UUID, most: int, *, only_missing: bool) -> dict[UUID, str]:
    """Hold the next patients behind one of them, to enter them: each with its source. With `only_missing` those who
    were never entered."""
    given = {"after": after, "most": most, "own": OWN_SOURCE}
    rows = await connection.execute(_MISSING if only_missing else _ALL, given)
    found = {row.id: row.source for row in rows}
    if only_missing and found:  # who was entered between the look and the hold
        for one in await find_digests(connection, found):
            del found[one]
    return found


_NAMES = text(
    """
    select person->'names'->>0 as name, count(*) as times from match_person
    where person ? 'names' group by 1 having count(*) > 1 order by 2 desc limit :most
    """
)
_PERSONS = text("select count(*) from match_person where person ? 'names'")


async def count_names(connection: AsyncConnection, most: int) -> tuple[dict[str, int], int]:
    """How often the most frequent names occur among the patients, those left out that occur once; and how many
    patients have a name."""
    rows = await connection.execute(_NAMES, {"most": most})
    counted = {str(row.name): int(row.times) for row in rows}
    return counted, int(await connection.scalar(_PERSONS) or 0)
