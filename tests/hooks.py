"""Alerts to tell of, and a receiver of webhooks on this machine, which answers as a test wants it to."""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import orjson

from hub.alerts import Alert, Kind
from hub.ids import new_id
from hub.webhooks import sign

Answer = Callable[[dict[str, Any]], int]


def an_alert(**changed: Any) -> Alert:
    """An alert that begins."""
    given = {"source": "renmin-his", "parked": "9", "messages": "10", "reason": "no-patient"}
    one = Alert(
        id=new_id(),
        kind=Kind.FAILURES,
        source="renmin-his",
        since=datetime.now(UTC),
        figure=0.9,
        threshold=0.2,
        given=given,
    )
    return replace(one, **changed)


@dataclass(frozen=True, kw_only=True, slots=True)
class Call:
    """What a receiver was sent."""

    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def said(self) -> dict[str, Any]:
        found: dict[str, Any] = orjson.loads(self.body)
        return found

    def is_signed(self, key: bytes) -> bool:
        """As a receiver verifies it."""
        notice, moment = self.headers["webhook-id"], int(self.headers["webhook-timestamp"])
        return self.headers["webhook-signature"] == sign(key, notice, moment, self.body)


@dataclass
class Hook:
    """A receiver: what it was sent, and how it answers, by the body that it was sent."""

    url: str
    calls: list[Call] = field(default_factory=list)
    answer: Answer = lambda _: 204

    @property
    def told(self) -> list[tuple[str, str]]:
        """(alert, event) of each call."""
        return [(call.said.get("alert", ""), call.said["event"]) for call in self.calls]


class _Server(ThreadingHTTPServer):
    request_queue_size = 128  # the library's five would refuse whom a busy machine lets wait


@contextmanager
def listening(path: str = "/hook", port: int = 0) -> Iterator[Hook]:
    """A receiver that listens."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            call = Call(path=self.path, headers=headers, body=body)
            hook.calls.append(call)
            self.send_response(hook.answer(call.said))
            self.send_header("location", f"{hook.url}/elsewhere")
            self.send_header("content-length", "0")
            self.end_headers()

        def handle(self) -> None:
            try:
                super().handle()
            except OSError:  # who called has gone
                self.close_connection = True

        def log_message(self, *_: Any) -> None:
            """Quiet."""

    with _Server(("127.0.0.1", port), Handler) as server:
        hook = Hook(f"http://127.0.0.1:{server.server_port}{path}")
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield hook
        finally:
            server.shutdown()
            thread.join()
