"""MSH out of bytes."""

import codecs
import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.hl7v2.header import delimiters_of, read_header
from hub.errors import Refused
from hub.message import Delimiters
from tests.unit.adapters.messages import ADMISSION


def test_a_header_says_who_sends_what() -> None:
    header = read_header(ADMISSION.encode())
    assert (header.application, header.facility, header.receiving_application) == ("HIS", "ZYY", "EAI")
    assert (header.kind, header.control_id, header.version) == ("ADT^A01", "90000001", "2.4")
    assert (header.sent_at, header.processing_id) == ("20260105093000", "P")
    assert (header.accept_ack, header.application_ack, header.country, header.charset) == (
        "AL",
        "AL",
        "CHN",
        "",
    )
    assert header.delimiters == Delimiters()


@pytest.mark.parametrize("before", [b"\xef\xbb\xbf", b"\r\n", b"  \n", b"\xef\xbb\xbf\r"])
@pytest.mark.parametrize("end", [b"\r", b"\n", b"\r\n", b""])
def test_marks_and_blanks_before_and_any_line_end_after_are_no_matter(before: bytes, end: bytes) -> None:
    assert read_header(before + b"MSH|^~\\&|HIS||||||ADT^A01|77" + end).control_id == "77"


def test_names_in_gbk_whose_trail_bytes_look_like_separators_do_not_shift_fields() -> None:
    name = "鈢攟匽"  # trail bytes 0x5E ^, 0x7C |, 0x5C backslash
    raw = f"MSH|^~\\&|HIS|{name}|EAI||20260105||ADT^A01|1".encode("gbk")
    assert raw.count(b"|") > 9
    header = read_header(raw)
    assert (header.facility, header.kind) == (name, "ADT^A01")


def test_only_components_of_the_first_repetition_count() -> None:
    header = read_header(b"MSH|^~\\&|HIS^1.2.3^ISO|F||||| ADT ^A08^ADT_A01~x|9|P|2.5.1^CHN||||||GBK~UNICODE UTF-8")
    assert (header.application, header.sending_application) == ("HIS", "HIS^1.2.3^ISO")
    assert (header.kind, header.version, header.charset) == ("ADT^A08", "2.5.1", "GBK")
    assert header.alternates == ("UNICODE UTF-8",)


@pytest.mark.parametrize("charset", ["8859/1", "ISO 8859-1", "iso8859/1~UNICODE UTF-8"])
def test_a_header_that_says_latin_1_is_cut_as_latin_1(charset: str) -> None:
    raw = f"MSH|^~\\&|LAB|Café|EAI||20260105||ADT^A01|7|P|2.4||||||{charset}".encode("latin-1")
    header = read_header(raw)
    assert (header.facility, header.receiving_application) == ("Café", "EAI"), "é| is one character of GB 18030"


def test_a_private_use_character_in_a_header_is_read_from_either_set() -> None:
    name = "\ue000\ue863医院"
    for codec in ("utf-8", "gb18030"):
        assert read_header(f"MSH|^~\\&|HIS|{name}|EAI||20260105||ADT^A01|7".encode(codec)).facility == name


@pytest.mark.parametrize("codec", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"])
def test_utf_16_and_utf_32_are_refused_by_name_with_or_without_their_mark(codec: str) -> None:
    with pytest.raises(Refused) as caught:
        read_header(ADMISSION.encode(codec))
    refusal = caught.value.refusal
    assert (refusal.code, refusal.where, refusal.given["charset"]) == ("wide-charset", "MSH", codec[:6].upper())
    with pytest.raises(Refused, match="MLLP cannot carry"):
        read_header(codecs.BOM_UTF16_BE + ADMISSION.encode("utf-16-be"))


def test_other_separators_are_taken_from_the_header() -> None:
    header = read_header(b"MSH$%*/!$HIS%2$$$$$$ADT%A01$5")
    assert header.delimiters == Delimiters("$", "%", "*", "/", "!")
    assert (header.application, header.kind, header.control_id) == ("HIS", "ADT^A01", "5")


def test_an_escape_character_written_twice_is_meant_once() -> None:
    header = read_header(b"MSH|^~\\\\&|HIS||||||ADT^A01|5")
    assert header.delimiters == Delimiters()
    assert header.encoding_characters == "^~\\\\&"


def test_a_separator_that_is_left_out_is_plain_text() -> None:
    delimiters = delimiters_of("|", "^~")
    assert delimiters.component == "^"
    assert "\\" not in (delimiters.escape, delimiters.subcomponent)
    assert "&" not in (delimiters.escape, delimiters.subcomponent)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"PID|1",
        b"MSH",
        b"MSH|",
        b"MSH|^",
        b"MSH|^~\\&",
        b"MSH||||",
        b"MSH|^^\\&|A",
        b"MSHA^~\\&AB",
        b"MSH|A~\\&|x",
        b"\xef\xbb\xbf",
        b"\xef\xbb\xbf\xef",
        b"MSH\x00",
    ],
)
def test_without_a_readable_header_the_frame_is_refused(raw: bytes) -> None:
    with pytest.raises(Refused) as caught:
        read_header(raw)
    assert (caught.value.refusal.code, caught.value.refusal.where) == ("unreadable-frame", "MSH")


beginnings = st.sampled_from(
    [b"", b"MSH|^~\\&", b"MSH", b"\xef\xbb\xbfMSH|", b"MSH$%*", b"\xff\xfeM", b"MSH|^~\\&|\xe9|"]
)


@settings(deadline=None)
@given(beginnings, st.binary(max_size=80))
def test_any_bytes_give_a_header_or_a_refusal_at_msh(beginning: bytes, rest: bytes) -> None:
    raw = beginning + rest
    with contextlib.suppress(Refused):
        assert read_header(raw).delimiters.field.encode() == raw[raw.index(b"MSH") + 3 :][:1]
        return
    with pytest.raises(Refused) as caught:
        read_header(raw)
    assert caught.value.refusal.code in ("unreadable-frame", "wide-charset")
    assert caught.value.refusal.where == "MSH"
