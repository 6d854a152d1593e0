"""The page of states: every table, drawn and written out from the code that insists on it."""

from collections.abc import Mapping
from typing import Any

from hub.agreements import MACHINE as AGREEMENT
from hub.docs.pages import page, table
from hub.followups import FOLLOW_UP_MACHINE, OFFER_MACHINE, PLAN_MACHINE
from hub.referrals import MACHINES as REFERRALS
from hub.referrals import Direction
from hub.slots import BOOKING_MACHINE, SESSION_MACHINE
from hub.slots import MACHINE as SLOT
from hub.transitions import Machine

MACHINES: Mapping[str, Machine[Any]] = {
    "Agreement": AGREEMENT,
    "Follow-up plan": PLAN_MACHINE,
    "Follow-up": FOLLOW_UP_MACHINE,
    "Offer to a centre": OFFER_MACHINE,
    "Session": SESSION_MACHINE,
    "Slot": SLOT,
    "Booking": BOOKING_MACHINE,
    "Referral up, to a hospital": REFERRALS[Direction.UP],
    "Referral down, to the community": REFERRALS[Direction.DOWN],
}


def states_page() -> str:
    """Every machine with its diagram and its table."""
    parts = [part for title, machine in MACHINES.items() for part in _machine(title, machine)]
    return page(
        "States",
        "Each of these tables is what the hub insists on, what `availableActions` answers from, and what is drawn "
        "here. An act in a state that the table does not have is refused (`not-in-this-state`), one that is another's "
        "to do too (`not-yours-to-do`). Every step stands in `history`, with who did it and the message that is its "
        "witness. Actors: a **team**, any team of the **centre**, the **sender** and the **receiver** of a referral, "
        "the **hospital** whose sessions they are, a **message** as witness, **time**.",
        *parts,
    )


def _machine(title: str, machine: Machine[Any]) -> list[str]:
    rows = [
        (
            f"`{one.act}`",
            ", ".join(sorted(one.sources, key=machine.states.index)),
            one.target or "stays",
            ", ".join(sorted(one.actors)),
            (one.guard.__doc__ or "").strip() if one.guard else "",
        )
        for one in machine.moves
    ]
    return [
        f"## {title}",
        f"```mermaid\n{machine.diagram()}\n```",
        table(("act", "in the states", "leads to", "who", "what must hold"), rows),
    ]
