"""The record as the hub knew it at a moment, over the county's own messages."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncEngine

from fixtures.county import Sending, story
from fixtures.county.clinic import BEIJING
from hub.api.entries import KINDS
from tests.desk import deliver, rows, told
from tests.integration.api.conftest import Asker, Ward
from tests.integration.api.test_charts_api import AT, HISTORY, readable

LISTS = {
    "Encounter": "encounters",
    "Condition": "conditions",
    "Observation": "observations",
    "AllergyIntolerance": "allergies",
    "DiagnosticReport": "reports",
    "Procedure": "procedures",
    "MedicationRequest": "prescriptions",
    "Immunization": "immunizations",
    "DocumentReference": "documents",
    "Appointment": "appointments",
}
_LINE = """id status codeSystem code display effective effectiveAt organisation
  origins { source organisation messageId path row sentAt values { element path row codes } }
  conflicts { element value source messageId sentAt } flags { code where table }"""
WHOLE = (
    "query Whole($id: ID!, $asOf: DateTime) { resident(id: $id) { record(asOf: $asOf) { "
    + " ".join(f"{name}(first: 500) {{ totalCount edges {{ cursor node {{ {_LINE} }} }} }}" for name in LISTS.values())
    + """ problems { totalCount edges { cursor node {
        code times since lastSaidAt conditions { id } encounters { id } } } }
      currentMedications { edges { node { display doses entries { id } } } }
      latest { code point { value observationIds } }
      trends(codes: ["K", "85354-9"]) { points { value effectiveAt } } } } }"""
)


async def whole(asker: Asker, key: UUID, at: datetime | None = None) -> Any:
    return (await asker.ask(WHOLE, id=str(key), asOf=at and at.isoformat()))["resident"]["record"]


async def test_the_record_of_now_is_the_record_that_is_stored(doctor: Asker, ward: Ward, engine: AsyncEngine) -> None:
    await deliver(engine, story())
    everybody = await readable(engine, ward)
    assert set(LISTS) == set(KINDS.values())
    assert len(everybody) > 10
    for key in everybody:
        assert await whole(doctor, key, datetime.now(UTC)) == await whole(doctor, key)


async def test_the_record_of_a_moment_is_what_it_was_then(doctor: Asker, ward: Ward, engine: AsyncEngine) -> None:
    """Taken in piece by piece, each piece's record is kept, and found again when all is taken in."""
    sendings = told(about="stroke")
    kept: list[tuple[datetime, Any]] = []
    key: UUID | None = None
    for part in _parts(sendings, 5):
        await deliver(engine, part)
        if key is None:
            [key] = await readable(engine, ward)
        await asyncio.sleep(0.01)
        kept.append((datetime.now(UTC), await whole(doctor, key)))
        await asyncio.sleep(0.01)
    assert key is not None
    assert len({str(record) for _, record in kept}) > 2
    for at, record in kept:
        assert await whole(doctor, key, at) == record


def _parts(sendings: Sequence[Sending], count: int) -> list[Sequence[Sending]]:
    size = -(-len(sendings) // count)
    return [sendings[at : at + size] for at in range(0, len(sendings), size)]


async def test_before_anything_was_known_a_record_was_empty(doctor: Asker, ward: Ward, engine: AsyncEngine) -> None:
    await deliver(engine, told(about="stroke"))
    [key] = await readable(engine, ward)
    found = await whole(doctor, key, AT - timedelta(days=4000))
    assert {found[name]["totalCount"] for name in LISTS.values()} == {0}
    assert found["problems"]["totalCount"] == 0


async def test_a_moment_without_a_zone_is_chinas(doctor: Asker, ward: Ward, engine: AsyncEngine) -> None:
    await deliver(engine, told(about="stroke"))
    [key] = await readable(engine, ward)
    later = datetime.now(UTC).astimezone(BEIJING) + timedelta(minutes=1)
    asked = "query W($id: ID!, $at: DateTime) { resident(id: $id) { record(asOf: $at) { encounters { totalCount } } } }"
    for at, found in ((later, True), (later - timedelta(hours=8), False)):
        answer = await doctor.ask(asked, id=str(key), at=at.replace(tzinfo=None).isoformat())
        assert bool(answer["resident"]["record"]["encounters"]["totalCount"]) is found


async def test_a_page_of_a_moment_is_a_page_of_the_list(doctor: Asker, ward: Ward, engine: AsyncEngine) -> None:
    await deliver(engine, told(about="stroke"))
    [key] = await readable(engine, ward)
    asked = """query P($id: ID!, $at: DateTime, $after: String, $code: String) { resident(id: $id) { record(asOf: $at) {
      observations(first: 3, after: $after, code: $code) { totalCount pageInfo { hasNextPage endCursor }
        edges { cursor node { id } } } } } }"""
    after, now = None, datetime.now(UTC).isoformat()
    for _ in range(4):
        pages = [await doctor.ask(asked, id=str(key), at=at, after=after, code=None) for at in (None, now)]
        assert pages[0] == pages[1]
        after = pages[0]["resident"]["record"]["observations"]["pageInfo"]["endCursor"]
    by_code = [await doctor.ask(asked, id=str(key), at=at, after=None, code="85354-9") for at in (None, now)]
    assert by_code[0] == by_code[1]


async def test_more_records_of_a_moment_than_can_be_projected_are_refused(doctor: Asker, ward: Ward) -> None:
    for _ in range(6):
        await ward.admit()
    asked = (
        """{ residents { edges { node { record(asOf: "2026-01-01T00:00:00Z") { encounters { totalCount } } } } } }"""
    )
    assert (await doctor.refused(asked))["code"] == "page-too-large"


async def test_nobody_reads_what_is_not_theirs_by_another_way(doctor: Asker, ward: Ward, engine: AsyncEngine) -> None:
    await deliver(engine, told(about="stroke"))
    [stranger] = [row["id"] for row in await rows(engine, "select id from resident")]
    assert (await doctor.refused(HISTORY, id=str(stranger)))["code"] == "no-relation"
    assert (await doctor.refused(WHOLE, id=str(stranger), asOf=AT.isoformat()))["code"] == "no-relation"
