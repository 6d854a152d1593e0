"""Numbers of a person as they are compared: of a declared kind, normalised, and the person's own or somebody else's."""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping

from hub.identifiers import normalise, read_citizen_id
from hub.mapping.codes import IdentifierKind
from hub.matching.placeholders import is_placeholder
from hub.message import Source
from hub.record import Identifier, Json

CITIZEN_KINDS = ("citizen-id", "residence-permit", "foreigner-card")
"""Kinds of numbers that prove who somebody is, by their check character and birth date."""
COMPARED = ("strong", "comparable")
"""How far a kind of number must lead to be compared at all."""


def numbers_in(
    told: Iterable[Json], source: Source | None, kinds: Mapping[str, IdentifierKind]
) -> Iterator[Identifier]:
    """The numbers among FHIR Identifiers that are compared across sources, normalised; a wrong one is left out."""
    by_system = {kind.system: kind.kind for kind in kinds.values() if kind.system}
    for one in told:
        system = str(one.get("system") or "")
        rule = source.rule_for(system) if source else None
        kind = rule.kind if rule else by_system.get(system, "")
        if found := number_of(kind, str(one.get("value") or ""), kinds):
            yield found


def number_of(kind: str, value: str, kinds: Mapping[str, IdentifierKind]) -> Identifier | None:
    """A number of a kind that is compared across sources, normalised; None where it is wrong, stands for none, or is of
    another kind. Cards that share the shape of a citizen ID number are told apart by its first digits, because they are
    sent under one type; every other kind is what it was declared to be."""
    if kind not in kinds or kinds[kind].strength not in COMPARED or is_placeholder(value):
        return None
    if kind in CITIZEN_KINDS:
        found = read_citizen_id(value)
        if found is not None:
            return Identifier(kind=found.kind, system=kinds[found.kind].system, value=found.number)
        if kind != "foreigner-card":
            return None
        kind = "former-foreigner-card"
    shape = kinds[kind].shape
    fits = re.fullmatch(shape, normalise(value)) if shape else None
    if shape and fits is None:
        return None
    compared = fits[1] if fits and fits.re.groups else normalise(value)
    return Identifier(kind=kind, system=kinds[kind].system, value=compared)


def is_own(number: Identifier, birth_date: str, is_newborn: bool = False) -> bool:
    """Whether a number is the person's own: its birth date is theirs. A newborn without a birth date has none yet."""
    if number.kind not in CITIZEN_KINDS:
        return True
    if not birth_date:
        return not is_newborn
    found = read_citizen_id(number.value)
    return found is not None and found.birth_date.isoformat().startswith(birth_date)


def citizen_ids_of(proofs: Iterable[Identifier]) -> frozenset[str]:
    """The citizen ID numbers and residence permits among numbers, normalised."""
    return frozenset(proof.value for proof in proofs if proof.kind in CITIZEN_KINDS)


def are_two(one: Collection[str], other: Collection[str]) -> bool:
    """Whether the holders of these citizen ID numbers are two people: both have numbers of one kind, and share none."""
    kinds = {_kind_of(number) for number in one} & {_kind_of(number) for number in other}
    return any(
        {n for n in one if _kind_of(n) == kind}.isdisjoint(n for n in other if _kind_of(n) == kind) for kind in kinds
    )


def _kind_of(number: str) -> str:
    """Which card a number stands on: one person may hold a permit and, later, a citizen ID number."""
    found = read_citizen_id(number)
    return found.kind if found else ""
