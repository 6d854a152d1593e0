"""Whom a FHIR resource is about, by whichever element its type says it with, and how a reference names them."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

SUBJECTS: Mapping[str, str] = {
    "AllergyIntolerance": "patient",
    "Immunization": "patient",
    "RelatedPerson": "patient",
    "Coverage": "beneficiary",
    "Appointment": "participant",
}
"""The element of the types that do not say it with `subject`."""

_ESCAPED = re.compile(r"\\([\\|,$])")  # FHIR R4 3.1.1.4.0.1
_PLAIN_COMMA = re.compile(r"(?<!\\),")
_PLAIN_BAR = re.compile(r"(?<!\\)\|")
_PATIENT = re.compile(r"(?P<base>https?://.+/)?Patient/(?P<id>[A-Za-z0-9.-]{1,64})(?:/_history/[^/]+)?")


@dataclass(frozen=True, kw_only=True, slots=True)
class Named:
    """What an address of a patient says: the `base` of a server ("" where it is relative), and the id there."""

    base: str
    id: str


def subjects_of(resource: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The references of a resource that may name its patient. An appointment has its patient among those who come:
    whoever is said to be of another type is none."""
    said = resource.get(SUBJECTS.get(str(resource.get("resourceType")), "subject"))
    if isinstance(said, dict):
        yield said
    for one in said if isinstance(said, list) else ():
        actor = one.get("actor") if isinstance(one, dict) else None
        if isinstance(actor, dict) and _may_be_patient(actor):
            yield actor


def _may_be_patient(actor: Mapping[str, Any]) -> bool:
    address, said = str(actor.get("reference", "")), actor.get("type")
    return said == "Patient" or (said is None and (patient_named(address) is not None or address[:1] in ("#", "u")))


def patient_named(address: str) -> Named | None:
    """The patient that a literal reference names; None where it names nobody, or something else. The version that it
    may name counts for nothing: a patient stays the patient (FHIR R4 2.3.0.1)."""
    found = _PATIENT.fullmatch(address)
    return Named(base=found["base"] or "", id=found["id"]) if found else None


def patient_asked(address: str) -> tuple[str, str] | None:
    """System and value of a conditional reference, ``Patient?identifier=SYSTEM|VALUE`` (FHIR R4 3.1.0.11.2)."""
    kind, _, condition = address.partition("?")
    return condition_key(condition) if kind == "Patient" else None


def contained_in(resource: Mapping[str, Any], address: str) -> Mapping[str, Any] | None:
    """The contained resource that ``#id`` leads to."""
    inside = resource.get("contained")
    for one in inside if isinstance(inside, list) and address.startswith("#") else ():
        if isinstance(one, dict) and one.get("id") == address[1:]:
            return one
    return None


def base_of(address: str) -> str:
    """The server that a fullUrl stands at (``http://his.example/fhir/``); "" for a urn."""
    found = re.fullmatch(r"(https?://.+/)[A-Z][A-Za-z]+/[A-Za-z0-9.-]{1,64}(?:/_history/[^/]+)?", address)
    return found[1] if found else ""


def condition_key(condition: str) -> tuple[str, str] | None:
    """System and value of ``identifier=SYSTEM|VALUE``, or None where a condition says anything else."""
    try:
        pairs = parse_qsl(condition.removeprefix("?"), keep_blank_values=True, strict_parsing=True)
    except ValueError:
        return None
    if len(pairs) != 1 or pairs[0][0] != "identifier" or _PLAIN_COMMA.search(pairs[0][1]):
        return None
    parts = [_ESCAPED.sub(r"\1", part).strip() for part in _PLAIN_BAR.split(pairs[0][1])]
    return (parts[0], parts[1]) if len(parts) == 2 and all(parts) else None
