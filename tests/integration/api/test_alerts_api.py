"""Alerts over GraphQL: who sees which, what is said of them, page by page."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from hub.access import Role
from hub.alerts import Alert, Kind
from hub.ids import new_id
from hub.store import alerts
from tests.desk import rows
from tests.integration.api.conftest import Asker
from tests.integration.api.test_messages_api import AskAs, ask_as

__all__ = ["ask_as"]

PAGE = """query($onlyOpen: Boolean! = false, $first: Int, $after: String) {
  alerts(onlyOpen: $onlyOpen, first: $first, after: $after) {
    edges { node { id kind source since until isRecovered figure threshold unit sentence { zh en } nextStep { zh } } }
    pageInfo { hasNextPage endCursor } } }"""
NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)


async def put(engine: AsyncEngine) -> list[Alert]:
    """A disk that has recovered, two sources that fail; the newest first."""
    disk = Alert(
        id=new_id(),
        kind=Kind.DISK,
        source="",
        since=NOW,
        figure=0.91,
        threshold=0.9,
        given={"percent": "91", "free": "4.5"},
    )
    said = {"parked": "30", "messages": "40", "code": "wrong-charset"}
    failing = [
        replace(disk, id=new_id(), kind=Kind.FAILURES, source=name, given={"source": name, **said})
        for name in ("renmin-his", "erke-fhir")
    ]
    async with engine.begin() as connection:
        for one in (disk, *failing):
            await alerts.save_begun(connection, one)
        await alerts.save_change(connection, replace(disk, until=NOW + timedelta(minutes=42), is_recovered=True))
    return [*reversed(failing), disk]


def nodes(page: Any) -> list[dict[str, Any]]:
    return [edge["node"] for edge in page["alerts"]["edges"]]


async def test_an_engineer_reads_what_is_the_matter_and_what_to_do(engine: AsyncEngine, engineer: Asker) -> None:
    put_in = await put(engine)
    found = nodes(await engineer.ask(PAGE))
    assert [one["id"] for one in found] == [str(one.id) for one in put_in]
    first, last = found[0], found[-1]
    assert (first["kind"], first["source"], first["until"], first["unit"]) == ("FAILURES", "erke-fhir", None, "share")
    assert "30 of the last 40" in first["sentence"]["en"]
    assert "hub message replay" in first["nextStep"]["zh"]
    assert (last["kind"], last["source"], last["isRecovered"]) == ("DISK", None, True)
    assert "42" in last["sentence"]["zh"]


async def test_pages_follow_each_other_and_open_ones_can_be_asked_for_alone(
    engine: AsyncEngine, engineer: Asker
) -> None:
    put_in = await put(engine)
    seen, after, more = [], None, True
    while more:
        page = await engineer.ask(PAGE, first=1, after=after)
        seen += [one["id"] for one in nodes(page)]
        more, after = page["alerts"]["pageInfo"]["hasNextPage"], page["alerts"]["pageInfo"]["endCursor"]
    assert seen == [str(one.id) for one in put_in]
    assert [one["kind"] for one in nodes(await engineer.ask(PAGE, onlyOpen=True))] == ["FAILURES"] * 2


async def test_a_sources_own_account_sees_its_own(engine: AsyncEngine, ask_as: AskAs) -> None:
    await put(engine)
    found = nodes(await ask_as(Role.HOSPITAL_SOURCE, "renmin-his").ask(PAGE))
    assert [one["source"] for one in found] == ["renmin-his"]


@pytest.mark.parametrize("role", [Role.FAMILY_DOCTOR, Role.NURSE, Role.HOSPITAL_DESK])
async def test_doctors_nurses_and_desks_see_none_and_the_attempt_is_witnessed(
    role: Role, engine: AsyncEngine, ask_as: AskAs
) -> None:
    await put(engine)
    assert (await ask_as(role).refused(PAGE))["code"] == "may-not-see-messages"
    (audit,) = await rows(engine, "select * from audit")
    assert audit["viewer"] == role.value
