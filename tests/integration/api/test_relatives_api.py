"""Whom to ask about a resident and how they pay, from the message to the answer: v2, FHIR, and who may read it."""

from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from hub.record import Json
from hub.recording import rebuild
from tests.desk import deliver, rows
from tests.integration.api.conftest import Asker, Ward, sign
from tests.integration.api.test_shelf_api import letter
from tests.integration.test_references import PERSON, WHO, sent

QUERY = """query R($id: ID!) { resident(id: $id) { name
  contacts { relation relationCode isGuardian name phone source }
  coverages { type typeCode payor numberKind since until } } }"""
SON: Json = {
    "resourceType": "RelatedPerson",
    "id": "k1",
    "patient": WHO,
    "relationship": [{"text": "监护人"}],
    "name": [{"text": "秦学文"}],
    "telecom": [{"system": "phone", "value": "19900001918"}],
}
PAYS: Json = {
    "resourceType": "Coverage",
    "id": "c1",
    "status": "active",
    "beneficiary": WHO,
    "type": {"text": "城乡居民基本医疗保险"},
    "payor": [{"reference": "Organization/yb"}],
}
BUREAU: Json = {"resourceType": "Organization", "id": "yb", "name": "威泉县医疗保障局"}


async def told(doctor: Asker, engine: AsyncEngine) -> dict[str, Any]:
    """What the doctor reads of the only resident, who is signed with their team."""
    [resident] = await rows(engine, "select id from resident where replaced_by is null")
    if not await rows(engine, "select 1 from coverage"):
        async with engine.begin() as connection:
            await sign(connection, resident["id"], "team-1")
    found: dict[str, Any] = (await doctor.ask(QUERY, id=str(resident["id"])))["resident"]
    return found


async def test_a_v2_message_tells_next_of_kin_and_insurance(doctor: Asker, engine: AsyncEngine) -> None:
    await deliver(engine, [letter("renmin-adt-a28-insured")])
    found = await told(doctor, engine)
    assert found["contacts"] == [
        {
            "relation": "女",
            "relationCode": "DAUC",
            "isGuardian": False,
            "name": "秦小满",
            "phone": "19900001917",
            "source": "renmin-his",
        }
    ]
    first = {"type": "城镇居民基本医疗保险", "typeCode": "2", "payor": "威泉县医疗保障局", "numberKind": "subscriberId"}
    assert first | {"since": "2026-01-01", "until": "2026-12-31"} in found["coverages"]
    assert len(found["coverages"]) == 3


@pytest.mark.parametrize("most", [1, 64])
async def test_what_fhir_tells_in_resources_of_its_own_stands_beside(
    doctor: Asker, engine: AsyncEngine, most: int
) -> None:
    contact = {"name": {"text": "秦家属"}, "telecom": [{"system": "phone", "value": "19900001916"}]}
    await deliver(engine, [sent({**PERSON, "contact": [contact]}), sent(SON), sent(PAYS), sent(BUREAU)], most=most)
    found = await told(doctor, engine)
    assert sorted((one["name"], one["isGuardian"]) for one in found["contacts"]) == [
        ("秦学文", True),
        ("秦家属", False),
    ]
    assert [(one["type"], one["payor"]) for one in found["coverages"]] == [("城乡居民基本医疗保险", "威泉县医疗保障局")]
    [resident] = await rows(engine, "select id from resident where replaced_by is null")
    async with engine.begin() as connection:
        await rebuild(connection, [resident["id"]])
    assert await told(doctor, engine) == found


async def test_a_relative_who_is_withdrawn_is_gone(doctor: Asker, engine: AsyncEngine) -> None:
    await deliver(engine, [sent(PERSON, SON), sent({**SON, "active": False}, at="2026-02-05T09:00:00+08:00")])
    assert (await told(doctor, engine))["contacts"] == []


async def test_without_a_relation_nobody_reads_them(doctor: Asker, ward: Ward) -> None:
    stranger = await ward.admit(team="team-2")
    assert (await doctor.refused(QUERY, id=str(stranger)))["code"] == "no-relation"
