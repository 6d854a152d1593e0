"""The county with its directory, its agreements and what follows a discharge, for the tests of follow-up."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping, insert, text, update
from sqlalchemy.ext.asyncio import AsyncEngine

from fixtures.county import Sending, organisations, people, teams
from fixtures.county.clinic import BEIJING, Diagnosis, Visit, diagnoses
from fixtures.county.messages import segment
from fixtures.county.people import Person
from fixtures.county.plans import adt, stay_at
from fixtures.county.routine import ended, under_way
from hub.days import day_of
from hub.followups import Ladder, load_ladder
from hub.ids import new_id
from hub.intake import Desk, work
from hub.programme.discharges import Discharges
from hub.programme.hand import Hand
from hub.tables import agreement, area, coverage, organisation, team
from tests.desk import MAPPINGS, county_desk, keep, rows

NOW = datetime(2026, 6, 20, 12, tzinfo=BEIJING)
ALLIANCE = "weiquan-alliance"
RENMIN = "renmin-his"
SOURCES = {one.source: one.slug for one in organisations().values()}
ENDED, BEGAN = "2026-06-19T09:30", "2026-06-10T10:00"


@cache
def ladder() -> Ladder:
    """The ladder of the hub itself."""
    return load_ladder([MAPPINGS / "policies"])


def discharges(**changes: Any) -> Discharges:
    """What a site without anything of its own follows up by."""
    return Discharges(ladder=replace(ladder(), **changes), organisations=SOURCES)


def desk(now: datetime = NOW, **changes: Any) -> Desk:
    """The county's desk, which follows up discharges."""
    return replace(county_desk(), reactions=(discharges(**changes).react,), now=lambda: now)


async def deliver(
    engine: AsyncEngine, sendings: Iterable[Sending], *, most: int = 64, now: datetime = NOW, **changes: Any
) -> None:
    """Keep messages in this order and merge them, at a time."""
    await keep(engine, sendings)
    while await work(engine, desk(now, **changes), most=most):
        pass


async def set_up(engine: AsyncEngine) -> None:
    """The county's directory: its hospitals and centres, one alliance of all but erke, teams and grid areas."""
    houses = [
        {"id": one.slug, "name": one.name, "name_en": one.name_en, "kind": one.kind, "credit_code": one.credit_code}
        for one in organisations().values()
    ]
    async with engine.begin() as connection:
        whole = {"id": ALLIANCE, "name": "威泉县医共体", "kind": "alliance"}
        await connection.execute(insert(organisation).values(whole))
        await connection.execute(insert(organisation), houses)
        allied = update(organisation).where(organisation.c.kind != "alliance", organisation.c.id != "erke")
        await connection.execute(allied.values(alliance_id=ALLIANCE))
        served = [{"id": one.slug, "organisation_id": one.organisation, "name": one.name} for one in teams().values()]
        await connection.execute(insert(team), served)
        grid = [
            {"id": "371099-1", "team_id": "dongcheng-1", "name": "东城街道海棠路"},
            {"id": "371099-2", "team_id": "nanshan-1", "name": "南山镇"},
        ]
        await connection.execute(insert(area), grid)


async def sign(engine: AsyncEngine, resident: UUID, team_id: str = "dongcheng-1", *, now: datetime = NOW) -> UUID:
    """A standing agreement of a team with a resident."""
    key, today = new_id(), day_of(now)
    row = {
        "id": key,
        "number": f"T{key.hex[-12:]}",
        "kind": "primary",
        "provider_kind": "team",
        "provider_id": team_id,
        "team_id": team_id,
        "organisation_id": teams()[team_id].organisation,
        "client_kind": "resident",
        "client_id": str(resident),
        "state": "in-force",
        "term": 1,
        "begins_on": today - timedelta(days=200),
        "ends_on": today + timedelta(days=165),
    }
    covered = {"agreement_id": key, "resident_id": resident, "kind": "primary", "since": row["begins_on"]}
    async with engine.begin() as connection:
        await connection.execute(insert(agreement).values(row))
        await connection.execute(insert(coverage).values(covered))
    return key


async def end(engine: AsyncEngine, key: UUID, *, now: datetime = NOW) -> None:
    """An agreement ends."""
    async with engine.begin() as connection:
        today = day_of(now)
        done = update(agreement).where(agreement.c.id == key)
        await connection.execute(done.values(state="ended", ended_on=today, end_reason="moved"))
        await connection.execute(update(coverage).where(coverage.c.agreement_id == key).values(until=today))


async def reconcile(engine: AsyncEngine, *residents: UUID, now: datetime = NOW) -> None:
    """What whoever signs or ends an agreement asks for."""
    async with engine.begin() as connection:
        hand = Hand(connection=connection, by="dr-gu", role="family-doctor", now=now)
        await discharges().reconcile(hand, residents)
        await hand.write()


async def known(engine: AsyncEngine, slug: str, source: str = RENMIN) -> UUID:
    """A resident by whom the county knows: told of by an A04 or A28 of a source, and found by their citizen ID."""
    person = people()[slug]
    event = "A28" if source == "dongcheng-chc" else "A04"
    told = adt(source, person, event, datetime(2026, 6, 1, 8, tzinfo=BEIJING)).sending(f"K{slug}{source}"[:20])
    await deliver(engine, [told])
    return await find(engine, person)


async def find(engine: AsyncEngine, person: Person) -> UUID:
    """The resident who holds a person's citizen ID number."""
    [row] = await rows(engine, "select resident_id from resident_number where value = :value", value=person.citizen_id)
    found: UUID = row["resident_id"]
    return found


@dataclass(frozen=True, kw_only=True)
class Course:
    """One stay of somebody, and the messages that its hospital can write about it."""

    slug: str
    serial: str = "260000901"
    began: str = BEGAN
    ended: str = ENDED
    disposition: str = "1"
    diagnoses: Sequence[str] = ("I10",)
    source: str = RENMIN

    @property
    def visit(self) -> Visit:
        """The stay as it ended."""
        whole = stay_at(self.serial, self.began, self.ended, "4100", "心内科")
        return replace(whole, disposition=self.disposition)

    @property
    def found(self) -> list[Diagnosis]:
        """The diagnoses."""
        return [diagnoses()[code] for code in self.diagnoses]

    def a01(self) -> Sending:
        """The admission."""
        visit = self.visit
        return self._sent("A01", visit.began_at, visit=under_way(visit))

    def a03(self, *local: str) -> Sending:
        """The discharge, with raw segments of a request where one is given."""
        return self._sent("A03", ended(self.visit), visit=self.visit, local=local)

    def a08(self, minutes: int, *local: str, disposition: str = "") -> Sending:
        """An update some minutes after the discharge."""
        visit = replace(self.visit, disposition=disposition or self.disposition)
        return self._sent("A08", ended(visit) + timedelta(minutes=minutes), visit=visit, local=local)

    def a13(self, minutes: int = 60) -> Sending:
        """The discharge was none."""
        return self._sent("A13", ended(self.visit) + timedelta(minutes=minutes), visit=under_way(self.visit))

    def _sent(self, event: str, at: datetime, **more: Any) -> Sending:
        plan = adt(self.source, people()[self.slug], event, at, diagnoses=self.found, **more)
        return plan.sending(f"C{self.serial[-3:]}{event}{at:%d%H%M}")


def way(code: str) -> str:
    """随访方式代码."""
    return segment("OBX", {1: "1", 2: "CE", 3: "DE06.00.108.00^随访方式代码", 5: code, 11: "F"})


def when(stamp: str, number: int = 2) -> str:
    """随访日期时间."""
    return segment("OBX", {1: str(number), 2: "TS", 3: "DE06.00.109.00^随访日期时间", 5: stamp, 11: "F"})


def every(number: str, unit: str) -> str:
    """随访周期."""
    return segment("OBX", {1: "3", 2: "NM", 3: "DE06.00.112.00^随访周期建议", 5: number, 6: unit, 11: "F"})


async def plans(engine: AsyncEngine) -> list[RowMapping]:
    """Every plan, the oldest first."""
    return await rows(engine, "select * from follow_up_plan order by id")


async def lines(engine: AsyncEngine) -> list[RowMapping]:
    """Every contact."""
    return await rows(engine, "select * from follow_up order by plan_id, number")


async def offers(engine: AsyncEngine) -> list[RowMapping]:
    """Every offer."""
    return await rows(engine, "select * from offer order by id")


async def acts(engine: AsyncEngine, kind: str) -> list[str]:
    """What happened to things of a kind."""
    found = await rows(engine, "select act from history where kind = :kind order by id", kind=kind)
    return [row["act"] for row in found]


async def run(engine: AsyncEngine, statement: str, **given: Any) -> None:
    """A change of a test's own."""
    async with engine.begin() as connection:
        await connection.execute(text(statement), given)
