"""How much each agreement and each difference weighs: ``identity.toml``, the hub's or a site's."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from hub.errors import refuse
from hub.toml import NotToml, read_toml


@dataclass(frozen=True, kw_only=True, slots=True)
class Grades:
    """From which score on two persons are certainly, probably or possibly one."""

    certain: float
    probable: float
    possible: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Weights:
    """Bits for each finding; what speaks against it is below 0. `missing_most` caps what two records may reach of which
    neither a number nor a phone agrees."""

    number_same: float
    number_other: float
    name_same: float
    name_rarest: float
    name_sound: float
    name_close: float
    name_other: float
    born_same: float
    born_close: float
    born_other: float
    sex_other: float
    phone_same: float
    phone_other: float
    address_same: float
    address_close: float
    mother_same: float
    mother_other: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Rules:
    """How a site compares."""

    grades: Grades
    weights: Weights


_TABLES = {"grades": Grades, "weights": Weights}


def load_rules(path: Path) -> Rules:
    """The rules of a file. Raises Refused (bad-identity) with file and line."""
    try:
        text, said = read_toml(path)
    except NotToml as fault:
        raise refuse("bad-identity", fault.place(path.name), reason=fault.en) from None
    for name in said.keys() - _TABLES.keys():
        raise refuse("bad-identity", f"{path.name}:{_line(text, name)}", reason=f"'{name}' is no table of it")
    tables = {name: of(**_numbers(path, text, name, said.get(name, {}))) for name, of in _TABLES.items()}
    return Rules(**tables)


def _numbers(path: Path, text: str, table: str, said: Mapping[str, Any]) -> dict[str, float]:
    known = {one.name for one in fields(_TABLES[table])}
    for key in sorted(said.keys() ^ known):
        reason = f"'{key}' is no key of [{table}]" if key in said else f"[{table}] lacks '{key}'"
        raise refuse("bad-identity", f"{path.name}:{_line(text, key)}", reason=reason)
    for key, value in said.items():
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise refuse("bad-identity", f"{path.name}:{_line(text, key)}", reason=f"'{key}' is a number of bits")
    return {key: float(value) for key, value in said.items()}


def _line(text: str, key: str) -> int:
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip().startswith((key, f"[{key}")):
            return number
    return 1
