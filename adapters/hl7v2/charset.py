"""Which characters the bytes of a message mean: what MSH declares, else the evidence of the bytes."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from adapters.hl7v2.header import Header
from hub.errors import Refused, refuse

DEFAULT = "gb18030"
BOM = b"\xef\xbb\xbf"
_BETWEEN = "~"  # character sets of one profile: the declared one, then those to fall back on

# HL7 table 0211 and what senders write in its place; compared without case, blanks and punctuation.
# GB2312 and GBK are read as GB18030, which contains both.
_CODECS = {
    "UNICODE": "utf-8",
    "UNICODEUTF8": "utf-8",
    "UTF8": "utf-8",
    "UTF8MB4": "utf-8",
    "GB2312": "gb18030",
    "GB231280": "gb18030",
    "GBK": "gb18030",
    "CP936": "gb18030",
    "MS936": "gb18030",
    "WINDOWS936": "gb18030",
    "GB18030": "gb18030",
    "GB180302000": "gb18030",
    "GB180302005": "gb18030",
    "GB180302022": "gb18030",
    "ASCII": "ascii",
    "USASCII": "ascii",
    "88591": "latin-1",
    "ISO88591": "latin-1",
}
_PUNCTUATION = re.compile(r"[\s_/.\-]+")
_LONG = re.compile(rb"[\xe0-\xf4]")  # begins a UTF-8 sequence of three or four bytes, as every hanzi's does
# Two bytes each in UTF-8 and found in laboratory text that has no Chinese in it: units, exponents, middle
# dot.
_SYMBOLS = frozenset("µμ°±²³¹¼½¾·×÷αβγδεκλσωΔΩ")


@dataclass(frozen=True, kw_only=True, slots=True)
class Decoded:
    """The text of a message, without byte-order mark, and why it was read so. `codec` is Python's name of the character
    set. `because`: ``declared`` (at `where`: MSH-18, MSH-17), ``ascii``, ``valid-utf-8``, ``profile``, ``default``."""

    text: str
    codec: str
    because: str
    where: str = ""


@lru_cache(maxsize=256)
def codec_of(name: str) -> str | None:
    """The codec behind a character set's name as senders and profiles write it; None where unknown."""
    return _CODECS.get(_PUNCTUATION.sub("", name).upper())


def is_charset(names: str) -> bool:
    """Whether a profile may say so: a known character set, or several with ``~`` between (``GBK~UTF-8``), of which the
    later ones are tried where the bytes are not valid in those before."""
    return all(codec_of(name) for name in names.split(_BETWEEN))


@lru_cache(maxsize=256)
def codecs_in(names: str) -> tuple[str, ...]:
    """The codecs of a profile's character sets, in order; () for ""."""
    return tuple(codec for name in names.split(_BETWEEN) if (codec := codec_of(name)))


def declared_in(header: Header) -> tuple[str, tuple[str, ...]]:
    """Where a header declares its character sets (``MSH-18``, ``MSH-17``), and their names, the message's own first;
    "" and () where it declares none.

    MSH-18 repeats: the first is the message's, the others are alternates of it (HL7 v2.5.1 chapter 2.15.9.18). Some
    senders write it into MSH-17, the country.
    """
    names = tuple(name for name in (header.charset, *header.alternates) if name and name != '""')
    if names:
        return "MSH-18", names
    if header.country and codec_of(header.country):
        return "MSH-17", (header.country,)
    return "", ()


def decode(raw: bytes, header: Header, fallback: str = DEFAULT) -> str:
    """The text of a message, as `decoded` reads it. Raises `Refused` "wrong-charset", "unknown-charset"."""
    return decoded(raw, header, fallback).text


def decoded(raw: bytes, header: Header, profile: str = "") -> Decoded:
    """A message's text, and in which character set it was read.

    A UTF-8 byte-order mark before valid UTF-8 speaks for itself. Else MSH-18 decides (its alternates where the bytes
    are not valid in the first), then a character set that a sender wrote into MSH-17, then the bytes: UTF-8 where they
    are valid UTF-8, else `profile`, the source profile's character sets ("" means GB18030). Raises `Refused`
    "wrong-charset" (with the offset of the first byte that is not valid in the first of them) or "unknown-charset".
    """
    marked = raw.startswith(BOM)
    body = raw[len(BOM) :] if marked else raw
    skipped = len(BOM) if marked else 0
    if marked and (text := _valid(body, "utf-8")) is not None:
        return Decoded(text=text, codec="utf-8", because="valid-utf-8")
    where, names = declared_in(header)
    if names:
        text, codec = _first_valid(body, names, where, skipped)
        return Decoded(text=text, codec=codec, because="declared", where=where)
    return _evident(body, profile, skipped)


def _first_valid(body: bytes, names: Sequence[str], where: str, skipped: int) -> tuple[str, str]:
    """The text by the first of these character sets that it is valid in, and that one's codec."""
    first = codec_of(names[0])
    if first is None:
        raise refuse("unknown-charset", where, charset=_shown(names[0]))
    others = [codec for name in names[1:] if (codec := codec_of(name))]
    if "utf-8" in others and (text := _evident_utf_8(body)) is not None:
        return text, "utf-8"  # what else is declared hardly ever writes such bytes, and often reads them
    try:
        return body.decode(first), first
    except UnicodeDecodeError as error:
        at = skipped + error.start
    for codec in others:
        if (text := _valid(body, codec)) is not None:
            return text, codec
    raise refuse("wrong-charset", where, charset=_shown(names[0]), position=str(at))


def _valid(body: bytes, codec: str) -> str | None:
    try:
        return body.decode(codec)
    except UnicodeDecodeError:
        return None


def _evident_utf_8(body: bytes) -> str | None:
    """The text of bytes that are valid UTF-8, and not only by chance."""
    text = _valid(body, "utf-8")
    return None if text is None or (not _LONG.search(body) and _may_be_chance(text)) else text


def _evident(body: bytes, profile: str, skipped: int) -> Decoded:
    if body.isascii():
        return Decoded(text=body.decode("ascii"), codec="ascii", because="ascii")
    names = (profile or DEFAULT).split(_BETWEEN)
    first = codec_of(names[0])
    because = "profile" if profile else "default"
    if (
        first != "utf-8"
        and (text := _evident_utf_8(body)) is not None
        and not (profile and _may_be_gb_2312(body, names))
    ):
        return Decoded(text=text, codec="utf-8", because="valid-utf-8")
    try:
        text, codec = _first_valid(body, names, "MSH-18", skipped)
    except Refused:
        if (only := _valid(body, "utf-8")) is None:  # by chance or not, it is all that the bytes can be
            raise
        return Decoded(text=only, codec="utf-8", because="valid-utf-8")
    return Decoded(text=text, codec=codec, because=because)


_FEW = 4
"""Sequences of three bytes; so many and more are not UTF-8 by chance (one name of three hanzi in GBK may be two)."""


def _may_be_gb_2312(body: bytes, profile: Sequence[str]) -> bool:
    """Whether bytes that are valid UTF-8 are as well the few common hanzi that a profile of GB 18030 promises: 甯红海
    alone reads as 帺캣 in UTF-8."""
    if codec_of(profile[0]) != "gb18030" or not 0 < len(_LONG.findall(body)) < _FEW:
        return False
    return _valid(body, "gb2312") is not None


def _may_be_chance(text: str) -> bool:
    """Whether GBK bytes could be valid UTF-8 by chance, in text that has only two-byte sequences.

    One common hanzi in seven is, in GBK, also a valid two-byte UTF-8 sequence, so a message whose only
    Chinese is a short name may pass for UTF-8. Chinese in UTF-8 takes three bytes: text with none of those,
    and with characters other than the symbols of laboratory units, is more likely the source's own character
    set.
    """
    return not {character for character in text if character > "\x7f"} <= _SYMBOLS


def _shown(name: str) -> str:
    """A declared name, fit for a refusal: a shifted field could hold anything, so only what looks like a
    name."""
    return name if re.fullmatch(r"[A-Za-z0-9 ._/\-]{1,30}", name) else "?"
