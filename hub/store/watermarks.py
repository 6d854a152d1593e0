"""How far something has got: the reading of sources' views, the looking for alerts."""

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.tables import watermark


async def find_watermark(connection: AsyncConnection, source: str, view: str) -> str | None:
    """How far a view has been read; None where it never was."""
    asked = select(watermark.c.value).where(watermark.c.source == source, watermark.c.view == view)
    found: str | None = await connection.scalar(asked)
    return found


async def save_watermark(connection: AsyncConnection, source: str, view: str, value: str) -> None:
    """Note how far a view has been read. Only after what was read is kept."""
    row = upsert(watermark).values(source=source, view=view, value=value)
    await connection.execute(
        row.on_conflict_do_update(index_elements=["source", "view"], set_={"value": value, "at": func.now()})
    )
