"""Referrals as both sides read and follow them."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import datetime
from typing import Annotated
from uuid import UUID

import strawberry

from hub.access import Viewer
from hub.api.context import Context, Info
from hub.api.fields import field, subscription
from hub.api.following import Cursor, follow
from hub.api.labels import Label
from hub.api.paging import (
    DEFAULT,
    After,
    Edge,
    First,
    Node,
    PageInfo,
    check_first,
    global_id,
    id_cursor,
    info_of,
    read_global_id,
    read_id_cursor,
)
from hub.api.queries import find_resident
from hub.api.referral_parts import (
    ReferralAct,
    ReferralBox,
    ReferralDirection,
    ReferralNote,
    ReferralOutcome,
    ReferralPriority,
    ReferralSide,
    ReferralSlot,
    ReferralState,
    ReferralStep,
    ReferralSummary,
    ReferralUrgency,
    label_of,
    note_from,
    sides_from,
    slot_from,
    steps_from,
    summary_from,
)
from hub.api.residents import Resident
from hub.care import referrals as care
from hub.days import day_of
from hub.errors import refuse
from hub.referrals import available
from hub.store.referrals import value_from
from hub.store.worklists import Row

# -- a referral ------------------------------------------------------------------------------------------------------


@strawberry.type(name="Referral", description="A referral (双向转诊): up to a hospital, or down to the community.")
class ReferralType(Node):
    key: strawberry.Private[UUID]
    row: strawberry.Private[Row]
    number: str = strawberry.field(description="What people call it: 20261122-7KQF-2M9T.")
    direction: ReferralDirection = strawberry.field(description="Where it leads.")
    direction_label: Label = strawberry.field(description="The same in words.")
    state: ReferralState = strawberry.field(description="Where it stands.")
    state_label: Label = strawberry.field(description="The same in words.")
    state_reason: str | None = strawberry.field(description="Why it stands there, where somebody or something said so.")
    urgency: ReferralUrgency = strawberry.field(description="How soon the resident must be seen.")
    urgency_label: Label = strawberry.field(description="The same in words.")
    department: str | None = strawberry.field(
        description="The department it is for, or from; null where none is named."
    )
    reason: str | None = strawberry.field(
        description="Why (转出原因、主要现病史); null for whom it came to where it was withdrawn."
    )
    impression: str | None = strawberry.field(description="The first impression (初步印象); null where none is given.")
    from_: ReferralSide = strawberry.field(name="from", description="Who sent it.")
    to: ReferralSide = strawberry.field(description="To whom.")
    outcome: ReferralOutcome | None = strawberry.field(
        description="What became of the resident; null until it is over."
    )
    outcome_label: Label | None = strawberry.field(description="The same in words.")
    booking: ReferralSlot | None = strawberry.field(description="The slot booked with it; null where none is.")
    reply: ReferralNote | None = strawberry.field(description="What the receiver wrote back; null until they do.")
    stay: str | None = strawberry.field(
        description="The encounter that it led to, or came from, by its hospital and visit number; null while none is."
    )
    plan_id: strawberry.ID | None = strawberry.field(
        description="Of a referral down: the `id` of the FollowUpPlan that follows the same stay; null where none does."
    )
    previous_id: strawberry.ID | None = strawberry.field(
        description="Of a referral down: the `id` of the referral up whose stay it ends; null where there was none."
    )
    sent_at: datetime = strawberry.field(description="When it was sent.")
    accepted_at: datetime | None = strawberry.field(description="When it was accepted; null while it is not.")
    ended_at: datetime | None = strawberry.field(description="When it ended; null while it is open.")
    version: int = strawberry.field(description="Give it with a change, to change only what you have seen.")
    resident_id: strawberry.ID | None = strawberry.field(
        description="Whom it is about: the `id` of a Resident; null for whom it came to where it was withdrawn."
    )
    available_actions: list[ReferralAct] = strawberry.field(description="What you can do with it now.")

    @field(
        "The record in short as it was when the referral was sent. It never changes, and stays when all is over; null "
        "for whom it came to where it was withdrawn: of such a one they see the number, the state and why."
    )
    def summary(self) -> ReferralSummary | None:
        return None if self.row["is_withheld"] else summary_from(self.row["summary"])

    @field("Each step since it was sent, the first first.")
    async def history(self, info: Info) -> list[ReferralStep]:
        steps = await info.context.loaders.by(care.load_steps).load(self.key)
        return steps_from(steps, is_withheld=self.row["is_withheld"])

    @field(
        "The resident with their whole record; null where you have no relation to them any more: a hospital's ends "
        "with the referral."
    )
    async def resident(self, info: Info) -> Resident | None:
        if self.row["is_withheld"]:
            return None
        key = self.row["resident_id"]
        is_related = await info.context.loaders.by(care.load_related).load(key)
        return await find_resident(info.context, key) if is_related else None

    @field("The rule that a referred resident goes first, with its clause; null where the region has none.")
    def priority(self, info: Info) -> ReferralPriority | None:
        on, authority = day_of(self.sent_at), self.row["to_authority"]
        rule = info.context.means.programme.find("referral-priority", on, authority=authority)
        if rule is None or self.direction is not ReferralDirection.UP:
            return None
        return ReferralPriority(label=Label(zh=rule.zh, en=rule.en), clause=rule.reference())


@strawberry.type(description="A page of referrals, the newest first (Relay).")
class ReferralConnection:
    box: strawberry.Private[str]
    states: strawberry.Private[list[str]]
    edges: list[Edge[ReferralType]] = strawberry.field(description="The referrals of this page, in order.")
    page_info: PageInfo = strawberry.field(description="Where this page stands.")

    @field("How many referrals there are. Counted only when asked for.")
    async def total_count(self, info: Info) -> int:
        return await care.count(info.context.visit, self.box, self.states)


def referral_from(row: Row, viewer: Viewer) -> ReferralType:
    """A referral out of its row, as this viewer may act on it."""
    value = value_from(row)
    sender, receiver = sides_from(row)
    direction, state = ReferralDirection(row["direction"]), ReferralState(row["state"])
    urgency = ReferralUrgency(row["urgency"])
    outcome = ReferralOutcome(row["outcome"]) if row["outcome"] else None
    return ReferralType(
        id=global_id("Referral", row["id"]),
        key=row["id"],
        row=row,
        number=row["number"],
        direction=direction,
        direction_label=label_of(direction),
        state=state,
        state_label=label_of(state),
        state_reason=row["state_reason"] or None,
        urgency=urgency,
        urgency_label=label_of(urgency),
        department=row["department"] or None,
        reason=row["reason"] or None,
        impression=row["impression"] or None,
        from_=sender,
        to=receiver,
        outcome=outcome,
        outcome_label=label_of(outcome) if outcome else None,
        booking=slot_from(row),
        reply=note_from(row["reply"]),
        stay=row["stay_key"] or None,
        plan_id=global_id("FollowUpPlan", row["plan_id"]) if row["plan_id"] else None,
        previous_id=global_id("Referral", row["previous_id"]) if row["previous_id"] else None,
        sent_at=row["sent_at"],
        accepted_at=row["accepted_at"],
        ended_at=row["ended_at"],
        version=row["version"],
        resident_id=None if row["is_withheld"] else global_id("Resident", row["resident_id"]),
        available_actions=[ReferralAct(act) for act in available(value, care.actors_for(viewer, value))],
    )


# -- asking and following --------------------------------------------------------------------------------------------

ReferralId = Annotated[strawberry.ID, strawberry.argument(description="The `id` of a Referral.")]
Box = Annotated[ReferralBox | None, strawberry.argument(description="Which of them; without it, both.")]
States = Annotated[
    list[ReferralState] | None, strawberry.argument(description="Only those that stand there; without it, all.")
]


def read_referral_id(text: str, where: str = "id") -> UUID:
    """A referral by its id. Raises Refused (bad-id)."""
    kind, key = read_global_id(text, where)
    if kind != "Referral":
        raise refuse("bad-id", where)
    return key


async def find_referral(context: Context, key: UUID) -> ReferralType:
    """A referral of the viewer's side. Raises Refused (unknown-referral), also where it is somebody else's."""
    row = await context.loaders.by(care.load).load(key)
    if row is None:
        raise refuse("unknown-referral", "id")
    return referral_from(row, context.viewer)


async def list_referrals(context: Context, resident: UUID) -> list[ReferralType]:
    """The newest referrals of a resident that are the viewer's side's."""
    rows = await context.loaders.by(care.load_of_residents).load(resident)
    return [referral_from(row, context.viewer) for row in rows]


@strawberry.type
class ReferralQuery:
    @field("A referral of your side. Refused where it is none of yours, or nobody's.")
    async def referral(self, info: Info, id: ReferralId) -> ReferralType | None:
        return await find_referral(info.context, read_referral_id(id))

    @field(
        "Your side's referrals, the newest first: a team's own and those that came down to it or to its centre; of a "
        "hospital's desk those that came to the hospital, and those that it sent down."
    )
    async def referrals(
        self,
        info: Info,
        box: Box = None,
        states: States = None,
        first: First = DEFAULT,
        after: After = None,
    ) -> ReferralConnection:
        context = info.context
        chosen, wanted = str(box.value) if box else "", [state.value for state in states or ()]
        behind = read_id_cursor(after) if after is not None else None
        rows = await care.page(context.visit, chosen, wanted, check_first(first) + 1, behind)
        edges = [Edge(node=referral_from(row, context.viewer), cursor=id_cursor(row["id"])) for row in rows[:first]]
        page_info = info_of(edges, after=after, more=len(rows) > first)
        return ReferralConnection(box=chosen, states=wanted, edges=edges, page_info=page_info)


@strawberry.type(description="Something changed about a referral.")
class ReferralChange:
    key: strawberry.Private[UUID]
    cursor: str = strawberry.field(description="Where to resume after this change: give it as `after`.")
    at: datetime = strawberry.field(description="When it changed.")

    @field("The referral as it now is.")
    async def referral(self, info: Info) -> ReferralType | None:
        return await find_referral(info.context, self.key)


@strawberry.type
class ReferralSubscription:
    @subscription(
        "Changes of your side's referrals, whoever made them. It resumes behind `after` without a gap, and ends when "
        "the token does."
    )
    async def referral_changed(self, info: Info, after: Cursor = None) -> AsyncGenerator[ReferralChange, None]:
        context = info.context
        async with aclosing(follow(context, after, ["referral-changed"])) as events:
            async for event in events:
                if event.subject is None or await context.loaders.by(care.load).load(event.subject) is None:
                    await context.visit.abandon()  # another team of the centre has taken it since
                    continue
                yield ReferralChange(key=event.subject, cursor=event.cursor, at=event.at)
