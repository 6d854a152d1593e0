"""Finding messages among millions: by what they are known by, by their bytes, and what a source's figures are.

Every condition with an index of its own gives a stream of ids, the newest first, and the streams are merged. Each
stream stands behind a fence (``offset 0``): left to itself the planner takes `order by id limit 50` for a reason to
walk the newest messages until fifty fit, which for a rare number or a quiet source is a walk through all of them.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.ids import first_id_at, made_at
from hub.message import Fate

BOUND = 50_000
"""Messages whose bytes a search for words looks through, where no time is given from which on."""
_CHUNK = 5_000
_LAST = UUID(int=2**128 - 1)


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """What messages are asked for; what is empty does not count. `since` and `until` are of receipt, `until` itself
    left out. `number` and `name` are a patient's, exactly as they were sent; `code` is that of the refusal which parked
    it. A `source` of "" asks for those that no profile fitted."""

    source: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    fate: Fate | None = None
    kind: str = ""
    number: str = ""
    name: str = ""
    control_id: str = ""
    code: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """A page, the newest first. `looked` messages were looked through for words, back to `looked_until`; None where no
    words were looked for or none was left. `is_last`: nothing more would come behind it."""

    rows: Sequence[RowMapping]
    is_last: bool
    looked: int = 0
    looked_until: datetime | None = None


_SHOWN = """
    select m.id, m.source, m.transport, m.format, m.kind, m.control_id, m.received_at, m.size, m.numbers, m.names,
           f.fate, f.refusal, f.findings, f.attempts, f.tries, f.retry_at, f.changed_at,
           coalesce(c.repeats, 0) as repeats, c.repeated_at
"""
_BESIDE = "join fate f on f.message_id = m.id left join control c on c.message_id = m.id"
_WITHIN = "{id} >= :least and {id} < :below"


async def list_by_id(connection: AsyncConnection, ids: Sequence[UUID]) -> list[RowMapping]:
    """Messages by id with their fates, without their bytes; who is not there is left out."""
    asked = text(f"{_SHOWN} from message m {_BESIDE} where m.id = any(:ids)")
    return list((await connection.execute(asked, {"ids": list(ids)})).mappings())


async def find_page(connection: AsyncConnection, wanted: Wanted, most: int, after: UUID | None = None) -> Found:
    """The newest `most` messages that fit, behind (older than) the message `after`."""
    found, given = _matching(wanted, after, most + 1)
    page = text(
        f"""
        with page as materialized ({found})
        {_SHOWN} from page join message m on m.id = page.id {_BESIDE} order by m.id desc
        """
    )
    rows = (await connection.execute(page, given)).mappings().all()
    return Found(rows=rows[:most], is_last=len(rows) <= most)


async def find_words(
    connection: AsyncConnection, wanted: Wanted, words: str, most: int, after: UUID | None = None
) -> Found:
    """The newest messages that fit and hold these words, in UTF-8, GB 18030 or as JSON escapes them.

    Looked through are the newest `BOUND` that fit, or all of the time from `since` on.
    """
    hits: list[UUID] = []
    looked, last, left = 0, after, None if wanted.since else BOUND
    while len(hits) <= most and (left is None or looked < left):
        chunk = _CHUNK if left is None else min(_CHUNK, left - looked)
        count, oldest, found = await _look_through(connection, wanted, words, chunk, last)
        looked, last = looked + count, oldest or last
        hits += found
        if count < chunk:
            break
    rows = {row["id"]: row for row in await list_by_id(connection, hits[:most])}
    if len(hits) > most:
        last = hits[most - 1]
    return Found(
        rows=[rows[key] for key in hits[:most]],
        is_last=len(hits) <= most,
        looked=looked,
        looked_until=made_at(last) if last else None,
    )


async def _look_through(
    connection: AsyncConnection, wanted: Wanted, words: str, most: int, after: UUID | None
) -> tuple[int, UUID | None, list[UUID]]:
    """(how many were looked through, the oldest of them, those that hold the words)."""
    found, given = _matching(wanted, after, most)
    written = _written(words)
    holds = " or ".join(f"position(:words{n} in b.raw) > 0" for n in range(len(written)))
    asked = text(
        f"""
        with looked as materialized ({found})
        select (select count(*) from looked) as looked, (select id from looked order by id limit 1) as oldest,
               array(select l.id from looked l join body b on b.message_id = l.id where {holds} order by l.id desc)
                 as found
        """  # noqa: S608 - as above
    )
    row = (await connection.execute(asked, given | {f"words{n}": one for n, one in enumerate(written)})).one()
    return int(row.looked), row.oldest, list(row.found)


def _written(words: str) -> list[bytes]:
    """The ways in which words may stand in a message."""
    ways = [words.encode("utf-8", "replace"), words.encode("gb18030", "replace"), json.dumps(words)[1:-1].encode()]
    return list(dict.fromkeys(ways))


async def count_matching(connection: AsyncConnection, wanted: Wanted) -> int:
    """How many messages fit. It reads them all."""
    found, given = _matching(wanted, None, None)
    return int(await connection.scalar(text(f"select count(*) from ({found}) found"), given) or 0)  # noqa: S608


async def list_ids(connection: AsyncConnection, wanted: Wanted, most: int, after: UUID | None = None) -> list[UUID]:
    """The ids of the newest `most` messages that fit, behind `after`."""
    found, given = _matching(wanted, after, most)
    return list(await connection.scalars(text(found), given))


# -- which ids fit -----------------------------------------------------------------------------------------------------


def _matching(wanted: Wanted, after: UUID | None, most: int | None) -> tuple[str, dict[str, Any]]:
    """A query for the ids that fit, the newest first, and its values. `most` is written out: a plan that does not know
    it would be made for a tenth of the table."""
    given: dict[str, Any] = {
        "least": first_id_at(wanted.since) if wanted.since else UUID(int=0),
        "below": min(after or _LAST, first_id_at(wanted.until) if wanted.until else _LAST),
    }
    streams = [_known(wanted, given)] if wanted.number or wanted.name or wanted.control_id else _streams(wanted, given)
    if wanted.fate in (Fate.KEPT, Fate.PARKED) or wanted.code:
        streams.append(_settled(wanted, given))
    first = "s0"
    joins = "".join(f" join ({stream}) s{n} on s{n}.id = {first}.id" for n, stream in enumerate(streams) if n)
    if wanted.fate is Fate.MERGED and not wanted.code:
        joins += _merged()
    where = " where o0.id is null and o1.id is null" if wanted.fate is Fate.MERGED and not wanted.code else ""
    limit = "" if most is None else f" limit {int(most)}"
    query = f"select {first}.id from ({streams[0]}) {first}{joins}{where} order by {first}.id desc{limit}"  # noqa: S608
    return query, given


def _known(wanted: Wanted, given: dict[str, Any]) -> str:
    """By a number, a name or a control id: few messages, found by their own index, the rest asked of these few."""
    by = {
        "number": "numbers @> array[:number]",
        "name": "names @> array[:name]",
        "control_id": "control_id = :control_id",
    }
    keys = {name: one for name in by if (one := getattr(wanted, name))}
    given |= keys
    known = " and ".join(by[name] for name in keys)
    rest = ""
    if wanted.source is not None:
        rest += " and k.source = :source"
        given["source"] = wanted.source
    if wanted.kind:
        rest += " and k.kind = :kind"
        given["kind"] = wanted.kind
    return (
        f"select k.id from (select id, source, kind from message where {known} offset 0) k "  # noqa: S608
        f"where {_WITHIN.format(id='k.id')}{rest} order by k.id desc offset 0"
    )


def _streams(wanted: Wanted, given: dict[str, Any]) -> list[str]:
    """By source and kind, each in the order of its own index; by neither: of the primary key, unless a fate leads."""
    streams = []
    for name in ("source", "kind"):
        value = getattr(wanted, name)
        if value is not None and (value or name == "source"):
            streams.append(
                f"select id from message where {name} = :{name} and {_WITHIN.format(id='id')} "  # noqa: S608
                "order by id desc offset 0"
            )
            given[name] = value
    leads = wanted.fate in (Fate.KEPT, Fate.PARKED) or wanted.code
    if not streams and not leads:
        within = _WITHIN.format(id="id")
        streams.append(f"select id from message where {within} order by id desc offset 0")  # noqa: S608
    return streams


def _settled(wanted: Wanted, given: dict[str, Any]) -> str:
    """By a fate that few messages have, and by its reason; the partial index asks for the fate as a constant."""
    fate = Fate.PARKED if wanted.code else wanted.fate
    code = ""
    if wanted.code:
        code = " and refusal->>'code' = :code"
        given["code"] = wanted.code
        if wanted.fate not in (None, Fate.PARKED):  # nothing has a reason but what is parked
            code += " and false"
    within = _WITHIN.format(id="message_id")
    return (
        f"select message_id as id from fate where fate = '{fate}' and {within}{code} "  # noqa: S608 - one of two words
        "order by message_id desc offset 0"
    )


def _merged() -> str:
    """Merged is what is neither kept nor parked: the few are left out, so no index of the many is needed."""
    within = _WITHIN.format(id="message_id")
    return "".join(
        f" left join (select message_id as id from fate where fate = '{fate}' and {within} "  # noqa: S608
        f"order by message_id desc offset 0) o{n} on o{n}.id = s0.id"
        for n, fate in enumerate((Fate.KEPT, Fate.PARKED))
    )


# -- what one message left behind --------------------------------------------------------------------------------------

_STEPS = text("select message_id, at, step, by, code from message_step where message_id = any(:ids) order by id")
_TOUCHED = text(
    """
    select f.message_id, f.kind, f.path, f.row, l.resident_id, l.grade, l.reason, l.message_id = f.message_id as is_new
    from fact f join link l on l.patient_id = f.patient_id and l.until is null
    where f.message_id = any(:ids) order by f.id
    """
)


async def list_steps(connection: AsyncConnection, ids: Sequence[UUID]) -> Mapping[UUID, list[RowMapping]]:
    """What happened to messages besides being kept and merged, the first first."""
    return _by_message((await connection.execute(_STEPS, {"ids": list(ids)})).mappings().all(), ids)


async def list_touched(connection: AsyncConnection, ids: Sequence[UUID]) -> Mapping[UUID, list[RowMapping]]:
    """The facts that messages gave, with the residents whose they are now."""
    return _by_message((await connection.execute(_TOUCHED, {"ids": list(ids)})).mappings().all(), ids)


def _by_message(rows: Sequence[RowMapping], ids: Sequence[UUID]) -> Mapping[UUID, list[RowMapping]]:
    found: dict[UUID, list[RowMapping]] = {key: [] for key in ids}
    for row in rows:
        found[row["message_id"]].append(row)
    return found


# -- sources -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class Figures:
    """How a source does. `last_hour` and `failed_last_hour` count messages of the hour, `queue` those that wait to be
    merged, `lag` is how long the oldest of them has waited; `parked` are all that wait for somebody."""

    last_hour: int = 0
    failed_last_hour: int = 0
    queue: int = 0
    lag: timedelta = timedelta()
    parked: int = 0
    last_at: datetime | None = None

    @property
    def is_any(self) -> bool:
        """Whether any message came at all."""
        return self.last_at is not None


_FIGURES = text(
    """
    with waiting as (
      select m.source, count(*) filter (where f.fate = 'kept') as queue,
             min(f.changed_at) filter (where f.fate = 'kept') as oldest,
             count(*) filter (where f.fate = 'parked') as parked,
             count(*) filter (where f.fate = 'parked' and m.id >= :hour) as failed
      from (select message_id, fate, changed_at from fate where fate = 'kept'
            union all select message_id, fate, changed_at from fate where fate = 'parked') f
      join message m on m.id = f.message_id group by m.source
    )
    select asked.source, w.queue, w.oldest, w.parked, w.failed, now() as now,
           (select count(*) from message m where m.source = asked.source and m.id >= :hour) as last_hour,
           (select id from message m where m.source = asked.source order by id desc limit 1) as last
    from unnest(cast(:sources as text[])) asked(source) left join waiting w on w.source = asked.source
    """
)


async def find_figures(connection: AsyncConnection, sources: Sequence[str], now: datetime) -> Mapping[str, Figures]:
    """The figures of sources by name; in one statement."""
    given = {"sources": list(sources), "hour": first_id_at(now - timedelta(hours=1))}
    return {row["source"]: _figures(row) for row in (await connection.execute(_FIGURES, given)).mappings()}


def _figures(row: RowMapping) -> Figures:
    waiting = Figures(last_hour=row["last_hour"], last_at=made_at(row["last"]) if row["last"] else None)
    if row["queue"] is None:
        return waiting
    lag = row["now"] - row["oldest"] if row["oldest"] else timedelta()
    return replace(waiting, failed_last_hour=row["failed"], queue=row["queue"], lag=lag, parked=row["parked"])
