"""How sources do, for ``hub source list``: their rate, what waits, what failed, when they last sent."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from rich.table import Column, Table

from hub.commands.parts import answer_of, open_site
from hub.commands.shown import shown_at
from hub.errors import Language
from hub.store.search import Figures, find_figures

_HEADS: dict[Language, Sequence[str]] = {
    "en": ("source", "last hour", "failed", "queue", "lag, s", "parked", "last message"),
    "zh": ("来源", "近一小时", "失败", "排队", "延迟（秒）", "搁置", "最近消息"),
}


def read_figures(names: Sequence[str]) -> Mapping[str, Figures]:
    """The figures of sources by name, out of the site's database. Raises Refused where it cannot be reached."""
    with open_site() as (_, database):
        return asyncio.run(answer_of(database, lambda connection: find_figures(connection, names, datetime.now(UTC))))


def as_json(figures: Figures) -> dict[str, Any]:
    """Figures as JSON: counts, seconds, an instant."""
    return {
        "last_hour": figures.last_hour,
        "failed_last_hour": figures.failed_last_hour,
        "queue": figures.queue,
        "lag_seconds": figures.lag.total_seconds(),
        "parked": figures.parked,
        "last_message_at": figures.last_at.isoformat(timespec="seconds") if figures.last_at else None,
    }


def figures_table(figures: Mapping[str, Figures], language: Language) -> Table:
    """Figures at a terminal, a source a row."""
    first, *rest, last = _HEADS[language]
    table = Table(Column(first, no_wrap=True), *(Column(head, justify="right") for head in rest), Column(last))
    for name, one in figures.items():
        lag = f"{one.lag.total_seconds():.0f}"
        counts = (one.last_hour, one.failed_last_hour, one.queue, lag, one.parked)
        table.add_row(name, *map(str, counts), shown_at(one.last_at))
    return table
