"""Agreements as time has them: their first day comes, their last day goes, and their team hears of it."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from uuid import UUID

from hub.agreements import MACHINE, Agreement, Provider, Seen, State, as_of, run_on
from hub.programme.hand import Hand
from hub.store import agreements, due_agreements, people
from hub.transitions import Actor

CHANGED = "agreement-changed"
AGREEMENT = "agreement"
_TIME = frozenset({Actor.TIME})


async def settle(hand: Hand, one: Agreement) -> Agreement:
    """Bring an agreement to where its dates have it today, write it, and tell whom it concerns."""
    one = await _move_on(hand, one)
    await agreements.save(hand.connection, one, hand.message_id)
    await tell(hand, one)
    return one


async def _move_on(hand: Hand, one: Agreement) -> Agreement:
    """Do what time does to an agreement. One does not begin while another covers its residents still."""
    terms = tuple((await agreements.list_terms(hand.connection, [one.id]))[one.id])
    one = as_of(one, terms, hand.today)
    first = run_on(terms, hand.today)[0].begins_on
    while (act := _next_act(seen := Seen(agreement=one, terms=terms, today=hand.today))) is not None:
        is_over = one.ends_on < hand.today
        if act == "begin" and not is_over and await agreements.find_blocked(hand.connection, one.id):
            break
        before, after = one.state, State(MACHINE.check(act, seen, _TIME))
        hand.step(AGREEMENT, one.id, act, before, after)
        one = replace(one, state=after)
        if act == "lapse":
            one = replace(one, ended_on=one.ends_on)
            await agreements.uncover(hand.connection, one.id, first, one.ends_on)
        if act == "renew":
            one = await stand_again(hand, one)
        if act == "begin" and not is_over:
            await _begin(hand, one, first)
    return one


def _next_act(seen: Seen) -> str | None:
    return next(MACHINE.acts(seen, _TIME), None)


async def _begin(hand: Hand, one: Agreement, since: date) -> None:
    covered = (await agreements.list_covered(hand.connection, [one.id]))[one.id]
    await agreements.cover(hand.connection, one.id, one.kind, covered, since)


async def stand_again(hand: Hand, one: Agreement) -> Agreement:
    """An agreement that had lapsed stands again: for those whom it covered until then."""
    if one.ended_on is None:
        return one
    left = await agreements.list_left_on(hand.connection, one.id, one.ended_on)
    await agreements.cover(hand.connection, one.id, one.kind, left, None)
    return replace(one, ended_on=None)


async def tell(hand: Hand, one: Agreement) -> None:
    """An event for whom it concerns: the team, or all centres of the alliance."""
    covered = (await agreements.list_covered(hand.connection, [one.id]))[one.id]
    whom: list[str | None] = [f"team:{one.team_id}" if one.team_id else None]
    if one.provider_kind is Provider.ALLIANCE:
        whom += [f"centre:{key}" for key in await agreements.list_allied(hand.connection, one.provider_id)]
    whose = covered[0] if len(covered) == 1 else None
    hand.tell(CHANGED, one.id, resident_id=whose, audience=whom)


async def lapse(hand: Hand, most: int = 200) -> int:
    """What the clock does: agreements past their last day lapse, and those whose first day has come begin.

    Takes a batch, leaves alone what somebody else holds, and returns how many moved; call it again until that is 0.
    """
    moved = 0
    behind: due_agreements.Due | None = None
    while not moved and (due := await due_agreements.list_due(hand.connection, hand.today, most, behind)):
        moved, behind = await _lapse_all(hand, [key for _, key in due]), due[-1]
    return moved


async def _lapse_all(hand: Hand, keys: Sequence[UUID]) -> int:
    """Move those on that nobody else holds; what waits for another agreement's end stays. Residents are held before
    agreements, as everybody does who changes one."""
    covered = await agreements.list_covered(hand.connection, keys)
    await people.lock_residents(hand.connection, sorted({one for of in covered.values() for one in of}))
    moved = 0
    for key in keys:
        one = await due_agreements.find_free(hand.connection, key)
        after = await _move_on(hand, one) if one else None
        if one is not None and after is not None and after.state is not one.state:
            await agreements.save(hand.connection, after, hand.message_id)
            await tell(hand, after)
            moved += 1
    return moved


async def close_over(hand: Hand, residents: Sequence[UUID]) -> None:
    """Close the agreements of these residents that are over, though the clock has not come by yet."""
    for key in await agreements.list_over(hand.connection, residents, hand.today):
        await settle(hand, await _get(hand, key))


async def _get(hand: Hand, key: UUID) -> Agreement:
    one = await agreements.find(hand.connection, key)
    assert one is not None, "it was listed in this transaction, and nothing deletes agreements"
    return one
