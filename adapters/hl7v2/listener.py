"""The MLLP listener: many connections, frames of one connection kept side by side, answered in their
order."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial

import structlog

from adapters.hl7v2.answering import Answer
from adapters.hl7v2.connection import Connection
from adapters.hl7v2.framing import Frame
from adapters.hl7v2.room import Room

log = structlog.get_logger()

_SAY_SECONDS = 10.0
"""How often it is said that connections are turned away: whoever floods the port shall not flood the log."""
_HANDSHAKE_SECONDS = 10.0
_SHUTDOWN_SECONDS = 5.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """How far a listener goes with one sender. Times in seconds.

    `bytes`: of one message. `idle`: how long half a frame may stand still. `frame`: how long one frame may take from
    its first byte to its last. `silent`: how long a connection may say nothing at all. `connections`: of all senders;
    `of_one_address`: of one. `together`: bytes that all of them hold unanswered, half-received ones too; beyond them
    one connection at a time is read from. `pending`: frames of one connection that are unanswered; `owed`: application
    acknowledgements of one connection that are waited for.
    """

    bytes: int
    idle: float = 30.0
    frame: float = 300.0
    silent: float = 3600.0
    connections: int = 500
    of_one_address: int = 100
    together: int = 256 * 1024 * 1024
    pending: int = 32
    owed: int = 256


class MllpListener:
    """Listens on a port and gives each frame to `answer`; what that returns is framed and written back.

    Frames that arrive together are answered side by side, so that they can share a commit, but acknowledgements leave
    in the order of the frames; application acknowledgements of enhanced mode follow whenever they are known. A
    connection with too many unanswered frames is not read from until some are answered: its sender slows down, and
    nothing is dropped. A connection that leaves a frame half sent is closed after a while and the half frame given to
    `answer` as faulty. Where `answer` raises, that frame stays without acknowledgement and everything else goes on.

    With `tls` the port speaks TLS; with a `tls_port` as well, TLS is spoken there and the port stays plain. A `shared`
    port may be listened on by several processes of one account; the kernel deals the connections out (SO_REUSEPORT).
    """

    def __init__(
        self,
        answer: Callable[[Frame], Awaitable[Answer]],
        *,
        host: str,
        port: int,
        limits: Limits,
        tls: ssl.SSLContext | None = None,
        tls_port: int | None = None,
        shared: bool = False,
    ) -> None:
        self.answer = answer
        self.limits = limits
        self.room = Room(limits.together)
        self.connections: set[Connection] = set()
        self.late: set[asyncio.Task[None]] = set()
        self._host = host
        self._wanted = [(port, tls)] if tls is None or tls_port is None else [(port, None), (tls_port, tls)]
        self._shared = shared
        self._servers: list[asyncio.Server] = []
        self._by_address: dict[str, int] = {}
        self._turned_away, self._said_at = 0, float("-inf")

    @property
    def port(self) -> int:
        """The port listened on: the real one where 0 was asked for."""
        return self._real_port(0)

    @property
    def tls_port(self) -> int:
        """The port that speaks TLS; 0 where none does."""
        return next((self._real_port(at) for at, (_, tls) in enumerate(self._wanted) if tls is not None), 0)

    async def start(self) -> None:
        """Opens the ports; raises OSError where one is taken."""
        loop = asyncio.get_running_loop()
        try:
            for port, tls in self._wanted:
                server = await loop.create_server(
                    partial(Connection, self, loop, is_tls=tls is not None),
                    self._host,
                    port,
                    ssl=tls,
                    backlog=1024,
                    reuse_port=self._shared or None,
                    ssl_handshake_timeout=_HANDSHAKE_SECONDS if tls else None,
                    ssl_shutdown_timeout=_SHUTDOWN_SECONDS if tls else None,
                )
                self._servers.append(server)
        except OSError:
            for opened in self._servers:
                opened.close()
            self._servers = []
            raise

    async def stop(self, grace_seconds: float = 10) -> None:
        """Closes the ports, reads no more, lets what was read be answered, closes the connections.

        Half frames are given to `answer` as faulty. Connections still unanswered after `grace_seconds` are cut; their
        senders saw no acknowledgement and send again. Application acknowledgements are not waited for.
        """
        if not self._servers:
            return
        for server in self._servers:
            server.close()
        for connection in list(self.connections):
            connection.finish(ending=True)
        waiting = [connection.gone for connection in self.connections]
        if waiting:
            _, late = await asyncio.wait(waiting, timeout=grace_seconds)
            if late:
                log.warning("connections-cut", count=len(late))
        for connection in list(self.connections):
            connection.cut()
        for task in list(self.late):
            task.cancel()
        await asyncio.gather(*self.late, return_exceptions=True)
        self._servers = []

    # -- what connections call ---------------------------------------------------------------------------------------

    def admit(self, connection: "Connection") -> bool:
        """Whether there is room for one more. Where all places are taken, the connection that has been silent longest
        gives its own up, if it is between frames and has been silent for a while: an engine connects again when it has
        something to say, and a sender with messages has to get in."""
        limits = self.limits
        address = connection.peer.address
        of_address = self._by_address.get(address, 0)
        if of_address >= limits.of_one_address:
            return self._turn_away("address", limits.of_one_address)
        if len(self.connections) >= limits.connections and not self._make_room():
            return self._turn_away("all", limits.connections)
        self.connections.add(connection)
        self._by_address[address] = of_address + 1
        return True

    def forget(self, connection: "Connection") -> None:
        """A connection is gone and everything of it answered."""
        if connection not in self.connections:
            return
        self.connections.discard(connection)
        address = connection.peer.address
        left = self._by_address[address] - 1
        if left:
            self._by_address[address] = left
        else:
            del self._by_address[address]

    def _make_room(self) -> bool:
        quiet = min((one for one in self.connections if one.is_quiet), key=lambda one: one.heard_at, default=None)
        if quiet is None or asyncio.get_running_loop().time() - quiet.heard_at < self.limits.idle:
            return False
        log.warning("quiet-connection-closed", limit=self.limits.connections)
        quiet.cut()
        self.forget(quiet)
        return True

    def _turn_away(self, whose: str, limit: int) -> bool:
        self._turned_away += 1
        now = asyncio.get_running_loop().time()
        if now - self._said_at >= _SAY_SECONDS:
            log.warning("connection-refused", of=whose, limit=limit, count=self._turned_away)
            self._turned_away, self._said_at = 0, now
        return False

    def _real_port(self, at: int) -> int:
        if at < len(self._servers) and self._servers[at].sockets:
            return int(self._servers[at].sockets[0].getsockname()[1])
        return self._wanted[at][0]
