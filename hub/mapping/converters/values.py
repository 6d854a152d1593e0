"""Text, numbers, times."""

import re
from collections.abc import Callable
from typing import Any

from hub.errors import refuse
from hub.mapping import times
from hub.mapping.converters import codes
from hub.mapping.converters.reader import Reader, filled
from hub.message import component_of, unescape
from hub.record import Json

_NUMBER = re.compile(r"^\s*(?P<comparator><=|>=|<|>|=)?\s*(?P<number>[+-]?(?:\d+(?:\.\d+)?|\.\d+))\s*$")

_TIME = re.compile(r"^(\d{2}):?(\d{2}):?(\d{2})?")
_EXACT = 2**53


def text(raw: str, reader: Reader) -> str | None:
    return reader.part(raw, 1) or None


def lines(raw: str, reader: Reader) -> str | None:
    """All repetitions and components as readable text: repetitions are lines (an FT or TX value, NTE-3)."""
    if raw in ("", '""'):
        return None
    marks = reader.delimiters
    rows = (row.replace(marks.component, " ").rstrip() for row in raw.split(marks.repetition))
    return unescape(marks, "\n".join(rows)).replace("\0", "").strip() or None


def boolean(raw: str, reader: Reader) -> bool | None:
    found = reader.code(reader.part(raw, 1))
    return None if found is None else found.to == "true"


def integer(raw: str, reader: Reader) -> int | None:
    value = reader.part(raw, 1)
    return int(value) if value.isdecimal() else None


def decimal(raw: str, reader: Reader) -> int | float | None:
    """A plain number without a comparator."""
    found = _NUMBER.match(reader.part(raw, 1))
    if found is None or found["comparator"]:
        return None
    return float(found["number"]) if "." in found["number"] else int(found["number"])


def date(raw: str, reader: Reader) -> str | None:
    return _time(raw, reader, times.fhir_date)


def datetime(raw: str, reader: Reader) -> str | None:
    return _time(raw, reader, times.fhir_datetime)


def instant(raw: str, reader: Reader) -> str | None:
    """A FHIR instant; a coarser time is left unsaid here, the fact's order does not need it."""
    value = reader.part(raw, 1)
    return times.fhir_instant(value, reader.source.time_zone) if _time(raw, reader, times.fhir_datetime) else None


def _time(raw: str, reader: Reader, convert: Callable[[str, Any], str | None]) -> str | None:
    value = reader.part(raw, 1)
    if not value or times.is_no_time(value):
        return None
    found = convert(value, reader.source.time_zone)
    if found is None:
        raise refuse("impossible-date", reader.where)
    return found


def time(raw: str, reader: Reader) -> str | None:
    found = _TIME.match(reader.part(raw, 1))
    return f"{found[1]}:{found[2]}:{found[3] or '00'}" if found else None


def quantity(raw: str, reader: Reader) -> Json | None:
    """NM and SN (``<^0.01``) with the unit of OBX-6. The digits stay as sent: a decimal keeps its trailing zeros."""
    # All four components of an SN, a dash too: ``^10^-^20`` is a range and not the number 1020.
    found = _NUMBER.match("".join(component_of(reader.delimiters, raw, number).strip() for number in (1, 2, 3, 4)))
    if found is None:
        return None
    unit = component_of(reader.delimiters, reader.beside(6), 1).strip()
    number = float(found["number"]) if "." in found["number"] else int(found["number"])
    if abs(number) >= _EXACT:
        return None  # JSON's readers would round it: it stays text
    value: Json = {
        "value": number,
        "comparator": _comparator(found["comparator"]),
        "unit": unit or None,
        **_coded(reader),
    }
    digits = _plain(found["number"])
    if "." in digits and str(number) != digits:
        value["extension"] = [{"url": "urn:hub:digits", "valueString": digits}]
    return filled(value)


def _plain(number: str) -> str:
    """The digits as sent, without a plus, and with the naught that some leave out before the point."""
    unsigned = number.lstrip("+-")
    return ("-" if number.startswith("-") else "") + (f"0{unsigned}" if unsigned.startswith(".") else unsigned)


def _comparator(said: str | None) -> str | None:
    """SN.1; ``=`` is what a number without one means too."""
    return None if said == "=" else said


def _coded(reader: Reader) -> Json:
    """OBX-6 as a code, where the sender says of which system."""
    code, system = (reader.part(reader.beside(6), number) for number in (1, 3))
    return {"system": codes.system_of(system, reader), "code": code} if code and system else {}


def value_range(raw: str, reader: Reader) -> Json | None:
    """OBX-7 as text, as HL7 maps it: ``3.9-6.1``, ``<5.2``, 阴性."""
    shown = lines(raw, reader)
    return {"text": shown} if shown else None
