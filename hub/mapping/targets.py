"""The FHIR R4B elements that rows may point at, read from the models of fhir.resources.

A target is written as FHIR writes it, dots between elements (``hospitalization.admitSource``). A repeating element is
appended to at the end of a path and is one thing in the middle of it (``reaction.manifestation``: one reaction).
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from fhir.resources.R4B import get_fhir_model_class

_COMPLEX = re.compile(r"abc\.(\w+)Type\b")
_PRIMITIVE = re.compile(r"\b(\w+)\((?:[^()]*)\)\]")


@dataclass(frozen=True, slots=True)
class Element:
    """One FHIR element: its name in JSON, its type (``CodeableConcept``, ``Code``), and whether it repeats. One type of
    a `choice` (``value[x]``) has `rivals`: the names of the others, beside none of which it may stand."""

    name: str
    type: str
    repeats: bool
    choice: str = ""
    rivals: frozenset[str] = frozenset()


SUBJECT_OF: Mapping[str, str] = {
    "Patient": "",
    "AllergyIntolerance": "patient",
    "Immunization": "patient",
    "RelatedPerson": "patient",
    "Appointment": "",
    "Coverage": "beneficiary",
}
"""The element that says whom a resource is about, where it is not `subject`; "": none does (of an appointment, a
participant)."""


@cache
def elements_of(type_name: str) -> dict[str, Element]:
    """The elements of a FHIR R4B type by their JSON names."""
    elements: dict[str, Element] = {}
    for python_name, declared in get_fhir_model_class(type_name).model_fields.items():
        name = declared.alias or python_name
        extra: Any = declared.json_schema_extra or {}
        if name.startswith("_") or name == "fhir_comments":
            continue
        elements[name] = Element(
            name,
            _type_of(str(declared.annotation)),
            "List[" in str(declared.annotation),
            extra.get("one_of_many", ""),
        )
    return {name: replace(one, rivals=_rivals(one, elements.values())) for name, one in elements.items()}


def _rivals(element: Element, others: Iterable[Element]) -> frozenset[str]:
    if not element.choice:
        return frozenset()
    return frozenset(one.name for one in others if one.choice == element.choice and one is not element)


@cache
def required_of(type_name: str) -> tuple[str, ...]:
    """The elements that FHIR R4B requires of a type, the subject aside (it is set when the fact is stored)."""
    required = []
    for python_name, declared in get_fhir_model_class(type_name).model_fields.items():
        extra: Any = declared.json_schema_extra or {}
        if declared.is_required() or extra.get("element_required"):
            required.append(declared.alias or python_name)
    return tuple(name for name in required if name not in ("subject", "patient", "beneficiary", "resource_type"))


def find_path(type_name: str, target: str) -> tuple[Element, ...] | None:
    """The elements along a target, or None where R4B has no such element."""
    path: list[Element] = []
    for name in target.split("."):
        element = _elements_below(type_name).get(name)
        if element is None:
            return None
        path.append(element)
        type_name = element.type
    return tuple(path)


def _elements_below(type_name: str) -> dict[str, Element]:
    """The elements of a type; a primitive (``Code``) has none."""
    try:
        return elements_of(type_name)
    except (LookupError, ValueError):
        return {}


def _type_of(annotation: str) -> str:
    if found := _COMPLEX.search(annotation):
        return found.group(1)
    if found := _PRIMITIVE.search(annotation):
        return found.group(1)
    return "Boolean" if "bool" in annotation else annotation
