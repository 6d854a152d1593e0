"""A message from the door to its fate."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from hub.errors import Refusal
from hub.message.profile import Reuse
from hub.message.ways import Format, Transport

_CONTROLS = dict.fromkeys((*range(32), *range(127, 160)))
_LONGEST = 200


def plain(text: str, most: int = _LONGEST) -> str:
    """Text from outside, fit to stand beside what was sent: without control characters, cut to `most`. PostgreSQL
    holds no U+0000, and a control id is no 16 MB; the message itself is kept whole."""
    return text[:most] if text.isprintable() else text.translate(_CONTROLS)[:most]


OWN_SOURCE = "hub"
"""The source of what the hub itself says: its profile is ``mappings/sources/hub/source.toml``."""


class Fate(StrEnum):
    """What has become of a message. Every message that was received has exactly one."""

    KEPT = "kept"
    MERGED = "merged"
    PARKED = "parked"


MOVES: dict[Fate, frozenset[Fate]] = {
    Fate.KEPT: frozenset({Fate.MERGED, Fate.PARKED}),
    Fate.MERGED: frozenset({Fate.KEPT}),  # a replay
    Fate.PARKED: frozenset({Fate.KEPT}),  # a replay
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Arrival:
    """A message at the door, just before it is kept. `source` is "" when no profile fits.

    A `refusal` parks it; `findings` are the entries of a FHIR batch that were refused while the others go on.
    `digest` is a hash of what it says, MSH-7 aside, and with `control_id` what tells a message that comes twice; empty
    where the sender gives its messages no id. `numbers` and `names` are the patients' as they stand in it, to be found
    by; `lanes` the keys of the patients that it is about, first the one that its fate is shown under.
    """

    source: str
    transport: Transport
    format: Format
    raw: bytes
    kind: str = ""
    control_id: str = ""
    refusal: Refusal | None = None
    findings: tuple[Refusal, ...] = ()
    digest: bytes = b""
    reuse: Reuse = Reuse.FLAG
    numbers: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    lanes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Kept:
    """What keeping came to: the message that now holds these bytes, and the refusal that the sender is told of.

    `is_repeat`: the source sent the same before under that control id; nothing was added, `id` is the first one's.
    """

    id: UUID
    refusal: Refusal | None = None
    is_repeat: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Message:
    """A kept message. `id` is a UUID of version 7, so ids sort by receipt; `attempts` is above 0 after a replay."""

    id: UUID
    source: str
    transport: Transport
    format: Format
    raw: bytes
    received_at: datetime
    kind: str = ""
    control_id: str = ""
    attempts: int = 0
    tries: int = 0
    """How often a passing fault of ours hit it since it was last kept."""
    findings: tuple[Refusal, ...] = ()
