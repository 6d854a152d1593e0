"""Webhooks: what alerts say is sent to those whom the site names, signed, and again until they have it.

Signed as the Standard Webhooks specification has it (1.0.0, "Signature scheme"): HMAC-SHA256 over the id, the time of
the attempt and the body, joined by full stops, in base64 behind ``v1,``. ``hub/docs/alerts.md`` shows how a receiver
verifies it. A receiver may get a notice twice (an answer was lost, a process killed): it knows it by ``webhook-id``.

Neither a receiver's answer nor its URL, of which path and query may hold a secret, goes into the log or the database.
"""

import asyncio
import hashlib
import hmac
import logging
import os
import random
import secrets
import time
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import orjson
import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from hub.errors import refuse
from hub.ids import new_id
from hub.rounds import Rounds
from hub.store.deliveries import (
    DELIVERED,
    GIVEN_UP,
    Attempt,
    Due,
    give_up_strangers,
    save_attempt,
    take_due,
)

logger = structlog.get_logger()

KEY_FILE = "webhook-key.txt"
_PREFIX = "whsec_"
_SECONDS = 10.0
"""How long an attempt may take, from its first byte to the answer's status."""
_LEASE = timedelta(seconds=60)
_FIRST = timedelta(seconds=5)
_LONGEST = timedelta(hours=1)
_AT_MOST = timedelta(days=1)
"""How long a notice is tried to be delivered."""
_MOST = 20
_LOOK_SECONDS = 2.0
_TIDY_SECONDS = 3600.0
_LONGEST_PAUSE = 60.0


def read_receivers(urls: str) -> Mapping[str, str]:
    """Webhook URLs, separated by spaces or commas, by their keys (hashes). Raises Refused (bad-setting), which repeats
    none of them."""
    found = {}
    for number, url in enumerate(urls.replace(",", " ").split(), 1):
        try:
            parts = urlsplit(url)
            is_good = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
        except ValueError:
            is_good = False
        if not is_good:
            raise refuse("bad-setting", "HUB_ALERT_WEBHOOKS", reason=f"number {number} is no http or https URL")
        found[hashlib.sha256(url.encode()).hexdigest()[:16]] = url
    return found


def place_of(url: str) -> str:
    """What of a URL may be shown: neither a login, nor the path, nor the query."""
    parts = urlsplit(url)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return f"{parts.scheme}://{host}{f':{parts.port}' if parts.port else ''}"


def open_key(folder: Path) -> bytes:
    """The key that webhooks are signed with, made where there is none. Two processes that race agree on one.

    Raises Refused (bad-setting).
    """
    path = folder / KEY_FILE
    try:
        if not path.exists():
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            _create(path, shown_key(secrets.token_bytes(32)))
        said = path.read_text(encoding="ascii").strip()
    except OSError as fault:
        reason = f"the keys in {folder} can be neither read nor made ({fault.strerror})"
        raise refuse("bad-setting", "HUB_HOME", reason=reason) from None
    except UnicodeDecodeError:
        said = ""
    try:
        key = b64decode(said.removeprefix(_PREFIX), validate=True)
    except ValueError:
        key = b""
    if not said.startswith(_PREFIX) or len(key) < 24:
        raise refuse("bad-setting", "HUB_HOME", reason=f"{path.name} holds no webhook key")
    return key


def _create(path: Path, text: str) -> None:
    """Put a key under its name, whole, unless somebody else was first: link() never replaces."""
    partial = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(text + "\n")
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(partial, path)
    except FileExistsError:
        pass
    finally:
        partial.unlink()


def shown_key(key: bytes) -> str:
    """The key as receivers are given it."""
    return _PREFIX + b64encode(key).decode()


def sign(key: bytes, notice: str, moment: int, body: bytes) -> str:
    """The value of ``webhook-signature``. `moment` is in seconds since 1970."""
    signed = b".".join((notice.encode(), str(moment).encode(), body))
    return "v1," + b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


def pause_after(tries: int, jitter: float) -> timedelta:
    """How long to wait after so many attempts: twice as long each time up to an hour. `jitter`, from 0 to 1, takes up
    to half of it away, so that receivers which were all away are not all called at once."""
    full: timedelta = min(_FIRST * 2 ** min(tries - 1, 20), _LONGEST)
    return full * (1 - jitter / 2)


class Postman:
    """Delivers notices as long as it runs. Several may run over one database: what one has in hand the others pass
    over. `on_attempt` is told how each attempt ended: `delivered`, `failed` or `given-up`."""

    def __init__(
        self,
        engine: AsyncEngine,
        receivers: Mapping[str, str],
        key: bytes,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        on_attempt: Callable[[str], None] = lambda outcome: None,
        look_seconds: float = _LOOK_SECONDS,
        seconds: float = _SECONDS,
    ) -> None:
        self._engine, self._receivers, self._key, self._now = engine, receivers, key, now
        self._on_attempt, self._look_seconds, self._seconds = on_attempt, look_seconds, seconds
        self._rounds = Rounds("postman", _LONGEST_PAUSE)

    @property
    def places(self) -> Mapping[str, str]:
        """The receivers, with what may be shown of them."""
        return {key: place_of(url) for key, url in self._receivers.items()}

    def start(self) -> None:
        """Begin to deliver."""
        # Each receiver is served by itself: one that answers slowly keeps no other waiting.
        served = ((partial(self.deliver, one), self._look_seconds) for one in self._receivers)
        self._rounds.start((self.tidy, _TIDY_SECONDS), *served)

    @property
    def is_alive(self) -> bool:
        """Whether it runs; a supervisor asks by /readyz."""
        return self._rounds.is_alive

    async def stop(self) -> None:
        """Finish the attempts under way, then end."""
        await self._rounds.stop()

    async def deliver(self, *receivers: str) -> int:
        """Make the attempts that are due now, side by side: to these receivers, else to all. How many there were."""
        now = self._now()
        async with self._engine.begin() as connection:
            due = await take_due(connection, receivers or list(self._receivers), now, now + _LEASE, _MOST)
        if due:
            async with _client(self._seconds) as client:
                ended = await asyncio.gather(*(self._try(client, one) for one in due), return_exceptions=True)
            for fault in ended:  # only when the others have ended too
                if fault is not None:
                    raise fault
        return len(due)

    async def _try(self, client: httpx.AsyncClient, due: Due) -> None:
        at, began = self._now(), time.perf_counter()
        letter = signed(self._key, str(due.notice), at, due.body)
        status, fault = await _post(client, self._receivers[due.receiver], letter, due.body, self._seconds)
        attempt = Attempt(
            notice=due.notice,
            receiver=due.receiver,
            at=at,
            status=status,
            fault=fault,
            seconds=time.perf_counter() - began,
        )
        next_at = at + pause_after(due.tries, random.random())  # noqa: S311 - jitter
        if 200 <= status < 300:
            outcome, state, then = "delivered", DELIVERED, None
        elif next_at - due.at > _AT_MOST:
            outcome, state, then = "given-up", GIVEN_UP, None
        else:
            outcome, state, then = "failed", "waiting", next_at
        async with self._engine.begin() as connection:
            await save_attempt(connection, attempt, state, then)
        self._on_attempt(outcome)
        if outcome != "delivered":
            place = place_of(self._receivers[due.receiver])
            logger.warning(f"webhook-{outcome}", place=place, status=status, fault=fault, tries=due.tries)

    async def tidy(self) -> int:
        """Give up what has waited too long for receivers that are no longer named; how much that was."""
        async with self._engine.begin() as connection:
            return await give_up_strangers(connection, list(self._receivers), self._now())


# -- one attempt -------------------------------------------------------------------------------------------------------


def _client(seconds: float) -> httpx.AsyncClient:
    """No proxy of the environment, and no way to another place: whoever answers with a redirect is not told."""
    for name in ("httpx", "httpcore"):  # they would log whole URLs, and what receivers answer
        logging.getLogger(name).setLevel(logging.WARNING)
    return httpx.AsyncClient(follow_redirects=False, trust_env=False, timeout=seconds)


def signed(key: bytes, notice: str, at: datetime, body: bytes) -> dict[str, str]:
    """The headers of an attempt."""
    moment = int(at.timestamp())
    return {
        "content-type": "application/json",
        "user-agent": "family-doctor-hub",
        "webhook-id": notice,
        "webhook-timestamp": str(moment),
        "webhook-signature": sign(key, notice, moment, body),
    }


async def _post(
    client: httpx.AsyncClient, url: str, headers: Mapping[str, str], body: bytes, seconds: float
) -> tuple[int, str]:
    """(the answer's status, ""), or (0, the kind of fault). What else the answer says is not read."""
    try:
        async with asyncio.timeout(seconds), client.stream("POST", url, content=body, headers=headers) as answer:
            return answer.status_code, ""
    except Exception as fault:  # whatever it is, it is tried again
        return 0, type(fault).__name__


@dataclass(frozen=True, kw_only=True, slots=True)
class Trial:
    """How a receiver took a trial call."""

    place: str
    status: int
    fault: str

    @property
    def is_taken(self) -> bool:
        """Whether it would have an alert."""
        return 200 <= self.status < 300


async def try_receivers(receivers: Mapping[str, str], key: bytes, now: datetime) -> list[Trial]:
    """Call every receiver once, with a notice of no alert (`event` is `trial`)."""
    notice = str(new_id())
    body = orjson.dumps({"id": notice, "event": "trial", "at": now.isoformat()})

    async def attempt(client: httpx.AsyncClient, url: str) -> Trial:
        status, fault = await _post(client, url, signed(key, notice, now, body), body, _SECONDS)
        return Trial(place=place_of(url), status=status, fault=fault)

    async with _client(_SECONDS) as client:
        return list(await asyncio.gather(*(attempt(client, url) for url in receivers.values())))
