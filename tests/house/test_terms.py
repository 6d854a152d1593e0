"""Whatever a refusal may name has a Chinese name."""

import re
from pathlib import Path

import pytest

import hub.care
from hub.access import Role
from hub.docs.states import MACHINES
from hub.errors import Refusal
from hub.wordings.terms import TERMS

TASK = re.compile(r"""(?:check_role\(|may_act\([\w.]+, )"([^"]+)\"""")


@pytest.mark.parametrize("machine", MACHINES.values(), ids=list(MACHINES))
def test_every_state_and_act_of_a_table_has_a_chinese_name(machine: object) -> None:
    words = {machine.name, *machine.states, *(one.act for one in machine.moves)}  # type: ignore[attr-defined]
    assert {str(word) for word in words} <= set(TERMS)


def test_every_role_and_task_has_a_chinese_name() -> None:
    files = Path(hub.care.__file__).parent.glob("*.py")
    tasks = {task for file in files for task in TASK.findall(file.read_text("utf-8"))}
    assert len(tasks) > 10
    assert {*tasks, *(role.value for role in Role)} <= set(TERMS)


def test_a_refusal_speaks_each_language_throughout() -> None:
    given = {"what": "booking", "act": "confirm", "state": "cancelled", "possible": "held, new"}
    refusal = Refusal(code="not-in-this-state", given=given)
    assert refusal.message("en") == "This booking is cancelled: to confirm it, it would have to be held, new."
    assert refusal.message("zh") == "该预约当前为“已取消”；要确认，须为“已锁定、新建”。"
