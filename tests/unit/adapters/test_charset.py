"""Bytes of a message to characters."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.hl7v2.charset import decode
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
    assert decode(line.encode(), header(), "gb18030") == line
    assert decode(line.encode("gb18030"), header("GBK"), "") == line


@settings(deadline=None)
@given(st.text(st.characters(codec="gb18030"), max_size=30))
def test_declared_text_comes_out_as_it_went_in(text: str) -> None:
    text = text.removeprefix("\ufeff")
    assert decode(text.encode("gb18030"), header("GB 18030-2000"), "") == text
    assert decode(text.encode(), header("UTF-8"), "") == text
