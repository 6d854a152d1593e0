"""Sessions as hospitals publish them: opened, changed, cancelled, always told as a whole.

The same session told twice, late or out of order comes to the same: what counts is the version that was written last,
and the layout of its slots follows from it and from what teams have taken. A slot that a team has taken is never
withdrawn, and nothing of a session is changed once it has begun.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from hub.errors import refuse
from hub.ids import new_id
from hub.policy import Programme
from hub.programme.hand import Hand
from hub.programme.happened import Happened, Reaction
from hub.programme.pools import BOOKING, SESSION, end, expire_in, move, tell
from hub.programme.schedules import read_sessions
from hub.slots import (
    BOOKING_MACHINE,
    FREE,
    SESSION_MACHINE,
    Account,
    Booking,
    Offered,
    Published,
    Session,
    SessionState,
    Standing,
    Stated,
    Terms,
    for_teams,
    match,
    terms,
)
from hub.store import slots
from hub.transitions import Actor

_HOSPITAL = frozenset({Actor.HOSPITAL})
_TICK = timedelta(microseconds=1)
"""The least by which the database tells two times apart."""


def sessions(programme: Programme) -> Reaction:
    """Publishes what messages tell of sessions. A source speaks of its own organisation's sessions only, and what it
    dates ahead counts as written when it came: a clock that is fast does not outdo what comes after."""

    async def publish_told(happened: Happened) -> None:
        by_message: dict[UUID, list[Any]] = {}
        for told in happened.told_of("Schedule", "Slot"):
            by_message.setdefault(told.message_id, []).append(told)
        found = []
        for message_id, resources in by_message.items():
            source = resources[0].source
            if not source.organisation_id:
                raise refuse("sessions-of-nobody", "source", source=source.name)
            found += [(source.organisation_id, one, message_id) for one in read_sessions(resources)]
        for organisation_id, one, message_id in sorted(found, key=lambda item: (item[0], item[1].number)):
            one = replace(one, told_at=min(one.told_at, happened.now))
            await publish(happened.hand(message_id), organisation_id, one, programme)

    return publish_told


async def publish(
    hand: Hand, organisation_id: str, told: Published, programme: Programme, *, is_by_person: bool = False
) -> UUID:
    """Publish a session as told, or change the one of its number to that. Returns its id.

    What a person says who sees the session (`is_by_person`) comes after whatever was told of it before.
    Raises Refused (directory-unknown, session-begun, session-below-bookings, slot-number-twice, slot-outside-session,
    what `terms` refuses).
    """
    _check_slots(told)
    authority = await slots.find_authority(hand.connection, organisation_id)
    if authority is None:
        raise refuse("directory-unknown", "organisation", kind="Organization", key=organisation_id)
    known = await slots.lock_session(hand.connection, organisation_id, number=told.number)
    if known is None:
        session = await _open(hand, organisation_id, told, _terms(programme, told, authority))
        known = await slots.lock_session(hand.connection, organisation_id, number=told.number)
        assert known is not None
        if known.id == session.id:
            await _publish(hand, session, told)
            return session.id
    if is_by_person:
        told = replace(told, told_at=_after(hand, known))
    await _update(hand, known, told, programme, authority)
    return known.id


async def _update(hand: Hand, known: Session, told: Published, programme: Programme, authority: str) -> None:
    """Change a session that is known. What was written before its last version does not undo it."""
    has_begun = known.starts_at <= hand.now
    if told.told_at < known.told_at or (has_begun and told.told_at == known.told_at):
        return
    if told.is_active:
        await _change(hand, known, told, _terms(programme, told, authority))
    elif known.is_cancelled:
        await slots.change_session(hand.connection, known.id, {"told_at": told.told_at})
    else:
        await _cancel(hand, replace(known, told_at=told.told_at), told.reason)


async def cancel_session(
    hand: Hand, organisation_id: str, session_id: UUID, reason: str, *, version: int | None = None
) -> None:
    """Cancel a session (停诊): every hold and booking of it ends with the hospital's reason, and the teams are told.

    Raises Refused (no-such-slot, needs-a-reason, changed-meanwhile, session-begun, not-in-this-state).
    """
    if not reason.strip():
        raise refuse("needs-a-reason", "reason")
    known = await slots.lock_session(hand.connection, organisation_id, key=session_id)
    if known is None:
        raise refuse("no-such-slot", "slotPoolId")
    if version is not None and known.version != version:
        raise refuse("changed-meanwhile", "version", what=SESSION, found=str(known.version), asked=str(version))
    await _cancel(hand, replace(known, told_at=_after(hand, known)), reason.strip())


async def _cancel(hand: Hand, session: Session, reason: str) -> None:
    state = SESSION_MACHINE.check("cancel", session, _HOSPITAL)
    _check_not_begun(hand, session)
    await expire_in(hand, session.id)
    await slots.list_standing(hand.connection, session.id)
    await end(hand, await slots.list_taken(hand.connection, session.id), "cancel", _HOSPITAL, reason)
    free = [one for one in await slots.list_standing(hand.connection, session.id) if one.account in FREE]
    await _move(hand, session, free, "withdraw")
    await _save(hand, session, {"state": state, "state_reason": reason, "told_at": session.told_at})
    hand.step(SESSION, session.id, "cancel", session.state, state, note=reason)
    tell(hand, session.id, session.organisation_id)


# -- opening and changing --------------------------------------------------------------------------------------------


async def _open(hand: Hand, organisation_id: str, told: Published, found: Terms) -> Session:
    """A session that nobody knew a moment ago. Where two tell it at once, the other one's stands."""
    row = _row(told, found) | {"state": _state(hand, told, found), "state_reason": _reason(told)}
    session = Session(id=new_id(), organisation_id=organisation_id, told_at=told.told_at, **row)
    _check_not_begun(hand, session)
    key = {"id": session.id, "organisation_id": organisation_id, "told_at": told.told_at}
    who = {"source": hand.by, "message_id": hand.message_id, "changed_at": hand.now}
    await slots.add_session(hand.connection, {**key, **row, **who})
    return session


async def _publish(hand: Hand, session: Session, told: Published) -> None:
    await _lay_out(hand, session, match(told.slots, ()) if told.is_active else (), ())
    hand.step(SESSION, session.id, "publish", "", session.state)
    tell(hand, session.id, session.organisation_id)


async def _change(hand: Hand, known: Session, told: Published, found: Terms) -> None:
    await expire_in(hand, known.id)
    standing = await slots.list_standing(hand.connection, known.id)
    row = _row(told, found)
    session = replace(known, **row)
    has_moved = await _lay_out(hand, session, match(told.slots, standing), standing)
    differs = known.is_cancelled or any(getattr(known, name) != value for name, value in row.items())
    if not has_moved and not differs:
        await slots.change_session(hand.connection, known.id, {"told_at": told.told_at})
        return
    _check_not_begun(hand, known)
    _check_not_begun(hand, session)
    act = _act(known, _state(hand, told, found))
    state = SESSION_MACHINE.check(act, known, _HOSPITAL)
    who = {"source": hand.by, "message_id": hand.message_id}
    await _save(hand, known, {**row, "state": state, "state_reason": "", "told_at": told.told_at, **who})
    hand.step(SESSION, known.id, act, known.state, state)
    teams = {one["team_id"] for one in await slots.list_taken(hand.connection, known.id)}
    tell(hand, known.id, known.organisation_id, teams)


def _act(known: Session, state: SessionState) -> str:
    """What brings a session to a state. One that was cancelled opens first; the clock releases it."""
    if known.state != SessionState.OPEN and (known.is_cancelled or state is SessionState.OPEN):
        return "reopen"
    return "change" if known.state == state else "release"


async def _lay_out(hand: Hand, session: Session, offered: Sequence[Offered], standing: Sequence[Standing]) -> bool:
    """Bring a session's slots to what is offered, and the teams' share to what it must be. Returns whether anything
    had to be done."""
    known = {one.number: one for one in standing}
    told = {one.number: one for one in offered}
    taken = {one.number for one in standing if one.is_taken}
    _check_taken_stay(known, told, taken)
    new = [one for one in offered if one.number not in known and one.is_free]
    added = [Standing(id=new_id(), account=Account.NEW, moves=0, **_times(one), number=one.number) for one in new]
    rows = [{"id": one.id, "session_id": session.id, "number": one.number, **_times(one)} for one in added]
    await slots.add_slots(hand.connection, rows)
    is_released = session.is_released(hand.now)
    reserved = frozenset() if is_released else for_teams(offered, taken, session.reserved)
    moves: dict[str, list[Standing]] = {}
    for one in (*standing, *added):
        act = _move_of(one, told.get(one.number), one.number in reserved)
        if act:
            moves.setdefault(act, []).append(one)
    for act, of in moves.items():
        await _move(hand, session, of, act)
    has_moved = await _change_times(hand, session, [(one, told[one.number]) for one in standing if one.number in told])
    return bool(moves) or has_moved


def _move_of(slot: Standing, told: Offered | None, is_reserved: bool) -> str:
    """What has to be done with a slot; "" where nothing has."""
    if slot.is_taken:
        return ""
    if told is None or not told.is_free:
        return "withdraw" if slot.account in FREE else ""
    if is_reserved:
        return "reserve" if slot.account != Account.TEAM else ""
    if slot.account == Account.TEAM:
        return "release"
    return "publish" if slot.account != Account.PUBLIC else ""


def _check_slots(told: Published) -> None:
    """Insist that each slot is one of its own, within the session. Raises Refused (slot-number-twice,
    slot-outside-session)."""
    if told.ends_at <= told.starts_at:
        raise refuse("slot-outside-session", "planningHorizon")
    numbers: set[int] = set()
    for place, one in enumerate(told.slots, start=1):
        if one.number and one.number in numbers:
            raise refuse("slot-number-twice", f"slot {place}", number=str(one.number))
        numbers.add(one.number)
        if not told.starts_at <= one.starts_at < one.ends_at <= told.ends_at:
            raise refuse("slot-outside-session", f"slot {place}")


def _check_taken_stay(known: dict[int, Standing], told: dict[int, Offered], taken: set[int]) -> None:
    """Insist that no slot goes that a team holds or has booked. Raises Refused (session-below-bookings)."""
    lost = sorted(taken - told.keys())
    if lost:
        numbers = ", ".join(map(str, lost))
        raise refuse("session-below-bookings", "Slot", numbers=numbers, taken=str(len(taken)), left=str(len(told)))


async def _change_times(hand: Hand, session: Session, pairs: Sequence[tuple[Standing, Offered]]) -> bool:
    """Move slots to the times told; who has taken one sees it in the history and in the version of the booking."""
    moved = {slot.id: (slot, told) for slot, told in pairs if _times(slot) != _times(told)}
    rows = [{"of": key, "begins": told.starts_at, "ends": told.ends_at} for key, (_, told) in moved.items()]
    await slots.change_times(hand.connection, rows)
    if any(slot.is_taken for slot, _ in moved.values()):
        taken = [row for row in await slots.list_taken(hand.connection, session.id) if row["slot_id"] in moved]
        await slots.change_bookings(hand.connection, [row["id"] for row in taken], hand.now)
        for row in taken:
            seen = Booking(state=row["state"], starts_at=row["starts_at"], seen_at=hand.now)
            state = BOOKING_MACHINE.check("reschedule", seen, _HOSPITAL)
            was = moved[row["slot_id"]][0].starts_at.isoformat()
            hand.step(BOOKING, row["id"], "reschedule", row["state"], state, note=was)
    return bool(moved)


# -- parts -----------------------------------------------------------------------------------------------------------


def _terms(programme: Programme, told: Published, authority: str) -> Terms:
    """What holds for a session; one that is cancelled needs no rules."""
    if not told.is_active:
        return Terms(reserved=0, team_from=told.public_from, release_at=told.starts_at)
    marked = sum(one.is_for_team for one in told.slots)
    stated = Stated(
        kind=told.kind,
        authority=authority,
        starts_at=told.starts_at,
        public_from=told.public_from,
        total=len(told.slots),
        reserved=max(marked, told.reserved or 0) if marked else told.reserved,
        team_from=told.team_from,
        release_at=told.release_at,
    )
    return terms(programme, stated)


_TOLD = ("number", "kind", "department", "practitioner", "title", "speciality", "place", "fee")


def _row(told: Published, found: Terms) -> dict[str, Any]:
    """A session's columns as told, and as the rules have it."""
    return {
        **{name: getattr(told, name) for name in _TOLD},
        "starts_at": told.starts_at,
        "ends_at": told.ends_at,
        "public_from": told.public_from,
        **{name: getattr(found, name) for name in Terms.__dataclass_fields__},
    }


def _state(hand: Hand, told: Published, found: Terms) -> SessionState:
    if not told.is_active:
        return SessionState.CANCELLED
    return SessionState.RELEASED if found.release_at <= hand.now else SessionState.OPEN


def _reason(told: Published) -> str:
    return "" if told.is_active else told.reason


def _after(hand: Hand, known: Session) -> datetime:
    """When a person says something: now, and after whatever was told before, however a source's clock was set."""
    return max(hand.now, known.told_at + _TICK)


def _times(of: Standing | Offered) -> dict[str, Any]:
    return {"starts_at": of.starts_at, "ends_at": of.ends_at}


def _check_not_begun(hand: Hand, session: Session) -> None:
    if session.starts_at <= hand.now:
        raise refuse("session-begun", "Schedule")


async def _move(hand: Hand, session: Session, of: Sequence[Standing], act: str) -> None:
    moved = [(one.id, one.moves, one.account) for one in of]
    await move(hand, moved, act, _HOSPITAL, is_released=session.is_released(hand.now))


async def _save(hand: Hand, session: Session, row: dict[str, Any]) -> None:
    row = {**row, "version": session.version + 1, "changed_at": hand.now}
    await slots.change_session(hand.connection, session.id, row)
