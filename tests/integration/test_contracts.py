"""Agreements that a signing system tells: in any order, late and again, one at a time, whatever the rules here say."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.ext.asyncio import AsyncEngine

from hub.intake import Desk
from hub.policy import load_programme
from hub.store import inbox
from tests.desk import rows
from tests.policies import OWN
from tests.signing import (
    COUNTY,
    NOW,
    TODAY,
    Json,
    bundle,
    contract,
    household,
    merge,
    organisation,
    person,
    practitioner,
    send,
    signing_desk,
    team_of,
)

ME = ["urn:uuid:Patient-0"]
BAODI = load_programme("baodi-2017", OWN)


@pytest.fixture(autouse=True)
async def county(engine: AsyncEngine) -> None:
    await send(engine, bundle(*COUNTY))


async def fates(engine: AsyncEngine) -> list[tuple[str, str | None]]:
    """What became of each message after the county's, and the code of what parked it."""
    query = "select fate, refusal->>'code' as code from fate order by message_id offset 1"
    return [(row["fate"], row["code"]) for row in await rows(engine, query)]


async def agreements(engine: AsyncEngine) -> list[dict[str, Any]]:
    query = """select number, state, team_id, begins_on::text, ends_on::text, ended_on::text, end_reason, term,
               packages, client_kind, array(select r.name from coverage c join resident r on r.id = c.resident_id
                                  where c.agreement_id = a.id and c.until is null order by 1) as covers
               from agreement a order by number"""
    return [dict(row) for row in await rows(engine, query)]


async def replay(engine: AsyncEngine, desk: Desk | None = None) -> None:
    """Try what is parked again, until trying helps nothing."""
    for _ in range(6):
        async with engine.begin() as connection:
            await inbox.replay(connection, None)
        await merge(engine, desk=desk)


async def test_a_contract_covers_its_resident(engine: AsyncEngine) -> None:
    said = contract("A1", ME, "2026-01-01", "2026-12-31", packages=["基础服务包", "老年人服务包"])
    await send(engine, bundle(person(1), said))
    assert await agreements(engine) == [
        {
            **{"number": "A1", "state": "in-force", "team_id": "t1", "begins_on": "2026-01-01", "term": 1},
            **{"ends_on": "2026-12-31", "ended_on": None, "end_reason": "", "client_kind": "resident"},
            **{"packages": ["基础服务包", "老年人服务包"], "covers": ["居民1"]},
        }
    ]
    history = await rows(engine, "select act, by, message_id is not null as witnessed from history order by id")
    assert [tuple(map(str, row.values())) for row in history] == [
        ("sign", "weiquan-signing", "True"),
        ("begin", "weiquan-signing", "True"),
    ]


async def test_a_contract_may_come_in_another_bundle_than_its_patient(engine: AsyncEngine) -> None:
    await send(engine, bundle(person(1)))
    again = bundle(person(1), contract("A1", ME, "2026-01-01", "2026-12-31"))
    await send(engine, again, again)
    assert [one["covers"] for one in await agreements(engine)] == [["居民1"]]


async def test_what_is_told_again_changes_nothing_though_it_counts_as_newer(engine: AsyncEngine) -> None:
    """A file that is loaded again has no time of its own."""
    said = contract("A1", ME, "2026-01-01", "2026-12-31", packages=["基础服务包"])
    await send(engine, bundle(person(1), said))
    query = "select version, changed_at, state from agreement"
    before, events = await rows(engine, query), await rows(engine, "select 1 from event")
    await send(engine, bundle(person(1), said, at=NOW + timedelta(days=1)))
    assert await rows(engine, query) == before
    assert len(await rows(engine, "select 1 from event where kind = 'agreement-changed'")) == 1 <= len(events)


async def test_a_household_and_an_organisation_cover_their_people(engine: AsyncEngine) -> None:
    pair = ["urn:uuid:Patient-0", "urn:uuid:Patient-1"]
    home = contract("A1", ["urn:uuid:Group-2"], "2026-01-01", "2026-12-31")
    await send(engine, bundle(person(1), person(2), household("H1", pair), home))
    school = contract("A2", ["Organization/s1", "urn:uuid:Group-1"], "2026-01-01", "2026-12-31", "CareTeam/t2")
    await send(engine, bundle(organisation("s1", "other")))
    await send(engine, bundle(person(3), household("staff", ["urn:uuid:Patient-0"]), school))
    found = await rows(engine, "select number, client_kind, client_id from agreement order by number")
    assert [tuple(map(str, row.values())) for row in found] == [("A1", "household", "H1"), ("A2", "organisation", "s1")]
    assert [one["covers"] for one in await agreements(engine)] == [["居民1", "居民2"], ["居民3"]]


async def test_a_practitioner_or_an_alliance_may_have_signed(engine: AsyncEngine) -> None:
    year = ("2026-01-01", "2026-12-31")
    await send(engine, bundle(person(1), contract("A1", ME, *year, "Practitioner/d2")))
    await send(engine, bundle(person(2), contract("A2", ME, *year, "Organization/alliance")))
    found = await rows(
        engine, "select provider_kind, provider_id, team_id, organisation_id from agreement order by number"
    )
    assert [tuple(map(str, row.values())) for row in found] == [
        ("practitioner", "d2", "t2", "c2"),
        ("alliance", "alliance", "None", "alliance"),
    ]


async def test_what_was_signed_elsewhere_is_flagged_and_not_refused(engine: AsyncEngine) -> None:
    await send(engine, bundle(person(1), contract("A1", ME, "2026-01-01", "2030-12-31")), desk=signing_desk(BAODI))
    note = (await rows(engine, "select note from history where act = 'sign'"))[0]["note"]
    assert note == "signed elsewhere; term-needs-a-reason: baodi-2017 二(一)3"
    assert (await agreements(engine))[0]["state"] == "in-force"


async def test_a_second_provider_is_refused_while_the_first_stands(engine: AsyncEngine) -> None:
    await send(engine, bundle(person(1), contract("A1", ME, "2026-01-01", "2026-12-31")))
    await send(engine, bundle(person(1), contract("A2", ME, "2026-05-01", "2027-04-30", "CareTeam/t2")))
    assert await fates(engine) == [("merged", None), ("parked", "already-signed")]
    refusal = (await rows(engine, "select refusal from fate where fate = 'parked'"))[0]["refusal"]
    assert (refusal["given"]["team"], refusal["given"]["until"]) == ("t1", "2026-12-31")
    assert [one["number"] for one in await agreements(engine)] == ["A1"]


async def test_one_that_begins_after_the_standing_one_waits_for_its_day(engine: AsyncEngine) -> None:
    await send(engine, bundle(person(1), contract("A1", ME, "2026-01-01", "2026-12-31")))
    await send(engine, bundle(person(1), contract("A2", ME, "2027-01-01", "2027-12-31", "CareTeam/t2")))
    assert [(one["number"], one["state"]) for one in await agreements(engine)] == [("A1", "in-force"), ("A2", "signed")]


async def test_a_terminated_contract_frees_its_resident(engine: AsyncEngine) -> None:
    year = ("2026-01-01", "2026-12-31")
    await send(engine, bundle(person(1), contract("A1", ME, *year)))
    over = contract("A1", ME, "2026-01-01", "2026-04-30", status="terminated", reason="迁出")
    await send(engine, bundle(person(1), over))
    await send(engine, bundle(person(1), contract("A2", ME, "2026-05-01", "2027-04-30", "CareTeam/t2")))
    found = await agreements(engine)
    assert [(one["state"], one["ended_on"], one["end_reason"]) for one in found] == [
        ("ended", "2026-04-30", "迁出"),
        ("in-force", None, ""),
    ]
    await send(engine, bundle(person(1), contract("A1", ME, *year)))
    assert await agreements(engine) == found, "what was terminated does not come back by an older version"


async def test_a_past_contract_is_history_and_stands_in_nobodys_way(engine: AsyncEngine) -> None:
    await send(engine, bundle(person(1), contract("A2", ME, "2026-01-01", "2026-12-31", "CareTeam/t2")))
    await send(engine, bundle(person(1), contract("A1", ME, "2025-01-01", "2025-12-31")))
    assert [(one["number"], one["state"]) for one in await agreements(engine)] == [("A1", "lapsed"), ("A2", "in-force")]
    covered = await rows(engine, "select since::text, until::text from coverage order by since")
    assert [tuple(map(str, row.values())) for row in covered] == [("2025-01-01", "2025-12-31"), ("2026-01-01", "None")]


@pytest.mark.parametrize("newer_first", [False, True])
async def test_the_newest_version_says_whom_it_covers_whenever_it_comes(engine: AsyncEngine, newer_first: bool) -> None:
    def version(people: list[int], hour: int) -> bytes:
        entries = [f"urn:uuid:Patient-{place}" for place in range(len(people))]
        group = f"urn:uuid:Group-{len(people)}"
        said = contract("A1", [group], "2026-01-01", "2026-12-31", packages=[f"包{hour}"])
        at = NOW + timedelta(hours=hour)
        return bundle(*(person(one) for one in people), household("H1", entries), said, at=at)

    older, newer = version([1, 2], 0), version([1, 3], 1)
    for order in ([older, newer, older], [newer, older, newer]):
        async with engine.begin() as connection:
            for table in ("coverage", "agreement"):
                await connection.exec_driver_sql(
                    f"update {table} set {'number = number || id' if table == 'agreement' else 'until = since'}"
                )
                await connection.exec_driver_sql("update agreement set state = 'ended', ended_on = '2026-01-01'")
        await send(engine, *order, most=1)
        latest = (await agreements(engine))[0]
        assert (latest["covers"], latest["packages"]) == (["居民1", "居民3"], ["包1"])


@pytest.mark.parametrize(
    ("said", "code"),
    [
        (contract("A1", ME, "2026-01-01", "2026-12-31", status="offered"), "contract-status"),
        (contract("A1", ME, "2026-01-01", "2025-12-31"), "term-order"),
        (contract("A1", ME, "2026-01-01", "2026-12-31", applies={"start": "2026-01-01"}), "contract-incomplete"),
        (contract("A1", ME, "2026-01-01", "2026-12-31", "CareTeam/t9"), "directory-unknown"),
        (contract("A1", ME, "2026-01-01", "2026-12-31", "Organization/c1"), "not-an-alliance"),
        (contract("A1", ["Patient/unknown"], "2026-01-01", "2026-12-31"), "unknown-people"),
        (contract("A1", ["Group/H9"], "2026-01-01", "2026-12-31"), "directory-unknown"),
        (contract("A1", [], "2026-01-01", "2026-12-31"), "contract-incomplete"),
        (contract("A1", ME, "2026-01-01", "2026-12-31", kind="eternal"), "directory-code"),
    ],
)
async def test_what_cannot_be_understood_is_refused_whole(engine: AsyncEngine, said: Json, code: str) -> None:
    await send(engine, bundle(person(1), practitioner("d1", "改名"), said))
    assert await fates(engine) == [("parked", code)]
    assert await agreements(engine) == []
    assert await rows(engine, "select 1 from resident") == []


async def test_one_number_is_one_agreement(engine: AsyncEngine) -> None:
    year = ("2026-01-01", "2026-12-31")
    await send(engine, bundle(person(1), contract("A1", ME, *year)))
    await send(engine, bundle(person(1), contract("A1", ME, *year, "CareTeam/t2")))
    assert (await fates(engine))[-1] == ("parked", "number-taken")


LIFE = (
    contract("A1", ME, "2024-01-01", "2024-12-31"),
    contract("A1", ME, "2025-01-01", "2025-12-31"),
    contract("A1", ME, "2026-01-01", "2026-12-31"),
    contract("A1", ME, "2026-01-01", "2026-03-31", status="terminated", reason="改签"),
    contract("A2", ME, "2026-04-01", "2027-03-31", "CareTeam/t2"),
    contract("A2", ME, "2027-04-01", "2029-03-31", "CareTeam/t2"),
    contract("S1", ME, "2026-05-01", "2026-07-31", "CareTeam/t1", kind="supplementary"),
)
"""Signed in 2024, renewed twice, ended for another team, which was renewed ahead; one for a disease beside them."""


_ROUNDS = count(1000)
"""Nothing deletes what was signed: each round has a person and numbers of its own."""


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(order=st.permutations([*LIFE, *LIFE[2:6]]), most=st.sampled_from([1, 3, 64]))
async def test_contracts_come_to_the_same_in_any_order_and_twice(
    engine: AsyncEngine, order: list[Json], most: int
) -> None:
    """Once what was parked meanwhile has been replayed."""
    number = next(_ROUNDS)
    await send(engine, *(bundle(person(number), one) for one in _renumbered(order, number)), most=most)
    await replay(engine)
    found = [one for one in await agreements(engine) if one["number"].startswith(f"{number}-")]
    assert [(one["number"].partition("-")[2], one["state"], one["begins_on"], one["ends_on"]) for one in found] == [
        ("A1", "ended", "2026-01-01", "2026-12-31"),
        ("A2", "in-force", "2027-04-01", "2029-03-31"),
        ("S1", "in-force", "2026-05-01", "2026-07-31"),
    ]
    assert [(one["term"], one["ended_on"], one["covers"]) for one in found] == [
        (3, "2026-03-31", []),
        (2, None, [f"居民{number}"]),
        (1, None, [f"居民{number}"]),
    ]
    assert {fate for fate, _ in await fates(engine)} == {"merged"}
    who = (await rows(engine, "select id from resident where name = :name", name=f"居民{number}"))[0]["id"]
    assert await team_of(engine, who, TODAY) == "t2"


def _renumbered(said: list[Json], number: int) -> list[Json]:
    """The same contracts under numbers of their own."""
    return [{**one, "identifier": [{"value": f"{number}-{one['identifier'][0]['value']}"}]} for one in said]


async def test_a_contract_follows_patients_who_turn_out_to_be_one(engine: AsyncEngine) -> None:
    """The signing system knew somebody under two numbers, and signed both; then it says their citizen ID number. The
    hub looks at numbers alone here: it would have known them for one before."""
    desk = replace(signing_desk(), matcher=None)
    bare = {**person(1), "identifier": person(1)["identifier"][:1]}
    other = {**person(2, "居民1"), "identifier": [person(2)["identifier"][0]]}
    await send(engine, bundle(bare, contract("A1", ME, "2026-01-01", "2026-12-31")), desk=desk)
    later = contract("A2", ME, "2026-02-01", "2027-01-31", "CareTeam/t2")
    await send(engine, bundle(other, later), desk=desk)
    assert [one["state"] for one in await agreements(engine)] == ["in-force", "in-force"]
    proof = person(1)["identifier"][1]
    await send(engine, bundle({**bare, "identifier": [*bare["identifier"], proof]}), desk=desk)
    await send(engine, bundle({**other, "identifier": [*other["identifier"], proof]}), desk=desk)
    found = await agreements(engine)
    assert [(one["state"], one["end_reason"]) for one in found] == [("ended", "residents-merged"), ("in-force", "")]
    who = (await rows(engine, "select id from resident where replaced_by is null"))[0]["id"]
    assert await team_of(engine, who, date(2026, 6, 1)) == "t2"


async def test_the_day_of_a_contract_is_chinas(engine: AsyncEngine) -> None:
    """At 16:30 in London of the last day it is over in China."""
    await send(engine, bundle(person(1), contract("A1", ME, "2026-01-01", "2026-12-31")))
    evening = datetime(2026, 12, 31, 16, 30, tzinfo=UTC)
    desk = signing_desk(now=lambda: evening)
    await send(engine, bundle(person(1), contract("A2", ME, "2027-01-01", "2027-12-31", "CareTeam/t2")), desk=desk)
    assert [(one["number"], one["state"]) for one in await agreements(engine)] == [("A1", "lapsed"), ("A2", "in-force")]


async def refused(engine: AsyncEngine, said: bytes) -> Json:
    """Why a message was parked."""
    await send(engine, said)
    refusal: Json = (await rows(engine, "select refusal from fate where fate = 'parked'"))[0]["refusal"]
    return refusal


@pytest.mark.parametrize(
    ("changed", "element"),
    [
        ({"applies": {"start": "2026-01-01", "end": "9999-12-31"}}, "applies.end"),
        ({"applies": {"end": "2026-12-31"}}, "applies.start"),
        ({"issued": "2201-01-01T09:00:00+08:00"}, "issued"),
        ({"applies": {}, "issued": "1899-12-31"}, "applies.start, applies.end, issued"),
    ],
)
async def test_a_date_of_a_contract_that_cannot_be_meant_is_named(
    engine: AsyncEngine, changed: Json, element: str
) -> None:
    told = contract("A1", ME, "2026-01-01", "2026-12-31") | changed
    refusal = await refused(engine, bundle(person(1), told))
    assert (refusal["code"], refusal["given"]["element"]) == ("contract-incomplete", element)


async def test_a_number_that_no_paper_bears_is_refused(engine: AsyncEngine) -> None:
    told = contract("号" * 201, ME, "2026-01-01", "2026-12-31")
    assert (await refused(engine, bundle(person(1), told)))["code"] == "number-too-long"


async def test_without_its_date_of_signing_a_contract_counts_as_signed_on_its_first_day(engine: AsyncEngine) -> None:
    told = contract("A1", ME, "2026-01-01", "2026-12-31")
    del told["issued"]
    await send(engine, bundle(person(1), told))
    (row,) = await rows(engine, "select signed_at from agreement_term")
    assert row["signed_at"] == datetime(2025, 12, 31, 16, tzinfo=UTC)
