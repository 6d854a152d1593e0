"""How sources do, for ``hub source list``: their rate, what waits, what failed, when they last sent."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from rich.table import Column, Table
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.commands.parts import answer_of, open_site
from hub.commands.shown import shown_at
from hub.errors import Language
from hub.store.coverage import UnreadField, list_unread
from hub.store.search import Figures, find_figures

UNKNOWN = ""
"""The name under which messages of no profile stand."""
_HEADS: dict[Language, Sequence[str]] = {
    "en": ("source", "last hour", "failed", "queue", "lag, s", "parked", "unread fields", "last message"),
    "zh": ("来源", "近一小时", "失败", "排队", "延迟（秒）", "搁置", "未读字段", "最近消息"),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class SourceFigures:
    """How a source does, and what of its messages nothing reads."""

    of: Figures
    unread: Sequence[UnreadField]


def read_figures(names: Sequence[str]) -> Mapping[str, SourceFigures]:
    """The figures of sources by name, out of the site's database. Raises Refused where it cannot be reached."""

    async def find(connection: AsyncConnection) -> Mapping[str, SourceFigures]:
        now = datetime.now(UTC)
        found = await find_figures(connection, names, now)
        unread = await list_unread(connection, names, now)
        return {name: SourceFigures(of=one, unread=unread.get(name, ())) for name, one in found.items()}

    with open_site() as (_, database):
        return asyncio.run(answer_of(database, find))


def as_json(one: SourceFigures) -> dict[str, Any]:
    """Figures as JSON: counts, seconds, an instant, and the fields that nothing reads."""
    figures = one.of
    return {
        "unread_fields": [{"field": each.field, "messages": each.messages} for each in one.unread],
        "last_hour": figures.last_hour,
        "failed_last_hour": figures.failed_last_hour,
        "queue": figures.queue,
        "lag_seconds": figures.lag.total_seconds(),
        "parked": figures.parked,
        "last_message_at": figures.last_at.isoformat(timespec="seconds") if figures.last_at else None,
    }


def figures_table(figures: Mapping[str, SourceFigures], language: Language) -> Table:
    """Figures at a terminal, a source a row."""
    first, *rest, last = _HEADS[language]
    table = Table(Column(first, no_wrap=True), *(Column(head, justify="right") for head in rest), Column(last))
    for name, whole in figures.items():
        one = whole.of
        lag = f"{one.lag.total_seconds():.0f}"
        counts = (one.last_hour, one.failed_last_hour, one.queue, lag, one.parked, len(whole.unread))
        table.add_row(name or "?", *map(str, counts), shown_at(one.last_at))
    return table
