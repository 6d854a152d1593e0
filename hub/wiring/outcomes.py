"""What has become of a message: for those who wait at a door, and those who ask later."""

import asyncio
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.fhir.endpoint import Outcome
from hub.errors import refuse
from hub.events import SETTLED, EventFeed
from hub.message import Fate
from hub.store import inbox, messages

_LOOK_SECONDS = 1.0
"""How often a waiting request looks for its outcome though nobody woke it."""


class Outcomes:
    """Reads fates. `feed` tells when some were settled."""

    def __init__(self, engine: AsyncEngine, feed: EventFeed) -> None:
        self._engine, self._feed = engine, feed

    async def wait(self, key: UUID, seconds: float) -> Outcome | None:
        """What became of a kept message, as soon as it is settled; None where the seconds are over."""
        deadline = asyncio.get_running_loop().time() + seconds
        with self._feed.watch(SETTLED) as watch:  # made before the first look, so that no wake is missed
            while (outcome := await self.look(key)) is None:
                left = deadline - asyncio.get_running_loop().time()
                if left <= 0:
                    return None
                await watch.next(min(left, _LOOK_SECONDS))
        return outcome

    async def find(self, key: UUID, source: str) -> Outcome | None:
        """The outcome of a message of this source; None while it waits. Raises Refused (not-found)."""
        async with self._engine.connect() as connection:
            message = await messages.find_message(connection, key)
        if message is None or message.source != source:
            raise refuse("not-found", "status")
        return await self.look(key)

    async def look(self, key: UUID) -> Outcome | None:
        """What has become of a message; None while it waits."""
        async with self._engine.connect() as connection:
            row = (await inbox.find_fates(connection, [key])).get(key)
        if row is None or row["fate"] == Fate.KEPT:
            return None
        findings = tuple(refusal for one in row["findings"] or () if (refusal := inbox.refusal_from(one)))
        return Outcome(kind=row["fate"], refusal=inbox.refusal_from(row["refusal"]), findings=findings)
