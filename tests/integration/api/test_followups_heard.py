"""Offers over GraphQL, and what teams and centres hear of discharges over a WebSocket."""

import asyncio
import time
from dataclasses import replace

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from hub.tokens import Keyring
from tests.aftercare import ENDED, Course, deliver, known, offers, set_up, sign
from tests.integration.api.conftest import Clock
from tests.integration.api.nurses import (
    DECLINE,
    NURSE,
    OFFERS,
    OTHER,
    PLAIN,
    SOUTH,
    As,
    as_,
    clock,
    discharged,
    do,
)
from tests.integration.api.test_subscriptions import address, connected

__all__ = ["address", "as_", "clock"]


async def test_an_offer_holds_how_to_reach_somebody_and_nothing_else(engine: AsyncEngine, as_: As) -> None:
    await set_up(engine)
    await known(engine, "fifteen-digit", "dongcheng-chc")
    course = Course(slug="fifteen-digit", disposition="4")
    await deliver(engine, [course.a01(), course.a03()])
    other = as_(OTHER)
    [edge] = (await other.ask(OFFERS))["followUpOffers"]["edges"]
    offer = edge["node"]
    assert (offer["name"], offer["phone"], offer["hospital"]) == ("雷守田", "19900001004", "威泉县人民医院")
    assert (offer["dischargedOn"], offer["centreId"]) == (ENDED[:10], "dongcheng")
    assert (await as_(SOUTH).ask(OFFERS))["followUpOffers"]["edges"] == []
    fields = (await other.ask('{ __type(name: "FollowUpOffer") { fields { name } } }'))["__type"]["fields"]
    assert not {"resident", "residentId", "disposition", "request"} & {field["name"] for field in fields}
    assert (await do(as_(SOUTH), DECLINE, offerId=offer["id"], reason="非本辖区"))["code"] == "no-offer"
    assert (await do(other, DECLINE, offerId=offer["id"], reason=""))["code"] == "reason-needed"
    done = await do(other, DECLINE, offerId=offer["id"], reason="居民拒绝签约")
    assert done["offer"] == {"state": "DECLINED"}
    assert (await other.ask(OFFERS))["followUpOffers"]["edges"] == []


async def test_an_offer_to_all_is_seen_by_all_of_the_alliance_and_declined_by_none(
    engine: AsyncEngine, as_: As
) -> None:
    await set_up(engine)
    await deliver(engine, [PLAIN.a01(), PLAIN.a03()])
    assert [row["organisation_id"] for row in await offers(engine)] == [None]
    for viewer in (OTHER, SOUTH):
        [edge] = (await as_(viewer).ask(OFFERS))["followUpOffers"]["edges"]
        assert edge["node"]["availableActions"] == []
        assert (await do(as_(viewer), DECLINE, offerId=edge["node"]["id"], reason="-"))["code"] == "offer-to-all"


NODE = "query One($id: ID!) { node(id: $id) { ... on FollowUpOffer { state name phone address } } }"


async def test_who_has_no_team_is_offered_nobodys_contact_data(engine: AsyncEngine, as_: As) -> None:
    await set_up(engine)
    await deliver(engine, [PLAIN.a01(), PLAIN.a03()])
    [edge] = (await as_(OTHER).ask(OFFERS))["followUpOffers"]["edges"]
    key = edge["node"]["id"]
    loose = as_(replace(OTHER, team=""))
    assert (await loose.refused(OFFERS))["code"] == "no-team"
    assert (await loose.refused(NODE, id=key))["code"] == "no-team"
    assert (await do(loose, DECLINE, offerId=key, reason="-"))["code"] == "no-team"


async def test_the_contact_data_of_an_offer_ends_with_it(engine: AsyncEngine, as_: As) -> None:
    await set_up(engine)
    await known(engine, "fifteen-digit", "dongcheng-chc")
    course = Course(slug="fifteen-digit")
    await deliver(engine, [course.a01(), course.a03()])
    nurse = as_(OTHER)
    [edge] = (await nurse.ask(OFFERS))["followUpOffers"]["edges"]
    key = edge["node"]["id"]
    reach = {"name": "雷守田", "phone": "19900001004"}
    open_ = (await nurse.ask(NODE, id=key))["node"]
    assert {name: open_[name] for name in reach} == reach
    assert open_["address"]
    await do(nurse, DECLINE, offerId=key, reason="居民拒绝签约")
    assert (await nurse.ask(NODE, id=key))["node"] == {"state": "DECLINED", **dict.fromkeys([*reach, "address"])}


CHANGED = """subscription Changed($after: String) { followUpChanged(after: $after) {
  cursor planId plan { state resident { name } followUps { dueUntil } } } }"""
OFFERED = "subscription Offered($after: String) { followUpOffered(after: $after) { offer { name state } } }"


async def test_the_team_hears_of_a_discharge_within_a_second(
    engine: AsyncEngine, address: str, keyring: Keyring, clock: Clock
) -> None:
    await set_up(engine)
    await sign(engine, await known(engine, "leap-day"))
    async with connected(address) as nurse, connected(address) as other:
        await (await nurse.enter(keyring.issue(NURSE, now=clock()))).follow(None, query=CHANGED)
        await (await other.enter(keyring.issue(OTHER, now=clock()))).follow(None, query=CHANGED)
        await asyncio.sleep(0.3)
        began = time.monotonic()
        await deliver(engine, [PLAIN.a03()])
        heard = await nurse.hear(within=5)
        assert time.monotonic() - began < 1
        change = heard["payload"]["data"]["followUpChanged"]
        assert change["plan"]["resident"] == {"name": "姚桂枝"}
        assert change["plan"]["followUps"] == [{"dueUntil": "2026-06-26"}]
        with pytest.raises(TimeoutError):
            await other.hear(within=0.5)


async def test_a_change_that_was_missed_is_heard_behind_the_cursor(
    engine: AsyncEngine, address: str, keyring: Keyring, clock: Clock
) -> None:
    await discharged(engine)
    async with connected(address) as nurse:
        await (await nurse.enter(keyring.issue(NURSE, now=clock()))).follow(None, after="0.0", query=CHANGED)
        first = (await nurse.hear())["payload"]["data"]["followUpChanged"]
        await deliver(engine, [PLAIN.a13()])
        second = (await nurse.hear())["payload"]["data"]["followUpChanged"]
    assert (first["planId"], second["planId"]) == (first["planId"], first["planId"])
    assert second["plan"]["state"] == "CANCELLED"
    async with connected(address) as nurse:
        entered = await nurse.enter(keyring.issue(NURSE, now=clock()))
        await entered.follow(None, after=first["cursor"], query=CHANGED)
        again = (await nurse.hear())["payload"]["data"]["followUpChanged"]
    assert again["cursor"] == second["cursor"]


async def test_the_centre_hears_of_an_offer(engine: AsyncEngine, address: str, keyring: Keyring, clock: Clock) -> None:
    await set_up(engine)
    await known(engine, "fifteen-digit", "dongcheng-chc")
    async with connected(address) as other:
        await (await other.enter(keyring.issue(OTHER, now=clock()))).follow(None, query=OFFERED)
        await asyncio.sleep(0.3)
        await deliver(engine, [Course(slug="fifteen-digit").a03()])
        heard = (await other.hear())["payload"]["data"]["followUpOffered"]
    assert heard == {"offer": {"name": "雷守田", "state": "OPEN"}}
