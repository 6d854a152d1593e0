"""Conditional create and update, by one identifier (FHIR R4 3.1.0.8.1, 3.1.0.7.1).

The hub tells a source's resources apart by what the source calls them, so a resource that is named by its identifier is
one act, whether it was sent before or not: what is sent counts as the newest that the source says of it. Any other
condition would need a search, and is refused.
"""

from hub.errors import Refusal, refuse
from hub.message import condition_key

BY_ID = frozenset(
    {
        *("AllergyIntolerance", "Condition", "DiagnosticReport", "Encounter", "Observation", "QuestionnaireResponse"),
        *("ServiceRequest", "Procedure", "MedicationRequest", "MedicationStatement", "MedicationDispense"),
        *("MedicationAdministration", "Immunization", "DocumentReference", "Appointment", "Specimen", "RelatedPerson"),
        *("Coverage", "Composition"),
    }
)
"""Types of which the hub takes the id, where there is one, for the name: a condition on an identifier would contradict
it. A patient's id counts beside the identifiers, and everything else goes by its first identifier."""


def condition_fault(condition: str, resource: dict[str, object], where: str) -> Refusal | None:
    """Why a condition cannot be met by taking this resource, or None. `condition` is a query (``identifier=S|V``).

    The refusal is "unsupported-condition" at `where`; it quotes neither condition nor resource.
    """
    reason = _fault(condition, resource)
    return refuse("unsupported-condition", where, reason=reason).refusal if reason else None


def _fault(condition: str, resource: dict[str, object]) -> str:
    key = condition_key(condition)
    if key is None:
        return "the condition is not identifier=SYSTEM|VALUE, the only one that the hub can meet"
    kind = resource.get("resourceType")
    if kind in BY_ID and resource.get("id"):
        return "the condition names an identifier, and the resource an id besides; leave the id out"
    identifiers = resource.get("identifier")
    found = [_pair(one) for one in (identifiers if isinstance(identifiers, list) else [identifiers])]
    if key not in (found if kind == "Patient" else found[:1]):
        return "the condition names an identifier that the resource does not carry (first, unless it is a Patient)"
    return ""


def _pair(identifier: object) -> tuple[object, object]:
    if not isinstance(identifier, dict):
        return None, None
    return identifier.get("system"), identifier.get("value")
