"""Whose record is it? Numbers decide, each decision says why, and another person's number decides nothing."""

from typing import Any
from uuid import UUID

import pytest

from hub.identity import SENTENCES, Holder, Proofs, Reason, decide, name_of, proofs_of
from hub.record import Grade, Json
from tests.desk import kinds, sources

ONE, TWO = UUID(int=1), UUID(int=2)
NUMBER, PERMIT, RECORD = "371099195603120159", "81000019690427007X", "37109900100100009"
CITIZEN = kinds()["citizen-id"].system
HEALTH_RECORD = kinds()["health-record-number"].system


def patient(number: str = NUMBER, *, born: str = "1956-03-12", name: str = "秦学勤", record: str = "") -> Json:
    identifiers = [(CITIZEN, number), (HEALTH_RECORD, record)]
    return {
        "resourceType": "Patient",
        "identifier": [{"system": system, "value": value} for system, value in identifiers if value],
        "name": [{"text": name}],
        **({"birthDate": born} if born else {}),
    }


def proofs(resource: Json) -> Proofs:
    return proofs_of(resource, sources()["renmin-his"], kinds())


def decision(resource: Json, *held: tuple[str, str, Holder], **more: Any) -> tuple[UUID | None, Grade, Reason]:
    holders = {(system, value): holder for system, value, holder in held}
    given = {"linked_to": None, "linked_citizen_ids": (), **more}
    found = decide(proofs(resource), resource, holders, **given)
    return found.resident_id, found.grade, found.reason


def holder(resident: UUID = ONE, *, name: str = "秦学勤", born: str = "1956-03-12") -> Holder:
    return Holder(resident_id=resident, name=name, birth_date=born)


def test_the_same_citizen_id_number_is_the_same_person() -> None:
    found = decision(patient(name="another name"), (CITIZEN, NUMBER, holder()))
    assert found == (ONE, Grade.CERTAIN, Reason.SAME_CITIZEN_ID)


def test_a_number_of_another_birth_date_is_not_the_patients_own() -> None:
    child = proofs(patient(born="2026-03-14"))
    assert (child.own, [number.value for number in child.anothers]) == ((), [NUMBER])
    found = decision(patient(born="2026-03-14", name="秦学勤之子"), (CITIZEN, NUMBER, holder()))
    assert found == (None, Grade.CERTAIN, Reason.NEW_UNDER_ANOTHERS_NUMBER)


def test_the_same_number_and_name_with_another_birth_date_is_probably_the_same_person() -> None:
    found = decision(patient(born="1956-12-03"), (CITIZEN, NUMBER, holder()))
    assert found == (ONE, Grade.PROBABLE, Reason.SAME_CITIZEN_ID_OTHER_BIRTH_DATE)


@pytest.mark.parametrize("born", ["1956", "1956-03", ""])
def test_a_birth_date_of_less_precision_does_not_contradict_a_number(born: str) -> None:
    assert [number.value for number in proofs(patient(born=born)).own] == [NUMBER]


def test_a_health_record_number_needs_the_name_or_the_birth_date_beside_it() -> None:
    known = (HEALTH_RECORD, RECORD, holder())
    by_name = patient("", record=RECORD, born="1999-01-01")
    by_birth = patient("", record=RECORD, name="another name")
    by_neither = patient("", record=RECORD, born="1999-01-01", name="another name")
    assert decision(by_name, known) == (ONE, Grade.CERTAIN, Reason.SAME_HEALTH_RECORD)
    assert decision(by_birth, known) == (ONE, Grade.CERTAIN, Reason.SAME_HEALTH_RECORD)
    assert decision(by_neither, known)[0] is None


def test_a_citizen_id_number_goes_before_a_health_record_number() -> None:
    found = decision(patient(record=RECORD), (HEALTH_RECORD, RECORD, holder(ONE)), (CITIZEN, NUMBER, holder(TWO)))
    assert found == (TWO, Grade.CERTAIN, Reason.SAME_CITIZEN_ID)


def test_without_any_number_that_leads_beyond_the_source_a_resident_is_opened() -> None:
    assert decision(patient("")) == (None, Grade.CERTAIN, Reason.NEW_WITHOUT_PROOF)
    assert decision(patient()) == (None, Grade.CERTAIN, Reason.NEW_WITH_PROOF)


def test_a_linked_patient_stays_where_it_is() -> None:
    assert decision(patient(""), linked_to=TWO) == (TWO, Grade.CERTAIN, Reason.SAME_LOCAL_NUMBER)


def test_a_proof_that_comes_late_moves_a_patient_whose_resident_has_none() -> None:
    known = (CITIZEN, NUMBER, holder(ONE))
    assert decision(patient(), known, linked_to=TWO)[0] == ONE


def test_a_proof_does_not_move_a_patient_whose_resident_has_one_already() -> None:
    known = (CITIZEN, NUMBER, holder(ONE))
    assert decision(patient(), known, linked_to=TWO, linked_citizen_ids=("37109919560312001X",))[0] == TWO


def test_a_permit_is_a_proof_of_its_own_kind() -> None:
    [proof] = proofs(patient(PERMIT, born="1969-04-27")).own
    assert (proof.kind, proof.system) == ("residence-permit", kinds()["residence-permit"].system)


@pytest.mark.parametrize("wrong", ["371099195603120150", "123", ""])
def test_a_number_that_is_wrong_proves_nothing(wrong: str) -> None:
    assert proofs(patient(wrong)) == Proofs()


def test_a_health_card_number_proves_nothing() -> None:
    card = {"resourceType": "Patient", "identifier": [{"system": kinds()["health-card"].system, "value": "WQ1"}]}
    assert proofs(card) == Proofs()


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ({"text": "张　某"}, "张某"),
        ({"family": "张", "given": ["某"]}, "张某"),
        ({"text": "Li Hua"}, "Li Hua"),
        ({}, ""),
    ],
)
def test_a_person_is_called_by_the_first_name_that_says_something(name: Json, shown: str) -> None:
    assert name_of({"name": [{}, name]}) == shown


def test_every_reason_is_a_sentence_in_both_languages() -> None:
    assert set(SENTENCES) == set(Reason)
    for english, chinese in SENTENCES.values():
        assert english.endswith(".")
        assert chinese.endswith("。")
