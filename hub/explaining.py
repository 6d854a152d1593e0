"""``hub explain``: a file taken in by the real doors and the real merge, in a transaction that is rolled back.

So what it tells is what would happen, and nothing is written: no row, no number of a sequence, no wake.
"""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from starlette.applications import Starlette
from starlette.types import Message as AsgiMessage

from hub.anatomy import Anatomy
from hub.errors import Refusal, Refused, refuse
from hub.ids import new_id
from hub.intake import take_in
from hub.message import Arrival, Format, Kept, Message, Source, Transport
from hub.profiles.samples import v2_messages
from hub.record import Reading
from hub.settings import Settings
from hub.store import inbox, people, trial
from hub.wiring import Behind, Doors, Hub, Outcome

_TYPES = {Format.HL7V2: "application/hl7-v2", Format.FHIR: "application/fhir+json", Format.CDA: "application/xml"}
_CSV = "text/csv"
_LEAD = b"\xef\xbb\xbf\x0b\r\n\t "


@dataclass(frozen=True, kw_only=True, slots=True)
class Person:
    """Whom a patient of the message would be: a resident, new or known, and why. `is_decided`: by this message.
    `weights` are what speaks for and against it, where persons were compared."""

    resident_id: UUID
    is_new: bool
    is_decided: bool
    grade: str
    reason: str
    weights: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Tried:
    """One message, as it would be taken. `refusal` is why it would be parked, by the door where `at_the_door`;
    `repeats` is the message that says the same already: then nothing would be stored."""

    message: Message
    anatomy: Anatomy
    refusal: Refusal | None
    at_the_door: bool
    findings: tuple[Refusal, ...]
    repeats: UUID | None = None
    people: tuple[Person, ...] = ()
    reviews: tuple[RowMapping, ...] = ()
    changes: tuple[RowMapping, ...] = ()
    steps: tuple[RowMapping, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Answered:
    """What one sending would be answered with: an HTTP status and a body (of v2, the acknowledgement; "" where no
    source is known), and the messages that it holds. `refusal`: why no door would have taken it as a source's."""

    source: Source | None
    format: Format
    status: int = 0
    body: bytes = b""
    tried: tuple[Tried, ...] = ()
    refusal: Refusal | None = None


async def explain(settings: Settings, engine: AsyncEngine, name: str, raw: bytes, source: str = "") -> list[Answered]:
    """What would become of a file: one answer for each v2 message of it, else one for all.

    Raises Refused (nothing-explained, unknown-source, bad-argument).
    """
    async with engine.connect() as connection:
        transaction = await connection.begin()
        hub = _Trial(settings, engine, connection)
        try:
            await trial.begin(connection)
            return [await _answered(hub, one) for one in _sendings(hub.hub, name, raw, source)]
        finally:
            hub.hub.close()
            await transaction.rollback()


@dataclass(frozen=True, kw_only=True, slots=True)
class _Sending:
    raw: bytes
    format: Format
    type: str
    source: Source | None = None
    refusal: Refusal | None = None


class _Trial:
    """The doors of a hub behind which everything is kept and merged in one transaction, at once."""

    def __init__(self, settings: Settings, engine: AsyncEngine, connection: AsyncConnection) -> None:
        self.hub = Hub(settings, engine)
        behind = Behind(keep=self.keep, wait=self._wait, find=self._find, sender=self._sender)
        self.doors = Doors(settings, self.hub.profiles, self.hub.checking, behind)
        self._connection = connection
        self._turn = asyncio.Lock()
        self._residents: set[UUID] = set()
        self.tried: list[Tried] = []

    async def keep(self, arrival: Arrival) -> Kept:
        """Keep a message and merge it, for the time being."""
        async with self._turn:
            key = new_id()
            (kept,) = await inbox.keep(self._connection, [(key, arrival)])
            if kept.is_repeat:  # to be explained all the same: under no name, it is a message like any other
                arrival = replace(arrival, control_id="")
                await inbox.keep(self._connection, [(key, arrival)])
            message = _message(key, arrival)
            if kept.refusal is None:
                await self._merge(message)
            self.tried.append(await self._told(message, kept))
            return kept

    async def _merge(self, message: Message) -> None:
        try:
            async with self._connection.begin_nested():
                await take_in(self._connection, [message], self.hub.desk)
        except Refused as refused:  # the programme cannot do what it asks for
            await self._park(message.id, refused.refusal)
        except DBAPIError as fault:
            kind = type(fault.orig).__name__ if fault.orig else type(fault).__name__
            await self._park(message.id, refuse("internal", reference=kind).refusal)

    async def _park(self, key: UUID, refusal: Refusal) -> None:
        because = inbox.refusal_json(refusal)
        row = {"of": key, "becomes": "parked", "in_lane": "", "because": because, "found": None}
        await inbox.settle(self._connection, [row])

    async def _told(self, message: Message, kept: Kept) -> Tried:
        row = (await inbox.find_fates(self._connection, [message.id]))[message.id]
        found = (inbox.refusal_from(one) for one in row["findings"] or ())
        return Tried(
            message=message,
            anatomy=self.hub.anatomist.dissect(message, reveal=True),  # they who ask hold the file
            refusal=kept.refusal or inbox.refusal_from(row["refusal"]),
            at_the_door=kept.refusal is not None,
            findings=tuple(one for one in found if one),
            repeats=kept.id if kept.is_repeat else None,
            people=await self._people(message),
            reviews=tuple(await trial.list_reviews(self._connection, message.id)),
            changes=tuple(await trial.list_changes(self._connection, message.id)),
            steps=tuple(await trial.list_steps(self._connection, message.id)),
        )

    async def _people(self, message: Message) -> tuple[Person, ...]:
        """Whom the patients of a message are by now; nobody where it cannot be read."""
        try:
            source = self.hub.source_of(message)
            reading, _ = self.hub.reader.read_only(message, source)
        except Refused:
            return ()
        known = await people.find_patients(self._connection, _numbers(reading, source))
        patients = list(dict.fromkeys(one.patient_id for one in known.values()))
        rows = await trial.list_standing(self._connection, patients, message.id)
        found = tuple(
            Person(
                resident_id=row["resident_id"],
                is_new=row["is_new"] and row["resident_id"] not in self._residents,
                is_decided=row["is_decided"],
                grade=row["grade"],
                reason=row["reason"],
                weights=tuple(row["weights"] or ()),
            )
            for row in rows
        )
        self._residents |= {one.resident_id for one in found}
        return found

    def _sender(self, token: str, name: str, transport: Transport) -> Source:
        return self.hub.sources.by_name[name]  # whoever explains a file stands behind it

    async def _look(self, key: UUID) -> Outcome | None:
        row = (await inbox.find_fates(self._connection, [key]))[key]
        if row["fate"] == "kept":
            return None
        found = (inbox.refusal_from(one) for one in row["findings"] or ())
        refusal = inbox.refusal_from(row["refusal"])
        return Outcome(kind=row["fate"], refusal=refusal, findings=tuple(one for one in found if one))

    async def _wait(self, key: UUID, seconds: float) -> Outcome | None:
        return await self._look(key)

    async def _find(self, key: UUID, source: str) -> Outcome | None:
        return await self._look(key)


def _message(key: UUID, arrival: Arrival) -> Message:
    return Message(
        id=key,
        source=arrival.source,
        transport=arrival.transport,
        format=arrival.format,
        raw=arrival.raw,
        received_at=datetime.now(UTC),
        kind=arrival.kind,
        control_id=arrival.control_id,
        findings=arrival.findings,
    )


def _numbers(reading: Reading, source: Source) -> list[tuple[str, str, str]]:
    return [(source.name, one.system, one.value) for part in reading.parts for one in part.numbers]


# -- what a file is --------------------------------------------------------------------------------------------------


def _sendings(hub: Hub, name: str, raw: bytes, source: str) -> Iterator[_Sending]:
    """What would be sent: each v2 message alone, anything else as it is. Raises Refused (nothing-explained,
    unknown-source, bad-argument)."""
    body = raw.lstrip(_LEAD)
    asked = _named(hub, source) if source else None
    if body[:1] in (b"{", b"["):
        yield _of(hub, raw, Format.FHIR, _TYPES[Format.FHIR], asked)
    elif body[:1] == b"<":
        yield _of(hub, raw, Format.CDA, _TYPES[Format.CDA], asked)
    elif found := list(v2_messages(body)):
        for one in found:
            yield _v2(hub, one, asked)
    elif name.lower().endswith(".csv"):
        yield _of(hub, raw, Format.FHIR, _CSV, asked)
    else:
        raise refuse("nothing-explained", name)


def _named(hub: Hub, name: str) -> Source:
    if name not in hub.sources.by_name:
        raise refuse("unknown-source", "--source")
    return hub.sources.by_name[name]


def _of(hub: Hub, raw: bytes, format_: Format, type_: str, asked: Source | None) -> _Sending:
    """What says nothing of its sender: it is the one who was named, or the only one who sends such."""
    sending = [one for one in hub.sources.by_name.values() if one.speaks(format_)]
    if asked is None and len(sending) != 1:
        known = ", ".join(sorted(one.name for one in sending))
        raise refuse("bad-argument", "--source", reason=f"name one of {known}")
    return _Sending(raw=raw, format=format_, type=type_, source=asked or sending[0])


def _v2(hub: Hub, raw: bytes, asked: Source | None) -> _Sending:
    """A v2 message, whose sender is in its header."""
    sending = _Sending(raw=raw, format=Format.HL7V2, type=_TYPES[Format.HL7V2], source=asked)
    if asked is None:
        try:
            sending = replace(sending, source=hub.source_of(_message(new_id(), _unknown(raw))))
        except Refused as refused:
            sending = replace(sending, refusal=refused.refusal)
    return sending


def _unknown(raw: bytes) -> Arrival:
    return Arrival(source="", transport=Transport.MLLP, format=Format.HL7V2, raw=raw)


# -- sending it ------------------------------------------------------------------------------------------------------


async def _answered(hub: _Trial, sending: _Sending) -> Answered:
    if sending.source is None:
        return Answered(source=None, format=sending.format, refusal=sending.refusal)
    hub.tried = []
    status, body = await _post(hub, f"/ingest/{sending.source.name}", sending)
    return Answered(source=sending.source, format=sending.format, status=status, body=body, tried=tuple(hub.tried))


@dataclass(slots=True)
class _Heard:
    """What an application answers over ASGI."""

    status: int = 0
    body: list[bytes] = field(default_factory=list)

    async def __call__(self, message: AsgiMessage) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
        elif message["type"] == "http.response.body":
            self.body.append(message.get("body", b""))


async def _post(hub: _Trial, path: str, sending: _Sending) -> tuple[int, bytes]:
    """The door's answer. It is asked as a server would ask it (ASGI 3.0), so nothing stands between."""
    headers: Sequence[tuple[bytes, bytes]] = [
        (b"content-type", sending.type.encode()),
        (b"authorization", b"Bearer explain"),
        (b"host", b"hub"),
    ]
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": headers,
        "client": None,
        "server": ("hub", 80),
    }

    async def receive() -> AsgiMessage:
        return {"type": "http.request", "body": sending.raw, "more_body": False}

    heard = _Heard()
    await Starlette(routes=list(hub.doors.routes()))(scope, receive, heard)
    return heard.status, b"".join(heard.body)
