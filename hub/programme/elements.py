"""Elements of FHIR resources that are not of one patient: codes by their system, extensions by their address."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

Json = Mapping[str, Any]


def listed(value: Any) -> Sequence[Any]:
    """An element that may stand there once, several times or not at all, as a list."""
    return value if isinstance(value, list) else [value] if value else []


def code_in(concepts: Any, system: str) -> str:
    """The code of a system in one or several CodeableConcepts; "" where there is none."""
    codings = (coding for concept in listed(concepts) for coding in listed(concept.get("coding")))
    return next((str(one["code"]) for one in codings if one.get("system") == system and one.get("code")), "")


def text_of(concepts: Any) -> str:
    """The text of the first CodeableConcept that has one."""
    return next((str(one["text"]) for one in listed(concepts) if one.get("text")), "")


def extensions(resource: Json, url: str) -> Iterator[Json]:
    """The extensions of a resource, or of an element, with this address."""
    return (one for one in listed(resource.get("extension")) if one.get("url") == url)


def texts(resource: Json, url: str) -> list[str]:
    """The strings of extensions with this address."""
    return [str(one["valueString"]) for one in extensions(resource, url) if one.get("valueString")]


def phone_of(resource: Json) -> str:
    """The first telephone number of a resource's telecom."""
    points = (one for one in listed(resource.get("telecom")) if one.get("system", "phone") == "phone")
    return next((str(one["value"]) for one in points if one.get("value")), "")


def number_in(resource: Json, system: str) -> str:
    """The identifier of a system; "" where there is none."""
    numbers = (one for one in listed(resource.get("identifier")) if one.get("system") == system)
    return next((str(one["value"]) for one in numbers if one.get("value")), "")


def reference_of(element: Any) -> str:
    """What a Reference says in `reference`; "" where it says nothing there."""
    return str(element.get("reference", "")) if isinstance(element, Mapping) else ""
