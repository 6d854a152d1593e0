"""FHIR request bodies to entries."""

from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

from adapters.fhir.conditions import BY_ID
from adapters.fhir.reading import read
from hub.errors import Refused
from hub.mapping.bundles import CLINICAL

SUPPORTED = frozenset({"Patient", "Observation", "Encounter"})
PATIENT = {"resourceType": "Patient", "id": "p1", "gender": "male"}


def bundle(*entries: object, kind: str = "transaction", **more: object) -> bytes:
    return orjson.dumps({"resourceType": "Bundle", "type": kind, "entry": entries, **more})


def entry(resource: object, method: str = "POST", url: str = "Patient", at: str = "urn:uuid:1") -> dict[str, object]:
    return {"fullUrl": at, "resource": resource, "request": {"method": method, "url": url}}


def refused(body: bytes, **address: str) -> tuple[str, str]:
    with pytest.raises(Refused) as caught:
        read(body, supported=SUPPORTED, **address)
    return caught.value.refusal.code, caught.value.refusal.where


def test_one_resource_is_one_entry() -> None:
    found = read(orjson.dumps(PATIENT), supported=SUPPORTED, kind="Patient")
    assert (found.kind, found.entries[0].where, found.entries[0].method) == ("Patient", "Patient", "POST")
    assert found.entries[0].resource == PATIENT


def test_the_entries_of_a_bundle_keep_their_order_place_and_address() -> None:
    found = read(bundle(entry(PATIENT), entry(PATIENT, "PUT", "Patient/p1", at="urn:uuid:2")), supported=SUPPORTED)
    assert found.kind == "transaction"
    assert [(e.where, e.method, e.full_url) for e in found.entries] == [
        ("Bundle.entry[0].resource", "POST", "urn:uuid:1"),
        ("Bundle.entry[1].resource", "PUT", "urn:uuid:2"),
    ]


@pytest.mark.parametrize(
    ("stamp", "sent_at"),
    [
        ("2026-01-05T01:30:00Z", datetime(2026, 1, 5, 1, 30, tzinfo=UTC)),
        ("2026-01-05T09:30:00.5+08:00", datetime(2026, 1, 5, 1, 30, 0, 500_000, tzinfo=UTC)),
        ("2026-01-05T09:30:00", None),
        ("x", None),
        (5, None),
    ],
)
def test_the_senders_time_is_taken_where_it_is_an_instant(stamp: object, sent_at: datetime | None) -> None:
    assert read(bundle(entry(PATIENT), timestamp=stamp), supported=SUPPORTED).sent_at == sent_at
    single = orjson.dumps({**PATIENT, "meta": {"lastUpdated": stamp}})
    assert read(single, supported=SUPPORTED).sent_at == sent_at


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"x"', b'{"a":NaN}', b'{"a":"\xb2\xe2"}', b"[" * 5_000])
def test_what_is_no_json_object_is_refused(body: bytes) -> None:
    assert refused(body) == ("not-json", "")


def test_the_place_of_a_json_fault_is_told_and_not_its_text() -> None:
    with pytest.raises(Refused) as caught:
        read('{"name": "测试甲",\n "gender": male}'.encode(), supported=SUPPORTED)
    assert "line 2 column 12" in str(caught.value)
    assert "male" not in str(caught.value)


def test_a_byte_order_mark_is_dropped() -> None:
    assert read(b"\xef\xbb\xbf" + orjson.dumps(PATIENT), supported=SUPPORTED).kind == "Patient"


@pytest.mark.parametrize(
    ("body", "address", "code", "where"),
    [
        ({}, {}, "invalid-resource", "resource.resourceType"),
        ({"resourceType": "测试"}, {}, "invalid-resource", "resource.resourceType"),
        ({"resourceType": "Basic"}, {}, "unsupported-resource", "Basic"),
        (PATIENT, {"kind": "Encounter"}, "invalid-resource", "Encounter.resourceType"),
        (PATIENT, {"kind": "Patient", "identifier": "p2"}, "invalid-resource", "Patient.id"),
        ({"resourceType": "Bundle", "type": "searchset"}, {}, "invalid-resource", "Bundle.type"),
        ({"resourceType": "Bundle"}, {}, "invalid-resource", "Bundle.type"),
        ({"resourceType": "Bundle", "type": "batch"}, {}, "invalid-resource", "Bundle.entry"),
        ({"resourceType": "Bundle", "type": "batch"}, {"kind": "Patient"}, "unsupported-resource", "Patient"),
    ],
)
def test_a_body_that_does_not_fit_is_refused(body: object, address: dict[str, str], code: str, where: str) -> None:
    assert refused(orjson.dumps(body), **address) == (code, where)


WRONG = [
    (entry(PATIENT, "DELETE"), "unsupported-method", "Bundle.entry[1].request.method"),
    (entry(PATIENT, "测试"), "unsupported-method", "Bundle.entry[1].request.method"),
    (entry({"resourceType": "Basic"}, url="Basic"), "unsupported-resource", "Bundle.entry[1].resource"),
    (entry({}), "invalid-resource", "Bundle.entry[1].resource.resourceType"),
    (entry(None), "invalid-resource", "Bundle.entry[1].resource"),
    (entry(PATIENT, url="Encounter"), "invalid-resource", "Bundle.entry[1].request.url"),
    (entry(PATIENT, url=""), "invalid-resource", "Bundle.entry[1].request.url"),
    (entry(PATIENT, "PUT", "Patient/p2"), "invalid-resource", "Bundle.entry[1].resource.id"),
    (entry(PATIENT, "PUT", "Patient"), "invalid-resource", "Bundle.entry[1].resource.id"),
    ({"resource": PATIENT}, "invalid-resource", "Bundle.entry[1].request"),
    ("x", "invalid-resource", "Bundle.entry[1]"),
]


@pytest.mark.parametrize(("wrong", "code", "where"), WRONG)
def test_in_a_transaction_one_wrong_entry_refuses_everything(wrong: object, code: str, where: str) -> None:
    assert refused(bundle(entry(PATIENT), wrong)) == (code, where)


@pytest.mark.parametrize(("wrong", "code", "where"), WRONG)
def test_in_a_batch_a_wrong_entry_carries_its_refusal_and_the_others_go_on(
    wrong: object, code: str, where: str
) -> None:
    found = read(bundle(entry(PATIENT), wrong, entry(PATIENT), kind="batch"), supported=SUPPORTED)
    first, second, third = found.entries
    assert (first.refusal, third.refusal) == (None, None)
    assert second.refusal is not None
    assert (second.refusal.code, second.refusal.where) == (code, where)
    assert "测试" not in str(second.refusal)


@pytest.mark.parametrize("kind", ["\0", "张三", "Zhangsan"])
def test_an_address_that_names_no_type_is_refused_and_not_repeated(kind: str) -> None:
    with pytest.raises(Refused) as caught:
        read(orjson.dumps(PATIENT), supported=SUPPORTED, kind=kind)
    assert caught.value.refusal.where == "Patient.resourceType"
    assert kind not in str(caught.value.refusal)


def test_a_body_that_names_no_type_is_refused_and_not_repeated() -> None:
    assert refused(orjson.dumps({"resourceType": "Zhangsan"})) == ("invalid-resource", "resource.resourceType")


@pytest.mark.parametrize(
    ("resource", "where"),
    [
        ({**PATIENT, "name": [{"family": "a\0"}]}, "Patient.name[0].family"),
        ({**PATIENT, "a\0": 1}, "Patient.?"),
    ],
)
def test_a_body_with_a_nul_is_refused_at_its_path(resource: object, where: str) -> None:
    assert refused(orjson.dumps(resource)) == ("invalid-resource", where)
    assert refused(bundle(entry(resource)))[1] == where.replace("Patient", "Bundle.entry[0].resource", 1)


def test_a_backslash_before_u0000_is_text() -> None:
    assert read(orjson.dumps({**PATIENT, "name": [{"family": "\\u0000"}]}), supported=SUPPORTED).kind == "Patient"


def test_a_time_outside_the_calendar_is_no_time_of_sending() -> None:
    stamped = bundle(entry(PATIENT), timestamp="0001-01-01T00:00:00+08:00")
    assert read(stamped, supported=SUPPORTED).sent_at is None


SYSTEM = "https://erke.example/number"
NUMBERED: dict[str, Any] = {"resourceType": "Patient", "identifier": [{"system": SYSTEM, "value": "1"}]}
OBSERVATION: dict[str, Any] = {**NUMBERED, "resourceType": "Observation"}
CONDITION = f"identifier={SYSTEM}|1"


def conditional(resource: dict[str, object], condition: str, method: str = "POST") -> dict[str, object]:
    kind = str(resource["resourceType"])
    asked = {"url": kind, "ifNoneExist": condition} if method == "POST" else {"url": f"{kind}?{condition}"}
    return {"resource": resource, "request": {"method": method, **asked}}


@pytest.mark.parametrize("method", ["POST", "PUT"])
@pytest.mark.parametrize("resource", [NUMBERED, OBSERVATION, {**NUMBERED, "id": "p1"}])
def test_a_condition_on_an_identifier_that_the_resource_carries_is_met_by_taking_it(
    method: str, resource: dict[str, object]
) -> None:
    found = read(bundle(conditional(resource, CONDITION, method)), supported=SUPPORTED)
    assert [(one.method, one.refusal) for one in found.entries] == [(method, None)]


@pytest.mark.parametrize("method", ["POST", "PUT"])
@pytest.mark.parametrize(
    ("resource", "condition"),
    [
        (NUMBERED, f"identifier={SYSTEM}|2"),
        (NUMBERED, "identifier=1"),
        (NUMBERED, "identifier=|1"),
        (NUMBERED, f"identifier={SYSTEM}|"),
        (NUMBERED, f"{CONDITION}&gender=male"),
        (NUMBERED, f"identifier={SYSTEM}|1,{SYSTEM}|2"),
        (NUMBERED, f"identifier:exact={SYSTEM}|1"),
        (NUMBERED, "name=x"),
        (NUMBERED, "&&"),
        (PATIENT, CONDITION),
        ({**OBSERVATION, "id": "o1"}, CONDITION),
        ({**OBSERVATION, "identifier": [{"value": "0"}, *NUMBERED["identifier"]]}, CONDITION),
        ({**NUMBERED, "identifier": ["x", 5]}, CONDITION),
    ],
)
def test_any_other_condition_is_refused_and_not_repeated(
    method: str, resource: dict[str, object], condition: str
) -> None:
    with pytest.raises(Refused) as caught:
        read(bundle(conditional(resource, condition, method)), supported=SUPPORTED)
    refusal = caught.value.refusal
    assert refusal.code == "unsupported-condition"
    assert refusal.where == f"Bundle.entry[0].request.{'url' if method == 'PUT' else 'ifNoneExist'}"
    assert SYSTEM not in str(refusal)


def test_an_identifier_in_a_condition_may_be_escaped_as_addresses_are() -> None:
    odd: dict[str, Any] = {"resourceType": "Patient", "identifier": [{"system": SYSTEM, "value": "1,2|3 4"}]}
    found = read(bundle(conditional(odd, f"identifier={SYSTEM}%7C1%5C,2%5C%7C3+4")), supported=SUPPORTED)
    assert found.entries[0].refusal is None


def test_the_types_that_go_by_their_id_are_those_that_the_mapping_takes_by_it() -> None:
    assert BY_ID == CLINICAL


@pytest.mark.parametrize("name", ["ifMatch", "ifNoneMatch", "ifModifiedSince"])
def test_a_condition_on_a_version_is_refused(name: str) -> None:
    versioned = {"resource": PATIENT, "request": {"method": "PUT", "url": "Patient/p1", name: "x"}}
    assert refused(bundle(versioned)) == ("unsupported-condition", f"Bundle.entry[0].request.{name}")


@pytest.mark.parametrize(
    "second",
    [
        entry(NUMBERED),
        entry(PATIENT, "PUT", "Patient/p1", at="urn:uuid:2"),
        {**conditional(NUMBERED, CONDITION), "fullUrl": "urn:uuid:2"},
    ],
)
def test_a_transaction_names_a_resource_once(second: dict[str, object]) -> None:
    others = [
        entry(PATIENT),
        entry(PATIENT, "PUT", "Patient/p1", at="urn:uuid:3"),
        {**conditional(NUMBERED, CONDITION), "fullUrl": "urn:uuid:4"},
    ]
    assert refused(bundle(*others, second)) == ("same-resource-twice", "Bundle.entry[3]")
    assert len(read(bundle(*others, second, kind="batch"), supported=SUPPORTED).entries) == 4


HEADER = {"resource": {"resourceType": "MessageHeader"}}


def test_a_message_is_its_resources_without_the_header() -> None:
    found = read(bundle(HEADER, {"fullUrl": "urn:uuid:1", "resource": PATIENT}, kind="message"), supported=SUPPORTED)
    assert (found.kind, [one.where for one in found.entries]) == ("message", ["Bundle.entry[1].resource"])


@pytest.mark.parametrize(
    ("entries", "code", "where"),
    [
        ([{"resource": PATIENT}, HEADER], "invalid-resource", "Bundle.entry[0].resource"),
        ([HEADER], "invalid-resource", "Bundle.entry"),
        ([HEADER, "x"], "invalid-resource", "Bundle.entry[1].resource"),
        ([HEADER, {"resource": {"resourceType": "Basic"}}], "unsupported-resource", "Bundle.entry[1].resource"),
    ],
)
def test_a_message_that_is_none_is_refused(entries: list[object], code: str, where: str) -> None:
    assert refused(bundle(*entries, kind="message")) == (code, where)


def test_a_document_is_its_composition_and_what_it_is_made_of() -> None:
    composition = {"resourceType": "Composition", "title": "出院小结"}
    entries = [{"fullUrl": "urn:uuid:1", "resource": composition}, {"fullUrl": "urn:uuid:2", "resource": PATIENT}]
    supported = SUPPORTED | {"Composition"}
    found = read(bundle(*entries, kind="document"), supported=supported)
    assert (found.kind, [one.resource["resourceType"] for one in found.entries]) == (
        "document",
        ["Composition", "Patient"],
    )
    with pytest.raises(Refused) as caught:
        read(bundle(*entries[::-1], kind="document"), supported=supported)
    assert caught.value.refusal.where == "Bundle.entry[0].resource"
