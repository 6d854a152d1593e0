"""Values of a database as the cells of a sheet, and a watermark as text that gives the same value again."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timezone
from decimal import Decimal
from hashlib import sha256
from typing import Any

import orjson

from adapters.files.cells import read_day, read_instant, read_moment
from adapters.files.kinds import Column
from hub.errors import refuse

_MIDNIGHT = re.compile(r"[T ]00:00(:00)?(\.0+)?$")
_FRACTION = re.compile(r"(:\d{2})\.\d+")
_BLANKS = re.compile(r"[\r\n\t]+")
_HASH = 16


def cell_of(column: Column, value: Any, zone: timezone) -> str:
    """A value as the text that stands in a CSV cell of that column, times with a zone in the source's own; "" for null.

    A day is often a DATE with a time of midnight, or a text of one; a time may have fractions of a second that nobody
    means. Line breaks within a text are blanks.
    """
    if value is None:
        return ""
    if isinstance(value, datetime):
        value = value.astimezone(zone) if value.tzinfo else value
        return _written(value, is_day=column.read in (read_day, read_moment) and value.time() == time(0))
    text = _text(value)
    if column.read in (read_day, read_moment):
        text = _MIDNIGHT.sub("", text)
    if column.read in (read_instant, read_moment):
        text = _FRACTION.sub(r"\1", text)
    return text


def _written(value: datetime, *, is_day: bool) -> str:
    return value.date().isoformat() if is_day else value.isoformat(sep="T", timespec="seconds")


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal | float):
        whole = Decimal(str(value)) if isinstance(value, float) else value
        return str(int(whole)) if whole.is_finite() and whole == whole.to_integral_value() else str(whole)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value).decode("utf-8", "replace")
    return _BLANKS.sub(" ", str(value)).strip()


@dataclass(frozen=True, kw_only=True, slots=True)
class ViewRow:
    """One row of a view: its cells in the order of the sheet's columns, and its watermark."""

    cells: tuple[str, ...]
    watermark: Any

    @property
    def hash(self) -> str:
        """Told by its cells and its watermark: a row that is written again with a newer watermark is another one."""
        return sha256(orjson.dumps([written(self.watermark), *self.cells])).hexdigest()[:_HASH]


_WRITTEN: Mapping[str, tuple[type, Callable[[Any], str], Callable[[str], Any]]] = {
    "datetime": (datetime, datetime.isoformat, datetime.fromisoformat),
    "date": (date, date.isoformat, date.fromisoformat),
    "int": (int, str, int),
    "decimal": (Decimal, str, Decimal),
    "float": (float, repr, float),
    "text": (str, str, str),
    "bytes": (bytes, bytes.hex, bytes.fromhex),
}
"""A datetime is a date too, so it stands first. Bytes are a ``rowversion`` of SQL Server."""


def written(watermark: Any) -> str:
    """A watermark as text: its type and its value. Raises Refused (view-watermark-type)."""
    for name, (type_, write, _) in _WRITTEN.items():
        if isinstance(watermark, type_) and not isinstance(watermark, bool):
            return f"{name} {write(watermark)}"
    raise refuse("view-watermark-type", type=type(watermark).__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class Reached:
    """How far a view has been read: its last watermark, and which rows of that one have been seen. Where they were too
    many to be noted, none is: they are read again, and are repeats."""

    watermark: Any
    seen: frozenset[str] = frozenset()

    def text(self) -> str:
        """As it is stored."""
        stored = {"watermark": written(self.watermark), "seen": sorted(self.seen)}
        return orjson.dumps(stored).decode()

    @classmethod
    def of(cls, rows: Sequence[ViewRow], most_seen: int) -> "Reached":
        """How far rows reach, which are in order."""
        last = rows[-1].watermark
        seen = frozenset(row.hash for row in rows if row.watermark == last)
        return cls(watermark=last, seen=seen if len(seen) <= most_seen else frozenset())

    @classmethod
    def read(cls, text: str, where: str) -> "Reached":
        """What `text` gave. Raises Refused (view-watermark-unreadable)."""
        try:
            stored = orjson.loads(text)
            name, _, value = stored["watermark"].partition(" ")
            return cls(watermark=_WRITTEN[name][2](value), seen=frozenset(map(str, stored["seen"])))
        except (ValueError, KeyError, TypeError, AttributeError, ArithmeticError):
            raise refuse("view-watermark-unreadable", where) from None
