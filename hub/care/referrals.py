"""What people do with referrals: send them, answer them, read both sides' worklists."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from hub.access import (
    READERS,
    TEAM,
    Decision,
    Role,
    Viewer,
    may_read_records,
    organisation_of,
    team_of,
)
from hub.care.deed import Deed, whose
from hub.care.visit import Visit
from hub.errors import Refusal, refuse
from hub.ids import new_id
from hub.programme import referral_slots
from hub.programme import referrals as programme
from hub.programme.arrivals import find_destination
from hub.record import Json
from hub.referrals import ENDED, Direction, Outcome, Referral, State, Urgency, actors_of, machine_of, number_of
from hub.store import referrals, relations, worklists
from hub.store.referrals import Destination, value_from
from hub.summary import SECTIONS
from hub.transitions import Actor

Row = worklists.Row

LONGEST_TEXT = 4000
"""Characters of one text that somebody writes."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Sending:
    """What somebody wants to send. `to_organisation_id` may be "" where somebody is sent down: then to whom their
    agreement or address says. `handover` is what a hospital tells the community beside the record."""

    resident_id: UUID
    to_organisation_id: str = ""
    department: str = ""
    urgency: Urgency = Urgency.ROUTINE
    reason: str
    impression: str = ""
    booking_id: UUID | None = None
    handover: dict[str, str] = field(default_factory=dict)


# -- sending ---------------------------------------------------------------------------------------------------------


async def send(deed: Deed, asked: Sending) -> UUID:
    """Refer an own resident up to a hospital, with a slot that the team holds where one is named.

    Raises Refused (may-not-change, no-relation, no-team, not-a-hospital, resident-deceased, referral-open, text-needed,
    text-too-long, and what booking refuses).
    """
    deed.check_role("refer residents", Role.FAMILY_DOCTOR)
    team_id = team_of(deed.viewer)
    await deed.check_related(asked.resident_id)
    resident = await _living(deed, asked.resident_id)
    home = await referrals.find_workplace(deed.connection, team_id)
    if home is None:
        raise refuse("no-team")
    hospital = _text(asked.to_organisation_id, "toOrganisationId")
    if await referrals.find_kind(deed.connection, hospital) != "hospital" or hospital == home:
        raise refuse("not-a-hospital", "toOrganisationId")
    await _check_alone(deed, asked, hospital)
    one = Referral(
        from_organisation_id=home,
        from_team_id=team_id,
        to_organisation_id=hospital,
        **_said(deed, asked, Direction.UP),
    )
    await programme.send(deed.hand, one, await _summary(deed, resident))
    if asked.booking_id:
        sender = frozenset({Actor.SENDER})
        await referral_slots.book(deed.hand, one.id, asked.booking_id, team_id=team_id, actors=sender)
    return one.id


async def send_down(deed: Deed, asked: Sending) -> UUID:
    """Refer somebody whose referral is open at the hospital back to the community.

    Raises Refused (may-not-change, no-organisation, no-relation, no-such-centre, resident-deceased, referral-open,
    text-needed, text-too-long).
    """
    deed.check_role("refer back", Role.HOSPITAL_DESK)
    hospital = organisation_of(deed.viewer)
    await deed.check_related(asked.resident_id)
    resident = await _living(deed, asked.resident_id)
    known = await referrals.list_of(deed.connection, [asked.resident_id])
    up = [one for one in known if one.direction is Direction.UP and one.to_organisation_id == hospital]
    previous = next((one for one in reversed(up) if one.state not in ENDED), None)
    stay_key = previous.stay_key if previous else ""
    for one in known:
        is_theirs = one.direction is Direction.DOWN and one.from_organisation_id == hospital
        if is_theirs and (one.state not in ENDED or (stay_key and one.stay_key == stay_key and _stands(one))):
            raise refuse("referral-open", "residentId", number=one.number)
    target = await _centre(deed, asked)
    one = Referral(
        from_organisation_id=hospital,
        to_organisation_id=target.organisation_id,
        to_team_id=target.team_id,
        previous_id=previous.id if previous else None,
        plan_id=await referrals.find_plan(deed.connection, asked.resident_id, stay_key) if stay_key else None,
        stay_key=stay_key,
        **_said(deed, asked, Direction.DOWN),
    )
    handover = {name: _text(said, f"handover.{name}") for name, said in asked.handover.items() if said.strip()}
    await programme.send(deed.hand, one, await _summary(deed, resident, handover))
    return one.id


def _stands(one: Referral) -> bool:
    return one.state is not State.WITHDRAWN


def _said(deed: Deed, asked: Sending, direction: Direction) -> dict[str, Any]:
    """What every new referral holds."""
    key = new_id()
    return {
        "id": key,
        "number": number_of(key, deed.hand.today),
        "direction": direction,
        "resident_id": asked.resident_id,
        "state": State.SENT,
        "department": _text(asked.department, "department"),
        "urgency": asked.urgency,
        "reason": _needed(asked.reason, "reason"),
        "impression": _text(asked.impression, "impression"),
        "by": deed.viewer.id,
        "sent_at": deed.now,
    }


async def _living(deed: Deed, resident_id: UUID) -> Row:
    """A resident, held: of two who send at once the second sees what the first sent."""
    resident = await referrals.lock_resident(deed.connection, resident_id)
    if resident is None:
        raise refuse("no-relation")
    if resident["deceased"]:
        raise refuse("resident-deceased", "residentId")
    return resident


async def _check_alone(deed: Deed, asked: Sending, hospital: str) -> None:
    """One open referral a department: a second would be answered and booked beside the first."""
    for one in await referrals.list_of(deed.connection, [asked.resident_id]):
        same = (one.direction, one.to_organisation_id, one.department)
        if one.state not in ENDED and same == (Direction.UP, hospital, asked.department.strip()):
            raise refuse("referral-open", "residentId", number=one.number)


async def _centre(deed: Deed, asked: Sending) -> Destination:
    named = _text(asked.to_organisation_id, "toOrganisationId")
    target = await find_destination(deed.hand, asked.resident_id, named, {})
    is_other = bool(named) and await referrals.find_community(deed.connection, named) is None
    if target is None or is_other or target.organisation_id == deed.viewer.organisation:
        raise refuse("no-such-centre", "toOrganisationId")
    return target


async def _summary(deed: Deed, resident: Row, handover: dict[str, str] | None = None) -> Json:
    deed.touch(resident["id"], kinds=SECTIONS)
    return await programme.take_summary(deed.hand, resident, handover)


def _text(said: str, where: str) -> str:
    if len(said) > LONGEST_TEXT:
        raise refuse("text-too-long", where, most=str(LONGEST_TEXT))
    if "\0" in said:
        raise refuse("bad-argument", where, reason="U+0000")
    return said.strip()


def _needed(said: str, where: str) -> str:
    if not said.strip():
        raise refuse("text-needed", where)
    return _text(said, where)


# -- moving ----------------------------------------------------------------------------------------------------------


async def receive(deed: Deed, key: UUID, version: int | None = None) -> UUID:
    """Say that a referral has been seen. That accepts nothing. Raises Refused."""
    _, actors = await _own(deed, key)
    return (await programme.move(deed.hand, key, "receive", actors, version=version)).id


async def accept(deed: Deed, key: UUID, version: int | None = None) -> UUID:
    """Accept a referral that came; with one that came down its follow-up plan is accepted too. Raises Refused."""
    one, actors = await _own(deed, key)
    team_id = team_of(deed.viewer) if one.direction is Direction.DOWN else None
    return (await programme.accept(deed.hand, key, actors, team_id=team_id, version=version)).id


async def refuse_it(deed: Deed, key: UUID, reason: str, version: int | None = None) -> UUID:
    """Refuse a referral that came, with a reason; its slot is free again. Raises Refused."""
    return await _end(deed, key, "refuse", reason, version)


async def withdraw(deed: Deed, key: UUID, reason: str, version: int | None = None) -> UUID:
    """Withdraw a referral that was sent, with a reason; its slot is free again. Raises Refused."""
    return await _end(deed, key, "withdraw", reason, version)


async def _end(deed: Deed, key: UUID, act: str, reason: str, version: int | None) -> UUID:
    one, actors = await _own(deed, key)
    said = _needed(reason, "reason")
    machine_of(one).check(act, one, actors)
    if version is not None and version != one.version:
        raise refuse("changed-meanwhile", "version", what="referral", found=str(one.version), asked=str(version))
    freed = await referral_slots.give_back(deed.hand, one, said)  # before the referral: that is the order of locks
    seen = None if version is None else version + freed  # losing its slot made a version of its own
    moved = await programme.move(deed.hand, key, act, actors, version=seen, note=said, state_reason=said)
    return moved.id


async def book(deed: Deed, key: UUID, booking_id: UUID, version: int | None = None) -> UUID:
    """Confirm a slot that the team holds for the referral. Raises Refused."""
    _, actors = await _own(deed, key)
    deed.check_role("book slots", *TEAM)
    team_id = team_of(deed.viewer)
    booked = await referral_slots.book(deed.hand, key, booking_id, team_id=team_id, actors=actors, version=version)
    return booked.id


async def arrive(deed: Deed, key: UUID, version: int | None = None) -> UUID:
    """Say that the resident has come. Raises Refused."""
    _, actors = await _own(deed, key)
    return (await programme.move(deed.hand, key, "arrive", actors, version=version, state_reason="")).id


async def close(deed: Deed, key: UUID, reply: dict[str, str], version: int | None = None) -> UUID:
    """Close a referral with the reply that goes back, as the 回转单 has it; where the hospital's discharge message has
    closed it already, the reply is added. Raises Refused."""
    one, actors = await _own(deed, key)
    said = {name: _text(text, f"reply.{name}") for name, text in reply.items() if text.strip()}
    if not said:
        raise refuse("text-needed", "reply")
    if one.state is State.CLOSED:
        return (await programme.move(deed.hand, key, "reply", actors, version=version, reply=said)).id
    answered = Outcome.ANSWERED.value
    closed = await programme.move(deed.hand, key, "close", actors, version=version, reply=said, outcome=answered)
    await referral_slots.give_back(deed.hand, one, "referral-closed")  # nobody will come to a slot that lies ahead
    return closed.id


async def _own(deed: Deed, key: UUID) -> tuple[Referral, frozenset[Actor]]:
    """A referral of the viewer's side, and what they are to it.

    Raises Refused (may-not-change; unknown-referral, also where it is somebody else's: the two must look the same).
    """
    deed.check_role("move referrals", *READERS)
    await referrals.lock_resident_of(deed.connection, key)  # of two who move it the second sees what the first left
    is_own = await worklists.is_party(deed.connection, party_of(deed.viewer), key)
    if not is_own:
        deed.decide(Decision(rule="no-party", refusal=Refusal(code="unknown-referral", where="id")))
    one = await programme.get(deed.connection, key)
    actors = actors_for(deed.viewer, one)
    deed.touch(one.resident_id)
    deed.decide(Decision(rule=f"party:{','.join(sorted(actors)) or 'reader'}"))
    return one, actors


def party_of(viewer: Viewer) -> worklists.Party:
    """The viewer's side of referrals."""
    is_desk = viewer.role is Role.HOSPITAL_DESK
    return worklists.party(team=viewer.team, organisation=viewer.organisation, is_desk=is_desk)


def actors_for(viewer: Viewer, one: Referral) -> frozenset[Actor]:
    """What a viewer is to a referral."""
    is_desk = viewer.role is Role.HOSPITAL_DESK
    return actors_of(one, account=viewer.id, team=viewer.team, organisation=viewer.organisation, is_desk=is_desk)


# -- reading ---------------------------------------------------------------------------------------------------------


async def load(visit: Visit, ids: Sequence[UUID]) -> list[Row | None]:
    """Referrals by id, in their order; None in place of one that is not the viewer's side's."""
    visit.decide(may_read_records(visit.viewer))
    found = await visit.ask(worklists.find_views, party_of(visit.viewer), ids)
    _touch(visit, list(found.values()))
    return [_as_seen(visit.viewer, found[key]) if key in found else None for key in ids]


async def page(visit: Visit, box: str, states: Sequence[str], most: int, after: UUID | None) -> list[Row]:
    """The viewer's side's referrals of a box ("sent", "received", "" for both), the newest first."""
    visit.decide(may_read_records(visit.viewer))
    rows: list[Row] = await visit.ask(worklists.page, party_of(visit.viewer), box, states, most, after)
    _touch(visit, rows)
    return [_as_seen(visit.viewer, row) for row in rows]


async def count(visit: Visit, box: str, states: Sequence[str]) -> int:
    """How many those are."""
    visit.decide(may_read_records(visit.viewer))
    return await visit.ask(worklists.count, party_of(visit.viewer), box, states)


async def load_of_residents(visit: Visit, residents: Sequence[UUID]) -> list[list[Row]]:
    """The newest referrals of residents that are the viewer's side's."""
    await visit.check(residents)
    found = await visit.ask(worklists.page_of_residents, party_of(visit.viewer), residents, MOST_OF_ONE)
    _touch(visit, [row for rows in found.values() for row in rows])
    return [[_as_seen(visit.viewer, row) for row in found.get(one, [])] for one in residents]


MOST_OF_ONE = 50
"""How many of one resident's referrals are shown beside them; `referrals` pages through all."""


_WITHHELD = {
    **dict.fromkeys(("reason", "impression", "department", "stay_key"), ""),
    **dict.fromkeys(("summary", "reply", "booking_id", "plan_id", "previous_id")),
}


def _as_seen(viewer: Viewer, row: Row) -> Row:
    """A referral as somebody's side may still read it. One that was withdrawn may never have been meant for whom it
    came to (a wrong hospital, a wrong person): they see that there was one, and why it is none."""
    is_withdrawn = row["state"] == State.WITHDRAWN
    if not is_withdrawn or Actor.SENDER in actors_for(viewer, value_from(row)):
        return {**row, "is_withheld": False}
    return {**row, **_WITHHELD, "is_withheld": True}


async def load_steps(visit: Visit, ids: Sequence[UUID]) -> list[list[Row]]:
    """The histories of referrals that were loaded before."""
    found = await visit.ask(worklists.list_steps, ids)
    return [found.get(key, []) for key in ids]


async def load_related(visit: Visit, residents: Sequence[UUID]) -> list[bool]:
    """Whether the viewer may read the whole record of residents by now; a referral may be readable without."""
    found = await visit.ask(relations.find_relations, whose(visit.viewer, visit.now), residents)
    return [one in found for one in residents]


def _touch(visit: Visit, rows: Sequence[Row]) -> None:
    visit.touch(*(row["resident_id"] for row in rows), kinds=["Referral"] if rows else [])
