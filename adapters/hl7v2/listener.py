"""The MLLP listener: many connections, frames of one connection kept side by side, answered in their
order."""

import asyncio
import ssl
from collections import deque
from collections.abc import Awaitable, Callable

import structlog

from adapters.hl7v2.framing import Deframer, Frame, frame

log = structlog.get_logger()

Answer = Callable[[Frame], Awaitable[bytes | None]]


class MllpListener:
    """Listens on a port and gives each frame to `answer`; what that returns is framed and written back.

    Frames that arrive together are answered side by side, so that they can share a commit, but
    acknowledgements leave in the order of the frames. A connection with `pending` unanswered frames is not
    read from until some are answered. A connection that leaves a frame half sent for `idle_seconds` is closed
    and the half frame given to `answer` as faulty; between frames a connection may stay open for ever. Where
    `answer` raises, that frame stays without acknowledgement and everything else goes on.
    """

    def __init__(
        self,
        answer: Answer,
        *,
        host: str,
        port: int,
        max_bytes: int,
        idle_seconds: float,
        max_connections: int,
        pending: int = 32,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.answer = answer
        self.max_bytes = max_bytes
        self.idle_seconds = idle_seconds
        self.max_connections = max_connections
        self.pending = pending
        self.tls = tls
        self.connections: set[_Connection] = set()
        self._host, self._port = host, port
        self._server: asyncio.Server | None = None

    @property
    def port(self) -> int:
        """The port listened on: the real one where 0 was asked for."""
        if self._server is None or not self._server.sockets:
            return self._port
        return int(self._server.sockets[0].getsockname()[1])

    async def start(self) -> None:
        """Opens the port; raises OSError where it is taken."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: _Connection(self, loop), self._host, self._port, ssl=self.tls, backlog=1024
        )

    async def stop(self, grace_seconds: float = 10) -> None:
        """Closes the port, reads no more, lets what was read be answered, closes the connections.

        Half frames are given to `answer` as faulty. Connections still unanswered after `grace_seconds` are
        cut; their senders saw no acknowledgement and send again.
        """
        if self._server is None:
            return
        self._server.close()
        for connection in list(self.connections):
            connection.finish()
        waiting = [connection.gone for connection in self.connections]
        if waiting:
            _, late = await asyncio.wait(waiting, timeout=grace_seconds)
            if late:
                log.warning("connections-cut", count=len(late))
        for connection in list(self.connections):
            connection.cut()
        self._server = None


class _Place:
    """A frame's place in the queue of acknowledgements."""

    __slots__ = ("acknowledgement", "answered", "task")

    def __init__(self) -> None:
        self.answered = False
        self.acknowledgement: bytes | None = None
        self.task: asyncio.Task[None]


class _Connection(asyncio.Protocol):
    """One sender. A protocol rather than a stream pair: no task and no second buffer for each connection."""

    def __init__(self, listener: MllpListener, loop: asyncio.AbstractEventLoop) -> None:
        self._listener = listener
        self._loop = loop
        self._deframer = Deframer(listener.max_bytes)
        self._backlog: deque[Frame] = deque()
        self._answers: deque[_Place] = deque()
        self._transport: asyncio.Transport
        self._heard_at = 0.0
        self._idle: asyncio.TimerHandle | None = None
        self._congested = False
        self._finishing = False
        self._connected = False
        self.gone: asyncio.Future[None] = loop.create_future()

    # -- what asyncio calls ------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._connected = True
        self._listener.connections.add(self)
        if len(self._listener.connections) > self._listener.max_connections:
            log.warning("connection-refused", limit=self._listener.max_connections)
            self._finishing = True
            transport.abort()

    def data_received(self, data: bytes) -> None:
        if self._finishing:
            return
        self._take(self._deframer.feed(data))
        if self._deframer.waiting:
            self._heard_at = self._loop.time()
            if self._idle is None:
                self._idle = self._loop.call_later(self._listener.idle_seconds, self._check_idle)

    def eof_received(self) -> bool:
        """The sender sends no more; it may still read, so what is unanswered is answered (TLS has no half
        close)."""
        self.finish()
        return self._listener.tls is None

    def pause_writing(self) -> None:
        self._congested = True
        self._regulate()

    def resume_writing(self) -> None:
        self._congested = False
        self._regulate()

    def connection_lost(self, exc: Exception | None) -> None:
        self._connected = False
        self.finish()

    # -- what the listener calls -------------------------------------------------------------------

    def finish(self) -> None:
        """Reads no more, hands over what is half sent, closes once everything is answered."""
        if not self._finishing:
            self._finishing = True
            if self._idle is not None:
                self._idle.cancel()
            self._take(self._deframer.close())
        self._regulate()
        self._close_if_done()

    def cut(self) -> None:
        """Closes at once, answered or not."""
        for place in self._answers:
            place.task.cancel()
        self._backlog.clear()
        if self._connected:
            self._transport.abort()

    # -- frames in, acknowledgements out -----------------------------------------------------------

    def _take(self, frames: list[Frame]) -> None:
        if not frames:
            return
        self._backlog.extend(frames)
        self._dispatch()
        self._regulate()

    def _dispatch(self) -> None:
        while self._backlog and len(self._answers) < self._listener.pending:
            place = _Place()
            self._answers.append(place)
            place.task = self._loop.create_task(self._answer(self._backlog.popleft(), place))

    async def _answer(self, received: Frame, place: _Place) -> None:
        try:
            place.acknowledgement = await self._listener.answer(received)
        except Exception as error:  # one frame's fault; its text is not logged, it may quote the message
            log.error("frame-not-answered", fault=type(error).__name__)
        finally:
            place.answered = True
            self._write()

    def _write(self) -> None:
        """Writes the acknowledgements that are due: those with none unfinished before them."""
        answers = self._answers
        due = []
        while answers and answers[0].answered:
            content = answers.popleft().acknowledgement
            if content is not None:
                due.append(frame(content))
        if due and self._connected and not self._transport.is_closing():
            self._transport.write(b"".join(due))
        if self._backlog:
            self._dispatch()
        self._regulate()
        self._close_if_done()

    def _regulate(self) -> None:
        """Reads on or holds off."""
        if not self._connected or self._transport.is_closing():
            return
        full = bool(self._backlog) or len(self._answers) >= self._listener.pending
        if full or self._congested or self._finishing:
            self._transport.pause_reading()
        else:
            self._transport.resume_reading()

    def _close_if_done(self) -> None:
        if not self._finishing or self._answers or self._backlog:
            return
        if self._connected:
            self._transport.close()
        else:
            self._listener.connections.discard(self)
            if not self.gone.done():
                self.gone.set_result(None)

    def _check_idle(self) -> None:
        self._idle = None
        if not self._deframer.waiting:
            return
        left = self._heard_at + self._listener.idle_seconds - self._loop.time()
        if left > 0 or self._answers or self._backlog:  # not read from while unanswered: that silence is ours
            self._idle = self._loop.call_later(max(left, 0.01), self._check_idle)
        else:
            log.warning("half-frame-idle", seconds=self._listener.idle_seconds)
            self.finish()
