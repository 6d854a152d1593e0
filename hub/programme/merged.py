"""Residents who turn out to be one: their agreements follow them to the one that stays."""

from uuid import UUID

from hub.agreements import RESIDENTS_MERGED, STANDING
from hub.programme.agreements import close, leave
from hub.programme.hand import Hand
from hub.programme.happened import Happened, Reaction
from hub.programme.terms import close_over, tell
from hub.store import agreements, people
from hub.transitions import Actor


def merged_residents() -> Reaction:
    """Lets agreements follow residents who were merged into others. It comes before whoever asks who serves them."""

    async def react(happened: Happened) -> None:
        for before, after in dict.fromkeys(happened.moves):
            if after in happened.causes:
                await follow(happened.hand(happened.causes[after]), before, after)

    return react


async def follow(hand: Hand, before: UUID, after: UUID) -> None:
    """A resident was merged into another: what covered them covers the one that stays. Of two primary agreements that
    then hold one person on the same days the one that was signed first ends.

    Nothing happens where `before` is still somebody of their own.
    """
    stays = (await agreements.present_of(hand.connection, [before])).get(before, before)
    if stays == before:
        return
    await people.lock_residents(hand.connection, [before, stays])
    await close_over(hand, [before, stays])
    held = await agreements.list_held(hand.connection, [before, stays], hand.today)
    if before not in {one.resident_id for one in held}:
        await agreements.move_coverage(hand.connection, before, stays)
        return
    kept: list[agreements.Held] = []
    for one in sorted(held, key=lambda one: (one.signed, one.agreement_id), reverse=True):
        if any(one.agreement_id != other.agreement_id and _meet(one, other) for other in kept):
            await _give_up(hand, one)
        else:
            kept.append(one)
    await agreements.move_coverage(hand.connection, before, stays)
    for key in dict.fromkeys(one.agreement_id for one in kept):
        if (found := await agreements.find(hand.connection, key)) is not None:
            await tell(hand, found)


def _meet(one: agreements.Held, other: agreements.Held) -> bool:
    return one.starts_on <= other.ends_on and other.starts_on <= one.ends_on


async def _give_up(hand: Hand, held: agreements.Held) -> None:
    """End an agreement; one that covers others too goes on for them."""
    one = await agreements.find(hand.connection, held.agreement_id, lock=True)
    if one is None or one.state not in STANDING:
        return
    covered = (await agreements.list_covered(hand.connection, [one.id]))[one.id]
    if covered != [held.resident_id]:
        await leave(hand, one, held.resident_id, RESIDENTS_MERGED)
    else:
        await close(hand, one, "end", RESIDENTS_MERGED, frozenset({Actor.MESSAGE}))
