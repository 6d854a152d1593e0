"""One durable PostgreSQL a session: what a measurement promises holds with the bytes on disk."""

import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from hub.app import set_up_logs
from hub.postgres import APPLICATION, OWNER, BundledServer, throwaway_server
from hub.settings import Settings
from hub.site import Database
from hub.store.database import migrate, open_engine
from tests.acceptance.hub_process import COUNTY

NewSite = Callable[[], Awaitable[Database]]


@pytest.fixture(scope="session", autouse=True)
def quiet() -> None:
    """Only the table is printed."""
    set_up_logs("error")


@pytest.fixture(scope="session")
def durable_server() -> Iterator[BundledServer]:
    """The bundled server as a site runs it, fsync and all."""
    with throwaway_server(durable=True) as server:
        yield server


@pytest.fixture(scope="session")
async def bench_template(durable_server: BundledServer) -> str:
    """The name of a migrated, empty database."""
    await durable_server.bootstrap()
    await durable_server.create_database("bench")
    await migrate(durable_server.url(OWNER, "bench"))
    return "bench"


@pytest.fixture
async def new_site(durable_server: BundledServer, bench_template: str) -> AsyncIterator[NewSite]:
    """Makes migrated, empty databases; they go when the bench ends."""
    names: list[str] = []

    async def make() -> Database:
        names.append(f"bench_{uuid.uuid4().hex[:12]}")
        await durable_server.create_database(names[-1], bench_template)
        owner, application = (durable_server.url(role, names[-1]) for role in (OWNER, APPLICATION))
        return Database(owner=owner, application=application, name="bench")

    yield make
    for name in names:
        await durable_server.drop_database(name)


@pytest.fixture
async def site(new_site: NewSite) -> Database:
    """A migrated, empty database of this bench's own."""
    return await new_site()


@pytest.fixture
async def engine(site: Database) -> AsyncIterator[AsyncEngine]:
    """An engine of the application role over the bench's database."""
    engine = open_engine(site.application)
    yield engine
    await engine.dispose()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A hub of the county on free ports."""
    return Settings(home=tmp_path, config_dir=COUNTY, http_port=0, mllp_port=0, validate_share=0)
