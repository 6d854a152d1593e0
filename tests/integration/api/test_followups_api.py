"""Follow-up over GraphQL: a team's plans from the discharge to the last contact, a centre's offers, who may what."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event as sql_event
from sqlalchemy.ext.asyncio import AsyncEngine

from hub.access import Role
from hub.intake import work
from hub.store import inbox
from tests.aftercare import Course, acts, deliver, desk, known, plans, sign
from tests.desk import rows
from tests.integration.api.conftest import Clock
from tests.integration.api.nurses import (
    ACCEPT,
    COMPLETE,
    CONTACT,
    DESK,
    LIST,
    LOSE,
    MOVE,
    NURSE,
    OTHER,
    PLANS,
    STROKE,
    As,
    as_,
    clock,
    discharged,
    do,
    first_plan,
)

__all__ = ["as_", "clock"]


async def test_a_plan_says_what_it_is_and_what_can_be_done(engine: AsyncEngine, as_: As) -> None:
    await discharged(engine, STROKE)
    plan = await first_plan(as_(NURSE), unaccepted=True)
    assert (plan["state"], plan["hospital"], plan["hospitalId"]) == ("DELIVERED", "威泉县人民医院", "renmin")
    assert (plan["disposition"]["zh"], plan["basis"], plan["availableActions"]) == ("医嘱离院", "LADDER", ["ACCEPT"])
    assert plan["request"] is None
    assert len(plan["followUps"]) == 6
    first, second = plan["followUps"][:2]
    assert (first["dueFrom"], first["dueUntil"], first["latest"]) == ("2026-06-19", "2026-06-26", "2026-07-10")
    assert first["availableActions"] == ["CONTACT", "COMPLETE", "RESCHEDULE"]
    assert second["availableActions"] == ["CONTACT", "RESCHEDULE"]  # its window has not begun
    assert "脑卒中" in second["reason"]["zh"]


async def test_accepting_takes_a_plan_off_the_unaccepted_list(engine: AsyncEngine, as_: As) -> None:
    await discharged(engine)
    nurse = as_(NURSE)
    plan = await first_plan(nurse)
    done = await do(nurse, ACCEPT, planId=plan["id"], version=plan["version"])
    assert done["plan"] == {"state": "ACCEPTED"}
    assert (await nurse.ask(PLANS, unaccepted=True))["followUpPlans"]["totalCount"] == 0
    assert (await first_plan(nurse))["acceptedBy"] == "n-ding"
    again = await do(nurse, ACCEPT, planId=plan["id"])
    assert again["code"] == "not-in-this-state"
    stale = await do(nurse, ACCEPT, planId=plan["id"], version=plan["version"])
    assert stale["code"] == "changed-meanwhile"
    [row] = await rows(engine, "select changes from audit where operation = 'acceptFollowUpPlan' and changes <> '{}'")
    assert row["changes"][0].endswith("accept: delivered>accepted")


async def test_a_team_sees_and_changes_only_its_own_plans(engine: AsyncEngine, as_: As) -> None:
    await discharged(engine)
    plan = await first_plan(as_(NURSE))
    other = as_(OTHER)
    assert (await other.ask(PLANS))["followUpPlans"]["edges"] == []
    assert (await do(other, ACCEPT, planId=plan["id"]))["code"] == "no-relation"
    asked = "query One($id: ID!) { followUp(id: $id) { id } }"
    refused = await other.refused(asked, id=plan["followUps"][0]["id"])
    assert refused["code"] == "no-relation"
    desk_ = as_(DESK)
    assert (await desk_.refused(PLANS))["code"] == "may-not-change"
    assert (await do(desk_, ACCEPT, planId=plan["id"]))["code"] == "may-not-change"
    assert [row["state"] for row in await plans(engine)] == ["delivered"]


async def test_an_attempt_accepts_the_plan_and_is_remembered(engine: AsyncEngine, as_: As) -> None:
    await discharged(engine)
    nurse = as_(NURSE)
    line = (await first_plan(nurse))["followUps"][0]
    done = await do(nurse, CONTACT, followUpId=line["id"], way="TELEPHONE", reached=False, note="无人接听")
    assert done["followUp"]["plan"] == {"state": "ACCEPTED"}
    after = (await first_plan(nurse))["followUps"][0]
    assert after["contacts"] == [{"way": "TELEPHONE", "reached": False, "note": "无人接听"}]
    assert await acts(engine, "plan") == ["deliver", "accept"]


async def test_what_was_measured_goes_the_way_of_every_message(engine: AsyncEngine, as_: As) -> None:
    resident = await discharged(engine)
    nurse = as_(NURSE)
    line = (await first_plan(nurse))["followUps"][0]
    values = [("SYSTOLIC", 138), ("DIASTOLIC", 86), ("FASTING_GLUCOSE", 6.4), ("WEIGHT", 61), ("TEMPERATURE", 36.6)]
    measured = [{"kind": kind, "value": value} for kind, value in values]
    done = await do(
        nurse, COMPLETE, followUpId=line["id"], outcome="SATISFIED", way="HOME", note="恢复良好", measurements=measured
    )
    assert done["followUp"]["state"] == "COMPLETED", done
    assert done["followUp"]["plan"] == {"state": "COMPLETED"}
    assert await rows(engine, "select id from observation") == []  # kept, and not yet merged
    while await work(engine, desk()):
        pass
    found = await rows(engine, "select display, value, unit, organisation, origins from observation order by display")
    assert {(row["display"], row["value"], row["unit"]) for row in found} == {
        ("血压", "138/86", "mmHg"),
        ("空腹血糖", "6.4", "mmol/L"),
        ("体重", "61", "kg"),
        ("体温", "36.6", "℃"),
    }
    assert {row["organisation"] for row in found} == {"东城街道社区卫生服务中心"}
    assert {row["origins"][0]["source"] for row in found} == {"hub"}
    [kept] = await rows(
        engine, "select message_id from follow_up where id = (select id from follow_up where message_id is not null)"
    )
    assert found[0]["origins"][0]["message_id"] == str(kept["message_id"])
    assert len(await rows(engine, "select id from resident")) == 1
    links = await rows(engine, "select reason from link where until is null and resident_id = :id", id=resident)
    assert sorted(row["reason"] for row in links) == ["hubs-own", "new-with-proof"]


async def test_a_replay_of_what_was_measured_changes_nothing(engine: AsyncEngine, as_: As) -> None:
    await discharged(engine)
    nurse = as_(NURSE)
    line = (await first_plan(nurse))["followUps"][0]
    await do(
        nurse,
        COMPLETE,
        followUpId=line["id"],
        outcome="UNSATISFIED",
        way="TELEPHONE",
        measurements=[{"kind": "HEART_RATE", "value": 96}, {"kind": "OXYGEN_SATURATION", "value": 97}],
    )
    while await work(engine, desk()):
        pass
    before = await rows(engine, "select * from observation order by id")
    assert len(before) == 2
    facts = await rows(engine, "select id from fact order by id")
    [message] = await rows(engine, "select id from message where source = 'hub'")
    async with engine.begin() as connection:
        assert await inbox.replay(connection, [message["id"]]) == 1
    while await work(engine, desk()):
        pass
    assert await rows(engine, "select * from observation order by id") == before
    assert await rows(engine, "select id from fact order by id") == facts
    [fate] = await rows(engine, "select fate from fate where message_id = :id", id=message["id"])
    assert fate["fate"] == "merged"


@pytest.mark.parametrize(
    ("measured", "code"),
    [
        ([("SYSTOLIC", 138)], "half-a-pressure"),
        ([("SYSTOLIC", 80), ("DIASTOLIC", 120)], "half-a-pressure"),
        ([("SYSTOLIC", 1380), ("DIASTOLIC", 86)], "not-plausible"),
        ([("GLUCOSE", 110)], "not-plausible"),
        ([("WEIGHT", 61), ("WEIGHT", 62)], "measured-twice"),
    ],
)
async def test_a_slip_of_the_pen_is_refused_and_nothing_is_half_done(
    engine: AsyncEngine, as_: As, measured: list[tuple[str, float]], code: str
) -> None:
    await discharged(engine)
    nurse = as_(NURSE)
    line = (await first_plan(nurse))["followUps"][0]
    given = [{"kind": kind, "value": value} for kind, value in measured]
    done = await do(nurse, COMPLETE, followUpId=line["id"], outcome="SATISFIED", way="HOME", measurements=given)
    assert done["code"] == code
    assert "1380" not in done["message"]["en"]
    assert await rows(engine, "select id from message where source = 'hub'") == []
    assert await rows(engine, "select id from contact") == []
    assert [row["state"] for row in await plans(engine)] == ["delivered"]


async def test_what_has_not_begun_is_not_completed_and_somebody_must_have_been_reached(
    engine: AsyncEngine, as_: As
) -> None:
    await discharged(engine, STROKE)
    nurse = as_(NURSE)
    first, second = (await first_plan(nurse))["followUps"][:2]
    early = await do(nurse, COMPLETE, followUpId=second["id"], outcome="SATISFIED", way="HOME")
    assert second["dueFrom"] == "2026-06-26"
    assert (early["code"], early["changesAt"][:16]) == ("follow-up-too-early", "2026-06-25T16:00")  # midnight in China
    nobody = await do(nurse, COMPLETE, followUpId=first["id"], outcome="SATISFIED")
    assert nobody["code"] == "nobody-reached"
    await do(nurse, CONTACT, followUpId=first["id"], way="TELEPHONE", reached=True)
    done = await do(nurse, COMPLETE, followUpId=first["id"], outcome="SATISFIED")
    assert done["followUp"]["state"] == "COMPLETED"
    assert done["followUp"]["plan"] == {"state": "ACCEPTED"}
    again = await do(nurse, COMPLETE, followUpId=first["id"], outcome="SATISFIED")
    assert again["code"] == "not-in-this-state"


async def test_of_two_who_complete_at_once_one_is_refused(engine: AsyncEngine, as_: As) -> None:
    await discharged(engine)
    nurse, doctor = as_(NURSE), as_(replace(NURSE, id="dr-gu", role=Role.FAMILY_DOCTOR))
    line = (await first_plan(nurse))["followUps"][0]
    measured = [{"kind": "WEIGHT", "value": 61}]
    given = {"followUpId": line["id"], "outcome": "SATISFIED", "way": "HOME", "measurements": measured}
    answers = await asyncio.gather(*(do(one, COMPLETE, **given) for one in (nurse, doctor) * 4))
    assert sorted(answer["__typename"] for answer in answers) == ["FollowUpPayload", *["Refusal"] * 7]
    assert len(await rows(engine, "select id from message where source = 'hub'")) == 1
    assert len(await rows(engine, "select id from contact")) == 1


async def test_a_follow_up_is_put_off_with_a_reason_and_not_too_far(engine: AsyncEngine, as_: As) -> None:
    await discharged(engine)
    nurse = as_(NURSE)
    line = (await first_plan(nurse))["followUps"][0]

    async def move(begin: str, until: str, reason: str = "外出探亲") -> dict[str, Any]:
        return await do(nurse, MOVE, followUpId=line["id"], dueFrom=begin, dueUntil=until, reason=reason)

    assert (await move("2026-06-19", "2026-06-24"))["code"] == "window-over"
    assert (await move("2026-06-24", "2026-06-23"))["code"] == "bad-window"
    assert (await move("2026-07-01", "2026-07-11"))["code"] == "put-off-too-far"
    assert (await move("2026-07-01", "2026-07-10", " "))["code"] == "reason-needed"
    assert (await move("2026-07-01", "2026-07-10"))["followUp"] == {"dueUntil": "2026-07-10"}
    assert (await move("2026-07-01", "2026-07-20"))["code"] == "put-off-too-far"  # not further by another step
    assert "reschedule" in await acts(engine, "follow-up")


async def test_nobody_is_given_up_before_enough_was_tried(engine: AsyncEngine, as_: As, clock: Clock) -> None:
    await discharged(engine)
    nurse = as_(NURSE)
    line = (await first_plan(nurse))["followUps"][0]

    async def attempt(way: str) -> None:
        await do(nurse, CONTACT, followUpId=line["id"], way=way, reached=False)

    async def lose() -> dict[str, Any]:
        return await do(nurse, LOSE, followUpId=line["id"], reason="多次联系未果")

    for _ in range(3):
        await attempt("TELEPHONE")
        clock.moment += timedelta(minutes=20)
    assert (await lose())["code"] == "not-lost-yet"  # one day, and nobody went there
    clock.moment += timedelta(days=1)
    assert (await lose())["code"] == "not-lost-yet"
    await attempt("HOME")
    done = await lose()
    assert done["followUp"]["state"] == "LOST", done
    assert done["followUp"]["plan"] == {"state": "COMPLETED"}


async def test_the_worklist_begins_with_what_is_due_first_and_pages(engine: AsyncEngine, as_: As, clock: Clock) -> None:
    await discharged(engine, STROKE)
    nurse = as_(NURSE)
    found: list[dict[str, Any]] = []
    after = None
    while True:
        page = (await nurse.ask(LIST, state="DUE", first=2, after=after))["followUps"]
        assert page["totalCount"] == 6
        found += [edge["node"] for edge in page["edges"]]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    assert [one["number"] for one in found] == [1, 2, 3, 4, 5, 6]
    assert (await nurse.ask(LIST, state="OVERDUE", first=5))["followUps"]["totalCount"] == 0
    clock.moment += timedelta(days=15)
    overdue = (await nurse.ask(LIST, state="OVERDUE", first=5))["followUps"]
    assert [(edge["node"]["number"], edge["node"]["isOverdue"]) for edge in overdue["edges"]] == [(1, True), (2, True)]


async def test_the_lists_take_the_same_statements_however_long_they_are(engine: AsyncEngine, as_: As) -> None:
    await discharged(engine, STROKE)
    nurse = as_(NURSE)
    asked: list[str] = []

    def note(*given: Any) -> None:
        if "from event" not in given[2]:  # the feed reads the log whenever it likes
            asked.append(given[2])

    listen = (engine.sync_engine, "before_cursor_execute", note)
    await nurse.ask(PLANS)
    sql_event.listen(*listen)
    await nurse.ask(PLANS)
    few = len(asked)
    sql_event.remove(*listen)
    for at, slug in enumerate(("resident-xin-guangtian", "hui", "fifteen-digit")):
        course = Course(slug=slug, serial=f"26000097{at}", diagnoses=("I63.9",))
        await sign(engine, await known(engine, slug))
        await deliver(engine, [course.a01(), course.a03()])
    asked.clear()
    sql_event.listen(*listen)
    assert len((await nurse.ask(PLANS))["followUpPlans"]["edges"]) == 4
    sql_event.remove(*listen)
    assert len(asked) == few


async def test_a_resident_shows_what_is_owed_to_them(engine: AsyncEngine, as_: As) -> None:
    await discharged(engine)
    asked = "{ residents { edges { node { name followUps { number state plan { hospital } } } } } }"
    [edge] = (await as_(NURSE).ask(asked))["residents"]["edges"]
    assert edge["node"]["followUps"] == [{"number": 1, "state": "DUE", "plan": {"hospital": "威泉县人民医院"}}]
