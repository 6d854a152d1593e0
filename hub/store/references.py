"""What sources refer to: names that came in another bundle, before or after what refers to them.

A reference has one row as soon as anybody names or awaits it. Whoever comes second waits there for the first to commit,
and then sees what that one wrote: no name is missed between two workers.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.record import Fact, Named

Reference = tuple[str, str]
"""A source, and how it refers to something."""

_SAY = text(
    """
    with said as (
      select * from unnest(cast(:sources as text[]), cast(:references as text[]), cast(:kinds as text[]),
                           cast(:shown as text[]), cast(:sent as timestamptz[]))
        as said(source, reference, kind, shown, sent_at)
    ), before as (
      select known.* from reference as known join said using (source, reference) order by 1, 2 for update of known
    ), entered as (
      insert into reference as known (source, reference, kind, shown, sent_at)
      select said.* from said left join before using (source, reference) order by 1, 2
      on conflict (source, reference) do update
        set kind = excluded.kind, shown = excluded.shown, sent_at = excluded.sent_at
        where coalesce(known.sent_at <= excluded.sent_at, true)
      returning source, reference, shown
    )
    select source, reference from entered left join before using (source, reference)
    where before.shown is distinct from entered.shown
    """
)
_WOKEN = text(
    """
    select distinct a.patient_id, a.kind, a.key
    from unnest(cast(:sources as text[]), cast(:references as text[])) as said(source, reference)
    join awaited a using (source, reference)
    """
)
_KNOW = text(
    """
    insert into reference (source, reference)
    select distinct * from unnest(cast(:sources as text[]), cast(:references as text[]))
    order by 1, 2 on conflict (source, reference) do update set source = excluded.source
    """
)
"""The update changes nothing and takes the row's lock: whoever names it meanwhile is waited for."""
_AWAIT = text(
    """
    insert into awaited (source, reference, patient_id, kind, key)
    select * from unnest(cast(:sources as text[]), cast(:references as text[]), cast(:patients as uuid[]),
                         cast(:kinds as text[]), cast(:keys as text[]))
    order by 1, 2, 3, 4, 5 on conflict do nothing
    """
)
_LED = text(
    """
    select distinct a.patient_id, a.kind, a.key
    from unnest(cast(:patients as uuid[]), cast(:shown as text[])) as asked(patient_id, shown)
    join awaited a using (patient_id)
    join reference r on r.source = a.source and r.reference = a.reference
    where r.kind = :kind and r.shown = asked.shown
    """
)
_SHOWN = text(
    """
    select source, reference, kind, shown
    from unnest(cast(:sources as text[]), cast(:references as text[])) as asked(source, reference)
    join reference using (source, reference)
    where shown is not null
    """
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Said:
    """What a source calls something, and when it said so."""

    source: str
    named: Named
    sent_at: datetime


async def say(connection: AsyncConnection, said: Iterable[Said]) -> set[tuple[UUID, str, str]]:
    """Enter names. Returns the facts, as (patient, kind, key), that refer to what is called otherwise now; of several
    names of one thing the latest counts."""
    latest: dict[Reference, Said] = {}
    for one in sorted(said, key=lambda one: one.sent_at):
        latest[one.source, one.named.reference] = one
    if not latest:
        return set()
    rows = await connection.execute(
        _SAY,
        {
            "sources": [source for source, _ in latest],
            "references": [reference for _, reference in latest],
            "kinds": [one.named.kind for one in latest.values()],
            "shown": [one.named.shown for one in latest.values()],
            "sent": [one.sent_at for one in latest.values()],
        },
    )
    changed = rows.all()
    if not changed:
        return set()
    woken = await connection.execute(_WOKEN, _asked([(row.source, row.reference) for row in changed]))
    return {(row.patient_id, row.kind, row.key) for row in woken}


async def await_names(connection: AsyncConnection, waiting: Sequence[tuple[Reference, Fact]]) -> None:
    """Enter which facts refer to what their bundle does not name."""
    if not waiting:
        return
    asked = _asked([reference for reference, _ in waiting])
    await connection.execute(_KNOW, asked)
    facts = [fact for _, fact in waiting]
    more = {
        "patients": [one.patient_id for one in facts],
        "kinds": [one.kind for one in facts],
        "keys": [one.key for one in facts],
    }
    await connection.execute(_AWAIT, asked | more)


async def find_names(connection: AsyncConnection, asked: Collection[Reference]) -> dict[Reference, Named]:
    """What is known of these references by now."""
    if not asked:
        return {}
    rows = await connection.execute(_SHOWN, _asked(sorted(asked)))
    return {(row.source, row.reference): Named(reference=row.reference, kind=row.kind, shown=row.shown) for row in rows}


async def find_led(
    connection: AsyncConnection, kind: str, asked: Collection[tuple[UUID, str]]
) -> set[tuple[UUID, str, str]]:
    """The facts of patients, as (patient, kind, key), that refer to something of a kind which is called so."""
    patients, shown = zip(*asked, strict=True) if asked else ((), ())
    rows = await connection.execute(_LED, {"patients": list(patients), "shown": list(shown), "kind": kind})
    return {(row.patient_id, row.kind, row.key) for row in rows}


def _asked(references: Sequence[Reference]) -> dict[str, list[str]]:
    return {
        "sources": [source for source, _ in references],
        "references": [reference for _, reference in references],
    }
