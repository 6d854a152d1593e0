"""Whatever bytes come over the wire are cut, decoded and tokenized, or refused in a sentence; nothing else happens."""

import asyncio
import contextlib
import time
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.hl7v2.autopsy import autopsy
from adapters.hl7v2.charset import decoded
from adapters.hl7v2.checks import DoorCheck
from adapters.hl7v2.framing import Deframer, Frame, frame
from adapters.hl7v2.header import read_header
from adapters.hl7v2.reading import read
from adapters.hl7v2.reception import Reception
from adapters.hl7v2.tokenizer import joined, tokenize
from hub.errors import Refused
from hub.message import Arrival, Format, Kept, Source, Transport
from tests.unit.adapters.messages import ADMISSION, message

REFUSALS = {"unreadable-frame", "wide-charset", "wrong-charset", "unknown-charset"}
BOM = b"\xef\xbb\xbf"
LIMIT = 4096

sources = st.sampled_from(
    [
        b"",
        BOM,
        b"\x0b",
        b"\x1c\r",
        b"MSH|^~\\&|HIS|ZYY|EAI||20260105||ADT^A01|7|P|2.4||||||",
        b"MSH|^~\\&|HIS|ZYY|EAI||20260105||ADT^A01|7|P|2.4|||||GB2312|",
        b"MSH|^~\\&|HIS|ZYY|EAI||20260105||ADT^A01|7|P|2.4||||||UNICODE UTF-8",
        b"MSH|^~\\&|HIS|ZYY|EAI||20260105||ADT^A01|7|P|2.4||||||ASCII~GBK~UTF-8",
        b"MSH|^~\\&|HIS|ZYY|EAI||20260105||ADT^A01|7|P|2.4||||||8859/1",
        b"MSH$%*/!$HIS$ZYY",
        b"\rPID|1||1^^^^MR~2||\xb2\xe2\xca\xd4",
        b"\nOBX|1|TX|x||\xe6\xb5\x8b\\X0D\\\\.br\\\\F\\",
        b"\r\n\r\nZZ1",
        b"\rFHS",
        b"\rnot a segment",
        b"\xff\xfe",
        b"\x81\x30\x81",
    ]
)
anything = st.lists(st.one_of(sources, st.binary(max_size=12)), max_size=8).map(b"".join)
charsets = st.sampled_from(["", "gb18030", "UTF-8", "UTF-8~GBK", "8859/1", "ASCII"])


# -- any bytes ---------------------------------------------------------------------------------------------------------


@settings(deadline=None, max_examples=400)
@given(anything, st.integers(1, 40), charsets)
def test_any_stream_is_cut_and_each_frame_read_or_refused(stream: bytes, step: int, charset: str) -> None:
    deframer = Deframer(LIMIT)
    found = [one for at in range(0, len(stream), step) for one in deframer.feed(stream[at : at + step])]
    for one in [*found, *deframer.close()]:
        assert refused(one.content, charset) in {"", *REFUSALS}


def refused(raw: bytes, charset: str) -> str:
    """The code of what reading raises; any other exception fails the test."""
    try:
        read(raw, charset)
    except Refused as fault:
        return fault.refusal.code
    return ""


@settings(deadline=None, max_examples=400)
@given(anything, charsets)
def test_the_door_keeps_any_frame_as_it_came_and_finds_no_fault_of_its_own(raw: bytes, charset: str) -> None:
    kept: list[Arrival] = []
    answer = asyncio.run(reception(kept, charset)(Frame(raw)))
    (arrival,) = kept
    assert arrival.raw == raw
    assert arrival.refusal is None or arrival.refusal.code != "internal"
    if answer is not None:
        assert read(answer, "").first("MSA") is not None


def reception(kept: list[Arrival], charset: str) -> Reception:
    source = Source(
        name="his",
        organisation="测试医院",
        format=Format.HL7V2,
        transports=frozenset({Transport.MLLP}),
        time_zone=timezone(timedelta(hours=8)),
        identifiers=(),
        charset=charset,
    )

    async def keep(arrival: Arrival) -> Kept:
        await asyncio.sleep(0)
        kept.append(arrival)
        return Kept(id=uuid4(), refusal=arrival.refusal)

    async def wait(key: UUID, seconds: float) -> Any:
        raise AssertionError("original mode waits for nothing")

    return Reception(
        find_source=lambda application, facility: source,
        kinds=lambda source: {"ADT^A01"},
        door=lambda source: DoorCheck([]),
        keep=keep,
        wait=wait,
        clock=lambda: datetime(2026, 1, 5, tzinfo=UTC),
        new_control_id=lambda: "H1",
    )


@settings(deadline=None, max_examples=400)
@given(anything, charsets)
def test_what_the_tokenizer_takes_comes_back_byte_for_byte(raw: bytes, charset: str) -> None:
    with contextlib.suppress(Refused):
        found = decoded(raw, read_header(raw), charset)
        again = joined(tokenize(found.text))
        assert again.encode(found.codec) == canonical(raw)


def canonical(raw: bytes) -> bytes:
    """A message's bytes from MSH on with CR at each line's end, without the blank lines around its segments."""
    lines = raw[raw.index(b"MSH") :].replace(b"\r\n", b"\r").replace(b"\n", b"\r").split(b"\r")
    kept: list[bytes] = []
    blank: list[bytes] = []
    for line in lines:
        separator = lines[0][3:4]
        if is_segment(line, separator):
            blank = []
        elif not line.decode("latin-1").strip(" \t\x0b\x0c\x1c\x1d\x1e\x1f"):
            blank.append(line)
            continue
        kept += [*blank, line]
        blank = []
    return b"".join(line + b"\r" for line in kept)


def is_segment(line: bytes, separator: bytes) -> bool:
    name = line[:3]
    return (
        len(name) == 3
        and all(byte in b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789" for byte in name)
        and name[:1] > b"9"
        and line[3:4] in (b"", separator)
    )


@settings(deadline=None)
@given(st.binary(max_size=60), charsets)
def test_what_cannot_be_decoded_always_has_readings(tail: bytes, charset: str) -> None:
    raw = b"MSH|^~\\&|HIS||||||ADT^A01|1|P|2.4||||||UTF-8\rPID|||" + tail
    if refused(raw, charset) == "wrong-charset":
        with pytest.raises(Refused) as caught:
            read(raw, charset)
        found = autopsy(raw, charset)
        assert str(found.position) == caught.value.refusal.given["position"]
        assert found.readings[0].undecodable > 0
        assert {"utf-8", "gb18030"} <= {one.codec for one in found.readings}


# -- the ways of writing one message -----------------------------------------------------------------------------------

marks = st.lists(st.sampled_from("!\"#$%&'()*+,-/:;<=>?@[\\]^_`{|}~"), min_size=5, max_size=5, unique=True)


@settings(deadline=None)
@given(marks, st.sampled_from(["\r", "\n", "\r\n"]), st.booleans(), st.sampled_from(["utf-8", "gb18030"]))
def test_any_five_marks_any_line_end_and_a_leading_mark_give_the_same_message(
    separators: list[str], end: str, is_marked: bool, codec: str
) -> None:
    text = ADMISSION.replace("MSH|^~\\&", "MSH\x01\x02\x03\x04\x05").translate(
        dict(zip(map(ord, "|^~\\&"), range(1, 6), strict=True))
    )
    written = text
    for number, mark in enumerate(separators, 1):
        written = written.replace(chr(number), mark)
    raw = BOM * (is_marked and codec == "utf-8") + written.replace("\r", end).encode(codec)
    found = read(raw, "gb18030")
    assert [segment.name for segment in found.segments] == ["MSH", "EVN", "PID", "PV1", "DG1", "ZCS"]
    assert joined(found) == written
    pid = found.segments[2]
    assert (pid.component(5), pid.repetitions(3)[1].split(separators[1])[4]) == ("测试甲", "IdentifyNO")


@pytest.mark.parametrize("size", range(len("MSH|^~\\&|HIS|ZYY")))
def test_a_message_cut_short_in_its_header_is_refused_or_read_as_far_as_it_goes(size: int) -> None:
    raw = ADMISSION.encode()[:size]
    assert refused(raw, "") == ("unreadable-frame" if size < len("MSH|^~\\&|") else "")


@pytest.mark.parametrize("codec", ["utf-8", "gb18030"])
def test_a_message_cut_anywhere_is_read_or_refused_with_the_byte(codec: str) -> None:
    raw = ADMISSION.replace("|CHN\r", "|CHN|" + ("GBK" if codec == "gb18030" else "UTF-8") + "\r").encode(codec)
    for size in range(100, len(raw)):
        with contextlib.suppress(Refused):
            read(raw[:size], "")
            raw[:size].decode(codec)
            continue
        with pytest.raises(Refused) as caught:
            read(raw[:size], "")
        assert caught.value.refusal.code == "wrong-charset"
        assert size - 4 < int(caught.value.refusal.given["position"]) < size


# -- size --------------------------------------------------------------------------------------------------------------


def test_ten_thousand_repetitions_and_a_field_of_ten_megabytes_are_cut_in_a_moment() -> None:
    repeated = "~".join(f"{number}^^^^MR" for number in range(10_000))
    long = "甲" * 3_500_000
    text = message(f"PID|1||{repeated}||{long}", "OBX|1|ED|x||" + "A" * 5_000_000)
    began = time.perf_counter()
    found = read(text.encode(), "")
    assert time.perf_counter() - began < 5
    pid = found.segments[1]
    assert (len(pid.repetitions(3)), pid.repetitions(3)[-1]) == (10_000, "9999^^^^MR")
    assert (pid.field(5), found.segments[2].field(5)) == (long, "A" * 5_000_000)
    assert joined(found) == text


def test_a_note_broken_into_very_many_lines_costs_no_more_than_its_bytes() -> None:
    lines = ["line"] * 200_000
    text = message("OBX|1|TX|x||" + "甲" * 1_000_000, *lines)
    began = time.perf_counter()
    found = tokenize(text)
    assert time.perf_counter() - began < 5
    assert found.segments[1].field(5).count("\n") == 200_000
    assert joined(found) == text


def test_a_blank_line_in_a_note_parts_its_paragraphs() -> None:
    text = message("OBX|1|TX|x||first", "", "second|||||F", "", "OBX|2|TX|x||other", "", "")
    found = tokenize(text)
    assert [segment.field(5) for segment in found.all("OBX")] == ["first\n\nsecond", "other"]
    assert found.segments[1].field(10) == "F"


def test_a_frame_of_megabytes_without_a_line_end_is_refused_or_read_in_a_moment() -> None:
    began = time.perf_counter()
    deframer = Deframer(20_000_000)
    (one,) = deframer.feed(frame(b"MSH|^~\\&|" + b"\xb2\xe2" * 5_000_000))
    assert refused(one.content, "") == ""
    assert refused(b"\xff" * 10_000_000, "") == "unreadable-frame"
    found = autopsy(b"MSH|^~\\&|" + b"\xff" * 5_000_000, "UTF-8")
    assert found.readings[0].undecodable == 5_000_000
    assert time.perf_counter() - began < 20


def test_a_word_of_three_capitals_in_a_broken_note_belongs_to_it_and_an_empty_segment_is_one() -> None:
    text = message("OBX|1|TX|x||first", "CRP", "", "high|||||F", "DG1", "ZZ1|a", "DG1")
    found = tokenize(text)
    assert [segment.name for segment in found.segments] == ["MSH", "OBX", "DG1", "ZZ1", "DG1"]
    assert (found.segments[1].field(5), found.segments[1].field(10)) == ("first\nCRP\n\nhigh", "F")
    assert joined(found) == text


@pytest.mark.parametrize("separator", ["M", "S", "H", "1", " ", "甲", "\x00"])
def test_a_separator_that_may_be_text_is_refused(separator: str) -> None:
    text = f"MSH{separator}^~\\&{separator}HIS{separator}{separator}\rPID{separator}1\rno segment"
    code = refused(text.encode(), "")
    assert code == ("" if separator == "\x00" else "unreadable-frame")
    if code:
        with pytest.raises(Refused):
            tokenize(text)
