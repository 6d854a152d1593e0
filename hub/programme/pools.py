"""Slots as teams take them: held, confirmed, given back; and what the clock does with holds and with unused slots.

Nothing here relies on the clock having been kept: who holds a slot finds a hold whose time is over as a free slot,
and a session whose release has come as released.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from hub.errors import Refused, refuse
from hub.ids import new_id
from hub.programme.hand import TIME, Hand
from hub.programme.referrals import booking_ended
from hub.slots import (
    BOOKING_MACHINE,
    MACHINE,
    SESSION_MACHINE,
    Account,
    Booking,
    BookingState,
    Slot,
    why_not,
)
from hub.store import slots
from hub.store.slots import Answer, Movement, Wanted
from hub.transitions import Actor

BOOKING, SESSION, CHANGED = "booking", "session", "slot-pool-changed"

Row = Mapping[str, Any]

_TEAM, _HOSPITAL, _TIME = frozenset({Actor.TEAM}), frozenset({Actor.HOSPITAL}), frozenset({Actor.TIME})


# -- what teams do ---------------------------------------------------------------------------------------------------


async def hold(hand: Hand, wanted: Wanted) -> Row:
    """Hold a slot for a while: the booking.

    Raises Refused (no-such-slot, no-such-team, what `why_not` refuses, slot-taken, booked-already, no-relation,
    resident-deceased).
    """
    if wanted.resident_id is not None:
        wanted = replace(wanted, resident_id=await _present(hand, wanted.resident_id, wanted.session_id))
    key = new_id()
    answer = await _try(hand, key, wanted)
    if answer is None or answer.slot_id is None:
        await _queue(hand, _check_may_wait(hand, wanted, answer))
        await expire_in(hand, wanted.session_id)
        answer = await slots.hold(hand.connection, key, wanted, by=hand.by, now=hand.now, waits=True)
    if answer is None or answer.slot_id is None:
        raise _taken(hand, wanted, answer)
    hand.step(BOOKING, key, "hold", "", BookingState.HELD)
    tell(hand, wanted.session_id, answer.session.organisation_id, [wanted.team_id])
    return {
        "id": key,
        "slot_id": answer.slot_id,
        "session_id": wanted.session_id,
        "team_id": wanted.team_id,
        "resident_id": wanted.resident_id,
        "state": BookingState.HELD,
        "expires_at": wanted.expires_at,
        "by": hand.by,
        "end_reason": "",
        "version": 1,
        "created_at": hand.now,
        "organisation_id": answer.session.organisation_id,
        "starts_at": answer.starts_at,
    }


async def confirm(hand: Hand, booking_id: UUID, resident_id: UUID, team_id: str, *, version: int | None = None) -> Row:
    """Book a slot that the team holds, for a resident: the booking.

    Raises Refused (no-such-booking, hold-expired, slot-begun, not-in-this-state, booked-already, no-relation,
    resident-deceased, changed-meanwhile).
    """
    resident = await _living(hand, resident_id)
    row = await _own(hand, booking_id, team_id, version)
    BOOKING_MACHINE.check("confirm", _seen(row, hand.now), _TEAM)
    if await slots.has_taken(hand.connection, row["session_id"], resident, hand.now, besides=booking_id):
        raise refuse("booked-already", "residentId")
    await _turn(hand, [row], "confirm", _TEAM)
    changed = {"state": BookingState.BOOKED, "resident_id": resident, "expires_at": None}
    await slots.change_bookings(hand.connection, [booking_id], hand.now, **changed)
    hand.step(BOOKING, booking_id, "confirm", row["state"], BookingState.BOOKED)
    tell(hand, row["session_id"], row["organisation_id"], [team_id])
    return {**row, **changed, "version": row["version"] + 1}


async def cancel(
    hand: Hand, booking_id: UUID, reason: str, *, team_id: str | None = None, version: int | None = None
) -> Row:
    """Give a slot back: the booking. What it was for waits for another one.

    With `team_id` a team wishes it, of its own booking. Without, what it was for has ended: then a slot whose time has
    come is left as it is. Raises Refused (no-such-booking, hold-expired, slot-begun, not-in-this-state,
    changed-meanwhile).
    """
    row = await _own(hand, booking_id, team_id, version)
    if team_id is None and row["starts_at"] <= hand.now:
        return row
    BOOKING_MACHINE.check("cancel", _seen(row, hand.now), _TEAM if team_id else _HOSPITAL)
    await end(hand, [row], "cancel", _TEAM if team_id else _HOSPITAL, reason)
    return {**row, "state": BookingState.CANCELLED, "end_reason": reason, "version": row["version"] + 1}


async def end(hand: Hand, rows: Sequence[Row], act: str, actors: frozenset[Actor], reason: str = "") -> None:
    """End standing bookings whose slots are held, and put their slots where the act leads."""
    states = {row["id"]: BOOKING_MACHINE.check(act, _seen(row, hand.now), actors) for row in rows}
    await _turn(hand, rows, act, actors)
    for state in set(states.values()):
        await slots.change_bookings(hand.connection, list(states), hand.now, state=state, end_reason=reason)
    for row in rows:
        hand.step(BOOKING, row["id"], act, row["state"], states[row["id"]], note=reason)
        tell(hand, row["session_id"], row["organisation_id"], [row["team_id"]])
        if row["state"] == BookingState.BOOKED:
            await booking_ended(hand, row["id"], reason)


async def follow(hand: Hand, before: UUID, after: UUID) -> None:
    """Two residents turned out to be one: the bookings of the one that is given up are the other's."""
    for row in await slots.follow(hand.connection, before, after, hand.now):
        hand.step(BOOKING, row["id"], "follow", row["state"], row["state"])
        hand.tell(CHANGED, row["session_id"], audience=[f"team:{row['team_id']}"])


# -- what the clock does ---------------------------------------------------------------------------------------------


async def keep_time(hand: Hand, most: int) -> int:
    """End what holds are over and release what is to be released. Returns how many holds and sessions that were."""
    return await expire(hand, most) + await release(hand, most)


async def expire(hand: Hand, most: int) -> int:
    """End holds whose time is over. Returns how many."""
    rows = await slots.list_lapsed(hand.connection, hand.now, most)
    await end(hand, rows, "expire", _TIME)
    return len(rows)


async def expire_in(hand: Hand, session_id: UUID) -> None:
    """End holds of a session whose time is over, before somebody changes it: it is the clock that ends them."""
    clock = Hand(connection=hand.connection, by=TIME, role="time", now=hand.now)
    await end(clock, await slots.list_lapsed_in(hand.connection, hand.now, session_id), "expire", _TIME)
    await clock.write()


async def release(hand: Hand, most: int) -> int:
    """Give the public what teams left free of sessions whose release has come. Returns how many sessions."""
    due = await slots.list_released(hand.connection, hand.now, most)
    for session in due:
        state = SESSION_MACHINE.check("release", session, _TIME)
        standing = await slots.list_standing(hand.connection, session.id)
        free = [(one.id, one.moves, one.account) for one in standing if one.account == Account.TEAM]
        await move(hand, free, "release", _TIME, is_released=True)
        await slots.change_session(
            hand.connection, session.id, {"state": state, "version": session.version + 1, "changed_at": hand.now}
        )
        hand.step(SESSION, session.id, "release", session.state, state)
        tell(hand, session.id, session.organisation_id)
    return len(due)


# -- the ledger ------------------------------------------------------------------------------------------------------


async def move(
    hand: Hand,
    moved: Iterable[tuple[UUID, int, str]],
    act: str,
    actors: frozenset[Actor],
    *,
    is_released: bool,
) -> None:
    """Move slots (id, number of the last movement, account) of sessions that are released, or of some that are not."""
    movements = [
        Movement(
            slot_id=key,
            before=moves,
            account_from=account,
            account_into=MACHINE.check(act, Slot(account=account, is_released=is_released), actors),
        )
        for key, moves, account in moved
    ]
    await _write(hand, act, movements)


async def _turn(hand: Hand, rows: Sequence[Row], act: str, actors: frozenset[Actor]) -> None:
    """Move the slots of bookings."""
    movements = [
        Movement(
            slot_id=row["slot_id"],
            before=row["moves"],
            account_from=row["account"],
            account_into=MACHINE.check(
                act, Slot(account=row["account"], is_released=row["release_at"] <= hand.now), actors
            ),
            booking_id=row["id"],
        )
        for row in rows
    ]
    await _write(hand, act, movements)


async def _write(hand: Hand, act: str, movements: Sequence[Movement]) -> None:
    await slots.move(hand.connection, movements, act=act, by=hand.by, at=hand.now, message_id=hand.message_id)


# -- why not ---------------------------------------------------------------------------------------------------------


def _check_may_wait(hand: Hand, wanted: Wanted, answer: Answer | None) -> Answer:
    """No slot was free at once. Raises Refused, unless one may be: one that others are about to take or to give back,
    or a hold whose time is over."""
    if answer is None:
        raise refuse("no-such-slot", "slotPoolId")
    if not answer.is_known:
        raise refuse("no-such-team", team=wanted.team_id)
    refusal = why_not(answer.session, answer.use, hand.now, is_allied=answer.is_allied)
    if refusal:
        raise Refused(refusal)
    return answer


async def _try(hand: Hand, key: UUID, wanted: Wanted) -> Answer | None:
    """Hold a slot that is free at once. What finds none keeps nothing: a slot that was locked just after somebody had
    taken it stays locked though it is no answer, and who then waits would be waited for."""
    async with hand.connection.begin_nested() as attempt:
        answer = await slots.hold(hand.connection, key, wanted, by=hand.by, now=hand.now)
        if answer is None or answer.slot_id is None:
            await attempt.rollback()
    return answer


async def _queue(hand: Hand, answer: Answer) -> None:
    """Take the session before any slot of it, as who publishes does: one who waits for slots one by one, while another
    takes them all, would have each wait for the other."""
    await slots.lock_session(hand.connection, answer.session.organisation_id, key=answer.session.id)


def _taken(hand: Hand, wanted: Wanted, answer: Answer | None) -> Refused:
    """Why there is none, though there seemed to be."""
    if wanted.slot_id is not None:
        return refuse("slot-taken", "slotId")
    refusal = why_not(answer.session, replace(answer.use, free=0), hand.now) if answer else None
    return Refused(refusal) if refusal else refuse("too-busy")


async def _present(hand: Hand, resident_id: UUID, session_id: UUID) -> UUID:
    """A resident, or the one that stays in their place, who has no slot of this session yet: one team would keep all
    of them from others for one patient."""
    resident = await _living(hand, resident_id)
    if await slots.has_taken(hand.connection, session_id, resident, hand.now):
        raise refuse("booked-already", "residentId")
    return resident


async def _living(hand: Hand, resident_id: UUID) -> UUID:
    """A resident, or the one that stays in their place, held for this transaction. Raises Refused (no-relation,
    resident-deceased)."""
    found = await slots.lock_resident(hand.connection, resident_id)
    if found is None:
        raise refuse("no-relation")
    if found["deceased"]:
        raise refuse("resident-deceased", "residentId")
    key: UUID = found["id"]
    return key


async def _own(hand: Hand, booking_id: UUID, team_id: str | None, version: int | None) -> Row:
    """A booking, held for this transaction; with `team_id`, one of that team."""
    row = await slots.lock_booking(hand.connection, booking_id)
    if row is None or (team_id is not None and row["team_id"] != team_id):
        raise refuse("no-such-booking", "bookingId")
    if version is not None and row["version"] != version:
        raise refuse("changed-meanwhile", "version", what=BOOKING, found=str(row["version"]), asked=str(version))
    return row


def _seen(row: Row, now: datetime) -> Booking:
    return Booking(state=row["state"], expires_at=row["expires_at"], starts_at=row["starts_at"], seen_at=now)


def tell(hand: Hand, session_id: UUID, organisation_id: str, team_ids: Iterable[str] = ()) -> None:
    """Tell a hospital's desk, and the teams that have a part in it, that something of a session has changed."""
    audience = [f"organisation:{organisation_id}", *(f"team:{team}" for team in team_ids)]
    hand.tell(CHANGED, session_id, audience=audience)
