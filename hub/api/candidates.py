"""Who somebody may be, over GraphQL: compared, and written nowhere."""

from typing import Annotated

import strawberry

from hub.api.context import Info
from hub.api.fields import field
from hub.api.labels import MatchWeight, weight_from
from hub.api.match_parts import MatchSide, side_from
from hub.api.paging import global_id, read_key, read_text
from hub.api.queries import IdentifierInput
from hub.api.residents import Grade
from hub.care import candidates as care
from hub.errors import refuse
from hub.likeness import weights_json


@strawberry.input(description="Whom to look for: somebody as they are told, or a patient that the hub knows.")
class MatchInput:
    name: str | None = strawberry.field(default=None, description="The whole name.")
    birth_date: str | None = strawberry.field(default=None, description="The birth date: 1956-03-12, 1956-03 or 1956.")
    sex: str | None = strawberry.field(default=None, description="FHIR's administrative gender: male or female.")
    phone: str | None = strawberry.field(default=None, description="A telephone number.")
    address: str | None = strawberry.field(default=None, description="Where they live.")
    identifiers: list[IdentifierInput] | None = strawberry.field(default=None, description="Their numbers.")
    patient_id: strawberry.ID | None = strawberry.field(
        default=None, description="A patient's uuid, from `Resident.patients`; then the others are not looked at."
    )


@strawberry.type(description="A patient who may be the one who is looked for.")
class MatchCandidate:
    grade: Grade = strawberry.field(description="How sure the hub would be.")
    score: float = strawberry.field(description="The sum of the weights, in bits.")
    weights: list[MatchWeight] = strawberry.field(description="What speaks for and against it, the strongest first.")
    patient_id: strawberry.ID = strawberry.field(description="The patient's uuid.")
    resident_id: strawberry.ID = strawberry.field(description="The `id` of the Resident whom it stands for.")
    side: MatchSide | None = strawberry.field(
        description="The patient as its source tells of it; null for teams that have no relation to the resident."
    )


@strawberry.type
class CandidatesQuery:
    @field(
        "Whom the hub would take somebody for, the likeliest first, up to 20. Nothing is linked or reviewed by asking. "
        "For those who decide reviews."
    )
    async def match_candidates(
        self, info: Info, input: Annotated[MatchInput, strawberry.argument(description="Whom to look for.")]
    ) -> list[MatchCandidate]:
        means, visit = info.context.means, info.context.visit
        if input.patient_id is not None:
            key = read_key(input.patient_id, "Patient", "patientId")
            found = await care.find_by_patient(visit, means.matcher, key)
        else:
            patient = care.resource_of(_sought(input), means.kinds)
            found = await care.find_by_person(visit, means.matcher, patient)
        return [
            MatchCandidate(
                grade=Grade(one.comparison.grade.value),
                score=one.comparison.score,
                weights=[weight_from(weight) for weight in weights_json(one.comparison)],
                patient_id=strawberry.ID(str(one.patient_id)),
                resident_id=global_id("Resident", one.resident_id),
                side=side_from(one.side, means.kinds) if one.side else None,
            )
            for one in found
        ]


_SAID = {"birth_date": "birthDate"}


def _sought(input: MatchInput) -> care.Sought:
    names = ("name", "birth_date", "sex", "phone", "address")
    told = {name: read_text(getattr(input, name), _SAID.get(name, name)) for name in names if getattr(input, name)}
    return care.Sought(**told, numbers=[_number(one) for one in input.identifiers or ()])


def _number(one: IdentifierInput) -> tuple[str, str]:
    of = one.system or one.kind
    if not of:
        raise refuse("bad-argument", "identifiers", reason="kind or system")
    return read_text(of, "identifiers"), read_text(one.value, "identifiers")
