"""Messages as people look at them: one, or many by what they are known by."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import ARRAY, LargeBinary, Uuid, bindparam, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.message import Fate, Format, Message
from hub.store.inbox import message_from
from hub.tables import body, fate, message


async def find_message(connection: AsyncConnection, key: UUID) -> Message | None:
    """A message as it came; without its bytes where they are no longer kept."""
    asked = select(*message.c, body.c.raw).join(body, body.c.message_id == message.c.id, isouter=True)
    row = (await connection.execute(asked.where(message.c.id == key))).mappings().first()
    return message_from(row) if row else None


async def list_whole(connection: AsyncConnection, ids: Sequence[UUID]) -> dict[UUID, Message]:
    """Messages as they came, by id, of those whose bytes are still kept."""
    asked = select(*message.c, body.c.raw, fate.c.findings, fate.c.attempts, fate.c.tries)
    asked = asked.join(fate, fate.c.message_id == message.c.id).join(body, body.c.message_id == message.c.id)
    rows = await connection.execute(
        asked.where(message.c.id == func.any(bindparam("ids", type_=ARRAY(Uuid)))), {"ids": list(ids)}
    )
    return {row["id"]: message_from(row) for row in rows.mappings()}


async def list_sources(connection: AsyncConnection) -> set[str]:
    """The names of all sources that ever sent something."""
    return set(await connection.scalars(select(message.c.source).distinct()))


async def fates_by_bytes(connection: AsyncConnection, raws: Sequence[bytes]) -> dict[bytes, set[Fate]]:
    """What became of messages, by their bytes, whenever they came first."""
    rows = await connection.execute(
        select(body.c.raw, fate.c.fate)
        .join(fate, fate.c.message_id == body.c.message_id)
        .where(body.c.raw == func.any(bindparam("raws", type_=ARRAY(LargeBinary)))),
        {"raws": list(raws)},
    )
    found: dict[bytes, set[Fate]] = {}
    for raw, ended in rows:
        found.setdefault(raw, set()).add(Fate(ended))
    return found


async def list_unchecked(connection: AsyncConnection, most: int) -> list[Message]:
    """Parked v2 messages of known sources that full validation has not looked at."""
    waiting = (
        select(*message.c, body.c.raw, fate.c.findings)
        .join(fate, fate.c.message_id == message.c.id)
        .join(body, body.c.message_id == message.c.id)
        .where(fate.c.fate == Fate.PARKED, fate.c.findings.is_(None), message.c.format == Format.HL7V2)
        .where(message.c.source != "")
        .order_by(fate.c.message_id)
        .limit(most)
    )
    return [message_from(row) for row in (await connection.execute(waiting)).mappings()]
