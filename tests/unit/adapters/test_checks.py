"""What the door refuses."""

from adapters.hl7v2.checks import DoorCheck, Rule, Sibling
from adapters.hl7v2.tokenizer import tokenize
from hub.errors import Refusal
from tests.unit.adapters.messages import message

DIGITS = Rule(segment="PID", field=7, check=str.isdigit, refusal_code="impossible-date")
NUMBER = Rule(
    segment="PID",
    field=3,
    component=1,
    check=lambda value: len(value) == 18,
    refusal_code="wrong-check-digit",
    each=True,
    when=Sibling(component=5, values=frozenset({"IdentifyNO"})),
)
LATE = "OBX|{}" + "|" * 13 + "x"
RESULT = Rule(segment="OBX", field=14, check=str.isdigit, refusal_code="impossible-date")


def fault(*segments: str) -> Refusal | None:
    return DoorCheck([DIGITS, NUMBER, RESULT]).first_fault(tokenize(message(*segments)))


def seen(*segments: str) -> tuple[str, str] | None:
    found = fault(*segments)
    return (found.code, found.where) if found else None


def test_a_message_without_fault_passes() -> None:
    assert fault("PID|1||1^^^^PatientNO~37109919560312001X^^^^IdentifyNO||||19560312") is None


def test_a_fault_names_its_place() -> None:
    assert seen("PID|1||||||x") == ("impossible-date", "PID-7")
    assert seen("PID|1||1^^^^IdentifyNO") == ("wrong-check-digit", "PID-3.1")
    assert seen("PID|1||1^^^^PatientNO~2^^^^IdentifyNO") == ("wrong-check-digit", "PID-3[2].1")
    assert seen("OBX|1", LATE.format(2)) == ("impossible-date", "OBX[2]-14")


def test_the_first_fault_of_the_message_is_told() -> None:
    assert seen(LATE.format(1), "PID|1||||||x") == ("impossible-date", "OBX-14")


def test_a_sibling_condition_ignores_case_and_leaves_other_types_alone() -> None:
    assert seen("PID|1||1^^^^identifyno") == ("wrong-check-digit", "PID-3.1")
    assert fault("PID|1||1^^^^IDCard~2~^^^^IdentifyNO") is None


def test_empty_text_and_the_explicit_null_are_no_fault() -> None:
    assert fault('PID|1||""^^^^IdentifyNO||||""', "PID|2", "PID|3||||||  ") is None


def test_without_each_only_the_first_repetition_is_checked() -> None:
    assert fault("PID|1||||||19560312~x") is None


def test_values_reach_the_check_unescaped() -> None:
    heard: list[str] = []
    rule = Rule(segment="PID", field=5, check=lambda v: not heard.append(v), refusal_code="no-patient")  # type: ignore[func-returns-value]
    DoorCheck([rule]).first_fault(tokenize(message("PID|1||||A\\S\\B^C")))
    assert heard == ["A^B"]
