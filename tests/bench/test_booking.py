"""Bookings in a rush, over GraphQL and HTTP, against the bare statements on the same database.

All clients ask in the same moment: hold a slot, and confirm it for a resident. The floor holds and confirms by the
least that the ledger needs, with an audit row each, over as many connections as the hub has; no token, no GraphQL, no
relation, no history, no events.
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import median, quantiles
from uuid import UUID, uuid4

import asyncpg
import pytest
from sqlalchemy import make_url
from sqlalchemy.ext.asyncio import AsyncEngine

from hub.api.paging import global_id
from hub.app import Part, running
from hub.settings import Settings
from hub.site import Database
from tests.bench.figures import show
from tests.rush import Crowd, Found, Rush, crowd, open_session, set_up
from tests.sessions import Clinic, check_ledger, weihai

pytestmark = pytest.mark.bench

ROUNDS = 5
CONNECTIONS = 20

_PICK = """
    select id, session_id, moves from slot where session_id = $1 and account = 'team'
    order by starts_at limit 1 for no key update skip locked
"""
_HOLD = """
    insert into booking (id, slot_id, session_id, team_id, state, expires_at, by)
    values ($1, $2, $3, $4, 'held', now() + interval '10 minutes', 'floor')
"""
_CONFIRM = "update booking set state = 'booked', resident_id = $2, expires_at = null where id = $1"
_MOVE = """
    insert into movement (slot_id, number, before, session_id, account_from, account_into, act, booking_id, by)
    values ($1, $2, $2 - 1, $3, $4, $5, $6, $7, 'floor')
"""
_TURN = "update slot set moves = $2, account = $3 where id = $1"
_AUDIT = """
    insert into audit (id, viewer, role, operation, purpose, decision, rule, residents, kinds, address)
    values ($1, 'floor', 'family-doctor', 'floor', 'treatment', $2, 'floor', '{}', '{}', '')
"""


@pytest.mark.parametrize(("clients", "slots"), [(300, 60), (1000, 200)])
async def test_bookings_in_a_rush(
    site: Database, engine: AsyncEngine, settings: Settings, clients: int, slots: int
) -> None:
    clinic = Clinic(engine, weihai())
    floors, rushes = [], []
    async with running(settings, site, {Part.API}) as hub, crowd() as front_ends, _pool(site) as pool:
        rush = await set_up(clinic, hub.hub.keyring, clients=clients, total=slots, reserved=slots)
        scene = _Scene(clinic=clinic, rush=rush, crowd=front_ends, port=hub.http_port, pool=pool)
        await scene.ask("warm", 20)
        for turn in range(ROUNDS):
            floors.append(await scene.floor(f"floor-{turn}", slots))
            rushes.append(await scene.ask(f"hub-{turn}", slots))
    floor = median(slots / seconds for seconds in floors)
    rate = median(slots / found.seconds for found in rushes)
    ratio = show(f"bookings a second, {clients:,} clients for {slots} slots", floor, rate, "-")
    answers, booked = ([each for found in rushes for each in getattr(found, name)] for name in ("answers", "booked"))
    print(
        f"\n{'':<4}answers a second {median(len(found.answers) / found.seconds for found in rushes):,.0f};"
        f" an answer p50 {_at(answers, 50):.0f} ms, p99 {_at(answers, 99):.0f} ms;"
        f" from first request to booking p50 {_at(booked, 50):.0f} ms, p99 {_at(booked, 99):.0f} ms (aim: under 500)",
        end="",
        flush=True,
    )
    assert ratio > 0.02


def _at(seconds: Sequence[float], percent: int) -> float:
    """A percentile, in milliseconds."""
    return quantiles(seconds, n=100)[percent - 1] * 1000


def _pool(site: Database) -> asyncpg.Pool:
    plain = make_url(site.application).set(drivername="postgresql").render_as_string(hide_password=False)
    return asyncpg.create_pool(plain, min_size=CONNECTIONS, max_size=CONNECTIONS, server_settings={"role": "hub_app"})


@dataclass(frozen=True, kw_only=True, slots=True)
class _Scene:
    clinic: Clinic
    rush: Rush
    crowd: Crowd
    port: int
    pool: asyncpg.Pool

    async def ask(self, number: str, slots: int) -> Found:
        """One rush through the hub; the ledger must add up after it."""
        session = await open_session(self.clinic, number, slots, slots)
        asked = replace(self.rush, pool_id=str(global_id("SlotPool", session)))
        found = await self.crowd.carry(asked, self.port)
        assert found.outcomes == {"BOOKED": slots, "pool-taken": len(self.rush.clients) - slots}
        assert await check_ledger(self.clinic, session) == {"booked": slots}
        return found

    async def floor(self, number: str, slots: int) -> float:
        """One rush of bare statements; the seconds it took."""
        session = await open_session(self.clinic, number, slots, slots)
        began = time.perf_counter()
        got = await asyncio.gather(*(self._book(session, at) for at in range(len(self.rush.clients))))
        took = time.perf_counter() - began
        assert sum(got) == slots
        assert await check_ledger(self.clinic, session) == {"booked": slots}
        return took

    async def _book(self, session: UUID, at: int) -> bool:
        booking = uuid4()
        async with self.pool.acquire() as connection, connection.transaction():
            slot = await connection.fetchrow(_PICK, session)
            await connection.execute(_AUDIT, uuid4(), "allowed" if slot else "refused")
            if slot is None:
                return False
            await connection.execute(_HOLD, booking, slot["id"], session, f"team-{at % 20 + 1}")
            moved = (slot["id"], slot["moves"] + 1, session, "team", "held", "hold", booking)
            await connection.execute(_MOVE, *moved)
            await connection.execute(_TURN, slot["id"], slot["moves"] + 1, "held")
        async with self.pool.acquire() as connection, connection.transaction():
            await connection.execute(_AUDIT, uuid4(), "allowed")
            await connection.execute(_CONFIRM, booking, UUID(int=(at + 1) << 64))
            moved = (slot["id"], slot["moves"] + 2, session, "held", "booked", "confirm", booking)
            await connection.execute(_MOVE, *moved)
            await connection.execute(_TURN, slot["id"], slot["moves"] + 2, "booked")
        return True
