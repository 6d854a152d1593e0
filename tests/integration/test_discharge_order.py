"""The same messages in any order, and of people who turn out to be one, end in the same plans."""

import random
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from fixtures.county import Sending, people, story
from fixtures.county.clinic import BEIJING
from fixtures.county.plans import adt
from fixtures.county.routine import ended, under_way
from hub.identifiers import normalise
from hub.ids import new_id
from hub.store.database import open_engine
from hub.store.followups import open_own_patient
from tests.aftercare import (
    RENMIN,
    Course,
    deliver,
    known,
    lines,
    offers,
    plans,
    set_up,
    sign,
)
from tests.conftest import Server
from tests.desk import rows


async def test_plans_and_offers_go_where_a_merge_leads_their_stays(engine: AsyncEngine) -> None:
    await set_up(engine)
    nobody = replace(people()["two-numbers"], number=901, name="无名氏", citizen_id="", phone="", address="")
    stay = Course(slug="two-numbers", serial="260000905")
    sent = [
        adt(RENMIN, nobody, event, at, visit=visit, diagnoses=stay.found).sending(f"N{event}")
        for event, at, visit in (
            ("A01", stay.visit.began_at, under_way(stay.visit)),
            ("A03", ended(stay.visit), stay.visit),
        )
    ]
    await deliver(engine, sent)
    [offer] = await offers(engine)
    resident = await known(engine, "two-numbers")
    await sign(engine, resident)
    assert offer["resident_id"] != resident
    merge = adt(RENMIN, people()["two-numbers"], "A40", ended(stay.visit) + timedelta(hours=1), prior=nobody)
    await deliver(engine, [merge.sending("N40")])
    [plan] = await plans(engine)
    assert (plan["resident_id"], plan["state"]) == (resident, "delivered")
    assert [(one["resident_id"], one["state"]) for one in await offers(engine)] == [(resident, "taken")]


async def test_a_plan_of_who_was_merged_away_is_the_plan_of_who_stays(engine: AsyncEngine) -> None:
    await set_up(engine)
    nobody = replace(people()["two-numbers"], number=901, name="无名氏", citizen_id="", phone="", address="")
    stay = Course(slug="two-numbers", serial="260000905")
    await deliver(engine, [adt(RENMIN, nobody, "A01", stay.visit.began_at, visit=under_way(stay.visit)).sending("N1")])
    [before] = await rows(engine, "select id from resident")
    await sign(engine, before["id"])
    await deliver(engine, [adt(RENMIN, nobody, "A03", ended(stay.visit), visit=stay.visit).sending("N3")])
    [plan] = await plans(engine)
    resident = await known(engine, "two-numbers")
    await sign(engine, resident, "nanshan-1")
    merge = adt(RENMIN, people()["two-numbers"], "A40", ended(stay.visit) + timedelta(hours=1), prior=nobody)
    await deliver(engine, [merge.sending("N40")])
    [after] = await plans(engine)
    assert (after["id"], after["resident_id"], after["team_id"]) == (plan["id"], resident, "nanshan-1")
    assert {line["resident_id"] for line in await lines(engine)} == {resident}


async def test_what_a_team_measured_moves_along_and_keeps_nobody_alive(engine: AsyncEngine) -> None:
    await set_up(engine)
    nobody = replace(people()["two-numbers"], number=901, name="无名氏", citizen_id="", phone="", address="")
    stay = Course(slug="two-numbers", serial="260000905")
    await deliver(engine, [adt(RENMIN, nobody, "A01", stay.visit.began_at, visit=under_way(stay.visit)).sending("N1")])
    [before] = await rows(engine, "select id from resident")
    async with engine.begin() as connection:
        own = {"source": "hub", "system": "urn:hub:source:hub:identifier:urn:hub:resident", "kind": "local-number"}
        value = normalise(str(before["id"]))
        made = {"id": new_id(), "link_id": new_id(), "resident_id": before["id"], "reason": "hubs-own"}
        await open_own_patient(connection, {**own, **made, "organisation": "家庭医生团队", "value": value})
    resident = await known(engine, "two-numbers")
    merge = adt(RENMIN, people()["two-numbers"], "A40", stay.visit.began_at + timedelta(hours=1), prior=nobody)
    await deliver(engine, [merge.sending("N40")])
    [gone] = await rows(engine, "select replaced_by from resident where id = :id", id=before["id"])
    assert gone["replaced_by"] == resident
    links = await rows(
        engine,
        "select l.reason, l.resident_id from link l join patient p on p.id = l.patient_id "
        "where p.source = 'hub' and l.until is null",
    )
    assert [dict(row) for row in links] == [{"reason": "goes-along", "resident_id": resident}]


YEAR_END = datetime(2026, 10, 1, 12, tzinfo=BEIJING)
REGISTRATIONS = ("dongcheng-a28", "nanshan-bundle")


@pytest.fixture(scope="session")
async def in_order(server: Server, template: str) -> AsyncIterator[list[str]]:
    """What the year in its own order ends in."""
    name = "the_year_in_order"
    await server.create_database(name, template)
    engine = open_engine(server.urls(name).application)
    yield await _year(engine, list(_rest()), 64)
    await engine.dispose()
    await server.drop_database(name)


@pytest.mark.parametrize("seed", range(1, 7))
async def test_the_year_in_any_order_and_doubled_ends_in_the_same_plans(
    engine: AsyncEngine, in_order: list[str], seed: int
) -> None:
    """Per lane as the sender sent them, the lanes interleaved at random, in batches of any size, every fifth twice."""
    chance = random.Random(seed)
    owed = await _year(engine, _shuffled(_rest(), chance), chance.choice([1, 7, 64]))
    assert owed == in_order
    assert sum("dongcheng-1" in one or "nanshan-1" in one for one in owed) >= 6
    assert any("None" in one for one in owed)


def _rest() -> Sequence[Sending]:
    return [one for one in story() if not one.slug.startswith(REGISTRATIONS)]


async def _year(engine: AsyncEngine, sent: Sequence[Sending], most: int) -> list[str]:
    """What is open after the year; one team in two has signed its people when they were registered."""
    await set_up(engine)
    registered = [one for one in story() if one.slug.startswith(REGISTRATIONS)]
    await deliver(engine, registered, now=YEAR_END, stale_after_days=400)
    teams_of = {person.name: person.team for person in people().values() if person.team.endswith("-1")}
    for row in await rows(engine, "select id, name from resident where replaced_by is null"):
        if row["name"] in teams_of:
            await sign(engine, row["id"], teams_of[row["name"]], now=YEAR_END)
    await deliver(engine, sent, most=most, now=YEAR_END, stale_after_days=400)
    return await _owed(engine)


def _shuffled(sendings: Sequence[Sending], chance: random.Random) -> list[Sending]:
    lanes: dict[tuple[str, str], list[Sending]] = {}
    for one in sendings:
        lanes.setdefault((one.source, one.about[0]), []).append(one)
    left, shuffled = list(lanes.values()), []
    while left:
        lane = chance.choice(left)
        shuffled.append(lane.pop(0))
        if chance.random() < 0.2:
            shuffled.append(shuffled[-1])
        left = [one for one in left if one]
    return shuffled


async def _owed(engine: AsyncEngine) -> list[str]:
    """What is open, free of ids."""
    due = await rows(
        engine,
        """
        select r.name, p.encounter_key, p.team_id, p.priority, p.disposition, p.hospital_id, f.due_from, f.due_until,
               f.rule
        from follow_up f join follow_up_plan p on p.id = f.plan_id join resident r on r.id = p.resident_id
        where p.ended_at is null and f.state = 'due'
        """,
    )
    open_ = await rows(
        engine,
        """
        select r.name, o.encounter_key, o.organisation_id, o.hospital_id, o.discharged_at::text
        from offer o join resident r on r.id = o.resident_id where o.ended_at is null
        """,
    )
    return sorted(repr(tuple(row.values())) for row in (*due, *open_))
