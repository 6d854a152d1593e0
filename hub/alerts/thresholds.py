"""Where alerts begin and end: ``alerts.toml``, the hub's and the site's."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import timedelta
from importlib.resources import files
from pathlib import Path
from typing import Any

from hub.alerts.kinds import Kind
from hub.errors import refuse
from hub.toml import NotToml, line_of, read_toml

_MOST = 1_000_000
"""No figure is larger: what no calendar reaches, no rule can reckon with."""
_MOST_WEEKS = 52


@dataclass(frozen=True, kw_only=True, slots=True)
class Silence:
    """`factor` times the usual wait, at least `floor_minutes`; learned from `weeks`, sent in `least_weeks` of them."""

    factor: float
    floor_minutes: float
    weeks: int
    least_weeks: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Failures:
    """Shares of the messages of the last `minutes`, or of the last `least` of a day where fewer came."""

    begin: float
    end: float
    minutes: float
    least: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Lag:
    """How long the oldest message may wait."""

    begin_minutes: float
    end_minutes: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Queue:
    """How many messages may wait."""

    begin: int
    end: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Disk:
    """Shares of the disk that are used."""

    begin: float
    end: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Growth:
    """GiB of a day."""

    begin_gib: float
    end_gib: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Thresholds:
    """What ``alerts.toml`` says."""

    kinds: frozenset[Kind]
    calm_minutes: float
    silence: Silence
    failures: Failures
    lag: Lag
    queue: Queue
    disk: Disk
    growth: Growth

    @property
    def calm(self) -> timedelta:
        """How long a figure has to be well before its alert ends."""
        return timedelta(minutes=self.calm_minutes)


_TABLES = {
    "silence": Silence,
    "failures": Failures,
    "lag": Lag,
    "queue": Queue,
    "disk": Disk,
    "growth": Growth,
}


def load_thresholds(config_dir: Path | None) -> Thresholds:
    """The hub's thresholds with the site's laid over them. Raises Refused (bad-alerts) with file and line."""
    own = Path(str(files("mappings"))) / "alerts.toml"
    said = _read(own)
    site = config_dir / "alerts.toml" if config_dir else None
    file = own
    if site is not None and site.exists():
        file = site
        for key, value in _read(site).items():
            said[key] = said[key] | value if isinstance(value, dict) else value
    tables: dict[str, Any] = {name: of(**said[name]) for name, of in _TABLES.items()}
    thresholds = Thresholds(kinds=frozenset(map(Kind, said["kinds"])), calm_minutes=said["calm_minutes"], **tables)
    _check_order(file, thresholds)
    return thresholds


def _read(file: Path) -> dict[str, Any]:
    try:
        text, said = read_toml(file)
    except NotToml as fault:
        raise refuse("bad-alerts", fault.place(file.name), reason=fault.en) from None
    for key, value in said.items():
        if key == "kinds":
            if not isinstance(value, list) or not all(one in list(Kind) for one in value):
                raise _bad(file, text, key, f"kinds are a list of {', '.join(Kind)}")
        elif key == "calm_minutes":
            _check_number(file, text, key, value, whole=False)
        elif key in _TABLES and isinstance(value, dict):
            _check_table(file, text, key, value)
        else:
            raise _bad(file, text, key, f"'{key}' is no key of it")
    return said


def _check_table(file: Path, text: str, name: str, said: Mapping[str, Any]) -> None:
    known = {one.name: one.type for one in fields(_TABLES[name])}
    for key, value in said.items():
        if key not in known:
            raise _bad(file, text, key, f"'{key}' is no key of [{name}]: {', '.join(known)}", name)
        _check_number(file, text, key, value, whole=known[key] is int, table=name)


def _check_number(file: Path, text: str, key: str, value: Any, *, whole: bool, table: str = "") -> None:
    kinds = int if whole else int | float
    if not isinstance(value, kinds) or isinstance(value, bool) or not 0 < value <= _MOST:
        kind = "whole number" if whole else "number"
        raise _bad(file, text, key, f"'{key}' is a {kind} above 0 and at most {_MOST}", table)


def _check_order(file: Path, said: Thresholds) -> None:
    """An alert that ends at a higher figure than it begins at would come and go without end."""
    text = file.read_text(encoding="utf-8")
    pairs = {
        "failures": (said.failures.begin, said.failures.end),
        "lag": (said.lag.begin_minutes, said.lag.end_minutes),
        "queue": (said.queue.begin, said.queue.end),
        "disk": (said.disk.begin, said.disk.end),
        "growth": (said.growth.begin_gib, said.growth.end_gib),
    }
    for name, (begin, end) in pairs.items():
        if end >= begin:
            raise _bad(file, text, "end", f"[{name}] ends at {end:g}, which is not below its begin, {begin:g}", name)
    if max(said.failures.begin, said.disk.begin) > 1:
        name = "failures" if said.failures.begin > 1 else "disk"
        raise _bad(file, text, "begin", f"[{name}] begin is a share, at most 1", name)
    if said.silence.factor < 1:
        raise _bad(file, text, "factor", "a factor below 1 would call the usual unusual", "silence")
    if said.silence.weeks > _MOST_WEEKS:
        raise _bad(file, text, "weeks", f"weeks are at most {_MOST_WEEKS}", "silence")
    if said.silence.least_weeks > said.silence.weeks:
        raise _bad(file, text, "least_weeks", "least_weeks are at most weeks", "silence")


def _bad(file: Path, text: str, key: str, reason: str, table: str = "") -> Exception:
    return refuse("bad-alerts", f"{file.name}:{line_of(text, key, table)}", reason=reason)
