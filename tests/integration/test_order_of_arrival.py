"""Who is whom does not depend on who was heard of first, where numbers decide it."""

from collections.abc import Sequence
from dataclasses import replace
from random import Random

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from fixtures.county import Sending, crowd
from tests.desk import deliver, rows
from tests.integration.test_recognising import NAMESAKE, RENMIN, SOMEBODY, ZHONGYI, says
from tests.matching import patients
from tests.recognising import plain_desk

SOURCES = (RENMIN, ZHONGYI)
PROVEN = list(crowd(5, seed=31))
ALONE = [replace(one, citizen_id="", health_record_number="", health_card="") for one in crowd(3, seed=32)]


def sendings() -> Sequence[Sending]:
    """Proven people at two hospitals, one of them corrected later; people who are at one alone, without a number."""
    sent = [says(source, one, day) for day, source in enumerate(SOURCES, 1) for one in PROVEN]
    sent += [says(RENMIN, replace(PROVEN[0], phone="19900004242"), 8, "A08")]
    sent += [says(ZHONGYI, replace(one, number=one.number + 500), 3) for one in ALONE]
    both = (replace(one, number=one.number + 900) for one in (SOMEBODY, NAMESAKE))
    return [*sent, *(says(source, one, 4) for source, one in zip(SOURCES, both, strict=True))]


async def together(engine: AsyncEngine) -> set[frozenset[str]]:
    """Which patients stand for one resident, each by its source and numbers; and who is under review with whom."""
    found = await rows(
        engine,
        "select l.resident_id, p.source || array_to_string(array(select n.value from patient_number n "
        "where n.patient_id = p.id order by 1), ',') as named "
        "from link l join patient p on p.id = l.patient_id where l.until is null",
    )
    residents: dict[object, set[str]] = {}
    for row in found:
        residents.setdefault(row["resident_id"], set()).add(row["named"])
    return {frozenset(of) for of in residents.values()}


@pytest.mark.parametrize("seed", range(6))
async def test_any_order_leads_to_the_same_residents_and_reviews(engine: AsyncEngine, seed: int) -> None:
    chance = Random(seed)
    sent = list(sendings())
    chance.shuffle(sent)
    await deliver(engine, sent, most=chance.choice([1, 3, 64]), desk=plain_desk())
    assert len(await patients(engine)) == 2 * len(PROVEN) + len(ALONE) + 2
    found = await together(engine)
    assert sorted(map(len, found)) == [1] * (len(ALONE) + 2) + [2] * len(PROVEN)
    reviews = await rows(engine, "select state, grade from match_review")
    assert [tuple(row.values()) for row in reviews] == [("open", "possible")]
