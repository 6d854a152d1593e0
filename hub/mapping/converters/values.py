"""Text, numbers, times."""

import re
from collections.abc import Callable
from typing import Any

from hub.errors import refuse
from hub.mapping import times
from hub.mapping.codes import Code
from hub.mapping.converters import codes
from hub.mapping.converters.reader import Reader, filled
from hub.mapping.units import UCUM, scales, unit_of
from hub.message import component_of, unescape
from hub.record import Json

_NUMBER = re.compile(r"^\s*(?P<comparator><=|>=|<|>|=)?\s*(?P<number>[+-]?(?:\d+(?:\.\d+)?|\.\d+))\s*$")
_COMPARATORS = str.maketrans({"≤": "<=", "≥": ">=", "≦": "<=", "≧": ">=", "＜": "<", "＞": ">"})
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
    sent = "".join(component_of(reader.delimiters, raw, number).strip() for number in (1, 2, 3, 4))
    found = _NUMBER.match(sent.translate(_COMPARATORS))
    if found is None:
        return None
    number = float(found["number"]) if "." in found["number"] else int(found["number"])
    if abs(number) >= _EXACT:
        return None  # JSON's readers would round it: it stays text
    value: Json = {"value": number, "comparator": _comparator(found["comparator"]), **_unit(reader)}
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


def _unit(reader: Reader) -> Json:
    """OBX-6 as it was sent, with UCUM's code beside it where the sender or the table says so; else it is flagged, and
    the sender's own code of it stands there where it says of which system."""
    field = reader.beside(6)
    sent, system = component_of(reader.delimiters, field, 1).strip(), reader.part(field, 3)
    known = Code(sent, system=UCUM) if system == "UCUM" else unit_of(sent, reader.tables["units"]) if sent else None
    if known is not None:
        return {"unit": sent, "system": known.system, "code": known.to}
    if sent or _is_followed(reader):
        reader.flag("unknown-unit" if sent else "no-unit", "units")
    coded = {"system": codes.system_of(system, reader), "code": sent} if sent and system else {}
    return {"unit": sent or None, **coded}


def _is_followed(reader: Reader) -> bool:
    """Whether a result is of a kind whose trend is read, so that its unit must be known; of a ratio it need not."""
    sent = reader.part(reader.beside(3), 1)
    known = reader.tables["observation-code"].find(sent) if sent else None
    return (known.to if known else sent) in scales()


def value_range(raw: str, reader: Reader) -> Json | None:
    """OBX-7 as text, as HL7 maps it: ``3.9-6.1``, ``<5.2``, 阴性."""
    shown = lines(raw, reader)
    return {"text": shown} if shown else None
