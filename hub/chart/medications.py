"""Which drugs a resident takes now, as far as the record tells: a rule a kind of entry, so that what else tells of
drugs (statements, dispenses) is one more line of `RULES`."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any
from uuid import UUID

from hub.chart.order import LAST, NEVER

Row = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """When an entry of a kind speaks of a drug that is no longer taken, or never was: by FHIR's status, or, of an
    order, by its intent. A `once` is over when it has happened: it is not a drug that somebody takes."""

    over: frozenset[str]
    not_meant: frozenset[str] = frozenset()


RULES: Mapping[str, Rule] = MappingProxyType(
    {
        "MedicationRequest": Rule(
            over=frozenset({"stopped", "cancelled", "completed", "entered-in-error", "draft", "on-hold"}),
            not_meant=frozenset({"proposal", "plan", "option"}),
        ),
    }
)
"""By kind of entry (FHIR R4B: medicationrequest-status and medicationrequest-intent)."""


def is_current(kind: str, row: Row, now: datetime) -> bool:
    """Whether an entry speaks of a drug that is taken now: neither stopped, nor ended, nor only thought of. One that
    begins later is not taken yet."""
    rule = RULES[kind]
    if row["status"] in rule.over or row.get("intent") in rule.not_meant:
        return False
    if row.get("statements") == _GIVEN:  # once, by somebody: whether it goes on nobody said
        return False
    ended, begun = row.get("ended_at"), row["effective_at"]
    return (ended is None or _lasts(row.get("ended"), ended, now)) and (begun is None or begun <= now)


def _lasts(said: str | None, first: datetime, now: datetime) -> bool:
    """Whether an end has not passed; of an end that is a day, that day is still within."""
    return first > now or (said is not None and len(said) == _DAY and now < first + timedelta(days=1))


_DAY = len("2026-03-01")
_GIVEN = ["administered"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Current:
    """One drug that is taken now, with what speaks of it: (kind, row), the newest first. `doses` are the ways of taking
    it that are said: where there are two, somebody should look."""

    key: str
    code_system: str | None
    code: str | None
    display: str | None
    since_at: datetime | None
    last_at: datetime | None
    doses: tuple[str, ...]
    lines: tuple[tuple[str, Row], ...]

    @property
    def place(self) -> tuple[float, str]:
        """Where it stands in the list: what was said last comes first."""
        return (-self.last_at.timestamp() if self.last_at else LAST, self.key)


def current_of(lines: Iterable[tuple[str, Row]], now: datetime) -> list[Current]:
    """The drugs that are taken at a moment, by what entries of several kinds say, one line a drug."""
    together: dict[str, list[tuple[str, Row]]] = {}
    for kind, row in lines:
        if is_current(kind, row, now):
            together.setdefault(_drug(row), []).append((kind, row))
    return sorted((_current(key, of) for key, of in together.items()), key=lambda one: one.place)


def _drug(row: Row) -> str:
    """What makes lines one drug: its code, else its name."""
    if row["code"]:
        return f"{row['code_system'] or ''}|{row['code']}"
    return "".join((row["display"] or str(row["id"])).split()).casefold()


def _current(key: str, lines: list[tuple[str, Row]]) -> Current:
    ordered = sorted(lines, key=lambda line: _newest(line[1]), reverse=True)
    newest = ordered[0][1]
    times = [row["effective_at"] for _, row in ordered if row["effective_at"]]
    doses = (" ".join(part for part in (row.get("dose"), row.get("frequency")) if part) for _, row in ordered)
    return Current(
        key=key,
        code_system=newest["code_system"],
        code=newest["code"],
        display=next((row["display"] for _, row in ordered if row["display"]), None),
        since_at=min(times, default=None),
        last_at=max(times, default=None),
        doses=tuple(dict.fromkeys(dose for dose in doses if dose)),
        lines=tuple(ordered),
    )


def _newest(row: Row) -> tuple[bool, datetime, UUID]:
    at = row["effective_at"]
    return (at is not None, at or NEVER, row["id"])
