"""Text of a v2 message into segments and fields, losslessly and by position; nothing deeper is cut here."""

from functools import lru_cache

from adapters.hl7v2.header import delimiters_of
from hub.errors import refuse
from hub.message import Segment, V2Message

_HEADERS = frozenset({"MSH", "FHS", "BHS"})  # their first field is the separator itself


def tokenize(text: str) -> V2Message:
    """The segments of a message, unknown and Z segments included; CR, LF and CRLF end a segment.

    `joined` gives the text back. Raises `Refused` "unreadable-frame" where it does not begin with MSH and its
    separators.
    """
    if "\n" in text:
        text = text.replace("\r\n", "\r").replace("\n", "\r")
    if text[:3] != "MSH":
        text = text.lstrip("\ufeff\r\t ")
    separator = text[3:4]
    if text[:3] != "MSH" or separator in ("", "M", "S", "H"):
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


def joined(message: V2Message, end: str = "\r") -> str:
    """The text that a message was cut from, each segment closed by `end`: what `tokenize` was given, but for what stood
    before MSH, blank lines between segments and the sender's line ends."""
    return "".join(f"{_joined(segment, end)}{end}" for segment in message.segments)


def _joined(segment: Segment, end: str) -> str:
    fields = segment.fields
    if segment.name in _HEADERS:
        fields = [fields[0], *fields[2:]]
    return segment.delimiters.field.join(fields).replace("\n", end)  # a line feed in a field was a line end


def _lines(text: str, separator: str) -> list[list[str]]:
    """The fields of each segment."""
    lines: list[list[str]] = []
    rest: list[str] = []
    for line in text.split("\r"):
        fields = line.split(separator)
        if len(fields[0]) == 3 and _is_name(fields[0]):
            if rest:
                _continue(lines, rest, separator)
                rest = []
            lines.append(fields)
        else:
            rest.append(line)
    _continue(lines, rest, separator)
    for fields in lines:
        if fields[0] in _HEADERS:
            fields.insert(1, separator)
    return lines


def _continue(lines: list[list[str]], rest: list[str], separator: str) -> None:
    """Takes lines that are no segment as the rest of the one before them.

    Some senders break lines inside a note (OBX-5, NTE-3) where the standard wants ``\\.br\\``. The field then goes on
    with line feeds in it, and what follows on the broken line are the fields after the note: dropping the line, or
    calling the message unreadable, would lose clinical text. A word of three capitals that stands alone in such a note
    belongs to it, and a blank line in it parts its paragraphs; blank lines after a segment are nothing.
    """
    while rest and not rest[-1].strip():
        rest.pop()
    if not rest:
        return
    while len(lines[-1]) == 1:
        rest.insert(0, lines.pop()[0])
    end, *more = "\n".join(rest).split(separator)
    lines[-1][-1] += f"\n{end}"
    lines[-1] += more


@lru_cache(maxsize=4096)
def _is_name(name: str) -> bool:
    """Whether three characters are a segment's name: a capital letter, then capitals or digits."""
    return name.isascii() and name.isalnum() and name == name.upper() and not name[0].isdigit()
