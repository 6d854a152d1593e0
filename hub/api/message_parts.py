"""What a message is over GraphQL: its fate, its problems, what it wrote, and it taken apart."""

import asyncio
from collections.abc import Iterable
from datetime import datetime
from enum import Enum
from uuid import UUID

import strawberry
from sqlalchemy import RowMapping

from hub.anatomy import Anatomy, Became, SegmentSeen
from hub.api.context import Info
from hub.api.fields import field
from hub.api.labels import Label
from hub.api.paging import Node, global_id
from hub.care import messages as care
from hub.errors import Refusal
from hub.identity import SENTENCES, Reason
from hub.store import inbox


@strawberry.enum(name="MessageFate", description="What has become of a message.")
class MessageFate(Enum):
    """`hub.message.Fate`, each value with its meaning."""

    KEPT = strawberry.enum_value("kept", description="It is kept, and waits to be merged.")
    MERGED = strawberry.enum_value("merged", description="It is merged: what it says is in the record.")
    PARKED = strawberry.enum_value("parked", description="It could not be taken, and waits for somebody.")


@strawberry.enum(name="MessageFormat", description="How the bytes of a message are written.")
class MessageFormat(Enum):
    """`hub.message.Format`, each value with its meaning."""

    HL7V2 = strawberry.enum_value("hl7v2", description="HL7 version 2.")
    FHIR = strawberry.enum_value("fhir", description="FHIR R4 as JSON.")
    CDA = strawberry.enum_value("cda", description="A clinical document.")


@strawberry.enum(name="MessageTransport", description="The way a message came.")
class MessageTransport(Enum):
    """`hub.message.Transport`, each value with its meaning."""

    MLLP = strawberry.enum_value("mllp", description="HL7 v2 over MLLP.")
    INGEST = strawberry.enum_value("ingest", description="HTTP: POST /ingest.")
    FHIR = strawberry.enum_value("fhir", description="HTTP: POST /fhir.")
    SOAP = strawberry.enum_value("soap", description="HTTP: a web service.")
    FILE = strawberry.enum_value("file", description="A file that somebody loaded.")
    FOLDER = strawberry.enum_value("folder", description="A file of the source's drop folder.")
    VIEW = strawberry.enum_value("view", description="A view of the source's own database.")
    HUB = strawberry.enum_value("hub", description="The hub's own: what a team measured.")


@strawberry.enum(name="MessageStepKind", description="What happened to a message on its way.")
class MessageStepKind(Enum):
    """The steps of `hub.tables.inbox.message_step`."""

    PARKED = strawberry.enum_value("parked", description="The merge could not take it.")
    RETRIED = strawberry.enum_value("retried", description="A passing fault put it off.")
    REPLAYED = strawberry.enum_value("replayed", description="Somebody had it taken in again.")


@strawberry.type(description="What is wrong with a message, or odd about it.")
class MessageProblem:
    code: str = strawberry.field(description="What kind of problem it is: wrong-charset.")
    message: Label = strawberry.field(description="What is wrong, as a sentence.")
    next_step: Label = strawberry.field(description="What can be done about it, as a sentence.")
    where: str | None = strawberry.field(description="Where in the message: PID-7; null where it is about all of it.")


@strawberry.type(description="One thing that happened to a message.")
class MessageStep:
    at: datetime = strawberry.field(description="When.")
    kind: MessageStepKind = strawberry.field(description="What.")
    by: str = strawberry.field(description="The account; hub where the merge did it.")
    code: str | None = strawberry.field(description="Of the refusal or the fault; null where there was none.")


@strawberry.type(description="What a message wrote into somebody's record.")
class MessageFact:
    kind: str = strawberry.field(description="The FHIR type.")
    path: str = strawberry.field(description="Where in the message it stands.")
    row: str = strawberry.field(description="The mapping rows that read it.")
    resident_id: strawberry.ID = strawberry.field(description="Whose it is now: the id of a Resident.")
    reason: Label = strawberry.field(description="Why the source's patient is taken for this resident.")


@strawberry.type(description="Which character set a message was read in, and why.")
class MessageCharset:
    codec: str | None = strawberry.field(description="The character set; null where its bytes are in none.")
    because: str = strawberry.field(description="declared, ascii, valid-utf-8, profile or default.")
    where: str | None = strawberry.field(description="Where it was declared: MSH-18; null where it was not.")


@strawberry.type(description="A field of a segment that is not empty.")
class MessageField:
    position: str = strawberry.field(description="PID-5.")
    name: str | None = strawberry.field(description="What the standard calls it; null where it knows no such field.")
    datatype: str | None = strawberry.field(description="XPN; null where the standard knows no such field.")
    value: str = strawberry.field(description="Its text, what it says of people masked: each digit #, each letter x.")


@strawberry.type(description="A segment of an HL7 v2 message.")
class MessageSegment:
    name: str = strawberry.field(description="PID.")
    where: str = strawberry.field(description="Its position: OBX[2].")
    line: int = strawberry.field(description="Its line, from 1.")
    fields: list[MessageField] = strawberry.field(description="Its fields that are not empty.")


@strawberry.type(description="An element of a resource, and where it was read.")
class MappedElement:
    target: str = strawberry.field(description="The FHIR element.")
    path: str = strawberry.field(description="The field of the message.")
    row: str = strawberry.field(description="The mapping row.")
    codes: str | None = strawberry.field(description="The code table that translated it; null where none did.")
    value: str = strawberry.field(description="Its value, masked unless it is a code table's.")


@strawberry.type(description="A flag of a value: a code that no table knows.")
class MappedFlag:
    code: str = strawberry.field(description="unknown-code.")
    where: str = strawberry.field(description="The field of the message.")
    table: str | None = strawberry.field(description="The code table that was asked; null where none was.")


@strawberry.type(description="A FHIR resource that a message becomes.")
class MappedResource:
    kind: str = strawberry.field(description="The FHIR type.")
    patient: int | None = strawberry.field(description="Of which patient of the message, from 1; null: of none.")
    path: str = strawberry.field(description="Where in the message it stands.")
    row: str = strawberry.field(description="The mapping rows that read it.")
    elements: list[MappedElement] = strawberry.field(description="Its elements.")
    flags: list[MappedFlag] = strawberry.field(description="What a reader should know of its values.")


@strawberry.type(description="A message taken apart, by the profile and the mapping as they are now.")
class MessageReading:
    charset: MessageCharset | None = strawberry.field(description="Its character set; null for what is not HL7 v2.")
    segments: list[MessageSegment] = strawberry.field(description="Its segments; none for what is not HL7 v2.")
    becomes: list[MappedResource] = strawberry.field(description="What it becomes.")
    unread: list[str] = strawberry.field(
        description="The fields that say something which no mapping row reads and nobody ignores: OBX[2]-13."
    )
    problem: MessageProblem | None = strawberry.field(description="Why it cannot be read now; null where it can be.")
    findings: list[MessageProblem] = strawberry.field(description="What of its entries cannot be taken.")


@strawberry.type(name="Message", description="What a source sent, and what has become of it.")
class MessageType(Node):
    key: strawberry.Private[UUID]
    uuid: strawberry.ID = strawberry.field(description="Its id as `hub message list` shows it.")
    source: str | None = strawberry.field(description="Which source sent it; null where no profile fits.")
    transport: MessageTransport = strawberry.field(description="The way it came.")
    format: MessageFormat = strawberry.field(description="How its bytes are written.")
    kind: str | None = strawberry.field(description="ADT^A01, transaction; null where it could not be read.")
    control_id: str | None = strawberry.field(description="MSH-10, or what else its sender calls it; null: nothing.")
    received_at: datetime = strawberry.field(description="When it was kept.")
    size: int = strawberry.field(description="Its bytes.")
    fate: MessageFate = strawberry.field(description="What has become of it.")
    changed_at: datetime = strawberry.field(description="Since when that is so.")
    attempts: int = strawberry.field(description="How often it was taken in, replays among them.")
    retry_at: datetime | None = strawberry.field(description="When it is tried again after a passing fault; else null.")
    repeats: int = strawberry.field(description="How often the same came again, and was not stored.")
    repeated_at: datetime | None = strawberry.field(description="When it last came again; null where it did not.")
    problem: MessageProblem | None = strawberry.field(description="Why it is parked; null where it is not.")
    findings: list[MessageProblem] = strawberry.field(description="What is odd about it.")

    @field("What happened to it besides being kept and merged, the first first.")
    async def steps(self, info: Info) -> list[MessageStep]:
        rows = await info.context.loaders.by(care.list_steps).load(self.key)
        return [_step(row) for row in rows]

    @field("What it wrote into records.")
    async def wrote(self, info: Info) -> list[MessageFact]:
        rows = await info.context.loaders.by(care.list_touched).load(self.key)
        return [_fact(row) for row in rows]

    @field(
        f"It, taken apart; null where its bytes are no longer kept. At most {care.MOST_TAKEN_APART} messages of one "
        "answer can be."
    )
    async def reading(self, info: Info) -> MessageReading | None:
        message = await info.context.loaders.by(care.list_whole).load(self.key)
        anatomist = info.context.means.anatomist
        if message is None or anatomist is None:
            return None
        return _reading(await asyncio.to_thread(anatomist.dissect, message))


# -- rows and values, as they are shown ------------------------------------------------------------------------------


def message_from(row: RowMapping) -> MessageType:
    """A message out of its row."""
    return MessageType(
        key=row["id"],
        id=global_id("Message", row["id"]),
        uuid=strawberry.ID(str(row["id"])),
        source=row["source"] or None,
        transport=MessageTransport(row["transport"]),
        format=MessageFormat(row["format"]),
        kind=row["kind"] or None,
        control_id=row["control_id"] or None,
        received_at=row["received_at"],
        size=row["size"],
        fate=MessageFate(row["fate"]),
        changed_at=row["changed_at"],
        attempts=row["attempts"],
        retry_at=row["retry_at"],
        repeats=row["repeats"],
        repeated_at=row["repeated_at"],
        problem=problem_from(inbox.refusal_from(row["refusal"])),
        findings=_problems(inbox.refusal_from(one) for one in row["findings"] or ()),
    )


def problem_from(refusal: Refusal | None) -> MessageProblem | None:
    """A refusal, as a problem of what it is about."""
    if refusal is None:
        return None
    return MessageProblem(
        code=refusal.code,
        message=Label(zh=refusal.message("zh"), en=refusal.message("en")),
        next_step=Label(zh=refusal.next_step("zh"), en=refusal.next_step("en")),
        where=refusal.where or None,
    )


def _problems(refusals: Iterable[Refusal | None]) -> list[MessageProblem]:
    return [problem for one in refusals if (problem := problem_from(one))]


def _step(row: RowMapping) -> MessageStep:
    return MessageStep(at=row["at"], kind=MessageStepKind(row["step"]), by=row["by"], code=row["code"] or None)


def _fact(row: RowMapping) -> MessageFact:
    english, chinese = SENTENCES[Reason(row["reason"])]
    return MessageFact(
        kind=row["kind"],
        path=row["path"],
        row=row["row"],
        resident_id=global_id("Resident", row["resident_id"]),
        reason=Label(zh=chinese, en=english),
    )


def _reading(anatomy: Anatomy) -> MessageReading:
    evidence = anatomy.evidence
    charset = None
    if evidence:
        charset = MessageCharset(codec=evidence.codec or None, because=evidence.because, where=evidence.where or None)
    return MessageReading(
        charset=charset,
        segments=[_segment(one) for one in anatomy.segments],
        becomes=[_resource(one) for one in anatomy.became],
        unread=list(anatomy.unread),
        problem=problem_from(anatomy.refusal),
        findings=_problems(anatomy.findings),
    )


def _segment(seen: SegmentSeen) -> MessageSegment:
    fields = [
        MessageField(position=one.position, name=one.name or None, datatype=one.datatype or None, value=one.value)
        for one in seen.fields
    ]
    return MessageSegment(name=seen.name, where=seen.where, line=seen.line, fields=fields)


def _resource(became: Became) -> MappedResource:
    return MappedResource(
        kind=became.kind,
        patient=became.patient or None,
        path=became.path,
        row=became.row,
        elements=[
            MappedElement(target=one.target, path=one.path, row=one.row, codes=one.codes or None, value=one.value)
            for one in became.elements
        ],
        flags=[MappedFlag(code=one.code, where=one.where, table=one.table or None) for one in became.flags],
    )
