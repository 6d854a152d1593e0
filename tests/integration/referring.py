"""A county where people are referred: its directory, its hospitals' messages, and the hands of both sides."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping, insert, text
from sqlalchemy.ext.asyncio import AsyncEngine

from fixtures.county import Sending, people
from fixtures.county.clinic import BEIJING, Visit, diagnoses
from fixtures.county.plans import adt, known
from hub.access import Role, Viewer
from hub.care.deed import Deed, Errand, carry_out
from hub.care.referrals import Sending as Referring
from hub.care.referrals import send
from hub.ids import new_id
from hub.intake import work
from hub.programme.arrivals import arrivals
from hub.programme.hand import TIME, Hand
from hub.referrals import Urgency
from hub.tables import agreement, area, booking, coverage, message, organisation, session, slot, team
from tests.desk import county_desk, keep, rows, sources

RENMIN, ZHONGYI, DONGCHENG = "renmin-his", "zhongyi-his", "dongcheng-chc"
DAY = datetime(2026, 8, 1, 9, tzinfo=BEIJING)
"""When the referral goes up."""
ONE_DAY = timedelta(days=1)
SLUG = "new-phone"
VISIT = Visit(serial="260801001", kind="I", began_at=DAY + ONE_DAY, department_code="4100", department="心内科")
OUTPATIENT = Visit(serial="260801777", kind="O", began_at=DAY + ONE_DAY, department_code="4100", department="心内科")
DOCTOR = Viewer(id="dr-gu", name="顾清和", role=Role.FAMILY_DOCTOR, organisation="dongcheng", team="dongcheng-1")
NURSE = Viewer(id="nurse-ding", name="丁若兰", role=Role.NURSE, organisation="dongcheng", team="dongcheng-1")
OTHER_DOCTOR = Viewer(id="dr-cen", name="岑怀瑾", role=Role.FAMILY_DOCTOR, organisation="dongcheng", team="dongcheng-2")
DESK = Viewer(id="desk-renmin", name="人民医院转诊办", role=Role.HOSPITAL_DESK, organisation="renmin")
OTHER_DESK = Viewer(id="desk-zhongyi", name="中医医院转诊办", role=Role.HOSPITAL_DESK, organisation="zhongyi")

_ORGANISATIONS = (
    {"id": "renmin", "name": "威泉县人民医院", "kind": "hospital", "level": 2, "authority": "county"},
    {"id": "zhongyi", "name": "威泉县中医医院", "kind": "hospital", "level": 2, "authority": "county"},
    {
        "id": "dongcheng",
        "name": "东城街道社区卫生服务中心",
        "kind": "community-health-centre",
        "level": 1,
        "authority": "county",
    },
    {"id": "nanshan", "name": "南山镇卫生院", "kind": "community-health-centre", "level": 1, "authority": "county"},
)

DIRECTORY = {name: source.organisation_id for name, source in sources().items()}


def says(event: str, at: datetime = DAY + ONE_DAY, *, source: str = RENMIN, slug: str = SLUG, **more: Any) -> Sending:
    """A message about somebody. `visit` is the stay; without it that of `VISIT`."""
    person = replace(known(source, slug), **more.pop("person", {}))
    given = {"visit": VISIT, "diagnoses": [diagnoses()["I10"]], **more}
    return adt(source, person, event, at, **given).sending(f"R{event}{at:%m%d%H%M}{source}")


def over(visit: Visit = VISIT, disposition: str = "1", days: int = 8) -> Visit:
    """The stay when it is over."""
    return replace(visit, ended_at=visit.began_at + days * ONE_DAY, disposition=disposition)


def discharged(visit: Visit = VISIT, disposition: str = "1", days: int = 8, **more: Any) -> Sending:
    """The discharge message of a stay."""
    left = over(visit, disposition, days)
    assert left.ended_at is not None
    return says("A03", left.ended_at, visit=left, **more)


@dataclass
class County:
    """The database of one test, with a directory, and a clock that stands still until it is moved."""

    engine: AsyncEngine
    now: datetime = DAY + 20 * ONE_DAY
    resident: UUID = field(init=False)

    async def open(self, *, signed: bool = True) -> "County":
        """Fill the directory, and let the centre register the resident."""
        async with self.engine.begin() as connection:
            await connection.execute(insert(organisation), list(_ORGANISATIONS))
            for place in (1, 2):
                of = {"id": f"dongcheng-{place}", "organisation_id": "dongcheng", "name": f"团队{place}"}
                await connection.execute(insert(team).values(of))
            await connection.execute(insert(area).values(id="A1", team_id="dongcheng-2", name="东城街道望岛街"))
        self.resident = await self.register(SLUG)
        if signed:
            await self.sign(self.resident)
        return self

    async def register(self, slug: str) -> UUID:
        """The centre registers somebody; their id as a resident."""
        await self.deliver([says("A28", DAY - 90 * ONE_DAY, source=DONGCHENG, slug=slug, visit=None)])
        name = people()[slug].name
        [found] = await rows(
            self.engine, "select id from resident where name = :name and replaced_by is null", name=name
        )
        key: UUID = found["id"]
        return key

    async def sign(self, resident: UUID, team_id: str = "dongcheng-1") -> None:
        """An agreement in force."""
        key, since = new_id(), (DAY - 30 * ONE_DAY).date()
        term = {"term": 1, "begins_on": since, "ends_on": since.replace(year=since.year + 1)}
        whose = {"provider_kind": "team", "provider_id": team_id, "team_id": team_id, "organisation_id": "dongcheng"}
        whom = {"client_kind": "resident", "client_id": str(resident), "kind": "primary", "state": "in-force"}
        async with self.engine.begin() as connection:
            await connection.execute(insert(agreement).values(id=key, number=str(key), **whose, **whom, **term))
            covered = {"agreement_id": key, "resident_id": resident, "kind": "primary", "since": since}
            await connection.execute(insert(coverage).values(covered))

    async def deliver(
        self, sendings: Sequence[Sending], *, most: int = 64, organisations: Mapping[str, str] = DIRECTORY
    ) -> None:
        """Merge messages in batches of `most`, with what they do to referrals."""
        await keep(self.engine, sendings)
        desk = replace(county_desk(), reactions=[arrivals(organisations)], now=lambda: self.now)
        while await work(self.engine, desk, most=most):
            pass

    async def carry_out(self, viewer: Viewer, do: Any, *, at: datetime | None = None, name: str = "test") -> Any:
        """Let somebody do something."""
        return await carry_out(self.engine, Errand(viewer=viewer, operation=name, now=at or self.now), do)

    async def refer(
        self, to: str = "renmin", *, at: datetime = DAY, booking_id: UUID | None = None, **said: Any
    ) -> UUID:
        """The family doctor refers the resident up."""
        asked = Referring(
            **{
                "resident_id": self.resident,
                "to_organisation_id": to,
                "reason": "反复胸闷，药物控制不佳",
                "urgency": Urgency.URGENT,
                "booking_id": booking_id,
                **said,
            }
        )

        async def do(deed: Deed) -> UUID:
            return await send(deed, asked)

        key: UUID = await self.carry_out(DOCTOR, do, at=at)
        return key

    async def slot(
        self, at: datetime, *, hospital: str = "renmin", team_id: str = "dongcheng-1", held: bool = True
    ) -> UUID:
        """A hospital publishes a session of one slot, which a team holds, or has booked; the booking's id. It goes
        the tables' way: first the ledger, then the slot that follows it."""
        session_id, slot_id, booking_id, letter = new_id(), new_id(), new_id(), new_id()
        times = {"starts_at": at, "ends_at": at + timedelta(minutes=20)}
        came = {"source": RENMIN, "transport": "fhir", "format": "fhir", "kind": "transaction", "control_id": "s"}
        async with self.engine.begin() as connection:
            await connection.execute(insert(message).values(id=letter, size=2, **came))
            opened = {
                "team_from": DAY - 9 * ONE_DAY,
                "public_from": DAY - 8 * ONE_DAY,
                "release_at": at - timedelta(hours=2),
            }
            named = {"organisation_id": hospital, "number": str(session_id), "kind": "expert", "department": "心内科"}
            rest = {
                "reserved": 1,
                "rule": "weihai-2023 四(三)",
                "state": "open",
                "source": RENMIN,
                "message_id": letter,
                "told_at": DAY,
            }
            await connection.execute(insert(session).values(id=session_id, **times, **opened, **named, **rest))
            of = {"session_id": session_id, "number": 1, **times}
            await connection.execute(insert(slot).values(id=slot_id, moves=3, account="held", **of))
            holds = {"id": booking_id, "slot_id": slot_id, "session_id": session_id, "team_id": team_id, "by": "dr-gu"}
            state = {"state": "held", "expires_at": self.now + ONE_DAY} if held else {"state": "expired"}
            await connection.execute(insert(booking).values(**holds, **state))
            chain = [("new", "public"), ("public", "team"), ("team", "held")]
            for number, (left, entered) in enumerate(chain, 1):
                step = {"slot_id": slot_id, "number": number, "before": number - 1 or None, "session_id": session_id}
                moved = {"account_from": left, "account_into": entered, "act": "hold", "by": "dr-gu"}
                held_by = {"booking_id": booking_id} if entered == "held" else {}
                columns = ", ".join(values := {**step, **moved, **held_by})
                marks = ", ".join(f":{one}" for one in values)
                await connection.execute(text(f"insert into movement ({columns}) values ({marks})"), values)
        return booking_id

    @asynccontextmanager
    async def hand(self) -> AsyncIterator[Hand]:
        """The hand of the clock."""
        async with self.engine.begin() as connection:
            hand = Hand(connection=connection, by=TIME, role="time", now=self.now)
            yield hand
            await hand.write()

    async def referral(self, key: UUID) -> RowMapping:
        """A referral as it now is."""
        [found] = await rows(self.engine, "select * from referral where id = :key", key=key)
        return found

    async def down(self) -> list[RowMapping]:
        """Every referral down, the oldest first."""
        return await rows(self.engine, "select * from referral where direction = 'down' order by id")

    async def steps(self, key: UUID) -> list[tuple[str, str, str]]:
        """What has become of a referral: act, state after, who."""
        found = await rows(self.engine, "select act, after, by from history where subject = :key order by id", key=key)
        return [(row["act"], row["after"], row["by"]) for row in found]
