"""Discharged residents without an agreement, and agreements that come and go after a discharge."""

from dataclasses import replace
from datetime import date

from sqlalchemy.ext.asyncio import AsyncEngine

from fixtures.county import people
from hub.programme.hand import TIME, Hand
from tests.aftercare import (
    NOW,
    Course,
    acts,
    deliver,
    discharges,
    end,
    known,
    lines,
    offers,
    plans,
    reconcile,
    set_up,
    sign,
)
from tests.desk import rows

STROKE = Course(slug="stroke", diagnoses=("I63.9", "I10"))
PLAIN = Course(slug="leap-day")
DAY = date(2026, 6, 19)


async def test_without_an_agreement_there_is_an_offer_to_the_centre_that_knows_them(engine: AsyncEngine) -> None:
    await set_up(engine)
    await known(engine, "lower-case-x", "dongcheng-chc")
    course = Course(slug="lower-case-x")
    await deliver(engine, [course.a01(), course.a03()])
    [offer] = await offers(engine)
    assert (offer["state"], offer["organisation_id"], offer["hospital"]) == ("open", "dongcheng", "威泉县人民医院")
    assert "own system" in offer["reason"]["en"]
    [event] = await rows(engine, "select * from event where kind = 'offer-changed'")
    assert event["audience"] == ["centre:dongcheng"]


async def test_the_address_says_which_centre_where_nothing_else_does(engine: AsyncEngine) -> None:
    await set_up(engine)
    course = Course(slug="fifteen-digit")
    assert "东城街道海棠路" in people()["fifteen-digit"].address
    await deliver(engine, [course.a01(), course.a03()])
    [offer] = await offers(engine)
    assert (offer["organisation_id"], "海棠路" in offer["reason"]["zh"]) == ("dongcheng", True)


async def test_the_destination_that_the_hospital_named_goes_before_the_address(engine: AsyncEngine) -> None:
    await set_up(engine)
    sent = Course(slug="fifteen-digit", disposition="3").a03()
    fields = next(line for line in sent.body.split(b"\r") if line.startswith(b"PV1")).split(b"|")
    fields[37] = "南山镇卫生院".encode("gb18030")
    lines_ = [b"|".join(fields) if line.startswith(b"PV1") else line for line in sent.body.split(b"\r")]
    await deliver(engine, [replace(sent, body=b"\r".join(lines_))])
    [offer] = await offers(engine)
    assert offer["organisation_id"] == "nanshan"


async def test_an_offer_that_belongs_nowhere_goes_to_every_centre_of_the_alliance(engine: AsyncEngine) -> None:
    await set_up(engine)
    course = Course(slug="leap-day")  # lives where no area of the grid is known
    await deliver(engine, [course.a01(), course.a03()])
    [offer] = await offers(engine)
    assert offer["organisation_id"] is None
    [event] = await rows(engine, "select * from event where kind = 'offer-changed'")
    assert event["audience"] == ["centre:dongcheng", "centre:nanshan"]


async def test_a_registration_that_comes_after_the_discharge_moves_the_offer(engine: AsyncEngine) -> None:
    await set_up(engine)
    course = Course(slug="leap-day")
    await deliver(engine, [course.a01(), course.a03()])
    await known(engine, "leap-day", "dongcheng-chc")
    [offer] = await offers(engine)
    assert offer["organisation_id"] == "dongcheng"
    assert await acts(engine, "offer") == ["make", "move"]


async def test_a_discharge_of_somebody_unknown_opens_a_resident_and_an_offer(engine: AsyncEngine) -> None:
    await set_up(engine)
    await deliver(engine, [Course(slug="no-id").a03()])
    assert len(await rows(engine, "select id from resident")) == 1
    assert [offer["state"] for offer in await offers(engine)] == ["open"]


async def test_signing_turns_an_open_offer_into_a_plan(engine: AsyncEngine) -> None:
    await set_up(engine)
    await deliver(engine, [PLAIN.a01(), PLAIN.a03()])
    [offer] = await offers(engine)
    await sign(engine, offer["resident_id"], "nanshan-1")
    await reconcile(engine, offer["resident_id"])
    [plan] = await plans(engine)
    assert (plan["state"], plan["team_id"]) == ("delivered", "nanshan-1")
    assert [(offer["state"], offer["end_reason"]) for offer in await offers(engine)] == [("taken", "")]


async def test_an_agreement_that_ends_puts_its_open_plan_on_the_offer_list(engine: AsyncEngine) -> None:
    await set_up(engine)
    resident = await known(engine, "leap-day")
    key = await sign(engine, resident)
    await deliver(engine, [PLAIN.a01(), PLAIN.a03()])
    await end(engine, key)
    await reconcile(engine, resident)
    [plan] = await plans(engine)
    assert (plan["state"], plan["end_reason"]) == ("cancelled", "agreement-ended")
    assert [offer["state"] for offer in await offers(engine)] == ["open"]


async def test_a_transferred_agreement_hands_the_plan_to_the_new_team(engine: AsyncEngine) -> None:
    await set_up(engine)
    resident = await known(engine, "leap-day")
    key = await sign(engine, resident)
    await deliver(engine, [PLAIN.a01(), PLAIN.a03()])
    await end(engine, key)
    await sign(engine, resident, "nanshan-1")
    await reconcile(engine, resident)
    [plan] = await plans(engine)
    assert (plan["state"], plan["team_id"]) == ("delivered", "nanshan-1")
    assert {line["team_id"] for line in await lines(engine)} == {"nanshan-1"}
    events = await rows(engine, "select audience from event where kind = 'follow-up-changed' order by position")
    assert [event["audience"] for event in events[-2:]] == [["team:dongcheng-1"], ["team:nanshan-1"]]
    assert await offers(engine) == []


async def test_the_clock_finds_what_agreements_left_adrift(engine: AsyncEngine) -> None:
    """Whoever signs or ends an agreement need not think of plans: within a second the clock has."""
    await set_up(engine)
    resident = await known(engine, "leap-day")
    await deliver(engine, [PLAIN.a01(), PLAIN.a03()])
    assert await _tick(engine) == [0]
    key = await sign(engine, resident)
    assert await _tick(engine) == [1, 0]
    assert [plan["state"] for plan in await plans(engine)] == ["delivered"]
    await end(engine, key)
    assert await _tick(engine) == [1, 0]
    assert [plan["end_reason"] for plan in await plans(engine)] == ["agreement-ended"]
    assert [offer["state"] for offer in await offers(engine)] == ["open"]


async def _tick(engine: AsyncEngine) -> list[int]:
    """What the clock did, batch by batch, until nothing was left."""
    done: list[int] = []
    while not done or done[-1]:
        async with engine.begin() as connection:
            hand = Hand(connection=connection, by=TIME, role="time", now=NOW)
            done.append(await discharges().catch_up(hand, 10))
            await hand.write()
        assert len(done) < 5
    return done
