"""The way in: POST for queries, a WebSocket for subscriptions, a page for people."""

import asyncio
import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import orjson
from cross_web import HTTPException
from sqlalchemy.ext.asyncio import AsyncEngine
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket
from strawberry.asgi import ASGIWebSocketAdapter, GraphQL
from strawberry.exceptions import ConnectionRejectionError
from strawberry.http import GraphQLHTTPResponse
from strawberry.schema.exceptions import InvalidOperationTypeError
from strawberry.subscriptions import GRAPHQL_TRANSPORT_WS_PROTOCOL
from strawberry.types import ExecutionResult

from hub.anatomy import Anatomist
from hub.api.context import Context, Means, Socket, open_context, utc_now
from hub.api.fetch_graphiql import FOLDER
from hub.api.graphiql import PREFIX, graphiql_page
from hub.api.refusals import as_json, shown
from hub.api.schema import SCHEMA
from hub.care.visit import of_one_moment
from hub.errors import Refusal, Refused
from hub.events import EventFeed
from hub.followups import Ladder, load_ladder
from hub.likeness import Matcher, load_matcher
from hub.mapping.codes import IdentifierKind
from hub.policy import Programme, policy_folders
from hub.profiles import Library
from hub.tokens import Keyring

LARGEST = 256 * 1024
"""Bytes of a request's body. MOST_TOKENS of a query are a fraction of it."""


def create_routes(
    engine: AsyncEngine,
    keyring: Keyring,
    feed: EventFeed,
    kinds: Mapping[str, IdentifierKind],
    programme: Programme,
    *,
    ladder: Ladder | None = None,
    matcher: Matcher | None = None,
    kept: asyncio.Event | None = None,
    now: Callable[[], datetime] = utc_now,
    anatomist: Anatomist | None = None,
    library: Callable[[], Library] | None = None,
) -> list[BaseRoute]:
    """The API's routes. `feed` is started and closed by whoever made it. `ladder` and `matcher` are those of the hub
    where the site has none; `kept` wakes the worker of this process. Without `anatomist` and `library` no message is
    taken apart, and no source is listed."""
    means = Means(
        engine=of_one_moment(engine),
        writer=engine,
        keyring=keyring,
        feed=feed,
        kinds=kinds,
        programme=programme,
        ladder=ladder or load_ladder(policy_folders(None)),
        matcher=matcher or load_matcher(kinds),
        kept=kept or asyncio.Event(),
        now=now,
        anatomist=anatomist,
        library=library,
    )
    endpoint = Endpoint(means)
    return [
        Route("/graphql", endpoint, methods=None),
        WebSocketRoute("/graphql", endpoint),
        Mount(PREFIX, _Assets(directory=FOLDER, check_dir=False)),
    ]


class _Assets(StaticFiles):
    """Files of a folder that may not be there (`hub.api.fetch_graphiql` brings them): then none is found, 404."""

    async def check_config(self) -> None:
        """Starlette would answer 500 for all of them."""


class _TextFrames(ASGIWebSocketAdapter):
    """graphql-transport-ws speaks text frames; orjson writes bytes."""

    async def send_json(self, message: Mapping[str, object]) -> None:
        await self.ws.send_text(orjson.dumps(message).decode())


class Endpoint(GraphQL[Context | Socket, None]):
    """Strawberry's view, with a token before anything else."""

    websocket_adapter_class = _TextFrames

    def __init__(self, means: Means) -> None:
        super().__init__(
            SCHEMA,
            graphql_ide=None,
            allow_queries_via_get=False,
            subscription_protocols=(GRAPHQL_TRANSPORT_WS_PROTOCOL,),
        )
        self._means = means

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            response = await self._answer(Request(scope, receive))
            await response(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        if request.method == "GET" and "text/html" in request.headers.get("accept", ""):
            return graphiql_page()
        if request.method != "POST":
            return _refused(Refusal(code="ask-by-post", given={"method": request.method}), 405, Allow="GET, POST")
        try:
            context = open_context(self._means, request, request.headers.get("authorization", ""))
        except Refused as refused:
            return _refused(refused.refusal, 401, **{"WWW-Authenticate": "Bearer"})
        if not _fits(request.headers.get("content-length", "")):
            return _refused(Refusal(code="bad-request"), 413)
        try:
            return await self.run(request, context=context)
        except HTTPException as fault:
            is_subscription = isinstance(fault.__cause__, InvalidOperationTypeError)
            return _refused(Refusal(code="ask-by-websocket" if is_subscription else "bad-request"), 400)

    async def get_context(self, request: Request | WebSocket, response: Response | WebSocket) -> Context | Socket:
        """Nobody yet: a WebSocket says who it is in its first message."""
        return Socket(self._means, request)

    async def on_ws_connect(self, context: Context | Socket) -> dict[str, object] | None:
        """Close the connection (4403) where its token is none; without the first message it ends with 4401 or 4408."""
        assert isinstance(context, Socket)
        try:
            context.admit()
        except Refused:
            raise ConnectionRejectionError from None
        return None

    async def process_result(self, request: Request, result: ExecutionResult) -> GraphQLHTTPResponse:
        """The answer, with errors as they may be shown."""
        answer: GraphQLHTTPResponse = {"data": result.data}
        if result.errors:
            answer["errors"] = [shown(error).formatted for error in result.errors]
        return answer

    def encode_json(self, data: object) -> bytes:
        """JSON by orjson: a tenth of the time of the standard library."""
        return orjson.dumps(data)

    def decode_json(self, data: str | bytes) -> Any:
        """A request's JSON. Raises JSONDecodeError for what is no object either: the view takes it for granted."""
        read = orjson.loads(data)
        if not isinstance(read, dict) or not isinstance(read.get("operationName"), str | None):
            raise json.JSONDecodeError("not a request", "", 0)
        return read


def _fits(length: str) -> bool:
    return length.isascii() and length.isdigit() and int(length) <= LARGEST


def _refused(refusal: Refusal, status: int, **headers: str) -> Response:
    body = orjson.dumps({"errors": [as_json(refusal)]})
    return Response(body, status_code=status, media_type="application/json", headers=headers)
