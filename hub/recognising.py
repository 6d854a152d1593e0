"""Patients of whom something new was said are compared with whoever shares a key with them, once it is recorded.

    said anew ---> entered ---> compared ---> joined, where that is certain or probable
                                         ---> reviewed, where it is possible or nobody may join them

Nobody is two citizens, and nobody moves whom a person has placed. What is said of a person outlives its message: a
review for which there is no reason any longer ends by itself.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import combinations
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from hub.ids import new_id
from hub.likeness import JOINING, REASONS, Matcher, digest_of, weights_json
from hub.matching.comparing import Comparison
from hub.matching.numbers import are_two
from hub.matching.person import Person
from hub.message import Source
from hub.newcomers import NeedsToBeAlone, hold
from hub.record import Grade, Json
from hub.store import candidates, people, reviews, verdicts
from hub.store.candidates import Entered
from hub.store.verdicts import Decided
from hub.unlike import find_unlike, part_unlike


@dataclass(frozen=True, kw_only=True, slots=True)
class Described:
    """A patient of whom something new was said, and all that is said of who it is."""

    patient_id: UUID
    resident_id: UUID
    message_id: UUID
    source: Source
    patient: Json
    related: Sequence[Json] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class _Pair:
    """Two patients who may be one person, `patient` the one of whom something was said."""

    patient_id: UUID
    other_id: UUID
    message_id: UUID
    comparison: Comparison


@dataclass(slots=True)
class _Scene:
    """Everybody whom a batch's pairs are about. `now` leads from each resident to whom it has been joined to."""

    owners: Mapping[UUID, UUID]
    citizen_ids: dict[UUID, frozenset[str]]
    decided: Mapping[UUID, Decided]
    now: dict[UUID, UUID] = field(default_factory=dict)

    def resident(self, patient_id: UUID) -> UUID:
        """Whom a patient stands for by now."""
        found = self.owners[patient_id]
        while found in self.now:
            found = self.now[found]
        return found

    def patients(self, resident_id: UUID) -> list[UUID]:
        """The patients who stand for a resident by now."""
        return sorted(one for one in self.owners if self.resident(one) == resident_id)

    def are_decided_apart(self, one: UUID, other: UUID) -> bool:
        """Whether a person said of these patients that they are two."""
        theirs, ours = self.decided.get(one, Decided()), self.decided.get(other, Decided())
        return self.owners[other] in theirs.different or self.owners[one] in ours.different

    def are_citizens_apart(self, one: UUID, other: UUID) -> bool:
        """Whether two patients stand for two citizens."""
        return are_two(self.citizen_ids[self.resident(one)], self.citizen_ids[self.resident(other)])

    def is_placed(self, resident_id: UUID) -> bool:
        """Whether a person decided where one of a resident's patients belongs."""
        return any(one in self.decided for one in self.patients(resident_id))


async def recognise(
    connection: AsyncConnection, told: Sequence[Described], matcher: Matcher, *, alone: bool
) -> list[tuple[UUID, UUID]]:
    """Enter patients, and join them with whom they resemble. Returns the moves, as (resident before, resident after).

    Raises NeedsToBeAlone where residents are to be joined while others work.
    """
    changed, known = await _enter(connection, told, matcher, alone=alone)
    if not changed:
        return []
    by_id = {one.patient_id: one for one in told}
    parted = await _part(connection, [by_id[one] for one in known], matcher, alone=alone)
    stands = await _standing(connection, parted)
    by_id = {one: replace(of, resident_id=stands.get(one, of.resident_id)) for one, of in by_id.items()}
    found = await _compare(connection, changed, by_id, matcher)
    waiting = await reviews.list_open_about(connection, changed.keys())
    concerned = {one for pair in found for one in (pair.patient_id, pair.other_id)} | changed.keys()
    concerned |= {one for review in waiting for one in (review.patient_id, review.other_id)}
    scene = await _look(connection, concerned, by_pairs=found)
    joined = _join(scene, found)
    if joined and not alone:
        raise NeedsToBeAlone
    moves = await _move(connection, scene, joined)
    if moves:
        await reviews.settle(connection, sorted({stays for _, stays in moves}), datetime.now(UTC))
    await _end(connection, scene, waiting, matcher)
    await _review(connection, scene, found)
    return [*parted, *moves]


async def _enter(
    connection: AsyncConnection, told: Sequence[Described], matcher: Matcher, *, alone: bool
) -> tuple[dict[UUID, Entered], set[UUID]]:
    """Write what these patients are compared by. Returns those for whom that is not what it was, and which of them had
    been entered before."""
    digests = {one.patient_id: digest_of(one.patient, one.related) for one in told}
    before = await candidates.find_digests(connection, digests)
    entered: dict[UUID, Entered] = {}
    for one in told:
        if before.get(one.patient_id) != digests[one.patient_id]:
            person = matcher.person(one.patient, one.source, one.related)
            entered[one.patient_id] = Entered(
                patient_id=one.patient_id,
                person=person,
                keys=tuple(dict.fromkeys(matcher.keys(person))),
                digest=digests[one.patient_id],
            )
    known = before.keys() & entered.keys()
    if entered:
        await hold(connection, {key for one in entered.values() for key in one.keys}, alone=alone)
        await candidates.enter(connection, list(entered.values()), known=known)
    return entered, known


async def _part(
    connection: AsyncConnection, told: Sequence[Described], matcher: Matcher, *, alone: bool
) -> list[tuple[UUID, UUID]]:
    """Part whom only resemblance joined, and who is like nobody there any longer. Returns the moves."""
    if not told:
        return []
    messages = {one.resident_id: one.message_id for one in told}
    unlike = await find_unlike(connection, messages.keys(), matcher)
    if unlike and not alone:
        raise NeedsToBeAlone
    return await part_unlike(connection, unlike, messages)


async def _standing(connection: AsyncConnection, moves: Sequence[tuple[UUID, UUID]]) -> dict[UUID, UUID]:
    """Whom the patients of residents between whom links moved stand for now."""
    return await people.list_patients_of(connection, sorted({one for move in moves for one in move})) if moves else {}


async def _compare(
    connection: AsyncConnection, changed: Mapping[UUID, Entered], told: Mapping[UUID, Described], matcher: Matcher
) -> list[_Pair]:
    """Who of other residents may be one of these, the likeliest first; each two once."""
    found: dict[frozenset[UUID], _Pair] = {}
    sharing: dict[int, list[candidates.Candidate]] = {}
    for one in await candidates.find_sharing(connection, {key for of in changed.values() for key in of.keys}):
        for key in one.keys:
            sharing.setdefault(key, []).append(one)
    for of in changed.values():
        others = {one.patient_id: one for key in of.keys for one in sharing.get(key, ())}
        for other in others.values():
            both = frozenset((of.patient_id, other.patient_id))
            if other.resident_id == told[of.patient_id].resident_id or both in found:
                continue
            comparison = matcher.compare(of.person, other.person)
            if comparison.grade is not Grade.NOT:
                found[both] = _Pair(
                    patient_id=of.patient_id,
                    other_id=other.patient_id,
                    message_id=told[of.patient_id].message_id,
                    comparison=comparison,
                )
    return sorted(found.values(), key=lambda pair: (-pair.comparison.score, pair.patient_id, pair.other_id))


async def _look(connection: AsyncConnection, patients: Collection[UUID], *, by_pairs: Sequence[_Pair]) -> _Scene:
    """Whom the patients stand for, with everybody else who does, and what people decided of them."""
    owners = await people.find_residents_of(connection, sorted(patients))
    if by_pairs:
        owners = await people.list_patients_of(connection, sorted(set(owners.values())))
    return _Scene(
        owners=owners,
        citizen_ids=await people.find_citizen_ids(connection, set(owners.values())),
        decided=await verdicts.find_decided(connection, owners) if by_pairs else {},
    )


# -- joining -----------------------------------------------------------------------------------------------------------


def _join(scene: _Scene, pairs: Sequence[_Pair]) -> list[tuple[UUID, _Pair]]:
    """Join residents in the scene. Returns those who are replaced, each with what speaks for it."""
    joined: list[tuple[UUID, _Pair]] = []
    likely = [pair for pair in pairs if pair.comparison.grade in JOINING]
    torn = _torn(scene, likely)
    for pair in likely:
        one, other = scene.resident(pair.patient_id), scene.resident(pair.other_id)
        if one == other or {pair.patient_id, pair.other_id} & torn or not _may_join(scene, one, other):
            continue
        goes, stays = _ways(scene, one, other)
        scene.now[goes] = stays
        scene.citizen_ids[stays] |= scene.citizen_ids[goes]
        joined.append((goes, pair))
    return joined


def _torn(scene: _Scene, pairs: Sequence[_Pair]) -> set[UUID]:
    """Patients without a citizen ID number who resemble two citizens: they are neither's before a person has looked."""
    resembled: dict[UUID, set[UUID]] = {}
    for pair in pairs:
        for one, other in ((pair.patient_id, pair.other_id), (pair.other_id, pair.patient_id)):
            resembled.setdefault(one, set()).add(scene.resident(other))
    return {
        one
        for one, others in resembled.items()
        if not scene.citizen_ids[scene.resident(one)]
        and any(are_two(scene.citizen_ids[a], scene.citizen_ids[b]) for a, b in combinations(others, 2))
    }


def _may_join(scene: _Scene, one: UUID, other: UUID) -> bool:
    if are_two(scene.citizen_ids[one], scene.citizen_ids[other]):
        return False
    if scene.is_placed(one) and scene.is_placed(other):
        return False
    return not any(
        scene.are_decided_apart(mine, theirs) for mine in scene.patients(one) for theirs in scene.patients(other)
    )


def _ways(scene: _Scene, one: UUID, other: UUID) -> tuple[UUID, UUID]:
    """Who goes and who stays: whom a person has placed; else who alone has proven who they are; else who has been known
    longer (ids rise with time)."""
    first, last = min(one, other), max(one, other)
    for has in (scene.is_placed, lambda of: bool(scene.citizen_ids[of])):
        if has(first) != has(last):
            return (last, first) if has(first) else (first, last)
    return last, first


async def _move(
    connection: AsyncConnection, scene: _Scene, joined: Sequence[tuple[UUID, _Pair]]
) -> list[tuple[UUID, UUID]]:
    """Move the links of residents who were joined to others, and replace them."""
    if not joined:
        return []
    changes = people.Changes.none()
    for goes, pair in joined:
        patients = [one for one, of in scene.owners.items() if of == goes]
        changes.ended_links += patients
        changes.links += [_link(scene, one, pair) for one in sorted(patients)]
    moves = [(goes, scene.resident(next(one for one, of in scene.owners.items() if of == goes))) for goes, _ in joined]
    await people.lock_residents(connection, sorted({one for move in moves for one in move}))
    await people.save(connection, changes)
    await people.retire(connection, moves)
    return moves


def _link(scene: _Scene, patient_id: UUID, pair: _Pair) -> dict[str, object]:
    return {
        "id": new_id(),
        "patient_id": patient_id,
        "resident_id": scene.resident(patient_id),
        "grade": pair.comparison.grade.value,
        "reason": REASONS[pair.comparison.grade].value,
        "message_id": pair.message_id,
        "weights": weights_json(pair.comparison),
        "until": None,
    }


# -- reviewing ---------------------------------------------------------------------------------------------------------


async def _review(connection: AsyncConnection, scene: _Scene, pairs: Sequence[_Pair]) -> None:
    """Open a review of each two residents who may be one and were not joined, by the patients who resemble each other
    most, unless one waits already or a person has decided."""
    residents = {scene.resident(one) for pair in pairs for one in (pair.patient_id, pair.other_id)}
    if not residents:
        return
    theirs = [one for one in scene.owners if scene.resident(one) in residents]
    waiting = await reviews.list_open_about(connection, theirs)
    seen = {frozenset((one.resident_id, one.other_resident_id)) for one in waiting}
    rows = []
    for pair in pairs:
        both = frozenset((scene.resident(pair.patient_id), scene.resident(pair.other_id)))
        if len(both) == 1 or both in seen or not _is_open(scene, pair):
            continue
        seen.add(both)
        rows.append(_row(pair))
    await reviews.open_all(connection, rows)


def _is_open(scene: _Scene, pair: _Pair) -> bool:
    """Whether a person may say that they are one, and nobody has said that they are not."""
    return not (
        scene.are_citizens_apart(pair.patient_id, pair.other_id)
        or scene.are_decided_apart(pair.patient_id, pair.other_id)
    )


def _row(pair: _Pair) -> dict[str, object]:
    return {
        "id": new_id(),
        "patient_id": max(pair.patient_id, pair.other_id),
        "other_id": min(pair.patient_id, pair.other_id),
        "grade": pair.comparison.grade.value,
        "score": pair.comparison.score,
        "weights": weights_json(pair.comparison),
        "message_id": pair.message_id,
    }


async def _end(connection: AsyncConnection, scene: _Scene, waiting: Sequence[reviews.Review], matcher: Matcher) -> None:
    """End the open reviews of these patients that have settled themselves: the two stand for one resident by now, are
    two citizens, or have nothing in common any longer."""
    if not waiting:
        return
    others = {one for review in waiting for one in (review.patient_id, review.other_id)}
    known = await candidates.find_known(connection, others)
    gone = []
    for review in waiting:
        one, other = review.patient_id, review.other_id
        persons: list[Person] = [known[of].person for of in (one, other) if of in known]
        alike = len(persons) < len((one, other)) or matcher.compare(*persons).grade is not Grade.NOT
        if scene.resident(one) == scene.resident(other) or scene.are_citizens_apart(one, other) or not alike:
            gone.append(review.id)
    await reviews.withdraw(connection, gone)
