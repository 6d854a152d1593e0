"""States as tables: which act leads from which state to which, who may do it, and what must hold.

One machine a thing that has states. The same table answers "may I?" (`acts`), insists (`check`), and draws the diagram
of the documentation, so that none of them can say something else than the others.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

from hub.errors import Refusal, Refused

Subject = TypeVar("Subject")
Guard = Callable[[Subject], Refusal | None]
"""What must hold besides the state: None where it does, else why it does not. Its docstring is its name in diagrams."""


class Actor(StrEnum):
    """Who moves something, as far as a table is concerned."""

    TEAM = "team"
    """The family-doctor team whose resident it is."""
    CENTRE = "centre"
    """Any team of the community centre."""
    SENDER = "sender"
    """Who sent a referral."""
    RECEIVER = "receiver"
    """Whom a referral was sent to."""
    HOSPITAL = "hospital"
    """The hospital whose sessions they are."""
    MESSAGE = "message"
    """A message of a source, as witness."""
    TIME = "time"
    """The clock: nobody had to do anything."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Move(Generic[Subject]):
    """One line of a table. `target` "" means that the state stays (a contact was recorded)."""

    act: str
    sources: frozenset[str]
    target: str
    actors: frozenset[Actor]
    guard: Guard[Subject] | None = None


def move(
    act: str, sources: Sequence[str], target: str, *actors: Actor, guard: Guard[Subject] | None = None
) -> Move[Subject]:
    """A line of a table: ``move("accept", [SENT, RECEIVED], ACCEPTED, Actor.RECEIVER)``."""
    return Move(act=act, sources=frozenset(sources), target=target, actors=frozenset(actors), guard=guard)


@dataclass(frozen=True, kw_only=True, slots=True)
class Machine(Generic[Subject]):
    """The states of one kind of thing. `state_of` reads the state of a subject; `states` are in the order of a life."""

    name: str
    states: tuple[str, ...]
    moves: tuple[Move[Subject], ...]
    state_of: Callable[[Subject], str]

    @property
    def final(self) -> frozenset[str]:
        """The states that nothing leads out of."""
        left = {source for one in self.moves for source in one.sources if one.target != source}
        return frozenset(self.states) - left

    def acts(self, subject: Subject, actors: frozenset[Actor]) -> Iterator[str]:
        """What any of these actors may do with the subject now, in the order of the table."""
        for one in self.moves:
            if self._fault(one, subject, actors) is None:
                yield one.act

    def check(self, act: str, subject: Subject, actors: frozenset[Actor]) -> str:
        """The state that an act leads to.

        Raises Refused (not-in-this-state, not-yours-to-do), or what a guard says.
        """
        lines = [one for one in self.moves if one.act == act]
        faults = [self._fault(one, subject, actors) for one in lines]
        for one, fault in zip(lines, faults, strict=True):
            if fault is None:
                return one.target or self.state_of(subject)
        raise Refused(_nearest([fault for fault in faults if fault]))

    def _fault(self, one: Move[Subject], subject: Subject, actors: frozenset[Actor]) -> Refusal | None:
        state = self.state_of(subject)
        given = {"what": self.name, "act": one.act, "state": state}
        if not one.actors & actors:
            return Refusal(code="not-yours-to-do", where=self.name, given=given)
        if state not in one.sources:
            possible = ", ".join(sorted(one.sources))
            return Refusal(code="not-in-this-state", where=self.name, given={**given, "possible": possible})
        return one.guard(subject) if one.guard else None

    def diagram(self) -> str:
        """The table as a Mermaid state diagram."""
        lines = ["stateDiagram-v2", f"    [*] --> {self.states[0]}"]
        for one in self.moves:
            told = f"{one.act} ({', '.join(sorted(one.actors))})"
            if one.guard:
                told += f" [{(one.guard.__doc__ or '').rstrip('.')}]"
            sources = sorted(one.sources, key=self.states.index)
            lines += [f"    {source} --> {one.target or source}: {told}" for source in sources]
        lines += [f"    {state} --> [*]" for state in self.states if state in self.final]
        return "\n".join(lines)


def _nearest(faults: Sequence[Refusal]) -> Refusal:
    """The refusal that helps most: what a guard says, then the state, then whose it is to do."""
    ranks = {"not-yours-to-do": 2, "not-in-this-state": 1}
    return min(faults, key=lambda fault: ranks.get(fault.code, 0))
