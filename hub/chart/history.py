"""What was said of an entry, word by word: who said it when, what it changed, and whether it still counts.

facts in the order of their events ---> the entry after each of them ---> what differs from the one before
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from uuid import UUID

from hub.merging import Folded, fold, is_gone, origins_of, project
from hub.record import Entry, Fact

Key = tuple[UUID, str, str]
"""What is folded together: of one patient, of one kind, under one key."""
_NOT_SHOWN = frozenset({"effective_at", "ended_at", "value_number"})
"""Columns that only say another one so that it can be reckoned with."""
_CORRECTIONS = frozenset({"corrected", "amended"})
_WITHDRAWALS = frozenset({"cancelled", "entered-in-error"})


class State(StrEnum):
    """What has become of one word on an entry."""

    CURRENT = "current"
    SUPERSEDED = "superseded"
    CORRECTED = "corrected"
    CANCELLED = "cancelled"


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """One column of the entry, before and after; None where it held nothing."""

    element: str
    before: Any
    after: Any


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """What one fact did to the entry."""

    fact: Fact
    state: State
    changes: tuple[Change, ...]


def history_of(kind: str, key: str, resident_id: UUID, facts: Iterable[Fact], most: int) -> list[Step]:
    """The last `most` words on an entry in the order of their events, each with what it changed of what stood before.

    A late message stands where its event belongs, so what it changed is what it would have, had it come in time.
    """
    ordered = sorted(facts, key=lambda fact: fact.order)
    by_key: dict[Key, list[Fact]] = {}
    folded: dict[Key, Folded] = {}
    early = max(0, len(ordered) - most)
    for fact in ordered[:early]:
        by_key.setdefault((fact.patient_id, fact.kind, fact.key), []).append(fact)
    for of, said in by_key.items():
        folded[of] = fold(said)
    shown = _shown(project(resident_id, kind, key, list(folded.values())) if folded else None)
    changes: list[tuple[Change, ...]] = []
    for fact in ordered[early:]:
        said = by_key.setdefault((fact.patient_id, fact.kind, fact.key), [])
        said.append(fact)
        folded[fact.patient_id, fact.kind, fact.key] = fold(said)
        before, shown = shown, _shown(project(resident_id, kind, key, list(folded.values())))
        changes.append(_changes(before, shown))
    states = _states(folded, by_key)
    return [
        Step(fact=fact, state=states[fact.id], changes=what)
        for fact, what in zip(ordered[early:], changes, strict=True)
    ]


def _shown(entry: Entry | None) -> Mapping[str, Any]:
    return {} if entry is None else entry.columns


def _changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[Change, ...]:
    names = [*after, *(name for name in before if name not in after)]
    return tuple(
        Change(element=name, before=before.get(name), after=after.get(name))
        for name in names
        if name not in _NOT_SHOWN and before.get(name) != after.get(name)
    )


def _states(folded: Mapping[Key, Folded], said: Mapping[Key, Sequence[Fact]]) -> dict[UUID, State]:
    """What has become of each fact, by what all that was said with its key amounts to."""
    return {fact.id: _state(fact, one, said[of]) for of, one in folded.items() for fact in said[of]}


def _state(fact: Fact, folded: Folded, said: Sequence[Fact]) -> State:
    if _is_withdrawn(folded.resource):
        return State.CURRENT if fact is _last_to_withdraw(said) else State.CANCELLED
    if fact.id in _standing(folded):
        return State.CURRENT
    later = [one for one in said if one.order > fact.order]
    is_corrected = any(one.resource.get("status") in _CORRECTIONS for one in later)
    return State.CORRECTED if is_corrected else State.SUPERSEDED


def _is_withdrawn(resource: Mapping[str, Any]) -> bool:
    return is_gone(resource) or resource.get("status") in _WITHDRAWALS


def _last_to_withdraw(said: Sequence[Fact]) -> Fact | None:
    return max((one for one in said if _is_withdrawn(one.resource)), key=lambda one: one.order, default=None)


def _standing(folded: Folded) -> Collection[UUID]:
    """The facts of which something is shown; of a fact that gave nothing but what stays silent, the last."""
    shown = {one.message_id for one in origins_of(folded)}
    standing = {fact.id for fact in folded.said_by.values() if fact.message_id in shown}
    return standing | {folded.latest.id}
