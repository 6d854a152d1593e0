"""A record on one line: order, pages, filters, one statement."""

from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from hub.api.entries import KINDS
from hub.api.timeline import EntryKind
from hub.store import timeline
from hub.store.timeline import Stretch
from hub.tables import ENTRY_TABLES
from tests.integration.api.conftest import Asker, Ward
from tests.integration.api.test_reading import counting

LINE = """
query Line($id: ID!, $first: Int! = 20, $after: String, $kinds: [EntryKind!], $organisation: String,
           $from: DateTime, $until: DateTime, $text: String) {
  resident(id: $id) { timeline(first: $first, after: $after, kinds: $kinds, organisation: $organisation, from: $from,
                               until: $until, text: $text) {
    totalCount pageInfo { hasNextPage hasPreviousPage endCursor }
    edges { cursor node { __typename id display code effectiveAt ... on Observation { value note } } }
  } } }
"""


async def line(asker: Asker, key: Any, **asked: Any) -> Any:
    return (await asker.ask(LINE, id=str(key), **asked))["resident"]["timeline"]


async def test_all_kinds_stand_on_one_line_the_newest_first_and_the_undated_last(doctor: Asker, ward: Ward) -> None:
    key = await ward.admit()
    for kind in ENTRY_TABLES:
        await ward.note(key, kind, 2)
    await ward.note(key, "Observation", effective=None, effective_at=None)
    await ward.note(key, "AllergyIntolerance", effective=None, effective_at=None)
    found = await line(doctor, key, first=50)
    assert found["totalCount"] == len(found["edges"]) == 2 * len(ENTRY_TABLES) + 2
    times = [edge["node"]["effectiveAt"] for edge in found["edges"]]
    assert times[-2:] == [None, None]
    assert times[:-2] == sorted(times[:-2], reverse=True)
    assert {edge["node"]["__typename"] for edge in found["edges"]} == {kind.__name__ for kind in KINDS}


async def test_pages_of_every_size_hold_each_line_once(doctor: Asker, ward: Ward) -> None:
    key = await ward.admit()
    for kind in ("Encounter", "Observation", "Condition"):
        await ward.note(key, kind, 4)
        await ward.note(key, kind, 2, effective=None, effective_at=None)
    whole = [edge["node"]["id"] for edge in (await line(doctor, key, first=50))["edges"]]
    for size in (1, 2, 5, 17, 18):
        seen: list[str] = []
        after = None
        while True:
            page = await line(doctor, key, first=size, after=after)
            assert page["pageInfo"]["hasPreviousPage"] is (after is not None)
            seen += [edge["node"]["id"] for edge in page["edges"]]
            after = page["pageInfo"]["endCursor"]
            if not page["pageInfo"]["hasNextPage"]:
                break
        assert seen == whole


async def test_a_line_is_the_entry_that_the_lists_of_the_record_have(doctor: Asker, ward: Ward) -> None:
    key = await ward.admit()
    await ward.note(key, "Observation", 3, value="6.1", value_number=6.1, unit="mmol/L", reference_range="3.9-6.1")
    shown = """id status code codeSystem display effective effectiveAt organisation value valueNumber unit
      referenceRange origins { source sentAt values { path } } conflicts { element } flags { code }"""
    both = await doctor.ask(
        f"""query B($id: ID!) {{ resident(id: $id) {{
          timeline {{ edges {{ cursor node {{ ... on Observation {{ {shown} }} }} }} }}
          record {{ observations {{ edges {{ cursor node {{ {shown} }} }} }} }} }} }}""",
        id=str(key),
    )
    assert both["resident"]["timeline"]["edges"] == both["resident"]["record"]["observations"]["edges"]


@pytest.mark.parametrize(
    ("asked", "values"),
    [
        ({"kinds": ["OBSERVATION"]}, ["血糖 6.1", "尿蛋白 100%"]),
        ({"kinds": ["CONDITION", "ENCOUNTER"]}, [None, None]),
        ({"organisation": "东城社区卫生服务中心"}, ["尿蛋白 100%"]),
        ({"organisation": "人民医院", "kinds": ["CONDITION"]}, [None]),
        ({"from": "2026-02-01T00:00:00+08:00"}, [None, "血糖 6.1"]),
        ({"from": "2026-01-10T00:00:00+08:00", "until": "2026-02-01T00:00:00"}, ["尿蛋白 100%"]),
        ({"text": "血糖"}, ["血糖 6.1"]),
        ({"text": "100%"}, ["尿蛋白 100%"]),
        ({"text": "6_1"}, []),
        ({"text": "FASTING"}, ["血糖 6.1"]),
        ({"text": "海棠"}, [None]),
        ({"text": "\\"}, []),
    ],
)
async def test_a_timeline_can_be_narrowed(doctor: Asker, ward: Ward, asked: dict[str, Any], values: list[Any]) -> None:
    key = await ward.admit()
    day: dict[str, Any] = {"effective": "2026-03-01", "effective_at": datetime(2026, 3, 1, tzinfo=UTC)}
    month: dict[str, Any] = {"effective": "2026-01-15", "effective_at": datetime(2026, 1, 15, tzinfo=UTC)}
    early: dict[str, Any] = {"effective": "2025-12-01", "effective_at": datetime(2025, 12, 1, tzinfo=UTC)}
    glucose: dict[str, Any] = {"value": "血糖 6.1", "note": "fasting", "organisation": "检验科"}
    await ward.note(key, "Observation", **glucose, **(day | {"effective_at": datetime(2026, 2, 28, tzinfo=UTC)}))
    await ward.note(key, "Observation", value="尿蛋白 100%", organisation="东城社区卫生服务中心", **month)
    await ward.note(key, "Condition", **day)
    await ward.note(key, "Encounter", department="海棠路门诊", **early)
    found = await line(doctor, key, **asked)
    assert [edge["node"].get("value") for edge in found["edges"]] == values
    assert found["totalCount"] == len(values)


async def test_a_timeline_takes_as_many_statements_for_one_as_for_twenty(
    doctor: Asker, ward: Ward, engine: AsyncEngine
) -> None:
    for _ in range(20):
        key = await ward.admit()
        for kind in ("Condition", "Observation", "Encounter"):
            await ward.note(key, kind, 3)
    many = """query M($n: Int!) { residents(first: $n) { edges { node {
      timeline(first: 4) { totalCount edges { node { id display origins { path } } } } } } } }"""
    with counting(engine) as for_one:
        await doctor.ask(many, n=1)
    with counting(engine) as for_twenty:
        found = await doctor.ask(many, n=20)
    assert all(len(edge["node"]["timeline"]["edges"]) == 4 for edge in found["residents"]["edges"])
    assert sorted(for_one) == sorted(for_twenty)
    assert len([one for one in for_twenty if "union all" in one]) == 1


async def test_a_page_is_read_from_the_indexes_and_stops_where_it_is_full(ward: Ward, engine: AsyncEngine) -> None:
    key = await ward.admit()
    await ward.note(key, "Observation", 2000)
    async with engine.connect() as connection:
        await connection.execute(text("set enable_seqscan = off"))
        shape = timeline._shape(Stretch(most=21, counted=False))
        statement = f"explain (analyze, costs off, timing off) {timeline._statement(shape).text}"
        plan = [row[0] for row in await connection.execute(text(statement), {"ids": [key], "most": 21})]
    walked = next(row for row in plan if "Scan Backward" in row and "on observation" in row)
    assert "ix_observation_resident_id" in walked
    assert "rows=21" in walked


async def test_every_kind_of_entry_can_be_asked_for(doctor: Asker, ward: Ward) -> None:
    assert {str(kind.value) for kind in EntryKind} == set(ENTRY_TABLES)
    key = await ward.admit()
    for kind in EntryKind:
        await ward.note(key, str(kind.value))
        assert (await line(doctor, key, kinds=[kind.name]))["totalCount"] == 1


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"first": 501}, "page-too-large"),
        ({"after": "x"}, "bad-cursor"),
        ({"text": "x" * 201}, "bad-argument"),
        ({"from": "0001-01-01T00:00:00+14:00"}, "bad-argument"),
    ],
)
async def test_a_timeline_that_cannot_be_given_is_refused(
    doctor: Asker, ward: Ward, asked: dict[str, Any], code: str
) -> None:
    key = await ward.admit()
    assert (await doctor.refused(LINE, id=str(key), **asked))["code"] == code


async def test_the_audit_row_names_the_kinds_that_a_timeline_read(doctor: Asker, ward: Ward) -> None:
    key = await ward.admit()
    await line(doctor, key, kinds=["CONDITION", "OBSERVATION"])
    [row] = await ward.audited()
    assert row["residents"] == [key]
    assert sorted(row["kinds"]) == ["Condition", "Observation"]
