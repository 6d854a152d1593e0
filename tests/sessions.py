"""Sessions of an invented hospital and the teams that book them, in a test's own database."""

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping, insert, text
from sqlalchemy.ext.asyncio import AsyncEngine

from hub.ids import new_id
from hub.policy import Programme, load_programme, policy_folders
from hub.programme import pools, publishing
from hub.programme.hand import TIME, Hand
from hub.slots import Offered, Published
from hub.store.slots import Wanted
from hub.tables import organisation, resident, team

NOW = datetime(2026, 11, 22, 1, 0, tzinfo=UTC)
"""Nine in the morning."""
STARTS = datetime(2026, 12, 1, 0, 0, tzinfo=UTC)
"""Eight in the morning, nine days later."""
HOSPITAL, OTHER_HOSPITAL = "renmin", "zhongyi"
_MINUTES = 12


def weihai() -> Programme:
    """The rules of Weihai, as the hub has them."""
    return load_programme("weihai-2023", policy_folders(None))


def offered(number: int, starts_at: datetime = STARTS, **changed: Any) -> Offered:
    """The slot of a number: one after the other, twelve minutes each."""
    begins = starts_at + timedelta(minutes=_MINUTES * (number - 1))
    return replace(Offered(number=number, starts_at=begins, ends_at=begins + timedelta(minutes=_MINUTES)), **changed)


def published(total: int = 10, **changed: Any) -> Published:
    """A specialist's session of so many slots, open to all at once and released an hour before it begins."""
    starts_at = changed.get("starts_at", STARTS)
    said: dict[str, Any] = {
        "number": "S1",
        "kind": "expert",
        "department": "心内科",
        "practitioner": "周海",
        "title": "主任医师",
        "starts_at": starts_at,
        "ends_at": starts_at + timedelta(minutes=_MINUTES * max(total, 1)),
        "public_from": NOW - timedelta(days=1),
        "release_at": starts_at - timedelta(hours=1),
        "slots": tuple(offered(number, starts_at) for number in range(1, total + 1)),
        "told_at": NOW,
    }
    return Published(**{**said, **changed})


@dataclass
class Clinic:
    """A hospital and two community centres of one alliance, their teams, and a hospital of another alliance."""

    engine: AsyncEngine
    programme: Programme

    async def open(self, teams: int = 2) -> None:
        """Make the directory: team-1 to team-n."""
        alliances = [{"id": "alliance-1", "name": "东城医联体", "kind": "alliance"}]
        alliances += [{"id": "alliance-2", "name": "西城医联体", "kind": "alliance"}]
        members: list[dict[str, Any]] = [
            {
                "id": HOSPITAL,
                "name": "人民医院",
                "kind": "hospital",
                "authority": "county",
                "alliance_id": "alliance-1",
            },
            {"id": OTHER_HOSPITAL, "name": "中医院", "kind": "hospital", "authority": "", "alliance_id": "alliance-2"},
            {"id": "free", "name": "专科医院", "kind": "hospital", "authority": "", "alliance_id": None},
            {
                "id": "centre-1",
                "name": "东城社区卫生服务中心",
                "kind": "community-health-centre",
                "authority": "",
                "alliance_id": "alliance-1",
            },
        ]
        async with self.engine.begin() as connection:
            await connection.execute(insert(organisation), alliances)
            await connection.execute(insert(organisation), members)
            rows = [
                {"id": f"team-{at}", "organisation_id": "centre-1", "name": f"{at}队"} for at in range(1, teams + 1)
            ]
            await connection.execute(insert(team), rows)

    async def person(self, name: str = "张伟") -> UUID:
        """A resident."""
        key = new_id()
        async with self.engine.begin() as connection:
            row = {"id": key, "name": name, "origins": []}
            await connection.execute(insert(resident).values(**row))
        return key

    @asynccontextmanager
    async def hand(self, by: str = "dr-lin", now: datetime = NOW) -> AsyncIterator[Hand]:
        """A hand in a transaction of its own, which writes what it did."""
        async with self.engine.begin() as connection:
            hand = Hand(connection=connection, by=by, role="time" if by == TIME else "family-doctor", now=now)
            yield hand
            await hand.write()

    async def publish(self, told: Published, hospital: str = HOSPITAL, *, now: datetime = NOW) -> UUID:
        """Publish a session."""
        async with self.hand("renmin-his", now) as hand:
            return await publishing.publish(hand, hospital, told, self.programme)

    async def hold(
        self, session: UUID, team: str = "team-1", *, now: datetime = NOW, minutes: int = 10, **wanted: Any
    ) -> UUID:
        """Hold a slot; the booking."""
        async with self.hand(now=now) as hand:
            expires_at = now + timedelta(minutes=minutes)
            asked = Wanted(session_id=session, team_id=team, expires_at=expires_at, **wanted)
            found: UUID = (await pools.hold(hand, asked))["id"]
            return found

    async def confirm(self, booking: UUID, person: UUID, team: str = "team-1", *, now: datetime = NOW) -> None:
        """Book what is held."""
        async with self.hand(now=now) as hand:
            await pools.confirm(hand, booking, person, team)

    async def cancel(self, booking: UUID, team: str | None = "team-1", *, now: datetime = NOW) -> None:
        """Give a slot back."""
        async with self.hand(now=now) as hand:
            await pools.cancel(hand, booking, "不需要了", team_id=team)

    async def keep_time(self, now: datetime) -> int:
        """Do what the clock asks for."""
        async with self.hand(TIME, now) as hand:
            return await pools.keep_time(hand, 100)

    async def rows(self, statement: str, **given: Any) -> list[RowMapping]:
        """What a query answers."""
        async with self.engine.connect() as connection:
            return list((await connection.execute(text(statement), given)).mappings())

    async def accounts(self, session: UUID) -> Counter[str]:
        """How many slots stand on each account, by the slots themselves."""
        found = await self.rows("select account, count(*) as n from slot where session_id = :id group by 1", id=session)
        return Counter({row["account"]: row["n"] for row in found})

    async def numbers(self, session: UUID, account: str) -> list[int]:
        """The numbers of the slots on an account."""
        asked = "select number from slot where session_id = :id and account = :account order by number"
        return [row["number"] for row in await self.rows(asked, id=session, account=account)]


_LAST = """
    select distinct on (slot_id) slot_id, number, account_into from movement
    where session_id = :id order by slot_id, number desc
"""
_BALANCE = """
    select account, sum(part)::int as n from (
        select account_into as account, 1 as part from movement where session_id = :id
        union all select account_from, -1 from movement where session_id = :id) as parts
    group by 1 having sum(part) <> 0
"""


async def check_ledger(clinic: Clinic, session: UUID) -> Counter[str]:
    """Insist that the ledger adds up: each slot is on one account, where its last movement took it; what came in is
    what stands; taken slots have one standing booking each. Returns the balance, from the ledger alone."""
    balance = Counter({row["account"]: row["n"] for row in await clinic.rows(_BALANCE, id=session)})
    slots = await clinic.rows("select id, moves, account from slot where session_id = :id", id=session)
    assert balance.pop("new", 0) == -len(slots)
    assert min(balance.values(), default=0) >= 0
    assert balance == await clinic.accounts(session)
    last = {row["slot_id"]: (row["number"], row["account_into"]) for row in await clinic.rows(_LAST, id=session)}
    assert last == {row["id"]: (row["moves"], row["account"]) for row in slots}
    standing = await clinic.rows(
        "select slot_id, state from booking where session_id = :id and state in ('held', 'booked')", id=session
    )
    taken = {row["id"]: row["account"] for row in slots if row["account"] in ("held", "booked")}
    assert len(standing) == len(taken)
    assert {row["slot_id"]: row["state"] for row in standing} == taken
    return balance
