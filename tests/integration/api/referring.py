"""Asking the API about referrals."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from hub.access import Viewer
from hub.tokens import Keyring
from tests.integration.api.conftest import Asker, Clock
from tests.integration.referring import DAY, ONE_DAY, County

REFERRAL = """
fragment R on Referral { id number direction state stateLabel { zh en } stateReason urgency reason version residentId
  from { organisationId team } to { organisationId teamId } outcome reply { advice } availableActions
  previousId planId booking { bookingId state startsAt } resident { name } priority { label { zh } clause }
  summary { person { name } conditions { lines { display organisations } leftOut } handover { advice } }
  history { act before after by role note messageId } }
"""
SEND = """mutation S($input: SendReferralInput!) { sendReferral(input: $input) {
  ... on ReferralPayload { referral { ...R } } ... on Refusal { code where message { zh } nextStep { en } } } }"""
SEND_DOWN = SEND.replace("SendReferralInput", "SendDownReferralInput").replace("sendReferral", "sendDownReferral")
ASK = "query Q($id: ID!) { referral(id: $id) { ...R } }" + REFERRAL
LIST = (
    """query L($box: ReferralBox, $states: [ReferralState!], $first: Int! = 20, $after: String) {
  referrals(box: $box, states: $states, first: $first, after: $after) {
    totalCount pageInfo { hasNextPage endCursor } edges { node { ...R } } } }"""
    + REFERRAL
)


def act(name: str, kind: str = "ReferralInput") -> str:
    """A mutation that moves a referral."""
    return (
        f"mutation M($input: {kind}!) {{ done: {name}Referral(input: $input) {{ "
        "... on ReferralPayload { referral { ...R } } ... on Refusal { code where message { zh } } } }" + REFERRAL
    )


ACCEPT, RECEIVE, ARRIVE = act("accept"), act("receive"), act("arrive")
REFUSE, WITHDRAW = act("refuse", "ReferralReasonInput"), act("withdraw", "ReferralReasonInput")
BOOK, CLOSE = act("book", "BookReferralInput"), act("close", "CloseReferralInput")

As = Callable[[Viewer], Asker]


@pytest.fixture
async def county(engine: AsyncEngine, clock: Clock) -> County:
    clock.moment = DAY + ONE_DAY
    return await County(engine, now=clock.moment).open()


@pytest.fixture
def asking(client: httpx.AsyncClient, keyring: Keyring, clock: Clock) -> As:
    return lambda viewer: Asker(client, keyring.issue(viewer, now=clock()))


def whom(county: County, **more: Any) -> dict[str, Any]:
    said = {"residentId": str(county.resident), "toOrganisationId": "renmin", "reason": "反复胸闷，药物控制不佳"}
    return {**said, "urgency": "URGENT", "department": "心内科", **more}


async def sent(asker: Asker, county: County, **more: Any) -> Any:
    done = await asker.ask(SEND + REFERRAL, input=whom(county, **more))
    return done["sendReferral"]["referral"]


async def done(asker: Asker, mutation: str, **given: Any) -> Any:
    found = (await asker.ask(mutation, input=given))["done"]
    return found.get("referral", found)


async def listed(asker: Asker, **given: Any) -> list[str]:
    return [edge["node"]["id"] for edge in (await asker.ask(LIST, **given))["referrals"]["edges"]]
