"""The database: migrations, the two roles."""

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from hub.errors import Refused
from hub.store.database import check_migrated, migrate, newest_revision, open_engine
from hub.tables import APPEND_ONLY, metadata
from tests.conftest import Server, Urls


async def test_the_migrations_make_what_tables_declares(engine: AsyncEngine) -> None:
    async with engine.connect() as connection:
        differences = await connection.run_sync(
            lambda sync: compare_metadata(
                MigrationContext.configure(sync, opts={"compare_server_default": False, "include_name": _is_ours}),
                metadata,
            )
        )
    assert differences == []


def _is_ours(name: str | None, kind: str, _: object) -> bool:
    """The months of `body` are not declared one by one."""
    return not (kind == "table" and str(name).startswith("body_"))


async def test_migrating_twice_changes_nothing(database: Urls) -> None:
    assert await migrate(database.owner) == newest_revision()
    assert await migrate(database.owner) == newest_revision()


@pytest.mark.parametrize("table", [table.name for table in APPEND_ONLY])
@pytest.mark.parametrize("change", ["update {} set {} = {}", "delete from {}", "truncate {}"])
async def test_the_application_role_cannot_alter_what_was_written(engine: AsyncEngine, table: str, change: str) -> None:
    column = metadata.tables[table].columns.values()[-1].name
    async with engine.connect() as connection:
        with pytest.raises(DBAPIError, match="permission denied"):
            await connection.execute(text(change.format(table, column, column)))


async def test_a_reset_does_not_lead_out_of_the_application_role(engine: AsyncEngine) -> None:
    async with engine.connect() as connection:
        await connection.execute(text("reset role"))
        assert await connection.scalar(text("select current_user")) == "hub_app"


async def test_an_unmigrated_database_is_refused_with_what_to_run(server: Server) -> None:
    name = "unmigrated"
    await server.create_database(name)
    engine = open_engine(server.urls(name).owner, role="")
    try:
        with pytest.raises(Refused) as refused:
            await check_migrated(engine)
    finally:
        await engine.dispose()
        await server.drop_database(name)
    assert refused.value.refusal.code == "unmigrated-database"
    assert "hub migrate" in refused.value.refusal.next_step()


async def test_an_unreachable_database_is_refused_without_its_password() -> None:
    engine = open_engine("postgresql://hub:secret@127.0.0.1:1/hub")
    with pytest.raises(Refused) as refused:
        await check_migrated(engine)
    await engine.dispose()
    assert refused.value.refusal.code == "database-unreachable"
    assert "secret" not in str(refused.value)
