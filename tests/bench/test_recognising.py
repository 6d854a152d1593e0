"""A match against a region: what it takes to find and compare whom a newcomer may be, and how that grows.

Residents come from `fixtures.population`, a county of 40,000 at a time with another seed each; each has one patient.
Whoever is looked for is another record of one of them, as another source keeps it.
"""

import asyncio
import os
import time
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from statistics import median
from uuid import UUID

import asyncpg
import orjson
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from fixtures.population import Record, population
from hub.ids import new_id
from hub.likeness import Matcher, load_matcher
from hub.matching.person import Person, person_json
from hub.record import Grade, Json
from hub.site import Database
from hub.store import candidates
from hub.store.database import open_engine
from tests.bench.conftest import NewSite
from tests.desk import kinds

pytestmark = pytest.mark.bench

FEW = 10_000
MANY = int(os.environ.get("HUB_BENCH_RESIDENTS", "1000000"))
COUNTY = 40_000
"""Residents of one generated county, the most that it makes."""
TRIES = 400
AT_ONCE = 20_000
_TABLES = ("patient", "link", "match_person", "match_block")
_REFERENCES = """
    select cast(cast(conrelid as regclass) as text) as table, conname as name from pg_constraint
    where contype = 'f' and cast(cast(conrelid as regclass) as text) = any($1)
"""
_SEXES = {"男": "male", "女": "female"}


async def test_a_match_against_a_region_takes_milliseconds(new_site: NewSite) -> None:
    matcher = load_matcher(kinds())
    took = {}
    for count in (FEW, MANY):
        site = await new_site()
        sought = await _fill(site, count, matcher)
        engine = open_engine(site.application, size=1)
        try:
            for person in sought[:50]:
                await _match(engine, matcher, person)
            took[count] = [await _timed(engine, matcher, person) for person in sought[50 : 50 + TRIES]]
        finally:
            await engine.dispose()
    for count, of in took.items():
        ordered = sorted(of)
        print(
            f"\na match against {count:>9,} residents: p50 {1e3 * median(of):5.2f} ms, "
            f"p99 {1e3 * ordered[int(0.99 * len(ordered))]:6.2f} ms",
            end="",
            flush=True,
        )
    growth = median(took[MANY]) / median(took[FEW])
    print(
        f"\n{MANY // FEW} times as many residents: {growth:.2f} times as long; aim p50 under 5 ms", end="", flush=True
    )
    assert median(took[MANY]) < 0.02


async def _timed(engine: AsyncEngine, matcher: Matcher, person: Person) -> float:
    began = time.perf_counter()
    await _match(engine, matcher, person)
    return time.perf_counter() - began


async def _match(engine: AsyncEngine, matcher: Matcher, person: Person) -> int:
    """Find and compare whom somebody may be, as ingest does; how many that are."""
    async with engine.connect() as connection:
        others = await candidates.find_sharing(connection, matcher.keys(person))
    return sum(matcher.compare(person, one.person).grade is not Grade.NOT for one in others)


# -- a region ----------------------------------------------------------------------------------------------------------


async def _fill(site: Database, count: int, matcher: Matcher) -> Sequence[Person]:
    """Fill a database with residents of one patient each. Returns other records of some of them, to be looked for."""
    sought: list[Person] = []
    connection = await asyncpg.connect(site.owner.replace("+asyncpg", ""))
    try:
        for row in await connection.fetch(_REFERENCES, list(_TABLES)):  # to look each of millions up takes minutes
            await connection.execute(f"alter table {row['table']} drop constraint {row['name']}")
        people = _people(count, matcher, sought)
        while some := await asyncio.to_thread(lambda: list(islice(people, AT_ONCE))):
            await _copy(connection, some)
        await connection.execute("vacuum analyze")
    finally:
        await connection.close()
    return sought


async def _copy(connection: asyncpg.Connection, some: Sequence[tuple[Person, tuple[int, ...]]]) -> None:
    ids = [new_id() for _ in some]
    blocks: Iterable[tuple[int, UUID]] = (
        (key, one) for one, (_, keys) in zip(ids, some, strict=True) for key in dict.fromkeys(keys)
    )
    persons = [(one, _json(person), b"") for one, (person, _) in zip(ids, some, strict=True)]
    links = [(new_id(), one, one, "certain", "new-without-proof") for one in ids]
    await _rows(connection, "resident", [(one,) for one in ids], "id")
    await _rows(connection, "patient", [(one, "his", "人民医院") for one in ids], "id", "source", "organisation")
    await _rows(connection, "link", links, "id", "patient_id", "resident_id", "grade", "reason")
    await _rows(connection, "match_person", persons, "patient_id", "person", "digest")
    await _rows(connection, "match_block", list(blocks), "key", "patient_id")


async def _rows(connection: asyncpg.Connection, table: str, rows: Sequence[object], *columns: str) -> None:
    await connection.copy_records_to_table(table, records=rows, columns=columns)


def _json(person: Person) -> str:
    return orjson.dumps(person_json(person)).decode()


def _people(count: int, matcher: Matcher, sought: list[Person]) -> Iterator[tuple[Person, tuple[int, ...]]]:
    """So many residents by one record each, with their keys; of some of them another record goes to `sought`."""
    made = 0
    for seed in range(1, 2 + count // COUNTY):
        known: set[int] = set()
        for record in population(min(COUNTY, count - made), seed).records if made < count else ():
            if record.resident not in known:
                known.add(record.resident)
                person = matcher.person(_patient(record), None)
                yield person, matcher.keys(person)
            elif len(sought) < TRIES + 50:
                sought.append(matcher.person(_patient(record), None))
        made += len(known)


def _patient(record: Record) -> Json:
    """A record as a FHIR Patient resource."""
    kind = kinds().get(record.id_type)
    numbers = [{"system": kind.system, "value": record.id_number}] if kind and record.id_number else []
    return {
        "name": [{"text": name} for name in (record.name, *record.aliases) if name],
        "birthDate": record.birth_date or "",
        "gender": _SEXES.get(record.sex or "", ""),
        "telecom": [{"system": "phone", "value": record.phone}] if record.phone else [],
        "address": [{"text": record.address}] if record.address else [],
        "identifier": numbers,
    }
