"""Full validation of v2 messages."""

from contextlib import closing

import pytest

from adapters.hl7v2.validation import MOST, Finding, findings_in
from hub.checking import CheckingProcess
from hub.errors import Refused
from tests.unit.adapters.messages import ADMISSION, message

HEAD = "MSH|^~\\&|A|B|C|D|20260101||ADT^A01|1|P|2.5"


def test_a_value_outside_its_table_is_found_without_being_quoted() -> None:
    found = findings_in(message("EVN||20260101", "PID|||1||X^Y|||测试甲", "PV1||I", header=HEAD), "2.5")
    assert found == (Finding("PID-8", "not in table HL70001"),)


def test_what_is_missing_and_what_repeats_too_often_is_found() -> None:
    found = findings_in(message("PID|||1||X^Y||a~b", "PV1||I", header=HEAD), "2.5")
    assert Finding("EVN", "required and missing") in found
    assert Finding("PID-7", "repeats more often than the standard allows") in found


@pytest.mark.parametrize("end", ["\r", "\n", "\r\n"])
def test_line_ends_and_a_missing_structure_do_not_hide_findings(end: str) -> None:
    text = message("EVN||20260101", "PID|||1||X^Y|||Q", "PV1||I", header=HEAD.replace("A01", "A08"))
    assert findings_in(text.replace("\r", end), "2.5") == (Finding("PID-8", "not in table HL70001"),)


def test_segments_that_hl7apy_drops_in_silence_are_found_and_z_segments_are_not() -> None:
    found = findings_in(message("EVN||20260101", "PID|||1||X^Y", "QQQ|1", "Z01|1", "PV1||I", header=HEAD), "2.5")
    assert found == (Finding("QQQ", "no segment of this version"),)


def test_a_version_or_an_event_without_tables_is_one_finding() -> None:
    assert [found.position for found in findings_in(ADMISSION, "2.9")] == ["MSH-12"]
    assert [found.position for found in findings_in(ADMISSION.replace("A01", "ZP1"), "2.4")] == ["MSH-9"]


def test_findings_are_capped() -> None:
    segments = [f"OBX|{number}|XX|||||||||?" for number in range(60)]
    found = findings_in(message("EVN||20260101", "PID|||1||X^Y", "PV1||?", *segments, header=HEAD), "2.5")
    assert 0 < len(found) <= MOST


def test_no_finding_quotes_a_value() -> None:
    text = ADMISSION.replace("|I|", "|秘密|").replace("|M|", "|秘密|").replace("19560312000000", "秘密")
    for version in ("2.3", "2.3.1", "2.4", "2.5.1", "2.6", "2.8.2"):
        found = findings_in(text.replace("|2.4|", f"|{version}|"), version)
        assert found
        assert "秘密" not in str(found)


def test_text_that_is_no_message_is_refused() -> None:
    with pytest.raises(Refused):
        findings_in("PID|1", "2.5")


async def test_validation_runs_in_a_process_of_its_own() -> None:
    with closing(CheckingProcess()) as checking:
        assert await checking.run(findings_in, ADMISSION, "2.4") == findings_in(ADMISSION, "2.4")
