"""What can be followed: the Subscription type. Each delivery is a visit of its own, with an audit row of its own."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import datetime
from uuid import UUID

import strawberry

from hub.access import audience_of
from hub.api.context import Context, Info
from hub.api.fields import field, subscription
from hub.api.following import Cursor
from hub.api.paging import global_id, read_resident_id
from hub.api.queries import ResidentId, find_resident
from hub.api.residents import Resident
from hub.errors import Refused
from hub.store.log import Event


@strawberry.type(description="Something changed for a resident.")
class ResidentChange:
    key: strawberry.Private[UUID]
    cursor: str = strawberry.field(description="Where to resume after this change: give it as `after`.")
    at: datetime = strawberry.field(description="When it changed.")
    resident_id: strawberry.ID = strawberry.field(description="Whose record changed: the id of a Resident.")
    entries: list[str] = strawberry.field(
        description="What changed, by FHIR's names: Patient (the resident's own values), Encounter, Observation."
    )
    message_id: strawberry.ID | None = strawberry.field(
        description="The message that changed it last, as `hub message list` names it; null where none did."
    )

    @field("The resident as they are now; one who was merged is the one that stays.")
    async def resident(self, info: Info) -> Resident | None:
        return await find_resident(info.context, self.key)


@strawberry.type
class RecordSubscription:
    @subscription(
        "Changes of a resident, or of all to whom there is a relation where none is named. It resumes behind `after` "
        "without a gap, and ends when the token does."
    )
    async def resident_changed(
        self, info: Info, resident_id: ResidentId = None, after: Cursor = None
    ) -> AsyncGenerator[ResidentChange, None]:
        context = info.context
        begin = after if after is not None else await context.means.feed.end()
        followed = (
            None if resident_id is None else await _followed(context, read_resident_id(resident_id, "residentId"))
        )
        await context.visit.check()
        await context.visit.close()
        async with aclosing(context.means.feed.follow(begin)) as batches:
            async for events in batches:
                for event in events:
                    if _concerns(event, followed, context) and (change := await _deliver(context, event, followed)):
                        yield change


async def _followed(context: Context, key: UUID) -> set[UUID]:
    """The resident that is followed, and the one that stays in their place. Raises Refused (no-relation)."""
    row = await context.loaders.residents.load(key)
    return {key, row["id"]}


def _concerns(event: Event, followed: set[UUID] | None, context: Context) -> bool:
    """Whether to look who it is about. Whose a resident is may have changed since: `_deliver` asks again."""
    if event.kind != "resident-changed":
        return False
    if followed is not None:
        return event.resident_id in followed
    return bool(event.audience & audience_of(context.viewer)) or any(
        whom.startswith("alliance:") for whom in event.audience
    )


async def _deliver(context: Context, event: Event, followed: set[UUID] | None) -> ResidentChange | None:
    """One change, to whoever still may see it; None where nobody may. What it shows is read, and witnessed, for this
    delivery."""
    assert event.resident_id is not None
    context.check_token()
    context.renew()
    try:
        row = await context.loaders.residents.load(event.resident_id)
    except Refused:
        await context.visit.abandon()
        return None
    if followed is not None:
        followed.add(row["id"])
    return ResidentChange(
        key=event.resident_id,
        cursor=event.cursor,
        at=event.at,
        resident_id=global_id("Resident", event.resident_id),
        entries=list(event.entries),
        message_id=strawberry.ID(str(event.message_id)) if event.message_id else None,
    )
