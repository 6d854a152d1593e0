"""The columns of procedures, vaccinations, documents and appointments; `hub.columns` has the others, `hub.drugs` those
of drugs."""

from hub.attachments import attached_text
from hub.concepts import (
    TYPE,
    Columns,
    Resource,
    all_shown,
    amount_of,
    code_of,
    coded_as,
    instant_at,
    name_in,
    notes_of,
    number_of,
    shown_as,
    times_of,
)
from hub.record import Fact


def procedure(resource: Resource, fact: Fact) -> Columns:
    period = resource.get("performedPeriod") or {}
    return {
        **times_of(resource.get("performedDateTime") or period.get("start")),
        **coded_as(resource.get("code")),
        "ended": period.get("end"),
        "ended_at": instant_at(period.get("end")),
        "status": resource.get("status"),
        "organisation": fact.organisation,
        "category": shown_as(resource.get("category")),
        "performer": _performer(resource, fact, _SURGEON),
        "location": name_in(resource.get("location"), fact),
        "body_site": all_shown(resource.get("bodySite")),
        "reason": all_shown(resource.get("reasonCode")),
        "outcome": shown_as(resource.get("outcome")),
        "note": notes_of(resource),
    }


_SURGEON = "304292004"  # SNOMED CT, as HL7's table for PR1-11 has it


def immunization(resource: Resource, fact: Fact) -> Columns:
    protocol: Resource = next(iter(resource.get("protocolApplied") or ()), {})
    number = protocol.get("doseNumberPositiveInt") or protocol.get("doseNumberString")
    return {
        **times_of(resource.get("occurrenceDateTime")),
        **coded_as(resource.get("vaccineCode")),
        "status": resource.get("status"),
        "organisation": fact.organisation,
        "dose": amount_of(resource.get("doseQuantity")),
        "dose_number": str(number) if number else None,
        "route": shown_as(resource.get("route")),
        "body_site": shown_as(resource.get("site")),
        "lot_number": resource.get("lotNumber"),
        "expires": resource.get("expirationDate"),
        "manufacturer": name_in(resource.get("manufacturer"), fact),
        "performer": _performer(resource, fact, "AP"),
        "location": name_in(resource.get("location"), fact),
        "status_reason": shown_as(resource.get("statusReason")),
        "note": notes_of(resource),
    }


def document(resource: Resource, fact: Fact) -> Columns:
    period = (resource.get("context") or {}).get("period") or {}
    attachments = [item.get("attachment") or {} for item in resource.get("content") or ()]
    master = (resource.get("masterIdentifier") or {}).get("value")
    return {
        **times_of(resource.get("date") or period.get("start")),
        **coded_as(resource.get("type")),
        "status": resource.get("status"),
        "organisation": name_in(resource.get("custodian"), fact) or fact.organisation,
        "document_number": master or number_of(resource),
        "document_status": resource.get("docStatus"),
        "category": all_shown(resource.get("category")),
        "title": resource.get("description") or next((one["title"] for one in attachments if one.get("title")), None),
        "author": next((shown for one in resource.get("author") or () if (shown := name_in(one, fact))), None),
        "authenticator": name_in(resource.get("authenticator"), fact),
        "content_type": next((one["contentType"] for one in attachments if one.get("contentType")), None),
        "text": "\n".join(text for one in attachments if (text := attached_text(one))) or None,
    }


def appointment(resource: Resource, fact: Fact) -> Columns:
    services = resource.get("serviceType") or [resource.get("appointmentType")]
    comment = resource.get("comment") or resource.get("patientInstruction")
    return {
        **times_of(resource.get("start")),
        **coded_as(services[0]),
        "ended": resource.get("end"),
        "ended_at": instant_at(resource.get("end")),
        "status": resource.get("status"),
        "organisation": fact.organisation,
        "appointment_number": number_of(resource),
        "department": _with(resource, fact, ("Location", "HealthcareService")),
        "doctor": _with(resource, fact, ("Practitioner", "PractitionerRole")),
        "reason": all_shown(resource.get("reasonCode")),
        "cancellation_reason": shown_as(resource.get("cancelationReason")),
        "note": comment or resource.get("description"),
    }


def _performer(resource: Resource, fact: Fact, chief: str) -> str | None:
    """Who did it: whoever has the function `chief`, else the first of whom a name is known."""
    people = sorted(resource.get("performer") or (), key=lambda one: code_of(one.get("function")) != chief)
    return next((shown for one in people if (shown := name_in(one.get("actor"), fact))), None)


_CLERKS = "http://terminology.hl7.org/CodeSystem/provenance-participant-type"


def _with(resource: Resource, fact: Fact, kinds: tuple[str, ...]) -> str | None:
    """Whom or what of these types an appointment is with; whoever only arranged it is not meant (SCH-12, SCH-16)."""
    for one in resource.get("participant") or ():
        actor = one.get("actor") or {}
        codings = [coding for kind in one.get("type") or () for coding in kind.get("coding") or ()]
        is_clerk = any(coding.get("system") == _CLERKS for coding in codings)
        if not is_clerk and _type_of(actor, fact) in kinds and (shown := name_in(actor, fact)):
            return shown
    return None


def _type_of(reference: Resource, fact: Fact) -> str:
    """The type that a reference leads to: as it says, as its address says, else as its bundle says."""
    said = str(reference.get("reference", ""))
    inside = fact.names.get(f"{said}{TYPE}", "")
    return str(reference.get("type") or inside or said.rpartition("/")[0].rpartition("/")[2])
