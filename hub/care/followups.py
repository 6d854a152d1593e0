"""What people do about follow-up after a discharge: accept, contact, complete, put off, give up; decline an offer."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from uuid import UUID

import orjson

from hub.access import TEAM, Decision, may_read, team_of
from hub.care.deed import Deed
from hub.care.worksheets import KIND, actors_of, centre_of, follow_up_from, offer_from
from hub.days import day_of
from hub.errors import refuse
from hub.followups import (
    FOLLOW_UP_MACHINE,
    OFFER_MACHINE,
    PLAN_MACHINE,
    RESIDENT,
    FollowUp,
    Ladder,
    Measured,
    Outcome,
    Performer,
    Plan,
    PlanState,
    Way,
    bundle_of,
    check_measured,
    check_window,
)
from hub.identifiers import normalise
from hub.identity import Reason
from hub.ids import new_id
from hub.message import OWN_SOURCE, Arrival, Format, Transport
from hub.programme import offering, planning
from hub.programme.referrals import accepted_with
from hub.store import followups, inbox
from hub.store.records import Row
from hub.transitions import Actor

LONGEST_TEXT = 4000
"""Characters of one text that somebody writes."""
_SAME_ATTEMPT = timedelta(minutes=1)
_OWN_SYSTEM = f"urn:hub:source:{OWN_SOURCE}:identifier:{RESIDENT}"
_OWN_ORGANISATION = "家庭医生团队"


@dataclass(frozen=True, kw_only=True, slots=True)
class Contacted:
    """One attempt to reach a resident."""

    way: Way
    is_reached: bool
    note: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Done:
    """What a completed follow-up came to. `way` is how the resident was reached; None where it was noted before."""

    outcome: Outcome
    note: str = ""
    way: Way | None = None
    measured: tuple[Measured, ...] = ()


# -- changing a plan -------------------------------------------------------------------------------------------------


async def accept(deed: Deed, key: UUID, version: int | None) -> UUID:
    """Say that the team takes care of a plan; its id.

    Raises Refused (may-not-change, no-team, no-relation, changed-meanwhile, not-yours-to-do, not-in-this-state).
    """
    deed.check_role("accept follow-up plans", *TEAM)
    row = await _plan(deed, key, version)
    await _accept(deed, row)
    planning.tell(deed.hand, row)
    return key


async def _accept(deed: Deed, row: Row) -> None:
    after = PLAN_MACHINE.check("accept", Plan(id=row["id"], state=row["state"]), actors_of(deed.viewer, row["team_id"]))
    deed.hand.step("plan", row["id"], "accept", row["state"], after)
    await followups.change_plan(
        deed.connection, row["id"], state=after, accepted_at=deed.now, accepted_by=deed.viewer.id
    )
    await accepted_with(deed.hand, row["id"])


# -- changing one follow-up ------------------------------------------------------------------------------------------


async def contact(deed: Deed, ladder: Ladder, key: UUID, tried: Contacted, version: int | None) -> UUID:
    """Note an attempt to reach the resident; the follow-up's id. Whoever tries has accepted the plan.

    The same attempt by the same person within a minute is the same one, sent twice: it is answered as before.
    Raises Refused (as `accept`, note-too-long).
    """
    row, seen = await _begin(deed, ladder, key, version)
    _check_text(tried.note, "note")
    if await _is_noted(deed, key, tried):
        return key
    _step(deed, row, seen, "contact", note=tried.way)
    await _add_contact(deed, key, tried)
    await followups.change_follow_up(deed.connection, key)
    return await _finish(deed, row)


async def complete(deed: Deed, ladder: Ladder, key: UUID, done: Done, version: int | None) -> UUID:
    """Complete a follow-up with what it came to. What was measured goes the way of every message.

    Raises Refused (as `contact`, follow-up-too-early, nobody-reached, measured-twice, not-plausible, half-a-pressure).
    """
    row, seen = await _begin(deed, ladder, key, version)
    _check_text(done.note, "note")
    after = _step(deed, row, seen, "complete", note=done.outcome)
    if done.way is None and not any(one.is_reached for one in seen.attempts):
        raise refuse("nobody-reached", "way")
    check_measured(done.measured, ladder.measures)
    if done.way is not None:
        await _add_contact(deed, key, Contacted(way=done.way, is_reached=True))
    message = await _keep(deed, ladder, row, done.measured) if done.measured else None
    await followups.change_follow_up(
        deed.connection,
        key,
        state=after,
        outcome=done.outcome,
        note=done.note,
        done_at=deed.now,
        done_by=deed.viewer.id,
        message_id=message,
    )
    return await _finish(deed, row, is_over=True)


async def reschedule(
    deed: Deed, ladder: Ladder, key: UUID, window: tuple[date, date], reason: str, version: int | None
) -> UUID:
    """Move a follow-up to other days.

    Raises Refused (as `contact`, reason-needed, bad-window, window-over, put-off-too-far).
    """
    row, seen = await _begin(deed, ladder, key, version)
    _check_text(reason, "reason", is_needed=True)
    _step(deed, row, seen, "reschedule", note=reason)
    begin, end = window
    check_window(seen, begin, end)
    await followups.change_follow_up(deed.connection, key, due_from=begin, due_until=end, is_moved=True)
    return await _finish(deed, row)


async def lose(deed: Deed, ladder: Ladder, key: UUID, reason: str, version: int | None) -> UUID:
    """Give a follow-up up because nobody could be reached (失访).

    Raises Refused (as `contact`, reason-needed, not-lost-yet).
    """
    row, seen = await _begin(deed, ladder, key, version)
    _check_text(reason, "reason", is_needed=True)
    after = _step(deed, row, seen, "lose", note=reason)
    await followups.change_follow_up(
        deed.connection, key, state=after, note=reason, done_at=deed.now, done_by=deed.viewer.id
    )
    return await _finish(deed, row, is_over=True)


async def _begin(deed: Deed, ladder: Ladder, key: UUID, version: int | None) -> tuple[Row, FollowUp]:
    """A follow-up that is held, and as it is seen today."""
    deed.check_role("do follow-ups", *TEAM)
    team_of(deed.viewer)
    row = await followups.lock_follow_up(deed.connection, key)
    if row is None:
        raise _nobody(deed)
    await deed.check_related(row["resident_id"])
    deed.touch(kinds=[KIND])
    _check_version("follow-up", row, version)
    tried = (await followups.list_contacts_of(deed.connection, [key])).get(key, [])
    return row, follow_up_from(row, tried, ladder, day_of(deed.now))


def _step(deed: Deed, row: Row, seen: FollowUp, act: str, *, note: str) -> str:
    after = FOLLOW_UP_MACHINE.check(act, seen, actors_of(deed.viewer, row["team_id"]))
    deed.hand.step("follow-up", row["id"], act, row["state"], after, note=note)
    return after


async def _finish(deed: Deed, row: Row, *, is_over: bool = False) -> UUID:
    """The plan of a follow-up that somebody has done something about: it is accepted, and perhaps completed."""
    plan = await followups.lock_plan(deed.connection, row["plan_id"])
    assert plan is not None
    if plan["state"] == PlanState.DELIVERED:
        await _accept(deed, plan)
        plan = {**plan, "state": PlanState.ACCEPTED}
    if is_over:
        await planning.complete_if_done(deed.hand, plan)
    planning.tell(deed.hand, plan)
    key: UUID = row["id"]
    return key


async def _is_noted(deed: Deed, key: UUID, tried: Contacted) -> bool:
    """Whether the last attempt is this very one: nobody dials twice in a minute and writes the same about it."""
    noted = (await followups.list_contacts_of(deed.connection, [key])).get(key, [])
    if not noted or deed.now - noted[-1]["at"] >= _SAME_ATTEMPT:
        return False
    same = {"by": deed.viewer.id, "way": tried.way, "is_reached": tried.is_reached, "note": tried.note}
    return all(noted[-1][name] == value for name, value in same.items())


async def _add_contact(deed: Deed, key: UUID, tried: Contacted) -> None:
    await followups.add_contact(
        deed.connection,
        {
            "id": new_id(),
            "follow_up_id": key,
            "at": deed.now,
            "by": deed.viewer.id,
            "way": tried.way,
            "is_reached": tried.is_reached,
            "note": tried.note,
        },
    )


async def _keep(deed: Deed, ladder: Ladder, row: Row, measured: Sequence[Measured]) -> UUID:
    """Keep what was measured as a message of the hub's own source; its id. The worker merges it like any other."""
    resident: UUID = row["resident_id"]
    performer = await followups.find_performer(deed.connection, row["team_id"])
    assert performer is not None
    await followups.open_own_patient(
        deed.connection,
        {
            "id": new_id(),
            "link_id": new_id(),
            "resident_id": resident,
            "source": OWN_SOURCE,
            "organisation": _OWN_ORGANISATION,
            "system": _OWN_SYSTEM,
            "kind": "local-number",
            "value": normalise(str(resident)),
            "reason": Reason.HUBS_OWN,
        },
    )
    bundle = bundle_of(
        measured,
        ladder.measures,
        follow_up=row["id"],
        resident=resident,
        at=deed.now,
        performer=Performer(
            team=performer["team_id"],
            team_name=performer["team_name"],
            organisation=performer["organisation_id"],
            organisation_name=performer["organisation_name"],
        ),
    )
    key = new_id()
    arrival = Arrival(
        source=OWN_SOURCE,
        transport=Transport.HUB,
        format=Format.FHIR,
        raw=orjson.dumps(bundle),
        kind="transaction",
        control_id=str(row["id"]),
    )
    await inbox.keep(deed.connection, [(key, arrival)])
    return key


async def _plan(deed: Deed, key: UUID, version: int | None) -> Row:
    team_of(deed.viewer)
    row = await followups.lock_plan(deed.connection, key)
    if row is None:
        raise _nobody(deed)
    await deed.check_related(row["resident_id"])
    deed.touch(kinds=[KIND])
    _check_version("plan", row, version)
    return row


# -- offers ----------------------------------------------------------------------------------------------------------


async def decline(deed: Deed, key: UUID, reason: str, version: int | None) -> UUID:
    """Say no to an offer, for the viewer's centre. To say yes is to sign the resident.

    Raises Refused (may-not-change, no-team, no-organisation, no-offer, reason-needed, not-in-this-state, offer-to-all).
    """
    deed.check_role("decline offers", *TEAM)
    centre = centre_of(deed.viewer)
    row = await followups.lock_offer(deed.connection, key)
    directory = await followups.read_directory(deed.connection)
    if row is None or not _is_offered(row, centre, directory):
        raise refuse("no-offer", "id")
    deed.touch(row["resident_id"])
    deed.decide(Decision(rule="offered-to-own-centre"))
    _check_version("offer", row, version)
    _check_text(reason, "reason", is_needed=True)
    OFFER_MACHINE.check("decline", offer_from(row), frozenset({Actor.CENTRE}))
    await offering.decline(deed.hand, row, reason, directory)
    return key


def _is_offered(row: Row, centre: str, directory: followups.Directory) -> bool:
    given: str | None = row["organisation_id"]
    return given == centre or (given is None and centre in directory.centres_near(row["hospital_id"]))


def _check_version(what: str, row: Row, version: int | None) -> None:
    if version is not None and version != row["version"]:
        raise refuse("changed-meanwhile", "version", what=what, found=str(row["version"]), asked=str(version))


def _check_text(text: str, where: str, *, is_needed: bool = False) -> None:
    if is_needed and not text.strip():
        raise refuse("reason-needed", where)
    if len(text) > LONGEST_TEXT:
        raise refuse("note-too-long", where, most=str(LONGEST_TEXT))
    if "\0" in text:
        raise refuse("bad-argument", where, reason="U+0000")


def _nobody(deed: Deed) -> Exception:
    """What is nobody's and what is somebody else's must look the same."""
    deed.decide(may_read(deed.viewer, [None]))
    return refuse("no-relation")
