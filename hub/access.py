"""Who may read or send what. Each rule has two voices: `may_` asks, `check_may_` insists.

First light knows no agreements yet, so the relation between a reader and a resident is their role alone: family
doctors and nurses read every resident, engineers and source accounts read none. Agreements, referrals and follow-ups
will narrow it; then `rule` names the relation that let the reader in.
"""

from dataclasses import dataclass
from enum import StrEnum

from hub.errors import Refusal, Refused


class Role(StrEnum):
    """What somebody is to the hub."""

    FAMILY_DOCTOR = "family-doctor"
    NURSE = "nurse"
    HOSPITAL_SOURCE = "hospital-source"
    ENGINEER = "engineer"


@dataclass(frozen=True, kw_only=True, slots=True)
class Viewer:
    """Who asks. `source` is the one that a service account sends for; "" for people."""

    id: str
    name: str
    role: Role
    organisation: str = ""
    team: str = ""
    source: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Decision:
    """Whether somebody may, and the rule that says so: the audit trail keeps its name."""

    rule: str
    refusal: Refusal | None = None

    @property
    def is_allowed(self) -> bool:
        """Whether nothing speaks against it."""
        return self.refusal is None


READERS = frozenset({Role.FAMILY_DOCTOR, Role.NURSE})
OWN_VIEW = Decision(rule="anyone-may-see-themselves")
"""What needs no right: who one is, what the schema holds."""


def may_read_records(viewer: Viewer) -> Decision:
    """Family doctors and nurses read every resident; engineers and source accounts read none."""
    if viewer.role in READERS:
        return Decision(rule="first-light:doctors-and-nurses-read-all")
    refusal = Refusal(code="may-not-read-records", given={"role": viewer.role.value})
    return Decision(rule="first-light:others-read-none", refusal=refusal)


def check_may_read_records(viewer: Viewer) -> Decision:
    """`may_read_records`, insisted on. Raises Refused (may-not-read-records)."""
    return _insist(may_read_records(viewer))


def may_send(viewer: Viewer, source_name: str) -> Decision:
    """A service account sends for its own source, and nobody else sends."""
    if viewer.role is Role.HOSPITAL_SOURCE and viewer.source and viewer.source == source_name:
        return Decision(rule="source-sends-for-itself")
    refusal = Refusal(code="may-not-send", given={"source": source_name})
    return Decision(rule="source-sends-only-for-itself", refusal=refusal)


def check_may_send(viewer: Viewer, source_name: str) -> Decision:
    """`may_send`, insisted on. Raises Refused (may-not-send)."""
    return _insist(may_send(viewer, source_name))


def _insist(decision: Decision) -> Decision:
    if decision.refusal is not None:
        raise Refused(decision.refusal)
    return decision
