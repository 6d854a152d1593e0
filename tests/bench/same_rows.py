"""The floor of merging: the very rows that the hub wrote, inserted by the bare driver, one transaction a message."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import asyncpg
from sqlalchemy import Table

from hub import tables
from hub.tables import ENTRY_TABLES
from tests.bench.traffic import Arrived

Rows = Mapping[UUID, list[tuple[str, list[Sequence[Any]]]]]
"""For each message the tables in the order of their references, each with the rows that it gave."""

_GENERATED = {"position", "transaction"}
_LATEST = "cross join lateral (select (r.origins->0->>'message_id')::uuid as message_id) l"
_OPENED = "join (select distinct on (resident_id) * from link order by resident_id, since, id) l"
_FIRST_NAMED = "join (select distinct on (patient_id) * from link order by patient_id, since, id) l"
# How to find the message that gave a row `r`: it is `l.message_id`; "" where the row names it itself.
_GIVEN_BY: Mapping[Table, str] = {
    tables.resident: f"{_OPENED} on l.resident_id = r.id",
    tables.resident_number: f"{_OPENED} using (resident_id)",
    tables.patient: f"{_FIRST_NAMED} on l.patient_id = r.id",
    tables.patient_number: f"{_FIRST_NAMED} using (patient_id)",
    tables.link: "",
    tables.fact: "",
    **dict.fromkeys(
        ENTRY_TABLES.values(), "cross join lateral (select (r.origins->0->>'message_id')::uuid as message_id) l"
    ),
    tables.event: "",
}


async def rows_by_message(connection: asyncpg.Connection) -> Rows:
    """What each message of a database gave."""
    found: dict[UUID, dict[str, list[Sequence[Any]]]] = {}
    for table, given_by in _GIVEN_BY.items():
        columns = ", ".join(f'r."{name}"' for name in _columns(table))
        of = "l" if given_by else "r"
        rows = await connection.fetch(f'select {of}.message_id, {columns} from "{table.name}" r {given_by}')
        for message, *row in rows:
            found.setdefault(message, {}).setdefault(table.name, []).append(row)
    return {message: list(of.items()) for message, of in found.items()}


async def insert_again(connection: asyncpg.Connection, arrived: Sequence[Arrived], rows: Rows) -> None:
    """Insert what messages gave and settle their fates, one transaction each."""
    statements = {table.name: await connection.prepare(_insert(table)) for table in _GIVEN_BY}
    settle = await connection.prepare(
        "update fate set fate = 'merged', lane = $2, attempts = attempts + 1, changed_at = now() where message_id = $1"
    )
    for message, _ in arrived:
        async with connection.transaction():
            for table, given in rows[message]:
                await statements[table].executemany(given)
            await settle.fetch(message, "renmin-his|urn:his:inpatient-number|0001000000")


def _insert(table: Table) -> str:
    names = _columns(table)
    columns = ", ".join(f'"{name}"' for name in names)
    places = ", ".join(f"${number}" for number in range(1, len(names) + 1))
    return f'insert into "{table.name}" ({columns}) values ({places})'


def _columns(table: Table) -> list[str]:
    return [column.name for column in table.c if column.name not in _GENERATED]
