"""People who decide who is whom, and what waits for them."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncEngine

from hub.access import Role, Viewer
from hub.care import matching
from hub.care.deed import Deed, Errand, carry_out
from hub.ids import new_id
from hub.programme.discharges import Discharges
from hub.store import reviews
from tests.aftercare import ladder
from tests.desk import rows

T = TypeVar("T")

STEWARD = Viewer(id="steward", name="主索引管理员", role=Role.ADMINISTRATOR)
NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
FOLLOW_UP = Discharges(ladder=ladder(), organisations={})


async def deed(engine: AsyncEngine, do: Callable[[Deed], Awaitable[T]], viewer: Viewer = STEWARD) -> T:
    """Something that somebody decides."""
    return await carry_out(engine, Errand(viewer=viewer, operation="decideMatch", now=NOW), do)


async def patients(engine: AsyncEngine) -> list[UUID]:
    """The sources' patients, in the order in which they became known; the hub's own left out."""
    return [row["id"] for row in await rows(engine, "select id from patient where source <> 'hub' order by id")]


async def standing(engine: AsyncEngine) -> list[int]:
    """For whom each patient stands, as the place of that resident among all that were ever opened."""
    residents = [row["id"] for row in await rows(engine, "select id from resident order by id")]
    links = {
        row["patient_id"]: row["resident_id"]
        for row in await rows(engine, "select patient_id, resident_id from link where until is null")
    }
    return [residents.index(links[one]) for one in await patients(engine)]


async def review(engine: AsyncEngine, one: UUID, other: UUID) -> UUID:
    """A review of two patients, as the matcher opens it; its id."""
    key = new_id()
    (letter,) = await rows(engine, "select id from message order by id limit 1")
    weights = [{"bits": 7.5, "zh": "姓名相同。", "en": "Same name."}]
    row = {"id": key, "patient_id": one, "other_id": other, "grade": "possible", "score": 7.5, "weights": weights}
    async with engine.begin() as connection:
        await reviews.open_all(connection, [{**row, "message_id": letter["id"]}])
    return key


async def decide(engine: AsyncEngine, key: UUID, *, is_same: bool, viewer: Viewer = STEWARD) -> matching.Outcome:
    """Decide on a review."""
    return await deed(
        engine,
        lambda one: matching.decide(one, key, is_same=is_same, reason="已当面核对", follow_up=FOLLOW_UP),
        viewer,
    )


async def part(engine: AsyncEngine, patient: UUID, **more: Any) -> matching.Outcome:
    """Part a patient from its resident."""
    reason = more.pop("reason", "电话核实，并非本人")
    return await deed(engine, lambda one: matching.part(one, patient, reason=reason, follow_up=FOLLOW_UP), **more)


async def undo(engine: AsyncEngine, verdict: UUID, **more: Any) -> matching.Outcome:
    """Take a decision back."""
    return await deed(engine, lambda one: matching.undo(one, verdict, reason="判定有误", follow_up=FOLLOW_UP), **more)
