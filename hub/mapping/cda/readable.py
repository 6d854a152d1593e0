"""A document as text that people read: what its sections tell, and beside it what only their entries say."""

import re
from collections.abc import Iterator

from hub.message import CdaDocument, Datum, Statement

NARRATIVE = "section/text"


def readable(document: CdaDocument) -> str:
    """Each section under its name: its narrative, then the entries that the narrative does not have."""
    told = {datum.steps: datum for datum in document.header if datum.path == NARRATIVE}
    entries: dict[int, list[Statement]] = {}
    for one in document.statements:
        entries.setdefault(one.scope, []).append(one)
    scopes = sorted({*entries, *(_scope_of(steps) for steps in told)})
    return "\n".join(line for scope in scopes for line in _section(scope, told, entries.get(scope, []))).strip()


def _scope_of(steps: str) -> int:
    return int(steps.partition("[")[2].partition("]")[0])


def _section(scope: int, told: dict[str, Datum], entries: list[Statement]) -> Iterator[str]:
    narrative = told.get(f"section[{scope}]/text")
    text = narrative.value if narrative else ""
    lines = [line for one in entries if (line := _line(one)) and line.rpartition("：")[2] not in text]
    name = (narrative.display if narrative else "") or (entries[0].section_name if entries else "")
    if text or lines:
        yield f"【{name}】" if name else ""
        yield from (part for part in (text, *lines) if part)


def _line(statement: Statement) -> str:
    """What an entry says under its name; of an operation or a drug, what it is."""
    said = {datum.path: datum for datum in reversed(statement.data)}
    value = said.get("value") or next((said[path] for path in _OTHERWISE if path in said), None)
    shown = _shown(value) if value else _interval(said)
    label = statement.label or statement.element
    return "：".join(part for part in (label, shown) if part) if shown else _done(statement, said)


_OTHERWISE = (
    "consumable/manufacturedProduct/manufacturedLabeledDrug/name",
    "consumable/manufacturedProduct/manufacturedMaterial/name",
    "text",
)


def _shown(value: Datum) -> str:
    words = value.display or _time(value)
    code = value.code if value.code != words else ""
    return " ".join(part for part in (words, value.unit if value.unit != "1" else "", code) if part)


def _interval(said: dict[str, Datum]) -> str:
    ends = [_time(said[path]) + said[path].unit for path in ("value/low", "value/high") if path in said]
    return " - ".join(ends)


def _done(statement: Statement, said: dict[str, Datum]) -> str:
    """An entry without a value: an operation by its name and time."""
    at = said.get("effectiveTime") or said.get("effectiveTime/low")
    code = said.get("code")
    if statement.kind != "procedure" or code is None:
        return ""
    return " ".join(part for part in (code.code, code.display, _time(at) if at else "") if part)


_PACKED = re.compile(r"(\d{4})(\d{2})(\d{2})(?:(\d{2})(\d{2}))?(?:\d{2})?(?:[.+-]\d+)*")


def _time(datum: Datum) -> str:
    """A packed time as people write it; what is no time as it stands."""
    found = _PACKED.fullmatch(datum.value) if datum.type in _TIMES or "Time" in datum.path else None
    if found is None:
        return datum.value
    year, month, day, hour, minute = found.groups()
    return f"{year}-{month}-{day}" + (f" {hour}:{minute}" if hour else "")


_TIMES = ("TS", "IVL_TS", "IVL_T")
