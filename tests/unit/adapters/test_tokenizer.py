"""Text to segments and fields, with hl7apy as the oracle for well-formed messages."""

import pytest
from hl7apy.parser import parse_message
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.hl7v2.reading import read
from adapters.hl7v2.tokenizer import tokenize
from hub.errors import Refused
from hub.message import Segment, V2Message
from tests.unit.adapters.messages import ADMISSION, message


def joined(found: V2Message) -> str:
    """The text that a message was cut from."""
    return "".join(f"{_line(segment)}\r" for segment in found.segments)


def _line(segment: Segment) -> str:
    fields = list(segment.fields)
    if segment.name in ("MSH", "FHS", "BHS"):
        del fields[1]
    return segment.delimiters.field.join(fields)


def test_fields_stand_at_the_standards_positions() -> None:
    found = tokenize(ADMISSION)
    msh, pid = found.segments[0], found.first("PID")
    assert (msh.field(1), msh.field(2), msh.field(3), msh.field(10)) == ("|", "^~\\&", "HIS", "90000001")
    assert pid is not None
    assert pid.component(3) == "0000000123"
    assert pid.repetitions(3)[1] == "37109919560312001X^^^^IdentifyNO"
    assert found.kind == "ADT^A01"


@pytest.mark.parametrize("end", ["\r", "\n", "\r\n"])
def test_any_line_end_ends_a_segment(end: str) -> None:
    assert tokenize(ADMISSION.replace("\r", end)) == tokenize(ADMISSION)


def test_unknown_and_z_segments_are_kept_in_their_place() -> None:
    found = tokenize(message("PID|1", "QQQ|x", "Z01|y", "PID|2"))
    assert [(s.name, s.ordinal, s.line) for s in found.segments] == [
        ("MSH", 1, 1),
        ("PID", 1, 2),
        ("QQQ", 1, 3),
        ("Z01", 1, 4),
        ("PID", 2, 5),
    ]


def test_a_line_that_is_no_segment_goes_on_with_the_field_before_and_the_fields_after_it() -> None:
    found = tokenize(message("OBX|1|TX|c||first line", "second line", "third||||||F", "OBX|2|TX|c||x"))
    note, other = found.all("OBX")
    assert note.field(5) == "first line\nsecond line\nthird"
    assert note.field(11) == "F"
    assert (other.ordinal, other.line) == (2, 3)


def test_blank_lines_and_a_mark_at_the_beginning_are_passed_over() -> None:
    assert joined(tokenize("\ufeff\r\n" + ADMISSION.replace("\r", "\r\r"))) == ADMISSION


@pytest.mark.parametrize("text", ["", "PID|1\r", "MSH", "MSH|", "MSH\r", "MSH||\r"])
def test_text_without_header_is_refused(text: str) -> None:
    with pytest.raises(Refused, match="MSH"):
        tokenize(text)


def test_bytes_are_read_in_the_sources_character_set() -> None:
    assert joined(read(ADMISSION.encode("gb18030"), "")) == ADMISSION
    assert joined(read(b"\xef\xbb\xbf" + ADMISSION.encode(), "gb18030")) == ADMISSION


plain = st.text(st.sampled_from("aZ09 .-甲䶮𬎆/:"), max_size=6)
component = st.lists(plain, min_size=1, max_size=3).map("&".join)
field = st.lists(st.lists(component, min_size=1, max_size=4).map("^".join), min_size=1, max_size=3).map("~".join)
segment = st.tuples(
    st.sampled_from(["PID", "PV1", "NK1", "OBX", "DG1", "ZZ1"]), st.lists(field, min_size=1, max_size=12)
).map(lambda parts: "|".join((parts[0], *parts[1])))


@settings(deadline=None)
@given(st.lists(segment, max_size=8))
def test_joining_the_fields_again_gives_the_text(segments: list[str]) -> None:
    text = message(*segments)
    assert joined(tokenize(text)) == text


@settings(max_examples=30, deadline=None)
@given(st.lists(field, min_size=3, max_size=20))
def test_fields_components_and_subcomponents_are_those_of_hl7apy(fields: list[str]) -> None:
    text = message("|".join(("ZZ1", *fields)))
    ours = tokenize(text).segments[1]
    theirs = parse_message(text, find_groups=False).children[1]
    for number in range(1, len(fields) + 1):
        repetitions = ours.repetitions(number)
        # hl7apy drops empty trailing parts, blanks at a segment's end included
        expected = [found.to_er7() for found in getattr(theirs, f"zz1_{number}")]
        assert [_trimmed(text) for text in repetitions if _trimmed(text)] == [
            _trimmed(text) for text in expected if _trimmed(text)
        ]


def _trimmed(text: str) -> str:
    parts = [part.rstrip("& ") for part in text.split("^")]
    return "^".join(parts).rstrip("^& ")


def test_a_patient_segment_reads_as_hl7apy_reads_it() -> None:
    text = message("PID|1||123^^^HOS&1.2.3&ISO^MR~456^^^^NI||甲^乙||19560312|M")
    pid = tokenize(text).segments[1]
    theirs = parse_message(text, find_groups=False).pid
    first, second = theirs.pid_3
    assert pid.component(3, 4, 2) == first.cx_4.hd_2.to_er7()
    assert pid.component(3, 5) == first.cx_5.to_er7()
    assert pid.repetitions(3)[1] == second.to_er7()
    assert pid.component(5, 2) == theirs.pid_5.xpn_2.to_er7()
    assert pid.field(7) == theirs.pid_7.to_er7()
