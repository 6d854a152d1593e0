"""The directory: which organisations, practitioners and teams there are, whoever says so.

Each thing is told as a whole: what is not said of it any longer does not hold any longer. Telling it again changes
nothing, and what refers to something that nobody has told is refused with what to send first.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from itertools import groupby
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from hub.days import day_of
from hub.errors import refuse
from hub.programme.elements import code_in, extensions, listed, number_in, phone_of, reference_of, text_of, texts
from hub.programme.happened import Happened, Reaction, Told
from hub.store import teams

ORGANISATION_KINDS = ("hospital", "community-health-centre", "clinic", "alliance", "other")
AUTHORITIES = ("county", "district", "city", "province")
LEVELS = (1, 2, 3)
PRACTITIONER_ROLES = (
    *("family-doctor", "nurse", "public-health-physician", "specialist", "village-doctor", "assistant"),
)
LEADER = "leader"
MEMBER_ROLES = (LEADER, *PRACTITIONER_ROLES)
KINDS = ("Organization", "Practitioner", "PractitionerRole", "CareTeam")
"""The FHIR resources that tell of the directory, in the order in which they lean on each other."""

_CREDIT_CODE = "urn:oid:2.16.156.10011.1.5"


@dataclass(frozen=True, kw_only=True, slots=True)
class Organisation:
    """An organisation. `level` is 1 to 3 (医院等级), `authority` whose it is, `alliance_id` the alliance it is in."""

    id: str
    name: str
    name_en: str = ""
    kind: str
    level: int | None = None
    authority: str = ""
    alliance_id: str | None = None
    credit_code: str = ""
    phone: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Practitioner:
    """Somebody who works at an organisation. `title` is the professional one (职称)."""

    id: str
    organisation_id: str
    name: str
    role: str
    title: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Member:
    """A practitioner of a team. `until` is the first day on which they are not any longer."""

    practitioner_id: str
    role: str
    since: date | None = None
    until: date | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Team:
    """A family-doctor team. `areas` are the grid areas (网格) it looks after: name by code."""

    id: str
    organisation_id: str
    name: str
    name_en: str = ""
    phone: str = ""
    members: tuple[Member, ...] = ()
    areas: Mapping[str, str]


# -- keeping it ------------------------------------------------------------------------------------------------------


async def save_organisation(
    connection: AsyncConnection, told: Organisation, *, message_id: UUID | None = None, where: str = "input"
) -> bool:
    """Keep an organisation as it is told. Returns whether that changed anything.

    Raises Refused (directory-incomplete, directory-code, directory-unknown, not-an-alliance).
    """
    _check_said(where, id=told.id, name=told.name)
    _check_code(where, "kind", told.kind, ORGANISATION_KINDS)
    _check_code(where, "authority", told.authority, ("", *AUTHORITIES))
    _check_code(where, "level", told.level, (None, *LEVELS))
    if told.alliance_id is not None:
        found = await teams.find_organisations(connection, [told.alliance_id])
        _check_known(where, "Organization", told.alliance_id, found)
        if found[told.alliance_id]["kind"] != "alliance":
            raise refuse("not-an-alliance", where, key=told.alliance_id)
    return await teams.save_organisation(connection, {**asdict(told), "message_id": message_id})


async def save_practitioner(
    connection: AsyncConnection, told: Practitioner, *, message_id: UUID | None = None, where: str = "input"
) -> bool:
    """Keep a practitioner as they are told. Returns whether that changed anything.

    Raises Refused (directory-incomplete, directory-code, directory-unknown).
    """
    _check_said(where, id=told.id, name=told.name)
    _check_code(where, "role", told.role, PRACTITIONER_ROLES)
    known = await teams.find_organisations(connection, [told.organisation_id])
    _check_known(where, "Organization", told.organisation_id, known)
    return await teams.save_practitioner(connection, {**asdict(told), "message_id": message_id})


async def save_team(
    connection: AsyncConnection,
    told: Team,
    *,
    today: date,
    message_id: UUID | None = None,
    where: str = "input",
) -> bool:
    """Keep a team with its members and areas as they are told. Returns whether that changed anything.

    Raises Refused (directory-incomplete, directory-code, directory-unknown).
    """
    _check_said(where, id=told.id, name=told.name)
    known = await teams.find_organisations(connection, [told.organisation_id])
    _check_known(where, "Organization", told.organisation_id, known)
    people = await teams.find_practitioners(connection, [one.practitioner_id for one in told.members])
    for member in told.members:
        _check_code(where, "role", member.role, MEMBER_ROLES)
        _check_known(where, "Practitioner", member.practitioner_id, people)
    own = {name: value for name, value in asdict(told).items() if name not in ("members", "areas")}
    changed = await teams.save_team(connection, {**own, "message_id": message_id})
    members = {one.practitioner_id: asdict(one) for one in told.members}
    changed |= bool(await teams.save_members(connection, told.id, list(members.values()), today))
    return bool(await teams.save_areas(connection, told.id, told.areas)) or changed


def _check_said(where: str, **said: str) -> None:
    for name, value in said.items():
        if not value.strip():
            raise refuse("directory-incomplete", where, element=name)


def _check_code(where: str, element: str, value: Any, known: Iterable[Any]) -> None:
    if value not in known:
        listing = ", ".join(str(one) for one in known if one not in ("", None))
        raise refuse("directory-code", where, element=element, known=listing)


def _check_known(where: str, kind: str, key: str, found: Mapping[str, Any]) -> None:
    if key not in found:
        raise refuse("directory-unknown", where, kind=kind, key=key)


# -- hearing of it ---------------------------------------------------------------------------------------------------


def directory() -> Reaction:
    """Keeps what sources tell of organisations, practitioners and teams."""
    return take_directory


async def take_directory(happened: Happened) -> None:
    """Keep what a batch tells, message by message; in which order a message tells it does not matter. Raises Refused
    (directory-incomplete, directory-code, directory-unknown, not-an-alliance)."""
    for message_id, said in groupby(happened.told_of(*KINDS), key=lambda told: told.message_id):
        hearing = _Hearing(happened.connection, message_id, day_of(happened.now))
        by_kind: dict[str, list[Told]] = {kind: [] for kind in KINDS}
        for told in said:
            by_kind[told.shared.kind].append(told)
        await hearing.organisations(by_kind["Organization"])
        await hearing.practitioners(by_kind["Practitioner"], by_kind["PractitionerRole"])
        await hearing.teams(by_kind["CareTeam"])


@dataclass(frozen=True, slots=True)
class _Hearing:
    """One message's say in the directory."""

    connection: AsyncConnection
    message_id: UUID
    today: date

    async def organisations(self, said: Sequence[Told]) -> None:
        """Alliances before those that belong to them."""
        waiting = {told.shared.key: told for told in said}
        while waiting:
            ready = [told for told in waiting.values() if _key(told, "partOf") not in waiting]
            for told in ready or list(waiting.values()):
                one = _organisation(told)
                where = told.shared.path
                await save_organisation(self.connection, one, message_id=self.message_id, where=where)
                del waiting[told.shared.key]

    async def practitioners(self, people: Sequence[Told], roles: Sequence[Told]) -> None:
        """A practitioner is who they are (Practitioner) and what they do where (PractitionerRole): what one message
        leaves out stays as it was. Of several posts the first by its organisation counts."""
        names = {told.shared.key: told for told in people}
        posts: dict[str, Told] = {}
        for told in roles:
            if told.shared.resource.get("active") is not False:
                of = _key(told, "practitioner")
                posts[of] = min(posts.get(of, told), told, key=lambda one: _key(one, "organization"))
        known = await teams.find_practitioners(self.connection, {*names, *posts})
        for key in sorted({*names, *posts}):
            one = _practitioner(key, names.get(key), posts.get(key), known.get(key))
            where = (names.get(key) or posts[key]).shared.path
            await save_practitioner(self.connection, one, message_id=self.message_id, where=where)

    async def teams(self, said: Sequence[Told]) -> None:
        """Teams, with their members and areas."""
        for told in said:
            where = told.shared.path
            one = _team(told)
            await save_team(self.connection, one, today=self.today, message_id=self.message_id, where=where)


def _organisation(told: Told) -> Organisation:
    resource = told.shared.resource
    level = code_in(resource.get("type"), "urn:hub:organisation-level")
    if level and not (level.isascii() and level.isdigit()):
        raise refuse("directory-code", told.shared.path, element="level", known="1, 2, 3")
    return Organisation(
        id=told.shared.key,
        name=str(resource.get("name", "")),
        name_en=next(iter(listed(resource.get("alias"))), ""),
        kind=code_in(resource.get("type"), "urn:hub:organisation-kind"),
        level=int(level) if level else None,
        authority=code_in(resource.get("type"), "urn:hub:organisation-authority"),
        alliance_id=_key(told, "partOf") or None,
        credit_code=number_in(resource, _CREDIT_CODE),
        phone=phone_of(resource),
    )


def _practitioner(key: str, name: Told | None, post: Told | None, known: Mapping[str, Any] | None) -> Practitioner:
    """Who somebody is, from what a message tells and what is known. Raises Refused (directory-unknown)."""
    if known is None and (name is None or post is None):
        there = name or post
        assert there is not None
        missing = "Practitioner" if name is None else "PractitionerRole"
        raise refuse("directory-unknown", there.shared.path, kind=missing, key=key)
    was = known or {}
    role = code_in(post.shared.resource.get("code"), "urn:hub:practitioner-role") if post else was["role"]
    return Practitioner(
        id=key,
        organisation_id=_key(post, "organization") if post else was["organisation_id"],
        name=_name_of(name.shared.resource) if name else was["name"],
        role=role,
        title=text_of(post.shared.resource.get("code")) if post else was["title"],
    )


def _name_of(resource: Mapping[str, Any]) -> str:
    first: Any = next(iter(listed(resource.get("name"))), {})
    return str(first.get("text") or "".join((first.get("family", ""), *listed(first.get("given")))))


def _team(told: Told) -> Team:
    resource = told.shared.resource
    inside = [list(extensions(one, "code")) + list(extensions(one, "name")) for one in _areas(resource)]
    areas = {str(pair[0].get("valueString", "")): str(pair[-1].get("valueString", "")) for pair in inside if pair}
    return Team(
        id=told.shared.key,
        organisation_id=_key(told, "managingOrganization"),
        name=str(resource.get("name", "")),
        name_en=next(iter(texts(resource, "urn:hub:name-en")), ""),
        phone=phone_of(resource),
        members=tuple(_member(told, one) for one in listed(resource.get("participant"))),
        areas=areas,
    )


def _areas(resource: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]:
    return extensions(resource, "urn:hub:area")


def _member(told: Told, said: Mapping[str, Any]) -> Member:
    period = said.get("period") or {}
    codes = [coding for role in listed(said.get("role")) for coding in listed(role.get("coding"))]
    last = _day(period.get("end"))
    return Member(
        practitioner_id=told.shared.refers.get(reference_of(said.get("member")), ""),
        role=next((str(one["code"]) for one in codes if one.get("code")), ""),
        since=_day(period.get("start")),
        until=last + timedelta(days=1) if last else None,
    )


def _day(said: Any) -> date | None:
    """A FHIR dateTime's day; None where it is less precise."""
    text = str(said or "")
    return date.fromisoformat(text[:10]) if len(text) >= 10 else None


def _key(told: Told, element: str) -> str:
    """The key of what an element refers to; "" where it refers to nothing."""
    first: Any = next(iter(listed(told.shared.resource.get(element))), None)
    return told.shared.refers.get(reference_of(first), "")
