"""One sender's connection to the MLLP listener. A protocol rather than a stream pair: no task and no second buffer for
each connection."""

import asyncio
import contextlib
import socket
from collections import deque
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Protocol

import structlog

from adapters.hl7v2.answering import NO_ANSWER, Answer, Later
from adapters.hl7v2.framing import Deframer, Frame, Peer, frame
from adapters.hl7v2.room import Room
from adapters.hl7v2.tls import names_of

if TYPE_CHECKING:
    from adapters.hl7v2.listener import Limits

log = structlog.get_logger()

_KEEPALIVE = (("TCP_KEEPIDLE", 60), ("TCP_KEEPINTVL", 20), ("TCP_KEEPCNT", 3))
"""A sender whose power was cut says no good-bye: two minutes without an answer to a probe of TCP, and it is gone."""
_SOON = 0.01


class Listener(Protocol):
    """What a connection needs of its listener."""

    answer: Callable[[Frame], Awaitable[Answer]]
    limits: "Limits"
    room: Room
    late: set[asyncio.Task[None]]

    def admit(self, connection: "Connection") -> bool:
        """Whether there is room for it."""

    def forget(self, connection: "Connection") -> None:
        """It is gone."""


class Connection(asyncio.Protocol):
    """Frames in, acknowledgements out, in the order of the frames."""

    def __init__(self, listener: Listener, loop: asyncio.AbstractEventLoop, *, is_tls: bool = False) -> None:
        self._listener = listener
        self._loop = loop
        self._limits = listener.limits
        self._is_tls = is_tls
        self._deframer = Deframer(0)
        self._answers: deque[tuple[asyncio.Future[Answer], int]] = deque()  # in order, each with its frame's size
        self._bytes = 0  # of the frames that are unanswered
        self._owed: dict[asyncio.Task[None], Later] = {}
        self._transport: asyncio.Transport
        self._half: asyncio.TimerHandle | None = None
        self._silence: asyncio.TimerHandle | None = None
        self._since = 0.0  # when the frame that is waited for began
        self._more = False  # whether there are frames at hand that were not given out yet
        self._congested = False
        self._finishing = False
        self._ending = False
        self._connected = False
        self.heard_at = loop.time()
        self.peer = Peer("")
        self.gone: asyncio.Future[None] = loop.create_future()

    # -- what asyncio calls ------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self.peer = _peer_of(transport)
        self._deframer = Deframer(self._limits.bytes, self.peer)
        if not self._listener.admit(self):
            self._finishing = True
            transport.abort()
            return
        self._connected = True
        _keep_alive(transport)
        self._silence = self._loop.call_later(self._limits.silent, self._check_silence)

    def data_received(self, data: bytes) -> None:
        if self._finishing:
            return
        self.heard_at = self._loop.time()
        self._deframer.add(data)
        self._give_out()

    def eof_received(self) -> bool:
        """The sender sends no more; it may still read, so what is unanswered is answered (TLS has no half
        close)."""
        self.finish()
        return not self._is_tls

    def pause_writing(self) -> None:
        self._congested = True
        self.regulate()

    def resume_writing(self) -> None:
        self._congested = False
        self.regulate()

    def connection_lost(self, exc: Exception | None) -> None:
        self._connected = False
        lost = [task for task, later in self._owed.items() if later.elsewhere is None]
        for task in lost:
            task.cancel()
        if lost:
            log.warning("application-acknowledgements-lost", count=len(lost))
        self.finish()

    # -- what the listener calls -------------------------------------------------------------------------------------

    @property
    def is_quiet(self) -> bool:
        """Whether nothing is under way: no frame, no answer."""
        return not (self._answers or self._owed or self._more or self._deframer.waiting)

    @property
    def held(self) -> int:
        """Bytes of what is not answered, half-received or whole."""
        return self._deframer.held + self._bytes

    def finish(self, *, ending: bool = False) -> None:
        """Reads no more, hands over what is half sent, closes once everything is answered. With `ending`, application
        acknowledgements that are not known yet are given up."""
        self._ending = self._ending or ending
        if not self._finishing:
            self._finishing = True
            for timer in (self._half, self._silence):
                if timer is not None:
                    timer.cancel()
        if self._ending:
            for task in list(self._owed):
                task.cancel()
        self._give_out()
        self.regulate()
        self._close_if_done()

    def cut(self) -> None:
        """Closes at once, answered or not."""
        self._finishing = True
        for answer, _ in list(self._answers):
            answer.cancel()
        for task in list(self._owed):
            task.cancel()
        self._deframer = Deframer(0)
        self._more = False
        self._tell_room()
        if self._connected:
            self._transport.abort()

    # -- frames in, acknowledgements out -----------------------------------------------------------------------------

    def _give_out(self) -> None:
        """Has as many frames answered as may be under way, and reads on or holds off."""
        gave = self._more = False
        while self._has_room():
            found = self._next()
            if found is None:
                break
            answer = self._answer_to(found)
            self._answers.append((answer, len(found.content)))
            self._bytes += len(found.content)
            answer.add_done_callback(self._answered)
            gave = True
        else:
            self._more = True
        self._watch(gave)
        self._tell_room()
        self.regulate()

    def _tell_room(self) -> None:
        self._listener.room.hold(self, self.held)

    def _next(self) -> Frame | None:
        found = self._deframer.next()
        if found is None and self._finishing:
            return next(iter(self._deframer.close()), None)
        return found

    def _is_held_off(self) -> bool:
        """Whether it is for our own sake that no more is read: that silence is not the sender's."""
        return self._congested or not self._has_room() or not self._listener.room.has_turn(self)

    def _has_room(self) -> bool:
        """For one more frame; and not more bytes of them than of two of the largest."""
        limits = self._limits
        return len(self._answers) < limits.pending and self._bytes < limits.bytes and len(self._owed) < limits.owed

    def _answer_to(self, received: Frame) -> asyncio.Future[Answer]:
        try:
            return asyncio.ensure_future(self._listener.answer(received))
        except Exception as error:
            failed: asyncio.Future[Answer] = self._loop.create_future()
            failed.set_exception(error)
            return failed

    def _answered(self, _: asyncio.Future[Answer]) -> None:
        """Writes the acknowledgements that are due: those with none unfinished before them. What one commit answers is
        known when the first of it calls, and leaves in one write."""
        answers = self._answers
        if not (answers and answers[0][0].done()):
            return
        due: list[bytes] = []
        later: list[Later] = []
        while answers and answers[0][0].done():
            found, size = answers.popleft()
            self._bytes -= size
            answer = _answer_of(found)
            if answer.now is not None:
                due.append(frame(answer.now))
            if answer.later is not None:
                later.append(answer.later)
        self._tell_room()
        if due:
            self._send(b"".join(due))
        for one in later:
            self._owe(one)
        if self._more or self._finishing:
            self._give_out()
        else:
            self.regulate()
        self._close_if_done()

    def _send(self, content: bytes) -> bool:
        if not self._connected or self._transport.is_closing():
            return False
        self._transport.write(content)
        return True

    # -- answers that come later -------------------------------------------------------------------------------------

    def _owe(self, later: Later) -> None:
        """Waits for an application acknowledgement beside what else is under way."""
        if self._ending:
            return
        task = self._loop.create_task(self._pay(later))
        self._owed[task] = later
        self._listener.late.add(task)
        task.add_done_callback(self._paid)

    def _paid(self, task: asyncio.Task[None]) -> None:
        self._owed.pop(task, None)
        self._listener.late.discard(task)
        if self._more:
            self._give_out()
        else:
            self.regulate()
        self._close_if_done()

    async def _pay(self, later: Later) -> None:
        try:
            content = await later.content()
            if content is None:
                return
            # A sender that has closed its side may be gone altogether: that is seen only when it is too late.
            if not (self._finishing and later.elsewhere) and self._send(frame(content)):
                return
            if later.elsewhere is None:
                log.warning("application-acknowledgements-lost", count=1)
            else:
                await later.elsewhere(content)
        except Exception as error:
            log.error("application-acknowledgement-not-sent", fault=type(error).__name__)

    # -- reading on, holding off, closing ----------------------------------------------------------------------------

    def regulate(self) -> None:
        """Reads on or holds off."""
        if not self._connected or self._transport.is_closing():
            return
        if self._more or self._finishing or self._is_held_off():
            self._transport.pause_reading()
        else:
            self._transport.resume_reading()

    def _close_if_done(self) -> None:
        """Once everything is answered. What is owed is waited for while the sender may still be reading, but such a
        connection no longer takes up a place: most of them are simply closed."""
        if not self._finishing or self._answers or self._more:
            return
        if self._connected and self._owed:
            self._listener.forget(self)
        elif self._connected:
            self._transport.close()
        else:
            self._listener.forget(self)
            if not self.gone.done():
                self.gone.set_result(None)

    def _watch(self, gave: bool) -> None:
        """Sees to it that a half-sent frame does not stay so."""
        if self._finishing or self._more or not self._deframer.waiting:
            return
        if gave or self._half is None:
            self._since = self._loop.time()
        if self._half is None:
            self._half = self._loop.call_later(min(self._limits.idle, self._limits.frame), self._check_half)

    def _check_half(self) -> None:
        self._half = None
        if self._finishing or self._more or not self._deframer.waiting:
            return
        now, limits = self._loop.time(), self._limits
        if self._answers or self._is_held_off():
            left = limits.idle
            self._since = now
        else:
            left = min(self.heard_at + limits.idle, self._since + limits.frame) - now
        if left > 0:
            self._half = self._loop.call_later(max(left, _SOON), self._check_half)
            return
        slow = self.heard_at + limits.idle > now
        log.warning("half-frame-slow" if slow else "half-frame-idle", seconds=limits.frame if slow else limits.idle)
        self.finish()

    def _check_silence(self) -> None:
        left = self.heard_at + self._limits.silent - self._loop.time()
        if left > 0 or not self.is_quiet:
            self._silence = self._loop.call_later(max(left, 1.0), self._check_silence)
            return
        log.info("silent-connection-closed", seconds=self._limits.silent)
        self.finish()


def _answer_of(found: asyncio.Future[Answer]) -> Answer:
    if found.cancelled():
        return NO_ANSWER
    if error := found.exception():  # one frame's fault; its text is not logged, it may quote the message
        log.error("frame-not-answered", fault=type(error).__name__)
        return NO_ANSWER
    return found.result()


def _peer_of(transport: asyncio.Transport) -> Peer:
    address: Any = transport.get_extra_info("peername")
    certificate = transport.get_extra_info("peercert")
    return Peer(str(address[0]) if address else "", names_of(certificate))


def _keep_alive(transport: asyncio.Transport) -> None:
    """Has the operating system ask, now and then, whether the sender is still there."""
    found = transport.get_extra_info("socket")
    if found is None:
        return
    with contextlib.suppress(OSError):
        found.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in _KEEPALIVE:
            if hasattr(socket, name):
                found.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
