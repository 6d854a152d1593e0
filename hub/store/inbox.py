"""The inbox: raw messages, and what has become of each."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import ARRAY, BindParameter, RowMapping, Uuid, bindparam, func, select, text, update
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.errors import Refusal
from hub.message import Arrival, Fate, Format, Message, Transport
from hub.tables import fate, message

# One statement and one round trip for any number of messages: the raw bytes and their fate are never apart.
_KEEP = text(
    """
    with came as (
      insert into message (id, source, transport, format, kind, control_id, raw)
      select * from unnest(cast(:ids as uuid[]), cast(:sources as text[]), cast(:transports as text[]),
                           cast(:formats as text[]), cast(:kinds as text[]), cast(:controls as text[]),
                           cast(:raws as bytea[]))
    )
    insert into fate (message_id, fate, refusal, findings)
    select id, case when refusal is null then 'kept' else 'parked' end, cast(refusal as jsonb), cast(findings as jsonb)
    from unnest(cast(:ids as uuid[]), cast(:refusals as text[]), cast(:findings as text[]))
      as came(id, refusal, findings)
    """
)
MERGING = 7263
"""The advisory lock that lets one batch merge at a time, whatever number of workers are up."""


async def keep(connection: AsyncConnection, arrivals: Sequence[tuple[UUID, Arrival]]) -> None:
    """Store messages with their first fate: kept, or parked where the door refused them."""
    came = [arrival for _, arrival in arrivals]
    await connection.execute(
        _KEEP,
        {
            "ids": [key for key, _ in arrivals],
            "sources": [arrival.source for arrival in came],
            "transports": [arrival.transport.value for arrival in came],
            "formats": [arrival.format.value for arrival in came],
            "kinds": [arrival.kind for arrival in came],
            "controls": [arrival.control_id for arrival in came],
            "raws": [arrival.raw for arrival in came],
            "refusals": [_json(refusal_json(arrival.refusal)) for arrival in came],
            "findings": [_json([refusal_json(one) for one in arrival.findings]) for arrival in came],
        },
    )


def _json(value: Any) -> str | None:
    return orjson.dumps(value).decode() if value else None


_CLAIM = (
    select(message, fate.c.findings, fate.c.attempts)
    .join(fate, fate.c.message_id == message.c.id)
    .where(fate.c.fate == Fate.KEPT)
    .order_by(fate.c.message_id)
    .limit(bindparam("most"))
    .with_for_update(of=fate)
)


async def claim(connection: AsyncConnection, most: int) -> list[Message]:
    """The oldest kept messages, locked for this transaction; none while another worker merges."""
    alone = await connection.scalar(select(func.pg_try_advisory_xact_lock(MERGING)))
    if not alone:
        return []
    rows = await connection.execute(_CLAIM, {"most": most})
    return [_message(row) for row in rows.mappings()]


def _message(row: RowMapping) -> Message:
    return Message(
        id=row["id"],
        source=row["source"],
        transport=Transport(row["transport"]),
        format=Format(row["format"]),
        raw=row["raw"],
        received_at=row["received_at"],
        kind=row["kind"],
        control_id=row["control_id"],
        attempts=row.get("attempts", 0),
        findings=tuple(refusal for one in row.get("findings") or () if (refusal := refusal_from(one))),
    )


_SETTLE = (
    update(fate)
    .where(fate.c.message_id == bindparam("of"))
    .values(
        fate=bindparam("becomes"),
        lane=bindparam("in_lane"),
        refusal=bindparam("because", type_=JSONB(none_as_null=True)),
        findings=bindparam("found", type_=JSONB(none_as_null=True)),
        attempts=fate.c.attempts + 1,
        changed_at=func.now(),
    )
)


async def settle(connection: AsyncConnection, fates: Sequence[Mapping[str, Any]]) -> None:
    """Write what became of messages: rows of `of`, `becomes`, `in_lane`, `because`, `found`."""
    if fates:
        await connection.execute(_SETTLE, fates)


async def find_fates(connection: AsyncConnection, ids: Sequence[UUID]) -> dict[UUID, RowMapping]:
    """The fates of messages by id."""
    rows = await connection.execute(select(fate).where(fate.c.message_id == func.any(_uuids("ids"))), {"ids": ids})
    return {row["message_id"]: row for row in rows.mappings()}


async def find_message(connection: AsyncConnection, key: UUID) -> Message | None:
    """A message as it came."""
    row = (await connection.execute(select(message).where(message.c.id == key))).mappings().first()
    return _message(row) if row else None


async def count_waiting(connection: AsyncConnection) -> int:
    """How many kept messages wait to be merged."""
    return int(await connection.scalar(select(func.count()).where(fate.c.fate == Fate.KEPT)) or 0)


async def list_messages(connection: AsyncConnection, wanted: Fate | None, most: int) -> list[RowMapping]:
    """The newest messages with their fates, without their bytes."""
    columns = [column for column in message.c if column.name != "raw"]
    listing = (
        select(*columns, fate.c.fate, fate.c.lane, fate.c.refusal, fate.c.findings, fate.c.attempts)
        .join(fate, fate.c.message_id == message.c.id)
        .order_by(message.c.id.desc())
        .limit(most)
    )
    if wanted:
        listing = listing.where(fate.c.fate == wanted)
    return list((await connection.execute(listing)).mappings())


NEVER_WHOLE = ("broken-frame", "frame-too-large", "stray-bytes", "unreadable-frame")
"""Refusals of bytes that are no whole message: to take half a message for a whole one would write half a record."""


async def replay(connection: AsyncConnection, ids: Sequence[UUID] | None) -> int:
    """Set settled messages back to kept; all parked ones where no ids are given. Returns how many.

    What was never a whole message stays parked. A replayed message counts as tried, so it is examined in full.
    """
    again = update(fate).values(fate=Fate.KEPT, refusal=None, attempts=fate.c.attempts + 1, changed_at=func.now())
    again = again.where(func.coalesce(fate.c.refusal["code"].astext, "").not_in(NEVER_WHOLE))
    again = (
        again.where(fate.c.message_id == func.any(_uuids("ids"))) if ids else again.where(fate.c.fate == Fate.PARKED)
    )
    done = await connection.execute(again.where(fate.c.fate != Fate.KEPT), {"ids": ids} if ids else {})
    return int(done.rowcount)


def _uuids(name: str) -> BindParameter[Any]:
    return bindparam(name, type_=ARRAY(Uuid))


def refusal_json(refusal: Refusal | None) -> dict[str, Any] | None:
    """A refusal as it is stored."""
    if refusal is None:
        return None
    return {"code": refusal.code, "where": refusal.where, "given": dict(refusal.given)}


def refusal_from(stored: Mapping[str, Any] | None) -> Refusal | None:
    """A stored refusal."""
    return Refusal(code=stored["code"], where=stored["where"], given=stored["given"]) if stored else None


WAKE = text("select pg_notify('hub_wake', what) from unnest(cast(:whats as text[])) what")


async def wake(connection: AsyncConnection, *whats: str) -> None:
    """Wake readers when this transaction commits; several of one kind in one transaction are one."""
    await connection.execute(WAKE, {"whats": list(whats)})


async def list_unchecked(connection: AsyncConnection, most: int) -> list[Message]:
    """Parked v2 messages of known sources that full validation has not looked at."""
    waiting = (
        select(message, fate.c.findings)
        .join(fate, fate.c.message_id == message.c.id)
        .where(fate.c.fate == Fate.PARKED, fate.c.findings.is_(None), message.c.format == Format.HL7V2)
        .where(message.c.source != "")
        .order_by(fate.c.message_id)
        .limit(most)
    )
    return [_message(row) for row in (await connection.execute(waiting)).mappings()]


async def note(connection: AsyncConnection, key: UUID, findings: Sequence[Mapping[str, Any]]) -> None:
    """Keep findings beside a message's fate; an empty list says that it was looked at."""
    await connection.execute(update(fate).where(fate.c.message_id == key).values(findings=list(findings)))


async def list_sources(connection: AsyncConnection) -> set[str]:
    """The names of all sources that ever sent something."""
    return set(await connection.scalars(select(message.c.source).distinct()))


async def fates_by_bytes(connection: AsyncConnection, after: UUID) -> dict[bytes, set[Fate]]:
    """What became of the messages received after an id, by their bytes."""
    rows = await connection.execute(
        select(message.c.raw, fate.c.fate).join(fate, fate.c.message_id == message.c.id).where(message.c.id > after)
    )
    found: dict[bytes, set[Fate]] = {}
    for raw, ended in rows:
        found.setdefault(raw, set()).add(Fate(ended))
    return found
