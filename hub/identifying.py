"""Whose messages are these? A batch's patients are looked up in four statements and decided one by one in memory."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from hub.errors import Refusal, Refused, refuse
from hub.identity import Decision, Holder, Proofs, Reason, citizen_ids_of, decide, is_another, name_of, proofs_of
from hub.ids import new_id
from hub.mapping.codes import IdentifierKind
from hub.message import Message, Source
from hub.record import Grade, Identifier, Json, PatientMerge, PatientPart, Reading
from hub.store import merges, people, verdicts

Number = tuple[str, str, str]


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


@dataclass(frozen=True, kw_only=True, slots=True)
class Identified:
    """What identifying a batch came to.

    `moves` are (resident before, resident after). The batch ends with the message that moved a link, because what
    was looked up no longer holds after it: `done` are the messages up to it, the others stay kept.
    """

    located: tuple[Located, ...]
    refused: Mapping[UUID, Refused]
    findings: Mapping[UUID, Sequence[Refusal]]
    moves: tuple[tuple[UUID, UUID], ...]
    done: tuple[Read, ...]


@dataclass(slots=True)
class _Patient:
    """`name` and `birth_date` are those of the resident as the database has them, or as the batch told them first."""

    id: UUID
    resident_id: UUID
    name: str = ""
    birth_date: str = ""


async def identify(
    connection: AsyncConnection, reads: Sequence[Read], kinds: Mapping[str, IdentifierKind]
) -> Identified:
    """Link each patient of the batch to a resident, opening residents where nobody is known."""
    book = _Book(kinds)
    await book.look_up(connection, reads)
    located: list[Located] = []
    refused: dict[UUID, Refused] = {}
    done: list[Read] = []
    for read in reads:
        try:
            located += book.take(read)
        except Refused as refusal:
            refused[read.message.id] = refusal
        done.append(read)
        if book.moves or book.parted:
            break
    await people.save(connection, book.changes)
    if book.moved:
        await people.save(connection, await book.follow(connection))
    await people.retire(connection, book.moves)
    await book.part(connection)
    return Identified(
        located=tuple(located), refused=refused, findings=book.findings, moves=tuple(book.moves), done=tuple(done)
    )


class _Book:
    """The people that a batch speaks of, as the database had them and as the batch changes them."""

    def __init__(self, kinds: Mapping[str, IdentifierKind]) -> None:
        self._kinds = kinds
        self._patients: dict[Number, _Patient] = {}
        self._holders: dict[tuple[str, str], Holder] = {}
        self._known_proofs: dict[int, Proofs] = {}  # by the id of a part: the batch holds on to its parts
        self._citizen_ids: dict[UUID, frozenset[str]] = {}  # of residents
        self._decided: Mapping[UUID, verdicts.Decided] = {}
        self.findings: dict[UUID, list[Refusal]] = {}
        self.changes = people.Changes.none()
        self.moved: list[tuple[_Patient, UUID, Read]] = []
        self.parted: list[tuple[_Patient, _Patient, Read]] = []

    @property
    def moves(self) -> list[tuple[UUID, UUID]]:
        """The moves so far, as (resident before, resident after)."""
        return [(before, patient.resident_id) for patient, before, _ in self.moved]

    async def look_up(self, connection: AsyncConnection, reads: Sequence[Read]) -> None:
        """Load every patient and resident that the batch's numbers lead to."""
        numbers = {number for read in reads for number in _numbers_of(read)}
        known = await people.find_patients(connection, numbers)
        by_id: dict[UUID, _Patient] = {}
        for number, found in known.items():
            patient = _Patient(found.patient_id, found.resident_id, found.name, found.birth_date)
            self._patients[number] = by_id.setdefault(found.patient_id, patient)
            self._citizen_ids[found.resident_id] = found.citizen_ids
        self._decided = await verdicts.find_decided(connection, by_id)
        asked: set[tuple[str, str]] = set()
        for read in reads:
            for part in read.reading.parts:
                proofs = self._proofs(read, part)
                asked.update((proof.system, proof.value) for proof in (*proofs.own, *proofs.anothers))
        self._holders = await people.find_holders(connection, asked)
        self._citizen_ids |= {holder.resident_id: holder.citizen_ids for holder in self._holders.values()}

    def take(self, read: Read) -> list[Located]:
        """Decide on the patients of one message.

        Raises Refused (unresolved-reference, another-persons-number, linked-persons-differ) before anything is
        changed; in a batch such a part is left out and its refusal noted in `findings`.
        """
        self._check_links(read)
        parts = [part for part in read.reading.parts if self._is_fit(read, part)]
        located = [Located(read=read, part=part, patient_id=self._identify(read, part).id) for part in parts]
        for merge in read.reading.merges:
            self._merge(read, merge)
        return located

    def _check_links(self, read: Read) -> None:
        """No link (A24) joins two who hold different citizen ID numbers. Raises Refused (linked-persons-differ)."""
        of = {part.numbers: part for part in read.reading.parts}
        for link in read.reading.merges:
            if not link.keeps_both or link.parts:
                continue
            one, other = self._told(read, of[link.prior]), self._told(read, of[link.surviving])
            if is_another(one, citizen_ids_of(other.own)):
                raise refuse("linked-persons-differ", "PID[2]-3")

    def _told(self, read: Read, part: PatientPart) -> Proofs:
        """What a patient holds, as it is known and as the message says it."""
        known = self._find(read.source, part.numbers)
        held = self._citizen_ids.get(known.resident_id, frozenset()) if known else frozenset()
        numbers = tuple(Identifier(kind="citizen-id", system="", value=number) for number in sorted(held))
        return Proofs(own=(*self._proofs(read, part).own, *numbers))

    def _is_fit(self, read: Read, part: PatientPart) -> bool:
        refusal = self._fault_of(read, part)
        if refusal is not None and read.message.kind != "batch":
            raise Refused(refusal)
        if refusal is not None:
            paths = [mapped.path for mapped in (part.demographics, *part.resources) if mapped]
            self.findings.setdefault(read.message.id, []).extend(replace(refusal, where=path) for path in paths)
        return refusal is None

    def _fault_of(self, read: Read, part: PatientPart) -> Refusal | None:
        """Why a part cannot be anybody's: nobody is known by its reference, or its own number is another person's."""
        patient = self._find(read.source, part.numbers)
        if part.demographics is None:
            where = part.resources[0].path if part.resources else "subject"
            return None if patient else Refusal(code="unresolved-reference", where=where)
        known = self._citizen_ids.get(patient.resident_id, frozenset()) if patient else frozenset()
        if not is_another(self._proofs(read, part), known):
            return None
        where = "PID-3" if part.demographics.path.startswith("PID") else f"{part.demographics.path}.identifier"
        if not _is_corrected(patient, part.demographics.resource):
            return Refusal(code="another-persons-number", where=where)
        self.findings.setdefault(read.message.id, []).append(Refusal(code="other-citizen-id", where=where))
        return None

    def _identify(self, read: Read, part: PatientPart) -> _Patient:
        patient = self._find(read.source, part.numbers)
        if part.demographics is not None:
            proofs = self._proofs(read, part)
            decision = decide(
                proofs,
                part.demographics.resource,
                self._holders,
                linked_to=patient.resident_id if patient else None,
                linked_citizen_ids=self._citizen_ids.get(patient.resident_id, frozenset()) if patient else (),
            )
            patient = self._carry_out(read, part, decision, patient)
            self._prove(patient, proofs, name_of(part.demographics.resource), part)
            patient.name = patient.name or name_of(part.demographics.resource)
            patient.birth_date = patient.birth_date or str(part.demographics.resource.get("birthDate", ""))
        if patient is None:  # `take` refused this before
            raise refuse("unresolved-reference", "subject")
        self._number(read.source, part.numbers, patient)
        return patient

    def _carry_out(self, read: Read, part: PatientPart, decision: Decision, patient: _Patient | None) -> _Patient:
        if patient is None:
            return self._open(read, decision)
        leads = decision.resident_id
        if leads is not None and leads != patient.resident_id and self._may_move(read, patient, leads):
            self._move(read, patient, leads, decision.grade, decision.reason)
        return patient

    def _may_move(self, read: Read, patient: _Patient, to: UUID) -> bool:
        """Whether no person's decision stands against it: the machine never overrides one, and says so."""
        decided = self._decided.get(patient.id, verdicts.Decided())
        code = "person-decided-apart" if to in decided.different else ""
        code = code or ("person-decided-together" if patient.resident_id in decided.same else "")
        if code:
            self.findings.setdefault(read.message.id, []).append(Refusal(code=code, where="PID-3"))
        return not code

    def _open(self, read: Read, decision: Decision) -> _Patient:
        """A patient whom the source names for the first time."""
        resident_id = decision.resident_id or self._open_resident()
        patient = _Patient(new_id(), resident_id)
        self.changes.patients.append(
            {"id": patient.id, "source": read.source.name, "organisation": read.source.organisation}
        )
        self._link(read, patient, decision.grade, decision.reason)
        return patient

    def _open_resident(self) -> UUID:
        resident_id = new_id()
        self.changes.residents.append({"id": resident_id})
        return resident_id

    def _link(
        self, read: Read, patient: _Patient, grade: Grade, reason: Reason, changes: people.Changes | None = None
    ) -> None:
        (changes or self.changes).links.append(
            {
                "id": new_id(),
                "patient_id": patient.id,
                "resident_id": patient.resident_id,
                "grade": grade.value,
                "reason": reason.value,
                "message_id": read.message.id,
                "until": None,
            }
        )

    async def follow(self, connection: AsyncConnection) -> people.Changes:
        """Patients that the source merged with one that moved go where it went: they are one person to the source. The
        hub's own patient goes along where no other is left."""
        changes = people.Changes.none()
        for patient, before, read in self.moved:
            ties = await people.find_ties(connection, [before, patient.resident_id])
            gone = set(changes.ended_links)
            left = {one for one, tie in ties.items() if tie.resident_id == before} - gone
            followers = _tied_to(patient.id, ties) & left
            decided = await verdicts.find_decided(connection, followers)
            followers -= {one for one, of in decided.items() if patient.resident_id in of.different}
            reasons = dict.fromkeys(followers, Reason.MERGED_BY_SOURCE)
            if all(ties[one].is_own for one in left - followers):
                reasons |= dict.fromkeys(left - followers, Reason.GOES_ALONG)
            for follower, reason in sorted(reasons.items()):
                changes.ended_links.append(follower)
                there = _Patient(follower, patient.resident_id)
                self._link(read, there, Grade.CERTAIN, reason, changes)
        return changes

    async def part(self, connection: AsyncConnection) -> None:
        """A37: of two patients whom the source had linked, the one whose link the message of then made goes back to
        whom it stood for before, or to a resident of its own. What makes them one otherwise stays."""
        for prior, surviving, read in self.parted:
            links = await people.find_links(connection, [prior.id, surviving.id])
            goes = next((one for one in (prior, surviving) if links[one.id].reason == Reason.LINKED_BY_SOURCE), None)
            decided = (await verdicts.find_decided(connection, [prior.id])).get(prior.id, verdicts.Decided())
            if goes is None or prior.resident_id in decided.same:
                code = "linked-by-numbers" if goes is None else "person-decided-together"
                self.findings.setdefault(read.message.id, []).append(Refusal(code=code, where="PID[2]-3"))
                continue
            before = goes.resident_id
            after = (await merges.find_earlier(connection, [goes.id], before)).get(goes.id)
            row = {"grade": Grade.CERTAIN, "reason": Reason.UNLINKED_BY_SOURCE, "message_id": read.message.id}
            goes.resident_id = await merges.give_back(connection, [goes.id], before, after, row)
            self.moved.append((goes, before, read))

    def _move(self, read: Read, patient: _Patient, resident_id: UUID, grade: Grade, reason: Reason) -> None:
        self.moved.append((patient, patient.resident_id, read))
        patient.resident_id = resident_id
        self.changes.end_link(patient.id)
        self._link(read, patient, grade, reason)

    def _merge(self, read: Read, merge: PatientMerge) -> None:
        """A40: the prior patient's link moves to the resident of the surviving one; where only the prior one is proven
        by a citizen ID number it is the other way round, so that no proof is left behind."""
        surviving = self._find(read.source, merge.surviving)
        prior = self._find(read.source, merge.prior)
        if surviving is None or prior is surviving:
            return
        if merge.parts:
            if prior is not None and prior.resident_id == surviving.resident_id:
                self.parted.append((prior, surviving, read))
            return
        reason = Reason.LINKED_BY_SOURCE if merge.keeps_both else Reason.MERGED_BY_SOURCE
        if prior is None:  # given up before it was ever heard of: later messages under it still land right
            decision = Decision(resident_id=surviving.resident_id, grade=Grade.CERTAIN, reason=reason)
            prior = self._open(read, decision)
            self._number(read.source, merge.prior, prior)
        elif prior.resident_id != surviving.resident_id:
            stays, goes = surviving, prior
            if self._citizen_ids.get(prior.resident_id) and not self._citizen_ids.get(surviving.resident_id):
                stays, goes = prior, surviving
            if not self._may_move(read, goes, stays.resident_id) or not self._may_move(read, stays, goes.resident_id):
                return
            self._move(read, goes, stays.resident_id, Grade.CERTAIN, reason)
        if merge.keeps_both:
            return
        merged = self.changes.merged_patients
        merged += [{"given_up": prior.id, "stays": surviving.id}, {"given_up": surviving.id, "stays": None}]

    def _prove(self, patient: _Patient, proofs: Proofs, name: str, part: PatientPart) -> None:
        """Keep the person's own strong numbers that nobody holds yet."""
        resource = part.demographics.resource if part.demographics else {}
        for proof in proofs.own:
            claim = {"system": proof.system, "value": proof.value, "kind": proof.kind}
            self.changes.claims.append({**claim, "patient_id": patient.id})
            if (proof.system, proof.value) in self._holders:
                continue
            self._holders[proof.system, proof.value] = Holder(
                resident_id=patient.resident_id,
                name=name,
                birth_date=str(resource.get("birthDate", "")),
                citizen_ids=self._citizen_ids.get(patient.resident_id, frozenset()) | citizen_ids_of(proofs.own),
            )
            self.changes.proofs.append({**claim, "resident_id": patient.resident_id})
        held = [p for p in proofs.own if self._holders[p.system, p.value].resident_id == patient.resident_id]
        known = self._citizen_ids.get(patient.resident_id, frozenset())
        self._citizen_ids[patient.resident_id] = known | citizen_ids_of(held)

    def _number(self, source: Source, numbers: Iterable[Identifier], patient: _Patient) -> None:
        for number in numbers:
            key = (source.name, number.system, number.value)
            if key not in self._patients:
                self._patients[key] = patient
                row = {"source": source.name, "system": number.system, "value": number.value}
                self.changes.numbers.append({**row, "kind": number.kind, "patient_id": patient.id})

    def _find(self, source: Source, numbers: Iterable[Identifier]) -> _Patient | None:
        keys = ((source.name, number.system, number.value) for number in numbers)
        return next((self._patients[key] for key in keys if key in self._patients), None)

    def _proofs(self, read: Read, part: PatientPart) -> Proofs:
        if part.demographics is None:
            return Proofs()
        if id(part) not in self._known_proofs:
            self._known_proofs[id(part)] = proofs_of(part.demographics.resource, read.source, self._kinds)
        return self._known_proofs[id(part)]


def _is_corrected(patient: _Patient | None, told: Json) -> bool:
    """Whether a patient's other citizen ID number is the same person's, corrected: their name and whole birth date are
    those that are known. Two namesakes born on one day under one local number would have to meet for it to be wrong."""
    born = str(told.get("birthDate", ""))
    if patient is None or len(born) != len("2026-01-31") or not patient.name:
        return False
    return name_of(told) == patient.name and born == patient.birth_date


def _tied_to(patient: UUID, ties: Mapping[UUID, people.Tie]) -> set[UUID]:
    """The patients that merges tie to one, directly or by way of others, itself left out."""
    found, grown = {patient}, True
    while grown:
        more = {one for one, tie in ties.items() if tie.merged_into in found}
        more |= {into for one in found if one in ties and (into := ties[one].merged_into) and into in ties}
        grown = not more <= found
        found |= more
    return found - {patient}


def _numbers_of(read: Read) -> Iterable[Number]:
    groups: list[tuple[Identifier, ...]] = [part.numbers for part in read.reading.parts]
    for merge in read.reading.merges:
        groups += [merge.prior, merge.surviving]
    return ((read.source.name, number.system, number.value) for group in groups for number in group)


def lane_of(read: Read) -> str:
    """The lane of a message: its source and the number by which the source first names the patient."""
    number: Any = next((part.numbers[0] for part in read.reading.parts), None)
    return f"{read.source.name}|{number.system}|{number.value}" if number else f"{read.source.name}|"
