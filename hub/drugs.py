"""The columns of a drug: prescribed, dispensed, administered or taken. Whichever it is, an entry has the same columns,
since several statements may speak of one course (`hub.courses`)."""

from collections.abc import Iterable
from typing import Any

from hub.concepts import (
    Columns,
    Resource,
    all_shown,
    amount_of,
    coded_as,
    drug_of,
    instant_at,
    name_in,
    notes_of,
    number_of,
    shown_as,
    times_of,
)
from hub.courses import SAID, references_of
from hub.record import Fact

HOW_OFTEN = "http://hl7.org/fhir/5.0/StructureDefinition/extension-MedicationAdministration.occurence"
"""How often a drug was given over its course: of R5, which spells it so."""
TOTAL_DOSE = "urn:hub:total-dose"
"""How much was given over the whole course."""
_NOTHING: Columns = dict.fromkeys(
    (
        *("prescription_number", "intent", "priority", "dose", "frequency", "route", "instruction", "started", "ended"),
        *("ended_at", "duration", "quantity", "handed_over", "prescriber", "performer", "reason", "note"),
    )
)


def prescription(resource: Resource, fact: Fact) -> Columns:
    """MedicationRequest."""
    asked = resource.get("dispenseRequest") or {}
    return {
        **_drug("MedicationRequest", resource, fact, resource.get("authoredOn")),
        **_dosage(resource.get("dosageInstruction"), asked.get("expectedSupplyDuration")),
        "prescription_number": number_of(resource),
        "intent": resource.get("intent"),
        "priority": resource.get("priority"),
        "quantity": amount_of(asked.get("quantity")),
        "prescriber": name_in(resource.get("requester"), fact),
        "performer": name_in(resource.get("performer"), fact),
    }


def dispense(resource: Resource, fact: Fact) -> Columns:
    """MedicationDispense: `handed_over` is when, `quantity` how much."""
    handed_over = resource.get("whenHandedOver")
    return {
        **_drug("MedicationDispense", resource, fact, handed_over or resource.get("whenPrepared")),
        **_dosage(resource.get("dosageInstruction"), resource.get("daysSupply")),
        "prescription_number": _order_number("MedicationDispense", resource),
        "quantity": amount_of(resource.get("quantity")),
        "handed_over": handed_over,
        "performer": _performer(resource, fact),
    }


def administration(resource: Resource, fact: Fact) -> Columns:
    """MedicationAdministration: what was given is the dose, and the course is the time of giving."""
    said = resource.get("dosage") or {}
    period = resource.get("effectivePeriod") or {}
    given = resource.get("effectiveDateTime") or period.get("start")
    return {
        **_drug("MedicationAdministration", resource, fact, given),
        **_course(period),
        "prescription_number": _order_number("MedicationAdministration", resource),
        "dose": amount_of(said.get("dose")) or amount_of(said.get("rateQuantity")),
        "frequency": _frequency(_extended(resource, HOW_OFTEN, "valueTiming")),
        "quantity": amount_of(_extended(resource, TOTAL_DOSE, "valueQuantity")),
        "route": shown_as(said.get("route")),
        "instruction": said.get("text"),
        "performer": _performer(resource, fact),
    }


def statement(resource: Resource, fact: Fact) -> Columns:
    """MedicationStatement: what somebody says is taken, and since when."""
    period = resource.get("effectivePeriod") or {}
    since = resource.get("effectiveDateTime") or period.get("start") or resource.get("dateAsserted")
    dosage = _dosage(resource.get("dosage"), None)
    return {
        **_drug("MedicationStatement", resource, fact, since),
        **dosage,
        **{name: value for name, value in _course(period).items() if value is not None},
        "prescription_number": _order_number("MedicationStatement", resource),
        "performer": name_in(resource.get("informationSource"), fact),
    }


def _drug(kind: str, resource: Resource, fact: Fact, when: Any) -> Columns:
    """What every statement about a drug says."""
    columns = coded_as(drug_of(resource))
    return {
        **_NOTHING,
        **times_of(when),
        **columns,
        "display": columns["display"] or name_in(resource.get("medicationReference"), fact),
        "status": resource.get("status"),
        "statements": [SAID[kind]],
        "organisation": fact.organisation,
        "reason": all_shown(resource.get("reasonCode")) or _why_not(resource.get("statusReason")),
        "note": notes_of(resource),
    }


def _dosage(instructions: Iterable[Resource] | None, supply: Any) -> Columns:
    """The first dosage, and the course: its period, else how long it or the supply lasts."""
    dosage: Resource = next(iter(instructions or ()), {})
    amounts: Resource = next(iter(dosage.get("doseAndRate") or ()), {})
    repeat = (dosage.get("timing") or {}).get("repeat") or {}
    return {
        **_course(repeat.get("boundsPeriod") or {}),
        "duration": amount_of(repeat.get("boundsDuration")) or amount_of(supply),
        "dose": amount_of(amounts.get("doseQuantity")) or _amount_range(amounts.get("doseRange")),
        "frequency": _frequency(dosage.get("timing")),
        "route": shown_as(dosage.get("route")),
        "instruction": dosage.get("text") or dosage.get("patientInstruction"),
    }


def _why_not(said: Any) -> str | None:
    """Why it stands as it does: of a prescription one reason, of others several."""
    return all_shown(said if isinstance(said, list) else [said])


def _course(period: Resource) -> Columns:
    return {
        "started": period.get("start"),
        "ended": period.get("end"),
        "ended_at": instant_at(period.get("end")),
    }


def _order_number(kind: str, resource: Resource) -> str | None:
    """The number of the prescription, where a statement names it by one."""
    numbers = ((one.get("identifier") or {}).get("value") for one in references_of(kind, resource))
    return next((str(number) for number in numbers if number), None)


def _performer(resource: Resource, fact: Fact) -> str | None:
    """The first of whom a name is known."""
    actors = (one.get("actor") for one in resource.get("performer") or ())
    return next((shown for actor in actors if (shown := name_in(actor, fact))), None)


def _extended(resource: Resource, url: str, element: str) -> Any:
    return next((one.get(element) for one in resource.get("extension") or () if one.get("url") == url), None)


def _amount_range(said: Any) -> str | None:
    """``0.5 克-1 克``; open where only one end is given."""
    low, high = (amount_of((said or {}).get(name)) for name in ("low", "high"))
    return f"{low or ''}-{high or ''}" if low or high else None


def _frequency(timing: Any) -> str | None:
    """How often: the sender's name of it (BID), else its numbers (``2/1 d``: twice in one day)."""
    said = timing or {}
    repeat = said.get("repeat") or {}
    if named := shown_as(said.get("code")):
        return named
    if "period" not in repeat:
        return None
    return f"{repeat.get('frequency', 1)}/{repeat['period']} {repeat.get('periodUnit', '')}".strip()
