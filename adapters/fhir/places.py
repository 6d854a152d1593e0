"""Where the elements of a FHIR request stand among its bytes, by their paths: ``Bundle.entry[2].resource.code``."""

import re
from collections.abc import Iterable
from json import JSONDecodeError, JSONDecoder
from json.decoder import scanstring  # type: ignore[attr-defined]

from hub.message import BytePlace

_BOM = b"\xef\xbb\xbf"
_STEP = re.compile(r"\.([A-Za-z_]\w*)|\[(\d{1,6})\]", re.ASCII)
_BLANK = re.compile(r"[ \t\r\n]*")
_DECODER = JSONDecoder()


def locate(raw: bytes, paths: Iterable[str]) -> dict[str, BytePlace]:
    """Where these elements' values stand in a body of JSON; what does not stand there is left out."""
    skipped = len(_BOM) if raw.startswith(_BOM) else 0
    try:
        text = raw[skipped:].decode("utf-8")
    except UnicodeDecodeError:
        return {}
    places: dict[str, BytePlace] = {}
    for path in paths:
        if span := _span(text, path):
            start = skipped + len(text[: span[0]].encode())
            said = text[span[0] : span[1]]
            places[path] = BytePlace(start=start, end=start + len(said.encode()), text=said)
    return places


def _span(text: str, path: str) -> tuple[int, int] | None:
    """The stretch of a value: its first character, and the one behind it. The path begins with the resource's type,
    which is no step."""
    first = re.match(r"[A-Za-z]+", path)
    rest = path[first.end() :] if first else "?"
    if "".join(one[0] for one in _STEP.finditer(rest)) != rest:
        return None
    try:
        at = _behind_blanks(text, 0)
        for name, number in _STEP.findall(rest):
            found = _member(text, at, name) if name else _item(text, at, int(number))
            if found is None:
                return None
            at = found
        return at, _end_of(text, at)
    except (JSONDecodeError, IndexError, RecursionError):
        return None


def _member(text: str, at: int, name: str) -> int | None:
    """Where the value of an object's member begins."""
    if text[at] != "{":
        return None
    at = _behind_blanks(text, at + 1)
    while text[at] == '"':
        key, end = scanstring(text, at + 1)
        at = _behind_blanks(text, _behind_blanks(text, end) + 1)
        if key == name:
            return at
        at = _behind_comma(text, _end_of(text, at))
    return None


def _item(text: str, at: int, number: int) -> int | None:
    """Where an item of a list begins."""
    if text[at] != "[":
        return None
    at = _behind_blanks(text, at + 1)
    for _ in range(number):
        if text[at] == "]":
            return None
        at = _behind_comma(text, _end_of(text, at))
    return at if text[at] != "]" else None


def _end_of(text: str, at: int) -> int:
    return _DECODER.raw_decode(text, at)[1]


def _behind_comma(text: str, at: int) -> int:
    at = _behind_blanks(text, at)
    return _behind_blanks(text, at + 1) if text[at] == "," else at


def _behind_blanks(text: str, at: int) -> int:
    found = _BLANK.match(text, at)
    return found.end() if found else at
