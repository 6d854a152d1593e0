"""Alerts over GraphQL: who sees which, a page at a time, with words for whoever is called."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from hub.access import Role, Viewer
from hub.alerts import Alert, Kind
from hub.store import alerts as stored
from hub.tokens import Keyring
from tests.hooks import an_alert
from tests.integration.api.conftest import Asker, Clock, Ward

PAGE = """query($onlyOpen: Boolean! = false, $first: Int, $after: String) {
  alerts(onlyOpen: $onlyOpen, first: $first, after: $after) {
    edges { cursor node { id kind source since until isRecovered figure threshold unit
      sentence { zh en } nextStep { zh en } } }
    pageInfo { hasNextPage endCursor } } }"""
AskAs = Callable[..., Asker]
BEGAN = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)


@pytest.fixture
def ask_as(client: httpx.AsyncClient, keyring: Keyring, clock: Clock) -> AskAs:
    def make(role: Role, source: str = "") -> Asker:
        viewer = Viewer(id=source or role.value, name="x", role=role, organisation="centre-1", source=source)
        return Asker(client, keyring.issue(viewer, now=clock()))

    return make


@pytest.fixture
async def known(engine: AsyncEngine) -> Sequence[Alert]:
    """Of two sources and of the hub itself, the first that began first; every other one is over."""
    disk = {"percent": "95", "free": "1.0"}
    found = []
    for number in range(6):
        since = BEGAN + timedelta(minutes=number)
        over = {"until": since + timedelta(hours=2), "is_recovered": number == 1} if number % 2 else {}
        of_hub = {"kind": Kind.DISK, "source": "", "given": disk} if number > 3 else {}
        found.append(an_alert(**{"source": f"source-{number // 2}", "since": since, **over, **of_hub}))
    async with engine.begin() as connection:
        for one in found:
            await stored.save_begun(connection, one)
    return found


def nodes(page: Any) -> list[dict[str, Any]]:
    return [edge["node"] for edge in page["alerts"]["edges"]]


def ids(page: Any) -> list[str]:
    return [one["id"] for one in nodes(page)]


@pytest.mark.parametrize("role", [Role.ENGINEER, Role.ADMINISTRATOR])
async def test_engineers_and_administrators_see_all_the_last_to_begin_first(
    role: Role, known: Sequence[Alert], ask_as: AskAs
) -> None:
    page = await ask_as(role).ask(PAGE)
    assert ids(page) == [str(one.id) for one in reversed(known)]
    assert page["alerts"]["pageInfo"]["hasNextPage"] is False
    first, second = nodes(page)[-1], nodes(page)[-2]
    assert (first["kind"], first["source"], first["unit"]) == ("FAILURES", "source-0", "share")
    assert (first["figure"], first["threshold"]) == (0.9, 0.2)
    assert (datetime.fromisoformat(first["since"]), first["until"], first["isRecovered"]) == (BEGAN, None, False)
    assert "no-patient" in first["sentence"]["zh"]
    assert "hub message list" in first["nextStep"]["en"]
    assert second["isRecovered"] is True
    assert second["sentence"]["en"].startswith("Over after 120 minutes; it was this. 9 of the last 10 messages")
    assert (nodes(page)[0]["kind"], nodes(page)[0]["source"]) == ("DISK", None)


async def test_a_source_sees_its_own_and_no_others(known: Sequence[Alert], ask_as: AskAs) -> None:
    page = await ask_as(Role.HOSPITAL_SOURCE, "source-0").ask(PAGE)
    assert ids(page) == [str(known[1].id), str(known[0].id)]
    assert ids(await ask_as(Role.HOSPITAL_SOURCE, "source-9").ask(PAGE)) == []


@pytest.mark.parametrize("role", [Role.FAMILY_DOCTOR, Role.NURSE, Role.HOSPITAL_DESK, Role.HOSPITAL_SOURCE])
async def test_whoever_sees_no_messages_sees_no_alerts(role: Role, known: Sequence[Alert], ask_as: AskAs) -> None:
    assert (await ask_as(role).refused(PAGE))["code"] == "may-not-see-messages"


async def test_only_those_that_go_on_are_seen_where_only_they_are_asked_for(
    known: Sequence[Alert], engineer: Asker, ask_as: AskAs
) -> None:
    assert ids(await engineer.ask(PAGE, onlyOpen=True)) == [str(known[number].id) for number in (4, 2, 0)]
    assert ids(await ask_as(Role.HOSPITAL_SOURCE, "source-1").ask(PAGE, onlyOpen=True)) == [str(known[2].id)]


@pytest.mark.parametrize("first", [1, 2, 3, 6])
async def test_pages_follow_each_other_without_gap_or_repeat(
    first: int, known: Sequence[Alert], engineer: Asker
) -> None:
    seen: list[str] = []
    after, more = None, True
    while more:
        page = await engineer.ask(PAGE, first=first, after=after)
        assert 0 < len(nodes(page)) <= first
        seen += ids(page)
        more, after = page["alerts"]["pageInfo"]["hasNextPage"], page["alerts"]["pageInfo"]["endCursor"]
    assert seen == [str(one.id) for one in reversed(known)]


async def test_a_page_without_alerts_is_empty_and_a_wrong_cursor_is_refused(engineer: Asker) -> None:
    assert nodes(await engineer.ask(PAGE)) == []
    assert (await engineer.refused(PAGE, after="x"))["code"] == "bad-cursor"
    assert (await engineer.refused(PAGE, first=100_000))["code"] == "page-too-large"


async def test_who_looked_at_alerts_stands_in_the_audit_trail(
    known: Sequence[Alert], engineer: Asker, ask_as: AskAs, ward: Ward
) -> None:
    await engineer.ask(PAGE)
    await ask_as(Role.NURSE).refused(PAGE)
    allowed, refused = await ward.audited()
    assert (allowed["decision"], allowed["rule"], allowed["kinds"]) == ("allowed", "overseers-see-messages", ["Alert"])
    assert (refused["decision"], refused["rule"]) == ("refused", "others-see-no-messages")
