"""Agreements over a real database: signed by people, brought to rest by the clock, one at a time whoever races."""

import asyncio
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine

from hub.agreements import Client, Kind, Provider, State
from hub.errors import Refused
from hub.policy import load_programme
from hub.programme.agreements import (
    Party,
    Renewal,
    Signing,
    end,
    get,
    renew,
    transfer,
)
from hub.programme.hand import TIME, Hand
from hub.programme.served import agreement_of, agreements_of
from hub.programme.terms import lapse
from hub.store import relations
from hub.tables import agreement, coverage
from hub.transitions import Actor
from tests.desk import rows
from tests.policies import OWN
from tests.signing import NOW, TODAY, WEIHAI, admit, covered, found_county, hand, of_team, signed, state_of, team_of

TEAM = frozenset({Actor.TEAM})
DAY = timedelta(days=1)


@pytest.fixture
async def people(engine: AsyncEngine) -> list[UUID]:
    """Three residents of a county with two teams."""
    async with engine.begin() as connection:
        await found_county(connection)
        return await admit(connection, 3)


async def refused(engine: AsyncEngine, who: UUID | Sequence[UUID], team: int = 1, **agreed: Any) -> Refused:
    with pytest.raises(Refused) as found:
        await signed(engine, who, team, **agreed)
    return found.value


async def tick(engine: AsyncEngine, now: datetime, most: int = 200) -> int:
    """One look at the clock."""
    async with engine.begin() as connection:
        one = Hand(connection=connection, by=TIME, role="time", now=now)
        done = await lapse(one, most)
        await one.write()
        return done


def at(day: date) -> datetime:
    """Nine in the morning in China."""
    return NOW + (day - TODAY)


async def history(engine: AsyncEngine, key: UUID) -> list[tuple[str, str, str]]:
    query = "select act, before, after from history where subject = :key order by id"
    return [(row["act"], row["before"], row["after"]) for row in await rows(engine, query, key=key)]


# -- signing ---------------------------------------------------------------------------------------------------------


async def test_a_signature_begins_the_agreement_and_leaves_its_history(engine: AsyncEngine, people: list[UUID]) -> None:
    key = await signed(engine, people[0], packages=("基础服务包",))
    assert (await state_of(engine, key))["state"] == "in-force"
    assert (await state_of(engine, key))["ends_on"] == date(2027, 5, 31)
    assert await covered(engine, key) == {people[0]: (TODAY, None)}
    assert await history(engine, key) == [("sign", "", "signed"), ("begin", "signed", "in-force")]
    terms = await rows(engine, "select number, rule, deviation, signed_by from agreement_term")
    assert [dict(row) for row in terms] == [
        {"number": 1, "rule": "agreement-first-term weihai-2023 五(一)", "deviation": "", "signed_by": "dr-lin"}
    ]
    events = await rows(engine, "select kind, subject, resident_id, audience from event")
    assert [dict(row) for row in events] == [
        {"kind": "agreement-changed", "subject": key, "resident_id": people[0], "audience": ["team:t1"]}
    ]


async def test_a_resident_has_one_primary_agreement_at_a_time(engine: AsyncEngine, people: list[UUID]) -> None:
    await signed(engine, people[0], 1)
    baodi = load_programme("baodi-2017", OWN)
    found = await refused(engine, people[0], 2, programme=baodi)
    assert found.refusal.code == "already-signed"
    holder = {"team": "t1", "name": "团队1", "until": "2027-05-31"}
    assert dict(found.refusal.given) == {**holder, "clause": "baodi-2017 二(一)3"}
    assert "团队1（t1）" in found.refusal.message("zh")
    assert await team_of(engine, people[0]) == "t1"
    assert len(await rows(engine, "select 1 from agreement")) == 1


async def test_an_agreement_for_one_disease_stands_beside_the_primary_one(
    engine: AsyncEngine, people: list[UUID]
) -> None:
    await signed(engine, people[0], 1)
    beside = await signed(engine, people[0], 2, kind=Kind.SUPPLEMENTARY, ends_on=TODAY + 60 * DAY)
    assert (await covered(engine, beside))[people[0]] == (TODAY, None)
    assert await team_of(engine, people[0]) == "t1"
    found = await refused(engine, people[0], 2, kind=Kind.SUPPLEMENTARY)
    assert found.refusal.code == "course-needs-an-end"


async def test_a_household_is_covered_whole_or_not_at_all(engine: AsyncEngine, people: list[UUID]) -> None:
    await signed(engine, people[2], 2)
    home = {"kind": Client.HOUSEHOLD, "id": "H1"}
    assert (await refused(engine, people, 1, whom=home)).refusal.given["team"] == "t2"
    assert await team_of(engine, people[0]) is None
    key = await signed(engine, people[:2], 1, whom=home)
    assert set(await covered(engine, key)) == set(people[:2])
    async with engine.connect() as connection:
        found = await agreements_of(connection, people, TODAY)
    assert {who: one.team_id for who, one in found.items()} == dict(zip(people, ["t1", "t1", "t2"], strict=True))


async def test_an_alliance_serves_without_a_team(engine: AsyncEngine, people: list[UUID]) -> None:
    party = Party(kind=Provider.ALLIANCE, id="alliance", team_id=None, organisation_id="alliance")
    await signed(engine, people[0], party=party)
    async with engine.connect() as connection:
        standing = await agreement_of(connection, people[0], TODAY)
        given = relations.given(team="t2", organisation="c2", is_desk=False, today=TODAY)
        assert await relations.find_relations(connection, given, people) == {people[0]: "agreement"}
    assert standing is not None
    assert (standing.team_id, standing.organisation_id) == (None, "alliance")
    assert (await rows(engine, "select audience from event"))[0]["audience"] == ["centre:c1", "centre:c2"]


async def test_a_full_team_takes_no_more(engine: AsyncEngine, people: list[UUID], tmp_path: Any) -> None:
    overlay = tmp_path / "site"
    overlay.mkdir()
    said = 'rule = "team-ratio"\nvalue = 2\nunit = "persons"\nby = "站点"\non = 2026-01-01\nwhy = "试点。"\n'
    (overlay / "guangzhou-2017.toml").write_text(f"[[set]]\n{said}", encoding="utf-8")
    site = load_programme("guangzhou-2017", [*OWN, overlay])
    await signed(engine, people[:2], whom={"kind": Client.HOUSEHOLD, "id": "H1"}, programme=site)
    found = await refused(engine, people[2], programme=site, deviation="有理由")
    assert found.refusal.code == "team-full"
    assert (found.refusal.given["has"], found.refusal.given["most"]) == ("2", "2")
    assert await team_of(engine, people[2]) is None


async def test_nobody_signs_for_the_past_or_for_nobody(engine: AsyncEngine, people: list[UUID]) -> None:
    assert (await refused(engine, people[0], begins_on=TODAY - DAY)).refusal.code == "begins-in-the-past"
    assert (await refused(engine, [])).refusal.code == "nobody-to-sign"
    await signed(engine, people[0], number="P1")
    assert (await refused(engine, people[1], number="P1")).refusal.code == "number-taken"


async def test_of_two_teams_that_sign_one_resident_at_once_exactly_one_wins(
    engine: AsyncEngine, people: list[UUID]
) -> None:
    async def attempt(who: UUID, team: int) -> str:
        try:
            await signed(engine, who, team)
        except Refused as found:
            return f"{found.refusal.code} {found.refusal.given['team']}"
        return f"won t{team}"

    for _ in range(20):
        async with engine.begin() as connection:
            (who,) = await admit(connection)
        outcomes = await asyncio.gather(*(attempt(who, team) for team in (1, 2)))
        winner = await team_of(engine, who)
        assert sorted(outcomes) == [f"already-signed {winner}", f"won {winner}"]
        assert len(await rows(engine, "select 1 from coverage where resident_id = :who", who=who)) == 1


async def test_what_is_over_and_nobody_closed_stands_in_nobodys_way(engine: AsyncEngine, people: list[UUID]) -> None:
    first = await signed(engine, people[0], 1)
    later = date(2027, 6, 1)
    await signed(engine, people[0], 2, now=at(later))
    assert (await state_of(engine, first))["state"] == "lapsed"
    assert await team_of(engine, people[0], later) == "t2"


async def test_the_database_holds_the_rule_whatever_else_was_written(engine: AsyncEngine, people: list[UUID]) -> None:
    first = await signed(engine, people[0], 1)
    async with engine.begin() as connection:
        await connection.exec_driver_sql("update agreement set state = 'ended', ended_on = '2026-05-01'")
    assert (await refused(engine, people[0], 2)).refusal.code == "too-busy"
    assert await covered(engine, first) == {people[0]: (TODAY, None)}
    assert len(await rows(engine, "select 1 from agreement")) == 1
    async with engine.connect() as connection:
        row = (await connection.execute(select(agreement))).mappings().one()
        await connection.execute(insert(agreement).values({**row, "id": UUID(int=1), "number": "beside"}))
        stands = {"agreement_id": UUID(int=1), "resident_id": people[0], "kind": "primary", "since": TODAY}
        with pytest.raises(IntegrityError, match="uq_coverage_primary"):
            await connection.execute(insert(coverage).values(stands))


# -- its life --------------------------------------------------------------------------------------------------------


async def test_an_agreement_lapses_with_its_last_day(engine: AsyncEngine, people: list[UUID]) -> None:
    key = await signed(engine, people[0])
    last = date(2027, 5, 31)
    assert await tick(engine, at(last)) == 0
    assert await team_of(engine, people[0], last) == "t1"
    assert await team_of(engine, people[0], last + DAY) is None, "whether or not the clock has come by"
    assert await tick(engine, at(last + DAY)) == 1
    assert await tick(engine, at(last + DAY)) == 0
    assert (await state_of(engine, key))["state"] == "lapsed"
    assert await covered(engine, key) == {people[0]: (TODAY, last)}
    await signed(engine, people[0], 2, now=at(last + DAY))
    assert await team_of(engine, people[0], last + DAY) == "t2"


async def test_an_agreement_signed_ahead_begins_when_the_standing_one_is_over(
    engine: AsyncEngine, people: list[UUID]
) -> None:
    first = await signed(engine, people[0], 1)
    begins = date(2027, 6, 1)
    assert (await refused(engine, people[0], 2, begins_on=begins - DAY)).refusal.code == "already-signed"
    second = await signed(engine, people[0], 2, begins_on=begins)
    assert (await state_of(engine, second))["state"] == "signed"
    assert (await covered(engine, second))[people[0]] == (None, None)
    async with hand(engine) as one:
        with pytest.raises(Refused, match="one at a time"):
            await renew(one, WEIHAI, await get(one, first), Renewal(), TEAM)
    assert await tick(engine, at(begins), most=1) == 1
    assert await tick(engine, at(begins), most=1) == 1
    assert (await state_of(engine, first))["state"] == "lapsed"
    assert (await state_of(engine, second))["state"] == "in-force"
    assert await team_of(engine, people[0], begins) == "t2"


async def test_a_renewal_follows_the_present_term_without_a_break(engine: AsyncEngine, people: list[UUID]) -> None:
    key = await signed(engine, people[0])
    async with hand(engine, at(date(2027, 5, 1))) as one:
        renewal = Renewal(ends_on=date(2029, 5, 31), signed_by="张伟")
        renewed = await renew(one, WEIHAI, await get(one, key), renewal, TEAM)
    assert (renewed.term, renewed.begins_on, renewed.ends_on) == (2, date(2027, 6, 1), date(2029, 5, 31))
    terms = await rows(engine, "select rule, signed_by from agreement_term order by number")
    assert [row["rule"] for row in terms][1] == "agreement-renewal-term weihai-2023 五(一)"
    assert await covered(engine, key) == {people[0]: (TODAY, None)}
    async with hand(engine, at(date(2027, 5, 2))) as one:
        with pytest.raises(Refused, match="one term ahead"):
            await renew(one, WEIHAI, await get(one, key), Renewal(), TEAM)


async def test_what_has_lapsed_is_renewed_from_today_as_a_first_term(engine: AsyncEngine, people: list[UUID]) -> None:
    pudong = load_programme("pudong-2023", OWN)
    key = await signed(engine, people[0], programme=pudong)
    today = date(2027, 7, 1)
    async with hand(engine, at(today)) as one:
        late = await get(one, key)
        assert late.state is State.LAPSED
        renewed = await renew(one, pudong, late, Renewal(), TEAM)
    assert (renewed.state, renewed.begins_on, renewed.ends_on) == (State.IN_FORCE, today, date(2028, 6, 30))
    assert (await covered(engine, key))[people[0]] == (today, None)
    acts = [act for act, _, _ in await history(engine, key)]
    assert acts == ["sign", "begin", "lapse", "renew", "begin"]
    async with hand(engine, at(today)) as one:
        with pytest.raises(Refused) as again:
            await renew(one, pudong, await get(one, key), Renewal(), TEAM)
    assert again.value.refusal.code == "renewed-today"


async def test_two_unbroken_years_open_the_longer_term(engine: AsyncEngine, people: list[UUID]) -> None:
    pudong = load_programme("pudong-2023", OWN)
    key = await signed(engine, people[0], programme=pudong)
    async with hand(engine, at(date(2027, 5, 1))) as one:
        with pytest.raises(Refused) as found:
            await renew(one, pudong, await get(one, key), Renewal(ends_on=date(2029, 5, 31)), TEAM)
    assert (found.value.refusal.code, found.value.refusal.given["day"]) == ("term-too-early", "2028-06-01")
    async with hand(engine, at(date(2027, 5, 1))) as one:
        await renew(one, pudong, await get(one, key), Renewal(), TEAM)
    async with hand(engine, at(date(2028, 5, 1))) as one:
        renewed = await renew(one, pudong, await get(one, key), Renewal(ends_on=date(2031, 5, 31)), TEAM)
    assert renewed.term == 3


async def test_of_what_two_do_to_one_agreement_at_once_one_counts(engine: AsyncEngine, people: list[UUID]) -> None:
    """Each sees what the other did: nothing is renewed that was ended, nothing ends twice."""

    async def renewing(key: UUID) -> str:
        async with hand(engine) as one:
            await renew(one, WEIHAI, await get(one, key), Renewal(), TEAM)
        return "renewed"

    async def ending(key: UUID) -> str:
        async with hand(engine) as one:
            await end(one, await get(one, key), "迁出", TEAM)
        return "ended"

    async def moving(key: UUID) -> str:
        async with hand(engine) as one:
            await transfer(one, WEIHAI, await get(one, key), of_team(2), Signing(), TEAM)
        return "moved"

    for turn in range(6):
        async with engine.begin() as connection:
            (who,) = await admit(connection)
        key = await signed(engine, who)
        doings = [renewing, ending, moving, renewing][turn % 2 :]
        outcomes = await asyncio.gather(*(do(key) for do in doings), return_exceptions=True)
        assert all(isinstance(one, str | Refused) for one in outcomes), outcomes
        done = [one for one in outcomes if isinstance(one, str)]
        assert len({"ended", "moved"} & set(done)) == 1
        assert done.count("renewed") <= 1
        terms = await rows(engine, "select 1 from agreement_term where agreement_id = :key", key=key)
        assert len(terms) == 1 + done.count("renewed")
        assert await team_of(engine, who) == ("t2" if "moved" in done else None)


async def test_an_end_frees_the_resident_at_once(engine: AsyncEngine, people: list[UUID]) -> None:
    key = await signed(engine, people[0])
    async with hand(engine) as one:
        with pytest.raises(Refused, match="reason"):
            await end(one, await get(one, key), "  ", TEAM)
    async with hand(engine) as one:
        ended = await end(one, await get(one, key), "迁出", TEAM)
    assert (ended.state, ended.ended_on, ended.end_reason) == (State.ENDED, TODAY, "迁出")
    await signed(engine, people[0], 2)
    async with hand(engine) as one:
        with pytest.raises(Refused) as found:
            await renew(one, WEIHAI, await get(one, key), Renewal(), TEAM)
    assert found.value.refusal.code == "not-in-this-state"


async def test_a_transfer_ends_one_agreement_and_begins_another(engine: AsyncEngine, people: list[UUID]) -> None:
    key = await signed(engine, people[0], packages=("基础服务包",))
    receiver = frozenset({Actor.RECEIVER})
    async with hand(engine) as one:
        with pytest.raises(Refused) as found:
            await transfer(one, WEIHAI, await get(one, key), of_team(2), Signing(), receiver)
    assert found.value.refusal.code == "consent-needed"
    async with hand(engine) as one:
        held = await get(one, key)
        begun = await transfer(one, WEIHAI, held, of_team(2), Signing(), receiver, consent="6月1日电话同意")
    assert await team_of(engine, people[0]) == "t2"
    assert (await state_of(engine, key))["end_reason"] == "transferred"
    made = (await rows(engine, "select previous_id, packages from agreement where id = :key", key=begun))[0]
    assert (made["previous_id"], made["packages"]) == (key, ["基础服务包"])
    notes = await rows(engine, "select note from history where act = 'transfer'")
    assert [row["note"] for row in notes] == ["6月1日电话同意"]


async def test_one_of_a_household_can_go_alone(engine: AsyncEngine, people: list[UUID]) -> None:
    key = await signed(engine, people, whom={"kind": Client.HOUSEHOLD, "id": "H1"})
    async with hand(engine) as one:
        held = await get(one, key)
        await transfer(one, WEIHAI, held, of_team(2), Signing(), TEAM, only=people[1])
    assert [await team_of(engine, who) for who in people] == ["t1", "t2", "t1"]
    assert (await state_of(engine, key))["state"] == "in-force"
