"""Who a resident is, out of what their patients' demographics say: the columns of the resident's own row."""

from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from hub.columns import demographics
from hub.merging import Folded, group, origins_of, settle
from hub.naming import unnamed, with_names
from hub.record import Fact
from hub.relatives import OF_PERSON, PAYMENT, contacts_in, coverages_in
from hub.store import entries, facts, people, references

Persons = dict[UUID, list[Folded]]
"""Patients with what is said of who they are: demographics, relatives, coverages."""


async def describe(connection: AsyncConnection, residents: Sequence[UUID]) -> Persons:
    """Bring the columns of residents up to what their patients' demographics say. Returns that, by patient."""
    if not residents:
        return {}
    ties = await people.find_ties(connection, residents)
    said = await named_by_others(connection, await facts.list_of_kinds(connection, sorted(ties), OF_PERSON))
    persons: Persons = {}
    by_resident: dict[UUID, list[Folded]] = {}
    for one in group(said):
        persons.setdefault(one.latest.patient_id, []).append(one)
        by_resident.setdefault(ties[one.latest.patient_id].resident_id, []).append(one)
    given_up = {patient for patient, tie in ties.items() if tie.merged_into}
    told = [describing(resident, of, given_up) for resident, of in sorted(by_resident.items())]
    await people.describe(connection, told)
    return persons


def describing(resident: UUID, said: Sequence[Folded], given_up: Collection[UUID]) -> dict[str, Any]:
    """The latest word on a person wins, but a number that its source gave up (无名氏) only fills what others leave."""
    whole = sorted(said, key=lambda one: one.latest.order, reverse=True)
    whole.sort(key=lambda one: one.latest.patient_id in given_up)
    folded = [one for one in whole if one.latest.kind == "Patient"]
    read = [(one, demographics(one.resource, one.latest)) for one in folded]
    columns, conflicts = settle(read) if read else (demographics({}, whole[0].latest), ())
    told = [(one.resource, one.latest) for one in whole]
    origins = [entries.origin_json(origin) for one in folded for origin in origins_of(one)]
    return {
        "of": resident,
        **columns,
        "contacts": contacts_in((one, fact) for one, fact in told if fact.kind != PAYMENT),
        "coverages": coverages_in((one, fact) for one, fact in told if fact.kind == PAYMENT),
        "origins": origins,
        "conflicts": [entries.conflict_json(conflict) for conflict in conflicts],
    }


async def named_by_others(connection: AsyncConnection, said: Sequence[Fact]) -> Sequence[Fact]:
    """Facts with what other messages call the things that they refer to."""
    asked = {(fact.source, reference) for fact in said for reference in unnamed(fact)}
    return with_names(said, await references.find_names(connection, asked)) if asked else said
