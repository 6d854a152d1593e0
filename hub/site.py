"""The site's database: a server of its own by URL, or the bundled one under `HUB_HOME`."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from hub.postgres import APPLICATION, OWNER, BundledServer, find_running, url_at
from hub.settings import Settings
from hub.store.database import check_migrated, check_role, migrate, open_engine


@dataclass(frozen=True, kw_only=True, slots=True)
class Database:
    """How the owner and the application reach the database, and what to call it to people (never with a password)."""

    owner: str
    application: str
    name: str
    is_running: Callable[[], bool] = lambda: True
    """Whether the server still runs, as far as that is ours to know: the bundled one's process."""

    async def check(self) -> None:
        """Raises Refused (unmigrated-database, database-unreachable, no-application-role).

        First asked as the login that was given: before the first migration the application's role need not exist.
        """
        for role, check in (("", check_migrated), (APPLICATION, check_role)):
            engine = open_engine(self.application, size=1, role=role)
            try:
                await check(engine)
            finally:
                await engine.dispose()

    def migrate(self) -> str:
        """Bring the tables up to this program; returns the revision. Raises Refused."""
        return asyncio.run(migrate(self.owner))


@contextmanager
def open_database(settings: Settings, *, shared: bool = False) -> Iterator[Database]:
    """The database while a command runs; the bundled server is started if need be.

    Where another command of this home runs that server already, a short command (`shared`) may use it; one that serves
    may not, since the server ends with whoever started it. Call from the main thread, outside any event loop. Raises
    Refused.
    """
    if settings.database_url:
        owner = settings.owner_database_url or settings.database_url
        yield Database(owner=owner, application=settings.database_url, name="HUB_DATABASE_URL")
        return
    home = settings.home.absolute()
    if shared and (running := find_running(home)):
        yield Database(owner=url_at(running, OWNER), application=url_at(running, APPLICATION), name=f"bundled, {home}")
        return
    with BundledServer(home) as server:
        asyncio.run(server.bootstrap())
        yield Database(
            owner=server.url(OWNER),
            application=server.url(APPLICATION),
            name=f"bundled, {home}",
            is_running=lambda: server.process_id is not None,
        )
