"""What the readings of a record ask of the database beside its lists: the last values of many codes, how often
something was said, and what was said until a moment. Each is one statement, whatever number of residents it is of."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, DateTime, Select, Text, Uuid, any_, bindparam, func, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.store.facts import later_than
from hub.store.records import BACKGROUND, Row
from hub.tables import link, observation

_IDS = bindparam("ids", type_=ARRAY(Uuid))

# -- values ------------------------------------------------------------------------------------------------------------


async def list_values(
    connection: AsyncConnection, residents: Sequence[UUID], codes: Iterable[str], most: int
) -> dict[UUID, list[Row]]:
    """The newest results of each of the codes, at most `most` of each, the newest first."""
    asked = {"ids": list(residents), "codes": sorted(set(codes)), "most": most}
    found: dict[UUID, list[Row]] = {}
    for row in (await connection.execute(_VALUES, asked)).mappings():
        found.setdefault(row["resident_id"], []).append(row)
    return found


def _values() -> Select[Any]:
    """One walk over a resident's results of these codes; an index by code would cost each result that comes in more
    than it saves whoever looks at a trend."""
    newest = (observation.c.effective_at.desc().nulls_last(), observation.c.id.desc())
    place = func.row_number().over(partition_by=(observation.c.resident_id, observation.c.code), order_by=newest)
    columns = [one for one in observation.c if one.name not in BACKGROUND]
    ranked = (
        select(*columns, place.label("place"))
        .where(
            observation.c.resident_id == func.any(_IDS),
            observation.c.code == any_(bindparam("codes", type_=ARRAY(Text))),
            func.coalesce(observation.c.status, "").not_in(("cancelled", "entered-in-error")),
        )
        .subquery()
    )
    shown = [one for one in ranked.c if one.name != "place"]
    return (
        select(*shown)
        .where(ranked.c.place <= bindparam("most"))
        .order_by(ranked.c.effective_at.desc().nulls_last(), ranked.c.id.desc())
    )


_VALUES = _values()

# -- how often something was said --------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class Said:
    """How often messages said something under one entry key, when that happened first and last, and on which visits:
    (organisation, visit number)."""

    times: int
    first_at: datetime
    last_at: datetime
    visits: tuple[tuple[str, str], ...]


_SAID = text(
    """
    select l.resident_id, f.entry_key, count(distinct f.message_id) as times,
           min(f.event_at) as first_at, max(f.event_at) as last_at,
           array_agg(distinct array[p.organisation, f.content::jsonb #>> '{encounter,identifier,value}'])
             filter (where f.content::jsonb #>> '{encounter,identifier,value}' is not null) as visits
    from link l
    join patient p on p.id = l.patient_id
    join fact f on f.patient_id = l.patient_id and f.kind = cast(:kind as text)
    where l.resident_id = any(cast(:ids as uuid[]))
      and case when cast(:at as timestamptz) is null then l.until is null
          else l.since <= :at and (l.until is null or l.until > :at) and f.received_at <= :at
               and f.id < cast(:later as uuid) end
    group by l.resident_id, f.entry_key
    """
)


async def list_said(
    connection: AsyncConnection, residents: Sequence[UUID], kind: str, at: datetime | None
) -> dict[UUID, dict[str, Said]]:
    """How often the things of a kind were said, by entry key; until a moment where one is given."""
    asked = {"ids": list(residents), "kind": kind, "at": at, "later": at and later_than(at)}
    found: dict[UUID, dict[str, Said]] = {}
    for row in await connection.execute(_SAID, asked):
        visits = tuple(sorted((str(of), str(number)) for of, number in row.visits or ()))
        said = Said(times=row.times, first_at=row.first_at, last_at=row.last_at, visits=visits)
        found.setdefault(row.resident_id, {})[row.entry_key] = said
    return found


# -- a moment ----------------------------------------------------------------------------------------------------------

_THEN = bindparam("at", type_=DateTime(timezone=True))
_PATIENTS_THEN = select(link.c.patient_id, link.c.resident_id).where(
    link.c.resident_id == func.any(_IDS), link.c.since <= _THEN, func.coalesce(link.c.until > _THEN, True)
)


async def list_patients_then(
    connection: AsyncConnection, residents: Sequence[UUID], at: datetime
) -> Mapping[UUID, UUID]:
    """The patients that stood for residents at a moment: patient to resident."""
    rows = await connection.execute(_PATIENTS_THEN, {"ids": list(residents), "at": at})
    return {row.patient_id: row.resident_id for row in rows}
