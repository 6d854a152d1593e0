"""Plans and their contacts: delivered, replanned, handed over, cancelled, delivered again; each step in its history."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any
from uuid import UUID

from hub.days import day_of
from hub.followups import (
    FOLLOW_UP_MACHINE,
    PLAN_MACHINE,
    Ending,
    FollowUp,
    FollowUpState,
    Limits,
    Owed,
    Plan,
    PlanState,
    Window,
)
from hub.ids import new_id
from hub.programme.hand import Hand
from hub.programme.happened import SOURCE
from hub.programme.stays import Stay
from hub.store import followups
from hub.store.followups import Cover
from hub.store.records import Row
from hub.transitions import Actor

CHANGED = "follow-up-changed"
_DONE = frozenset({FollowUpState.COMPLETED, FollowUpState.LOST})
_LIMITS = Limits(attempts=0, days=0, ways=frozenset(), put_off_days=0)
"""No limit stands against what the record itself asks for."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """What a stay asks for. `hospital_id` is the hospital's in the directory, as far as it is known there."""

    stay: Stay
    hospital_id: str | None
    owed: Owed
    request: Mapping[str, Any] | None

    def columns(self) -> dict[str, Any]:
        """The plan's columns that follow from it."""
        assert self.stay.ended_at is not None
        return {
            "hospital": self.stay.hospital,
            "hospital_id": self.hospital_id,
            "discharged_at": self.stay.ended_at,
            "disposition": self.stay.disposition,
            "priority": self.owed.priority,
            "basis": self.owed.basis,
            "reason": asdict(self.owed.reason),
            "request": self.request,
            "message_id": self.stay.message_id,
        }


def is_touched(line: Row) -> bool:
    """Whether somebody has done or moved a contact."""
    return line["is_moved"] or line["state"] in _DONE


def is_over(plan: Row, stay: Stay) -> bool:
    """Whether a plan that stands does not stand for this discharge: it was cancelled, or followed another day's."""
    match plan["state"]:
        case PlanState.CANCELLED:
            return True
        case PlanState.COMPLETED:
            return stay.discharged_on > day_of(plan["ended_at"])
    return day_of(plan["discharged_at"]) != stay.discharged_on


async def deliver(hand: Hand, wanted: Wanted, cover: Cover) -> None:
    """A new plan for the team."""
    key = new_id()
    await followups.add_plan(
        hand.connection,
        {
            "id": key,
            "resident_id": wanted.stay.resident_id,
            "encounter_key": wanted.stay.key,
            "agreement_id": cover.agreement_id,
            "team_id": cover.team_id,
            "state": PlanState.DELIVERED,
            "delivered_at": hand.now,
            **wanted.columns(),
        },
    )
    hand.step("plan", key, "deliver", "", PlanState.DELIVERED)
    plan = {"id": key, "resident_id": wanted.stay.resident_id, "team_id": cover.team_id}
    await _fit(hand, plan, [], wanted.owed.windows)
    tell(hand, plan)


async def deliver_again(
    hand: Hand, plan: Row, lines: Sequence[Row], wanted: Wanted, cover: Cover, *, keep: bool
) -> None:
    """A plan that was cancelled comes back. With `keep` and for the same day it is as it was; else it is made anew."""
    same_day = day_of(plan["discharged_at"]) == wanted.stay.discharged_on
    if not wanted.owed.windows:
        return
    if plan["state"] != PlanState.CANCELLED:
        await cancel(hand, plan, lines, Ending.VOID)
        plan = {**plan, "state": PlanState.CANCELLED, "end_reason": Ending.VOID}
        lines = [{**line, "state": _cancelled(line)} for line in lines]
    _step_plan(hand, plan, "deliver-again")
    plan = {**plan, "team_id": cover.team_id}
    await followups.change_plan(
        hand.connection,
        plan["id"],
        **wanted.columns(),
        agreement_id=cover.agreement_id,
        team_id=cover.team_id,
        state=PlanState.DELIVERED,
        delivered_at=hand.now,
        accepted_at=None,
        accepted_by="",
        ended_at=None,
        end_reason="",
    )
    if keep and same_day:
        for line in lines:
            if line["state"] == FollowUpState.CANCELLED and line["outcome"] == plan["end_reason"]:
                await _revive(hand, plan, line)
    else:
        await _fit(hand, plan, lines, wanted.owed.windows)
    tell(hand, plan)


async def keep_up(hand: Hand, plan: Row, lines: Sequence[Row], wanted: Wanted, cover: Cover, *, keep: bool) -> None:
    """Bring an open plan up to what is wanted now. With `keep` somebody has begun with it: its contacts stay."""
    columns = wanted.columns()
    if keep:
        columns |= {"basis": plan["basis"], "reason": plan["reason"]}
    changed = {name: value for name, value in columns.items() if plan[name] != value and name != "message_id"}
    if not keep and not wanted.owed.windows:
        await cancel(hand, plan, lines, Ending.REPLANNED)
        return
    moved = False if keep else await _fit(hand, plan, lines, wanted.owed.windows)
    if changed:
        await followups.change_plan(hand.connection, plan["id"], **changed, message_id=columns["message_id"])
    if changed or moved:
        _step_plan(hand, plan, "replan", note=", ".join(sorted(changed)))
        tell(hand, {**plan, "team_id": cover.team_id})


async def hand_over(hand: Hand, plan: Row, lines: Sequence[Row], cover: Cover) -> None:
    """An open plan goes to the team that now serves the resident; it has to accept it anew."""
    if plan["team_id"] == cover.team_id:
        if plan["agreement_id"] != cover.agreement_id:
            await followups.change_plan(hand.connection, plan["id"], agreement_id=cover.agreement_id)
        return
    _step_plan(hand, plan, "hand-over", note=f"{plan['team_id']} > {cover.team_id}")
    await followups.change_plan(
        hand.connection,
        plan["id"],
        agreement_id=cover.agreement_id,
        team_id=cover.team_id,
        state=PlanState.DELIVERED,
        delivered_at=hand.now,
        accepted_at=None,
        accepted_by="",
    )
    for line in lines:
        if line["state"] not in _DONE:
            await followups.change_follow_up(hand.connection, line["id"], team_id=cover.team_id)
    tell(hand, plan)
    tell(hand, {**plan, "team_id": cover.team_id})


async def cancel(hand: Hand, plan: Row, lines: Sequence[Row], ending: Ending) -> None:
    """End a plan and all of it that is still due."""
    act = "void" if plan["state"] == PlanState.COMPLETED else "cancel"
    _step_plan(hand, plan, act, note=ending)
    for line in lines:
        if line["state"] == FollowUpState.DUE:
            await _cancel_line(hand, line, ending)
    await followups.change_plan(
        hand.connection, plan["id"], state=PlanState.CANCELLED, ended_at=hand.now, end_reason=ending
    )
    tell(hand, plan)


async def complete_if_done(hand: Hand, plan: Row) -> None:
    """A plan of which nothing is due any more is completed."""
    lines = (await followups.list_follow_ups_of(hand.connection, [plan["id"]])).get(plan["id"], [])
    if any(line["state"] == FollowUpState.DUE for line in lines):
        return
    _step_plan(hand, plan, "complete", lines=lines)
    await followups.change_plan(hand.connection, plan["id"], state=PlanState.COMPLETED, ended_at=hand.now)


async def follow(hand: Hand, moving: Sequence[Row], before: UUID, after: UUID) -> None:
    """Plans of `before` go to `after`; one whose stay has a plan there already is ended."""
    there = {row["encounter_key"] for row in moving if row["resident_id"] == after}
    for plan in moving:
        if plan["resident_id"] != before:
            continue
        if plan["encounter_key"] not in there:
            await followups.move_plan(hand.connection, plan["id"], after)
            hand.step("plan", plan["id"], "follow", plan["state"], plan["state"])
            tell(hand, {**plan, "resident_id": after})
        elif plan["ended_at"] is None:
            lines = (await followups.list_follow_ups_of(hand.connection, [plan["id"]])).get(plan["id"], [])
            await cancel(hand, plan, lines, Ending.REPLANNED)


def tell(hand: Hand, plan: Row) -> None:
    """An event for the plan's team."""
    hand.tell(CHANGED, plan["id"], resident_id=plan["resident_id"], audience=[f"team:{plan['team_id']}"])


def actors_of(hand: Hand) -> frozenset[Actor]:
    """As whom a hand brings its news."""
    return frozenset({Actor.MESSAGE if hand.role == SOURCE else Actor.TEAM})


# -- the contacts ----------------------------------------------------------------------------------------------------


async def _fit(hand: Hand, plan: Row, lines: Sequence[Row], windows: Sequence[Window]) -> bool:
    """Let the contacts that nobody has done be these windows, in order. Returns whether anything changed."""
    free = [line for line in lines if line["state"] not in _DONE]
    changed = False
    for line, window in zip(free, windows, strict=False):
        if line["state"] != FollowUpState.DUE or not _is(line, window):
            await _replan(hand, plan, line, window)
            changed = True
    for line in free[len(windows) :]:
        if line["state"] == FollowUpState.DUE:
            await _cancel_line(hand, line, Ending.REPLANNED)
            changed = True
    number = max((line["number"] for line in lines), default=0)
    fresh = [_line(plan, number + at, window) for at, window in enumerate(windows[len(free) :], 1)]
    await followups.add_follow_ups(hand.connection, fresh)
    for line in fresh:
        hand.step("follow-up", line["id"], "deliver", "", FollowUpState.DUE)
    return changed or bool(fresh)


def _line(plan: Row, number: int, window: Window) -> dict[str, Any]:
    return {
        "id": new_id(),
        "plan_id": plan["id"],
        "number": number,
        "team_id": plan["team_id"],
        "resident_id": plan["resident_id"],
        "state": FollowUpState.DUE,
        **_columns(window),
    }


def _columns(window: Window) -> dict[str, Any]:
    return {
        "due_from": window.begin,
        "due_until": window.end,
        "planned_until": window.end,
        "way": window.way,
        "reason": asdict(window.reason),
        "rule": window.rule,
    }


def _is(line: Row, window: Window) -> bool:
    return all(line[name] == value for name, value in _columns(window).items())


async def _replan(hand: Hand, plan: Row, line: Row, window: Window) -> None:
    _step_line(hand, line, "replan")
    await followups.change_follow_up(
        hand.connection,
        line["id"],
        **_columns(window),
        state=FollowUpState.DUE,
        team_id=plan["team_id"],
        outcome="",
        is_moved=False,
    )


async def _revive(hand: Hand, plan: Row, line: Row) -> None:
    _step_line(hand, line, "replan")
    await followups.change_follow_up(
        hand.connection, line["id"], state=FollowUpState.DUE, team_id=plan["team_id"], outcome=""
    )


async def _cancel_line(hand: Hand, line: Row, ending: Ending) -> None:
    _step_line(hand, line, "cancel", note=ending)
    await followups.change_follow_up(hand.connection, line["id"], state=FollowUpState.CANCELLED, outcome=ending)


def _cancelled(line: Row) -> str:
    return FollowUpState.CANCELLED if line["state"] == FollowUpState.DUE else line["state"]


def _step_plan(hand: Hand, row: Row, act: str, *, note: str = "", lines: Sequence[Row] = ()) -> None:
    """The history of a plan's step, as far as its table allows it."""
    plan = Plan(id=row["id"], state=row["state"], follow_ups=tuple(line["state"] for line in lines))
    after = PLAN_MACHINE.check(act, plan, actors_of(hand))
    hand.step("plan", row["id"], act, row["state"], after, note=note)


def _step_line(hand: Hand, row: Row, act: str, *, note: str = "") -> None:
    line = FollowUp(
        id=row["id"],
        state=row["state"],
        due_from=row["due_from"],
        due_until=row["due_until"],
        planned_until=row["planned_until"],
        seen_on=hand.today,
        limits=_LIMITS,
    )
    after = FOLLOW_UP_MACHINE.check(act, line, actors_of(hand))
    hand.step("follow-up", row["id"], act, row["state"], after, note=note)
