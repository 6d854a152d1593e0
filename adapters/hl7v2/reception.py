"""One frame in, its acknowledgements out: the order of receiving, on one screen."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Protocol, TypeVar
from uuid import UUID

import structlog

from adapters.hl7v2.acknowledgement import Conditions, Level, acknowledge, conditions_of, is_rejection
from adapters.hl7v2.answering import NO_ANSWER, Answer, Later
from adapters.hl7v2.charset import codecs_in, decoded
from adapters.hl7v2.checks import DoorCheck, check_peer
from adapters.hl7v2.framing import Frame
from adapters.hl7v2.header import Header, read_header
from adapters.hl7v2.keys import digest_of, keys_of
from adapters.hl7v2.tokenizer import tokenize
from adapters.keys import NO_KEYS, Keys
from hub.errors import Language, Refusal, Refused, refuse
from hub.message import (
    Acknowledging,
    Arrival,
    Format,
    Kept,
    Outbound,
    Reuse,
    Source,
    Transport,
    V2Message,
    plain,
    shown_kind,
    unknown_kind,
)

log = structlog.get_logger()
T = TypeVar("T")

_INLINE_BYTES = 128 * 1024
"""A message up to this size is looked at in a few milliseconds; a larger one would hold up every other connection and
goes to a thread."""
_GLANCE_BYTES = 64 * 1024
"""How much of a message that cannot be read is searched for its patients' numbers and names."""
_VERSION = re.compile(r"\d(\.\d{1,2}){1,3}")


class Settled(Protocol):
    """What has become of a message: merged, or parked with a refusal."""

    @property
    def refusal(self) -> Refusal | None:
        """Why it was parked; None where it was merged."""


@dataclass(slots=True)
class _Examined:
    """What the door has found out of a frame, filled in as far as it could be read."""

    header: Header | None = None
    source: Source | None = None
    message: V2Message | None = None
    refusal: Refusal | None = None
    findings: tuple[Refusal, ...] = ()
    digest: bytes = b""
    keys: Keys = NO_KEYS
    codec: str = ""
    """In which the message was read; "" where it was not, or says nothing that tells."""


_Answering = Callable[[Frame, _Examined, Kept | None, str], T]
"""Writes the answer to a frame: what was found, what keeping came to, the control id of the answer."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Reception:
    """Keeps every frame and answers it; its `receive` is an `MllpListener`'s `answer`.

    `find_source` takes MSH-3.1 and MSH-4.1 and raises `Refused` where no profile fits; it is not asked where the
    `sender` is known by other means, as by its token: then whatever it sends is its own. `kinds` are the message kinds
    that can be mapped for a source. `keep` returns when the bytes are committed. `wait` gives what has become of a kept
    message, or None where the seconds are over. `deliver` takes an application acknowledgement to a source's own
    listener. `clock` gives a time with zone (an acknowledgement says it in the
    sender's own), `new_control_id` a new MSH-10 (at most 20 characters, HL7 v2.4).
    """

    find_source: Callable[[str, str], Source]
    kinds: Callable[[Source], Collection[str]]
    door: Callable[[Source], DoorCheck]
    keep: Callable[[Arrival], Awaitable[Kept]]
    wait: Callable[[UUID, float], Awaitable[Settled | None]]
    clock: Callable[[], datetime]
    new_control_id: Callable[[], str]
    deliver: Callable[[Outbound, bytes], Awaitable[None]] | None = None
    language: Language = "en"
    transport: Transport = Transport.MLLP
    wait_seconds: float = 60.0
    most_segments: int = 10_000
    sender: Source | None = None

    async def __call__(self, frame: Frame) -> bytes | None:
        """One acknowledgement in original mode, unframed, or None where none is due: for doors that answer a request
        once, as HTTP does."""
        return await self._taken(frame, self._answer_once)

    def receive(self, frame: Frame) -> Awaitable[Answer]:
        """Every acknowledgement that the sender is to have.

        Refused messages are kept too, and before they are answered. Where keeping fails the answer is AE (CE)
        "not-kept" and the sender has to send again: AA and CA are only ever said of bytes that are committed.
        """
        return self._taken(frame, self._answer)

    # -- examining and keeping -------------------------------------------------------------------------------------

    def _taken(self, frame: Frame, answer: _Answering[T]) -> Awaitable[T]:
        """A frame, looked at, kept and answered. The everyday one has no task of its own: half of what a message costs
        would be that."""
        if len(frame.content) > _INLINE_BYTES:
            return self._taken_aside(frame, answer)
        return self._kept(frame, self._examined(frame), answer)

    async def _taken_aside(self, frame: Frame, answer: _Answering[T]) -> T:
        return await self._kept(frame, await asyncio.to_thread(self._examined, frame), answer)

    def _kept(self, frame: Frame, found: _Examined, answer: _Answering[T]) -> asyncio.Future[T]:
        """The answer, known as soon as the message is committed or could not be."""
        control_id = self.new_control_id()
        answered: asyncio.Future[T] = asyncio.get_running_loop().create_future()

        def tell(keeping: asyncio.Future[Kept]) -> None:
            kept = _outcome(keeping, control_id)
            if answered.done():
                return  # whoever sent it is gone
            try:
                answered.set_result(answer(frame, found, kept, control_id))
            except Exception as error:
                answered.set_exception(error)

        asyncio.ensure_future(self.keep(self._arrival(frame, found))).add_done_callback(tell)
        return answered

    # -- answering -------------------------------------------------------------------------------------------------

    def _answer_once(self, frame: Frame, found: _Examined, kept: Kept | None, control_id: str) -> bytes | None:
        return self._original(frame, found, kept, control_id) if _is_due(found.header, frame) else None

    def _answer(self, frame: Frame, found: _Examined, kept: Kept | None, control_id: str) -> Answer:
        header = found.header
        if not _is_due(header, frame):
            return NO_ANSWER
        conditions = conditions_of(header, found.source.acknowledging) if header and found.source else None
        if header is None or conditions is None:
            return Answer(self._original(frame, found, kept, control_id))
        return self._enhanced(header, found, conditions, kept, control_id)

    def _original(self, frame: Frame, found: _Examined, kept: Kept | None, control_id: str) -> bytes:
        refusal = _refusal_of(kept)
        if kept and not frame.fault and found.source and found.source.acknowledging is Acknowledging.FAST:
            refusal = None  # kept is all that this sender is told; a broken frame is not what it sent
        return self._acknowledgement(found, refusal, control_id=control_id)

    def _enhanced(
        self, header: Header, found: _Examined, conditions: Conditions, kept: Kept | None, control_id: str
    ) -> Answer:
        """The accept acknowledgement, and what is to come after it: nothing where it says that the message is not
        taken, for that is told once."""
        refusal, source = _refusal_of(kept), found.source
        rejected = refusal if refusal and (kept is None or is_rejection(refusal)) else None
        now = None
        if conditions.wants(Level.ACCEPT, rejected):
            now = self._acknowledgement(found, rejected, control_id=control_id, level=Level.ACCEPT)
        if conditions.application == "NE" or (rejected and now):
            return Answer(now)
        elsewhere = None
        if source and source.outbound and self.deliver:
            elsewhere = partial(self.deliver, source.outbound)
        return Answer(now, Later(partial(self._application, found, conditions, kept), elsewhere))

    async def _application(self, found: _Examined, conditions: Conditions, kept: Kept | None) -> bytes | None:
        """What has become of the message, once that is known; None where the sender does not ask for that."""
        refusal = _refusal_of(kept)
        if kept and refusal is None:
            settled = await self.wait(kept.id, self.wait_seconds)
            refusal = settled.refusal if settled else refuse("not-settled", seconds=f"{self.wait_seconds:g}").refusal
        if not conditions.wants(Level.APPLICATION, refusal):
            return None
        return self._acknowledgement(found, refusal, is_last=True)

    def _acknowledgement(
        self,
        found: _Examined,
        refusal: Refusal | None,
        *,
        control_id: str = "",
        level: Level = Level.APPLICATION,
        is_last: bool = False,
    ) -> bytes:
        at = self.clock()
        return acknowledge(
            found.header,
            at=at.astimezone(found.source.time_zone) if found.source else at,
            control_id=control_id or self.new_control_id(),
            refusal=refusal,
            language=self.language,
            level=level,
            is_last=is_last,
            codec=self._codec_for(found),
        )

    def _codec_for(self, found: _Examined) -> str:
        """The sender's own, so that it can read why: that of the message, else the first of its profile. Over HTTP the
        content type says UTF-8."""
        if self.transport is not Transport.MLLP:
            return "utf-8"
        said = codecs_in(found.source.charset) if found.source else ()
        return found.codec or (said[0] if said else "utf-8")

    # -- examining -------------------------------------------------------------------------------------------------

    def _arrival(self, frame: Frame, found: _Examined) -> Arrival:
        header, source = found.header, found.source
        return Arrival(
            source=source.name if source else "",
            transport=self.transport,
            format=Format.HL7V2,
            raw=frame.content,
            kind=shown_kind(header.kind) if header else "",
            control_id=plain(header.control_id) if header else "",
            refusal=found.refusal,
            findings=found.findings,
            digest=found.digest,
            reuse=source.reuse if source else Reuse.FLAG,
            numbers=found.keys.numbers,
            names=found.keys.names,
            lanes=found.keys.lanes,
        )

    def _examined(self, frame: Frame) -> _Examined:
        """All that can be found out, whatever is wrong with the frame; never raises."""
        found = _Examined(digest=digest_of(frame.content))
        try:
            self._examine(frame, found)
        except Refused as refused:
            found.refusal = refused.refusal
        except Exception as error:  # a fault of ours must not lose the bytes: they are kept, parked and replayed
            reference = self.new_control_id()
            log.error("message-not-examined", reference=reference, fault=type(error).__name__, at=_place(error))
            found.refusal = refuse("internal", reference=reference).refusal
        found.refusal = frame.fault or found.refusal
        found.keys = _keys(frame.content, found)
        found.message = None  # hundreds that wait for their commit would keep the memory that the next could reuse
        return found

    def _examine(self, frame: Frame, found: _Examined) -> None:
        found.source = self.sender
        found.header = header = read_header(frame.content)
        source = self.sender or self.find_source(header.application, header.facility)
        if frame.peer is not None:
            # Before the message is said to be the source's: whoever else writes its name into MSH-3 shall not use up
            # its control ids, nor stand in its list of failures.
            check_peer(frame.peer, source)
        found.source = source
        if frame.fault is not None or _is_acknowledgement(header):
            return
        self._check_header(header, source)
        found.findings = _version_findings(header, source)
        self._check_size(frame.content)
        read = decoded(frame.content, header, source.charset)
        found.codec = "" if read.text.isascii() else read.codec
        found.message = tokenize(read.text)
        if any(segment.name == "MSH" for segment in found.message.segments[1:]):
            # The end of the first was left out: it would be merged as a part of it, whoever the second's sender is.
            raise refuse("several-messages", "MSH[2]")
        found.refusal = self.door(source).first_fault(found.message)

    def _check_header(self, header: Header, source: Source) -> None:
        if not header.kind:
            raise refuse("missing-field", "MSH-9")
        kinds = self.kinds(source)
        if header.kind not in kinds:
            raise unknown_kind(header.kind, kinds)
        if source.kinds and header.kind not in source.kinds:
            known = ", ".join(sorted(source.kinds))
            raise refuse("kind-not-declared", "MSH-9", type=shown_kind(header.kind), known=known)
        if not header.control_id:
            raise refuse("missing-field", "MSH-10")

    def _check_size(self, raw: bytes) -> None:
        """Each segment costs the worker a fifth of a millisecond, during which nothing else of the loop runs."""
        count = raw.count(b"\r")
        if b"\n" in raw:
            count += raw.count(b"\n") - raw.count(b"\r\n")
        if count > self.most_segments:
            raise refuse("too-many-segments", "MSH", count=str(count), limit=str(self.most_segments))


def _outcome(keeping: asyncio.Future[Kept], control_id: str) -> Kept | None:
    """What keeping came to; None where the message could not be kept. The control id is that of the answer, and names
    what was logged."""
    if keeping.cancelled():
        return None
    error = keeping.exception()
    if error is None:
        return keeping.result()
    # Whatever it is, the sender must not take its message for kept.
    log.error("message-not-kept", reference=control_id, fault=type(error).__name__)
    return None


def _refusal_of(kept: Kept | None) -> Refusal | None:
    return kept.refusal if kept else refuse("not-kept").refusal


def _keys(raw: bytes, found: _Examined) -> Keys:
    """The keys of a message; of one that cannot be read, what its beginning shows of them."""
    try:
        message = found.message
        if message is None:
            if found.header is None:
                return NO_KEYS
            message = tokenize(_glanced(raw[:_GLANCE_BYTES]))
        return keys_of(message, found.source)
    except Exception as error:  # keys are for finding a message; without them it is still kept
        if not isinstance(error, Refused):
            log.error("keys-not-read", fault=type(error).__name__, at=_place(error))
        return NO_KEYS


def _glanced(raw: bytes) -> str:
    """Text of which the readable part will do; each segment by itself: one bad byte spoils no name elsewhere."""
    return "\r".join(_line(line) for line in raw.replace(b"\n", b"\r").split(b"\r"))


def _line(raw: bytes) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("gb18030", "replace")


def _version_findings(header: Header, source: Source) -> tuple[Refusal, ...]:
    if not source.versions or header.version in source.versions:
        return ()
    shown = header.version if _VERSION.fullmatch(header.version) else "?"
    known = ", ".join(sorted(source.versions))
    return (refuse("version-not-declared", "MSH-12", version=shown, known=known).refusal,)


def _is_acknowledgement(header: Header) -> bool:
    return header.kind.startswith("ACK")


def _is_due(header: Header | None, frame: Frame) -> bool:
    """Whether the sender waits for an answer to this.

    An acknowledgement is never acknowledged: two systems doing so would go on for ever. Stray bytes and a
    broken frame without header are no message: the answer would be taken for that of the next one.
    """
    if header is not None:
        return not _is_acknowledgement(header)
    return frame.fault is None or frame.fault.code == "frame-too-large"


def _place(error: Exception) -> str:
    """Where an exception comes from. Its text is left out of logs: it may quote the message."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f"{trace.tb_frame.f_code.co_qualname}:{trace.tb_lineno}" if trace else ""
