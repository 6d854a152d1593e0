"""What the audit trail keeps of one answer: who read or changed what, by which right."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from hub.access import Decision, Viewer
from hub.ids import new_id

TREATMENT = "treatment"
"""Why the programme's people read: HL7's purpose of use TREAT (v3 ActReason)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Witness:
    """One read or change, allowed or refused. `residents` are those it touched, `kinds` the kinds of entries it read,
    `changes` what it moved (``referral 0198... sent>accepted``).

    `operation` is a name that the client chose and is kept short; no value of a query is ever in it.
    """

    viewer: Viewer
    operation: str
    decision: Decision
    purpose: str = TREATMENT
    residents: tuple[UUID, ...] = ()
    kinds: tuple[str, ...] = ()
    changes: tuple[str, ...] = ()
    address: str = ""

    def row(self) -> Mapping[str, Any]:
        """This as a row for ``hub.store.log.witness``."""
        return {
            "id": new_id(),
            "viewer": self.viewer.id,
            "role": self.viewer.role.value,
            "operation": self.operation,
            "purpose": self.purpose,
            "decision": "allowed" if self.decision.is_allowed else "refused",
            "rule": self.decision.rule,
            "residents": list(self.residents),
            "kinds": list(self.kinds),
            "changes": list(self.changes),
            "address": self.address,
        }
