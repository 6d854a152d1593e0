"""A session as a hospital tells it, the slots that the hub knows of it, and which of the two are the same."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from hub.slots.states import TAKEN, Account


@dataclass(frozen=True, kw_only=True, slots=True)
class Offered:
    """A slot as told. `number` is its place in the session, 0 where the hospital does not number them. `is_free`:
    nobody has taken it at the hospital; `is_for_team`: the hospital itself has put it aside for teams."""

    number: int = 0
    starts_at: datetime
    ends_at: datetime
    is_free: bool = True
    is_for_team: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Published:
    """A session as told, whole: what is not among `slots` is not offered. `reserved`, `team_from` and `release_at` are
    None where the hospital leaves them to the rules."""

    number: str
    kind: str
    department: str
    practitioner: str = ""
    title: str = ""
    speciality: str = ""
    place: str = ""
    fee: str = ""
    starts_at: datetime
    ends_at: datetime
    public_from: datetime
    team_from: datetime | None = None
    release_at: datetime | None = None
    reserved: int | None = None
    is_active: bool = True
    reason: str = ""
    slots: tuple[Offered, ...] = ()
    told_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Standing:
    """A slot that the hub knows. `moves` is the number of its last movement."""

    id: UUID
    number: int
    starts_at: datetime
    ends_at: datetime
    account: str
    moves: int

    @property
    def is_taken(self) -> bool:
        """Whether a team holds or has booked it."""
        return self.account in TAKEN


def match(told: Sequence[Offered], standing: Sequence[Standing]) -> tuple[Offered, ...]:
    """The slots as told, each with its number.

    Without numbers a slot is the one that stands at its time; of the others, those that are taken come first, so that
    nobody loses a place that can be kept. A hospital that moves whole sessions had better number its slots.
    """
    if all(one.number for one in told):
        return tuple(told)
    waiting = sorted(told, key=lambda one: (one.starts_at, one.ends_at))
    known = sorted(standing, key=lambda one: (not one.is_taken, one.account == Account.WITHDRAWN, one.number))
    paired: list[Offered] = []
    for slot in list(known):
        same = next((one for one in waiting if _times(one) == _times(slot)), None)
        if same is not None:
            known.remove(slot)
            waiting.remove(same)
            paired.append(replace(same, number=slot.number))
    new = iter(range(max((one.number for one in standing), default=0) + 1, 1 << 31))
    numbers: Iterator[int] = iter([*(slot.number for slot in known), *(next(new) for _ in waiting)])
    paired += [replace(one, number=number) for one, number in zip(waiting, numbers, strict=False)]
    return tuple(sorted(paired, key=lambda one: one.number))


def _times(of: Offered | Standing) -> tuple[datetime, datetime]:
    return of.starts_at, of.ends_at
