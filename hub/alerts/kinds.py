"""What is watched, and what an alert of it is."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID


class Kind(StrEnum):
    """What is watched."""

    SILENCE = "silence"
    FAILURES = "failures"
    LAG = "lag"
    QUEUE = "queue"
    DISK = "disk"
    GROWTH = "growth"


SENTENCES: Mapping[Kind, str] = {
    Kind.SILENCE: "source-silent",
    Kind.FAILURES: "messages-failing",
    Kind.LAG: "merging-behind",
    Kind.QUEUE: "queue-long",
    Kind.DISK: "disk-filling",
    Kind.GROWTH: "database-growing",
}
"""The wording of each."""
UNITS: Mapping[Kind, str] = {
    Kind.SILENCE: "seconds",
    Kind.FAILURES: "share",
    Kind.LAG: "seconds",
    Kind.QUEUE: "messages",
    Kind.DISK: "share",
    Kind.GROWTH: "bytes",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Alert:
    """Something that somebody is called for. `figure` and `threshold` are those of its beginning, in `UNITS`;
    `calm_since` says from when on the figure has been well again. One that ended without having recovered has nothing
    left to be judged by: its source is gone, or says too little."""

    id: UUID
    kind: Kind
    source: str
    since: datetime
    figure: float
    threshold: float
    given: Mapping[str, str]
    calm_since: datetime | None = None
    until: datetime | None = None
    is_recovered: bool = False


def whole_minutes(span: timedelta) -> str:
    """As sentences name a span of time."""
    return str(int(span.total_seconds() // 60))
