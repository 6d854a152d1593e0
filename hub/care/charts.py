"""A record as doctors read it, for somebody who may: what `hub.chart` makes of it, loaded, checked and witnessed."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple, TypeVar
from uuid import UUID

from hub.care.visit import Visit
from hub.chart.history import Step, history_of
from hub.chart.order import NEVER
from hub.chart.problems import Telling
from hub.chart.trends import codes_read
from hub.errors import refuse
from hub.message import Message
from hub.recalling import Asked, find_facts_of, recall
from hub.record import Entry, Fact
from hub.store import charts, messages, timeline
from hub.store.entries import conflict_json, flag_json, origin_json
from hub.store.records import Found, Page, Place, Row
from hub.store.timeline import Lines, Stretch
from hub.tables import ENTRY_TABLES

K = TypeVar("K")

MOST_RECALLED = 5
"""Residents of one answer whose record is asked for as of a moment: each is projected anew from all its facts."""
MOST_HISTORIES = 100
"""Entries of one answer whose history is asked for."""
MOST_LETTERS = 100
"""Messages of one answer in which places are looked for."""
MOST_VALUES = 20_000
"""Values that the trends of one answer may hold."""


# -- a moment ----------------------------------------------------------------------------------------------------------


class Moment(NamedTuple):
    """A resident's entries of a kind as of a moment."""

    resident_id: UUID
    kind: str
    at: datetime


async def recall_entries(visit: Visit, asked: Sequence[Moment]) -> list[Sequence[Row]]:
    """Entries of a kind, the newest first, as the hub knew them at a moment. Raises Refused (no-relation,
    page-too-large)."""
    whose = {one.resident_id for one in asked}
    await visit.check(whose)
    visit.touch(kinds={one.kind for one in asked})
    if len(whose) > MOST_RECALLED:
        raise refuse("page-too-large", "asOf", asked=str(len(whose)), most=str(MOST_RECALLED))
    found: dict[Moment, Sequence[Row]] = {}
    for kind, at in dict.fromkeys((one.kind, one.at) for one in asked):
        residents = [one.resident_id for one in asked if (one.kind, one.at) == (kind, at)]
        recalled = await visit.ask(recall, residents, kind, at)
        found |= {Moment(of, kind, at): _rows(entries) for of, entries in recalled.items()}
    return [found[one] for one in asked]


def _rows(entries: Iterable[Entry]) -> Sequence[Row]:
    return sorted((_row(one) for one in entries), key=_newest, reverse=True)


def _row(one: Entry) -> Row:
    return {
        "id": one.id,
        "resident_id": one.resident_id,
        "key": one.key,
        **{name: _as_stored(value) for name, value in one.columns.items()},
        "origins": [origin_json(origin) for origin in one.origins],
        "conflicts": [conflict_json(conflict) for conflict in one.conflicts],
        "flags": [flag_json(flag) for flag in one.flags],
    }


def _as_stored(value: Any) -> Any:
    """A value as the database gives it back: instants in UTC."""
    return value.astimezone(UTC) if isinstance(value, datetime) else value


def page_in(rows: Sequence[Row], page: Page) -> Found:
    """A page of entries that are at hand, the newest first, as ``hub.store.records.list_entries`` gives it."""
    fitting = [row for row in rows if not page.codes or row["code"] in page.codes]
    if page.statement:
        fitting = [row for row in fitting if page.statement in (row["statements"] or ())]
    behind = [row for row in fitting if page.after is None or _newest(row) < _newest_of(page.after)]
    return Found([dict(row) for row in behind[: page.most]], len(fitting))


def _newest(row: Row) -> tuple[bool, datetime, UUID]:
    return _newest_of(Place(row["effective_at"], row["id"]))


def _newest_of(place: Place) -> tuple[bool, datetime, UUID]:
    return (place.at is not None, place.at or NEVER, place.id)


# -- one line of all kinds ---------------------------------------------------------------------------------------------


class Wanted(NamedTuple):
    """A stretch of one resident's timeline."""

    resident_id: UUID
    stretch: Stretch


async def list_stretches(visit: Visit, asked: Sequence[Wanted]) -> list[Lines]:
    """Stretches of timelines, one statement for all that are alike."""
    await visit.check({one.resident_id for one in asked})
    found: dict[Wanted, Lines] = {}
    for stretch in dict.fromkeys(one.stretch for one in asked):
        visit.touch(kinds=stretch.kinds or ENTRY_TABLES)
        residents = [one.resident_id for one in asked if one.stretch == stretch]
        lines = await visit.ask(timeline.find_stretch, residents, stretch)
        found |= {Wanted(of, stretch): one for of, one in lines.items()}
    return [found[one] for one in asked]


# -- problems ----------------------------------------------------------------------------------------------------------


class Told(NamedTuple):
    """How often the things of a kind were said of a resident; until a moment where one is given."""

    resident_id: UUID
    kind: str
    at: datetime | None


async def list_tellings(visit: Visit, asked: Sequence[Told]) -> list[Mapping[str, Telling]]:
    """How often things were said, by entry key."""
    await visit.check({one.resident_id for one in asked})
    found: dict[Told, Mapping[str, Telling]] = {}
    for kind, at in dict.fromkeys((one.kind, one.at) for one in asked):
        residents = [one.resident_id for one in asked if (one.kind, one.at) == (kind, at)]
        visit.touch(kinds=[kind])
        said = await visit.ask(charts.list_said, residents, kind, at)
        for of in residents:
            found[Told(of, kind, at)] = {
                key: Telling(times=one.times, first_at=one.first_at, last_at=one.last_at, visits=one.visits)
                for key, one in said.get(of, {}).items()
            }
    return [found[one] for one in asked]


# -- values ------------------------------------------------------------------------------------------------------------


class Values(NamedTuple):
    """The newest results of some codes of a resident, at most `most` of each."""

    resident_id: UUID
    codes: tuple[str, ...]
    most: int


async def list_values(visit: Visit, asked: Sequence[Values]) -> list[Sequence[Row]]:
    """Results of codes, the newest first. Raises Refused (page-too-large)."""
    await visit.check({one.resident_id for one in asked})
    visit.touch(kinds=["Observation"])
    lines = sum(len(one.codes) * one.most for one in asked)
    if lines > MOST_VALUES:
        raise refuse("page-too-large", "codes", asked=str(lines), most=str(MOST_VALUES))
    found: dict[Values, Sequence[Row]] = {}
    for codes, most in dict.fromkeys((one.codes, one.most) for one in asked):
        residents = [one.resident_id for one in asked if (one.codes, one.most) == (codes, most)]
        rows = await visit.ask(charts.list_values, residents, codes_read(codes), most)
        found |= {Values(of, codes, most): rows.get(of, []) for of in residents}
    return [found[one] for one in asked]


# -- the messages that entries come from -------------------------------------------------------------------------------


async def list_letters(visit: Visit, ids: Sequence[UUID]) -> Mapping[UUID, Message]:
    """The messages that entries come from which were read before, of those whose bytes are still kept. Raises Refused
    (page-too-large)."""
    visit.touch(kinds=["Message"])
    if len(ids) > MOST_LETTERS:
        raise refuse("page-too-large", "place", asked=str(len(ids)), most=str(MOST_LETTERS))
    return await visit.ask(messages.list_whole, ids)


# -- what was said of an entry -----------------------------------------------------------------------------------------


class Word(NamedTuple):
    """What was said of one entry, the last `most` words; until a moment where one is given."""

    resident_id: UUID
    kind: str
    key: str
    most: int
    at: datetime | None


async def list_histories(visit: Visit, asked: Sequence[Word]) -> list[Sequence[Step]]:
    """The history of entries. Raises Refused (page-too-large)."""
    await visit.check({one.resident_id for one in asked})
    visit.touch(kinds={one.kind for one in asked})
    if len(asked) > MOST_HISTORIES:
        raise refuse("page-too-large", "history", asked=str(len(asked)), most=str(MOST_HISTORIES))
    found: dict[tuple[Asked, datetime | None], list[Fact]] = {}
    for at in dict.fromkeys(one.at for one in asked):
        keys = [_key(one) for one in asked if one.at == at]
        found |= {(key, at): facts for key, facts in (await visit.ask(find_facts_of, keys, at)).items()}
    return [history_of(one.kind, one.key, one.resident_id, found[_key(one), one.at], one.most) for one in asked]


def _key(one: Word) -> Asked:
    return one.resident_id, one.kind, one.key
