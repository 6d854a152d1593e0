"""Request bodies: read within a limit, unpacked while they come, and given up where they do not come.

`Content-Length` is a promise of the sender's: one above the limit is refused without keeping a byte, and no other is
believed. A packed body (gzip, deflate; RFC 9110 section 8.4.1) is unpacked piece by piece, so a bomb costs no more
memory than a body of the limit.
"""

import asyncio
import re
import zlib
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress

from starlette.requests import ClientDisconnect, Request

from hub.errors import Refused, refuse

ENCODINGS = "gzip, deflate"
"""What a refused sender may pack its bodies with: the value of `Accept-Encoding` beside a 415 (RFC 9110 12.5.3)."""
PATIENCE_SECONDS = 30.0
"""How long a body may stand still before it is given up."""

_GONE = frozenset({"broken-body", "body-too-slow"})
_LINGER_SECONDS = 5.0
_GZIP = frozenset({"gzip", "x-gzip"})
_PIECE = 256 * 1024
"""Bytes that are unpacked before others have their turn."""
_ANY_HEADER = 47  # zlib.h, inflateInit2: gzip or zlib, told by the header
_NO_HEADER = -15
_CHARSET = re.compile(r""";\s*charset\s*=\s*["']?([A-Za-z][A-Za-z0-9._-]{0,39})""", re.IGNORECASE)


def content_type_of(request: Request) -> str:
    """The media type of a request's body, small letters, without its parameters; "" where none is said."""
    return request.headers.get("content-type", "").split(";", 1)[0].strip().lower()


def charset_of(request: Request) -> str:
    """The character set of a request's Content-Type, small letters (RFC 7303 section 3.2); "" where it names none."""
    found = _CHARSET.search(request.headers.get("content-type", ""))
    return found[1].lower() if found else ""


async def limited_body(request: Request, most: int, *, patience: float = PATIENCE_SECONDS) -> bytes:
    """The body of a request, unpacked.

    Raises Refused: "frame-too-large" as soon as it is longer than `most` bytes, packed or unpacked;
    "unsupported-encoding"; "broken-body" where the connection ends too early; "not-unpackable"; "body-too-slow" where
    nothing comes for `patience` seconds.
    """
    chunks = _patient(request, patience)
    try:
        return await _read(request, chunks, most)
    except Refused as refused:
        if refused.refusal.code not in _GONE and "expect" not in request.headers:
            await _drain(chunks, most)
        raise


async def _read(request: Request, chunks: AsyncIterator[bytes], most: int) -> bytes:
    packed = _packed(request)
    declared = request.headers.get("content-length", "")
    if declared.isascii() and declared.isdigit() and int(declared[:20]) > most:
        raise refuse("frame-too-large", limit=str(most))
    pieces: list[bytes] = []
    size = 0
    chunks = _limited(chunks, most)
    async for piece in _unpacked(chunks) if packed else chunks:
        size += len(piece)
        if size > most:
            raise refuse("frame-too-large", limit=str(most))
        pieces.append(piece)
    return b"".join(pieces)


async def _drain(chunks: AsyncIterator[bytes], most: int) -> None:
    """Let a refused body go by, up to `most` bytes and a few seconds: to close while the sender still writes would
    reset the connection, and the sender would never read why (RFC 9112 section 9.6)."""
    size = 0
    with suppress(Refused, TimeoutError):
        async with asyncio.timeout(_LINGER_SECONDS):
            async for chunk in chunks:
                size += len(chunk)
                if size > most:
                    return


def _packed(request: Request) -> bool:
    """Whether the body is packed. Packed twice is refused: nobody but an attacker does it."""
    encoding = request.headers.get("content-encoding", "").strip().lower()
    if encoding in ("", "identity"):
        return False
    if encoding in _GZIP or encoding == "deflate":
        return True
    raise refuse("unsupported-encoding", encodings=ENCODINGS)


async def _patient(request: Request, patience: float) -> AsyncIterator[bytes]:
    """The chunks as they come."""
    stream = aiter(request.stream())
    while True:
        try:
            async with asyncio.timeout(patience):
                chunk = await anext(stream)
        except StopAsyncIteration:
            return
        except TimeoutError:
            raise refuse("body-too-slow", seconds=f"{patience:g}") from None
        except ClientDisconnect:
            raise refuse("broken-body") from None
        yield chunk


async def _limited(chunks: AsyncIterator[bytes], most: int) -> AsyncIterator[bytes]:
    """The chunks, as long as they are no more than `most` bytes: empty gzip members unpack to nothing, for ever."""
    size = 0
    async for chunk in chunks:
        size += len(chunk)
        if size > most:
            raise refuse("frame-too-large", limit=str(most))
        yield chunk


async def _unpacked(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    unpacking = _Unpacking()
    async for chunk in chunks:
        for piece in unpacking.feed(chunk):
            yield piece
            await asyncio.sleep(0)  # a chunk may hold a thousand times its size
    unpacking.check_ended()


class _Unpacking:
    """One packed body. gzip may have several members (RFC 1952 section 2.2); "deflate" comes with the zlib header that
    RFC 9110 section 8.4.1.2 asks for, and from many senders without."""

    def __init__(self) -> None:
        self._inflate: zlib._Decompress | None = None
        self._lead = b""

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """What a chunk unpacks to, in pieces. Raises Refused (not-unpackable)."""
        left = self._lead + chunk
        while left:
            if self._inflate is None:
                if len(left) < 2:
                    self._lead = left
                    return
                self._lead = b""
                self._inflate = zlib.decompressobj(_ANY_HEADER if _has_header(left) else _NO_HEADER)
            try:
                piece = self._inflate.decompress(left, _PIECE)
            except zlib.error:
                raise refuse("not-unpackable", encodings=ENCODINGS) from None
            left = self._inflate.unconsumed_tail
            if self._inflate.eof:
                left = self._inflate.unused_data
                self._inflate = None
            if piece:
                yield piece
            if len(piece) < _PIECE and self._inflate is not None:
                return  # all of the chunk is taken

    def check_ended(self) -> None:
        """Raises Refused (not-unpackable) where the last member is not complete."""
        if self._inflate is not None or self._lead:
            raise refuse("not-unpackable", encodings=ENCODINGS)


def _has_header(lead: bytes) -> bool:
    """Whether gzip (RFC 1952: 1F 8B) or zlib (RFC 1950: CM 8, and a check of two bytes) begins here."""
    return lead[:2] == b"\x1f\x8b" or (lead[0] & 15 == 8 and int.from_bytes(lead[:2], "big") % 31 == 0)
