"""What nothing reads is counted by source and day, told of where it is clinical, and drops out once it is mended."""

import asyncio
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from hub.errors import refuse
from hub.ids import new_id
from hub.intake import work
from hub.message import Arrival
from hub.record import Unaccounted
from hub.store import coverage, inbox
from hub.store.coverage import UnreadField
from hub.tallying import Tally
from tests.desk import arrival, county_desk, replay_parked, rows, told

NOW = datetime.now(UTC)
ADMISSION = next(one for one in told(about="stroke") if one.slug.startswith("renmin-a01"))


def unread(*fields: str) -> list[Unaccounted]:
    return [Unaccounted(where=field, field=field) for field in fields]


async def counted(engine: AsyncEngine, source: str = "his", now: datetime = NOW) -> dict[str, int]:
    async with engine.connect() as connection:
        found = (await coverage.list_unread(connection, [source], now))[source]
    assert all(isinstance(one, UnreadField) for one in found)
    return {one.field: one.messages for one in found}


async def test_a_field_counts_once_a_message_and_adds_up_over_workers(engine: AsyncEngine) -> None:
    workers = [Tally(engine), Tally(engine)]
    for one in workers:
        one.add("his", unread("PV1-18", "PV1-18", "PID-38"))
        one.add("his", unread("PV1-18"))
        one.add("lis", unread("OBX-6"))
    await asyncio.gather(*(one.write() for one in workers))
    assert await counted(engine) == {"PV1-18": 4, "PID-38": 2}
    assert await counted(engine, now=NOW + timedelta(days=8)) == {}


async def test_what_could_not_be_written_is_counted_still(engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    tally = Tally(engine, every_seconds=0.01)
    tally.add("his", unread("PV1-18"))

    async def fail(*_: object) -> None:
        raise ZeroDivisionError

    whole = coverage.add
    monkeypatch.setattr(coverage, "add", fail)
    with pytest.raises(ZeroDivisionError):
        await tally.write()
    monkeypatch.setattr(coverage, "add", whole)
    tally.start()
    async with asyncio.timeout(20):
        while not await counted(engine):
            await asyncio.sleep(0.02)
    assert tally.is_alive
    tally.add("his", unread("PV1-18"))
    await tally.stop()
    assert await counted(engine) == {"PV1-18": 2}


async def test_a_message_tells_of_what_is_lost_of_its_clinical_segments_and_counts_the_rest(
    engine: AsyncEngine,
) -> None:
    body = ADMISSION.body + b"AL1|1|DA|A01^Penicillin||||LOCAL-7\r"
    tally = Tally(engine)
    desk = replace(county_desk(), unread=tally.add)
    async with engine.begin() as connection:
        await inbox.keep(connection, [(new_id(), as_sent(body))])
    assert await work(engine, desk) == 1
    (fate,) = await rows(engine, "select fate, findings from fate")
    assert (fate["fate"], [(one["code"], one["where"]) for one in fate["findings"]]) == (
        "merged",
        [("unaccounted-content", "AL1[2]-7")],
    )
    await tally.write()
    assert (await counted(engine, "renmin-his"))["AL1-7"] == 1
    async with engine.begin() as connection:
        ids = [row["id"] for row in await rows(engine, "select id from message")]
        assert await inbox.replay(connection, ids) == 1
    assert await work(engine, desk) == 1
    await tally.write()
    assert (await counted(engine, "renmin-his"))["AL1-7"] == 1, "taken in again, it is not counted again"


async def test_an_element_of_fhir_that_nothing_reads_is_counted_and_is_no_problem_of_the_message(
    engine: AsyncEngine,
) -> None:
    number = {"system": "https://erke.example/patient-number", "value": "EK7002"}
    person: dict[str, Any] = {"resourceType": "Patient", "identifier": [number], "name": [{"text": "测试丙"}]}
    said: dict[str, Any] = {
        "resourceType": "Observation",
        "status": "final",
        "code": {"text": "血压"},
        "valueString": "128/78",
    }
    said |= {"subject": {"identifier": number}, "focus": [{"display": "x"}]}
    entries = [{"resource": one, "request": {"method": "POST", "url": one["resourceType"]}} for one in (person, said)]
    body = json.dumps({"resourceType": "Bundle", "type": "transaction", "entry": entries}).encode()
    came = replace(ADMISSION, source="erke-fhir", transport="fhir", body=body, slug="focus")
    tally = Tally(engine)
    async with engine.begin() as connection:
        await inbox.keep(connection, [(new_id(), arrival(came))])
    assert await work(engine, replace(county_desk(), unread=tally.add)) == 1
    (fate,) = await rows(engine, "select fate, findings from fate")
    assert (fate["fate"], fate["findings"]) == ("merged", None)
    await tally.write()
    assert await counted(engine, "erke-fhir") == {"Observation.focus": 1}
    (fact,) = await rows(engine, "select content from fact where kind = 'Observation'")
    assert json.loads(fact["content"])["focus"] == [{"display": "x"}]


async def test_a_clock_that_is_ahead_is_told_of(engine: AsyncEngine) -> None:
    header, _, rest = ADMISSION.body.partition(b"\r")
    fields = header.split(b"|")
    fields[6] = b"20990101000000"
    async with engine.begin() as connection:
        await inbox.keep(connection, [(new_id(), as_sent(b"|".join(fields) + b"\r" + rest))])
    assert await work(engine, county_desk()) == 1
    (fate,) = await rows(engine, "select fate, findings from fate")
    assert [(one["code"], one["where"]) for one in fate["findings"]] == [("clock-ahead", "MSH-7")]


async def test_why_the_door_refused_stays_in_the_history_of_a_message_that_is_taken_in_again(
    engine: AsyncEngine,
) -> None:
    async with engine.begin() as connection:
        refused = replace(
            as_sent(ADMISSION.body),
            refusal=refuse("kind-not-declared", "MSH-9", type="ADT^A01", known="ADT^A08").refusal,
        )
        await inbox.keep(connection, [(new_id(), refused)])
    assert await replay_parked(engine) == 1
    steps = await rows(engine, "select step, code from message_step order by at, id")
    assert [(row["step"], row["code"]) for row in steps] == [("parked", "kind-not-declared"), ("replayed", "")]


def as_sent(body: bytes) -> Arrival:
    return replace(arrival(ADMISSION), raw=body)
