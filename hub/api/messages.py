"""Messages over GraphQL: finding them, looking at one, taking them in again, hearing of those that are parked."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import datetime
from typing import Annotated, cast
from uuid import UUID

import strawberry
from sqlalchemy import RowMapping

from hub.api.changing import RefusalType, change
from hub.api.context import Context, Info
from hub.api.fields import field, mutation, subscription
from hub.api.following import Cursor, follow
from hub.api.message_parts import MessageFate, MessageType, message_from
from hub.api.paging import (
    DEFAULT,
    After,
    Edge,
    First,
    PageInfo,
    check_first,
    check_text,
    global_id,
    id_cursor,
    info_of,
    read_id_cursor,
    read_key,
)
from hub.care import messages as care
from hub.care.deed import Deed
from hub.days import check_moment
from hub.errors import refuse
from hub.message import Fate
from hub.store import inbox
from hub.store.search import Wanted


@strawberry.type(description="A page of messages, the newest first (Relay).")
class MessageConnection:
    edges: list[Edge[MessageType]] = strawberry.field(description="The messages of this page.")
    page_info: PageInfo = strawberry.field(description="Where this page stands.")
    looked: int | None = strawberry.field(
        description="How many messages were looked through for the words of `text`; null where it was not given."
    )
    looked_until: datetime | None = strawberry.field(description="The receipt of the oldest of those; null: none.")


@strawberry.input(description="Which messages. What is left out does not count.")
class MessageFilter:
    source: str | None = strawberry.field(default=None, description="Of this source.")
    since: datetime | None = strawberry.field(default=None, description="Received from this time on.")
    until: datetime | None = strawberry.field(default=None, description="Received before this time.")
    fate: MessageFate | None = strawberry.field(default=None, description="With this fate.")
    kind: str | None = strawberry.field(default=None, description="Of this type: ADT^A01.")
    number: str | None = strawberry.field(default=None, description="Of the patient with this number, as it was sent.")
    name: str | None = strawberry.field(default=None, description="Of patients of this name, as it was sent.")
    control_id: str | None = strawberry.field(default=None, description="With this control id.")
    code: str | None = strawberry.field(default=None, description="Parked with this refusal.")
    text: str | None = strawberry.field(
        default=None, description="That hold these words. Without `since` the newest 50,000 are looked through."
    )


OfThese = Annotated[MessageFilter | None, strawberry.argument(description="Which ones; without it, all.")]
MessageId = Annotated[strawberry.ID, strawberry.argument(description="The `id` of a Message, or its uuid.")]


@strawberry.type
class MessageQuery:
    @field("Messages, the newest first. For engineers and administrators; a source's own account sees its own.")
    async def messages(
        self, info: Info, filter: OfThese = None, first: First = DEFAULT, after: After = None
    ) -> MessageConnection:
        wanted, words = wanted_from(filter)
        behind = read_id_cursor(after) if after is not None else None
        found = await care.page_messages(info.context.visit, wanted, words, check_first(first), behind)
        edges = [Edge(node=message_from(row), cursor=id_cursor(row["id"])) for row in found.rows]
        return MessageConnection(
            edges=edges,
            page_info=info_of(edges, after=after, more=not found.is_last),
            looked=found.looked if words else None,
            looked_until=found.looked_until,
        )

    @field("A message. Refused (no-such-message) where it is not there, or another source's.")
    async def message(self, info: Info, id: MessageId) -> MessageType | None:
        return await find_message(info.context, read_message_id(id, "id"))


@strawberry.input(description="Which messages are taken in again: exactly one of the three.")
class ReplayMessagesInput:
    ids: list[strawberry.ID] | None = strawberry.field(default=None, description="These: the `id` or uuid of each.")
    filter: MessageFilter | None = strawberry.field(
        default=None, description="Those that fit; the parked ones of them unless `fate` is given. `text` is not taken."
    )
    all: bool | None = strawberry.field(default=None, description="true: all that are parked.")


@strawberry.type(description="The messages that were taken in again.")
class ReplayMessagesPayload:
    count: int = strawberry.field(description="How many; those that wait already, or are no longer kept, are left out.")


ReplayMessagesResult = Annotated[
    ReplayMessagesPayload | RefusalType,
    strawberry.union("ReplayMessagesResult", description="How many were taken in again, or why none was."),
]
_MOST_IDS = 1000


@strawberry.type
class MessageMutation:
    @mutation("Take messages in again, after their cause is mended. What was said before changes nothing.")
    async def replay_messages(
        self, info: Info, input: Annotated[ReplayMessagesInput, strawberry.argument(description="Which.")]
    ) -> ReplayMessagesResult:
        async def do(deed: Deed) -> int:
            ids, wanted = _replayed(input)
            return await care.replay(deed, ids, wanted)

        def done(count: int) -> ReplayMessagesPayload:
            info.context.means.kept.set()
            return ReplayMessagesPayload(count=count)

        return await change(info, do, done)


@strawberry.type(description="A message was parked.")
class MessageFailure:
    cursor: str = strawberry.field(description="Where to resume after this one: give it as `after`.")
    at: datetime = strawberry.field(description="When it was parked.")
    message_id: strawberry.ID = strawberry.field(description="The `id` of the Message.")
    message: MessageType = strawberry.field(description="The message as it is now.")


@strawberry.type
class MessageSubscription:
    @subscription(
        "Messages that are parked, as they are: every source's for engineers and administrators, its own for a "
        "source's account. It resumes behind `after` without a gap."
    )
    async def message_failed(self, info: Info, after: Cursor = None) -> AsyncGenerator[MessageFailure, None]:
        context = info.context
        context.visit.decide(care.may_see_messages(context.viewer))
        async with aclosing(follow(context, after, [inbox.FAILED], care.audience_of)) as events:
            async for event in events:
                assert event.subject is not None
                yield MessageFailure(
                    cursor=event.cursor,
                    at=event.at,
                    message_id=global_id("Message", event.subject),
                    message=await find_message(context, event.subject),
                )


async def find_message(context: Context, key: UUID) -> MessageType:
    """A message by uuid. Raises Refused (may-not-see-messages, no-such-message)."""
    row = await context.loaders.by(care.list_messages).load(key)
    return message_from(cast(RowMapping, row))  # a refusal in its place is raised by the loader


def read_message_id(text: str, where: str) -> UUID:
    """A message by its id, or by the uuid as the command line shows it. Raises Refused (bad-id)."""
    return read_key(text, "Message", where)


def wanted_from(asked: MessageFilter | None) -> tuple[Wanted, str]:
    """What is asked for, and the words that it is to hold. Raises Refused (bad-argument)."""
    if asked is None:
        return Wanted(), ""
    texts = {name: _text(asked, name) for name in ("kind", "number", "name", "control_id", "code", "text")}
    words = texts.pop("text")
    wanted = Wanted(
        source=check_text(asked.source, "filter.source") if asked.source is not None else None,
        since=check_moment(asked.since, "filter.since") if asked.since else None,
        until=check_moment(asked.until, "filter.until") if asked.until else None,
        fate=Fate(cast(str, asked.fate.value)) if asked.fate else None,
        **texts,
    )
    return wanted, words


def _text(asked: MessageFilter, name: str) -> str:
    return check_text(getattr(asked, name) or "", f"filter.{name}")


def _replayed(asked: ReplayMessagesInput) -> tuple[list[UUID] | None, Wanted]:
    """Raises Refused (exactly-one, bad-argument, bad-id)."""
    if sum(1 for one in (asked.ids, asked.filter, asked.all or None) if one is not None) != 1:
        raise refuse("exactly-one", these="ids, filter, all")
    if asked.ids is None:
        wanted, words = wanted_from(asked.filter)
        if words:
            raise refuse("bad-argument", "filter.text", reason="name messages by what they are known by")
        return None, wanted
    if not 1 <= len(asked.ids) <= _MOST_IDS:
        raise refuse("bad-argument", "ids", reason=f"1-{_MOST_IDS}")
    return [read_message_id(one, "ids") for one in asked.ids], Wanted()
