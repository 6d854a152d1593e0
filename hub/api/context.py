"""What a resolver finds in `info.context`: who asks, their visit, its loaders."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeAlias, TypeVar

import strawberry
from sqlalchemy.ext.asyncio import AsyncEngine
from starlette.requests import HTTPConnection

from hub.access import Viewer
from hub.anatomy import Anatomist
from hub.api.loaders import Loaders
from hub.care.deed import Deed, Errand, carry_out
from hub.care.visit import Visit
from hub.errors import refuse
from hub.events import EventFeed
from hub.followups import Ladder
from hub.likeness import Matcher
from hub.mapping.codes import IdentifierKind
from hub.policy import Programme
from hub.profiles import Library
from hub.store.records import BACKGROUND
from hub.tokens import Keyring

T = TypeVar("T")


def utc_now() -> datetime:
    """The present."""
    return datetime.now(UTC)


@dataclass(frozen=True, kw_only=True, slots=True)
class Means:
    """What the API works with, handed in by wiring. `engine` is `hub.care.visit.of_one_moment`, `writer` is not."""

    engine: AsyncEngine
    writer: AsyncEngine
    keyring: Keyring
    feed: EventFeed
    kinds: Mapping[str, IdentifierKind]
    programme: Programme
    ladder: Ladder
    matcher: Matcher
    kept: asyncio.Event = field(default_factory=asyncio.Event)
    now: Callable[[], datetime] = utc_now
    anatomist: Anatomist | None = None
    library: Callable[[], Library] | None = None


class Context:
    """One operation of one viewer: a request, or a subscription with a visit a delivery."""

    def __init__(self, means: Means, token: str, viewer: Viewer, address: str) -> None:
        self.means = means
        self.token = token
        self.viewer = viewer
        self.address = address
        self.operation = "anonymous"
        self.wants_background = True
        self.wants_total = True
        self.renew()

    def begin(self, operation: str | None, query: str) -> None:
        """Take note of what is asked. A field cannot be asked for without its name standing in the query."""
        self.operation = operation or "anonymous"
        self.visit.name(self.operation)
        self.wants_background = any(name in query for name in BACKGROUND)
        self.wants_total = "totalCount" in query

    def renew(self) -> None:
        """A new visit, for the next delivery of a subscription: nothing is shown again out of memory."""
        now = self.means.now()
        self.visit = Visit(self.means.engine, self.viewer, operation=self.operation, address=self.address, now=now)
        self.loaders = Loaders(self.visit)

    async def carry_out(self, name: str, do: Callable[[Deed], Awaitable[T]]) -> T:
        """Change something; what the answer shows of it is read after it, in a visit of its own.

        Raises Refused.
        """
        if self.visit.is_open:  # an earlier mutation of the same request showed something
            await self.visit.close()
            self.renew()
        errand = Errand(viewer=self.viewer, operation=name, now=self.means.now(), address=self.address)
        try:
            return await carry_out(self.means.writer, errand, do)
        finally:
            self.visit.cover()

    def check_token(self) -> None:
        """Insist that the token is still good. Raises Refused (no-token)."""
        self.viewer = self.means.keyring.read(self.token, self.means.now())

    def again(self) -> "Context":
        """The same viewer's next operation on one connection."""
        return Context(self.means, self.token, self.viewer, self.address)


Info: TypeAlias = strawberry.Info[Context, None]


class Socket:
    """A WebSocket connection: nobody, until its token was read."""

    def __init__(self, means: Means, connection: HTTPConnection) -> None:
        self.means = means
        self.connection_params: Mapping[str, Any] = {}
        self._connection = connection
        self.context: Context | None = None

    def admit(self) -> None:
        """Read the token of the first message, or else of the upgrade request. Raises Refused (no-token)."""
        said = {name.lower(): text for name, text in self.connection_params.items()}
        header = said.get("authorization") or self._connection.headers.get("authorization", "")
        self.context = open_context(self.means, self._connection, str(header))


def open_context(means: Means, connection: HTTPConnection, authorization: str) -> Context:
    """The context of whoever an Authorization header names. Raises Refused (no-token)."""
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer":
        raise refuse("no-token")
    token = token.strip()
    viewer = means.keyring.read(token, means.now())
    return Context(means, token, viewer, connection.client.host if connection.client else "")
