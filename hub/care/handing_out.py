"""A resident's record to hand on, for somebody who may read it: everything that was said, or a summary."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from hub.care.charts import Told, list_tellings
from hub.care.visit import Visit
from hub.chart.everything import behind, standing_facts
from hub.chart.medications import RULES, current_of
from hub.chart.patient_summary import Lists, summary_document
from hub.chart.person import patient_of
from hub.chart.problems import problems_of
from hub.errors import Refused, refuse
from hub.ids import new_id
from hub.record import Fact, Json
from hub.store import everything, people
from hub.store.everything import Asked, Written
from hub.store.records import Page, Row

MOST_READ = 500
"""Entries of each kind that a summary is made from, the newest."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """A page of everything: at most `count` facts, behind a fact, of some kinds (none: of all), received since a
    moment."""

    count: int
    after: UUID | None = None
    kinds: tuple[str, ...] = ()
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Handed:
    """A page of everything: the resident's Patient (None where it is not asked for), facts by id with their text as it
    is stored, and the fact behind which the next page begins; None on the last."""

    patient: Json | None
    texts: Sequence[tuple[UUID, str]]
    next: UUID | None


async def hand_out(visit: Visit, key: UUID, wanted: Wanted) -> Handed:
    """A page of all that was said of a resident and still holds. Raises Refused (no-relation, bad-cursor)."""
    person = await _person(visit, key)
    is_first = wanted.after is None and (not wanted.kinds or "Patient" in wanted.kinds)
    patient = await _patient(visit, person) if is_first else None
    patients = sorted(await visit.ask(people.list_patients_of, [person["id"]]))
    found: list[tuple[Fact, str]] = []
    place, more = wanted.after, True
    while more and len(found) <= wanted.count:
        written = await _written(visit, patients, wanted, place)
        found += _standing(written, wanted, place)
        more = written.more
        if more:
            place = max((one for one in written.facts if _key(one) == written.keys[-1]), key=lambda one: one.order).id
    visit.touch(kinds={"Patient", *(fact.kind for fact, _ in found)})
    shown = found[: wanted.count]
    return Handed(
        patient, [(fact.id, text) for fact, text in shown], shown[-1][0].id if len(found) > len(shown) else None
    )


async def _written(visit: Visit, patients: Sequence[UUID], wanted: Wanted, place: UUID | None) -> Written:
    """The next business keys; the first of them may be the one that the page before ended in."""
    asked = Asked(most=wanted.count + 1, after=place, kinds=wanted.kinds, since=wanted.since)
    written = await visit.ask(everything.find_written, patients, asked)
    if written is None:
        raise refuse("bad-cursor", "_page")
    return written


def _standing(written: Written, wanted: Wanted, place: UUID | None) -> list[tuple[Fact, str]]:
    at = next((one for one in written.facts if one.id == place), None)
    standing = behind(standing_facts(written.facts, written.keys), at)
    return [(one, written.texts[one.id]) for one in standing if wanted.since is None or one.received_at >= wanted.since]


def _key(fact: Fact) -> tuple[UUID, str, str]:
    return fact.patient_id, fact.kind, fact.key


async def summarise(visit: Visit, key: UUID) -> Json:
    """A resident's International Patient Summary as of now. Raises Refused (no-relation)."""
    person = await _person(visit, key)
    patient = await _patient(visit, person)
    of = person["id"]
    [told] = await list_tellings(visit, [Told(of, "Condition", None)])
    drugs = [(kind, row) for kind in RULES for row in await _rows(visit, kind, of)]
    lists = Lists(
        problems=problems_of(await _rows(visit, "Condition", of), told),
        medications=current_of(drugs, visit.now),
        allergies=await _rows(visit, "AllergyIntolerance", of),
        immunizations=await _rows(visit, "Immunization", of),
        procedures=await _rows(visit, "Procedure", of),
        results=await _rows(visit, "Observation", of),
    )
    return summary_document(patient, lists, visit.now, new_id())


async def _rows(visit: Visit, kind: str, of: UUID) -> Sequence[Row]:
    [found] = await visit.entries(kind, [of], Page(MOST_READ, background=False))
    return found.rows


async def _person(visit: Visit, key: UUID) -> Row:
    """A resident, or the one that stays in their place. Raises Refused (no-relation)."""
    [person] = await visit.residents([key])
    if isinstance(person, Refused):
        raise person
    return person


async def _patient(visit: Visit, person: Row) -> Json:
    [numbers] = await visit.numbers([person["id"]])
    [patients] = await visit.patients([person["id"]])
    return patient_of(person, numbers, patients)
