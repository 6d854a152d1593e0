"""The second part of the demo: what happens today. A discharge reaches its team, a nurse completes the visit, a
referral goes up with a booked slot and is closed by the hospital's own messages.

The hospital speaks over MLLP and HTTP; teams and the hospital's desk work over GraphQL, and each document is shown.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from rich.console import Console

from fixtures.county import people, profiles
from fixtures.county.today import DISCHARGED, REFERRED, UNSIGNED, Today
from fixtures.hospital import Engine
from hub.access import Role
from hub.app import Running
from hub.days import day_of
from hub.demo import documents
from hub.demo.asking import FrontEnd, Refused
from hub.demo.cast import HOSPITAL, base_of, desk, front_end, front_ends, sender, token_of
from hub.demo.shown import tell_question

_PATIENCE = 30.0
"""Seconds that one thing may take to become visible."""
DEPARTMENT = "内分泌科"
Scene = Callable[["Stage"], Awaitable[None]]


class Stage:
    """What the scenes play on."""

    def __init__(self, console: Console, up: Running, language: str) -> None:
        tokens = {name: token_of(up, sender(name)) for name in profiles()}
        self.console = console
        self.language = language
        self.today = Today(began_at=datetime.now(UTC))
        self.hospital = Engine(base=base_of(up), host=up.hub.settings.bind, mllp_port=up.mllp_port, tokens=tokens)
        self.doctor = front_ends(up, Role.FAMILY_DOCTOR)[0]
        self.nurse = front_ends(up, Role.NURSE)[0]
        self.desk = front_end(up, desk())

    def say(self, zh: str, en: str) -> None:
        """A line of the story."""
        self.console.print(f"[bold]{zh}[/bold]\n{en}")

    async def ask(self, who: FrontEnd, document: str, **variables: Any) -> Any:
        """Ask, and show the question with its answer."""
        answer = await who.ask(document, variables)
        tell_question(self.console, document, answer)
        return answer

    async def change(self, who: FrontEnd, document: str, **given: Any) -> Any:
        """Change something, and show how. Raises Refused."""
        changed = await who.change(document, **given)
        tell_question(self.console, document, changed)
        return changed


async def tell_today(console: Console, up: Running, language: str) -> Sequence[str]:
    """Play today's scenes; what did not come about, a line each."""
    console.rule("今天 · Today")
    stage = Stage(console, up, language)
    wrong = []
    for scene in (_sessions, _discharge, _offer, _referral):
        try:
            async with asyncio.timeout(_PATIENCE * 2):
                await scene(stage)
        except (Refused, RuntimeError, LookupError, TimeoutError, AssertionError) as fault:
            wrong.append(f"today: {scene.__name__.strip('_')}: {type(fault).__name__} {fault}")
    return wrong


async def _sessions(stage: Stage) -> None:
    stage.say("医院发布未来两周的号源。", "The hospitals publish two weeks of sessions, as CSV and as FHIR.")
    for sending in stage.today.sessions():
        (answer,) = await stage.hospital.send(sending)
        stage.console.print(f"  {sending.slug}: {getattr(answer, 'status', '')}")


async def _discharge(stage: Stage) -> None:
    name = people()[DISCHARGED].name
    async with stage.nurse.following(documents.FOLLOW) as changes:
        admitted, discharged = stage.today.stay()
        await stage.hospital.send(admitted)
        sent = time.perf_counter()
        await stage.hospital.send(discharged)
        plan = await _next_plan(changes, name)
        took = time.perf_counter() - sent
    stage.say(
        f"{name}出院：A03 发出 {took * 1000:.0f} 毫秒后，随访计划到达签约团队。",
        f"A discharge: {took * 1000:.0f} ms after the A03 was sent the plan reaches the team's subscription.",
    )
    tell_question(stage.console, documents.FOLLOW, plan, most=40)
    first = plan["followUps"][0]["id"]
    await stage.change(stage.nurse, documents.ACCEPT_PLAN, planId=plan["id"])
    contact = {"way": "TELEPHONE", "reached": True, "note": "居民希望今日上门"}
    await stage.change(stage.nurse, documents.RECORD_CONTACT, followUpId=first, **contact)
    today = day_of(stage.today.began_at).isoformat()
    sooner = {"dueFrom": today, "dueUntil": today, "reason": "居民希望提前，今日上门"}
    await stage.change(stage.nurse, documents.RESCHEDULE, followUpId=first, **sooner)
    measured = [{"kind": "SYSTOLIC", "value": 136}, {"kind": "DIASTOLIC", "value": 82}]
    done = {"outcome": "SATISFIED", "way": "HOME", "note": "服药规律", "measurements": measured}
    changed = await stage.change(stage.nurse, documents.COMPLETE, followUpId=first, **done)
    message = changed["messageId"]
    answer = await _soon(lambda: _measured(stage.nurse, plan["resident"]["id"], message))
    stage.say("护士测得的血压已进入居民档案。", "What the nurse measured stands in the record.")
    tell_question(stage.console, documents.MEASURED, answer)


async def _next_plan(changes: AsyncIterator[Any], name: str) -> Any:
    async for change in changes:
        if change["plan"]["state"] == "DELIVERED" and change["plan"]["resident"]["name"] == name:
            return change["plan"]
    raise LookupError("the subscription ended before the plan came")


async def _measured(nurse: FrontEnd, resident: str, message: str) -> Any:
    found = await nurse.ask(documents.MEASURED, {"id": resident})
    edges = found["resident"]["record"]["observations"]["edges"]
    return (
        found if any(origin["messageId"] == message for edge in edges for origin in edge["node"]["origins"]) else None
    )


async def _offer(stage: Stage) -> None:
    name = people()[UNSIGNED].name
    await stage.hospital.send(*stage.today.stay_of_the_unsigned())

    async def offered() -> Any:
        found = await stage.doctor.ask(documents.OFFERS)
        return found if any(edge["node"]["name"] == name for edge in found["followUpOffers"]["edges"]) else None

    answer = await _soon(offered)
    stage.say(
        f"{name}未签约：出院后进入社区中心的待签约名单，只有联系方式。",
        "A discharge without an agreement: the community centre is offered contact data, and nothing else.",
    )
    tell_question(stage.console, documents.OFFERS, answer)


async def _referral(stage: Stage) -> None:
    resident = await _resident_of(stage.doctor, people()[REFERRED].name)
    booking = await _held(stage, resident)
    stage.say("家庭医生用锁定的专家号转诊。", "The family doctor refers up, with the slot that is held.")
    sent = await stage.change(
        stage.doctor,
        documents.SEND,
        residentId=resident,
        toOrganisationId=HOSPITAL,
        reason="空腹血糖控制不佳三月余，请专科评估治疗方案",
        impression="2 型糖尿病",
        department=DEPARTMENT,
        bookingId=booking,
    )
    await stage.ask(stage.desk, documents.WORKLIST)
    await stage.change(stage.desk, documents.ACCEPT_REFERRAL, id=sent["id"])
    admitted_at = datetime.now(UTC)
    await stage.hospital.send(stage.today.referred_admission(admitted_at))
    await _soon(lambda: _in_state(stage.doctor, sent["id"], "ARRIVED"))
    await stage.hospital.send(stage.today.referred_discharge(admitted_at, datetime.now(UTC)))
    closed = await _soon(lambda: _in_state(stage.doctor, sent["id"], "CLOSED"))
    stage.say(
        "医院自己的 A01、A03 消息推动转诊：已到院，已结束。每一步都有凭证。",
        "The hospital's own A01 and A03 moved the referral: arrived, closed; the messages are its witnesses.",
    )
    tell_question(stage.console, documents.REFERRAL, closed, most=60)
    down = await _soon(lambda: _came_down(stage.doctor, sent["id"]))
    stage.say("离院方式 3：医院下转，回到社区。", "离院方式 3 opened the referral down, back to the community.")
    tell_question(stage.console, documents.CAME_DOWN, down)


async def _resident_of(doctor: FrontEnd, name: str) -> str:
    """One of the doctor's own residents, by name."""
    after = None
    while True:
        page = (await doctor.ask(documents.RESIDENTS, {"after": after}))["residents"]
        for edge in page["edges"]:
            if edge["node"]["name"] == name:
                return str(edge["node"]["id"])
        if not page["pageInfo"]["hasNextPage"]:
            raise LookupError(name)
        after = page["pageInfo"]["endCursor"]


async def _held(stage: Stage, resident: str) -> str:
    """A held slot of the first session that still has one for this resident."""
    pools = (await stage.ask(stage.doctor, documents.POOLS, department=DEPARTMENT))["slotPools"]["edges"]
    for pool in (edge["node"] for edge in pools if edge["node"]["bookable"]):
        try:
            held = await stage.change(stage.doctor, documents.HOLD, slotPoolId=pool["id"], residentId=resident)
        except Refused:  # booked for the same resident by an earlier run: the next session
            continue
        return str(held["id"])
    raise LookupError("no session has a slot for the team")


async def _in_state(doctor: FrontEnd, referral: str, state: str) -> Any:
    found = await doctor.ask(documents.REFERRAL, {"id": referral})
    return found if found["referral"]["state"] == state else None


async def _came_down(doctor: FrontEnd, referral: str) -> Any:
    found = await doctor.ask(documents.CAME_DOWN)
    return found if any(edge["node"]["previousId"] == referral for edge in found["referrals"]["edges"]) else None


async def _soon(look: Callable[[], Awaitable[Any]]) -> Any:
    """What `look` finds, as soon as it finds something. Raises TimeoutError."""
    async with asyncio.timeout(_PATIENCE):
        while (found := await look()) is None:  # noqa: ASYNC110 - a front end can only ask again
            await asyncio.sleep(0.05)
    return found
