"""Following the event log: what every subscription does before it shows something."""

from collections.abc import AsyncGenerator, Callable, Collection
from contextlib import aclosing
from typing import Annotated

import strawberry

from hub.access import Viewer, audience_of
from hub.api.context import Context
from hub.errors import refuse
from hub.store.log import Event

Cursor = Annotated[
    str | None,
    strawberry.argument(description="The `cursor` of the last change that was received; without it, from now on."),
]


async def follow(
    context: Context,
    after: str | None,
    kinds: Collection[str],
    audience: Callable[[Viewer], frozenset[str]] = audience_of,
) -> AsyncGenerator[Event, None]:
    """Events of these kinds that call the viewer, behind `after` and without end: those of their team or organisation,
    unless `audience` says otherwise.

    Each event begins a visit of its own, whose audit row is committed before the delivery leaves. Raises Refused
    (bad-cursor; no-team for a viewer without team and organisation; no-token when the token has ended).
    """
    if not audience(context.viewer):
        raise refuse("no-team")
    begin = after if after is not None else await context.means.feed.end()
    await context.visit.close()
    async with aclosing(context.means.feed.follow(begin)) as batches:
        async for events in batches:
            for event in events:
                if event.kind in kinds and event.audience & audience(context.viewer):
                    context.check_token()
                    context.renew()
                    yield event
