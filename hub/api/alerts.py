"""Alerts over GraphQL: what somebody was called for, and what is to be done about it."""

from datetime import datetime
from enum import Enum
from typing import Annotated

import strawberry

from hub.alerts import UNITS, Alert, next_step, sentence
from hub.api.context import Info
from hub.api.fields import field
from hub.api.labels import Label
from hub.api.paging import DEFAULT, After, Edge, First, PageInfo, check_first, id_cursor, info_of, read_id_cursor
from hub.care.alerts import page_alerts


@strawberry.enum(name="AlertKind", description="What an alert is about.")
class AlertKind(Enum):
    """`hub.alerts.Kind`, each value with its meaning."""

    SILENCE = strawberry.enum_value("silence", description="A source says nothing for longer than it usually does.")
    FAILURES = strawberry.enum_value("failures", description="Too large a share of a source's messages is parked.")
    LAG = strawberry.enum_value("lag", description="The oldest kept message waits too long to be merged.")
    QUEUE = strawberry.enum_value("queue", description="Too many messages wait to be merged.")
    DISK = strawberry.enum_value("disk", description="The disk under HUB_HOME is nearly full.")
    GROWTH = strawberry.enum_value("growth", description="The database grew too much within a day.")


@strawberry.type(name="Alert", description="Something that somebody was called for.")
class AlertType:
    id: strawberry.ID = strawberry.field(description="Its UUID; webhooks name it so too.")
    kind: AlertKind = strawberry.field(description="What it is about.")
    source: str | None = strawberry.field(description="Whose messages; null where the whole hub is meant.")
    since: datetime = strawberry.field(description="When it began.")
    until: datetime | None = strawberry.field(description="When it ended; null while it goes on.")
    is_recovered: bool = strawberry.field(
        description="Whether it ended because all is well again; false too where nothing is left to judge it by."
    )
    figure: float = strawberry.field(description="What was measured when it began, in `unit`.")
    threshold: float = strawberry.field(description="Where it begins, in `unit`.")
    unit: str = strawberry.field(description="seconds, share, messages or bytes.")
    sentence: Label = strawberry.field(description="What is the matter, or that it is over and what it was.")
    next_step: Label = strawberry.field(description="What to do about it.")


@strawberry.type(description="A page of alerts, the newest first (Relay).")
class AlertConnection:
    edges: list[Edge[AlertType]] = strawberry.field(description="The alerts of this page.")
    page_info: PageInfo = strawberry.field(description="Where this page stands.")


OnlyOpen = Annotated[bool, strawberry.argument(description="Only those that have not ended.")]


@strawberry.type
class AlertQuery:
    @field("Alerts, the newest first. For engineers and administrators; a source's own account sees its own.")
    async def alerts(
        self, info: Info, only_open: OnlyOpen = False, first: First = DEFAULT, after: After = None
    ) -> AlertConnection:
        most = check_first(first)
        behind = read_id_cursor(after) if after is not None else None
        found = await page_alerts(info.context.visit, only_open, most + 1, behind)
        edges = [Edge(node=_alert(one), cursor=id_cursor(one.id)) for one in found[:most]]
        return AlertConnection(edges=edges, page_info=info_of(edges, after=after, more=len(found) > most))


def _alert(one: Alert) -> AlertType:
    return AlertType(
        id=strawberry.ID(str(one.id)),
        kind=AlertKind(one.kind.value),
        source=one.source or None,
        since=one.since,
        until=one.until,
        is_recovered=one.is_recovered,
        figure=one.figure,
        threshold=one.threshold,
        unit=UNITS[one.kind],
        sentence=Label(zh=sentence(one, "zh"), en=sentence(one, "en")),
        next_step=Label(zh=next_step(one, "zh"), en=next_step(one, "en")),
    )
