"""The schema: its limits, its witness, its errors."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import strawberry
from graphql import GraphQLError
from strawberry.extensions import (
    AddValidationRules,
    MaxAliasesLimiter,
    MaxTokensLimiter,
    ParserCache,
    QueryDepthLimiter,
    SchemaExtension,
    ValidationCache,
)
from strawberry.types import ExecutionContext
from strawberry.types.graphql import OperationType

from hub.api.agreements import AgreementQuery, AgreementSubscription
from hub.api.alerts import AlertQuery
from hub.api.bookings import BookingQuery
from hub.api.candidates import CandidatesQuery
from hub.api.context import Context, Socket
from hub.api.directory import DirectoryMutation
from hub.api.entries import KINDS
from hub.api.executing import ShortWay
from hub.api.follow_up_changes import FollowUpSubscription
from hub.api.following_up import FollowUpMutation
from hub.api.followups import FollowUpQuery
from hub.api.matching import MatchMutation, MatchQuery
from hub.api.messages import MessageMutation, MessageQuery, MessageSubscription
from hub.api.nodes import NodeQuery
from hub.api.programme import ProgrammeQuery
from hub.api.queries import RecordQuery
from hub.api.referrals import ReferralQuery, ReferralSubscription
from hub.api.referring import ReferralMutation
from hub.api.refusals import shown
from hub.api.signing import AgreementMutation
from hub.api.slot_changes import SlotMutation, SlotSubscription
from hub.api.slots import SlotQuery
from hub.api.sources import SourceQuery
from hub.api.subscriptions import RecordSubscription
from hub.api.teams import TeamQuery

DEEPEST = 15
"""residents.edges.node.record.observations.edges.node.origins.values.element is 10 deep."""
MOST_ALIASES = 50
MOST_TOKENS = 5000

# Made once: a limiter makes a new rule class each time, and the validation cache counts a new class as a new question.
_RULES = [
    *QueryDepthLimiter(DEEPEST).validation_rules,
    *MaxAliasesLimiter(MOST_ALIASES).validation_rules,
]


class Witnessing(SchemaExtension):
    """No answer leaves before its audit row is committed; if it cannot be, the answer becomes an error."""

    async def on_operation(self) -> AsyncIterator[None]:
        try:
            yield
            await self._context.visit.close()
        finally:
            await self._context.visit.abandon()

    def on_execute(self) -> Iterator[None]:
        asked = self.execution_context
        self._context.begin(asked.operation_name, asked.query or "")
        yield

    async def on_stream_result(self, result: Any) -> AsyncIterator[None]:
        await self._context.visit.close()
        if result.errors:
            result.errors = [shown(error) for error in result.errors]
        yield

    @property
    def _context(self) -> Context:
        context: Context = self.execution_context.context
        return context


class HubSchema(strawberry.Schema):
    """Strawberry's schema, with nothing of a fault in the log but what `shown` writes there."""

    def process_errors(self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None) -> None:
        """Strawberry would log the text of every error here, which may quote what somebody asked for."""

    async def execute(self, query: str | None, **kwargs: Any) -> Any:  # type: ignore[override]
        """A query. Subscriptions are not taken here: Strawberry would run one as a query, and fail."""
        kwargs["allowed_operation_types"] = (OperationType.QUERY, OperationType.MUTATION)
        return await super().execute(query, **kwargs)

    async def stream(self, query: str | None, **kwargs: Any) -> Any:  # type: ignore[override]
        """A subscription, in a context of its own: one connection may carry many.

        Queries are not taken here: they go by POST, where each has its answer, and its audit row, for itself.
        """
        socket: Socket = kwargs.pop("context_value")
        context = socket.context.again() if socket.context else None
        kwargs["allowed_operation_types"] = (OperationType.SUBSCRIPTION,)
        return await super().stream(query, context_value=context, **kwargs)


@strawberry.type(description="What can be asked.")
class Query(
    NodeQuery,
    RecordQuery,
    ProgrammeQuery,
    TeamQuery,
    AgreementQuery,
    FollowUpQuery,
    SlotQuery,
    BookingQuery,
    ReferralQuery,
    MessageQuery,
    SourceQuery,
    AlertQuery,
    MatchQuery,
    CandidatesQuery,
):
    """Every subject's questions."""


@strawberry.type(description="What can be changed. Each answers with what it changed, or with a refusal.")
class Mutation(
    AgreementMutation,
    DirectoryMutation,
    ReferralMutation,
    FollowUpMutation,
    SlotMutation,
    MessageMutation,
    MatchMutation,
):
    """Every subject's changes by people."""


@strawberry.type(description="What can be followed, over graphql-transport-ws.")
class Subscription(
    RecordSubscription,
    AgreementSubscription,
    ReferralSubscription,
    FollowUpSubscription,
    SlotSubscription,
    MessageSubscription,
):
    """Every subject's changes."""


SCHEMA = HubSchema(
    query=Query,
    mutation=Mutation,
    subscription=Subscription,
    types=list(KINDS),
    execution_context_class=ShortWay,
    extensions=[
        Witnessing,
        lambda: MaxTokensLimiter(MOST_TOKENS),
        lambda: AddValidationRules(_RULES),
        lambda: ParserCache(maxsize=512),
        lambda: ValidationCache(maxsize=512),
    ],
)


def print_schema() -> str:
    """The schema as text, as ``hub/api/schema.graphql`` keeps it."""
    return f"{SCHEMA.as_str().strip()}\n"
