"""Problems, drugs, trends, histories and the record as of a moment, over the county's own messages."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from fixtures.county import Sending, people, story
from fixtures.county.clinic import BEIJING, Order, Result
from fixtures.county.plans import oru
from tests.desk import deliver, rows, told
from tests.integration.api.conftest import Asker, Ward
from tests.integration.api.test_reading import counting

RENMIN = "renmin-his"
AT = datetime(2026, 3, 1, tzinfo=UTC)


async def readable(engine: AsyncEngine, ward: Ward) -> list[UUID]:
    """Everybody of the database, signed with the team of the doctor who asks."""
    found = await rows(engine, "select id from resident where replaced_by is null order by id")
    for one in found:
        await ward.sign(one["id"], "team-1")
    return [one["id"] for one in found]


# -- problems ----------------------------------------------------------------------------------------------------------

PROBLEMS = """
query Problems($id: ID!, $first: Int! = 20, $after: String, $active: Boolean) { resident(id: $id) { record {
  problems(first: $first, after: $after, active: $active) { totalCount pageInfo { hasNextPage endCursor } edges { node {
    code display active clinicalStatus since sinceAt lastSaidAt times organisations
    chapter { number label { zh } }
    conditions { id code origins { messageId } } encounters { visitNumber }
  } } } } } }
"""


async def problems(asker: Asker, key: UUID, **asked: Any) -> Any:
    return (await asker.ask(PROBLEMS, id=str(key), **asked))["resident"]["record"]["problems"]


async def test_a_problem_names_its_chapter_its_visits_and_how_often_it_was_said(
    doctor: Asker, ward: Ward, engine: AsyncEngine
) -> None:
    await deliver(engine, told(about="stroke"))
    [key] = await readable(engine, ward)
    found = (await problems(doctor, key))["edges"]
    stroke = next(edge["node"] for edge in found if edge["node"]["code"].startswith("I63"))
    counted = await rows(
        engine,
        "select count(distinct message_id) as times from fact where kind = 'Condition' and entry_key like '%I63%'",
    )
    assert stroke["times"] == counted[0]["times"] > 1
    assert stroke["chapter"] == {"number": "IX", "label": {"zh": "循环系统疾病"}}
    assert stroke["active"] is True
    stays = await rows(engine, "select visit_number from encounter")
    assert stroke["encounters"]
    assert {one["visitNumber"] for one in stroke["encounters"]} <= {one["visit_number"] for one in stays}


async def test_problems_are_paged_and_narrowed_to_what_is_active(doctor: Asker, ward: Ward) -> None:
    key = await ward.admit()
    for number, status in enumerate(("active", None, "resolved", "active", "inactive")):
        await ward.note(key, "Condition", code=f"J0{number}.9", code_system="urn:icd-10", clinical_status=status)
    whole = await problems(doctor, key)
    assert [edge["node"]["active"] for edge in whole["edges"]] == [True, True, True, False, False]
    seen, after = [], None
    for _ in range(3):
        page = await problems(doctor, key, first=2, after=after)
        seen += page["edges"]
        after = page["pageInfo"]["endCursor"]
    assert (seen, page["pageInfo"]["hasNextPage"], page["totalCount"]) == (whole["edges"], False, 5)
    assert (await problems(doctor, key, active=True))["totalCount"] == 3
    assert (await problems(doctor, key, active=False))["totalCount"] == 2


@pytest.mark.parametrize("cursor", ["x", "e30=", "WzEsMiwzXQ==", "bnVsbA=="])
async def test_a_cursor_of_somebody_else_is_refused_or_finds_no_stranger(
    doctor: Asker, ward: Ward, cursor: str
) -> None:
    key = await ward.admit()
    await ward.note(key, "Condition")
    assert (await doctor.refused(PROBLEMS, id=str(key), after=cursor))["code"] == "bad-cursor"


# -- drugs -------------------------------------------------------------------------------------------------------------

DRUGS = """
query Drugs($id: ID!) { resident(id: $id) { record { currentMedications { totalCount edges { node {
  display doses sinceAt lastAt entries { __typename id status }
} } } } } }
"""


async def test_the_drugs_taken_now_are_those_that_nobody_stopped(doctor: Asker, ward: Ward) -> None:
    key = await ward.admit()
    drug: dict[str, Any] = {"code_system": "urn:drug", "status": "active"}
    await ward.note(key, "MedicationRequest", **drug | {"code": "A", "display": "氨氯地平", "dose": "5 mg"})
    await ward.note(key, "MedicationRequest", **drug | {"code": "A", "display": "氨氯地平", "dose": "10 mg"})
    await ward.note(key, "MedicationRequest", **drug | {"code": "B", "display": "头孢", "status": "stopped"})
    found = (await doctor.ask(DRUGS, id=str(key)))["resident"]["record"]["currentMedications"]
    [edge] = found["edges"]
    assert found["totalCount"] == 1
    assert sorted(edge["node"]["doses"]) == ["10 mg", "5 mg"]
    assert len(edge["node"]["entries"]) == 2


# -- trends ------------------------------------------------------------------------------------------------------------

TRENDS = """
query Trends($id: ID!, $codes: [String!]!, $most: Int! = 100) { resident(id: $id) { record {
  trends(codes: $codes, perCode: $most) { code display unit label { zh } points {
    value unit normalised { code value unit } referenceRange bounds { low high unit } effectiveAt observationIds } }
} } }
"""
LATEST = """
query Latest($id: ID!, $codes: [String!]) { resident(id: $id) { record {
  latest(codes: $codes) { code label { zh } point { value effectiveAt } } } } }
"""
LOINC: dict[str, Any] = {"code_system": "http://loinc.org"}


async def test_a_trend_is_of_one_unit_and_its_newest_values(doctor: Asker, ward: Ward) -> None:
    key = await ward.admit()
    await ward.note(key, "Observation", 3, code="1558-6", value="126", unit="mg/dL", reference_range="70-110", **LOINC)
    await ward.note(key, "Observation", code="1558-6", value="1", unit="mmol/L", **LOINC | {"status": "cancelled"})
    asked = await doctor.ask(TRENDS, id=str(key), codes=["1558-6", "c1"], most=2)
    glucose, other = asked["resident"]["record"]["trends"]
    assert (glucose["unit"], glucose["label"]) == ("mmol/L", {"zh": "血糖"})
    assert [point["normalised"][0]["value"] for point in glucose["points"]] == [7.0, 7.0]
    assert glucose["points"][0]["bounds"] == {"low": 3.9, "high": 6.1, "unit": "mmol/L"}
    assert other == {"code": "c1", "display": None, "unit": None, "label": None, "points": []}


async def test_the_latest_values_are_of_what_doctors_follow(doctor: Asker, ward: Ward) -> None:
    key = await ward.admit()
    await ward.note(key, "Observation", 2, code="85354-9", value="128/78", unit="mmHg", **LOINC)
    await ward.note(key, "Observation", 2, code="4548-4", value="6.5", unit="%", **LOINC)
    await ward.note(key, "Observation", 2, code="K", value="4.1")
    followed = (await doctor.ask(LATEST, id=str(key)))["resident"]["record"]["latest"]
    assert [(one["code"], one["point"]["value"]) for one in followed] == [("85354-9", "128/78"), ("4548-4", "6.5")]
    asked = (await doctor.ask(LATEST, id=str(key), codes=["K", "8480-6", "none"]))["resident"]["record"]["latest"]
    assert [(one["code"], one["point"]["value"]) for one in asked] == [("K", "4.1"), ("8480-6", "128")]


async def test_trends_take_one_statement_whatever_the_codes(doctor: Asker, ward: Ward, engine: AsyncEngine) -> None:
    key = await ward.admit()
    await ward.note(key, "Observation", 20)
    sent = []
    for codes in (["c0"], [f"c{number}" for number in range(50)]):
        with counting(engine) as statements:
            await doctor.ask(TRENDS, id=str(key), codes=codes)
        sent.append(statements)
    assert sorted(sent[0]) == sorted(sent[1])
    assert len([one for one in sent[0] if "row_number" in one]) == 1


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"codes": []}, "bad-argument"),
        ({"codes": [str(number) for number in range(51)]}, "page-too-large"),
        ({"codes": ["a"], "most": 501}, "page-too-large"),
        ({"codes": ["a"], "most": 0}, "bad-argument"),
        ({"codes": ["\0"]}, "bad-argument"),
    ],
)
async def test_trends_that_cannot_be_given_are_refused(
    doctor: Asker, ward: Ward, asked: dict[str, Any], code: str
) -> None:
    key = await ward.admit()
    assert (await doctor.refused(TRENDS, id=str(key), **asked))["code"] == code


# -- histories ---------------------------------------------------------------------------------------------------------

HISTORY = """
query History($id: ID!, $asOf: DateTime) { resident(id: $id) { record(asOf: $asOf) { observations { edges { node {
  id value status history { saidAt source messageId state label { zh } changes { element before after } }
} } } } } }
"""


def potassium(value: str, hour: int, **more: Any) -> Sending:
    """One potassium of the first of August, reported at an hour."""
    collected = datetime(2026, 8, 1, 8, tzinfo=BEIJING)
    order = Order(
        filler="LX1", code="DJZ", text="电解质", collected_at=collected, reported_at=collected + timedelta(hours=hour)
    )
    found = Result(code="K", text="钾", value=value, unit="mmol/L", **more)
    return oru(RENMIN, people()["corrected-result"], order, [found]).sending(f"K{hour}{value}")


async def test_a_corrected_result_tells_what_it_was_before(doctor: Asker, ward: Ward, engine: AsyncEngine) -> None:
    await deliver(engine, [potassium("6.8", 1)])
    await asyncio.sleep(0.01)
    before = datetime.now(UTC)
    await asyncio.sleep(0.01)
    await deliver(engine, [potassium("4.8", 3, status="C")])
    [key] = await readable(engine, ward)
    [edge] = (await doctor.ask(HISTORY, id=str(key)))["resident"]["record"]["observations"]["edges"]
    first, second = edge["node"]["history"]
    assert (edge["node"]["value"], edge["node"]["status"]) == ("4.8", "corrected")
    assert (first["state"], second["state"]) == ("CORRECTED", "CURRENT")
    assert first["label"] == {"zh": "已更正"}
    assert {"element": "value", "before": "6.8", "after": "4.8"} in second["changes"]
    assert first["source"] == RENMIN
    [then] = (await doctor.ask(HISTORY, id=str(key), asOf=before.isoformat()))["resident"]["record"]["observations"][
        "edges"
    ]
    assert (then["node"]["id"], then["node"]["value"]) == (edge["node"]["id"], "6.8")
    [only] = then["node"]["history"]
    assert (only["messageId"], only["state"]) == (first["messageId"], "CURRENT")


async def test_every_entry_of_the_county_has_a_history_that_ends_in_what_it_shows(
    doctor: Asker, ward: Ward, engine: AsyncEngine
) -> None:
    await deliver(engine, story())
    for key in await readable(engine, ward):
        asked = """query H($id: ID!, $after: String) { resident(id: $id) { timeline(first: 50, after: $after) {
          pageInfo { hasNextPage endCursor } edges { node { __typename id status display code
            history(last: 200) { state changes { element before after } } } } } } }"""
        after = None
        while True:
            found = (await doctor.ask(asked, id=str(key), after=after))["resident"]["timeline"]
            for edge in found["edges"]:
                _check_history(edge["node"])
            after = found["pageInfo"]["endCursor"]
            if not found["pageInfo"]["hasNextPage"]:
                break


def _check_history(node: dict[str, Any]) -> None:
    shown: dict[str, Any] = {}
    for step in node["history"]:
        for change in step["changes"]:
            assert shown.get(change["element"]) == change["before"], node
            shown[change["element"]] = change["after"]
    assert {name: shown.get(name) for name in ("status", "display", "code")} == {
        name: node[name] for name in ("status", "display", "code")
    }
    assert any(step["state"] == "CURRENT" for step in node["history"])


async def test_histories_take_as_many_statements_for_one_entry_as_for_many(
    doctor: Asker, ward: Ward, engine: AsyncEngine
) -> None:
    await deliver(engine, told(about="stroke"))
    [key] = await readable(engine, ward)
    asked = """query H($id: ID!, $n: Int!) { resident(id: $id) { timeline(first: $n, kinds: [OBSERVATION]) {
      edges { node { history { state } } } } } }"""
    sent = []
    for many in (1, 20):
        with counting(engine) as statements:
            await doctor.ask(asked, id=str(key), n=many)
        sent.append(len(statements))
    assert sent[0] == sent[1]


async def test_an_entry_that_no_fact_stands_behind_has_no_history(doctor: Asker, ward: Ward) -> None:
    key = await ward.admit()
    await ward.note(key, "Observation")
    [edge] = (await doctor.ask(HISTORY, id=str(key)))["resident"]["record"]["observations"]["edges"]
    assert edge["node"]["history"] == []


async def test_what_stands_under_another_key_than_its_facts_is_found_among_its_kind(
    doctor: Asker, ward: Ward, engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A rule of merging may give an entry another key than the one that a fact was stored with."""
    await deliver(engine, [potassium("6.8", 1)])
    [key] = await readable(engine, ward)
    monkeypatch.setattr("hub.recalling._keys", lambda *_: set())
    [edge] = (await doctor.ask(HISTORY, id=str(key)))["resident"]["record"]["observations"]["edges"]
    assert [step["state"] for step in edge["node"]["history"]] == ["CURRENT"]


async def test_a_history_of_too_many_words_is_refused(doctor: Asker, ward: Ward) -> None:
    key = await ward.admit()
    await ward.note(key, "Condition")
    asked = """query H($id: ID!, $n: Int!) { resident(id: $id) { timeline { edges { node {
      history(last: $n) { path } } } } } }"""
    assert (await doctor.refused(asked, id=str(key), n=201))["code"] == "page-too-large"
    assert (await doctor.refused(asked, id=str(key), n=0))["code"] == "bad-argument"
