"""Slot pools over a real database: published, held, booked, given back, released; and the ledger adds up throughout."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import insert, update
from sqlalchemy.ext.asyncio import AsyncEngine

from hub.errors import Refusal, Refused
from hub.programme import pools, publishing
from hub.tables import referral, resident
from tests.sessions import HOSPITAL, NOW, OTHER_HOSPITAL, STARTS, Clinic, check_ledger, offered, published, weihai

LATER = NOW + timedelta(minutes=11)
"""When a hold of ten minutes is over."""
RELEASED = STARTS - timedelta(minutes=30)


@pytest.fixture
async def clinic(engine: AsyncEngine) -> Clinic:
    clinic = Clinic(engine, weihai())
    await clinic.open()
    return clinic


def refusal(raised: pytest.ExceptionInfo[Refused]) -> Refusal:
    found = raised.value.refusal
    assert found.message("zh")
    assert found.next_step("en")
    return found


async def refused(doing: object) -> Refusal:
    with pytest.raises(Refused) as raised:
        await doing  # type: ignore[misc]
    return refusal(raised)


# -- publishing ------------------------------------------------------------------------------------------------------


async def test_two_of_ten_slots_are_the_teams_spread_over_the_session(clinic: Clinic) -> None:
    session = await clinic.publish(published())
    assert await clinic.numbers(session, "team") == [3, 8]
    assert await check_ledger(clinic, session) == {"team": 2, "public": 8}
    (row,) = await clinic.rows("select reserved, share, rule from session")
    assert dict(row) == {"reserved": 2, "share": "1/5", "rule": "weihai-2023 四(三)"}


async def test_what_the_hospital_marks_is_the_teams(clinic: Clinic) -> None:
    slots = tuple(offered(number, is_for_team=number in (1, 2, 9)) for number in range(1, 11))
    session = await clinic.publish(published(slots=slots))
    assert await clinic.numbers(session, "team") == [1, 2, 9]
    few = tuple(offered(number, is_for_team=number == 10) for number in range(1, 11))
    other = await clinic.publish(published(number="S2", slots=few))
    assert 10 in await clinic.numbers(other, "team")
    assert len(await clinic.numbers(other, "team")) == 2


async def test_publishing_twice_changes_nothing(clinic: Clinic) -> None:
    session = await clinic.publish(published())
    before = await clinic.rows("select * from movement"), await clinic.rows("select * from history")
    assert await clinic.publish(published()) == session
    assert await clinic.publish(published(told_at=NOW + timedelta(minutes=1))) == session
    assert (await clinic.rows("select * from movement"), await clinic.rows("select * from history")) == before


async def test_a_late_message_does_not_undo_a_newer_one(clinic: Clinic) -> None:
    session = await clinic.publish(published(12, told_at=NOW))
    await clinic.publish(published(5, told_at=NOW - timedelta(hours=1)))
    assert (await check_ledger(clinic, session)).total() == 12
    await clinic.publish(published(is_active=False, reason="停诊", told_at=NOW - timedelta(hours=1)))
    assert (await clinic.rows("select state from session"))[0]["state"] == "open"


async def test_a_session_that_grew_gives_the_teams_their_share_of_the_new_slots(clinic: Clinic) -> None:
    session = await clinic.publish(published(5))
    assert await clinic.numbers(session, "team") == [3]
    await clinic.publish(published(20, told_at=NOW + timedelta(minutes=1)))
    assert len(await clinic.numbers(session, "team")) == 4
    assert await check_ledger(clinic, session) == {"team": 4, "public": 16}


async def test_a_session_that_shrank_loses_free_slots_only(clinic: Clinic) -> None:
    session = await clinic.publish(published(10))
    await clinic.confirm(await clinic.hold(session), await clinic.person())
    assert await clinic.numbers(session, "booked") == [3]
    await clinic.publish(published(5, told_at=NOW + timedelta(minutes=1)))
    assert await clinic.numbers(session, "withdrawn") == [6, 7, 8, 9, 10]
    assert await check_ledger(clinic, session) == {"booked": 1, "public": 4, "withdrawn": 5}
    await clinic.publish(published(10, told_at=NOW + timedelta(minutes=2)))
    assert await check_ledger(clinic, session) == {"booked": 1, "team": 1, "public": 8}


async def test_a_session_does_not_shrink_below_what_is_taken(clinic: Clinic) -> None:
    session = await clinic.publish(published(10))
    await clinic.hold(session)
    await clinic.hold(session)
    before = await clinic.rows("select * from slot order by number")
    said = await refused(clinic.publish(published(5, told_at=NOW + timedelta(minutes=1))))
    assert (said.code, said.given["numbers"], said.given["taken"]) == ("session-below-bookings", "8", "2")
    assert (await refused(clinic.publish(published(1, told_at=NOW + timedelta(minutes=1))))).code == said.code
    assert await clinic.rows("select * from slot order by number") == before
    await clinic.publish(published(5, told_at=NOW + timedelta(minutes=1)), now=LATER)
    assert await check_ledger(clinic, session) == {"team": 1, "public": 4, "withdrawn": 5}


async def test_a_slot_that_others_took_counts_in_the_share_and_is_nobodys_here(clinic: Clinic) -> None:
    slots = tuple(offered(number, is_free=number not in (3, 4)) for number in range(1, 11))
    session = await clinic.publish(published(slots=slots))
    assert await check_ledger(clinic, session) == {"team": 2, "public": 6}
    taken = tuple(offered(number, is_free=number < 9) for number in range(1, 11))
    await clinic.publish(published(slots=taken, told_at=NOW + timedelta(minutes=1)))
    balance = await check_ledger(clinic, session)
    assert (balance["team"], balance["withdrawn"]) == (2, 0 + len(await clinic.numbers(session, "withdrawn")))
    assert 9 in await clinic.numbers(session, "withdrawn")


async def test_a_session_that_moves_takes_its_bookings_along(clinic: Clinic) -> None:
    session = await clinic.publish(published())
    booking = await clinic.hold(session)
    moved = published(starts_at=STARTS + timedelta(hours=5), told_at=NOW + timedelta(minutes=1))
    await clinic.publish(moved)
    (row,) = await clinic.rows("select s.starts_at from booking b join slot s on s.id = b.slot_id")
    assert row["starts_at"] == STARTS + timedelta(hours=5, minutes=24)
    (step,) = await clinic.rows("select * from history where subject = :id and act = 'reschedule'", id=booking)
    assert (step["before"], step["after"]) == ("held", "held")
    told = (await clinic.rows("select audience from event order by position"))[-1]["audience"]
    assert told == [f"organisation:{HOSPITAL}", "team:team-1"]


async def test_a_booking_whose_slot_moves_has_a_new_version_and_its_team_is_told(clinic: Clinic) -> None:
    session = await clinic.publish(published())
    moving, staying = await clinic.hold(session), await clinic.hold(session, "team-2")
    await clinic.confirm(moving, await clinic.person())
    minute = timedelta(minutes=1)
    slots = [offered(number) for number in range(1, 11)]
    slots[2] = replace(slots[2], starts_at=slots[2].starts_at + minute)
    await clinic.publish(published(slots=tuple(slots), told_at=NOW + minute), now=NOW + minute)
    rows = await clinic.rows("select id, version, changed_at from booking")
    assert {row["id"]: row["version"] for row in rows} == {moving: 3, staying: 1}
    assert {row["id"]: row["changed_at"] for row in rows}[moving] == NOW + minute
    last = (await clinic.rows("select kind, audience from event order by position"))[-1]
    assert (last["kind"], "team:team-1" in last["audience"]) == ("slot-pool-changed", True)
    async with clinic.hand() as hand:
        doing = pools.cancel(hand, moving, "改期", team_id="team-1", version=2)
        assert (await refused(doing)).code == "changed-meanwhile"


async def test_a_cancelled_session_ends_its_bookings_with_the_hospitals_reason(clinic: Clinic) -> None:
    session = await clinic.publish(published())
    booking, _ = await clinic.hold(session), await clinic.hold(session, "team-2")
    await clinic.confirm(booking, await clinic.person())
    await clinic.publish(published(is_active=False, reason="外出会诊", told_at=NOW + timedelta(minutes=1)))
    ended = await clinic.rows("select state, end_reason from booking")
    assert {(row["state"], row["end_reason"]) for row in ended} == {("cancelled", "外出会诊")}
    assert await check_ledger(clinic, session) == {"withdrawn": 10}
    told = {whom for row in await clinic.rows("select audience from event") for whom in row["audience"]}
    assert told == {f"organisation:{HOSPITAL}", "team:team-1", "team:team-2"}
    assert (await refused(clinic.hold(session))).code == "session-cancelled"
    await clinic.publish(published(told_at=NOW + timedelta(minutes=2)))
    assert await check_ledger(clinic, session) == {"team": 2, "public": 8}


async def test_a_referral_whose_slot_is_cancelled_with_the_session_waits_for_another(clinic: Clinic) -> None:
    session, person = await clinic.publish(published()), await clinic.person()
    booking = await clinic.hold(session)
    await clinic.confirm(booking, person)
    where = {"from_organisation_id": "centre-1", "from_team_id": "team-1", "to_organisation_id": HOSPITAL}
    said = {"urgency": "routine", "reason": "胸痛", "summary": {}, "by": "dr-lin", "sent_at": NOW}
    async with clinic.engine.begin() as connection:
        row = {"id": uuid4(), "number": "R1", "direction": "up", "state": "booked", "resident_id": person}
        await connection.execute(insert(referral).values(**row, **where, **said, booking_id=booking))
    await clinic.publish(published(is_active=False, reason="停诊", told_at=NOW + timedelta(minutes=1)))
    (found,) = await clinic.rows("select state, state_reason, booking_id from referral")
    assert dict(found) == {"state": "sent", "state_reason": "停诊", "booking_id": None}


async def test_nothing_of_a_session_is_changed_once_it_has_begun(clinic: Clinic) -> None:
    await clinic.publish(published())
    begun = STARTS + timedelta(minutes=1)
    for told in (published(5, told_at=begun), published(is_active=False, reason="停诊", told_at=begun)):
        assert (await refused(clinic.publish(told, now=begun))).code == "session-begun"
    await clinic.publish(published(), now=begun)
    assert (await refused(clinic.publish(published(number="S2"), now=begun))).code == "session-begun"


async def test_the_reserve_above_the_total_is_refused(clinic: Clinic) -> None:
    assert (await refused(clinic.publish(published(10, reserved=11)))).code == "reserved-above-total"
    assert await clinic.rows("select 1 as one from session") == []


# -- holding and booking ---------------------------------------------------------------------------------------------


async def test_a_team_holds_confirms_and_gives_back(clinic: Clinic) -> None:
    session, person = await clinic.publish(published()), await clinic.person()
    booking = await clinic.hold(session)
    assert await check_ledger(clinic, session) == {"held": 1, "team": 1, "public": 8}
    await clinic.confirm(booking, person)
    assert await check_ledger(clinic, session) == {"booked": 1, "team": 1, "public": 8}
    await clinic.cancel(booking)
    assert await check_ledger(clinic, session) == {"team": 2, "public": 8}
    steps = await clinic.rows("select act, before, after from history where subject = :id order by id", id=booking)
    assert [(row["act"], row["after"]) for row in steps] == [
        ("hold", "held"),
        ("confirm", "booked"),
        ("cancel", "cancelled"),
    ]


async def test_a_team_that_names_a_slot_or_a_time_gets_that_one(clinic: Clinic) -> None:
    session = await clinic.publish(published(20))
    slots = {row["number"]: row["id"] for row in await clinic.rows("select id, number from slot")}
    assert await clinic.numbers(session, "team") == [3, 8, 13, 18]
    await clinic.hold(session, slot_id=slots[13])
    await clinic.hold(session, near=STARTS + timedelta(hours=4))
    assert await clinic.numbers(session, "held") == [13, 18]
    for slot in (slots[13], slots[1], uuid4()):
        assert (await refused(clinic.hold(session, slot_id=slot))).code == "slot-taken"


async def test_a_booking_for_an_expired_hold_is_refused_whether_or_not_the_clock_was_kept(clinic: Clinic) -> None:
    session, person = await clinic.publish(published()), await clinic.person()
    booking = await clinic.hold(session)
    for _ in range(2):
        said = await refused(clinic.confirm(booking, person, now=LATER))
        assert said.code in ("hold-expired", "not-in-this-state")
        await clinic.keep_time(LATER)
    assert (await refused(clinic.cancel(booking, now=LATER))).code == "not-in-this-state"
    assert await check_ledger(clinic, session) == {"team": 2, "public": 8}


async def test_an_expired_hold_is_a_free_slot_though_nobody_kept_the_clock(clinic: Clinic) -> None:
    session = await clinic.publish(published())
    first, second = await clinic.hold(session), await clinic.hold(session, minutes=30)
    said = await refused(clinic.hold(session, "team-2"))
    assert (said.code, said.given["clause"]) == ("pool-taken", "weihai-2023 四(三)")
    assert said.given["changes_at"] == (NOW + timedelta(minutes=10)).isoformat()
    third = await clinic.hold(session, "team-2", now=LATER)
    assert await check_ledger(clinic, session) == {"held": 2, "public": 8}
    states = {row["id"]: row["state"] for row in await clinic.rows("select id, state from booking")}
    assert states == {first: "expired", second: "held", third: "held"}
    acts = await clinic.rows(
        "select m.act, m.by from movement m join booking b on b.slot_id = m.slot_id where b.id = :id order by number",
        id=third,
    )
    assert [(row["act"], row["by"]) for row in acts[-3:]] == [("hold", "dr-lin"), ("expire", "hub"), ("hold", "dr-lin")]


async def test_the_clock_ends_holds_and_releases_what_is_left(clinic: Clinic) -> None:
    session, person = await clinic.publish(published(15)), await clinic.person()
    await clinic.confirm(await clinic.hold(session), person)
    await clinic.hold(session, now=RELEASED - timedelta(minutes=35), minutes=60)
    assert await clinic.keep_time(LATER) == 0
    assert await clinic.keep_time(RELEASED) == 1
    assert await check_ledger(clinic, session) == {"booked": 1, "held": 1, "public": 13}
    said = await refused(clinic.hold(session, now=RELEASED))
    assert (said.code, said.given["since"]) == ("pool-released", (STARTS - timedelta(hours=1)).isoformat())
    assert await clinic.keep_time(RELEASED + timedelta(minutes=29)) == 1
    assert await check_ledger(clinic, session) == {"booked": 1, "public": 14}
    assert await clinic.keep_time(RELEASED + timedelta(minutes=29)) == 0


async def test_a_session_past_its_release_is_released_though_nobody_kept_the_clock(clinic: Clinic) -> None:
    session = await clinic.publish(published())
    booking = await clinic.hold(session, now=RELEASED - timedelta(minutes=31), minutes=60)
    assert (await refused(clinic.hold(session, now=RELEASED))).code == "pool-released"
    await clinic.cancel(booking, now=RELEASED)
    assert (await check_ledger(clinic, session))["public"] == 9


async def test_teams_cannot_book_before_their_opening(clinic: Clinic) -> None:
    opens = NOW + timedelta(days=1)
    session = await clinic.publish(published(public_from=opens + timedelta(days=1), team_from=opens))
    said = await refused(clinic.hold(session))
    assert (said.code, said.given["changes_at"]) == ("pool-not-open", opens.isoformat())
    assert await clinic.hold(session, now=opens)


async def test_a_team_books_in_its_own_alliance_or_where_there_is_none(clinic: Clinic) -> None:
    elsewhere = await clinic.publish(published(), OTHER_HOSPITAL)
    said = await refused(clinic.hold(elsewhere))
    assert (said.code, said.given["hospital"]) == ("not-your-alliance", OTHER_HOSPITAL)
    assert await clinic.hold(await clinic.publish(published(), "free"))
    assert (await refused(clinic.hold(elsewhere, "team-9"))).code == "no-such-team"
    assert (await refused(clinic.hold(uuid4()))).code == "no-such-slot"


async def test_a_team_cannot_touch_another_teams_booking(clinic: Clinic) -> None:
    session, person = await clinic.publish(published()), await clinic.person()
    booking = await clinic.hold(session)
    for doing in (clinic.confirm(booking, person, "team-2"), clinic.cancel(booking, "team-2")):
        assert (await refused(doing)).code == "no-such-booking"
    assert await clinic.numbers(session, "held") == [3]


async def test_a_resident_has_one_slot_of_a_session(clinic: Clinic) -> None:
    session, person = await clinic.publish(published()), await clinic.person()
    holds = [await clinic.hold(session), await clinic.hold(session)]
    results = await asyncio.gather(*(clinic.confirm(one, person) for one in holds), return_exceptions=True)
    assert sorted(one.refusal.code if isinstance(one, Refused) else "booked" for one in results) == [
        "booked",
        "booked-already",
    ]
    assert (await refused(clinic.hold(session, resident_id=person))).code == "booked-already"


async def test_a_resident_for_whom_a_slot_is_held_gets_no_other_of_the_session(clinic: Clinic) -> None:
    session, person, other = await clinic.publish(published()), await clinic.person(), await clinic.person()
    asked = [clinic.hold(session, f"team-{at % 2 + 1}", resident_id=person) for at in range(6)]
    found = await asyncio.gather(*asked, return_exceptions=True)
    assert sorted(one.refusal.code if isinstance(one, Refused) else "held" for one in found) == [
        *["booked-already"] * 5,
        "held",
    ]
    nobodys = await clinic.hold(session)
    assert (await refused(clinic.confirm(nobodys, person))).code == "booked-already"
    await clinic.confirm(nobodys, other)
    assert await clinic.hold(session, resident_id=person, now=LATER)  # the one before has expired


async def test_nobody_takes_a_slot_for_a_resident_who_has_died(clinic: Clinic) -> None:
    session, person, before = await clinic.publish(published()), await clinic.person(), await clinic.person()
    booking = await clinic.hold(session, resident_id=person)
    async with clinic.engine.begin() as connection:
        await connection.execute(update(resident).where(resident.c.id == before).values(replaced_by=person))
        await connection.execute(update(resident).where(resident.c.id == person).values(deceased=True))
    for one in (person, before):
        assert (await refused(clinic.confirm(booking, one))).code == "resident-deceased"
        assert (await refused(clinic.hold(session, resident_id=one))).code == "resident-deceased"
    assert await check_ledger(clinic, session) == {"held": 1, "team": 1, "public": 8}


async def test_a_slot_whose_time_has_come_is_not_confirmed(clinic: Clinic) -> None:
    session = await clinic.publish(published(starts_at=STARTS, release_at=STARTS))
    person, before = await clinic.person(), STARTS - timedelta(minutes=1)
    slots = await clinic.rows("select id, starts_at from slot where account = 'team' order by number")
    begins = slots[0]["starts_at"]
    booking = await clinic.hold(session, now=before, minutes=60, slot_id=slots[0]["id"])
    assert (await refused(clinic.confirm(booking, person, now=begins))).code == "slot-begun"
    await clinic.confirm(booking, person, now=begins - timedelta(microseconds=1))


async def test_what_a_slot_was_for_may_end_after_its_time(clinic: Clinic) -> None:
    session, person = await clinic.publish(published()), await clinic.person()
    booking = await clinic.hold(session)
    await clinic.confirm(booking, person)
    over = STARTS + timedelta(hours=1)
    assert (await refused(clinic.cancel(booking, now=over))).code == "slot-begun"
    await clinic.cancel(booking, None, now=over)
    assert await clinic.numbers(session, "booked") == [3]


async def test_bookings_follow_a_resident_who_was_merged(clinic: Clinic) -> None:
    gone, stays = await clinic.person(), await clinic.person()
    session, other = await clinic.publish(published()), await clinic.publish(published(number="S2"))
    first, second, third = await clinic.hold(session), await clinic.hold(session), await clinic.hold(other)
    for booking, person in ((first, gone), (second, stays), (third, gone)):
        await clinic.confirm(booking, person)
    async with clinic.hand() as hand:
        await pools.follow(hand, gone, stays)
    assert await whose(clinic) == {first: gone, second: stays, third: gone}
    async with clinic.engine.begin() as connection:
        await connection.execute(update(resident).where(resident.c.id == gone).values(replaced_by=stays))
    for _ in range(2):
        async with clinic.hand() as hand:
            await pools.follow(hand, gone, stays)
    assert await whose(clinic) == {first: gone, second: stays, third: stays}
    assert (await refused(clinic.hold(session, resident_id=gone))).code == "booked-already"


async def whose(clinic: Clinic) -> dict[UUID, UUID]:
    return {row["id"]: row["resident_id"] for row in await clinic.rows("select id, resident_id from booking")}


async def test_the_desk_cancels_with_a_reason_and_only_its_own(clinic: Clinic) -> None:
    session = await clinic.publish(published())
    for hospital, reason, code in ((OTHER_HOSPITAL, "停诊", "no-such-slot"), (HOSPITAL, " ", "needs-a-reason")):
        async with clinic.hand("desk") as hand:
            assert (await refused(publishing.cancel_session(hand, hospital, session, reason))).code == code
    async with clinic.hand("desk") as hand:
        await publishing.cancel_session(hand, HOSPITAL, session, "停诊", version=1)
    (row,) = await clinic.rows("select told_at from session")
    assert row["told_at"] > NOW  # the same instant as its publication, and after it
    async with clinic.hand("desk") as hand:
        doing = publishing.cancel_session(hand, HOSPITAL, session, "停诊", version=1)
        assert (await refused(doing)).code == "changed-meanwhile"


async def test_a_version_that_is_not_the_newest_changes_nothing(clinic: Clinic) -> None:
    session = await clinic.publish(published())
    booking = await clinic.hold(session)
    async with clinic.hand() as hand:
        doing = pools.cancel(hand, booking, "不需要了", team_id="team-1", version=7)
        assert (await refused(doing)).code == "changed-meanwhile"
