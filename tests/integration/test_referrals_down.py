"""A discharge to the community opens the way down: one referral a stay, for as long as the discharge stands."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncEngine

from fixtures.county import Sending
from hub.care import referrals as care
from hub.care.deed import Deed
from hub.ids import new_id
from hub.programme.referrals import accepted_with
from hub.tables import follow_up_plan, message
from tests.desk import rows
from tests.integration.referring import (
    DAY,
    DONGCHENG,
    NURSE,
    ONE_DAY,
    OUTPATIENT,
    RENMIN,
    VISIT,
    County,
    discharged,
    over,
    says,
)


@pytest.fixture
async def county(engine: AsyncEngine) -> County:
    return await County(engine).open()


async def state(county: County, key: UUID) -> tuple[str, str]:
    found = await county.referral(key)
    return found["state"], found["outcome"]


async def test_a_discharge_to_the_community_opens_one_referral_down(county: County) -> None:
    up = await county.refer()
    await county.deliver([says("A01"), discharged(disposition="3")])
    assert await state(county, up) == ("closed", "community")
    [down] = await county.down()
    assert (down["state"], down["from_organisation_id"]) == ("sent", "renmin")
    assert (down["to_organisation_id"], down["to_team_id"]) == ("dongcheng", "dongcheng-1")
    assert (down["previous_id"], down["by"]) == (up, RENMIN)
    assert down["summary"]["stays"]["lines"][0]["disposition"] == "医嘱转社区卫生服务机构/乡镇卫生院"
    await county.deliver([discharged(disposition="3"), says("A08", DAY + 12 * ONE_DAY, visit=over(disposition="3"))])
    assert len(await county.down()) == 1


async def test_both_sides_are_told_of_it(county: County) -> None:
    await county.deliver([says("A01"), discharged(disposition="3")])
    [told] = await rows(county.engine, "select audience, subject from event where kind = 'referral-changed'")
    assert told["audience"] == ["organisation:dongcheng", "organisation:renmin", "team:dongcheng-1"]


async def test_without_an_agreement_it_goes_to_the_centre_of_the_area(engine: AsyncEngine) -> None:
    county = await County(engine).open(signed=False)
    await county.deliver([says("A01"), discharged(disposition="3")])
    [down] = await county.down()
    assert (down["to_organisation_id"], down["to_team_id"]) == ("dongcheng", None)


async def test_it_goes_to_the_centre_that_the_hospital_names(county: County) -> None:
    named = discharged(disposition="3")
    body = named.body.decode("gb18030")
    lines = [f"{line}" if not line.startswith("PV1") else _with(line, 37, "南山镇卫生院") for line in body.split("\r")]
    await county.deliver([replace(named, body="\r".join(lines).encode("gb18030"))])
    [down] = await county.down()
    assert (down["to_organisation_id"], down["to_team_id"]) == ("nanshan", None)


def _with(line: str, number: int, value: str) -> str:
    fields = line.split("|")
    fields += [""] * (number + 1 - len(fields))
    fields[number] = value
    return "|".join(fields)


@pytest.mark.parametrize(
    "sendings",
    [
        [says("A01"), discharged(disposition="1")],
        [says("A01", visit=replace(VISIT, disposition="3"))],
        [says("A04", visit=replace(OUTPATIENT, disposition="3", ended_at=DAY + 2 * ONE_DAY))],
        [discharged(disposition="3", person={"died_at": "20260810090000"})],
    ],
    ids=["sent home", "not over", "an outpatient", "who died"],
)
async def test_nothing_else_opens_one(county: County, sendings: list[Sending]) -> None:
    await county.deliver(sendings)
    assert await county.down() == []


async def test_a_discharge_of_long_ago_opens_none(county: County) -> None:
    county.now = DAY + 100 * ONE_DAY
    await county.deliver([says("A01"), discharged(disposition="3")])
    assert await county.down() == []


async def test_a_cancelled_discharge_withdraws_it_and_the_next_one_sends_a_new_one(county: County) -> None:
    await county.deliver([says("A01"), discharged(disposition="3")])
    await county.deliver([says("A13", DAY + 10 * ONE_DAY)])
    [first] = await county.down()
    assert (first["state"], first["state_reason"]) == ("withdrawn", "discharge-cancelled")
    await county.deliver([discharged(disposition="3", days=12)])
    first, second = await county.down()
    assert (first["state"], second["state"]) == ("withdrawn", "sent")


async def test_an_accepted_one_outlasts_the_cancelled_discharge(county: County) -> None:
    await county.deliver([says("A01"), discharged(disposition="3")])
    [down] = await county.down()

    async def accept(deed: Deed) -> UUID:
        return await care.accept(deed, down["id"])

    await county.carry_out(NURSE, accept)
    await county.deliver([says("A13", DAY + 10 * ONE_DAY)])
    assert await state(county, down["id"]) == ("accepted", "")


async def test_a_visit_to_the_centre_is_an_arrival_too(county: County) -> None:
    await county.deliver([says("A01"), discharged(disposition="3")])
    [down] = await county.down()
    visit = replace(OUTPATIENT, serial="DC1", began_at=county.now + timedelta(hours=1))
    await county.deliver([says("A04", visit.began_at, source=DONGCHENG, visit=visit)])
    assert await state(county, down["id"]) == ("arrived", "")


async def plan_of(county: County, stay_key: str, *, team_id: str = "dongcheng-1") -> UUID:
    """A follow-up plan of a stay, as the discharge makes it."""
    key, letter = new_id(), new_id()
    [agreed] = await rows(county.engine, "select id from agreement")
    came = {"source": RENMIN, "transport": "mllp", "format": "hl7v2", "kind": "ADT^A03", "control_id": "p"}
    async with county.engine.begin() as connection:
        await connection.execute(insert(message).values(id=letter, size=3, **came))
        of = {"resident_id": county.resident, "encounter_key": stay_key, "hospital": "威泉县人民医院"}
        whose = {"agreement_id": agreed["id"], "team_id": team_id, "state": "delivered", "priority": "routine"}
        why = {"basis": "rule", "reason": {"zh": "", "en": ""}, "discharged_at": DAY, "message_id": letter}
        await connection.execute(insert(follow_up_plan).values(id=key, **of, **whose, **why))
    return key


async def test_accepting_the_plan_of_a_stay_accepts_the_referral_that_came_of_it(county: County) -> None:
    plan = await plan_of(county, "威泉县人民医院|260801001")
    await county.deliver([says("A01"), discharged(disposition="3")])
    [down] = await county.down()
    assert down["plan_id"] == plan
    for _ in range(2):
        async with county.hand() as hand:
            await accepted_with(hand, plan)
    assert [act for act, _, _ in await county.steps(down["id"])] == ["send", "accept"]


async def test_accepting_a_plan_accepts_no_referral_to_another_team(county: County) -> None:
    plan = await plan_of(county, "威泉县人民医院|260801001", team_id="dongcheng-2")
    await county.deliver([says("A01"), discharged(disposition="3")])
    [down] = await county.down()
    async with county.hand() as hand:
        await accepted_with(hand, plan)
    assert (await county.referral(down["id"]))["state"] == "sent"


async def test_accepting_the_referral_accepts_the_plan_of_the_same_stay(county: County) -> None:
    await county.deliver([says("A01"), discharged(disposition="3")])
    plan = await plan_of(county, "威泉县人民医院|260801001")
    [down] = await county.down()

    async def accept(deed: Deed) -> UUID:
        return await care.accept(deed, down["id"])

    await county.carry_out(NURSE, accept)
    [accepted] = await rows(county.engine, "select state, accepted_by from follow_up_plan")
    assert dict(accepted) == {"state": "accepted", "accepted_by": "nurse-ding"}
    assert (await county.referral(down["id"]))["plan_id"] == plan
    told = await rows(county.engine, "select kind from event where kind = 'follow-up-changed'")
    assert len(told) == 1
