"""One document in, kept: whatever is wrong with it, its bytes are committed before anybody is answered."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from hashlib import sha256

import structlog

from adapters.cda.reading import UNREAD, Document, in_words_of, read_document
from adapters.fhir.people import keys_of
from hub.errors import Refusal, Refused, places_of, refuse
from hub.message import Arrival, Format, Kept, Source, Transport, plain

log = structlog.get_logger()

_INLINE_BYTES = 128 * 1024
"""A larger document is read in a thread: it would hold up everybody else's requests."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DocumentDoor:
    """The door for CDA. `keep` returns when a document is committed."""

    keep: Callable[[Arrival], Awaitable[Kept]]

    async def take(self, source: Source, body: bytes, transport: Transport, charset: str = "") -> Kept:
        """Keep one document of a source; its refusal, if it has one, is what the sender is to be told. `charset` is
        that of the Content-Type. Raises Refused (not-kept)."""
        large = len(body) > _INLINE_BYTES
        read = await asyncio.to_thread(_read, body, charset) if large else _read(body, charset)
        try:
            kept = await self.keep(_arrival(source, transport, body, read))
        except Exception as fault:  # whatever it is, the sender must not take its document for kept
            log.error("message-not-kept", fault=type(fault).__name__, places=places_of(fault))
            raise refuse("not-kept") from None
        if kept.refusal and kept.refusal.code == "control-id-reused":
            return replace(kept, refusal=replace(kept.refusal, where="ClinicalDocument.id"))
        return kept


def _read(body: bytes, charset: str) -> Document:
    """A document, or as one what cannot be read as such."""
    try:
        return read_document(body, charset)
    except Refused as refused:
        return _unread(body, refused.refusal)
    except Exception as fault:  # a fault of ours must not lose the bytes: they are kept, parked and replayed
        reference = secrets.token_hex(6)
        log.error("document-not-read", reference=reference, fault=type(fault).__name__, places=places_of(fault))
        return _unread(body, refuse("internal", reference=reference).refusal)


def _unread(body: bytes, refusal: Refusal) -> Document:
    return Document(id="", kind=UNREAD, digest=sha256(body).digest(), people=(), refusal=refusal)


def _arrival(source: Source, transport: Transport, body: bytes, document: Document) -> Arrival:
    keys = keys_of(in_words_of(document.people, source), source)
    return Arrival(
        source=source.name,
        transport=transport,
        format=Format.CDA,
        raw=body,
        kind=document.kind,
        control_id=plain(document.id),
        refusal=document.refusal,
        findings=document.findings,
        digest=document.digest,
        reuse=source.reuse,
        numbers=keys.numbers,
        names=keys.names,
        lanes=keys.lanes,
    )
