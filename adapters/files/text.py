"""The text of a file: UTF-8 with or without a byte-order mark, or GB 18030, as Excel in China saves a CSV file."""

from adapters.files.faults import Fault, Reason

_BOM = b"\xef\xbb\xbf"
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
_SHORT = 2
"""Bytes of a character that GB 18030 and UTF-8 may both have written; a hanzi takes three in UTF-8."""


def decode(raw: bytes) -> str:
    """The text, without byte-order mark. Raises Fault where the bytes are neither, with the line of the first bad one.

    A mark decides. Else bytes that only one of the two can have written are that one's. Where both could: one hanzi in
    seven is, in GB 18030, also a two-byte character of UTF-8 (木 for one), but Chinese in UTF-8 takes three bytes, so a
    text that is all two-byte characters, each of them Chinese in GB 18030, is GB 18030.
    """
    if raw.startswith(_UTF_16):
        raise Fault(Reason("is UTF-16; save it as CSV UTF-8", "是 UTF-16 编码，请另存为 CSV UTF-8"))
    if raw.startswith(_BOM):
        return _strict(raw.removeprefix(_BOM), "utf-8")
    utf_8, gb18030 = _or_none(raw, "utf-8"), _or_none(raw, "gb18030")
    if utf_8 is None and gb18030 is None:
        return _strict(raw, _farther(raw))
    if utf_8 is None or (gb18030 is not None and _is_chance(utf_8, gb18030)):
        assert gb18030 is not None
        return gb18030
    return utf_8


def _is_chance(utf_8: str, gb18030: str) -> bool:
    """Whether bytes that both could have written are more likely GB 18030: in it they are hanzi and punctuation, in
    UTF-8 they have no Chinese at all."""
    foreign = {character for character in utf_8 if not character.isascii()}
    if not foreign or any(len(character.encode()) > _SHORT for character in foreign):
        return False
    return all(_is_chinese(character) for character in gb18030 if not character.isascii())


def _is_chinese(character: str) -> bool:
    return "\u3000" <= character <= "\u303f" or "\u4e00" <= character <= "\u9fff" or "\uff00" <= character <= "\uffef"


def _or_none(raw: bytes, codec: str) -> str | None:
    try:
        return raw.decode(codec)
    except UnicodeDecodeError:
        return None


def _farther(raw: bytes) -> str:
    """The character set that reads further before it fails: its first bad byte is the one to look at."""
    return max(("utf-8", "gb18030"), key=lambda codec: _first_bad(raw, codec))


def _first_bad(raw: bytes, codec: str) -> int:
    try:
        raw.decode(codec)
    except UnicodeDecodeError as error:
        return error.start
    return len(raw)


def _strict(raw: bytes, codec: str) -> str:
    try:
        return raw.decode(codec)
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        reason = Reason("holds bytes that are neither UTF-8 nor GB 18030", "含有既非 UTF-8 也非 GB 18030 的字节")
        raise Fault(reason, line=line) from None
