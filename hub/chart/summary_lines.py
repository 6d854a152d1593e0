"""The lines of a patient summary: entries of a record as FHIR resources of their own, each with what people read.

A line stands on the entry and not on one message: its id is the entry's, and its codes and times are those that the
entry shows. What FHIR binds to a list of codes is only said where it is one of these.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from hub.chart.person import UNKNOWN, is_time, reference_to, without_gaps
from hub.mapping.units import LOINC, PRESSURE_PANEL, UCUM, comparables, own_units, unit_of
from hub.record import Json

Row = Mapping[str, Any]
_CODE = re.compile(r"[^\s]+(\s[^\s]+)*")
_COMPARED = re.compile(r"\s*(<=|>=|<|>)")
_TERMINOLOGY = "http://terminology.hl7.org/CodeSystem/"
_CLINICAL = frozenset({"active", "recurrence", "relapse", "inactive", "remission", "resolved"})
_ALLERGIC = frozenset({"active", "inactive", "resolved"})
_SURE = frozenset({"unconfirmed", "provisional", "differential", "confirmed"})
_RESULT = frozenset({"registered", "preliminary", "final", "amended", "corrected", "cancelled", "unknown"})
_DONE = frozenset({"preparation", "in-progress", "not-done", "on-hold", "stopped", "completed", "unknown"})
_ORDER = frozenset({"active", "on-hold", "cancelled", "completed", "stopped", "draft", "unknown"})
_INTENT = frozenset(
    {"proposal", "plan", "order", "original-order", "reflex-order", "filler-order", "instance-order", "option"}
)
_SORTS = frozenset({"food", "medication", "environment", "biologic"})
_DANGERS = frozenset({"low", "high", "unable-to-assess"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """One line: its resource, and the cells of its row in the narrative."""

    resource: Json
    cells: tuple[str | None, ...]


def condition(row: Row, subject: Json, *, status: str | None, since: str | None) -> Line:
    """A problem; `status` is FHIR's clinical status as far as it was said, `since` when it began."""
    resource = {
        **_head("Condition", row),
        "clinicalStatus": _status("condition-clinical", status, _CLINICAL),
        "verificationStatus": _status("condition-ver-status", row["status"], _SURE),
        "code": concept(row),
        "subject": subject,
        "onsetDateTime": since if is_time(since) else None,
    }
    return Line(resource=without_gaps(resource), cells=(row["display"], row["code"], since, status))


def allergy(row: Row, subject: Json) -> Line:
    resource = {
        **_head("AllergyIntolerance", row),
        "clinicalStatus": _status("allergyintolerance-clinical", row["status"], _ALLERGIC),
        "category": [row["category"]] if row["category"] in _SORTS else [],
        "criticality": row["criticality"] if row["criticality"] in _DANGERS else None,
        "code": concept(row),
        "patient": subject,
        "reaction": [{"manifestation": [{"text": row["reaction"]}]}] if row["reaction"] else [],
        "onsetDateTime": row["effective"] if is_time(row["effective"]) else None,
    }
    return Line(resource=without_gaps(resource), cells=(row["display"], row["reaction"], row["criticality"]))


def medication(row: Row, subject: Json) -> Line:
    status, intent = row["status"], row.get("intent")
    dose = " ".join(part for name in ("dose", "frequency", "route") if (part := row.get(name)))
    told = row.get("instruction") or dose
    resource = {
        **_head("MedicationRequest", row),
        "status": status if status in _ORDER else "unknown",
        "intent": intent if intent in _INTENT else "order",
        "medicationCodeableConcept": concept(row),
        "subject": subject,
        "authoredOn": row["effective"] if is_time(row["effective"]) else None,
        "dosageInstruction": [{"text": told}] if told else [],
    }
    return Line(resource=without_gaps(resource), cells=(row["display"], dose, row.get("instruction"), row["effective"]))


def immunization(row: Row, subject: Json) -> Line:
    number = row["dose_number"]
    resource = {
        **_head("Immunization", row),
        "status": row["status"] if row["status"] in ("completed", "not-done") else "completed",
        "vaccineCode": concept(row),
        "patient": subject,
        **(_when(row, "occurrenceDateTime") if row["effective_at"] else {"occurrenceString": "不详 / unknown"}),
        "lotNumber": row["lot_number"],
        "protocolApplied": [{"doseNumberString": number}] if number else [],
    }
    return Line(resource=without_gaps(resource), cells=(row["display"], number, row["effective"], row["organisation"]))


def procedure(row: Row, subject: Json) -> Line:
    resource = {
        **_head("Procedure", row),
        "status": row["status"] if row["status"] in _DONE else "unknown",
        "code": concept(row),
        "subject": subject,
        **_when(row, "performedDateTime"),
    }
    return Line(resource=without_gaps(resource), cells=(row["display"], row["effective"], row["organisation"]))


def result(row: Row, subject: Json) -> Line:
    resource = {
        **_head("Observation", row),
        "status": row["status"] if row["status"] in _RESULT else "unknown",
        "category": [{"text": row["category"]}] if row["category"] else [],
        "code": concept(row),
        "subject": subject,
        **_when(row, "effectiveDateTime"),
        "performer": [{"display": row["organisation"]}] if row["organisation"] else [],
        **_value(row),
        "interpretation": [{"text": row["interpretation"]}] if row["interpretation"] else [],
        "referenceRange": [{"text": row["reference_range"]}] if row["reference_range"] else [],
    }
    said = " ".join(part for part in (row["value"], row["unit"]) if part)
    cells = (row["display"], said, row["reference_range"], row["interpretation"], row["effective"])
    return Line(resource=without_gaps(resource), cells=cells)


def concept(row: Row) -> Json:
    """What an entry is, as a CodeableConcept: its code where it is one, and its words."""
    code, system, words = row["code"], row["code_system"], row["display"]
    coding = without_gaps({"system": system, "code": code, "display": words}) if code and _CODE.fullmatch(code) else {}
    return without_gaps({"coding": [coding] if coding else [], "text": words or code or "不详"})


def _head(kind: str, row: Row) -> Json:
    return {"resourceType": kind, "id": str(row["id"])}


def _status(system: str, code: str | None, known: frozenset[str]) -> Json | None:
    return {"coding": [{"system": f"{_TERMINOLOGY}{system}", "code": code}]} if code in known else None


def _when(row: Row, element: str) -> Json:
    """When it was, with the precision that was said; the summary asks for it, so that nobody knows is said too."""
    if is_time(row["effective"]):
        return {element: row["effective"]}
    if row["effective_at"]:
        return {element: row["effective_at"].isoformat()}
    return {f"_{element}": UNKNOWN}


def _value(row: Row) -> Json:
    """A result's value: its numbers with their unit where it is a number, two of a blood pressure, else as text."""
    value, unit, number = row["value"], row["unit"], row["value_number"]
    if not value:
        reason = {"system": f"{_TERMINOLOGY}data-absent-reason", "code": "unknown"}
        return {"dataAbsentReason": {"coding": [reason]}}
    if row["code_system"] == LOINC and row["code"] == PRESSURE_PANEL and unit:
        parts = comparables(PRESSURE_PANEL, value, unit)
        if parts:
            return {"component": [_component(one.loinc, one.name, one.value, one.unit) for one in parts]}
    if number is None:
        return {"valueString": value}
    compared = _COMPARED.match(value)
    quantity = {"value": number, "comparator": compared[1] if compared else None, **_unit(unit)}
    return {"valueQuantity": without_gaps(quantity) | {"value": number}}


def _unit(unit: str | None) -> Json:
    known = unit_of(unit, own_units()) if unit else None
    return {"unit": unit, **({"system": UCUM, "code": known.to} if known else {})}


def _component(code: str, name: str, value: float, unit: str) -> Json:
    quantity = {"value": value, "unit": unit, "system": UCUM, "code": unit}
    return {"code": {"coding": [{"system": LOINC, "code": code, "display": name}]}, "valueQuantity": quantity}


def references(lines: Sequence[Line]) -> list[Json]:
    """The entries of a section."""
    return [{"reference": reference_to(UUID(line.resource["id"]))} for line in lines]
