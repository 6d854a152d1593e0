"""The record's younger lists, from the message to the answer: what v2 tells, and who may read it."""

import json
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from fixtures.county import Sending
from hub.recording import rebuild
from tests.desk import deliver, rows
from tests.integration.api.conftest import Asker, Ward, sign
from tests.integration.api.test_reading import counting

GOLDEN = Path(__file__).parents[2] / "mapping" / "golden"
LISTS = {
    "procedures": "Procedure",
    "medications": "MedicationRequest",
    "immunizations": "Immunization",
    "documents": "DocumentReference",
    "appointments": "Appointment",
}


def letter(name: str) -> Sending:
    """A v2 message of the golden pairs."""
    return Sending(
        slug=name,
        source="renmin-his",
        transport="mllp",
        body=(GOLDEN / f"{name}.hl7").read_bytes().replace(b"\n", b"\r"),
        content_type="application/hl7-v2",
        ends="merged",
        answer="AA",
        about=(),
    )


async def record(doctor: Asker, engine: AsyncEngine, name: str, fields: str) -> list[dict[str, Any]]:
    """A list of the only resident's record, who is signed with the doctor's team."""
    [resident] = await rows(engine, "select id from resident where replaced_by is null")
    if not await rows(engine, "select 1 from coverage"):
        async with engine.begin() as connection:
            await sign(connection, resident["id"], "team-1")
    query = f"query L($id: ID!) {{ resident(id: $id) {{ record {{ {name} {{ edges {{ node {{ {fields} }} }} }} }} }} }}"
    found = (await doctor.ask(query, id=str(resident["id"])))["resident"]["record"][name.partition("(")[0]]["edges"]
    return [edge["node"] for edge in found]


async def test_a_prescription_of_a_v2_message_stands_in_the_record(doctor: Asker, engine: AsyncEngine) -> None:
    await deliver(engine, [letter("renmin-rde-o11")])
    fields = "display dose frequency route instruction quantity prescriber origins { source }"
    found = await record(doctor, engine, "prescriptions", fields)
    [metformin] = [one for one in found if one["display"] == "二甲双胍片"]
    assert metformin["origins"][0]["source"] == "renmin-his"
    assert (metformin["dose"], metformin["frequency"], metformin["route"]) == ("0.5 克-1 克", "BID", "口服")
    assert (metformin["instruction"], metformin["quantity"], metformin["prescriber"]) == (
        "随餐服用",
        "56 片",
        "赵医生",
    )


async def test_what_was_prescribed_and_handed_out_is_one_line_in_both_languages(
    doctor: Asker, engine: AsyncEngine
) -> None:
    await deliver(engine, [letter("renmin-rde-o11"), letter("renmin-rds-o13"), letter("renmin-ras-o17")])
    fields = "display statements statementsLabel { zh en } quantity handedOver performer prescriber started duration"
    found = await record(doctor, engine, "medications", fields)
    [metformin] = [one for one in found if one["display"] == "二甲双胍片"]
    assert metformin == {
        "display": "二甲双胍片",
        "statements": ["PRESCRIBED", "DISPENSED"],
        "statementsLabel": {"zh": "开具处方、已发药", "en": "prescribed, dispensed"},
        "quantity": "56 片",
        "handedOver": "2026-02-05T10:15:00+08:00",
        "performer": "孙药师",
        "prescriber": "赵医生",
        "started": "2026-02-05T08:00:00+08:00",
        "duration": None,
    }
    given = await record(doctor, engine, "medications(known: ADMINISTERED)", "display dose route status performer")
    assert {"display": "胰岛素注射液", "dose": "10 单位", "route": "皮下注射", "status": "completed"}.items() <= next(
        one.items() for one in given if one["display"] == "胰岛素注射液"
    )
    assert {one["display"]: one["status"] for one in given} == {
        "胰岛素注射液": "completed",
        "氯化钠注射液": "completed",
        "青霉素": "not-done",
    }
    asked = await record(doctor, engine, "prescriptions", "display")
    assert not {one["display"] for one in asked} & {one["display"] for one in given}


async def test_a_result_tells_its_specimen(doctor: Asker, engine: AsyncEngine) -> None:
    await deliver(engine, [letter("renmin-oru-r01-specimens")])
    found = await record(doctor, engine, "observations", "value specimen specimenNumber specimenTaken")
    taken = "2026-02-05T07:55:00+08:00"
    assert {"value": "6.8", "specimen": "全血", "specimenNumber": "SPB1", "specimenTaken": taken} in found


async def test_a_vaccination_of_a_v2_message_stands_in_the_record(doctor: Asker, engine: AsyncEngine) -> None:
    await deliver(engine, [letter("renmin-vxu-v04")])
    found = await record(doctor, engine, "immunizations", "display status dose lotNumber performer manufacturer")
    flu = {"display": "流感疫苗", "status": "completed", "dose": "0.5 毫升", "lotNumber": "LOT2026"}
    assert flu | {"performer": "卫护士", "manufacturer": "某生物"} in found


async def test_a_document_of_a_v2_message_can_be_read(doctor: Asker, engine: AsyncEngine) -> None:
    await deliver(engine, [letter("renmin-mdm-t02")])
    [found] = await record(doctor, engine, "documents", "display documentNumber author authenticator text")
    assert found.pop("text").splitlines() == ["入院诊断：脑梗死", "出院医嘱：两周后复查"]
    assert found == {"display": "出院小结", "documentNumber": "DOC1001", "author": "赵医生", "authenticator": "陈主任"}


async def test_an_appointment_of_a_v2_message_stands_in_the_record(doctor: Asker, engine: AsyncEngine) -> None:
    await deliver(engine, [letter("renmin-siu-s12")])
    [found] = await record(doctor, engine, "appointments", "status effective ended doctor department reason note")
    assert found == {
        "status": "booked",
        "effective": "2026-02-10T09:00:00+08:00",
        "ended": "2026-02-10T09:15:00+08:00",
        "doctor": "赵医生",
        "department": "9700 诊室3",
        "reason": "复查",
        "note": "请携带病历",
    }


async def test_a_cancelled_appointment_stays_and_says_so(doctor: Asker, engine: AsyncEngine) -> None:
    await deliver(engine, [letter("renmin-siu-s12"), letter("renmin-siu-s15")])
    [found] = await record(doctor, engine, "appointments", "status cancellationReason")
    assert found["status"] == "cancelled"


NUMBER = "https://erke.example/patient-number"
URN = "urn:uuid:5e1c2b0a-77f0-4d0e-9a35-3f7d0f1b6c0"


def bundle(*resources: dict[str, Any]) -> Sending:
    """A FHIR transaction about one person and a doctor; the resources refer to them by urn."""
    doctor = {"resourceType": "Practitioner", "name": [{"text": "时医生"}]}
    citizen = {"system": NUMBER, "value": "EK7001"}
    person = {"resourceType": "Patient", "identifier": [citizen], "name": [{"text": "测试乙"}]}
    entries = [
        {"fullUrl": f"{URN}{at}", "resource": one, "request": {"method": "POST", "url": one["resourceType"]}}
        for at, one in enumerate((person, doctor, *resources))
    ]
    body = {"resourceType": "Bundle", "type": "transaction", "entry": entries}
    return Sending(
        slug="shelf",
        source="erke-fhir",
        transport="fhir",
        body=json.dumps(body).encode(),
        content_type="application/fhir+json",
        ends="merged",
        answer="200",
        about=(),
    )


async def test_what_a_fhir_bundle_tells_stands_on_the_same_shelf(doctor: Asker, engine: AsyncEngine) -> None:
    who, by = {"reference": f"{URN}0"}, {"reference": f"{URN}1"}
    drug = {"resourceType": "Medication", "id": "m", "code": {"text": "二甲双胍片"}}
    await deliver(
        engine,
        [
            bundle(
                {
                    "resourceType": "Procedure",
                    "id": "p1",
                    "status": "completed",
                    "subject": who,
                    "code": {"text": "阑尾切除术"},
                    "performedDateTime": "2026-02-03",
                    "performer": [{"actor": by}],
                },
                {
                    "resourceType": "MedicationRequest",
                    "id": "r1",
                    "status": "active",
                    "intent": "order",
                    "subject": who,
                    "contained": [drug],
                    "medicationReference": {"reference": "#m"},
                    "requester": by,
                },
                {
                    "resourceType": "Appointment",
                    "id": "a1",
                    "status": "booked",
                    "start": "2026-02-10T01:00:00Z",
                    "end": "2026-02-10T01:15:00Z",
                    "participant": [{"actor": by, "status": "accepted"}, {"actor": who, "status": "accepted"}],
                },
            )
        ],
    )
    assert await record(doctor, engine, "procedures", "display performer effective") == [
        {"display": "阑尾切除术", "performer": "时医生", "effective": "2026-02-03"}
    ]
    assert await record(doctor, engine, "prescriptions", "display prescriber") == [
        {"display": "二甲双胍片", "prescriber": "时医生"}
    ]
    assert await record(doctor, engine, "appointments", "status doctor") == [{"status": "booked", "doctor": "时医生"}]


async def test_rebuilding_shows_the_same_shelf(engine: AsyncEngine) -> None:
    names = ("renmin-rde-o11", "renmin-vxu-v04", "renmin-mdm-t02", "renmin-siu-s12", "renmin-adt-a02-full")
    await deliver(engine, [letter(name) for name in names])
    tables = ("procedure", "medication", "immunization", "document", "appointment")
    before = [await rows(engine, f"select * from {table} order by id") for table in tables]
    assert all(before)
    everybody = [row["id"] for row in await rows(engine, "select id from resident where replaced_by is null")]
    async with engine.begin() as connection:
        await rebuild(connection, sorted(everybody))
    assert [await rows(engine, f"select * from {table} order by id") for table in tables] == before


@pytest.mark.parametrize("name", LISTS)
async def test_each_list_filters_by_code_and_goes_on_behind_a_cursor(doctor: Asker, ward: Ward, name: str) -> None:
    key = await ward.admit()
    await ward.note(key, LISTS[name], 5)
    query = f"""query P($id: ID!, $after: String, $code: String) {{ resident(id: $id) {{ record {{
      {name}(first: 2, after: $after, code: $code) {{ totalCount pageInfo {{ hasNextPage endCursor }}
        edges {{ node {{ code effective }} }} }} }} }} }}"""
    first = (await doctor.ask(query, id=str(key)))["resident"]["record"][name]
    assert (first["totalCount"], first["pageInfo"]["hasNextPage"]) == (5, True)
    then = (await doctor.ask(query, id=str(key), after=first["pageInfo"]["endCursor"]))["resident"]["record"][name]
    days = [edge["node"]["effective"] for edge in first["edges"] + then["edges"]]
    assert days == ["2026-03-01", "2026-02-28", "2026-02-27", "2026-02-26"]
    coded = (await doctor.ask(query, id=str(key), code="c1"))["resident"]["record"][name]
    assert [edge["node"]["code"] for edge in coded["edges"]] == ["c1", "c1"]


@pytest.mark.parametrize("name", LISTS)
async def test_nobody_reads_a_list_without_a_relation_and_reading_leaves_a_witness(
    doctor: Asker, ward: Ward, name: str
) -> None:
    stranger, own = await ward.admit(team="team-2"), await ward.admit()
    query = f"query R($id: ID!) {{ resident(id: $id) {{ record {{ {name} {{ totalCount }} }} }} }}"
    assert (await doctor.refused(query, id=str(stranger)))["code"] == "no-relation"
    await doctor.ask(query, id=str(own))
    assert [row["kinds"] for row in await ward.audited()] == [[], [LISTS[name]]]


async def test_twenty_shelves_take_as_many_statements_as_one(doctor: Asker, ward: Ward, engine: AsyncEngine) -> None:
    for _ in range(20):
        key = await ward.admit()
        for kind in LISTS.values():
            await ward.note(key, kind, 2)
    lists = " ".join(f"{name} {{ edges {{ node {{ id display }} }} }}" for name in LISTS)
    query = f"query M($first: Int!) {{ residents(first: $first) {{ edges {{ node {{ record {{ {lists} }} }} }} }} }}"
    with counting(engine) as for_one:
        await doctor.ask(query, first=1)
    with counting(engine) as for_twenty:
        answer = await doctor.ask(query, first=20)
    assert len(answer["residents"]["edges"]) == 20
    assert sorted(for_one) == sorted(for_twenty)
