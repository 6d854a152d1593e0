"""One message of a file as it is to be kept: looked at as the doors look at it, under an id that it has again if its
file is taken again."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any
from uuid import UUID

import orjson

from adapters.cda.door import DocumentDoor
from adapters.fhir.examination import Asked, Examined
from adapters.fhir.people import keys_of
from adapters.fhir.reading import known_type
from adapters.folder.splitting import Piece, Shape
from adapters.hl7v2.framing import Frame
from adapters.hl7v2.reception import Reception
from hub.errors import refuse
from hub.message import Arrival, Format, Kept, Source, Transport, plain

_INLINE_BYTES = 64 * 1024
_NOBODY = UUID(int=0)
Keep = Callable[[Arrival], Awaitable[Kept]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Examining:
    """Makes arrivals of the messages of files. `reception` is the v2 door of a source that keeps with the `keep` it is
    handed; `examine` looks at a FHIR body. `transport` is how they came."""

    reception: Callable[[Source, Keep], Reception]
    examine: Callable[[bytes, Asked], Awaitable[Examined]]
    transport: Transport = Transport.FOLDER

    async def arrival(self, piece: Piece, shape: Shape, source: Source, file: str, token: str) -> Arrival:
        """One message of a file, not yet kept. What is wrong with it is its refusal."""
        if shape is Shape.V2:
            found = await self._v2(piece, source)
        elif shape is Shape.XML:
            found = await self._document(piece, source)
        else:
            found = await self._fhir(piece, source)
        return identified(found, piece.number, file, token)

    async def _v2(self, piece: Piece, source: Source) -> Arrival:
        caught = _Caught()
        await self.reception(source, caught.keep)(Frame(content=piece.content, fault=piece.fault))
        return caught.arrival

    async def _document(self, piece: Piece, source: Source) -> Arrival:
        caught = _Caught()
        await DocumentDoor(keep=caught.keep).take(source, piece.content, self.transport)
        return replace(caught.arrival, refusal=piece.fault or caught.arrival.refusal)

    async def _fhir(self, piece: Piece, source: Source) -> Arrival:
        large = len(piece.content) > _INLINE_BYTES
        asked = await asyncio.to_thread(_asked, piece.content) if large else _asked(piece.content)
        examined = Examined() if piece.fault else await self.examine(piece.content, asked)
        kind = examined.kind or known_type(asked.kind) or "unreadable"
        keys = keys_of(examined.people, source)
        refusal = piece.fault or examined.refusal
        return Arrival(
            source=source.name,
            transport=self.transport,
            format=Format.FHIR,
            raw=piece.content,
            kind=f"PUT {kind}" if asked.method == "PUT" else kind,
            control_id=plain(examined.name),
            refusal=refusal,
            findings=() if refusal else tuple(entry.refusal for entry in examined.entries if entry.refusal),
            digest=examined.digest,
            reuse=source.reuse,
            numbers=keys.numbers,
            names=keys.names,
            lanes=keys.lanes,
        )


class _Caught:
    """Stands in for the inbox: a door keeps into it, and what it would have kept is taken out."""

    def __init__(self) -> None:
        self._arrival: Arrival | None = None

    async def keep(self, arrival: Arrival) -> Kept:
        self._arrival = arrival
        return Kept(id=_NOBODY, refusal=arrival.refusal)

    @property
    def arrival(self) -> Arrival:
        if self._arrival is None:
            raise RuntimeError("a door kept nothing")
        return self._arrival


def _asked(content: bytes) -> Asked:
    """A resource with an id of its source's is an update of that (FHIR R4 3.1.0.4): so bulk exports write them."""
    try:
        resource: Any = orjson.loads(content)
    except orjson.JSONDecodeError:
        return Asked()
    if not isinstance(resource, dict) or resource.get("resourceType") == "Bundle":
        return Asked()
    kind, key = resource.get("resourceType"), resource.get("id")
    if isinstance(kind, str) and known_type(kind) and isinstance(key, str) and key:
        return Asked(kind=kind, method="PUT", identifier=key)
    return Asked()


def identified(arrival: Arrival, number: int, file: str, token: str) -> Arrival:
    """An arrival that is known again if its file is taken again after a kill.

    One without an id of its sender's gets one of content, position and name. What is taken tells a state and may be
    told again on another day, after another one: with `token` it is the same within this taking of the file only. What
    is refused says nothing, so it is the same for good.
    """
    digest = arrival.digest or sha256(arrival.raw).digest()
    if arrival.control_id:
        return replace(arrival, digest=digest)
    content = sha256(arrival.raw).hexdigest()[:16]
    within = "" if arrival.refusal else f" {token}"
    return replace(arrival, digest=digest, control_id=plain(f"{content}#{number}{within} {file}"))


def check_spoken(shape: Shape, source: Source) -> None:
    """Insist that a source may send what its file holds. Raises Refused (file-format-not-declared)."""
    if not source.speaks(shape.of):
        raise refuse("file-format-not-declared", format=shape.of.value)
