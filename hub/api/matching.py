"""Who is whom, over GraphQL: reviews, decisions, and what they reach."""

from collections.abc import Sequence
from datetime import datetime
from enum import Enum
from typing import Annotated
from uuid import UUID

import strawberry

from hub.api.changing import RefusalType, change
from hub.api.context import Context, Info
from hub.api.fields import field, mutation
from hub.api.labels import MatchWeight, weight_from
from hub.api.match_parts import (
    MatchReach,
    MatchSide,
    VerdictType,
    reach_from,
    side_from,
    verdict_from,
)
from hub.api.paging import (
    DEFAULT,
    After,
    Edge,
    First,
    Node,
    PageInfo,
    check_first,
    check_text,
    global_id,
    id_cursor,
    info_of,
    read_id_cursor,
    read_key,
)
from hub.api.residents import Grade, Resident, resident_from
from hub.care import matching as care
from hub.care.deed import Deed
from hub.programme.discharges import Discharges
from hub.store.reviews import Review


@strawberry.enum(description="How a review stands.")
class MatchReviewState(Enum):
    """The states of `match_review`, each with its meaning."""

    OPEN = strawberry.enum_value("open", description="It waits for somebody to decide.")
    SAME = strawberry.enum_value("same", description="Somebody decided: they are one person.")
    DIFFERENT = strawberry.enum_value("different", description="Somebody decided: they are two people.")
    SETTLED = strawberry.enum_value("settled", description="They became one resident by other means meanwhile.")


States = Annotated[
    list[MatchReviewState] | None, strawberry.argument(description="Only those in these states; without it, the open.")
]
PatientId = Annotated[strawberry.ID, strawberry.argument(description="The uuid of the patient.")]
ReviewId = Annotated[strawberry.ID, strawberry.argument(description="The `id` of the MatchReview.")]
ResidentId = Annotated[strawberry.ID, strawberry.argument(description="The `id` of the Resident.")]


@strawberry.type(description="Two patients who may be one person. Messages of both go on being taken in meanwhile.")
class MatchReview(Node):
    review: strawberry.Private[Review]
    state: MatchReviewState = strawberry.field(description="How it stands.")
    grade: Grade = strawberry.field(description="How sure the hub is that they are one person.")
    score: float = strawberry.field(description="The sum of the weights, in bits.")
    weights: list[MatchWeight] = strawberry.field(description="What speaks for and against it, the strongest first.")
    message_id: strawberry.ID = strawberry.field(description="The `id` of the Message that raised it.")
    opened_at: datetime = strawberry.field(description="When it was raised.")
    ended_at: datetime | None = strawberry.field(description="When it ended; null while it is open.")
    verdict_id: strawberry.ID | None = strawberry.field(description="The decision that ended it; null without one.")

    @field("The two patients, each as its own source tells of it.")
    async def sides(self, info: Info) -> list[MatchSide]:
        loader = info.context.loaders.by(care.list_sides)
        found = await loader.load_many([self.review.patient_id, self.review.other_id])
        return [side_from(side, info.context.means.kinds) for side in found]

    @field("What moves if they are one person; null where they stand for one resident already.")
    async def reach(self, info: Info) -> MatchReach | None:
        found = await care.reach_of_review(info.context.visit, self.review)
        return reach_from(found) if found else None


@strawberry.type(description="A page of reviews, the newest first (Relay).")
class MatchReviewConnection:
    asked: strawberry.Private[Sequence[str]]
    edges: list[Edge[MatchReview]] = strawberry.field(description="The reviews of this page.")
    page_info: PageInfo = strawberry.field(description="Where this page stands.")

    @field("How many there are. Counted only when asked for.")
    async def total_count(self, info: Info) -> int:
        return await care.count_reviews(info.context.visit, self.asked)


@strawberry.type
class MatchQuery:
    @field(
        "Patients who may be one person, for teams those of residents whom they serve, the newest first. Who decides "
        "sees both sides' demographics, and neither record for that."
    )
    async def match_reviews(
        self, info: Info, states: States = None, first: First = DEFAULT, after: After = None
    ) -> MatchReviewConnection:
        most = check_first(first)
        behind = read_id_cursor(after) if after is not None else None
        asked = [str(state.value) for state in states or [MatchReviewState.OPEN]]
        found = await care.page_reviews(info.context.visit, asked, most + 1, behind)
        edges = [Edge(node=_review(one), cursor=id_cursor(one.id)) for one in found[:most]]
        page = info_of(edges, after=after, more=len(found) > most)
        return MatchReviewConnection(asked=asked, edges=edges, page_info=page)

    @field("One review.")
    async def match_review(self, info: Info, id: ReviewId) -> MatchReview:
        return await find_match_review(info.context, read_key(id, "MatchReview", "id"))

    @field("What a patient would take along if it were parted from its resident.")
    async def patient_reach(self, info: Info, patient_id: PatientId) -> MatchReach:
        key = read_key(patient_id, "Patient", "patientId")
        return reach_from(await care.reach_of_patient(info.context.visit, key))

    @field("What people decided of a resident's patients, the last first.")
    async def verdicts(self, info: Info, resident_id: ResidentId) -> list[VerdictType]:
        key = read_key(resident_id, "Resident", "residentId")
        return [verdict_from(one) for one in await care.list_verdicts(info.context.visit, key)]


async def find_match_review(context: Context, key: UUID) -> MatchReview:
    """A review by id. Raises Refused (no-such-review)."""
    return _review(await care.find_review(context.visit, key))


def _review(one: Review) -> MatchReview:
    return MatchReview(
        id=global_id("MatchReview", one.id),
        review=one,
        state=MatchReviewState(one.state),
        grade=Grade(one.grade),
        score=one.score,
        weights=[weight_from(weight) for weight in one.weights],
        message_id=global_id("Message", one.message_id),
        opened_at=one.opened_at,
        ended_at=one.ended_at,
        verdict_id=strawberry.ID(str(one.verdict_id)) if one.verdict_id else None,
    )


# -- deciding ----------------------------------------------------------------------------------------------------------


@strawberry.input(description="A person's decision on a review.")
class DecideMatchInput:
    review_id: strawberry.ID = strawberry.field(description="The `id` of the MatchReview.")
    is_same: bool = strawberry.field(description="True: they are one person. False: they are two.")
    reason: str = strawberry.field(description="What it rests on: papers, a call, the person themselves. Up to 500.")


@strawberry.input(description="A patient that is not the resident whom it stands for.")
class SeparatePatientInput:
    patient_id: strawberry.ID = strawberry.field(description="The patient's uuid, from `Resident.patients`.")
    reason: str = strawberry.field(description="What it rests on. Up to 500 characters.")


@strawberry.input(description="A decision that is taken back.")
class UndoVerdictInput:
    verdict_id: strawberry.ID = strawberry.field(description="The decision's uuid.")
    reason: str = strawberry.field(description="Why it is taken back. Up to 500 characters.")


@strawberry.type(description="What a decision came to.")
class MatchPayload:
    outcome: strawberry.Private[care.Outcome]
    verdict_id: strawberry.ID = strawberry.field(description="The decision: `undoVerdict` takes it back.")
    reach: MatchReach | None = strawberry.field(description="What it moved; null where nothing moved.")
    disputed: list[str] = strawberry.field(
        description="Kinds of numbers that patients on both sides are sent with: one of them is wrong at its sender. "
        "Such a number stays where it was."
    )

    @field("Those of the residents, as they stand now, to whom the viewer has a relation.")
    async def residents(self, info: Info) -> list[Resident]:
        context = info.context
        found = await context.visit.residents_related(self.outcome.residents)
        return [resident_from(row, context.means.now()) for row in found]


DecideMatchResult = Annotated[
    MatchPayload | RefusalType,
    strawberry.union("DecideMatchResult", description="What the decision came to, or why it was not taken."),
]
SeparatePatientResult = Annotated[
    MatchPayload | RefusalType,
    strawberry.union("SeparatePatientResult", description="What parting them came to, or why they were not parted."),
]
UndoVerdictResult = Annotated[
    MatchPayload | RefusalType,
    strawberry.union("UndoVerdictResult", description="What taking it back came to, or why it was not taken back."),
]


@strawberry.type
class MatchMutation:
    @mutation("Say of two patients under review that they are one person, or that they are not.")
    async def decide_match(
        self, info: Info, input: Annotated[DecideMatchInput, strawberry.argument(description="The decision.")]
    ) -> DecideMatchResult:
        async def do(deed: Deed) -> care.Outcome:
            key = read_key(input.review_id, "MatchReview", "reviewId")
            reason = check_text(input.reason, "reason")
            return await care.decide(
                deed, key, is_same=input.is_same, reason=reason, follow_up=_follow_up(info.context)
            )

        return await change(info, do, _payload)

    @mutation("Part a patient from its resident: back to whom it stood for before, or to a resident of its own.")
    async def separate_patient(
        self, info: Info, input: Annotated[SeparatePatientInput, strawberry.argument(description="Which, and why.")]
    ) -> SeparatePatientResult:
        async def do(deed: Deed) -> care.Outcome:
            key = read_key(input.patient_id, "Patient", "patientId")
            reason = check_text(input.reason, "reason")
            return await care.part(deed, key, reason=reason, follow_up=_follow_up(info.context))

        return await change(info, do, _payload)

    @mutation("Take a decision back: what it moved goes back, and a review that it ended waits again.")
    async def undo_verdict(
        self, info: Info, input: Annotated[UndoVerdictInput, strawberry.argument(description="Which, and why.")]
    ) -> UndoVerdictResult:
        async def do(deed: Deed) -> care.Outcome:
            key = read_key(input.verdict_id, "Verdict", "verdictId")
            reason = check_text(input.reason, "reason")
            return await care.undo(deed, key, reason=reason, follow_up=_follow_up(info.context))

        return await change(info, do, _payload)


def _follow_up(context: Context) -> Discharges:
    means = context.means
    return Discharges(ladder=means.ladder, organisations=means.library().organisations if means.library else {})


def _payload(outcome: care.Outcome) -> MatchPayload:
    return MatchPayload(
        outcome=outcome,
        verdict_id=strawberry.ID(str(outcome.verdict_id)),
        reach=reach_from(outcome.reach) if outcome.reach else None,
        disputed=list(outcome.disputed),
    )
