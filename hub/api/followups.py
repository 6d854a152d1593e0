"""Follow-up after discharge over GraphQL: plans, follow-ups, offers; what teams and centres read."""

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

import strawberry

from hub.api.context import Context, Info
from hub.api.fields import field
from hub.api.follow_up_parts import (
    DISPOSITIONS,
    BasisType,
    Contact,
    EndingType,
    FollowUpAct,
    FollowUpFilter,
    FollowUpRequest,
    FollowUpStateType,
    OfferAct,
    OfferStateType,
    OutcomeType,
    PlanAct,
    PlanStateType,
    PriorityType,
    WayType,
    contact_from,
    request_from,
)
from hub.api.labels import Label, label_from
from hub.api.paging import (
    DEFAULT,
    After,
    Edge,
    First,
    Node,
    PageInfo,
    check_first,
    entry_cursor,
    global_id,
    id_cursor,
    info_of,
    page_of,
    read_global_id,
    read_id_cursor,
)
from hub.api.queries import find_resident
from hub.api.residents import Resident
from hub.care import worksheets as care
from hub.days import begin_of, day_of
from hub.errors import refuse
from hub.followups import Outcome
from hub.store.records import Row
from hub.store.worksheets import ALL, OPEN, UNACCEPTED, WantedFollowUps, WantedPlans


@strawberry.type(name="FollowUpPlan", description="What is owed to a resident after one discharge.")
class PlanType(Node):
    key: strawberry.Private[UUID]
    resident_key: strawberry.Private[UUID]
    row: strawberry.Private[Row]
    version: int = strawberry.field(
        description="Rises with every change: give it to a mutation to be safe from others."
    )
    state: PlanStateType = strawberry.field(description="Where it stands.")
    priority: PriorityType = strawberry.field(description="How soon it wants attention.")
    hospital: str = strawberry.field(description="The hospital that discharged, as its system calls it.")
    hospital_id: strawberry.ID | None = strawberry.field(description="The same in the directory; null if not there.")
    discharged_at: datetime = strawberry.field(description="When the resident was discharged.")
    disposition_code: str | None = strawberry.field(
        description="离院方式, as the hospital coded it; null if it did not."
    )
    disposition: Label | None = strawberry.field(description="The same in words; null where the code is unknown.")
    basis: BasisType = strawberry.field(description="What it follows.")
    reason: Label = strawberry.field(description="Why there is such a plan, in a sentence.")
    request: FollowUpRequest | None = strawberry.field(description="What the hospital asked for; null: nothing.")
    team_id: strawberry.ID = strawberry.field(description="The team that has it, by its id in the directory.")
    delivered_at: datetime = strawberry.field(description="When the team got it.")
    accepted_at: datetime | None = strawberry.field(description="When the team accepted it; null: not yet.")
    accepted_by: str | None = strawberry.field(description="The account that accepted it.")
    ended_at: datetime | None = strawberry.field(
        description="When it was completed or cancelled; null while it stands."
    )
    end_reason: EndingType | None = strawberry.field(description="Why it was cancelled; null where it was not.")
    message_id: strawberry.ID = strawberry.field(description="The discharge message, as `hub message list` names it.")

    @field("Its follow-ups, in their order.")
    async def follow_ups(self, info: Info) -> list["FollowUpType"]:
        rows = await info.context.loaders.by(care.follow_ups_of_plans).load(self.key)
        return [follow_up_from(row, info.context) for row in rows]

    @field("Who was discharged.")
    async def resident(self, info: Info) -> Resident:
        return await find_resident(info.context, self.resident_key)

    @field("What you can do with it now.")
    def available_actions(self, info: Info) -> list[PlanAct]:
        return [PlanAct(act) for act in care.available_for_plan(info.context.viewer, self.row)]


@strawberry.type(name="FollowUp", description="One contact that is due after a discharge.")
class FollowUpType(Node):
    key: strawberry.Private[UUID]
    resident_key: strawberry.Private[UUID]
    row: strawberry.Private[Row]
    version: int = strawberry.field(
        description="Rises with every change: give it to a mutation to be safe from others."
    )
    number: int = strawberry.field(description="Its place in the plan, from 1.")
    state: FollowUpStateType = strawberry.field(description="Where it stands.")
    is_overdue: bool = strawberry.field(description="Whether its time is over, and nobody did it.")
    due_from: date = strawberry.field(description="The first day, in China.")
    due_until: date = strawberry.field(description="The last day, in China.")
    latest: date = strawberry.field(description="The last day to which it can be put off.")
    way: WayType | None = strawberry.field(description="How it was asked for; null: any way.")
    reason: Label = strawberry.field(description="Why this contact, and why then, in a sentence.")
    rule: str = strawberry.field(description="What set its days: follow-up:stroke, hospital-request.")
    outcome: OutcomeType | None = strawberry.field(description="What it found; null while it was not completed.")
    ending: EndingType | None = strawberry.field(
        description="Why it is not due any more; null where it is or was done."
    )
    note: str | None = strawberry.field(description="What was noted at the end; null where nothing was.")
    done_at: datetime | None = strawberry.field(description="When it was completed or given up.")
    done_by: str | None = strawberry.field(description="The account that did it.")
    message_id: strawberry.ID | None = strawberry.field(
        description="The hub's own message with what was measured; null where nothing was."
    )

    @field("The attempts to reach the resident, in their order.")
    async def contacts(self, info: Info) -> list[Contact]:
        return [contact_from(row) for row in await info.context.loaders.by(care.contacts_of).load(self.key)]

    @field("The plan that it belongs to.")
    async def plan(self, info: Info) -> PlanType:
        return await find_plan(info.context, self.row["plan_id"])

    @field("Whom to contact.")
    async def resident(self, info: Info) -> Resident:
        return await find_resident(info.context, self.resident_key)

    @field("What you can do with it now.")
    async def available_actions(self, info: Info) -> list[FollowUpAct]:
        context = info.context
        tried = await context.loaders.by(care.contacts_of).load(self.key)
        seen = care.follow_up_from(self.row, tried, context.means.ladder, day_of(context.means.now()))
        return [FollowUpAct(act) for act in care.available_for_follow_up(context.viewer, self.row, seen)]


@strawberry.type(
    name="FollowUpOffer",
    description="Somebody who was discharged and has no agreement: how to reach them, and nothing of their health.",
)
class OfferType(Node):
    key: strawberry.Private[UUID]
    row: strawberry.Private[Row]
    version: int = strawberry.field(
        description="Rises with every change: give it to a mutation to be safe from others."
    )
    state: OfferStateType = strawberry.field(description="Where it stands.")
    name: str | None = strawberry.field(description="The name.")
    phone: str | None = strawberry.field(description="The telephone number.")
    address: str | None = strawberry.field(description="Where they live.")
    hospital: str = strawberry.field(description="The hospital that discharged.")
    discharged_on: date = strawberry.field(description="The day of the discharge, in China.")
    centre_id: strawberry.ID | None = strawberry.field(description="The centre; null: any of the alliance.")
    reason: Label = strawberry.field(description="Why this centre, in a sentence.")
    ended_at: datetime | None = strawberry.field(description="When it ended; null while it is open.")

    @field("What you can do with it now. To take it, sign the resident.")
    def available_actions(self, info: Info) -> list[OfferAct]:
        return [OfferAct(act) for act in care.available_for_offer(info.context.viewer, self.row)]


@strawberry.type(description="A page of plans, in the order in which they were made (Relay).")
class FollowUpPlanConnection:
    which: strawberry.Private[str]
    edges: list[Edge[PlanType]] = strawberry.field(description="The plans of this page, in order.")
    page_info: PageInfo = strawberry.field(description="Where this page stands.")

    @field("How many there are on all pages. Counted only when asked for.")
    async def total_count(self, info: Info) -> int:
        return await care.count_plans(info.context.visit, WantedPlans(which=self.which))


@strawberry.type(description="A page of follow-ups, by the last day of their windows (Relay).")
class FollowUpConnection:
    state: strawberry.Private[str]
    edges: list[Edge[FollowUpType]] = strawberry.field(description="The follow-ups of this page, in order.")
    page_info: PageInfo = strawberry.field(description="Where this page stands.")

    @field("How many there are on all pages. Counted only when asked for.")
    async def total_count(self, info: Info) -> int:
        return await care.count_follow_ups(info.context.visit, WantedFollowUps(state=self.state))


@strawberry.type(description="A page of offers, in the order in which they were made (Relay).")
class FollowUpOfferConnection:
    edges: list[Edge[OfferType]] = strawberry.field(description="The offers of this page, in order.")
    page_info: PageInfo = strawberry.field(description="Where this page stands.")


PlanId = Annotated[strawberry.ID, strawberry.argument(description="The `id` of a FollowUpPlan.")]
FollowUpId = Annotated[strawberry.ID, strawberry.argument(description="The `id` of a FollowUp.")]
State = Annotated[FollowUpFilter, strawberry.argument(description="Which ones.")]
Unaccepted = Annotated[
    bool, strawberry.argument(description="Only those that nobody has accepted yet, those that wait longest first.")
]
Ended = Annotated[bool, strawberry.argument(description="Those that were completed or cancelled too.")]


@strawberry.type
class FollowUpQuery:
    @field("A follow-up by its id. Refused where there is no relation to whom it is about.")
    async def follow_up(self, info: Info, id: FollowUpId) -> FollowUpType:
        return await find_follow_up(info.context, _key(id, "FollowUp", "id"))

    @field("A plan by its id. Refused where there is no relation to whom it is about.")
    async def follow_up_plan(self, info: Info, id: PlanId) -> PlanType:
        return await find_plan(info.context, _key(id, "FollowUpPlan", "id"))

    @field("Your team's follow-ups, what has to be done first first.")
    async def follow_ups(
        self, info: Info, first: First = DEFAULT, after: After = None, state: State = FollowUpFilter.DUE
    ) -> FollowUpConnection:
        place = page_of(first, after).after
        behind = (day_of(place.at), place.id) if place and place.at else None
        wanted = WantedFollowUps(state=str(state.value), most=first + 1, after=behind)
        rows = await care.page_follow_ups(info.context.visit, wanted)
        edges = [
            Edge(node=follow_up_from(row, info.context), cursor=entry_cursor(begin_of(row["due_until"]), row["id"]))
            for row in rows[:first]
        ]
        page = info_of(edges, after=after, more=len(rows) > first)
        return FollowUpConnection(state=str(state.value), edges=edges, page_info=page)

    @field("Your team's plans, in the order in which they were made.")
    async def follow_up_plans(
        self,
        info: Info,
        first: First = DEFAULT,
        after: After = None,
        unaccepted: Unaccepted = False,
        ended: Ended = False,
    ) -> FollowUpPlanConnection:
        which = UNACCEPTED if unaccepted else ALL if ended else OPEN
        behind = read_id_cursor(after) if after is not None else None
        wanted = WantedPlans(which=which, most=check_first(first) + 1, after=behind)
        rows = await care.page_plans(info.context.visit, wanted)
        edges = [Edge(node=plan_from(row), cursor=id_cursor(row["id"])) for row in rows[:first]]
        page = info_of(edges, after=after, more=len(rows) > first)
        return FollowUpPlanConnection(which=which, edges=edges, page_info=page)

    @field("Who was discharged without an agreement and is offered to your centre, in the order of their coming.")
    async def follow_up_offers(
        self, info: Info, first: First = DEFAULT, after: After = None
    ) -> FollowUpOfferConnection:
        behind = read_id_cursor(after) if after is not None else None
        rows = await care.page_offers(info.context.visit, check_first(first) + 1, behind)
        edges = [Edge(node=offer_from(row), cursor=id_cursor(row["id"])) for row in rows[:first]]
        return FollowUpOfferConnection(edges=edges, page_info=info_of(edges, after=after, more=len(rows) > first))


async def find_plan(context: Context, key: UUID) -> PlanType:
    """A plan by uuid. Raises Refused (no-relation)."""
    return plan_from(await context.loaders.by(care.plans_by_id).load(key))


async def find_follow_up(context: Context, key: UUID) -> FollowUpType:
    """A follow-up by uuid. Raises Refused (no-relation)."""
    return follow_up_from(await context.loaders.by(care.follow_ups_by_id).load(key), context)


async def find_offer(context: Context, key: UUID) -> OfferType:
    """An offer to the viewer's centre by uuid. Raises Refused (no-offer)."""
    return offer_from(await context.loaders.by(care.offers_by_id).load(key))


async def follow_ups_of(context: Context, resident: UUID) -> list[FollowUpType]:
    """All follow-ups of a resident, the next one first. Raises Refused (no-relation)."""
    rows = await context.loaders.by(care.follow_ups_of_residents).load(resident)
    return [follow_up_from(row, context) for row in rows]


def _key(text: str, kind: str, where: str) -> UUID:
    found, key = read_global_id(text, where)
    if found != kind:
        raise refuse("bad-id", where)
    return key


def plan_from(row: Row) -> PlanType:
    """A plan out of its row."""
    return PlanType(
        id=global_id("FollowUpPlan", row["id"]),
        key=row["id"],
        resident_key=row["resident_id"],
        row=row,
        version=row["version"],
        state=PlanStateType(row["state"]),
        priority=PriorityType(row["priority"]),
        hospital=row["hospital"],
        hospital_id=row["hospital_id"],
        discharged_at=row["discharged_at"],
        disposition_code=row["disposition"] or None,
        disposition=DISPOSITIONS.get(row["disposition"]),
        basis=BasisType(row["basis"]),
        reason=label_from(row["reason"]),
        request=request_from(row["request"]),
        team_id=row["team_id"],
        delivered_at=row["delivered_at"],
        accepted_at=row["accepted_at"],
        accepted_by=row["accepted_by"] or None,
        ended_at=row["ended_at"],
        end_reason=EndingType(row["end_reason"]) if row["end_reason"] else None,
        message_id=strawberry.ID(str(row["message_id"])),
    )


def follow_up_from(row: Row, context: Context) -> FollowUpType:
    """A follow-up out of its row."""
    seen = care.follow_up_from(row, [], context.means.ladder, day_of(context.means.now()))
    is_outcome = row["outcome"] in set(Outcome)
    return FollowUpType(
        id=global_id("FollowUp", row["id"]),
        key=row["id"],
        resident_key=row["resident_id"],
        row=row,
        version=row["version"],
        number=row["number"],
        state=FollowUpStateType(row["state"]),
        is_overdue=seen.is_overdue,
        due_from=row["due_from"],
        due_until=row["due_until"],
        latest=seen.latest,
        way=WayType(row["way"]) if row["way"] else None,
        reason=label_from(row["reason"]),
        rule=row["rule"],
        outcome=OutcomeType(row["outcome"]) if is_outcome else None,
        ending=EndingType(row["outcome"]) if row["outcome"] and not is_outcome else None,
        note=row["note"] or None,
        done_at=row["done_at"],
        done_by=row["done_by"] or None,
        message_id=strawberry.ID(str(row["message_id"])) if row["message_id"] else None,
    )


def offer_from(row: Row) -> OfferType:
    """An offer out of its row, with the contact data of whom it is about."""
    return OfferType(
        id=global_id("FollowUpOffer", row["id"]),
        key=row["id"],
        row=row,
        version=row["version"],
        state=OfferStateType(row["state"]),
        name=row["name"],
        phone=row["phone"],
        address=row["address"],
        hospital=row["hospital"],
        discharged_on=day_of(row["discharged_at"]),
        centre_id=row["organisation_id"],
        reason=label_from(row["reason"]),
        ended_at=row["ended_at"],
    )
