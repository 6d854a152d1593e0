"""What follows a discharge: one plan or one offer, whatever comes, how often and in which order."""

from dataclasses import replace
from datetime import date, timedelta

from sqlalchemy.ext.asyncio import AsyncEngine

from tests.aftercare import (
    NOW,
    Course,
    acts,
    deliver,
    known,
    lines,
    offers,
    plans,
    set_up,
    sign,
)
from tests.desk import rows

STROKE = Course(slug="stroke", diagnoses=("I63.9", "I10"))
PLAIN = Course(slug="leap-day")
DAY = date(2026, 6, 19)


async def signed(engine: AsyncEngine, course: Course, team: str = "dongcheng-1") -> None:
    """The county knows the patient of a course, and a team has signed them."""
    await set_up(engine)
    await sign(engine, await known(engine, course.slug), team)


async def test_a_discharge_makes_one_plan_with_windows_and_reasons(engine: AsyncEngine) -> None:
    await signed(engine, STROKE)
    await deliver(engine, [STROKE.a01(), STROKE.a03()])
    [plan] = await plans(engine)
    assert (plan["state"], plan["team_id"], plan["priority"], plan["basis"]) == (
        "delivered",
        "dongcheng-1",
        "routine",
        "ladder",
    )
    assert (plan["hospital_id"], plan["disposition"]) == ("renmin", "1")
    found = await lines(engine)
    assert [(line["due_from"] - DAY).days for line in found] == [0, 8, 28, 84, 175, 358]
    assert [line["number"] for line in found] == [1, 2, 3, 4, 5, 6]
    assert "脑卒中" in found[1]["reason"]["zh"]
    assert found[1]["rule"] == "follow-up:stroke + follow-up:chronic"
    [message] = await rows(engine, "select control_id from message where id = :id", id=plan["message_id"])
    assert message["control_id"] == STROKE.a03().slug
    [event] = await rows(engine, "select * from event where kind = 'follow-up-changed'")
    assert (event["subject"], event["audience"], event["message_id"]) == (
        plan["id"],
        ["team:dongcheng-1"],
        plan["message_id"],
    )


async def test_the_same_discharge_twice_makes_one_plan(engine: AsyncEngine) -> None:
    await signed(engine, STROKE)
    await deliver(engine, [STROKE.a01(), STROKE.a03(), STROKE.a03()], most=1)
    await deliver(engine, [STROKE.a03()])
    assert len(await plans(engine)) == 1
    assert await acts(engine, "plan") == ["deliver"]


async def test_a_discharge_before_its_admission_makes_the_same_plan(engine: AsyncEngine) -> None:
    await signed(engine, STROKE)
    await deliver(engine, [STROKE.a03(), STROKE.a01()], most=1)
    [plan] = await plans(engine)
    assert plan["state"] == "delivered"
    assert len(await lines(engine)) == 6


async def test_a_discharge_that_becomes_known_late_is_owed_at_once(engine: AsyncEngine) -> None:
    await signed(engine, PLAIN)
    await deliver(engine, [PLAIN.a01(), PLAIN.a03()], now=NOW + timedelta(days=20))
    found = await lines(engine)
    assert [(line["due_from"], line["due_until"]) for line in found] == [
        (date(2026, 7, 10), date(2026, 7, 13)),
    ]
    assert "补访" in found[0]["reason"]["zh"]


async def test_a_discharge_of_last_year_makes_nothing(engine: AsyncEngine) -> None:
    await signed(engine, PLAIN)
    await deliver(engine, [PLAIN.a01(), PLAIN.a03()], now=NOW + timedelta(days=31))
    assert await plans(engine) == []
    assert await offers(engine) == []


async def test_an_outpatient_visit_makes_nothing(engine: AsyncEngine) -> None:
    await signed(engine, PLAIN)
    sent = PLAIN.a03()
    await deliver(engine, [replace(sent, body=sent.body.replace(b"PV1|1|I|", b"PV1|1|O|"))])
    assert [row["code"] for row in await rows(engine, "select code from encounter where status = 'finished'")] == [
        "AMB"
    ]
    assert await plans(engine) == []


async def test_a_cancelled_discharge_cancels_its_plan_and_a_new_one_brings_it_back(engine: AsyncEngine) -> None:
    await signed(engine, PLAIN)
    await deliver(engine, [PLAIN.a01(), PLAIN.a03()])
    await deliver(engine, [PLAIN.a13()])
    [plan] = await plans(engine)
    assert (plan["state"], plan["end_reason"]) == ("cancelled", "void")
    assert {line["state"] for line in await lines(engine)} == {"cancelled"}
    later = replace(PLAIN, ended="2026-06-24T10:00")
    await deliver(engine, [later.a03()], now=NOW + timedelta(days=5))
    [again] = await plans(engine)
    assert (again["id"], again["state"], again["end_reason"]) == (plan["id"], "delivered", "")
    assert [(line["state"], line["due_from"]) for line in await lines(engine)] == [
        ("due", date(2026, 6, 24)),
        ("due", date(2026, 7, 2)),
    ]
    assert await acts(engine, "plan") == ["deliver", "cancel", "deliver-again"]


async def test_a_cancellation_that_overtakes_its_discharge_leaves_nothing_due(engine: AsyncEngine) -> None:
    await signed(engine, PLAIN)
    await deliver(engine, [PLAIN.a01(), PLAIN.a13(), PLAIN.a03()], most=1)
    assert await plans(engine) == []


async def test_a_completed_plan_of_a_void_discharge_is_owed_again(engine: AsyncEngine) -> None:
    await signed(engine, PLAIN)
    await deliver(engine, [PLAIN.a01(), PLAIN.a03()])
    async with engine.begin() as connection:
        await connection.exec_driver_sql("update follow_up set state = 'completed', done_at = now()")
        done = (NOW + timedelta(days=1)).isoformat()
        await connection.exec_driver_sql(f"update follow_up_plan set state = 'completed', ended_at = '{done}'")
    await deliver(engine, [PLAIN.a13()])
    await deliver(engine, [replace(PLAIN, ended="2026-06-24T10:00").a03()], now=NOW + timedelta(days=5))
    [plan] = await plans(engine)
    assert plan["state"] == "delivered"
    assert [line["state"] for line in await lines(engine)] == ["completed", "completed", "due", "due"]
    assert await acts(engine, "plan") == ["deliver", "void", "deliver-again"]


async def test_a_death_stops_every_plan_and_offer(engine: AsyncEngine) -> None:
    await signed(engine, PLAIN)
    other = Course(slug="fifteen-digit", serial="260000902")
    await deliver(engine, [PLAIN.a01(), PLAIN.a03(), other.a01(), other.a03()])
    assert [offer["state"] for offer in await offers(engine)] == ["open"]
    again = [replace(one, serial=f"26000095{at}", began="2026-06-19T15:00") for at, one in enumerate((PLAIN, other))]
    died = [replace(one, ended="2026-06-19T20:00", disposition="5").a03() for one in again]
    await deliver(engine, died)
    [plan] = await plans(engine)
    assert (plan["state"], plan["end_reason"]) == ("cancelled", "death")
    assert [(offer["state"], offer["end_reason"]) for offer in await offers(engine)] == [("withdrawn", "death")]


async def test_a_death_that_is_taken_back_brings_the_plan_back(engine: AsyncEngine) -> None:
    await signed(engine, PLAIN)
    dead = replace(PLAIN, disposition="5")
    await deliver(engine, [PLAIN.a01(), PLAIN.a03()])
    await deliver(engine, [dead.a08(5)])
    assert [plan["end_reason"] for plan in await plans(engine)] == ["death"]
    await deliver(engine, [PLAIN.a08(10, disposition="1")])
    assert [plan["state"] for plan in await plans(engine)] == ["delivered"]


async def test_a_readmission_cancels_what_is_due_and_a_void_one_brings_it_back(engine: AsyncEngine) -> None:
    await signed(engine, PLAIN)
    await deliver(engine, [PLAIN.a01(), PLAIN.a03()])
    back = replace(PLAIN, serial="260000903", began="2026-06-20T08:00", ended="2026-06-28T09:00")
    await deliver(engine, [back.a01()])
    [plan] = await plans(engine)
    assert (plan["state"], plan["end_reason"]) == ("cancelled", "readmitted")
    void = back.a01()  # the hospital corrects it: it was a visit and no admission
    corrected = void.body.replace(b"PV1|1|I|", b"PV1|1|O|").replace(b"20260620080100", b"20260620080900")
    await deliver(engine, [replace(void, body=corrected)])
    [plan] = await plans(engine)
    assert (plan["state"], plan["end_reason"]) == ("delivered", "")
    assert {line["state"] for line in await lines(engine)} == {"due"}


async def test_each_discharge_of_two_stays_has_its_own_plan(engine: AsyncEngine) -> None:
    await signed(engine, PLAIN)
    back = replace(PLAIN, serial="260000903", began="2026-06-20T08:00", ended="2026-06-20T11:00")
    await deliver(engine, [back.a03(), PLAIN.a03(), PLAIN.a01(), back.a01()], most=1)
    found = {plan["encounter_key"][-3:]: (plan["state"], plan["end_reason"]) for plan in await plans(engine)}
    assert found["903"] == ("delivered", "")
    assert found.get("901") in (None, ("cancelled", "readmitted"))


async def test_a_transfer_makes_no_plan_until_the_next_hospital_discharges(engine: AsyncEngine) -> None:
    await signed(engine, PLAIN)
    sent_on = replace(PLAIN, disposition="2")
    await deliver(engine, [sent_on.a01(), sent_on.a03()])
    assert await plans(engine) == []
    assert await offers(engine) == []


async def test_a_disposition_that_is_corrected_to_a_transfer_takes_the_plan_back(engine: AsyncEngine) -> None:
    await signed(engine, PLAIN)
    await deliver(engine, [PLAIN.a01(), PLAIN.a03()])
    await deliver(engine, [PLAIN.a08(5, disposition="2")])
    [plan] = await plans(engine)
    assert (plan["state"], plan["end_reason"]) == ("cancelled", "transferred")


async def test_who_leaves_against_advice_is_followed_up_with_priority(engine: AsyncEngine) -> None:
    await signed(engine, PLAIN)
    gone = replace(PLAIN, disposition="4")
    await deliver(engine, [gone.a01(), gone.a03()])
    [plan] = await plans(engine)
    assert plan["priority"] == "raised"
    first = (await lines(engine))[0]
    assert first["due_until"] == DAY + timedelta(days=3)


async def test_who_is_handed_to_the_community_is_contacted_earlier(engine: AsyncEngine) -> None:
    await signed(engine, PLAIN)
    handed = replace(PLAIN, disposition="3")
    await deliver(engine, [handed.a01(), handed.a03()])
    [plan] = await plans(engine)
    first = (await lines(engine))[0]
    assert (plan["priority"], first["due_until"]) == ("routine", DAY + timedelta(days=3))
