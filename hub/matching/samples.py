"""Sets of patient records that tell whose each record is, so that the matcher can be scored by them.

A map in TOML says which column means what (``tests/matching_sets`` has two); the records become persons by the way
that every patient takes, so that what is scored is what the hub does.
"""

import csv
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from io import StringIO
from pathlib import Path
from typing import Any

from hub.errors import refuse
from hub.mapping.codes import IdentifierKind
from hub.mapping.converters.numbers import MOTHERS_NUMBER
from hub.matching.person import Person, person_of
from hub.record import Json
from hub.toml import NotToml, read_toml

_MOTHER = [{"coding": [{"code": "MTH"}]}]
_TEXTS = ("record", "errors", "separator", "name", "family", "aliases", "mother")
_KEYS = frozenset(
    {*_TEXTS, "truth", "given", "sex", "birth_date", "phones", "address", "mothers_number", "number", "strengths"}
)
_LATIN = re.compile(r"[\x00-\u024f]*")


@dataclass(frozen=True, kw_only=True, slots=True)
class NumberColumn:
    """A column of numbers. Their kind is always `kind`, or what `kinds` makes of the text in `kind_column`."""

    column: str
    kind: str = ""
    kind_column: str = ""
    kinds: Mapping[str, str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Columns:
    """Which column of a set means what; ``""`` and nothing: the set has none. `truth_pattern` finds within the column
    `truth` whose a record is, by its first group. `strengths` are those of kinds of numbers that the hub does not know.
    """

    truth: str
    truth_pattern: re.Pattern[str] | None = None
    record: str = ""
    errors: str = ""
    separator: str = ";"
    name: str = ""
    family: str = ""
    given: tuple[str, ...] = ()
    aliases: str = ""
    sex: str = ""
    sexes: Mapping[str, str]
    birth_date: str = ""
    birth_format: str = ""
    phones: tuple[str, ...] = ()
    address: tuple[str, ...] = ()
    mother: str = ""
    mothers_number: NumberColumn | None = None
    numbers: tuple[NumberColumn, ...] = ()
    strengths: Mapping[str, str]

    def all(self) -> Iterable[str]:
        """Every column that is read."""
        one = (self.truth, self.record, self.errors, self.name, self.family, self.aliases, self.sex, self.birth_date)
        numbers = (*self.numbers, *([self.mothers_number] if self.mothers_number else ()))
        told = [column for number in numbers for column in (number.column, number.kind_column)]
        return filter(None, (*one, *self.given, *self.phones, *self.address, self.mother, *told))


@dataclass(frozen=True, kw_only=True, slots=True)
class Samples:
    """Persons with what is known of them: whose record each is, what the record is called, and what is wrong with it,
    where the set tells that."""

    persons: Sequence[Person]
    truths: Sequence[str]
    records: Sequence[str]
    errors: Sequence[tuple[str, ...]]


def load_columns(file: Path) -> Columns:
    """The map of a set. Raises Refused (bad-argument) with what is wrong."""
    try:
        _, said = read_toml(file)
        return _columns(said)
    except NotToml as fault:
        raise refuse("bad-argument", fault.place(file), reason=str(fault)) from None
    except (ValueError, TypeError, KeyError, re.error) as fault:
        raise refuse("bad-argument", str(file), reason=str(fault)) from None


def read_samples(text: str, columns: Columns, kinds: Mapping[str, IdentifierKind]) -> Samples:
    """The records of a CSV file with a header. Raises Refused (bad-argument) where a column of the map is missing, or
    a record does not tell whose it is."""
    rows = csv.DictReader(StringIO(text, newline=""), skipinitialspace=True)
    if absent := sorted(set(columns.all()) - set(rows.fieldnames or ())):
        raise refuse("bad-argument", "--columns", reason=f"no such columns: {', '.join(absent)}")
    kinds = _known(columns, kinds)
    found = [({name: value or "" for name, value in row.items() if name}, rows.line_num) for row in rows]
    return Samples(
        persons=tuple(person_of(patient_of(row, columns, kinds), None, kinds) for row, _ in found),
        truths=tuple(_truth(row, columns, line) for row, line in found),
        records=tuple(row[columns.record] if columns.record else str(line) for row, line in found),
        errors=tuple(_parted(row.get(columns.errors, ""), columns.separator) for row, _ in found),
    )


def patient_of(row: Mapping[str, str], columns: Columns, kinds: Mapping[str, IdentifierKind]) -> Json:
    """A row as the FHIR Patient that a source would have sent."""
    patient: Json = {
        "resourceType": "Patient",
        "identifier": [one for column in columns.numbers if (one := _number(row, column, kinds))],
        "name": [*_names(row, columns)],
        "gender": columns.sexes.get(row.get(columns.sex, "").strip(), ""),
        "birthDate": _birth_date(row, columns),
        "telecom": [{"system": "phone", "value": row[column]} for column in columns.phones if row[column]],
        "address": [{"text": text}] if (text := _address(row, columns)) else [],
    }
    if mother := row.get(columns.mother, ""):
        patient["contact"] = [{"relationship": _MOTHER, "name": {"text": mother}}]
    if columns.mothers_number and (number := _number(row, columns.mothers_number, kinds)):
        patient["extension"] = [{"url": MOTHERS_NUMBER, "valueIdentifier": number}]
    return {name: value for name, value in patient.items() if value}


# -- values ----------------------------------------------------------------------------------------------------------


def _truth(row: Mapping[str, str], columns: Columns, line: int) -> str:
    truth = row[columns.truth].strip()
    if columns.truth_pattern:
        found = columns.truth_pattern.search(truth)
        truth = found[1] if found else ""
    if not truth:
        raise refuse("bad-argument", columns.truth, reason=f"line {line} does not tell whose record it is")
    return truth


def _number(row: Mapping[str, str], column: NumberColumn, kinds: Mapping[str, IdentifierKind]) -> Json | None:
    kind = column.kind or column.kinds.get(row[column.kind_column].strip(), "")
    value = row[column.column].strip()
    return {"system": kinds[kind].system, "value": value} if kind and value else None


def _names(row: Mapping[str, str], columns: Columns) -> Iterable[Json]:
    if columns.name:
        if row[columns.name]:
            yield {"text": row[columns.name]}
    else:
        given = [row[column] for column in columns.given if row[column]]
        name = {"family": row.get(columns.family, ""), "given": given}
        if any(name.values()):
            yield {key: value for key, value in name.items() if value}
    for alias in _parted(row.get(columns.aliases, ""), columns.separator):
        yield {"use": "nickname", "text": alias}


def _birth_date(row: Mapping[str, str], columns: Columns) -> str:
    said = row.get(columns.birth_date, "").strip()
    if not columns.birth_format or not said:
        return said
    try:
        return datetime.strptime(said, columns.birth_format).date().isoformat()  # noqa: DTZ007
    except ValueError:
        return ""


def _address(row: Mapping[str, str], columns: Columns) -> str:
    parts = [row[column].strip() for column in columns.address if row[column].strip()]
    return (" " if all(_LATIN.fullmatch(part) for part in parts) else "").join(parts)


def _parted(text: str, separator: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(separator) if part.strip())


# -- the map ---------------------------------------------------------------------------------------------------------


def _columns(said: Mapping[str, Any]) -> Columns:
    if unknown := set(said) - _KEYS:
        raise ValueError(f"unknown keys {sorted(unknown)}")
    if "truth" not in said:
        raise ValueError("truth is missing: the column that tells whose record it is")
    truth, born = _table(said["truth"], {"column", "pattern"}), _table(said.get("birth_date"), {"column", "format"})
    sex = _table(said.get("sex"), {"column", "male", "female"})
    return Columns(
        truth=truth["column"],
        truth_pattern=re.compile(truth["pattern"]) if "pattern" in truth else None,
        sex=sex.get("column", ""),
        sexes={str(code): name for name in ("male", "female") for code in sex.get(name, [name])},
        birth_date=born.get("column", ""),
        birth_format=born.get("format", ""),
        given=tuple(said.get("given", ())),
        phones=tuple(said.get("phones", ())),
        address=tuple(said.get("address", ())),
        mothers_number=_number_column(said["mothers_number"]) if "mothers_number" in said else None,
        numbers=tuple(_number_column(one) for one in said.get("number", ())),
        strengths=dict(said.get("strengths", {})),
        **{name: str(said[name]) for name in _TEXTS if name in said},
    )


def _table(said: Any, keys: set[str]) -> Mapping[str, Any]:
    """A column by its name alone, or with more about it."""
    table = {"column": said} if isinstance(said, str) else dict(said or {})
    if unknown := set(table) - keys:
        raise ValueError(f"unknown keys {sorted(unknown)}")
    return table


def _number_column(said: Any) -> NumberColumn:
    table = _table(said, {"column", "kind", "kind_column", "kinds"})
    if ("kind" in table) == ("kind_column" in table):
        raise ValueError(f"{table['column']}: either kind or kind_column")
    return NumberColumn(**{"kinds": {}, **table})


def _known(columns: Columns, kinds: Mapping[str, IdentifierKind]) -> Mapping[str, IdentifierKind]:
    """The hub's kinds of numbers, and those that only the map knows."""
    own = {
        name: IdentifierKind(name, f"urn:hub:identifier:{name}", "", strength, name, name)
        for name, strength in columns.strengths.items()
    }
    known = own | dict(kinds)
    mothers = [columns.mothers_number] if columns.mothers_number else []
    for column in (*columns.numbers, *mothers):
        for kind in (column.kind, *column.kinds.values()):
            if kind and kind not in known:
                raise refuse("bad-argument", "--columns", reason=f"{kind} is no kind of numbers; give its strength")
    return known
