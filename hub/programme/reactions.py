"""All that the programme does upon messages and upon the clock, in the order in which one builds on the other."""

from collections.abc import Mapping, Sequence

from hub.followups import Ladder
from hub.policy import Programme
from hub.programme import pools, referral_slots
from hub.programme.arrivals import arrivals
from hub.programme.contracts import contracts
from hub.programme.directory import directory
from hub.programme.discharges import Discharges
from hub.programme.hand import Hand
from hub.programme.happened import Happened, Reaction
from hub.programme.merged import merged_residents
from hub.programme.publishing import sessions
from hub.programme.terms import lapse


def reactions(programme: Programme, ladder: Ladder, organisations: Mapping[str, str]) -> Sequence[Reaction]:
    """What follows from a batch of messages. `organisations` are the directory's ids by the names of sources.

    Who there is comes first, then who has signed, then what is owed; bookings follow merged residents before the
    referrals that they belong to are looked at.
    """
    return (
        directory(),
        contracts(programme),
        merged_residents(),
        merged_bookings,
        sessions(programme),
        Discharges(ladder=ladder, organisations=organisations).react,
        arrivals(organisations),
    )


async def merged_bookings(happened: Happened) -> None:
    """Residents who were merged take their bookings along."""
    for before, after in dict.fromkeys(happened.moves):
        if after in happened.causes:
            await pools.follow(happened.hand(happened.causes[after]), before, after)


class Due:
    """What the clock asks for: each does so many at the most, and says how many it did."""

    def __init__(self, ladder: Ladder, organisations: Mapping[str, str]) -> None:
        self._discharges = Discharges(ladder=ladder, organisations=organisations)

    async def agreements(self, hand: Hand, most: int) -> int:
        """Agreements whose term is over."""
        return await lapse(hand, most)

    async def follow_ups(self, hand: Hand, most: int) -> int:
        """Plans and offers of residents whose agreement began or ended."""
        return await self._discharges.catch_up(hand, most)

    async def slots(self, hand: Hand, most: int) -> int:
        """Holds that are over, sessions whose free slots go to the public."""
        return await pools.keep_time(hand, most)

    async def referrals(self, hand: Hand, most: int) -> int:
        """Those who were booked and did not come."""
        return await referral_slots.keep_time(hand, most)
