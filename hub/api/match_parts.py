"""Parts of reviews: the two sides, what a decision reaches, the decision itself."""

from collections.abc import Mapping
from datetime import datetime

import strawberry

from hub.api.paging import global_id
from hub.api.residents import Identifier, identifier_from
from hub.care.matching import Side
from hub.mapping.codes import IdentifierKind
from hub.store.reach import Reach
from hub.store.verdicts import Verdict


@strawberry.type(description="A patient as its source tells of it, for somebody who has to say who it is.")
class MatchSide:
    patient_id: strawberry.ID = strawberry.field(description="The patient's uuid: `separatePatient` takes it.")
    resident_id: strawberry.ID = strawberry.field(description="The `id` of the Resident whom it stands for now.")
    source: str = strawberry.field(description="The sending system, by the name of its profile.")
    organisation: str = strawberry.field(description="The organisation that the system belongs to.")
    numbers: list[Identifier] = strawberry.field(description="The source's own numbers of this patient.")
    proofs: list[Identifier] = strawberry.field(description="Numbers that lead across sources, as they were sent.")
    name: str | None = strawberry.field(description="The name that the source sent.")
    sex: str | None = strawberry.field(description="FHIR's administrative gender: male, female, other, unknown.")
    birth_date: str | None = strawberry.field(description="The birth date, with the precision that was sent.")
    phone: str | None = strawberry.field(description="The telephone number.")
    address: str | None = strawberry.field(description="Where they live.")


@strawberry.type(description="How many entries of one kind move.")
class ReachedEntries:
    kind: str = strawberry.field(description="FHIR's name of the kind: Condition.")
    count: int = strawberry.field(description="How many.")


@strawberry.type(description="Somebody who was shown a resident's data.")
class ReachedReader:
    viewer: str = strawberry.field(description="The account.")
    role: str = strawberry.field(description="What they are to the hub: family-doctor.")
    times: int = strawberry.field(description="How many answers.")
    last_at: datetime = strawberry.field(description="The last time.")


@strawberry.type(description="How far a merge or a split reaches (its blast radius).")
class MatchReach:
    entries: list[ReachedEntries] = strawberry.field(description="What moves of the record, by kind.")
    shared: int = strawberry.field(description="Entries that stay as well, because other patients speak of them too.")
    agreements: int = strawberry.field(description="Agreements that go along; of two standing ones the older ends.")
    referrals: int = strawberry.field(description="Referrals that go along.")
    follow_ups: int = strawberry.field(description="Follow-ups that go along.")
    bookings: int = strawberry.field(description="Bookings that go along.")
    readers: list[ReachedReader] = strawberry.field(
        description="Who has read the record as long as these patients stood in it, the last first."
    )


@strawberry.type(description="What a person decided of patients. No message overrides it; `undoVerdict` takes it back.")
class VerdictType:
    id: strawberry.ID = strawberry.field(description="Its uuid.")
    is_same: bool = strawberry.field(description="True: they are one person. False: they are not.")
    reason: str = strawberry.field(description="Why, in the words of who decided.")
    by: str = strawberry.field(description="The account of who decided.")
    at: datetime = strawberry.field(description="When.")
    undone_by: str | None = strawberry.field(description="Who took it back; null while it stands.")
    undone_reason: str | None = strawberry.field(description="Why it was taken back.")
    undone_at: datetime | None = strawberry.field(description="When it was taken back.")


def side_from(side: Side, kinds: Mapping[str, IdentifierKind]) -> MatchSide:
    """One side of a review."""
    return MatchSide(
        patient_id=strawberry.ID(str(side.patient_id)),
        resident_id=global_id("Resident", side.resident_id),
        source=side.source,
        organisation=side.organisation,
        numbers=[identifier_from(number, kinds) for number in side.numbers],
        proofs=[identifier_from(number, kinds) for number in side.proofs],
        **{name: side.told.get(name) for name in ("name", "sex", "birth_date", "phone", "address")},
    )


def reach_from(found: Reach) -> MatchReach:
    """What a decision reaches."""
    return MatchReach(
        entries=[ReachedEntries(kind=kind, count=count) for kind, count in found.entries.items()],
        shared=found.shared,
        agreements=found.agreements,
        referrals=found.referrals,
        follow_ups=found.follow_ups,
        bookings=found.bookings,
        readers=[
            ReachedReader(viewer=one.viewer, role=one.role, times=one.times, last_at=one.last_at)
            for one in found.readers
        ],
    )


def verdict_from(one: Verdict) -> VerdictType:
    """A decision."""
    return VerdictType(
        id=strawberry.ID(str(one.id)),
        is_same=one.is_same,
        reason=one.reason,
        by=one.by,
        at=one.at,
        undone_by=one.undone_by,
        undone_reason=one.undone_reason,
        undone_at=one.undone_at,
    )
