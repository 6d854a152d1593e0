"""Slot pools: what of a session is the teams', from when until when, who may do what with a slot, and why not. Pure."""

from hub.slots.offers import Offered, Published, Standing, match
from hub.slots.shares import Stated, Terms, for_teams, reserved, spread, terms
from hub.slots.states import (
    BOOKING_MACHINE,
    DEFAULT_HOLD,
    FREE,
    LONGEST_HOLD,
    MACHINE,
    SESSION_MACHINE,
    TAKEN,
    Account,
    Booking,
    BookingState,
    Kind,
    Session,
    SessionState,
    Slot,
)
from hub.slots.whynot import Use, why_not

__all__ = [
    "BOOKING_MACHINE",
    "DEFAULT_HOLD",
    "FREE",
    "LONGEST_HOLD",
    "MACHINE",
    "SESSION_MACHINE",
    "TAKEN",
    "Account",
    "Booking",
    "BookingState",
    "Kind",
    "Offered",
    "Published",
    "Session",
    "SessionState",
    "Slot",
    "Standing",
    "Stated",
    "Terms",
    "Use",
    "for_teams",
    "match",
    "reserved",
    "spread",
    "terms",
    "why_not",
]
