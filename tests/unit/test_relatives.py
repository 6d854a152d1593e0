"""Contacts, guardians and coverages: what is shown, of whom, and what is one."""

from typing import Any
from uuid import UUID

import pytest

from hub.describing import describing
from hub.merging import group
from hub.record import Fact, Json
from hub.relatives import contacts_in, coverages_in
from tests.unit.test_merging import fact

WIFE: Json = {
    "relationship": [{"coding": [{"code": "SPS", "display": "配偶"}]}],
    "name": {"text": "秦家属"},
    "telecom": [{"system": "email", "value": "x@example"}, {"system": "phone", "value": "19900001916"}],
}


def said(resource: Json, kind: str, **more: Any) -> tuple[Json, Fact]:
    one = fact(1, resource, kind=kind, **more)
    return dict(one.resource), one


def contacts(*resources: tuple[Json, Fact]) -> list[dict[str, Any]]:
    return contacts_in(resources)


def person(**more: Any) -> tuple[Json, Fact]:
    resource = {**WIFE, "name": [WIFE["name"]], **more}
    return said(resource, "RelatedPerson", patient=8)


def test_a_contact_of_the_patient_tells_relation_name_and_phone() -> None:
    [found] = contacts(said({"contact": [WIFE]}, "Patient"))
    assert found == {
        "relation": "配偶",
        "relation_code": "SPS",
        "is_guardian": False,
        "name": "秦家属",
        "phone": "19900001916",
        "since": None,
        "until": None,
        "source": "source-7",
    }


def test_a_related_person_tells_the_same_and_until_when() -> None:
    [found] = contacts(person(period={"start": "2020", "end": "2026-01-01"}))
    assert (found["name"], found["since"], found["until"]) == ("秦家属", "2020", "2026-01-01")


def test_somebody_of_whom_two_sources_tell_is_one_contact_with_what_either_says() -> None:
    bare = {"name": {"text": "秦 家属"}}
    [found] = contacts(said({"contact": [bare]}, "Patient"), person())
    assert (found["relation"], found["phone"], found["source"]) == ("配偶", "19900001916", "source-7")
    assert len(contacts(said({"contact": [WIFE]}, "Patient"), person(name=[{"text": "秦小满"}]))) == 2


def test_who_has_neither_name_nor_phone_is_nobody_to_ask() -> None:
    assert contacts(said({"contact": [{"relationship": WIFE["relationship"]}]}, "Patient")) == []
    [found] = contacts(said({"contact": [{"telecom": WIFE["telecom"]}]}, "Patient"))
    assert (found["name"], found["phone"]) == (None, "19900001916")


@pytest.mark.parametrize(
    ("relation", "guards"),
    [({"coding": [{"code": "GUARD"}]}, True), ({"text": "法定监护人"}, True), ({"coding": [{"code": "SPS"}]}, False)],
)
def test_a_guardian_is_known_by_code_or_by_word(relation: Json, guards: bool) -> None:
    assert contacts(person(relationship=[relation]))[0]["is_guardian"] is guards


def test_a_related_person_who_is_no_longer_active_is_not_shown() -> None:
    assert contacts(person(active=False)) == []


INSURED: Json = {
    "status": "active",
    "type": {"coding": [{"code": "1", "display": "城镇职工基本医疗保险"}]},
    "payor": [{"reference": "Organization/yb"}],
    "identifier": [{"type": {"text": "医疗保险卡号"}, "value": "YB1"}],
    "period": {"start": "2026-01-01", "end": "2026-12-31"},
}


def test_a_coverage_tells_how_somebody_pays_and_of_the_number_only_its_kind() -> None:
    [found] = coverages_in([said(INSURED, "Coverage", names={"Organization/yb": "威泉县医疗保障局"})])
    assert found == {
        "type": "城镇职工基本医疗保险",
        "type_code": "1",
        "payor": "威泉县医疗保障局",
        "number_kind": "医疗保险卡号",
        "since": "2026-01-01",
        "until": "2026-12-31",
        "source": "source-7",
    }
    assert "YB1" not in str(found)


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        ({"identifier": [{"system": "urn:yb", "value": "1"}]}, "urn:yb"),
        ({"identifier": [{"value": "1"}]}, "identifier"),
        ({"subscriberId": "1"}, "subscriberId"),
        ({"identifier": [{"system": "urn:yb"}]}, None),
    ],
)
def test_a_number_is_called_by_its_type_else_by_its_system(number: Json, kind: str | None) -> None:
    [found] = coverages_in([said({"status": "active", **number}, "Coverage")])
    assert found["number_kind"] == kind


@pytest.mark.parametrize("status", ["cancelled", "entered-in-error", "draft"])
def test_what_has_ended_pays_nothing(status: str) -> None:
    assert coverages_in([said({**INSURED, "status": status}, "Coverage")]) == []


def test_one_way_of_paying_is_told_once() -> None:
    twice = [said(INSURED, "Coverage", patient=7), said(INSURED, "Coverage", patient=8)]
    [found] = coverages_in(twice)
    assert found["source"] == "source-7", "what counts first stands"


def test_a_resident_of_whom_only_a_relative_is_known_has_a_contact_and_no_name() -> None:
    said = [fact(1, {"name": [{"text": "秦学文"}]}, kind="RelatedPerson")]
    found = describing(UUID(int=1), group(said), set())
    assert (found["name"], [one["name"] for one in found["contacts"]]) == (None, ["秦学文"])
