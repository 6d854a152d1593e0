"""The columns that doctors ask by, read from a FHIR resource: one function a kind of entry.

A time is given twice: as it was said, with its precision (``2026-03``), and as the first instant that it covers, for
ordering.
"""

from collections.abc import Callable, Mapping

from hub.concepts import (
    Columns,
    Resource,
    code_of,
    coded_as,
    instant_at,
    name_in,
    notes_of,
    number_of,
    shown_as,
    times_of,
    unit_of,
)
from hub.drugs import administration, dispense, prescription, statement
from hub.identity import name_of
from hub.record import Fact
from hub.shelf import appointment, document, immunization, procedure
from hub.specimens import columns_of


def encounter(resource: Resource, fact: Fact) -> Columns:
    period = resource.get("period") or {}
    stay = resource.get("hospitalization") or {}
    kind = resource.get("class") or {}
    return {
        **times_of(period.get("start")),
        "ended": period.get("end"),
        "ended_at": instant_at(period.get("end")),
        "status": resource.get("status"),
        "code_system": kind.get("system"),
        "code": kind.get("code"),
        "display": kind.get("display"),
        "organisation": name_in(resource.get("serviceProvider"), fact) or fact.organisation,
        "visit_number": number_of(resource),
        "department": shown_as(resource.get("serviceType")) or _place(resource, fact),
        "doctor": _participant(resource, fact),
        "disposition_code": code_of(stay.get("dischargeDisposition")),
        "disposition": shown_as(stay.get("dischargeDisposition")),
        "destination": name_in(stay.get("destination"), fact),
    }


def condition(resource: Resource, fact: Fact) -> Columns:
    return {
        **times_of(resource.get("onsetDateTime") or resource.get("recordedDate")),
        **coded_as(resource.get("code")),
        "onset": resource.get("onsetDateTime"),
        "organisation": fact.organisation,
        "status": code_of(resource.get("verificationStatus")),
        "clinical_status": code_of(resource.get("clinicalStatus")),
        "category": shown_as((resource.get("category") or [{}])[-1]),
    }


def observation(resource: Resource, fact: Fact) -> Columns:
    quantity = resource.get("valueQuantity") or {}
    period = resource.get("effectivePeriod") or {}
    return {
        **times_of(resource.get("effectiveDateTime") or period.get("start")),
        **coded_as(resource.get("code")),
        "status": resource.get("status"),
        "organisation": name_in((resource.get("performer") or [None])[0], fact) or fact.organisation,
        "value": _value(resource) or _components(resource),
        "value_number": quantity.get("value"),
        "unit": unit_of(resource) or _shared_unit(resource),
        "reference_range": _range(resource),
        "interpretation": shown_as((resource.get("interpretation") or [None])[0]),
        "interpretation_code": code_of((resource.get("interpretation") or [None])[0]),
        "category": shown_as((resource.get("category") or [None])[0]),
        **columns_of(resource, fact),
        "note": notes_of(resource),
    }


def allergy(resource: Resource, fact: Fact) -> Columns:
    reactions = [
        shown
        for reaction in resource.get("reaction") or ()
        for manifestation in reaction.get("manifestation") or ()
        if (shown := shown_as(manifestation))
    ]
    return {
        **times_of(resource.get("onsetDateTime") or resource.get("recordedDate")),
        **coded_as(resource.get("code")),
        "status": code_of(resource.get("clinicalStatus")),
        "organisation": fact.organisation,
        "category": next(iter(resource.get("category") or ()), None),
        "criticality": resource.get("criticality"),
        "severity": next((r["severity"] for r in resource.get("reaction") or () if r.get("severity")), None),
        "reaction": "、".join(reactions) or None,
    }


def report(resource: Resource, fact: Fact) -> Columns:
    period = resource.get("effectivePeriod") or {}
    return {
        **times_of(resource.get("effectiveDateTime") or period.get("start") or resource.get("issued")),
        **coded_as(resource.get("code")),
        "status": resource.get("status"),
        "organisation": name_in((resource.get("performer") or [None])[0], fact) or fact.organisation,
        "category": shown_as((resource.get("category") or [None])[0]),
        "report_number": number_of(resource),
        "issued": resource.get("issued"),
        "conclusion": resource.get("conclusion"),
        **columns_of(resource, fact),
        "note": _report_note(resource),
        "result_count": len(resource.get("result") or ()),
    }


def demographics(resource: Resource, fact: Fact) -> Columns:
    """A Patient resource as the columns of a resident."""
    address = next((item.get("text") for item in resource.get("address") or () if item.get("text")), None)
    died = resource.get("deceasedDateTime")
    return {
        "name": name_of(dict(resource)) or None,
        "sex": resource.get("gender"),
        "birth_date": resource.get("birthDate"),
        "phone": _phone(resource),
        "address": address,
        "marital_status": shown_as(resource.get("maritalStatus")),
        "ethnicity": _ethnicity(resource),
        "deceased": bool(died or resource.get("deceasedBoolean")) or None,
        "deceased_on": died,
    }


def _phone(resource: Resource) -> str | None:
    """The person's own telephone number, else one at work; no fax, no electronic address."""
    ways = [item for item in resource.get("telecom") or () if item.get("value")]
    phones = [item for item in ways if item.get("system", "phone") in ("phone", "sms")]
    return next((str(item["value"]) for item in sorted(phones, key=lambda item: item.get("use") == "work")), None)


COLUMNS: Mapping[str, Callable[[Resource, Fact], Columns]] = {
    "Encounter": encounter,
    "Condition": condition,
    "Observation": observation,
    "AllergyIntolerance": allergy,
    "DiagnosticReport": report,
    "Procedure": procedure,
    "MedicationRequest": prescription,
    "MedicationDispense": dispense,
    "MedicationAdministration": administration,
    "MedicationStatement": statement,
    "Immunization": immunization,
    "DocumentReference": document,
    "Appointment": appointment,
    "Patient": demographics,
}


def _place(resource: Resource, fact: Fact) -> str | None:
    return next(
        (shown for item in resource.get("location") or () if (shown := name_in(item.get("location"), fact))),
        None,
    )


def _participant(resource: Resource, fact: Fact) -> str | None:
    people = (item.get("individual") for item in resource.get("participant") or ())
    return next((shown for person in people if (shown := name_in(person, fact))), None)


def _value(resource: Resource) -> str | None:
    quantity = resource.get("valueQuantity")
    if quantity and "value" in quantity:
        digits = next(
            (e["valueString"] for e in quantity.get("extension") or () if e.get("url") == "urn:hub:digits"),
            None,
        )
        return f"{quantity.get('comparator') or ''}{digits or quantity['value']}"
    if concept := resource.get("valueCodeableConcept"):
        return shown_as(concept)
    for name in ("valueString", "valueDateTime", "valueTime", "valueInteger"):
        if name in resource:
            return str(resource[name])
    return str(resource["valueBoolean"]).lower() if "valueBoolean" in resource else None


_PRESSURES = ("8480-6", "8462-4")


def _shared_unit(resource: Resource) -> str | None:
    units = {unit_of(part) for part in resource.get("component") or ()}
    return units.pop() if len(units) == 1 else None


def _components(resource: Resource) -> str | None:
    """The parts of an observation that has no value of its own: a blood pressure as ``128/78``, others by name."""
    parts = [part for part in resource.get("component") or () if _value(part)]
    by_code = {code_of(part.get("code")): _value(part) for part in parts}
    if len(parts) == 2 and all(code in by_code for code in _PRESSURES):
        return "/".join(str(by_code[code]) for code in _PRESSURES)
    unit = "" if _shared_unit(resource) else None
    said = ((shown_as(part.get("code")), _value(part), unit_of(part) if unit is None else unit) for part in parts)
    return "；".join(" ".join(word for word in words if word) for words in said) or None


def _range(resource: Resource) -> str | None:
    """The reference range as text; of several (by sex, by age) each with whom it holds for."""
    said: list[Resource] = resource.get("referenceRange") or []
    if len(said) == 1:
        return _limits(said[0])
    told = (f"{whom}:{limits}" if (whom := _whom(one)) else limits for one in said if (limits := _limits(one)))
    return ";".join(dict.fromkeys(told)) or None


def _limits(one: Resource) -> str | None:
    if one.get("text"):
        return str(one["text"])
    low, high = ((one.get(name) or {}).get("value") for name in ("low", "high"))
    if low is not None and high is not None:
        return f"{low}-{high}"
    return f">={low}" if low is not None else f"<={high}" if high is not None else None


_SEXES = {"male": "男", "M": "男", "female": "女", "F": "女"}


def _whom(one: Resource) -> str:
    """For whom a range holds: ``男18-60岁``."""
    age = one.get("age") or {}
    low, high = ((age.get(name) or {}).get("value") for name in ("low", "high"))
    years = f"{low}-{high}岁" if low and high else f"≥{low}岁" if low else f"<{high}岁" if high else ""
    words = (_SEXES.get(code_of(group) or "", shown_as(group) or "") for group in one.get("appliesTo") or ())
    return "".join((*words, years))


def _report_note(resource: Resource) -> str | None:
    notes = (item.get("valueAnnotation", {}).get("text") for item in resource.get("extension") or ())
    return "\n".join(note for note in notes if note) or None


def _ethnicity(resource: Resource) -> str | None:
    for item in resource.get("extension") or ():
        if str(item.get("url", "")).endswith("ethnicity") and "valueCodeableConcept" in item:
            return shown_as(item["valueCodeableConcept"])
    return None
