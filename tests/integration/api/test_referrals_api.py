"""Referrals over GraphQL: both sides' worklists, the frozen summary, and who may do what."""

from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import event

from fixtures.county.clinic import diagnoses
from hub.access import Role, Viewer
from hub.api.paging import global_id
from tests.desk import rows
from tests.integration.api.conftest import Asker
from tests.integration.api.referring import (
    ACCEPT,
    ARRIVE,
    ASK,
    CLOSE,
    LIST,
    RECEIVE,
    REFERRAL,
    REFUSE,
    SEND,
    WITHDRAW,
    As,
    asking,
    county,
    done,
    listed,
    sent,
    whom,
)
from tests.integration.referring import (
    DESK,
    DOCTOR,
    NURSE,
    OTHER_DESK,
    OTHER_DOCTOR,
    County,
    discharged,
    says,
)

__all__ = ["asking", "county"]

# -- the way of a referral -------------------------------------------------------------------------------------------


async def test_a_referral_goes_from_both_sides_hands_to_its_reply(county: County, asking: As) -> None:
    doctor, desk = asking(DOCTOR), asking(DESK)
    one = await sent(doctor, county)
    assert (one["state"], one["direction"], one["stateLabel"]["zh"]) == ("SENT", "UP", "已发出")
    assert (one["from"], one["to"]) == (
        {"organisationId": "dongcheng", "team": "团队1"},
        {"organisationId": "renmin", "teamId": None},
    )
    assert one["availableActions"] == ["WITHDRAW", "BOOK"]
    seen = (await desk.ask(ASK, id=one["id"]))["referral"]
    assert seen["availableActions"] == ["RECEIVE", "ACCEPT", "REFUSE", "ARRIVE"]
    assert seen["resident"]["name"] == seen["summary"]["person"]["name"]
    assert (await done(desk, RECEIVE, id=one["id"]))["state"] == "RECEIVED"
    assert (await done(desk, ACCEPT, id=one["id"]))["state"] == "ACCEPTED"
    assert (await done(desk, ARRIVE, id=one["id"]))["state"] == "ARRIVED"
    closed = await done(desk, CLOSE, id=one["id"], reply={"advice": "继续服药"})
    assert (closed["state"], closed["outcome"], closed["reply"]) == ("CLOSED", "ANSWERED", {"advice": "继续服药"})
    assert [(step["act"], step["by"], step["role"]) for step in closed["history"]] == [
        ("send", "dr-gu", "family-doctor"),
        *((name, "desk-renmin", "hospital-desk") for name in ("receive", "accept", "arrive", "close")),
    ]
    assert (await doctor.ask(ASK, id=one["id"]))["referral"]["reply"] == {"advice": "继续服药"}


async def test_it_shows_the_rule_that_a_referred_resident_goes_first(county: County, asking: As) -> None:
    one = await sent(asking(DOCTOR), county)
    assert one["priority"]["clause"] == "weihai-2023 四(三)"


async def test_each_side_finds_it_in_its_box(county: County, asking: As) -> None:
    doctor, desk = asking(DOCTOR), asking(DESK)
    one = (await sent(doctor, county))["id"]
    assert await listed(doctor, box="SENT") == [one]
    assert await listed(doctor, box="RECEIVED") == []
    assert await listed(desk, box="RECEIVED") == [one]
    assert await listed(desk, box="SENT") == []
    assert await listed(desk) == [one]
    assert await listed(desk, states=["ACCEPTED"]) == []
    for stranger in (OTHER_DESK, OTHER_DOCTOR):
        assert await listed(asking(stranger)) == []


async def test_a_worklist_is_paged_and_costs_the_same_however_long(county: County, asking: As) -> None:
    doctor, desk = asking(DOCTOR), asking(DESK)
    made = [(await sent(doctor, county, department=f"科室{number}"))["id"] for number in range(5)]
    page = (await desk.ask(LIST, first=2))["referrals"]
    assert [edge["node"]["id"] for edge in page["edges"]] == made[:-3:-1]
    assert page["totalCount"] == 5
    rest = await listed(desk, first=9, after=page["pageInfo"]["endCursor"])
    assert rest == made[2::-1]
    assert await statements(county, desk, first=1) == await statements(county, desk, first=5)


async def statements(county: County, asker: Asker, query: str = LIST, **given: Any) -> int:
    counted = []

    def count(_: Any, __: Any, statement: str, *___: Any) -> None:
        if "from event" not in statement:  # the feed reads its log whenever it likes
            counted.append(statement)

    event.listen(county.engine.sync_engine, "before_cursor_execute", count)
    await asker.ask(query, **given)
    event.remove(county.engine.sync_engine, "before_cursor_execute", count)
    return len(counted)


async def test_a_worklist_with_all_that_hangs_on_it_takes_as_many_statements_as_one_line(
    county: County, asking: As
) -> None:
    doctor, nurse = asking(DOCTOR), asking(NURSE)
    await sent(doctor, county, department="科室")
    few = await statements(county, nurse, NESTED)
    for slug in ("stroke", "hui", "fifteen-digit"):
        resident = await county.register(slug)
        await county.sign(resident)
        await sent(doctor, county, residentId=str(global_id("Resident", resident)))
    assert len((await nurse.ask(NESTED))["referrals"]["edges"]) == 4
    assert await statements(county, nurse, NESTED) == few


NESTED = """{ referrals { totalCount edges { node { number availableActions priority { clause } history { act by }
  summary { person { name } } booking { startsAt } resident { name agreement { id } team { name }
    referrals { id history { act } resident { name } } followUps { number contacts { way } } } } } } }"""


async def test_a_resident_shows_their_referrals(county: County, asking: As) -> None:
    one = (await sent(asking(DOCTOR), county))["id"]
    found = await asking(NURSE).ask(
        "query($id: ID!) { resident(id: $id) { referrals { id state } } }", id=str(county.resident)
    )
    assert found["resident"]["referrals"] == [{"id": one, "state": "SENT"}]


# -- the summary -----------------------------------------------------------------------------------------------------


async def test_the_summary_is_frozen_and_stays_when_the_record_is_closed_to_the_hospital(
    county: County, asking: As
) -> None:
    doctor, desk = asking(DOCTOR), asking(DESK)
    one = await sent(doctor, county)
    [known] = one["summary"]["conditions"]["lines"]
    assert known["organisations"] == ["东城街道社区卫生服务中心"]
    found = [diagnoses()["I10"], diagnoses()["I50.9"]]
    await county.deliver([says("A01", diagnoses=found), discharged(disposition="1", days=1)])
    seen = (await desk.ask(ASK, id=one["id"]))["referral"]
    assert seen["state"] == "CLOSED"
    assert seen["summary"] == one["summary"]
    assert seen["resident"] is None
    own = (await doctor.ask(ASK, id=one["id"]))["referral"]
    assert own["resident"]["name"] == one["summary"]["person"]["name"]
    assert own["availableActions"] == []
    assert seen["availableActions"] == ["REPLY"]
    record = "query($id: ID!) { resident(id: $id) { name } }"
    assert (await desk.refused(record, id=str(county.resident)))["code"] == "no-relation"


async def test_a_reply_is_added_to_what_the_discharge_has_closed(county: County, asking: As) -> None:
    desk = asking(DESK)
    one = await sent(asking(DOCTOR), county)
    await county.deliver([says("A01"), discharged(disposition="1", days=1)])
    closed = await done(desk, CLOSE, id=one["id"], reply={"findings": "心电图正常", "advice": "随访血压"})
    assert (closed["state"], closed["outcome"], closed["reply"]) == ("CLOSED", "HOME", {"advice": "随访血压"})
    again = await done(desk, CLOSE, id=one["id"], reply={"advice": "另一份"})
    assert again["code"] == "referral-replied"


async def test_of_a_withdrawn_referral_the_receiver_sees_that_it_was_and_why_it_is_none(
    county: County, asking: As
) -> None:
    doctor, desk = asking(DOCTOR), asking(DESK)
    one = await sent(doctor, county, impression="冠心病待排")
    await done(desk, ACCEPT, id=one["id"])
    await done(doctor, WITHDRAW, id=one["id"], reason="发错医院")
    seen = (await desk.ask(ASK, id=one["id"]))["referral"]
    assert (seen["number"], seen["state"], seen["stateReason"]) == (one["number"], "WITHDRAWN", "发错医院")
    hidden = ("summary", "reason", "residentId", "resident", "booking", "reply", "planId", "previousId")
    assert {name: seen[name] for name in hidden} == dict.fromkeys(hidden)
    assert [step["note"] for step in seen["history"]] == [None, None, "发错医院"]
    more = "query($id: ID!) { referral(id: $id) { department impression stay } }"
    assert set((await desk.ask(more, id=one["id"]))["referral"].values()) == {None}
    [listed_] = (await desk.ask(LIST))["referrals"]["edges"]
    assert listed_["node"] == seen
    told = await desk.post(ASK, id=one["id"])
    assert one["summary"]["person"]["name"] not in told.text
    assert str(county.resident) not in told.text
    own = (await doctor.ask(ASK, id=one["id"]))["referral"]
    assert (own["summary"], own["reason"], own["residentId"]) == (one["summary"], one["reason"], one["residentId"])


# -- rights ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("viewer", "code"),
    [
        (NURSE, "may-not-change"),
        (DESK, "may-not-change"),
        (OTHER_DOCTOR, "no-relation"),
        (replace(DOCTOR, team=""), "no-team"),
    ],
)
async def test_only_the_residents_own_doctor_refers(county: County, asking: As, viewer: Viewer, code: str) -> None:
    refused = (await asking(viewer).ask(SEND + REFERRAL, input=whom(county)))["sendReferral"]
    assert refused["code"] == code
    assert await rows(county.engine, "select id from referral") == []


@pytest.mark.parametrize(
    ("given", "code", "where"),
    [
        ({"toOrganisationId": "nowhere"}, "not-a-hospital", "toOrganisationId"),
        ({"toOrganisationId": "nanshan"}, "not-a-hospital", "toOrganisationId"),
        ({"toOrganisationId": "a\0b"}, "bad-argument", "toOrganisationId"),
        ({"reason": "  "}, "text-needed", "reason"),
        ({"reason": "长" * 4001}, "text-too-long", "reason"),
        ({"impression": "a\0b"}, "bad-argument", "impression"),
        ({"bookingId": "nonsense"}, "bad-id", "bookingId"),
        ({"bookingId": global_id("Booking", UUID(int=7))}, "no-such-booking", "bookingId"),
    ],
)
async def test_what_cannot_be_sent_says_why_and_leaves_nothing(
    county: County, asking: As, given: dict[str, Any], code: str, where: str
) -> None:
    refused = (await asking(DOCTOR).ask(SEND + REFERRAL, input=whom(county, **given)))["sendReferral"]
    assert (refused["code"], refused["where"]) == (code, where)
    assert await rows(county.engine, "select id from referral") == []
    assert await rows(county.engine, "select id from history") == []
    [kept] = await rows(county.engine, "select decision, rule from audit")
    assert kept["decision"] == "refused"


async def test_the_dead_are_not_referred(county: County, asking: As) -> None:
    await county.deliver([says("A08", person={"died_at": "20260801031200"}, visit=None)])
    refused = (await asking(DOCTOR).ask(SEND + REFERRAL, input=whom(county)))["sendReferral"]
    assert refused["code"] == "resident-deceased"


async def test_one_open_referral_a_department(county: County, asking: As) -> None:
    one = await sent(asking(DOCTOR), county)
    refused = (await asking(DOCTOR).ask(SEND + REFERRAL, input=whom(county)))["sendReferral"]
    assert refused["code"] == "referral-open"
    assert one["number"] in refused["message"]["zh"]


@pytest.mark.parametrize("viewer", [OTHER_DESK, OTHER_DOCTOR, replace(DESK, organisation="")])
async def test_a_stranger_finds_no_referral_whether_there_is_one_or_not(
    county: County, asking: As, viewer: Viewer
) -> None:
    one, stranger = await sent(asking(DOCTOR), county), asking(viewer)
    for key in (one["id"], global_id("Referral", UUID(int=1))):
        assert (await stranger.refused(ASK, id=key))["code"] == "unknown-referral"
        assert (await done(stranger, ACCEPT, id=key))["code"] == "unknown-referral"


@pytest.mark.parametrize("role", [Role.ENGINEER, Role.ADMINISTRATOR])
async def test_who_reads_no_records_reads_no_referrals(county: County, asking: As, role: Role) -> None:
    one = await sent(asking(DOCTOR), county)
    outsider = asking(replace(DESK, role=role))
    assert (await outsider.refused(ASK, id=one["id"]))["code"] == "may-not-read-records"
    assert (await done(outsider, ACCEPT, id=one["id"]))["code"] == "may-not-change"


async def test_a_referrer_cannot_accept_their_own_referral(county: County, asking: As) -> None:
    one = await sent(asking(DOCTOR), county)
    assert (await done(asking(DOCTOR), ACCEPT, id=one["id"]))["code"] == "not-yours-to-do"
    turned = replace(DESK, id=DOCTOR.id)
    assert (await done(asking(turned), ACCEPT, id=one["id"]))["code"] == "not-yours-to-do"


async def test_a_refusal_and_a_withdrawal_need_a_reason(county: County, asking: As) -> None:
    one = await sent(asking(DOCTOR), county)
    assert (await done(asking(DESK), REFUSE, id=one["id"], reason=" "))["code"] == "text-needed"
    assert (await done(asking(DOCTOR), WITHDRAW, id=one["id"], reason=""))["code"] == "text-needed"
    refused = await done(asking(DESK), REFUSE, id=one["id"], reason="可在社区处理")
    assert (refused["state"], refused["stateReason"]) == ("REFUSED", "可在社区处理")
    assert refused["history"][-1]["note"] == "可在社区处理"


async def test_a_change_of_what_was_not_seen_is_refused(county: County, asking: As) -> None:
    one = await sent(asking(DOCTOR), county)
    await done(asking(DESK), RECEIVE, id=one["id"], version=one["version"])
    stale = await done(asking(DOCTOR), WITHDRAW, id=one["id"], reason="误发", version=one["version"])
    assert stale["code"] == "changed-meanwhile"


async def test_each_change_is_in_the_audit_trail_with_what_it_moved(county: County, asking: As) -> None:
    one = await sent(asking(DOCTOR), county)
    await done(asking(DESK), ACCEPT, id=one["id"])
    kept = await rows(county.engine, "select operation, rule, residents, changes from audit where changes <> '{}'")
    assert [row["operation"] for row in kept] == ["sendReferral", "acceptReferral"]
    assert kept[1]["rule"] == "party:receiver"
    assert kept[1]["residents"] == [county.resident]
    assert kept[1]["changes"][0].endswith("accept: sent>accepted")
