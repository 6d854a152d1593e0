"""XML from outside: what is well-formed is read in its own character set, and nothing in it is believed or fetched."""

import time
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from adapters.xml import (
    DEEPEST,
    LONGEST_TEXT,
    MOST_MARKUP,
    canonical,
    decode,
    encode,
    fit,
    local_name,
    parse,
    text_in,
    written,
)
from hub.errors import Refusal, Refused
from hub.wordings.documents import DOCUMENTS

NAME = "测试甲㐀𠀀"
"""With a character of GB18030 that takes four bytes, and one beyond the basic plane."""


def refusal_of(raw: bytes, charset: str = "") -> Refusal:
    with pytest.raises(Refused) as caught:
        parse(raw, charset)
    return caught.value.refusal


# -- characters --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("declared", "codec"),
    [
        ("GBK", "gb18030"),
        ("gb2312", "gb18030"),
        ("GB18030", "gb18030"),
        ("UTF-8", "utf-8"),
        ("utf8", "utf-8"),
        ("UTF-16", "utf-16"),
        ("UTF-16", "utf-8-sig"),
        ("UTF-8", "utf-8-sig"),
    ],
)
def test_a_document_is_read_in_the_character_set_that_it_declares(declared: str, codec: str) -> None:
    raw = f'<?xml version="1.0" encoding="{declared}"?><name>{NAME}</name>'.encode(codec)
    assert text_in(parse(raw)) == NAME


@pytest.mark.parametrize("codec", ["utf-16-le", "utf-16-be", "utf-8", "gb18030"])
def test_a_document_that_declares_nothing_is_read_by_the_evidence_of_its_bytes(codec: str) -> None:
    assert text_in(parse(f"<name>{NAME}</name>".encode(codec))) == NAME


def test_who_writes_utf_16_over_bytes_of_ascii_has_written_utf_8() -> None:
    assert text_in(parse(f'<?xml version="1.0" encoding="utf-16"?><a>{NAME}</a>'.encode())) == NAME


def test_the_content_type_says_the_character_set_where_the_document_says_none() -> None:
    raw = "<a>é</a>".encode("latin-1")
    assert text_in(parse(raw, "iso-8859-1")) == "é"


@pytest.mark.parametrize(("charset", "declared"), [("GBK", "UTF-8"), ("UTF-8", "GBK")])
@pytest.mark.parametrize("codec", ["utf-8", "gb18030"])
def test_where_content_type_and_declaration_differ_the_bytes_decide(charset: str, declared: str, codec: str) -> None:
    raw = f'<?xml version="1.0" encoding="{declared}"?><a>{NAME}</a>'.encode(codec)
    assert text_in(parse(raw, charset)) == NAME


def test_the_first_byte_that_is_not_of_the_declared_character_set_is_named() -> None:
    raw = b'<?xml version="1.0" encoding="UTF-8"?><a>' + "张".encode("gb18030") + b"</a>"
    refusal = refusal_of(raw)
    assert refusal.code == "xml-wrong-charset"
    assert refusal.given == {"charset": "UTF-8", "position": "41"}


def test_a_character_set_that_nobody_knows_is_refused_by_name() -> None:
    assert refusal_of(b'<?xml version="1.0" encoding="KLINGON"?><a/>').given == {"charset": "KLINGON"}


@given(st.text(st.characters(exclude_categories=["Cs", "Cc", "Cn"]), max_size=40))
def test_what_came_as_text_is_read_from_its_bytes_as_the_same_text(said: str) -> None:
    escaped = said.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    for declared in ("GBK", "UTF-8", "UTF-16", "ISO-8859-1", "x-unknown"):
        inner = encode(f'<?xml version="1.0" encoding="{declared}"?><a>{escaped}</a>')
        assert (parse(inner).text or "") == said


# -- limits ------------------------------------------------------------------------------------------------------------

LAUGHS = b"""<?xml version="1.0"?>
<!-- a comment before it changes nothing --><?pi neither?>
<!DOCTYPE lolz [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;">]>
<lolz>&c;</lolz>"""


@pytest.mark.parametrize(
    "raw",
    [
        LAUGHS,
        LAUGHS.decode().replace('<?xml version="1.0"?>', "").encode("utf-16"),
        b"<!doctype a><a/>",
        b'<!DOCTYPE a SYSTEM "http://127.0.0.1:1/a.dtd"><a/>',
    ],
)
def test_a_doctype_is_refused_before_anything_is_parsed(raw: bytes) -> None:
    assert refusal_of(raw).code == "xml-doctype"


def test_an_external_entity_is_not_read(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("测试乙")
    raw = f'<!DOCTYPE a [<!ENTITY x SYSTEM "{secret.as_uri()}">]><a>&x;</a>'.encode()
    refusal = refusal_of(raw)
    assert refusal.code == "xml-doctype"
    assert "测试乙" not in str(refusal)


def test_an_entity_that_nobody_declared_is_refused_and_the_five_of_xml_are_read() -> None:
    assert refusal_of(b"<a>&nbsp;</a>").code == "xml-not-well-formed"
    assert text_in(parse(b"<a>&lt;&amp;&gt;&quot;&apos;&#20013;</a>")) == "<&>\"'中"


def test_a_doctype_in_text_is_only_text() -> None:
    assert text_in(parse(b"<a><![CDATA[<!DOCTYPE a>]]></a>")) == "<!DOCTYPE a>"


def test_elements_may_be_nested_so_deep_and_no_deeper() -> None:
    assert local_name(parse(b"<a>" * DEEPEST + b"</a>" * DEEPEST)) == "a"
    assert refusal_of(b"<a>" * (DEEPEST + 1) + b"</a>" * (DEEPEST + 1)).code == "xml-nested-too-deeply"
    assert refusal_of(b"<a>" * 1_000_00).code == "xml-nested-too-deeply"


def test_a_text_may_be_so_long_and_no_longer() -> None:
    assert len(parse(b"<a>" + b"x" * (LONGEST_TEXT - 1) + b"</a>").text) == LONGEST_TEXT - 1
    assert refusal_of(b"<a>" + b"x" * (LONGEST_TEXT + 1) + b"</a>").code == "xml-text-too-long"
    for text in (b"x" * (LONGEST_TEXT + 1), "甲".encode() * (LONGEST_TEXT // 2)):
        assert refusal_of(b"<a><![CDATA[" + text + b"]]></a>").code == "xml-text-too-long"
    assert refusal_of(b"<a><![CDATA[" + b"x" * 100).code == "xml-not-well-formed"


@pytest.mark.parametrize(
    "raw",
    [
        b"<a>" + b"<b/>" * MOST_MARKUP + b"</a>",
        b"<a " + b" ".join(b"b%x=''" % number for number in range(MOST_MARKUP)) + b"/>",
    ],
)
def test_markup_that_would_fill_the_memory_is_refused_unparsed(raw: bytes) -> None:
    began = time.monotonic()
    assert refusal_of(raw).code == "xml-too-much-markup"
    assert time.monotonic() - began < 5


# -- faults ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("raw", "line", "column"),
    [
        (b"", "1", "1"),
        (b"<a>\n  <b>\n  </c>\n</a>", "3", "7"),
        (b'<?xml version="1.0" encoding="GBK"?>\n<a>\n<b x=1/></a>', "3", "6"),
        (b"\n\n<a", "3", "3"),
    ],
)
def test_what_is_not_well_formed_is_refused_at_its_line_and_column(raw: bytes, line: str, column: str) -> None:
    refusal = refusal_of(raw)
    assert refusal.code == "xml-not-well-formed"
    assert (refusal.given["line"], refusal.given["column"]) == (line, column)


def test_a_refusal_quotes_nothing_of_the_document() -> None:
    for raw in ("<张三></李四>", "<a>&王五;</a>", '<?xml version="1.0" encoding="测试"?><张三>', "<a b='张三' b=''/>"):
        refusal = refusal_of(raw.encode())
        said = f"{refusal}{refusal.message('zh')}{refusal.next_step('zh')}"
        assert not [name for name in ("张三", "李四", "王五") if name in said]


def found_in(raw: bytes) -> str:
    """The code of a document's refusal, or ""."""
    try:
        parse(raw)
    except Refused as refused:
        return refused.refusal.code
    return ""


@given(st.binary(max_size=300))
@example(b"\xff\xfe")
@example(b"\xff\xfe<\x00")
@example(b'<?xml version="1.0" encoding="gb18030"?>\x84\x31\xa4\x37')
def test_garbled_bytes_are_refused_or_read_and_nothing_else(raw: bytes) -> None:
    assert found_in(raw) in ("", *DOCUMENTS)


DOCUMENT = f'<?xml version="1.0" encoding="UTF-8"?><a b="{NAME}"><c>{NAME}<![CDATA[x]]></c><!-- y --></a>'.encode()


@given(st.integers(0, len(DOCUMENT) - 1), st.binary(max_size=4))
def test_a_document_with_garbled_bytes_in_it_is_refused_or_read_and_nothing_else(at: int, bytes_: bytes) -> None:
    assert found_in(DOCUMENT[:at] + bytes_ + DOCUMENT[at + len(bytes_) :]) in ("", *DOCUMENTS)


# -- the canonical form ------------------------------------------------------------------------------------------------


def test_the_canonical_form_is_that_of_what_is_said_and_not_of_how_it_is_written() -> None:
    one = f'<?xml version="1.0" encoding="GBK"?><a y="2" x="1"><b/>{NAME}</a>'.encode("gb18030")
    two = f"<a x='1' y='2'><b></b><!-- c -->{NAME}</a>".encode()
    assert canonical(parse(one), one) == canonical(parse(two), two)
    other = f"<a x='1' y='3'><b></b>{NAME}</a>".encode()
    assert canonical(parse(other), other) != canonical(parse(two), two)


def test_a_document_without_canonical_form_stands_for_itself() -> None:
    raw = b'<a xmlns="relative"/>'
    assert canonical(parse(raw), raw) == raw


def test_an_element_with_countless_attributes_takes_no_time_to_compare() -> None:
    raw = b"<a " + b" ".join(b"b%x=''" % number for number in range(200_000)) + b"/>"
    root = parse(raw)
    began = time.monotonic()
    assert canonical(root, raw) == raw
    assert time.monotonic() - began < 5


def test_an_element_is_written_as_a_document_of_its_own() -> None:
    root = parse(f'<e xmlns:x="urn:x"><x:a>{NAME}</x:a>tail</e>'.encode())
    again = parse(written(root[0]))
    assert (again.tag, again.text, again.tail) == ("{urn:x}a", NAME, None)


def test_text_is_made_fit_for_xml_by_blanks() -> None:
    assert fit("a\x0bb\x00c\ud800d\ufffee\tf\r𠀀") == "a b c d e\tf\r𠀀"


def test_decoding_leaves_the_byte_order_mark_out() -> None:
    assert decode(b"\xef\xbb\xbf<a/>") == "<a/>"
