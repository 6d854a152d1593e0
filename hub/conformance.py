"""Full validation, off the path: every parked v2 message by hl7apy, a share of the mapped resources by fhir.resources.

What it finds holds positions and never a value; it is kept beside the message's fate.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from hub.errors import places_of
from hub.message import Format, Message
from hub.record import Json, Reading
from hub.store import inbox, messages

logger = structlog.get_logger()

_WAITING = 200
"""Readings that may wait to be checked; more are let go, it is a sample."""

_PAUSE = 2.0
"""Seconds until the next look, where there was nothing to do or the last one failed."""

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
            try:
                await self._check_sample(message, reading)
            except Exception as fault:  # one sample's fault must not end the sampling
                logger.error("sample-not-checked", fault=type(fault).__name__, places=places_of(fault))
                await asyncio.sleep(_PAUSE)

    async def _check_sample(self, message: Message, reading: Reading) -> None:
        faults = [fault for resource in _resources(reading) if (fault := await self._validate(resource))]
        if faults:
            logger.warning("mapped-resource-invalid", message=str(message.id), faults=len(faults))
            await self._note(message.id, faults)

    async def _inspect(self) -> None:
        while True:
            try:
                found = await self._inspect_some()
            except Exception as fault:  # the database is away, or ends a connection: later is soon enough
                logger.warning("inspection-failed", fault=type(fault).__name__, places=places_of(fault))
                found = 0
            if not found:
                await asyncio.sleep(_PAUSE)

    async def _inspect_some(self) -> int:
        async with self._engine.connect() as connection:
            unchecked = await messages.list_unchecked(connection, 5)
        for message in unchecked:
            await self._note(message.id, await self._findings_of(message))
        return len(unchecked)

    async def _findings_of(self, message: Message) -> Sequence[Json]:
        """What a check finds; nothing where the check fails on a message: it would fail again, and hold up the rest."""
        try:
            return await self._check(message)
        except Exception as fault:
            logger.error("message-not-inspected", fault=type(fault).__name__, places=places_of(fault))
            return []

    async def _note(self, message: UUID, findings: Sequence[Any]) -> None:
        async with self._engine.begin() as connection:
            await inbox.note(connection, message, list(findings))


def _resources(reading: Reading) -> list[Json]:
    return [
        mapped.resource
        for part in reading.parts
        for mapped in (*([part.demographics] if part.demographics else []), *part.resources)
    ]
