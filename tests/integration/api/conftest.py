"""The API over a real database, and rows to read. The people are invented."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import RowMapping, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from starlette.applications import Starlette

from hub.access import Role, Viewer
from hub.api.routes import create_routes
from hub.events import EventFeed
from hub.ids import new_id
from hub.mapping.codes import load_kinds
from hub.policy import Programme, load_programme, policy_folders
from hub.record import Conflict, Entry, Flag, Origin, OriginValue
from hub.store import entries, inbox, log, relations
from hub.store.entries import origin_json
from hub.tables import (
    agreement,
    audit,
    coverage,
    link,
    message,
    organisation,
    patient,
    patient_number,
    resident,
    resident_number,
    team,
)
from hub.tokens import Keyring
from tests.recognising import plain_matcher

CITIZEN_ID = "37109919560312001X"
CITIZEN_SYSTEM = "urn:oid:2.16.156.10011.1.3"
SENT_AT = datetime(2026, 3, 1, 1, 30, tzinfo=UTC)
DOCTOR = Viewer(id="dr-lin", name="林医生", role=Role.FAMILY_DOCTOR, organisation="centre-1", team="team-1")
ENGINEER = Viewer(id="eng", name="工程师", role=Role.ENGINEER)
KINDS = load_kinds(Path(str(files("mappings"))) / "codes")


@dataclass
class Clock:
    """The present, as a test has it."""

    moment: datetime = field(default_factory=lambda: datetime.now(UTC))

    def __call__(self) -> datetime:
        return self.moment


@dataclass
class Ward:
    """Puts people and entries into the database and reads the audit trail."""

    engine: AsyncEngine

    async def admit(
        self, name: str = "张伟", *, citizen_id: str = "", team: str | None = "team-1", **columns: Any
    ) -> UUID:
        """A resident with one patient of the source `his`, signed with a team; their id."""
        key, local, letter = new_id(), new_id(), await self.letter()
        origins = [origin_json(origin(letter))]
        async with self.engine.begin() as connection:
            await connection.execute(insert(resident).values(id=key, name=name, origins=origins, **columns))
            await connection.execute(insert(patient).values(id=local, source="his", organisation="人民医院"))
            number = {"source": "his", "system": "urn:his", "kind": "inpatient-number", "patient_id": local}
            await connection.execute(insert(patient_number).values(value=str(local)[-8:], **number))
            standing = {"grade": "certain", "reason": "new-with-proof", "message_id": letter}
            await connection.execute(insert(link).values(id=new_id(), patient_id=local, resident_id=key, **standing))
            if citizen_id:
                strong = {"system": CITIZEN_SYSTEM, "kind": "citizen-id", "value": citizen_id}
                await connection.execute(insert(resident_number).values(resident_id=key, **strong))
            if team:
                await sign(connection, key, team)
        return key

    async def sign(self, resident_id: UUID, team: str) -> UUID:
        """A standing agreement of a team with a resident; its id."""
        async with self.engine.begin() as connection:
            return await sign(connection, resident_id, team)

    async def letter(self) -> UUID:
        """A message."""
        key = new_id()
        came = {"source": "his", "transport": "mllp", "format": "hl7v2", "kind": "ADT^A01", "control_id": "1"}
        async with self.engine.begin() as connection:
            await connection.execute(insert(message).values(id=key, size=3, **came))
        return key

    async def note(self, resident_id: UUID, kind: str, count: int = 1, **columns: Any) -> list[UUID]:
        """Entries of a kind, each a day older than the one before; their ids, the newest first."""
        made = [_entry(resident_id, kind, day, columns) for day in range(count)]
        async with self.engine.begin() as connection:
            await entries.save(connection, made)
        return [one.id for one in made]

    async def change(self, *residents: UUID, kinds: tuple[str, ...] = ("Encounter",)) -> None:
        """Tell the log that residents changed, as intake does."""
        async with self.engine.begin() as connection:
            audiences = await relations.find_audiences(connection, residents)
            told = {"kind": "resident-changed", "entries": list(kinds)}
            rows = [{**told, "resident_id": one, "audience": audiences.get(one, [])} for one in residents]
            await log.tell(connection, rows)
            await inbox.wake(connection, "event")

    async def audited(self) -> list[RowMapping]:
        """The audit trail, in the order in which it was written."""
        async with self.engine.connect() as connection:
            return list((await connection.execute(select(audit).order_by(audit.c.id))).mappings())


async def sign(connection: AsyncConnection, resident_id: UUID, team_id: str) -> UUID:
    """A standing agreement of a team with a resident; the team and its centre are made where they are missing."""
    centre = {"id": "centre-1", "name": "东城社区卫生服务中心", "kind": "community-health-centre"}
    await connection.execute(insert(organisation).values(centre).on_conflict_do_nothing())
    served = {"id": team_id, "organisation_id": "centre-1", "name": "海棠团队"}
    await connection.execute(insert(team).values(served).on_conflict_do_nothing())
    key, today = new_id(), datetime.now(UTC).date()
    whom = {"client_kind": "resident", "client_id": str(resident_id), "organisation_id": "centre-1"}
    who = {"provider_kind": "team", "provider_id": team_id, "team_id": team_id, "kind": "primary"}
    term = {"term": 1, "begins_on": today - timedelta(days=30), "ends_on": today + timedelta(days=335)}
    await connection.execute(
        insert(agreement).values(id=key, number=f"A{key.hex[-12:]}", state="in-force", **who, **whom, **term)
    )
    covered = {"kind": "primary", "since": term["begins_on"]}
    await connection.execute(insert(coverage).values(agreement_id=key, resident_id=resident_id, **covered))
    return key


def origin(letter: UUID) -> Origin:
    """Why something stands there: the message `letter`."""
    value = OriginValue(element="code", path="DG1-3", row="hl7v2/dg1-condition:code", codes="")
    return Origin(
        source="his",
        organisation="人民医院",
        message_id=letter,
        path="DG1",
        row="hl7v2/dg1-condition",
        sent_at=SENT_AT,
        values=(value,),
    )


def _entry(resident_id: UUID, kind: str, day: int, columns: dict[str, Any]) -> Entry:
    at = datetime(2026, 3, 1, tzinfo=UTC) - timedelta(days=day)
    lost = Conflict(
        element="clinical_status",
        value="resolved",
        source="phs",
        organisation="疾控",
        message_id=uuid4(),
        sent_at=SENT_AT,
    )
    shown = {"code": f"c{day % 2}", "display": "高血压", "effective": at.date().isoformat(), "effective_at": at}
    return Entry(
        id=uuid4(),
        resident_id=resident_id,
        kind=kind,
        key=str(uuid4()),
        columns={"status": "final", **shown, **columns},
        origins=(origin(uuid4()),),
        conflicts=(lost,),
        flags=(Flag("unknown-code", "DG1-3", "icd-10"),),
    )


@dataclass
class Asker:
    """Somebody with a token who asks the API."""

    client: httpx.AsyncClient
    token: str

    async def post(self, query: str, operation: str | None = None, /, **variables: Any) -> httpx.Response:
        """The bare response."""
        body = {"query": query, "variables": variables, "operationName": operation}
        return await self.client.post("/graphql", json=body, headers={"Authorization": f"Bearer {self.token}"})

    async def ask(self, query: str, /, **variables: Any) -> Any:
        """The data of an answer that must be free of errors."""
        answer = (await self.post(query, **variables)).json()
        assert "errors" not in answer, answer
        return answer["data"]

    async def refused(self, query: str, /, **variables: Any) -> dict[str, Any]:
        """The first error's extensions."""
        answer = (await self.post(query, **variables)).json()
        found: dict[str, Any] = answer["errors"][0]["extensions"]
        return found


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def keyring(tmp_path: Path) -> Keyring:
    return Keyring.open(tmp_path / "keys")


@pytest.fixture
async def feed(engine: AsyncEngine) -> AsyncIterator[EventFeed]:
    async with EventFeed(engine, poll_seconds=30) as feed:
        yield feed


@pytest.fixture
def programme() -> Programme:
    return load_programme("weihai-2023", policy_folders(None))


@pytest.fixture
def app(engine: AsyncEngine, keyring: Keyring, feed: EventFeed, programme: Programme, clock: Clock) -> Starlette:
    return Starlette(routes=create_routes(engine, keyring, feed, KINDS, programme, now=clock, matcher=plain_matcher()))


@pytest.fixture
async def client(app: Starlette) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://hub") as client:
        yield client


@pytest.fixture
def ward(engine: AsyncEngine) -> Ward:
    return Ward(engine)


@pytest.fixture
def doctor(client: httpx.AsyncClient, keyring: Keyring, clock: Clock) -> Asker:
    return Asker(client, keyring.issue(DOCTOR, now=clock()))


@pytest.fixture
def engineer(client: httpx.AsyncClient, keyring: Keyring, clock: Clock) -> Asker:
    return Asker(client, keyring.issue(ENGINEER, now=clock()))
