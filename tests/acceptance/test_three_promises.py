"""The three promises, from end to end: a real hub in a process of its own, real MLLP, HTTP and WebSocket.

The hospital is played by code that shares nothing with the hub (`fixtures.hospital`), and it is not always punctual:
late, doubled, or silent where one waits for it. The team is a front end with a token and nothing else.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect

from fixtures.county import Sending, people, story
from fixtures.county.directory import BOOKING, SIGNING, directory_files
from fixtures.county.today import DISCHARGED, REFERRED, UNSIGNED, Today
from fixtures.hospital import DOUBLED, PROTOCOL, PUNCTUAL, SILENT, Desk, Engine, Temperament
from hub.access import Role, Viewer
from hub.demo import documents
from hub.demo.asking import FrontEnd, Refused
from hub.ids import new_id
from hub.tokens import Keyring
from tests.acceptance.hub_process import HubProcess, run_hub, serving
from tests.conftest import Server

LATE = Temperament(late=0.4)
PATIENCE = 30.0
SECOND = 1.0
"""How long a discharge may take to its team."""

FOLLOW_REFERRALS = """
subscription R($after: String) { referralChanged(after: $after) { cursor referral { id number state direction } } }
"""
PLANS = """
query P($unaccepted: Boolean!) { followUpPlans(unaccepted: $unaccepted, first: 50) { edges { node {
  id state messageId resident { id name } followUps { id state dueFrom dueUntil } availableActions
} } } }
"""
ENDED = "query E { followUpPlans(ended: true, first: 50) { edges { node { id state endReason resident { name } } } } }"
MINE = """
query Mine($after: String) { residents(first: 100, after: $after) {
  pageInfo { hasNextPage endCursor } edges { node { id name } }
} }
"""
LEDGER = "query L($id: ID!) { slotPool(id: $id) { balance { total public team held booked withdrawn } } }"
BOOKINGS = "query B { bookings(first: 50) { edges { node { id state slotPool { id } resident { name } } } } }"


@dataclass
class County:
    """Everybody who plays."""

    hub: HubProcess
    engine: Engine
    desk: Desk
    doctor: FrontEnd
    nurse: FrontEnd
    stranger: FrontEnd
    today: Today

    async def refer(self) -> dict[str, Any]:
        """The referred resident's doctor holds a slot and refers her up with it."""
        resident = await resident_of(self.doctor, people()[REFERRED].name)
        pools = (await self.doctor.ask(documents.POOLS, {"department": "内分泌科"}))["slotPools"]["edges"]
        pool = next(edge["node"]["id"] for edge in pools if edge["node"]["bookable"])
        held = await self.doctor.change(documents.HOLD, slotPoolId=pool, residentId=resident)
        sent = await self.doctor.change(
            documents.SEND,
            residentId=resident,
            toOrganisationId="renmin",
            reason="血糖控制不佳",
            department="内分泌科",
            bookingId=held["id"],
        )
        return {**sent, "pool": pool, "resident": resident, "booking": held["id"]}


@pytest.fixture(scope="module")
async def signed(server: Server, template: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    """The name of a database into which the county's directory and agreements were loaded: `hub load`."""
    name, folder = f"signed_{new_id().hex[-12:]}", tmp_path_factory.mktemp("files")
    await server.create_database(name, template)
    files = directory_files(datetime.now(UTC))
    for file, raw in files.items():
        (folder / file).write_bytes(raw)
    names = [str(folder / file) for file in files]
    with serving(folder / "home", server.urls(name).application, "worker") as hub:
        loaded = await asyncio.to_thread(run_hub, hub.environment, "load", *names, "--source", SIGNING)
    assert loaded.returncode == 0, loaded.stdout + loaded.stderr
    yield name
    await server.drop_database(name)


@pytest.fixture
async def hub(server: Server, signed: str, tmp_path: Path) -> AsyncIterator[HubProcess]:
    name = f"test_{new_id().hex[-12:]}"
    await server.create_database(name, signed)
    with serving(tmp_path / "home", server.urls(name).application) as process:
        yield process
    await server.drop_database(name)


@pytest.fixture
async def county(hub: HubProcess) -> County:
    """Everybody, and what the community's system and the hospitals' appointment systems have told by now."""
    now = datetime.now(UTC)
    keyring = Keyring.open(Path(hub.environment["HUB_HOME"]) / "keys")

    def token(id: str, role: Role, **of: str) -> str:
        return keyring.issue(Viewer(id=id, name=id, role=role, **of), now=now)

    def front_end(id: str, role: Role, team: str) -> FrontEnd:
        organisation = team.rpartition("-")[0]
        return FrontEnd(base=hub.base, token=token(id, role, organisation=organisation, team=team), name=id)

    sources = ("renmin-his", "erke-fhir", BOOKING)
    tokens = {name: token(name, Role.HOSPITAL_SOURCE, source=name) for name in sources}
    county = County(
        hub=hub,
        engine=Engine(base=hub.base, host="127.0.0.1", mllp_port=hub.mllp_port, tokens=tokens),
        desk=Desk(base=hub.base, token=token("renmin-desk", Role.HOSPITAL_DESK, organisation="renmin")),
        doctor=front_end("dongcheng-1-doctor", Role.FAMILY_DOCTOR, "dongcheng-1"),
        nurse=front_end("dongcheng-1-nurse", Role.NURSE, "dongcheng-1"),
        stranger=front_end("nanshan-2-doctor", Role.FAMILY_DOCTOR, "nanshan-2"),
        today=Today(began_at=now),
    )
    await county.engine.send(*registered(DISCHARGED), *registered(REFERRED), *county.today.sessions())
    return county


def registered(slug: str) -> list[Sending]:
    """How the community's own system tells of somebody: the health-record number that the agreement names, and the
    citizen ID number that the hospital will send."""
    return [one for one in story() if one.source == "dongcheng-chc" and slug in one.about]


@asynccontextmanager
async def wire(address: str) -> AsyncIterator[ClientConnection]:
    """A WebSocket for the hospital's desk."""
    async with connect(address, subprotocols=[PROTOCOL]) as socket:  # type: ignore[list-item]
        yield socket


async def resident_of(who: FrontEnd, name: str) -> str:
    found = (await who.ask(MINE))["residents"]["edges"]
    return next(str(edge["node"]["id"]) for edge in found if edge["node"]["name"] == name)


async def plans(who: FrontEnd, *, unaccepted: bool = False) -> list[dict[str, Any]]:
    found = await who.ask(PLANS, {"unaccepted": unaccepted})
    return [edge["node"] for edge in found["followUpPlans"]["edges"]]


async def state_of(who: FrontEnd, referral: str) -> str:
    return str((await who.ask(documents.REFERRAL, {"id": referral}))["referral"]["state"])


async def soon(look: Callable[[], Awaitable[Any]]) -> Any:
    async with asyncio.timeout(PATIENCE):
        while not (found := await look()):
            await asyncio.sleep(0.05)
    return found


async def becomes(who: FrontEnd, referral: str, state: str) -> None:
    async def look() -> bool:
        return await state_of(who, referral) == state

    await soon(look)


# -- a discharge reaches its team ------------------------------------------------------------------------------------


@pytest.mark.parametrize("temperament", [PUNCTUAL, LATE, DOUBLED], ids=["punctual", "late", "doubled"])
async def test_a_discharge_reaches_the_team_within_a_second_and_the_visit_reaches_the_record(
    county: County, temperament: Temperament
) -> None:
    engine = replace(county.engine, temperament=temperament)
    admitted, discharged = county.today.stay()
    async with county.nurse.following(documents.FOLLOW) as changes:
        await engine.send(admitted)
        sending = asyncio.create_task(engine.send(discharged))
        async with asyncio.timeout(temperament.late + PATIENCE):
            plan = (await anext(changes))["plan"]
        await sending
    assert (plan["state"], plan["resident"]["name"]) == ("DELIVERED", people()[DISCHARGED].name)
    assert plan["basis"] == "REQUEST", "the hospital's own request comes before the ladder"
    assert len(await plans(county.nurse, unaccepted=True)) == 1, "one plan a stay, however often it is told"

    await county.nurse.change(documents.ACCEPT_PLAN, planId=plan["id"])
    (follow_up,) = plan["followUps"]
    today = (datetime.now(UTC) + timedelta(hours=8)).date().isoformat()
    sooner = {"dueFrom": today, "dueUntil": today, "reason": "居民希望提前"}
    await county.nurse.change(documents.RESCHEDULE, followUpId=follow_up["id"], **sooner)
    measured = [{"kind": "SYSTOLIC", "value": 136}, {"kind": "DIASTOLIC", "value": 82}]
    done = await county.nurse.change(
        documents.COMPLETE, followUpId=follow_up["id"], outcome="SATISFIED", way="HOME", measurements=measured
    )
    assert done["plan"]["state"] == "COMPLETED"

    async def in_the_record() -> bool:
        found = await county.doctor.ask(documents.MEASURED, {"id": plan["resident"]["id"]})
        edges = found["resident"]["record"]["observations"]["edges"]
        return any(origin["messageId"] == done["messageId"] for edge in edges for origin in edge["node"]["origins"])

    await soon(in_the_record)


async def test_a_discharge_is_delivered_to_its_team_alone_and_a_subscription_resumes_behind_its_cursor(
    county: County,
) -> None:
    async with county.nurse.following(documents.FOLLOW) as changes:
        await county.engine.send(*county.today.stay())
        first = await asyncio.wait_for(anext(changes), PATIENCE)
    assert await plans(county.stranger) == []
    await county.engine.send(county.today.cancelled_discharge(datetime.now(UTC)))  # while nobody listens
    async with county.nurse.following(documents.FOLLOW, first["cursor"]) as changes, asyncio.timeout(PATIENCE):
        async for change in changes:
            assert change["cursor"] != first["cursor"]
            if change["plan"]["id"] == first["plan"]["id"] and change["plan"]["state"] == "CANCELLED":
                break


async def test_a_cancelled_discharge_takes_its_plan_back(county: County) -> None:
    await county.engine.send(*county.today.stay())
    (plan,) = await soon(lambda: plans(county.nurse))
    await county.nurse.change(documents.ACCEPT_PLAN, planId=plan["id"])
    await county.engine.send(county.today.cancelled_discharge(datetime.now(UTC)))

    async def cancelled() -> bool:
        found = (await county.nurse.ask(ENDED))["followUpPlans"]["edges"]
        return {"CANCELLED"} == {edge["node"]["state"] for edge in found if edge["node"]["id"] == plan["id"]}

    await soon(cancelled)
    assert await plans(county.nurse) == []


async def test_a_silent_hospital_leaves_nothing_half_done(county: County) -> None:
    silent = replace(county.engine, temperament=SILENT)
    await silent.send(*county.today.stay())
    sent = await county.refer()
    await silent.send(county.today.referred_admission(datetime.now(UTC)))
    await becomes(county.doctor, sent["id"], "ARRIVED")
    assert await plans(county.nurse) == []
    assert (await county.doctor.ask(documents.CAME_DOWN))["referrals"]["edges"] == []


async def test_a_discharge_of_somebody_unknown_becomes_an_offer_with_contact_data_only(county: County) -> None:
    name = people()[UNSIGNED].name
    await county.engine.send(*county.today.stay_of_the_unsigned())

    async def offered() -> Any:
        found = (await county.doctor.ask(documents.OFFERS))["followUpOffers"]["edges"]
        return [edge["node"] for edge in found if edge["node"]["name"] == name]

    (offer,) = await soon(offered)
    assert set(offer) == {"name", "phone", "hospital", "dischargedOn", "reason"}
    assert "I10" not in json.dumps(offer)
    assert await plans(county.nurse) == []
    assert name not in [edge["node"]["name"] for edge in (await county.doctor.ask(MINE))["residents"]["edges"]]
    assert (await county.stranger.ask(documents.OFFERS))["followUpOffers"]["edges"] == []


# -- a referral goes up with a slot, and closes by the hospital's own messages ---------------------------------------


@pytest.mark.parametrize("temperament", [PUNCTUAL, LATE, DOUBLED], ids=["punctual", "late", "doubled"])
async def test_a_referral_goes_up_with_a_slot_and_is_closed_by_the_hospitals_messages(
    county: County, temperament: Temperament
) -> None:
    sent = await county.refer()
    assert sent["state"] == "BOOKED"
    desk = replace(county.desk, temperament=temperament)
    answers = await desk.work()
    accepted = [one for one in answers if "code" not in one]
    assert accepted, answers
    if temperament is DOUBLED:
        assert {one["code"] for one in answers if "code" in one} <= {"not-in-this-state", "referral-accepted"}
        assert any("code" in one for one in answers), "accepting twice is refused"
    engine = replace(county.engine, temperament=temperament)
    admitted_at = datetime.now(UTC)
    seen: list[str] = []
    async with county.doctor.following(FOLLOW_REFERRALS) as changes:
        await engine.send(county.today.referred_admission(admitted_at))
        await engine.send(county.today.referred_discharge(admitted_at, datetime.now(UTC)))
        async with asyncio.timeout(PATIENCE):
            async for change in changes:
                seen.append(change["referral"]["state"])
                if change["referral"]["state"] == "CLOSED":
                    break
    await becomes(county.doctor, sent["id"], "CLOSED")
    history = (await county.doctor.ask(documents.REFERRAL, {"id": sent["id"]}))["referral"]["history"]
    acts = [step["act"] for step in history]
    assert acts.count("arrive") == acts.count("discharge") == 1
    assert all(step["messageId"] for step in history if step["act"] in ("arrive", "discharge"))
    assert {step["by"] for step in history if step["role"] == "source"} == {"renmin-his"}

    async def came_down() -> Any:
        found = (await county.doctor.ask(documents.CAME_DOWN))["referrals"]["edges"]
        return [edge["node"] for edge in found if edge["node"]["previousId"] == sent["id"]]

    (down,) = await soon(came_down)
    assert (down["direction"], down["to"]["organisation"]) == ("DOWN", "东城街道社区卫生服务中心")
    assert down["planId"], "the follow-up plan of the stay hangs together with the referral down"


async def test_a_slot_of_a_cancelled_session_frees_the_referral_for_another_one(county: County) -> None:
    sent = await county.refer()
    cancel = """mutation C($input: CancelSessionInput!) { cancelSession(input: $input) {
      ... on SlotPoolPayload { slotPool { state } } ... on Refusal { code message { en } } } }"""
    answer = await county.desk.ask(cancel, input={"slotPoolId": sent["pool"], "reason": "专家停诊"})
    assert answer["cancelSession"]["slotPool"]["state"] == "CANCELLED", answer
    await becomes(county.doctor, sent["id"], "SENT")
    found = (await county.doctor.ask(BOOKINGS))["bookings"]["edges"]
    assert [edge["node"]["state"] for edge in found] == ["CANCELLED"]
    balance = (await county.doctor.ask(LEDGER, {"id": sent["pool"]}))["slotPool"]["balance"]
    assert (balance["held"], balance["booked"]) == (0, 0)
    assert balance["total"] == sum(balance[name] for name in ("public", "team", "held", "booked")) == 0
    assert balance["withdrawn"] == 12


async def test_a_referral_is_nobodys_business_but_its_two_sides(county: County) -> None:
    sent = await county.refer()
    with pytest.raises(RuntimeError, match="unknown-referral"):
        await county.stranger.ask(documents.REFERRAL, {"id": sent["id"]})
    with pytest.raises(Refused, match=r"no-relation|no-such"):
        await county.stranger.change(documents.HOLD, slotPoolId=sent["pool"], residentId=sent["resident"])
    worklist = await county.desk.incoming()
    assert [one["number"] for one in worklist] == [sent["number"]]
