"""What the elements of a FHIR resource say to people: times, codes, names, numbers, amounts."""

import re
from collections.abc import Mapping
from datetime import timedelta, timezone
from typing import Any

from hub.mapping.times import instant_of
from hub.message import contained_in
from hub.record import Fact

Columns = dict[str, Any]
Resource = Mapping[str, Any]

_CHINA = timezone(timedelta(hours=8))

TYPE = "#type"
"""Behind a reference among a fact's names: the type of what it leads to, where its address does not tell (a urn)."""


def times_of(said: Any) -> Columns:
    """A time as it was said, and the first instant that it covers."""
    return {"effective": said, "effective_at": instant_at(said)}


def instant_at(said: Any) -> Any:
    """The first instant that a FHIR date or dateTime covers, in China where no zone is said."""
    return instant_of(str(said), _CHINA) if said else None


def coded_as(concept: Any) -> Columns:
    """A CodeableConcept as system, code and words: its first coding."""
    coding: Resource = next(iter((concept or {}).get("coding") or ()), {})
    return {
        "code_system": coding.get("system"),
        "code": coding.get("code"),
        "display": _label(concept, coding),
    }


def _label(concept: Any, coding: Resource) -> str | None:
    return coding.get("display") or (concept or {}).get("text") or coding.get("code")


def shown_as(concept: Any) -> str | None:
    """What a CodeableConcept says to people."""
    return _label(concept, next(iter((concept or {}).get("coding") or ()), {}))


def all_shown(concepts: Any) -> str | None:
    """What several CodeableConcepts say to people."""
    return "、".join(shown for one in concepts or () if (shown := shown_as(one))) or None


def code_of(concept: Any) -> str | None:
    """A CodeableConcept's first code, else its text."""
    coding: Resource = next(iter((concept or {}).get("coding") or ()), {})
    return coding.get("code") or (concept or {}).get("text")


def name_in(reference: Any, fact: Fact) -> str | None:
    """What a reference is called: the name of what it leads to, else its own display."""
    if not isinstance(reference, dict):
        return None
    return fact.names.get(str(reference.get("reference", ""))) or reference.get("display")


def number_of(resource: Resource) -> str | None:
    """A resource's first number."""
    return next((str(item["value"]) for item in resource.get("identifier") or () if item.get("value")), None)


def notes_of(resource: Resource) -> str | None:
    """The texts of a resource's annotations, line by line."""
    return "\n".join(note["text"] for note in resource.get("note") or () if note.get("text")) or None


def unit_of(resource: Resource) -> str | None:
    """The unit of `valueQuantity`: as it is written, else its code."""
    quantity = resource.get("valueQuantity") or {}
    return quantity.get("unit") or quantity.get("code")


def amount_of(quantity: Any) -> str | None:
    """``0.5 克``: the number as it was sent, and its unit."""
    said = quantity or {}
    words = (
        f"{said.get('comparator') or ''}{said['value']}" if "value" in said else "",
        unit_of({"valueQuantity": said}),
    )
    return " ".join(word for word in words if word) or None


def drug_of(resource: Resource) -> Resource:
    """The drug of a prescription as a CodeableConcept: its own, else that of the Medication that it contains."""
    if concept := resource.get("medicationCodeableConcept"):
        return dict(concept)
    inside = contained_in(resource, str((resource.get("medicationReference") or {}).get("reference", "")))
    return (inside or {}).get("code") or {}


def numbers_of(resource: Resource) -> list[str]:
    """A resource's own numbers in their order (the visit number first, the filler's number last); never empty."""
    found = resource.get("identifier") or ()
    return [str(item["value"]) for item in found if item.get("value")] or [""]


def concept_key(concept: Resource) -> str:
    """What a CodeableConcept means, to compare: its first code with its system, else its text without blanks."""
    for coding in concept.get("coding") or ():
        if coding.get("code"):
            system = str(coding.get("system", ""))
            code = str(coding["code"])
            return f"{system}|{plain_icd10(code) if 'icd' in system.lower() else code}"
    return "".join(str(concept.get("text", "")).split()).casefold()


def plain_icd10(code: str) -> str:
    """An ICD-10 code without what the Chinese editions pad it with: ``I63.900`` is I63.9, ``I10.x00`` is I10."""
    category, _, detail = code.upper().strip().rstrip("+*").partition(".")
    detail = re.sub(r"^X\d*$", "", detail)
    detail = re.sub(r"^(\d)(?:00|X0{2})$", r"\1", detail)
    return f"{category}.{detail}" if detail else category
