"""Who gets in, what is refused, what the audit trail keeps, what an error shows."""

import asyncio
from base64 import b64encode
from datetime import timedelta
from unittest.mock import patch
from uuid import uuid4

import httpx
import pytest
import structlog
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from hub.access import Role, Viewer
from hub.store import log, records
from hub.tokens import Keyring
from tests.conftest import Urls
from tests.integration.api.conftest import CITIZEN_ID, ENGINEER, Asker, Clock, Ward

NAMES = "{ residents { edges { node { name } } } }"
ONE = "query One($id: ID!) { resident(id: $id) { name record { conditions { totalCount } } } }"


@pytest.mark.parametrize("header", [{}, {"Authorization": "Bearer x"}, {"Authorization": "Basic YTpi"}])
@pytest.mark.parametrize("query", [NAMES, "{ __schema { types { name } } }", "{ viewer { id } }"])
async def test_without_a_token_nothing_is_answered(
    client: httpx.AsyncClient, ward: Ward, header: dict[str, str], query: str
) -> None:
    await ward.admit()
    response = await client.post("/graphql", json={"query": query}, headers=header)
    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"] == "Bearer"
    assert list(response.json()) == ["errors"]
    assert response.json()["errors"][0]["extensions"]["code"] == "no-token"


async def test_a_token_ends(doctor: Asker, clock: Clock) -> None:
    assert (await doctor.post("{ viewer { id } }")).status_code == 200
    clock.moment += timedelta(days=31)
    assert (await doctor.post("{ viewer { id } }")).status_code == 401


async def test_everybody_may_know_who_they_are(engineer: Asker) -> None:
    asked = "{ viewer { id name role organisation team source } }"
    assert (await engineer.ask(asked))["viewer"] == {
        "id": "eng",
        "name": "工程师",
        "role": "ENGINEER",
        "organisation": None,
        "team": None,
        "source": None,
    }


@pytest.mark.parametrize("viewer", [ENGINEER, Viewer(id="his", name="HIS", role=Role.HOSPITAL_SOURCE, source="his")])
@pytest.mark.parametrize(
    "query",
    [
        NAMES,
        "{ residents { totalCount } }",
        'query { resident(id: "%s") { name } }',
        'query { node(id: "T2JzZXJ2YXRpb246MDE5ZDAwMDAtMDAwMC03MDAwLTgwMDAtMDAwMDAwMDAwMDAw") { id } }',
        f'query {{ resident(identifier: {{kind: "citizen-id", value: "{CITIZEN_ID}"}}) {{ name }} }}',
    ],
)
async def test_engineers_and_sources_read_no_records(
    client: httpx.AsyncClient, keyring: Keyring, clock: Clock, ward: Ward, viewer: Viewer, query: str
) -> None:
    key = await ward.admit(citizen_id=CITIZEN_ID)
    asker = Asker(client, keyring.issue(viewer, now=clock()))
    response = await asker.post(query.replace("%s", str(key)))
    assert "张伟" not in response.text
    refusal = response.json()["errors"][0]["extensions"]
    assert refusal["code"] == "may-not-read-records"
    row = (await ward.audited())[-1]
    assert (row["decision"], row["rule"]) == ("refused", "others-read-none")


async def test_each_request_leaves_exactly_one_audit_row(doctor: Asker, ward: Ward) -> None:
    key = await ward.admit()
    await ward.note(key, "Condition")
    await doctor.ask(ONE, id=str(key))
    rows = await ward.audited()
    assert len(rows) == 1
    row = rows[0]
    assert (row["viewer"], row["role"], row["operation"]) == ("dr-lin", "family-doctor", "One")
    assert (row["decision"], row["rule"]) == ("allowed", "relation:agreement")
    assert (row["residents"], row["kinds"]) == ([key], ["Condition"])
    assert (row["purpose"], row["address"]) == ("treatment", "127.0.0.1")
    await doctor.ask("{ viewer { id } }")
    assert [row["operation"] for row in await ward.audited()] == ["One", "anonymous"]


async def test_a_number_that_was_asked_for_is_in_no_audit_row(doctor: Asker, ward: Ward) -> None:
    await ward.admit(citizen_id=CITIZEN_ID)
    await doctor.ask(f'{{ resident(identifier: {{kind: "citizen-id", value: "{CITIZEN_ID}"}}) {{ id }} }}')
    assert CITIZEN_ID not in str(await ward.audited())


async def test_no_answer_leaves_when_its_audit_row_cannot_be_written(doctor: Asker, ward: Ward) -> None:
    key = await ward.admit()

    async def broken(*_: object) -> None:
        raise OSError("张伟")

    with patch.object(log, "witness", broken):
        response = await doctor.post(ONE, id=str(key))
    assert "张伟" not in response.text
    assert response.json()["data"] is None
    assert response.json()["errors"][0]["extensions"]["code"] == "query-failed"


async def test_a_fault_shows_a_reference_and_logs_its_type_alone(doctor: Asker, ward: Ward) -> None:
    key = await ward.admit()

    async def broken(*_: object) -> None:
        raise LookupError("张伟 is not in the index")

    with structlog.testing.capture_logs() as logged, patch.object(records, "list_entries", broken):
        response = await doctor.post(ONE, id=str(key))
    refusal = response.json()["errors"][0]["extensions"]
    assert refusal["code"] == "query-failed"
    assert [entry["fault"] for entry in logged] == ["LookupError"]
    assert logged[0]["reference"] in refusal["message"]["zh"]
    assert "is not in the index" not in response.text + str(logged)


async def test_a_read_that_the_database_failed_is_witnessed(doctor: Asker, ward: Ward, database: Urls) -> None:
    key = await ward.admit()

    async def broken(connection: object, *_: object) -> None:
        await connection.execute(text("select 1 / 0"))  # type: ignore[attr-defined]

    with patch.object(records, "list_entries", broken):
        response = await doctor.post(ONE, id=str(key))
    assert response.json()["errors"][0]["extensions"]["code"] == "query-failed"
    assert [row["residents"] for row in await ward.audited()] == [[key]]


async def test_a_connection_is_given_back_whatever_became_of_the_query(
    doctor: Asker, ward: Ward, engine: AsyncEngine
) -> None:
    key = await ward.admit()
    for query in (ONE, "{ nonsense }", "{", "query A { viewer { id } } query B { viewer { id } }"):
        await doctor.post(query, id=str(key))
    async with asyncio.timeout(2):  # the feed looks at the log now and then, for a moment
        while engine.pool.checkedout():  # type: ignore[attr-defined]
            await asyncio.sleep(0.01)


async def test_a_query_that_is_too_deep_is_refused(doctor: Asker) -> None:
    query = "{ viewer { id } }"
    deep = "query D { residents { edges { node { record { conditions { edges { node { origins { values {"
    assert "errors" not in (await doctor.post(query)).json()
    answer = (await doctor.post(deep + " element } } } } } } } } } }")).json()
    assert "errors" not in answer
    inner = "... on Resident { " * 3 + "id" + " }" * 3
    answer = await doctor.post(f'{{ resident(identifier: null, id: "{"0" * 32}") {{ {inner} }} }}')
    assert [error["extensions"]["code"] for error in answer.json()["errors"]] == ["no-relation"]
    wide = "query W { " + " ".join(f"a{n}: viewer {{ id }}" for n in range(51)) + " }"
    assert "aliases" in (await doctor.post(wide)).json()["errors"][0]["message"]
    long = "query L { viewer { " + "id " * 5000 + "} }"
    assert "tokens" in (await doctor.post(long)).json()["errors"][0]["message"]


@pytest.mark.parametrize(
    ("content", "status"), [(b"", 400), (b"[]", 400), (b"{", 400), (b'{"query": 1}', 400), (b"{}", 400)]
)
async def test_what_is_no_query_is_refused(doctor: Asker, content: bytes, status: int) -> None:
    headers = {"Authorization": f"Bearer {doctor.token}", "Content-Type": "application/json"}
    response = await doctor.client.post("/graphql", content=content, headers=headers)
    assert response.status_code == status
    assert response.json()["errors"][0]["extensions"]["code"] == "bad-request"


async def test_a_body_that_is_too_large_is_not_read(doctor: Asker) -> None:
    assert (await doctor.post("{ viewer { id } }" + " " * 300_000)).status_code == 413


async def test_queries_do_not_travel_in_addresses(doctor: Asker) -> None:
    headers = {"Authorization": f"Bearer {doctor.token}"}
    response = await doctor.client.get("/graphql", params={"query": NAMES}, headers=headers)
    assert response.status_code == 405
    assert response.json()["errors"][0]["extensions"]["code"] == "ask-by-post"


@pytest.mark.parametrize(
    "body", ["null", "5", "[]", "{", '{"query": 5}', '{"query": "{viewer{id}}", "operationName": 5}']
)
async def test_what_is_no_request_is_refused_as_one(client: httpx.AsyncClient, doctor: Asker, body: str) -> None:
    headers = {"Authorization": f"Bearer {doctor.token}", "Content-Type": "application/json"}
    response = await client.post("/graphql", content=body, headers=headers)
    assert response.status_code == 400
    assert response.json()["errors"][0]["extensions"]["code"] == "bad-request"


async def test_a_subscription_by_post_is_told_where_to_go(doctor: Asker) -> None:
    response = await doctor.post("subscription { residentChanged { cursor } }")
    assert response.status_code == 400
    assert response.json()["errors"][0]["extensions"]["code"] == "ask-by-websocket"


async def test_a_number_that_no_database_holds_is_refused(doctor: Asker) -> None:
    asked = 'query ($value: String!) { resident(identifier: {kind: "citizen-id", value: $value}) { name } }'
    refusal = await doctor.refused(asked, value="1\0")
    assert refusal["code"] == "bad-argument"
    assert "identifier.value" in refusal["message"]["en"]


async def test_a_code_that_no_database_holds_is_refused(doctor: Asker, ward: Ward) -> None:
    asked = (
        "query ($id: ID!, $code: String) { resident(id: $id) { record { observations(code: $code) { totalCount } } } }"
    )
    assert (await doctor.refused(asked, id=str(await ward.admit()), code="8480-6\0"))["code"] == "bad-argument"


@pytest.mark.parametrize("at", ["0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59"])
async def test_a_cursor_outside_the_calendar_is_refused(doctor: Asker, ward: Ward, at: str) -> None:
    asked = (
        "query ($id: ID!, $after: String) { resident(id: $id) { record { conditions(after: $after) { totalCount } } } }"
    )
    after = b64encode(f"{at}|{uuid4()}".encode()).decode()
    assert (await doctor.refused(asked, id=str(await ward.admit()), after=after))["code"] == "bad-cursor"
