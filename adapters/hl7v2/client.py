"""An MLLP client: many messages over one connection, each acknowledged before the next (HL7 v2 Transport: MLLP
release 1), over TLS where asked; it connects again, ever more slowly, where the connection fails.
"""

import asyncio
import contextlib
import random
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TypeVar

import structlog

from adapters.hl7v2.framing import Deframer, frame
from adapters.hl7v2.header import read_header
from adapters.hl7v2.reading import read
from adapters.hl7v2.tls import client_context
from hub.errors import Refused, refuse
from hub.message import Outbound, Segment

log = structlog.get_logger()

_CHUNK = 64 * 1024
_MOST_BYTES = 16 * 1024 * 1024
_CLOSE_SECONDS = 5.0
_SLOWEST = 32 * 1024
"""Bytes a second that a receiver has to take: a large message has more time for its answer."""
T = TypeVar("T")
_ACCEPTED = frozenset({"AA", "CA"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Acknowledgement:
    """What a receiver said of a message: MSA-1, MSA-2, MSA-3, the positions and texts of its ERR segments; `raw` is the
    unframed answer."""

    code: str
    control_id: str
    text: str
    errors: tuple[str, ...]
    raw: bytes

    @property
    def is_accepted(self) -> bool:
        """Whether the receiver took the message."""
        return self.code in _ACCEPTED


@dataclass(frozen=True, kw_only=True, slots=True)
class Receiver:
    """Where messages go. `tls` is what is trusted and shown; `server_name` is the name that the receiver's certificate
    has to bear, where that is not the host's. Times in seconds: `connect` for connecting, `answer` for one
    acknowledgement."""

    host: str
    port: int
    tls: ssl.SSLContext | None = None
    server_name: str = ""
    connect: float = 10.0
    answer: float = 30.0

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Patience:
    """How often a message is tried, and how long is waited before each new try: at most `first` seconds, then ever
    twice as long, never over `longest`; a random part of it, so that many senders do not come back at once."""

    tries: int = 4
    first: float = 0.5
    longest: float = 30.0

    def before(self, attempt: int, chance: Callable[[], float]) -> float:
        """Seconds before the try of that number; the first is 0. `chance` gives 0 to 1."""
        return chance() * min(self.longest, self.first * 2 ** min(attempt - 1, 30)) if attempt else 0.0


class MllpClient:
    """A connection to a receiver, opened when it is first needed. Use it as ``async with``."""

    def __init__(
        self,
        receiver: Receiver,
        *,
        patience: Patience | None = None,
        chance: Callable[[], float] = random.random,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.receiver = receiver
        self._patience = patience or Patience()
        self._chance, self._sleep = chance, sleep
        self._one_at_a_time = asyncio.Lock()
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._deframer = Deframer(_MOST_BYTES)
        self._between = True  # no message is half way

    async def __aenter__(self) -> "MllpClient":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def send(self, content: bytes) -> Acknowledgement:
        """Sends a message and waits for the acknowledgement that names its control id (MSH-10).

        A message whose connection failed, or that was not answered in time, is sent again as it is: receivers tell by
        the control id that they have it already. Raises Refused: "unreadable-frame" and "missing-field" for what
        cannot be answered to, "no-connection" and "no-acknowledgement" once all tries are used up.
        """
        control_id = read_header(content).control_id
        if not control_id:
            raise refuse("missing-field", "MSH-10")
        async with self._one_at_a_time:
            return await self._tried(lambda: self._exchange(content, control_id))

    async def tell(self, content: bytes) -> None:
        """Sends a message that is not acknowledged, such as an acknowledgement. Raises Refused (no-connection)."""
        async with self._one_at_a_time:
            await self._tried(lambda: self._written(content))

    async def close(self) -> None:
        """Closes the connection; the next message opens a new one."""
        writer, self._reader, self._writer = self._writer, None, None
        self._deframer = Deframer(_MOST_BYTES)
        if writer is None:
            return
        writer.close()
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(_CLOSE_SECONDS):
                await writer.wait_closed()

    # -- one try after the other -------------------------------------------------------------------------------------

    async def _tried(self, attempt: Callable[[], Awaitable[T]]) -> T:
        for number in range(self._patience.tries):
            if number:
                await self._sleep(self._patience.before(number, self._chance))
            try:
                return await attempt()
            except Refused as refused:
                last = refused
                log.info("mllp-try-failed", code=refused.refusal.code, receiver=str(self.receiver), attempt=number + 1)
                await self.close()
        raise last

    async def _exchange(self, content: bytes, control_id: str) -> Acknowledgement:
        """Writes and reads side by side: a receiver may answer before it has read all, and one that reads no more until
        its answers are read must not lock us both."""
        reader, writer = await self._connection()
        self._between = False  # should this be given up half way, the connection is of no more use
        seconds = self.receiver.answer + len(content) / _SLOWEST
        try:
            async with asyncio.timeout(seconds):
                writer.write(frame(content))
                found, _ = await asyncio.gather(self._answer_to(control_id, reader), writer.drain())
        except TimeoutError:
            raise self._unanswered(f"no answer within {seconds:.0f} s") from None
        except OSError as fault:
            raise self._unanswered(_reason(fault)) from None
        self._between = True
        return found

    async def _answer_to(self, control_id: str, reader: asyncio.StreamReader) -> Acknowledgement:
        while True:
            while (received := self._deframer.next()) is not None:
                found = read_acknowledgement(received.content)
                if found is not None and found.control_id in (control_id, ""):
                    return found
                log.warning("answer-passed-over", receiver=str(self.receiver), readable=found is not None)
            data = await reader.read(_CHUNK)
            if not data:
                raise ConnectionResetError("closed without an answer")
            self._deframer.add(data)

    async def _written(self, content: bytes) -> None:
        _, writer = await self._connection()
        self._between = False
        try:
            async with asyncio.timeout(self.receiver.answer + len(content) / _SLOWEST):
                writer.write(frame(content))
                await writer.drain()
        except (OSError, TimeoutError) as fault:
            raise refuse("no-connection", str(self.receiver), reason=_reason(fault)) from None
        self._between = True

    async def _connection(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """The open connection, or a new one where there is none or the receiver has closed it meanwhile."""
        if self._reader is not None and self._writer is not None:
            if self._between and not self._reader.at_eof() and not self._writer.is_closing():
                return self._reader, self._writer
            await self.close()
        to = self.receiver
        name = (to.server_name or to.host) if to.tls else None
        try:
            async with asyncio.timeout(to.connect):
                opened = await asyncio.open_connection(to.host, to.port, ssl=to.tls, server_hostname=name)
        except (OSError, TimeoutError, ValueError) as fault:
            raise refuse("no-connection", str(to), reason=_reason(fault)) from None
        self._reader, self._writer = opened
        self._between = True
        return opened

    def _unanswered(self, reason: str) -> Refused:
        return refuse("no-acknowledgement", str(self.receiver), reason=reason)


def read_acknowledgement(raw: bytes) -> Acknowledgement | None:
    """An unframed answer; None where it is no message or has no MSA segment."""
    try:
        message = read(raw, "")
    except Refused:
        return None
    msa = message.first("MSA")
    if msa is None:
        return None
    return Acknowledgement(
        code=msa.component(1).strip(),
        control_id=msa.field(2).strip(),
        text=msa.component(3),
        errors=tuple(_written_out(segment) for segment in message.all("ERR")),
        raw=raw,
    )


def receiver_of(outbound: Outbound) -> Receiver:
    """Where a source takes messages. Raises Refused (bad-tls)."""
    tls = None
    if outbound.tls:
        ca, certificate = (Path(text) if text else None for text in (outbound.ca, outbound.certificate))
        tls = client_context(ca, certificate)
    return Receiver(host=outbound.host, port=outbound.port, tls=tls, answer=outbound.seconds)


async def deliver(outbound: Outbound, content: bytes) -> None:
    """Takes an application acknowledgement to a source's own listener; nothing is answered to that. Raises Refused
    (bad-tls, no-connection)."""
    async with MllpClient(receiver_of(outbound)) as client:
        await client.tell(content)


def _written_out(segment: Segment) -> str:
    return segment.delimiters.field.join(segment.fields)


def _reason(fault: Exception) -> str:
    """What went wrong with a connection, in a word or two; nothing of a message is in it."""
    if isinstance(fault, ssl.SSLCertVerificationError):
        return fault.verify_message
    if isinstance(fault, ssl.SSLError):
        return fault.reason or "TLS"
    if isinstance(fault, TimeoutError):
        return "timed out"
    return getattr(fault, "strerror", None) or str(fault) or type(fault).__name__
