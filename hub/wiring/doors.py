"""The doors: whoever sends comes in by one of them, and nothing is answered that is not kept."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from typing import TypeAlias
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncEngine
from starlette.requests import Request
from starlette.routing import BaseRoute

from adapters.cda.door import DocumentDoor
from adapters.fhir.answers import refusal_response
from adapters.fhir.capability import RECORD_OPERATIONS
from adapters.fhir.endpoint import FhirEndpoint, Outcome
from adapters.fhir.examination import INLINE_BYTES, Examiner
from adapters.fhir.reading_out import answer_fault
from adapters.files.door import FileDoor
from adapters.files.reading import FilesRead
from adapters.files.sheet import NamedFile
from adapters.hl7v2.checks import DoorCheck, Rule, Sibling, check_address
from adapters.hl7v2.client import deliver
from adapters.hl7v2.framing import Frame
from adapters.hl7v2.listener import Limits, MllpListener
from adapters.hl7v2.reception import Reception
from adapters.hl7v2.tls import server_context
from adapters.ingest import IngestEndpoint
from adapters.soap.endpoint import SoapEndpoint
from hub.access import check_may_send
from hub.api.record_door import RecordDoor
from hub.checking import CheckingProcess
from hub.errors import refuse
from hub.ids import new_control_id
from hub.mapping.bundles import SUPPORTED
from hub.mapping.door import Question, questions
from hub.message import Arrival, Kept, Source, Transport
from hub.profiles import Profiles
from hub.settings import Settings
from hub.tokens import Keyring
from hub.wiring.profiles import read_files_of

Keep: TypeAlias = Callable[[Arrival], Awaitable[Kept]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Behind:
    """What stands behind the doors. `keep` returns when a message is committed; `wait` gives what became of it within
    the seconds, `find` to the source that sent it; `sender` is the source of a token, by name where one is asked for,
    that may send so, and raises Refused."""

    keep: Keep
    wait: Callable[[UUID, float], Awaitable[Outcome | None]]
    find: Callable[[UUID, str], Awaitable[Outcome | None]]
    sender: Callable[[str, str, Transport], Source]


def sender_by(keyring: Keyring, profiles: Profiles) -> Callable[[str, str, Transport], Source]:
    """Whose token it is, and whether they may send so. Raises Refused."""

    def sender(token: str, name: str, transport: Transport) -> Source:
        viewer = keyring.read(token, datetime.now(UTC))
        check_may_send(viewer, name or viewer.source)
        return profiles.now.book.get(name or viewer.source, transport)

    return sender


def kept_together(keep: Keep) -> Callable[[Sequence[Arrival]], Awaitable[Sequence[Kept]]]:
    """Keeping of several messages at once, so that they share a commit."""

    async def keep_all(arrivals: Sequence[Arrival]) -> Sequence[Kept]:
        return await asyncio.gather(*(keep(arrival) for arrival in arrivals))

    return keep_all


def record_door(engine: AsyncEngine, keyring: Keyring) -> RecordDoor:
    """The way out: what is read of a resident by FHIR."""
    return RecordDoor(engine=engine, keyring=keyring, refused=refusal_response, check=answer_fault)


class Doors:
    """The listener and the routes of what comes in."""

    def __init__(self, settings: Settings, profiles: Profiles, checking: CheckingProcess, behind: Behind) -> None:
        self._settings = settings
        self._profiles = profiles
        self._checking = checking
        self._behind = behind
        self._doors = profiles.made(lambda _: dict[str, DoorCheck]())

    @cached_property
    def listener(self) -> MllpListener:
        """The MLLP listener; its reception keeps every frame before it is acknowledged."""
        settings = self._settings
        tls = None
        if settings.mllp_tls_certificate:
            tls = server_context(settings.mllp_tls_certificate, settings.mllp_tls_key, settings.mllp_tls_client_ca)
        return MllpListener(
            self._reception(Transport.MLLP).receive,
            host=settings.bind,
            port=settings.mllp_port,
            limits=Limits(
                bytes=settings.max_message_bytes,
                idle=settings.mllp_idle_seconds,
                frame=settings.mllp_frame_seconds,
                silent=settings.mllp_silent_seconds,
                connections=settings.mllp_connections,
                of_one_address=settings.mllp_connections_of_address,
                together=settings.mllp_buffer_bytes,
            ),
            tls=tls,
            tls_port=settings.mllp_tls_port,
            shared=settings.mllp_port_shared,
        )

    def routes(self) -> Sequence[BaseRoute]:
        """The routes by which messages come: FHIR, ingest, SOAP."""
        fhir = FhirEndpoint(
            who=self._who,
            examine=Examiner(supported=SUPPORTED, run=self._checking.run),
            keep=self._behind.keep,
            wait=self._behind.wait,
            find=self._behind.find,
            supported=SUPPORTED,
            operations=RECORD_OPERATIONS,
            max_bytes=self._settings.max_message_bytes,
            wait_seconds=self._settings.fhir_wait_seconds,
        )
        files = FileDoor(
            read=self._read_files,
            keep=kept_together(self._behind.keep),
            wait=self._behind.wait,
            wait_seconds=self._settings.fhir_wait_seconds,
        )
        documents = DocumentDoor(keep=self._behind.keep)
        ingest = IngestEndpoint(
            who=self._who,
            answer=self._answer,
            find=self._behind.find,
            fhir=fhir,
            files=files,
            documents=documents,
            max_bytes=self._settings.max_message_bytes,
        )
        soap = SoapEndpoint(
            who=self._signed_in,
            answer=lambda frame, source: self._answer(frame, source, Transport.SOAP),
            documents=documents,
            keep=self._behind.keep,
            max_bytes=self._settings.max_message_bytes,
        )
        return [*fhir.routes(), *ingest.routes(), *soap.routes()]

    async def _answer(self, frame: Frame, source: Source, transport: Transport = Transport.INGEST) -> bytes | None:
        """A v2 message that came over HTTP, from a source that its token names."""
        return await replace(self._reception(transport), sender=source)(frame)

    def reception_of(
        self, source: Source, transport: Transport, keep: Callable[[Arrival], Awaitable[Kept]]
    ) -> Reception:
        """The v2 door of a source that is known by other means than MSH, which keeps with `keep`."""
        return replace(self._reception(transport), sender=source, keep=keep)

    def _reception(self, transport: Transport) -> Reception:
        return Reception(
            find_source=self._find_sender,
            kinds=lambda source: self._profiles.now.mappings.v2[source.name].plans,
            door=self._door,
            keep=self._behind.keep,
            wait=self._behind.wait,
            deliver=deliver,
            wait_seconds=self._settings.mllp_application_seconds,
            most_segments=self._settings.max_segments,
            clock=lambda: datetime.now(UTC),
            new_control_id=new_control_id,
            language=self._settings.locale,
            transport=transport,
        )

    def _find_sender(self, application: str, facility: str) -> Source:
        source = self._profiles.now.book.find_sender(application, facility)
        return self._profiles.now.book.get(source.name, Transport.MLLP)

    def _door(self, source: Source) -> DoorCheck:
        doors = self._doors()
        if source.name not in doors:
            asked = questions(self._profiles.now.mappings.v2[source.name])
            doors[source.name] = DoorCheck(_rule(question) for question in asked)
        return doors[source.name]

    def _who(self, request: Request, transport: Transport) -> Source:
        """The source that a request's token may send for. Raises Refused."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            raise refuse("no-token")
        return self._signed_in(request, token.strip(), transport)

    def _signed_in(self, request: Request, token: str, transport: Transport = Transport.SOAP) -> Source:
        """The source that a token may send for, from where the request came. Behind a proxy that is the proxy: what a
        header says of the way before it anybody may write. Raises Refused."""
        source = self._behind.sender(token, str(request.path_params.get("source") or ""), transport)
        if request.client is not None:
            check_address(request.client.host, source, "source")
        return source

    async def _read_files(self, files: Sequence[NamedFile], source: Source) -> FilesRead:
        """Files, read and validated; large ones in the checking process."""
        if sum(len(file.raw) for file in files) <= INLINE_BYTES:
            return read_files_of(files, source)
        return await self._checking.run(read_files_of, files, source)


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
