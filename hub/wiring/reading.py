"""Reading on the worker's side: who sent a message, what it says, and what the standard says of it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property

from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.cda.document import read_whole
from adapters.fhir import places as fhir_places
from adapters.fhir import reading as fhir_reading
from adapters.fhir import validation as fhir_validation
from adapters.hl7v2 import places as v2_places
from adapters.hl7v2 import validation as v2_validation
from adapters.hl7v2.autopsy import autopsy
from adapters.hl7v2.charset import DEFAULT, decode
from adapters.hl7v2.dictionary import Dictionary
from adapters.hl7v2.evidence import evidence_of
from adapters.hl7v2.header import read_header
from adapters.hl7v2.reading import read as read_v2
from hub.anatomy import Anatomist
from hub.checking import CheckingProcess
from hub.conformance import Conformance
from hub.errors import Refusal, Refused, refuse
from hub.mapping.bundles import SUPPORTED
from hub.mapping.library import Mappings
from hub.message import BytePlace, FhirMessage, Format, Message, Source
from hub.profiles import Profiles
from hub.record import Json, Reading
from hub.sources import SourceBook
from hub.store import inbox


class Reader:
    """Reads kept messages by the profiles as they stand now: these are never kept beyond one use, they may be read
    anew."""

    def __init__(self, profiles: Profiles, checking: CheckingProcess, engine: AsyncEngine, share: float) -> None:
        self._profiles = profiles
        self._checking = checking
        self.conformance = Conformance(engine, self._findings_of, self._fault_of, share)

    @property
    def sources(self) -> SourceBook:
        """Who may send."""
        return self._profiles.now.book

    @property
    def mappings(self) -> Mappings:
        """How each source's messages are read."""
        return self._profiles.now.mappings

    def source_of(self, message: Message) -> Source:
        """Who sent a kept message. One that no profile fitted when it came is asked again: there may be one by now.

        Raises Refused (unknown-source).
        """
        return self._profiles.retried(lambda: self._sender_of(message))

    def _sender_of(self, message: Message) -> Source:
        if message.source in self.sources.by_name:
            return self.sources.by_name[message.source]
        if message.source or message.format is not Format.HL7V2:
            raise refuse("unknown-source", "source")
        header = read_header(message.raw)
        return self.sources.find_sender(header.application, header.facility)

    def read(self, message: Message, source: Source) -> tuple[Reading, Mapping[str, Refusal]]:
        """A kept message, parsed and mapped. Raises Refused where it cannot be."""
        reading, findings = self._profiles.retried(
            lambda: self.read_only(message, self.sources.by_name.get(source.name, source))
        )
        self.conformance.offer(message, reading)
        return reading, findings

    def read_only(self, message: Message, source: Source) -> tuple[Reading, Mapping[str, Refusal]]:
        """As `read`, by the profile as it is handed in, and without a sample being checked."""
        if message.format is Format.FHIR:
            return self._read_fhir(message, source)
        if message.format is Format.CDA:
            if (mapping := self.mappings.cda.get(source.name)) is None:
                raise refuse("no-mapping", format="CDA")
            return mapping.read(read_whole(message.raw), message.received_at), {}
        parsed = read_v2(message.raw, source.charset or DEFAULT)
        return self.mappings.v2[source.name].read(parsed, message.received_at), {}

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

    @cached_property
    def anatomist(self) -> Anatomist:
        """Takes messages apart for whoever looks at them."""
        return Anatomist(
            source_of=self.source_of,
            read=self.read_only,
            tokenize=read_v2,
            evidence_of=evidence_of,
            dictionary=Dictionary(),
            autopsy=autopsy,
            locate=located,
        )

    # -- off the path ------------------------------------------------------------------------------------------------

    async def _findings_of(self, message: Message) -> Sequence[Json]:
        """What the standard says of a parked v2 message."""
        try:
            header = read_header(message.raw)
            text = decode(message.raw, header, self.sources.by_name[message.source].charset or DEFAULT)
            found = await self._checking.run(v2_validation.findings_in, text, header.version)
        except (Refused, KeyError):
            return []
        given = [{"reason": finding.message} for finding in found]
        return [
            {"code": "not-conformant", "where": finding.position, "given": reason}
            for finding, reason in zip(found, given, strict=True)
        ]

    async def _fault_of(self, resource: Json) -> Json | None:
        """The first fault of a mapped resource."""
        return inbox.refusal_json(await self._checking.run(fhir_validation.check, resource))


def located(message: Message, charset: str, paths: Sequence[str]) -> Mapping[str, BytePlace]:
    """Where positions stand among the bytes of a message. Those of a document are paths of its data elements, which
    stand wherever its writer put them: none is told."""
    if message.format is Format.HL7V2:
        return v2_places.locate(message.raw, charset, paths)
    return fhir_places.locate(message.raw, paths) if message.format is Format.FHIR else {}


def _without(message: FhirMessage, findings: Sequence[Refusal]) -> FhirMessage:
    """A batch with the door's refusals at their entries."""
    refused = {finding.where.split("].", 1)[0]: finding for finding in findings}
    entries = [
        replace(entry, refusal=entry.refusal or refused.get(entry.where.split("].", 1)[0])) for entry in message.entries
    ]
    return replace(message, entries=tuple(entries))
