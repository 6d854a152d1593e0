"""The readings of a message side by side, for somebody who has to find out which character set its bytes are in.

They quote the message, so they are worked out when somebody asks to see it, and never stored or logged.
"""

import re
from dataclasses import dataclass
from functools import lru_cache

from adapters.hl7v2.charset import BOM, DEFAULT, codec_of, codecs_in, declared_in, decoded
from adapters.hl7v2.header import check_narrow, read_header
from hub.errors import Refused

AROUND = 30
"""Characters that are shown on each side of the faulty byte."""
_WINDOW = 4096
"""Bytes of a long segment that are read before the faulty one to get there."""
_BAD = re.compile("[\udc80-\udcff]")  # what `surrogateescape` makes of a byte that cannot be decoded (PEP 383)
_HANZI = re.compile("[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
_NAME = re.compile(rb"[A-Z][A-Z0-9]{2}")
_BEYOND_ASCII = re.compile(rb"[\x80-\xff]")
_LEVEL_1 = range(0xB0, 0xD8)
"""Lead bytes of level 1 of GB 2312: the 3,755 characters that most text is written in."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CharsetReading:
    """What the bytes say in one character set; `codec` is Python's name of it.

    `before`, `at`, `after` are the text around the faulty byte: `at` is the character that this byte is, or begins, or
    is within. Bytes that are no character, and control characters, stand as ``<B2>``. `undecodable` counts the bytes of
    the whole message that are in no character, `position` is the first of them, None where there is none; `hanzi`
    counts its Chinese characters, `common` those among them that most text is written in: a wrong reading has few of
    them.
    """

    codec: str
    before: str
    at: str
    after: str
    undecodable: int
    position: int | None
    hanzi: int
    common: int

    @property
    def text(self) -> str:
        """The text around the faulty byte."""
        return f"{self.before}{self.at}{self.after}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Autopsy:
    """The readings of one message. `declared` is what it says of its character set at `where` (MSH-18, MSH-17), both ""
    where it says nothing.

    `position` is the byte, counted from 0, that the readings are shown around: the first that is not valid in the first
    of them, else the first beyond ASCII; None where all of it is ASCII. It stands in `segment` ("" where that line does
    not begin with a name), the line of that number, counted from 1.
    """

    declared: tuple[str, ...]
    where: str
    position: int | None
    segment: str
    line: int
    readings: tuple[CharsetReading, ...]


def autopsy(raw: bytes, charset: str = "") -> Autopsy:
    """A message in every character set that it may be in: those that it declares, those of the source's profile
    (`charset`), UTF-8 and GB18030; the one that it was read in, or should be in, comes first.

    Raises Refused (wide-charset): UTF-16 is read by no v2 system. A message without readable header has readings too.
    """
    check_narrow(raw)
    where, declared, named = _named(raw, charset)
    tried = tuple(dict.fromkeys([*named, *codecs_in(charset), "utf-8", DEFAULT]))
    position = _position(raw, tried[0])
    readings = tuple(_reading(raw, codec, position or 0) for codec in tried)
    segment, line = _place(raw, position or 0)
    return Autopsy(declared=declared, where=where, position=position, segment=segment, line=line, readings=readings)


def _place(raw: bytes, position: int) -> tuple[str, int]:
    start = _line_start(raw, position)
    line = raw[max(start, _start(raw)) :][:3]
    before = raw[:start].replace(b"\r\n", b"\r").replace(b"\n", b"\r")
    return line.decode("ascii") if _NAME.fullmatch(line) else "", before.count(b"\r") + 1


def _named(raw: bytes, charset: str) -> tuple[str, tuple[str, ...], list[str]]:
    """Where a message declares character sets, which, and the codecs that it is to be read by: the one that it was
    read by, where it could be, comes first."""
    try:
        header = read_header(raw)
    except Refused:
        return "", (), []
    where, declared = declared_in(header)
    codecs = [codec for name in declared if (codec := codec_of(name))]
    try:
        read_by = decoded(raw, header, charset).codec
    except Refused:
        return where, declared, codecs
    return where, declared, [read_by, *codecs] if read_by != "ascii" else codecs


def _position(raw: bytes, codec: str) -> int | None:
    """The byte that everything is shown around; a byte-order mark is none."""
    if (bad := _first_bad(raw, codec)) is not None:
        return bad
    beyond = _BEYOND_ASCII.search(raw, _start(raw))
    return beyond.start() if beyond else None


def _first_bad(raw: bytes, codec: str) -> int | None:
    start = _start(raw)
    try:
        raw[start:].decode(codec)
    except UnicodeDecodeError as error:
        return start + error.start
    return None


def _start(raw: bytes) -> int:
    """Where the text begins: behind a byte-order mark."""
    return len(BOM) if raw.startswith(BOM) else 0


def _reading(raw: bytes, codec: str, position: int) -> CharsetReading:
    text = raw[_start(raw) :].decode(codec, "surrogateescape")
    hanzi = _HANZI.findall(text)
    before, at, after = _around(raw, codec, position)
    return CharsetReading(
        codec=codec,
        before=before,
        at=at,
        after=after,
        undecodable=len(_BAD.findall(text)),
        position=_first_bad(raw, codec),
        hanzi=len(hanzi),
        common=sum(map(_is_common, hanzi)),
    )


@lru_cache(maxsize=8192)
def _is_common(character: str) -> bool:
    """Whether a Chinese character is of level 1 of GB 2312. UTF-8 that is read as GBK hardly gives any."""
    try:
        return character.encode("gb2312")[0] in _LEVEL_1
    except UnicodeEncodeError:
        return False


def _around(raw: bytes, codec: str, position: int) -> tuple[str, str, str]:
    """The text before, at and after a byte, within its line."""
    start = max(_line_start(raw, position), position - _WINDOW, _start(raw))
    end = min(_line_end(raw, position), position + 4 * AROUND)
    before: list[str] = []
    rest: list[str] = []  # from the character that the byte is part of
    ends = start
    for character in raw[start:end].decode(codec, "surrogateescape"):
        ends += len(character.encode(codec, "surrogateescape"))
        (before if ends <= position else rest).append(_shown(character))
    return "".join(before[-AROUND:]), "".join(rest[:1]), "".join(rest[1 : 1 + AROUND])


def _line_start(raw: bytes, position: int) -> int:
    """In no character set here is a line end part of a character, so each can be read from there."""
    return max(raw.rfind(b"\r", 0, position), raw.rfind(b"\n", 0, position)) + 1


def _line_end(raw: bytes, position: int) -> int:
    return min((at for end in (b"\r", b"\n") if (at := raw.find(end, position)) >= 0), default=len(raw))


def _shown(character: str) -> str:
    """A character, or the byte that it stands for, fit for a terminal."""
    if _BAD.match(character):
        return f"<{ord(character) - 0xDC00:02X}>"
    if character < " " or "\x7f" <= character <= "\x9f":
        return f"<{ord(character):02X}>"
    return character
