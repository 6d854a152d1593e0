"""What a transaction that will be rolled back has done: for explaining a message without taking it in."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.store.claims import MERGING

# A sequence does not roll back, so what the trial tells the event log goes into a table that hides the real one from
# this transaction and ends with it. Batches of workers wait for the trial, and it for them: a trial may move a link.
_BEGIN = (
    "set local lock_timeout = '10s'",
    "create temporary table event (like event including defaults including identity) on commit drop",
    f"select pg_advisory_xact_lock({MERGING})",
)
_STANDING = text(
    """
    select l.patient_id, l.resident_id, l.grade, l.reason, l.weights, l.message_id = :message as is_decided,
           r.created_at = now() as is_new
    from link l join resident r on r.id = l.resident_id
    where l.patient_id = any(:patients) and l.until is null order by l.id
    """
)
_REVIEWS = text(
    """
    select v.grade, v.score, v.weights, v.patient_id, one.resident_id, other.resident_id as other_resident_id
    from match_review v
    join link one on one.patient_id = v.patient_id and one.until is null
    join link other on other.patient_id = v.other_id and other.until is null
    where v.message_id = :message and v.state = 'open' order by v.score desc, v.id
    """
)
_CHANGED = text(
    """
    select resident_id, subject, kind, entries from event where message_id = :message and kind <> 'message-failed'
    order by position
    """
)
_STEPS = text("select kind, act, before, after from history where message_id = :message order by id")


async def begin(connection: AsyncConnection) -> None:
    """Make a transaction ready for a trial."""
    for statement in _BEGIN:
        await connection.execute(text(statement))


async def list_standing(connection: AsyncConnection, patients: Sequence[UUID], message: UUID) -> list[RowMapping]:
    """Which residents patients are, and whether this message decided that; `is_new`: the trial opened the resident."""
    rows = await connection.execute(_STANDING, {"patients": list(patients), "message": message})
    return list(rows.mappings())


async def list_reviews(connection: AsyncConnection, message: UUID) -> list[RowMapping]:
    """What a person would be asked because of a message: two residents who may be one."""
    return list((await connection.execute(_REVIEWS, {"message": message})).mappings())


async def list_changes(connection: AsyncConnection, message: UUID) -> list[RowMapping]:
    """What the event log was told because of a message."""
    return list((await connection.execute(_CHANGED, {"message": message})).mappings())


async def list_steps(connection: AsyncConnection, message: UUID) -> list[RowMapping]:
    """The steps of plans, referrals and sessions that a message caused."""
    return list((await connection.execute(_STEPS, {"message": message})).mappings())
