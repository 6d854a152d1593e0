"""Referrals: their states as two tables (up to a hospital, down to the community), and what a record asks of them.

That a referral has been received says nothing of its acceptance; and what was confirmed (an arrival, an outcome) no
later failure overwrites. Pure.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from uuid import UUID

from hub.days import day_of
from hub.errors import Refusal
from hub.transitions import Actor, Machine, Move, move

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's base 32: no I, L, O, U, which are misheard or misread."""
_LETTERS = 8


class Direction(StrEnum):
    """Where a referral leads."""

    UP = "up"
    DOWN = "down"


class State(StrEnum):
    """Where a referral stands."""

    SENT = "sent"
    RECEIVED = "received"
    ACCEPTED = "accepted"
    BOOKED = "booked"
    ARRIVED = "arrived"
    CLOSED = "closed"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    NOT_ARRIVED = "not-arrived"


ENDED = frozenset({State.CLOSED, State.REFUSED, State.WITHDRAWN, State.NOT_ARRIVED})
"""Where nothing is owed any more: the receiver reads the record no longer."""


class Urgency(StrEnum):
    """How soon somebody must be seen."""

    ROUTINE = "routine"
    URGENT = "urgent"
    EMERGENCY = "emergency"


class Outcome(StrEnum):
    """What became of the person whom a closed referral was about."""

    HOME = "home"
    TRANSFERRED = "transferred"
    COMMUNITY = "community"
    AGAINST_ADVICE = "against-advice"
    DIED = "died"
    DISCHARGED = "discharged"
    """How was not said."""
    ANSWERED = "answered"
    """The receiver closed it with a reply."""


VOID_DISCHARGE = "discharge-cancelled"
"""Why a message withdraws a referral down: the discharge that opened it is void (A13)."""
SAME_STAY = "same-stay"
"""Why one is withdrawn: two residents were merged, and both were sent down after one stay."""

TO_COMMUNITY = "3"
_DISPOSITIONS: Mapping[str, Outcome] = MappingProxyType(
    {
        "1": Outcome.HOME,
        "2": Outcome.TRANSFERRED,
        TO_COMMUNITY: Outcome.COMMUNITY,
        "4": Outcome.AGAINST_ADVICE,
        "5": Outcome.DIED,
    }
)
"""离院方式 of the inpatient front page (国卫医政发〔2011〕84 号)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Referral:
    """One referral, without its summary, which never changes. `stay_key` is the key of the encounter that it led to
    (up) or came from (down), "" while there is none; `by` the account that sent it, or the source of `message_id`."""

    id: UUID
    number: str
    direction: Direction
    resident_id: UUID
    state: State
    from_organisation_id: str
    from_team_id: str | None = None
    to_organisation_id: str
    to_team_id: str | None = None
    department: str = ""
    urgency: Urgency = Urgency.ROUTINE
    reason: str
    impression: str = ""
    booking_id: UUID | None = None
    plan_id: UUID | None = None
    previous_id: UUID | None = None
    stay_key: str = ""
    reply: Mapping[str, str] | None = None
    outcome: str = ""
    state_reason: str = ""
    by: str
    message_id: UUID | None = None
    sent_at: datetime
    accepted_at: datetime | None = None
    ended_at: datetime | None = None
    version: int = 1


def number_of(key: UUID, on: date) -> str:
    """What people call a referral: ``20261122-7KQF-2M9T``, the day and 40 random bits of its id.

    A count of the day would have to be locked until commit, by every message and person who sends at that moment, and
    would have gaps where one rolls back. Of a thousand a day, two meet once in 6,000 years, and the unique column
    refuses them.
    """
    bits = key.int & ((1 << 5 * _LETTERS) - 1)
    letters = "".join(_ALPHABET[bits >> 5 * place & 31] for place in reversed(range(_LETTERS)))
    return f"{on:%Y%m%d}-{letters[:4]}-{letters[4:]}"


# -- what must hold --------------------------------------------------------------------------------------------------


def nobody_has_accepted(referral: Referral) -> Refusal | None:
    """Nobody has accepted it yet."""
    return Refusal(code="referral-accepted", where="referral") if referral.accepted_at else None


def somebody_has_accepted(referral: Referral) -> Refusal | None:
    """Somebody has accepted it."""
    return None if referral.accepted_at else Refusal(code="referral-not-accepted", where="referral")


def discharge_closed_it(referral: Referral) -> Refusal | None:
    """A discharge closed it."""
    is_by_discharge = bool(referral.stay_key) and referral.outcome != Outcome.ANSWERED
    return None if is_by_discharge else Refusal(code="referral-closed-otherwise", where="referral")


def nobody_has_replied(referral: Referral) -> Refusal | None:
    """Nobody has replied yet."""
    return Refusal(code="referral-replied", where="referral") if referral.reply else None


# -- the tables ------------------------------------------------------------------------------------------------------

_WAITING = (State.SENT, State.RECEIVED, State.ACCEPTED)
_SENDER, _RECEIVER, _MESSAGE, _TIME = Actor.SENDER, Actor.RECEIVER, Actor.MESSAGE, Actor.TIME
_FREED = (_MESSAGE, _TIME, Actor.HOSPITAL, Actor.TEAM)
"""Whoever ends a booking. Nobody unbooks a referral itself: its booking is cancelled."""


def _state_of(referral: Referral) -> str:
    return referral.state


_UP: tuple[Move[Referral], ...] = (
    move("receive", [State.SENT], State.RECEIVED, _RECEIVER),
    move("accept", [State.SENT, State.RECEIVED], State.ACCEPTED, _RECEIVER),
    move("accept", [State.BOOKED], "", _RECEIVER, guard=nobody_has_accepted),
    move("refuse", [*_WAITING, State.BOOKED], State.REFUSED, _RECEIVER),
    move("withdraw", [*_WAITING, State.BOOKED], State.WITHDRAWN, _SENDER),
    move("book", _WAITING, State.BOOKED, _SENDER),
    move("unbook", [State.BOOKED], State.ACCEPTED, *_FREED, guard=somebody_has_accepted),
    move("unbook", [State.BOOKED], State.SENT, *_FREED, guard=nobody_has_accepted),
    move("arrive", [*_WAITING, State.BOOKED, State.NOT_ARRIVED], State.ARRIVED, _MESSAGE, _RECEIVER),
    move("admit", [State.ARRIVED], "", _MESSAGE),
    move("discharge", [State.ARRIVED], State.CLOSED, _MESSAGE),
    move("resume", [State.CLOSED], State.ARRIVED, _MESSAGE, guard=discharge_closed_it),
    move("correct", [State.CLOSED], "", _MESSAGE, guard=discharge_closed_it),
    move("close", [State.ACCEPTED, State.BOOKED, State.ARRIVED], State.CLOSED, _RECEIVER),
    move("reply", [State.CLOSED], "", _RECEIVER, guard=nobody_has_replied),
    move("die", [*_WAITING, State.BOOKED, State.ARRIVED], State.CLOSED, _MESSAGE),
    move("miss", [State.BOOKED], State.NOT_ARRIVED, _TIME),
)
_DOWN: tuple[Move[Referral], ...] = (
    move("receive", [State.SENT], State.RECEIVED, _RECEIVER),
    move("accept", [State.SENT, State.RECEIVED], State.ACCEPTED, _RECEIVER),
    move("refuse", _WAITING, State.REFUSED, _RECEIVER),
    move("withdraw", _WAITING, State.WITHDRAWN, _SENDER),
    move("withdraw", [State.SENT, State.RECEIVED], State.WITHDRAWN, _MESSAGE),
    move("arrive", _WAITING, State.ARRIVED, _MESSAGE, _RECEIVER),
    move("close", [State.ACCEPTED, State.ARRIVED], State.CLOSED, _RECEIVER),
    move("die", [*_WAITING, State.ARRIVED], State.CLOSED, _MESSAGE),
)
_DOWN_STATES = tuple(state for state in State if state not in (State.BOOKED, State.NOT_ARRIVED))

MACHINES: Mapping[Direction, Machine[Referral]] = MappingProxyType(
    {
        Direction.UP: Machine(name="referral", states=tuple(State), moves=_UP, state_of=_state_of),
        Direction.DOWN: Machine(name="referral", states=_DOWN_STATES, moves=_DOWN, state_of=_state_of),
    }
)


def machine_of(referral: Referral) -> Machine[Referral]:
    """The table that a referral follows."""
    return MACHINES[referral.direction]


def actors_of(referral: Referral, *, account: str, team: str, organisation: str, is_desk: bool) -> frozenset[Actor]:
    """What somebody is to a referral. Whoever sent it is never its receiver, whatever token they hold by now."""
    if referral.direction is Direction.UP:
        sends = not is_desk and bool(team) and team == referral.from_team_id
        receives = is_desk and organisation == referral.to_organisation_id
    else:
        sends = is_desk and organisation == referral.from_organisation_id
        open_to_all = referral.to_team_id is None and organisation == referral.to_organisation_id
        receives = not is_desk and bool(team) and (team == referral.to_team_id or open_to_all)
    return frozenset(
        ([_SENDER] if sends else []) + ([_RECEIVER] if receives and account != referral.by else []),
    )


def available(referral: Referral, actors: frozenset[Actor]) -> list[str]:
    """What these actors may do with a referral now, each act once."""
    return list(dict.fromkeys(machine_of(referral).acts(referral, actors)))


# -- what the record asks of them ------------------------------------------------------------------------------------

TOLERANCE = timedelta(days=1)
"""How long before its sending a stay may have begun: hospitals' clocks differ, and in an emergency people go first."""

_INPATIENT = frozenset({"IMP", "ACUTE", "NONAC", "SS"})
_OPENED = frozenset({"arrived", "triaged", "in-progress", "onleave", "finished"})
_AWAITED = frozenset({*_WAITING, State.BOOKED, State.NOT_ARRIVED})


@dataclass(frozen=True, kw_only=True, slots=True)
class Stay:
    """A stay or visit as the record now has it. `organisation_id` is that of the source that told it, `kind` HL7's
    ActEncounterCode, `told_at` when a source first wrote of it, `disposition` the code of 离院方式."""

    key: str
    organisation_id: str
    kind: str
    status: str
    department: str = ""
    began_at: datetime | None = None
    told_at: datetime
    ended_at: datetime | None = None
    disposition: str = ""

    @property
    def is_inpatient(self) -> bool:
        """Whether somebody was admitted."""
        return self.kind in _INPATIENT

    @property
    def is_over(self) -> bool:
        """Whether somebody has left."""
        return self.status == "finished" or (self.status == "unknown" and self.ended_at is not None)

    @property
    def opened_at(self) -> datetime | None:
        """When it began; None where nobody came. A stay that no message opened (a result names it) counts only where
        its beginning was said."""
        if self.status in _OPENED:
            return self.began_at or self.told_at
        return self.began_at if self.status == "unknown" else None

    @property
    def leads_down(self) -> bool:
        """Whether its hospital has sent somebody to the community (离院方式 3)."""
        return self.is_inpatient and self.is_over and self.disposition == TO_COMMUNITY


@dataclass(frozen=True, kw_only=True, slots=True)
class Death:
    """That somebody has died; `on` is None where the day was not said."""

    on: date | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Ask:
    """What a referral should do, since the record says so."""

    act: str
    stay_key: str | None = None
    outcome: Outcome | None = None
    reason: str = ""


def outcome_of(stay: Stay, death: Death | None) -> Outcome:
    """How a stay ended: by 离院方式; where that was not said, by a death until its last day."""
    if stay.disposition in _DISPOSITIONS:
        return _DISPOSITIONS[stay.disposition]
    is_dead = death is not None and death.on and stay.ended_at and death.on <= day_of(stay.ended_at)
    return Outcome.DIED if is_dead else Outcome.DISCHARGED


def may_be_of(referral: Referral, stay: Stay) -> bool:
    """Whether a stay can be what a referral led to: there, after it was sent, before it ended. Hospitals write whole
    seconds, so a stay that ends in the second of the sending ends after it."""
    opened_at, sent_at = stay.opened_at, referral.sent_at.replace(microsecond=0)
    return (
        opened_at is not None
        and stay.organisation_id == referral.to_organisation_id
        and opened_at >= referral.sent_at - TOLERANCE
        and (stay.ended_at is None or stay.ended_at >= sent_at)
        and (referral.ended_at is None or opened_at <= referral.ended_at)
    )


def pair(referrals: Sequence[Referral], stays: Sequence[Stay]) -> dict[UUID, Stay]:
    """The stays that referrals of one resident newly lead to: each stay is one referral's, by its department first,
    then in the order in which they began. A visit gives way to the admission that it ends in."""
    known = {stay.key: stay for stay in stays}
    taken = {referral.stay_key for referral in referrals}
    chances = [
        (_rank(referral, stay), referral, stay)
        for referral in referrals
        for stay in stays
        if stay.key not in taken and _wants(referral, known.get(referral.stay_key), stay)
    ]
    found: dict[UUID, Stay] = {}
    for _, referral, stay in sorted(chances, key=lambda chance: chance[0]):
        if referral.id not in found and stay not in found.values():
            found[referral.id] = stay
    return found


def _rank(referral: Referral, stay: Stay) -> tuple[bool, datetime, UUID, str]:
    is_elsewhere = referral.department.strip() != stay.department.strip()
    return is_elsewhere, stay.opened_at or stay.told_at, referral.id, stay.key


def _wants(referral: Referral, own: Stay | None, stay: Stay) -> bool:
    if not may_be_of(referral, stay):
        return False
    if referral.state in _AWAITED:
        return True
    if referral.state is not State.ARRIVED or referral.direction is Direction.DOWN:
        return False
    if not referral.stay_key:
        return True
    is_later = own is not None and (stay.opened_at or stay.told_at) >= (own.opened_at or own.told_at)
    return is_later and own is not None and not own.is_inpatient and stay.is_inpatient


def asked(referral: Referral, own: Stay | None, found: Stay | None, death: Death | None) -> Ask | None:
    """What the record asks of a referral next, or None. `own` is its stay as it now is, `found` one that it newly
    leads to. Whatever was told in which order and how often, the last answer is the same."""
    if referral.direction is Direction.DOWN:
        return _asked_down(referral, own, found, death)
    if referral.state in _AWAITED and found:
        return Ask(act="arrive", stay_key=found.key)
    if referral.state is State.ARRIVED and found:
        return Ask(act="admit", stay_key=found.key)
    if referral.state is State.ARRIVED and own and own.is_over:
        return Ask(act="discharge", outcome=outcome_of(own, death))
    if referral.state not in ENDED and death:
        return Ask(act="die", outcome=Outcome.DIED)
    if referral.state is State.CLOSED and own and discharge_closed_it(referral) is None:
        return _asked_again(referral, own, death)
    return None


def _asked_again(referral: Referral, own: Stay, death: Death | None) -> Ask | None:
    if own.is_over:
        outcome = outcome_of(own, death)
        return Ask(act="correct", outcome=outcome) if outcome != referral.outcome else None
    return None if death else Ask(act="resume")


def _asked_down(referral: Referral, own: Stay | None, found: Stay | None, death: Death | None) -> Ask | None:
    if referral.state in ENDED:
        return None
    if death:
        return Ask(act="die", outcome=Outcome.DIED)
    is_void = referral.message_id is not None and (own is None or not own.leads_down)
    if is_void and referral.state in (State.SENT, State.RECEIVED):
        return Ask(act="withdraw", reason=VOID_DISCHARGE)
    return Ask(act="arrive") if found and referral.state in _WAITING else None
