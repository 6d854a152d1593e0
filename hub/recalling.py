"""The record as the hub knew it at a moment: projected in memory from what had been said by then, written nowhere."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from hub.chart.standing import entries_of, kinds_behind, things_of
from hub.merging import entry_id, group
from hub.naming import unnamed, with_names
from hub.record import Entry, Fact
from hub.store import charts, facts, people, references

Recalled = dict[UUID, list[Entry]]
"""Entries by resident."""


async def recall(connection: AsyncConnection, residents: Sequence[UUID], kind: str, at: datetime) -> Recalled:
    """The entries of a kind of residents as of a moment: of the patients that stood for them then, by the facts that
    had been taken in. What sources call the things that facts refer to is as of now: it is a name, and no finding."""
    owners = await charts.list_patients_then(connection, residents, at)
    said = await named(connection, await facts.list_until(connection, sorted(owners), kinds_behind(kind), at))
    found: Recalled = {resident: [] for resident in residents}
    for entry in entries_of(things_of(group(said), owners)):
        found[entry.resident_id].append(entry)
    return found


Asked = tuple[UUID, str, str]
"""An entry: its resident, kind and key."""


async def find_facts_of(
    connection: AsyncConnection, asked: Sequence[Asked], at: datetime | None
) -> dict[Asked, list[Fact]]:
    """All facts that spoke of entries, with those that said again what was said, and until a moment where one is given.

    The facts under an entry's own key tell as a rule; where they come to other entries than the one that is meant, all
    of its kind are looked at.
    """
    residents = sorted({resident for resident, _, _ in asked})
    if at is None:
        owners: Mapping[UUID, UUID] = await people.list_patients_of(connection, residents)
    else:
        owners = await charts.list_patients_then(connection, residents, at)
    said = await facts.list_every(connection, sorted(_keys(asked, owners)), at)
    found = _facts_of(await named(connection, said), owners)
    if missing := {one for one in asked if entry_id(*one) not in found}:
        of = {resident for resident, _, _ in missing}
        patients = sorted(patient for patient, resident in owners.items() if resident in of)
        kinds = sorted({said for _, kind, _ in missing for said in kinds_behind(kind)})
        rest = await facts.list_every_of_kinds(connection, patients, kinds, at)
        found = _facts_of(await named(connection, rest), owners) | found
    return {one: found.get(entry_id(*one), []) for one in asked}


def _keys(asked: Iterable[Asked], owners: Mapping[UUID, UUID]) -> set[tuple[UUID, str, str]]:
    """Under which keys of patients the facts of entries stand (`hub.apart.key_of`)."""
    return {
        (patient, said, under)
        for resident, kind, key in asked
        for patient, of in owners.items()
        if of == resident
        for said in kinds_behind(kind)
        for under in (key, key.rpartition("~")[0])
        if under
    }


def _facts_of(said: Sequence[Fact], owners: Mapping[UUID, UUID]) -> dict[UUID, list[Fact]]:
    """Facts by the id of the entry that they amount to."""
    by_key: dict[tuple[UUID, str, str], list[Fact]] = {}
    for fact in said:
        by_key.setdefault((fact.patient_id, fact.kind, fact.key), []).append(fact)
    return {
        entry_id(*of): [
            fact for one in folded for fact in by_key[one.latest.patient_id, one.latest.kind, one.latest.key]
        ]
        for of, folded in things_of(group(said), owners).items()
    }


async def named(connection: AsyncConnection, said: Sequence[Fact]) -> Sequence[Fact]:
    """Facts with what other messages call the things that they refer to."""
    asked = {(fact.source, reference) for fact in said for reference in unnamed(fact)}
    return with_names(said, await references.find_names(connection, asked)) if asked else said
