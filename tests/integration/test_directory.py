"""The directory: told by messages in any order and again, by administrators, and never half."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.fhir.validation import validate_body
from hub.mapping.bundles import SUPPORTED
from hub.store import inbox
from tests.desk import rows
from tests.signing import (
    COUNTY,
    Json,
    bundle,
    contract,
    household,
    merge,
    organisation,
    person,
    post,
    practitioner,
    send,
    team,
)

SHOWN = {
    "organisation": "select id, name, kind, level, authority, alliance_id, credit_code, phone from organisation",
    "practitioner": "select id, organisation_id, name, role, title from practitioner",
    "team": "select id, organisation_id, name, name_en, phone from team",
    "team_member": "select team_id, practitioner_id, role, since, until from team_member",
    "area": "select id, team_id, name from area",
}


async def shown(engine: AsyncEngine) -> dict[str, list[dict[str, Any]]]:
    """The directory without what differs from run to run."""
    return {name: [dict(row) for row in await rows(engine, f"{query} order by 1, 2")] for name, query in SHOWN.items()}


async def fates(engine: AsyncEngine) -> list[tuple[str, str | None]]:
    """What became of each message, and the code of what parked it."""
    query = "select fate, refusal->>'code' as code from fate order by message_id"
    return [(row["fate"], row["code"]) for row in await rows(engine, query)]


async def clear(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        for table in ("area", "team_member", "team", "practitioner", "organisation"):
            await connection.exec_driver_sql(f"delete from {table}")


def test_what_the_tests_send_is_valid_fhir() -> None:
    pair = ["urn:uuid:Patient-0", "urn:uuid:Patient-1"]
    said = contract("A1", ["urn:uuid:Group-2"], "2026-01-01", "2026-12-31", packages=["基础包"], reason="迁出")
    body = bundle(person(1), person(2), household("H1", pair), said, *COUNTY)
    read = validate_body(body, SUPPORTED)
    assert [entry.refusal for entry in read.entries if entry.refusal] == []


async def test_a_bundle_tells_organisations_practitioners_and_teams(engine: AsyncEngine) -> None:
    level = {"coding": [{"system": "urn:hub:organisation-level", "code": "2"}]}
    owner = {"coding": [{"system": "urn:hub:organisation-authority", "code": "county"}]}
    kind = {"coding": [{"system": "urn:hub:organisation-kind", "code": "hospital"}]}
    credit = {"system": "urn:oid:2.16.156.10011.1.5", "value": "123710994990000172"}
    hospital = organisation(
        "h2",
        type=[kind, level, owner],
        identifier=[{"system": "urn:hub:organisation", "value": "h2"}, credit],
        telecom=[{"system": "phone", "value": "19900000101"}],
        alias=["Hospital Two"],
    )
    await send(engine, bundle(*COUNTY, hospital))
    found = await shown(engine)
    assert [row["id"] for row in found["organisation"]] == ["alliance", "c1", "c2", "h1", "h2"]
    assert found["organisation"][-1] == {
        **{"id": "h2", "name": "机构h2", "kind": "hospital", "level": 2, "authority": "county", "alliance_id": None},
        **{"credit_code": "123710994990000172", "phone": "19900000101"},
    }
    assert found["practitioner"][0] == {
        **{"id": "d1", "organisation_id": "c1", "name": "顾清和", "role": "family-doctor", "title": "主治医师"}
    }
    assert found["team"][0]["name_en"] == "Team t1"
    assert [(row["team_id"], row["role"]) for row in found["team_member"]] == [("t1", "leader"), ("t2", "leader")]
    assert [(row["id"], row["team_id"]) for row in found["area"]] == [("a1", "t1"), ("a2", "t1"), ("a3", "t2")]


async def test_telling_it_again_changes_nothing(engine: AsyncEngine) -> None:
    await send(engine, bundle(*COUNTY))
    before = await rows(
        engine,
        "select id, changed_at, message_id from team union all select id, changed_at, message_id from organisation",
    )
    await send(engine, bundle(*COUNTY), bundle(*COUNTY), most=1)
    assert before == await rows(
        engine,
        "select id, changed_at, message_id from team union all select id, changed_at, message_id from organisation",
    )
    assert await fates(engine) == [("merged", None)] * 3


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(order=st.permutations(list(COUNTY)))
async def test_the_order_inside_a_bundle_does_not_matter(engine: AsyncEngine, order: list[Json]) -> None:
    await clear(engine)
    await send(engine, bundle(*COUNTY))
    expected = await shown(engine)
    await clear(engine)
    await send(engine, bundle(*order))
    assert await shown(engine) == expected


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        (team("t9", "nowhere"), "Organization nowhere"),
        (team("t9", "c1", [("nobody", "nurse")]), "Practitioner nobody"),
        (post("d9", "c1"), "Practitioner d9"),
        (practitioner("d9"), "PractitionerRole d9"),
        (organisation("c9", alliance="nowhere"), "Organization nowhere"),
    ],
)
async def test_an_unknown_reference_is_refused_with_what_to_send_first(
    engine: AsyncEngine, said: Json, kind: str
) -> None:
    await send(engine, bundle(*COUNTY))
    before = await shown(engine)
    await send(engine, bundle(practitioner("d1", "改名"), said))
    assert (await fates(engine))[-1] == ("parked", "directory-unknown")
    assert await shown(engine) == before, "nothing of a refused message is done"
    refusal = (await rows(engine, "select refusal from fate where fate = 'parked'"))[0]["refusal"]
    assert f"{refusal['given']['kind']} {refusal['given']['key']}" == kind


async def test_a_parked_team_is_taken_once_its_organisation_was_told(engine: AsyncEngine) -> None:
    await send(engine, bundle(team("t9", "c9")), bundle(organisation("c9")), most=1)
    assert await fates(engine) == [("parked", "directory-unknown"), ("merged", None)]
    async with engine.begin() as connection:
        await inbox.replay(connection, None)
    await merge(engine)
    assert [row["id"] for row in (await shown(engine))["team"]] == ["t9"]


async def test_what_is_not_told_any_longer_does_not_hold_any_longer(engine: AsyncEngine) -> None:
    more = [practitioner("d3", "丁若兰"), post("d3", "c1", "nurse")]
    await send(engine, bundle(*COUNTY, *more, team("t3", "c1", [("d1", "leader"), ("d3", "nurse")], ["a7", "a8"])))
    await send(
        engine, bundle(team("t3", "c1", [("d1", "leader")], ["a8"]), team("t2", "c2", [("d2", "leader")], ["a7"]))
    )
    found = await shown(engine)
    left = {row["practitioner_id"]: row["until"] for row in found["team_member"] if row["team_id"] == "t3"}
    assert left["d1"] is None
    assert str(left["d3"]) == "2026-06-01"
    assert {row["id"]: row["team_id"] for row in found["area"]} == {"a1": "t1", "a2": "t1", "a7": "t2", "a8": "t3"}


async def test_a_replayed_message_does_not_undo_a_later_one(engine: AsyncEngine) -> None:
    await send(engine, bundle(organisation("c1", name="旧名")), bundle(organisation("c1", name="新名")), most=1)
    async with engine.begin() as connection:
        first = (await rows(engine, "select min(message_id::text)::uuid as id from fate"))[0]["id"]
        await inbox.replay(connection, [first])
    await merge(engine)
    assert (await shown(engine))["organisation"][0]["name"] == "新名"


@pytest.mark.parametrize(
    ("said", "code"),
    [
        (organisation("x", "castle"), "directory-code"),
        (organisation("x", name=" "), "directory-incomplete"),
        (organisation("x", alliance="h1"), "not-an-alliance"),
        (post("d1", "c1", "wizard"), "directory-code"),
        (team("t1", "c1", [("d1", "wizard")]), "directory-code"),
    ],
)
async def test_what_cannot_be_is_refused(engine: AsyncEngine, said: Json, code: str) -> None:
    await send(engine, bundle(*COUNTY), bundle(said), most=1)
    assert (await fates(engine))[-1] == ("parked", code)
