"""Claiming: which kept messages a batch takes, and the lanes that it holds meanwhile."""

from collections.abc import Iterable
from typing import TypeVar
from uuid import UUID

from sqlalchemy import ARRAY, Uuid, bindparam, func, or_, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.message import Fate, Message
from hub.store.inbox import message_from
from hub.tables import body, fate, message

T = TypeVar("T")

MERGING = 7263
"""The advisory lock that batches share, and that one which moves a link between residents holds alone."""
_LANE = 7264
"""The class of the advisory locks of buckets."""

_WAITING = (
    select(fate.c.message_id, fate.c.buckets)
    .where(fate.c.fate == Fate.KEPT, or_(fate.c.retry_at.is_(None), fate.c.retry_at <= func.now()))
    .order_by(fate.c.message_id)
    .limit(bindparam("most"))
)
_SHARE = select(func.pg_advisory_xact_lock_shared(MERGING))
_ALONE = select(func.pg_advisory_xact_lock(MERGING))
_HOLD = text(
    "select bucket from unnest(cast(:buckets as int[])) bucket "
    "where pg_try_advisory_xact_lock(cast(:lane as int), bucket)"
)
_SIZES = (
    select(message.c.id, message.c.size)
    .where(message.c.id == func.any(bindparam("ids", type_=ARRAY(Uuid))))
    .order_by(message.c.id)
)
_CLAIM = (
    select(*(column for column in message.c), body.c.raw, fate.c.findings, fate.c.attempts, fate.c.tries)
    .join(fate, fate.c.message_id == message.c.id)
    .join(body, body.c.message_id == message.c.id)
    .where(message.c.id == func.any(bindparam("ids", type_=ARRAY(Uuid))), fate.c.fate == Fate.KEPT)
    .order_by(message.c.id)
    .with_for_update(of=fate)
)
_LOOKS = 4
"""How many times `most` a worker looks ahead, past the lanes that others hold."""


MOST_BYTES = 16 * 1024 * 1024
"""Of the messages of one batch or one commit, unless a single one is larger: they are all in memory at once."""


def within_bytes(sized: Iterable[tuple[T, int]]) -> list[T]:
    """The first of these, as many as have `MOST_BYTES` together, and one at least."""
    taken: list[T] = []
    left = MOST_BYTES
    for one, size in sized:
        if taken and size > left:
            break
        taken.append(one)
        left -= size
    return taken


async def claim(connection: AsyncConnection, most: int, *, alone: bool = False) -> list[Message]:
    """The oldest kept messages of lanes that nobody else holds, their lanes held for this transaction.

    `alone` waits until no other batch is under way, and lets none begin: to move a link touches any lane.
    """
    await connection.execute(_ALONE if alone else _SHARE)
    waiting = (await connection.execute(_WAITING, {"most": most * _LOOKS})).all()
    held: set[int] = set()
    mine: list[UUID] = []
    others: set[int] = set()
    waited_for: set[int] = set()  # by an earlier message, which a later one of the lane must not overtake
    for start in range(0, len(waiting), most):
        ahead = waiting[start : start + most]
        asked = {bucket for row in ahead for bucket in row.buckets} - held - others
        got = await connection.scalars(_HOLD, {"buckets": sorted(asked), "lane": _LANE})
        held |= set(got)
        others |= asked - held
        for row in ahead:
            if held.issuperset(row.buckets) and waited_for.isdisjoint(row.buckets):
                mine.append(row.message_id)
            else:
                waited_for.update(row.buckets)
        if len(mine) >= most // 2:
            break
    if not mine:
        return []
    sizes = await connection.execute(_SIZES, {"ids": mine[:most]})
    rows = await connection.execute(_CLAIM, {"ids": within_bytes((row.id, row.size) for row in sizes)})
    return [message_from(row) for row in rows.mappings()]


async def hold_alone(connection: AsyncConnection) -> None:
    """Wait until no batch is under way, and let none begin before this transaction ends."""
    await connection.execute(_ALONE)
