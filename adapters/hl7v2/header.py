"""The MSH segment, read from bytes before the rest of the message is decoded (HL7 v2.5.1 chapter 2.15.9)."""

import re
from functools import lru_cache
from typing import NamedTuple

from hub.errors import refuse
from hub.message import Delimiters, component_of

_BLANK = b"\xef\xbb\xbf\r\n\t "
# Longer marks first: UTF-32's little-endian one begins as UTF-16's does.
_WIDE = {
    b"\xff\xfe\x00\x00": "UTF-32",
    b"\x00\x00\xfe\xff": "UTF-32",
    b"\xff\xfe": "UTF-16",
    b"\xfe\xff": "UTF-16",
    b"M\x00S\x00": "UTF-16",
    b"\x00M\x00S": "UTF-16",
    b"M\x00\x00\x00": "UTF-32",
    b"\x00\x00\x00M": "UTF-32",
}
_LATIN = re.compile(r"(?:ISO[ -]?)?8859[/-]1(?:~.*)?", re.IGNORECASE)
# Stand in for separators that MSH-2 leaves out. They never occur in a message, so text is never cut at them.
_ABSENT = ("\x1d", "\x1e", "\x1f")


class Header(NamedTuple):
    """What MSH says of a message. Application and facility fields are raw texts, as sent, all components.

    A tuple, as `Segment` is: one is made of each message while its sender waits.
    """

    delimiters: Delimiters
    encoding_characters: str
    sending_application: str
    sending_facility: str
    receiving_application: str
    receiving_facility: str
    sent_at: str
    kind: str
    control_id: str
    processing_id: str
    version: str
    accept_ack: str
    application_ack: str
    country: str
    charset: str
    alternates: tuple[str, ...] = ()
    """The further repetitions of MSH-18."""

    @property
    def application(self) -> str:
        """MSH-3.1, unescaped: the name a source profile gives."""
        return component_of(self.delimiters, self.sending_application).strip()

    @property
    def facility(self) -> str:
        """MSH-4.1, unescaped."""
        return component_of(self.delimiters, self.sending_facility).strip()


def read_header(raw: bytes) -> Header:
    """The header of a message; the rest of it is not looked at.

    Decoded as UTF-8, else leniently as GB18030, before it is split: a GBK trail byte may look like ``|`` or
    ``^``. As Latin-1 only where MSH-18, so read, says that. Raises `Refused` "unreadable-frame" at MSH, or
    "wide-charset" where the bytes are UTF-16 or UTF-32.
    """
    fields = _fields(raw)
    sep, encoding = fields[1], fields[2]
    delimiters = delimiters_of(sep, encoding)
    fields += [""] * (19 - len(fields))
    charset, *alternates = (name.strip() for name in fields[18].split(delimiters.repetition))
    return Header(
        delimiters=delimiters,
        encoding_characters=encoding,
        sending_application=fields[3],
        sending_facility=fields[4],
        receiving_application=fields[5],
        receiving_facility=fields[6],
        sent_at=component_of(delimiters, fields[7]).strip(),
        kind=_kind(delimiters, fields[9]),
        control_id=fields[10].strip(),
        processing_id=fields[11].strip(),
        version=component_of(delimiters, fields[12]).strip(),
        accept_ack=fields[15].strip(),
        application_ack=fields[16].strip(),
        country=fields[17].strip(),
        charset=charset,
        alternates=tuple(alternates),
    )


@lru_cache(maxsize=256)
def delimiters_of(field: str, encoding_characters: str) -> Delimiters:
    """The separators that MSH-1 and MSH-2 name. Component and repetition separator are required.

    An escape or subcomponent separator that is left out is not used in the message (HL7 v2.7 chapter 2.5.4),
    so the usual character then is plain text. Raises `Refused` "unreadable-frame" at MSH.
    """
    named = encoding_characters[:5]
    if named[2:3] == named[3:4]:  # "^~\\\\&": an escape doubled on its way through source code, with one meant
        named = named[:3] + named[4:]
    named = named[:4]
    marks = field + named
    if len(named) < 2 or len(set(marks)) < len(marks) or any(_is_text(mark) for mark in marks):
        raise refuse("unreadable-frame", "MSH")
    component, repetition, escape, subcomponent = [*named, *_ABSENT[len(named) - 2 :]][:4]
    return Delimiters(field=field, component=component, repetition=repetition, escape=escape, subcomponent=subcomponent)


def _is_text(mark: str) -> bool:
    return mark.isalnum() or mark.isspace() or not mark.isascii()


def _fields(raw: bytes) -> list[str]:
    """MSH cut at its field separator, the separator itself at 1 and MSH-2 at 2."""
    if raw[:3] != b"MSH":
        check_narrow(raw)
        raw = raw.lstrip(_BLANK)
        if raw[:3] != b"MSH":
            raise refuse("unreadable-frame", "MSH")
    text = _text(_first_line(raw))
    separator = text[3:4]
    if not separator:
        raise refuse("unreadable-frame", "MSH")
    fields = text.split(separator)
    if len(fields) < 3:
        raise refuse("unreadable-frame", "MSH")
    fields.insert(1, separator)
    return fields


def check_narrow(raw: bytes) -> None:
    """Refuses bytes that begin as UTF-16 or UTF-32 does: by the byte-order mark, or by the zeros between the letters of
    ``MSH``.

    0x0B, 0x0D and 0x1C stand inside characters of theirs, so MLLP cannot carry them whole. Raises `Refused`
    "wide-charset" at MSH.
    """
    wide = next((name for mark, name in _WIDE.items() if raw.startswith(mark)), None)
    if wide:
        raise refuse("wide-charset", "MSH", charset=wide)


def _text(line: bytes) -> str:
    """An MSH segment's characters."""
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError:
        pass
    text = line.decode("latin-1")
    fields = text.split(text[3:4]) if len(text) > 3 else []
    if len(fields) > 17 and _LATIN.fullmatch(fields[17].strip()):
        return text  # "é|" in Latin-1 is one character of GB18030
    return line.decode("gb18030", "replace")


def _first_line(raw: bytes) -> bytes:
    end = raw.find(b"\r")
    newline = raw.find(b"\n", 0, end if end >= 0 else len(raw))
    if newline >= 0:
        end = newline
    return raw if end < 0 else raw[:end]


def _kind(delimiters: Delimiters, field: str) -> str:
    """``ADT^A01`` out of MSH-9, whatever separator the sender writes it with."""
    parts = field.split(delimiters.repetition, 1)[0].split(delimiters.component)[:2]
    return "^".join(part.strip() for part in parts if part.strip())
