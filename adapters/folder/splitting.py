"""A file cut into the messages that it holds, on bytes, before any decoding.

What a file is, is told by its content; its name only decides what content leaves open. v2 files are one message or
several, bare, in MLLP frames, or as a batch (FHS, BHS, BTS, FTS: HL7 v2.5.1 chapter 2.10.3), whose counts are checked.
A segment ends with CR, LF or CRLF: these bytes are no part of a longer character in UTF-8 and GB 18030, so nothing is
cut in two.
"""

import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum

import orjson

from adapters.hl7v2.framing import START, Deframer
from hub.errors import Refusal, refuse
from hub.message import Format

_MARKS = b"\xef\xbb\xbf\r\n\t "
_GZIP = b"\x1f\x8b"
_ANY_HEADER = 47  # zlib.h, inflateInit2: gzip or zlib, told by the header
_PIECE = 256 * 1024
_WIDE = (b"\xff\xfe", b"\xfe\xff", b"M\x00S\x00", b"\x00M\x00S")
"""How v2 begins in UTF-16: it is kept whole and refused by the door, which names the character set."""
_LINE = re.compile(rb"[^\r\n]*(?:\r\n|\r|\n|$)")
_ENVELOPE = (b"FHS", b"BHS", b"BTS", b"FTS")
_NDJSON = (".ndjson", ".jsonl")


class Shape(StrEnum):
    """What a file is cut as."""

    V2 = "v2"
    JSON = "json"
    NDJSON = "ndjson"
    XML = "xml"
    SHEET = "sheet"

    @property
    def of(self) -> Format:
        """The format of its messages. Rows of a sheet become FHIR."""
        return {Shape.V2: Format.HL7V2, Shape.XML: Format.CDA}.get(self, Format.FHIR)


@dataclass(frozen=True, kw_only=True, slots=True)
class Piece:
    """One message of a file. `number` counts the file's messages from 1, `line` its lines; `fault` says why it is
    none, or not a whole one."""

    number: int
    line: int
    content: bytes
    fault: Refusal | None = None

    @property
    def where(self) -> str:
        """How people find it in the file."""
        return f"#{self.number} (line {self.line})"


@dataclass(kw_only=True, slots=True)
class Faults:
    """What is wrong with a file as a whole, noted while it is cut: a batch whose count is another one."""

    found: list[Refusal] = field(default_factory=list)


def unpacked(raw: bytes, most: int) -> bytes:
    """The content of a file, out of gzip (RFC 1952, one member or several) where it is packed.

    Raises Refused: "file-too-large" as soon as there is more than `most` bytes, "file-not-unpackable".
    """
    if not raw.startswith(_GZIP):
        return raw
    pieces: list[bytes] = []
    size = 0
    left = raw
    while left:
        inflate = zlib.decompressobj(_ANY_HEADER)
        while not inflate.eof:
            try:
                piece = inflate.decompress(left, _PIECE)
            except zlib.error:
                raise refuse("file-not-unpackable") from None
            left = inflate.unconsumed_tail
            size += len(piece)
            if size > most:
                raise refuse("file-too-large", limit=str(most))
            pieces.append(piece)
            if not piece and not left and not inflate.eof:
                raise refuse("file-not-unpackable")
        left = inflate.unused_data.lstrip(
            b"\x00"
        )  # tapes and some packers fill the last block up (RFC 1952 section 2.2)
    return b"".join(pieces)


def shape_of(content: bytes, name: str) -> Shape:
    """What a file is, by its first bytes, else by its name. Raises Refused (file-empty)."""
    if content.startswith(_WIDE):
        return Shape.SHEET if name.casefold().endswith(".csv") else Shape.V2
    start = content[:4096].lstrip(_MARKS)
    if not start and not content.lstrip(_MARKS):
        raise refuse("file-empty")
    if start[:1] == START or start[:3] in (b"MSH", *_ENVELOPE):
        return Shape.V2
    if start[:1] == b"<":
        return Shape.XML
    if start[:1] in (b"{", b"["):
        return _json_shape(content, name.casefold())
    return Shape.V2 if name.casefold().endswith((".hl7", ".dat", ".er7")) else Shape.SHEET


def _json_shape(content: bytes, name: str) -> Shape:
    """NDJSON where the name says so, or where the first of several lines is a whole resource by itself."""
    if name.removesuffix(".gz").endswith(_NDJSON):
        return Shape.NDJSON
    first, _, rest = content.lstrip(_MARKS).partition(b"\n")
    if not rest.strip():
        return Shape.JSON
    try:
        orjson.loads(first)
    except orjson.JSONDecodeError:
        return Shape.JSON
    return Shape.NDJSON


def pieces_of(content: bytes, shape: Shape, most: int, faults: Faults) -> Iterator[Piece]:
    """The messages of a file in its order. One of more than `most` bytes is cut and has a fault.

    What is wrong with the file as a whole is known in `faults` once the last piece is taken.
    """
    cut = {Shape.V2: _messages, Shape.NDJSON: _lines}.get(shape, _whole)
    for number, (line, part, fault) in enumerate(cut(content, faults), 1):
        too_large = refuse("frame-too-large", limit=str(most)).refusal if len(part) > most else None
        yield Piece(number=number, line=line, content=part[:most], fault=too_large or fault)


Found = Iterator[tuple[int, bytes, Refusal | None]]


def _whole(content: bytes, _: Faults) -> Found:
    yield 1, content, None


def _lines(content: bytes, _: Faults) -> Found:
    """Each line that is not blank (NDJSON: http://ndjson.org)."""
    start, line = 0, 0
    while start < len(content):
        end = content.find(b"\n", start)
        end = len(content) if end < 0 else end
        line += 1
        if part := content[start:end].strip(_MARKS):
            yield line, part, None
        start = end + 1


def _messages(content: bytes, faults: Faults) -> Found:
    """v2 messages; a capture of an MLLP connection is cut by its frames."""
    if content.startswith(_WIDE):
        yield 1, content, None
    elif content.lstrip(_MARKS)[:1] == START:
        yield from _frames(content)
    else:
        yield from _Batches(faults).cut(content)


def _frames(content: bytes) -> Found:
    deframer = Deframer(len(content) + 1)
    deframer.add(content)
    line, seen = 1, 0
    for frame in [*iter(deframer.next, None), *deframer.close()]:
        at = max(content.find(frame.content, seen), seen)
        line += content.count(b"\n", seen, at)
        seen = at
        yield line, frame.content, frame.fault


@dataclass(slots=True)
class _Batches:
    """Cuts v2 text at MSH and counts what its batches hold: BTS-1 messages of a batch, FTS-1 batches of a file."""

    faults: Faults
    messages: int = 0
    batches: int = 0
    in_batch: bool = False
    in_file: bool = False

    def cut(self, content: bytes) -> Found:
        begun: tuple[int, int] | None = None
        is_message = False
        line = 0
        for found in _LINE.finditer(content):
            if found.start() == len(content):
                break
            line += 1
            text = found[0].lstrip(b"\xef\xbb\xbf") if line == 1 else found[0]
            name = b"" if text[3:4].isalnum() else text[:3]
            is_start = name == b"MSH" or name in _ENVELOPE
            if is_start and begun:
                yield self._taken(content[begun[0] : found.start()], begun[1], is_message)
                begun = None
            if name in _ENVELOPE:
                self._count(name, text, line)
            elif begun is None and (name == b"MSH" or text.strip()):
                begun, is_message = (found.start(), line), name == b"MSH"
                self.messages += is_message
        if begun:
            yield self._taken(content[begun[0] :], begun[1], is_message)
        self._end(line)

    def _taken(self, part: bytes, line: int, is_message: bool) -> tuple[int, bytes, Refusal | None]:
        return line, part.rstrip(b"\x1c\x1a"), None if is_message else refuse("stray-lines", f"line {line}").refusal

    def _count(self, name: bytes, text: bytes, line: int) -> None:
        if name == b"FHS":
            self.in_file, self.batches = True, 0
        elif name == b"BHS":
            self._unclosed(line)
            self.in_batch, self.messages = True, 0
        elif name == b"BTS":
            self._compare("BTS-1", text, self.messages, line)
            self.batches += 1
            self.in_batch, self.messages = False, 0
        else:
            self._unclosed(line)
            self._compare("FTS-1", text, self.batches, line)
            self.in_file = False

    def _compare(self, position: str, text: bytes, counted: int, line: int) -> None:
        """A count that is not said, or is no number, is none (BTS-1 and FTS-1 are optional)."""
        fields = text.strip(b"\r\n\x1c\x1a ").split(text[3:4]) if text[3:4].strip() else []
        said = fields[1].strip() if len(fields) > 1 else b""
        if said.isdigit() and int(said[:18]) != counted:
            where = f"{position} (line {line})"
            self.faults.found.append(
                refuse("batch-count-differs", where, said=str(int(said[:18])), counted=str(counted)).refusal
            )

    def _unclosed(self, line: int) -> None:
        if self.in_batch:
            self.faults.found.append(refuse("batch-not-closed", f"line {line}", segment="BTS").refusal)
            self.batches += 1
            self.in_batch = False

    def _end(self, line: int) -> None:
        self._unclosed(line)
        if self.in_file:
            self.faults.found.append(refuse("batch-not-closed", f"line {line}", segment="FTS").refusal)
