"""The way to the database: engines, the two roles, migrations."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import orjson
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, NullPool, make_url, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from hub.errors import Refused, refuse

APPLICATION = "hub_app"
_MIGRATIONS = Path(__file__).parent.parent / "migrations"


def open_engine(url: str, *, size: int = 10, role: str = APPLICATION) -> AsyncEngine:
    """An engine whose connections act as the application role, whoever logs in; "" keeps the login's own role.

    The role is a start-up parameter, so that a connection's RESET leads back to it.
    """
    options: dict[str, Any] = {"server_settings": {"application_name": "family-doctor-hub", "timezone": "UTC"}}
    if role:
        options["server_settings"]["role"] = role
    return create_async_engine(
        _async_url(url),
        pool_size=size,
        max_overflow=size,
        connect_args=options,
        hide_parameters=True,  # an error's text may reach a log; the values of a statement must not
        json_serializer=lambda value: orjson.dumps(value).decode(),
        json_deserializer=orjson.loads,
    )


def _async_url(url: str) -> str:
    parsed = make_url(url)
    if parsed.get_backend_name() != "postgresql":
        raise refuse("bad-setting", "HUB_DATABASE_URL", reason="only PostgreSQL is supported")
    return parsed.set(drivername="postgresql+asyncpg").render_as_string(hide_password=False)


async def migrate(url: str) -> str:
    """Bring the database to the newest revision, as the owner; the revision is returned.

    Raises Refused (database-unreachable) where the server cannot be reached or refuses the login.
    """
    async with _unpooled(url) as engine, engine.begin() as connection:
        await connection.execute(text("select pg_advisory_xact_lock(7262)"))  # two migrations wait for each other
        await connection.run_sync(_with_alembic(lambda config: command.upgrade(config, "head")))
    return newest_revision()


async def check_migrated(engine: AsyncEngine) -> None:
    """Raises Refused (unmigrated-database) where the database is not at this program's revision."""
    try:
        async with engine.connect() as connection:
            found = await connection.run_sync(_revision)
    except (TimeoutError, OSError, DBAPIError) as fault:
        raise _unreachable(fault) from None
    if found != newest_revision():
        raise refuse("unmigrated-database", "HUB_DATABASE_URL", found=found or "none", needed=newest_revision())


async def check_role(engine: AsyncEngine) -> None:
    """Raises Refused (no-application-role) where the login may not act as the application."""
    try:
        async with engine.connect() as connection:
            await connection.execute(text("select 1"))
    except (OSError, DBAPIError) as fault:
        raise refuse("no-application-role", "HUB_DATABASE_URL", role=APPLICATION) from fault


def newest_revision() -> str:
    """The revision that this program needs."""
    return ScriptDirectory.from_config(_config()).get_current_head() or ""


def _revision(connection: Connection) -> str:
    exists = connection.execute(text("select to_regclass('alembic_version')")).scalar()
    if exists is None:
        return ""
    return str(connection.execute(text("select version_num from alembic_version")).scalar() or "")


@asynccontextmanager
async def _unpooled(url: str) -> AsyncIterator[AsyncEngine]:
    engine = create_async_engine(_async_url(url), poolclass=NullPool)
    try:
        yield engine
    except (TimeoutError, OSError) as fault:
        raise _unreachable(fault) from None
    except DBAPIError as fault:
        reason = str(fault.orig).partition(": ")[2].splitlines()[:1] or [type(fault).__name__]
        raise refuse("migration-refused", "HUB_OWNER_DATABASE_URL", reason=reason[0]) from None
    finally:
        await engine.dispose()


def _unreachable(fault: BaseException) -> Refused:
    """The kind of fault only: a driver's message may hold the URL with its password."""
    cause = getattr(fault, "orig", None) or fault
    name = type(getattr(cause, "__cause__", None) or cause).__name__
    return refuse("database-unreachable", "HUB_DATABASE_URL", reason=name)


def _with_alembic(run: Callable[[Config], None]) -> Callable[[Connection], None]:
    def go(connection: Connection) -> None:
        config = _config()
        config.attributes["connection"] = connection
        run(config)

    return go


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    config.set_main_option("path_separator", "os")
    return config
