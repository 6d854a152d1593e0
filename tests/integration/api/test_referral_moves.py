"""Referrals over GraphQL: who moves them at once, the slots that go with them, the way down, and following."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from hub.api.paging import global_id
from hub.tokens import Keyring
from tests.desk import rows
from tests.integration.api.conftest import Asker, Clock
from tests.integration.api.referring import (
    ACCEPT,
    ASK,
    BOOK,
    CLOSE,
    REFERRAL,
    REFUSE,
    SEND,
    SEND_DOWN,
    WITHDRAW,
    As,
    asking,
    county,
    done,
    listed,
    sent,
    whom,
)
from tests.integration.api.test_subscriptions import address, connected
from tests.integration.referring import (
    DAY,
    DESK,
    DOCTOR,
    NURSE,
    ONE_DAY,
    OTHER_DESK,
    OTHER_DOCTOR,
    VISIT,
    County,
    discharged,
    says,
)

__all__ = ["address", "asking", "county"]

# -- races -----------------------------------------------------------------------------------------------------------


async def test_who_accepts_second_is_told_that_it_is_accepted(county: County, asking: As) -> None:
    one = await sent(asking(DOCTOR), county)
    await done(asking(DESK), ACCEPT, id=one["id"])
    again = await done(asking(DESK), ACCEPT, id=one["id"])
    assert again["code"] == "not-in-this-state"
    assert "已接收" in again["message"]["zh"]


async def test_of_a_refusal_and_a_withdrawal_at_once_one_wins(county: County, asking: As) -> None:
    doctor, desk = asking(DOCTOR), asking(DESK)
    for number in range(8):
        one = await sent(doctor, county, department=f"科室{number}")
        both = await asyncio.gather(
            done(desk, REFUSE, id=one["id"], reason="无床位"), done(doctor, WITHDRAW, id=one["id"], reason="病情好转")
        )
        assert sorted("code" in each for each in both) == [False, True]
        [ended] = [each["state"] for each in both if "state" in each]
        found = (await doctor.ask(ASK, id=one["id"]))["referral"]
        assert found["state"] == ended
        assert len(found["history"]) == 2


async def test_of_two_who_saw_the_same_and_move_it_at_once_one_wins(county: County, asking: As) -> None:
    doctor, desk = asking(DOCTOR), asking(DESK)
    for number in range(8):
        one = await sent(doctor, county, department=f"科室{number}")
        seen = {"id": one["id"], "version": one["version"]}
        both = await asyncio.gather(done(desk, ACCEPT, **seen), done(doctor, WITHDRAW, **seen, reason="病情好转"))
        [lost] = [each for each in both if "code" in each]
        assert lost["code"] == "changed-meanwhile"
        assert len((await doctor.ask(ASK, id=one["id"]))["referral"]["history"]) == 2


async def test_of_many_acceptances_at_once_one_wins(county: County, asking: As) -> None:
    one = await sent(asking(DOCTOR), county)
    answers = await asyncio.gather(*(done(asking(DESK), ACCEPT, id=one["id"]) for _ in range(6)))
    assert sum("state" in each for each in answers) == 1
    assert {each["code"] for each in answers if "code" in each} == {"not-in-this-state"}


async def test_of_two_who_send_at_once_one_wins(county: County, asking: As) -> None:
    both = await asyncio.gather(
        *(asking(DOCTOR).ask(SEND + REFERRAL, input=whom(county, department="")) for _ in range(4))
    )
    assert sorted("code" in each["sendReferral"] for each in both) == [False, True, True, True]


# -- slots -----------------------------------------------------------------------------------------------------------


async def test_a_held_slot_is_booked_with_the_referral_and_free_again_when_it_ends(county: County, asking: As) -> None:
    doctor, desk = asking(DOCTOR), asking(DESK)
    booking = global_id("Booking", await county.slot(county.now + ONE_DAY))
    one = await sent(doctor, county, bookingId=booking)
    assert (one["state"], one["booking"]["bookingId"], one["booking"]["state"]) == ("BOOKED", booking, "booked")
    accepted = await done(desk, ACCEPT, id=one["id"])
    assert accepted["state"] == "BOOKED"
    assert (await done(desk, ACCEPT, id=one["id"]))["code"] == "referral-accepted"
    withdrawn = await done(doctor, WITHDRAW, id=one["id"], reason="病情好转")
    assert (withdrawn["state"], withdrawn["booking"]) == ("WITHDRAWN", None)
    [freed] = await rows(county.engine, "select state from booking")
    assert freed["state"] == "cancelled"


async def test_a_referral_that_is_refused_while_it_is_booked_keeps_no_slot(county: County, asking: As) -> None:
    doctor, desk = asking(DOCTOR), asking(DESK)
    for day in range(1, 7):
        one = await sent(doctor, county)
        booking = global_id("Booking", await county.slot(county.now + day * ONE_DAY))
        _, refused = await asyncio.gather(
            done(doctor, BOOK, id=one["id"], bookingId=booking), done(desk, REFUSE, id=one["id"], reason="床位已满")
        )
        assert refused["state"] == "REFUSED"
        assert not await rows(county.engine, "select id from booking where state = 'booked'")


async def test_closing_a_referral_gives_back_the_slot_that_still_lies_ahead(county: County, asking: As) -> None:
    booking = global_id("Booking", await county.slot(county.now + 5 * ONE_DAY))
    one = await sent(asking(DOCTOR), county, bookingId=booking)
    closed = await done(asking(DESK), CLOSE, id=one["id"], reply={"advice": "不需转诊"})
    assert closed["state"] == "CLOSED"
    assert [row["state"] for row in await rows(county.engine, "select state from booking")] == ["cancelled"]


async def test_a_slot_elsewhere_or_of_others_is_no_slot_for_it(county: County, asking: As) -> None:
    doctor = asking(DOCTOR)
    one = await sent(doctor, county)
    elsewhere = global_id("Booking", await county.slot(county.now + ONE_DAY, hospital="zhongyi"))
    anothers = global_id("Booking", await county.slot(county.now + ONE_DAY, team_id="dongcheng-2"))
    assert (await done(doctor, BOOK, id=one["id"], bookingId=elsewhere))["code"] == "booking-elsewhere"
    assert (await done(doctor, BOOK, id=one["id"], bookingId=anothers))["code"] == "no-such-booking"
    own = global_id("Booking", await county.slot(county.now + ONE_DAY))
    assert (await done(asking(DESK), BOOK, id=one["id"], bookingId=own))["code"] == "may-not-change"
    assert (await done(doctor, BOOK, id=one["id"], bookingId=own))["state"] == "BOOKED"


# -- down ------------------------------------------------------------------------------------------------------------


async def test_the_desk_sends_back_whom_it_has_and_the_team_takes_over(county: County, asking: As) -> None:
    doctor, desk, nurse = asking(DOCTOR), asking(DESK), asking(NURSE)
    up = await sent(doctor, county)
    await county.deliver([says("A01")])
    given = {"residentId": str(county.resident), "reason": "病情稳定，转回社区康复", "note": {"advice": "低盐饮食"}}
    down = (await desk.ask(SEND_DOWN + REFERRAL, input=given))["sendDownReferral"]["referral"]
    assert (down["direction"], down["previousId"]) == ("DOWN", up["id"])
    assert down["to"] == {"organisationId": "dongcheng", "teamId": "dongcheng-1"}
    assert down["summary"]["handover"] == {"advice": "低盐饮食"}
    again = (await desk.ask(SEND_DOWN + REFERRAL, input=given))["sendDownReferral"]
    assert again["code"] == "referral-open"
    assert await listed(nurse, box="RECEIVED") == [down["id"]]
    assert (await done(nurse, ACCEPT, id=down["id"]))["state"] == "ACCEPTED"
    await county.deliver([discharged(disposition="3", days=1)])
    assert len(await county.down()) == 1, "the discharge finds the desk's own"
    closed = await done(nurse, CLOSE, id=down["id"], reply={"advice": "已建立随访"})
    assert closed["state"] == "CLOSED"


async def test_the_desk_sends_nobody_back_whom_it_does_not_have(county: County, asking: As) -> None:
    given = {"residentId": str(county.resident), "reason": "转回社区"}
    assert (await asking(DESK).ask(SEND_DOWN + REFERRAL, input=given))["sendDownReferral"]["code"] == "no-relation"
    await sent(asking(DOCTOR), county)
    nowhere = {**given, "toOrganisationId": "zhongyi"}
    refused = (await asking(DESK).ask(SEND_DOWN + REFERRAL, input=nowhere))["sendDownReferral"]
    assert refused["code"] == "no-such-centre"


async def sent_to_the_centre(engine: AsyncEngine, clock: Clock, asking: As) -> tuple[Asker, Asker, str]:
    """A referral down that names no team of the centre: two of its people, of two teams, and its id."""
    clock.moment = DAY + 20 * ONE_DAY
    county = await County(engine, now=clock.moment).open(signed=False)
    await county.deliver([says("A01"), discharged(disposition="3")])
    first = asking(OTHER_DOCTOR)
    [key] = await listed(first, box="RECEIVED")
    return first, asking(NURSE), key


async def test_of_the_centres_teams_the_first_takes_what_names_none(
    engine: AsyncEngine, clock: Clock, asking: As
) -> None:
    first, second, key = await sent_to_the_centre(engine, clock, asking)
    assert await listed(second) == [key]
    assert (await done(first, ACCEPT, id=key))["to"]["teamId"] == "dongcheng-2"
    assert await listed(second) == []
    assert (await done(second, ACCEPT, id=key))["code"] == "unknown-referral"


async def test_of_two_teams_who_answer_at_once_only_the_one_who_took_it_can_go_on(
    engine: AsyncEngine, clock: Clock, asking: As
) -> None:
    first, second, key = await sent_to_the_centre(engine, clock, asking)
    taken, refused = await asyncio.gather(
        done(first, ACCEPT, id=key), done(second, REFUSE, id=key, reason="不在服务区"), return_exceptions=False
    )
    acts = [row["act"] for row in await rows(engine, "select act from history where kind = 'referral' order by id")]
    assert acts in (["send", "accept"], ["send", "refuse"])
    assert ("code" in taken) != ("code" in refused)


# -- following -------------------------------------------------------------------------------------------------------

FOLLOW = """subscription F($after: String) { referralChanged(after: $after) { cursor at referral {
  state availableActions history { act messageId } } } }"""


async def test_both_sides_follow_a_referral_and_resume_behind_a_cursor(
    county: County, address: str, keyring: Keyring, clock: Clock, asking: As
) -> None:
    doctor = asking(DOCTOR)
    async with connected(address) as desk, connected(address) as team, connected(address) as other:
        for socket, viewer in ((desk, DESK), (team, NURSE), (other, OTHER_DESK)):
            await socket.enter(keyring.issue(viewer, now=clock()))
            await socket.follow(None, query=FOLLOW)
        await asyncio.sleep(0.2)  # each has its place in the log before anything happens
        await sent(doctor, county)
        came = [(await socket.hear())["payload"]["data"]["referralChanged"] for socket in (desk, team)]
        assert [one["referral"]["availableActions"] for one in came] == [
            ["RECEIVE", "ACCEPT", "REFUSE", "ARRIVE"],
            ["WITHDRAW", "BOOK"],
        ]
        await county.deliver([says("A01", visit=replace(VISIT, began_at=DAY + timedelta(hours=3)))])
        moved = (await desk.hear())["payload"]["data"]["referralChanged"]
        assert moved["referral"]["state"] == "ARRIVED"
        assert moved["referral"]["history"][-1]["messageId"]
        with pytest.raises(TimeoutError):
            await other.hear(within=0.5)
    async with connected(address) as late:
        await (await late.enter(keyring.issue(DESK, now=clock()))).follow(None, came[0]["cursor"], query=FOLLOW)
        again = (await late.hear())["payload"]["data"]["referralChanged"]
        assert again["cursor"] == moved["cursor"]
