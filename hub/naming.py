"""References that a fact's own bundle does not name, and facts with the names that came otherwise.

A fact is never rewritten: the names are laid beside it when it is read to be shown.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from hub.concepts import TYPE
from hub.courses import PRESCRIPTION
from hub.record import Fact, Named
from hub.specimens import KIND

NAMED = frozenset({"Organization", "Practitioner", "PractitionerRole", "Location", "Medication"})
"""What resources refer to by a name: its own resource is no line of anybody's record."""
CALLED = NAMED | {KIND}
"""What a request calls by words: beside the named ones specimens, by what they are (`hub.specimens`)."""
_LED_TO = CALLED | {PRESCRIPTION}
"""And prescriptions, which are called by the key of their line."""
_LEADS = re.compile(rf"(?:https?://\S+/)?(?:{'|'.join(sorted(_LED_TO))})[/?]\S+")
"""A reference beyond its bundle: relative, absolute or by a number (FHIR R4 2.3.0.2). What leads within the resource or
the bundle (``#x``, ``urn:uuid:``) leads to nothing else."""


def unnamed(fact: Fact) -> Iterator[str]:
    """The references of a fact that may be named later: not by itself, not by its bundle."""
    if not fact.whole:  # only FHIR refers by address
        return
    for reference in dict.fromkeys(_references(fact.resource)):
        if reference not in fact.names and _LEADS.fullmatch(reference):
            yield reference


def with_names(facts: Iterable[Fact], names: Mapping[tuple[str, str], Named]) -> Sequence[Fact]:
    """Facts with what their references are called by now."""
    return [_with_names(one, names) for one in facts]


def _with_names(fact: Fact, names: Mapping[tuple[str, str], Named]) -> Fact:
    found = [named for one in unnamed(fact) if (named := names.get((fact.source, one)))]
    if not found:
        return fact
    shown = {one.reference: one.shown for one in found} | {f"{one.reference}{TYPE}": one.kind for one in found}
    return replace(fact, names={**shown, **fact.names})


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        said = value.get("reference")
        if isinstance(said, str):
            yield said
        for item in value.values():
            yield from _references(item)
    elif isinstance(value, list):
        for item in value:
            yield from _references(item)
