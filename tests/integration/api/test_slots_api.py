"""Slot pools over the real API: found, held, booked, given back; refusals that name the rule and when it changes."""

import asyncio
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine

from hub.access import Role, Viewer
from hub.api.paging import global_id
from hub.tokens import Keyring
from tests.integration.api.conftest import Asker, Clock, Ward
from tests.integration.api.test_subscriptions import address, connected
from tests.sessions import HOSPITAL, NOW, OTHER_HOSPITAL, STARTS, Clinic, check_ledger, published, weihai

__all__ = ["address"]

DESK = Viewer(id="desk", name="门诊办", role=Role.HOSPITAL_DESK, organisation=HOSPITAL)
ELSEWHERE = Viewer(id="desk-2", name="门诊办", role=Role.HOSPITAL_DESK, organisation=OTHER_HOSPITAL)
OTHER = Viewer(id="dr-gu", name="顾医生", role=Role.FAMILY_DOCTOR, organisation="centre-1", team="team-2")

POOLS = """query Pools($kind: SessionKind, $first: Int! = 20, $after: String, $from: Date, $until: Date) {
  slotPools(first: $first, after: $after, kind: $kind, from: $from, until: $until) { totalCount pageInfo { hasNextPage
    endCursor } edges { node { number state bookable reserved share clause whyNot { code clause changesAt }
    balance { total public team held booked withdrawn } organisation { id name } ledger { act } } } } }"""
POOL = """query Pool($id: ID!) { slotPool(id: $id) { number state stateReason bookable
  ledger { slotNumber number accountFrom accountInto act by } balance { team held booked total } } }"""
SLOTS = """query Slots($id: ID!, $free: Boolean!) { slots(slotPoolId: $id, free: $free) { totalCount
  edges { node { id number account slotPool { number } } } } }"""
BOOKINGS = """query Bookings($state: BookingState) { bookings(state: $state) { totalCount edges { node {
  id state endReason availableActions team { id } slot { number } slotPool { number } resident { name } } } } }"""
REFUSED = "... on Refusal { code clause changesAt where message { zh en } nextStep { zh en } }"
BOOKED = f"... on BookingPayload {{ booking {{ id state expiresAt version availableActions }} }} {REFUSED}"
POOLED = f"... on SlotPoolPayload {{ slotPool {{ id number state reserved }} }} {REFUSED}"
HOLD = f"mutation Hold($input: HoldSlotInput!) {{ holdSlot(input: $input) {{ {BOOKED} }} }}"
CONFIRM = f"mutation Confirm($input: ConfirmBookingInput!) {{ confirmBooking(input: $input) {{ {BOOKED} }} }}"
CANCEL = f"mutation Cancel($input: CancelBookingInput!) {{ cancelBooking(input: $input) {{ {BOOKED} }} }}"
PUBLISH = f"mutation Publish($input: PublishSessionInput!) {{ publishSession(input: $input) {{ {POOLED} }} }}"
STOP = f"mutation Stop($input: CancelSessionInput!) {{ cancelSession(input: $input) {{ {POOLED} }} }}"


@pytest.fixture
def clock() -> Clock:
    return Clock(NOW)


@pytest.fixture
async def clinic(engine: AsyncEngine) -> Clinic:
    clinic = Clinic(engine, weihai())
    await clinic.open()
    return clinic


@pytest.fixture
def desk(client: httpx.AsyncClient, keyring: Keyring, clock: Clock) -> Asker:
    return Asker(client, keyring.issue(DESK, now=clock()))


@pytest.fixture
def other(client: httpx.AsyncClient, keyring: Keyring, clock: Clock) -> Asker:
    return Asker(client, keyring.issue(OTHER, now=clock()))


async def do(asker: Asker, mutation: str, **given: Any) -> Any:
    """What a mutation answers with."""
    (answer,) = (await asker.ask(mutation, input=given)).values()
    return answer.get("booking") or answer.get("slotPool") or answer


def pool_id(key: Any) -> str:
    return str(global_id("SlotPool", key))


async def signed(ward: Ward, name: str = "张伟", team: str = "team-1") -> str:
    return str(global_id("Resident", await ward.admit(name, team=team)))


async def test_a_team_finds_the_sessions_that_it_may_book(clinic: Clinic, doctor: Asker) -> None:
    await clinic.publish(published())
    await clinic.publish(published(number="elsewhere"), OTHER_HOSPITAL)
    await clinic.publish(published(number="free"), "free")
    found = (await doctor.ask(POOLS))["slotPools"]
    nodes = {edge["node"]["number"]: edge["node"] for edge in found["edges"]}
    assert (found["totalCount"], set(nodes)) == (2, {"S1", "free"})
    assert nodes["S1"] == {
        "number": "S1",
        "state": "OPEN",
        "bookable": True,
        "reserved": 2,
        "share": "1/5",
        "clause": "weihai-2023 四(三)",
        "whyNot": None,
        "balance": {"total": 10, "public": 8, "team": 2, "held": 0, "booked": 0, "withdrawn": 0},
        "organisation": {"id": HOSPITAL, "name": "人民医院"},
        "ledger": None,
    }


async def test_sessions_come_by_their_begin_page_by_page_and_by_what_is_asked(clinic: Clinic, doctor: Asker) -> None:
    for day in (3, 1, 2):
        starts_at = STARTS + timedelta(days=day)
        await clinic.publish(published(number=f"D{day}", starts_at=starts_at))
    await clinic.publish(published(number="G", kind="general"))
    first = (await doctor.ask(POOLS, first=2, kind="EXPERT"))["slotPools"]
    assert ([edge["node"]["number"] for edge in first["edges"]], first["totalCount"]) == (["D1", "D2"], 3)
    rest = (await doctor.ask(POOLS, first=2, kind="EXPERT", after=first["pageInfo"]["endCursor"]))["slotPools"]
    assert [edge["node"]["number"] for edge in rest["edges"]] == ["D3"]
    days = (await doctor.ask(POOLS, **{"from": "2026-12-02", "until": "2026-12-03"}))["slotPools"]
    assert [edge["node"]["number"] for edge in days["edges"]] == ["D1", "D2"]
    general = (await doctor.ask(POOLS, kind="GENERAL"))["slotPools"]["edges"][0]["node"]
    assert (general["bookable"], general["whyNot"]["code"], general["clause"]) == (False, "nothing-reserved", None)


async def test_a_page_of_sessions_costs_the_same_statements_however_many_they_are(
    clinic: Clinic, doctor: Asker, engine: AsyncEngine
) -> None:
    async def statements() -> int:
        seen: list[str] = []

        def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
            if "from event" not in statement:  # the feed reads its log whenever it likes
                seen.append(statement)

        event.listen(engine.sync_engine, "before_cursor_execute", note)
        await doctor.ask(POOLS)
        event.remove(engine.sync_engine, "before_cursor_execute", note)
        return len(seen)

    await clinic.publish(published(number="N0"))
    few = await statements()
    for number in range(1, 12):
        await clinic.publish(published(number=f"N{number}"))
    assert await statements() == few <= 10


async def test_a_slot_is_held_confirmed_and_given_back(clinic: Clinic, doctor: Asker, ward: Ward) -> None:
    session, person = await clinic.publish(published()), await signed(ward)
    held = await do(doctor, HOLD, slotPoolId=pool_id(session))
    assert (held["state"], held["availableActions"]) == ("HELD", ["CONFIRM", "CANCEL"])
    assert datetime.fromisoformat(held["expiresAt"]) == NOW + timedelta(minutes=10)
    booked = await do(doctor, CONFIRM, bookingId=held["id"], residentId=person)
    assert (booked["state"], booked["availableActions"], booked["version"]) == ("BOOKED", ["CANCEL"], 2)
    (edge,) = (await doctor.ask(BOOKINGS, state="BOOKED"))["bookings"]["edges"]
    assert edge["node"]["resident"] == {"name": "张伟"}
    assert (edge["node"]["slot"], edge["node"]["team"]) == ({"number": 3}, {"id": "team-1"})
    cancelled = await do(doctor, CANCEL, bookingId=held["id"], reason="改期")
    assert (cancelled["state"], cancelled["availableActions"]) == ("CANCELLED", [])
    assert await check_ledger(clinic, session) == {"team": 2, "public": 8}
    changes = [row["changes"] for row in await ward.audited() if row["changes"]]
    key = changes[0][0].split()[1]
    assert changes == [
        [f"booking {key} hold: >held"],
        [f"booking {key} confirm: held>booked"],
        [f"booking {key} cancel: booked>cancelled"],
    ]


async def test_a_hold_for_a_resident_is_confirmed_for_them(clinic: Clinic, doctor: Asker, ward: Ward) -> None:
    session, person = await clinic.publish(published()), await signed(ward)
    nobody = await do(doctor, HOLD, slotPoolId=pool_id(session))
    assert (await do(doctor, CONFIRM, bookingId=nobody["id"]))["code"] == "booking-for-whom"
    held = await do(doctor, HOLD, slotPoolId=pool_id(session), residentId=person, minutes=60)
    assert (await do(doctor, CONFIRM, bookingId=held["id"]))["state"] == "BOOKED"


async def test_when_all_are_taken_the_refusal_names_rule_clause_and_when(
    clinic: Clinic, doctor: Asker, other: Asker
) -> None:
    session = await clinic.publish(published())
    for minutes in (20, 30):
        await do(doctor, HOLD, slotPoolId=pool_id(session), minutes=minutes)
    said = await do(other, HOLD, slotPoolId=pool_id(session))
    assert (said["code"], said["clause"], said["where"]) == ("pool-taken", "weihai-2023 四(三)", "slotPoolId")
    assert datetime.fromisoformat(said["changesAt"]) == NOW + timedelta(minutes=20)
    assert "10 个中预留 2 个" in said["message"]["zh"]
    node = (await other.ask(POOLS))["slotPools"]["edges"][0]["node"]
    assert (node["bookable"], node["whyNot"]["code"]) == (False, "pool-taken")


async def test_a_booking_for_an_expired_hold_is_refused_with_what_to_do(
    clinic: Clinic, doctor: Asker, ward: Ward, clock: Clock
) -> None:
    session, person = await clinic.publish(published()), await signed(ward)
    held = await do(doctor, HOLD, slotPoolId=pool_id(session))
    clock.moment += timedelta(minutes=10)
    said = await do(doctor, CONFIRM, bookingId=held["id"], residentId=person)
    assert said["code"] == "hold-expired"
    assert "holdSlot" in said["nextStep"]["zh"]
    (edge,) = (await doctor.ask(BOOKINGS))["bookings"]["edges"]
    assert (edge["node"]["state"], edge["node"]["availableActions"]) == ("EXPIRED", [])
    assert (await doctor.ask(SLOTS, id=pool_id(session), free=True))["slots"]["totalCount"] == 2


async def test_free_slots_are_those_that_a_team_can_hold(clinic: Clinic, doctor: Asker) -> None:
    session = await clinic.publish(published())
    free = (await doctor.ask(SLOTS, id=pool_id(session), free=True))["slots"]
    assert [edge["node"]["number"] for edge in free["edges"]] == [3, 8]
    held = await do(doctor, HOLD, slotId=free["edges"][1]["node"]["id"])
    assert held["state"] == "HELD"
    every = (await doctor.ask(SLOTS, id=pool_id(session), free=False))["slots"]
    assert (every["totalCount"], every["edges"][7]["node"]["account"]) == (10, "HELD")
    assert (await do(doctor, HOLD, slotId=free["edges"][1]["node"]["id"]))["code"] == "slot-taken"


async def test_nobody_books_for_a_resident_to_whom_there_is_no_relation(
    clinic: Clinic, doctor: Asker, other: Asker, ward: Ward
) -> None:
    session, theirs = await clinic.publish(published()), await signed(ward, team="team-2")
    held = await do(doctor, HOLD, slotPoolId=pool_id(session))
    assert (await do(doctor, CONFIRM, bookingId=held["id"], residentId=theirs))["code"] == "no-relation"
    assert (await do(doctor, HOLD, slotPoolId=pool_id(session), residentId=theirs))["code"] == "no-relation"
    assert (await do(other, CONFIRM, bookingId=held["id"], residentId=theirs))["code"] == "no-such-booking"
    assert (await do(other, CANCEL, bookingId=held["id"], reason="不需要"))["code"] == "no-such-booking"
    assert (await other.ask(BOOKINGS))["bookings"]["edges"] == []
    assert await check_ledger(clinic, session) == {"held": 1, "team": 1, "public": 8}


async def test_arguments_that_make_no_sense_are_refused(clinic: Clinic, doctor: Asker) -> None:
    session = pool_id(await clinic.publish(published()))
    assert (await do(doctor, HOLD))["code"] == "exactly-one"
    for minutes in (0, 61, -5):
        assert (await do(doctor, HOLD, slotPoolId=session, minutes=minutes))["code"] == "hold-length"
    assert (await do(doctor, HOLD, slotPoolId=session, near="2026-12-01T08:00:00"))["code"] == "bad-argument"
    assert (await do(doctor, HOLD, slotPoolId=pool_id(uuid4())))["code"] == "no-such-slot"
    assert (await do(doctor, HOLD, slotPoolId="nonsense"))["code"] == "bad-id"
    held = await do(doctor, HOLD, slotPoolId=session)
    assert (await do(doctor, CANCEL, bookingId=held["id"], reason=" "))["code"] == "needs-a-reason"
    assert (await do(doctor, CANCEL, bookingId=held["id"], reason="x", version=9))["code"] == "changed-meanwhile"


def session_input(total: int = 10, /, **changed: Any) -> dict[str, Any]:
    told = published(total)
    slots = [
        {"number": one.number, "startsAt": one.starts_at.isoformat(), "endsAt": one.ends_at.isoformat()}
        for one in told.slots
    ]
    said = {"number": "S1", "kind": "EXPERT", "department": "心内科", "slots": slots}
    times = {"startsAt": told.starts_at, "endsAt": told.ends_at, "publicFrom": told.public_from}
    given = {name: at.isoformat() for name, at in {**times, "releaseAt": told.release_at}.items() if at}
    return {**said, **given, **changed}


async def test_a_desk_publishes_changes_and_cancels_its_sessions(
    clinic: Clinic, desk: Asker, doctor: Asker, ward: Ward, clock: Clock
) -> None:
    made = await do(desk, PUBLISH, **session_input())
    assert (made["number"], made["state"], made["reserved"]) == ("S1", "OPEN", 2)
    held = await do(doctor, HOLD, slotPoolId=made["id"])
    clock.moment += timedelta(minutes=1)
    assert (await do(desk, PUBLISH, **session_input(20)))["reserved"] == 4
    clock.moment += timedelta(minutes=1)
    said = await do(desk, PUBLISH, **session_input(1))
    assert said["code"] == "session-below-bookings"
    gone = await do(desk, STOP, slotPoolId=made["id"], reason="外出会诊")
    assert gone["state"] == "CANCELLED"
    (edge,) = (await doctor.ask(BOOKINGS))["bookings"]["edges"]
    assert (edge["node"]["id"], edge["node"]["state"], edge["node"]["endReason"]) == (
        held["id"],
        "CANCELLED",
        "外出会诊",
    )
    ledger = (await desk.ask(POOL, id=made["id"]))["slotPool"]["ledger"]
    acts = [row["act"] for row in ledger if row["slotNumber"] == 3]
    assert acts == ["reserve", "hold", "cancel", "withdraw"]
    assert (await doctor.ask(POOL, id=made["id"]))["slotPool"]["stateReason"] == "外出会诊"


async def test_what_a_desk_says_holds_though_the_hospitals_clock_was_fast(clinic: Clinic, desk: Asker) -> None:
    session = await clinic.publish(published(told_at=NOW + timedelta(hours=5)))
    assert (await do(desk, PUBLISH, **session_input(20)))["reserved"] == 4
    (row,) = await clinic.rows("select told_at, version from session")
    assert (row["told_at"], row["version"]) == (NOW + timedelta(hours=5, microseconds=1), 2)
    await clinic.publish(published(told_at=NOW + timedelta(hours=5)))
    assert (await check_ledger(clinic, session)).total() == 20


TIMES = ("startsAt", "endsAt", "publicFrom", "teamFrom", "releaseAt")
EDGES = ("0001-01-01T00:00:00+14:00", "1899-12-31T23:59:59Z", "2201-01-01T00:00:00Z", "9999-12-31T23:59:59-12:00")


async def test_times_beyond_the_calendar_are_refused_wherever_they_are_given(
    clinic: Clinic, desk: Asker, doctor: Asker
) -> None:
    session, one = pool_id(await clinic.publish(published())), session_input(1)["slots"][0]
    for at in EDGES:
        cases = [("near", await do(doctor, HOLD, slotPoolId=session, near=at))]
        told = {name: session_input(10, **{name: at}) for name in TIMES}
        told |= {f"slots.{name}": session_input(slots=[{**one, name: at}]) for name in TIMES[:2]}
        cases += [(where, await do(desk, PUBLISH, **given)) for where, given in told.items()]
        for where, said in cases:
            assert (said["code"], said["where"]) == ("bad-argument", where)
        for name in ("from", "until"):
            assert (await doctor.refused(POOLS, **{name: at[:10]}))["code"] == "bad-argument"
    assert (await doctor.ask(POOLS, **{"from": "1900-01-01", "until": "2200-12-31"}))["slotPools"]["totalCount"] == 1


async def test_texts_and_numbers_that_are_too_long_are_refused(clinic: Clinic, desk: Asker, doctor: Asker) -> None:
    one = session_input(1)["slots"][0]
    for name in ("number", "department", "practitioner", "title", "speciality", "place", "fee"):
        for text in ("号" * 201, "号" * 3000):
            said = await do(desk, PUBLISH, **session_input(10, **{name: text}))
            assert (said["code"], said["where"]) == ("bad-argument", name)
    for number in (0, 10_000, 2**31 - 1):
        said = await do(desk, PUBLISH, **session_input(slots=[{**one, "number": number}]))
        assert (said["code"], said["where"]) == ("bad-argument", "slots.number")
    asked = "query Q($text: String!) { slotPools(department: $text) { totalCount } }"
    assert (await doctor.refused(asked, text="科" * 201))["code"] == "bad-argument"
    longest = session_input(number="号" * 200, department="科" * 200, slots=[{**one, "number": 9999}])
    assert (await do(desk, PUBLISH, **longest))["state"] == "OPEN"


async def test_without_a_release_the_open_rule_refuses_and_names_its_clause(clinic: Clinic, desk: Asker) -> None:
    said = await do(desk, PUBLISH, **session_input(releaseAt=None))
    assert (said["code"], said["where"]) == ("policy-open", "slot-release")
    assert "weihai-2023 四(三)" in said["message"]["en"]


async def test_each_does_their_own_part_only(
    clinic: Clinic, desk: Asker, doctor: Asker, engineer: Asker, client: httpx.AsyncClient, keyring: Keyring
) -> None:
    session = pool_id(await clinic.publish(published()))
    elsewhere = Asker(client, keyring.issue(ELSEWHERE, now=NOW))
    assert (await do(desk, HOLD, slotPoolId=session))["code"] == "may-not-change"
    assert (await do(doctor, PUBLISH, **session_input()))["code"] == "may-not-change"
    assert (await do(doctor, STOP, slotPoolId=session, reason="停诊"))["code"] == "may-not-change"
    assert (await do(elsewhere, STOP, slotPoolId=session, reason="停诊"))["code"] == "no-such-slot"
    assert (await elsewhere.refused(POOL, id=session))["code"] == "no-such-slot"
    assert (await elsewhere.ask(POOLS))["slotPools"]["totalCount"] == 0
    assert (await engineer.refused(POOLS))["code"] == "may-not-change"
    mine = (await desk.ask(POOLS))["slotPools"]["edges"][0]["node"]
    assert (mine["bookable"], mine["whyNot"], len(mine["ledger"])) == (None, None, 10)


async def test_of_fifty_that_ask_for_one_slot_one_gets_it_and_each_other_a_refusal(
    clinic: Clinic, doctor: Asker, other: Asker
) -> None:
    session = await clinic.publish(published(5))
    asked = [do(asker, HOLD, slotPoolId=pool_id(session)) for asker in (doctor, other) * 25]
    answers = await asyncio.gather(*asked)
    assert sorted(answer.get("code") or answer["state"] for answer in answers) == ["HELD", *["pool-taken"] * 49]
    assert await check_ledger(clinic, session) == {"held": 1, "public": 4}


CHANGED = """subscription Changed($after: String) { slotPoolChanged(after: $after) {
  cursor at slotPoolId slotPool { number balance { held } } } }"""


async def test_a_change_reaches_the_team_and_the_desk_that_have_a_part_in_it_within_a_second(
    clinic: Clinic, doctor: Asker, other: Asker, desk: Asker, address: str
) -> None:
    session = await clinic.publish(published())
    async with connected(address) as mine, connected(address) as theirs, connected(address) as hospital:
        for socket, asker in ((mine, doctor), (theirs, other), (hospital, desk)):
            await (await socket.enter(asker.token)).follow(None, query=CHANGED)
        await asyncio.sleep(0.3)
        await do(doctor, HOLD, slotPoolId=pool_id(session))
        for socket in (mine, hospital):
            heard = (await socket.hear(within=1))["payload"]["data"]["slotPoolChanged"]
            assert heard["slotPool"] == {"number": "S1", "balance": {"held": 1}}
            assert heard["slotPoolId"] == pool_id(session)
        with pytest.raises(TimeoutError):
            await theirs.hear(within=0.3)
    async with connected(address) as later:
        await (await later.enter(doctor.token)).follow(None, "0.0", query=CHANGED)
        again = (await later.hear())["payload"]["data"]["slotPoolChanged"]
        assert again == heard


async def test_the_audit_trail_names_who_was_booked_for_and_holds_no_reason(
    clinic: Clinic, doctor: Asker, ward: Ward
) -> None:
    session, key = await clinic.publish(published()), await ward.admit()
    held = await do(doctor, HOLD, slotPoolId=pool_id(session))
    await do(doctor, CONFIRM, bookingId=held["id"], residentId=str(global_id("Resident", key)))
    await do(doctor, CANCEL, bookingId=held["id"], reason="病人住院")
    rows = await ward.audited()
    assert [(row["operation"], row["residents"]) for row in rows[-2:]] == [
        ("confirmBooking", [key]),
        ("cancelBooking", [key]),
    ]
    assert "病人住院" not in str(rows)
