"""The directory as people see and keep it. It is nobody's personal data: whoever has a token reads it; how many
residents a team has is for its own organisation and the administrator."""

from collections.abc import Sequence
from datetime import timedelta

from hub.access import Role, Viewer
from hub.care.deed import Deed
from hub.care.visit import Visit
from hub.days import day_of
from hub.programme import directory
from hub.programme.directory import Organisation, Practitioner, Team
from hub.store import teams
from hub.store.teams import Row

SOON = timedelta(days=30)

# -- reading ---------------------------------------------------------------------------------------------------------


async def list_teams(visit: Visit, keys: Sequence[str]) -> list[Row | None]:
    """Teams by id, in the order asked."""
    found = await visit.ask(teams.find_teams, keys)
    return [found.get(key) for key in keys]


async def list_organisations(visit: Visit, keys: Sequence[str]) -> list[Row | None]:
    """Organisations by id, in the order asked."""
    found = await visit.ask(teams.find_organisations, keys)
    return [found.get(key) for key in keys]


async def list_practitioners(visit: Visit, keys: Sequence[str]) -> list[Row | None]:
    """Practitioners by id, in the order asked."""
    found = await visit.ask(teams.find_practitioners, keys)
    return [found.get(key) for key in keys]


async def search_organisations(visit: Visit, kind: str, alliance: str) -> list[Row]:
    """The organisations of a kind and an alliance, of all where none is named."""
    return await visit.ask(teams.list_organisations, kind, alliance)


async def list_teams_of(visit: Visit, organisations: Sequence[str]) -> list[list[Row]]:
    """The teams of each organisation."""
    found = await visit.ask(teams.list_teams, organisations)
    return [found[key] for key in organisations]


async def list_members(visit: Visit, keys: Sequence[str]) -> list[list[Row]]:
    """Who belongs to each team today, the leader first."""
    found = await visit.ask(teams.list_members, keys, day_of(visit.now))
    return [found[key] for key in keys]


async def list_areas(visit: Visit, keys: Sequence[str]) -> list[list[Row]]:
    """The areas of each team."""
    found = await visit.ask(teams.list_areas, keys)
    return [found[key] for key in keys]


async def count_covered(visit: Visit, keys: Sequence[str]) -> list[tuple[int, int]]:
    """How many residents each team has, and how many of its agreements end within 30 days."""
    today = day_of(visit.now)
    found = await visit.ask(teams.count_covered, keys, today, today + SOON)
    return [found[key] for key in keys]


def may_count(viewer: Viewer, row: Row) -> bool:
    """Whether the viewer may know how many residents a team has."""
    is_of_centre = bool(viewer.organisation) and viewer.organisation == row["organisation_id"]
    return viewer.role is Role.ADMINISTRATOR or is_of_centre or viewer.team == row["id"]


# -- keeping ---------------------------------------------------------------------------------------------------------


async def save_organisation(deed: Deed, told: Organisation) -> str:
    """Keep an organisation as the administrator has it. Raises Refused (may-not-change, directory-...)."""
    deed.check_role("keep the directory", Role.ADMINISTRATOR)
    _note(deed, "organisation", told.id, await directory.save_organisation(deed.connection, told))
    return told.id


async def save_practitioner(deed: Deed, told: Practitioner) -> str:
    """Keep a practitioner as the administrator has them. Raises Refused likewise."""
    deed.check_role("keep the directory", Role.ADMINISTRATOR)
    _note(deed, "practitioner", told.id, await directory.save_practitioner(deed.connection, told))
    return told.id


async def save_team(deed: Deed, told: Team) -> str:
    """Keep a team with its members and areas as the administrator has them. Raises Refused likewise."""
    deed.check_role("keep the directory", Role.ADMINISTRATOR)
    _note(deed, "team", told.id, await directory.save_team(deed.connection, told, today=deed.hand.today))
    return told.id


def _note(deed: Deed, kind: str, key: str, changed: bool) -> None:
    """The audit row names what was saved, and whether that was new."""
    deed.hand.changes.append(f"{kind} {key} {'saved' if changed else 'unchanged'}")
