"""The quantity and timing of before version 2.5 (TQ, in ORC-7 and OBR-27), which is one field of twelve components."""

import re

from hub.mapping.converters import care, values
from hub.mapping.converters.reader import Reader, filled
from hub.message import component_of
from hub.record import Json

_LENGTH = re.compile(r"(?P<unit>[SMHDWL])(?P<number>\d{1,6})")
_UNITS = {"S": "s", "M": "min", "H": "h", "D": "d", "W": "wk", "L": "mo"}
"""TQ.3, as UCUM: a letter before a number (HL7 v2.5.1 4.3.3)."""


def _inner(raw: str, number: int, reader: Reader) -> str:
    """A component whose own parts are parted as subcomponents (``12&lb``), as a field of its own."""
    marks = reader.delimiters
    components = raw.split(marks.component)
    return components[number - 1].replace(marks.subcomponent, marks.component) if number <= len(components) else ""


def quantity(raw: str, reader: Reader) -> Json | None:
    """TQ.1: how much of what is ordered. The one that HL7 takes for granted (``1`` without a unit) says nothing."""
    found = care.amount(_inner(raw, 1, reader), reader)
    return None if found == {"value": 1} else found


def timing(raw: str, reader: Reader) -> Json | None:
    """TQ.2 (how often, at which times of day), TQ.3 (for how long), TQ.4 and TQ.5 (from, to), TQ.12 (how many times).
    Where only from and to are said it is a period, and no timing."""
    often = _inner(raw, 2, reader)
    code = care.repeat_name(often, reader) if reader.part(often, 1) else None
    times = [values.time(one, reader) for one in component_of(reader.delimiters, often, 2).split(",")]
    period = care.timing_period(raw, reader)
    length = None if period else _length(reader.part(raw, 3))
    repeat = {
        "boundsPeriod": period,
        "boundsDuration": length,
        "count": _count(reader.part(raw, 12)),
        "timeOfDay": [one for one in times if one] or None,
    }
    if code is None and not any(item for name, item in repeat.items() if name != "boundsPeriod"):
        return None
    return filled({"code": code, "repeat": filled(repeat) or None})


def instruction(raw: str, reader: Reader) -> Json | None:
    """TQ.8: what the one who carries the order out is told."""
    text = reader.part(raw, 8)
    return {"text": text} if text else None


def _count(text: str) -> int | None:
    return int(text) if text.isdecimal() and 0 < int(text) < 2**31 else None


def _length(text: str) -> Json | None:
    found = _LENGTH.fullmatch(text)
    if found is None:
        return None
    unit = _UNITS[found["unit"]]
    return {"value": int(found["number"]), "unit": unit, "system": "http://unitsofmeasure.org", "code": unit}
