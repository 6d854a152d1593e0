"""A team sees its own residents only: the relation is what opens a record, and the audit trail names it."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import insert, update
from sqlalchemy.ext.asyncio import AsyncEngine

from hub.access import Role, Viewer
from hub.ids import new_id
from hub.tables import agreement, coverage, follow_up_plan, organisation, referral
from hub.tokens import Keyring
from tests.integration.api.conftest import Asker, Clock, Ward

ONE = "query One($id: ID!) { resident(id: $id) { name } }"
LIST = "query All { residents { totalCount edges { node { name } } } }"
RECORD = "query R($id: ID!) { resident(id: $id) { record { conditions { totalCount } } } }"
DESK = Viewer(id="desk", name="转诊办", role=Role.HOSPITAL_DESK, organisation="renmin")
OTHER = Viewer(id="dr-gu", name="顾医生", role=Role.FAMILY_DOCTOR, organisation="centre-1", team="team-2")


@pytest.fixture
def other(client: httpx.AsyncClient, keyring: Keyring, clock: Clock) -> Asker:
    return Asker(client, keyring.issue(OTHER, now=clock()))


@pytest.fixture
def desk(client: httpx.AsyncClient, keyring: Keyring, clock: Clock) -> Asker:
    return Asker(client, keyring.issue(DESK, now=clock()))


async def names(asker: Asker) -> set[str]:
    found = (await asker.ask(LIST))["residents"]
    listed = {edge["node"]["name"] for edge in found["edges"]}
    assert found["totalCount"] == len(listed)
    return listed


async def refer(ward: Ward, resident: UUID, **changed: Any) -> UUID:
    """An open referral of team-1 to renmin."""
    key = new_id()
    row: dict[str, Any] = {
        "direction": "up",
        "state": "sent",
        "from_organisation_id": "centre-1",
        "from_team_id": "team-1",
    }
    row |= {"to_organisation_id": "renmin", "urgency": "routine", "reason": "胸痛", "summary": {}, "by": "dr-lin"}
    async with ward.engine.begin() as connection:
        await connection.execute(insert(organisation).values(id="renmin", name="人民医院", kind="hospital"))
        row |= {"number": str(key), "resident_id": resident, "sent_at": datetime.now(UTC), **changed}
        await connection.execute(insert(referral).values(id=key, **row))
    return key


async def test_a_team_reads_and_lists_only_its_own_residents(ward: Ward, doctor: Asker, other: Asker) -> None:
    mine = await ward.admit("张伟")
    await ward.admit("李娜", team="team-2")
    await ward.admit("王芳", team=None)
    assert await names(doctor) == {"张伟"}
    assert await names(other) == {"李娜"}
    assert (await doctor.ask(ONE, id=str(mine)))["resident"] == {"name": "张伟"}
    assert (await other.refused(ONE, id=str(mine)))["code"] == "no-relation"


async def test_somebody_unrelated_looks_like_nobody_at_all(ward: Ward, other: Asker) -> None:
    mine = await ward.admit("张伟")
    related, unknown = [await other.post(ONE, id=str(key)) for key in (mine, uuid4())]
    assert related.json() == unknown.json()
    assert "张伟" not in related.text


async def test_the_audit_trail_names_the_relation_or_its_absence(ward: Ward, doctor: Asker, other: Asker) -> None:
    mine = await ward.admit("张伟")
    await doctor.ask(ONE, id=str(mine))
    await other.refused(ONE, id=str(mine))
    allowed, refused = (await ward.audited())[-2:]
    assert (allowed["decision"], allowed["rule"], allowed["residents"]) == ("allowed", "relation:agreement", [mine])
    assert (refused["decision"], refused["rule"], refused["residents"]) == ("refused", "no-relation", [mine])


async def test_one_unrelated_resident_does_not_close_the_others(ward: Ward, doctor: Asker) -> None:
    mine, others = await ward.admit("张伟"), await ward.admit("李娜", team="team-2")
    query = f'query Two {{ a: resident(id: "{mine}") {{ name }} b: resident(id: "{others}") {{ name }} }}'
    answer = (await doctor.post(query)).json()
    assert answer["data"] == {"a": {"name": "张伟"}, "b": None}
    assert [error["path"] for error in answer["errors"]] == [["b"]]


@pytest.mark.parametrize("ended", ["ended", "lapsed", "not begun"])
async def test_an_agreement_that_is_not_in_force_opens_nothing(ward: Ward, doctor: Asker, ended: str) -> None:
    mine = await ward.admit("张伟")
    today = datetime.now(UTC).date()
    async with ward.engine.begin() as connection:
        if ended == "ended":
            await connection.execute(update(coverage).values(until=today))
        elif ended == "lapsed":
            await connection.execute(update(agreement).values(ends_on=today - timedelta(days=2)))
        else:
            await connection.execute(update(coverage).values(since=today + timedelta(days=2)))
    assert (await doctor.refused(RECORD, id=str(mine)))["code"] == "no-relation"
    assert await names(doctor) == set()


async def test_a_hospital_desk_reads_while_a_referral_is_open(ward: Ward, desk: Asker, engine: AsyncEngine) -> None:
    mine = await ward.admit("张伟")
    await ward.admit("李娜")
    assert await names(desk) == set()
    await refer(ward, mine)
    assert await names(desk) == {"张伟"}
    assert (await desk.ask(RECORD, id=str(mine)))["resident"]["record"]["conditions"]["totalCount"] == 0
    assert (await ward.audited())[-1]["rule"] == "relation:referral"
    async with engine.begin() as connection:
        await connection.execute(update(referral).values(ended_at=datetime.now(UTC), state="closed"))
    assert await names(desk) == set()


async def test_an_assigned_follow_up_opens_the_record_until_the_plan_ends(ward: Ward, other: Asker) -> None:
    mine, letter = await ward.admit("张伟"), await ward.letter()
    signed = await ward.sign(await ward.admit("李娜", team=None), "team-2")
    row = {
        "encounter_key": "人民医院|1",
        "hospital": "人民医院",
        "discharged_at": datetime.now(UTC),
        "state": "delivered",
    }
    row |= {"agreement_id": signed, "team_id": "team-2", "priority": "routine", "basis": "rule", "reason": {}}
    async with ward.engine.begin() as connection:
        plan = insert(follow_up_plan).values(id=new_id(), resident_id=mine, message_id=letter, **row)
        await connection.execute(plan)
    assert await names(other) == {"张伟", "李娜"}
    async with ward.engine.begin() as connection:
        await connection.execute(update(follow_up_plan).values(ended_at=datetime.now(UTC)))
    assert await names(other) == {"李娜"}


async def test_a_reader_without_a_team_reads_nobody(
    ward: Ward, client: httpx.AsyncClient, keyring: Keyring, clock: Clock
) -> None:
    mine = await ward.admit("张伟")
    stray = Viewer(id="stray", name="游医", role=Role.FAMILY_DOCTOR)
    asker = Asker(client, keyring.issue(stray, now=clock()))
    assert await names(asker) == set()
    assert (await asker.refused(ONE, id=str(mine)))["code"] == "no-relation"
