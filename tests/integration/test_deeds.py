"""A change by somebody: all of it or nothing, and the audit trail says which."""

import asyncio
from datetime import UTC, datetime
from uuid import UUID

import pytest
from sqlalchemy import RowMapping, insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncEngine

from hub.access import Role, Viewer
from hub.care.deed import Deed, Errand, carry_out
from hub.errors import Refused, refuse
from hub.ids import new_id
from hub.store import log
from hub.tables import audit, event, history, organisation

NURSE = Viewer(id="nurse", name="护士", role=Role.NURSE, organisation="centre-1", team="team-1")
NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
SUBJECT = UUID(int=7)


def errand(operation: str = "doSomething") -> Errand:
    return Errand(viewer=NURSE, operation=operation, now=NOW, address="127.0.0.1")


async def audited(engine: AsyncEngine) -> list[RowMapping]:
    async with engine.connect() as connection:
        return list((await connection.execute(select(audit).order_by(audit.c.id))).mappings())


async def count(engine: AsyncEngine, table: str) -> int:
    async with engine.connect() as connection:
        return int(await connection.scalar(text(f"select count(*) from {table}")) or 0)


async def open_centre(deed: Deed, name: str = "东城社区") -> str:
    deed.check_role("open a centre", Role.NURSE)
    row = {"id": "centre-1", "name": name, "kind": "community-health-centre"}
    await deed.connection.execute(insert(organisation).values(row))
    deed.hand.step("agreement", SUBJECT, "sign", "", "in-force", note="电话")
    deed.hand.tell("agreement-changed", SUBJECT, audience=["team:team-1", None])
    return name


async def test_a_change_leaves_history_an_event_and_an_audit_row_that_names_it(engine: AsyncEngine) -> None:
    assert await carry_out(engine, errand(), open_centre) == "东城社区"
    async with engine.connect() as connection:
        (step,) = await log.list_history(connection, SUBJECT)
        (told,) = (await connection.execute(select(event))).mappings()
    assert (step["act"], step["before"], step["after"], step["by"], step["role"]) == (
        *("sign", "", "in-force"),
        *("nurse", "nurse"),
    )
    assert (step["at"], step["note"]) == (NOW, "电话")
    assert (told["kind"], told["subject"], told["audience"]) == ("agreement-changed", SUBJECT, ["team:team-1"])
    (row,) = await audited(engine)
    assert (row["operation"], row["decision"], row["rule"]) == ("doSomething", "allowed", "role:nurse")
    assert row["changes"] == [f"agreement {SUBJECT} sign: >in-force"]


async def test_a_refusal_rolls_the_change_back_and_its_audit_row_stands(engine: AsyncEngine) -> None:
    async def do(deed: Deed) -> None:
        await open_centre(deed)
        raise refuse("changed-meanwhile", what="agreement", found="2", asked="1")

    with pytest.raises(Refused):
        await carry_out(engine, errand(), do)
    assert [await count(engine, table) for table in ("organisation", "history", "event")] == [0, 0, 0]
    (row,) = await audited(engine)
    assert (row["decision"], row["rule"], row["changes"]) == ("refused", "refused:changed-meanwhile", [])


async def test_a_role_that_does_not_do_such_things_is_refused_before_anything_is_done(engine: AsyncEngine) -> None:
    async def do(deed: Deed) -> None:
        deed.check_role("keep the directory", Role.ADMINISTRATOR)
        raise AssertionError("not reached")

    with pytest.raises(Refused) as refused:
        await carry_out(engine, errand(), do)
    assert refused.value.refusal.code == "may-not-change"
    assert "administrator" in refused.value.refusal.next_step()
    assert (await audited(engine))[0]["rule"] == "role-does-not"


async def test_a_fault_of_ours_leaves_nothing_behind_but_the_attempt(engine: AsyncEngine) -> None:
    async def do(deed: Deed) -> None:
        await open_centre(deed)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await carry_out(engine, errand(), do)
    assert [await count(engine, table) for table in ("organisation", "history")] == [0, 0]
    (row,) = await audited(engine)
    assert (row["operation"], row["decision"], row["rule"]) == ("doSomething", "refused", "failed:internal")


async def test_nobody_sees_a_deadlock(engine: AsyncEngine) -> None:
    keys = ["a", "b"]
    async with engine.begin() as connection:
        for key in keys:
            await connection.execute(insert(organisation).values(id=key, name=key, kind="other"))
    met = asyncio.Barrier(2)
    tries = 0

    async def rename(deed: Deed, order: list[str]) -> None:
        nonlocal tries
        tries += 1
        for place, key in enumerate(order):
            changed = update(organisation).where(organisation.c.id == key)
            await deed.connection.execute(changed.values(phone=str(new_id())))
            if place == 0 and tries <= 2:
                await met.wait()

    await asyncio.gather(
        carry_out(engine, errand("first"), lambda deed: rename(deed, keys)),
        carry_out(engine, errand("second"), lambda deed: rename(deed, keys[::-1])),
    )
    assert tries >= 3  # one of them saw a deadlock, and may see another on a busy machine
    assert sorted(row["operation"] for row in await audited(engine)) == ["first", "second"]


async def test_the_history_cannot_be_rewritten(engine: AsyncEngine) -> None:
    await carry_out(engine, errand(), open_centre)
    with pytest.raises(Exception, match="permission denied"):
        async with engine.begin() as connection:
            await connection.execute(update(history).values(note="anders"))
