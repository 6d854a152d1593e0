"""A resident's record on one line: entries of all kinds, the newest first, a page in one statement.

Each kind has an index of (resident, effective time, id). A branch of the union reads it backwards and stops where the
page is full, so a page costs the same whatever the record's length; the columns are then read of the page's lines only.
What has no time comes last, and from branches of its own: PostgreSQL's index has the nulls at its end, which is the
beginning of the way back.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

from sqlalchemy import DateTime, Table, TextClause, Uuid, text
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.store.records import BACKGROUND, Place
from hub.tables import ENTRY_TABLES

SEARCHED = (
    *("display", "code", "value", "note", "conclusion", "title", "text", "instruction", "reason", "reaction"),
    *("outcome", "department", "doctor", "disposition"),
)
"""Columns in which a word is looked for, as far as a kind has them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Stretch:
    """What of a timeline is wanted: at most `most` lines behind a place, of certain kinds (none: of all), of one
    organisation, at or after `since` and before `until`, with a word in them. `counted`: how many there are in all."""

    most: int
    after: Place | None = None
    kinds: tuple[str, ...] = ()
    organisation: str = ""
    since: datetime | None = None
    until: datetime | None = None
    word: str = ""
    background: bool = True
    counted: bool = True


@dataclass(frozen=True, slots=True)
class Lines:
    """A stretch of one resident's timeline: (kind, columns) line by line; `total` counts all that fit, behind the place
    or not, and is 0 where it was not asked for."""

    rows: list[tuple[str, dict[str, Any]]]
    total: int


async def find_stretch(connection: AsyncConnection, residents: Sequence[UUID], wanted: Stretch) -> dict[UUID, Lines]:
    """The same stretch of several residents' timelines, in one statement."""
    statement = _statement(_shape(wanted))
    rows = await connection.execute(statement, _given(residents, wanted))
    found: dict[UUID, Lines] = {}
    for asked, total, kind, columns in rows:
        of = found.setdefault(asked, Lines([], int(total or 0)))
        if kind is not None:
            of.rows.append((kind, _read(kind, columns)))
    return found


def _given(residents: Sequence[UUID], wanted: Stretch) -> dict[str, Any]:
    said = {
        "organisation": wanted.organisation,
        "since": wanted.since,
        "until": wanted.until,
        "word": f"%{_literal(wanted.word)}%" if wanted.word else "",
        "after_at": wanted.after.at if wanted.after else None,
        "after_id": wanted.after.id if wanted.after else None,
    }
    return {"ids": list(residents), "most": wanted.most, **{name: value for name, value in said.items() if value}}


def _literal(word: str) -> str:
    """A word as `ilike` takes it for itself."""
    return word.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


# -- the statement -----------------------------------------------------------------------------------------------------

_Shape = tuple[tuple[str, ...], str, frozenset[str], bool, bool]


def _shape(wanted: Stretch) -> _Shape:
    """What of a stretch makes another statement, and not only other values."""
    start = "first" if wanted.after is None else "dated" if wanted.after.at else "undated"
    asked = ("organisation", "since", "until", "word")
    filters = frozenset(name for name in asked if getattr(wanted, name))
    kinds = tuple(kind for kind in ENTRY_TABLES if not wanted.kinds or kind in wanted.kinds)
    return kinds, start, filters, wanted.background, wanted.counted


@lru_cache(maxsize=256)
def _statement(shape: _Shape) -> TextClause:
    kinds, start, filters, background, counted = shape
    branches = "\n union all ".join(branch for kind in kinds for branch in _branches(kind, start, filters))
    columns = "\n".join(f"when '{kind}' then ({_columns(kind, background=background)})" for kind in kinds)
    total = " + ".join(f"({_count(kind, filters)})" for kind in kinds) if counted else "0"
    return text(
        f"""
        select asked.id, {total} as total, line.kind, case line.kind {columns} end as columns
        from unnest(cast(:ids as uuid[])) as asked(id)
        left join lateral (
          select every.kind, every.id, every.effective_at from ({branches}) as every
          order by every.effective_at desc nulls last, every.id desc limit :most
        ) as line on true
        order by asked.id, line.effective_at desc nulls last, line.id desc
        """  # noqa: S608 - names of tables and columns only
    )


def _branches(kind: str, start: str, filters: frozenset[str]) -> Iterator[str]:
    """The lines of a kind that a page may hold: those with a time, and those without."""
    one = f"(select '{kind}' as kind, t.id, t.effective_at {_from(kind, filters)}"
    behind = "(t.effective_at, t.id) < (cast(:after_at as timestamptz), cast(:after_id as uuid)) and "
    if start != "undated":
        place = behind if start == "dated" else ""
        yield f"{one} and {place} t.effective_at is not null order by t.effective_at desc, t.id desc limit :most)"
    if not filters & {"since", "until"}:
        place = "t.id < cast(:after_id as uuid) and" if start == "undated" else ""
        yield f"{one} and {place} t.effective_at is null order by t.id desc limit :most)"


def _from(kind: str, filters: frozenset[str]) -> str:
    conditions = ["t.resident_id = asked.id", *(_FILTERS[name] for name in sorted(filters - {"word"}))]
    if "word" in filters:
        table = ENTRY_TABLES[kind]
        named = " or ".join(f"t.{name} ilike cast(:word as text)" for name in SEARCHED if name in table.c)
        conditions.append(f"({named})")
    return f"from {ENTRY_TABLES[kind].name} as t where {' and '.join(conditions)}"


_FILTERS: Mapping[str, str] = {
    "organisation": "(t.organisation = cast(:organisation as text) or t.origins @> "
    "jsonb_build_array(jsonb_build_object('organisation', cast(:organisation as text))))",
    "since": "t.effective_at >= cast(:since as timestamptz)",
    "until": "t.effective_at < cast(:until as timestamptz)",
}


def _count(kind: str, filters: frozenset[str]) -> str:
    return f"select count(*) {_from(kind, filters)}"


def _columns(kind: str, *, background: bool) -> str:
    """The columns of a line that the page holds, as one JSON object."""
    table = ENTRY_TABLES[kind]
    names = [one.name for one in table.c if background or one.name not in BACKGROUND]
    pairs = ", ".join(f"'{name}', t.\"{name}\"" for name in names)
    return f"select jsonb_build_object({pairs}) from {table.name} as t where t.id = line.id"  # noqa: S608 - as above


# -- the lines ---------------------------------------------------------------------------------------------------------


def _read(kind: str, columns: dict[str, Any]) -> dict[str, Any]:
    """A line as the other lists have it: ids and instants are no texts."""
    for name, read in _readers(kind).items():
        if columns[name] is not None:
            columns[name] = read(columns[name])
    return columns


@lru_cache
def _readers(kind: str) -> Mapping[str, Any]:
    table: Table = ENTRY_TABLES[kind]
    instants = {one.name: _instant for one in table.c if isinstance(one.type, DateTime)}
    return {**instants, **{one.name: UUID for one in table.c if isinstance(one.type, Uuid)}}


def _instant(said: str) -> datetime:
    return datetime.fromisoformat(said).astimezone(UTC)
