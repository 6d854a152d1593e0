"""Asking the hub as a front end does: over HTTP and WebSocket, with a token, and nothing else of the hub."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import orjson
from websockets.asyncio.client import ClientConnection, connect

_PROTOCOL = "graphql-transport-ws"


class Refused(RuntimeError):  # noqa: N818 - an answer, not a fault
    """The hub answered a mutation with a refusal."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FrontEnd:
    """Somebody with a token. `base` is where the hub is."""

    base: str
    token: str
    name: str

    async def ask(self, document: str, variables: Mapping[str, Any] | None = None) -> Any:
        """The data of an answer. Raises RuntimeError where it has errors."""
        async with httpx.AsyncClient(base_url=self.base, timeout=60) as client:
            answer = await client.post(
                "/graphql",
                json={"query": document, "variables": variables or {}},
                headers={"Authorization": f"Bearer {self.token}"},
            )
        body = answer.json()
        if answer.status_code != httpx.codes.OK or body.get("errors"):
            raise RuntimeError(f"GraphQL answered {answer.status_code}: {body.get('errors', body)}")
        return body["data"]

    async def change(self, document: str, **given: Any) -> Any:
        """What a mutation changed. Raises Refused."""
        (done,) = (await self.ask(document, {"input": given})).values()
        if "code" in done:
            raise Refused(f"{done['code']}: {done['message']['zh']} {done['nextStep']['zh']}")
        (changed,) = done.values()
        return changed

    @asynccontextmanager
    async def following(self, document: str, after: str | None = None) -> AsyncIterator[AsyncIterator[Any]]:
        """A subscription behind a cursor, or from now on; what it delivers, its only field each time."""
        after = after or (await self.ask("query Now { cursor }"))["cursor"]
        address = f"ws{self.base.removeprefix('http')}/graphql"
        async with connect(address, subprotocols=[_PROTOCOL]) as socket:  # type: ignore[list-item]
            await _say(socket, type="connection_init", payload={"Authorization": f"Bearer {self.token}"})
            await socket.recv()
            await _say(socket, type="subscribe", id="1", payload={"query": document, "variables": {"after": after}})
            yield _delivered(socket)


async def _say(socket: ClientConnection, **message: Any) -> None:
    await socket.send(orjson.dumps(message).decode())


async def _delivered(socket: ClientConnection) -> AsyncIterator[Any]:
    async for frame in socket:
        heard = orjson.loads(frame)
        if heard["type"] == "ping":
            await _say(socket, type="pong")
        elif heard["type"] == "next":
            (delivered,) = heard["payload"]["data"].values()
            yield delivered
        elif heard["type"] in ("error", "complete"):
            raise RuntimeError(f"the subscription ended: {heard}")
