"""The inbox: what comes twice is one message, lanes are worked on side by side, and no message holds up another."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from random import Random
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncEngine

from fixtures.county import Sending, story
from hub.errors import refuse
from hub.ids import new_id
from hub.intake import work
from hub.keeping import Keeper
from hub.message import Arrival, Fate, Format, Kept, Message, Reuse, Transport
from hub.programme.happened import Happened
from hub.store import claims, inbox
from hub.store.database import open_engine
from tests.desk import arrival, county_desk, deliver, drain, dump, rows, told


def came(control_id: str, content: str, **changed: Any) -> Arrival:
    said = Arrival(
        source="renmin-his",
        transport=Transport.MLLP,
        format=Format.HL7V2,
        raw=f"MSH|{control_id}|{content}".encode(),
        control_id=control_id,
        digest=content.encode(),
    )
    return replace(said, **changed)


async def keep(engine: AsyncEngine, *arrivals: Arrival) -> list[Kept]:
    async with engine.begin() as connection:
        return await inbox.keep(connection, [(new_id(), one) for one in arrivals])


async def fates(engine: AsyncEngine) -> list[tuple[str, str, list[str]]]:
    """(fate, code of the refusal, codes of the findings) of each message, the oldest first."""
    found = await rows(engine, "select fate, refusal, findings from fate order by message_id")
    return [
        (row["fate"], (row["refusal"] or {}).get("code", ""), [one["code"] for one in row["findings"] or ()])
        for row in found
    ]


# -- what comes twice --------------------------------------------------------------------------------------------------


async def test_the_same_content_under_the_same_control_id_is_one_message(engine: AsyncEngine) -> None:
    (first,) = await keep(engine, came("1", "a"))
    (second,) = await keep(engine, came("1", "a", raw=b"MSH|1|later|a"))
    assert (second.id, second.is_repeat, first.is_repeat) == (first.id, True, False)
    assert await fates(engine) == [("kept", "", [])]
    (row,) = await rows(engine, "select raw, repeats from body join control using (message_id)")
    assert (row["raw"], row["repeats"]) == (b"MSH|1|a", 1)


async def test_messages_without_a_control_id_or_of_other_sources_are_never_repeats(engine: AsyncEngine) -> None:
    kept = await keep(engine, came("", "a"), came("", "a"), came("1", "a"), came("1", "a", source="zhongyi-his"))
    assert [one.is_repeat for one in kept] == [False] * 4
    assert len(await fates(engine)) == 4


async def test_other_content_under_a_used_control_id_is_taken_and_flagged(engine: AsyncEngine) -> None:
    kept = await keep(engine, came("1", "a"), came("1", "b"), came("1", "a"))
    assert [one.is_repeat for one in kept] == [False, False, True]
    assert [one.refusal for one in kept] == [None] * 3
    assert await fates(engine) == [("kept", "", []), ("kept", "", ["control-id-reused"])]


async def test_other_content_under_a_used_control_id_is_refused_where_the_profile_says_so(engine: AsyncEngine) -> None:
    kept = await keep(engine, *(came("1", content, reuse=Reuse.REFUSE) for content in "aba"))
    codes = [one.refusal.code if one.refusal else "" for one in kept]
    assert codes == ["", "control-id-reused", ""]
    assert await fates(engine) == [("kept", "", []), ("parked", "control-id-reused", [])]
    (again,) = await keep(engine, came("1", "b", reuse=Reuse.REFUSE))
    assert (again.id, again.refusal and again.refusal.code) == (kept[1].id, "control-id-reused")


async def test_what_the_door_refused_is_refused_again_and_taken_once_the_profile_is_corrected(
    engine: AsyncEngine,
) -> None:
    refusal = refuse("unknown-message-type", "MSH-9", type="ADT^A99", known="ADT^A01").refusal
    for _ in range(2):
        (kept,) = await keep(engine, came("1", "a", refusal=refusal))
        assert kept.refusal == refusal
        assert await fates(engine) == [("parked", "unknown-message-type", [])]
    (now,) = await keep(engine, came("1", "a"))
    assert (now.is_repeat, now.refusal) == (True, None)
    assert await fates(engine) == [("kept", "", [])]


async def test_a_merged_message_that_comes_again_stays_merged(engine: AsyncEngine) -> None:
    sent = [replace(arrival(one), digest=one.slug.encode()) for one in told(about="stroke")]
    await keep(engine, *sent)
    await drain(engine)
    before = await fates(engine)
    assert all(one.is_repeat for one in await keep(engine, *sent))
    assert not await work(engine, county_desk())
    assert await fates(engine) == before


SENDS = st.lists(st.tuples(st.sampled_from("12"), st.sampled_from("abc")), min_size=1, max_size=12)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(connections=st.lists(SENDS, min_size=1, max_size=5))
async def test_however_many_send_at_once_each_content_is_kept_once(
    engine: AsyncEngine, connections: Sequence[Sequence[tuple[str, str]]]
) -> None:
    run = new_id()
    keeper = Keeper(engine, writers=3)
    keeper.start()

    async def send(sends: Sequence[tuple[str, str]]) -> list[tuple[tuple[str, str], Kept]]:
        return [(one, await keeper.keep(came(f"{run}-{one[0]}", one[1]))) for one in sends]

    answered = [pair for found in await asyncio.gather(*map(send, connections)) for pair in found]
    await keeper.stop()
    ids: dict[tuple[str, str], set[UUID]] = {}
    for sent, kept in answered:
        ids.setdefault(sent, set()).add(kept.id)
    assert all(len(found) == 1 for found in ids.values())
    assert sum(not kept.is_repeat for _, kept in answered) == len(ids)
    count = "select count(*) as found from message where control_id like :run || '%'"
    assert (await rows(engine, count, run=str(run)))[0]["found"] == len(ids)


# -- lanes -------------------------------------------------------------------------------------------------------------


def in_lanes(sending: Sending) -> Arrival:
    return replace(arrival(sending), lanes=tuple(f"{sending.source}|{one}" for one in sending.about))


async def test_several_workers_side_by_side_come_to_the_same_record_and_settle_each_message_once(
    engine: AsyncEngine, county_dump: Any
) -> None:
    sent = [in_lanes(one) for one in story()]
    Random(4).shuffle(sent)
    await keep(engine, *sent)

    async def worker(most: int) -> int:
        settled = 0
        while waiting := await _waiting(engine):
            done = await work(engine, county_desk(), most=most)
            settled += done
            if not done and waiting:
                await asyncio.sleep(0.02)
        return settled

    settled = await asyncio.gather(*(worker(most) for most in (3, 5, 8, 13)))
    for row in await rows(engine, "select message_id from fate where fate = 'parked' order by message_id"):
        async with engine.begin() as connection:
            await inbox.replay(connection, [row["message_id"]])
    await drain(engine)
    assert sum(one > 0 for one in settled) > 1
    tried = await rows(
        engine,
        "select attempts from fate f where not exists (select from message_step s where s.message_id = f.message_id)",
    )
    assert {row["attempts"] for row in tried} == {1}
    assert await dump(engine) == county_dump


async def _waiting(engine: AsyncEngine) -> int:
    async with engine.connect() as connection:
        return await inbox.count_waiting(connection)


@pytest.fixture
async def county_dump(engine: AsyncEngine, server: Any, template: str) -> Any:
    """The record that one worker makes of the year, message by message in order."""
    name = f"alone_{new_id().hex[:12]}"
    await server.create_database(name, template)
    alone = open_engine(server.urls(name).application)
    try:
        await deliver(alone, story())
        return await dump(alone)
    finally:
        await alone.dispose()
        await server.drop_database(name)


async def test_a_lane_that_is_held_is_left_to_its_holder_and_the_others_go_on(engine: AsyncEngine) -> None:
    await keep(engine, *(came(str(at), "x", lanes=(f"lane {at % 3}",)) for at in range(9)))
    async with engine.begin() as first, engine.begin() as second:
        mine = await claims.claim(first, 1)
        others = await claims.claim(second, 9)
    held = mine[0].control_id
    assert held == "0"
    assert [one.control_id for one in others] == ["1", "2", "4", "5", "7", "8"]


async def test_a_message_of_two_lanes_waits_for_both_and_is_overtaken_in_neither(engine: AsyncEngine) -> None:
    await keep(engine, came("1", "x", lanes=("a",)), came("2", "x", lanes=("a", "b")), came("3", "x", lanes=("b",)))
    async with engine.begin() as first, engine.begin() as second:
        assert [one.control_id for one in await claims.claim(first, 1)] == ["1"]
        assert await claims.claim(second, 3) == []
    async with engine.begin() as alone:
        assert [one.control_id for one in await claims.claim(alone, 3)] == ["1", "2", "3"]


async def test_a_batch_and_a_commit_hold_no_more_bytes_than_fit(engine: AsyncEngine) -> None:
    large = bytes(claims.MOST_BYTES // 2)
    await keep(engine, *(replace(came(f"{number}", "x"), raw=large) for number in range(5)))
    async with engine.begin() as connection:
        assert len(await claims.claim(connection, 64)) == 2
    assert claims.within_bytes([("a", claims.MOST_BYTES + 1), ("b", 1)]) == ["a"]
    assert claims.within_bytes([("a", 1), ("b", 1)]) == ["a", "b"]


async def test_who_moves_links_works_alone(engine: AsyncEngine) -> None:
    await keep(engine, came("1", "x", lanes=("a",)), came("2", "x", lanes=("b",)))
    async with engine.begin() as other:
        await claims.claim(other, 1)
        async with engine.connect() as alone:
            waiting = asyncio.create_task(claims.claim(alone, 9, alone=True))
            await asyncio.sleep(0.1)
            assert not waiting.done()
            await other.rollback()
            assert [one.control_id for one in await waiting] == ["1", "2"]
            await alone.rollback()


# -- what fails --------------------------------------------------------------------------------------------------------


class _Deadlock(Exception):  # noqa: N818 - what the driver calls it
    sqlstate = "40P01"


async def test_a_passing_fault_puts_one_message_off_and_ends_in_a_refusal(engine: AsyncEngine) -> None:
    sent = told(about="stroke")[:3]
    await keep(engine, *(in_lanes(one) for one in sent))
    (victim,) = await rows(engine, "select id from message order by id limit 1")

    async def fail(happened: Happened) -> None:
        if victim["id"] in happened.senders:
            raise OperationalError("select", {}, _Deadlock())

    desk = replace(county_desk(), reactions=[fail])
    while await work(engine, desk):
        pass
    assert [one[0] for one in await fates(engine)] == ["kept", "merged", "merged"]
    for _ in range(8):
        async with engine.begin() as connection:
            await connection.execute(text("update fate set retry_at = now() where retry_at is not null"))
        await work(engine, desk)
    assert (await fates(engine))[0][:2] == ("parked", "gave-up")
    steps = await rows(engine, "select step, code from message_step order by id")
    assert [(row["step"], row["code"]) for row in steps] == [("retried", "40P01")] * 8 + [("parked", "gave-up")]
    async with engine.begin() as connection:
        assert await inbox.replay(connection, None, "engineer-1") == 1
    await drain(engine)
    assert [one[0] for one in await fates(engine)] == ["merged"] * 3


async def test_a_parked_message_does_not_hold_up_its_lane(engine: AsyncEngine) -> None:
    sent = [in_lanes(one) for one in told(about="stroke")[:3]]
    broken = replace(sent[0], raw=b"MSH|^~\\&|broken", control_id="broken")
    await keep(engine, broken, *sent)
    await drain(engine)
    assert [one[0] for one in await fates(engine)] == ["parked", "merged", "merged", "merged"]


async def test_a_document_is_kept_until_a_mapping_reads_it(engine: AsyncEngine) -> None:
    def read(message: Message, _: object) -> Any:
        raise refuse("no-mapping", format="CDA")

    await keep(engine, came("1", "x", format=Format.CDA))
    await work(engine, replace(county_desk(), read=read))
    assert (await fates(engine))[0][:2] == (Fate.PARKED, "no-mapping")
