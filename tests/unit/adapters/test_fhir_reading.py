"""FHIR request bodies to entries."""

from datetime import UTC, datetime

import orjson
import pytest

from adapters.fhir.reading import read
from hub.errors import Refused

SUPPORTED = frozenset({"Patient", "Observation", "Encounter"})
PATIENT = {"resourceType": "Patient", "id": "p1", "gender": "male"}


def bundle(*entries: object, kind: str = "transaction", **more: object) -> bytes:
    return orjson.dumps({"resourceType": "Bundle", "type": kind, "entry": entries, **more})


def entry(resource: object, method: str = "POST", url: str = "Patient") -> dict[str, object]:
    return {"fullUrl": "urn:uuid:1", "resource": resource, "request": {"method": method, "url": url}}


def refused(body: bytes, **address: str) -> tuple[str, str]:
    with pytest.raises(Refused) as caught:
        read(body, supported=SUPPORTED, **address)
    return caught.value.refusal.code, caught.value.refusal.where


def test_one_resource_is_one_entry() -> None:
    found = read(orjson.dumps(PATIENT), supported=SUPPORTED, kind="Patient")
    assert (found.kind, found.entries[0].where, found.entries[0].method) == ("Patient", "Patient", "POST")
    assert found.entries[0].resource == PATIENT


def test_the_entries_of_a_bundle_keep_their_order_place_and_address() -> None:
    found = read(bundle(entry(PATIENT), entry(PATIENT, "PUT", "Patient/p1")), supported=SUPPORTED)
    assert found.kind == "transaction"
    assert [(e.where, e.method, e.full_url) for e in found.entries] == [
        ("Bundle.entry[0].resource", "POST", "urn:uuid:1"),
        ("Bundle.entry[1].resource", "PUT", "urn:uuid:1"),
    ]


def test_a_conditional_request_is_a_plain_one() -> None:
    conditional = entry(PATIENT)
    conditional["request"] = {"method": "POST", "url": "Patient", "ifNoneExist": "identifier=1"}
    found = read(bundle(conditional, entry(PATIENT, "PUT", "Patient?identifier=1")), supported=SUPPORTED)
    assert [(e.method, e.refusal) for e in found.entries] == [("POST", None), ("PUT", None)]


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
