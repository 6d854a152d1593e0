"""One frame in, one acknowledgement out: the order of receiving, on one screen."""

import re
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import structlog

from adapters.hl7v2.acknowledgement import acknowledge
from adapters.hl7v2.charset import decode
from adapters.hl7v2.checks import DoorCheck
from adapters.hl7v2.framing import Frame
from adapters.hl7v2.header import Header, read_header
from adapters.hl7v2.tokenizer import tokenize
from hub.errors import Language, Refusal, Refused, refuse
from hub.message import Arrival, Format, Source, Transport, plain

log = structlog.get_logger()


@dataclass(frozen=True, kw_only=True, slots=True)
class Reception:
    """Keeps every frame and answers it; an instance is an `MllpListener`'s `answer`.

    `find_source` takes MSH-3.1 and MSH-4.1 and raises `Refused` where no profile fits. `kinds` are the
    message kinds the source may send. `keep` returns when the bytes are committed. `clock` gives a time with
    zone, `new_control_id` a new MSH-10 (at most 20 characters, HL7 v2.4).
    """

    find_source: Callable[[str, str], Source]
    kinds: Callable[[Source], Collection[str]]
    door: Callable[[Source], DoorCheck]
    keep: Callable[[Arrival], Awaitable[UUID]]
    clock: Callable[[], datetime]
    new_control_id: Callable[[], str]
    language: Language = "en"
    transport: Transport = Transport.MLLP

    async def __call__(self, frame: Frame) -> bytes | None:
        """The acknowledgement, unframed, or None where none is due.

        Refused messages are kept too, and before they are answered. Where keeping fails the answer is AE
        "not-kept" and the sender has to send again: AA is only ever said of bytes that are committed.
        """
        header, source, refusal = self._examined(frame)
        control_id = self.new_control_id()
        arrival = Arrival(
            source=source,
            transport=self.transport,
            format=Format.HL7V2,
            raw=frame.content,
            kind=shown_kind(header.kind) if header else "",
            control_id=plain(header.control_id) if header else "",
            refusal=refusal,
        )
        try:
            await self.keep(arrival)
        except Exception as error:  # whatever it is, the sender must not take its message for kept
            log.error("message-not-kept", reference=control_id, fault=type(error).__name__)
            refusal = refuse("not-kept").refusal
        if not _is_due(header, frame):
            return None
        return acknowledge(header, at=self.clock(), control_id=control_id, refusal=refusal, language=self.language)

    def _examined(self, frame: Frame) -> tuple[Header | None, str, Refusal | None]:
        """The header, the name of the source ("" where unknown) and what is to be refused."""
        header, name = None, ""
        try:
            header = read_header(frame.content)
            source = self.find_source(header.application, header.facility)
            name = source.name
            return header, name, frame.fault or self._fault(frame.content, header, source)
        except Refused as refused:
            return header, name, frame.fault or refused.refusal
        except Exception as error:  # a fault of ours must not lose the bytes: they are kept, parked and replayed
            reference = self.new_control_id()
            log.error("message-not-examined", reference=reference, fault=type(error).__name__, at=_place(error))
            return header, name, refuse("internal", reference=reference).refusal

    def _fault(self, raw: bytes, header: Header, source: Source) -> Refusal | None:
        if header.kind.startswith("ACK"):
            return None
        self._check_header(header, source)
        message = tokenize(decode(raw, header, source.charset))
        return self.door(source).first_fault(message)

    def _check_header(self, header: Header, source: Source) -> None:
        if not header.kind:
            raise refuse("missing-field", "MSH-9")
        kinds = self.kinds(source)
        if header.kind not in kinds:
            known = ", ".join(sorted(kinds))
            raise refuse("unknown-message-type", "MSH-9", type=shown_kind(header.kind), known=known)
        if not header.control_id:
            raise refuse("missing-field", "MSH-10")


def shown_kind(kind: str) -> str:
    """MSH-9 fit for a refusal or a log: a message with shifted fields may have anything there, a name too."""
    return kind if re.fullmatch(r"[A-Za-z0-9_]{1,10}(\^[A-Za-z0-9_]{1,10})?", kind) else "?"


def _is_due(header: Header | None, frame: Frame) -> bool:
    """Whether the sender waits for an answer to this.

    An acknowledgement is never acknowledged: two systems doing so would go on for ever. Stray bytes and a
    broken frame without header are no message: the answer would be taken for that of the next one.
    """
    if header is not None:
        return not header.kind.startswith("ACK")
    return frame.fault is None or frame.fault.code == "frame-too-large"


def _place(error: Exception) -> str:
    """Where an exception comes from. Its text is left out of logs: it may quote the message."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f"{trace.tb_frame.f_code.co_qualname}:{trace.tb_lineno}" if trace else ""
