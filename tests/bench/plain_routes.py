"""The floor of GraphQL: routes written by hand for one question each, with the hub's token, audit row and JSON."""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import ARRAY, Select, Table, Uuid, bindparam, func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from hub.access import Viewer, check_may_read_records
from hub.audit import Witness
from hub.tables import agreement, audit, condition, coverage, encounter, observation, resident
from hub.tokens import Keyring

OBSERVATION = """
query Observations($id: ID!) { resident(id: $id) { name record { observations(first: 200) { edges { node {
  code display effective value unit referenceRange interpretation status
} } } } } }
"""
RESIDENTS = """
query Residents { residents(first: 20) { edges { node { name sex birthDate record {
  conditions(first: 10) { edges { node { code display effective } } }
  encounters(first: 10) { edges { node { visitNumber department effective ended } } }
} } } } }
"""

_IDS = bindparam("ids", type_=ARRAY(Uuid))
_SERVED = (
    select(coverage.c.resident_id)
    .join(agreement, agreement.c.id == coverage.c.agreement_id)
    .where(coverage.c.until.is_(None), agreement.c.ended_on.is_(None), agreement.c.ends_on >= func.current_date())
    .where(agreement.c.team_id == bindparam("team"))
)
_ONE = select(resident.c.name).where(resident.c.id == bindparam("id"), resident.c.id.in_(_SERVED))
_TWENTY = (
    select(resident.c.id, resident.c.name, resident.c.sex, resident.c.birth_date)
    .where(resident.c.replaced_by.is_(None), resident.c.id.in_(_SERVED))
    .order_by(resident.c.id)
    .limit(20)
)
_SHOWN: Mapping[Table, Mapping[str, str]] = {
    observation: {
        **{name: name for name in ("code", "display", "effective", "value", "unit")},
        "reference_range": "referenceRange",
        "interpretation": "interpretation",
        "status": "status",
    },
    condition: {name: name for name in ("code", "display", "effective")},
    encounter: {"visit_number": "visitNumber", **{name: name for name in ("department", "effective", "ended")}},
}


def _lines(table: Table) -> Select[Any]:
    shown = (table.c[name].label(label) for name, label in _SHOWN[table].items())
    newest_first = (table.c.effective_at.desc().nulls_last(), table.c.id.desc())
    return select(table.c.resident_id, *shown).where(table.c.resident_id == func.any(_IDS)).order_by(*newest_first)


_LINES = {table: _lines(table) for table in _SHOWN}

Read = Callable[[AsyncConnection, Mapping[str, Any]], Awaitable[tuple[list[UUID], list[str], Any]]]


def plain_routes(engine: AsyncEngine, keyring: Keyring) -> list[BaseRoute]:
    """``/observations`` and ``/residents``."""

    def route(path: str, operation: str, read: Read) -> Route:
        async def answer(request: Request) -> Response:
            token = request.headers["authorization"].removeprefix("Bearer ")
            viewer = keyring.read(token, datetime.now(UTC))
            asked = {**orjson.loads(await request.body()), "team": viewer.team}
            async with engine.begin() as connection:
                residents, kinds, data = await read(connection, asked)
                witness = _witness(viewer, operation, residents, kinds, request)
                await connection.execute(insert(audit), witness.row())
            return Response(orjson.dumps({"data": data}), media_type="application/json")

        return Route(path, answer, methods=["POST"])

    return [route("/observations", "Observations", _observations), route("/residents", "Residents", _residents)]


async def _observations(connection: AsyncConnection, asked: Mapping[str, Any]) -> tuple[list[UUID], list[str], Any]:
    key = UUID(asked["id"])
    name = await connection.scalar(_ONE, {"id": key, "team": asked["team"]})
    lines = await _lines_of(connection, observation, [key])
    shown = {"name": name, "record": {"observations": _edges(lines[key])}}
    return [key], ["Observation"], {"resident": shown}


async def _residents(connection: AsyncConnection, asked: Mapping[str, Any]) -> tuple[list[UUID], list[str], Any]:
    found = (await connection.execute(_TWENTY, {"team": asked["team"]})).all()
    ids = [row.id for row in found]
    conditions = await _lines_of(connection, condition, ids)
    encounters = await _lines_of(connection, encounter, ids)
    shown = [
        {
            "name": row.name,
            "sex": row.sex,
            "birthDate": row.birth_date,
            "record": {"conditions": _edges(conditions[row.id]), "encounters": _edges(encounters[row.id])},
        }
        for row in found
    ]
    return ids, ["Condition", "Encounter"], {"residents": _edges(shown)}


async def _lines_of(connection: AsyncConnection, table: Table, ids: Sequence[UUID]) -> dict[UUID, list[Any]]:
    labels = tuple(_SHOWN[table].values())
    found: dict[UUID, list[Any]] = defaultdict(list)
    for key, *line in await connection.execute(_LINES[table], {"ids": ids}):
        found[key].append(dict(zip(labels, line, strict=True)))
    return found


def _edges(nodes: Sequence[Any]) -> dict[str, Any]:
    return {"edges": [{"node": node} for node in nodes]}


def _witness(viewer: Viewer, operation: str, residents: list[UUID], kinds: list[str], request: Request) -> Witness:
    return Witness(
        viewer=viewer,
        operation=operation,
        decision=check_may_read_records(viewer),
        residents=tuple(residents),
        kinds=tuple(kinds),
        address=request.client.host if request.client else "",
    )
