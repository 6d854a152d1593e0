"""A record by FHIR: everything that was said and holds, and the patient summary; to whom, and with which witness."""

import json
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from fhir.resources.R4B.bundle import Bundle
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine
from starlette.applications import Starlette

from fixtures.county import story
from hub.access import Role, Viewer
from hub.api.routes import create_routes
from hub.events import EventFeed
from hub.policy import Programme
from hub.settings import Settings
from hub.tokens import Keyring
from hub.wiring import Hub
from hub.wiring.doors import record_door
from tests.acceptance.hub_process import COUNTY
from tests.desk import deliver, rows, told
from tests.integration.api.conftest import DOCTOR, ENGINEER, KINDS, Clock, Ward
from tests.integration.api.test_charts_api import potassium, readable
from tests.integration.api.test_reading import counting


class Reader:
    """Somebody with a token who reads by FHIR."""

    def __init__(self, client: httpx.AsyncClient, keyring: Keyring, clock: Clock, viewer: Viewer = DOCTOR) -> None:
        self.client = client
        self.token = keyring.issue(viewer, now=clock())

    async def get(self, path: str, **headers: str) -> httpx.Response:
        said = {"Authorization": f"Bearer {self.token}", **headers}
        return await self.client.get(path, headers=said)

    async def bundle(self, path: str) -> dict[str, Any]:
        response = await self.get(path)
        assert response.status_code == 200, response.text
        found: dict[str, Any] = response.json()
        return found

    async def pages(self, path: str) -> list[dict[str, Any]]:
        """A page, and all that follow it by their next links."""
        found = [await self.bundle(path)]
        while following := [one["url"] for one in found[-1]["link"] if one["relation"] == "next"]:
            found.append(await self.bundle(following[0]))
            assert len(found) < 500
        return found


@pytest.fixture
def app(engine: AsyncEngine, keyring: Keyring, feed: EventFeed, programme: Programme, clock: Clock) -> Starlette:
    graphql = create_routes(engine, keyring, feed, KINDS, programme, now=clock)
    return Starlette(routes=[*record_door(engine, keyring).routes(), *graphql])


@pytest.fixture
def reader(client: httpx.AsyncClient, keyring: Keyring, clock: Clock) -> Reader:
    return Reader(client, keyring, clock)


def everything(key: UUID, **asked: Any) -> str:
    return str(httpx.URL(f"/fhir/Patient/{key}/$everything", params={f"_{name}": of for name, of in asked.items()}))


def told_of(pages: list[dict[str, Any]]) -> list[str]:
    """The facts of pages, by their addresses."""
    return [
        entry["fullUrl"]
        for page in pages
        for entry in page.get("entry", ())
        if entry["fullUrl"].startswith("urn:uuid:")
    ]


# -- everything --------------------------------------------------------------------------------------------------------


async def test_the_facts_are_handed_out_as_they_are_stored(reader: Reader, ward: Ward, engine: AsyncEngine) -> None:
    await deliver(engine, told(about="stroke"))
    [key] = await readable(engine, ward)
    response = await reader.get(everything(key, count=500))
    stored = {f"urn:uuid:{row['id']}": row["content"] for row in await rows(engine, "select id, content from fact")}
    bundle = response.json()
    assert bundle["entry"][0]["resource"]["resourceType"] == "Patient"
    assert bundle["entry"][0]["fullUrl"] == f"http://hub/fhir/Patient/{key}"
    handed = told_of([bundle])
    assert len(handed) > 20
    assert set(handed) <= set(stored)
    for entry in bundle["entry"][1:]:
        assert stored[entry["fullUrl"]] in response.text
        assert entry["resource"] == json.loads(stored[entry["fullUrl"]])
    assert {entry["resource"]["resourceType"] for entry in bundle["entry"]} >= {"Encounter", "Condition", "Observation"}


async def test_everything_of_everybody_is_valid_fhir(reader: Reader, ward: Ward, engine: AsyncEngine) -> None:
    await deliver(engine, story())
    everybody = await readable(engine, ward)
    for key in everybody:
        for page in await reader.pages(everything(key)):
            Bundle.model_validate(page)


async def test_pages_of_every_size_hold_each_fact_once(reader: Reader, ward: Ward, engine: AsyncEngine) -> None:
    await deliver(engine, told(about="stroke"))
    [key] = await readable(engine, ward)
    whole = told_of([await reader.bundle(everything(key, count=500))])
    for count in (1, 2, 7, len(whole) - 1, len(whole)):
        pages = await reader.pages(everything(key, count=count))
        assert told_of(pages) == whole
        assert all(len(told_of([page])) <= count for page in pages)
        assert [len([one for one in page["entry"] if one["resource"].get("id") == str(key)]) for page in pages] == [
            1,
            *(0 for _ in pages[1:]),
        ]


async def values_of(reader: Reader, key: UUID) -> list[float]:
    found = await reader.bundle(everything(key, type="Observation"))
    return [entry["resource"]["valueQuantity"]["value"] for entry in found["entry"]]


async def test_what_was_corrected_or_withdrawn_is_not_handed_out(
    reader: Reader, ward: Ward, engine: AsyncEngine
) -> None:
    await deliver(engine, [potassium("6.8", 1)])
    [key] = await readable(engine, ward)
    assert await values_of(reader, key) == [6.8]
    await deliver(engine, [potassium("4.8", 3, status="C")])
    assert await values_of(reader, key) == [4.8]
    await deliver(engine, [potassium("4.8", 4, status="W")])
    found = await reader.bundle(everything(key, type="Observation"))
    assert "entry" not in found


async def test_everything_can_be_narrowed_by_type_and_by_receipt(
    reader: Reader, ward: Ward, engine: AsyncEngine
) -> None:
    await deliver(engine, told(about="stroke"))
    [key] = await readable(engine, ward)
    some = await reader.pages(everything(key, type="Condition,Encounter", count=3))
    assert {entry["resource"]["resourceType"] for page in some for entry in page["entry"]} == {"Condition", "Encounter"}
    [marked] = await rows(engine, "select max(received_at) as at from fact")
    since = told_of(await reader.pages(everything(key, since=marked["at"].isoformat(), count=4)))
    received = await rows(engine, "select id from fact where received_at >= :at", at=marked["at"])
    assert set(since) <= {f"urn:uuid:{row['id']}" for row in received}
    assert since
    later = await reader.bundle(everything(key, since="2999-01-01", type="Observation"))
    assert "entry" not in later


async def test_the_next_address_names_nobody(reader: Reader, ward: Ward, engine: AsyncEngine) -> None:
    await deliver(engine, told(about="stroke"))
    [key] = await readable(engine, ward)
    [link] = [one for one in (await reader.bundle(everything(key, count=2)))["link"] if one["relation"] == "next"]
    assert set(httpx.URL(link["url"]).params) == {"_count", "_page"}
    assert UUID(httpx.URL(link["url"]).params["_page"])


async def test_pages_cost_as_many_statements_whatever_the_record(
    reader: Reader, ward: Ward, engine: AsyncEngine
) -> None:
    await deliver(engine, told(about="stroke"))
    [key] = await readable(engine, ward)
    sent = []
    for count in (2, 20):
        with counting(engine) as statements:
            await reader.bundle(everything(key, count=count))
        sent.append(len(statements))
    assert sent[0] == sent[1] <= 12


# -- who may, and who sees that they did -------------------------------------------------------------------------------


@pytest.mark.parametrize("operation", ["$everything", "$summary"])
async def test_a_reading_is_audited_before_it_is_answered(
    reader: Reader, ward: Ward, engine: AsyncEngine, operation: str
) -> None:
    await deliver(engine, told(about="stroke"))
    [key] = await readable(engine, ward)
    await reader.bundle(f"/fhir/Patient/{key}/{operation}")
    [row] = await ward.audited()
    assert (row["operation"], row["decision"], row["residents"]) == (operation, "allowed", [key])
    assert "Condition" in row["kinds"]
    assert row["rule"].startswith("relation:")


@pytest.mark.parametrize("operation", ["$everything", "$summary"])
async def test_no_answer_leaves_whose_audit_row_cannot_be_written(
    reader: Reader, ward: Ward, engine: AsyncEngine, operation: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: Any) -> None:
        raise OSError("the disk is full")

    key = await ward.admit()
    monkeypatch.setattr("hub.store.log.witness", fail)
    with pytest.raises(OSError, match="disk"):
        await reader.get(f"/fhir/Patient/{key}/{operation}")


@pytest.mark.parametrize("operation", ["$everything", "$summary"])
async def test_strangers_and_unknown_people_look_the_same(reader: Reader, ward: Ward, operation: str) -> None:
    stranger = await ward.admit(team="team-2")
    answers = [await reader.get(f"/fhir/Patient/{key}/{operation}") for key in (stranger, uuid4())]
    assert [answer.status_code for answer in answers] == [403, 403]
    assert answers[0].json() == answers[1].json()
    assert answers[0].json()["issue"][0]["code"] == "forbidden"
    assert [row["decision"] for row in await ward.audited()] == ["refused", "refused"]


async def test_who_reads_no_records_reads_none_by_fhir(
    client: httpx.AsyncClient, keyring: Keyring, clock: Clock, ward: Ward
) -> None:
    key = await ward.admit()
    source = Viewer(id="his", name="his", role=Role.HOSPITAL_SOURCE, source="his")
    for viewer in (ENGINEER, source):
        response = await Reader(client, keyring, clock, viewer).get(everything(key))
        assert response.status_code == 403
    assert {row["decision"] for row in await ward.audited()} == {"refused"}


async def test_without_a_token_nobody_is_answered(client: httpx.AsyncClient, ward: Ward) -> None:
    key = await ward.admit()
    for headers in ({}, {"Authorization": "Bearer x"}, {"Authorization": "Basic eDp5"}):
        response = await client.get(everything(key), headers=headers)
        assert (response.status_code, response.headers["www-authenticate"]) == (401, "Bearer")
        assert response.json()["resourceType"] == "OperationOutcome"


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ({"count": "0"}, 400),
        ({"count": "x"}, 400),
        ({"type": "observation"}, 400),
        ({"since": "yesterday"}, 400),
        ({"page": "x"}, 400),
        ({"page": str(uuid4())}, 400),
        ({"sort": "date"}, 400),
        ({"count": "1000"}, 200),
        ({"since": "2026-03-01"}, 200),
        ({"format": "json"}, 200),
        ({"format": "xml"}, 406),
    ],
)
async def test_what_cannot_be_answered_is_refused_with_an_outcome(
    reader: Reader, ward: Ward, asked: dict[str, str], status: int
) -> None:
    key = await ward.admit()
    response = await reader.get(everything(key, **asked))
    assert response.status_code == status
    assert response.headers["content-type"] == "application/fhir+json; charset=utf-8"
    assert response.json()["resourceType"] == ("Bundle" if status == 200 else "OperationOutcome")


async def test_a_cursor_of_another_resident_leads_nowhere(reader: Reader, ward: Ward, engine: AsyncEngine) -> None:
    await deliver(engine, story())
    one, other, *_ = await readable(engine, ward)
    [stranger] = told_of([await reader.bundle(everything(other, count=1))])
    response = await reader.get(everything(one, page=stranger.removeprefix("urn:uuid:")))
    assert response.status_code == 400


@pytest.mark.parametrize(
    ("accept", "status"),
    [
        ("application/fhir+json; fhirVersion=4.0", 200),
        ("application/json", 200),
        ("text/html, */*;q=0.1", 200),
        ("application/fhir+xml", 406),
        ("application/fhir+json; fhirVersion=5.0", 406),
    ],
)
async def test_an_answer_comes_as_it_is_asked_for_or_not_at_all(
    reader: Reader, ward: Ward, accept: str, status: int
) -> None:
    key = await ward.admit()
    assert (await reader.get(f"/fhir/Patient/{key}/$summary", Accept=accept)).status_code == status


async def test_other_methods_are_told_which_one_is_meant(client: httpx.AsyncClient) -> None:
    for method in ("POST", "PUT", "DELETE"):
        response = await client.request(method, everything(uuid4()))
        assert (response.status_code, response.headers["allow"]) == (405, "GET")


async def test_a_resident_who_was_replaced_is_the_one_that_stays(
    reader: Reader, ward: Ward, engine: AsyncEngine
) -> None:
    stays = await ward.admit("王芳")
    gone = uuid4()
    async with engine.begin() as connection:
        await connection.execute(
            text("insert into resident (id, name, replaced_by) values (:id, '王方', :stays)"),
            {"id": gone, "stays": stays},
        )
    for operation in ("$everything", "$summary"):
        found = await reader.bundle(f"/fhir/Patient/{gone}/{operation}")
        people = [one["resource"] for one in found["entry"] if one["resource"]["resourceType"] == "Patient"]
        assert [one["id"] for one in people] == [str(stays)]


async def test_the_hub_that_is_served_has_the_way_out_and_says_so(
    engine: AsyncEngine, ward: Ward, tmp_path: Path
) -> None:
    hub = Hub(Settings(home=tmp_path, config_dir=COUNTY), engine)
    try:
        app = Starlette(routes=hub.routes())
        key = await ward.admit()
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://hub") as client:
            reader = Reader(client, hub.keyring, Clock())
            for operation in ("$everything", "$summary"):
                assert (await reader.bundle(f"/fhir/Patient/{key}/{operation}"))["resourceType"] == "Bundle"
            told = (await client.get("/fhir/metadata")).json()["rest"][0]["resource"]
            assert (await client.get("/fhir/Patient/1")).status_code == 405
    finally:
        hub.close()
    [patient] = [one for one in told if one["type"] == "Patient"]
    assert {one["name"] for one in patient["operation"]} == {"everything", "summary"}
