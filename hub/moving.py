"""Links that a batch makes and moves, and what moves with them: whoever the source merged, whoever it parts again."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from hub.errors import Refusal
from hub.identity import Reason
from hub.ids import new_id
from hub.likeness import weights_json
from hub.matching.comparing import Comparison
from hub.message import Message, Source
from hub.record import Grade, PatientPart, Reading
from hub.store import merges, people, verdicts


@dataclass(frozen=True, kw_only=True, slots=True)
class Read:
    """A message that was understood."""

    message: Message
    source: Source
    reading: Reading


@dataclass(frozen=True, kw_only=True, slots=True)
class Located:
    """A part of a message with the patient that it is about."""

    read: Read
    part: PatientPart
    patient_id: UUID


@dataclass(slots=True)
class Patient:
    """A patient as a batch knows it. `name` and `birth_date` are those of the resident as the database has them, or as
    the batch told them first; `reason` says why its link stands, `claimed` are its own citizen ID numbers."""

    id: UUID
    resident_id: UUID
    name: str = ""
    birth_date: str = ""
    reason: str = ""
    claimed: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True, slots=True)
class Moved:
    """A patient's link went from the resident `before` to whom the patient stands for now."""

    patient: Patient
    before: UUID
    read: Read


@dataclass(frozen=True, kw_only=True, slots=True)
class Parted:
    """Two patients whom a message says to be two after all (A37)."""

    prior: Patient
    surviving: Patient
    read: Read


Findings = dict[UUID, list[Refusal]]
"""What is odd about messages that go on, by message."""


def link_row(
    read: Read, patient: Patient, grade: Grade, reason: Reason, comparison: Comparison | None = None
) -> dict[str, Any]:
    """A link as it is stored."""
    return {
        "id": new_id(),
        "patient_id": patient.id,
        "resident_id": patient.resident_id,
        "grade": grade.value,
        "reason": reason.value,
        "message_id": read.message.id,
        "weights": weights_json(comparison) if comparison else None,
        "until": None,
    }


async def follow(connection: AsyncConnection, moved: Sequence[Moved]) -> people.Changes:
    """Patients that the source merged with one that moved go where it went: they are one person to the source. The
    hub's own patient goes along where no other is left."""
    changes = people.Changes.none()
    for one in moved:
        patient = one.patient
        ties = await people.find_ties(connection, [one.before, patient.resident_id])
        gone = set(changes.ended_links)
        left = {key for key, tie in ties.items() if tie.resident_id == one.before} - gone
        followers = _tied_to(patient.id, ties) & left
        decided = await verdicts.find_decided(connection, followers)
        followers -= {key for key, of in decided.items() if patient.resident_id in of.different}
        reasons = dict.fromkeys(followers, Reason.MERGED_BY_SOURCE)
        if all(ties[key].is_own for key in left - followers):
            reasons |= dict.fromkeys(left - followers, Reason.GOES_ALONG)
        for follower, reason in sorted(reasons.items()):
            changes.ended_links.append(follower)
            changes.links.append(link_row(one.read, Patient(follower, patient.resident_id), Grade.CERTAIN, reason))
    return changes


async def part_linked(connection: AsyncConnection, parted: Iterable[Parted], findings: Findings) -> list[Moved]:
    """A37: of two patients whom the source had linked, the one whose link the message of then made goes back to whom it
    stood for before, or to a resident of its own. What makes them one otherwise stays, and is found."""
    moved: list[Moved] = []
    for one in parted:
        links = await people.find_links(connection, [one.prior.id, one.surviving.id])
        linked = (of for of in (one.prior, one.surviving) if links[of.id].reason == Reason.LINKED_BY_SOURCE)
        goes = next(linked, None)
        decided = (await verdicts.find_decided(connection, [one.prior.id])).get(one.prior.id, verdicts.Decided())
        if goes is None or one.prior.resident_id in decided.same:
            code = "linked-by-numbers" if goes is None else "person-decided-together"
            findings.setdefault(one.read.message.id, []).append(Refusal(code=code, where="PID[2]-3"))
            continue
        moved.append(await _give_back(connection, goes, one.read, Reason.UNLINKED_BY_SOURCE))
    return moved


async def part_by_number(connection: AsyncConnection, ended: Iterable[tuple[Patient, Read]]) -> list[Moved]:
    """Patients who were linked by resemblance, and whose own citizen ID number says that they are somebody else, go
    back to whom they stood for before, or to residents of their own."""
    return [await _give_back(connection, patient, read, Reason.RESEMBLANCE_ENDED) for patient, read in ended]


async def _give_back(connection: AsyncConnection, patient: Patient, read: Read, reason: Reason) -> Moved:
    before = patient.resident_id
    after = (await merges.find_earlier(connection, [patient.id], before)).get(patient.id)
    row = {"grade": Grade.CERTAIN, "reason": reason, "message_id": read.message.id}
    patient.resident_id = await merges.give_back(connection, [patient.id], before, after, row)
    return Moved(patient=patient, before=before, read=read)


def _tied_to(patient: UUID, ties: Mapping[UUID, people.Tie]) -> set[UUID]:
    """The patients that merges tie to one, directly or by way of others, itself left out."""
    found, grown = {patient}, True
    while grown:
        more = {one for one, tie in ties.items() if tie.merged_into in found}
        more |= {into for one in found if one in ties and (into := ties[one].merged_into) and into in ties}
        grown = not more <= found
        found |= more
    return found - {patient}
