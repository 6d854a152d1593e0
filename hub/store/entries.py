"""Entries: the resident's lines of the record, written by projection, read by the API."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Table, Uuid, bindparam, delete, func, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.record import Conflict, Entry, Flag, Origin
from hub.tables import ENTRY_TABLES


def _upsert(table: Table) -> Any:
    statement = insert(table)
    changed = {column.name: statement.excluded[column.name] for column in table.c if column.name != "id"}
    return statement.on_conflict_do_update(index_elements=["id"], set_=changed)


_UPSERTS = {kind: _upsert(table) for kind, table in ENTRY_TABLES.items()}
_DELETES = {
    kind: delete(table).where(table.c.id == func.any(bindparam("ids", type_=ARRAY(Uuid))))
    for kind, table in ENTRY_TABLES.items()
}
_OF_RESIDENTS = {
    kind: delete(table).where(table.c.resident_id == func.any(bindparam("ids", type_=ARRAY(Uuid))))
    for kind, table in ENTRY_TABLES.items()
}


async def save(connection: AsyncConnection, entries: Iterable[Entry]) -> None:
    """Write entries, each under its own id."""
    rows: dict[str, list[Mapping[str, Any]]] = {}
    for entry in entries:
        rows.setdefault(entry.kind, []).append(_row(entry))
    for kind, of_kind in rows.items():
        await connection.execute(_UPSERTS[kind], of_kind)


async def remove(connection: AsyncConnection, gone: Mapping[str, Sequence[UUID]]) -> None:
    """Remove entries that no fact supports any longer, by kind."""
    for kind, ids in gone.items():
        if ids:
            await connection.execute(_DELETES[kind], {"ids": list(ids)})


async def remove_all(connection: AsyncConnection, residents: Sequence[UUID]) -> None:
    """Remove every entry of residents, before they are projected anew."""
    for statement in _OF_RESIDENTS.values():
        await connection.execute(statement, {"ids": list(residents)})


Line = tuple[UUID, str, UUID]
"""Of which resident, of which kind, and its id."""
OWN = "Patient"
_ASKED = "= any(cast(:ids as uuid[]))"
_OF_KIND = "select resident_id, '{kind}' as kind, id, md5(e::text) as said from {table} e where resident_id {asked}"
_OF_OWN = "select id, '{kind}', id, md5((to_jsonb(r) - 'changed_at')::text) from resident r where id {asked}"
_FINGERPRINTS = text(
    " union all ".join(
        (
            *(_OF_KIND.format(kind=kind, table=table.name, asked=_ASKED) for kind, table in ENTRY_TABLES.items()),
            _OF_OWN.format(kind=OWN, asked=_ASKED),
        )
    )
)


async def fingerprints(connection: AsyncConnection, residents: Sequence[UUID]) -> dict[Line, str]:
    """Each line of residents' records, and their own values (`OWN`), with a hash of all that it says."""
    rows = await connection.execute(_FINGERPRINTS, {"ids": list(residents)})
    return {(row.resident_id, row.kind, row.id): row.said for row in rows}


def _row(entry: Entry) -> Mapping[str, Any]:
    return {
        "id": entry.id,
        "resident_id": entry.resident_id,
        "key": entry.key,
        **entry.columns,
        "origins": [origin_json(origin) for origin in entry.origins],
        "conflicts": [conflict_json(conflict) for conflict in entry.conflicts],
        "flags": [flag_json(flag) for flag in entry.flags],
    }


def origin_json(origin: Origin) -> Mapping[str, Any]:
    """An origin as it is stored beside its entry."""
    return {
        "source": origin.source,
        "organisation": origin.organisation,
        "message_id": str(origin.message_id),
        "path": origin.path,
        "row": origin.row,
        "sent_at": origin.sent_at.isoformat(),
        "values": [[value.element, value.path, value.row, value.codes] for value in origin.values],
    }


def conflict_json(conflict: Conflict) -> Mapping[str, Any]:
    """A value that lost, as it is stored beside its entry."""
    return {
        "element": conflict.element,
        "value": conflict.value,
        "source": conflict.source,
        "organisation": conflict.organisation,
        "message_id": str(conflict.message_id),
        "sent_at": conflict.sent_at.isoformat(),
    }


def flag_json(flag: Flag) -> Mapping[str, Any]:
    """A flag as it is stored beside its entry."""
    return {"code": flag.code, "where": flag.where, "table": flag.table}
