"""Why a team cannot hold a slot of a session now: which rule it is, its clause, and when the answer changes."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from hub.errors import Refusal
from hub.slots.states import Session, SessionState


@dataclass(frozen=True, kw_only=True, slots=True)
class Use:
    """How a session's slots stand: `total` of those that are offered, `free` of the teams' (holds whose time is over
    among them), and when the next hold ends."""

    total: int = 0
    free: int = 0
    next_expiry: datetime | None = None


def why_not(session: Session, use: Use, now: datetime, *, is_allied: bool = True) -> Refusal | None:
    """Why nobody of a team can hold a slot of it; None where they can. `is_allied`: the team's centre is of the
    hospital's alliance, or the hospital is of none.

    `clause` names the rule where one is behind it, `changes_at` (ISO 8601) when the answer becomes another by itself.
    """
    return _never(session, now, is_allied=is_allied) or _not_now(session, use, now)


def _never(session: Session, now: datetime, *, is_allied: bool) -> Refusal | None:
    """What no waiting changes."""
    if not is_allied:
        return _refusal("not-your-alliance", session, "", hospital=session.organisation_id)
    if session.state == SessionState.CANCELLED:
        return _refusal("session-cancelled", session, "")
    if session.starts_at <= now:
        return _refusal("session-begun", session, "")
    if not session.reserved:
        return _refusal("nothing-reserved", session, session.rule)
    return None


def _not_now(session: Session, use: Use, now: datetime) -> Refusal | None:
    if now < session.team_from:
        opens_at = session.team_from.isoformat()
        return _refusal("pool-not-open", session, session.opening_rule or session.rule, changes_at=opens_at)
    if session.is_released(now):
        since = session.release_at.isoformat()
        return _refusal("pool-released", session, session.release_rule or session.rule, since=since)
    if use.free:
        return None
    changes_at = min(use.next_expiry or session.release_at, session.release_at).isoformat()
    return _refusal(
        "pool-taken",
        session,
        session.rule,
        reserved=str(session.reserved),
        total=str(use.total),
        changes_at=changes_at,
    )


def _refusal(code: str, session: Session, clause: str, **given: str) -> Refusal:
    """`by` is the clause, or the hospital where the session's terms are its own."""
    said: Mapping[str, str] = {
        "by": clause or session.organisation_id,
        **({"clause": clause} if clause else {}),
        **given,
    }
    return Refusal(code=code, where="slotPoolId", given=said)
