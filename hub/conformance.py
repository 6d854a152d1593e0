"""Full validation, off the path: every parked v2 message by hl7apy, a share of the mapped resources by fhir.resources.

What it finds holds positions and never a value; it is kept beside the message's fate.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from hub.message import Format, Message
from hub.record import Json, Reading
from hub.store import inbox

logger = structlog.get_logger()

_WAITING = 200
"""Readings that may wait to be checked; more are let go, it is a sample."""

Checks = Callable[[Message], Awaitable[Sequence[Json]]]
"""Findings about a v2 message as ``{code, where, given}``."""
Validate = Callable[[Json], Awaitable[Json | None]]
"""The first fault of a mapped resource in the same shape."""


class Conformance:
    """Checks readings that it is offered, and parked messages that it finds."""

    def __init__(self, engine: AsyncEngine, check: Checks, validate: Validate, share: float) -> None:
        self._engine = engine
        self._check = check
        self._validate = validate
        self._share = share
        self._offered: asyncio.Queue[tuple[Message, Reading]] = asyncio.Queue(_WAITING)
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin to check."""
        self._tasks = [asyncio.create_task(self._sample()), asyncio.create_task(self._inspect())]

    async def stop(self) -> None:
        """Leave off."""
        for task in self._tasks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    def offer(self, message: Message, reading: Reading) -> None:
        """A reading that may be checked: the share is drawn from the message's id, so a replay draws alike."""
        if message.format is Format.HL7V2 and message.id.int % 10_000 < self._share * 10_000:
            with suppress(asyncio.QueueFull):
                self._offered.put_nowait((message, reading))

    async def _sample(self) -> None:
        while True:
            message, reading = await self._offered.get()
            faults = [fault for resource in _resources(reading) if (fault := await self._validate(resource))]
            if faults:
                logger.warning("mapped-resource-invalid", message=str(message.id), faults=len(faults))
                await self._note(message.id, faults)

    async def _inspect(self) -> None:
        while True:
            try:
                async with self._engine.connect() as connection:
                    unchecked = await inbox.list_unchecked(connection, 5)
                for message in unchecked:
                    await self._note(message.id, await self._check(message))
            except (DBAPIError, OSError) as fault:
                logger.warning("database-away", fault=type(fault).__name__)
                unchecked = []
            if not unchecked:
                await asyncio.sleep(2)

    async def _note(self, message: UUID, findings: Sequence[Any]) -> None:
        async with self._engine.begin() as connection:
            await inbox.note(connection, message, list(findings))


def _resources(reading: Reading) -> list[Json]:
    return [
        mapped.resource
        for part in reading.parts
        for mapped in (*([part.demographics] if part.demographics else []), *part.resources)
    ]
