"""Sessions as messages tell them: a Schedule with its Slots, once, twice, wrong, or by somebody who has no say."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.fhir.validation import validate_body
from hub.errors import Refusal, Refused
from hub.ids import new_id
from hub.mapping.bundles import SUPPORTED, FhirMapping
from hub.message import Source, Tells
from hub.programme.happened import Happened, Told
from hub.programme.publishing import sessions
from hub.tables import message
from tests.desk import kinds, sources
from tests.sessions import HOSPITAL, NOW, STARTS, Clinic, check_ledger, weihai
from tests.signing import bundle

Json = dict[str, Any]


@pytest.fixture
async def clinic(engine: AsyncEngine) -> Clinic:
    clinic = Clinic(engine, weihai())
    await clinic.open()
    return clinic


def source(**changed: Any) -> Source:
    base = next(one for one in sources().values() if one.format == "fhir")
    said = {"name": "renmin-booking", "organisation_id": HOSPITAL, "tells": frozenset({Tells.SESSIONS})}
    return replace(base, **{**said, **changed})


def extension(name: str, **value: Any) -> Json:
    return {"url": f"urn:hub:{name}", **value}


def schedule(number: str = "S1", **changed: Any) -> Json:
    said: Json = {
        "resourceType": "Schedule",
        "identifier": [{"system": "urn:hub:session", "value": number}],
        "active": True,
        "serviceCategory": [{"coding": [{"system": "urn:hub:session-kind", "code": "expert"}]}],
        "serviceType": [{"text": "心内科"}],
        "specialty": [{"text": "高血压"}],
        "actor": [{"type": "Practitioner", "display": "周海"}],
        "planningHorizon": {"start": STARTS.isoformat(), "end": (STARTS + timedelta(hours=2)).isoformat()},
        "extension": [
            extension("title", valueString="主任医师"),
            extension("place", valueString="门诊楼三层"),
            extension("fee", valueString="20"),
            extension("public-from", valueDateTime=(NOW - timedelta(days=1)).isoformat()),
            extension("release-at", valueDateTime=(STARTS - timedelta(hours=12)).isoformat()),
        ],
    }
    return {**said, **changed}


def slots(total: int, **changed: Any) -> list[Json]:
    found = []
    for number in range(1, total + 1):
        begins = STARTS + timedelta(minutes=12 * (number - 1))
        found.append(
            {
                "resourceType": "Slot",
                "identifier": [{"system": "urn:hub:slot", "value": str(number)}],
                "schedule": {"reference": "urn:uuid:Schedule-0"},
                "status": "free",
                "start": begins.isoformat(),
                "end": (begins + timedelta(minutes=12)).isoformat(),
                **changed,
            }
        )
    return found


def fhir(*resources: Json) -> bytes:
    return bundle(*resources)


async def react(clinic: Clinic, body: bytes, sender: Source, sent_at: datetime = NOW) -> None:
    """What the hub makes of one message of a source, validated and read as every other."""
    key = new_id()
    reading, refusals = FhirMapping(sender, kinds()).read(validate_body(body, SUPPORTED), NOW)
    assert refusals == {}
    came = {"source": sender.name, "transport": "fhir", "format": "fhir", "kind": "transaction", "control_id": "1"}
    async with clinic.engine.begin() as connection:
        await connection.execute(insert(message).values(id=key, size=len(body), **came))
        happened = Happened(
            connection=connection,
            now=NOW,
            told=[Told(message_id=key, source=sender, shared=one, sent_at=sent_at) for one in reading.shared],
            touched={},
            causes={},
            moves=[],
            senders={key: sender},
        )
        await sessions(clinic.programme)(happened)
        await happened.write()


async def refused(clinic: Clinic, body: bytes, sender: Source | None = None) -> Refusal:
    with pytest.raises(Refused) as raised:
        await react(clinic, body, sender or source())
    assert raised.value.refusal.message("zh")
    assert await clinic.rows("select id from session") == []
    return raised.value.refusal


async def session_of(clinic: Clinic) -> UUID:
    (row,) = await clinic.rows("select id from session")
    found: UUID = row["id"]
    return found


async def test_a_schedule_with_its_slots_is_a_session_with_the_message_as_witness(clinic: Clinic) -> None:
    await react(clinic, fhir(schedule(), *slots(10)), source())
    (row,) = await clinic.rows("select * from session")
    shown = ("number", "kind", "department", "practitioner", "title", "speciality", "place", "fee", "source")
    assert [row[name] for name in shown] == [
        *("S1", "expert", "心内科", "周海", "主任医师", "高血压", "门诊楼三层", "20", "renmin-booking"),
    ]
    assert (row["starts_at"], row["organisation_id"], row["reserved"]) == (STARTS, HOSPITAL, 2)
    assert await check_ledger(clinic, row["id"]) == {"team": 2, "public": 8}
    witnesses = await clinic.rows("select distinct message_id, by from movement")
    assert [dict(one) for one in witnesses] == [{"message_id": row["message_id"], "by": "renmin-booking"}]


async def test_the_same_message_twice_changes_nothing_and_a_late_one_undoes_nothing(clinic: Clinic) -> None:
    body = fhir(schedule(), *slots(10))
    await react(clinic, body, source())
    moved = await clinic.rows("select * from movement")
    await react(clinic, body, source())
    await react(clinic, fhir(schedule(), *slots(3)), source(), NOW - timedelta(hours=1))
    assert await clinic.rows("select * from movement") == moved
    await react(clinic, fhir(schedule(), *slots(5)), source(), NOW + timedelta(hours=1))
    assert (await check_ledger(clinic, await session_of(clinic)))["withdrawn"] == 5


async def test_slots_that_are_busy_count_and_those_that_cannot_be_do_not(clinic: Clinic) -> None:
    told = slots(10)
    told[0]["status"] = "busy"
    told[1]["status"] = "busy-unavailable"
    await react(clinic, fhir(schedule(), *told), source())
    balance = await check_ledger(clinic, await session_of(clinic))
    assert balance == {"team": 2, "public": 6}


async def test_what_the_hospital_reserves_and_marks_is_read(clinic: Clinic) -> None:
    own = [*schedule()["extension"], extension("reserved", valueInteger=3)]
    told = slots(10)
    told[9]["extension"] = [extension("pool", valueCode="team")]
    await react(clinic, fhir(schedule(extension=own), *told), source())
    numbers = await clinic.numbers(await session_of(clinic), "team")
    assert (len(numbers), 10 in numbers) == (3, True)


async def test_a_schedule_that_is_not_active_cancels_with_its_comment(clinic: Clinic) -> None:
    await react(clinic, fhir(schedule(), *slots(10)), source())
    stopped = schedule(active=False, comment="外出会诊", extension=[])
    await react(clinic, fhir(stopped), source(), NOW + timedelta(minutes=1))
    (row,) = await clinic.rows("select state, state_reason from session")
    assert (row["state"], row["state_reason"]) == ("cancelled", "外出会诊")
    assert await check_ledger(clinic, await session_of(clinic)) == {"withdrawn": 10}


async def test_a_cancellation_that_overtakes_its_session_holds(clinic: Clinic) -> None:
    await react(clinic, fhir(schedule(active=False, comment="停诊", extension=[])), source(), NOW)
    await react(clinic, fhir(schedule(), *slots(10)), source(), NOW - timedelta(minutes=5))
    (row,) = await clinic.rows("select state, state_reason from session")
    assert (row["state"], row["state_reason"]) == ("cancelled", "停诊")
    assert await clinic.rows("select id from slot") == []


async def test_nothing_is_done_of_what_is_told_wrongly(clinic: Clinic) -> None:
    plain = schedule()
    without_times = {name: value for name, value in plain.items() if name != "planningHorizon"}
    other_kind = [{"coding": [{"system": "urn:hub:session-kind", "code": "massage"}]}]
    outside = slots(2, end=(STARTS + timedelta(hours=9)).isoformat())
    cases: list[tuple[list[Json], str]] = [
        ([plain], "session-incomplete"),
        ([without_times, *slots(2)], "session-incomplete"),
        ([schedule(serviceType=[]), *slots(2)], "session-incomplete"),
        ([schedule(extension=[]), *slots(2)], "session-incomplete"),
        ([schedule(serviceCategory=other_kind), *slots(2)], "session-code"),
        ([plain, *slots(1), *slots(1)], "slot-number-twice"),
        ([plain, *outside], "slot-outside-session"),
        ([schedule(extension=plain["extension"][:-1]), *slots(2)], "policy-open"),
    ]
    for told, code in cases:
        told = [{name: value for name, value in one.items() if value != []} for one in told]
        assert (await refused(clinic, fhir(*told))).code == code, code
    lone = slots(1, schedule={"reference": "Schedule/elsewhere"})
    assert (await refused(clinic, fhir(*lone))).code == "slot-without-session"


async def test_a_message_that_is_dated_ahead_counts_as_written_when_it_came(clinic: Clinic) -> None:
    await react(clinic, fhir(schedule(), *slots(10)), source(), NOW + timedelta(days=30))
    (row,) = await clinic.rows("select told_at from session")
    assert row["told_at"] == NOW
    await react(clinic, fhir(schedule(), *slots(5)), source(), NOW)
    assert (await check_ledger(clinic, await session_of(clinic)))["withdrawn"] == 5


async def test_a_time_of_a_session_that_cannot_be_read_is_refused_and_named(clinic: Clinic) -> None:
    horizon = {"start": "2300-12-31T08:00:00+08:00", "end": "2300-12-31T10:00:00+08:00"}
    said = await refused(clinic, fhir(schedule(planningHorizon=horizon), *slots(2)))
    assert (said.code, said.given["element"]) == ("session-incomplete", "start")
    release = {"url": "urn:hub:release-at", "valueDateTime": "2300-12-31T08:00:00+08:00"}
    told = schedule()
    told["extension"] = [*(one for one in told["extension"] if one["url"] != release["url"]), release]
    said = await refused(clinic, fhir(told, *slots(2)))
    assert (said.code, said.given["element"]) == ("session-incomplete", "release-at")


async def test_a_source_without_an_organisation_publishes_nothing(clinic: Clinic) -> None:
    body = fhir(schedule(), *slots(2))
    assert (await refused(clinic, body, source(organisation_id=""))).code == "sessions-of-nobody"
    assert (await refused(clinic, body, source(organisation_id="nowhere"))).code == "directory-unknown"
