"""Which version of FHIR a request is written in: R4 and R4B are taken, R5 and STU3 are refused by their name.

A sender says it in the media type (``application/fhir+json; fhirVersion=5.0``, FHIR R4 3.1.0.1.1) or by a profile
of the standard with its version. Else it shows by what R4B has not, and the other version has.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from fhir.resources import STU3, get_fhir_model_class
from pydantic import ValidationError

from hub.errors import Refusal, refuse

_TAKEN = frozenset({"4.0", "4.3"})
_NAMES: Mapping[str, str] = {"1.0": "DSTU2", "3.0": "STU3", "4.0": "R4", "4.3": "R4B", "5.0": "R5", "6.0": "R6"}
_PARAMETER = re.compile(r";\s*fhirVersion\s*=\s*\"?(\d{1,2}\.\d{1,2})(?:\.\d{1,2})?\"?\s*(?=[;,]|$)", re.IGNORECASE)
_UNREADABLE = re.compile(r";\s*fhirVersion\s*=", re.IGNORECASE)
_STANDARDS = re.compile(
    r"http://hl7\.org/fhir/(?:(?P<path>\d\.\d)/)?StructureDefinition/[A-Za-z0-9.-]+(?:\|(?P<behind>\d\.\d)(?:\.\d+)?)?"
)
_MODELS = {"R5": get_fhir_model_class, "STU3": STU3.get_fhir_model_class}


def header_fault(value: str, header: str) -> Refusal | None:
    """Why a Content-Type or Accept asks for a version that the hub has not ("other-fhir-version"), or None.

    An Accept may name several: one that the hub has is enough.
    """
    asked = [_asked(part) for part in value.split(",")]
    if not value or any(version in ("", *_TAKEN) for version in asked):
        return None
    return refuse("other-fhir-version", header, version=_named(asked[0])).refusal


def stated_fault(resource: Mapping[str, Any], where: str) -> Refusal | None:
    """Why a resource is of another version by a profile of the standard that it claims, or None."""
    meta = resource.get("meta")
    profiles = meta.get("profile") if isinstance(meta, dict) else None
    for at, profile in enumerate(profiles if isinstance(profiles, list) else ()):
        found = _STANDARDS.fullmatch(profile) if isinstance(profile, str) else None
        version = str(found["path"] or found["behind"]) if found else ""
        if version in _NAMES and version not in _TAKEN:
            return refuse("other-fhir-version", f"{where}.meta.profile[{at}]", version=_named(version)).refusal
    return None


def type_fault(name: object, where: str) -> Refusal | None:
    """Why a type that R4B does not know is of another version, or None where no version knows it."""
    if not isinstance(name, str) or not re.fullmatch(r"[A-Z][A-Za-z]{1,39}", name):
        return None
    for version, model_of in _MODELS.items():
        try:
            model_of(name)
        except (LookupError, ValueError):
            continue
        return refuse("other-fhir-version", where, version=version).refusal
    return None


def version_of(resource: Mapping[str, Any], faults: Iterable[str]) -> str:
    """The version in which a resource is valid that R4B refuses for these types of faults; "" where there is none.

    What only misses an element says nothing: R5 asks for less, and a forgotten element makes no R5.
    """
    if all(fault == "missing" for fault in faults):
        return ""
    for version, model_of in _MODELS.items():
        try:
            model_of(str(resource.get("resourceType"))).model_validate(dict(resource))
        except (ValidationError, LookupError, TypeError, ValueError, AttributeError, RecursionError):
            continue
        return version
    return ""


def _asked(part: str) -> str:
    """The version that one media type names: "" for none, "?" for what is no version."""
    found = _PARAMETER.search(part)
    return found[1] if found else "?" if _UNREADABLE.search(part) else ""


def _named(version: str) -> str:
    return _NAMES.get(version, version)
