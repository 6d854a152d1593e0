"""Turns: what only one process at a time is to do, over one database."""

from zlib import crc32

from sqlalchemy import Integer, cast, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

_TURN = 7265
"""The class of the advisory locks of turns."""


async def take_turn(connection: AsyncConnection, what: str) -> bool:
    """Whether it is this transaction's turn at something; it is until the transaction ends. Nobody waits."""
    key = crc32(what.encode()) - 2**31
    asked = select(func.pg_try_advisory_xact_lock(cast(_TURN, Integer), cast(key, Integer)))
    return bool(await connection.scalar(asked))
