"""Who may read, change or send what. Each rule has two voices: `may_` asks, `check_may_` insists.

Two things let somebody read a record: a role that reads records at all, and a relation to the resident (an agreement
with their team, a follow-up assigned to it, an open referral at their organisation). `rule` names the one that did;
the audit trail keeps it.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from enum import StrEnum

from hub.errors import Refusal, Refused


class Role(StrEnum):
    """What somebody is to the hub."""

    FAMILY_DOCTOR = "family-doctor"
    NURSE = "nurse"
    HOSPITAL_DESK = "hospital-desk"
    ADMINISTRATOR = "administrator"
    HOSPITAL_SOURCE = "hospital-source"
    ENGINEER = "engineer"


@dataclass(frozen=True, kw_only=True, slots=True)
class Viewer:
    """Who asks. `source` is the one that a service account sends for; "" for people. `team` and `organisation` are
    ids of the directory."""

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


TEAM = frozenset({Role.FAMILY_DOCTOR, Role.NURSE})
READERS = TEAM | {Role.HOSPITAL_DESK}
OWN_VIEW = Decision(rule="anyone-may-see-themselves")
"""What needs no right: who one is, what the schema holds."""


def may_read_records(viewer: Viewer) -> Decision:
    """Family doctors, nurses and hospital desks read records, of those to whom they have a relation; others none."""
    if viewer.role in READERS:
        return Decision(rule="readers-by-relation")
    refusal = Refusal(code="may-not-read-records", given={"role": viewer.role.value})
    return Decision(rule="others-read-none", refusal=refusal)


def check_may_read_records(viewer: Viewer) -> Decision:
    """`may_read_records`, insisted on. Raises Refused (may-not-read-records)."""
    return insist(may_read_records(viewer))


def may_read(viewer: Viewer, relations: Iterable[str | None]) -> Decision:
    """Whether somebody may read all of several residents, to each of whom they have this relation, or None."""
    found = set(relations)
    decision = may_read_records(viewer)
    if decision.refusal is not None or not found:
        return decision
    if None in found:
        return Decision(rule="no-relation", refusal=Refusal(code="no-relation"))
    return Decision(rule="relation:" + ",".join(sorted(one for one in found if one)))


def may_act(viewer: Viewer, act: str, roles: Collection[Role]) -> Decision:
    """Whether the viewer's role does such things at all. `act` says what, in words."""
    if viewer.role in roles:
        return Decision(rule=f"role:{viewer.role.value}")
    known = ", ".join(sorted(roles))
    refusal = Refusal(code="may-not-change", given={"role": viewer.role.value, "act": act, "roles": known})
    return Decision(rule="role-does-not", refusal=refusal)


def team_of(viewer: Viewer) -> str:
    """The viewer's team. Raises Refused (no-team)."""
    if not viewer.team:
        raise Refused(Refusal(code="no-team"))
    return viewer.team


def organisation_of(viewer: Viewer) -> str:
    """The viewer's organisation. Raises Refused (no-organisation)."""
    if not viewer.organisation:
        raise Refused(Refusal(code="no-organisation"))
    return viewer.organisation


def audience_of(viewer: Viewer) -> frozenset[str]:
    """What events call the viewer: their team for its members, their organisation for its desk."""
    if viewer.role in TEAM:
        return frozenset({f"team:{viewer.team}"} if viewer.team else ()) | (
            {f"centre:{viewer.organisation}"} if viewer.organisation else frozenset()
        )
    return frozenset({f"organisation:{viewer.organisation}"} if viewer.organisation else ())


def may_send(viewer: Viewer, source_name: str) -> Decision:
    """A service account sends for its own source, and nobody else sends."""
    if viewer.role is Role.HOSPITAL_SOURCE and viewer.source and viewer.source == source_name:
        return Decision(rule="source-sends-for-itself")
    refusal = Refusal(code="may-not-send", given={"source": source_name})
    return Decision(rule="source-sends-only-for-itself", refusal=refusal)


def check_may_send(viewer: Viewer, source_name: str) -> Decision:
    """`may_send`, insisted on. Raises Refused (may-not-send)."""
    return insist(may_send(viewer, source_name))


def insist(decision: Decision) -> Decision:
    """A decision that allows. Raises Refused with what it refuses."""
    if decision.refusal is not None:
        raise Refused(decision.refusal)
    return decision
