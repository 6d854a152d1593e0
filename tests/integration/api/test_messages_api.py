"""Messages and sources over GraphQL: who sees which, what is masked, taking in again, hearing of failures."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine
from starlette.applications import Starlette

from adapters.hl7v2.evidence import evidence_of
from adapters.hl7v2.reading import read as tokenize
from hub.access import Role, Viewer
from hub.anatomy import Anatomist
from hub.api.routes import create_routes
from hub.events import EventFeed
from hub.ids import new_id
from hub.message import Arrival, Kept
from hub.policy import Programme
from hub.profiles import Library, read_library
from hub.settings import Settings
from hub.store import inbox
from hub.store.database import open_engine
from hub.tokens import Keyring
from hub.wiring import profile_places
from tests.acceptance.hub_process import COUNTY
from tests.conftest import Urls
from tests.desk import arrival, deliver, dictionary, drain, read, rows, sources, told
from tests.integration.api.conftest import KINDS, Asker, Clock, Ward
from tests.integration.api.test_reading import counting
from tests.integration.api.test_subscriptions import address, connected

__all__ = ["address"]

PAGE = """query($filter: MessageFilter, $first: Int, $after: String) {
  messages(filter: $filter, first: $first, after: $after) {
    edges { cursor node { id uuid source kind controlId fate repeats steps { kind by code } wrote { kind path }
      problem { code where nextStep { zh } } } }
    pageInfo { hasNextPage endCursor } looked lookedUntil } }"""
ONE = """query($id: ID!) { message(id: $id) { uuid fate size wrote { kind residentId reason { en } }
  reading { charset { codec because where } problem { code }
    segments { where fields { position name value } }
    becomes { kind path row elements { target path row value } } } } }"""
REPLAY = """mutation($input: ReplayMessagesInput!) { replayMessages(input: $input) {
  ... on ReplayMessagesPayload { count } ... on Refusal { code nextStep { en } } } }"""
SOURCES = "{ sources { name organisation formats lastHour queue lagSeconds parked lastMessageAt problem { code } } }"
FAILED = """subscription($after: String) { messageFailed(after: $after) { cursor messageId
  message { source fate problem { code where } } } }"""
STROKE = told(about="stroke")


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return read_library(profile_places(Settings(home=tmp_path, config_dir=COUNTY)))


@pytest.fixture
def app(
    engine: AsyncEngine, keyring: Keyring, feed: EventFeed, programme: Programme, clock: Clock, library: Library
) -> Starlette:
    anatomist = Anatomist(
        source_of=lambda message: sources()[message.source],
        read=read,
        tokenize=tokenize,
        evidence_of=evidence_of,
        dictionary=dictionary(),
    )
    routes = create_routes(
        engine, keyring, feed, KINDS, programme, now=clock, anatomist=anatomist, library=lambda: library
    )
    return Starlette(routes=routes)


AskAs = Callable[..., Asker]


@pytest.fixture
def ask_as(client: httpx.AsyncClient, keyring: Keyring, clock: Clock) -> AskAs:
    def make(role: Role, source: str = "") -> Asker:
        viewer = Viewer(id=source or role.value, name="x", role=role, organisation="centre-1", source=source)
        return Asker(client, keyring.issue(viewer, now=clock()))

    return make


async def keep(engine: AsyncEngine, *arrivals: Arrival) -> list[Kept]:
    async with engine.begin() as connection:
        return await inbox.keep(connection, [(new_id(), one) for one in arrivals])


def broken(source: str = "renmin-his") -> Arrival:
    """A message that the merge does not take."""
    raw = STROKE[0].body.replace(b"ADT^A28", b"ADT^A99")
    return replace(arrival(STROKE[0]), source=source, raw=raw, control_id="broken")


async def parked(engine: AsyncEngine, *come: Arrival) -> list[Kept]:
    kept = await keep(engine, *come)
    await drain(engine)
    return kept


def nodes(page: Any) -> Sequence[dict[str, Any]]:
    return [edge["node"] for edge in page["messages"]["edges"]]


async def test_an_engineer_pages_through_all_messages_newest_first(engine: AsyncEngine, engineer: Asker) -> None:
    await deliver(engine, STROKE)
    seen: list[str] = []
    after, more = None, True
    while more:
        page = await engineer.ask(PAGE, first=2, after=after)
        seen += [node["controlId"] for node in nodes(page)]
        more, after = page["messages"]["pageInfo"]["hasNextPage"], page["messages"]["pageInfo"]["endCursor"]
    assert seen == [one.slug for one in reversed(STROKE)]


async def test_a_source_sees_its_own_messages_and_no_others(engine: AsyncEngine, ask_as: AskAs) -> None:
    await deliver(engine, STROKE)
    own = ask_as(Role.HOSPITAL_SOURCE, "renmin-his")
    page = await own.ask(PAGE)
    assert {node["source"] for node in nodes(page)} == {"renmin-his"}
    (others,) = await rows(engine, "select id from message where source = 'erke-fhir' limit 1")
    assert (await own.refused(ONE, id=str(others["id"])))["code"] == "no-such-message"
    assert (await own.refused(PAGE, filter={"source": "erke-fhir"}))["code"] == "may-not-see-messages"
    assert [one["name"] for one in (await own.ask(SOURCES))["sources"]] == ["renmin-his"]


@pytest.mark.parametrize("role", [Role.FAMILY_DOCTOR, Role.NURSE, Role.HOSPITAL_DESK])
async def test_doctors_nurses_and_desks_see_no_messages(role: Role, ask_as: AskAs) -> None:
    asker = ask_as(role)
    for query in (
        PAGE,
        SOURCES,
        '{ source(name: "renmin-his") { name } }',
        f'{{ message(id: "{new_id()}") {{ id }} }}',
    ):
        assert (await asker.refused(query))["code"] == "may-not-see-messages"
    assert (await asker.ask(REPLAY, input={"all": True}))["replayMessages"]["code"] == "may-not-see-messages"


async def test_a_page_with_all_beside_it_costs_the_same_statements_however_long_it_is(
    engine: AsyncEngine, engineer: Asker
) -> None:
    await deliver(engine, STROKE)
    with counting(engine) as one:
        await engineer.ask(PAGE, first=1)
    with counting(engine) as many:
        assert len(nodes(await engineer.ask(PAGE, first=100))) == len(STROKE)
    assert len(many) == len(one) <= 8


async def test_messages_are_found_by_number_name_and_words(engine: AsyncEngine, engineer: Asker) -> None:
    sent = replace(arrival(STROKE[1]), numbers=("ZY1", "ZY2"), names=("欧阳",))
    await keep(engine, sent, arrival(STROKE[2]))
    for asked in (
        {"number": "ZY2"},
        {"name": "欧阳"},
        {"controlId": sent.control_id},
        {"name": "欧阳", "fate": "KEPT"},
    ):
        assert [node["controlId"] for node in nodes(await engineer.ask(PAGE, filter=asked))] == [sent.control_id]
    assert nodes(await engineer.ask(PAGE, filter={"number": "ZY"})) == []
    found = await engineer.ask(PAGE, filter={"text": sent.raw.decode("utf-8", "ignore").split("|")[9]})
    assert found["messages"]["looked"] == 2


async def test_a_message_shows_what_each_field_became_and_no_value_of_a_person(
    engine: AsyncEngine, engineer: Asker, ward: Ward
) -> None:
    await deliver(engine, STROKE[:1])
    (row,) = await rows(engine, "select id from message")
    found = (await engineer.ask(ONE, id=str(row["id"])))["message"]
    assert found["reading"]["charset"] == {"codec": "utf-8", "because": "declared", "where": "MSH-18"}
    fields = {one["position"]: one for segment in found["reading"]["segments"] for one in segment["fields"]}
    assert fields["PID-5"]["name"] == "Patient Name"
    assert set(fields["PID-5"]["value"]) == {"＊"}
    assert fields["MSH-10"]["value"] == STROKE[0].body.decode().split("|")[9]
    patient = found["reading"]["becomes"][0]
    birth = next(one for one in patient["elements"] if one["target"] == "birthDate")
    assert birth == {
        "target": "birthDate",
        "path": "PID-7",
        "row": "hl7v2/pid-patient:birthDate",
        "value": "####-##-##",
    }
    assert found["wrote"][0]["reason"]["en"].startswith("Nobody was known")
    (witness,) = await ward.audited()
    (resident,) = await rows(engine, "select id from resident")
    assert (witness["residents"], witness["kinds"]) == ([resident["id"]], ["Message"])


async def test_few_messages_of_one_answer_are_taken_apart(engine: AsyncEngine, engineer: Asker) -> None:
    await keep(engine, *(replace(arrival(STROKE[0]), control_id=str(n)) for n in range(11)))
    query = "query($first: Int) { messages(first: $first) { edges { node { reading { segments { where } } } } } }"
    assert len(nodes(await engineer.ask(query, first=10))) == 10
    assert (await engineer.refused(query, first=11))["code"] == "page-too-large"


async def test_a_message_whose_bytes_are_gone_is_still_shown(
    engine: AsyncEngine, engineer: Asker, database: Urls
) -> None:
    await deliver(engine, STROKE[:1])
    (row,) = await rows(engine, "select id from message")
    await _as_owner(database, "delete from body")
    found = (await engineer.ask(ONE, id=str(row["id"])))["message"]
    assert (found["fate"], found["reading"], len(found["wrote"])) == ("MERGED", None, 3)


async def test_a_replay_of_some_counts_what_it_took_and_a_second_one_takes_none(
    engine: AsyncEngine, engineer: Asker, ward: Ward
) -> None:
    first, second = await parked(engine, broken(), replace(broken("dongcheng-chc"), control_id="other"))
    done = await engineer.ask(REPLAY, input={"ids": [str(first.id)]})
    assert done == {"replayMessages": {"count": 1}}
    again = await engineer.ask(REPLAY, input={"ids": [str(first.id)]})
    assert again == {"replayMessages": {"count": 0}}
    steps = await rows(engine, "select by, step from message_step where message_id = :id order by id", id=first.id)
    assert [(row["by"], row["step"]) for row in steps] == [("hub", "parked"), ("eng", "replayed")]
    assert [row["changes"] for row in await ward.audited()] == [["messages replayed: 1"], ["messages replayed: 0"]]
    fates = await rows(engine, "select fate from fate where message_id = :id", id=second.id)
    assert fates[0]["fate"] == "parked"


async def test_a_replay_of_a_search_takes_the_parked_ones_that_fit(engine: AsyncEngine, engineer: Asker) -> None:
    await deliver(engine, STROKE[:1])
    await parked(engine, broken(), replace(broken("dongcheng-chc"), control_id="other"))
    wanted = {"filter": {"source": "dongcheng-chc"}}
    assert (await engineer.ask(REPLAY, input=wanted))["replayMessages"]["count"] == 1
    await drain(engine)
    assert (await engineer.ask(REPLAY, input={"filter": {"code": "wrong-charset"}}))["replayMessages"]["count"] == 0
    by_code = await engineer.ask(REPLAY, input={"filter": {"code": "unknown-message-type"}})
    assert by_code["replayMessages"]["count"] == 2
    assert (await engineer.ask(REPLAY, input={"all": True}))["replayMessages"]["count"] == 0


async def test_what_was_never_a_whole_message_is_not_taken_in_again(engine: AsyncEngine, engineer: Asker) -> None:
    await parked(engine, replace(broken(), raw=b"no message"))
    assert (await engineer.ask(REPLAY, input={"all": True}))["replayMessages"]["count"] == 0


async def test_a_replay_names_exactly_one_way(engineer: Asker) -> None:
    for wrong in ({}, {"all": True, "ids": [str(new_id())]}, {"all": False}):
        assert (await engineer.ask(REPLAY, input=wrong))["replayMessages"]["code"] == "exactly-one"


async def test_a_source_cannot_replay_anothers_message(engine: AsyncEngine, ask_as: AskAs) -> None:
    (kept,) = await parked(engine, broken("dongcheng-chc"))
    own = ask_as(Role.HOSPITAL_SOURCE, "renmin-his")
    done = await own.ask(REPLAY, input={"ids": [str(kept.id)]})
    assert done["replayMessages"]["code"] == "no-such-message"
    assert (await own.ask(REPLAY, input={"all": True}))["replayMessages"] == {"count": 0}


async def test_sources_tell_their_figures(engine: AsyncEngine, engineer: Asker) -> None:
    await deliver(engine, STROKE)
    await parked(engine, broken("dongcheng-chc"))
    await keep(engine, replace(broken("dongcheng-chc"), control_id="waits"))
    found = {one["name"]: one for one in (await engineer.ask(SOURCES))["sources"]}
    chc = found["dongcheng-chc"]
    assert (chc["lastHour"], chc["queue"], chc["parked"], chc["formats"][0]) == (3, 1, 1, "HL7V2")
    assert chc["lagSeconds"] > 0
    assert chc["lastMessageAt"]
    assert (found["hub"]["lastHour"], found["hub"]["lastMessageAt"], found["hub"]["problem"]) == (0, None, None)
    assert (await engineer.refused('{ source(name: "nobody") { name } }'))["code"] == "unknown-source"


async def test_a_parked_message_is_told_to_engineers_and_to_its_source(
    address: str, keyring: Keyring, clock: Clock, engine: AsyncEngine
) -> None:
    own = Viewer(id="dongcheng-chc", name="x", role=Role.HOSPITAL_SOURCE, source="dongcheng-chc")
    eng = Viewer(id="eng", name="x", role=Role.ENGINEER)
    refused = inbox.refusal_from({"code": "missing-field", "where": "MSH-9", "given": {}})
    at_the_door = replace(broken("renmin-his"), control_id="at the door", refusal=refused)
    async with connected(address) as one, connected(address) as two:
        for socket, viewer in ((one, eng), (two, own)):
            await (await socket.enter(keyring.issue(viewer, now=clock()))).follow(None, query=FAILED, after="0.0")
        await keep(engine, at_the_door)
        await parked(engine, broken("dongcheng-chc"))
        first, second = [(await one.hear())["payload"]["data"]["messageFailed"] for _ in range(2)]
        heard = (await two.hear())["payload"]["data"]["messageFailed"]
    assert first["message"]["problem"] == {"code": "missing-field", "where": "MSH-9"}
    assert (second["message"]["source"], second["message"]["fate"]) == ("dongcheng-chc", "PARKED")
    assert heard["messageId"] == second["messageId"]


async def test_nobody_else_hears_of_parked_messages(address: str, keyring: Keyring, clock: Clock) -> None:
    viewer = Viewer(id="dr", name="x", role=Role.FAMILY_DOCTOR, team="team-1")
    async with connected(address) as socket:
        await (await socket.enter(keyring.issue(viewer, now=clock()))).follow(None, query=FAILED)
        heard = await socket.hear()
    assert heard["payload"]["errors"][0]["extensions"]["code"] == "may-not-see-messages"


async def _as_owner(database: Urls, statement: str) -> None:
    owner = open_engine(database.owner, role="")
    async with owner.begin() as connection:
        await connection.execute(text(statement))
    await owner.dispose()
