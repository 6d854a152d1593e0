"""The problem list: what a resident was said to have, one line a problem, as doctors see it.

What several hospitals code in several editions of ICD-10 is one problem (I10, I10.x00); a text without a code is a
problem of its own. A problem is active unless its last word says that it is over: most hospitals never say either.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from hub.chart.chapters import Chapter, chapter_of
from hub.chart.order import LAST, NEVER
from hub.concepts import plain_icd10

Row = Mapping[str, Any]

OVER = frozenset({"resolved", "inactive", "remission"})
"""FHIR's clinical statuses of what is no longer there (value set condition-clinical)."""
_NONE = frozenset({"refuted", "entered-in-error"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Telling:
    """How often messages spoke of something, when first and last, and on which visits: (organisation, number)."""

    times: int
    first_at: datetime
    last_at: datetime
    visits: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Problem:
    """One problem. `since` is its earliest onset as it was said, with the first instant that it covers; else the first
    word on it. `rows` are the conditions behind it, the last said first."""

    key: str
    code: str | None
    code_system: str | None
    display: str | None
    chapter: Chapter | None
    clinical_status: str | None
    is_active: bool
    since: str | None
    since_at: datetime | None
    is_onset: bool
    last_said_at: datetime | None
    times: int
    visits: tuple[tuple[str, str], ...]
    organisations: tuple[str, ...]
    rows: tuple[Row, ...]

    @property
    def place(self) -> tuple[bool, float, str]:
        """Where it stands in the list: active ones first, then what was said last, then by its key."""
        last = -self.last_said_at.timestamp() if self.last_said_at else LAST
        return (not self.is_active, last, self.key)


def problems_of(rows: Iterable[Row], told: Mapping[str, Telling]) -> list[Problem]:
    """The problems that conditions amount to, in the order of the list; `told` by the key of the condition."""
    together: dict[str, list[Row]] = {}
    for row in rows:
        if row["status"] not in _NONE:
            together.setdefault(problem_key(row), []).append(row)
    return sorted((_problem(key, of, told) for key, of in together.items()), key=lambda one: one.place)


def problem_key(row: Row) -> str:
    """What makes conditions one problem: their code of ICD-10 whatever its edition, else system and code, else text."""
    system, code = row["code_system"] or "", row["code"] or ""
    if code and ("icd" in system.lower() or (not system and chapter_of(code))):
        return f"icd-10|{plain_icd10(code)}"
    return f"{system}|{code}" if code else "".join((row["display"] or "").split()).casefold()


def _problem(key: str, rows: Sequence[Row], told: Mapping[str, Telling]) -> Problem:
    tellings = {row["id"]: told.get(row["key"]) for row in rows}
    ordered = sorted(rows, key=lambda row: _last_of(row, tellings[row["id"]]), reverse=True)
    last, known = ordered[0], [one for one in tellings.values() if one]
    status = next((row["clinical_status"] for row in ordered if row["clinical_status"]), None)
    since, since_at, is_onset = _since(ordered, known)
    code = last["code"]
    is_icd = key.startswith("icd-10|")
    return Problem(
        key=key,
        code=key.partition("|")[2] if is_icd else code,
        code_system=last["code_system"],
        display=next((row["display"] for row in ordered if row["display"] != row["code"]), last["display"]),
        chapter=chapter_of(code) if code and is_icd else None,
        clinical_status=status,
        is_active=status not in OVER,
        since=since,
        since_at=since_at,
        is_onset=is_onset,
        last_said_at=max((one.last_at for one in known), default=last["effective_at"]),
        times=sum(one.times for one in known) or len(rows),
        visits=tuple(dict.fromkeys(visit for one in known for visit in one.visits)),
        organisations=tuple(dict.fromkeys(name for row in ordered for name in _organisations(row))),
        rows=tuple(ordered),
    )


def _last_of(row: Row, telling: Telling | None) -> tuple[bool, datetime, UUID]:
    at = telling.last_at if telling else row["effective_at"]
    return (at is not None, at or NEVER, row["id"])


def _since(rows: Sequence[Row], known: Sequence[Telling]) -> tuple[str | None, datetime | None, bool]:
    """The earliest onset, as it was said; where none is said, when the problem was first spoken of."""
    onsets = [row for row in rows if row["onset"] and row["effective_at"]]
    if onsets:
        first = min(onsets, key=lambda row: row["effective_at"])
        return str(first["onset"]), first["effective_at"], True
    dated = [row["effective_at"] for row in rows if row["effective_at"]]
    at = min([*dated, *(one.first_at for one in known)], default=None)
    return None, at, False


def _organisations(row: Row) -> list[str]:
    named = [origin["organisation"] for origin in row.get("origins") or () if origin.get("organisation")]
    return named or ([row["organisation"]] if row["organisation"] else [])
