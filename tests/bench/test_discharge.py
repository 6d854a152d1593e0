"""How long a discharge takes to its team: from the A03 on the wire to the plan in the team's subscription.

The hub runs in a process of its own, as a site runs it (all parts in one); hospital and team in another. Half of the
messages are admissions, half discharges; every discharge makes a plan.
"""

from datetime import UTC, datetime
from pathlib import Path
from statistics import median

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from fixtures.county.people import Person
from hub.access import Role, Viewer
from hub.site import Database
from hub.tokens import Keyring
from tests.acceptance.hub_process import serving
from tests.bench.discharge_load import Load, crowd_of, hospital_process

pytestmark = pytest.mark.bench

NURSE = Viewer(id="nurse", name="护士", role=Role.NURSE, organisation="centre-1", team="team-1")
RATES = {50: 20, 200: 10}
"""Messages a second, and for how many seconds."""

_CENTRE = [
    "insert into organisation (id, name, kind) values ('centre-1', '东城社区', 'community-health-centre')",
    "insert into organisation (id, name, kind) values ('renmin', '人民医院', 'hospital')",
    "insert into team (id, organisation_id, name) values ('team-1', 'centre-1', '海棠团队')",
]
_SIGNED = [
    "insert into resident (id, name) values (md5(:number)::uuid, :name)",
    """insert into resident_number (system, value, kind, resident_id)
       values ('urn:oid:2.16.156.10011.1.3', :number, 'citizen-id', md5(:number)::uuid)""",
    """insert into agreement (id, number, kind, provider_kind, provider_id, team_id, organisation_id, client_kind,
                              client_id, state, term, begins_on, ends_on)
       values (md5(:number)::uuid, :number, 'primary', 'team', 'team-1', 'team-1', 'centre-1', 'resident',
               md5(:number), 'in-force', 1, current_date - 30, current_date + 335)""",
    """insert into coverage (agreement_id, resident_id, kind, since)
       values (md5(:number)::uuid, md5(:number)::uuid, 'primary', current_date - 30)""",
]


async def _sign(engine: AsyncEngine, people: list[Person]) -> None:
    rows = [{"number": person.citizen_id, "name": person.name} for person in people]
    async with engine.begin() as connection:
        for statement in _CENTRE:
            await connection.execute(text(statement))
        for statement in _SIGNED:
            await connection.execute(text(statement), rows)


async def test_a_discharge_reaches_its_team(site: Database, engine: AsyncEngine, tmp_path: Path) -> None:
    people = sum(rate * seconds // 2 for rate, seconds in RATES.items())
    signed = [person for person in crowd_of(0, people) if person.citizen_id]
    assert len(signed) == people
    await _sign(engine, signed)
    first = 0
    with serving(tmp_path / "home", site.application) as hub:
        token = Keyring.open(tmp_path / "home" / "keys").issue(NURSE, now=datetime.now(UTC))
        async with hospital_process() as hospital:
            for rate, seconds in RATES.items():
                load = Load(
                    http_port=hub.http_port,
                    mllp_port=hub.mllp_port,
                    token=token,
                    first=first,
                    people=rate * seconds // 2,
                    rate=rate,
                    began_at=datetime.now(UTC).isoformat(),
                )
                heard = await hospital.discharge(load)
                first += load.people
                times = sorted(heard.seconds)
                p99 = times[int(len(times) * 0.99) - 1]
                print(
                    f"\ndischarge to subscriber at {rate} messages/s (sent {heard.rate:.0f}/s, {len(times)} discharges)"
                    f"  p50 {median(times) * 1000:,.0f} ms  p99 {p99 * 1000:,.0f} ms  aim p99 under 1,000 ms",
                    end="",
                    flush=True,
                )
                assert heard.missing == 0
