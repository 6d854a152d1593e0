"""Anything by its id (Relay's `node`): which type is found how."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated
from uuid import UUID

import strawberry

from hub.api.agreements import find_agreement
from hub.api.bookings import find_booking
from hub.api.context import Context, Info
from hub.api.entries import KINDS, Entry, entry_from
from hub.api.fields import field
from hub.api.followups import find_follow_up, find_offer, find_plan
from hub.api.matching import find_match_review
from hub.api.messages import find_message
from hub.api.paging import Node, global_id, read_global_id
from hub.api.queries import find_resident
from hub.api.referrals import find_referral
from hub.api.slots import find_slot, find_slot_pool
from hub.errors import refuse

Find = Callable[[Context, UUID], Awaitable[Node]]
Id = Annotated[strawberry.ID, strawberry.argument(description="The `id` of anything that has one.")]


def _entry(entry: type[Entry]) -> Find:
    async def find(context: Context, key: UUID) -> Node:
        row = await context.loaders.entries_by_id(KINDS[entry]).load(key)
        return entry_from(entry, row, global_id("Resident", row["resident_id"]))

    return find


FINDERS: Mapping[str, Find] = {
    "Resident": find_resident,
    **{kind.__name__: _entry(kind) for kind in KINDS},
    "Agreement": find_agreement,
    "FollowUpPlan": find_plan,
    "FollowUp": find_follow_up,
    "FollowUpOffer": find_offer,
    "SlotPool": find_slot_pool,
    "Slot": find_slot,
    "Booking": find_booking,
    "Referral": find_referral,
    "Message": find_message,
    "MatchReview": find_match_review,
}


@strawberry.type
class NodeQuery:
    @field("Anything by its id (Relay). Refused where it is not the viewer's to see, or not there at all.")
    async def node(self, info: Info, id: Id) -> Node | None:
        kind, key = read_global_id(id)
        if kind not in FINDERS:
            raise refuse("bad-id", "id")
        return await FINDERS[kind](info.context, key)
