"""Nurses and doctors who follow up: their questions, their mutations, and residents who were discharged."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from hub.access import Role, Viewer
from hub.tokens import Keyring
from tests.aftercare import NOW, Course, deliver, known, set_up, sign
from tests.integration.api.conftest import Asker, Clock

NURSE = Viewer(id="n-ding", name="丁若兰", role=Role.NURSE, organisation="dongcheng", team="dongcheng-1")
OTHER = Viewer(id="dr-cen", name="岑怀瑾", role=Role.FAMILY_DOCTOR, organisation="dongcheng", team="dongcheng-2")
SOUTH = Viewer(id="dr-wu", name="邬思齐", role=Role.FAMILY_DOCTOR, organisation="nanshan", team="nanshan-1")
DESK = Viewer(id="desk", name="转诊办", role=Role.HOSPITAL_DESK, organisation="renmin")
PLAIN = Course(slug="leap-day", diagnoses=("K29.5",))
STROKE = Course(slug="stroke", diagnoses=("I63.9",))

PLANS = """query Plans($unaccepted: Boolean! = false, $ended: Boolean! = false) {
  followUpPlans(unaccepted: $unaccepted, ended: $ended) { totalCount edges { node {
    id version state priority hospital hospitalId disposition { zh } basis reason { en } endReason acceptedBy
    request { way days notes } availableActions resident { name }
    followUps { id version number state dueFrom dueUntil latest isOverdue way reason { zh } rule availableActions
      contacts { way reached note } outcome ending } } } } }"""
LIST = """query List($state: FollowUpFilter!, $first: Int!, $after: String) {
  followUps(state: $state, first: $first, after: $after) { totalCount pageInfo { hasNextPage endCursor }
    edges { node { id number dueUntil isOverdue } } } }"""
OFFERS = """{ followUpOffers { edges { node {
  id state name phone address hospital dischargedOn centreId reason { en } availableActions } } } }"""
SHOWN = "... on FollowUpPayload { followUp { state outcome note isOverdue plan { state } availableActions } }"
WHY = "... on Refusal { code where message { en zh } nextStep { en } changesAt }"

As = Callable[[Viewer], Asker]


@pytest.fixture
def clock() -> Clock:
    """The time at which follow-up is told."""
    return Clock(NOW)


@pytest.fixture
def as_(client: httpx.AsyncClient, keyring: Keyring, clock: Clock) -> As:
    """Somebody with a token that holds for a month of the test's clock."""
    return lambda viewer: Asker(client, keyring.issue(viewer, now=clock(), lifetime=timedelta(days=60)))


def mutation(name: str, input_type: str, shown: str = SHOWN) -> str:
    return f"mutation M($input: {input_type}!) {{ {name}(input: $input) {{ __typename {shown} {WHY} }} }}"


ACCEPT = mutation("acceptFollowUpPlan", "AcceptFollowUpPlanInput", "... on FollowUpPlanPayload { plan { state } }")
CONTACT = mutation("recordContact", "RecordContactInput")
COMPLETE = mutation("completeFollowUp", "CompleteFollowUpInput")
MOVE = mutation("rescheduleFollowUp", "RescheduleFollowUpInput", "... on FollowUpPayload { followUp { dueUntil } }")
LOSE = mutation("loseFollowUp", "LoseFollowUpInput")
DECLINE = mutation("declineOffer", "DeclineOfferInput", "... on FollowUpOfferPayload { offer { state } }")


async def do(asker: Asker, query: str, **given: Any) -> dict[str, Any]:
    """What a mutation answers."""
    [answer] = (await asker.ask(query, input=given)).values()
    found: dict[str, Any] = answer
    return found


async def discharged(engine: AsyncEngine, course: Course = PLAIN, team: str = "dongcheng-1") -> UUID:
    """A resident with an agreement, discharged yesterday; their id."""
    await set_up(engine)
    resident = await known(engine, course.slug)
    await sign(engine, resident, team)
    await deliver(engine, [course.a01(), course.a03()])
    return resident


async def first_plan(asker: Asker, **which: bool) -> dict[str, Any]:
    [edge] = (await asker.ask(PLANS, **which))["followUpPlans"]["edges"]
    found: dict[str, Any] = edge["node"]
    return found
