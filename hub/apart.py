"""What shares an entry's key and is not the same thing: two vaccinations of one day, each with a number of its own."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from hub.merging import Folded, is_gone
from hub.record import Fact
from hub.specimens import Specimen, are_other, specimen_in

NUMBERED = frozenset({"Procedure", "Immunization"})
"""What is told apart by its code and instant, and said to the day often: the sender's own number tells more."""


OBSERVATION = "Observation"


def may_be_several(kind: str) -> bool:
    """Whether what shares a key may be, or may have been, several things."""
    return kind in NUMBERED or kind == OBSERVATION


def is_numbered(kind: str, resource: Mapping[str, Any], *, whole: bool) -> bool:
    """Whether the sender itself says which one this is: by an id or a number of its own (FHIR)."""
    return kind in NUMBERED and whole and bool(resource.get("id") or resource.get("identifier"))


def apart(kind: str, folded: Iterable[Folded]) -> list[list[Folded]]:
    """The things behind one key, at least one. What one patient's source numbers twice is two; what several sources say
    is one thing as long as each of them tells of one. The order of arrival does not matter: numbers are taken in their
    own order, and what was withdrawn takes no place. Observations are apart where their specimens are."""
    if kind == OBSERVATION:
        return _by_specimen(folded)
    things: list[list[Folded]] = [[]]
    said: Counter[UUID] = Counter()
    for one in sorted(folded, key=lambda one: (one.latest.patient_id, one.latest.key)):
        at = 0
        if is_numbered(kind, one.resource, whole=one.latest.whole) and not is_gone(one.resource):
            at, said[one.latest.patient_id] = said[one.latest.patient_id], said[one.latest.patient_id] + 1
        things += [[] for _ in range(at + 1 - len(things))]
        things[at].append(one)
    return things


def _by_specimen(folded: Iterable[Folded]) -> list[list[Folded]]:
    """Each with those whose specimen may be its own; what names none is with the first."""
    things: list[list[Folded]] = [[]]
    taken: list[list[tuple[Specimen, Fact]]] = [[]]
    for one in sorted(folded, key=lambda one: (one.latest.patient_id, one.latest.key)):
        specimen, at = None if is_gone(one.resource) else specimen_in(one.resource, one.latest), 0
        if specimen is not None:
            at = next(
                (at for at, known in enumerate(taken) if not are_other((specimen, one.latest), known)), len(taken)
            )
            things += [[] for _ in range(at + 1 - len(things))]
            taken += [[] for _ in range(at + 1 - len(taken))]
            taken[at].append((specimen, one.latest))
        things[at].append(one)
    return things


def key_of(key: str, at: int) -> str:
    """The entry key of the thing at a place among those that share a key."""
    return f"{key}~{at + 1}" if at else key
