"""Referrals as they are sent and moved, by whosever hand: with their history, and an event for both sides."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from hub.errors import refuse
from hub.followups import PLAN_MACHINE, Plan, PlanState
from hub.programme import planning
from hub.programme.hand import Hand
from hub.record import Json
from hub.referrals import ENDED, SAME_STAY, Direction, Referral, State, machine_of
from hub.store import followups, records, referrals
from hub.summary import SECTIONS, Entries, Row, summarise, wanted
from hub.transitions import Actor

_KIND, _EVENT = "referral", "referral-changed"


def audience_of(referral: Referral) -> Iterable[str | None]:
    """Who hears of its changes: both sides, and any team of the centre while none has taken it."""
    is_for_centre = referral.direction is Direction.DOWN and referral.to_team_id is None
    return (
        f"organisation:{referral.from_organisation_id}",
        f"organisation:{referral.to_organisation_id}",
        f"team:{referral.from_team_id}" if referral.from_team_id else None,
        f"team:{referral.to_team_id}" if referral.to_team_id else None,
        f"centre:{referral.to_organisation_id}" if is_for_centre else None,
    )


async def take_summary(hand: Hand, resident: Row, handover: dict[str, str] | None = None) -> Json:
    """A resident's record in short, as it is at this moment."""
    key = resident["id"]
    record = {}
    for kind in SECTIONS:
        found = await records.list_entries(hand.connection, kind, [key], records.Page(wanted(kind)))
        record[kind] = Entries(found[key].rows, found[key].total)
    return summarise(resident, record, hand.now, handover)


async def send(hand: Hand, referral: Referral, summary: Json) -> Referral:
    """Send a referral, with the summary that goes with it for good."""
    await referrals.add(hand.connection, referral, summary)
    _leave_behind(hand, "send", "", referral, referral.reason if referral.message_id else "")
    return referral


async def get(connection: AsyncConnection, key: UUID) -> Referral:
    """A referral. Raises Refused (unknown-referral)."""
    found = await referrals.find(connection, key)
    if found is None:
        raise refuse("unknown-referral", "id")
    return found


async def move(
    hand: Hand,
    key: UUID,
    act: str,
    actors: frozenset[Actor],
    *,
    version: int | None = None,
    note: str = "",
    **changed: Any,
) -> Referral:
    """Let a referral do what its table allows; `changed` are its other columns. Of two who move it at once the second
    waits, and is answered by what the first left.

    Raises Refused (unknown-referral, changed-meanwhile, not-in-this-state, not-yours-to-do, and what guards say).
    """
    before = await referrals.find(hand.connection, key, lock=True)
    if before is None:
        raise refuse("unknown-referral", "id")
    if version is not None and version != before.version:
        raise refuse("changed-meanwhile", "version", what="referral", found=str(before.version), asked=str(version))
    state = State(machine_of(before).check(act, before, actors))
    after = replace(before, state=state, version=before.version + 1, **changed)
    after = replace(after, ended_at=_ended_at(before, after, hand))
    await referrals.save(hand.connection, after, hand.now)
    _leave_behind(hand, act, before.state, after, note)
    return after


def _ended_at(before: Referral, after: Referral, hand: Hand) -> Any:
    if after.state not in ENDED:
        return None
    return before.ended_at or hand.now


def _leave_behind(hand: Hand, act: str, before: str, after: Referral, note: str = "") -> None:
    hand.step(_KIND, after.id, act, before, after.state, note=note)
    hand.tell(_EVENT, after.id, resident_id=after.resident_id, audience=audience_of(after))


async def accept(
    hand: Hand, key: UUID, actors: frozenset[Actor], *, team_id: str | None, version: int | None = None
) -> Referral:
    """Accept a referral. Down, the team that does so is from then on the one that it is for, and with it accepts the
    follow-up plan of the same stay, where it is that team's.

    Raises Refused (as `move`).
    """
    changed: dict[str, Any] = {"accepted_at": hand.now}
    one = await get(hand.connection, key)
    if one.direction is Direction.DOWN and team_id:
        machine_of(one).check("accept", one, actors)
        plan_id = one.plan_id or await referrals.find_plan(hand.connection, one.resident_id, one.stay_key)
        if plan_id:
            await _accept_plan(hand, plan_id, team_id)  # before the referral: that is the order of locks
        changed |= {"to_team_id": team_id, "plan_id": plan_id}
    return await move(hand, key, "accept", actors, version=version, **changed)


async def _accept_plan(hand: Hand, plan_id: UUID, team_id: str) -> None:
    row = await followups.lock_plan(hand.connection, plan_id)
    if row is None or row["team_id"] != team_id or row["state"] != PlanState.DELIVERED:
        return
    after = PLAN_MACHINE.check("accept", Plan(id=plan_id, state=row["state"]), frozenset({Actor.TEAM}))
    hand.step("plan", plan_id, "accept", row["state"], after, note="with the referral")
    await followups.change_plan(hand.connection, plan_id, state=after, accepted_at=hand.now, accepted_by=hand.by)
    planning.tell(hand, row)


async def accepted_with(hand: Hand, plan_id: UUID) -> None:
    """A team has accepted the follow-up plan of a stay: with it the referral down that came of the same stay, where
    that still waits for an answer."""
    found = await referrals.find_following(hand.connection, plan_id)
    plan = await followups.lock_plan(hand.connection, plan_id) if found else None
    if found is None or plan is None:
        return
    referral = await get(hand.connection, found)
    if referral.state in (State.SENT, State.RECEIVED) and referral.to_team_id in (None, plan["team_id"]):
        await accept(hand, found, frozenset({Actor.RECEIVER}), team_id=plan["team_id"])


async def booking_ended(hand: Hand, booking_id: UUID, reason: str) -> None:
    """A booking was cancelled, by whomever: the referral that it was for waits for another one. Nothing happens where
    none stood upon it."""
    found = await referrals.find_booked(hand.connection, booking_id)
    if found is None:
        return
    freed = frozenset({Actor.HOSPITAL})
    booked = (await get(hand.connection, found)).state is State.BOOKED
    if booked:
        await move(hand, found, "unbook", freed, note=reason, booking_id=None, state_reason=reason)


async def follow(hand: Hand, before: UUID, after: UUID) -> None:
    """Two residents turned out to be one: the referrals of the one that is given up are the other's.

    Where both were sent down after one stay, the one that came along lets go of the stay, and is withdrawn if nobody
    has accepted it.
    """
    theirs = {one.stay_key for one in await referrals.list_of(hand.connection, [after]) if _holds_stay(one)}
    for one in await referrals.list_of(hand.connection, [before]):
        is_double = _holds_stay(one) and one.stay_key in theirs
        if is_double and one.state in (State.SENT, State.RECEIVED):
            one = await move(hand, one.id, "withdraw", frozenset({Actor.MESSAGE}), state_reason=SAME_STAY)
        stay_key = "" if is_double else one.stay_key
        moved = replace(one, resident_id=after, stay_key=stay_key, version=one.version + 1)
        await referrals.save(hand.connection, moved, hand.now)
        _leave_behind(hand, "follow", one.state, moved)


def _holds_stay(one: Referral) -> bool:
    return one.direction is Direction.DOWN and bool(one.stay_key) and one.state is not State.WITHDRAWN
