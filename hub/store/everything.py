"""All that was said of a resident, page by page of business keys, with the text of each fact as it is stored."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.record import Fact
from hub.store import facts


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """What is wanted of a resident's patients: the facts of at most `most` business keys, from that of the fact `after`
    on; of some kinds only (none: of all), and of keys of which something was received since a moment."""

    most: int
    after: UUID | None = None
    kinds: tuple[str, ...] = ()
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Written:
    """The facts of some business keys, the text of each as it is stored, and whether there are more keys."""

    keys: list[facts.Key]
    facts: list[Fact]
    texts: dict[UUID, str]
    more: bool


async def find_written(connection: AsyncConnection, patients: Sequence[UUID], asked: Asked) -> Written | None:
    """The facts that are asked for; None where `after` is a fact of somebody else, or of nobody."""
    given: dict[str, Any] = {"patients": list(patients), "most": asked.most + 1}
    branches = [_OF_PATIENTS]
    if asked.after is not None:
        place = await _place(connection, asked.after)
        if place is None or place.patient_id not in patients:
            return None
        given |= {"patients": [one for one in patients if one > place.patient_id], **place._asdict()}
        branches.append(_FROM_PLACE)
    filters = ""
    if asked.kinds:
        given["kinds"] = list(asked.kinds)
        filters += "and f.kind = any(cast(:kinds as text[])) "
    if asked.since:
        given["since"] = asked.since
        filters += "and f.received_at >= cast(:since as timestamptz) "
    rows = await connection.execute(text(_keys(branches, filters)), given)
    keys = [(row.patient_id, row.kind, row.key) for row in rows]
    found = await facts.find_written(connection, keys[: asked.most])
    texts = {fact.id: said for fact, said in found}
    return Written(keys[: asked.most], [fact for fact, _ in found], texts, len(keys) > asked.most)


# Each branch walks the index of (patient_id, kind, key, ...) and stops where the page is full.
_ONE = "select distinct f.patient_id, f.kind, f.key from fact f where f.patient_id"
_FROM_PLACE = f"""
    (select * from ({_ONE} = cast(:patient_id as uuid)
       and (f.kind, f.key) >= (cast(:kind as text), cast(:key as text)) FILTERS
     order by 1, 2, 3 limit :most) as begun)
"""  # noqa: S608 - constants only
_OF_PATIENTS = f"""
    select whole.* from unnest(cast(:patients as uuid[])) as of(id)
    cross join lateral ({_ONE} = of.id FILTERS order by 1, 2, 3 limit :most) as whole
"""  # noqa: S608 - constants only


def _keys(branches: Sequence[str], filters: str) -> str:
    every = " union all ".join(branches).replace("FILTERS", filters)
    return f"select * from ({every}) as every order by 1, 2, 3 limit :most"  # noqa: S608 - constants only


async def _place(connection: AsyncConnection, key: UUID) -> Any:
    asked = text("select patient_id, kind, key from fact where id = :id")
    return (await connection.execute(asked, {"id": key})).one_or_none()
