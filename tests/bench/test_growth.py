"""What 50 times as many residents cost: the record query and the merging of one message stay as fast as they were.

Two databases are filled alike but for their size, and measured by turns.
"""

import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from hashlib import md5
from random import Random
from statistics import median
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from hub.care.visit import Visit, of_one_moment
from hub.intake import Desk, work
from hub.settings import Settings
from hub.site import Database
from hub.store import inbox
from hub.store.database import open_engine
from hub.store.records import Page
from hub.wiring import Hub
from tests.bench.conftest import NewSite
from tests.bench.figures import by_turns, show
from tests.bench.traffic import Arrived, mixed
from tests.integration.api.conftest import DOCTOR

pytestmark = pytest.mark.bench

FEW, MANY = 1_000, 50_000
TEAM = 2_000
"""Residents of a team (Baodi: 1,000 to 3,000)."""
VISITS = 40
PEOPLE = 6
ROUNDS = 7

_ENTRY = "origins, conflicts, flags) select"
_EMPTY = "'[]', '[]', '[]' from generate_series(1, :count) n"
# One resident of number n each, with ids made from n, so that any of them can be asked for.
_FILL = [
    """insert into message (id, source, transport, format, kind, control_id, size)
       values (md5('message')::uuid, 'zhongyi-his', 'mllp', 'hl7v2', 'ADT^A01', '1', 3)""",
    """insert into resident (id, name, sex, birth_date)
       select md5('resident' || n)::uuid, '居民' || n, 'female', '1956-03-12' from generate_series(1, :count) n""",
    """insert into resident_number (system, value, kind, resident_id)
       select 'urn:oid:2.16.156.10011.1.3', 'G' || n, 'citizen-id', md5('resident' || n)::uuid
       from generate_series(1, :count) n""",
    """insert into patient (id, source, organisation)
       select md5('patient' || n)::uuid, 'zhongyi-his', '中医院' from generate_series(1, :count) n""",
    """insert into patient_number (source, system, value, kind, patient_id)
       select 'zhongyi-his', 'urn:zhongyi', 'Z' || n, 'inpatient-number', md5('patient' || n)::uuid
       from generate_series(1, :count) n""",
    """insert into link (id, patient_id, resident_id, grade, reason, message_id)
       select md5('link' || n)::uuid, md5('patient' || n)::uuid, md5('resident' || n)::uuid,
              'certain', 'new-with-proof', md5('message')::uuid from generate_series(1, :count) n""",
    """insert into fact (id, patient_id, message_id, kind, key, entry_key, event_at, sent_at, received_at,
                         content, content_hash, path, row, notes)
       select md5(kind || n)::uuid, md5('patient' || n)::uuid, md5('message')::uuid, kind, 'k' || n, 'e' || n,
              now(), now(), now(), '{}', decode(md5(kind || n), 'hex'), 'PID', 'hl7v2/pid-patient', '{}'
       from generate_series(1, :count) n, unnest(array['Patient', 'Encounter', 'Condition']) kind""",
    """insert into organisation (id, name, kind) values ('centre-1', '东城社区', 'community-health-centre')""",
    f"""insert into team (id, organisation_id, name)
        select 'team-' || t, 'centre-1', '团队' from generate_series(1, 1 + :count / {TEAM}) t""",
    f"""insert into agreement (id, number, kind, provider_kind, provider_id, team_id, organisation_id, client_kind,
                               client_id, state, term, begins_on, ends_on)
        select md5('agreement' || n)::uuid, 'A' || n, 'primary', 'team', team, team, 'centre-1', 'resident',
               md5('resident' || n), 'in-force', 1, current_date - 30, current_date + 335
        from generate_series(1, :count) n, lateral (select 'team-' || (1 + n / {TEAM}) as team) as served""",
    """insert into coverage (agreement_id, resident_id, kind, since)
       select md5('agreement' || n)::uuid, md5('resident' || n)::uuid, 'primary', current_date - 30
       from generate_series(1, :count) n""",
    f"""insert into encounter (id, resident_id, key, status, effective, effective_at, department, {_ENTRY}
        md5('encounter' || n)::uuid, md5('resident' || n)::uuid, 'e' || n, 'finished', '2026-03-01', now(), '心内科',
        {_EMPTY}""",
    f"""insert into condition (id, resident_id, key, code, display, effective, effective_at, {_ENTRY}
        md5('condition' || n)::uuid, md5('resident' || n)::uuid, 'c' || n, 'I10', '高血压', '2026-03-01', now(),
        {_EMPTY}""",
    f"""insert into observation (id, resident_id, key, status, code, display, value, effective, effective_at, {_ENTRY}
        md5('observation' || o || '-' || n)::uuid, md5('resident' || n)::uuid, o || 'o' || n, 'final', '2345-7',
        '葡萄糖', '6.8', '2026-03-01', now() - make_interval(days => o), {_EMPTY}, generate_series(1, 5) o""",
]
_KINDS = ("Encounter", "Condition", "Observation")


async def test_cost_does_not_grow_with_the_number_of_residents(new_site: NewSite, settings: Settings) -> None:
    async with AsyncExitStack() as stack:
        few = await stack.enter_async_context(_filled(await new_site(), FEW))
        many = await stack.enter_async_context(_filled(await new_site(), MANY))
        reading = {"few": partial(_read, few, FEW), "many": partial(_read, many, MANY)}
        await by_turns(reading, 2)
        read = await by_turns(reading, ROUNDS)
        merging = {"few": _Merging(few, settings), "many": _Merging(many, settings)}
        await by_turns(merging, 2)
        merged = await by_turns(merging, ROUNDS)
    sizes = f"{FEW:,} against {MANY:,} residents"
    reads = show(f"records read, {sizes}", read["few"], read["many"], "over 1/1.3 = 0.77")
    merges = show(f"messages merged one by one, {sizes}", merged["few"], merged["many"], "over 0.77")
    assert reads > 0.4
    assert merges > 0.4


async def _read(engine: AsyncEngine, count: int) -> float:
    """Records a second, by the median of some residents: the person and three lists, audited."""
    took = []
    for number in Random(count).sample(range(1, min(count, TEAM)), VISITS):
        key = _id_of(number)
        began = time.perf_counter()
        visit = Visit(of_one_moment(engine), DOCTOR, now=datetime.now(UTC))
        assert isinstance((await visit.residents([key]))[0], dict)
        for kind in _KINDS:
            await visit.entries(kind, [key], Page(most=21))
        await visit.close()
        took.append(time.perf_counter() - began)
    return 1 / median(took)


class _Merging:
    """Merges ADT and ORU messages one by one; each round brings people who are new."""

    def __init__(self, engine: AsyncEngine, settings: Settings) -> None:
        self._engine = engine
        self._desk: Desk = Hub(settings, engine).desk
        self._met = 0

    async def __call__(self) -> float:
        arrived: Sequence[Arrived] = mixed(self._met + PEOPLE)[2 * self._met :]
        self._met += PEOPLE
        took = 0.0
        for one in arrived:
            async with self._engine.begin() as connection:
                await inbox.keep(connection, [one])
            began = time.perf_counter()
            assert await work(self._engine, self._desk, most=1) == 1
            took += time.perf_counter() - began
        return len(arrived) / took


def _id_of(number: int) -> UUID:
    return UUID(md5(f"resident{number}".encode()).hexdigest())


@asynccontextmanager
async def _filled(site: Database, count: int) -> AsyncIterator[AsyncEngine]:
    owner = open_engine(site.owner, role="")
    async with owner.begin() as connection:
        for statement in _FILL:
            await connection.execute(text(statement), {"count": count} if ":count" in statement else {})
        await connection.execute(text("analyze"))
    await owner.dispose()
    engine = open_engine(site.application)
    yield engine
    await engine.dispose()
