"""Text of a v2 message into segments and fields, losslessly and by position; nothing deeper is cut here."""

from functools import lru_cache

from adapters.hl7v2.header import delimiters_of
from hub.errors import refuse
from hub.message import Segment, V2Message

_HEADERS = frozenset({"MSH", "FHS", "BHS"})  # their first field is the separator itself


def tokenize(text: str) -> V2Message:
    """The segments of a message, unknown and Z segments included; CR, LF and CRLF end a segment.

    Joining the fields again gives the text back (blank lines apart). Raises `Refused` "unreadable-frame"
    where it does not begin with MSH and its separators.
    """
    if "\n" in text:
        text = text.replace("\r\n", "\r").replace("\n", "\r")
    if text[:3] != "MSH":
        text = text.lstrip("\ufeff\r\t ")
    separator = text[3:4]
    if text[:3] != "MSH" or not separator:
        raise refuse("unreadable-frame", "MSH")
    lines = _lines(text, separator)
    delimiters = delimiters_of(separator, lines[0][2] if len(lines[0]) > 2 else "")
    ordinals: dict[str, int] = {}
    segments = []
    for line, fields in enumerate(lines, 1):
        name = fields[0]
        ordinals[name] = ordinal = ordinals.get(name, 0) + 1
        segments.append(Segment(name, ordinal, line, fields, delimiters))
    return V2Message(delimiters, tuple(segments))


def _lines(text: str, separator: str) -> list[list[str]]:
    """The fields of each segment."""
    lines: list[list[str]] = []
    for line in text.split("\r"):
        fields = line.split(separator)
        name = fields[0]
        if len(name) == 3 and _is_name(name):
            if name in _HEADERS:
                fields.insert(1, separator)
            lines.append(fields)
        elif line.strip():
            _continue(lines[-1], fields)
    return lines


def _continue(previous: list[str], fields: list[str]) -> None:
    """Takes a line that is no segment as the rest of the one before it.

    Some senders break lines inside a note (OBX-5, NTE-3) where the standard wants ``\\.br\\``. The field then
    goes on with a line feed in it, and what follows on the broken line are the fields after the note:
    dropping the line, or calling the message unreadable, would lose clinical text.
    """
    previous[-1] = f"{previous[-1]}\n{fields[0]}"
    previous += fields[1:]


@lru_cache(maxsize=4096)
def _is_name(name: str) -> bool:
    """Whether three characters are a segment's name: a capital letter, then capitals or digits."""
    return name.isascii() and name.isalnum() and name == name.upper() and not name[0].isdigit()
