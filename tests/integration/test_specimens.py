"""Results of one code and one moment in two specimens are two lines, however they arrive."""

from itertools import permutations
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from hub.record import Json
from hub.recording import rebuild
from tests.desk import deliver, rows
from tests.integration.api.test_shelf_api import letter
from tests.integration.test_references import PERSON, WHO, sent

SHOWN = "select value, specimen, specimen_number, specimen_taken from observation order by value"


def specimen(key: str, kind: str) -> Json:
    return {
        "resourceType": "Specimen",
        "id": key,
        "identifier": [{"system": "urn:specimen", "value": key.upper()}],
        "subject": WHO,
        "type": {"text": kind},
        "collection": {"collectedDateTime": "2026-02-03T07:30:00+08:00"},
    }


def result(key: str, value: float, found_in: str) -> Json:
    return {
        "resourceType": "Observation",
        "id": key,
        "status": "final",
        "subject": WHO,
        "code": {"coding": [{"system": "urn:tests", "code": "GLU", "display": "葡萄糖"}]},
        "effectiveDateTime": "2026-02-03T08:00:00+08:00",
        "valueQuantity": {"value": value, "unit": "mmol/L"},
        "specimen": {"reference": f"Specimen/{found_in}"},
    }


async def shown(engine: AsyncEngine) -> list[tuple[Any, ...]]:
    return [tuple(row.values()) for row in await rows(engine, SHOWN)]


@pytest.mark.parametrize("order", list(permutations(range(3))), ids=lambda order: "".join(map(str, order)))
@pytest.mark.parametrize("most", [1, 64])
async def test_specimens_of_other_bundles_tell_results_apart(
    engine: AsyncEngine, order: tuple[int, ...], most: int
) -> None:
    said = [
        sent(PERSON, result("o1", 1.2, "u1")),
        sent(PERSON, result("o2", 6.8, "b1")),
        sent(PERSON, specimen("u1", "尿液"), specimen("b1", "全血")),
    ]
    await deliver(engine, [said[at] for at in order], most=most)
    taken = "2026-02-03T07:30:00+08:00"
    assert await shown(engine) == [("1.2", "尿液", "U1", taken), ("6.8", "全血", "B1", taken)]
    before = await rows(engine, "select * from observation order by id")
    [resident] = await rows(engine, "select id from resident where replaced_by is null")
    async with engine.begin() as connection:
        await rebuild(connection, [resident["id"]])
    assert await rows(engine, "select * from observation order by id") == before


async def test_a_result_that_moves_to_the_other_specimen_leaves_no_line_behind(engine: AsyncEngine) -> None:
    both = [specimen("u1", "尿液"), specimen("b1", "全血")]
    await deliver(engine, [sent(PERSON, *both, result("o1", 1.2, "u1"), result("o2", 6.8, "b1"))])
    assert len(await shown(engine)) == 2
    await deliver(engine, [sent(result("o1", 1.2, "b1"), at="2026-02-04T09:00:00+08:00")])
    assert [row[1] for row in await shown(engine)] == ["全血"]


async def test_results_of_a_v2_message_show_their_specimens(engine: AsyncEngine) -> None:
    await deliver(engine, [letter("renmin-oru-r01-specimens")])
    found = {row[0]: row[1:] for row in await shown(engine)}
    assert found["6.8"] == ("全血", "SPB1", "2026-02-05T07:55:00+08:00")
    assert found["1.2"] == ("尿液", "SPU1", "2026-02-05T07:40:00+08:00")
    assert found["阴性"] == (None, None, None), "two bottles: the result does not say of which it is"
    reports = await rows(engine, "select specimen from report order by report_number")
    assert [row["specimen"] for row in reports] == ["全血", "尿液", "全血"]
