"""Who is whom, for somebody: what waits to be decided, what was decided, and deciding.

A decision is a person's and outlasts every message. It can be undone, and then the records are again what they were.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from hub.access import TEAM, Decision, Role, Viewer, may_act, may_read
from hub.care.deed import Deed, whose
from hub.care.visit import Visit
from hub.columns import demographics
from hub.errors import refuse
from hub.identity import Proofs, Reason, is_another
from hub.ids import new_id
from hub.matching.numbers import CITIZEN_KINDS, citizen_ids_of
from hub.merging import fold
from hub.programme.discharges import Discharges
from hub.programme.joining import Moving, hold_all, move
from hub.record import Fact, Identifier
from hub.store import facts, merges, people, reach, records, relations, reviews, verdicts
from hub.store.reach import Reach
from hub.store.records import Row
from hub.store.reviews import Review
from hub.store.verdicts import Pair, Verdict

DECIDERS = TEAM | {Role.ADMINISTRATOR}
"""Teams for the residents whom they serve, administrators for everybody."""
LONGEST_REASON = 500


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """What a decision came to: `residents` are those whom it is about, as they stand now; `disputed` the kinds of
    numbers that both sides are still sent with."""

    verdict_id: UUID
    residents: tuple[UUID, ...]
    reach: Reach | None = None
    disputed: tuple[str, ...] = ()


# -- reading -----------------------------------------------------------------------------------------------------------


def may_decide(viewer: Viewer) -> Decision:
    """Whether the viewer's role decides who is whom at all."""
    return may_act(viewer, "decide who is whom", DECIDERS)


async def page_reviews(visit: Visit, states: Sequence[str], most: int, after: UUID | None) -> Sequence[Review]:
    """Reviews that are the viewer's to decide. Raises Refused (may-not-change)."""
    visit.decide(may_decide(visit.viewer))
    found: list[Review] = await visit.ask(reviews.page, _limit(visit.viewer, visit.now), states, most, after)
    visit.touch(*(one for review in found for one in (review.resident_id, review.other_resident_id)))
    visit.touch(kinds=["MatchReview"])
    return found


async def count_reviews(visit: Visit, states: Sequence[str]) -> int:
    """How many there are."""
    visit.decide(may_decide(visit.viewer))
    return await visit.ask(reviews.count, _limit(visit.viewer, visit.now), states)


def _limit(viewer: Viewer, now: datetime) -> relations.Given | None:
    return None if viewer.role is Role.ADMINISTRATOR else whose(viewer, now)


async def find_review(visit: Visit, key: UUID) -> Review:
    """One of them. Raises Refused (no-such-review)."""
    visit.decide(may_decide(visit.viewer))
    found: Review | None = await visit.ask(reviews.find, key)
    if found is None or not await _is_related(visit, (found.resident_id, found.other_resident_id)):
        raise refuse("no-such-review", "id")
    visit.touch(found.resident_id, found.other_resident_id, kinds=["MatchReview"])
    return found


async def _is_related(visit: Visit, residents: Sequence[UUID]) -> bool:
    if visit.viewer.role is Role.ADMINISTRATOR:
        return True
    return bool(await visit.ask(relations.find_relations, whose(visit.viewer, visit.now), residents))


@dataclass(frozen=True, kw_only=True, slots=True)
class Side:
    """A patient as its source tells of it, and whom it stands for. `numbers` are the source's own, `proofs` lead across
    sources; both have `kind`, `system` and `value`."""

    patient_id: UUID
    resident_id: UUID
    source: str
    organisation: str
    numbers: Sequence[Row]
    proofs: Sequence[Row]
    told: Mapping[str, Any]


async def list_sides(visit: Visit, patients: Sequence[UUID]) -> list[Side]:
    """Patients by id: who decides looks at both, also at the one whom they do not serve. Whoever asks has found the
    review first."""
    visit.touch(kinds=["Patient"])
    rows: Mapping[UUID, Row] = await visit.ask(records.find_patients, patients)
    proofs: Mapping[UUID, Sequence[Row]] = await visit.ask(people.find_claims, patients)
    told: dict[UUID, list[Fact]] = {}
    for fact in await visit.ask(facts.find_by_key, [(one, "Patient", "") for one in patients]):
        told.setdefault(fact.patient_id, []).append(fact)
    return [_side(rows[one], proofs.get(one, ()), told.get(one, ())) for one in patients]


def _side(row: Row, proofs: Sequence[Row], told: Sequence[Fact]) -> Side:
    folded = fold(told) if told else None
    return Side(
        patient_id=row["patient_id"],
        resident_id=row["resident_id"],
        source=row["source"],
        organisation=row["organisation"],
        numbers=row["numbers"],
        proofs=proofs,
        told=demographics(folded.resource, folded.latest) if folded else {},
    )


async def list_verdicts(visit: Visit, resident: UUID) -> Sequence[Verdict]:
    """What people decided of a resident's patients, the last first. Raises Refused (no-relation)."""
    await visit.check([resident])
    owners: Mapping[UUID, UUID] = await visit.ask(people.list_patients_of, [resident])
    return await visit.ask(verdicts.list_about, sorted(owners)) if owners else []


async def reach_of_review(visit: Visit, review: Review) -> Reach | None:
    """What would move if the two are one person; None where they stand for one resident already."""
    if review.resident_id == review.other_resident_id:
        return None
    ways = await visit.ask(_ways, review)
    patients: Mapping[UUID, UUID] = await visit.ask(people.list_patients_of, [ways.goes])
    return await visit.ask(_reach_of, ways.goes, sorted(patients), True)


async def reach_of_patient(visit: Visit, patient: UUID) -> Reach:
    """What a patient would take along if it were parted from its resident. Raises Refused (no-such-patient)."""
    visit.decide(may_decide(visit.viewer))
    resident: UUID | None = (await visit.ask(people.find_residents_of, [patient])).get(patient)
    if resident is None or not await _is_related(visit, [resident]):
        raise refuse("no-such-patient", "patientId")
    visit.touch(resident, kinds=["Patient"])
    return await visit.ask(_reach_of, resident, [patient], False)


# -- deciding ----------------------------------------------------------------------------------------------------------


async def decide(deed: Deed, key: UUID, *, is_same: bool, reason: str, follow_up: Discharges) -> Outcome:
    """Say of a review that the two are one person, or that they are not.

    Raises Refused (may-not-change, no-such-review, review-ended, reason-needed, linked-persons-differ).
    """
    _check_may(deed)
    _check_reason(reason)
    await hold_all(deed.hand)
    review = await reviews.find(deed.connection, key, lock=True)
    if review is None or not await _serves(deed, (review.resident_id, review.other_resident_id)):
        raise refuse("no-such-review", "reviewId")
    if review.state != "open":
        raise refuse("review-ended", "reviewId")
    deed.touch(review.resident_id, review.other_resident_id, kinds=["MatchReview"])
    verdict_id = await _say(deed, [(review.patient_id, review.other_id)], is_same=is_same, reason=reason)
    state = "same" if is_same else "different"
    await reviews.end(deed.connection, review.id, state=state, verdict_id=verdict_id, at=deed.now)
    deed.hand.step("match-review", review.id, "decide", "open", state, note=reason)
    if not is_same or review.resident_id == review.other_resident_id:
        both = dict.fromkeys((review.resident_id, review.other_resident_id))
        return Outcome(verdict_id=verdict_id, residents=tuple(both))
    return await _join(deed, review, verdict_id, follow_up)


async def _join(deed: Deed, review: Review, verdict_id: UUID, follow_up: Discharges) -> Outcome:
    ways = await _ways(deed.connection, review)
    await _check_numbers(deed, ways.goes, ways.stays)
    patients = sorted(await people.list_patients_of(deed.connection, [ways.goes]))
    reached = await _reach_of(deed.connection, ways.goes, patients, True)
    moving = Moving(
        patients=patients,
        before=ways.goes,
        after=ways.stays,
        reason=Reason.PERSON_SAYS_SAME,
        verdict_id=verdict_id,
    )
    await move(deed.hand, moving, follow_up)
    await reviews.settle(deed.connection, [ways.stays], deed.now)
    return Outcome(verdict_id=verdict_id, residents=(ways.stays,), reach=reached)


async def part(deed: Deed, patient: UUID, *, reason: str, follow_up: Discharges) -> Outcome:
    """Say that a patient is not the resident whom it stands for. It goes back to whom it stood for before, or becomes a
    resident of its own.

    Raises Refused (may-not-change, no-such-patient, nothing-to-part, team-measured, reason-needed).
    """
    _check_may(deed)
    _check_reason(reason)
    await hold_all(deed.hand)
    resident = (await people.find_residents_of(deed.connection, [patient])).get(patient)
    if resident is None or not await _serves(deed, [resident]):
        raise refuse("no-such-patient", "patientId")
    deed.touch(resident, kinds=["Patient"])
    ties = await people.find_ties(deed.connection, [resident])
    if ties[patient].is_own:
        raise refuse("team-measured", "patientId")
    others = [one for one, tie in ties.items() if one != patient and not tie.is_own]
    if not others:
        raise refuse("nothing-to-part", "patientId")
    reached = await _reach_of(deed.connection, resident, [patient], False)
    verdict_id = await _say(deed, [(patient, other) for other in others], is_same=False, reason=reason)
    earlier = (await merges.find_earlier(deed.connection, [patient], resident)).get(patient)
    after = earlier or await _open_resident(deed)
    moving = Moving(
        patients=[patient], before=resident, after=after, reason=Reason.PERSON_SAYS_DIFFERENT, verdict_id=verdict_id
    )
    await move(deed.hand, moving, follow_up)
    deed.touch(after)
    disputed = tuple(await merges.list_disputed(deed.connection, resident, after))
    return Outcome(verdict_id=verdict_id, residents=(resident, after), reach=reached, disputed=disputed)


async def undo(deed: Deed, key: UUID, *, reason: str, follow_up: Discharges) -> Outcome:
    """Take a decision back: what it moved goes back, the review it ended waits again.

    Raises Refused (may-not-change, no-such-verdict, verdict-undone, reason-needed).
    """
    _check_may(deed)
    _check_reason(reason)
    await hold_all(deed.hand)
    verdict = await verdicts.find(deed.connection, key, lock=True)
    patients = sorted({one for pair in verdict.pairs for one in pair}) if verdict else []
    residents = sorted(set((await people.find_residents_of(deed.connection, patients)).values()))
    if verdict is None or not await _serves(deed, residents):
        raise refuse("no-such-verdict", "verdictId")
    if verdict.undone_at is not None:
        raise refuse("verdict-undone", "verdictId")
    deed.touch(*residents, kinds=["Patient"])
    await verdicts.undo(deed.connection, key, by=deed.viewer.id, reason=reason, at=deed.now)
    deed.hand.step("verdict", key, "undo", _word(verdict.is_same), "undone", note=reason)
    for moving in await _back(deed, verdict):
        await move(deed.hand, moving, follow_up)
        residents = sorted({*residents, moving.before, moving.after})
        deed.touch(moving.before, moving.after)
    await reviews.reopen(deed.connection, key)
    present = await records.find_residents(deed.connection, residents)
    return Outcome(verdict_id=key, residents=tuple(dict.fromkeys(present[one]["id"] for one in residents)))


async def _back(deed: Deed, verdict: Verdict) -> list[Moving]:
    """The moves that lead back from where a decision led, as far as nothing has moved on since. Who was replaced by it
    stands again; who has been replaced by another since is that other."""
    back: dict[tuple[UUID, UUID], list[UUID]] = {}
    for moved in await merges.list_moved_by(deed.connection, verdict.id):
        to = moved.before if verdict.is_same else moved.present
        back.setdefault((moved.now, to), []).append(moved.patient_id)
    return [
        Moving(
            patients=sorted(patients),
            before=before,
            after=after,
            reason=Reason.PERSON_UNDID,
            verdict_id=verdict.id,
        )
        for (before, after), patients in sorted(back.items())
    ]


async def _say(deed: Deed, pairs: Sequence[Pair], *, is_same: bool, reason: str) -> UUID:
    key = new_id()
    row = {
        "id": key,
        "is_same": is_same,
        "reason": reason,
        "by": deed.viewer.id,
        "role": deed.viewer.role.value,
        "at": deed.now,
    }
    await verdicts.save(deed.connection, row, pairs)
    deed.hand.step("verdict", key, "decide", "", _word(is_same), note=reason)
    return key


def _word(is_same: bool) -> str:
    return "same" if is_same else "different"


def _check_may(deed: Deed) -> None:
    deed.decide(may_decide(deed.viewer))


def _check_reason(reason: str) -> None:
    if not reason.strip() or len(reason) > LONGEST_REASON:
        raise refuse("reason-needed", "reason")


async def _serves(deed: Deed, residents: Sequence[UUID]) -> bool:
    """Whether the viewer has a relation to one of these residents, or keeps them all."""
    if deed.viewer.role is Role.ADMINISTRATOR:
        return True
    found = await relations.find_relations(deed.connection, whose(deed.viewer, deed.now), residents)
    if found:
        deed.decide(may_read(deed.viewer, found.values()))
    return bool(found)


async def _open_resident(deed: Deed) -> UUID:
    key = new_id()
    changes = people.Changes.none()
    changes.residents.append({"id": key})
    await people.save(deed.connection, changes)
    return key


@dataclass(frozen=True, kw_only=True, slots=True)
class _Ways:
    """Of two residents who are one: who is replaced, and who stays."""

    goes: UUID
    stays: UUID


async def _ways(connection: AsyncConnection, review: Review) -> _Ways:
    """Who alone has proven who they are stays; else who has been known longer (ids rise with time)."""
    both = {review.resident_id, review.other_resident_id}
    numbers = await records.list_numbers(connection, sorted(both))
    proven = [one for one in both if any(number["kind"] in CITIZEN_KINDS for number in numbers.get(one, ()))]
    stays = proven[0] if len(proven) == 1 else min(both)
    (goes,) = both - {stays}
    return _Ways(goes=goes, stays=stays)


async def _check_numbers(deed: Deed, one: UUID, other: UUID) -> None:
    """Nobody is two citizens. Raises Refused (linked-persons-differ)."""
    numbers = await records.list_numbers(deed.connection, [one, other])
    held = [
        [Identifier(kind=n["kind"], system=n["system"], value=n["value"]) for n in numbers.get(of, ())]
        for of in (one, other)
    ]
    if is_another(Proofs(own=tuple(held[0])), citizen_ids_of(held[1])):
        raise refuse("linked-persons-differ", "reviewId")


async def _reach_of(connection: AsyncConnection, resident: UUID, patients: Sequence[UUID], is_all: bool) -> Reach:
    links = (await records.list_patients(connection, [resident])).get(resident, [])
    since = min(row["since"] for row in links if row["patient_id"] in set(patients))
    return await reach.find_reach(connection, patients, resident, is_all=is_all, since=since)
