"""Agreements of residents who turn out to be one person."""

from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from hub.agreements import Client
from hub.programme.merged import follow
from tests.desk import rows
from tests.signing import NOW, TODAY, admit, covered, found_county, hand, signed, state_of, team_of


@pytest.fixture
async def people(engine: AsyncEngine) -> list[UUID]:
    """Three residents of a county with two teams."""
    async with engine.begin() as connection:
        await found_county(connection)
        return await admit(connection, 3)


async def merged(engine: AsyncEngine, gone: UUID, stays: UUID) -> None:
    """A resident is replaced by another, and their agreements follow."""
    async with engine.begin() as connection:
        await connection.exec_driver_sql(f"update resident set replaced_by = '{stays}' where id = '{gone}'")
    async with hand(engine, by="renmin-his") as one:
        await follow(one, gone, stays)


async def test_an_agreement_follows_a_resident_who_was_merged(engine: AsyncEngine, people: list[UUID]) -> None:
    key = await signed(engine, people[0])
    await merged(engine, people[0], people[1])
    assert await covered(engine, key) == {people[1]: (TODAY, None)}
    assert await team_of(engine, people[1]) == "t1"
    assert (await rows(engine, "select client_id from agreement"))[0]["client_id"] == str(people[1])


@pytest.mark.parametrize("gone", [0, 1])
async def test_of_two_agreements_of_one_person_the_one_signed_first_ends(
    engine: AsyncEngine, people: list[UUID], gone: int
) -> None:
    older = await signed(engine, people[0], 1)
    newer = await signed(engine, people[1], 2, now=NOW + timedelta(hours=1))
    await merged(engine, people[gone], people[1 - gone])
    assert await team_of(engine, people[1 - gone]) == "t2"
    assert (await state_of(engine, older))["end_reason"] == "residents-merged"
    assert (await state_of(engine, newer))["state"] == "in-force"
    assert await team_of(engine, people[gone]) is None


async def test_a_household_goes_on_without_the_one_who_has_a_newer_agreement(
    engine: AsyncEngine, people: list[UUID]
) -> None:
    home = await signed(engine, people[:2], 1, whom={"kind": Client.HOUSEHOLD, "id": "H1"})
    await signed(engine, people[2], 2, now=NOW + timedelta(hours=1))
    await merged(engine, people[0], people[2])
    assert await team_of(engine, people[2]) == "t2"
    assert await team_of(engine, people[1]) == "t1"
    assert (await state_of(engine, home))["state"] == "in-force"


async def test_one_household_agreement_that_covered_both_covers_the_one(
    engine: AsyncEngine, people: list[UUID]
) -> None:
    home = await signed(engine, people, 1, whom={"kind": Client.HOUSEHOLD, "id": "H1"})
    await merged(engine, people[0], people[1])
    assert set(await covered(engine, home)) == {people[1], people[2]}


async def test_nothing_follows_where_only_a_patient_moved(engine: AsyncEngine, people: list[UUID]) -> None:
    key = await signed(engine, people[0])
    async with hand(engine) as one:
        await follow(one, people[0], people[1])
    assert set(await covered(engine, key)) == {people[0]}


async def test_a_merged_resident_is_signed_as_the_one_who_stays(engine: AsyncEngine, people: list[UUID]) -> None:
    await merged(engine, people[0], people[1])
    await signed(engine, people[0])
    assert await team_of(engine, people[1]) == "t1"


async def test_an_agreement_that_is_over_stands_in_nobodys_way_when_two_become_one(
    engine: AsyncEngine, people: list[UUID]
) -> None:
    """The clock has not come by: the older one has lapsed, it is not ended for the merge."""
    late = NOW + timedelta(days=400)
    older = await signed(engine, people[0], 1)
    newer = await signed(engine, people[1], 2, now=late)
    async with engine.begin() as connection:
        await connection.exec_driver_sql(f"update resident set replaced_by = '{people[0]}' where id = '{people[1]}'")
    async with hand(engine, late) as one:
        await follow(one, people[1], people[0])
    state = await state_of(engine, older)
    assert (state["state"], state["end_reason"]) == ("lapsed", "")
    assert (await state_of(engine, newer))["state"] == "in-force"
