"""What a message is found and ordered by, whatever it is written in."""

from collections.abc import Iterable
from dataclasses import dataclass

from hub.message import Source, plain

MOST = 50
"""Numbers and names of one message that are kept to find it by: a field may repeat 10,000 times."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Keys:
    """`numbers`, `names`: the patients' as sent. `lanes`: what its merge takes, first that of the first patient."""

    numbers: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    lanes: tuple[str, ...] = ()


NO_KEYS = Keys()


def add_keys(into: dict[str, None], found: Iterable[str]) -> None:
    """Add what is fit to be kept, each once and in order, up to `MOST` in all."""
    for one in found:
        if len(into) >= MOST:
            return
        if key := plain(one).strip():
            into[key] = None


def lane_of(source: Source, kind: str, number: str) -> str:
    """A patient's lane: ``SOURCE|KIND|NUMBER``."""
    return plain(f"{source.name}|{kind}|{number}")
