"""The accounts of a slot, the states of bookings and sessions, and which act leads from which to which."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from hub.errors import Refusal
from hub.transitions import Actor, Machine, move

DEFAULT_HOLD = timedelta(minutes=10)
"""How long a slot is held where nobody says: long enough to ask the patient on the telephone."""
LONGEST_HOLD = timedelta(minutes=60)
"""A hold beyond a consultation is a booking for nobody: it would take the slot from the other teams."""


class Account(StrEnum):
    """Where a slot stands in the ledger."""

    NEW = "new"
    """Nowhere yet: where the first movement of every slot comes from."""
    PUBLIC = "public"
    """Anybody's, at the hospital."""
    TEAM = "team"
    """The teams', and free."""
    HELD = "held"
    BOOKED = "booked"
    WITHDRAWN = "withdrawn"
    """Not offered any more."""


FREE = frozenset({Account.PUBLIC, Account.TEAM})
TAKEN = frozenset({Account.HELD, Account.BOOKED})


class BookingState(StrEnum):
    """Where a booking stands."""

    HELD = "held"
    BOOKED = "booked"
    EXPIRED = "expired"
    """A hold that nobody confirmed in time."""
    CANCELLED = "cancelled"


class SessionState(StrEnum):
    """Where a session stands."""

    OPEN = "open"
    RELEASED = "released"
    """What the teams left free has gone to the public."""
    CANCELLED = "cancelled"
    """停诊."""


class Kind(StrEnum):
    """What a session is of (`hub.policy.KINDS`)."""

    EXPERT = "expert"
    GENERAL = "general"
    EXAMINATION = "examination"
    BED = "bed"


@dataclass(frozen=True, kw_only=True, slots=True)
class Slot:
    """A slot, as its next movement sees it. `is_released`: its session's slots have gone to the public."""

    account: str
    is_released: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Booking:
    """A hold or booking, as seen at a moment (`seen_at`). `expires_at` is that of a hold."""

    state: str
    expires_at: datetime | None = None
    starts_at: datetime
    seen_at: datetime

    @property
    def has_lapsed(self) -> bool:
        """Whether it is a hold whose time is over, whenever the clock gets round to it."""
        return self.state == BookingState.HELD and self.expires_at is not None and self.expires_at <= self.seen_at


@dataclass(frozen=True, kw_only=True, slots=True)
class Session:
    """A published session. `rule`, `opening_rule` and `release_rule` are region and clause of what `reserved`,
    `team_from` and `release_at` follow; "" where the hospital said it itself. `share` is exact: ``1/3``."""

    id: UUID
    organisation_id: str
    number: str
    kind: str
    department: str
    practitioner: str = ""
    title: str = ""
    speciality: str = ""
    place: str = ""
    fee: str = ""
    starts_at: datetime
    ends_at: datetime
    team_from: datetime
    public_from: datetime
    release_at: datetime
    reserved: int
    share: str = ""
    rule: str = ""
    opening_rule: str = ""
    release_rule: str = ""
    state: str
    state_reason: str = ""
    told_at: datetime
    version: int = 1

    @property
    def is_cancelled(self) -> bool:
        """Whether it does not take place (停诊)."""
        return self.state == SessionState.CANCELLED

    def is_released(self, now: datetime) -> bool:
        """Whether the teams' time is over, whenever the clock gets round to it."""
        return self.release_at <= now


# -- what must hold --------------------------------------------------------------------------------------------------


def is_before_release(slot: Slot) -> Refusal | None:
    """The teams' time is not over."""
    return Refusal(code="pool-closed") if slot.is_released else None


def is_after_release(slot: Slot) -> Refusal | None:
    """The teams' time is over."""
    return None if slot.is_released else Refusal(code="pool-still-open")


def stands_in_time(booking: Booking) -> Refusal | None:
    """Its hold has not expired."""
    return Refusal(code="hold-expired", where="bookingId") if booking.has_lapsed else None


def has_lapsed(booking: Booking) -> Refusal | None:
    """Its time is over."""
    return None if booking.has_lapsed else Refusal(code="hold-stands", where="bookingId")


def lies_ahead(booking: Booking) -> Refusal | None:
    """Its hold has not expired, and its time has not come."""
    if booking.starts_at <= booking.seen_at:
        return Refusal(code="slot-begun", where="bookingId")
    return stands_in_time(booking)


# -- the tables ------------------------------------------------------------------------------------------------------

_TEAM, _HOSPITAL, _TIME = Actor.TEAM, Actor.HOSPITAL, Actor.TIME

MACHINE: Machine[Slot] = Machine(
    name="slot",
    states=tuple(Account),
    moves=(
        move("publish", [Account.NEW, Account.WITHDRAWN], Account.PUBLIC, _HOSPITAL),
        move(
            "reserve",
            [Account.NEW, Account.WITHDRAWN, Account.PUBLIC],
            Account.TEAM,
            _HOSPITAL,
            guard=is_before_release,
        ),
        move("hold", [Account.TEAM], Account.HELD, _TEAM, guard=is_before_release),
        move("confirm", [Account.HELD], Account.BOOKED, _TEAM),
        move("expire", [Account.HELD], Account.TEAM, _TIME, guard=is_before_release),
        move("expire", [Account.HELD], Account.PUBLIC, _TIME, guard=is_after_release),
        move("cancel", [Account.HELD, Account.BOOKED], Account.TEAM, _TEAM, _HOSPITAL, guard=is_before_release),
        move("cancel", [Account.HELD, Account.BOOKED], Account.PUBLIC, _TEAM, _HOSPITAL, guard=is_after_release),
        move("release", [Account.TEAM], Account.PUBLIC, _TIME, _HOSPITAL),
        move("withdraw", [Account.TEAM, Account.PUBLIC], Account.WITHDRAWN, _HOSPITAL),
    ),
    state_of=lambda slot: slot.account,
)
"""The accounts of the ledger. No slot ends: a hospital may offer again what it has withdrawn."""

BOOKING_MACHINE: Machine[Booking] = Machine(
    name="booking",
    states=tuple(BookingState),
    moves=(
        move("confirm", [BookingState.HELD], BookingState.BOOKED, _TEAM, guard=lies_ahead),
        move("expire", [BookingState.HELD], BookingState.EXPIRED, _TIME, guard=has_lapsed),
        move(
            "cancel",
            [BookingState.HELD, BookingState.BOOKED],
            BookingState.CANCELLED,
            _TEAM,
            _HOSPITAL,
            guard=lies_ahead,
        ),
        move("reschedule", [BookingState.HELD, BookingState.BOOKED], "", _HOSPITAL),
        move("follow", [BookingState.HELD, BookingState.BOOKED], "", Actor.MESSAGE),
    ),
    state_of=lambda booking: booking.state,
)

SESSION_MACHINE: Machine[Session] = Machine(
    name="session",
    states=tuple(SessionState),
    moves=(
        move("change", [SessionState.OPEN, SessionState.RELEASED], "", _HOSPITAL),
        move("release", [SessionState.OPEN], SessionState.RELEASED, _TIME, _HOSPITAL),
        move("reopen", [SessionState.RELEASED, SessionState.CANCELLED], SessionState.OPEN, _HOSPITAL),
        move("cancel", [SessionState.OPEN, SessionState.RELEASED], SessionState.CANCELLED, _HOSPITAL),
    ),
    state_of=lambda session: session.state,
)
"""Nothing of a session is final before it begins; after that nothing of it is changed at all."""
