"""Trying whom the hub would take somebody for: who may, what they are shown, and that nothing is written."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from hub.access import Role, Viewer
from hub.matching.person import Person
from hub.store import candidates
from hub.store.candidates import Entered
from hub.tokens import Keyring
from tests.desk import counts, rows
from tests.integration.api.conftest import Asker, Clock, Ward
from tests.recognising import keys

TRY = """query Try($input: MatchInput!) { matchCandidates(input: $input) {
  grade score weights { bits sentence { zh en } } patientId residentId side { name source organisation } } }"""
ZHANG = Person(names=("张伟",), birth_date="1956-03-12", phones=("19900001111",))

AskAs = Callable[..., Asker]


@pytest.fixture
def ask_as(client: httpx.AsyncClient, keyring: Keyring, clock: Clock) -> AskAs:
    def make(role: Role, team: str = "") -> Asker:
        viewer = Viewer(id=role.value, name="x", role=role, organisation="centre-1", team=team)
        return Asker(client, keyring.issue(viewer, now=clock()))

    return make


@pytest.fixture
async def known(engine: AsyncEngine, ward: Ward) -> dict[str, UUID]:
    """Two residents of one name: one signed with team-1, one with nobody; their patients."""
    residents = {"signed": await ward.admit("张伟"), "other": await ward.admit("张伟", team=None)}
    found = {}
    for who, resident in residents.items():
        (row,) = await rows(engine, "select patient_id from link where resident_id = :of", of=resident)
        found[who] = row["patient_id"]
    entered = [Entered(patient_id=one, person=ZHANG, keys=keys(ZHANG), digest=b"x") for one in found.values()]
    async with engine.begin() as connection:
        await candidates.enter(connection, entered, known=())
    return found


async def tried(asker: Asker, **told: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await asker.ask(TRY, input=told))["matchCandidates"]
    return found


async def test_a_team_sees_of_those_it_serves_who_they_are_and_of_others_only_how_alike(
    doctor: Asker, known: dict[str, UUID]
) -> None:
    found = await tried(doctor, name="张 伟", birthDate="1956-03-12")
    assert [(one["grade"], one["score"]) for one in found] == [("PROBABLE", 10.0)] * 2
    assert found[0]["weights"] == [{"bits": 5.0, "sentence": {"zh": "姓名相同。", "en": "Same name."}}]
    sides = {one["patientId"]: one["side"] for one in found}
    assert sides[str(known["signed"])]["source"] == "his"
    assert sides[str(known["other"])] is None


async def test_administrators_see_both_sides(ask_as: AskAs, known: dict[str, UUID]) -> None:
    found = await tried(ask_as(Role.ADMINISTRATOR), name="张伟", phone="+86 199 0000 1111")
    assert [one["side"]["source"] for one in found] == ["his", "his"]


async def test_a_patient_is_compared_with_those_of_other_residents(doctor: Asker, known: dict[str, UUID]) -> None:
    found = await tried(doctor, patientId=str(known["signed"]))
    assert [(one["grade"], one["patientId"]) for one in found] == [("CERTAIN", str(known["other"]))]


async def test_nothing_is_written_but_the_audit_row_which_names_no_value(
    doctor: Asker, known: dict[str, UUID], engine: AsyncEngine
) -> None:
    before = await counts(engine)
    await tried(doctor, name="张伟", birthDate="1956-03-12")
    assert await counts(engine) == before
    assert await rows(engine, "select id from match_review") == []
    (row,) = await rows(engine, "select * from audit")
    assert (row["operation"], row["decision"], row["kinds"]) == ("Try", "allowed", ["Patient"])
    assert len(row["residents"]) == 2
    assert not {"张伟", "1956-03-12"} & {str(value) for value in row.values()}


@pytest.mark.parametrize("role", [Role.ENGINEER, Role.HOSPITAL_DESK])
async def test_who_decides_nothing_tries_nothing(ask_as: AskAs, role: Role, known: dict[str, UUID]) -> None:
    assert (await ask_as(role).refused(TRY, input={"name": "张伟"}))["code"] == "may-not-change"


async def test_a_stranger_learns_nothing_of_a_patient_by_its_id(ask_as: AskAs, known: dict[str, UUID]) -> None:
    stranger = ask_as(Role.NURSE, "team-9")
    asked = {"patientId": str(known["signed"])}
    assert (await stranger.refused(TRY, input=asked))["code"] == "no-such-patient"


@pytest.mark.parametrize(
    ("told", "code"),
    [
        ({}, "nothing-to-match-by"),
        ({"birthDate": "1956-03-12", "sex": "male"}, "nothing-to-match-by"),
        ({"identifiers": [{"kind": "shoe-size", "value": "43"}]}, "bad-argument"),
        ({"name": "张" * 300}, "bad-argument"),
    ],
)
async def test_what_nobody_can_be_looked_for_by_is_refused(doctor: Asker, told: dict[str, Any], code: str) -> None:
    assert (await doctor.refused(TRY, input=told))["code"] == code
