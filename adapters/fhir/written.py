"""How a body is written, before what it says: UTF-8, no name twice in an object, no endless nesting.

The JSON reader takes the last of two values of one name and drops the first without a word; clinical content is not
lost so (FHIR R4 2.6.2: property names are unique). This is looked at once, at the door.
"""

import json
import re
from itertools import accumulate

from adapters.fhir.reading import known_type, step
from hub.errors import refuse

DEEPEST = 100
"""Levels of nesting. A resource of FHIR R4 that is no nested questionnaire has a dozen."""

_BOM = b"\xef\xbb\xbf"
_TEXTS = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_STEPS = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}


def check_written(body: bytes) -> None:
    """Raises Refused: "json-not-utf8", "nested-too-deeply", or "invalid-resource" at a name that stands twice. Other
    faults of JSON are left to the reader, which places them."""
    body = body.removeprefix(_BOM)
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as fault:
        raise refuse("json-not-utf8", position=str(fault.start)) from None
    brackets = _TEXTS.sub(b"", body).translate(None, _NO_BRACKETS)
    if max(accumulate(map(_STEPS.__getitem__, brackets)), default=0) > DEEPEST:
        raise refuse("nested-too-deeply", limit=str(DEEPEST))
    _check_names(text)


def _check_names(text: str) -> None:
    twice: list[tuple[dict[str, object], str]] = []

    def read(pairs: list[tuple[str, object]]) -> dict[str, object]:
        read = dict(pairs)
        if len(read) < len(pairs):
            names = [name for name, _ in pairs]
            twice.append((read, next(name for name in names if names.count(name) > 1)))
        return read

    try:
        whole = json.loads(text, object_pairs_hook=read, parse_int=len, parse_float=len)
    except (ValueError, RecursionError):
        return
    if twice:
        holder, name = twice[0]
        where = f"{_path_of(holder, whole)}{step(name)}"
        raise refuse("invalid-resource", where, reason="stands there twice; an element has one value or a list")


def _path_of(wanted: object, whole: object) -> str:
    left: list[tuple[object, str]] = [(whole, _named(whole))]
    while left:
        value, path = left.pop()
        if value is wanted:
            return path
        if isinstance(value, dict):
            left += [(one, f"{path}{step(name)}") for name, one in value.items()]
        elif isinstance(value, list):
            left += [(one, f"{path}{step(at)}") for at, one in enumerate(value)]
    return _named(whole)


def _named(whole: object) -> str:
    kind = whole.get("resourceType") if isinstance(whole, dict) else None
    return known_type(kind) if isinstance(kind, str) and known_type(kind) else "resource"
