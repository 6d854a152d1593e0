"""The one place where the parts meet: profiles, mappings and adapters become listeners, doors and a worker."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import cached_property
from importlib.resources import files
from pathlib import Path
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncEngine
from starlette.requests import Request
from starlette.routing import BaseRoute

from adapters.fhir import reading as fhir_reading
from adapters.fhir import validation as fhir_validation
from adapters.fhir.endpoint import FhirEndpoint, Outcome
from adapters.files.door import FileDoor
from adapters.files.reading import Checks, FilesRead, read_files
from adapters.files.sheet import NamedFile
from adapters.hl7v2 import validation as v2_validation
from adapters.hl7v2.charset import DEFAULT, codec_of, decode
from adapters.hl7v2.checks import DoorCheck, Rule, Sibling
from adapters.hl7v2.dictionary import Dictionary
from adapters.hl7v2.framing import Frame
from adapters.hl7v2.header import read_header
from adapters.hl7v2.listener import MllpListener
from adapters.hl7v2.reading import read as read_v2
from adapters.hl7v2.reception import Reception
from adapters.ingest import IngestEndpoint
from hub.access import check_may_send
from hub.api.routes import create_routes
from hub.checking import CheckingProcess
from hub.conformance import Conformance
from hub.errors import Refusal, Refused, refuse
from hub.events import SETTLED, EventFeed
from hub.followups import load_ladder
from hub.identifiers import read_citizen_id
from hub.ids import new_id
from hub.intake import Desk
from hub.keeping import Keeper
from hub.mapping.bundles import SUPPORTED
from hub.mapping.codes import load_kinds
from hub.mapping.door import Question, questions
from hub.mapping.library import load_mappings
from hub.message import Arrival, Fate, FhirMessage, Format, Message, Source, Transport
from hub.policy import load_programme, policy_folders
from hub.programme.reactions import Due, reactions
from hub.record import Json, Reading
from hub.settings import Settings
from hub.sources import SourceBook, load_sources
from hub.store import inbox
from hub.timekeeping import Timekeeper
from hub.tokens import Keyring
from hub.worker import Worker

_LOOK_SECONDS = 1.0
"""How often a waiting request looks for its outcome though nobody woke it."""
_INLINE_BYTES = 8 * 1024
"""A FHIR body up to this size is validated at once; a larger one would hold up the loop and goes to the pool."""


class Hub:
    """Everything that reads, keeps and merges, over one database and one folder of profiles."""

    def __init__(self, settings: Settings, engine: AsyncEngine, doors: AsyncEngine | None = None) -> None:
        self.settings = settings
        self.engine = engine
        base = Path(str(files("mappings")))
        self.kinds = load_kinds(base / "codes")
        found = _load_sources(settings)
        self.sources = SourceBook({name: source for name, (source, _) in found.items()})
        self.mappings = load_mappings(base, found, Dictionary())
        self.programme = load_programme(settings.region, policy_folders(settings.config_dir))
        self.ladder = load_ladder(policy_folders(settings.config_dir), settings.region)
        self.keyring = Keyring.open(settings.home / "keys")
        self.feed = EventFeed(engine)
        self.keeper = Keeper(doors or engine)  # readers who hold every connection must not make the doors deaf
        self.conformance = Conformance(engine, self._findings_of, self._fault_of, settings.validate_share)
        organisations = {name: source.organisation_id for name, source in self.sources.by_name.items()}
        reacting = reactions(self.programme, self.ladder, organisations)
        self.desk = Desk(kinds=self.kinds, source_of=self.source_of, read=self.read, reactions=reacting)
        self.worker = Worker(engine, self.desk, self.keeper.kept)
        due = Due(self.ladder, organisations)
        self.timekeeper = Timekeeper(engine, [due.agreements, due.follow_ups, due.slots, due.referrals])
        self._doors: dict[str, DoorCheck] = {}
        self.checking = CheckingProcess()

    # -- reading, on the worker's side -------------------------------------------------------------------------------

    def source_of(self, message: Message) -> Source:
        """Who sent a kept message. One that no profile fitted when it came is asked again: there may be one by now.

        Raises Refused (unknown-source).
        """
        if message.source in self.sources.by_name:
            return self.sources.by_name[message.source]
        if message.source or message.format is not Format.HL7V2:
            raise refuse("unknown-source", "source")
        header = read_header(message.raw)
        return self.sources.find_sender(header.application, header.facility)

    def read(self, message: Message, source: Source) -> tuple[Reading, Mapping[str, Refusal]]:
        """A kept message, parsed and mapped. Raises Refused where it cannot be."""
        if message.format is Format.FHIR:
            return self._read_fhir(message, source)
        reading = self.mappings.v2[source.name].read(
            read_v2(message.raw, source.charset or DEFAULT), message.received_at
        )
        self.conformance.offer(message, reading)
        return reading, {}

    def _read_fhir(self, message: Message, source: Source) -> tuple[Reading, Mapping[str, Refusal]]:
        """The door has validated the body; what it refused in a batch is left out here. A replay is validated anew:
        the door may have refused it."""
        method, _, kind = message.kind.rpartition(" ")
        asked = {"kind": kind if kind in SUPPORTED else "", "method": method or "POST"}
        if message.attempts:
            parsed = fhir_validation.validate_body(message.raw, SUPPORTED, **asked)
        else:
            parsed = _without(fhir_reading.read(message.raw, supported=SUPPORTED, **asked), message.findings)
        return self.mappings.fhir[source.name].read(parsed, message.received_at)

    # -- the doors ---------------------------------------------------------------------------------------------------

    @cached_property
    def listener(self) -> MllpListener:
        """The MLLP listener; its reception keeps every frame before it is acknowledged."""
        settings = self.settings
        return MllpListener(
            self._reception(self._find_sender, Transport.MLLP),
            host=settings.bind,
            port=settings.mllp_port,
            max_bytes=settings.max_message_bytes,
            idle_seconds=settings.mllp_idle_seconds,
            max_connections=settings.mllp_connections,
        )

    def routes(self) -> Sequence[BaseRoute]:
        """The routes of GraphQL, FHIR and ingest."""
        fhir = FhirEndpoint(
            who=self._who,
            validate=self._validate,
            keep=self.keep,
            wait=self._wait,
            find=self._find,
            max_bytes=self.settings.max_message_bytes,
            wait_seconds=self.settings.fhir_wait_seconds,
        )
        files = FileDoor(
            read=self._read_files, keep=self._keep_all, wait=self._wait, wait_seconds=self.settings.fhir_wait_seconds
        )
        ingest = IngestEndpoint(
            who=self._who, answer=self._answer, fhir=fhir, files=files, max_bytes=self.settings.max_message_bytes
        )
        graphql = create_routes(
            engine=self.engine,
            keyring=self.keyring,
            feed=self.feed,
            kinds=self.kinds,
            programme=self.programme,
            ladder=self.ladder,
            kept=self.keeper.kept,
        )
        return [*graphql, *fhir.routes(), *ingest.routes()]

    async def keep(self, arrival: Arrival) -> UUID:
        """Commit a message; the worker is woken by it."""
        return await self.keeper.keep(arrival)

    async def _answer(self, frame: Frame, source: Source) -> bytes | None:
        """A v2 message that came over HTTP, from a source that its token names."""
        return await self._reception(lambda *_: source, Transport.INGEST)(frame)

    def _reception(self, find_source: Callable[[str, str], Source], transport: Transport) -> Reception:
        return Reception(
            find_source=find_source,
            kinds=lambda source: self.mappings.v2[source.name].plans,
            door=self._door,
            keep=self.keep,
            clock=lambda: datetime.now(UTC).astimezone(),
            new_control_id=lambda: new_id().hex[-20:],
            language=self.settings.locale,
            transport=transport,
        )

    def _find_sender(self, application: str, facility: str) -> Source:
        source = self.sources.find_sender(application, facility)
        return self.sources.get(source.name, Transport.MLLP)

    def _door(self, source: Source) -> DoorCheck:
        if source.name not in self._doors:
            asked = questions(self.mappings.v2[source.name])
            self._doors[source.name] = DoorCheck(_rule(question) for question in asked)
        return self._doors[source.name]

    def _who(self, request: Request, transport: Transport) -> Source:
        """The source that a request's token may send for. Raises Refused."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            raise refuse("no-token")
        viewer = self.keyring.read(token.strip(), datetime.now(UTC))
        name = str(request.path_params.get("source") or viewer.source)
        check_may_send(viewer, name)
        return self.sources.get(name, transport)

    async def _validate(self, body: bytes, kind: str, method: str, identifier: str) -> FhirMessage:
        arguments = (body, SUPPORTED, kind, method, identifier)
        if len(body) <= _INLINE_BYTES:
            return fhir_validation.validate_body(*arguments)
        return await self.checking.run(fhir_validation.validate_body, *arguments)

    async def _read_files(self, files: Sequence[NamedFile], source: Source) -> FilesRead:
        """Files, read and validated; large ones in the checking process."""
        if sum(len(file.raw) for file in files) <= _INLINE_BYTES:
            return _read_files(files, source)
        return await self.checking.run(_read_files, files, source)

    async def _keep_all(self, arrivals: Sequence[Arrival]) -> Sequence[UUID]:
        return await asyncio.gather(*(self.keep(arrival) for arrival in arrivals))

    async def _wait(self, key: UUID, seconds: float) -> Outcome | None:
        """What became of a kept message, as soon as it is settled; None where the seconds are over."""
        deadline = asyncio.get_running_loop().time() + seconds
        with self.feed.watch(SETTLED) as watch:  # made before the first look, so that no wake is missed
            while (outcome := await self._outcome(key)) is None:
                left = deadline - asyncio.get_running_loop().time()
                if left <= 0:
                    return None
                await watch.next(min(left, _LOOK_SECONDS))
        return outcome

    async def _find(self, key: UUID, source: str) -> Outcome | None:
        """The outcome of a message of this source; None while it waits. Raises Refused (not-found)."""
        async with self.engine.connect() as connection:
            message = await inbox.find_message(connection, key)
        if message is None or message.source != source:
            raise refuse("not-found", "status")
        return await self._outcome(key)

    async def _outcome(self, key: UUID) -> Outcome | None:
        async with self.engine.connect() as connection:
            row = (await inbox.find_fates(connection, [key])).get(key)
        if row is None or row["fate"] == Fate.KEPT:
            return None
        findings = tuple(refusal for one in row["findings"] or () if (refusal := inbox.refusal_from(one)))
        return Outcome(kind=row["fate"], refusal=inbox.refusal_from(row["refusal"]), findings=findings)

    # -- off the path ------------------------------------------------------------------------------------------------

    async def _findings_of(self, message: Message) -> Sequence[Json]:
        """What the standard says of a parked v2 message."""
        try:
            header = read_header(message.raw)
            text = decode(message.raw, header, self.sources.by_name[message.source].charset or DEFAULT)
            found = await self.checking.run(v2_validation.findings_in, text, header.version)
        except (Refused, KeyError):
            return []
        given = [{"reason": finding.message} for finding in found]
        return [
            {"code": "not-conformant", "where": finding.position, "given": reason}
            for finding, reason in zip(found, given, strict=True)
        ]

    async def _fault_of(self, resource: Json) -> Json | None:
        """The first fault of a mapped resource."""
        return inbox.refusal_json(await self.checking.run(fhir_validation.check, resource))

    def close(self) -> None:
        """End the checking process."""
        self.checking.close()


def _without(message: FhirMessage, findings: Sequence[Refusal]) -> FhirMessage:
    """A batch with the door's refusals at their entries."""
    refused = {finding.where.split("].", 1)[0]: finding for finding in findings}
    entries = [
        replace(entry, refusal=entry.refusal or refused.get(entry.where.split("].", 1)[0])) for entry in message.entries
    ]
    return replace(message, entries=tuple(entries))


def _rule(question: Question) -> Rule:
    return Rule(
        segment=question.segment,
        field=question.field,
        component=question.component,
        check=question.passes,
        refusal_code=question.refusal,
        each=question.each,
        when=Sibling(component=5, values=question.types) if question.types else None,
    )


def read_named_files(settings: Settings, source: str, files: Mapping[str, bytes]) -> tuple[FilesRead, Source]:
    """What files hold that a source's people load by hand, and the source. Raises Refused (unknown-source, not-allowed,
    bad-profile); what is wrong with the files stands in the result."""
    book = SourceBook({name: one for name, (one, _) in _load_sources(settings).items()})
    sender = book.get(source, Transport.FILE)
    return _read_files([NamedFile(name=name, raw=raw) for name, raw in files.items()], sender), sender


def _read_files(files: Sequence[NamedFile], source: Source) -> FilesRead:
    return read_files(files, source, Checks(is_number=_is_number, validate=_check_bundle))


def _is_number(kind: str, text: str) -> bool:
    return kind != "citizen-id" or read_citizen_id(text) is not None


def _check_bundle(body: bytes) -> None:
    fhir_validation.validate_body(body, SUPPORTED)


def _load_sources(settings: Settings) -> dict[str, tuple[Source, Path]]:
    base = Path(str(files("mappings")))
    folders = [base / "sources", *([settings.config_dir / "sources"] if settings.config_dir else [])]
    return load_sources(folders, load_kinds(base / "codes"), lambda name: codec_of(name) is not None)
