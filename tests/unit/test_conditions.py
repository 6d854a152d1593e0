"""Conditions of rows: what they hold true, and how a wrong one is refused."""

import pytest

from hub.mapping.codes import Code, CodeTable
from hub.mapping.conditions import read_condition, read_position
from hub.message import Delimiters, Segment

TABLES = {"deaths": CodeTable("deaths", {"5": Code("5"), "死亡": Code("5")})}


def segment(text: str) -> Segment:
    fields = text.split("|")
    return Segment(fields[0], 1, 1, fields, Delimiters())


SEGMENTS = {"PID": segment('PID|1||7^^^^IDCard||""|^^'), "PV1": segment("PV1|1|I|9700^^^4700")}


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ("PID-3 valued", True),
        ("PID-3 empty", False),
        ("PID-9 empty", True),
        ("PID-6 empty", True),  # only separators
        ("PID-5 valued", False),  # "" empties: it is no value,
        ("PID-5 empty", False),  # and no silence
        ("PID-3.5 is IDCard", True),
        ("PID-3.5 is PatientNO", False),
        ("PV1-3.4 valued", True),
        ("PV1-3.2 empty", True),
        ("OBX-5 empty", True),  # no such segment
        ("OBX-5.1 empty", True),
        ("not PV1-2.1 is N", True),
        ("not PV1-2.1 is I", False),
        ("PV1-2 is I and PID-3 valued", True),
        ("PV1-2 is I and PID-3 empty", False),
        ("not PV1-2.1 is N and not PID-3 empty", True),
        ("PV1-1 in deaths", False),
    ],
)
def test_a_condition_holds_of_the_segments_before_it(condition: str, holds: bool) -> None:
    assert read_condition(condition, TABLES)(SEGMENTS) is holds


def test_a_condition_reads_a_code_table() -> None:
    dead = read_condition("PV1-36.1 in deaths", TABLES)
    assert dead({"PV1": segment("PV1|" + "|" * 34 + "|死亡")})
    assert not dead({"PV1": segment("PV1|" + "|" * 34 + "|1")})


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("PID-3", "not a condition"),
        ("PID-3 exists", "not a condition"),
        ("PID3 empty", "not a position"),
        ("PID-3 is", "not a condition"),
        ("PID-3 empty or PID-2 empty", "not a condition"),
        ("PV1-36 in nowhere", "no code table 'nowhere'"),
        ("", "not a condition"),
    ],
)
def test_a_wrong_condition_is_refused_in_a_sentence(wrong: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        read_condition(wrong, TABLES)


@pytest.mark.parametrize("text", ["PID-3", "PV1-36.1", "ZCS-2"])
def test_a_position_is_written_as_people_write_it(text: str) -> None:
    assert str(read_position(text)) == text
