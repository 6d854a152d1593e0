"""A hub is ready where it can keep messages, and only there."""

import pytest
from sqlalchemy import make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from hub.app import _ready
from hub.store.database import APPLICATION
from tests.conftest import Urls
from tests.desk import rows


async def test_a_hub_that_can_keep_is_ready_and_the_question_leaves_nothing(engine: AsyncEngine) -> None:
    assert await _ready(engine) == 0
    assert await rows(engine, "select * from watermark") == []


async def test_a_database_that_takes_no_rows_is_not_ready(database: Urls) -> None:
    url = make_url(database.application).set(drivername="postgresql+asyncpg")
    given = {"role": APPLICATION, "default_transaction_read_only": "on"}
    engine = create_async_engine(url, connect_args={"server_settings": given})
    try:
        with pytest.raises(DBAPIError, match="read-only"):
            await _ready(engine)
    finally:
        await engine.dispose()
