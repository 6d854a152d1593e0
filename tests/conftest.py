"""One throw-away PostgreSQL a session; a fresh copy of the migrated database a test that asks for it.

`HUB_TEST_DATABASE_URL` names another server (15 or newer) whose login may create databases and roles.
"""

import os
import uuid
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Protocol

import asyncpg
import pytest
from sqlalchemy import make_url
from sqlalchemy.ext.asyncio import AsyncEngine

from hub.postgres import APPLICATION, OWNER, BundledServer, throwaway_server
from hub.store.database import migrate, open_engine


class Server(Protocol):
    """What tests need of a PostgreSQL server."""

    async def create_database(self, name: str, template: str | None = None) -> None: ...
    async def drop_database(self, name: str) -> None: ...
    def urls(self, name: str) -> "Urls": ...


@dataclass(frozen=True, slots=True)
class Urls:
    """How the owner and the application reach one database."""

    owner: str
    application: str


@dataclass(frozen=True, slots=True)
class Bundled:
    """The bundled server, as tests see it."""

    server: BundledServer

    async def create_database(self, name: str, template: str | None = None) -> None:
        await self.server.create_database(name, template)

    async def drop_database(self, name: str) -> None:
        await self.server.drop_database(name)

    def urls(self, name: str) -> Urls:
        return Urls(self.server.url(OWNER, name), self.server.url(APPLICATION, name))


@dataclass(frozen=True, slots=True)
class Foreign:
    """A server of somebody else's, under one login."""

    url: str

    async def create_database(self, name: str, template: str | None = None) -> None:
        await self._run(f'create database "{name}"' + (f' template "{template}"' if template else ""))

    async def drop_database(self, name: str) -> None:
        await self._run(f'drop database if exists "{name}" with (force)')

    def urls(self, name: str) -> Urls:
        url = make_url(self.url).set(database=name).render_as_string(hide_password=False)
        return Urls(url, url)

    async def _run(self, statement: str) -> None:
        plain = make_url(self.url).set(drivername="postgresql").render_as_string(hide_password=False)
        connection = await asyncpg.connect(plain)
        try:
            await connection.execute(statement)
        finally:
            await connection.close()


@pytest.fixture(scope="session")
def bundled_server() -> Iterator[BundledServer | None]:
    """Started from the main thread, outside any event loop; None where another server is named."""
    if os.environ.get("HUB_TEST_DATABASE_URL"):
        yield None
        return
    with throwaway_server() as server:
        yield server


@pytest.fixture(scope="session")
async def server(bundled_server: BundledServer | None) -> Server:
    if bundled_server is None:
        return Foreign(os.environ["HUB_TEST_DATABASE_URL"])
    await bundled_server.bootstrap()
    return Bundled(bundled_server)


@pytest.fixture(scope="session")
async def template(server: Server) -> AsyncIterator[str]:
    """The name of a migrated, empty database."""
    name = f"template_{uuid.uuid4().hex[:12]}"
    await server.create_database(name)
    await migrate(server.urls(name).owner)
    yield name
    await server.drop_database(name)


@pytest.fixture
async def database(server: Server, template: str) -> AsyncIterator[Urls]:
    """The addresses of a migrated, empty database of this test's own."""
    name = f"test_{uuid.uuid4().hex[:12]}"
    await server.create_database(name, template)
    yield server.urls(name)
    await server.drop_database(name)


@pytest.fixture
async def engine(database: Urls) -> AsyncIterator[AsyncEngine]:
    """An engine of the application role."""
    engine = open_engine(database.application)
    yield engine
    await engine.dispose()
