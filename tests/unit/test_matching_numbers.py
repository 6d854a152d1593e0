"""Which numbers lead to a person: of a declared kind, of its shape, not a placeholder, and the person's own."""

import pytest

from hub.identifiers import check_character, read_citizen_id
from hub.identity import Holder, Reason, decide, proofs_of
from hub.mapping.doubts import with_doubts
from hub.matching.numbers import is_own, number_of
from hub.matching.placeholders import is_placeholder, is_placeholder_phone
from hub.record import Grade, Identifier, Json, Mapped, Trace
from tests.desk import kinds, sources
from tests.unit.test_identity import NUMBER, ONE, patient

FOREIGN_BODY = "93784019800101002"
FOREIGN = FOREIGN_BODY + check_character(FOREIGN_BODY)
PERMIT = "81000019690427007X"


def compared(kind: str, value: str) -> tuple[str, str] | None:
    found = number_of(kind, value, kinds())
    return (found.kind, found.value) if found else None


@pytest.mark.parametrize(
    ("kind", "written", "found"),
    [
        ("citizen-id", "37109919560312001x", ("citizen-id", "37109919560312001X")),
        ("citizen-id", "371099560312001", ("citizen-id", "37109919560312001X")),
        ("citizen-id", PERMIT, ("residence-permit", PERMIT)),
        ("citizen-id", FOREIGN, ("foreigner-card", FOREIGN)),
        ("foreigner-card", "can 3100 1980 0101", ("former-foreigner-card", "CAN310019800101")),
        ("travel-permit", "H12345679", ("travel-permit", "H12345679")),
        ("travel-permit", "H1234567902", ("travel-permit", "H12345679")),
        ("taiwan-travel-permit", "00112234", ("taiwan-travel-permit", "00112234")),
        ("taiwan-travel-permit", "00112234（02）", ("taiwan-travel-permit", "00112234")),
        ("passport", "ｅ1234 5670", ("passport", "E12345670")),
        ("birth-certificate", "T370000012", ("birth-certificate", "T370000012")),
        ("health-record-number", "371099 001 001 00009", ("health-record-number", "37109900100100009")),
    ],
)
def test_a_number_is_compared_without_what_its_writing_adds(kind: str, written: str, found: tuple[str, str]) -> None:
    assert compared(kind, written) == found


@pytest.mark.parametrize(
    ("kind", "written"),
    [
        ("health-record-number", "001-00009"),  # the printed form, unique within a township only
        ("travel-permit", "E12345679"),
        ("taiwan-travel-permit", "0011223"),
        ("passport", "无"),
        ("citizen-id", "371099195603120011"),
        ("inpatient-number", "0000400016"),
        ("no-such-kind", "123"),
    ],
)
def test_a_number_that_does_not_fit_its_kind_leads_nowhere(kind: str, written: str) -> None:
    assert compared(kind, written) is None


def test_a_kind_is_stored_and_never_guessed_from_the_shape() -> None:
    """A passport of 18 characters may look like a citizen ID number, and stays a passport."""
    assert compared("passport", NUMBER) == ("passport", NUMBER)


def test_a_foreigners_card_tells_birth_date_and_sex_like_a_citizens() -> None:
    found = read_citizen_id(FOREIGN)
    assert found is not None
    assert (found.kind, found.is_permit, found.birth_date.isoformat(), found.sex) == (
        "foreigner-card",
        False,
        "1980-01-01",
        "female",
    )


@pytest.mark.parametrize(
    "written",
    [
        *("999999999999999999", "000000", "99999999999999999X", "E00000000", "123456789012345678", "1234567890"),
        *(
            "110105 19491231 002x",
            "无",
            "暂无",
            "不详",
            "未知",
            "null",
            "N/A",
            "test01",
            "测试1",
            "*****",
            "",
            "新生儿",
        ),
    ],
)
def test_what_stands_for_no_number_is_passed_over(written: str) -> None:
    assert is_placeholder(written)


@pytest.mark.parametrize("written", [NUMBER, PERMIT, "E12345670", "H12345679", "37109900100100009", "0000400016"])
def test_a_number_of_somebody_is_no_placeholder(written: str) -> None:
    assert not is_placeholder(written)


@pytest.mark.parametrize(
    ("digits", "rings_nowhere"),
    [
        *(("13800000000", True), ("13800138000", True), ("11111111111", True), ("13888888888", True)),
        *(("13812345678", True), ("12345678901", True), ("", True)),
        *(("19900001234", False), ("06315221234", False), ("13988887777", False)),
    ],
)
def test_telephone_numbers_of_nobody_are_known(digits: str, rings_nowhere: bool) -> None:
    assert is_placeholder_phone(digits) == rings_nowhere


@pytest.mark.parametrize(
    ("born", "is_newborn", "own"),
    [
        ("1956-03-12", False, True),
        ("1956", False, True),
        ("", False, True),
        ("", True, False),
        ("2026-03-14", True, False),
        ("1956-03-12", True, True),
    ],
)
def test_a_mothers_number_on_a_newborn_is_not_its_own(born: str, is_newborn: bool, own: bool) -> None:
    number = Identifier(kind="citizen-id", system="", value=NUMBER)
    assert is_own(number, born, is_newborn) == own


def with_number(kind: str, value: str, *, born: str = "1956-03-12", name: str = "秦学勤") -> Json:
    resource = patient("", born=born, name=name)
    return {**resource, "identifier": [{"system": kinds()[kind].system, "value": value}]}


@pytest.mark.parametrize(
    ("name", "born", "leads"),
    [("秦学勤", "1999-01-01", True), ("another name", "1956-03-12", True), ("another name", "1999-01-01", False)],
)
def test_a_passport_needs_the_name_or_the_birth_date_beside_it(name: str, born: str, leads: bool) -> None:
    resource = with_number("passport", "E12345670", name=name, born=born)
    system = kinds()["passport"].system
    holders = {(system, "E12345670"): Holder(resident_id=ONE, name="秦学勤", birth_date="1956-03-12")}
    proofs = proofs_of(resource, sources()["renmin-his"], kinds())
    found = decide(proofs, resource, holders, linked_to=None, linked_citizen_ids=())
    expected = (ONE, Grade.CERTAIN, Reason.SAME_DOCUMENT) if leads else (None, Grade.CERTAIN, Reason.NEW_WITH_PROOF)
    assert (found.resident_id, found.grade, found.reason) == expected


@pytest.mark.parametrize("kind", ["health-card", "insurance-number", "military-id", "household-book"])
def test_a_card_that_may_be_lent_proves_nothing(kind: str) -> None:
    assert proofs_of(with_number(kind, "WQ1234567"), sources()["renmin-his"], kinds()).own == ()


@pytest.mark.parametrize(
    ("gender", "born", "flags"),
    [
        ("male", "1956-03-12", []),
        ("female", "1956-03-12", [("sex-against-number", "PID-8")]),
        ("unknown", "1956-03-12", []),
        ("female", "1957-03-12", [("birth-date-against-number", "PID-7")]),
    ],
)
def test_what_a_number_says_otherwise_is_flagged_and_not_refused(
    gender: str, born: str, flags: list[tuple[str, str]]
) -> None:
    traces = tuple(Trace(target, path, "") for target, path in (("birthDate", "PID-7"), ("gender", "PID-8")))
    resource = patient("37109919560312001X", born=born) | {"gender": gender}
    said = Mapped(kind="Patient", key="", resource=resource, path="PID", row="", traces=traces)
    found = with_doubts(said, sources()["renmin-his"], kinds())
    assert [(one.code, one.where) for one in found.flags] == flags
