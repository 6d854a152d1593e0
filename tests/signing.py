"""A signing system and a directory as messages tell them, and the same written straight into the database."""

import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from fixtures.county.numbers import citizen_id
from hub.agreements import Provider
from hub.ids import new_id
from hub.intake import Desk, work
from hub.message import Arrival, Format, Transport
from hub.policy import Programme, load_programme
from hub.programme.agreements import Party, Signing, Whom, sign
from hub.programme.contracts import contracts
from hub.programme.directory import (
    Member,
    Organisation,
    Practitioner,
    Team,
    directory,
    save_organisation,
    save_practitioner,
    save_team,
)
from hub.programme.hand import Hand
from hub.programme.merged import merged_residents
from hub.programme.served import agreement_of
from hub.store import inbox
from hub.tables import resident
from tests.desk import county_desk, rows
from tests.policies import OWN

Json = dict[str, Any]

SIGNING = "weiquan-signing"
NOW = datetime(2026, 6, 1, 1, 0, tzinfo=UTC)
TODAY = date(2026, 6, 1)
WEIHAI = load_programme("weihai-2023", OWN)
_RECORD_NUMBER = "urn:oid:2.16.156.10011.1.2"
_CITIZEN_ID = "urn:oid:2.16.156.10011.1.3"


# -- what a signing system sends -------------------------------------------------------------------------------------


def organisation(key: str, kind: str = "community-health-centre", alliance: str = "", **more: Any) -> Json:
    concepts = [{"coding": [{"system": "urn:hub:organisation-kind", "code": kind}]}]
    told = {"resourceType": "Organization", "identifier": [{"system": "urn:hub:organisation", "value": key}]}
    part = {"partOf": {"reference": f"Organization/{alliance}"}} if alliance else {}
    return {**told, "name": f"机构{key}", "type": concepts, **part, **more}


def practitioner(key: str, name: str = "顾清和") -> Json:
    return {"resourceType": "Practitioner", "identifier": [{"value": key}], "name": [{"text": name}]}


def post(key: str, at: str, role: str = "family-doctor", title: str = "主治医师") -> Json:
    return {
        "resourceType": "PractitionerRole",
        "practitioner": {"reference": f"Practitioner/{key}"},
        "organization": {"reference": f"Organization/{at}"},
        "code": [{"coding": [{"system": "urn:hub:practitioner-role", "code": role}], "text": title}],
    }


def team(key: str, at: str, members: Sequence[tuple[str, str]] = (), areas: Sequence[str] = ()) -> Json:
    grid = [
        {
            "url": "urn:hub:area",
            "extension": [{"url": "code", "valueString": area}, {"url": "name", "valueString": f"网格{area}"}],
        }
        for area in areas
    ]
    return {
        "resourceType": "CareTeam",
        "identifier": [{"value": key}],
        "name": f"团队{key}",
        "managingOrganization": [{"reference": f"Organization/{at}"}],
        "participant": [
            {"member": {"reference": f"Practitioner/{who}"}, "role": [{"coding": [{"code": role}]}]}
            for who, role in members
        ],
        "extension": [*grid, {"url": "urn:hub:name-en", "valueString": f"Team {key}"}],
    }


def person(number: int, name: str = "") -> Json:
    """Patient `number` of the signing system, who has a citizen ID number."""
    return {
        "resourceType": "Patient",
        "identifier": [
            {"system": _RECORD_NUMBER, "value": f"37109900100{number:06}"},
            {"system": _CITIZEN_ID, "value": citizen_of(number)},
        ],
        "name": [{"text": name or f"居民{number}"}],
        "birthDate": _born(number).isoformat(),
    }


def citizen_of(number: int) -> str:
    return citizen_id("371099", _born(number), number % 1000)


def _born(number: int) -> date:
    return date(1956, 3, 12) + timedelta(days=number // 1000)


def contract(
    number: str, subject: list[str], begins: str, ends: str, performer: str = "CareTeam/t1", **more: Any
) -> Json:
    """A contract; `subject` are references, `kind` and `packages` its extras."""
    kind, packages, reason = more.pop("kind", "primary"), more.pop("packages", []), more.pop("reason", "")
    extensions = [{"url": "urn:hub:package", "valueString": one} for one in packages]
    extensions += [{"url": "urn:hub:end-reason", "valueString": reason}] if reason else []
    return {
        "resourceType": "Contract",
        "identifier": [{"system": "urn:hub:agreement", "value": number}],
        "status": "executed",
        "issued": f"{begins}T09:00:00+08:00",
        "applies": {"start": begins, "end": ends},
        "type": {"coding": [{"system": "urn:hub:agreement-kind", "code": kind}]},
        "subject": [{"reference": one} for one in subject],
        "term": [{"offer": {"text": "签约"}, "action": [_action(performer)]}],
        "extension": extensions,
        **more,
    }


def _action(performer: str) -> Json:
    said = {"type": {"text": "签约"}, "intent": {"text": "签约"}, "status": {"text": "active"}}
    return {**said, "performer": {"reference": performer}}


def household(number: str, members: Sequence[str]) -> Json:
    return {
        "resourceType": "Group",
        "identifier": [{"system": "urn:hub:household", "value": number}],
        "type": "person",
        "actual": True,
        "member": [{"entity": {"reference": one}} for one in members],
    }


def bundle(*resources: Json, at: datetime = NOW) -> bytes:
    """A transaction; a resource is referred to as ``urn:uuid:KIND-PLACE`` (``urn:uuid:Patient-0``)."""
    entries = [
        {
            "fullUrl": f"urn:uuid:{one['resourceType']}-{place}",
            "resource": one,
            "request": {"method": "POST", "url": one["resourceType"]},
        }
        for place, one in enumerate(resources)
    ]
    said = {"resourceType": "Bundle", "type": "transaction", "timestamp": at.isoformat(), "entry": entries}
    return json.dumps(said).encode()


COUNTY = (
    organisation("alliance", "alliance"),
    organisation("c1", alliance="alliance"),
    organisation("c2", alliance="alliance"),
    organisation("h1", "hospital"),
    practitioner("d1"),
    post("d1", "c1"),
    practitioner("d2", "岑怀瑾"),
    post("d2", "c2"),
    team("t1", "c1", [("d1", "leader")], ["a1", "a2"]),
    team("t2", "c2", [("d2", "leader")], ["a3"]),
)
"""Two centres of one alliance with a team each, and a hospital."""


def signing_desk(programme: Programme = WEIHAI, now: Callable[[], datetime] = lambda: NOW) -> Desk:
    """The county's desk with what the programme does about the directory and agreements."""
    return replace(county_desk(), reactions=(directory(), contracts(programme), merged_residents()), now=now)


async def send(engine: AsyncEngine, *bodies: bytes, most: int = 64, desk: Desk | None = None) -> None:
    """Keep messages of the signing system in this order, and merge them in batches of `most`."""
    kept = [
        (new_id(), Arrival(source=SIGNING, transport=Transport.FHIR, format=Format.FHIR, raw=body, kind="transaction"))
        for body in bodies
    ]
    async with engine.begin() as connection:
        await inbox.keep(connection, kept)
    await merge(engine, most=most, desk=desk)


async def merge(engine: AsyncEngine, *, most: int = 64, desk: Desk | None = None) -> None:
    """Merge what is kept until nothing is."""
    while await work(engine, desk or signing_desk(), most=most):
        pass


# -- the same without messages ---------------------------------------------------------------------------------------


@asynccontextmanager
async def hand(engine: AsyncEngine, now: datetime = NOW, by: str = "dr-lin") -> AsyncIterator[Hand]:
    """Somebody's hand over a transaction that commits."""
    async with engine.begin() as connection:
        one = Hand(connection=connection, by=by, role="family-doctor", now=now)
        yield one
        await one.write()


async def found_county(connection: AsyncConnection) -> None:
    """The directory of `COUNTY`, kept by an administrator."""
    await save_organisation(connection, Organisation(id="alliance", name="医共体", kind="alliance"))
    for number in ("1", "2"):
        home = Organisation(
            id=f"c{number}", name=f"中心{number}", kind="community-health-centre", alliance_id="alliance"
        )
        await save_organisation(connection, home)
        doctor = Practitioner(id=f"d{number}", organisation_id=home.id, name="顾清和", role="family-doctor")
        await save_practitioner(connection, doctor)
        members = (Member(practitioner_id=doctor.id, role="leader"),)
        one = Team(id=f"t{number}", organisation_id=home.id, name=f"团队{number}", members=members, areas={})
        await save_team(connection, one, today=TODAY)


async def admit(connection: AsyncConnection, count: int = 1) -> list[UUID]:
    """Residents of whom nothing is known but that they are there."""
    keys = [new_id() for _ in range(count)]
    await connection.execute(insert(resident), [{"id": key, "name": "张伟"} for key in keys])
    return keys


def of_team(number: int) -> Party:
    """The party that a team of the county is."""
    return Party(kind=Provider.TEAM, id=f"t{number}", team_id=f"t{number}", organisation_id=f"c{number}")


async def signed(
    engine: AsyncEngine,
    who: UUID | Sequence[UUID],
    team: int = 1,
    *,
    now: datetime = NOW,
    programme: Programme = WEIHAI,
    party: Party | None = None,
    whom: dict[str, Any] | None = None,
    **agreed: Any,
) -> UUID:
    """An agreement that a team signed."""
    residents = (who,) if isinstance(who, UUID) else tuple(who)
    async with hand(engine, now) as one:
        of = Whom(residents=residents, **(whom or {}))
        return await sign(one, programme, party or of_team(team), of, Signing(**agreed))


async def state_of(engine: AsyncEngine, key: UUID) -> dict[str, Any]:
    query = "select state, begins_on, ends_on, ended_on, end_reason, term, version from agreement where id = :key"
    return dict((await rows(engine, query, key=key))[0])


async def covered(engine: AsyncEngine, key: UUID) -> dict[UUID, tuple[date | None, date | None]]:
    query = "select resident_id, since, until from coverage where agreement_id = :key"
    return {row["resident_id"]: (row["since"], row["until"]) for row in await rows(engine, query, key=key)}


async def team_of(engine: AsyncEngine, who: UUID, today: date = TODAY) -> str | None:
    async with engine.connect() as connection:
        standing = await agreement_of(connection, who, today)
        return standing.team_id if standing else None
