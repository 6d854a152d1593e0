"""The resident, the patients behind them, and their record."""

from collections.abc import Mapping
from datetime import date, datetime
from enum import Enum
from typing import TYPE_CHECKING, Annotated, TypeVar
from uuid import UUID

import strawberry

from hub.api.charts import Chart, found_of
from hub.api.context import Info
from hub.api.entries import (
    KINDS,
    Allergy,
    Appointment,
    Condition,
    Conflict,
    Document,
    Encounter,
    Entry,
    Immunization,
    Medication,
    Observation,
    Origin,
    Procedure,
    Report,
    Statement,
    conflicts_from,
    connection_from,
    origins_from,
)
from hub.api.fields import field
from hub.api.labels import Label, MatchWeight, weight_from
from hub.api.paging import DEFAULT, After, Connection, Edge, First, Node, PageInfo, global_id, instant_of, page_of
from hub.api.teams import TeamType
from hub.api.timeline import Kinds, Organisation, Since, Until, Word, stretch_of, timeline_of
from hub.courses import PRESCRIPTION, SAID
from hub.days import day_of
from hub.identity import SENTENCES, Reason
from hub.mapping.codes import IdentifierKind
from hub.store.records import Row

if TYPE_CHECKING:
    from hub.api.agreements import Agreement
    from hub.api.followups import FollowUpType
    from hub.api.referrals import ReferralType

_OF_AGREEMENTS = strawberry.lazy("hub.api.agreements")
_OF_REFERRALS = strawberry.lazy("hub.api.referrals")
_OF_FOLLOW_UPS = strawberry.lazy("hub.api.followups")


@strawberry.enum(description="How sure it is that a source's patient is this resident.")
class Grade(Enum):
    """`hub.record.Grade`, each value with its meaning."""

    CERTAIN = strawberry.enum_value("certain", description="A number that only this person can hold says so.")
    PROBABLE = strawberry.enum_value("probable", description="It is them unless a source erred.")
    POSSIBLE = strawberry.enum_value("possible", description="It may be them; somebody should look.")
    NOT = strawberry.enum_value("not", description="Somebody looked: it is not them.")


Code = Annotated[str | None, strawberry.argument(description="Only results of this code (observation's `code`).")]
OwnCode = Annotated[str | None, strawberry.argument(description="Only those of this code (their own `code`).")]
Known = Annotated[Statement | None, strawberry.argument(description="Only drugs that are known of in this way.")]


@strawberry.type(description="A number of a person.")
class Identifier:
    kind: str = strawberry.field(description="What it is: citizen-id, health-record-number, inpatient-number.")
    system: str = strawberry.field(description="Who gives such numbers, as a URI.")
    value: str = strawberry.field(description="The number.")
    label: Label = strawberry.field(description="What it is, in words.")


@strawberry.type(description="Why a patient is linked to a resident.")
class LinkReason:
    code: str = strawberry.field(description="The reason as a code: same-citizen-id.")
    zh: str = strawberry.field(description="The reason as a sentence, in Chinese.")
    en: str = strawberry.field(description="The reason as a sentence, in English.")


@strawberry.type(description="A person as one source knows them, and why the hub takes them for this resident.")
class PatientLink:
    patient_id: strawberry.ID = strawberry.field(description="The patient's uuid: `separatePatient` takes it.")
    source: str = strawberry.field(description="The sending system, by the name of its profile.")
    organisation: str = strawberry.field(description="The organisation that the system belongs to.")
    numbers: list[Identifier] = strawberry.field(description="The source's own numbers of this patient.")
    grade: Grade = strawberry.field(description="How sure the link is.")
    reason: LinkReason = strawberry.field(description="What speaks for the link.")
    weights: list[MatchWeight] = strawberry.field(
        description="What spoke for and against it where persons were compared, the strongest first; else empty."
    )
    since: datetime = strawberry.field(description="When the link was made.")
    merged_into: strawberry.ID | None = strawberry.field(
        description="The uuid of the source's patient that this one was merged into (A40); null while it stands."
    )


AsOf = Annotated[
    datetime | None, strawberry.argument(description="The moment; null: now. Without a zone it is China's time.")
]

E = TypeVar("E", bound=Entry)


@strawberry.type(description="The record of a resident, list by list; each has the newest first.")
class Record(Chart):
    @field("Stays and visits.")
    async def encounters(self, info: Info, first: First = DEFAULT, after: After = None) -> Connection[Encounter]:
        return await self._page(info, Encounter, first, after)

    @field("Diagnoses and problems.")
    async def conditions(self, info: Info, first: First = DEFAULT, after: After = None) -> Connection[Condition]:
        return await self._page(info, Condition, first, after)

    @field("Measurements and results.")
    async def observations(
        self, info: Info, first: First = DEFAULT, after: After = None, code: Code = None
    ) -> Connection[Observation]:
        return await self._page(info, Observation, first, after, code or "")

    @field("Allergies and intolerances.")
    async def allergies(self, info: Info, first: First = DEFAULT, after: After = None) -> Connection[Allergy]:
        return await self._page(info, Allergy, first, after)

    @field("Laboratory and examination reports.")
    async def reports(self, info: Info, first: First = DEFAULT, after: After = None) -> Connection[Report]:
        return await self._page(info, Report, first, after)

    @field("Operations and other procedures.")
    async def procedures(
        self, info: Info, first: First = DEFAULT, after: After = None, code: OwnCode = None
    ) -> Connection[Procedure]:
        return await self._page(info, Procedure, first, after, code or "")

    @field("Drugs, however they are known of: prescribed, dispensed, administered, taken.")
    async def medications(
        self, info: Info, first: First = DEFAULT, after: After = None, code: OwnCode = None, known: Known = None
    ) -> Connection[Medication]:
        return await self._page(info, Medication, first, after, code or "", str(known.value) if known else "")

    @field("Drugs that were asked for: `medications` with `known: PRESCRIBED`.")
    async def prescriptions(
        self, info: Info, first: First = DEFAULT, after: After = None, code: OwnCode = None
    ) -> Connection[Medication]:
        return await self._page(info, Medication, first, after, code or "", SAID[PRESCRIPTION])

    @field("Vaccinations, given and not given.")
    async def immunizations(
        self, info: Info, first: First = DEFAULT, after: After = None, code: OwnCode = None
    ) -> Connection[Immunization]:
        return await self._page(info, Immunization, first, after, code or "")

    @field("Documents.")
    async def documents(
        self, info: Info, first: First = DEFAULT, after: After = None, code: OwnCode = None
    ) -> Connection[Document]:
        return await self._page(info, Document, first, after, code or "")

    @field("Appointments as the sources made them.")
    async def appointments(
        self, info: Info, first: First = DEFAULT, after: After = None, code: OwnCode = None
    ) -> Connection[Appointment]:
        return await self._page(info, Appointment, first, after, code or "")

    async def _page(
        self, info: Info, kind: type[E], first: int, after: str | None, code: str = "", statement: str = ""
    ) -> Connection[E]:
        page = page_of(first, after, code=code, background=info.context.wants_background, statement=statement)
        found = await found_of(info.context, self.resident_id, self.as_of, KINDS[kind], page)
        return connection_from(kind, found, self.resident_id, first, after, self.as_of)


@strawberry.type(description="Whom to ask about a resident: a relative, a guardian, somebody to call.")
class ContactPerson:
    relation: str | None = strawberry.field(description="What they are to the resident, in words: 配偶.")
    relation_code: str | None = strawberry.field(description="The same as a code: SPS.")
    is_guardian: bool = strawberry.field(description="Whether they decide for the resident.")
    name: str | None = strawberry.field(description="The name.")
    phone: str | None = strawberry.field(description="The telephone number.")
    since: str | None = strawberry.field(description="Since when it is so, as it was said.")
    until: str | None = strawberry.field(description="Until when, as it was said.")
    source: str = strawberry.field(description="The sending system that said it, by the name of its profile.")


@strawberry.type(description="How a resident pays (FHIR Coverage). The number itself is not shown.")
class Coverage:
    type: str | None = strawberry.field(
        description="The kind of insurance, or who pays, in words: 城镇职工基本医疗保险."
    )
    type_code: str | None = strawberry.field(description="The same as a code.")
    payor: str | None = strawberry.field(description="Who pays.")
    number_kind: str | None = strawberry.field(description="What the number is under which they pay; null without one.")
    since: str | None = strawberry.field(description="Since when it holds, as it was said.")
    until: str | None = strawberry.field(description="Until when, as it was said.")
    source: str = strawberry.field(description="The sending system that said it, by the name of its profile.")


@strawberry.type(description="A person of the county, as all sources together know them.")
class Resident(Node):
    key: strawberry.Private[UUID]
    name: str | None = strawberry.field(description="The name.")
    sex: str | None = strawberry.field(description="FHIR's administrative gender: male, female, other, unknown.")
    birth_date: str | None = strawberry.field(description="The birth date, with the precision that was sent.")
    age: int | None = strawberry.field(
        description="Full years today in China, or at death; null where a day is missing to tell it."
    )
    deceased: bool | None = strawberry.field(description="True where a source reported the death; else null.")
    deceased_on: str | None = strawberry.field(description="When they died, as it was said.")
    phone: str | None = strawberry.field(description="The telephone number.")
    address: str | None = strawberry.field(description="Where they live.")
    marital_status: str | None = strawberry.field(description="The marital status, in words.")
    ethnicity: str | None = strawberry.field(description="The ethnic group (民族), in words.")
    contacts: list[ContactPerson] = strawberry.field(description="Whom to ask: relatives, guardians, whom to call.")
    coverages: list[Coverage] = strawberry.field(description="How they pay.")
    origins: list[Origin] = strawberry.field(description="The messages that these values come from, the latest first.")
    conflicts: list[Conflict] = strawberry.field(description="The values that lost.")
    changed_at: datetime = strawberry.field(description="When these values last changed.")

    @field(
        "What is known of their health. With `asOf`: as the hub knew it at that moment, by what it had taken in and "
        "whom it took for this resident then; every list and every field of it answers from that."
    )
    def record(self, as_of: AsOf = None) -> Record:
        return Record(resident_id=self.key, as_of=instant_of(as_of, "asOf"))

    @field(
        "Their whole record on one line, the newest first, what has no time last. `totalCount` counts all that fit, on "
        "whichever page."
    )
    async def timeline(
        self,
        info: Info,
        first: First = DEFAULT,
        after: After = None,
        kinds: Kinds = None,
        organisation: Organisation = None,
        since: Since = None,
        until: Until = None,
        text: Word = None,
    ) -> Connection[Entry]:
        asked = stretch_of(
            info.context,
            first,
            after,
            kinds=kinds,
            organisation=organisation,
            since=since,
            until=until,
            word=text,
        )
        return await timeline_of(info.context, self.key, asked, first, after)

    @field("The primary agreement that says who serves them today; null where there is none.")
    async def agreement(self, info: Info) -> "Annotated[Agreement, _OF_AGREEMENTS] | None":
        from hub.api.agreements import standing_agreement  # an agreement shows residents: it is read after this file

        return await standing_agreement(info.context, self.key)

    @field("The family-doctor team that serves them today; null where none does, or an alliance.")
    async def team(self, info: Info) -> TeamType | None:
        agreement = await self.agreement(info)
        return await agreement.team(info) if agreement else None

    @field("Their referrals that are your side's, the newest first, up to 50; `referrals` pages through all.")
    async def referrals(self, info: Info) -> "list[Annotated[ReferralType, _OF_REFERRALS]]":
        from hub.api.referrals import list_referrals  # a referral shows residents: it is read after this file

        return await list_referrals(info.context, self.key)

    @field("The numbers that lead to this resident from any source.")
    async def identifiers(self, info: Info) -> list[Identifier]:
        rows = await info.context.loaders.numbers.load(self.key)
        return [identifier_from(row, info.context.means.kinds) for row in rows]

    @field("What is owed to them after their discharges, and what was: what has to be done first first.")
    async def follow_ups(self, info: Info) -> "list[Annotated[FollowUpType, _OF_FOLLOW_UPS]]":
        from hub.api.followups import follow_ups_of  # a follow-up shows its resident: it is read after this file

        return await follow_ups_of(info.context, self.key)

    @field("The patients of the sources that the hub takes for this resident, and why.")
    async def patients(self, info: Info) -> list[PatientLink]:
        rows = await info.context.loaders.patients.load(self.key)
        return [_patient(row, info.context.means.kinds) for row in rows]


@strawberry.type(description="A page of residents, in the order in which they became known (Relay).")
class ResidentConnection:
    edges: list[Edge[Resident]] = strawberry.field(description="The residents of this page, in order.")
    page_info: PageInfo = strawberry.field(description="Where this page stands.")

    @field("How many residents there are. Counted only when asked for.")
    async def total_count(self, info: Info) -> int:
        return await info.context.visit.count_residents()


def resident_from(row: Row, now: datetime) -> Resident:
    """A resident out of their row."""
    shown = {name: row[name] for name in _PLAIN}
    return Resident(
        id=global_id("Resident", row["id"]),
        key=row["id"],
        age=_age(row["birth_date"], row["deceased"], row["deceased_on"], now),
        origins=origins_from(row["origins"]),
        conflicts=conflicts_from(row["conflicts"]),
        contacts=[ContactPerson(**one) for one in row["contacts"]],
        coverages=[Coverage(**one) for one in row["coverages"]],
        **shown,
    )


_PLAIN = (
    *("name", "sex", "birth_date", "deceased", "deceased_on", "phone", "address"),
    *("marital_status", "ethnicity", "changed_at"),
)


def _age(birth_date: str | None, deceased: bool | None, deceased_on: str | None, now: datetime) -> int | None:
    until = day_of(now) if not deceased else _day(deceased_on)
    born = _day(birth_date)
    if born is None or until is None or until < born:
        return None
    return until.year - born.year - ((until.month, until.day) < (born.month, born.day))


def _day(said: str | None) -> date | None:
    """The day that a FHIR date or dateTime names, in its own zone; None where it is less precise."""
    try:
        return date.fromisoformat(said[:10]) if said and len(said) >= 10 else None
    except ValueError:
        return None


def identifier_from(row: Row, kinds: Mapping[str, IdentifierKind]) -> Identifier:
    """A number out of its kind, system and value."""
    kind = kinds.get(row["kind"])
    label = Label(zh=kind.zh, en=kind.en) if kind else Label(zh=row["kind"], en=row["kind"])
    return Identifier(kind=row["kind"], system=row["system"], value=row["value"], label=label)


def _patient(row: Row, kinds: Mapping[str, IdentifierKind]) -> PatientLink:
    return PatientLink(
        patient_id=strawberry.ID(str(row["patient_id"])),
        source=row["source"],
        organisation=row["organisation"],
        numbers=[identifier_from(number, kinds) for number in row["numbers"]],
        grade=Grade(row["grade"]),
        reason=_reason(row["reason"]),
        weights=[weight_from(one) for one in row["weights"] or ()],
        since=row["since"],
        merged_into=strawberry.ID(str(row["merged_into"])) if row["merged_into"] else None,
    )


def _reason(code: str) -> LinkReason:
    en, zh = SENTENCES[Reason(code)] if code in set(Reason) else (code, code)
    return LinkReason(code=code, zh=zh, en=en)
