"""Group commit: what `keep` returns for is on disk, whatever happens to the others or to the connection."""

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from hub.errors import refuse
from hub.keeping import Keeper
from hub.message import Arrival, Format, Kept, Reuse, Transport
from hub.store import inbox


def _arrival(number: int, *, kind: str = "ADT^A01") -> Arrival:
    raw = b"MSH %d" % number
    return Arrival(source="his", transport=Transport.MLLP, format=Format.HL7V2, raw=raw, kind=kind)


async def _kept(engine: AsyncEngine) -> int:
    async with engine.connect() as connection:
        return await inbox.count_waiting(connection)


async def test_messages_that_come_together_are_all_kept(engine: AsyncEngine) -> None:
    keeper = Keeper(engine)
    keeper.start()
    kept = await asyncio.gather(*(keeper.keep(_arrival(number)) for number in range(600)))
    assert await _kept(engine) == len({one.id for one in kept}) == 600
    await keeper.stop()


@pytest.mark.parametrize("unfit", ["ADT\0A01", "ADT\ud800A01"], ids=["zero byte", "half a character"])
async def test_a_message_that_cannot_be_stored_does_not_spoil_the_others(engine: AsyncEngine, unfit: str) -> None:
    keeper = Keeper(engine)
    arrivals = [_arrival(1), _arrival(2, kind=unfit), _arrival(3)]
    waiting = [keeper.keep(arrival) for arrival in arrivals]
    keeper.start()
    outcomes = await asyncio.gather(*waiting, return_exceptions=True)
    assert [isinstance(outcome, Exception) for outcome in outcomes] == [False, True, False]
    assert await _kept(engine) == 2
    await keeper.stop()


def _new(number: int, *, kind: str = "ADT^A01", control_id: str = "") -> Arrival:
    """One that may be stored by the statement for what is new."""
    arrival = _arrival(number, kind=kind)
    return replace(arrival, control_id=control_id or f"C{number}", digest=arrival.raw)


@pytest.mark.parametrize("spoilt", [_arrival, _new], ids=["judged", "new"])
async def test_what_was_committed_before_another_failed_is_kept_once_and_no_repeat_of_itself(
    engine: AsyncEngine, spoilt: Callable[..., Arrival]
) -> None:
    """What is new is committed by a statement of its own, before that of the others."""
    keeper = Keeper(engine)
    waiting = [keeper.keep(one) for one in (_new(1), spoilt(2, kind="ADT\0A01"), _new(3))]
    keeper.start()
    first, failed, third = await asyncio.gather(*waiting, return_exceptions=True)
    assert isinstance(failed, Exception)
    assert [isinstance(one, Kept) and one.is_repeat for one in (first, third)] == [False, False]
    assert await _kept(engine) == 2
    async with engine.connect() as connection:
        assert await connection.scalar(text("select sum(repeats) from control")) == 0
    await keeper.stop()


async def test_of_what_shares_a_commit_each_is_told_its_own(engine: AsyncEngine) -> None:
    refusal = refuse("unknown-message-type", "MSH-9", type="ADT^A99", known="ADT^A01").refusal
    keeper = Keeper(engine)
    sent = [
        _new(1),
        replace(_new(2), refusal=refusal),
        _arrival(3),
        _new(1),
        replace(_new(1), digest=b"other"),
        _new(4),
    ]
    waiting = [keeper.keep(one) for one in sent]
    keeper.start()
    kept = await asyncio.gather(*waiting)
    assert [one.is_repeat for one in kept] == [False, False, False, True, False, False]
    assert [one.refusal for one in kept] == [None, refusal, None, None, None, None]
    assert kept[3].id == kept[0].id
    assert len({one.id for one in kept}) == 5
    await keeper.stop()


async def test_a_sender_that_is_gone_keeps_nobody_else_from_being_told(engine: AsyncEngine) -> None:
    keeper = Keeper(engine)
    waiting = [keeper.keep(_new(number)) for number in range(3)]
    waiting[1].cancel()
    keeper.start()
    assert {one.is_repeat for one in await asyncio.gather(waiting[0], waiting[2])} == {False}
    assert await _kept(engine) == 3
    await keeper.stop()


async def test_a_control_id_is_stored_as_it_came_whatever_stands_in_it(engine: AsyncEngine) -> None:
    keeper = Keeper(engine)
    keeper.start()
    await keeper.keep(_new(1, control_id="a\x1eb\x1fc"))
    async with engine.connect() as connection:
        assert await connection.scalar(text("select control_id from message")) == "a\x1eb\x1fc"
    await keeper.stop()


async def test_a_lost_connection_costs_no_message(engine: AsyncEngine) -> None:
    keeper = Keeper(engine)
    keeper.start()
    await keeper.keep(_arrival(1))
    async with engine.connect() as connection:
        others = "select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid()"
        await connection.execute(text(f"{others} and datname = current_database() and usename = current_user"))
    await keeper.keep(_arrival(2))
    assert await _kept(engine) == 2
    await keeper.stop()


async def test_of_two_processes_one_takes_a_control_id_where_the_source_refuses_other_content(
    engine: AsyncEngine,
) -> None:
    """Two keepers know as little of each other as two processes do."""
    keepers = Keeper(engine), Keeper(engine)
    for keeper in keepers:
        keeper.start()

    def sent(number: int, content: str) -> Arrival:
        raw = f"{number} {content}".encode()
        return replace(_arrival(number), control_id=f"C{number}", raw=raw, digest=raw, reuse=Reuse.REFUSE)

    both = [
        asyncio.gather(*(keeper.keep(sent(number, who)) for keeper, who in zip(order, "ab", strict=True)))
        for number in range(60)
        for order in [keepers if number % 2 else keepers[::-1]]
    ]
    for pair in await asyncio.gather(*both):
        assert sorted(one.refusal.code if one.refusal else "" for one in pair) == ["", "control-id-reused"]
    again = [await keepers[0].keep(sent(number, who)) for number in range(20) for who in "ab"]
    assert [one.is_repeat for one in again] == [True] * 40
    assert sum(one.refusal is not None for one in again) == 20
    for keeper in keepers:
        await keeper.stop()


async def test_stopping_finishes_what_waits(engine: AsyncEngine) -> None:
    keeper = Keeper(engine)
    keeper.start()
    waiting = [keeper.keep(_arrival(number)) for number in range(300)]
    await keeper.stop()
    assert len(set(await asyncio.gather(*waiting))) == await _kept(engine) == 300


@pytest.mark.parametrize("writers", [1, 2])
async def test_the_worker_is_woken_by_each_commit(engine: AsyncEngine, writers: int) -> None:
    keeper = Keeper(engine, writers=writers)
    keeper.start()
    await keeper.keep(_arrival(1))
    assert keeper.kept.is_set()
    await keeper.stop()
