"""How a body is written: what JSON's readers let pass, or drop, without a word."""

import json
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.fhir.written import DEEPEST, check_written
from hub.errors import Refusal, Refused
from tests.unit.adapters.fhir_door import Door, bundle, entry, patient


def refusal_of(body: bytes) -> Refusal | None:
    try:
        check_written(body)
    except Refused as refused:
        return refused.refusal
    return None


def nested(levels: int) -> dict[str, Any]:
    """A patient whose extensions are nested so deep that the body has `levels` levels."""
    inner: dict[str, Any] = {"url": "urn:x", "valueString": "1"}
    for _ in range((levels - 3) // 2):
        inner = {"url": "urn:x", "extension": [inner]}
    return patient(extension=[inner])


@pytest.mark.parametrize(
    ("body", "where"),
    [
        (b'{"resourceType":"Patient","gender":"male","gender":"female"}', "Patient.gender"),
        (b'{"resourceType":"Patient","name":[{},{"family":"a","family":"a"}]}', "Patient.name[1].family"),
        (b'{"a":{"b":1,"\\u0062":2}}', "resource.a.b"),
        ('{"resourceType":"Patient","张三":1,"张三":2}'.encode(), "Patient.?"),
        (b'\xef\xbb\xbf{"resourceType":"Patient","id":"1","id":"2"}', "Patient.id"),
    ],
)
def test_a_name_that_stands_twice_is_refused_at_its_path(body: bytes, where: str) -> None:
    refusal = refusal_of(body)
    assert refusal is not None
    assert (refusal.code, refusal.where) == ("invalid-resource", where)


@settings(max_examples=200)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=20,
    )
)
def test_what_a_writer_of_json_writes_is_written_well(value: object) -> None:
    body = json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")
    try:
        body.decode()
    except UnicodeDecodeError:
        assert refusal_of(body) is not None
        return
    assert refusal_of(body) is None


@given(st.binary(max_size=200))
def test_no_bytes_break_the_look(body: bytes) -> None:
    refusal_of(body)
    refusal_of(b'{"a":' + body + b"}")


def test_brackets_inside_texts_nest_nothing() -> None:
    assert refusal_of(orjson.dumps({"a": "[" * 5000 + '\\"{' * 5000})) is None


async def test_nesting_is_taken_to_its_limit_and_no_further() -> None:
    assert (await Door().post("/fhir", nested(DEEPEST))).status_code == 201
    for levels in (DEEPEST + 3, 900, 40_000):
        response = await Door().post("/fhir", deep(levels))
        assert response.status_code == 400
        assert f"deeper than {DEEPEST} levels" in response.text


def deep(levels: int) -> bytes:
    return (
        b'{"resourceType":"Patient","extension":'
        + b'[{"extension":' * (levels // 2)
        + b"1"
        + b"}]" * (levels // 2)
        + b"}"
    )


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ('{"resourceType":"Patient","name":[{"text":"测试甲"}]}'.encode("gbk"), "GB 18030"),
        ('{"resourceType":"Patient"}'.encode("utf-16"), "UTF-8"),
        (b'{"resourceType":"Patient","multipleBirthInteger":NaN}', "line 1 column"),
        (b'{"resourceType":"Patient","multipleBirthInteger":1e999}', ""),
        (b'{"resourceType":"Patient","multipleBirthInteger":' + b"9" * 5000 + b"}", ""),
        (b'{"resourceType":"Patient"', "line 1 column"),
        (b"", "JSON"),
        (b"null", "JSON"),
    ],
)
async def test_what_is_no_json_of_fhir_is_kept_parked_and_refused_in_both_languages(body: bytes, says: str) -> None:
    door = Door()
    response = await door.post("/fhir", body)
    assert response.status_code in (400, 422)
    issue = response.json()["issue"][0]
    assert says in issue["details"]["text"] + issue["diagnostics"]
    assert any("一" <= letter <= "鿿" for letter in issue["diagnostics"]), "in Chinese"
    assert any(letter.isascii() and letter.isalpha() for letter in issue["diagnostics"]), "in English"
    assert door.only.raw == body
    assert door.only.refusal is not None


async def test_ten_thousand_entries_are_answered_each() -> None:
    door = Door(max_bytes=16_000_000)
    good, bad = entry(patient()), entry(patient(birthDate="1956-02-30"))
    response = await door.post(
        "/fhir", bundle(*[bad if at % 1000 == 7 else good for at in range(10_000)], kind="batch")
    )
    statuses = [one["response"]["status"][:3] for one in response.json()["entry"]]
    assert (len(statuses), statuses.count("201")) == (10_000, 9_990)
    places = [one["response"]["outcome"]["issue"][0]["expression"] for one in response.json()["entry"][7::1000]]
    assert places == [[f"Bundle.entry[{at}].resource.birthDate"] for at in range(7, 10_000, 1000)]
    assert len(door.only.findings) == 10


async def test_an_invalid_resource_of_a_large_transaction_refuses_all_of_it() -> None:
    entries = [entry(patient(str(at), birthDate="1956-02-30" if at == 350 else "1956")) for at in range(400)]
    response = await Door().post("/fhir", bundle(*entries))
    assert response.status_code == 422
    assert response.json()["issue"][0]["expression"] == ["Bundle.entry[350].resource.birthDate"]


async def test_a_reference_by_urn_leads_to_an_entry_of_its_transaction() -> None:
    encounter = {"resourceType": "Encounter", "status": "finished", "class": {"code": "IMP"}}
    encounter["subject"] = {"reference": "urn:uuid:9"}
    sent = bundle(entry(patient(), "urn:uuid:1"), entry(encounter))
    response = await Door().post("/fhir", sent)
    assert response.status_code == 422
    assert response.json()["issue"][0]["expression"] == ["Bundle.entry[1].resource.subject.reference"]
