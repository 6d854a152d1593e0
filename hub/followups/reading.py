"""The ladder's file: ``follow-up.toml`` beside the policies, and a site's own of that name laid over it.

A site's ``[[rule]]`` and ``[[disposition]]`` replace those of the same id or code; ``steps = []`` takes a rule away; a
figure replaces the figure. Whatever is wrong is refused with its file and line.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from hub.errors import refuse
from hub.followups.ladder import RAISED, ROUTINE, Disposition, Effect, Ladder, LadderRule, Step, check_range
from hub.followups.measurements import Measure, Measurement
from hub.followups.states import Limits, Way
from hub.policy.cells import Fault, check_keys, read_list, read_text, read_words
from hub.toml import NotToml, read_toml

LADDER_FILE = "follow-up.toml"
_FIGURES = ("stale_after_days", "catch_up_days", "request_tolerance_days", "request_horizon_days", "put_off_days")
_LOST = ("attempts", "days")
_MOST_DAYS = 3660
_RULE = {"id", "diagnoses", "steps", "reason", "source", "region"}
_STEP = {"from", "until", "way"}
_DISPOSITION = {"code", "effect", "priority", "first_by", "reason"}
_MEASUREMENT = {"name", "loinc", "zh", "en", "unit", "ucum", "low", "high"}
_TABLES: Mapping[str, str] = {"rule": "id", "disposition": "code", "measurement": "name"}

Table = Mapping[str, Any]


def load_ladder(folders: Iterable[Path], region: str = "") -> Ladder:
    """The ladder of a site: each folder's ``follow-up.toml`` laid over those before it; rules of other regions are left
    out. Raises Refused (bad-ladder) with file and line.
    """
    files = [file for folder in folders if (file := folder / LADDER_FILE).is_file()]
    figures: dict[str, int] = {}
    lost: dict[str, Any] = {}
    laid: dict[str, dict[str, Any]] = {name: {} for name in _TABLES}
    for file in files:
        sheet = _Sheet(file)
        sheet.attempt("", 0, lambda table: check_keys(table, {*_FIGURES, "lost", *_TABLES}))
        figures |= sheet.attempt("", 0, _figures)
        lost |= sheet.attempt("lost", 0, _lost, sheet.content.get("lost", {}))
        for name, read in _READERS.items():
            laid[name] |= dict(sheet.each(name, read))
    try:
        return _ladder(figures, lost, laid, region)
    except (KeyError, Fault) as fault:
        raise refuse("bad-ladder", str(files[-1] if files else LADDER_FILE), reason=f"{fault} is missing") from None


def _ladder(figures: Mapping[str, int], lost: Table, laid: Mapping[str, dict[str, Any]], region: str) -> Ladder:
    rules = [rule for rule in laid["rule"].values() if rule.region in ("", region) and rule.steps]
    for needed in ("1", "9"):
        if needed not in laid["disposition"]:
            raise Fault("disposition", f"disposition {needed}")
    if missing := [name for name in Measurement if name not in laid["measurement"]]:
        raise Fault("measurement", f"measurement {missing[0]}")
    return Ladder(
        stale_after_days=figures["stale_after_days"],
        catch_up_days=figures["catch_up_days"],
        request_tolerance_days=figures["request_tolerance_days"],
        request_horizon_days=figures["request_horizon_days"],
        limits=Limits(
            attempts=lost["attempts"],
            days=lost["days"],
            ways=frozenset(lost["ways"]),
            put_off_days=figures["put_off_days"],
        ),
        dispositions=laid["disposition"],
        rules=tuple(rules),
        measures=laid["measurement"],
    )


class _Sheet:
    """One file while it is read."""

    def __init__(self, file: Path) -> None:
        self._file = file
        try:
            self._text, self.content = read_toml(file)
        except NotToml as fault:
            raise refuse("bad-ladder", fault.place(file), reason=fault.en) from None

    def attempt(self, table: str, index: int, make: Callable[[Table], Any], part: Any = None) -> Any:
        """What `make` gives of a part. Raises Refused (bad-ladder) with file and line."""
        try:
            given = self.content if part is None else part
            if not isinstance(given, Mapping):
                raise Fault("", f"{table} is written as [[{table}]]")
            return make(given)
        except Fault as fault:
            where = f"{self._file}:{self._line(table, index, fault.key)}"
            raise refuse("bad-ladder", where, reason=fault.reason) from None

    def each(self, table: str, make: Callable[[Table], Any]) -> Iterable[tuple[str, Any]]:
        """Every ``[[table]]`` by its name; one name twice in a file is refused."""
        parts = self.content.get(table, [])
        seen: set[str] = set()
        for index, part in enumerate(parts if isinstance(parts, list) else [parts]):
            made = self.attempt(table, index, lambda given: _once(make(given), _TABLES[table], seen), part)
            yield getattr(made, _TABLES[table]), made

    def _line(self, table: str, index: int, key: str) -> int:
        """The line of a key in its table; else where the table begins."""
        lines = self._text.splitlines()
        heads = [number for number, line in enumerate(lines) if line.startswith("[")]
        own = [number for number in heads if re.match(rf"\[+\s*{table}\s*\]+", lines[number])] if table else [0]
        if index >= len(own):
            return 1
        begin = own[index]
        end = min((number for number in heads if number > begin), default=len(lines))
        found = (number for number in range(begin, end) if key and re.match(rf"\s*{re.escape(key)}\s*=", lines[number]))
        return next(found, begin) + 1


def _once(made: Any, key: str, seen: set[str]) -> Any:
    name = getattr(made, key)
    if name in seen:
        raise Fault(key, f"{name} stands here twice")
    seen.add(name)
    return made


def _figures(table: Table) -> dict[str, int]:
    return {name: _days(table, name) for name in _FIGURES if name in table}


def _lost(table: Table) -> dict[str, Any]:
    check_keys(table, {*_LOST, "ways"})
    found: dict[str, Any] = {name: _days(table, name) for name in _LOST if name in table}
    if "ways" in table:
        found["ways"] = [_way(way) for way in read_list(table, "ways")]
    return found


def _rule(table: Table) -> LadderRule:
    check_keys(table, _RULE)
    diagnoses = read_list(table, "diagnoses") if table.get("diagnoses") else ()
    if strange := [span for span in diagnoses if not check_range(span)]:
        raise Fault("diagnoses", f"{strange[0]!r} is no ICD-10 code or range of categories: I63, Z96.6, I60-I64")
    steps = table.get("steps")
    if not isinstance(steps, list):
        raise Fault("steps", "steps is a list: [{ from = 0, until = 7 }]")
    return LadderRule(
        id=read_text(table, "id"),
        diagnoses=diagnoses,
        steps=tuple(_step(step) for step in steps),
        reason=read_words(table, "reason"),
        source=read_text(table, "source"),
        region=read_text(table, "region") if "region" in table else "",
    )


def _step(step: Any) -> Step:
    if not isinstance(step, Mapping):
        raise Fault("steps", "a step is written as { from = 0, until = 7 }")
    if unknown := set(step) - _STEP:
        raise Fault("steps", f"unknown key {min(unknown)}")
    first, last = (_days(step, key, "steps") for key in ("from", "until"))
    if last < first:
        raise Fault("steps", f"until {last} comes before from {first}")
    return Step(first=first, last=last, way=_way(step["way"], "steps") if "way" in step else "")


def _disposition(table: Table) -> Disposition:
    check_keys(table, _DISPOSITION)
    priority = table.get("priority", ROUTINE)
    if priority not in (ROUTINE, RAISED):
        raise Fault("priority", f"{priority!r} is not one of {ROUTINE}, {RAISED}")
    if table.get("effect") not in set(Effect):
        raise Fault("effect", f"{table.get('effect')!r} is not one of {', '.join(Effect)}")
    return Disposition(
        code=read_text(table, "code"),
        effect=Effect(table["effect"]),
        priority=priority,
        first_by=_days(table, "first_by") if "first_by" in table else 0,
        reason=read_words(table, "reason"),
    )


def _measurement(table: Table) -> Measure:
    check_keys(table, _MEASUREMENT)
    name = read_text(table, "name")
    if name not in set(Measurement):
        raise Fault("name", f"{name!r} is not one of {', '.join(Measurement)}")
    low, high = (_number(table, key) for key in ("low", "high"))
    if high <= low:
        raise Fault("high", f"high {high:g} is not above low {low:g}")
    texts = {key: read_text(table, key) for key in ("loinc", "zh", "en", "unit", "ucum")}
    return Measure(name=name, low=low, high=high, **texts)


_READERS: Mapping[str, Callable[[Table], Any]] = {
    "rule": _rule,
    "disposition": _disposition,
    "measurement": _measurement,
}


def _days(table: Table, key: str, where: str = "") -> int:
    value = table.get(key)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= _MOST_DAYS:
        raise Fault(where or key, f"{key} is a whole number from 0 to {_MOST_DAYS}")
    return value


def _number(table: Table, key: str) -> float:
    value = table.get(key)
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise Fault(key, f"{key} is a number")
    return float(value)


def _way(way: Any, key: str = "ways") -> str:
    if way not in set(Way):
        raise Fault(key, f"{way!r} is not one of {', '.join(Way)}")
    return str(way)
