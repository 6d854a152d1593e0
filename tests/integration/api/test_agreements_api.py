"""Agreements over the real API: signing without reading, the team's list, races, what others may not."""

import asyncio
from base64 import b64encode
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import event, select
from sqlalchemy.ext.asyncio import AsyncEngine

from hub.access import Role, Viewer
from hub.days import day_of
from hub.programme.directory import (
    Member,
    Organisation,
    Practitioner,
    Team,
    save_organisation,
    save_practitioner,
    save_team,
)
from hub.tables import history
from hub.tokens import Keyring
from tests.integration.api.conftest import CITIZEN_ID, Asker, Clock, Ward
from tests.integration.api.test_subscriptions import address, connected

__all__ = ["address"]

MOST_STATEMENTS = 13
"""For one agreement and for a dozen; loads that happen to fall together save one or two."""

SHOWN = "id number state kind term beginsOn endsOn endReason version availableActions team { id } terms { rule clause }"
SIGN = f"""mutation Sign($input: SignAgreementInput!) {{ signAgreement(input: $input) {{
  ... on AgreementPayload {{ agreement {{ {SHOWN} residents {{ name }} }} }}
  ... on Refusal {{ code clause where message {{ en }} nextStep {{ zh }} }} }} }}"""
RENEW = f"""mutation Renew($input: RenewAgreementInput!) {{ renewAgreement(input: $input) {{
  ... on AgreementPayload {{ agreement {{ {SHOWN} }} }} ... on Refusal {{ code clause }} }} }}"""
END = f"""mutation End($input: EndAgreementInput!) {{ endAgreement(input: $input) {{
  ... on AgreementPayload {{ agreement {{ {SHOWN} residents {{ name }} }} }} ... on Refusal {{ code where }} }} }}"""
TRANSFER = f"""mutation Transfer($input: TransferAgreementInput!) {{ transferAgreement(input: $input) {{
  ... on TransferAgreementPayload {{ left {{ {SHOWN} }} agreement {{ {SHOWN} }} }}
  ... on Refusal {{ code where }} }} }}"""
LIST = """query List($first: Int!, $after: String, $state: AgreementState, $days: Int) {
  agreements(first: $first, after: $after, state: $state, endingWithinDays: $days) {
    totalCount pageInfo { hasNextPage endCursor } edges { node { number state residents { name } } } } }"""
ONE = f"query One($id: ID!) {{ agreement(id: $id) {{ {SHOWN} }} }}"


def gid(kind: str, key: UUID) -> str:
    return b64encode(f"{kind}:{key}".encode()).decode()


@pytest.fixture(autouse=True)
async def county(engine: AsyncEngine, clock: Clock) -> None:
    """Two centres of one alliance, a team each."""
    async with engine.begin() as connection:
        await save_organisation(connection, Organisation(id="alliance", name="医共体", kind="alliance"))
        for number in ("1", "2"):
            home = Organisation(
                id=f"centre-{number}", name="中心", kind="community-health-centre", alliance_id="alliance"
            )
            await save_organisation(connection, home)
            doctor = Practitioner(id=f"dr-{number}", organisation_id=home.id, name="医生", role="family-doctor")
            await save_practitioner(connection, doctor)
            members = (Member(practitioner_id=doctor.id, role="leader"),)
            one = Team(id=f"team-{number}", organisation_id=home.id, name=f"团队{number}", members=members, areas={})
            await save_team(connection, one, today=day_of(clock()))


@pytest.fixture
def other(client: httpx.AsyncClient, keyring: Keyring, clock: Clock) -> Asker:
    """A doctor of the other team."""
    viewer = Viewer(id="dr-cen", name="岑医生", role=Role.FAMILY_DOCTOR, organisation="centre-2", team="team-2")
    return Asker(client, keyring.issue(viewer, now=clock()))


@pytest.fixture
def desk(client: httpx.AsyncClient, keyring: Keyring, clock: Clock) -> Asker:
    """A hospital's desk."""
    viewer = Viewer(id="desk", name="窗口", role=Role.HOSPITAL_DESK, organisation="renmin")
    return Asker(client, keyring.issue(viewer, now=clock()))


async def signed(asker: Asker, key: UUID, **more: Any) -> dict[str, Any]:
    """An agreement that somebody signed."""
    done = (await asker.ask(SIGN, input={"residentId": gid("Resident", key), **more}))["signAgreement"]
    assert "code" not in done, done
    agreement: dict[str, Any] = done["agreement"]
    return agreement


async def refusal(asker: Asker, query: str, **said: Any) -> dict[str, Any]:
    (done,) = (await asker.ask(query, input=said)).values()
    assert "code" in done, done
    found: dict[str, Any] = done
    return found


# -- signing ---------------------------------------------------------------------------------------------------------


async def test_a_resident_is_signed_by_number_without_any_right_to_read_them(
    doctor: Asker, ward: Ward, clock: Clock
) -> None:
    await ward.admit("张伟", citizen_id=CITIZEN_ID, team=None)
    number = {"kind": "citizen-id", "value": CITIZEN_ID}
    assert (await doctor.refused("query($n: IdentifierInput) { resident(identifier: $n) { name } }", n=number))[
        "code"
    ] == "no-relation"
    done = (await doctor.ask(SIGN, input={"identifier": number, "packages": ["基础服务包"]}))["signAgreement"]
    today = day_of(clock())
    assert done["agreement"] | {"id": "", "number": ""} == {
        **{"id": "", "number": "", "state": "IN_FORCE", "kind": "PRIMARY", "term": 1, "endReason": None, "version": 2},
        "beginsOn": today.isoformat(),
        "endsOn": _a_year_on(today).isoformat(),
        "availableActions": ["RENEW", "TRANSFER", "END"],
        "team": {"id": "team-1"},
        "terms": [{"rule": "agreement-first-term", "clause": "weihai-2023 五(一)"}],
        "residents": [{"name": "张伟"}],
    }


def _a_year_on(day: date) -> date:
    return day.replace(year=day.year + 1) - timedelta(days=1)


async def test_the_audit_trail_names_whom_it_was_about_and_what_changed(doctor: Asker, ward: Ward) -> None:
    key = await ward.admit(team=None)
    await signed(doctor, key)
    row = next(row for row in await ward.audited() if row["operation"] == "signAgreement")
    assert (row["viewer"], row["decision"], row["residents"]) == ("dr-lin", "allowed", [key])
    assert [change.split(" ", 2)[2] for change in row["changes"]] == ["sign: >signed", "begin: signed>in-force"]


async def test_signing_tells_nothing_of_the_other_teams_resident(doctor: Asker, ward: Ward) -> None:
    key = await ward.admit("张伟", team="team-2")
    done = await refusal(doctor, SIGN, residentId=gid("Resident", key))
    assert done["code"] == "already-signed"
    assert "team-2" in done["message"]["en"]
    assert "张伟" not in str(done)
    assert str(key) not in str(done)


async def test_what_signing_needs(doctor: Asker, engineer: Asker, ward: Ward) -> None:
    key = gid("Resident", await ward.admit(team=None))
    number = {"kind": "citizen-id", "value": CITIZEN_ID}
    assert (await refusal(engineer, SIGN, residentId=key))["code"] == "may-not-change"
    assert (await refusal(doctor, SIGN))["code"] == "exactly-one"
    assert (await refusal(doctor, SIGN, residentId=key, identifier=number))["code"] == "exactly-one"
    assert (await refusal(doctor, SIGN, identifier=number))["code"] == "nobody-to-sign"
    assert (await refusal(doctor, SIGN, residentId=gid("Resident", UUID(int=5))))["code"] == "nobody-to-sign"
    assert (await refusal(doctor, SIGN, residentId=key, memberIds=[key]))["code"] == "client-unclear"
    both = await refusal(doctor, SIGN, residentId=key, household="H1", organisationId="centre-1")
    assert both["code"] == "client-unclear"
    assert (await refusal(doctor, SIGN, residentId=key, organisationId="x"))["code"] == "directory-unknown"
    assert (await refusal(doctor, SIGN, residentId=key, combination=["x"]))["code"] == "directory-unknown"
    elsewhere = await refusal(doctor, SIGN, residentId=key, provider="PRACTITIONER", practitionerId="dr-2")
    assert elsewhere["code"] == "not-a-member"
    assert (await refusal(doctor, SIGN, residentId=key, number="\0"))["code"] == "bad-argument"
    assert (await refusal(doctor, SIGN, residentId=key, household="H" * 1001))["code"] == "bad-argument"


async def test_a_term_that_departs_from_a_principle_needs_its_reason(doctor: Asker, ward: Ward, clock: Clock) -> None:
    key = gid("Resident", await ward.admit(team=None))
    until = (day_of(clock()) + timedelta(days=800)).isoformat()
    done = await refusal(doctor, SIGN, residentId=key, endsOn=until)
    assert (done["code"], done["clause"], done["where"]) == (
        "term-needs-a-reason",
        "weihai-2023 五(一)",
        "deviation",
    )
    agreed = {"residentId": key, "endsOn": until, "deviation": "居民长期外出"}
    assert (await doctor.ask(SIGN, input=agreed))["signAgreement"]["agreement"]["endsOn"] == until


async def test_a_household_signs_once_for_its_members(doctor: Asker, ward: Ward) -> None:
    people = [await ward.admit(name, team=None) for name in ("张伟", "李娜", "张小宝")]
    members = [gid("Resident", one) for one in people[1:]]
    done = await signed(doctor, people[0], household="H1", memberIds=members, signedBy="张伟（户主）")
    assert sorted(one["name"] for one in done["residents"]) == sorted(["张伟", "李娜", "张小宝"])


async def test_a_practitioner_or_the_alliance_may_sign(doctor: Asker, other: Asker, ward: Ward) -> None:
    one, two = await ward.admit("张伟", team=None), await ward.admit("李娜", team=None)
    by_doctor = await signed(doctor, one, provider="PRACTITIONER", practitionerId="dr-1")
    assert by_doctor["team"] == {"id": "team-1"}
    by_alliance = await signed(doctor, two, provider="ALLIANCE")
    assert by_alliance["team"] is None
    seen = (await other.ask(ONE, id=by_alliance["id"]))["agreement"]
    assert seen["availableActions"] == ["RENEW", "TRANSFER", "END"]
    assert (await other.refused(ONE, id=by_doctor["id"]))["code"] == "no-agreement"


async def test_of_two_doctors_who_sign_at_once_one_wins(doctor: Asker, other: Asker, ward: Ward) -> None:
    for _ in range(8):
        key = gid("Resident", await ward.admit(team=None))
        asked = (asker.ask(SIGN, input={"residentId": key}) for asker in (doctor, other))
        done = [one["signAgreement"] for one in await asyncio.gather(*asked)]
        assert sorted(one.get("code", "won") for one in done) == ["already-signed", "won"]


# -- what becomes of it ----------------------------------------------------------------------------------------------


async def test_a_renewal_goes_one_term_ahead(doctor: Asker, ward: Ward) -> None:
    one = await signed(doctor, await ward.admit(team=None))
    stale = await refusal(doctor, RENEW, agreementId=one["id"], version=1)
    assert stale["code"] == "changed-meanwhile"
    done = (await doctor.ask(RENEW, input={"agreementId": one["id"], "version": 2}))["renewAgreement"]["agreement"]
    assert (done["term"], done["state"], done["availableActions"]) == (2, "IN_FORCE", ["TRANSFER", "END"])
    assert date.fromisoformat(done["beginsOn"]) == date.fromisoformat(one["endsOn"]) + timedelta(days=1)
    assert (await refusal(doctor, RENEW, agreementId=one["id"]))["code"] == "agreement-not-begun"


async def test_an_end_needs_a_reason_and_is_shown_without_the_resident(doctor: Asker, ward: Ward) -> None:
    one = await signed(doctor, await ward.admit(team=None))
    assert await refusal(doctor, END, agreementId=one["id"], reason=" ") == {
        "code": "needs-a-reason",
        "where": "reason",
    }
    done = (await doctor.ask(END, input={"agreementId": one["id"], "reason": "迁出"}))["endAgreement"]["agreement"]
    assert (done["state"], done["endReason"], done["residents"], done["availableActions"]) == ("ENDED", "迁出", [], [])
    assert (await refusal(doctor, END, agreementId=one["id"], reason="再次"))["code"] == "not-in-this-state"


async def test_another_team_changes_and_sees_nothing(doctor: Asker, other: Asker, desk: Asker, ward: Ward) -> None:
    one = await signed(doctor, await ward.admit(team=None))
    assert (await refusal(other, RENEW, agreementId=one["id"]))["code"] == "no-agreement"
    assert (await refusal(other, END, agreementId=one["id"], reason="x"))["code"] == "no-agreement"
    assert (await refusal(desk, END, agreementId=one["id"], reason="x"))["code"] == "may-not-change"
    unknown = gid("Agreement", UUID(int=9))
    assert await other.refused(ONE, id=one["id"]) == await other.refused(ONE, id=unknown)
    assert (await other.refused(ONE, id=gid("Resident", UUID(int=9))))["code"] == "bad-id"
    assert (await other.ask(LIST, first=5))["agreements"]["totalCount"] == 0
    assert (await desk.refused(LIST, first=5))["code"] == "may-not-change"


async def test_a_team_takes_over_a_resident_with_their_consent(doctor: Asker, other: Asker, ward: Ward) -> None:
    await ward.admit("张伟", citizen_id=CITIZEN_ID)
    number = {"kind": "citizen-id", "value": CITIZEN_ID}
    assert (await refusal(other, TRANSFER, identifier=number))["code"] == "consent-needed"
    done = (await other.ask(TRANSFER, input={"identifier": number, "consent": "当面同意"}))["transferAgreement"]
    assert done["left"] is None
    assert (done["agreement"]["state"], done["agreement"]["team"]) == ("IN_FORCE", {"id": "team-2"})
    assert (await refusal(other, TRANSFER, identifier=number, consent="再次"))["code"] == "same-provider"
    assert (await doctor.refused("query($n: IdentifierInput) { resident(identifier: $n) { name } }", n=number))[
        "code"
    ] == "no-relation"


async def test_a_team_gives_a_resident_to_another(doctor: Asker, other: Asker, ward: Ward) -> None:
    one = await signed(doctor, await ward.admit("李娜", team=None))
    done = (await doctor.ask(TRANSFER, input={"agreementId": one["id"], "toTeamId": "team-2"}))["transferAgreement"]
    assert done["agreement"] is None
    assert (done["left"]["state"], done["left"]["endReason"]) == ("ENDED", "transferred")
    found = (await other.ask(LIST, first=5))["agreements"]["edges"]
    assert [edge["node"]["residents"] for edge in found] == [[{"name": "李娜"}]]


async def test_who_is_neither_side_transfers_nothing(
    doctor: Asker, other: Asker, ward: Ward, client: httpx.AsyncClient, keyring: Keyring, clock: Clock
) -> None:
    one = await signed(doctor, await ward.admit(team=None))
    for given in ({"toTeamId": "team-1"}, {"toTeamId": "team-2"}, {}):
        third = await refusal(other, TRANSFER, agreementId=one["id"], consent="x", **given)
        assert third["code"] == "no-agreement"
    nobody = gid("Resident", await ward.admit(team=None))
    assert (await refusal(other, TRANSFER, residentId=nobody, consent="x"))["code"] == "no-agreement-to-transfer"
    assert (await refusal(other, TRANSFER, consent="x"))["code"] == "exactly-one"


# -- reading ---------------------------------------------------------------------------------------------------------


async def test_a_teams_agreements_come_page_by_page_and_by_state(doctor: Asker, ward: Ward, clock: Clock) -> None:
    made = [await signed(doctor, await ward.admit(str(place), team=None)) for place in range(5)]
    await doctor.ask(END, input={"agreementId": made[0]["id"], "reason": "迁出"})
    ahead = (day_of(clock()) + timedelta(days=9)).isoformat()
    await signed(doctor, await ward.admit(team=None), beginsOn=ahead)
    every, after = [], None
    while True:
        page = (await doctor.ask(LIST, first=2, after=after))["agreements"]
        every += [edge["node"]["number"] for edge in page["edges"]]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    assert every[:5] == [one["number"] for one in made]
    assert page["totalCount"] == len(every) == 6
    counted = {
        state: (await doctor.ask(LIST, first=9, state=state))["agreements"]["totalCount"]
        for state in ("SIGNED", "IN_FORCE", "LAPSED", "ENDED")
    }
    assert counted == {"SIGNED": 1, "IN_FORCE": 4, "LAPSED": 0, "ENDED": 1}
    clock.moment += timedelta(days=340)
    token = Asker(doctor.client, doctor.token)
    assert (await token.post(LIST, first=1)).status_code == 401, "a year on, the token has ended"


async def test_what_ends_soon_is_found_and_what_is_over_has_lapsed(
    doctor: Asker, ward: Ward, clock: Clock, keyring: Keyring, engine: AsyncEngine
) -> None:
    soon = (day_of(clock()) + timedelta(days=10)).isoformat()
    key = await ward.admit("张伟", team=None)
    await signed(doctor, key, endsOn=soon, deviation="短期居住")
    await signed(doctor, await ward.admit(team=None))
    assert (await doctor.ask(LIST, first=5, days=9))["agreements"]["totalCount"] == 0
    assert (await doctor.ask(LIST, first=5, days=10))["agreements"]["totalCount"] == 1
    assert (await doctor.refused(LIST, first=5, days=-1))["code"] == "bad-argument"
    assert (await doctor.ask("{ team { covered ending } }"))["team"] == {"covered": 2, "ending": 1}
    clock.moment += timedelta(days=11)
    lapsed = (await doctor.ask(LIST, first=5, state="LAPSED"))["agreements"]["edges"]
    assert [edge["node"] for edge in lapsed] == [{**lapsed[0]["node"], "state": "LAPSED", "residents": []}]
    assert (await doctor.refused("query($id: ID) { resident(id: $id) { name } }", id=gid("Resident", key)))[
        "code"
    ] == "no-relation", "an agreement that is over gives no right, though nobody closed it"


async def test_a_resident_shows_who_serves_them(doctor: Asker, ward: Ward) -> None:
    key = await ward.admit("张伟")
    asked = "query One($id: ID) { resident(id: $id) { team { id name } agreement { state residents { name } } } }"
    found = (await doctor.ask(asked, id=gid("Resident", key)))["resident"]
    assert found == {
        "team": {"id": "team-1", "name": "团队1"},
        "agreement": {"state": "IN_FORCE", "residents": [{"name": "张伟"}]},
    }


@pytest.mark.parametrize("count", [1, 12])
async def test_statements_do_not_grow_with_the_rows(doctor: Asker, ward: Ward, engine: AsyncEngine, count: int) -> None:
    for place in range(count):
        await signed(doctor, await ward.admit(str(place), team=None), combination=["centre-1", "centre-2"])
    statements: list[str] = []
    event.listen(engine.sync_engine, "before_cursor_execute", lambda *said: statements.append(said[2]))
    asked = """{ agreements(first: 50) { totalCount edges { node { team { name members { role } } organisation { id }
      combination { id } terms { rule } availableActions residents { name team { id } agreement { number } } } } } }"""
    edges = (await doctor.ask(asked))["agreements"]["edges"]
    assert len(edges) == count
    assert all(one["node"]["residents"][0]["agreement"] for one in edges)
    read = [one for one in statements if one.lstrip().lower().startswith(("select", "with"))]
    assert len(read) <= MOST_STATEMENTS, read


async def test_a_teams_change_arrives_and_another_teams_does_not(
    address: str, doctor: Asker, other: Asker, ward: Ward, engine: AsyncEngine
) -> None:
    query = """subscription Follow($after: String) {
      agreementChanged(after: $after) { cursor at agreement { number state } } }"""
    async with connected(address) as socket:
        await (await socket.enter(doctor.token)).follow(None, query=query)
        await asyncio.sleep(0.3)
        await signed(other, await ward.admit(team=None))
        mine = await signed(doctor, await ward.admit(team=None))
        heard = (await socket.hear(3))["payload"]["data"]["agreementChanged"]
        assert heard["agreement"] == {"number": mine["number"], "state": "IN_FORCE"}
        await doctor.ask(END, input={"agreementId": mine["id"], "reason": "迁出"})
        later = (await socket.hear(3))["payload"]["data"]["agreementChanged"]
        assert later["agreement"]["state"] == "ENDED"
    async with connected(address) as socket:
        await (await socket.enter(doctor.token)).follow(None, heard["cursor"], query=query)
        again = (await socket.hear(3))["payload"]["data"]["agreementChanged"]
        assert again["cursor"] == later["cursor"]


async def test_every_change_by_people_leaves_its_history(doctor: Asker, ward: Ward, engine: AsyncEngine) -> None:
    one = await signed(doctor, await ward.admit(team=None))
    await doctor.ask(RENEW, input={"agreementId": one["id"]})
    await doctor.ask(END, input={"agreementId": one["id"], "reason": "迁出"})
    async with engine.connect() as connection:
        steps = (await connection.execute(select(history).order_by(history.c.id))).mappings().all()
    assert [(step["act"], step["by"], step["role"]) for step in steps] == [
        (act, "dr-lin", "family-doctor") for act in ("sign", "begin", "renew", "end")
    ]
    assert steps[-1]["note"] == "迁出"
