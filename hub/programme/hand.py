"""By whose hand something changes: a person's, a message's, or the clock's; and what it leaves behind.

Whatever has states is changed through a hand, so that no change is without its history and its events. They are
written with the change, in its transaction.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from hub.days import day_of
from hub.ids import new_id
from hub.store import log

TIME = "hub"
"""Who does what the clock asks for."""


@dataclass(kw_only=True, slots=True)
class Hand:
    """`by` is an account, a source's name, or `TIME`; `role` says which; `message_id` is the witness, if one is."""

    connection: AsyncConnection
    by: str
    role: str
    now: datetime
    message_id: UUID | None = None
    changes: list[str] = field(default_factory=list)
    _steps: list[dict[str, Any]] = field(default_factory=list)
    _events: list[dict[str, Any]] = field(default_factory=list)

    @property
    def today(self) -> date:
        """The day in China."""
        return day_of(self.now)

    def step(self, kind: str, subject: UUID, act: str, before: str, after: str, *, note: str = "") -> None:
        """A step in the life of something: it goes into its history, and into the audit row of who did it."""
        self.changes.append(
            f"{kind} {subject} {act}: {before}>{after}" if before != after else f"{kind} {subject} {act}"
        )
        self._steps.append(
            {
                "id": new_id(),
                "kind": kind,
                "subject": subject,
                "act": act,
                "before": before,
                "after": after,
                "by": self.by,
                "role": self.role,
                "note": note,
                "message_id": self.message_id,
                "at": self.now,
            }
        )

    def tell(
        self, kind: str, subject: UUID | None, *, resident_id: UUID | None = None, audience: Iterable[str | None] = ()
    ) -> None:
        """An event for subscribers. `audience`: ``team:ID``, ``centre:ID``, ``organisation:ID``; None is left out."""
        told = {
            "kind": kind,
            "resident_id": resident_id,
            "subject": subject,
            "message_id": self.message_id,
            "entries": [],
            "audience": sorted({whom for whom in audience if whom}),
        }
        if told not in self._events:
            self._events.append(told)

    async def write(self, *witnesses: Mapping[str, Any]) -> None:
        """Write history and events, with the audit rows of who did it, and wake the readers upon commit."""
        await log.leave(self.connection, self._steps, self._events, witnesses)
        self._steps.clear()
        self._events.clear()
