"""What a hospital asks for at a discharge, by HL7 v2 and by FHIR: it goes before the ladder."""

import json
from dataclasses import replace
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncEngine

from fixtures.county import Sending, people
from fixtures.county.bundles import entry, written
from fixtures.county.plans import bundle as plan_bundle
from fixtures.county.resources import ERKE, patient_key
from fixtures.county.routine import ended
from tests.aftercare import (
    Course,
    deliver,
    every,
    find,
    known,
    lines,
    plans,
    set_up,
    sign,
    way,
    when,
)
from tests.desk import rows

STROKE = Course(slug="stroke", diagnoses=("I63.9", "I10"))
PLAIN = Course(slug="leap-day")
DAY = date(2026, 6, 19)


async def signed(engine: AsyncEngine, course: Course, team: str = "dongcheng-1") -> None:
    """The county knows the patient of a course, and a team has signed them."""
    await set_up(engine)
    await sign(engine, await known(engine, course.slug), team)


async def test_what_the_hospital_asks_for_goes_before_the_ladder(engine: AsyncEngine) -> None:
    await signed(engine, STROKE)
    await deliver(engine, [STROKE.a01(), STROKE.a03(way("2"), when("20260625"), when("20260710", 3))])
    [plan] = await plans(engine)
    assert plan["basis"] == "hospital-request"
    assert [(line["due_from"], line["way"], line["rule"]) for line in await lines(engine)] == [
        (date(2026, 6, 25), "home", "hospital-request"),
        (date(2026, 7, 10), "home", "hospital-request"),
    ]
    assert await rows(engine, "select id from observation") == []


async def test_a_request_that_comes_after_the_discharge_replans_what_nobody_began(engine: AsyncEngine) -> None:
    await signed(engine, STROKE)
    await deliver(engine, [STROKE.a01(), STROKE.a03()])
    await deliver(engine, [STROKE.a08(30, every("2", "周"))])
    [plan] = await plans(engine)
    assert (plan["basis"], plan["request"]["cycles"][0]["days"]) == ("hospital-request", 14)
    due = [line for line in await lines(engine) if line["state"] == "due"]
    assert [(line["due_from"] - DAY).days for line in due] == [14, 28, 42, 56, 70, 84]


async def test_a_day_and_a_period_make_one_contact_a_period(engine: AsyncEngine) -> None:
    await signed(engine, STROKE)
    await deliver(engine, [STROKE.a01(), STROKE.a03(way("3"), when("20260701"), every("2", "周"))])
    [plan] = await plans(engine)
    assert (plan["request"]["days"], plan["request"]["cycles"][0]["days"]) == (["2026-07-01"], 14)
    assert [(line["due_from"] - DAY).days for line in await lines(engine)] == [12, 26, 40, 54, 68, 82]


async def test_a_request_that_comes_too_late_is_shown_and_changes_no_contact(engine: AsyncEngine) -> None:
    await signed(engine, STROKE)
    await deliver(engine, [STROKE.a01(), STROKE.a03()])
    before = [dict(line) for line in await lines(engine)]
    async with engine.begin() as connection:
        await connection.exec_driver_sql("update follow_up set is_moved = true where number = 1")
    await deliver(engine, [STROKE.a08(30, way("3"), when("20260701"))])
    [plan] = await plans(engine)
    assert (plan["basis"], plan["request"]["days"]) == ("ladder", ["2026-07-01"])
    assert [line["due_from"] for line in await lines(engine)] == [line["due_from"] for line in before]


async def test_words_are_shown_and_never_read_as_days(engine: AsyncEngine) -> None:
    await signed(engine, PLAIN)
    note = "NTE|1|L|出院后2周心内科门诊复查"
    await deliver(engine, [PLAIN.a01(), PLAIN.a03(way("1"), note)])
    [plan] = await plans(engine)
    assert plan["basis"] == "ladder"
    assert plan["request"]["notes"] == ["出院后2周心内科门诊复查"]
    assert {line["way"] for line in await lines(engine)} == {"outpatient"}


async def test_a_fhir_request_is_taken_as_it_is_sent(engine: AsyncEngine) -> None:
    await set_up(engine)
    course = Course(slug="hong-kong", serial="EK26000901", source="erke-fhir", diagnoses=("N20.0",))
    await sign(engine, await _resident_of(engine, course))
    asked = {"occurrencePeriod": {"start": "2026-06-24", "end": "2026-06-30"}, "note": [{"text": "复查泌尿系彩超"}]}
    await deliver(engine, [_bundle(course, asked)])
    [plan] = await plans(engine)
    assert (plan["basis"], plan["request"]["notes"]) == ("hospital-request", ["复查泌尿系彩超"])
    assert [(line["due_from"], line["due_until"]) for line in await lines(engine)] == [
        (date(2026, 6, 24), date(2026, 6, 30))
    ]


async def test_a_fhir_request_for_a_stay_that_was_told_before_finds_it(engine: AsyncEngine) -> None:
    await set_up(engine)
    course = Course(slug="hong-kong", serial="EK26000901", source="erke-fhir", diagnoses=("N20.0",))
    await sign(engine, await _resident_of(engine, course))
    await deliver(engine, [_bundle(course, None)])
    assert [plan["basis"] for plan in await plans(engine)] == ["ladder"]
    alone = {**_request(course, {"occurrenceDateTime": "2026-07-01"}), "id": "r1"}
    alone["subject"] = {"reference": f"Patient/{patient_key(people()['hong-kong'])}"}
    alone["encounter"] = {"reference": f"Encounter/{course.serial}"}
    body = written(alone)
    await deliver(engine, [replace(_bundle(course, None), slug="alone", body=body)])
    assert [plan["basis"] for plan in await plans(engine)] == ["hospital-request"]


async def test_a_diagnosis_of_another_stay_asks_for_nothing(engine: AsyncEngine) -> None:
    await signed(engine, STROKE)
    old = replace(STROKE, serial="260000800", began="2026-01-02T09:00", ended="2026-01-10T09:00")
    now = replace(STROKE, diagnoses=("K29.5",))
    await deliver(engine, [old.a01(), old.a03(), now.a01(), now.a03()])
    assert [line["rule"] for line in await lines(engine)] == ["follow-up:everybody"]


async def _resident_of(engine: AsyncEngine, course: Course) -> UUID:
    sent = plan_bundle(course.source, people()[course.slug], course.visit.began_at).sending("B0")
    await deliver(engine, [sent])
    return await find(engine, people()[course.slug])


def _request(course: Course, when_: dict[str, Any]) -> dict[str, Any]:
    return {
        "resourceType": "ServiceRequest",
        "status": "active",
        "intent": "order",
        "code": {"coding": [{"system": "urn:hub:request", "code": "follow-up"}]},
        "subject": ERKE.reference("Patient", patient_key(people()[course.slug])),
        "encounter": ERKE.reference("Encounter", course.serial),
        **when_,
    }


def _bundle(course: Course, asked: dict[str, Any] | None) -> Sending:
    """The discharge as erke tells it, with a request where there is one."""
    plan = plan_bundle(
        course.source, people()[course.slug], ended(course.visit), visit=course.visit, diagnoses=course.found
    )
    sent = plan.sending("B1")
    whole = json.loads(sent.body)
    if asked:
        whole["entry"].append(entry(ERKE, f"r-{course.serial}", _request(course, asked)))
    return replace(sent, body=written(whole))
