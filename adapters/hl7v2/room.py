"""The room that one listener's connections share: how many bytes they hold together of what is not answered."""

from typing import Protocol


class Holder(Protocol):
    """Who holds bytes."""

    def regulate(self) -> None:
        """Read on or hold off: there is room again, or no more."""


class Room:
    """So many bytes for all connections together, however many there are.

    Once they are taken up, only the connection that has held some longest is read from: it comes to its end, or to its
    time-out, and then it is the next one's turn. The others are not read from, which slows their senders down and drops
    nothing. Small holdings are not counted: a frame that came whole is answered before it could matter.
    """

    def __init__(self, most: int, *, small: int = 64 * 1024) -> None:
        self._most = most
        self._small = small
        self._held: dict[Holder, int] = {}  # who has held some longest is first
        self._sum = 0

    def hold(self, holder: Holder, size: int) -> None:
        """A connection holds so many bytes now; 0: none, or it is gone."""
        counted = size if size > self._small else 0
        before = self._held.get(holder, 0)
        if counted == before:
            return
        first, was_full = self._first(), self.is_full
        if counted:
            self._held[holder] = counted
        else:
            del self._held[holder]
        self._sum += counted - before
        if self.is_full != was_full or (was_full and self._first() is not first):
            for one in [*self._held]:
                one.regulate()

    @property
    def is_full(self) -> bool:
        """Whether all of it is taken up."""
        return self._sum >= self._most

    def has_turn(self, holder: Holder) -> bool:
        """Whether a connection may be read from; one that holds nothing yet may always."""
        return not self.is_full or holder not in self._held or self._first() is holder

    def _first(self) -> Holder | None:
        return next(iter(self._held), None)
