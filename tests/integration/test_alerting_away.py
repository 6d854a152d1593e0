"""What is nobody's silence, and failures that are no source's."""

from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncEngine

from hub.alerts import Kind
from tests.integration.test_alerting import DAY, MINUTE, NOW, Watch, awake, come, every, home, only

HIS = "renmin-his"

__all__ = ["home"]


async def test_what_did_not_come_while_the_hub_was_off_is_no_silence(engine: AsyncEngine, home: Path) -> None:
    off = NOW - 180 * MINUTE
    await come(engine, every(10 * MINUTE, NOW - 28 * DAY, off))
    watch = Watch(engine, home, only(Kind.SILENCE), HIS)
    watch.is_awake = True
    await awake(engine, since=NOW - 28 * DAY, until=off)
    assert await watch.look(55) == []
    assert await watch.look(30) == ["60 silence renmin-his began"]


async def test_messages_of_no_profile_that_are_parked_are_told_of(engine: AsyncEngine, home: Path) -> None:
    await come(engine, [NOW - MINUTE] * 30, source="", ended="parked")
    assert await Watch(engine, home, only(Kind.FAILURES)).look(10) == ["0 failures - began"]
