"""Who is whom over GraphQL: whose reviews somebody sees, what they are shown, what they decide."""

from collections.abc import Callable
from uuid import UUID

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from hub.access import Role, Viewer
from hub.tokens import Keyring
from tests.desk import rows
from tests.integration.api.conftest import CITIZEN_ID, Asker, Clock, Ward
from tests.matching import review

REVIEWS = """query($states: [MatchReviewState!], $first: Int! = 20, $after: String) {
  matchReviews(states: $states, first: $first, after: $after) { totalCount pageInfo { hasNextPage endCursor }
    edges { node { id state grade score weights { bits sentence { zh en } }
      sides { patientId residentId source organisation name proofs { kind value } } } } } }"""
ONE = """query($id: ID!) { matchReview(id: $id) { id state verdictId
  reach { entries { kind count } agreements readers { viewer times } } } }"""
DECIDE = """mutation($id: ID!, $same: Boolean!, $why: String! = "已核对") {
  decideMatch(input: { reviewId: $id, isSame: $same, reason: $why }) {
    __typename ... on MatchPayload { verdictId disputed residents { id name } reach { entries { kind count } } }
    ... on Refusal { code message { zh } nextStep { zh } where } } }"""
UNDO = """mutation($id: ID!) { undoVerdict(input: { verdictId: $id, reason: "有误" }) {
  __typename ... on MatchPayload { residents { id } } ... on Refusal { code } } }"""
PART = """mutation($id: ID!) { separatePatient(input: { patientId: $id, reason: "并非本人" }) {
  __typename ... on MatchPayload { verdictId residents { id patients { patientId reason { code } } } }
  ... on Refusal { code } } }"""

AskAs = Callable[..., Asker]


@pytest.fixture
def ask_as(client: httpx.AsyncClient, keyring: Keyring, clock: Clock) -> AskAs:
    def make(role: Role, team: str = "") -> Asker:
        viewer = Viewer(id=role.value, name="x", role=role, organisation="centre-1", team=team)
        return Asker(client, keyring.issue(viewer, now=clock()))

    return make


@pytest.fixture
async def doubt(engine: AsyncEngine, ward: Ward) -> UUID:
    """Two residents of one name, one of them signed with team-1; a review of their patients."""
    signed = await ward.admit("张伟", citizen_id=CITIZEN_ID)
    other = await ward.admit("张伟", team=None)
    await ward.note(other, "Condition", 2)
    return await review(engine, *[await patient_of(engine, one) for one in (signed, other)])


async def patient_of(engine: AsyncEngine, resident: UUID) -> UUID:
    (row,) = await rows(engine, "select patient_id from link where resident_id = :of and until is null", of=resident)
    found: UUID = row["patient_id"]
    return found


async def test_a_team_sees_the_reviews_of_whom_it_serves_with_both_sides(doctor: Asker, doubt: UUID) -> None:
    found = (await doctor.ask(REVIEWS))["matchReviews"]
    assert found["totalCount"] == 1
    (node,) = [edge["node"] for edge in found["edges"]]
    assert (node["state"], node["grade"], node["score"]) == ("OPEN", "POSSIBLE", 7.5)
    assert node["weights"] == [{"bits": 7.5, "sentence": {"zh": "姓名相同。", "en": "Same name."}}]
    assert [side["source"] for side in node["sides"]] == ["his", "his"]
    assert len({side["residentId"] for side in node["sides"]}) == 2


async def test_a_team_without_either_resident_sees_no_review_and_cannot_decide_it(
    ask_as: AskAs, doctor: Asker, doubt: UUID
) -> None:
    (edge,) = (await doctor.ask(REVIEWS))["matchReviews"]["edges"]
    stranger = ask_as(Role.NURSE, "team-9")
    assert (await stranger.ask(REVIEWS))["matchReviews"]["totalCount"] == 0
    assert (await stranger.refused(ONE, id=edge["node"]["id"]))["code"] == "no-such-review"
    answer = (await stranger.ask(DECIDE, id=edge["node"]["id"], same=True))["decideMatch"]
    assert answer["code"] == "no-such-review"


@pytest.mark.parametrize("role", [Role.ENGINEER, Role.HOSPITAL_DESK])
async def test_engineers_and_desks_decide_nothing(ask_as: AskAs, doubt: UUID, role: Role) -> None:
    assert (await ask_as(role).refused(REVIEWS))["code"] == "may-not-change"


async def test_administrators_see_every_review_and_no_record(ask_as: AskAs, doubt: UUID) -> None:
    steward = ask_as(Role.ADMINISTRATOR)
    (edge,) = (await steward.ask(REVIEWS))["matchReviews"]["edges"]
    done = (await steward.ask(DECIDE, id=edge["node"]["id"], same=True))["decideMatch"]
    assert done["__typename"] == "MatchPayload"
    assert done["residents"] == []


async def test_what_is_decided_is_shown_and_can_be_taken_back(
    engine: AsyncEngine, ward: Ward, doctor: Asker, doubt: UUID
) -> None:
    (edge,) = (await doctor.ask(REVIEWS))["matchReviews"]["edges"]
    key = edge["node"]["id"]
    before = (await doctor.ask(ONE, id=key))["matchReview"]
    assert before["reach"]["agreements"] == 0  # the signed one has proven who they are, and stays
    done = (await doctor.ask(DECIDE, id=key, same=True))["decideMatch"]
    assert len(done["residents"]) == 1
    after = (await doctor.ask(ONE, id=key))["matchReview"]
    assert (after["state"], after["verdictId"], after["reach"]) == ("SAME", done["verdictId"], None)
    assert (await doctor.ask(REVIEWS))["matchReviews"]["totalCount"] == 0
    assert (await doctor.ask(DECIDE, id=key, same=False))["decideMatch"]["code"] == "review-ended"
    assert (await doctor.ask(UNDO, id=done["verdictId"]))["undoVerdict"]["__typename"] == "MatchPayload"
    assert (await doctor.ask(REVIEWS))["matchReviews"]["totalCount"] == 1
    changes = [row["changes"] for row in await ward.audited() if row["operation"] == "decideMatch"]
    assert any(f"match-review {doubt} decide: open>same" in of for of in changes)


async def test_a_patient_is_parted_from_a_resident(engine: AsyncEngine, ward: Ward, doctor: Asker, doubt: UUID) -> None:
    (edge,) = (await doctor.ask(REVIEWS))["matchReviews"]["edges"]
    done = (await doctor.ask(DECIDE, id=edge["node"]["id"], same=True))["decideMatch"]
    moved = await rows(engine, "select patient_id from link where verdict_id is not null")
    parted = (await doctor.ask(PART, id=str(moved[0]["patient_id"])))["separatePatient"]
    assert parted["__typename"] == "MatchPayload"
    assert parted["verdictId"] != done["verdictId"]
    (mine,) = parted["residents"]
    assert [one["reason"]["code"] for one in mine["patients"]] == ["new-with-proof"]


async def test_without_a_reason_nothing_is_decided(doctor: Asker, doubt: UUID) -> None:
    (edge,) = (await doctor.ask(REVIEWS))["matchReviews"]["edges"]
    answer = (await doctor.ask(DECIDE, id=edge["node"]["id"], same=True, why=" "))["decideMatch"]
    assert (answer["code"], answer["where"]) == ("reason-needed", "reason")
    assert (await doctor.ask(REVIEWS))["matchReviews"]["totalCount"] == 1


async def test_reviews_come_a_page_at_a_time(engine: AsyncEngine, ward: Ward, doctor: Asker) -> None:
    mine = await ward.admit("张伟")
    patients = [await patient_of(engine, await ward.admit("张伟", team=None)) for _ in range(3)]
    for other in patients:
        await review(engine, await patient_of(engine, mine), other)
    seen: list[str] = []
    after = None
    while True:
        page = (await doctor.ask(REVIEWS, first=2, after=after))["matchReviews"]
        seen += [edge["node"]["id"] for edge in page["edges"]]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    assert len(seen) == len(set(seen)) == 3
