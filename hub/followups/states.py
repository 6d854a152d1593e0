"""Plans, contacts that are due, offers: their values and their tables of states.

What is overdue or not yet accepted is no state: it is seen from a day. So nothing has to run at midnight.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from uuid import UUID

from hub.days import begin_of
from hub.errors import Refusal, refuse
from hub.transitions import Actor, Machine, move


class PlanState(StrEnum):
    """Where a plan stands."""

    DELIVERED = "delivered"
    """The team has it, and has not yet said that it takes care."""
    ACCEPTED = "accepted"
    COMPLETED = "completed"
    """Nothing of it is due any more."""
    CANCELLED = "cancelled"


class FollowUpState(StrEnum):
    """Where one contact stands."""

    DUE = "due"
    COMPLETED = "completed"
    LOST = "lost"
    """失访: nobody could be reached."""
    CANCELLED = "cancelled"


class OfferState(StrEnum):
    """Where an offer to a community centre stands."""

    OPEN = "open"
    TAKEN = "taken"
    """Somebody signed the resident."""
    DECLINED = "declined"
    WITHDRAWN = "withdrawn"


class Ending(StrEnum):
    """Why a plan, a contact or an offer ended without having been done."""

    VOID = "void"
    """The hospital took the discharge back (A13)."""
    DEATH = "death"
    READMITTED = "readmitted"
    TRANSFERRED = "transferred"
    """Sent on to another hospital (离院方式 2): what follows, follows from there."""
    UNSIGNED = "agreement-ended"
    REPLANNED = "replanned"
    """What was asked for changed before anybody had done anything."""
    STALE = "stale"
    """The discharge is too long ago (`Ladder.stale_after_days`)."""


class Way(StrEnum):
    """随访方式, CV06.00.207 (urn:oid:2.16.156.10011.2.3.1.183)."""

    OUTPATIENT = "outpatient"
    HOME = "home"
    TELEPHONE = "telephone"
    MESSAGE = "message"
    ONLINE = "online"
    OTHER = "other"


WAY_CODES = {
    "1": Way.OUTPATIENT,
    "2": Way.HOME,
    "3": Way.TELEPHONE,
    "4": Way.MESSAGE,
    "5": Way.ONLINE,
    "9": Way.OTHER,
}


class Outcome(StrEnum):
    """随访评价结果, CV05.10.012."""

    SATISFIED = "satisfied"
    UNSATISFIED = "unsatisfied"
    REACTION = "adverse-reaction"
    COMPLICATION = "complication"


@dataclass(frozen=True, kw_only=True, slots=True)
class Attempt:
    """One attempt to reach a resident, on a day in China."""

    on: date
    way: str
    is_reached: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """How many attempts make somebody lost (`attempts` on `days` different days, each of `ways` tried), and by how
    many days a contact may be put off beyond the window that its rule set."""

    attempts: int
    days: int
    ways: frozenset[str]
    put_off_days: int


@dataclass(frozen=True, kw_only=True, slots=True)
class FollowUp:
    """One contact that is due, as seen on a day (`seen_on`). `planned_until` is the last day that its rule set."""

    id: UUID
    state: str
    due_from: date
    due_until: date
    planned_until: date
    seen_on: date
    limits: Limits
    attempts: tuple[Attempt, ...] = ()

    @property
    def is_overdue(self) -> bool:
        """Whether its window is over, and nobody did it."""
        return self.state == FollowUpState.DUE and self.due_until < self.seen_on

    @property
    def latest(self) -> date:
        """The last day to which it may be put off; never a day that is over."""
        return max(self.planned_until + timedelta(days=self.limits.put_off_days), self.seen_on)


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """What is owed to a resident after one discharge. `follow_ups` are the states of its contacts."""

    id: UUID
    state: str
    follow_ups: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Offer:
    """A discharged resident without an agreement, offered to a community centre; "": to any of the alliance."""

    id: UUID
    state: str
    organisation: str = ""


# -- what must hold besides the state --------------------------------------------------------------------------------


def nothing_is_due(plan: Plan) -> Refusal | None:
    """Nothing of it is due."""
    if FollowUpState.DUE in plan.follow_ups:
        return Refusal(code="plan-still-due")
    return None


def has_begun(follow_up: FollowUp) -> Refusal | None:
    """Its window has begun."""
    if follow_up.due_from <= follow_up.seen_on:
        return None
    given = {"from": str(follow_up.due_from), "changes_at": begin_of(follow_up.due_from).isoformat()}
    return Refusal(code="follow-up-too-early", given=given)


def was_tried(follow_up: FollowUp) -> Refusal | None:
    """Enough was tried."""
    limits, failed = follow_up.limits, [one for one in follow_up.attempts if not one.is_reached]
    days = {one.on for one in failed}
    untried = limits.ways - {one.way for one in failed}
    if len(failed) >= limits.attempts and len(days) >= limits.days and not untried:
        return None
    given = {
        "attempts": str(limits.attempts),
        "days": str(limits.days),
        "ways": ", ".join(sorted(limits.ways)),
        "tried": str(len(failed)),
    }
    return Refusal(code="not-lost-yet", given=given)


def is_given_to_somebody(offer: Offer) -> Refusal | None:
    """It was made to this centre, not to all."""
    return None if offer.organisation else Refusal(code="offer-to-all")


def check_window(follow_up: FollowUp, begin: date, end: date) -> None:
    """Insist that a contact may be moved there. Raises Refused (bad-window, window-over, put-off-too-far)."""
    if end < begin:
        raise refuse("bad-window", "dueUntil")
    if begin < follow_up.seen_on:
        raise refuse("window-over", "dueFrom", today=str(follow_up.seen_on))
    if end > follow_up.latest:
        raise refuse("put-off-too-far", "dueUntil", latest=str(follow_up.latest))


# -- the tables ------------------------------------------------------------------------------------------------------

_TO_SAY = (Actor.TEAM, Actor.MESSAGE, Actor.TIME)
"""Whoever brings the news: a message of a hospital, a team that signs, the end of a term."""

PLAN_MACHINE: Machine[Plan] = Machine(
    name="plan",
    states=tuple(PlanState),
    moves=(
        move("accept", [PlanState.DELIVERED], PlanState.ACCEPTED, Actor.TEAM),
        move(
            "complete",
            [PlanState.DELIVERED, PlanState.ACCEPTED],
            PlanState.COMPLETED,
            *_TO_SAY,
            guard=nothing_is_due,
        ),
        move("hand-over", [PlanState.DELIVERED, PlanState.ACCEPTED], PlanState.DELIVERED, *_TO_SAY),
        move("replan", [PlanState.DELIVERED, PlanState.ACCEPTED], "", *_TO_SAY),
        move("cancel", [PlanState.DELIVERED, PlanState.ACCEPTED], PlanState.CANCELLED, *_TO_SAY),
        move("void", [PlanState.COMPLETED], PlanState.CANCELLED, *_TO_SAY),
        move("deliver-again", [PlanState.CANCELLED], PlanState.DELIVERED, *_TO_SAY),
    ),
    state_of=lambda plan: plan.state,
)
"""Nothing of a plan is final: a hospital may take back the discharge that even a completed one followed."""

FOLLOW_UP_MACHINE: Machine[FollowUp] = Machine(
    name="follow-up",
    states=tuple(FollowUpState),
    moves=(
        move("contact", [FollowUpState.DUE], "", Actor.TEAM),
        move("complete", [FollowUpState.DUE], FollowUpState.COMPLETED, Actor.TEAM, guard=has_begun),
        move("reschedule", [FollowUpState.DUE], "", Actor.TEAM),
        move("lose", [FollowUpState.DUE], FollowUpState.LOST, Actor.TEAM, guard=was_tried),
        move("replan", [FollowUpState.DUE, FollowUpState.CANCELLED], FollowUpState.DUE, *_TO_SAY),
        move("cancel", [FollowUpState.DUE], FollowUpState.CANCELLED, *_TO_SAY),
    ),
    state_of=lambda follow_up: follow_up.state,
)

OFFER_MACHINE: Machine[Offer] = Machine(
    name="offer",
    states=tuple(OfferState),
    moves=(
        move("move", [OfferState.OPEN], "", *_TO_SAY),
        move("take", [OfferState.OPEN, OfferState.DECLINED], OfferState.TAKEN, *_TO_SAY),
        move("decline", [OfferState.OPEN], OfferState.DECLINED, Actor.CENTRE, guard=is_given_to_somebody),
        move("withdraw", [OfferState.OPEN, OfferState.TAKEN], OfferState.WITHDRAWN, *_TO_SAY),
        move("reopen", [OfferState.TAKEN, OfferState.WITHDRAWN], OfferState.OPEN, *_TO_SAY),
    ),
    state_of=lambda offer: offer.state,
)


def attempts_of(rows: Iterable[tuple[date, str, bool]]) -> tuple[Attempt, ...]:
    """Attempts out of (day, way, whether somebody was reached)."""
    return tuple(Attempt(on=on, way=way, is_reached=is_reached) for on, way, is_reached in rows)
