"""The directory: organisations, practitioners, teams with their members and areas."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from typing import Any

from sqlalchemy import ARRAY, Table, Text, and_, bindparam, delete, func, or_, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.tables import area, organisation, practitioner, team, team_member

Row = Mapping[str, Any]

_KEYS = bindparam("keys", type_=ARRAY(Text))


async def save_organisation(connection: AsyncConnection, row: Row) -> bool:
    """Write an organisation as it now is. Returns whether that changed anything."""
    return await _save(connection, organisation, row)


async def save_practitioner(connection: AsyncConnection, row: Row) -> bool:
    """Write a practitioner as they now are. Returns whether that changed anything."""
    return await _save(connection, practitioner, row)


async def save_team(connection: AsyncConnection, row: Row) -> bool:
    """Write a team as it now is, without its members. Returns whether that changed anything."""
    return await _save(connection, team, row)


async def _save(connection: AsyncConnection, table: Table, row: Row) -> bool:
    """Insert a row or bring it up to date. A replayed message does not undo what a later one said."""
    made = insert(table).values(row)
    columns = [table.c[name] for name in row if name != "id"]
    differs = or_(*(one.is_distinct_from(made.excluded[one.name]) for one in columns if one.name != "message_id"))
    witness, new_witness = table.c.message_id, made.excluded.message_id
    later = or_(witness.is_(None), new_witness.is_(None), witness <= new_witness)
    statement = made.on_conflict_do_update(
        index_elements=[table.c.id],
        set_={**{one.name: made.excluded[one.name] for one in columns}, "changed_at": func.now()},
        where=and_(differs, later),
    )
    return await connection.scalar(statement.returning(table.c.id)) is not None


async def save_members(connection: AsyncConnection, team_id: str, rows: Sequence[Row], today: date) -> int:
    """Write who belongs to a team; who is not named any longer has left today. Returns how many changed."""
    named = [row["practitioner_id"] for row in rows]
    left = (
        update(team_member)
        .where(team_member.c.team_id == team_id, team_member.c.until.is_(None))
        .where(team_member.c.practitioner_id.not_in(named))
    )
    changed = (await connection.execute(left.values(until=today))).rowcount
    for row in rows:
        made = insert(team_member).values(team_id=team_id, **row)
        told = {name: made.excluded[name] for name in ("role", "since", "until")}
        differs = or_(*(team_member.c[name].is_distinct_from(value) for name, value in told.items()))
        key = [team_member.c.team_id, team_member.c.practitioner_id]
        again = made.on_conflict_do_update(index_elements=key, set_=told, where=differs)
        changed += (await connection.execute(again)).rowcount
    return int(changed)


async def save_areas(connection: AsyncConnection, team_id: str, areas: Mapping[str, str]) -> int:
    """Write the areas of a team, name by code; one that another team had is this one's. Returns how many changed."""
    gone = delete(area).where(area.c.team_id == team_id, area.c.id.not_in(list(areas)))
    changed = (await connection.execute(gone)).rowcount
    for code, name in areas.items():
        made = insert(area).values(id=code, team_id=team_id, name=name)
        differs = or_(area.c.team_id != team_id, area.c.name != name)
        again = made.on_conflict_do_update(
            index_elements=[area.c.id], set_={"team_id": team_id, "name": name}, where=differs
        )
        changed += (await connection.execute(again)).rowcount
    return int(changed)


async def find_organisations(connection: AsyncConnection, keys: Collection[str]) -> dict[str, Row]:
    """Organisations by id."""
    return await _by_id(connection, organisation, keys)


async def find_practitioners(connection: AsyncConnection, keys: Collection[str]) -> dict[str, Row]:
    """Practitioners by id."""
    return await _by_id(connection, practitioner, keys)


async def find_teams(connection: AsyncConnection, keys: Collection[str]) -> dict[str, Row]:
    """Teams by id."""
    return await _by_id(connection, team, keys)


async def _by_id(connection: AsyncConnection, table: Table, keys: Collection[str]) -> dict[str, Row]:
    rows = await connection.execute(select(table).where(table.c.id == func.any(_KEYS)), {"keys": list(keys)})
    return {row.id: row._asdict() for row in rows}


async def list_organisations(connection: AsyncConnection, kind: str = "", alliance: str = "") -> list[Row]:
    """The organisations by id, of a kind and an alliance where they are given."""
    asked = select(organisation).order_by(organisation.c.id)
    if kind:
        asked = asked.where(organisation.c.kind == kind)
    if alliance:
        asked = asked.where(organisation.c.alliance_id == alliance)
    return [row._asdict() for row in await connection.execute(asked)]


async def list_teams(connection: AsyncConnection, organisations: Sequence[str]) -> dict[str, list[Row]]:
    """The teams of each organisation, by id."""
    asked = select(team).where(team.c.organisation_id == func.any(_KEYS)).order_by(team.c.id)
    found: dict[str, list[Row]] = {key: [] for key in organisations}
    for row in await connection.execute(asked, {"keys": list(organisations)}):
        found[row.organisation_id].append(row._asdict())
    return found


_MEMBERS = (
    select(
        team_member.c.team_id,
        team_member.c.role.label("team_role"),
        team_member.c.since,
        practitioner,
    )
    .join(practitioner, practitioner.c.id == team_member.c.practitioner_id)
    .where(team_member.c.team_id == func.any(_KEYS))
    .where(func.coalesce(team_member.c.since, bindparam("today")) <= bindparam("today"))
    .where(or_(team_member.c.until.is_(None), team_member.c.until > bindparam("today")))
    .order_by((team_member.c.role != "leader"), practitioner.c.id)
)


async def list_members(connection: AsyncConnection, teams: Sequence[str], today: date) -> dict[str, list[Row]]:
    """Who belongs to each team on a day, the leader first."""
    found: dict[str, list[Row]] = {key: [] for key in teams}
    for row in await connection.execute(_MEMBERS, {"keys": list(teams), "today": today}):
        found[row.team_id].append(row._asdict())
    return found


async def list_areas(connection: AsyncConnection, teams: Sequence[str]) -> dict[str, list[Row]]:
    """The areas of each team, by code."""
    asked = select(area).where(area.c.team_id == func.any(_KEYS)).order_by(area.c.id)
    found: dict[str, list[Row]] = {key: [] for key in teams}
    for row in await connection.execute(asked, {"keys": list(teams)}):
        found[row.team_id].append(row._asdict())
    return found


_TEAM_OF = (
    select(team_member.c.team_id)
    .where(team_member.c.practitioner_id == bindparam("of"))
    .where(func.coalesce(team_member.c.since, bindparam("today")) <= bindparam("today"))
    .where(or_(team_member.c.until.is_(None), team_member.c.until > bindparam("today")))
    .order_by((team_member.c.role != "leader"), team_member.c.team_id)
)


async def teams_of(connection: AsyncConnection, practitioner_id: str, today: date) -> list[str]:
    """The teams that somebody belongs to on a day, those that they lead first."""
    return list(await connection.scalars(_TEAM_OF, {"of": practitioner_id, "today": today}))


_COUNTS = text(
    """
    select asked.id,
      (select count(*) from agreement a join coverage c on c.agreement_id = a.id
       where a.team_id = asked.id and a.kind = 'primary' and a.state = 'in-force'
         and c.until is null and c.since <= :today and a.ends_on >= :today) as covered,
      (select count(*) from agreement a
       where a.team_id = asked.id and a.state = 'in-force' and a.ends_on between :today and :soon) as ending
    from unnest(cast(:keys as text[])) as asked(id)
    """
)


async def count_covered(
    connection: AsyncConnection, teams: Sequence[str], today: date, soon: date
) -> dict[str, tuple[int, int]]:
    """How many residents each team has by primary agreements, and how many of its agreements end by a day."""
    rows = await connection.execute(_COUNTS, {"keys": list(teams), "today": today, "soon": soon})
    return {row.id: (row.covered, row.ending) for row in rows}


async def lock_team(connection: AsyncConnection, key: str) -> None:
    """Hold a team for this transaction: whoever counts its residents counts alone."""
    await connection.execute(select(team.c.id).where(team.c.id == key).with_for_update())
