"""Whom a FHIR request is about: the patients in it and those that it refers to, before anything of it is validated."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from adapters.keys import Keys, add_keys, lane_of
from hub.message import (
    FhirEntry,
    FhirMessage,
    Source,
    base_of,
    contained_in,
    patient_asked,
    patient_named,
    subjects_of,
)


class Person(NamedTuple):
    """A patient as sent. `identifiers` are (system, value); `fhir_id` is the id that its source gave it, where the
    request says it by that (an update, or a reference)."""

    identifiers: tuple[tuple[str, str], ...]
    names: tuple[str, ...] = ()
    fhir_id: str = ""


def people_in(message: FhirMessage) -> tuple[Person, ...]:
    """The patients of a request in its order, each once: Patient resources, then subjects that are none of them."""
    entries = [entry for entry in message.entries if entry.refusal is None]
    own = [entry for entry in entries if entry.resource.get("resourceType") == "Patient"]
    here = {name for entry in own for name in (entry.full_url, f"Patient/{entry.resource.get('id')}")}
    bases = {base_of(entry.full_url) for entry in message.entries} | {""}
    people = dict.fromkeys(_patient(entry) for entry in own)
    for entry in entries:
        for referred in subjects_of(entry.resource):
            if (person := _referred(referred, here, entry.resource, bases)) is not None:
                people[person] = None
    return tuple(people)


def keys_of(people: Iterable[Person], source: Source) -> Keys:
    """The keys of these people for their source. A lane is ``SOURCE|KIND|NUMBER``, for every number by which the source
    tells them apart: two requests that share one are merged in order."""
    numbers: dict[str, None] = {}
    names: dict[str, None] = {}
    lanes: dict[str, None] = {}
    for person in people:
        add_keys(numbers, (value for _, value in person.identifiers))
        add_keys(numbers, (person.fhir_id,))
        add_keys(names, person.names)
        lanes.update(dict.fromkeys(_lanes(person, source)))
    return Keys(numbers=tuple(numbers), names=tuple(names), lanes=tuple(lanes))


def _lanes(person: Person, source: Source) -> Iterator[str]:
    own: list[tuple[str, str]] = []
    others: list[tuple[str, str]] = []
    for system, value in person.identifiers:
        if rule := source.rule_for(system):
            (own if rule.of_patient else others).append((rule.kind, value))
    if person.fhir_id:
        own.insert(0, ("fhir-id", person.fhir_id))
    for kind, value in own or others:
        yield lane_of(source, kind, value)


def _patient(entry: FhirEntry) -> Person:
    resource = entry.resource
    fhir_id = resource.get("id") if entry.method == "PUT" else ""
    return Person(
        identifiers=tuple(_identifiers(resource.get("identifier"))),
        names=tuple(_names(resource.get("name"))),
        fhir_id=fhir_id if isinstance(fhir_id, str) else "",
    )


def _referred(
    reference: Mapping[str, Any], here: set[str], resource: Mapping[str, Any], bases: set[str]
) -> Person | None:
    address = reference.get("reference")
    numbers = tuple(_identifiers([reference.get("identifier")]))
    if isinstance(address, str):
        if address in here:
            return None
        if (named := patient_named(address)) and named.base in bases:
            return Person((), fhir_id=named.id)
        if key := patient_asked(address):
            return Person((key,))
        if inside := contained_in(resource, address):
            return Person(tuple(_identifiers(inside.get("identifier"))), tuple(_names(inside.get("name"))))
    return Person(numbers) if numbers else None


def _identifiers(listed: object) -> Iterator[tuple[str, str]]:
    for one in listed if isinstance(listed, list) else ():
        value = one.get("value") if isinstance(one, dict) else None
        if isinstance(value, str) and value.strip():
            system = one.get("system")
            yield (system if isinstance(system, str) else ""), value.strip()


def _names(listed: object) -> Iterator[str]:
    """Each name as people would look for it: its text; family and given name, with no blank if they are Chinese."""
    for one in listed if isinstance(listed, list) else ():
        if not isinstance(one, dict):
            continue
        if isinstance(text := one.get("text"), str):
            yield text
        given = one.get("given")
        parts = [one.get("family"), *(given if isinstance(given, list) else ())]
        written = [part for part in parts if isinstance(part, str) and part]
        yield (" " if all(part.isascii() for part in written) else "").join(written)
