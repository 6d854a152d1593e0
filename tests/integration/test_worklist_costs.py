"""What is asked often (each second by the clock, at each page by people) reads by index, and no table as a whole."""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import date
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import event, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from hub.store import followups, referrals, relations, worklists, worksheets
from hub.store.database import open_engine
from tests.conftest import Urls

TODAY = date(2026, 6, 20)
MANY = 8000
"""Residents, agreements, stays and referrals of a small district; 40 teams of ten centres, five hospitals."""
FEW = 1000
"""Rows that one question may look at in all. A team has 200 agreements; 200 plans of the district are open."""
WATCHED = ("agreement", "coverage", "follow_up_plan", "follow_up", "offer", "referral")
FILL = (
    "insert into organisation (id, name, kind) select 'c' || g, 'n', 'community-health-centre' "
    "from generate_series(0, 9) g",
    "insert into organisation (id, name, kind) select 'h' || g, 'n', 'hospital' from generate_series(0, 4) g",
    "insert into team (id, organisation_id, name) select 't' || g, 'c' || g % 10, 'n' from generate_series(0, 39) g",
    "insert into message (id, source, transport, format, kind, control_id, size) "
    "values (uid(0, 1), 'his', 'mllp', 'hl7v2', 'ADT^A03', '1', 1)",
    "insert into resident (id, name, origins) select uid(1, g), 'n', '[]' from numbers",
    "insert into agreement (id, number, kind, provider_kind, provider_id, team_id, organisation_id, client_kind, "
    "client_id, state, term, begins_on, ends_on) select uid(2, g), 'A' || g, 'primary', 'team', 't' || g % 40, "
    "'t' || g % 40, 'c' || g % 10, 'resident', 'x', 'in-force', 1, '2026-01-01', '2026-12-31' from numbers",
    "insert into coverage (agreement_id, resident_id, kind, since) "
    "select uid(2, g), uid(1, g), 'primary', '2026-01-01' from numbers",
    "insert into follow_up_plan (id, resident_id, encounter_key, hospital, discharged_at, agreement_id, team_id, "
    "state, priority, basis, reason, message_id, ended_at) select uid(3, g), uid(1, g), 'k' || g, 'h', now(), "
    "uid(2, g), 't' || g % 40, case when g % 40 = 0 then 'delivered' else 'completed' end, 'routine', 'x', '{}', "
    "uid(0, 1), case when g % 40 = 0 then null else now() end from numbers",
    "insert into follow_up (id, plan_id, number, team_id, resident_id, state, due_from, due_until, planned_until, "
    "reason, rule) select gen_random_uuid(), uid(3, g), n, 't' || g % 4, uid(1, g), case when g % 40 = 0 then 'due' "
    "else 'cancelled' end, '2026-06-01', '2026-06-07', '2026-06-07', '{}', 'r' from numbers, generate_series(1, 2) n",
    "insert into referral (id, number, direction, resident_id, state, from_organisation_id, from_team_id, "
    "to_organisation_id, reason, urgency, summary, by, sent_at, ended_at) select uid(4, g), 'U' || g, 'up', uid(1, g), "
    "case when g % 50 = 0 then 'sent' else 'closed' end, 'c' || g % 10, 't' || g % 40, 'h' || g % 5, 'r', 'routine', "
    "'{}', 'x', now(), case when g % 50 = 0 then null else now() end from numbers",
    "insert into referral (id, number, direction, resident_id, state, from_organisation_id, to_organisation_id, "
    "to_team_id, stay_key, reason, urgency, summary, by, sent_at, ended_at) select uid(5, g), 'D' || g, 'down', "
    "uid(1, g), 'closed', 'h' || g % 5, 'c' || g % 10, 't' || g % 40, 'k' || g, 'r', 'routine', '{}', 'x', now(), "
    "now() from numbers",
)
UID = """
    create function uid(kind int, number bigint) returns uuid language sql immutable as
    $$ select (lpad(kind::text, 8, '0') || '-0000-7000-8000-' || lpad(number::text, 12, '0'))::uuid $$
"""
TEAM = worklists.party(team="t1", organisation="c1", is_desk=False)
DESK = worklists.party(team="", organisation="h1", is_desk=True)
THEIRS = relations.given(team="t1", organisation="c1", is_desk=False, today=TODAY)
DESKS = relations.given(team="", organisation="h1", is_desk=True, today=TODAY)
PLAN = UUID("00000003-0000-7000-8000-000000000041")
RESIDENT = UUID("00000001-0000-7000-8000-000000000041")
NEVER = worksheets.WantedFollowUps(state="overdue", most=21)

Question = Callable[[AsyncConnection], Awaitable[Any]]
QUESTIONS: dict[str, Question] = {
    "what agreements left adrift": lambda at: followups.find_adrift(at, TODAY, 200),
    "a team's overdue follow-ups": lambda at: worksheets.page_follow_ups(at, "t1", TODAY, NEVER),
    "the referral that follows a plan": lambda at: referrals.find_following(at, PLAN),
    "a team's referrals": lambda at: worklists.page(at, TEAM, "", [], 21, None),
    "a team's referrals behind one": lambda at: worklists.page(at, TEAM, "", [], 21, PLAN),
    "a desk's referrals": lambda at: worklists.page(at, DESK, "", [], 21, None),
    "referrals of a resident": lambda at: worklists.page_of_residents(at, DESK, [RESIDENT], 50),
    "a desk's booked referrals": lambda at: worklists.page(at, DESK, "received", ["booked"], 21, None),
    "how many booked referrals a desk has": lambda at: worklists.count(at, DESK, "received", ["booked"]),
    "a team's residents": lambda at: relations.page_residents(at, THEIRS, 21, None),
    "a desk's residents": lambda at: relations.page_residents(at, DESKS, 21, None),
    "how many residents a team has": lambda at: relations.count_residents(at, THEIRS),
}


@pytest.fixture
async def district(engine: AsyncEngine, database: Urls) -> AsyncEngine:
    """A filled and analysed database, asked by the application role."""
    owner = open_engine(database.owner, role="")
    async with owner.begin() as connection:
        await connection.execute(text(UID))
        await connection.execute(text(f"create view numbers as select g from generate_series(1, {MANY}) g"))
        for statement in FILL:
            await connection.execute(text(statement))
        await connection.execute(text("analyze"))
    await owner.dispose()
    return engine


@contextmanager
def heard(engine: AsyncEngine) -> Iterator[list[tuple[str, Any]]]:
    """The statements that are sent, with what is given."""
    said: list[tuple[str, Any]] = []

    def note(*given: Any) -> None:
        said.append((given[2], given[3]))

    event.listen(engine.sync_engine, "before_cursor_execute", note)
    yield said
    event.remove(engine.sync_engine, "before_cursor_execute", note)


async def test_no_question_looks_at_more_rows_than_it_is_about(district: AsyncEngine) -> None:
    cost: dict[str, float] = {}
    async with district.connect() as connection:
        for name, ask in QUESTIONS.items():
            with heard(district) as said:
                await ask(connection)
            [(statement, given)] = said
            explain = f"explain (analyze, timing off, format json) {statement}"
            [found] = (await connection.exec_driver_sql(explain, given)).scalars().all()
            cost[name] = sum(_looked_at(found[0]["Plan"]))
    assert {name: rows for name, rows in cost.items() if rows > FEW} == {}


def _looked_at(node: dict[str, Any]) -> Iterator[float]:
    """How many rows of the watched tables each step of a plan looked at."""
    if node.get("Relation Name") in WATCHED:
        dropped = node.get("Rows Removed by Filter", 0) + node.get("Rows Removed by Index Recheck", 0)
        yield (node["Actual Rows"] + dropped) * node["Actual Loops"]
    for below in node.get("Plans", ()):
        yield from _looked_at(below)


async def test_the_worklist_of_follow_ups_is_in_the_order_of_its_index(district: AsyncEngine) -> None:
    async with district.connect() as connection:
        with heard(district) as said:
            await worksheets.page_follow_ups(connection, "t1", TODAY, NEVER)
        [(statement, given)] = said
        plan = "\n".join((await connection.exec_driver_sql(f"explain {statement}", given)).scalars().all())
    assert "ix_follow_up_worklist" in plan
    assert "Sort" not in plan
