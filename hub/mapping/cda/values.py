"""Texts, numbers and times of documents."""

import re
from collections.abc import Callable
from typing import Any

from hub.errors import refuse
from hub.mapping import times
from hub.mapping.cda.context import Context
from hub.mapping.cda.places import Branch
from hub.mapping.converters.reader import filled
from hub.mapping.units import UCUM, unit_of
from hub.message import Datum
from hub.record import Json

_NUMBER = re.compile(r"(?P<comparator><=|>=|<|>)?\s*(?P<number>[+-]?\d+(\.\d+)?)")
_EXACT = 2**53
_NUMERIC = frozenset({"PQ", "REAL", "INT", "MO", ""})
_TIMED = frozenset({"TS", "IVL_TS", "IVL_T"})


def text(branch: Branch, context: Context) -> str | None:
    """What an element says, for people: its value, else what its code is called, else the code."""
    main = branch.first
    return next((said for one in (main.value, main.display, main.code) if (said := context.said(one))), None)


def annotation(branch: Branch, context: Context) -> Json | None:
    """A text as a FHIR Annotation."""
    said = text(branch, context)
    return {"text": said} if said else None


def boolean(branch: Branch, context: Context) -> bool | None:
    """A BL; with a table also a text or a code (``1``, 有)."""
    main = branch.main
    if main is None:
        return None
    if context.table:
        found = context.find(main)
        return None if found is None else found.to == "true"
    return {"true": True, "false": False}.get(main.value) if main.type == "BL" else None


def quantity(branch: Branch, context: Context) -> Json | None:
    """A PQ, REAL, INT or MO, as sent: no unit is converted. The unit may stand beside it in an entry of its own."""
    main = branch.main
    return measured(branch, context) if main is not None and main.type in _NUMERIC else None


def measured(branch: Branch, context: Context) -> Json | None:
    """A number of whatever type: ``<0.01`` sent as text is one too."""
    main = branch.main
    found = _NUMBER.fullmatch(main.value.strip()) if main is not None and not main.code else None
    if main is None or found is None:
        return None
    digits = found["number"]
    number = float(digits) if "." in digits else int(digits)
    if abs(number) >= _EXACT:
        return None
    unit = main.unit if main.unit not in ("", "1") else context.neighbour()
    value: Json = {"value": number, "comparator": found["comparator"], **_unit(unit, context)}
    if "." in digits and str(number) != digits.lstrip("+"):
        value["extension"] = [{"url": "urn:hub:digits", "valueString": digits.lstrip("+")}]
    return filled(value)


def _unit(sent: str, context: Context) -> Json:
    """A unit as it was sent, with UCUM's code beside it where the table knows it, else flagged."""
    known = unit_of(sent, context.tables["units"]) if sent else None
    if known is not None:
        return {"unit": sent, "system": UCUM, "code": known.to}
    if sent:
        context.flag("unknown-unit", "units")
    return {"unit": sent or None}


def decimal(branch: Branch, context: Context) -> int | float | None:
    """A number without its unit."""
    found = measured(branch, context)
    return found["value"] if found and "comparator" not in found else None


def unit_code(branch: Branch, context: Context) -> str | None:
    """The unit of a number, by a table."""
    main = branch.main
    found = context.table.find(main.unit) if main is not None and context.table and main.unit else None
    return found.to if found else None


def days(branch: Branch, context: Context) -> Json | None:
    """A length of time in days."""
    number = decimal(branch, context)
    return {"value": number, "unit": "d", "system": UCUM, "code": "d"} if number is not None else None


def date(branch: Branch, context: Context) -> str | None:
    return _time(branch, context, times.fhir_date)


def datetime(branch: Branch, context: Context) -> str | None:
    """A time, or of an interval its beginning."""
    return _time(branch, context, times.fhir_datetime)


def ending(branch: Branch, context: Context) -> str | None:
    """The end of an interval."""
    high = branch.at("high")
    return _read_time(high, context, times.fhir_datetime) if high else None


def instant(branch: Branch, context: Context) -> str | None:
    """A FHIR instant; None for a coarser time."""
    return times.fhir_instant(_time_text(branch), context.source.time_zone) if _time_text(branch) else None


def typed_datetime(branch: Branch, context: Context) -> str | None:
    """A time where the element is typed as one, and is one."""
    main = branch.main
    is_time = main is not None and main.type in _TIMED
    said = main.value if main is not None and is_time else ""
    if not said or times.is_no_time(said):
        return None
    return times.fhir_datetime(said, context.source.time_zone)


def span(branch: Branch, context: Context) -> Json | None:
    """An IVL_TS with both ends, or one of them."""
    low, high = branch.at("low"), branch.at("high")
    zone = context.source.time_zone
    ends = {"start": low, "end": high}
    found = {name: times.fhir_datetime(one.value, zone) for name, one in ends.items() if one and one.value}
    return filled(found) or None


def between(branch: Branch, context: Context) -> Json | None:
    """An IVL_PQ: from and to."""
    ends = {"low": branch.at("low"), "high": branch.at("high")}
    found = {name: measured(branch.alone(one), context) for name, one in ends.items() if one is not None}
    return filled(found) or None


def _time_text(branch: Branch) -> str:
    low = branch.at("low", "center")
    main = branch.main
    return (main.value if main else "") or (low.value if low else "")


def _time(branch: Branch, context: Context, convert: Callable[[str, Any], str | None]) -> str | None:
    low = branch.at("low", "center")
    main = branch.main if branch.main and branch.main.value else low
    return _read_time(main, context, convert) if main else None


def _read_time(datum: Datum, context: Context, convert: Callable[[str, Any], str | None]) -> str | None:
    said = context.said(datum.value)
    if not said or times.is_no_time(said):
        return None
    found = convert(said, context.source.time_zone)
    if found is None:
        raise refuse("impossible-date", datum.where)
    return found
