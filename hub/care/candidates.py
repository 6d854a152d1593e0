"""Who somebody may be: a person as they are told, or a patient that is known, compared with everybody and written
nowhere."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from hub.access import Role
from hub.care.deed import whose
from hub.care.matching import Side, list_sides, may_decide
from hub.care.visit import Visit
from hub.errors import refuse
from hub.likeness import Matcher
from hub.mapping.codes import IdentifierKind
from hub.matching.comparing import Comparison
from hub.matching.person import Person
from hub.record import Grade, Json
from hub.store import candidates, people, relations

MOST = 20
"""Candidates of one answer, the likeliest."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Sought:
    """Somebody as they are told. `numbers` are pairs of kind (or the URI of a system) and value."""

    name: str = ""
    birth_date: str = ""
    sex: str = ""
    phone: str = ""
    address: str = ""
    numbers: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Candidate:
    """A patient who may be the one who is sought. `side` is what its source tells of it, for those who may see that."""

    patient_id: UUID
    resident_id: UUID
    comparison: Comparison
    side: Side | None


def resource_of(sought: Sought, kinds: Mapping[str, IdentifierKind]) -> Json:
    """Somebody as a FHIR Patient resource. Raises Refused (bad-argument) for a kind of number that nobody knows."""
    numbers = []
    for kind, value in sought.numbers:
        system = kinds[kind].system if kind in kinds else kind
        if not system or (":" not in system):
            known = ", ".join(one.kind for one in kinds.values() if one.system)
            raise refuse("bad-argument", "identifiers", reason=f"choose from {known}")
        numbers.append({"system": system, "value": value})
    told: Json = {
        "resourceType": "Patient",
        "name": [{"text": sought.name}] if sought.name else [],
        "birthDate": sought.birth_date,
        "gender": sought.sex,
        "telecom": [{"system": "phone", "value": sought.phone}] if sought.phone else [],
        "address": [{"text": sought.address}] if sought.address else [],
        "identifier": numbers,
    }
    return {name: value for name, value in told.items() if value}


async def find_by_person(visit: Visit, matcher: Matcher, patient: Json) -> list[Candidate]:
    """Whom a FHIR Patient resource may be about, the likeliest first.

    Raises Refused (may-not-change, nothing-to-match-by).
    """
    visit.decide(may_decide(visit.viewer))
    person = matcher.person(patient, None)
    if not (person.names or person.numbers or person.phones):
        raise refuse("nothing-to-match-by")
    return await _compared(visit, matcher, person, None)


async def find_by_patient(visit: Visit, matcher: Matcher, patient_id: UUID) -> list[Candidate]:
    """Who else a patient may be, those left out who stand for the same resident.

    Raises Refused (may-not-change, no-such-patient, nothing-to-match-by).
    """
    visit.decide(may_decide(visit.viewer))
    resident = (await visit.ask(people.find_residents_of, [patient_id])).get(patient_id)
    if resident is None or not await _related(visit, [resident]):
        raise refuse("no-such-patient", "patientId")
    visit.touch(resident, kinds=["Patient"])
    known = (await visit.ask(candidates.find_known, [patient_id])).get(patient_id)
    if known is None:
        raise refuse("nothing-to-match-by", "patientId")
    return await _compared(visit, matcher, known.person, resident)


async def _compared(visit: Visit, matcher: Matcher, person: Person, resident: UUID | None) -> list[Candidate]:
    others = await visit.ask(candidates.find_sharing, matcher.keys(person))
    pairs = [(one, matcher.compare(person, one.person)) for one in others if one.resident_id != resident]
    found = [pair for pair in pairs if pair[1].grade is not Grade.NOT]
    found.sort(key=lambda pair: (-pair[1].score, pair[0].patient_id))
    found = found[:MOST]
    seen = await _related(visit, [one.resident_id for one, _ in found])
    shown = [one.patient_id for one, _ in found if one.resident_id in seen]
    sides = {side.patient_id: side for side in await list_sides(visit, shown)} if shown else {}
    visit.touch(*(one.resident_id for one, _ in found), kinds=["Patient"])
    return [
        Candidate(
            patient_id=one.patient_id,
            resident_id=one.resident_id,
            comparison=comparison,
            side=sides.get(one.patient_id),
        )
        for one, comparison in found
    ]


async def _related(visit: Visit, residents: Sequence[UUID]) -> set[UUID]:
    """Those of these residents whose demographics are the viewer's to see."""
    if visit.viewer.role is Role.ADMINISTRATOR:
        return set(residents)
    asked = list(dict.fromkeys(residents))
    return set(await visit.ask(relations.find_relations, whose(visit.viewer, visit.now), asked)) if asked else set()
