"""Whose messages are these? A batch's patients are looked up in four statements and decided one by one in memory."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from hub.errors import Refusal, Refused, refuse
from hub.identity import (
    RESEMBLANCE,
    Decision,
    Holder,
    Proofs,
    Reason,
    decide,
    is_another,
    is_corrected,
    name_of,
    proofs_of,
)
from hub.ids import new_id
from hub.likeness import REASONS
from hub.mapping.codes import IdentifierKind
from hub.matching.comparing import Comparison
from hub.matching.numbers import citizen_ids_of
from hub.message import Source
from hub.moving import Located, Moved, Parted, Patient, Read, follow, link_row, part_by_number, part_linked
from hub.newcomers import Newcomers
from hub.record import Grade, Identifier, PatientMerge, PatientPart
from hub.store import merges, people, verdicts

__all__ = ["Identified", "Located", "Read", "identify", "lane_of"]

Number = tuple[str, str, str]


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


async def identify(
    connection: AsyncConnection,
    reads: Sequence[Read],
    kinds: Mapping[str, IdentifierKind],
    newcomers: Newcomers,
) -> Identified:
    """Link each patient of the batch to a resident, opening residents where nobody is known.

    Raises NeedsToBeAlone.
    """
    book = _Book(kinds, newcomers)
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
        if book.has_moved:
            break
    moves = await book.save(connection)
    return Identified(
        located=tuple(located), refused=refused, findings=book.findings, moves=tuple(moves), done=tuple(done)
    )


class _Book:
    """The people that a batch speaks of, as the database had them and as the batch changes them."""

    def __init__(self, kinds: Mapping[str, IdentifierKind], newcomers: Newcomers) -> None:
        self._kinds = kinds
        self._newcomers = newcomers
        self._patients: dict[Number, Patient] = {}
        self._holders: dict[tuple[str, str], Holder] = {}
        self._known_proofs: dict[int, Proofs] = {}  # by the id of a part: the batch holds on to its parts
        self._citizen_ids: dict[UUID, frozenset[str]] = {}  # of residents
        self._decided: Mapping[UUID, verdicts.Decided] = {}
        self._firm: Mapping[UUID, frozenset[str]] = {}  # citizen IDs of residents, but for who is there by resemblance
        self._contradicted: set[int] = set()  # ids of parts
        self.findings: dict[UUID, list[Refusal]] = {}
        self._changes = people.Changes.none()
        self._moved: list[Moved] = []
        self._parted: list[Parted] = []
        self._ended: list[tuple[Patient, Read]] = []

    @property
    def has_moved(self) -> bool:
        """Whether a link moves: what was looked up does not hold after it."""
        return bool(self._moved or self._parted or self._ended)

    async def save(self, connection: AsyncConnection) -> list[tuple[UUID, UUID]]:
        """Write what was decided. Returns the moves, as (resident before, resident after)."""
        await people.save(connection, self._changes)
        if self._moved:
            await people.save(connection, await follow(connection, self._moved))
        moves = [(one.before, one.patient.resident_id) for one in self._moved]
        gone = await people.retire(connection, moves)
        for before, after in moves:
            if before not in gone and self._contradicted:
                await merges.part_numbers(connection, before, after)
        parted = await part_linked(connection, self._parted, self.findings)
        parted += await part_by_number(connection, self._ended)
        return [*moves, *((one.before, one.patient.resident_id) for one in parted)]

    async def look_up(self, connection: AsyncConnection, reads: Sequence[Read]) -> None:
        """Load every patient and resident that the batch's numbers lead to."""
        numbers = {number for read in reads for number in _numbers_of(read)}
        known = await people.find_patients(connection, numbers)
        by_id: dict[UUID, Patient] = {}
        for number, found in known.items():
            patient = Patient(
                found.patient_id, found.resident_id, found.name, found.birth_date, found.reason, found.claimed
            )
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
        await self._look_behind(connection, reads)

    async def _look_behind(self, connection: AsyncConnection, reads: Sequence[Read]) -> None:
        """Find whom newcomers resemble, and what residents are known by whom a message contradicts."""
        unknown: list[tuple[Source, PatientPart]] = []
        doubted: set[UUID] = set()
        for read in reads:
            for one in read.reading.parts:
                patient = self._find(read.source, one.numbers)
                if patient is None:
                    unknown.append((read.source, one))
                elif is_another(self._proofs(read, one), self._citizen_ids.get(patient.resident_id, frozenset())):
                    doubted.add(patient.resident_id)
        await self._newcomers.look_up(connection, unknown)
        self._citizen_ids = {**self._newcomers.citizen_ids, **self._citizen_ids}
        if doubted:
            self._firm = await people.find_firm_ids(connection, doubted)

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
        code = "other-citizen-id"
        if patient is not None and self._is_contradicted(patient, self._proofs(read, part)):
            self._contradicted.add(id(part))
            code = "resemblance-ended"
        elif patient is None or not is_corrected(patient.name, patient.birth_date, part.demographics.resource):
            return Refusal(code="another-persons-number", where=where)
        self.findings.setdefault(read.message.id, []).append(Refusal(code=code, where=where))
        return None

    def _is_contradicted(self, patient: Patient, proofs: Proofs) -> bool:
        """Whether nothing but resemblance joins a patient with those whose citizen ID number is not the one that came,
        and no person has said that they are one."""
        if patient.claimed or patient.resident_id in self._decided.get(patient.id, verdicts.Decided()).same:
            return False
        firm = self._firm.get(patient.resident_id, self._citizen_ids[patient.resident_id])
        return patient.reason in RESEMBLANCE or not is_another(proofs, firm)

    def _identify(self, read: Read, part: PatientPart) -> Patient:
        patient = self._find(read.source, part.numbers)
        if part.demographics is not None:
            proofs = self._proofs(read, part)
            is_contradicted = id(part) in self._contradicted
            known = self._citizen_ids.get(patient.resident_id, frozenset()) if patient else frozenset()
            decision = decide(
                proofs,
                part.demographics.resource,
                self._holders,
                linked_to=patient.resident_id if patient else None,
                linked_citizen_ids=() if is_contradicted else known,
            )
            if patient is not None and is_contradicted and decision.resident_id == patient.resident_id:
                self._ended.append((patient, read))
            patient = self._carry_out(read, part, decision, patient)
            self._prove(patient, proofs, name_of(part.demographics.resource), part)
            patient.name = patient.name or name_of(part.demographics.resource)
            patient.birth_date = patient.birth_date or str(part.demographics.resource.get("birthDate", ""))
        if patient is None:  # `take` refused this before
            raise refuse("unresolved-reference", "subject")
        self._number(read.source, part.numbers, patient)
        return patient

    def _carry_out(self, read: Read, part: PatientPart, decision: Decision, patient: Patient | None) -> Patient:
        if patient is None:
            return self._open_newcomer(read, part, decision)
        leads = decision.resident_id
        if leads is not None and leads != patient.resident_id and self._may_move(read, patient, leads):
            self._move(read, patient, leads, decision.grade, decision.reason)
        elif leads == patient.resident_id and self._is_proven(patient, part, read, decision):
            self._changes.end_link(patient.id)
            self._link(read, patient, decision.grade, decision.reason)
        return patient

    def _is_proven(self, patient: Patient, part: PatientPart, read: Read, decision: Decision) -> bool:
        """Whether a number now proves what was only resemblance: one that others of the resident brought."""
        own = citizen_ids_of(self._proofs(read, part).own)
        return patient.reason in RESEMBLANCE and decision.reason is Reason.SAME_CITIZEN_ID and not own & patient.claimed

    def _open_newcomer(self, read: Read, part: PatientPart, decision: Decision) -> Patient:
        """A patient whom the source tells of for the first time: whom a number or else resemblance leads to."""
        comparison = None
        if decision.resident_id is None:
            found = self._newcomers.resembled_by(
                part, self._proofs(read, part), lambda of: self._citizen_ids.get(of, frozenset())
            )
            if found is not None:
                comparison = found.comparison
                decision = Decision(
                    resident_id=found.resident_id, grade=comparison.grade, reason=REASONS[comparison.grade]
                )
        patient = self._open(read, decision, comparison)
        self._newcomers.opened(part, patient.id, patient.resident_id)
        return patient

    def _may_move(self, read: Read, patient: Patient, to: UUID) -> bool:
        """Whether no person's decision stands against it: the machine never overrides one, and says so."""
        decided = self._decided.get(patient.id, verdicts.Decided())
        code = "person-decided-apart" if to in decided.different else ""
        code = code or ("person-decided-together" if patient.resident_id in decided.same else "")
        if code:
            self.findings.setdefault(read.message.id, []).append(Refusal(code=code, where="PID-3"))
        return not code

    def _open(self, read: Read, decision: Decision, comparison: Comparison | None = None) -> Patient:
        """A patient whom the source names for the first time."""
        resident_id = decision.resident_id or self._open_resident()
        patient = Patient(new_id(), resident_id)
        self._changes.patients.append(
            {"id": patient.id, "source": read.source.name, "organisation": read.source.organisation}
        )
        self._link(read, patient, decision.grade, decision.reason, comparison)
        return patient

    def _open_resident(self) -> UUID:
        resident_id = new_id()
        self._changes.residents.append({"id": resident_id})
        return resident_id

    def _link(
        self, read: Read, patient: Patient, grade: Grade, reason: Reason, comparison: Comparison | None = None
    ) -> None:
        patient.reason = reason
        self._changes.links.append(link_row(read, patient, grade, reason, comparison))

    def _move(self, read: Read, patient: Patient, resident_id: UUID, grade: Grade, reason: Reason) -> None:
        self._moved.append(Moved(patient=patient, before=patient.resident_id, read=read))
        patient.resident_id = resident_id
        self._changes.end_link(patient.id)
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
                self._parted.append(Parted(prior=prior, surviving=surviving, read=read))
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
        elif alike := next((one for one in (prior, surviving) if one.reason in RESEMBLANCE), None):
            self._changes.end_link(alike.id)  # what was resemblance is the source's word now
            self._link(read, alike, Grade.CERTAIN, reason)
        if merge.keeps_both:
            return
        merged = self._changes.merged_patients
        merged += [{"given_up": prior.id, "stays": surviving.id}, {"given_up": surviving.id, "stays": None}]

    def _prove(self, patient: Patient, proofs: Proofs, name: str, part: PatientPart) -> None:
        """Keep the person's own strong numbers that nobody holds yet."""
        resource = part.demographics.resource if part.demographics else {}
        for proof in proofs.own:
            claim = {"system": proof.system, "value": proof.value, "kind": proof.kind}
            self._changes.claims.append({**claim, "patient_id": patient.id})
            if (proof.system, proof.value) in self._holders:
                continue
            self._holders[proof.system, proof.value] = Holder(
                resident_id=patient.resident_id,
                name=name,
                birth_date=str(resource.get("birthDate", "")),
                citizen_ids=self._citizen_ids.get(patient.resident_id, frozenset()) | citizen_ids_of(proofs.own),
            )
            self._changes.proofs.append({**claim, "resident_id": patient.resident_id})
        held = [p for p in proofs.own if self._holders[p.system, p.value].resident_id == patient.resident_id]
        known = self._citizen_ids.get(patient.resident_id, frozenset())
        self._citizen_ids[patient.resident_id] = known | citizen_ids_of(held)
        patient.claimed |= citizen_ids_of(proofs.own)

    def _number(self, source: Source, numbers: Iterable[Identifier], patient: Patient) -> None:
        for number in numbers:
            key = (source.name, number.system, number.value)
            if key not in self._patients:
                self._patients[key] = patient
                row = {"source": source.name, "system": number.system, "value": number.value}
                self._changes.numbers.append({**row, "kind": number.kind, "patient_id": patient.id})

    def _find(self, source: Source, numbers: Iterable[Identifier]) -> Patient | None:
        keys = ((source.name, number.system, number.value) for number in numbers)
        return next((self._patients[key] for key in keys if key in self._patients), None)

    def _proofs(self, read: Read, part: PatientPart) -> Proofs:
        if part.demographics is None:
            return Proofs()
        if id(part) not in self._known_proofs:
            self._known_proofs[id(part)] = proofs_of(part.demographics.resource, read.source, self._kinds)
        return self._known_proofs[id(part)]


def _numbers_of(read: Read) -> Iterable[Number]:
    groups: list[tuple[Identifier, ...]] = [part.numbers for part in read.reading.parts]
    for merge in read.reading.merges:
        groups += [merge.prior, merge.surviving]
    return ((read.source.name, number.system, number.value) for group in groups for number in group)


def lane_of(read: Read) -> str:
    """The lane of a message: its source and the number by which the source first names the patient."""
    number: Any = next((part.numbers[0] for part in read.reading.parts), None)
    return f"{read.source.name}|{number.system}|{number.value}" if number else f"{read.source.name}|"
