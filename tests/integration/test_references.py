"""References to what came in another bundle: shown by their display until the target arrives, and by its name from then
on, whatever the order and however often."""

import asyncio
import json
from itertools import permutations
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from fixtures.county import Sending
from hub.intake import work
from hub.record import Json
from hub.recording import rebuild
from tests.desk import county_desk, deliver, keep, rows

NUMBER = "urn:oid:2.16.156.10011.1.3"
CITIZEN = {"system": NUMBER, "value": "371099195603120159"}
WHO = {"reference": "Patient/pat1"}
PERSON: Json = {"resourceType": "Patient", "id": "pat1", "identifier": [CITIZEN], "name": [{"text": "秦学勤"}]}
ORDER: Json = {
    "resourceType": "MedicationRequest",
    "id": "r1",
    "status": "active",
    "intent": "order",
    "subject": WHO,
    "medicationReference": {"reference": "Medication/m1"},
    "requester": {"reference": "Practitioner/d1", "display": "医生"},
}
DRUG: Json = {"resourceType": "Medication", "id": "m1", "code": {"text": "二甲双胍片"}}
DOCTOR: Json = {"resourceType": "Practitioner", "id": "d1", "name": [{"text": "时医生"}]}


def sent(*resources: Json, at: str = "2026-02-03T09:00:00+08:00") -> Sending:
    entries = [
        {"resource": one, "request": {"method": "PUT", "url": f"{one['resourceType']}/{one['id']}"}}
        for one in resources
    ]
    body = {"resourceType": "Bundle", "type": "transaction", "timestamp": at, "entry": entries}
    return Sending(
        slug=f"{'-'.join(one['id'] for one in resources)}-{at}",
        source="erke-fhir",
        transport="fhir",
        body=json.dumps(body).encode(),
        content_type="application/fhir+json",
        ends="merged",
        answer="200",
        about=(),
    )


async def prescribed(engine: AsyncEngine) -> list[tuple[Any, ...]]:
    return [tuple(row.values()) for row in await rows(engine, "select display, prescriber from medication")]


async def test_until_its_target_arrives_a_reference_keeps_its_display(engine: AsyncEngine) -> None:
    await deliver(engine, [sent(PERSON, ORDER)])
    assert await prescribed(engine) == [(None, "医生")]
    await deliver(engine, [sent(DOCTOR)])
    assert await prescribed(engine) == [(None, "时医生")]
    await deliver(engine, [sent(DRUG)])
    assert await prescribed(engine) == [("二甲双胍片", "时医生")]
    [fact] = await rows(engine, "select content from fact where kind = 'MedicationRequest'")
    assert json.loads(fact["content"])["requester"]["display"] == "医生", "facts are never rewritten"


@pytest.mark.parametrize("order", list(permutations(range(3))), ids=lambda order: "".join(map(str, order)))
@pytest.mark.parametrize("most", [1, 64])
async def test_in_any_order_the_record_says_the_same(engine: AsyncEngine, order: tuple[int, ...], most: int) -> None:
    whole = [sent(PERSON, ORDER), sent(DRUG), sent(DOCTOR)]
    await deliver(engine, [whole[at] for at in order], most=most)
    assert await prescribed(engine) == [("二甲双胍片", "时医生")]
    before = await rows(engine, "select * from medication")
    [resident] = await rows(engine, "select id from resident where replaced_by is null")
    async with engine.begin() as connection:
        await rebuild(connection, [resident["id"]])
    assert await rows(engine, "select * from medication") == before


async def test_a_target_that_comes_again_changes_nothing_and_a_new_name_does(engine: AsyncEngine) -> None:
    await deliver(engine, [sent(PERSON, ORDER), sent(DOCTOR), sent(DRUG)])
    events = await rows(engine, "select count(*) as n from event")
    await deliver(engine, [sent(DOCTOR, at="2026-02-04T09:00:00+08:00")])
    assert await rows(engine, "select count(*) as n from event") == events
    renamed = {**DOCTOR, "name": [{"text": "时主任"}]}
    await deliver(engine, [sent(renamed, at="2026-02-05T09:00:00+08:00")])
    await deliver(engine, [sent(DOCTOR, at="2026-02-04T10:00:00+08:00")])  # late: it undoes nothing
    await deliver(engine, [sent(renamed, at="2026-02-07T09:00:00+08:00"), sent(DOCTOR, at="2026-02-06T09:00:00+08:00")])
    assert await prescribed(engine) == [("二甲双胍片", "时主任")]
    [event] = await rows(engine, "select kind, entries from event order by position desc limit 1")
    assert (event["kind"], event["entries"]) == ("resident-changed", ["MedicationRequest"])


@pytest.mark.parametrize(
    "reference", ["https://his.example/fhir/Practitioner/d1", "Practitioner?identifier=urn:staff|D1"]
)
async def test_an_address_and_a_number_lead_to_their_target_too(engine: AsyncEngine, reference: str) -> None:
    order = {**ORDER, "requester": {"reference": reference}}
    await deliver(engine, [sent(PERSON, order)])
    numbered = {**DOCTOR, "identifier": [{"system": "urn:staff", "value": "D1"}]}
    body = json.loads(sent(numbered).body)
    body["entry"][0]["fullUrl"] = "https://his.example/fhir/Practitioner/d1"
    await deliver(engine, [Sending(**{**_fields(sent(numbered)), "body": json.dumps(body).encode()})])
    assert await prescribed(engine) == [(None, "时医生")]


async def test_what_another_source_calls_so_is_not_meant(engine: AsyncEngine) -> None:
    await deliver(engine, [sent(PERSON, ORDER)])
    await deliver(engine, [Sending(**{**_fields(sent(DOCTOR)), "source": "nanshan-phs"})])
    assert await prescribed(engine) == [(None, "医生")]


async def test_two_workers_at_once_miss_no_name(engine: AsyncEngine) -> None:
    """Each in a transaction of its own, one with the order and one with the target, over and over."""
    for at in range(12):
        drug = {**DRUG, "id": f"m{at}"}
        order = {**ORDER, "id": f"r{at}", "medicationReference": {"reference": f"Medication/m{at}"}}
        await keep(engine, [sent(PERSON, order), sent(drug)])
        while sum(await asyncio.gather(*(work(engine, county_desk(), most=1) for _ in range(2)))):
            pass
    shown = await rows(engine, "select display from medication where display is distinct from '二甲双胍片'")
    assert shown == []
    assert len(await rows(engine, "select id from medication")) == 12


async def test_a_bundle_that_names_what_it_refers_to_awaits_nothing(engine: AsyncEngine) -> None:
    await deliver(engine, [sent(PERSON, DOCTOR, DRUG, ORDER)])
    assert await rows(engine, "select * from awaited") == []
    assert await prescribed(engine) == [("二甲双胍片", "时医生")]


async def test_a_fhir_document_stands_among_the_documents_and_its_entries_in_the_record(engine: AsyncEngine) -> None:
    composition = {
        "resourceType": "Composition",
        "status": "final",
        "type": {"text": "出院小结"},
        "subject": {"reference": "urn:uuid:0a3d4d5e-0000-4000-8000-000000000001"},
        "date": "2026-02-06T10:00:00+08:00",
        "author": [{"display": "时砚秋"}],
        "title": "出院小结",
        "section": [{"title": "诊断", "text": {"status": "generated", "div": "<div>脑梗死</div>"}}],
    }
    condition = {"resourceType": "Condition", "subject": composition["subject"], "code": {"text": "脑梗死"}}
    entries = [composition, {**PERSON, "id": "p9"}, condition]
    body = {
        "resourceType": "Bundle",
        "type": "document",
        "identifier": {"system": "urn:docs", "value": "D1"},
        "timestamp": "2026-02-06T10:00:00+08:00",
        "entry": [
            {"fullUrl": f"urn:uuid:0a3d4d5e-0000-4000-8000-00000000000{at}", "resource": one}
            for at, one in enumerate(entries)
        ],
    }
    await deliver(engine, [Sending(**{**_fields(sent(PERSON)), "slug": "document", "body": json.dumps(body).encode()})])
    [document] = await rows(engine, "select title, author, text from document")
    assert tuple(document.values()) == ("出院小结", "时砚秋", "【诊断】\n脑梗死")
    assert [row["display"] for row in await rows(engine, "select display from condition")] == ["脑梗死"]


def _fields(sending: Sending) -> dict[str, Any]:
    return {name: getattr(sending, name) for name in Sending.__slots__}
