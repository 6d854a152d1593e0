"""Patients of before are entered, so that others are recognised by them."""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from hub.entering import Entering, enter_all
from hub.message import Source
from hub.store import candidates
from tests.desk import deliver, incurious_desk, rows, sources
from tests.integration.test_recognising import NAMESAKE, RENMIN, SOMEBODY, ZHONGYI, hear, reviews, says
from tests.matching import standing
from tests.recognising import plain_matcher


def source_of(name: str) -> Source | None:
    return sources().get(name)


async def entered(engine: AsyncEngine) -> list[tuple[str, bytes]]:
    found = await rows(engine, "select person->'names'->>0 as name, digest from match_person order by patient_id")
    return [(row["name"], bytes(row["digest"])) for row in found]


async def test_a_patient_of_before_is_entered_and_others_are_recognised_by_it(engine: AsyncEngine) -> None:
    await deliver(engine, [says(RENMIN, SOMEBODY, 1)], desk=incurious_desk())
    assert await entered(engine) == []
    await Entering(engine, plain_matcher(), source_of).enter()
    assert await entered(engine) == [(SOMEBODY.name, b"")]
    await hear(engine, says(ZHONGYI, SOMEBODY, 2))
    assert await standing(engine) == [0, 0]


async def test_two_patients_of_before_are_compared_once_something_is_said_of_one(engine: AsyncEngine) -> None:
    await deliver(engine, [says(RENMIN, SOMEBODY, 1), says(ZHONGYI, NAMESAKE, 2)], desk=incurious_desk())
    await Entering(engine, plain_matcher(), source_of).enter()
    assert await reviews(engine) == []
    await hear(engine, says(ZHONGYI, NAMESAKE, 3, "A08"))
    assert (await standing(engine), await reviews(engine)) == ([0, 1], ["open"])


async def test_what_is_entered_already_stays_unless_everybody_is_entered_anew(engine: AsyncEngine) -> None:
    await hear(engine, says(RENMIN, SOMEBODY, 1), says(ZHONGYI, NAMESAKE, 2))
    before = await entered(engine)
    assert [some async for some in enter_all(engine, plain_matcher(), source_of, only_missing=True)] == []
    assert await entered(engine) == before
    assert [some async for some in enter_all(engine, plain_matcher(), source_of, only_missing=False)] == [2]
    assert [digest for _, digest in await entered(engine)] == [b"", b""]
    keys = await rows(engine, "select count(*) as held from match_block")
    assert keys[0]["held"] == 2


async def test_the_names_of_a_site_are_counted_by_patients(engine: AsyncEngine) -> None:
    await hear(engine, says(RENMIN, SOMEBODY, 1), says(ZHONGYI, NAMESAKE, 2))
    async with engine.begin() as connection:
        assert await candidates.count_names(connection, 100) == ({SOMEBODY.name: 2}, 2)
        await connection.execute(text("delete from match_block"))
        await connection.execute(text("delete from match_person"))
        assert await candidates.count_names(connection, 100) == ({}, 0)
