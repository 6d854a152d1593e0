"""Which characters the bytes of a message mean: what MSH declares, else the evidence of the bytes."""

import re

from adapters.hl7v2.header import Header
from hub.errors import Refused, refuse

DEFAULT = "gb18030"

# HL7 table 0211 and what senders write in its place; compared without case, blanks and punctuation.
# GB2312 and GBK are read as GB18030, which contains both.
_CODECS = {
    "UNICODE": "utf-8",
    "UNICODEUTF8": "utf-8",
    "UTF8": "utf-8",
    "GB2312": "gb18030",
    "GB231280": "gb18030",
    "GBK": "gb18030",
    "CP936": "gb18030",
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
_BOM = b"\xef\xbb\xbf"
# Two bytes each in UTF-8 and found in laboratory text that has no Chinese in it: units, exponents, middle
# dot.
_SYMBOLS = frozenset("µμ°±²³¹¼½¾·×÷αβγδεκλσωΔΩ")


def codec_of(name: str) -> str | None:
    """The codec behind a character set's name as senders and profiles write it; None where unknown."""
    return _CODECS.get(_PUNCTUATION.sub("", name).upper())


def decode(raw: bytes, header: Header, fallback: str = DEFAULT) -> str:
    """The text of a message, without byte-order mark.

    MSH-18 decides; then a character set that a sender wrote into MSH-17, the country; then the bytes: UTF-8
    where they are valid UTF-8, else `fallback`, the source profile's character set ("" means GB18030). Raises
    `Refused` "wrong-charset" (with the offset of the first bad byte) or "unknown-charset".
    """
    skipped = len(_BOM) if raw.startswith(_BOM) else 0
    body = raw[skipped:]
    if header.charset and header.charset != '""':
        return _declared(body, header.charset, "MSH-18", skipped)
    if header.country and codec_of(header.country):
        return _declared(body, header.country, "MSH-17", skipped)
    return _evident(body, fallback or DEFAULT, skipped)


def _declared(body: bytes, name: str, where: str, skipped: int) -> str:
    codec = codec_of(name)
    if codec is None:
        raise refuse("unknown-charset", where, charset=_shown(name))
    return _decoded(body, codec, name, where, skipped)


def _decoded(body: bytes, codec: str, name: str, where: str, skipped: int) -> str:
    try:
        return body.decode(codec)
    except UnicodeDecodeError as error:
        at = str(skipped + error.start)
        raise refuse("wrong-charset", where, charset=_shown(name), position=at) from None


def _evident(body: bytes, fallback: str, skipped: int) -> str:
    if body.isascii():
        return body.decode("ascii")
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        return _declared(body, fallback, "MSH-18", skipped)
    if codec_of(fallback) != "utf-8" and not _LONG.search(body) and _may_be_chance(text):
        try:
            return _declared(body, fallback, "MSH-18", skipped)
        except Refused:
            return text
    return text


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
