"""Follow-up over GraphQL where it is hard: sent twice, raced by messages, wrong, failing, long."""

import asyncio
import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event as sql_event
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine
from structlog.testing import capture_logs

from fixtures.county import people
from hub.access import Role
from hub.api.paging import global_id
from hub.intake import work
from tests.aftercare import Course, acts, deliver, desk, known, plans, sign
from tests.desk import rows
from tests.integration.api.conftest import Clock
from tests.integration.api.nurses import (
    COMPLETE,
    CONTACT,
    NURSE,
    PLAIN,
    As,
    as_,
    clock,
    discharged,
    do,
    first_plan,
)

__all__ = ["as_", "clock"]


async def test_an_attempt_that_is_sent_twice_is_one(engine: AsyncEngine, as_: As, clock: Clock) -> None:
    await discharged(engine)
    nurse = as_(NURSE)
    line = (await first_plan(nurse))["followUps"][0]
    given = {"followUpId": line["id"], "way": "TELEPHONE", "reached": False, "note": "无人接听"}
    answers = await asyncio.gather(*(do(nurse, CONTACT, **given) for _ in range(4)))
    assert [answer["__typename"] for answer in answers] == ["FollowUpPayload"] * 4
    assert all(answer["followUp"] == answers[0]["followUp"] for answer in answers)
    assert len(await rows(engine, "select id from contact")) == 1
    assert (await acts(engine, "follow-up")).count("contact") == 1
    assert (await first_plan(nurse))["followUps"][0]["version"] == line["version"] + 1


@pytest.mark.parametrize("other", [{"way": "HOME"}, {"reached": True}, {"note": "改打子女电话"}, {}])
async def test_another_attempt_is_another_one(
    engine: AsyncEngine, as_: As, clock: Clock, other: dict[str, Any]
) -> None:
    await discharged(engine)
    nurse = as_(NURSE)
    line = (await first_plan(nurse))["followUps"][0]
    given = {"followUpId": line["id"], "way": "TELEPHONE", "reached": False, "note": "无人接听"}
    await do(nurse, CONTACT, **given)
    clock.moment += timedelta(seconds=0 if other else 60)
    await do(nurse, CONTACT, **{**given, **other})
    assert len(await rows(engine, "select id from contact")) == 2
    doctor = as_(replace(NURSE, id="dr-gu", role=Role.FAMILY_DOCTOR))
    await do(doctor, CONTACT, **{**given, **other})
    assert len(await rows(engine, "select id from contact")) == 3


NESTED = """{ followUps(first: 50) { totalCount edges { node { state latest availableActions contacts { way }
  resident { name agreement { id } team { name } followUps { number contacts { way } } referrals { id } }
  plan { state availableActions request { way } resident { name }
    followUps { number contacts { way } availableActions plan { id } } } } } } }"""


async def test_a_worklist_with_all_that_hangs_on_it_takes_as_many_statements_as_one_line(
    engine: AsyncEngine, as_: As
) -> None:
    await discharged(engine)
    nurse = as_(NURSE)
    asked: list[str] = []

    def note(*given: Any) -> None:
        if "from event" not in given[2]:  # the feed reads the log whenever it likes
            asked.append(given[2])

    async def cost(lines: int) -> int:
        asked.clear()
        sql_event.listen(engine.sync_engine, "before_cursor_execute", note)
        assert len((await nurse.ask(NESTED))["followUps"]["edges"]) == lines
        sql_event.remove(engine.sync_engine, "before_cursor_execute", note)
        return len(asked)

    await cost(1)
    few = await cost(1)
    for at, slug in enumerate(("stroke", "hui", "fifteen-digit")):
        course = Course(slug=slug, serial=f"26000096{at}", diagnoses=("I63.9",))
        await sign(engine, await known(engine, slug))
        await deliver(engine, [course.a01(), course.a03()])
    for plan in await plans(engine):
        [line] = await rows(engine, "select id from follow_up where plan_id = :id and number = 1", id=plan["id"])
        await do(nurse, CONTACT, followUpId=global_id("FollowUp", line["id"]), way="TELEPHONE", reached=False)
    assert await cost(19) == few


@pytest.mark.parametrize("pause", [0, 0.02, 0.2])
async def test_a_discharge_that_is_taken_back_while_somebody_completes_leaves_nothing_half_done(
    engine: AsyncEngine, as_: As, pause: float
) -> None:
    await discharged(engine)
    nurse = as_(NURSE)
    line = (await first_plan(nurse))["followUps"][0]
    given = {"followUpId": line["id"], "outcome": "SATISFIED", "way": "HOME"}
    measured = [{"kind": "WEIGHT", "value": 61}]

    async def complete() -> dict[str, Any]:
        await asyncio.sleep(pause)
        return await do(nurse, COMPLETE, **given, measurements=measured)

    answer, _ = await asyncio.gather(complete(), deliver(engine, [PLAIN.a13()]))
    while await work(engine, desk()):
        pass
    [plan] = await plans(engine)
    assert (plan["state"], plan["end_reason"]) == ("cancelled", "void")
    [row] = await rows(engine, "select state, message_id from follow_up")
    contacts = await rows(engine, "select id from contact")
    if answer["__typename"] == "FollowUpPayload":  # it was done before the message came, and stays done
        assert (row["state"], len(contacts), row["message_id"] is None) == ("completed", 1, False)
    else:
        assert answer["code"] in ("not-in-this-state", "no-relation")
        assert (row["state"], len(contacts), row["message_id"]) == ("cancelled", 0, None)
        assert await rows(engine, "select id from message where source = 'hub'") == []
    assert {one["fate"] for one in await rows(engine, "select fate from fate")} == {"merged"}


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity", "1e999", '"61"', "null", "-1"])
async def test_what_is_no_number_is_measured_by_nobody(engine: AsyncEngine, as_: As, value: str) -> None:
    await discharged(engine)
    nurse = as_(NURSE)
    line = (await first_plan(nurse))["followUps"][0]
    given = (
        f'{{"followUpId": "{line["id"]}", "outcome": "SATISFIED", "way": "HOME", "measurements": [{{"kind": "WEIGHT",'
    )
    body = f'{{"query": {json.dumps(COMPLETE)}, "variables": {{"input": {given} "value": {value}}}]}}}}}}'
    headers = {"Authorization": f"Bearer {nurse.token}", "content-type": "application/json"}
    answer = await nurse.client.post("/graphql", content=body, headers=headers)
    said = answer.json()
    is_refused = answer.status_code == 400 or "errors" in said or said["data"]["completeFollowUp"].get("code")
    assert is_refused, said
    assert "internal" not in answer.text
    assert await rows(engine, "select id from message where source = 'hub'") == []
    assert [row["state"] for row in await plans(engine)] == ["delivered"]


async def test_a_mutation_that_fails_leaves_no_word_of_anybody_in_the_log(
    engine: AsyncEngine, as_: As, monkeypatch: pytest.MonkeyPatch
) -> None:
    await discharged(engine)
    nurse = as_(NURSE)
    line = (await first_plan(nurse))["followUps"][0]
    secret = "老人说不想活了"

    async def broken(connection: Any, row: Any) -> None:
        await connection.execute(text("insert into contact (id, note) values (null, :note)"), {"note": row["note"]})

    monkeypatch.setattr("hub.store.followups.add_contact", broken)
    with capture_logs() as said:
        answer = await nurse.post(
            CONTACT, None, input={"followUpId": line["id"], "way": "HOME", "reached": False, "note": secret}
        )
    assert answer.json()["errors"][0]["extensions"]["code"] == "query-failed"
    assert [one["event"] for one in said] == ["query-failed"]
    for word in (secret, people()[PLAIN.slug].name, people()[PLAIN.slug].citizen_id, "1990000"):
        assert word not in str(said)
        assert word not in answer.text
    [kept] = await rows(engine, "select rule, changes from audit where operation = 'recordContact'")
    assert (kept["rule"], kept["changes"]) == ("failed:internal", [])
