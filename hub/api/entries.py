"""The lines of a record as GraphQL types. Every leaf is a plain attribute: a resolver would cost 7 to 50 us each."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import Enum
from typing import Any, TypeVar
from uuid import UUID

import strawberry
from strawberry.utils.str_converters import to_camel_case

from hub.api.context import Info
from hub.api.fields import field
from hub.api.histories import DEFAULT_WORDS, HistoryStep, Last, check_last, steps_from
from hub.api.labels import Label
from hub.api.paging import Connection, Edge, Node, entry_cursor, global_id, info_of, read_global_id
from hub.api.places import BytePlace, find_place
from hub.care.charts import Word, list_histories
from hub.mapping import units
from hub.mapping.units import LOINC, comparables
from hub.store.records import BACKGROUND, Found


@strawberry.type(description="One element of an entry, and the field that it was read from.")
class OriginValue:
    element: str = strawberry.field(description="The element of the FHIR resource: valueQuantity.")
    path: str = strawberry.field(description="The field of the message: OBX[2]-5.")
    row: str = strawberry.field(description="The mapping row that read it: hl7v2/obx-observation:valueQuantity.")
    codes: str | None = strawberry.field(description="The code table that translated it; null where none did.")
    message: strawberry.Private[str]

    @field(
        "Where it stands in the message as it came, and its text; null where the bytes are no longer kept, of a "
        "document (CDA), and of what no field says."
    )
    async def place(self, info: Info) -> BytePlace | None:
        return await find_place(info.context, self.message, self.path)


@strawberry.type(description="Why an entry stands there: what one message said.")
class Origin:
    source: str = strawberry.field(description="The sending system, by the name of its profile.")
    organisation: str = strawberry.field(description="The organisation that the system belongs to.")
    message_id: strawberry.ID = strawberry.field(description="The message, as `hub message list` names it.")
    path: str = strawberry.field(description="Where in the message the resource begins: OBX[2].")
    row: str = strawberry.field(description="The mapping that made the resource of it.")
    sent_at: datetime = strawberry.field(description="When the message was written (MSH-7, Bundle.timestamp).")
    values: list[OriginValue] = strawberry.field(description="The elements that came from this message.")


@strawberry.type(description="A value that lost against the one that is shown.")
class Conflict:
    element: str = strawberry.field(description="The field that it would have been: birthDate, display.")
    value: str = strawberry.field(description="What was said.")
    source: str = strawberry.field(description="The sending system that said it.")
    organisation: str = strawberry.field(description="The organisation that the system belongs to.")
    message_id: strawberry.ID = strawberry.field(description="The message, as `hub message list` names it.")
    sent_at: datetime = strawberry.field(description="When the message was written.")


@strawberry.type(description="Something about a value that a reader should know.")
class Flag:
    code: str = strawberry.field(description="What it is: unknown-code.")
    where: str = strawberry.field(description="The field of the message: PID-8.")
    table: str | None = strawberry.field(description="The code table that does not know it; null where none is meant.")


@strawberry.interface(description="A line of a resident's record.")
class Entry(Node):
    key: strawberry.Private[str]
    as_of: strawberry.Private[datetime | None] = None
    resident_id: strawberry.ID = strawberry.field(description="Whose record it is: the id of a Resident.")
    status: str | None = strawberry.field(description="FHIR's status of the resource: final, finished, confirmed.")
    code_system: str | None = strawberry.field(description="The system that the code is of, as a URI.")
    code: str | None = strawberry.field(description="What it is, as a code; an unknown one is kept as it was sent.")
    display: str | None = strawberry.field(description="What it is, in words.")
    effective: str | None = strawberry.field(
        description="When it was so, as it was said: a FHIR date or dateTime with the precision that was sent."
    )
    effective_at: datetime | None = strawberry.field(
        description="The first instant that `effective` covers; entries are ordered by it."
    )
    organisation: str | None = strawberry.field(description="The organisation that did or said it.")
    origins: list[Origin] = strawberry.field(description="The messages that this entry rests on, the latest first.")
    conflicts: list[Conflict] = strawberry.field(description="The values that lost.")
    flags: list[Flag] = strawberry.field(description="What a reader should know about its values.")

    @field(
        "What was said of it, in the order of events: who said it when, what that changed, and whether it still "
        "counts. Of a record as of a moment: what had been said by then."
    )
    async def history(self, info: Info, last: Last = DEFAULT_WORDS) -> list[HistoryStep]:
        _, resident = read_global_id(self.resident_id)
        asked = Word(resident, KINDS[type(self)], self.key, check_last(last), self.as_of)
        return steps_from(await info.context.loaders.by(list_histories).load(asked))


@strawberry.type(description="A stay or a visit (FHIR Encounter).")
class Encounter(Entry):
    ended: str | None = strawberry.field(description="When it ended, as it was said.")
    ended_at: datetime | None = strawberry.field(description="The first instant that `ended` covers.")
    visit_number: str | None = strawberry.field(description="The hospital's number of the visit.")
    department: str | None = strawberry.field(description="The department or place.")
    doctor: str | None = strawberry.field(description="The doctor in charge.")
    disposition_code: str | None = strawberry.field(description="How it ended, as a code.")
    disposition: str | None = strawberry.field(description="How it ended, in words.")
    destination: str | None = strawberry.field(description="Where the resident went from there.")


@strawberry.type(description="A diagnosis or a problem (FHIR Condition).")
class Condition(Entry):
    onset: str | None = strawberry.field(description="When it began, as it was said.")
    clinical_status: str | None = strawberry.field(description="FHIR's clinical status: active, resolved.")
    category: str | None = strawberry.field(description="What kind of diagnosis it is: admission, discharge.")


@strawberry.type(description="A value in the one unit in which its kind is compared, so that a trend can be read.")
class Comparable:
    code: str = strawberry.field(description="What it is of, as LOINC's code: of a blood pressure there are two.")
    value: float = strawberry.field(description="The number; rounded where it was reckoned from another unit.")
    comparator: str | None = strawberry.field(description="<, <=, >, >=; null where the value is exact.")
    unit: str = strawberry.field(description="The unit, as UCUM writes it.")


@strawberry.type(description="A measurement or a result (FHIR Observation).")
class Observation(Entry):
    value: str | None = strawberry.field(description="The value as it was sent, with its digits and its comparator.")
    value_number: float | None = strawberry.field(description="The value as a number, where it is one.")
    unit: str | None = strawberry.field(description="The unit of the value.")
    reference_range: str | None = strawberry.field(description="The range that the laboratory calls normal.")
    interpretation: str | None = strawberry.field(description="How the laboratory reads the value, in words.")
    interpretation_code: str | None = strawberry.field(description="How the laboratory reads it: H, L, N, A.")
    category: str | None = strawberry.field(description="What kind of observation it is: laboratory, vital-signs.")
    specimen: str | None = strawberry.field(description="What it was found in: the type of the specimen.")
    specimen_number: str | None = strawberry.field(description="The laboratory's number of the specimen.")
    specimen_taken: str | None = strawberry.field(description="When the specimen was taken, as it was said.")
    note: str | None = strawberry.field(description="Remarks, line by line.")

    @field(
        "The value in the unit in which its kind is compared: glucose in mmol/L, HbA1c in % (NGSP), pressures in mmHg. "
        "Empty where it is no number, where its unit is missing or unknown, and of what nobody follows."
    )
    def comparable(self) -> list[Comparable]:
        if self.code_system != LOINC or not self.code or not self.value or not self.unit:
            return []
        return [comparable_from(one) for one in comparables(self.code, self.value, self.unit)]


def comparable_from(one: units.Comparable) -> Comparable:
    """A value in the unit of comparison as `hub.mapping.units` has it."""
    return Comparable(code=one.loinc, value=one.value, comparator=one.comparator or None, unit=one.unit)


@strawberry.type(description="An allergy or an intolerance (FHIR AllergyIntolerance).")
class Allergy(Entry):
    category: str | None = strawberry.field(description="food, medication, environment or biologic.")
    criticality: str | None = strawberry.field(description="How dangerous an exposure can be: low, high.")
    severity: str | None = strawberry.field(description="How bad the reaction was: mild, moderate, severe.")
    reaction: str | None = strawberry.field(description="What happened upon exposure.")


@strawberry.type(description="A laboratory or examination report (FHIR DiagnosticReport).")
class Report(Entry):
    category: str | None = strawberry.field(description="The section that made it: laboratory, radiology.")
    report_number: str | None = strawberry.field(description="The hospital's number of the report.")
    issued: str | None = strawberry.field(description="When it was issued, as it was said.")
    conclusion: str | None = strawberry.field(description="What it comes to.")
    specimen: str | None = strawberry.field(description="What it was found in: the type of the specimen.")
    specimen_number: str | None = strawberry.field(description="The laboratory's number of the specimen.")
    specimen_taken: str | None = strawberry.field(description="When the specimen was taken, as it was said.")
    note: str | None = strawberry.field(description="Remarks, line by line.")
    result_count: int | None = strawberry.field(description="How many results it has.")


@strawberry.type(description="An operation or another procedure (FHIR Procedure).")
class Procedure(Entry):
    ended: str | None = strawberry.field(description="When it ended, as it was said.")
    ended_at: datetime | None = strawberry.field(description="The first instant that `ended` covers.")
    category: str | None = strawberry.field(description="What kind of procedure it is: diagnostic, therapeutic.")
    performer: str | None = strawberry.field(description="Who did it: the surgeon where one is named.")
    location: str | None = strawberry.field(description="Where it was done.")
    body_site: str | None = strawberry.field(description="Where on the body.")
    reason: str | None = strawberry.field(description="Why it was done.")
    outcome: str | None = strawberry.field(description="What came of it.")
    note: str | None = strawberry.field(description="Remarks, line by line.")


@strawberry.enum(description="How a drug is known of.")
class Statement(Enum):
    """`hub.courses.SAID`, each value with its meaning."""

    PRESCRIBED = strawberry.enum_value("prescribed", description="It was asked for (FHIR MedicationRequest).")
    DISPENSED = strawberry.enum_value("dispensed", description="It was handed out (FHIR MedicationDispense).")
    ADMINISTERED = strawberry.enum_value("administered", description="It was given (FHIR MedicationAdministration).")
    TAKEN = strawberry.enum_value("taken", description="Somebody says that it is taken (FHIR MedicationStatement).")


_IN_WORDS = {
    Statement.PRESCRIBED: ("开具处方", "prescribed"),
    Statement.DISPENSED: ("已发药", "dispensed"),
    Statement.ADMINISTERED: ("已给药", "administered"),
    Statement.TAKEN: ("自述用药", "taken"),
}


@strawberry.type(
    description="A drug: prescribed, dispensed, administered or taken. What was dispensed on a prescription stands in "
    "one line with it (FHIR MedicationRequest, MedicationDispense, MedicationAdministration, MedicationStatement)."
)
class Medication(Entry):
    statements: list[Statement] = strawberry.field(description="How it is known of: in one way or in several.")
    statements_label: Label | None = strawberry.field(description="The same in words: 开具处方、已发药.")
    prescription_number: str | None = strawberry.field(description="The hospital's number of the order.")
    intent: str | None = strawberry.field(description="FHIR's intent of the order: order, plan, original-order.")
    priority: str | None = strawberry.field(description="FHIR's priority: routine, urgent, asap, stat.")
    dose: str | None = strawberry.field(description="How much at a time, with its unit; a range with both ends.")
    frequency: str | None = strawberry.field(
        description="How often: as the hospital calls it (BID), else times/period: 2/1 d is twice a day."
    )
    route: str | None = strawberry.field(description="By which way it is taken.")
    instruction: str | None = strawberry.field(description="How to take it, in words.")
    started: str | None = strawberry.field(description="When the course begins, as it was said.")
    ended: str | None = strawberry.field(description="When the course ends, as it was said.")
    ended_at: datetime | None = strawberry.field(description="The first instant that `ended` covers.")
    duration: str | None = strawberry.field(description="How long the course lasts, or what was handed out: 14 d.")
    quantity: str | None = strawberry.field(description="How much is to be handed out, or was.")
    handed_over: str | None = strawberry.field(description="When it was handed out last, as it was said.")
    prescriber: str | None = strawberry.field(description="Who asked for it.")
    performer: str | None = strawberry.field(description="Who handed it out, gave it, or says that it is taken.")
    reason: str | None = strawberry.field(description="Why it was asked for or given.")
    note: str | None = strawberry.field(description="Remarks, line by line.")


@strawberry.type(description="A vaccination, given or not given: see `status` (FHIR Immunization).")
class Immunization(Entry):
    dose: str | None = strawberry.field(description="How much was given, with its unit.")
    dose_number: str | None = strawberry.field(description="Which dose of its series it is.")
    route: str | None = strawberry.field(description="By which way it was given.")
    body_site: str | None = strawberry.field(description="Where on the body.")
    lot_number: str | None = strawberry.field(description="The batch of the vaccine.")
    expires: str | None = strawberry.field(description="When that batch expires, as it was said.")
    manufacturer: str | None = strawberry.field(description="Who made the vaccine.")
    performer: str | None = strawberry.field(description="Who gave it.")
    location: str | None = strawberry.field(description="Where it was given.")
    status_reason: str | None = strawberry.field(description="Why it was not given.")
    note: str | None = strawberry.field(description="Remarks, line by line.")


@strawberry.type(description="A document (FHIR DocumentReference).")
class Document(Entry):
    document_number: str | None = strawberry.field(description="The hospital's number of the document.")
    document_status: str | None = strawberry.field(
        description="How far the text itself is: preliminary, final, amended."
    )
    category: str | None = strawberry.field(description="What sort of document it is, in words.")
    title: str | None = strawberry.field(description="What it is called.")
    author: str | None = strawberry.field(description="Who wrote it.")
    authenticator: str | None = strawberry.field(description="Who signed it.")
    content_type: str | None = strawberry.field(description="The MIME type of its first part.")
    text: str | None = strawberry.field(description="Its plain text; null where it is a picture, a PDF or a link.")


@strawberry.type(description="An appointment that a source made (FHIR Appointment); the hub's own are bookings.")
class Appointment(Entry):
    ended: str | None = strawberry.field(description="When it is to end, as it was said.")
    ended_at: datetime | None = strawberry.field(description="The first instant that `ended` covers.")
    appointment_number: str | None = strawberry.field(description="The hospital's number of the appointment.")
    department: str | None = strawberry.field(description="The department or place.")
    doctor: str | None = strawberry.field(description="Whom it is with.")
    reason: str | None = strawberry.field(description="Why it was made.")
    cancellation_reason: str | None = strawberry.field(description="Why it was cancelled.")
    note: str | None = strawberry.field(description="Remarks, line by line.")


E = TypeVar("E", bound=Entry)

KINDS: Mapping[type[Entry], str] = {
    Encounter: "Encounter",
    Condition: "Condition",
    Observation: "Observation",
    Allergy: "AllergyIntolerance",
    Report: "DiagnosticReport",
    Procedure: "Procedure",
    Medication: "MedicationRequest",
    Immunization: "Immunization",
    Document: "DocumentReference",
    Appointment: "Appointment",
}
"""The kind of each type: FHIR's name for it, under which ``hub.tables.ENTRY_TABLES`` keeps it."""


def entry_from(kind: type[E], row: Mapping[str, Any], resident_id: strawberry.ID, as_of: datetime | None = None) -> E:
    """An entry out of its row, of the record as of a moment where one is given. A row without its background columns
    was not asked for them."""
    background = _background(row) if "origins" in row else _NO_BACKGROUND
    columns = {**row, **background, "id": global_id(kind.__name__, row["id"]), "resident_id": resident_id}
    return kind(**(columns | _known(columns) if kind is Medication else columns), as_of=as_of)


def _known(columns: Mapping[str, Any]) -> dict[str, Any]:
    """How a drug is known of, and in words."""
    said = [Statement(one) for one in columns["statements"] or ()]
    zh, en = ("、".join(_IN_WORDS[one][0] for one in said), ", ".join(_IN_WORDS[one][1] for one in said))
    return {"statements": said, "statements_label": Label(zh=zh, en=en) if said else None}


_NO_BACKGROUND: Mapping[str, Any] = dict.fromkeys(BACKGROUND, ())


def _background(row: Mapping[str, Any]) -> Mapping[str, Any]:
    return {
        "origins": origins_from(row["origins"]),
        "conflicts": conflicts_from(row["conflicts"]),
        "flags": _flags_from(row["flags"]),
    }


def connection_from(
    kind: type[E], found: Found, resident_id: UUID, first: int, after: str | None, as_of: datetime | None = None
) -> Connection[E]:
    """A page of entries; `found` has one line more than `first` where there is a next page."""
    owner = global_id("Resident", resident_id)
    edges = [
        Edge(node=entry_from(kind, row, owner, as_of), cursor=entry_cursor(row["effective_at"], row["id"]))
        for row in found.rows[:first]
    ]
    info = info_of(edges, after=after, more=len(found.rows) > first)
    return Connection(edges=edges, page_info=info, total_count=found.total)


def origins_from(stored: Sequence[Mapping[str, Any]]) -> list[Origin]:
    """Origins as ``hub.store.entries.origin_json`` wrote them."""
    return [
        Origin(
            source=one["source"],
            organisation=one["organisation"],
            message_id=one["message_id"],
            path=one["path"],
            row=one["row"],
            sent_at=datetime.fromisoformat(one["sent_at"]),
            values=[
                OriginValue(element=element, path=path, row=row, codes=codes or None, message=one["message_id"])
                for element, path, row, codes in one["values"]
            ],
        )
        for one in stored
    ]


def conflicts_from(stored: Sequence[Mapping[str, Any]]) -> list[Conflict]:
    """Conflicts as ``hub.store.entries.conflict_json`` wrote them."""
    return [
        Conflict(
            element=to_camel_case(one["element"]),
            value=one["value"],
            source=one["source"],
            organisation=one["organisation"],
            message_id=one["message_id"],
            sent_at=datetime.fromisoformat(one["sent_at"]),
        )
        for one in stored
    ]


def _flags_from(stored: Sequence[Mapping[str, Any]]) -> list[Flag]:
    return [Flag(code=one["code"], where=one["where"], table=one["table"] or None) for one in stored]
