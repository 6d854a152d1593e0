"""Reading a record: what comes, in which order, in how many statements."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import event, insert
from sqlalchemy.ext.asyncio import AsyncEngine

from hub.api.paging import global_id
from hub.ids import new_id
from hub.tables import resident
from tests.integration.api.conftest import CITIZEN_ID, CITIZEN_SYSTEM, SENT_AT, Asker, Ward

WHOLE = """
query Whole($id: ID!) { resident(id: $id) {
  id name sex birthDate age deceased deceasedOn phone address maritalStatus ethnicity changedAt
  identifiers { kind system value label { zh en } }
  origins { source organisation messageId path row sentAt values { element path row codes } }
  conflicts { element value }
  patients { source organisation numbers { kind value label { zh } } grade reason { code zh en } since mergedInto }
  record { conditions { totalCount pageInfo { hasNextPage hasPreviousPage startCursor endCursor } edges { cursor node {
    __typename id residentId code codeSystem display status effective effectiveAt organisation onset clinicalStatus
    category
    origins { source organisation messageId path row sentAt values { element path row codes } }
    conflicts { element value source organisation messageId sentAt }
    flags { code where table }
  } } } }
} }
"""
MANY = """
query Many($first: Int!) { residents(first: $first) { totalCount edges { node {
  name identifiers { value } patients { source }
  record { conditions { edges { node { display origins { path } } } } encounters { totalCount edges { node { id } } } }
} } } }
"""
PAGE = """
query Page($id: ID!, $first: Int!, $after: String) { resident(id: $id) { record {
  observations(first: $first, after: $after) { totalCount pageInfo { hasNextPage endCursor }
    edges { node { id value } } }
} } }
"""


@contextmanager
def counting(engine: AsyncEngine) -> Iterator[list[str]]:
    """The statements that are sent meanwhile."""
    sent: list[str] = []

    def keep(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if "from event" not in statement:  # the feed reads the log on its own account
            sent.append(statement)

    event.listen(engine.sync_engine, "before_cursor_execute", keep)
    try:
        yield sent
    finally:
        event.remove(engine.sync_engine, "before_cursor_execute", keep)


async def test_a_record_says_what_is_known_and_where_it_comes_from(doctor: Asker, ward: Ward) -> None:
    key = await ward.admit(citizen_id=CITIZEN_ID, sex="male", birth_date="1949-12-31")
    await ward.note(key, "Condition", clinical_status="active", category="出院诊断")
    found = (await doctor.ask(WHOLE, id=str(key)))["resident"]
    assert found["name"] == "张伟"
    assert found["age"] >= 76
    assert found["identifiers"] == [
        {
            "kind": "citizen-id",
            "system": CITIZEN_SYSTEM,
            "value": CITIZEN_ID,
            "label": {"zh": "居民身份证", "en": "Citizen ID number"},
        }
    ]
    assert found["origins"][0]["values"][0]["path"] == "DG1-3"
    patient = found["patients"][0]
    assert (patient["source"], patient["grade"], patient["mergedInto"]) == ("his", "CERTAIN", None)
    assert patient["reason"]["code"] == "new-with-proof"
    assert patient["reason"]["zh"].startswith("平台内无人使用")
    assert patient["numbers"][0]["label"] == {"zh": "住院号"}


async def test_an_entry_names_its_origins_its_conflicts_and_its_flags(doctor: Asker, ward: Ward) -> None:
    key = await ward.admit()
    await ward.note(key, "Condition", clinical_status="active")
    conditions = (await doctor.ask(WHOLE, id=str(key)))["resident"]["record"]["conditions"]
    entry = conditions["edges"][0]["node"]
    assert conditions["totalCount"] == 1
    assert conditions["pageInfo"]["hasNextPage"] is False
    assert entry["__typename"] == "Condition"
    assert entry["effective"] == "2026-03-01"
    assert entry["effectiveAt"] == "2026-03-01T00:00:00+00:00"
    assert entry["origins"][0]["sentAt"] == SENT_AT.isoformat()
    assert entry["origins"][0]["values"] == [
        {"element": "code", "path": "DG1-3", "row": "hl7v2/dg1-condition:code", "codes": None}
    ]
    lost = entry["conflicts"][0]
    assert (lost["element"], lost["value"], lost["source"]) == ("clinicalStatus", "resolved", "phs")
    assert entry["flags"] == [{"code": "unknown-code", "where": "DG1-3", "table": "icd-10"}]


async def test_twenty_residents_take_as_many_statements_as_one(doctor: Asker, ward: Ward, engine: AsyncEngine) -> None:
    for _ in range(20):
        key = await ward.admit()
        await ward.note(key, "Condition", 3)
        await ward.note(key, "Encounter", 2)
    with counting(engine) as for_one:
        await doctor.ask(MANY, first=1)
    with counting(engine) as for_twenty:
        answer = await doctor.ask(MANY, first=20)
    assert len(answer["residents"]["edges"]) == 20
    assert all(len(edge["node"]["record"]["conditions"]["edges"]) == 3 for edge in answer["residents"]["edges"])
    assert sorted(for_one) == sorted(for_twenty)


async def test_pages_are_exact_while_entries_come_in(doctor: Asker, ward: Ward) -> None:
    key = await ward.admit()
    dated = await ward.note(key, "Observation", 7)
    undated = await ward.note(key, "Observation", 3, effective=None, effective_at=None)
    seen: list[str] = []
    after, more, total = None, True, 10
    while more:
        page = (await doctor.ask(PAGE, id=str(key), first=2, after=after))["resident"]["record"]["observations"]
        assert page["totalCount"] == total
        seen += [edge["node"]["id"] for edge in page["edges"]]
        after, more = page["pageInfo"]["endCursor"], page["pageInfo"]["hasNextPage"]
        await ward.note(key, "Observation", 1)  # as new as the newest: it belongs before what was read already
        total += 1
        if len(seen) > 20:
            break
    node = "query N($id: ID!) { node(id: $id) { id ... on Observation { status } } }"
    keys = [(await doctor.ask(node, id=one))["node"]["id"] for one in seen]
    assert len(set(keys)) == len(keys)
    assert len([one for one in seen if one in await _ids(doctor, dated + undated)]) == 10


async def _ids(doctor: Asker, keys: list[UUID]) -> set[str]:
    return {str(global_id("Observation", key)) for key in keys}


async def test_the_newest_comes_first_and_the_undated_last(doctor: Asker, ward: Ward) -> None:
    key = await ward.admit()
    await ward.note(key, "Observation", 1, effective_at=None, value="undated")
    await ward.note(key, "Observation", 1, value="today")
    page = (await doctor.ask(PAGE, id=str(key), first=5, after=None))["resident"]["record"]["observations"]
    assert [edge["node"]["value"] for edge in page["edges"]] == ["today", "undated"]


async def test_results_can_be_asked_for_by_code(doctor: Asker, ward: Ward) -> None:
    key = await ward.admit()
    await ward.note(key, "Observation", 5)
    by_code = """query C($id: ID!) { resident(id: $id) { record {
      observations(code: "c1") { totalCount edges { node { code } } } } } }"""
    page = (await doctor.ask(by_code, id=str(key)))["resident"]["record"]["observations"]
    assert page == {"totalCount": 2, "edges": [{"node": {"code": "c1"}}] * 2}


async def test_one_pressure_is_found_in_the_panel_that_holds_both(doctor: Asker, ward: Ward) -> None:
    key = await ward.admit()
    await ward.note(key, "Observation", code_system="http://loinc.org", code="85354-9", value="128/78", unit="mmHg")
    asked = """query C($id: ID!, $code: String!) { resident(id: $id) { record {
      observations(code: $code) { totalCount edges { node { value } } } } } }"""
    for code, values in (("8480-6", ["128/78"]), ("8462-4", ["128/78"]), ("85354-9", ["128/78"]), ("8867-4", [])):
        page = (await doctor.ask(asked, id=str(key), code=code))["resident"]["record"]["observations"]
        assert (page["totalCount"], [edge["node"]["value"] for edge in page["edges"]]) == (len(values), values)


@pytest.mark.parametrize(
    ("code", "value", "unit", "compared"),
    [
        ("1558-6", "126", "mg/dL", [{"code": "1558-6", "value": 7.0, "comparator": None, "unit": "mmol/L"}]),
        ("1558-6", "<9", "mg/dl", [{"code": "1558-6", "value": 0.5, "comparator": "<", "unit": "mmol/L"}]),
        (
            "85354-9",
            "128/78",
            "毫米汞柱",
            [
                {"code": "8480-6", "value": 128, "comparator": None, "unit": "mm[Hg]"},
                {"code": "8462-4", "value": 78, "comparator": None, "unit": "mm[Hg]"},
            ],
        ),
        ("1558-6", "7.0", None, []),
        ("1558-6", "7.0", "某单位", []),
    ],
)
async def test_a_value_stands_beside_itself_in_the_unit_of_its_kind(
    doctor: Asker, ward: Ward, code: str, value: str, unit: str | None, compared: list[Any]
) -> None:
    key = await ward.admit()
    await ward.note(key, "Observation", 1, code_system="http://loinc.org", code=code, value=value, unit=unit)
    asked = """query C($id: ID!) { resident(id: $id) { record { observations {
      edges { node { value unit comparable { code value comparator unit } } } } } } }"""
    [edge] = (await doctor.ask(asked, id=str(key)))["resident"]["record"]["observations"]["edges"]
    assert edge["node"] == {"value": value, "unit": unit, "comparable": compared}


async def test_pages_of_residents_follow_one_another(doctor: Asker, ward: Ward) -> None:
    admitted = [await ward.admit(f"甲{n}") for n in range(5)]
    query = """query R($after: String) { residents(first: 2, after: $after) {
      totalCount pageInfo { hasNextPage hasPreviousPage endCursor } edges { node { name } } } }"""
    first = (await doctor.ask(query, after=None))["residents"]
    assert first["totalCount"] == len(admitted)
    await ward.admit("后来")
    second = (await doctor.ask(query, after=first["pageInfo"]["endCursor"]))["residents"]
    assert [edge["node"]["name"] for edge in first["edges"] + second["edges"]] == ["甲0", "甲1", "甲2", "甲3"]
    assert (first["pageInfo"]["hasPreviousPage"], second["pageInfo"]["hasPreviousPage"]) == (False, True)


NODE = "query N($id: ID!) { node(id: $id) { __typename id } }"


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("Encounter", "Encounter"),
        ("Condition", "Condition"),
        ("Observation", "Observation"),
        ("AllergyIntolerance", "Allergy"),
        ("DiagnosticReport", "Report"),
        ("Procedure", "Procedure"),
        ("MedicationRequest", "Medication"),
        ("Immunization", "Immunization"),
        ("DocumentReference", "Document"),
        ("Appointment", "Appointment"),
    ],
)
async def test_an_entry_is_found_again_by_its_id(doctor: Asker, ward: Ward, kind: str, name: str) -> None:
    key = await ward.admit()
    await ward.note(key, kind)
    lists = {
        "Encounter": "encounters",
        "Condition": "conditions",
        "Observation": "observations",
        "Allergy": "allergies",
        "Report": "reports",
        "Procedure": "procedures",
        "Medication": "medications",
        "Immunization": "immunizations",
        "Document": "documents",
        "Appointment": "appointments",
    }
    listing = (
        f"query L($id: ID!) {{ resident(id: $id) {{ record {{ {lists[name]} {{ edges {{ node {{ id }} }} }} }} }} }}"
    )
    record = (await doctor.ask(listing, id=str(key)))["resident"]["record"]
    node_id = record[lists[name]]["edges"][0]["node"]["id"]
    assert (await doctor.ask(NODE, id=node_id))["node"] == {"__typename": name, "id": node_id}


async def test_a_resident_is_found_again_by_their_id(doctor: Asker, ward: Ward) -> None:
    key = await ward.admit()
    found = (await doctor.ask("query I($id: ID!) { resident(id: $id) { id } }", id=str(key)))["resident"]["id"]
    assert (await doctor.ask(NODE, id=found))["node"] == {"__typename": "Resident", "id": found}
    assert (await doctor.ask("query I($id: ID!) { resident(id: $id) { id } }", id=found))["resident"]["id"] == found


async def test_nobody_is_found_by_an_unknown_id(doctor: Asker) -> None:
    refused = await doctor.refused("query I($id: ID!) { resident(id: $id) { id } }", id=str(uuid4()))
    assert refused["code"] == "no-relation"


async def test_a_replaced_resident_is_the_one_that_stays(doctor: Asker, ward: Ward, engine: AsyncEngine) -> None:
    stays = await ward.admit("王芳")
    gone = new_id()
    async with engine.begin() as connection:
        await connection.execute(insert(resident).values(id=gone, name="王方", replaced_by=stays))
    found = await doctor.ask("query I($id: ID!) { resident(id: $id) { id name } }", id=str(gone))
    assert found["resident"]["name"] == "王芳"
    assert (await doctor.ask("{ residents { totalCount edges { node { name } } } }"))["residents"] == {
        "totalCount": 1,
        "edges": [{"node": {"name": "王芳"}}],
    }
    assert set((await ward.audited())[0]["residents"]) == {stays, gone}


BY_NUMBER = "query B($i: IdentifierInput!) { resident(identifier: $i) { name } }"


@pytest.mark.parametrize(
    "number",
    [
        {"kind": "citizen-id", "value": CITIZEN_ID},
        {"kind": "citizen-id", "value": "371099 19560312 001x"},
        {"kind": "residence-permit", "value": CITIZEN_ID},
        {"system": CITIZEN_SYSTEM, "value": CITIZEN_ID},
        {"kind": "citizen-id", "value": "371099560312001"},
    ],
)
async def test_a_resident_is_found_by_a_strong_number(doctor: Asker, ward: Ward, number: dict[str, str]) -> None:
    await ward.admit(citizen_id=CITIZEN_ID)
    assert (await doctor.ask(BY_NUMBER, i=number))["resident"] == {"name": "张伟"}


async def test_a_weak_number_finds_nobody_and_the_refusal_names_those_that_do(doctor: Asker) -> None:
    refusal = await doctor.refused(BY_NUMBER, i={"kind": "inpatient-number", "value": "1"})
    assert refusal["code"] == "weak-number"
    assert "health-record-number" in refusal["nextStep"]["en"]


@pytest.mark.parametrize("arguments", ["", '(id: "x", identifier: {kind: "citizen-id", value: "1"})'])
async def test_a_resident_is_asked_for_in_exactly_one_way(doctor: Asker, arguments: str) -> None:
    assert (await doctor.refused(f"{{ resident{arguments} {{ id }} }}"))["code"] == "exactly-one"


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("{ residents(first: 501) { edges { cursor } } }", "page-too-large"),
        ("{ residents(first: -1) { edges { cursor } } }", "bad-argument"),
        ('{ residents(after: "x") { edges { cursor } } }', "bad-cursor"),
        ('{ node(id: "x") { id } }', "bad-id"),
        ('{ node(id: "VGVhbToxMjM=") { id } }', "bad-id"),
    ],
)
async def test_an_argument_that_cannot_be_met_is_refused(doctor: Asker, query: str, code: str) -> None:
    refusal = await doctor.refused(query)
    assert refusal["code"] == code
    assert refusal["nextStep"]["zh"]


async def test_an_answer_holds_no_more_lines_than_a_list_may_have(doctor: Asker, ward: Ward) -> None:
    for _ in range(42):
        await ward.admit()
    query = "{ residents(first: 42) { edges { node { record { encounters(first: 500) { totalCount } } } } } }"
    assert (await doctor.refused(query))["code"] == "page-too-large"
