"""A hospital's own messages move referrals: they arrive, close, resume and open the way down, in whatever order."""

from dataclasses import replace
from datetime import timedelta
from itertools import count
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.ext.asyncio import AsyncEngine

from fixtures.county import Sending, people
from hub.care import referrals as care
from hub.care.deed import Deed
from hub.programme import referral_slots
from hub.programme.referrals import booking_ended
from hub.timekeeping import Timekeeper
from tests.desk import rows
from tests.integration.referring import (
    DAY,
    DESK,
    DONGCHENG,
    ONE_DAY,
    OUTPATIENT,
    RENMIN,
    VISIT,
    ZHONGYI,
    County,
    discharged,
    says,
)


@pytest.fixture
async def county(engine: AsyncEngine) -> County:
    return await County(engine).open()


async def state(county: County, key: UUID) -> tuple[str, str]:
    found = await county.referral(key)
    return found["state"], found["outcome"]


# -- up --------------------------------------------------------------------------------------------------------------


async def test_an_admission_and_a_discharge_move_a_referral_with_the_message_as_witness(county: County) -> None:
    key = await county.refer()
    await county.deliver([says("A01")])
    assert await state(county, key) == ("arrived", "")
    await county.deliver([discharged()])
    assert await state(county, key) == ("closed", "home")
    assert await county.steps(key) == [
        ("send", "sent", "dr-gu"),
        ("arrive", "arrived", RENMIN),
        ("discharge", "closed", RENMIN),
    ]
    witnesses = await rows(
        county.engine,
        "select b.raw from history h join body b on b.message_id = h.message_id where h.subject = :key order by h.id",
        key=key,
    )
    assert [b"ADT^A01" in row["raw"] for row in witnesses] == [True, False]
    assert b"ADT^A03" in witnesses[1]["raw"]
    assert (await county.referral(key))["stay_key"] == "威泉县人民医院|260801001"


async def test_both_messages_in_one_batch_do_the_same(county: County) -> None:
    key = await county.refer()
    await county.deliver([discharged(), says("A01")])
    assert [act for act, _, _ in await county.steps(key)] == ["send", "arrive", "discharge"]


async def test_a_discharge_alone_brings_and_closes(county: County) -> None:
    key = await county.refer()
    await county.deliver([discharged(disposition="4")])
    assert await state(county, key) == ("closed", "against-advice")
    await county.deliver([says("A01")])
    assert await state(county, key) == ("closed", "against-advice")


async def test_an_outpatient_registration_is_an_arrival(county: County) -> None:
    key = await county.refer()
    await county.deliver([says("A04", visit=OUTPATIENT)])
    assert await state(county, key) == ("arrived", "")


async def test_the_stay_that_a_visit_ends_in_is_the_referrals(county: County) -> None:
    key = await county.refer()
    await county.deliver([says("A04", visit=OUTPATIENT)])
    later = replace(VISIT, began_at=DAY + ONE_DAY + timedelta(hours=5))
    await county.deliver([says("A01", later.began_at, visit=later)])
    assert [act for act, _, _ in await county.steps(key)] == ["send", "arrive", "admit"]
    await county.deliver([discharged(later, "2")])
    assert await state(county, key) == ("closed", "transferred")


@pytest.mark.parametrize(
    "sending",
    [
        says("A01", source=ZHONGYI),
        says("A01", DAY - 2 * ONE_DAY, visit=replace(VISIT, began_at=DAY - 2 * ONE_DAY)),
        says("A01", slug="hong-kong"),
        says("A08", visit=replace(VISIT, kind="P")),
    ],
    ids=["of another hospital", "before the referral", "of another person", "planned only"],
)
async def test_what_is_no_arrival_moves_nothing(county: County, sending: Sending) -> None:
    key = await county.refer()
    await county.deliver([sending])
    assert await state(county, key) == ("sent", "")


async def test_a_stay_that_was_over_before_the_sending_is_none_of_it(county: County) -> None:
    key = await county.refer()
    earlier = replace(OUTPATIENT, began_at=DAY - timedelta(hours=5), ended_at=DAY - timedelta(hours=4))
    await county.deliver([says("A04", earlier.began_at, visit=earlier)])
    assert await state(county, key) == ("sent", "")


async def test_a_cancelled_discharge_opens_it_again(county: County) -> None:
    key = await county.refer()
    await county.deliver([says("A01"), discharged()])
    await county.deliver([says("A13", DAY + 9 * ONE_DAY + timedelta(hours=2))])
    assert await state(county, key) == ("arrived", "")
    assert (await county.referral(key))["ended_at"] is None
    await county.deliver([discharged(disposition="4", days=12)])
    assert await state(county, key) == ("closed", "against-advice")


async def test_a_late_cancellation_does_not_undo_the_discharge_after_it(county: County) -> None:
    key = await county.refer()
    await county.deliver([says("A01"), discharged(disposition="4", days=12)])
    await county.deliver([says("A13", DAY + 9 * ONE_DAY + timedelta(hours=2))])
    assert await state(county, key) == ("closed", "against-advice")


async def test_a_cancelled_discharge_does_not_undo_a_reply(county: County) -> None:
    key = await county.refer()
    await county.deliver([says("A01")])

    async def close(deed: Deed) -> UUID:
        return await care.close(deed, key, {"advice": "继续服药，两周后复查"})

    await county.carry_out(DESK, close)
    await county.deliver([discharged(disposition="5"), says("A13", DAY + 10 * ONE_DAY)])
    assert await state(county, key) == ("closed", "answered")


async def test_a_reported_death_closes_what_is_open(county: County) -> None:
    up, other = await county.refer(), await county.refer("zhongyi")
    await county.deliver([says("A01")])
    await county.deliver([says("A08", DAY + 3 * ONE_DAY, person={"died_at": "20260804031200"})])
    assert await state(county, up) == ("closed", "died")
    assert await state(county, other) == ("closed", "died")


async def test_a_reported_death_frees_the_slot(county: County) -> None:
    key = await county.refer(booking_id=await county.slot(county.now + ONE_DAY))
    await county.deliver([says("A08", DAY + 3 * ONE_DAY, visit=None, person={"died_at": "20260804031200"})])
    assert await state(county, key) == ("closed", "died")
    assert [act for act, _, _ in await county.steps(key)] == ["send", "book", "unbook", "die"]
    [freed] = await rows(county.engine, "select b.state, s.account from booking b join slot s on s.id = b.slot_id")
    assert dict(freed) == {"state": "cancelled", "account": "team"}


async def test_who_dies_in_the_stay_is_discharged_as_dead(county: County) -> None:
    key = await county.refer()
    await county.deliver([says("A01"), discharged(disposition="5", person={"died_at": "20260810090000"})])
    assert [act for act, _, _ in await county.steps(key)] == ["send", "arrive", "discharge"]
    assert await state(county, key) == ("closed", "died")


async def test_a_source_without_an_organisation_moves_nothing(county: County) -> None:
    key = await county.refer()
    await county.deliver([says("A01"), discharged(disposition="3")], organisations={RENMIN: ""})
    assert await state(county, key) == ("sent", "")
    assert await county.down() == []


async def test_merged_residents_take_their_referrals_along(county: County) -> None:
    await county.deliver([says("A28", source=RENMIN, slug="two-numbers", person={"citizen_id": "", "phone": ""})])
    [stranger] = await rows(county.engine, "select id from resident where phone is null and replaced_by is null")
    [person] = [one for slug, one in people().items() if slug == "two-numbers"]
    await county.sign(stranger["id"])
    county.resident = stranger["id"]
    key = await county.refer()
    await county.deliver([says("A28", DAY - ONE_DAY, source=DONGCHENG, slug="two-numbers", visit=None)])
    await county.deliver([says("A01", slug="two-numbers")])
    [stays] = await rows(
        county.engine, "select id from resident where name = :name and replaced_by is null", name=person.name
    )
    found = await county.referral(key)
    assert (found["resident_id"], found["state"]) == (stays["id"], "arrived")


# -- silence ---------------------------------------------------------------------------------------------------------


async def test_a_silent_hospital_is_missed_days_after_the_slot_and_heard_when_it_speaks(county: County) -> None:
    booking = await county.slot(DAY + ONE_DAY)
    key = await county.refer(booking_id=booking)
    clock = Timekeeper(county.engine, [referral_slots.keep_time], now=lambda: county.now)
    county.now = DAY + (referral_slots.SILENT_DAYS + 1) * ONE_DAY
    assert await clock.keep() == 0
    county.now += ONE_DAY
    assert await clock.keep() == 1
    assert await clock.keep() == 0
    found = await county.referral(key)
    assert (found["state"], found["state_reason"]) == ("not-arrived", "nothing-heard")
    await county.deliver([says("A01")])
    assert await state(county, key) == ("arrived", "")


async def test_who_was_missed_has_not_come_by_a_stay_of_months_later(county: County) -> None:
    key = await county.refer(booking_id=await county.slot(DAY + ONE_DAY))
    county.now = DAY + 10 * ONE_DAY
    await Timekeeper(county.engine, [referral_slots.keep_time], now=lambda: county.now).keep()
    later = replace(VISIT, began_at=DAY + 60 * ONE_DAY)
    await county.deliver([says("A01", later.began_at, visit=later)])
    assert await state(county, key) == ("not-arrived", "")


async def test_a_lost_booking_sends_the_referral_back_to_waiting(county: County) -> None:
    booking = await county.slot(DAY + ONE_DAY)
    key = await county.refer(booking_id=booking)
    for _ in range(2):
        async with county.hand() as hand:
            await booking_ended(hand, booking, "停诊")
    found = await county.referral(key)
    assert (found["state"], found["state_reason"], found["booking_id"]) == ("sent", "停诊", None)
    assert [act for act, _, _ in await county.steps(key)] == ["send", "book", "unbook"]


# -- order and repetition --------------------------------------------------------------------------------------------

_serials = count(260900001)


def story(serial: str) -> list[Sending]:
    """A stay with a discharge that was void, as the hospital tells it."""
    visit = replace(VISIT, serial=serial)
    return [
        says("A01", visit=visit),
        discharged(visit, disposition="1", days=5),
        says("A13", DAY + 6 * ONE_DAY + timedelta(hours=3), visit=visit),
        says("A08", DAY + 7 * ONE_DAY, visit=visit),
        discharged(visit, disposition="3", days=8),
    ]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    order=st.permutations(range(5)),
    again=st.lists(st.integers(0, 4), max_size=4),
    most=st.integers(1, 4),
)
async def test_any_order_and_any_repetition_end_in_the_same(
    county: County, order: list[int], again: list[int], most: int
) -> None:
    serial = str(next(_serials))  # each example has a stay of its own: facts cannot be forgotten
    told, key = story(serial), await county.refer()
    await county.deliver([told[place] for place in [*order, *again]], most=most)
    up, stay = await county.referral(key), f"威泉县人民医院|{serial}"
    down = [one for one in await county.down() if one["stay_key"] == stay and one["state"] != "withdrawn"]
    assert (up["state"], up["outcome"], up["stay_key"], up["state_reason"]) == ("closed", "community", stay, "")
    assert [(one["state"], one["to_team_id"], one["previous_id"]) for one in down] == [("sent", "dongcheng-1", key)]
