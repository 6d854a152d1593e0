"""Rebuilding records: it changes nothing that is as its facts say, mends what is not, and harms nobody beside it."""

import asyncio
from uuid import UUID

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from fixtures.county import story
from hub.access import Role, Viewer
from hub.errors import Refused
from hub.rebuilding import Rebuilt, rebuild_all, rebuild_these
from tests.desk import counts, deliver, dump, keep, rows
from tests.desk import drain as merge_all

ENGINEER = Viewer(id="login:ops", name="ops", role=Role.ENGINEER)


async def rebuilt(engine: AsyncEngine, after: UUID | None = None, *, only_look: bool = False) -> list[Rebuilt]:
    return [step async for step in rebuild_all(engine, ENGINEER, after=after, only_look=only_look)]


async def spoil(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        await connection.exec_driver_sql("update condition set display = 'spoilt'")
        await connection.exec_driver_sql("delete from observation where id in (select id from observation limit 3)")
        await connection.exec_driver_sql("update resident set name = 'spoilt' where replaced_by is null")


async def test_everybodys_record_is_what_the_facts_say(engine: AsyncEngine) -> None:
    await deliver(engine, story())
    before, record = await counts(engine), await dump(engine)
    steps = await rebuilt(engine)
    present = await rows(engine, "select id from resident where replaced_by is null")
    assert sum(step.residents for step in steps) == len(present)
    assert [step.changed for step in steps if step.changed] == []
    assert (await counts(engine), await dump(engine)) == (before, record)


async def test_a_look_finds_what_is_not_as_its_facts_and_leaves_it(engine: AsyncEngine) -> None:
    await deliver(engine, story())
    await spoil(engine)
    spoilt = await dump(engine)
    found = await rebuilt(engine, only_look=True)
    assert {kind for step in found for kind in step.changed} == {"Condition", "Observation", "Patient"}
    assert sum(step.changed.get("Observation", 0) for step in found) == 3
    assert await dump(engine) == spoilt


async def test_what_was_spoilt_is_mended_and_told_to_who_listens(engine: AsyncEngine) -> None:
    await deliver(engine, story())
    record = await dump(engine)
    await spoil(engine)
    told = await rows(engine, "select id from audit")
    [last] = await rows(engine, "select max(position) as position from event")
    await rebuilt(engine)
    assert await dump(engine) == record
    assert not any(step.changed for step in await rebuilt(engine))
    events = await rows(engine, "select resident_id, kind from event where position > :last", last=last["position"])
    present = await rows(engine, "select id from resident where replaced_by is null")
    assert sorted(row["resident_id"] for row in events) == sorted(row["id"] for row in present)
    witnesses = await rows(engine, "select operation, rule from audit order by id")
    assert {tuple(row.values()) for row in witnesses[len(told) :]} == {("hub record rebuild", "role:engineer")}


async def test_what_was_broken_off_goes_on_behind_where_it_got_to(
    engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hub.rebuilding._AT_ONCE", 2)
    await deliver(engine, story())
    whole = await rebuilt(engine)
    walk = rebuild_all(engine, ENGINEER)
    first = await anext(walk)
    await walk.aclose()
    assert [step.last for step in await rebuilt(engine, after=first.last)] == [step.last for step in whole[1:]]


async def test_rebuilding_beside_ingest_overwrites_nothing_with_what_it_had_read_before(engine: AsyncEngine) -> None:
    messages = story()
    await deliver(engine, messages[::2])
    await keep(engine, messages[1::2])
    await asyncio.gather(merge_all(engine, most=4), *(rebuilt(engine) for _ in range(3)))
    assert await rows(engine, "select message_id from fate where fate = 'kept'") == []
    assert not any(step.changed for step in await rebuilt(engine, only_look=True))


async def test_who_may_not_rebuild_changes_nothing(engine: AsyncEngine) -> None:
    await deliver(engine, story())
    [one, *_] = await rows(engine, "select id from resident where replaced_by is null")
    doctor = Viewer(id="d", name="d", role=Role.FAMILY_DOCTOR, team="t")
    await spoil(engine)
    spoilt = await dump(engine)
    with pytest.raises(Refused) as refused:
        [step async for step in rebuild_these(engine, doctor, [one["id"]])]
    assert refused.value.refusal.code == "may-not-change"
    assert await dump(engine) == spoilt
