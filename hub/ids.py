"""Ids of version 7 (RFC 9562): they sort by the time of their making, also within one millisecond of one process."""

import os
import threading
import time
from datetime import UTC, datetime
from itertools import count
from uuid import UUID

_lock = threading.Lock()
_last = 0
_process = os.urandom(5).hex()
_numbers = count()


def _begin_anew() -> None:
    """A forked process numbers for itself."""
    global _process
    _process = os.urandom(5).hex()


os.register_at_fork(after_in_child=_begin_anew)


def new_id() -> UUID:
    """A UUIDv7: 48 bits of milliseconds, 12 bits of their fraction, 62 random bits; ever rising in one process."""
    global _last
    now = time.time_ns()
    ticks = (now // 1_000_000 << 12) | (now % 1_000_000 * 4096 // 1_000_000)
    with _lock:
        _last = ticks = max(ticks, _last + 1)
    random = int.from_bytes(os.urandom(8), "big") & 0x3FFF_FFFF_FFFF_FFFF
    return UUID(int=(ticks >> 12) << 80 | 0x7 << 76 | (ticks & 0xFFF) << 64 | 0x2 << 62 | random)


def new_control_id() -> str:
    """A control id of the hub's own, 20 characters (MSH-10 of HL7 v2.4): ten drawn once by the process, ten counted."""
    return f"{_process}{next(_numbers):010x}"


def first_id_at(moment: datetime) -> UUID:
    """The least UUIDv7 that can have been made at a moment: ids below it are older."""
    return UUID(int=max(0, int(moment.timestamp() * 1000)) << 80)


def made_at(key: UUID) -> datetime:
    """When a UUIDv7 was made, to the millisecond."""
    return datetime.fromtimestamp((key.int >> 80) / 1000, UTC)
