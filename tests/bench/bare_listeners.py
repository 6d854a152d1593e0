"""The floors of acknowledging: listeners with nothing in them but a socket, the bytes and PostgreSQL."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import asyncpg
from sqlalchemy import make_url

START, END = b"\x0b", b"\x1c\r"
ANSWER = START + b"MSH|^~\\&|HUB|HUB|HIS|XRMYY|20260401083000+0800||ACK^A01|1|P|2.4\rMSA|AA|1\r" + END
MOST = 256
WRITERS = 2

Keep = Callable[[bytes], Awaitable[None]]


class Bare(asyncio.Protocol):
    """Cuts frames, has each kept, answers a constant."""

    def __init__(self, keep: Keep | None) -> None:
        self._keep = keep
        self._buffer = b""
        self._tasks: set[asyncio.Task[None]] = set()
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        *frames, self._buffer = (self._buffer + data).split(END)
        if self._keep is None:
            self._transport.write(ANSWER * len(frames))
            return
        for frame in frames:
            task = asyncio.create_task(self._take(self._keep, frame[1:]))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _take(self, keep: Keep, content: bytes) -> None:
        await keep(content)
        self._transport.write(ANSWER)


class GroupCommit:
    """What arrives while a commit is under way shares the next one."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool
        self._waiting: list[tuple[bytes, asyncio.Future[None]]] = []
        self._came = asyncio.Event()

    async def keep(self, content: bytes) -> None:
        """Returns when the bytes are committed."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((content, done))
        self._came.set()
        await done

    async def write(self) -> None:
        """One writer, until it is cancelled."""
        async with self._pool.acquire() as connection:
            while True:
                await self._came.wait()
                batch, self._waiting = self._waiting[:MOST], self._waiting[MOST:]
                if not self._waiting:
                    self._came.clear()
                if not batch:
                    continue
                await connection.copy_records_to_table("bench_bytes", records=[(b,) for b, _ in batch], columns=["raw"])
                for _, done in batch:
                    done.set_result(None)


@asynccontextmanager
async def bare_pool(url: str) -> AsyncIterator[asyncpg.Pool]:
    """Connections of the driver itself, and the one table that the floors write."""
    plain = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    async with asyncpg.create_pool(plain, min_size=8, max_size=16) as pool:
        await pool.execute("create table bench_bytes (id bigint generated always as identity primary key, raw bytea)")
        yield pool


@asynccontextmanager
async def group_committing(pool: asyncpg.Pool) -> AsyncIterator[int]:
    """A listener that group-commits the bytes, then answers; its port."""
    group = GroupCommit(pool)
    writers = [asyncio.create_task(group.write()) for _ in range(WRITERS)]
    try:
        async with listening(group.keep) as port:
            yield port
    finally:
        for writer in writers:
            writer.cancel()
        await asyncio.gather(*writers, return_exceptions=True)


@asynccontextmanager
async def committing_each(pool: asyncpg.Pool) -> AsyncIterator[int]:
    """A listener that inserts and commits each message, then answers; its port."""

    async def keep(content: bytes) -> None:
        await pool.execute("insert into bench_bytes (raw) values ($1)", content)

    async with listening(keep) as port:
        yield port


@asynccontextmanager
async def listening(keep: Keep | None) -> AsyncIterator[int]:
    """A bare listener; its port. Without `keep` it stores nothing."""
    server = await asyncio.get_running_loop().create_server(lambda: Bare(keep), "127.0.0.1", 0)
    try:
        yield int(server.sockets[0].getsockname()[1])
    finally:
        server.close()
        await server.wait_closed()
