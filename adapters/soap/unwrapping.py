"""The message in an envelope: a v2 message or a clinical document, wherever a platform has put it.

Seen in the field: as the text of ``message``, ``payload`` or ``input``, escaped or as CDATA; base64; XML in the text of
an element, whose own elements hold the message; a document as child elements.
"""

import re
from base64 import b64decode
from binascii import Error as NotBase64
from collections.abc import Iterator
from dataclasses import dataclass

from adapters.cda.reading import is_document
from adapters.hl7v2.charset import decode as decode_v2
from adapters.hl7v2.framing import END, START
from adapters.hl7v2.header import read_header
from adapters.xml import Element, encode, parse, written
from hub.errors import Refused, refuse
from hub.message import Format

_DEEPEST = 3
"""Envelopes in envelopes: XML in CDATA in XML is usual, one more is seen."""
_BASE64 = re.compile(r"[A-Za-z0-9+/\s]{16,}={0,2}\s*")
_INDENT = re.compile(r"([\r\n])[ \t]+(?=[A-Z][A-Z0-9]{2})")
_MARKS = ("\ufeff", "\x0b")
_LONE_CR = re.compile(rb"\r(?!\n)|&#0*13;|&#[xX]0*[dD];")


@dataclass(frozen=True, slots=True)
class Payload:
    """A message as it would have come by another door."""

    format: Format
    content: bytes


def unwrap(body: Element, charset: str) -> Payload:
    """The message below an element. `charset` is that of the source's profile, for v2 messages that name none.

    Raises Refused: "soap-no-message"; "soap-several-messages": one answer cannot tell the fate of two.
    """
    found = []
    for payload in _payloads(body, charset, 0):
        found.append(payload)
        if len(found) > 1:
            raise refuse("soap-several-messages", "Envelope.Body")
    if not found:
        raise refuse("soap-no-message", "Envelope.Body")
    return found[0]


def in_senders_lines(acknowledgement: bytes, envelope: bytes, payload: bytes) -> str:
    """The text of an acknowledgement, its segments ended as the sender ends its own: an XML parser makes a line feed of
    each bare carriage return, and who writes line feeds reads them."""
    text = acknowledgement.decode("utf-8", "replace")
    if b"\n" in payload and not _LONE_CR.search(envelope):
        return text.replace("\r", "\n")
    return text


def _payloads(element: Element, charset: str, depth: int) -> Iterator[Payload]:
    """The messages in an element, in its order. What stands in a document belongs to the document."""
    waiting = [element]
    while waiting:
        one = waiting.pop()
        if is_document(one):
            yield Payload(Format.CDA, written(one))
        elif len(one):
            waiting += reversed(one)
        elif one.text:
            yield from _in_text(one.text, charset, depth)


def _in_text(text: str, charset: str, depth: int) -> Iterator[Payload]:
    text = _bare(text)
    if text.startswith("MSH"):
        yield Payload(Format.HL7V2, _v2(text, charset))
    elif text.startswith("<"):
        yield from _in_xml(encode(text), charset, depth)
    elif raw := _unpacked(text):
        content = raw.removeprefix(START).removesuffix(END).lstrip(b"\r\n\t ")
        if content.removeprefix(b"\xef\xbb\xbf").startswith(b"MSH"):
            yield Payload(Format.HL7V2, content)
        elif _looks_like_xml(content):
            yield from _in_xml(content, charset, depth)


def _in_xml(raw: bytes, charset: str, depth: int) -> Iterator[Payload]:
    """What stands in XML that stood in text. A document is taken byte by byte as it was written, also one that is
    broken: it is kept, parked, and its sender told the line and the column."""
    try:
        root = parse(raw)
    except Refused:
        if b"ClinicalDocument" in raw[:4096].replace(b"\x00", b""):
            yield Payload(Format.CDA, raw)
        return
    if is_document(root):
        yield Payload(Format.CDA, raw)
    elif depth < _DEEPEST:
        yield from _payloads(root, charset, depth + 1)


def _bare(text: str) -> str:
    """Text without what may stand around a message: blanks, a byte-order mark, the marks of MLLP."""
    text = text.strip()
    while text.startswith(_MARKS):
        text = text[1:].lstrip()
    return text


def _unpacked(text: str) -> bytes:
    """The bytes of base64; b"" where it is none."""
    if _BASE64.fullmatch(text) is None:
        return b""
    try:
        return b64decode("".join(text.split()), validate=True)
    except (NotBase64, ValueError):
        return b""


def _looks_like_xml(raw: bytes) -> bool:
    return raw.startswith((b"<", b"\xef\xbb\xbf<", b"\xff\xfe<", b"\xfe\xff\x00<"))


def _v2(text: str, charset: str) -> bytes:
    """The bytes of a v2 message that came as text: such that the reader, who goes by MSH-18 and the profile, reads the
    same text from them. Segments that a pretty-printer has indented begin at the margin again."""
    text = _INDENT.sub(r"\1", text)
    utf8 = text.encode("utf-8", "surrogatepass")
    try:
        header = read_header(utf8)
    except Refused:
        return utf8
    for raw in (utf8, text.encode("gb18030", "replace"), text.encode("latin-1", "replace")):
        try:
            if decode_v2(raw, header, charset) == text:
                return raw
        except Refused:
            continue
    return utf8  # MSH-18 names a character set that cannot hold this text: the door will say so
