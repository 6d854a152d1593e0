"""A drug that is prescribed and dispensed is one line of the record, in whatever order, over however many bundles."""

import json
from collections.abc import Sequence
from dataclasses import replace
from itertools import permutations
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from fixtures.county import Sending
from hub.record import Json
from hub.recording import rebuild
from tests.desk import deliver, rows
from tests.integration.test_references import PERSON, WHO, sent

NUMBERED: Json = {
    "resourceType": "MedicationRequest",
    "id": "r1",
    "identifier": [{"system": "urn:rx", "value": "CF1"}],
    "status": "active",
    "intent": "order",
    "subject": WHO,
    "medicationCodeableConcept": {"coding": [{"system": "urn:drugs", "code": "Y002", "display": "二甲双胍片"}]},
}
HANDED_OUT: Json = {
    "resourceType": "MedicationDispense",
    "id": "d1",
    "status": "completed",
    "subject": WHO,
    "medicationCodeableConcept": {"text": "格华止"},
    "whenHandedOver": "2026-02-04",
    "authorizingPrescription": [{"reference": "MedicationRequest/r1"}],
}
TAKEN: Json = {
    "resourceType": "MedicationStatement",
    "id": "s1",
    "status": "active",
    "subject": WHO,
    "medicationCodeableConcept": {"text": "二甲双胍"},
    "basedOn": [{"reference": "MedicationRequest/r1"}],
}
ALL = "select key, display, status, statements, handed_over, jsonb_array_length(origins) as origins from medication"


def messages() -> Sequence[Sending]:
    return [sent(PERSON, NUMBERED), sent(PERSON, HANDED_OUT), sent(PERSON, TAKEN)]


async def whole(engine: AsyncEngine) -> list[dict[str, Any]]:
    return [dict(row) for row in await rows(engine, f"{ALL} order by key")]


@pytest.mark.parametrize("order", list(permutations(range(3))), ids=lambda order: "".join(map(str, order)))
@pytest.mark.parametrize("most", [1, 64])
async def test_in_any_order_a_course_is_one_line(engine: AsyncEngine, order: tuple[int, ...], most: int) -> None:
    said = messages()
    await deliver(engine, [said[at] for at in order], most=most)
    [one] = await whole(engine)
    assert one["key"].endswith("|CF1|urn:drugs|Y002")
    assert (one["display"], one["status"], one["handed_over"]) == ("二甲双胍片", "active", "2026-02-04")
    assert (one["statements"], one["origins"]) == (["prescribed", "dispensed", "taken"], 3)
    before = await rows(engine, "select * from medication")
    [resident] = await rows(engine, "select id from resident where replaced_by is null")
    async with engine.begin() as connection:
        await rebuild(connection, [resident["id"]])
    assert await rows(engine, "select * from medication") == before


@pytest.mark.parametrize("most", [1, 64])
async def test_a_prescription_under_another_number_takes_its_dispense_along(engine: AsyncEngine, most: int) -> None:
    other = {**NUMBERED, "identifier": [{"system": "urn:rx", "value": "CF2"}]}
    await deliver(engine, [*messages(), sent(other, at="2026-02-05T09:00:00+08:00")], most=most)
    [one] = await whole(engine)
    assert one["key"].endswith("|CF2|urn:drugs|Y002")
    assert one["origins"] == 3


async def test_a_dispense_that_names_no_prescription_any_longer_stands_alone(engine: AsyncEngine) -> None:
    alone = {name: value for name, value in HANDED_OUT.items() if name != "authorizingPrescription"}
    late = sent(alone, at="2026-02-05T09:00:00+08:00")
    await deliver(engine, [sent(PERSON, HANDED_OUT), sent(PERSON, NUMBERED), late], most=1)
    assert sorted(tuple(one["statements"]) for one in await whole(engine)) == [("dispensed",), ("prescribed",)]


async def test_one_bundle_joins_them_by_its_own_addresses(engine: AsyncEngine) -> None:
    urn = "urn:uuid:0a3d4d5e-0000-4000-8000-000000000009"
    asked = {**HANDED_OUT, "authorizingPrescription": [{"reference": urn}]}
    plain = sent(PERSON, NUMBERED, asked)
    body = json.loads(plain.body)
    body["entry"][1]["fullUrl"] = urn
    await deliver(engine, [replace(plain, body=json.dumps(body).encode())])
    [one] = await whole(engine)
    assert one["statements"] == ["prescribed", "dispensed"]


async def test_each_dose_that_was_given_stands_for_itself(engine: AsyncEngine) -> None:
    given = [
        {
            "resourceType": "MedicationAdministration",
            "id": f"a{at}",
            "status": "completed",
            "subject": WHO,
            "medicationCodeableConcept": {"text": "胰岛素"},
            "effectiveDateTime": f"2026-02-0{at}T08:00:00+08:00",
            "dosage": {"dose": {"value": 10 + at, "unit": "U"}},
        }
        for at in (1, 2)
    ]
    await deliver(engine, [sent(PERSON, *given)])
    found = await rows(engine, "select dose, statements, effective from medication order by dose")
    assert [(row["dose"], row["statements"]) for row in found] == [
        ("11 U", ["administered"]),
        ("12 U", ["administered"]),
    ]
