"""What teams and centres hear of follow-up: plans that come and change, offers to a centre."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import datetime

import strawberry

from hub.api.context import Info
from hub.api.fields import subscription
from hub.api.following import Cursor, follow
from hub.api.followups import OfferType, PlanType, find_offer, find_plan
from hub.api.paging import global_id
from hub.errors import Refused


@strawberry.type(description="A plan of your team changed: it came, was accepted, done, cancelled, or left you.")
class FollowUpChange:
    cursor: str = strawberry.field(description="Where to resume after this change: give it as `after`.")
    at: datetime = strawberry.field(description="When it changed.")
    plan_id: strawberry.ID = strawberry.field(description="Which plan: the id of a FollowUpPlan.")
    plan: PlanType | None = strawberry.field(description="The plan as it is now; null where it is not yours any more.")


@strawberry.type(description="An offer to your centre changed: it came, was taken, declined, withdrawn, or left you.")
class OfferChange:
    cursor: str = strawberry.field(description="Where to resume after this change: give it as `after`.")
    at: datetime = strawberry.field(description="When it changed.")
    offer_id: strawberry.ID = strawberry.field(description="Which offer: the id of a FollowUpOffer.")
    offer: OfferType | None = strawberry.field(
        description="The offer as it is now; null where it is not yours any more."
    )


@strawberry.type
class FollowUpSubscription:
    @subscription("Changes of your team's plans, within a second of the discharge. It resumes behind `after`.")
    async def follow_up_changed(self, info: Info, after: Cursor = None) -> AsyncGenerator[FollowUpChange, None]:
        context = info.context
        async with aclosing(follow(context, after, {"follow-up-changed"})) as events:
            async for event in events:
                assert event.subject is not None
                try:
                    plan = await find_plan(context, event.subject)
                except Refused:
                    plan = None
                shown = plan if plan is not None and plan.row["team_id"] == context.viewer.team else None
                key = global_id("FollowUpPlan", event.subject)
                yield FollowUpChange(cursor=event.cursor, at=event.at, plan_id=key, plan=shown)

    @subscription("Changes of what is offered to your centre. It resumes behind `after`.")
    async def follow_up_offered(self, info: Info, after: Cursor = None) -> AsyncGenerator[OfferChange, None]:
        context = info.context
        async with aclosing(follow(context, after, {"offer-changed"})) as events:
            async for event in events:
                assert event.subject is not None
                try:
                    offer = await find_offer(context, event.subject)
                except Refused:
                    offer = None
                key = global_id("FollowUpOffer", event.subject)
                yield OfferChange(cursor=event.cursor, at=event.at, offer_id=key, offer=offer)
