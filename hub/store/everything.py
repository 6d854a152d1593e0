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
    if asked.after is not None and not await _is_of(connection, patients, asked.after):
        return None
    given: dict[str, Any] = {"patients": list(patients), "most": asked.most + 1}
    conditions = ["f.patient_id = any(cast(:patients as uuid[]))"]
    if asked.kinds:
        given["kinds"] = list(asked.kinds)
        conditions.append("f.kind = any(cast(:kinds as text[]))")
    if asked.since:
        given["since"] = asked.since
        conditions.append("f.received_at >= cast(:since as timestamptz)")
    if asked.after:
        given["after"] = asked.after
        conditions.append(
            "(f.patient_id, f.kind, f.key) >= (select g.patient_id, g.kind, g.key from fact g where g.id = :after)"
        )
    rows = await connection.execute(
        text(
            f"""
            select distinct f.patient_id, f.kind, f.key from fact f where {" and ".join(conditions)}
            order by f.patient_id, f.kind, f.key limit :most
            """  # noqa: S608 - constants only
        ),
        given,
    )
    keys = [(row.patient_id, row.kind, row.key) for row in rows]
    found = await facts.find_written(connection, keys[: asked.most])
    texts = {fact.id: said for fact, said in found}
    return Written(keys[: asked.most], [fact for fact, _ in found], texts, len(keys) > asked.most)


async def _is_of(connection: AsyncConnection, patients: Sequence[UUID], key: UUID) -> bool:
    asked = text("select true from fact where id = :key and patient_id = any(cast(:patients as uuid[]))")
    return bool(await connection.scalar(asked, {"key": key, "patients": list(patients)}))
