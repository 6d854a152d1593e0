"""What people change about follow-up: the mutations. Each answers with what it changed, or with a refusal."""

from datetime import date
from typing import Annotated, Any
from uuid import UUID

import strawberry

from hub.api.changing import RefusalType, change
from hub.api.context import Info
from hub.api.fields import field, mutation
from hub.api.follow_up_parts import MeasurementKind, OutcomeType, WayType
from hub.api.followups import FollowUpType, OfferType, PlanType, find_follow_up, find_offer, find_plan
from hub.api.paging import read_global_id
from hub.care import followups as care
from hub.care.deed import Deed
from hub.errors import refuse
from hub.followups import Measured, Outcome, Way

_VERSION = "The version that you looked at: the change is refused where it is another one by now. Null: do not check."


@strawberry.input(description="Which plan to accept.")
class AcceptFollowUpPlanInput:
    plan_id: strawberry.ID = strawberry.field(description="The `id` of a FollowUpPlan.")
    version: int | None = strawberry.field(default=None, description=_VERSION)


@strawberry.input(description="An attempt to reach a resident.")
class RecordContactInput:
    follow_up_id: strawberry.ID = strawberry.field(description="The `id` of a FollowUp.")
    way: WayType = strawberry.field(description="How it was tried.")
    reached: bool = strawberry.field(description="Whether somebody was reached.")
    note: str | None = strawberry.field(default=None, description="What to remember of it.")
    version: int | None = strawberry.field(default=None, description=_VERSION)


@strawberry.input(description="One value that was measured.")
class MeasurementInput:
    kind: MeasurementKind = strawberry.field(description="What was measured.")
    value: float = strawberry.field(description="The value, in the unit of its kind.")


@strawberry.input(description="What a follow-up came to.")
class CompleteFollowUpInput:
    follow_up_id: strawberry.ID = strawberry.field(description="The `id` of a FollowUp.")
    outcome: OutcomeType = strawberry.field(description="What it found.")
    way: WayType | None = strawberry.field(
        default=None, description="How the resident was reached; may be left out where recordContact has said so."
    )
    note: str | None = strawberry.field(default=None, description="What to remember of it.")
    measurements: list[MeasurementInput] = strawberry.field(
        default_factory=list, description="What was measured: it becomes observations of the record."
    )
    version: int | None = strawberry.field(default=None, description=_VERSION)


@strawberry.input(description="Where to move a follow-up.")
class RescheduleFollowUpInput:
    follow_up_id: strawberry.ID = strawberry.field(description="The `id` of a FollowUp.")
    due_from: date = strawberry.field(description="The new first day; not before today.")
    due_until: date = strawberry.field(description="The new last day; not after `latest`.")
    reason: str = strawberry.field(description="Why.")
    version: int | None = strawberry.field(default=None, description=_VERSION)


@strawberry.input(description="A follow-up where nobody could be reached (失访).")
class LoseFollowUpInput:
    follow_up_id: strawberry.ID = strawberry.field(description="The `id` of a FollowUp.")
    reason: str = strawberry.field(description="Why nobody could be reached.")
    version: int | None = strawberry.field(default=None, description=_VERSION)


@strawberry.input(description="An offer that the centre does not take.")
class DeclineOfferInput:
    offer_id: strawberry.ID = strawberry.field(description="The `id` of a FollowUpOffer.")
    reason: str = strawberry.field(description="Why.")
    version: int | None = strawberry.field(default=None, description=_VERSION)


@strawberry.type(description="A plan that was changed.")
class FollowUpPlanPayload:
    key: strawberry.Private[UUID]

    @field("The plan as it is now.")
    async def plan(self, info: Info) -> PlanType:
        return await find_plan(info.context, self.key)


@strawberry.type(description="A follow-up that was changed.")
class FollowUpPayload:
    key: strawberry.Private[UUID]

    @field("The follow-up as it is now.")
    async def follow_up(self, info: Info) -> FollowUpType:
        return await find_follow_up(info.context, self.key)


@strawberry.type(description="An offer that was changed.")
class FollowUpOfferPayload:
    key: strawberry.Private[UUID]

    @field("The offer as it is now.")
    async def offer(self, info: Info) -> OfferType:
        return await find_offer(info.context, self.key)


AcceptFollowUpPlanResult = Annotated[
    FollowUpPlanPayload | RefusalType,
    strawberry.union("AcceptFollowUpPlanResult", description="The plan, or why it was not accepted."),
]
FollowUpResult = Annotated[
    FollowUpPayload | RefusalType,
    strawberry.union("FollowUpResult", description="The follow-up, or why it was not changed."),
]
DeclineOfferResult = Annotated[
    FollowUpOfferPayload | RefusalType,
    strawberry.union("DeclineOfferResult", description="The offer, or why it was not declined."),
]


@strawberry.type
class FollowUpMutation:
    @mutation("Say that your team takes care of a plan.")
    async def accept_follow_up_plan(
        self,
        info: Info,
        input: Annotated[AcceptFollowUpPlanInput, strawberry.argument(description="Which plan.")],
    ) -> AcceptFollowUpPlanResult:
        async def do(deed: Deed) -> UUID:
            return await care.accept(deed, _key(input.plan_id, "FollowUpPlan", "planId"), input.version)

        return await change(info, do, lambda key: FollowUpPlanPayload(key=key))

    @mutation(
        "Note an attempt to reach a resident. It accepts the plan, where nobody has. The same attempt of the same "
        "person within a minute is the same one, sent twice."
    )
    async def record_contact(
        self,
        info: Info,
        input: Annotated[RecordContactInput, strawberry.argument(description="Of which follow-up, and how.")],
    ) -> FollowUpResult:
        tried = care.Contacted(way=Way(str(input.way.value)), is_reached=input.reached, note=input.note or "")

        async def do(deed: Deed) -> UUID:
            return await care.contact(deed, info.context.means.ladder, _line(input), tried, input.version)

        return await change(info, do, lambda key: FollowUpPayload(key=key))

    @mutation("Complete a follow-up. What was measured becomes observations of the record, by way of a message.")
    async def complete_follow_up(
        self,
        info: Info,
        input: Annotated[CompleteFollowUpInput, strawberry.argument(description="Which one, and what it came to.")],
    ) -> FollowUpResult:
        done = care.Done(
            outcome=Outcome(str(input.outcome.value)),
            note=input.note or "",
            way=Way(str(input.way.value)) if input.way else None,
            measured=tuple(Measured(name=str(one.kind.value), value=one.value) for one in input.measurements),
        )

        async def do(deed: Deed) -> UUID:
            return await care.complete(deed, info.context.means.ladder, _line(input), done, input.version)

        answer = await change(info, do, lambda key: FollowUpPayload(key=key))
        if done.measured:
            info.context.means.kept.set()
        return answer

    @mutation("Move a follow-up to other days, with a reason.")
    async def reschedule_follow_up(
        self,
        info: Info,
        input: Annotated[RescheduleFollowUpInput, strawberry.argument(description="Which one, and where to.")],
    ) -> FollowUpResult:
        window = (input.due_from, input.due_until)

        async def do(deed: Deed) -> UUID:
            ladder = info.context.means.ladder
            return await care.reschedule(deed, ladder, _line(input), window, input.reason, input.version)

        return await change(info, do, lambda key: FollowUpPayload(key=key))

    @mutation(
        "Give a follow-up up because nobody could be reached (失访), after as many attempts as the site asks for."
    )
    async def lose_follow_up(
        self,
        info: Info,
        input: Annotated[LoseFollowUpInput, strawberry.argument(description="Which one, and why.")],
    ) -> FollowUpResult:
        async def do(deed: Deed) -> UUID:
            return await care.lose(deed, info.context.means.ladder, _line(input), input.reason, input.version)

        return await change(info, do, lambda key: FollowUpPayload(key=key))

    @mutation("Decline an offer for your centre, with a reason. To take it, sign the resident.")
    async def decline_offer(
        self,
        info: Info,
        input: Annotated[DeclineOfferInput, strawberry.argument(description="Which offer, and why.")],
    ) -> DeclineOfferResult:
        async def do(deed: Deed) -> UUID:
            return await care.decline(
                deed, _key(input.offer_id, "FollowUpOffer", "offerId"), input.reason, input.version
            )

        return await change(info, do, lambda key: FollowUpOfferPayload(key=key))


def _line(asked: Any) -> UUID:
    return _key(asked.follow_up_id, "FollowUp", "followUpId")


def _key(text: str, kind: str, where: str) -> UUID:
    found, key = read_global_id(text, where)
    if found != kind:
        raise refuse("bad-id", where)
    return key
