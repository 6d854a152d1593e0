"""v2 dates and times to FHIR's, keeping their precision and their zone.

v2 writes ``YYYY[MM[DD[HH[MM[SS[.S...]]]]]][+/-ZZZZ]`` (HL7 v2.5.1 chapter 2A.77). Chinese systems also send
``1956-03-12 00:00:00.0``. FHIR wants seconds as soon as there are hours, so they are filled with zeros.
"""

import re
from datetime import datetime, timedelta, timezone
from functools import lru_cache

_LONG = re.compile(
    r"^(?P<y>\d{4})(?:-?(?P<m>\d{2})(?:-?(?P<d>\d{2})(?:[ T]?(?P<H>\d{2}):?(?P<M>\d{2})?(?::?(?P<S>\d{2})"
    r"(?:\.(?P<f>\d{1,9}))?)?)?)?)?(?P<z>Z|[+-]\d{2}:?\d{2})?$"
)


_EARLIEST, _LATEST = 1800, 2200
"""Years in which a time can be somebody's. Beyond them it is a mistake, and a zone could carry it off the calendar."""
_NO_TIMES = ("0001", "9999")


def is_no_time(text: str) -> bool:
    """Whether this is how a program writes that it has no time: the first day of year 1 (.NET), the end of 9999."""
    return text.strip().startswith(_NO_TIMES)


@lru_cache(maxsize=4096)  # one message says one time in many fields
def read_time(text: str, zone: timezone) -> tuple[datetime, str] | None:
    """An instant and its precision (``Y``, ``m``, ``d``, ``H``); None where the text is no time of the calendar."""
    found = _LONG.match(text.strip())
    if found is None or not _EARLIEST <= int(found["y"]) <= _LATEST:
        return None
    try:
        at = datetime(
            int(found["y"]),
            int(found["m"] or 1),
            int(found["d"] or 1),
            int(found["H"] or 0),
            int(found["M"] or 0),
            int(found["S"] or 0),
            int((found["f"] or "0").ljust(6, "0")[:6]),
            tzinfo=_zone(found["z"]) or zone,
        )
    except ValueError:
        return None
    return at, "H" if found["H"] else "d" if found["d"] else "m" if found["m"] else "Y"


def fhir_date(text: str, zone: timezone) -> str | None:
    """A FHIR date of the precision that was sent; a time of day is dropped."""
    found = read_time(text, zone)
    if found is None:
        return None
    at, precision = found
    return {"Y": f"{at:%Y}", "m": f"{at:%Y-%m}"}.get(precision, f"{at:%Y-%m-%d}")


def fhir_datetime(text: str, zone: timezone) -> str | None:
    """A FHIR dateTime of the precision that was sent, with the sender's zone where it has a time of day."""
    found = read_time(text, zone)
    if found is None:
        return None
    at, precision = found
    if precision != "H":
        return fhir_date(text, zone)
    return at.isoformat(timespec="milliseconds" if at.microsecond else "seconds")


def fhir_instant(text: str, zone: timezone) -> str | None:
    """A FHIR instant; None where the sender's precision is less than a time of day."""
    found = read_time(text, zone)
    return fhir_datetime(text, zone) if found and found[1] == "H" else None


def instant_of(fhir_time: str, zone: timezone) -> datetime | None:
    """The first instant that a FHIR date or dateTime covers, for ordering."""
    found = read_time(fhir_time, zone)
    return found[0] if found else None


def _zone(text: str | None) -> timezone | None:
    if not text:
        return None
    if text == "Z":
        return timezone(timedelta())
    sign = -1 if text[0] == "-" else 1
    return timezone(sign * timedelta(hours=int(text[1:3]), minutes=int(text[-2:])))
