"""A Patient resource becomes a person who can be compared, and comes back from where it was stored as it was."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.matching.person import Person, born_on, person_from, person_json, person_of, phone
from hub.record import Identifier, Json
from tests.desk import kinds, sources

CITIZEN = kinds()["citizen-id"].system
NUMBER = "37109919560312001X"

TEXTS = st.text(max_size=8)
IDENTIFIERS = st.builds(Identifier, kind=TEXTS, system=TEXTS, value=TEXTS)
PERSONS = st.builds(
    Person,
    numbers=st.lists(IDENTIFIERS, max_size=3).map(tuple),
    anothers=st.lists(IDENTIFIERS, max_size=2).map(tuple),
    names=st.lists(TEXTS, max_size=3).map(tuple),
    birth_date=TEXTS,
    sex=st.sampled_from(["male", "female", ""]),
    phones=st.lists(TEXTS, max_size=2).map(tuple),
    addresses=st.lists(TEXTS, max_size=2).map(tuple),
    mother=TEXTS,
    mothers_numbers=st.lists(TEXTS, max_size=2).map(tuple),
)


def person(**said: Any) -> Person:
    patient: Json = {"resourceType": "Patient", **said}
    return person_of(patient, sources()["renmin-his"], kinds())


@given(PERSONS)
def test_a_person_comes_back_as_it_was_stored(one: Person) -> None:
    assert person_from(person_json(one)) == one


def test_a_patient_resource_becomes_a_person() -> None:
    found = person(
        identifier=[{"system": CITIZEN, "value": "371099 19560312 001x"}, {"system": "IDCard", "value": "C77"}],
        name=[{"text": "秦　学勤"}, {"use": "old", "text": "秦学琴"}],
        birthDate="1956-03-12",
        gender="male",
        telecom=[{"system": "phone", "value": "+86 139 0000 0001"}, {"system": "email", "value": "a@b.example"}],
        address=[{"city": "威泉县", "district": "城东街道", "line": ["青石路 5 号"]}],
        contact=[{"relationship": [{"coding": [{"code": "MTH"}]}], "name": {"text": "孙桂兰"}}],
    )
    assert found == Person(
        numbers=(Identifier(kind="citizen-id", system=CITIZEN, value=NUMBER),),
        names=("秦学勤", "秦学琴"),
        birth_date="1956-03-12",
        sex="male",
        phones=("13900000001",),
        addresses=("威泉县城东街道青石路5号",),
        mother="孙桂兰",
    )


def test_a_former_name_in_brackets_is_a_name_of_its_own() -> None:
    assert person(name=[{"text": "秦学勤（曾用名：秦学琴）"}]).names == ("秦学勤", "秦学琴")


def test_a_number_of_another_birth_date_is_anothers() -> None:
    child = person(identifier=[{"system": CITIZEN, "value": NUMBER}], birthDate="2026-03-14")
    assert (child.numbers, [one.value for one in child.anothers]) == ((), [NUMBER])


def test_a_newborn_without_a_birth_date_has_no_number_of_its_own() -> None:
    child = person(identifier=[{"system": CITIZEN, "value": NUMBER}], name=[{"text": "孙桂兰之子"}])
    assert (child.numbers, [one.value for one in child.anothers]) == ((), [NUMBER])


@pytest.mark.parametrize(
    ("written", "digits"),
    [
        ("+86 139-0000-0001", "13900000001"),
        ("8613900000001", "13900000001"),
        ("013900000001", "13900000001"),
        ("１３９００００００01", "13900000001"),
        ("0631-5221234", "06315221234"),
        ("无", ""),
        ("110", ""),
    ],
)
def test_a_telephone_number_is_its_digits(written: str, digits: str) -> None:
    assert phone(written) == digits


@pytest.mark.parametrize(
    ("written", "born"),
    [("1956", "1956"), ("1956-03", "1956-03"), ("1956-03-12T08:00:00+08:00", "1956-03-12"), ("12.3.56", "")],
)
def test_a_birth_date_may_be_partial_but_not_anything(written: str, born: str) -> None:
    assert born_on(written) == born
