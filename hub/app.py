"""The running hub: listeners, worker and HTTP server in one event loop, started and stopped in order."""

import asyncio
import gc
import logging
import signal
import socket
import sys
from collections.abc import AsyncIterator, Collection, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import structlog
from granian.constants import HTTPModes, Interfaces
from granian.server.embed import Server
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from hub.errors import Refusal, Refused, places_of, refuse
from hub.ids import new_id
from hub.metrics import CONTENT_TYPE
from hub.pruning import Pruner
from hub.settings import Settings
from hub.site import Database
from hub.store import inbox, watermarks
from hub.store.database import check_migrated, open_engine
from hub.wiring import Hub

logger = structlog.get_logger()

_LOOK_SECONDS = 1.0
_CONNECTIONS = 4096
"""HTTP connections at a time, WebSockets among them. Granian's own 128 would make the hub deaf once 128 doctors'
pages are open."""


class Part(StrEnum):
    """A role of ``hub serve``. Each may run in a process of its own over one database."""

    API = "api"
    MLLP = "mllp"
    WORKER = "worker"
    COLLECT = "collect"


_UNDER_WAY = 20_000
"""Objects more than were let go of, before the collector looks for cycles. Python's own 700 are those of a dozen
messages that wait for their commit: it looked at each of them, and in vain."""
_KEEPING = frozenset({Part.API, Part.MLLP, Part.COLLECT})
"""The parts that take messages in."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Running:
    """A hub that is up, and where."""

    hub: Hub
    http_port: int
    mllp_port: int


@asynccontextmanager
async def running(settings: Settings, database: Database, parts: Collection[Part]) -> AsyncIterator[Running]:
    """A hub over a migrated database, while the block runs. What came in is finished before it ends.

    Raises Refused (unmigrated-database, database-unreachable, port-in-use, bad-mapping, bad-alerts, bad-setting).
    """
    async with AsyncExitStack() as stack:
        await database.check()
        engine = open_engine(database.application)
        stack.push_async_callback(engine.dispose)
        doors = open_engine(database.application, size=2)
        stack.push_async_callback(doors.dispose)
        hub = Hub(settings, engine, doors)
        stack.callback(hub.close)
        await hub.feed.start()
        stack.push_async_callback(hub.feed.close)
        hub.profiles.start()
        stack.push_async_callback(hub.profiles.stop)
        hub.names.start()
        stack.push_async_callback(hub.names.stop)
        if Part.WORKER in parts:
            hub.tally.start()
            stack.push_async_callback(hub.tally.stop)
            hub.entering.start()
            stack.push_async_callback(hub.entering.stop)
            hub.worker.start()
            stack.push_async_callback(hub.worker.stop)
            hub.timekeeper.start()
            stack.push_async_callback(hub.timekeeper.stop)
            hub.conformance.start()
            stack.push_async_callback(hub.conformance.stop)
            pruner = Pruner(database.owner, lambda: list(hub.sources.by_name.values()), settings.retention_days)
            pruner.start()
            stack.push_async_callback(pruner.stop)
        if _KEEPING & set(parts):
            hub.keeper.start()
            stack.push_async_callback(hub.keeper.stop)
        if Part.COLLECT in parts:
            hub.collector.start()
            stack.push_async_callback(hub.collector.stop)
        hub.postman.start()  # every process watches and tells: a worker that died could not say so itself
        stack.push_async_callback(hub.postman.stop)
        hub.watcher.start()
        stack.push_async_callback(hub.watcher.stop)
        mllp = await _listen(hub, stack) if Part.MLLP in parts else 0
        http = await _serve(hub, stack, parts) if Part.API in parts else 0
        gc.freeze()  # what is loaded by now stays: the collector need not walk it at every request
        gc.set_threshold(_UNDER_WAY)
        logger.info("serving", parts=sorted(parts), http=http, mllp=mllp)
        yield Running(hub=hub, http_port=http, mllp_port=mllp)


async def interrupted(*others: Coroutine[Any, Any, None]) -> None:
    """Wait for Ctrl-C or a request to end, or for the first of the others. Raises what that one raises."""
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    tasks = [asyncio.create_task(one) for one in (_set(stop), *others)]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for one in done:
            one.result()
    finally:
        for task in tasks:
            task.cancel()


async def _set(event: asyncio.Event) -> None:
    await event.wait()


async def until_ended(database: Database) -> None:
    """Raises Refused (database-ended) once the bundled server's process is gone: without it nothing can be kept, and
    whoever watches over the hub starts both again."""
    while database.is_running():  # noqa: ASYNC110 - it tells of its end to nobody
        await asyncio.sleep(_LOOK_SECONDS)
    raise refuse("database-ended")


async def _listen(hub: Hub, stack: AsyncExitStack) -> int:
    settings = hub.settings
    shared = settings.mllp_port_shared
    _check_free(settings.bind, settings.mllp_port, "HUB_MLLP_PORT", shared=shared)
    if settings.mllp_tls_certificate and settings.mllp_tls_port is not None:
        _check_free(settings.bind, settings.mllp_tls_port, "HUB_MLLP_TLS_PORT", shared=shared)
    await hub.listener.start()
    stack.push_async_callback(hub.listener.stop)
    return hub.listener.port


async def _serve(hub: Hub, stack: AsyncExitStack, parts: Collection[Part]) -> int:
    port = _check_free(hub.settings.bind, hub.settings.http_port, "HUB_HTTP_PORT")
    server = Server(
        create_app(hub, parts),
        address=hub.settings.bind,
        port=port,
        interface=Interfaces.ASGINL,
        # Found out by itself, the version may be waited for without end: a connection that says nothing stays open.
        http=HTTPModes.http1,
        log_enabled=False,
        backlog=_CONNECTIONS,
        backpressure=_CONNECTIONS,
    )
    serving = asyncio.create_task(server.serve())
    stack.push_async_callback(_stopped, server, serving)
    await _answering(hub.settings.bind, port, serving)
    return port


async def _stopped(server: Server, serving: asyncio.Task[None]) -> None:
    server.stop()  # type: ignore[no-untyped-call]
    await serving


async def _answering(address: str, port: int, serving: asyncio.Task[None]) -> None:
    """Wait until the HTTP server takes connections."""
    for _ in range(200):
        if serving.done():
            serving.result()
        try:
            _, writer = await asyncio.open_connection(address, port)
        except OSError:
            await asyncio.sleep(0.02)
            continue
        writer.close()
        await writer.wait_closed()
        return
    raise refuse("port-in-use", "HUB_HTTP_PORT", port=str(port))


def _check_free(address: str, port: int, setting: str, *, shared: bool = False) -> int:
    """The port, or a free one where 0 was asked for; one that hubs share may be held by them. Raises Refused
    (port-in-use)."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shared:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        try:
            probe.bind((address, port))
        except OSError:
            raise refuse("port-in-use", setting, port=str(port)) from None
        return int(probe.getsockname()[1])


def create_app(hub: Hub, parts: Collection[Part]) -> Starlette:
    """The ASGI application: GraphQL, FHIR, ingest, and the two questions that supervisors ask."""

    async def alive(_: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def ready(_: Request) -> Response:
        dead = [part for part, alive in _alive(hub, parts).items() if not alive]
        try:
            waiting = await _ready(hub.engine)
        except (Refused, SQLAlchemyError, OSError) as fault:
            return JSONResponse({"status": "away", "fault": type(fault).__name__}, 503)
        if dead:
            return JSONResponse({"status": "broken", "dead": dead, "waiting": waiting}, 503)
        return JSONResponse({"status": "ok", "parts": sorted(parts), "waiting": waiting})

    async def measured(_: Request) -> Response:
        if Part.MLLP in parts:
            hub.metrics.count_connections(len(hub.listener.connections))
        try:
            return Response(await hub.metrics.page(), media_type=CONTENT_TYPE)
        except (SQLAlchemyError, OSError) as fault:
            return JSONResponse({"status": "away", "fault": type(fault).__name__}, 503)

    routes = [
        Route("/healthz", alive),
        Route("/readyz", ready),
        Route("/metrics", measured),
        *hub.routes(),
    ]
    return Starlette(routes=routes, exception_handlers={Exception: _failed})


async def _failed(_: Request, fault: Exception) -> Response:
    """A fault of ours: its kind and place go to the log under a reference, its text (a person's data?) nowhere."""
    reference = new_id().hex[-12:]
    logger.error("request-failed", reference=reference, fault=type(fault).__name__, at=places_of(fault))
    refusal = Refusal(code="request-failed", given={"reference": reference})
    body = {"code": refusal.code, "message": refusal.message(), "nextStep": refusal.next_step()}
    return JSONResponse(body, 500)


def _alive(hub: Hub, parts: Collection[Part]) -> dict[str, bool]:
    """Whether what this process runs still does."""
    found = {"profiles": hub.profiles.is_alive, "watcher": hub.watcher.is_alive, "postman": hub.postman.is_alive}
    if Part.WORKER in parts:
        found |= {
            "worker": hub.worker.is_alive,
            "timekeeper": hub.timekeeper.is_alive,
            "tally": hub.tally.is_alive,
        }
    if Part.COLLECT in parts:
        found |= {"collector": hub.collector.is_alive}
    return found | {"keeper": hub.keeper.is_alive} if _KEEPING & set(parts) else found


async def _ready(engine: AsyncEngine) -> int:
    """How many messages wait. Raises where none can be kept: the server is away, read-only, or its disk is full."""
    await check_migrated(engine)
    async with engine.connect() as connection:
        transaction = await connection.begin()
        await watermarks.save_watermark(connection, "", "readyz", "")  # written, and never there
        await transaction.rollback()
        return await inbox.count_waiting(connection)


def set_up_logs(level: str) -> None:
    """Logs as one JSON object a line on standard error. They hold codes and positions, never a person's data."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
    )
