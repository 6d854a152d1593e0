"""From a value of the record to the bytes of its message."""

from typing import Any

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine
from starlette.applications import Starlette

from hub.anatomy import Anatomist
from hub.api.routes import create_routes
from hub.events import EventFeed
from hub.message import Source
from hub.policy import Programme
from hub.tokens import Keyring
from hub.wiring.reading import located
from tests.desk import deliver, dictionary, rows, sources, told
from tests.integration.api.conftest import DOCTOR, KINDS, Asker, Clock, Ward
from tests.integration.api.test_charts_api import readable
from tests.integration.api.test_reading import counting

PLACES = """
query Places($id: ID!, $n: Int! = 20) { resident(id: $id) { timeline(first: $n, kinds: [OBSERVATION, CONDITION]) {
  edges { node { origins { messageId values { path place { segment start end text } } } } } } } }
"""


@pytest.fixture
def app(engine: AsyncEngine, keyring: Keyring, feed: EventFeed, programme: Programme, clock: Clock) -> Starlette:
    def source_of(message: Any) -> Source:
        return sources()[message.source]

    def none(*_: Any) -> Any:
        raise AssertionError("nothing is taken apart here")

    anatomist = Anatomist(
        source_of=source_of, read=none, tokenize=none, evidence_of=none, dictionary=dictionary(), locate=located
    )
    return Starlette(routes=create_routes(engine, keyring, feed, KINDS, programme, now=clock, anatomist=anatomist))


async def test_a_value_leads_to_its_bytes(
    client: httpx.AsyncClient, keyring: Keyring, clock: Clock, ward: Ward, engine: AsyncEngine
) -> None:
    doctor = Asker(client, keyring.issue(DOCTOR, now=clock()))
    await deliver(engine, told(about="stroke"))
    [key] = await readable(engine, ward)
    found = (await doctor.ask(PLACES, id=str(key), n=100))["resident"]["timeline"]["edges"]
    bodies = {str(row["message_id"]): row["raw"] for row in await rows(engine, "select message_id, raw from body")}
    checked = 0
    for edge in found:
        for origin in edge["node"]["origins"]:
            for value in origin["values"]:
                if place := value["place"]:
                    stretch = bodies[origin["messageId"]][place["start"] : place["end"]]
                    assert place["text"] in {stretch.decode("utf-8", "replace"), stretch.decode("gb18030", "replace")}
                    checked += 1
    assert checked > 100


async def test_places_are_read_in_one_statement_however_many(
    client: httpx.AsyncClient, keyring: Keyring, clock: Clock, ward: Ward, engine: AsyncEngine
) -> None:
    doctor = Asker(client, keyring.issue(DOCTOR, now=clock()))
    await deliver(engine, told(about="stroke"))
    [key] = await readable(engine, ward)
    sent = []
    for many in (1, 30):
        with counting(engine) as statements:
            await doctor.ask(PLACES, id=str(key), n=many)
        sent.append(sorted(statements))
    assert sent[0] == sent[1]


async def test_without_its_bytes_a_value_has_no_place(
    client: httpx.AsyncClient, keyring: Keyring, clock: Clock, ward: Ward
) -> None:
    doctor = Asker(client, keyring.issue(DOCTOR, now=clock()))
    key = await ward.admit()
    await ward.note(key, "Condition")
    [edge] = (await doctor.ask(PLACES, id=str(key)))["resident"]["timeline"]["edges"]
    assert edge["node"]["origins"][0]["values"] == [{"path": "DG1-3", "place": None}]
