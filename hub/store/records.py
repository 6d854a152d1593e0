"""Reading: residents, the patients behind them, and the lines of their record.

Every function answers for many at once in one statement. Statements are built once and kept, so that SQLAlchemy
compiles each of them once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    Column,
    ColumnElement,
    DateTime,
    Select,
    Table,
    Text,
    Uuid,
    and_,
    any_,
    bindparam,
    column,
    func,
    or_,
    select,
    true,
)
from sqlalchemy.dialects.postgresql import JSONB, aggregate_order_by
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.tables import ENTRY_TABLES, link, patient, patient_number, resident, resident_number

Row = Mapping[str, Any]

_IDS = bindparam("ids", type_=ARRAY(Uuid))
_ASKED = func.unnest(_IDS).table_valued(column("id", Uuid), name="asked").render_derived()

# -- residents -------------------------------------------------------------------------------------------------------

_found = resident.alias("found")
_RESIDENTS = (
    select(_ASKED.c.id.label("asked"), *(one for one in _found.c if one.name != "replaced_by"))
    .select_from(_ASKED)
    .join(resident, resident.c.id == _ASKED.c.id)
    .join(_found, _found.c.id == func.coalesce(resident.c.replaced_by, resident.c.id))
)


async def find_residents(connection: AsyncConnection, ids: Sequence[UUID]) -> dict[UUID, Row]:
    """Residents by the ids asked for; one that was replaced is found as the one that stays.

    One hop is enough: `people.retire` points earlier ones to the last.
    """
    rows = await connection.execute(_RESIDENTS, {"ids": list(ids)})
    return {row.asked: row._asdict() for row in rows}


_BY_NUMBER = (
    select(resident_number.c.resident_id)
    .where(
        resident_number.c.system == func.any(bindparam("systems", type_=ARRAY(Text))),
        resident_number.c.value == bindparam("value"),
    )
    .order_by(resident_number.c.system)
    .limit(1)
)


async def find_by_number(connection: AsyncConnection, systems: Sequence[str], value: str) -> UUID | None:
    """Who holds a strong number, looked for under each of the systems in which it may stand."""
    found: UUID | None = await connection.scalar(_BY_NUMBER, {"systems": list(systems), "value": value})
    return found


_NUMBERS = (
    select(resident_number.c.resident_id, resident_number.c.kind, resident_number.c.system, resident_number.c.value)
    .where(resident_number.c.resident_id == func.any(_IDS))
    .order_by(resident_number.c.kind, resident_number.c.value)
)


async def list_numbers(connection: AsyncConnection, residents: Sequence[UUID]) -> dict[UUID, list[Row]]:
    """The strong numbers of residents."""
    return _by_resident(await connection.execute(_NUMBERS, {"ids": list(residents)}))


_number = func.jsonb_build_object(
    "kind", patient_number.c.kind, "system", patient_number.c.system, "value", patient_number.c.value, type_=JSONB
)
_in_order = aggregate_order_by(_number, patient_number.c.kind, patient_number.c.value)
_PATIENTS = (
    select(
        link.c.resident_id,
        link.c.patient_id,
        patient.c.source,
        patient.c.organisation,
        patient.c.merged_into,
        link.c.grade,
        link.c.reason,
        link.c.weights,
        link.c.since,
        select(func.coalesce(func.jsonb_agg(_in_order, type_=JSONB), func.jsonb_build_array(type_=JSONB)))
        .where(patient_number.c.patient_id == patient.c.id)
        .scalar_subquery()
        .label("numbers"),
    )
    .join(patient, patient.c.id == link.c.patient_id)
    .where(link.c.until.is_(None))
    .order_by(link.c.since, link.c.patient_id)
)
_OF_RESIDENTS = _PATIENTS.where(link.c.resident_id == func.any(_IDS))
_OF_PATIENTS = _PATIENTS.where(link.c.patient_id == func.any(_IDS))


async def find_patients(connection: AsyncConnection, patients: Sequence[UUID]) -> dict[UUID, Row]:
    """Patients by id, with their links and the sources' own numbers."""
    rows = await connection.execute(_OF_PATIENTS, {"ids": list(patients)})
    return {row.patient_id: row._asdict() for row in rows}


async def list_patients(connection: AsyncConnection, residents: Sequence[UUID]) -> dict[UUID, list[Row]]:
    """The patients that stand for residents, with their links and the sources' own numbers."""
    return _by_resident(await connection.execute(_OF_RESIDENTS, {"ids": list(residents)}))


def _by_resident(rows: Any) -> dict[UUID, list[Row]]:
    together: dict[UUID, list[Row]] = {}
    for row in rows:
        together.setdefault(row.resident_id, []).append(row._asdict())
    return together


# -- entries ---------------------------------------------------------------------------------------------------------

BACKGROUND = ("origins", "conflicts", "flags")
"""Columns that say why an entry stands there. They outweigh the others and are read only when they are asked for."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page of entries begins: behind the entry with this time and id. Undated entries come last."""

    at: datetime | None
    id: UUID


@dataclass(frozen=True, slots=True)
class Page:
    """Which entries are wanted: at most `most`, behind a place, of certain codes where any are given; of drugs only
    those that are known in a certain way (`statement`), where one is given."""

    most: int
    after: Place | None = None
    codes: tuple[str, ...] = ()
    background: bool = True
    statement: str = ""


@dataclass(frozen=True, slots=True)
class Found:
    """A page of one resident's entries, newest first; `total` counts those of all pages."""

    rows: list[dict[str, Any]]
    total: int


async def list_entries(
    connection: AsyncConnection, kind: str, residents: Sequence[UUID], page: Page
) -> dict[UUID, Found]:
    """A page of each resident's entries of a kind, newest first, in one statement."""
    start = "first" if page.after is None else "dated" if page.after.at else "undated"
    asked: dict[str, Any] = {"ids": list(residents), "most": page.most}
    if page.codes:
        asked["codes"] = list(page.codes)
    if page.statement:
        asked["statement"] = page.statement
    if page.after is not None:
        asked["after_id"] = page.after.id
        if page.after.at:
            asked["after_at"] = page.after.at
    own = ("codes",) * bool(page.codes) + ("statement",) * bool(page.statement)
    rows = await connection.execute(_entries(kind, start, own, page.background), asked)
    names = list(rows.keys())[2:]
    found: dict[UUID, Found] = {}
    for resident_id, total, *line in rows:
        of = found.setdefault(resident_id, Found([], total))
        if line[0] is not None:
            of.rows.append(dict(zip(names, line, strict=True)))
    return found


@cache
def _entries(kind: str, start: str, by: tuple[str, ...], background: bool) -> Select[Any]:
    """For each resident asked for the first lines behind a place, beside the count of all."""
    table = ENTRY_TABLES[kind]
    own = [table.c.resident_id == _ASKED.c.id]
    if "codes" in by:
        own.append(table.c.code == any_(bindparam("codes", type_=ARRAY(Text))))
    if "statement" in by:
        own.append(bindparam("statement", type_=Text) == any_(table.c.statements))
    lines = (
        select(*_columns(table, background))
        .where(*own, *_behind(table, start))
        .order_by(table.c.effective_at.desc().nulls_last(), table.c.id.desc())
        .limit(bindparam("most"))
        .lateral("lines")
    )
    counted = select(func.count().label("total")).select_from(table).where(*own).lateral("counted")
    return (
        select(_ASKED.c.id.label("asked"), counted.c.total, *lines.c)
        .select_from(_ASKED.join(counted, true()).outerjoin(lines, true()))
        .order_by(_ASKED.c.id, lines.c.effective_at.desc().nulls_last(), lines.c.id.desc())
    )


def _behind(table: Table, start: str) -> list[ColumnElement[bool]]:
    at, key = table.c.effective_at, table.c.id
    before_id = key < bindparam("after_id", type_=Uuid)
    match start:
        case "dated":
            place = bindparam("after_at", type_=DateTime(timezone=True))
            return [or_(at < place, and_(at == place, before_id), at.is_(None))]
        case "undated":
            return [at.is_(None), before_id]
    return []


def _columns(table: Table, background: bool) -> list[Column[Any]]:
    left_out = () if background else BACKGROUND
    return [one for one in table.c if one.name not in left_out]


@cache
def _by_id(kind: str) -> Select[Any]:
    table = ENTRY_TABLES[kind]
    return select(*_columns(table, background=True)).where(table.c.id == func.any(_IDS))


async def find_entries(connection: AsyncConnection, kind: str, ids: Sequence[UUID]) -> dict[UUID, Row]:
    """Entries of a kind by their ids."""
    rows = await connection.execute(_by_id(kind), {"ids": list(ids)})
    return {row.id: row._asdict() for row in rows}
