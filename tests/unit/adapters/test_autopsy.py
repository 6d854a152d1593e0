"""The readings of a message side by side."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.hl7v2.autopsy import AROUND, Autopsy, CharsetReading, autopsy
from adapters.hl7v2.reading import read
from hub.errors import Refused
from tests.unit.adapters.messages import ADMISSION

DECLARED = ADMISSION.replace("|CHN\r", "|CHN|UNICODE UTF-8\r")


def reading(found: Autopsy, codec: str) -> CharsetReading:
    return next(one for one in found.readings if one.codec == codec)


def position_of(raw: bytes, charset: str = "") -> int:
    with pytest.raises(Refused) as caught:
        read(raw, charset)
    assert caught.value.refusal.code == "wrong-charset"
    return int(caught.value.refusal.given["position"])


def test_the_reading_that_was_declared_stands_beside_the_one_that_fits() -> None:
    raw = DECLARED.encode("gb18030")
    found = autopsy(raw, "gb18030")
    assert (found.declared, found.where) == (("UNICODE UTF-8",), "MSH-18")
    assert (found.position, found.segment, found.line) == (position_of(raw), "PID", 3)
    declared, fits = found.readings
    assert (declared.codec, fits.codec) == ("utf-8", "gb18030")
    assert (declared.at, fits.at) == ("<B2>", "测")
    assert declared.before == fits.before == "~37109919560312001X^^^^IdentifyNO||"[-AROUND:]
    assert fits.after == "试甲||19560312000000|M|||山东省威海市"
    assert declared.position == found.position
    assert (fits.position, fits.undecodable) == (None, 0)


def test_a_reading_that_fits_has_the_characters_that_people_write_with() -> None:
    for codec in ("gb18030", "utf-8"):
        wrong, right = sorted(autopsy(DECLARED.encode(codec)).readings, key=lambda one: one.common)
        assert right.codec == codec
        assert (right.common, right.hanzi, right.undecodable) == (right.hanzi, 22, 0)
        assert wrong.common < right.common / 2


def test_every_byte_in_no_character_is_counted() -> None:
    raw = DECLARED.replace("测试甲", "x").replace("山东省威海市", "y").encode()
    broken = (
        raw.replace("脑梗死".encode(), b"\xff\xfe\x80")
        .replace("神经内科".encode(), b"")
        .replace("本地段".encode(), b"")
    )
    found = autopsy(broken)
    assert found.position == broken.index(b"\xff") == position_of(broken)
    assert (found.segment, found.line) == ("DG1", 5)
    assert reading(found, "utf-8").undecodable == 2 * 3
    assert reading(found, "utf-8").text == "DG1|1||I63.900^<FF><FE><80>|<FF><FE><80>||11"


def test_a_message_that_declares_nothing_is_shown_by_its_profile_first() -> None:
    raw = ADMISSION.encode("gb18030")
    found = autopsy(raw, "UTF-8")
    assert (found.declared, found.where) == ((), "")
    assert [one.codec for one in found.readings] == ["utf-8", "gb18030"]
    assert found.position == position_of(raw, "UTF-8")
    assert [one.codec for one in autopsy(raw, "8859/1~GBK").readings] == ["latin-1", "gb18030", "utf-8"]
    assert [one.codec for one in autopsy(raw).readings] == ["gb18030", "utf-8"]


def test_a_message_without_a_fault_is_shown_around_its_first_character_beyond_ascii() -> None:
    found = autopsy(ADMISSION.encode(), "UTF-8")
    assert found.position == ADMISSION.index("测")
    assert found.readings[0].at == "测"
    assert autopsy(b"MSH|^~\\&|HIS\r").position is None


def test_a_byte_order_mark_is_no_character_and_counts_in_the_position() -> None:
    raw = b"\xef\xbb\xbf" + DECLARED.encode("gb18030")
    found = autopsy(raw)
    assert found.position == position_of(raw) == raw.index("测".encode("gb18030"))
    first = autopsy(b"\xef\xbb\xbf" + "MSH|^~\\&|甲".encode())
    assert (first.segment, first.line, first.readings[0].text) == ("MSH", 1, "MSH|^~\\&|甲")


def test_half_a_character_at_the_end_is_shown_as_its_bytes() -> None:
    found = autopsy("MSH|^~\\&|HIS\rPID|||测".encode("gb18030")[:-1], "GBK")
    assert (found.position, found.segment) == (19, "PID")
    assert found.readings[0].text == "PID|||<B2>"


@pytest.mark.parametrize("end", ["\r", "\n", "\r\n"])
def test_lines_are_counted_by_whichever_end_they_have(end: str) -> None:
    found = autopsy(DECLARED.replace("\r", end).encode("gb18030"))
    assert (found.segment, found.line) == ("PID", 3)


def test_bytes_without_a_header_have_readings_too() -> None:
    found = autopsy("无\x1b[31m头".encode("gb18030"))
    assert (found.segment, found.declared) == ("", ())
    assert reading(found, "gb18030").text == "无<1B>[31m头", "nothing of it reaches a terminal's controls"


def test_utf_16_has_no_readings() -> None:
    with pytest.raises(Refused, match="UTF-16"):
        autopsy(ADMISSION.encode("utf-16"))


def test_a_fault_deep_in_a_long_segment_is_shown_with_what_stands_there() -> None:
    raw = ("MSH|^~\\&|HIS||||||ORU^R01|1|P|2.4||||||UTF-8\rOBX|1|ED|" + "A" * 3_000_000 + "^甲").encode() + b"\xb2\xe2"
    found = autopsy(raw)
    assert found.position == len(raw) - 2
    assert reading(found, "utf-8").text == "A" * (AROUND - 2) + "^甲<B2><E2>"
    assert reading(found, "utf-8").undecodable == 2


@settings(deadline=None)
@given(st.binary(max_size=120), st.sampled_from(["", "GBK", "UTF-8~GBK", "ASCII"]))
def test_any_bytes_have_readings_that_count_their_bad_bytes(raw: bytes, charset: str) -> None:
    raw = b"MSH|^~\\&|" + raw
    found = autopsy(raw, charset)
    for one in found.readings:
        assert (one.position is None) == (one.undecodable == 0)
        assert one.common <= one.hanzi
        assert one.text.isprintable() or all(
            ord(character) >= 0xA0 for character in one.text if not character.isprintable()
        )
    bad = found.readings[0].position
    assert bad is None or bad == found.position


@settings(deadline=None)
@given(st.text(st.characters(min_codepoint=0x4E00, max_codepoint=0x9FA5), min_size=1, max_size=12), st.data())
def test_the_character_at_a_byte_is_the_one_that_this_byte_is_part_of(text: str, data: st.DataObject) -> None:
    codec = data.draw(st.sampled_from(["gb18030", "utf-8"]))
    text += "甲"  # 录 alone is, in GBK, also the ¼ of UTF-8
    found = autopsy(b"MSH|^~\\&|" + text.encode(codec), "GBK" if codec == "gb18030" else "UTF-8")
    one = found.readings[0]
    assert (one.before, one.at, one.after) == ("MSH|^~\\&|", text[0], text[1:])
