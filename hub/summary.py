"""The record in short, as it goes with a referral: frozen when it is sent, so that whoever gets it sees what the sender
saw. Pure: residents' rows and entries in, JSON out.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any

from hub.record import Json

Row = Mapping[str, Any]

LONGEST = 400
"""Characters of one text; a report that is written into a result would else be the whole summary."""

READ_RESULTS = 200
"""How many results are looked at to find the last of each sort."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Section:
    """One list of a summary: how many lines it has at most, and what each says."""

    name: str
    most: int
    columns: tuple[str, ...]
    is_last_of_each: bool = False


SECTIONS: Mapping[str, Section] = MappingProxyType(
    {
        "Condition": Section(
            name="conditions",
            most=20,
            columns=("code", "display", "effective", "status", "clinical_status", "category"),
        ),
        "AllergyIntolerance": Section(
            name="allergies",
            most=20,
            columns=("code", "display", "effective", "status", "criticality", "severity", "reaction"),
        ),
        "Observation": Section(
            name="results",
            most=30,
            columns=("code", "display", "effective", "status", "value", "unit", "reference_range", "interpretation"),
            is_last_of_each=True,
        ),
        "Encounter": Section(
            name="stays",
            most=5,
            columns=("code", "display", "effective", "ended", "status", "department", "doctor", "disposition"),
        ),
    }
)
"""What a summary holds of each kind of entry."""

_PERSON = ("name", "sex", "birth_date", "phone", "address", "marital_status", "ethnicity")
_GONE = frozenset({"entered-in-error", "cancelled", "refuted"})


@dataclass(frozen=True, slots=True)
class Entries:
    """A resident's entries of a kind, the newest first, and how many there are altogether."""

    rows: Sequence[Row]
    total: int


def wanted(kind: str) -> int:
    """How many of the newest entries of a kind a summary is made from."""
    section = SECTIONS[kind]
    return READ_RESULTS if section.is_last_of_each else section.most


def summarise(
    person: Row, record: Mapping[str, Entries], at: datetime, handover: Mapping[str, str] | None = None
) -> Json:
    """The summary of a resident's record at a moment.

    ``{"taken_at", "person": {..., "organisations"}, "conditions": {"lines": [...], "left_out"}, "allergies",
    "results", "stays"}``. Each line names the organisations that it comes from, and under `cut` the columns of which
    only the beginning stands there; `left_out` counts what is not shown. Of results only the last of each sort is.
    `handover` is what a hospital says to the community beside the record.
    """
    told: Json = {"taken_at": at.isoformat(), "person": _person(person)}
    for kind, section in SECTIONS.items():
        told[section.name] = _list(section, record.get(kind, Entries((), 0)))
    if handover:
        told["handover"] = dict(handover)
    return told


def _person(person: Row) -> Json:
    said = {name: person[name] for name in _PERSON if person.get(name) is not None}
    return {**said, "organisations": _organisations(person)}


def _list(section: Section, entries: Entries) -> Json:
    standing = [row for row in entries.rows if row.get("status") not in _GONE]
    rows = list(_last_of_each(standing)) if section.is_last_of_each else standing
    lines = [_line(section, row) for row in rows[: section.most]]
    return {"lines": lines, "left_out": entries.total - (len(entries.rows) - len(standing)) - len(lines)}


def _last_of_each(rows: Iterable[Row]) -> Iterable[Row]:
    seen: set[tuple[Any, Any]] = set()
    for row in rows:
        sort = (row.get("code_system"), row.get("code") or row.get("display"))
        if sort not in seen:
            seen.add(sort)
            yield row


def _line(section: Section, row: Row) -> Json:
    said = {name: str(row[name]) for name in section.columns if row.get(name) is not None}
    line: Json = {name: text[:LONGEST] for name, text in said.items()}
    line["organisations"] = _organisations(row)
    if cut := [name for name, text in said.items() if len(text) > LONGEST]:
        line["cut"] = cut
    return line


def _organisations(row: Row) -> list[str]:
    """Whose word it is, the latest first; an entry without an origin's name has at least its own organisation."""
    named = [origin["organisation"] for origin in row.get("origins") or () if origin.get("organisation")]
    own = [row["organisation"]] if row.get("organisation") else []
    return list(dict.fromkeys(named)) or own
