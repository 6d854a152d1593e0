"""A rush on a real hub: 300 clients over HTTP for 60 slots. No slot twice, none lost, and every loser is told why."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from hub.tokens import Keyring
from tests.acceptance.hub_process import HubProcess, serving
from tests.conftest import Urls
from tests.rush import Crowd, Rush, crowd, set_up
from tests.sessions import Clinic, check_ledger, weihai

CLIENTS, SLOTS, RESERVED = 300, 200, 60


@dataclass(frozen=True, slots=True)
class Scene:
    """A hub that serves, its clinic, and who wants what."""

    hub: HubProcess
    clinic: Clinic
    rush: Rush
    crowd: Crowd


@pytest.fixture
async def scene(engine: AsyncEngine, database: Urls, tmp_path: Path) -> AsyncIterator[Scene]:
    clinic = Clinic(engine, weihai())
    home = tmp_path / "home"
    rush = await set_up(clinic, Keyring.open(home / "keys"), clients=CLIENTS, total=SLOTS, reserved=RESERVED)
    with serving(home, database.application, "api", HUB_REGION="weihai-2023") as hub:
        async with crowd() as clients:
            yield Scene(hub, clinic, rush, clients)


async def session_of(clinic: Clinic) -> UUID:
    (row,) = await clinic.rows("select id from session")
    found: UUID = row["id"]
    return found


async def test_three_hundred_clients_share_sixty_slots(scene: Scene) -> None:
    found = await scene.crowd.carry(scene.rush, scene.hub.http_port)
    assert found.outcomes == {"BOOKED": RESERVED, "pool-taken": CLIENTS - RESERVED}
    assert found.clauses == ["weihai-2023 四(三)"]
    assert len(set(found.bookings)) == RESERVED
    balance = await check_ledger(scene.clinic, await session_of(scene.clinic))
    assert balance == {"booked": RESERVED, "public": SLOTS - RESERVED}
    (counts,) = await scene.clinic.rows(
        """select count(*) as bookings, count(distinct slot_id) as slots, count(distinct resident_id) as people
           from booking"""
    )
    assert dict(counts) == {"bookings": RESERVED, "slots": RESERVED, "people": RESERVED}
    rows = await scene.clinic.rows("select decision, count(*) as n from audit group by 1")
    assert {row["decision"]: row["n"] for row in rows} == {
        "allowed": 2 * RESERVED,
        "refused": CLIENTS - RESERVED,
    }
