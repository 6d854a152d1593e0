"""The postman over a real database and real sockets: each receiver hears all of it, once and in order, in the end."""

import asyncio
import logging
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine
from structlog.testing import capture_logs

from hub.alerts import Alert, tell
from hub.ids import new_id
from hub.store import alerts as stored
from hub.store import deliveries
from hub.webhooks import Postman, place_of, read_receivers
from tests.acceptance.hub_process import free_port
from tests.desk import rows
from tests.hooks import Answer, Hook, an_alert, listening

KEY = b"k" * 32
SECRET = "s3cr3t"
SECOND, DAY = timedelta(seconds=1), timedelta(days=1)
STATES = "select place, state, tries, next_at from alert_delivery order by notice_id, place"


class Clock:
    """The postman's; it begins at the present, for the database dates notices."""

    def __init__(self) -> None:
        self.moment = datetime.now(UTC)

    def __call__(self) -> datetime:
        return self.moment


class Round:
    """A postman for some receivers, and what each attempt came to."""

    def __init__(self, engine: AsyncEngine, *urls: str, seconds: float = 5, **given: Any) -> None:
        self.engine, self.clock = engine, Clock()
        self.receivers = read_receivers(" ".join(urls))
        self.outcomes: list[str] = []
        given = {"now": self.clock, "seconds": seconds, "look_seconds": 0.02, **given}
        self.postman = Postman(engine, self.receivers, KEY, on_attempt=self.outcomes.append, **given)

    async def notify(self, alert: Alert | None = None) -> Alert:
        """An alert begins, or this one is over; all receivers are to be told."""
        one = alert or an_alert(source=str(new_id()), since=self.clock())
        if alert:
            one = replace(alert, until=self.clock(), is_recovered=True)
        async with self.engine.begin() as connection:
            await (stored.save_change if alert else stored.save_begun)(connection, one)
            key = new_id()
            await stored.save_notice(connection, key, one, orjson.dumps(tell(one, key)))
            await deliveries.save_deliveries(connection, key, self.postman.places)
        return one

    async def deliver_later(self, seconds: float) -> int:
        self.clock.moment += timedelta(seconds=seconds)
        return await self.postman.deliver()

    async def states(self) -> list[str]:
        return [row["state"] for row in await rows(self.engine, STATES)]


@pytest.fixture
def hook() -> Iterator[Hook]:
    with listening(f"/hook/{SECRET}?key={SECRET}") as one:
        yield one


def stalling(go_on: threading.Event, status: int, seconds: float = 20) -> Answer:
    """A receiver that answers when it may."""

    def answer(_: dict[str, Any]) -> int:
        go_on.wait(seconds)
        return status

    return answer


async def until(is_so: Any, seconds: float = 10) -> None:
    async with asyncio.timeout(seconds):
        while not is_so():
            await asyncio.sleep(0.01)


# -- delivered ---------------------------------------------------------------------------------------------------------


async def test_a_notice_is_delivered_once_and_signed(engine: AsyncEngine, hook: Hook) -> None:
    round_ = Round(engine, hook.url)
    alert = await round_.notify()
    assert await round_.postman.deliver() == 1
    for _ in range(3):
        assert await round_.deliver_later(7200) == 0
    (call,) = hook.calls
    assert call.is_signed(KEY)
    assert not call.is_signed(b"x" * 32)
    assert call.path == f"/hook/{SECRET}?key={SECRET}"
    assert call.headers["content-type"] == "application/json"
    assert (call.said["alert"], call.said["event"], call.said["id"]) == (
        str(alert.id),
        "began",
        call.headers["webhook-id"],
    )
    assert (await round_.states(), round_.outcomes) == (["delivered"], ["delivered"])
    (attempt,) = await rows(engine, "select status, fault, seconds from alert_attempt")
    assert (attempt["status"], attempt["fault"]) == (204, "")


async def test_every_receiver_is_told_and_what_one_has_it_is_not_told_again(engine: AsyncEngine, hook: Hook) -> None:
    with listening("/other") as other:
        other.answer = lambda _: 500
        round_ = Round(engine, hook.url, other.url)
        await round_.notify()
        assert await round_.postman.deliver() == 2
        other.answer = lambda _: 200
        assert await round_.deliver_later(10) == 1
    assert (len(hook.calls), len(other.calls)) == (1, 2)
    assert hook.calls[0].body == other.calls[0].body == other.calls[1].body, "the same bytes at every attempt"


@pytest.mark.parametrize("status", [500, 503, 404, 410, 302, 307])
async def test_any_answer_but_a_good_one_is_tried_again_and_no_redirect_is_followed(
    status: int, engine: AsyncEngine, hook: Hook
) -> None:
    hook.answer = lambda _: status
    round_ = Round(engine, hook.url)
    await round_.notify()
    await round_.postman.deliver()
    assert await round_.deliver_later(1) == 0, "not at once"
    hook.answer = lambda _: 200
    assert await round_.deliver_later(10) == 1
    assert {call.path for call in hook.calls} == {f"/hook/{SECRET}?key={SECRET}"}
    assert (await round_.states(), round_.outcomes) == (["delivered"], ["failed", "delivered"])
    first, second = (call.headers for call in hook.calls)
    assert first["webhook-id"] == second["webhook-id"]
    assert int(second["webhook-timestamp"]) - int(first["webhook-timestamp"]) in (11, 12)
    assert hook.calls[1].is_signed(KEY)


async def test_who_is_away_is_tried_with_growing_pauses_until_he_is_back(engine: AsyncEngine) -> None:
    port = free_port()
    round_ = Round(engine, f"http://127.0.0.1:{port}/x")
    await round_.notify()
    for tries in range(1, 14):
        assert await round_.postman.deliver() == 1
        (row,) = await rows(engine, STATES)
        full = min(5 * 2 ** (tries - 1), 3600) * SECOND
        assert row["tries"] == tries
        assert full / 2 <= row["next_at"] - round_.clock() <= full
        round_.clock.moment = row["next_at"] - SECOND
        assert await round_.postman.deliver() == 0
        round_.clock.moment = row["next_at"]
    with listening("/x", port) as hook:
        await round_.postman.deliver()
    assert len(hook.calls) == 1
    assert Counter(row["fault"] for row in await rows(engine, "select fault from alert_attempt")) == {
        "ConnectError": 13,
        "": 1,
    }


async def test_an_answer_that_does_not_come_in_time_is_none(engine: AsyncEngine, hook: Hook) -> None:
    go_on = threading.Event()
    hook.answer = stalling(go_on, 200)
    round_ = Round(engine, hook.url, seconds=0.1)
    await round_.notify()
    began = time.perf_counter()
    await round_.postman.deliver()
    assert time.perf_counter() - began < 3
    go_on.set()
    assert (await round_.states(), round_.outcomes) == (["waiting"], ["failed"])
    assert await round_.deliver_later(10) == 1
    assert await round_.states() == ["delivered"]


# -- in order ----------------------------------------------------------------------------------------------------------


async def test_a_receiver_hears_of_a_beginning_before_its_end(engine: AsyncEngine, hook: Hook) -> None:
    hook.answer = lambda said: 500 if said["event"] == "began" else 200
    round_ = Round(engine, hook.url)
    alert = await round_.notify()
    await round_.notify(alert)
    other = await round_.notify()
    for _ in range(6):
        await round_.deliver_later(600)
    assert (str(alert.id), "ended") not in hook.told
    assert (str(other.id), "began") in hook.told, "one alert does not hold up another"
    hook.answer = lambda _: 200
    await round_.deliver_later(3600)
    await round_.deliver_later(1)
    told = [event for key, event in hook.told if key == str(alert.id)]
    assert told == ["began"] * 7 + ["ended"]


async def test_the_order_does_not_hang_on_the_clocks_of_two_hosts(
    engine: AsyncEngine, hook: Hook, monkeypatch: pytest.MonkeyPatch
) -> None:
    round_ = Round(engine, hook.url)
    early = new_id()
    alert = await round_.notify()
    monkeypatch.setattr("tests.integration.test_webhook_deliveries.new_id", lambda: early)  # a host whose clock lags
    await round_.notify(alert)
    assert await round_.postman.deliver() == 1
    assert await round_.postman.deliver() == 1
    assert [event for _, event in hook.told] == ["began", "ended"]


async def test_a_dead_receiver_does_not_keep_another_waiting(engine: AsyncEngine, hook: Hook) -> None:
    go_on = threading.Event()
    with listening("/slow") as slow:
        slow.answer = stalling(go_on, 500)
        round_ = Round(engine, slow.url, hook.url, seconds=10)
        for _ in range(25):  # more than are taken at a time
            await round_.notify()
        round_.postman.start()
        await until(lambda: len(hook.calls) == 25)
        await round_.notify()
        began = time.perf_counter()
        await until(lambda: len(hook.calls) == 26)
        assert time.perf_counter() - began < 5, "though attempts at the other are under way"
        assert not go_on.is_set()
        go_on.set()
        await round_.postman.stop()
    assert max(Counter(call.headers["webhook-id"] for call in hook.calls).values()) == 1


# -- once --------------------------------------------------------------------------------------------------------------


async def test_two_postmen_at_once_deliver_nothing_twice(engine: AsyncEngine, hook: Hook) -> None:
    rounds = [Round(engine, hook.url) for _ in range(3)]
    for _ in range(30):
        await rounds[0].notify()
    while any(await asyncio.gather(*(one.postman.deliver() for one in rounds))):
        pass
    assert len(hook.calls) == 30
    assert len({call.headers["webhook-id"] for call in hook.calls}) == 30
    assert await rows(engine, "select count(*) as n from alert_attempt") == [{"n": 30}]


async def test_what_a_process_had_in_hand_when_it_died_is_tried_again_after_a_minute(
    engine: AsyncEngine, hook: Hook
) -> None:
    go_on = threading.Event()
    hook.answer = stalling(go_on, 200)
    round_ = Round(engine, hook.url)
    await round_.notify()
    dying = asyncio.create_task(round_.postman.deliver())
    await until(lambda: hook.calls)
    dying.cancel()
    with pytest.raises(asyncio.CancelledError):
        await dying
    go_on.set()
    other = Round(engine, hook.url)
    other.clock.moment = round_.clock()
    assert await other.deliver_later(59) == 0
    assert await other.deliver_later(2) == 1
    assert (await other.states(), other.outcomes) == (["delivered"], ["delivered"])
    assert len({call.headers["webhook-id"] for call in hook.calls}) == 1, "by this the receiver knows the repeat"


async def test_a_note_that_comes_late_opens_nothing_that_is_settled(engine: AsyncEngine, hook: Hook) -> None:
    stuck, quick = Round(engine, hook.url), Round(engine, hook.url)
    go_on = threading.Event()
    hook.answer = stalling(go_on, 500)
    await stuck.notify()
    attempt = asyncio.create_task(stuck.postman.deliver())
    await until(lambda: hook.calls)
    hook.answer = lambda _: 200
    assert await quick.deliver_later(120) == 1
    go_on.set()
    await attempt
    assert (stuck.outcomes, quick.outcomes) == (["failed"], ["delivered"])
    assert await quick.states() == ["delivered"]
    assert await quick.deliver_later(7200) == 0


async def test_what_cannot_be_noted_ends_no_other_attempt(
    engine: AsyncEngine, hook: Hook, monkeypatch: pytest.MonkeyPatch
) -> None:
    save, count = deliveries.save_attempt, 0

    async def fail_once(*given: Any) -> None:
        nonlocal count
        count += 1
        if count == 1:
            raise ZeroDivisionError
        await save(*given)

    monkeypatch.setattr("hub.webhooks.save_attempt", fail_once)
    hook.answer = lambda _: stalling(threading.Event(), 200, 0.05 * len(hook.calls))({})
    round_ = Round(engine, hook.url)
    for _ in range(4):
        await round_.notify()
    with pytest.raises(ZeroDivisionError):
        await round_.postman.deliver()
    assert sorted(await round_.states()) == ["delivered"] * 3 + ["waiting"]
    assert await round_.deliver_later(61) == 1
    assert await round_.states() == ["delivered"] * 4


# -- given up ----------------------------------------------------------------------------------------------------------


async def test_after_a_day_a_notice_is_given_up_and_the_next_one_is_told(engine: AsyncEngine, hook: Hook) -> None:
    hook.answer = lambda _: 500
    round_ = Round(engine, hook.url)
    alert = await round_.notify()
    await round_.notify(alert)
    assert await round_.deliver_later(3600 * 22) == 1
    assert await round_.states() == ["waiting"] * 2
    assert await round_.deliver_later(3600 * 3) == 1
    assert round_.outcomes == ["failed", "given-up"]
    hook.answer = lambda _: 200
    assert await round_.deliver_later(1) == 1
    assert await round_.states() == ["given-up", "delivered"]


async def test_a_receiver_that_is_no_longer_named_is_given_up_after_a_day(engine: AsyncEngine, hook: Hook) -> None:
    before = Round(engine, f"http://127.0.0.1:{free_port()}/gone", hook.url)
    await before.notify()
    after = Round(engine, hook.url)
    assert await after.postman.deliver() == 1
    after.clock.moment += DAY - 60 * SECOND
    assert await after.postman.tidy() == 0, "a neighbour of other settings may still deliver it"
    after.clock.moment += 120 * SECOND
    assert await after.postman.tidy() == 1
    assert sorted(await after.states()) == ["delivered", "given-up"]
    assert await before.deliver_later(3600) == 0


async def test_without_receivers_nothing_is_tried(engine: AsyncEngine) -> None:
    round_ = Round(engine)
    await round_.notify()
    assert await round_.postman.deliver() == 0
    assert await rows(engine, STATES) == []
    round_.postman.start()
    assert round_.postman.is_alive
    await round_.postman.stop()
    assert not round_.postman.is_alive


async def test_a_fault_of_the_database_does_not_end_the_postman(
    engine: AsyncEngine, hook: Hook, monkeypatch: pytest.MonkeyPatch
) -> None:
    take, count = deliveries.take_due, 0

    async def fail_first(*given: Any) -> list[deliveries.Due]:
        nonlocal count
        count += 1
        if count < 3:
            raise ZeroDivisionError
        return await take(*given)

    monkeypatch.setattr("hub.webhooks.take_due", fail_first)
    round_ = Round(engine, hook.url)
    await round_.notify()
    round_.postman.start()
    await until(lambda: "delivered" in round_.outcomes)
    assert round_.postman.is_alive
    await round_.postman.stop()


# -- secrets -----------------------------------------------------------------------------------------------------------


async def test_neither_the_log_nor_the_database_holds_a_secret(
    engine: AsyncEngine, hook: Hook, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    login = f"http://me:{SECRET}@127.0.0.1:{free_port()}/{SECRET}"
    hook.answer = lambda _: 302
    with caplog.at_level(logging.DEBUG), capture_logs() as logs:
        round_ = Round(engine, hook.url, login)
        await round_.notify()
        await round_.postman.deliver()
        await round_.deliver_later(3600 * 25)
    assert {one["event"] for one in logs} == {"webhook-failed", "webhook-given-up"}
    assert {one["place"] for one in logs} == {place_of(hook.url), place_of(login)}
    held = [await rows(engine, f"select t::text as said from {name} t") for name in TABLES]
    assert all(held)
    for said in (repr(logs), caplog.text, *capsys.readouterr(), repr(held)):
        assert SECRET not in said


TABLES = ("alert", "alert_notice", "alert_delivery", "alert_attempt")
