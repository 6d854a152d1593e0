"""Patients who were known before they were compared: they are entered, so that others are recognised by them.

Entering joins and reviews nobody. That follows when something is said of one of them: what was entered here counts as
not yet compared.
"""

from collections.abc import AsyncGenerator, Callable
from uuid import UUID

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from hub.likeness import Matcher
from hub.matching.person import Person
from hub.merging import Folded, group
from hub.message import Source
from hub.recording import WHO
from hub.relatives import PERSON
from hub.rounds import Rounds
from hub.store import candidates, facts
from hub.store.candidates import Entered

logger = structlog.get_logger()

SourceOf = Callable[[str], Source | None]
"""A source by name, as the profiles stand now."""

_AT_ONCE = 100
_NOT_COMPARED = b""
"""The digest of who was entered and not compared: nothing that is said has it."""
_EVERY_SECONDS = 60.0
_LONGEST_PAUSE = 600.0
_FIRST = UUID(int=0)


async def enter_all(
    engine: AsyncEngine, matcher: Matcher, source_of: SourceOf, *, only_missing: bool
) -> AsyncGenerator[int, None]:
    """Enter everybody, or those who never were, some a transaction, beside ingest. Yields how many were entered."""
    after = _FIRST
    while True:
        async with engine.begin() as connection:
            held = await candidates.hold_patients(connection, after, _AT_ONCE, only_missing=only_missing)
            entered = await _enter(connection, held, matcher, source_of)
        if not held:
            return
        after = max(held)
        yield entered


async def _enter(connection: AsyncConnection, held: dict[UUID, str], matcher: Matcher, source_of: SourceOf) -> int:
    told: dict[UUID, list[Folded]] = {}
    for one in group(await facts.list_of_kinds(connection, sorted(held), WHO)) if held else ():
        told.setdefault(one.latest.patient_id, []).append(one)
    entered = []
    for patient_id, said in told.items():
        if (person := _person(said, matcher, source_of(held[patient_id]))) is not None:
            keys = tuple(dict.fromkeys(matcher.keys(person)))
            entered.append(Entered(patient_id=patient_id, person=person, keys=keys, digest=_NOT_COMPARED))
    await candidates.enter(connection, entered, known=[one.patient_id for one in entered])
    return len(entered)


def _person(said: list[Folded], matcher: Matcher, source: Source | None) -> Person | None:
    patient = next((one.said for one in said if one.latest.kind == "Patient"), None)
    if patient is None:
        return None
    return matcher.person(patient, source, [one.said for one in said if one.latest.kind == PERSON])


class Entering:
    """Enters the patients of before once, as long as it runs and until it is through."""

    def __init__(self, engine: AsyncEngine, matcher: Matcher, source_of: SourceOf) -> None:
        self._engine, self._matcher, self._source_of = engine, matcher, source_of
        self._is_through = False
        self._rounds = Rounds("entering", _LONGEST_PAUSE)

    def start(self) -> None:
        """Begin."""
        self._rounds.start((self.enter, _EVERY_SECONDS))

    async def stop(self) -> None:
        """Finish the patients at hand, then end."""
        await self._rounds.stop()

    async def enter(self) -> None:
        """Enter those who never were."""
        if self._is_through:
            return
        entered = 0
        async for some in enter_all(self._engine, self._matcher, self._source_of, only_missing=True):
            entered += some
            if self._rounds.is_stopping:
                return
        self._is_through = True
        if entered:
            logger.info("patients-entered", count=entered)
