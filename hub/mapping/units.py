"""Units as UCUM (https://ucum.org), and the values that doctors follow in one unit each, so that a trend can be read.

A unit is what ``mappings/codes/units.csv`` says it is; one that it does not know stays as it was sent, and nothing is
reckoned from it. A value that is reckoned stands beside the one that was sent and never in its place.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any
from unicodedata import normalize

from hub.errors import refuse
from hub.mapping.codes import Code, CodeTable, Folder, load_table
from hub.toml import NotToml, read_toml

LOINC = "http://loinc.org"
UCUM = "http://unitsofmeasure.org"
PRESSURES = ("8480-6", "8462-4")
PRESSURE_PANEL = "85354-9"
_KEYS = frozenset({"name", "zh", "loinc", "unit", "digits", "from"})
_STEP_KEYS = frozenset({"times", "divide", "add"})
_LINE = re.compile(r"^\s*\{")
_VALUE = re.compile(r"(?P<comparator><=|>=|<|>)?\s*(?P<number>[+-]?\d+(\.\d+)?)")
_PRESSURE = re.compile(r"(\d+(?:\.\d+)?)/(\d+(?:\.\d+)?)")


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """From one unit to another: ``value * times + add``, and back."""

    times: float = 1.0
    add: float = 0.0

    def there(self, value: float) -> float:
        """A value of the other unit in the unit of comparison."""
        return value * self.times + self.add

    def back(self, value: float) -> float:
        """A value of the unit of comparison in the other unit."""
        return (value - self.add) / self.times


@dataclass(frozen=True, kw_only=True, slots=True)
class Scale:
    """One thing that doctors follow: its LOINC codes, the unit of UCUM in which it is compared, the decimals that make
    sense in it, and the steps from other units."""

    name: str
    zh: str
    loinc: tuple[str, ...]
    unit: str
    digits: int
    steps: Mapping[str, Step] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparable:
    """A value in the unit in which its kind is compared. `loinc` is what it is of: of a blood pressure there are two.
    `comparator` is ``<``, ``<=``, ``>``, ``>=`` or ""; `unit` is UCUM's."""

    loinc: str
    name: str
    value: float
    unit: str
    comparator: str = ""


def holders_of(code: str) -> tuple[str, ...]:
    """The codes under which a thing is told: its own, and that of the panel that has it as a component."""
    return (code, PRESSURE_PANEL) if code in PRESSURES else (code,)


def unit_of(text: str, table: CodeTable) -> Code | None:
    """What a unit as it is written is in UCUM; None where the table does not know it. Full-width letters and single
    characters for whole units (``㎏``) are those that they stand for; blanks within it are none."""
    return table.find(text) or table.find("".join(normalize("NFKC", text).split()))


def comparables(code: str, value: str, unit: str) -> list[Comparable]:
    """A value as it stands in a record, in the unit in which its kind is compared; two of a blood pressure
    (``128/78``). Nothing where it is no number, is of nothing that is followed, or has no unit that is known for it.

    `code` is LOINC's, `unit` as it was sent.
    """
    if code == PRESSURE_PANEL:
        parts = _PRESSURE.fullmatch(value.strip())
        pairs = zip(PRESSURES, parts.groups() if parts else (), strict=False)
        return [found for loinc, part in pairs if (found := _comparable(loinc, part, unit))]
    found = _comparable(code, value, unit)
    return [found] if found else []


def _comparable(code: str, value: str, unit: str) -> Comparable | None:
    scale, said = scales().get(code), _VALUE.fullmatch(value.strip())
    known = unit_of(unit, own_units()) if unit else None
    if scale is None or said is None or known is None:
        return None
    step = Step() if known.to == scale.unit else scale.steps.get(known.to)
    if step is None:
        return None
    number = round(step.there(float(said["number"])), scale.digits) if step != Step() else float(said["number"])
    return Comparable(loinc=code, name=scale.name, value=number, unit=scale.unit, comparator=said["comparator"] or "")


@cache
def own_units() -> CodeTable:
    """The hub's own table of units."""
    return load_table(_mappings() / "codes" / "units.csv")


@cache
def scales() -> Mapping[str, Scale]:
    """What is compared in which unit, by LOINC code. Raises Refused (bad-mapping) with file and line."""
    listed = load_scales(_mappings() / "units.toml", own_units())
    return {code: scale for scale in listed for code in scale.loinc}


def load_scales(file: Folder, units: CodeTable) -> tuple[Scale, ...]:
    """The scales of a file. Raises Refused (bad-mapping) with file and line."""
    try:
        text, said = read_toml(file)
    except NotToml as fault:
        raise refuse("bad-mapping", fault.place(file.name), reason=fault.en) from None
    known = {code.to for code in units.codes.values()}
    lines = [number for number, line in enumerate(text.splitlines(), 1) if _LINE.match(line)]
    found: list[Scale] = []
    for line, row in zip(lines, said["comparable"], strict=True):
        try:
            found.append(_scale(row, known))
        except ValueError as fault:
            raise refuse("bad-mapping", f"{file.name}:{line}", reason=str(fault)) from None
    codes = [code for scale in found for code in scale.loinc]
    if twice := {code for code in codes if codes.count(code) > 1}:
        raise refuse("bad-mapping", file.name, reason=f"{sorted(twice)} stand in two rows")
    return tuple(found)


def _scale(row: Mapping[str, Any], known: set[str]) -> Scale:
    if set(row) - _KEYS or (_KEYS - {"from"}) - set(row):
        raise ValueError(f"a row has the keys {', '.join(sorted(_KEYS))}")
    steps = row.get("from", {})
    if unknown := {row["unit"], *steps} - known:
        raise ValueError(f"{sorted(unknown)} are no units of codes/units.csv")
    return Scale(
        name=row["name"],
        zh=row["zh"],
        loinc=tuple(row["loinc"]),
        unit=row["unit"],
        digits=row["digits"],
        steps={unit: _step(step) for unit, step in steps.items()},
    )


def _step(step: Mapping[str, float]) -> Step:
    if set(step) - _STEP_KEYS or ("times" in step) == ("divide" in step):
        raise ValueError("a step has times or divide, and may have add")
    times = step["times"] if "times" in step else 1 / step["divide"]
    return Step(times=times, add=step.get("add", 0.0))


def _mappings() -> Path:
    return Path(str(files("mappings")))
