"""Agreements that time has something to do with."""

from datetime import date
from uuid import UUID

from sqlalchemy import Date, and_, bindparam, literal_column, or_, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.agreements import Agreement
from hub.store.agreements import agreement_from
from hub.tables import agreement, agreement_term

_TODAY = bindparam("today", type_=Date)
_IS_SIGNED = agreement.c.state == literal_column("'signed'")  # as its index has it
_DUE = (
    select(agreement.c.ends_on, agreement.c.id)
    .where(
        or_(
            and_(agreement.c.ended_on.is_(None), agreement.c.ends_on < _TODAY),
            and_(
                _IS_SIGNED,
                select(agreement_term.c.number)
                .where(agreement_term.c.agreement_id == agreement.c.id)
                .where(_TODAY.between(agreement_term.c.begins_on, agreement_term.c.ends_on))
                .exists(),
            ),
        )
    )
    .order_by(agreement.c.ends_on, agreement.c.id)
    .limit(bindparam("most"))
)
Due = tuple[date, UUID]
"""An agreement that is due, as it stands in the line: its last day and its id."""


async def list_due(connection: AsyncConnection, today: date, most: int, after: Due | None = None) -> list[Due]:
    """Agreements whose first day has come or whose last is over, behind one of them. What lapses comes before what
    begins. Nothing is held: their residents have to be held first."""
    asked = _DUE
    if after is not None:
        asked = asked.where(tuple_(agreement.c.ends_on, agreement.c.id) > after)
    rows = await connection.execute(asked, {"today": today, "most": most})
    return [(row.ends_on, row.id) for row in rows]


async def find_free(connection: AsyncConnection, key: UUID) -> Agreement | None:
    """An agreement by id, held for this transaction; None where somebody else holds it."""
    asked = select(agreement).where(agreement.c.id == key).with_for_update(skip_locked=True)
    row = (await connection.execute(asked)).one_or_none()
    return agreement_from(row._asdict()) if row else None
