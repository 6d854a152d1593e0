"""Patients whom a source names for the first time, and whom no number leads to a resident: do they resemble somebody?

They are recognised before they are opened, so that nobody becomes a resident only to be replaced by another.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from hub.identity import Proofs, is_another
from hub.likeness import JOINING, Matcher
from hub.matching.blocks import MOST_SHARING
from hub.matching.comparing import Comparison
from hub.matching.numbers import are_two
from hub.matching.person import Person
from hub.message import Source
from hub.record import Grade, Json, PatientPart
from hub.relatives import PERSON
from hub.store import candidates, people
from hub.store.candidates import Candidate

MOST_HELD = 1024
"""Keys that one batch holds; the database's table of locks is not endless."""


class NeedsToBeAlone(Exception):  # noqa: N818 - no fault: the batch has to be done anew, alone
    """What a batch says touches residents or keys that other workers may be at."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Resembles:
    """The resident whom a newcomer is taken for."""

    resident_id: UUID
    comparison: Comparison


class Newcomers:
    """Those of a batch whom nobody knows yet, with whoever they may be."""

    def __init__(self, matcher: Matcher | None, *, alone: bool) -> None:
        self._matcher, self._alone = matcher, alone
        self._persons: dict[int, tuple[Person, tuple[int, ...]]] = {}  # by the id of a part, which the batch holds
        self._by_key: dict[int, list[Candidate]] = {}
        self.citizen_ids: dict[UUID, frozenset[str]] = {}

    async def look_up(self, connection: AsyncConnection, told: Iterable[tuple[Source, PatientPart]]) -> None:
        """Find whom these may be. Raises NeedsToBeAlone."""
        if self._matcher is None:
            return
        for source, part in told:
            if part.demographics is not None:
                person = self._matcher.person(_said(part), source, _relatives(part))
                self._persons[id(part)] = (person, self._matcher.keys(person))
        keys = {key for _, of in self._persons.values() for key in of}
        await hold(connection, keys, alone=self._alone)
        found = await candidates.find_sharing(connection, keys)
        for one in found:
            self._add(one)
        likely = {other.resident_id for part in self._persons for other, _ in self._likely(part)}
        self.citizen_ids = await people.find_citizen_ids(connection, likely)

    def resembled_by(
        self, part: PatientPart, proofs: Proofs, citizen_ids: Callable[[UUID], frozenset[str]]
    ) -> Resembles | None:
        """Whom a newcomer is taken for: the one whom it resembles most of those who are not another citizen. Who
        resembles two citizens is neither's before a person has looked."""
        fit = [
            (other, comparison)
            for other, comparison in self._likely(id(part))
            if comparison.grade in JOINING and not is_another(proofs, citizen_ids(other.resident_id))
        ]
        if not fit:
            return None
        held = {other.resident_id: citizen_ids(other.resident_id) for other, _ in fit}
        best, comparison = fit[0]
        if any(are_two(held[best.resident_id], numbers) for numbers in held.values()):
            return None
        return Resembles(resident_id=best.resident_id, comparison=comparison)

    def opened(self, part: PatientPart, patient_id: UUID, resident_id: UUID) -> None:
        """A newcomer of the batch is known from now on; others of the batch may be compared with it."""
        if (known := self._persons.get(id(part))) is not None:
            person, keys = known
            one = Candidate(patient_id=patient_id, resident_id=resident_id, person=person, keys=frozenset(keys))
            self._add(one)

    def _add(self, one: Candidate) -> None:
        for key in one.keys:
            self._by_key.setdefault(key, []).append(one)

    def _likely(self, part: int) -> Sequence[tuple[Candidate, Comparison]]:
        """Who may be the newcomer, the likeliest first."""
        if self._matcher is None or part not in self._persons:
            return ()
        person, keys = self._persons[part]
        sharing = (self._by_key.get(key, ()) for key in keys)
        others = {one.patient_id: one for of in sharing if len(of) <= MOST_SHARING for one in of}
        found = [(one, self._matcher.compare(person, one.person)) for one in others.values()]
        likely = [pair for pair in found if pair[1].grade is not Grade.NOT]
        return sorted(likely, key=lambda pair: (-pair[1].score, pair[0].resident_id))


async def hold(connection: AsyncConnection, keys: set[int], *, alone: bool) -> None:
    """Hold keys for this transaction; whoever works alone need not. Raises NeedsToBeAlone where they are too many."""
    if alone:
        return
    if len(keys) > MOST_HELD:
        raise NeedsToBeAlone
    await candidates.hold(connection, keys)


def _said(part: PatientPart) -> Json:
    """The demographics of a part, without what nobody said."""
    demographics = part.demographics
    if demographics is None:
        return {}
    return {name: value for name, value in demographics.resource.items() if name not in demographics.assumed}


def _relatives(part: PatientPart) -> list[Json]:
    return [one.resource for one in part.resources if one.kind == PERSON]
