"""Follow-up after discharge: what is due, when and why; who may do what with it. Pure.

`plan_for` says what a discharge asks for; `PLAN_MACHINE`, `FOLLOW_UP_MACHINE` and `OFFER_MACHINE` say what may become
of it.
"""

from hub.followups.ladder import (
    BY_LADDER,
    BY_REQUEST,
    Discharge,
    Disposition,
    Effect,
    Ladder,
    LadderRule,
    Owed,
    Step,
    Window,
    plan_for,
)
from hub.followups.measurements import (
    RESIDENT,
    Measure,
    Measured,
    Measurement,
    Performer,
    bundle_of,
    check_measured,
)
from hub.followups.reading import LADDER_FILE, load_ladder
from hub.followups.requests import Request, read_request
from hub.followups.states import (
    FOLLOW_UP_MACHINE,
    OFFER_MACHINE,
    PLAN_MACHINE,
    Attempt,
    Ending,
    FollowUp,
    FollowUpState,
    Limits,
    Offer,
    OfferState,
    Outcome,
    Plan,
    PlanState,
    Way,
    attempts_of,
    check_window,
)

__all__ = [
    "BY_LADDER",
    "BY_REQUEST",
    "FOLLOW_UP_MACHINE",
    "LADDER_FILE",
    "OFFER_MACHINE",
    "PLAN_MACHINE",
    "RESIDENT",
    "Attempt",
    "Discharge",
    "Disposition",
    "Effect",
    "Ending",
    "FollowUp",
    "FollowUpState",
    "Ladder",
    "LadderRule",
    "Limits",
    "Measure",
    "Measured",
    "Measurement",
    "Offer",
    "OfferState",
    "Outcome",
    "Owed",
    "Performer",
    "Plan",
    "PlanState",
    "Request",
    "Step",
    "Way",
    "Window",
    "attempts_of",
    "bundle_of",
    "check_measured",
    "check_window",
    "load_ladder",
    "plan_for",
    "read_request",
]
