"""A file over HTTP: read, kept bundle by bundle, waited for, and answered with one OperationOutcome."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from uuid import UUID

import structlog
from starlette.responses import Response

from adapters.fhir.endpoint import Outcome, json_response, refusal_response
from adapters.fhir.outcome import operation_outcome
from adapters.files.bundles import FileBundle
from adapters.files.reading import FilesRead
from adapters.files.sheet import NamedFile
from hub.errors import Refusal, places_of, refuse
from hub.message import Arrival, Kept, Source, Transport

log = structlog.get_logger()

_SENT = "csv"
"""What stands for the file's name: a request body has none."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FileDoor:
    """The door for CSV. `read` gives a file's bundles or faults, `keep` returns when all of them are committed, `wait`
    gives what became of each within the seconds, None where it still waits."""

    read: Callable[[Sequence[NamedFile], Source], Awaitable[FilesRead]]
    keep: Callable[[Sequence[Arrival]], Awaitable[Sequence[Kept]]]
    wait: Callable[[UUID, float], Awaitable[Outcome | None]]
    wait_seconds: float

    async def take(self, source: Source, body: bytes) -> Response:
        """A file of a known source: 200 where all of it is merged, 202 where some waits, 422 where any was refused."""
        found = await self.read([NamedFile(name=_SENT, raw=body)], source)
        if found.faults:
            return json_response(operation_outcome(found.faults), 422)
        try:
            kept = await self.keep([one.arrival(source, Transport.INGEST) for one in found.bundles])
        except Exception as fault:  # whatever it is, the sender must not take its file for kept
            log.error("message-not-kept", fault=type(fault).__name__, places=places_of(fault))
            return refusal_response(refuse("not-kept").refusal)
        return await self._answer(found.bundles, kept)

    async def _answer(self, bundles: Sequence[FileBundle], kept: Sequence[Kept]) -> Response:
        """They are merged side by side, so all are waited for, within the seconds of one."""
        waiting = 0
        refusals: list[Refusal] = []
        deadline = asyncio.get_running_loop().time() + self.wait_seconds
        for bundle, one in zip(bundles, kept, strict=True):
            refusal = one.refusal
            if refusal is None:
                left = max(deadline - asyncio.get_running_loop().time(), 0)
                outcome = await self.wait(one.id, left)
                refusal = outcome.refusal if outcome else None
                waiting += outcome is None
            if refusal:
                refusals.append(bundle.placed(refusal))
        if refusals:
            return json_response(operation_outcome(refusals), 422)
        if waiting:
            told = Refusal(code="still-waiting", given={"count": str(waiting)})
            return json_response(operation_outcome([told], "information"), 202)
        return json_response(operation_outcome(()), 200)
