"""What is handed out of facts: those that still stand, each as it was written."""

from collections.abc import Iterable, Sequence
from uuid import UUID

from hub.merging import group, is_gone
from hub.record import Fact

Key = tuple[UUID, str, str]
"""What of a patient facts speak of: (patient, kind, business key)."""


def standing_facts(facts: Iterable[Fact], keys: Sequence[Key]) -> list[Fact]:
    """Of facts with their business keys complete, those of which something still counts: by these keys, each in the
    order of events. What was replaced by a later word, and what was withdrawn, is left out: whoever reads it could not
    tell it from what holds."""
    found: dict[Key, list[Fact]] = {}
    for one in group(facts):
        if not is_gone(one.resource):
            standing = {fact.id: fact for fact in (*one.said_by.values(), one.latest)}
            ordered = sorted(standing.values(), key=lambda fact: fact.order)
            found[one.latest.patient_id, one.latest.kind, one.latest.key] = ordered
    return [fact for key in keys for fact in found.get(key, ())]


def behind(facts: Sequence[Fact], place: Fact | None) -> list[Fact]:
    """The facts behind a place in a list of `standing_facts`, which begins with the key of that place."""
    if place is None:
        return list(facts)
    key = (place.patient_id, place.kind, place.key)
    return [one for one in facts if (one.patient_id, one.kind, one.key) != key or one.order > place.order]
