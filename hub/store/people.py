"""Patients, residents and the links between them."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Uuid, and_, bindparam, func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.identity import RESEMBLANCE, Holder
from hub.matching.numbers import CITIZEN_KINDS
from hub.message import OWN_SOURCE
from hub.store import merges
from hub.tables import link, patient, patient_number, patient_proof, resident, resident_number


@dataclass(frozen=True, kw_only=True, slots=True)
class KnownPatient:
    """A source's patient with the resident that they stand for, and what is known of that one. `reason` says why the
    link stands; `claimed` are the citizen ID numbers that the patient itself was sent with."""

    patient_id: UUID
    resident_id: UUID
    citizen_ids: frozenset[str]
    name: str = ""
    birth_date: str = ""
    reason: str = ""
    claimed: frozenset[str] = frozenset()


_KNOWN = text(
    """
    select n.source, n.system, n.value, n.patient_id, l.resident_id, l.reason, stands_for.name, stands_for.birth_date,
           array(select p.value from patient_proof p where p.patient_id = n.patient_id
                 and p.kind in ('citizen-id', 'residence-permit')) as claimed,
           array(select r.value from resident_number r where r.resident_id = l.resident_id
                 and r.kind in ('citizen-id', 'residence-permit', 'foreigner-card')) as citizen_ids
    from unnest(cast(:sources as text[]), cast(:systems as text[]), cast(:values as text[]))
      as asked(source, system, value)
    join patient_number n using (source, system, value)
    join link l on l.patient_id = n.patient_id and l.until is null
    join resident stands_for on stands_for.id = l.resident_id
    """
)


async def find_patients(
    connection: AsyncConnection, numbers: Iterable[tuple[str, str, str]]
) -> dict[tuple[str, str, str], KnownPatient]:
    """The patients known by (source, system, value)."""
    asked = list(numbers)
    if not asked:
        return {}
    sources, systems, values = zip(*asked, strict=True)
    rows = await connection.execute(
        _KNOWN, {"sources": list(sources), "systems": list(systems), "values": list(values)}
    )
    return {
        (row.source, row.system, row.value): KnownPatient(
            patient_id=row.patient_id,
            resident_id=row.resident_id,
            citizen_ids=frozenset(row.citizen_ids),
            name=row.name or "",
            birth_date=row.birth_date or "",
            reason=row.reason,
            claimed=frozenset(row.claimed),
        )
        for row in rows
    }


@dataclass(frozen=True, kw_only=True, slots=True)
class Tie:
    """Where a patient stands, and into whom the source merged it. `is_own`: it is of the hub's own source."""

    resident_id: UUID
    merged_into: UUID | None
    is_own: bool = False


_IDS = bindparam("ids", type_=ARRAY(Uuid))
_TIES = (
    select(patient.c.id, patient.c.merged_into, patient.c.source, link.c.resident_id)
    .join(link, and_(link.c.patient_id == patient.c.id, link.c.until.is_(None)))
    .where(link.c.resident_id == func.any(_IDS))
)


async def find_ties(connection: AsyncConnection, residents: Sequence[UUID]) -> dict[UUID, Tie]:
    """The standing patients of residents, with the patients that the source merged them into."""
    rows = await connection.execute(_TIES, {"ids": list(residents)})
    return {
        row.id: Tie(resident_id=row.resident_id, merged_into=row.merged_into, is_own=row.source == OWN_SOURCE)
        for row in rows
    }


_HOLDERS = text(
    """
    select n.system, n.value, r.id, r.name, r.birth_date,
           array(select c.value from resident_number c where c.resident_id = r.id
                 and c.kind in ('citizen-id', 'residence-permit', 'foreigner-card')) as citizen_ids
    from unnest(cast(:systems as text[]), cast(:values as text[])) as asked(system, value)
    join resident_number n using (system, value)
    join resident r on r.id = n.resident_id
    """
)


async def find_holders(
    connection: AsyncConnection, numbers: Iterable[tuple[str, str]]
) -> dict[tuple[str, str], Holder]:
    """The residents known by strong numbers, by (system, value)."""
    asked = list(numbers)
    if not asked:
        return {}
    systems, values = zip(*asked, strict=True)
    rows = await connection.execute(_HOLDERS, {"systems": list(systems), "values": list(values)})
    return {
        (row.system, row.value): Holder(
            resident_id=row.id,
            name=row.name or "",
            birth_date=row.birth_date or "",
            citizen_ids=frozenset(row.citizen_ids),
        )
        for row in rows
    }


_CITIZEN_IDS = select(resident_number.c.resident_id, resident_number.c.value).where(
    resident_number.c.resident_id == func.any(_IDS), resident_number.c.kind.in_(CITIZEN_KINDS)
)


async def find_citizen_ids(connection: AsyncConnection, residents: Collection[UUID]) -> dict[UUID, frozenset[str]]:
    """The citizen ID numbers that residents hold; nobody is left out."""
    held: dict[UUID, set[str]] = {one: set() for one in residents}
    for row in await connection.execute(_CITIZEN_IDS, {"ids": sorted(residents)}) if residents else ():
        held[row.resident_id].add(row.value)
    return {one: frozenset(numbers) for one, numbers in held.items()}


_FIRM_IDS = (
    select(link.c.resident_id, patient_proof.c.value)
    .join(patient_proof, patient_proof.c.patient_id == link.c.patient_id)
    .where(link.c.resident_id == func.any(_IDS), link.c.until.is_(None), link.c.reason.not_in(sorted(RESEMBLANCE)))
    .where(patient_proof.c.kind.in_(CITIZEN_KINDS))
)


async def find_firm_ids(connection: AsyncConnection, residents: Collection[UUID]) -> dict[UUID, frozenset[str]]:
    """The citizen ID numbers that residents' patients were sent with, those left out who are there by resemblance."""
    held: dict[UUID, set[str]] = {one: set() for one in residents}
    for row in await connection.execute(_FIRM_IDS, {"ids": sorted(residents)}):
        held[row.resident_id].add(row.value)
    return {one: frozenset(numbers) for one, numbers in held.items()}


_LOCK = select(resident.c.id).where(resident.c.id == func.any(_IDS)).order_by(resident.c.id).with_for_update()


async def lock_residents(connection: AsyncConnection, ids: Sequence[UUID]) -> None:
    """Hold residents for this transaction, in the order of their ids so that no two wait for each other."""
    await connection.execute(_LOCK, {"ids": sorted(ids)})


_PRESENT = (
    select(resident.c.id)
    .where(resident.c.replaced_by.is_(None), resident.c.id > bindparam("after"))
    .order_by(resident.c.id)
    .limit(bindparam("most"))
)
_FIRST = UUID(int=0)


async def list_present(connection: AsyncConnection, after: UUID | None, most: int) -> list[UUID]:
    """Residents behind one, in the order of their ids; those that a merge replaced are left out."""
    return list(await connection.scalars(_PRESENT, {"after": after or _FIRST, "most": most}))


@dataclass(slots=True)
class Changes:
    """What identifying a batch of messages changed among people."""

    residents: list[Mapping[str, Any]]
    patients: list[Mapping[str, Any]]
    numbers: list[Mapping[str, Any]]
    ended_links: list[UUID]
    links: list[dict[str, Any]]
    proofs: list[Mapping[str, Any]]
    claims: list[Mapping[str, Any]]
    merged_patients: list[Mapping[str, Any]]

    def end_link(self, patient_id: UUID) -> None:
        """End a patient's standing link: one of this batch, or else the one in the database."""
        for made in self.links:
            if made["patient_id"] == patient_id and made["until"] is None:
                made["until"] = datetime.now(UTC)
                return
        self.ended_links.append(patient_id)

    @classmethod
    def none(cls) -> "Changes":
        return cls([], [], [], [], [], [], [], [])


async def save(connection: AsyncConnection, changes: Changes) -> None:
    """Write them, in the order of their references.

    Raises IntegrityError (23505) where somebody else has opened a patient or claimed a number since it was looked up:
    then it has to be looked up again, or one person would be two residents.
    """
    if changes.residents:
        await connection.execute(insert(resident), changes.residents)
    if changes.patients:
        await connection.execute(insert(patient), changes.patients)
    if changes.numbers:
        await connection.execute(insert(patient_number), _once(changes.numbers, "source", "system", "value"))
    if changes.ended_links:
        ended = func.any(bindparam("ended", type_=ARRAY(Uuid)))
        standing = and_(link.c.patient_id == ended, link.c.until.is_(None))
        await connection.execute(update(link).where(standing).values(until=func.now()), {"ended": changes.ended_links})
    if changes.links:
        await connection.execute(insert(link), changes.links)
    if changes.proofs:
        await connection.execute(insert(resident_number), _once(changes.proofs, "system", "value"))
    if changes.claims:
        claimed = insert(patient_proof).on_conflict_do_nothing()
        await connection.execute(claimed, _once(changes.claims, "patient_id", "system", "value"))
    if changes.merged_patients:
        given_up = update(patient).where(patient.c.id == bindparam("given_up"))
        await connection.execute(given_up.values(merged_into=bindparam("stays")), changes.merged_patients)


def _once(rows: Sequence[Mapping[str, Any]], *key: str) -> list[Mapping[str, Any]]:
    """Of rows with one key the first: a batch may say the same twice."""
    first: dict[tuple[Any, ...], Mapping[str, Any]] = {}
    for row in rows:
        first.setdefault(tuple(row[name] for name in key), row)
    return list(first.values())


_LEFT_EMPTY = text(
    """
    update resident r set replaced_by = m.new, changed_at = now()
    from unnest(cast(:old as uuid[]), cast(:new as uuid[])) as m(old, new)
    where r.id = m.old and m.old <> m.new
      and not exists (select from link l where l.resident_id = r.id and l.until is null)
    returning r.id, m.new
    """
)


async def retire(connection: AsyncConnection, moved: Sequence[tuple[UUID, UUID]]) -> list[UUID]:
    """Residents that a move left without a patient point to the one that stays, and hand their numbers over.

    `moved` are pairs of (resident before, resident after). Returns the residents that were retired.
    """
    if not moved:
        return []
    old, new = zip(*moved, strict=True)
    rows = (await connection.execute(_LEFT_EMPTY, {"old": list(old), "new": list(new)})).all()
    await merges.note(connection, [(gone, stays) for gone, stays in rows])
    for gone, stays in rows:
        numbers = update(resident_number).where(resident_number.c.resident_id == gone)
        await connection.execute(numbers.values(resident_id=stays))
        earlier = update(resident).where(resident.c.replaced_by == gone)
        await connection.execute(earlier.values(replaced_by=stays))
    return [gone for gone, _ in rows]


_STANDING = select(link.c.patient_id, link.c.resident_id).where(link.c.until.is_(None))
_PATIENTS_OF = _STANDING.where(link.c.resident_id == func.any(_IDS))
_RESIDENTS_OF = _STANDING.where(link.c.patient_id == func.any(_IDS))


async def list_patients_of(connection: AsyncConnection, residents: Sequence[UUID]) -> dict[UUID, UUID]:
    """The standing patients of residents: patient to resident."""
    rows = await connection.execute(_PATIENTS_OF, {"ids": list(residents)})
    return {row.patient_id: row.resident_id for row in rows}


_DESCRIBE = update(resident).where(resident.c.id == bindparam("of"))


async def describe(connection: AsyncConnection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write what residents' patients amount to: rows of `of` and the resident's columns."""
    if rows:
        names = {name: bindparam(f"to_{name}", type_=resident.c[name].type) for name in rows[0] if name != "of"}
        told = [{f"to_{name}" if name != "of" else name: value for name, value in row.items()} for row in rows]
        await connection.execute(_DESCRIBE.values(**names, changed_at=func.now()), told)


async def find_residents_of(connection: AsyncConnection, patients: Sequence[UUID]) -> dict[UUID, UUID]:
    """The residents that patients stand for: patient to resident."""
    rows = await connection.execute(_RESIDENTS_OF, {"ids": list(patients)})
    return {row.patient_id: row.resident_id for row in rows}


async def find_links(connection: AsyncConnection, patients: Sequence[UUID]) -> dict[UUID, Any]:
    """The standing links of patients: rows of the table."""
    rows = await connection.execute(_LINKS, {"ids": list(patients)})
    return {row.patient_id: row for row in rows}


_LINKS = select(link).where(link.c.patient_id == func.any(_IDS), link.c.until.is_(None))

_CLAIMS = (
    select(patient_proof)
    .where(patient_proof.c.patient_id == func.any(_IDS))
    .order_by(patient_proof.c.patient_id, patient_proof.c.kind, patient_proof.c.value)
)


async def find_claims(connection: AsyncConnection, patients: Sequence[UUID]) -> dict[UUID, list[Mapping[str, Any]]]:
    """The strong numbers that each patient was sent with."""
    claims: dict[UUID, list[Mapping[str, Any]]] = {}
    for row in (await connection.execute(_CLAIMS, {"ids": list(patients)})).mappings():
        claims.setdefault(row["patient_id"], []).append(dict(row))
    return claims
