"""Bytes of a message to characters."""

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.hl7v2.charset import codecs_in, decode, decoded, is_charset
from adapters.hl7v2.evidence import evidence_of
from adapters.hl7v2.header import Header, read_header
from hub.errors import Refused

hanzi = st.text(st.characters(min_codepoint=0x4E00, max_codepoint=0x9FA5), min_size=1, max_size=20)


def header(charset: str = "", country: str = "CHN") -> Header:
    return read_header(f"MSH|^~\\&|HIS||||||ADT^A01|1|P|2.4|||||{country}|{charset}".encode())


@pytest.mark.parametrize(
    ("charset", "codec"),
    [
        ("GB 18030-2000", "gb18030"),
        ("GB18030", "gb18030"),
        ("gbk", "gbk"),
        ("GB2312", "gb2312"),
        ("UNICODE", "utf-8"),
        ("UNICODE UTF-8", "utf-8"),
        ("utf-8", "utf-8"),
        ("8859/1", "latin-1"),
    ],
)
def test_msh_18_decides(charset: str, codec: str) -> None:
    text = "PID|||é" if codec == "latin-1" else "PID|||测试甲"
    assert decode(text.encode(codec), header(charset), "") == text


@pytest.mark.parametrize("text", ["PID|||䶮", "PID|||𬎆𠮷", "PID|||€"])
def test_four_byte_characters_survive_under_any_name_of_the_family(text: str) -> None:
    for charset in ("GB2312", "GBK", "GB 18030-2000", ""):
        assert decode(text.encode("gb18030"), header(charset), "") == text


def test_a_character_set_written_into_the_country_field_is_taken() -> None:
    assert decode("甲".encode("gbk"), header(country="GB2312"), "utf-8") == "甲"


def test_without_declaration_valid_utf_8_is_utf_8_and_the_rest_is_the_profiles() -> None:
    assert decode("测试甲".encode(), header(), "gb18030") == "测试甲"
    assert decode("测试甲".encode("gbk"), header(), "") == "测试甲"
    assert decode("é".encode("latin-1"), header('""'), "8859/1") == "é"


def test_a_short_name_in_gbk_that_happens_to_be_valid_utf_8_is_read_as_gbk() -> None:
    raw = "PID|||通".encode("gbk")
    raw.decode("utf-8")  # valid by chance
    assert decode(raw, header(), "gb18030") == "PID|||通"


def test_units_in_utf_8_without_any_chinese_stay_what_they_are() -> None:
    assert decode("OBX|||μmol/L|±2°".encode(), header(), "gb18030") == "OBX|||μmol/L|±2°"


def test_two_byte_text_that_the_profiles_set_cannot_hold_is_utf_8() -> None:
    assert decode("é!".encode(), header(), "ASCII") == "é!"


def test_a_byte_order_mark_is_dropped() -> None:
    assert decode(b"\xef\xbb\xbf" + "甲".encode(), header("UTF-8"), "") == "甲"


def test_a_byte_order_mark_before_valid_utf_8_speaks_for_itself() -> None:
    marked = b"\xef\xbb\xbf" + "é甲".encode()
    assert decode(marked, header("GBK"), "gb18030") == "é甲"
    assert decode(b"\xef\xbb\xbf" + "é".encode(), header(), "gb18030") == "é", "not GBK by chance"


def test_a_mark_before_other_bytes_is_dropped_and_the_position_counts_it() -> None:
    marked = b"\xef\xbb\xbfPID|||" + "测试".encode("gbk")
    assert decode(marked, header("GBK"), "") == "PID|||测试"
    with pytest.raises(Refused) as caught:
        decode(marked, header("UTF-8"), "")
    assert caught.value.refusal.given["position"] == "9"


@pytest.mark.parametrize("declared", ["ASCII~GB 18030-2000", "UNICODE UTF-8~GBK", "~GB2312", '""~GBK', "GBK~BIG-5"])
def test_alternates_are_tried_where_the_first_set_does_not_fit(declared: str) -> None:
    found = decoded("PID|||测试甲".encode("gbk"), header(declared), "utf-8")
    assert (found.text, found.codec, found.because, found.where) == ("PID|||测试甲", "gb18030", "declared", "MSH-18")


def test_utf_8_among_several_is_recognised_wherever_it_stands() -> None:
    text = "测试甲丁"  # twelve bytes of UTF-8, and six characters of GBK
    text.encode().decode("gb18030")
    assert decode(text.encode(), header("GBK~UNICODE UTF-8"), "") == text
    assert decode("通".encode("gbk"), header("GBK~UNICODE UTF-8"), "") == "通"


def test_what_none_of_several_sets_holds_is_refused_for_the_first() -> None:
    with pytest.raises(Refused) as caught:
        decode(b"PID|||\xff", header("ASCII~UNICODE UTF-8~GBK"), "8859/1")
    assert caught.value.refusal.given == {"charset": "ASCII", "position": "6"}


def test_a_profile_may_name_what_to_fall_back_on() -> None:
    assert decode("é甲".encode("gbk"), header(), "UTF-8~GBK") == "é甲"
    assert decode("é".encode("latin-1"), header(), "UTF-8~8859/1") == "é"
    with pytest.raises(Refused, match="not valid UTF-8"):
        decode("é甲".encode("gbk"), header(), "UTF-8")
    assert (is_charset("UTF-8~GBK"), is_charset("gb18030"), is_charset("UTF-8~Klingon"), is_charset("")) == (
        True,
        True,
        False,
        False,
    )
    assert codecs_in("GB2312~UTF-8") == ("gb18030", "utf-8")


@pytest.mark.parametrize(
    ("charset", "country", "profile", "raw", "codec", "because"),
    [
        ("GBK", "CHN", "utf-8", "甲".encode("gbk"), "gb18030", "declared"),
        ("", "GB2312", "utf-8", "甲".encode("gbk"), "gb18030", "declared"),
        ("", "CHN", "gb18030", b"PID", "ascii", "ascii"),
        ("", "CHN", "gb18030", "甲".encode(), "utf-8", "valid-utf-8"),
        ("", "CHN", "utf-8", "甲".encode(), "utf-8", "profile"),
        ("", "CHN", "gbk", "甲".encode("gbk"), "gb18030", "profile"),
        ("", "CHN", "", "甲".encode("gbk"), "gb18030", "default"),
    ],
)
def test_what_decided_is_told(charset: str, country: str, profile: str, raw: bytes, codec: str, because: str) -> None:
    found = decoded(raw, header(charset, country), profile)
    assert (found.codec, found.because) == (codec, because)
    told = evidence_of(message_of(charset, country) + raw, profile)
    assert (told.codec, told.because, told.where) == (found.codec, found.because, found.where)


def message_of(charset: str, country: str) -> bytes:
    return f"MSH|^~\\&|HIS||||||ADT^A01|1|P|2.4|||||{country}|{charset}\rPID|||".encode()


def test_what_cannot_be_decoded_is_told_with_what_was_believed() -> None:
    told = evidence_of(message_of("UTF-8", "CHN") + b"\xff", "")
    assert (told.codec, told.because, told.where) == ("", "declared", "MSH-18")


@pytest.mark.parametrize("codec", ["gb18030", "utf-8"])
@pytest.mark.parametrize("charset", ["GB 18030-2000", "UNICODE UTF-8", ""])
def test_rare_and_private_use_characters_survive(codec: str, charset: str) -> None:
    if charset and ("GB" in charset) != (codec == "gb18030"):
        return
    for text in PRIVATE:
        assert decode(text.encode(codec), header(charset), "") == text


PRIVATE = ["PID|||\ue000某", "PID|||\ue4c6\ue863", "PID|||\ue81e㑇𠮷", "PID|||\U000f0000某"]


def test_bytes_that_contradict_the_declaration_are_refused_with_their_position() -> None:
    with pytest.raises(Refused) as caught:
        decode(b"PID|||" + "测".encode("gbk"), header("UNICODE UTF-8"), "gb18030")
    refusal = caught.value.refusal
    assert (refusal.code, refusal.where) == ("wrong-charset", "MSH-18")
    assert refusal.given == {"charset": "UNICODE UTF-8", "position": "6"}
    with pytest.raises(Refused, match="position 1"):
        decode(b"a\xff\xff", header(), "")


def test_an_unknown_character_set_is_refused_and_only_shown_if_it_looks_like_one() -> None:
    with pytest.raises(Refused, match="BIG-5"):
        decode(b"x", header("BIG-5"), "")
    with pytest.raises(Refused) as caught:
        decode(b"x", header("测试甲"), "")
    assert caught.value.refusal.given == {"charset": "?"}


@settings(deadline=None)
@given(hanzi)
def test_chinese_is_recognised_whichever_of_the_two_sets_it_is_in(text: str) -> None:
    line = f"PID|||{text}"
    if len(text) > 3:  # fewer may be either: then the profile is believed
        assert decode(line.encode(), header(), "gb18030") == line
    assert decode(line.encode("gb18030"), header("GBK"), "") == line


@settings(deadline=None)
@given(st.text(st.characters(codec="gb18030"), max_size=30))
def test_declared_text_comes_out_as_it_went_in(text: str) -> None:
    text = text.removeprefix("\ufeff")
    assert decode(text.encode("gb18030"), header("GB 18030-2000"), "") == text
    assert decode(text.encode(), header("UTF-8"), "") == text


@settings(deadline=None)
@given(
    st.binary(max_size=60), st.sampled_from(["", "GBK", "UNICODE UTF-8", "ASCII", "8859/1", "ASCII~GBK"]), st.booleans()
)
def test_any_bytes_are_decoded_or_refused_with_a_byte_of_theirs(raw: bytes, charset: str, marked: bool) -> None:
    raw = b"\xef\xbb\xbf" * marked + raw
    with contextlib.suppress(Refused):
        found = decoded(raw, header(charset), "")
        assert found.text.encode(found.codec) == raw.removeprefix(b"\xef\xbb\xbf")
        return
    with pytest.raises(Refused) as caught:
        decoded(raw, header(charset), "")
    assert caught.value.refusal.code == "wrong-charset"
    assert raw[int(caught.value.refusal.given["position"])] >= 0x80


def test_a_name_in_gb_2312_that_is_valid_utf_8_by_chance_is_what_the_profile_says() -> None:
    raw = "PID|||甯红海".encode("gb18030")
    assert raw.decode("utf-8") != "PID|||甯红海"
    assert decode(raw, header(), "gb18030") == "PID|||甯红海"
    assert decode("PID|||王小明".encode(), header(), "gb18030") == "PID|||王小明"
