"""What facts amount to: the things behind them, and their entries. The same functions as when they are recorded."""

from collections.abc import Iterable, Iterator, Mapping
from uuid import UUID

from hub.apart import apart, key_of
from hub.courses import kinds_on, shelf_of
from hub.merging import Folded, project
from hub.record import Entry

Things = Mapping[tuple[UUID, str, str], list[Folded]]
"""What is folded of each thing, by resident, kind and the key of its entry."""


def kinds_behind(kind: str) -> tuple[str, ...]:
    """The kinds of facts that entries of a kind are made of."""
    return kinds_on(kind)


def things_of(folded: Iterable[Folded], owners: Mapping[UUID, UUID]) -> Things:
    """The things behind what was folded; `owners` leads from patients to residents."""
    together: dict[tuple[UUID, str, str], list[Folded]] = {}
    for one in folded:
        whose, shelf = owners[one.latest.patient_id], shelf_of(one.latest.kind)
        together.setdefault((whose, shelf, one.entry_key), []).append(one)
    return {
        (resident, kind, key_of(key, at)): of
        for (resident, kind, key), said in together.items()
        for at, of in enumerate(apart(kind, said))
    }


def entries_of(things: Things) -> Iterator[Entry]:
    """The entries of things that are not withdrawn."""
    for (resident, kind, key), of in things.items():
        if entry := project(resident, kind, key, of):
            yield entry
