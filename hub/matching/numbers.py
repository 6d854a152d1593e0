"""Numbers of a person as they are compared: of a declared kind, normalised, and the person's own or somebody else's."""

from collections.abc import Iterable, Iterator, Mapping

from hub.identifiers import normalise, read_citizen_id
from hub.mapping.codes import IdentifierKind
from hub.message import Source
from hub.record import Identifier, Json

CITIZEN_KINDS = ("citizen-id", "residence-permit")
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
    """A number of a kind that is compared across sources, normalised; None where it is wrong or of another kind."""
    if kind not in kinds or kinds[kind].strength not in COMPARED or not value:
        return None
    if kind not in CITIZEN_KINDS:
        return Identifier(kind=kind, system=kinds[kind].system, value=normalise(value))
    found = read_citizen_id(value)
    if found is None:
        return None
    kind = "residence-permit" if found.is_permit else "citizen-id"
    return Identifier(kind=kind, system=kinds[kind].system, value=found.number)


def is_own(number: Identifier, birth_date: str, is_newborn: bool = False) -> bool:
    """Whether a number is the person's own: its birth date is theirs. A newborn without a birth date has none yet."""
    if number.kind not in CITIZEN_KINDS:
        return True
    if not birth_date:
        return not is_newborn
    found = read_citizen_id(number.value)
    return found is not None and found.birth_date.isoformat().startswith(birth_date)
