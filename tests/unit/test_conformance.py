"""Conformance checks go on, whatever a check meets."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from unittest.mock import AsyncMock, patch

import pytest
from sqlalchemy.ext.asyncio import create_async_engine
from structlog.testing import capture_logs

from hub import conformance
from hub.conformance import Conformance
from hub.ids import new_id
from hub.message import Format, Message, Transport
from hub.record import Json, Reading

MESSAGE = Message(
    id=new_id(),
    source="his",
    transport=Transport.MLLP,
    format=Format.HL7V2,
    raw=b"MSH",
    received_at=datetime(2026, 1, 5, tzinfo=UTC),
)


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conformance, "_PAUSE", 0.01)


async def test_a_check_that_fails_ends_neither_loop_and_leaves_no_text_in_the_log() -> None:
    met: list[str] = []

    async def check(message: Message) -> Sequence[Json]:
        met.append("check")
        raise RuntimeError("测试甲")

    async def validate(resource: Json) -> Json | None:
        met.append("validate")
        raise RuntimeError("测试甲")

    engine = create_async_engine("postgresql+asyncpg://nobody@127.0.0.1:1/none")
    checking = Conformance(engine, check, validate, 1.0)
    with (
        capture_logs() as logs,
        patch.object(conformance, "_resources", lambda _: [{"resourceType": "Patient"}]),
        patch.object(checking, "_inspect_some", lambda: checking._findings_of(MESSAGE)),
    ):
        checking.start()
        for _ in range(2):
            checking.offer(MESSAGE, AsyncMock(spec=Reading))
        await asyncio.sleep(0.3)
        assert not any(task.done() for task in checking._tasks)
        await checking.stop()
    assert met.count("validate") == 2
    assert met.count("check") >= 2
    assert "测试甲" not in str(logs)
    await engine.dispose()


async def test_a_database_that_is_away_does_not_end_the_inspection() -> None:
    engine = create_async_engine("postgresql+asyncpg://nobody@127.0.0.1:1/none")
    checking = Conformance(engine, AsyncMock(), AsyncMock(), 0)
    checking.start()
    await asyncio.sleep(0.2)
    assert not any(task.done() for task in checking._tasks)
    await checking.stop()
    await engine.dispose()
