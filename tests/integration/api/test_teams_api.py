"""The directory over the real API: everybody with a token reads it, the administrator keeps it."""

from typing import Any

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from hub.access import Role, Viewer
from hub.policy import Programme, load_programme
from hub.tokens import Keyring
from tests.integration.api.conftest import Asker, Clock, Ward
from tests.policies import OWN

SAVE_ORGANISATION = """mutation Save($input: SaveOrganisationInput!) { saveOrganisation(input: $input) {
  ... on SaveOrganisationPayload { organisation { id name kind level authority alliance { id } creditCode } }
  ... on Refusal { code where nextStep { zh } } } }"""
SAVE_PRACTITIONER = """mutation Save($input: SavePractitionerInput!) { savePractitioner(input: $input) {
  ... on SavePractitionerPayload { practitioner { id name role title organisation { id } } }
  ... on Refusal { code where } } }"""
SAVE_TEAM = """mutation Save($input: SaveTeamInput!) { saveTeam(input: $input) {
  ... on SaveTeamPayload { team { id name members { role practitioner { id } } areas { id name } } }
  ... on Refusal { code where } } }"""
TEAM = """query Team($id: ID) { team(id: $id) { id name nameEn phone covered ending ratio { least most clause }
  organisation { id alliance { id name } teams { id } }
  members { role since practitioner { id name role title } } areas { id name } } }"""


@pytest.fixture
def administrator(client: httpx.AsyncClient, keyring: Keyring, clock: Clock) -> Asker:
    return Asker(client, keyring.issue(Viewer(id="adm", name="管理员", role=Role.ADMINISTRATOR), now=clock()))


def home(key: str, **more: Any) -> dict[str, Any]:
    return {"id": key, "name": f"机构{key}", "kind": "COMMUNITY_HEALTH_CENTRE", **more}


@pytest.fixture
async def county(administrator: Asker) -> None:
    """An alliance of one centre with one team."""
    alliance = home("alliance", kind="ALLIANCE")
    for one in (alliance, home("centre-1", allianceId="alliance"), home("centre-2")):
        await administrator.ask(SAVE_ORGANISATION, input=one)
    doctor = {
        "id": "dr-lin",
        "organisationId": "centre-1",
        "name": "林医生",
        "role": "FAMILY_DOCTOR",
        "title": "主治医师",
    }
    nurse = {"id": "nr-ding", "organisationId": "centre-1", "name": "丁护士", "role": "NURSE"}
    for person in (doctor, nurse):
        await administrator.ask(SAVE_PRACTITIONER, input=person)
    members = [{"practitionerId": "nr-ding", "role": "NURSE"}, {"practitionerId": "dr-lin", "role": "LEADER"}]
    team = {
        "id": "team-1",
        "organisationId": "centre-1",
        "name": "海棠团队",
        "nameEn": "Haitang",
        "phone": "19900000201",
    }
    saved = await administrator.ask(
        SAVE_TEAM, input={**team, "members": members, "areas": [{"id": "a1", "name": "海棠路"}]}
    )
    assert "code" not in saved["saveTeam"]


@pytest.mark.usefixtures("county")
async def test_a_doctor_sees_their_own_team(doctor: Asker, ward: Ward) -> None:
    await ward.admit()
    await ward.admit()
    assert (await doctor.ask(TEAM))["team"] == {
        **{"id": "team-1", "name": "海棠团队", "nameEn": "Haitang", "phone": "19900000201"},
        **{"covered": 2, "ending": 0, "ratio": None},
        "organisation": {
            "id": "centre-1",
            "alliance": {"id": "alliance", "name": "机构alliance"},
            "teams": [{"id": "team-1"}],
        },
        "members": [
            {
                **{"role": "LEADER", "since": None},
                "practitioner": {"id": "dr-lin", "name": "林医生", "role": "FAMILY_DOCTOR", "title": "主治医师"},
            },
            {
                **{"role": "NURSE", "since": None},
                "practitioner": {"id": "nr-ding", "name": "丁护士", "role": "NURSE", "title": None},
            },
        ],
        "areas": [{"id": "a1", "name": "海棠路"}],
    }


@pytest.mark.usefixtures("county")
async def test_how_many_residents_a_team_has_is_for_its_own(
    client: httpx.AsyncClient, keyring: Keyring, clock: Clock, administrator: Asker, ward: Ward
) -> None:
    await ward.admit()
    other = Viewer(id="dr-cen", name="岑医生", role=Role.FAMILY_DOCTOR, organisation="centre-2", team="team-2")
    stranger = Asker(client, keyring.issue(other, now=clock()))
    asked = 'query { team(id: "team-1") { name covered ending } }'
    assert (await stranger.ask(asked))["team"] == {"name": "海棠团队", "covered": None, "ending": None}
    assert (await administrator.ask(asked))["team"]["covered"] == 1
    assert (await stranger.ask(TEAM))["team"] is None, "the directory has no team-2"


async def test_who_has_no_team_names_one(administrator: Asker, doctor: Asker) -> None:
    assert (await administrator.refused(TEAM))["code"] == "no-team"
    assert (await doctor.ask(TEAM, id="nowhere"))["team"] is None


@pytest.mark.usefixtures("county")
async def test_organisations_are_found_by_kind_and_alliance(doctor: Asker) -> None:
    asked = (
        "query Of($kind: OrganisationKind, $alliance: ID) { organisations(kind: $kind, alliance: $alliance) { id } }"
    )
    every = (await doctor.ask(asked))["organisations"]
    assert [one["id"] for one in every] == ["alliance", "centre-1", "centre-2"]
    assert (await doctor.ask(asked, kind="ALLIANCE"))["organisations"] == [{"id": "alliance"}]
    assert (await doctor.ask(asked, alliance="alliance"))["organisations"] == [{"id": "centre-1"}]


@pytest.mark.usefixtures("county")
async def test_only_the_administrator_keeps_the_directory(doctor: Asker, ward: Ward) -> None:
    done = (await doctor.ask(SAVE_ORGANISATION, input=home("centre-9")))["saveOrganisation"]
    assert done["code"] == "may-not-change"
    assert [row["decision"] for row in await ward.audited()][-1] == "refused"
    assert (await doctor.ask("{ organisations { id } }"))["organisations"][-1] == {"id": "centre-2"}


@pytest.mark.usefixtures("county")
async def test_what_was_saved_stands_in_the_audit_trail(administrator: Asker, ward: Ward) -> None:
    changes = [change for row in await ward.audited() for change in row["changes"]]
    assert changes[-1] == "team team-1 saved"
    await administrator.ask(SAVE_ORGANISATION, input=home("centre-2"))
    assert [row["changes"] for row in await ward.audited() if row["changes"]][-1] == ["organisation centre-2 unchanged"]


@pytest.mark.usefixtures("county")
@pytest.mark.parametrize(
    ("mutation", "said", "code"),
    [
        (SAVE_ORGANISATION, home("x", allianceId="nowhere"), "directory-unknown"),
        (SAVE_ORGANISATION, home("x", allianceId="centre-1"), "not-an-alliance"),
        (SAVE_ORGANISATION, home("x", level=4), "directory-code"),
        (SAVE_ORGANISATION, home(" "), "directory-incomplete"),
        (SAVE_ORGANISATION, home("x", phone="\0"), "bad-argument"),
        (
            SAVE_PRACTITIONER,
            {"id": "x", "organisationId": "nowhere", "name": "x", "role": "NURSE"},
            "directory-unknown",
        ),
        (SAVE_TEAM, {"id": "x", "organisationId": "nowhere", "name": "x"}, "directory-unknown"),
        (
            SAVE_TEAM,
            {
                "id": "x",
                "organisationId": "centre-1",
                "name": "x",
                "members": [{"practitionerId": "y", "role": "NURSE"}],
            },
            "directory-unknown",
        ),
    ],
)
async def test_what_cannot_be_is_refused(
    administrator: Asker, engine: AsyncEngine, mutation: str, said: dict[str, Any], code: str
) -> None:
    (done,) = (await administrator.ask(mutation, input=said)).values()
    assert done["code"] == code
    async with engine.connect() as connection:
        assert (await connection.exec_driver_sql("select id from organisation where id in ('x', ' ')")).all() == []
        assert (await connection.exec_driver_sql("select id from team where id = 'x'")).all() == []


class TestWhereTheRegionCounts:
    """Baodi says how many residents a team has."""

    @pytest.fixture
    def programme(self) -> Programme:
        return load_programme("baodi-2017", OWN)

    @pytest.mark.usefixtures("county")
    async def test_a_team_shows_the_regions_ratio(self, doctor: Asker) -> None:
        found = (await doctor.ask(TEAM))["team"]["ratio"]
        assert found == {"least": 1000, "most": 3000, "clause": "baodi-2017 二(一)3"}
