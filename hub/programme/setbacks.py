"""With whom the clock failed: they wait, ever longer, so that nobody else has to.

What fails once mostly fails again, and whoever is first in the order of things due would be first for ever. It is kept
in memory: after a restart everybody is tried at once.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

FIRST_PAUSE = timedelta(minutes=1)
LONGEST_PAUSE = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Setback:
    """How long somebody waits, and until when."""

    pause: timedelta
    until: datetime


@dataclass(kw_only=True, slots=True)
class Setbacks:
    """Those who wait to be tried again."""

    _waiting: dict[UUID, Setback] = field(default_factory=dict)

    def waiting(self, now: datetime) -> list[UUID]:
        """Whom to leave alone for now."""
        return [key for key, one in self._waiting.items() if one.until > now]

    def add(self, key: UUID, now: datetime) -> Setback:
        """It failed with somebody: once more, they wait twice as long."""
        before = self._waiting.get(key)
        pause = min(before.pause * 2, LONGEST_PAUSE) if before else FIRST_PAUSE
        self._waiting[key] = Setback(pause, now + pause)
        return self._waiting[key]

    def forget(self, *keys: UUID) -> None:
        """It went well with them."""
        for key in keys:
            self._waiting.pop(key, None)
