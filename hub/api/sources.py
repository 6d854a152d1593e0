"""Sources over GraphQL: who may send, and how each one does."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

import strawberry

from hub.api.context import Context, Info
from hub.api.fields import field
from hub.api.message_parts import MessageFormat, MessageProblem, MessageTransport, problem_from
from hub.care import messages as care
from hub.errors import refuse
from hub.message import Format, Source
from hub.profiles import Profile
from hub.store.coverage import UnreadField
from hub.store.search import Figures


@strawberry.type(name="UnreadField", description="A field that messages filled and no mapping row reads.")
class UnreadFieldType:
    field: str = strawberry.field(description="OBX-13.")
    messages: int = strawberry.field(description="In how many messages.")
    last_at: datetime = strawberry.field(description="When it was last met.")


@strawberry.type(name="Source", description="A sending system of an organisation, and how it does.")
class SourceType:
    name: str = strawberry.field(description="Its name: that of its profile.")
    organisation: str | None = strawberry.field(description="Whose it is; null where its profile was never readable.")
    formats: list[MessageFormat] = strawberry.field(description="How its messages are written.")
    transports: list[MessageTransport] = strawberry.field(description="By which doors it may send.")
    last_hour: int = strawberry.field(description="Messages of the last hour.")
    failed_last_hour: int = strawberry.field(description="Those of the last hour that are parked.")
    queue: int = strawberry.field(description="Messages that wait to be merged.")
    lag_seconds: float = strawberry.field(description="How long the oldest of these has waited.")
    parked: int = strawberry.field(description="All that are parked, of whatever age.")
    last_message_at: datetime | None = strawberry.field(description="When it last sent; null where it never did.")
    unread_fields: list[UnreadFieldType] = strawberry.field(
        description="The fields of its messages of the last seven days that nothing reads, the most frequent first."
    )
    problem: MessageProblem | None = strawberry.field(
        description="Why the profile's files are not in force as they are now: what was last good is. Else null."
    )


Name = Annotated[str, strawberry.argument(description="The source's name.")]


@strawberry.type
class SourceQuery:
    @field("The sources, by name, for engineers and administrators; for a source's own account, itself.")
    async def sources(self, info: Info) -> list[SourceType]:
        context = info.context
        context.visit.decide(care.may_see_messages(context.viewer))
        profiles = _profiles(context)
        own = [name for name in sorted(profiles) if care.may_see_messages(context.viewer, name).is_allowed]
        return await _sources(context, [profiles[name] for name in own])

    @field("A source. Refused (unknown-source) where there is no profile of that name.")
    async def source(self, info: Info, name: Name) -> SourceType | None:
        context = info.context
        context.visit.decide(care.may_see_messages(context.viewer, name))
        profile = _profiles(context).get(name)
        if profile is None:
            raise refuse("unknown-source", "name")
        return (await _sources(context, [profile]))[0]


def _profiles(context: Context) -> dict[str, Profile]:
    library = context.means.library
    return dict(library().profiles) if library else {}


async def _sources(context: Context, profiles: list[Profile]) -> list[SourceType]:
    names = [one.name for one in profiles]
    figures = await care.list_figures(context.visit, names)
    unread = await care.list_unread(context.visit, names)
    return [_source(one, figures[one.name], unread[one.name]) for one in profiles]


def _source(profile: Profile, figures: Figures, unread: Sequence[UnreadField]) -> SourceType:
    source = profile.in_force.source if profile.in_force else None
    return SourceType(
        name=profile.name,
        organisation=source.organisation if source else None,
        formats=_formats(source),
        transports=[MessageTransport(one.value) for one in sorted(source.transports)] if source else [],
        last_hour=figures.last_hour,
        failed_last_hour=figures.failed_last_hour,
        queue=figures.queue,
        lag_seconds=figures.lag.total_seconds(),
        parked=figures.parked,
        last_message_at=figures.last_at,
        unread_fields=[UnreadFieldType(field=one.field, messages=one.messages, last_at=one.last_at) for one in unread],
        problem=problem_from(profile.refusal),
    )


def _formats(source: Source | None) -> list[MessageFormat]:
    """The profile's own format first."""
    if source is None:
        return []
    spoken = [source.format, *(one for one in Format if one in source.also and one is not source.format)]
    return [MessageFormat(one.value) for one in spoken]
