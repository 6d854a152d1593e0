"""The slot that goes with a referral: booked, given back, or let pass."""

from datetime import timedelta
from uuid import UUID

from hub.days import begin_of
from hub.errors import refuse
from hub.programme import pools
from hub.programme.hand import Hand
from hub.programme.referrals import booking_ended, get, move
from hub.referrals import Referral, State, machine_of
from hub.store import referrals
from hub.transitions import Actor

SILENT_DAYS = 3
"""How many days after a slot's own the hub waits for the hospital to say that somebody came."""

SILENT = "nothing-heard"
"""Why such a referral ends."""


async def book(
    hand: Hand, key: UUID, booking_id: UUID, *, team_id: str, actors: frozenset[Actor], version: int | None = None
) -> Referral:
    """Confirm a slot that the team holds, for the resident of a referral to the hospital whose slot it is.

    Raises Refused (no-such-booking, booking-elsewhere, what `pools.confirm` and `move` refuse).
    """
    one = await get(hand.connection, key)
    machine_of(one).check("book", one, actors)
    host = await referrals.find_host(hand.connection, booking_id, team_id)
    if host is None:
        raise refuse("no-such-booking", "bookingId")
    if host != one.to_organisation_id:
        raise refuse("booking-elsewhere", "bookingId", hospital=host, to=one.to_organisation_id)
    await pools.confirm(hand, booking_id, one.resident_id, team_id)
    return await move(hand, key, "book", actors, version=version, booking_id=booking_id, state_reason="")


async def give_back(hand: Hand, referral: Referral, reason: str) -> bool:
    """Cancel the slot that a referral waits for, so that others can have it. Returns whether it waited for one."""
    if referral.state is not State.BOOKED or referral.booking_id is None:
        return False
    if await referrals.is_booked(hand.connection, referral.booking_id):
        await pools.cancel(hand, referral.booking_id, reason)
    await booking_ended(hand, referral.booking_id, reason)
    return True


async def keep_time(hand: Hand, most: int) -> int:
    """Who was booked and of whom the hospital has said nothing days after counts as not arrived, until it does.
    Returns how many that were."""
    missed = await referrals.list_missed(hand.connection, begin_of(hand.today - timedelta(days=SILENT_DAYS)), most)
    for key in missed:
        await move(hand, key, "miss", frozenset({Actor.TIME}), state_reason=SILENT)
    return len(missed)
