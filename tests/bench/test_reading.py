"""What a long record costs: a page of its timeline, of everything by FHIR, its rebuilding, and the record of a moment.

A record of about 5,000 entries beside one of about 100, measured by turns: a page must not feel the difference.
"""

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine
from starlette.applications import Starlette

from fixtures.county import Sending, people
from fixtures.county.clinic import BEIJING, Order, Result
from fixtures.county.people import Person
from fixtures.county.plans import oru
from hub.api.routes import create_routes
from hub.events import EventFeed
from hub.policy import load_programme, policy_folders
from hub.recording import rebuild
from hub.tokens import Keyring
from hub.wiring.doors import record_door
from tests.bench.figures import by_turns, show
from tests.desk import deliver, kinds, rows
from tests.integration.api.conftest import DOCTOR, Ward

pytestmark = pytest.mark.bench

REPORTS = {"short": 5, "long": 240}
RESULTS = 20
"""Results of a report: with the report itself 21 entries."""
ROUNDS = 7
PAGES = 20

LINE = """query L($id: ID!, $after: String) { resident(id: $id) { timeline(first: 20, after: $after) {
  pageInfo { endCursor } edges { node { id display effective organisation ... on Observation { value unit } } } } } }"""
FOUND = """query F($id: ID!) { resident(id: $id) { timeline(first: 20, text: "结果19") {
  edges { node { id display } } } } }"""
VALUES = (
    """query V($id: ID!) { resident(id: $id) { record { latest(codes: ["R1", "R2", "R3"]) { point { value } } } } }"""
)
THEN = """query T($id: ID!, $at: DateTime!) { resident(id: $id) { record(asOf: $at) {
  observations(first: 20) { edges { node { id value } } } } } }"""


def reports(person: Person, count: int) -> Iterator[Sending]:
    """Reports of a person, one a day."""
    for number in range(count):
        at = datetime(2025, 1, 1, 8, tzinfo=BEIJING) + timedelta(days=number)
        order = Order(
            filler=f"L{number}", code="SH", text="生化全套", collected_at=at, reported_at=at + timedelta(hours=2)
        )
        found = [
            Result(code=f"R{one}", text=f"结果{one}", value=f"{one}.{number % 10}", unit="mmol/L")
            for one in range(RESULTS)
        ]
        yield oru("renmin-his", person, order, found).sending(f"{person.citizen_id[-6:]}{number}")


@pytest.fixture
async def asked(engine: AsyncEngine, tmp_path: Any) -> AsyncIterator["Asked"]:
    keyring = Keyring.open(tmp_path / "keys")
    programme = load_programme("weihai-2023", policy_folders(None))
    async with EventFeed(engine, poll_seconds=30) as feed:
        graphql = create_routes(engine, keyring, feed, kinds(), programme)
        app = Starlette(routes=[*record_door(engine, keyring).routes(), *graphql])
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://hub") as client:
            yield Asked(client, keyring.issue(DOCTOR, now=datetime.now(UTC)))


class Asked:
    """A doctor who asks again and again."""

    def __init__(self, client: httpx.AsyncClient, token: str) -> None:
        self._client = client
        self._headers = {"Authorization": f"Bearer {token}"}

    async def query(self, query: str, **variables: Any) -> Any:
        answer = (
            await self._client.post("/graphql", json={"query": query, "variables": variables}, headers=self._headers)
        ).json()
        assert "errors" not in answer, answer
        return answer["data"]["resident"]

    async def get(self, path: str) -> Any:
        response = await self._client.get(path, headers=self._headers)
        assert response.status_code == 200, response.text
        return response.json()


async def test_a_page_of_a_long_record_costs_what_a_page_of_a_short_one_does(engine: AsyncEngine, asked: Asked) -> None:
    whom = await _records(engine)
    ways: dict[str, Callable[[UUID], Awaitable[Any]]] = {
        "a page of the timeline": lambda key: asked.query(LINE, id=str(key)),
        "a page of $everything, 100 facts": lambda key: asked.get(f"/fhir/Patient/{key}/$everything"),
        "the last values of three codes": lambda key: asked.query(VALUES, id=str(key)),
        "a word in the timeline": lambda key: asked.query(FOUND, id=str(key)),
        "the patient summary": lambda key: asked.get(f"/fhir/Patient/{key}/$summary"),
    }
    ratios = {}
    for what, ask in ways.items():
        found = await by_turns({name: _rate(ask, key) for name, key in whom.items()}, ROUNDS)
        ratios[what] = show(f"{what}: 100 entries, 5,000 entries", found["short"], found["long"], "0.77")
    assert ratios["a page of the timeline"] > 0.6
    assert ratios["a page of $everything, 100 facts"] > 0.4


async def test_what_reads_the_whole_record_says_what_it_takes(engine: AsyncEngine, asked: Asked) -> None:
    whom = await _records(engine)
    key, now = whom["long"], datetime.now(UTC).isoformat()
    [counted] = await rows(engine, "select count(*) as entries from observation where resident_id = :key", key=key)
    assert counted["entries"] == REPORTS["long"] * RESULTS
    pages = await _seconds(lambda: _everything(asked, key))
    then = await _seconds(lambda: asked.query(THEN, id=str(key), at=now))
    anew = await _seconds(lambda: _rebuilt(engine, key))
    for what, seconds in (("all of $everything", pages), ("the record of a moment", then), ("rebuilding", anew)):
        print(f"\n{what + ', 5,000 entries':<72} {seconds * 1000:>9,.0f} ms", end="", flush=True)
    assert then < 10
    assert anew < 30


async def _everything(asked: Asked, key: UUID) -> None:
    page = await asked.get(f"/fhir/Patient/{key}/$everything?_count=500")
    while following := [one["url"] for one in page["link"] if one["relation"] == "next"]:
        page = await asked.get(following[0])


async def _rebuilt(engine: AsyncEngine, key: UUID) -> None:
    async with engine.begin() as connection:
        await rebuild(connection, [key])


async def _seconds(do: Callable[[], Awaitable[Any]]) -> float:
    took = []
    for _ in range(3):
        began = time.perf_counter()
        await do()
        took.append(time.perf_counter() - began)
    return median(took)


def _rate(ask: Callable[[UUID], Awaitable[Any]], key: UUID) -> Callable[[], Awaitable[float]]:
    async def measure() -> float:
        began = time.perf_counter()
        for _ in range(PAGES):
            await ask(key)
        return PAGES / (time.perf_counter() - began)

    return measure


async def _records(engine: AsyncEngine) -> dict[str, UUID]:
    """A short and a long record, each of a resident whom the doctor's team serves."""
    ward, found = Ward(engine), {}
    cast = people()
    for name, whose in (("short", "stroke"), ("long", "corrected-result")):
        await deliver(engine, reports(cast[whose], REPORTS[name]))
        query = "select resident_id as id, count(*) from observation group by 1 order by 2 desc limit 1"
        found[name] = next(row["id"] for row in await rows(engine, query))
        await ward.sign(found[name], "team-1")
    return found
