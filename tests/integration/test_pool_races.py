"""Many at once, in any order: no slot twice, none lost, and the ledger adds up."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable
from datetime import timedelta
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.access import Role, Viewer
from hub.care.deed import Deed, Errand, carry_out
from hub.errors import Refused
from hub.programme import pools
from hub.store.database import open_engine
from hub.store.slots import Wanted
from tests.conftest import Urls
from tests.sessions import NOW, STARTS, Clinic, check_ledger, published, weihai

CONNECTIONS = 40


@pytest.fixture
async def clinic(database: Urls) -> AsyncIterator[Clinic]:
    engine = open_engine(database.application, size=CONNECTIONS)
    clinic = Clinic(engine, weihai())
    await clinic.open(teams=20)
    yield clinic
    await engine.dispose()


async def outcome(doing: Awaitable[object]) -> str:
    """What came of it: done, or the refusal's code."""
    try:
        await doing
    except Refused as refused:
        return refused.refusal.code
    return "done"


async def test_of_two_hundred_that_want_one_slot_one_gets_it(clinic: Clinic) -> None:
    session = await clinic.publish(published(5))
    asked = [outcome(clinic.hold(session, f"team-{at % 20 + 1}")) for at in range(200)]
    assert Counter(await asyncio.gather(*asked)) == {"done": 1, "pool-taken": 199}
    assert await check_ledger(clinic, session) == {"held": 1, "public": 4}


async def test_as_many_get_a_slot_as_there_are_and_none_is_left(clinic: Clinic) -> None:
    session = await clinic.publish(published(100, reserved=60))
    asked = [outcome(clinic.hold(session, f"team-{at % 20 + 1}")) for at in range(300)]
    assert Counter(await asyncio.gather(*asked)) == {"done": 60, "pool-taken": 240}
    assert await check_ledger(clinic, session) == {"held": 60, "public": 40}


async def test_expired_holds_are_taken_over_once_each(clinic: Clinic) -> None:
    session = await clinic.publish(published(100, reserved=30))
    await asyncio.gather(*(clinic.hold(session) for _ in range(30)))
    later = NOW + timedelta(minutes=11)
    asked = [outcome(clinic.hold(session, f"team-{at % 20 + 1}", now=later)) for at in range(100)]
    asked += [outcome(clinic.keep_time(later)) for _ in range(5)]
    found = Counter(await asyncio.gather(*asked))
    assert found == {"done": 30 + 5, "pool-taken": 70}
    assert await check_ledger(clinic, session) == {"held": 30, "public": 70}


async def test_a_hold_is_confirmed_or_expires_or_is_given_back_and_never_two_of_these(clinic: Clinic) -> None:
    session = await clinic.publish(published(100, reserved=40))
    people = [await clinic.person() for _ in range(40)]
    holds = [await clinic.hold(session) for _ in people]
    asked = []
    for hold, person in zip(holds, people, strict=True):
        asked += [
            outcome(clinic.confirm(hold, person)),
            outcome(clinic.cancel(hold)),
            outcome(clinic.confirm(hold, person)),
        ]
    found = Counter(await asyncio.gather(*asked))
    assert set(found) <= {"done", "not-in-this-state", "booked-already"}
    balance = await check_ledger(clinic, session)
    assert balance["booked"] + balance["team"] == 40
    assert balance["held"] == 0


async def test_a_session_that_is_cancelled_in_a_rush_leaves_nothing_standing(clinic: Clinic) -> None:
    session = await clinic.publish(published(60, reserved=40))
    people = [await clinic.person() for _ in range(60)]

    async def book(at: int) -> None:
        hold = await clinic.hold(session, f"team-{at % 20 + 1}")
        await clinic.confirm(hold, people[at], f"team-{at % 20 + 1}")

    async def stop() -> None:
        await asyncio.sleep(0.02)
        await clinic.publish(published(60, is_active=False, reason="停诊", told_at=NOW + timedelta(minutes=1)))

    asked = [outcome(book(at)) for at in range(60)]
    found = Counter(await asyncio.gather(*asked[:30], outcome(stop()), *asked[30:]))
    assert set(found) <= {"done", "pool-taken", "session-cancelled", "not-in-this-state"}
    assert await check_ledger(clinic, session) == {"withdrawn": 60}
    ended = await clinic.rows("select distinct state from booking")
    assert {row["state"] for row in ended} <= {"cancelled"}


async def test_two_that_publish_one_session_at_once_make_one(clinic: Clinic) -> None:
    told = [published(10, told_at=NOW + timedelta(seconds=at)) for at in range(8)]
    found = await asyncio.gather(*(clinic.publish(one) for one in told))
    assert len(set(found)) == 1
    assert await check_ledger(clinic, found[0]) == {"team": 2, "public": 8}


async def test_people_who_book_while_a_session_changes_never_see_a_deadlock(clinic: Clinic) -> None:
    session = await clinic.publish(published(40, reserved=20))
    viewer = Viewer(id="dr-lin", name="林医生", role=Role.FAMILY_DOCTOR, organisation="centre-1", team="team-1")

    async def come_and_go(_: int) -> None:
        async def hold(deed: Deed) -> Any:
            wanted = Wanted(session_id=session, team_id="team-1", expires_at=NOW + timedelta(minutes=10))
            return (await pools.hold(deed.hand, wanted))["id"]

        async def cancel(deed: Deed) -> None:
            await pools.cancel(deed.hand, key, "改期", team_id="team-1")

        for _ in range(4):
            key = await carry_out(clinic.engine, Errand(viewer=viewer, operation="hold", now=NOW), hold)
            await carry_out(clinic.engine, Errand(viewer=viewer, operation="cancel", now=NOW), cancel)

    async def change(start: int) -> None:
        for at in range(start, 60, 3):
            await clinic.publish(published(40 + at % 3, reserved=20, told_at=NOW + timedelta(seconds=at)))

    await asyncio.gather(*(outcome(come_and_go(at)) for at in range(25)), *(outcome(change(at)) for at in (1, 2, 3)))
    balance = await check_ledger(clinic, session)
    assert balance["held"] == 0
    assert balance["team"] >= 20


# -- any order -------------------------------------------------------------------------------------------------------

_ACTS = st.lists(
    st.tuples(
        st.sampled_from(["hold", "hold", "hold", "confirm", "cancel", "wait", "grow", "shrink", "stop", "keep-time"]),
        st.integers(0, 1000),
    ),
    max_size=40,
)


class Course:
    """One course of acts on one session; what is refused leaves nothing behind."""

    def __init__(self, clinic: Clinic, number: str, people: list[Any]) -> None:
        self._clinic = clinic
        self._number = number
        self._people = people
        self._now = NOW
        self._told = 0
        self._holds: list[Any] = []
        self.session: Any = None

    async def tell(self, total: int, **changed: Any) -> None:
        self._told += 1
        told_at = NOW + timedelta(seconds=self._told)
        told = published(total, number=self._number, told_at=told_at, **changed)
        self.session = await self._clinic.publish(told, now=self._now)

    async def go(self, act: str, chance: int) -> None:
        clinic, now = self._clinic, self._now
        hold = self._holds[chance % len(self._holds)] if self._holds else None
        if act == "hold":
            self._holds.append(await clinic.hold(self.session, f"team-{chance % 3 + 1}", now=now))
        elif act == "confirm" and hold:
            team = await self._team(hold)
            await clinic.confirm(hold, self._people[chance % len(self._people)], team, now=now)
        elif act == "cancel" and hold:
            await clinic.cancel(hold, await self._team(hold), now=now)
        elif act == "wait":
            self._now = min(now + timedelta(minutes=chance), STARTS - timedelta(minutes=1))
        elif act in ("grow", "shrink"):
            await self.tell(chance % 25 + 1 if act == "grow" else chance % 10 + 1)
        elif act == "stop":
            await self.tell(10, is_active=False, reason="停诊")
        elif act == "keep-time":
            await clinic.keep_time(now)

    async def _team(self, booking: Any) -> str:
        (row,) = await self._clinic.rows("select team_id from booking where id = :id", id=booking)
        return str(row["team_id"])


_sessions = count(1)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(acts=_ACTS)
async def test_whatever_is_done_in_whatever_order_the_ledger_adds_up(
    clinic: Clinic, acts: list[tuple[str, int]]
) -> None:
    people = [await clinic.person() for _ in range(3)]
    course = Course(clinic, f"C{next(_sessions)}", people)  # each example has a session of its own
    await course.tell(10)
    for act, chance in acts:
        await outcome(course.go(act, chance))
        await check_ledger(clinic, course.session)


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(order=st.permutations(range(5)), again=st.lists(st.integers(0, 4), max_size=3))
async def test_the_version_that_was_written_last_counts_in_whatever_order_they_come(
    clinic: Clinic, order: list[int], again: list[int]
) -> None:
    number = f"V{next(_sessions)}"
    totals = (10, 4, 25, 12, 7)
    told = [published(total, number=number, told_at=NOW + timedelta(minutes=at)) for at, total in enumerate(totals)]
    for place in [*order, *again]:
        session = await clinic.publish(told[place])
    assert await clinic.numbers(session, "team") == [2, 6]
    balance = await check_ledger(clinic, session)
    assert (balance["team"], balance["public"]) == (2, 5)
