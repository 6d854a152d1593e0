"""A file is cut into its messages on bytes: nothing is lost between two, and a batch's counts are held against it."""

import gzip
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.folder.splitting import Faults, Piece, Shape, pieces_of, shape_of, unpacked
from hub.errors import Refused
from hub.message import Format

MOST = 1 << 20
ONE = "MSH|^~\\&|HIS|ZYY|||20260105||ADT^A01|A1|P|2.4\rPID|1||7||测试甲\r".encode("gb18030")
TWO = "MSH|^~\\&|HIS|ZYY|||20260105||ADT^A03|A2|P|2.4\rPID|1||8||测试乙\r".encode("gb18030")
ENDS = st.sampled_from([b"\r", b"\n", b"\r\n"])
LINES = st.lists(
    st.text(st.characters(exclude_characters="\r\n\x0b\x1c\x1a", exclude_categories=["Cs"]), max_size=20).map(
        lambda text: b"ZZZ|" + text.encode("gb18030", "ignore")
    ),
    max_size=4,
)


def cut(content: bytes, shape: Shape = Shape.V2, most: int = MOST) -> tuple[list[Piece], list[str]]:
    faults = Faults()
    return list(pieces_of(content, shape, most, faults)), [fault.code for fault in faults.found]


@given(st.lists(LINES, min_size=1, max_size=6), ENDS)
def test_messages_that_follow_each_other_are_cut_where_each_begins(messages: list[list[bytes]], end: bytes) -> None:
    written = [end.join([b"MSH|^~\\&|HIS", *lines]) + end for lines in messages]
    pieces, faults = cut(b"".join(written))
    assert [piece.content for piece in pieces] == written
    assert [piece.fault for piece in pieces] == [None] * len(written)
    assert faults == []


@given(st.binary(max_size=400))
def test_no_byte_of_a_file_is_lost_whatever_it_holds(content: bytes) -> None:
    pieces, _ = cut(content)
    marks = b"\x0b\x0c\x1c\r\n \t\xef\xbb\xbf\x1a"  # a form feed is as blank as a line end
    kept = b"".join(piece.content for piece in pieces).translate(None, marks)
    envelope = [
        line for line in content.replace(b"\n", b"\r").split(b"\r") if line[:3] in (b"FHS", b"BHS", b"BTS", b"FTS")
    ]
    lost = len(content.translate(None, marks)) - len(kept)
    assert lost <= sum(len(line) for line in envelope)


@pytest.mark.parametrize("end", [b"\r", b"\n", b"\r\n"])
def test_a_batch_is_cut_and_its_counts_agree(end: bytes) -> None:
    parts = (b"FHS|^~\\&|HIS\r", b"BHS|^~\\&|HIS\r", ONE, TWO, b"BTS|2\r", b"FTS|1\r")
    pieces, faults = cut(b"".join(parts).replace(b"\r", end))
    assert [(piece.number, piece.line) for piece in pieces] == [(1, 3), (2, 5)]
    assert pieces[0].content.replace(end, b"\r") == ONE
    assert faults == []


@pytest.mark.parametrize(
    ("content", "codes"),
    [
        (b"BHS|^~\\&\r" + ONE + b"BTS|2\r", ["batch-count-differs"]),
        (b"FHS|^~\\&\rBHS|^~\\&\r" + ONE + b"BTS|1\rFTS|3\r", ["batch-count-differs"]),
        (b"FHS|^~\\&\rBHS|^~\\&\r" + ONE, ["batch-not-closed", "batch-not-closed"]),
        (b"FHS|^~\\&\rBHS|^~\\&\r" + ONE + b"FTS|1\r", ["batch-not-closed"]),
        (b"BHS|^~\\&\r" + ONE + b"BTS\r", []),
        (b"BHS|^~\\&\r" + ONE + b"BTS|two\r", []),
    ],
)
def test_what_is_wrong_with_a_batch_is_said_and_its_messages_are_taken(content: bytes, codes: list[str]) -> None:
    pieces, faults = cut(content)
    assert [piece.content for piece in pieces] == [ONE]
    assert faults == codes


def test_lines_before_the_first_message_are_no_message() -> None:
    pieces, _ = cut(b"exported by HIS\r" + ONE)
    assert [(piece.fault.code if piece.fault else "") for piece in pieces] == ["stray-lines", ""]
    assert pieces[1].content == ONE


def test_a_capture_of_a_connection_is_cut_by_its_frames() -> None:
    pieces, _ = cut(b"\x0b" + ONE + b"\x1c\r\x0b" + TWO + b"\x1c\r\x0bMSH|half")
    assert [piece.content for piece in pieces] == [ONE, TWO, b"MSH|half"]
    assert [(piece.fault.code if piece.fault else "") for piece in pieces] == ["", "", "broken-frame"]


def test_a_message_above_the_limit_is_cut_and_the_others_are_whole() -> None:
    pieces, _ = cut(ONE + TWO + b"ZZZ|" + b"x" * 500 + b"\r" + ONE, most=200)
    assert [(piece.fault.code if piece.fault else "") for piece in pieces] == ["", "frame-too-large", ""]
    assert len(pieces[1].content) == 200


def test_ndjson_is_cut_by_its_lines_and_blank_ones_are_none() -> None:
    pieces, _ = cut(b'{"a":1}\n\n{"b":2}\r\n{"c"', Shape.NDJSON)
    assert [(piece.line, piece.content) for piece in pieces] == [(1, b'{"a":1}'), (3, b'{"b":2}'), (4, b'{"c"')]


@pytest.mark.parametrize(
    ("content", "name", "shape"),
    [
        (ONE, "a.txt", Shape.V2),
        (b"\xef\xbb\xbf" + ONE, "a", Shape.V2),
        (b"\r\n" + ONE, "a", Shape.V2),
        (b"FHS|^~\\&\r", "a", Shape.V2),
        (b"\x0b" + ONE, "a", Shape.V2),
        (ONE.decode("gb18030").encode("utf-16"), "a", Shape.V2),
        (b'{"resourceType":"Bundle"}', "a", Shape.JSON),
        (b'{\n"resourceType":"Bundle"\n}', "a", Shape.JSON),
        (b'{"resourceType":"Patient"}\n{"resourceType":"Patient"}', "a.json", Shape.NDJSON),
        (b'{"resourceType":"Patient"}', "a.NDJSON".casefold(), Shape.NDJSON),
        (b'<?xml version="1.0"?><ClinicalDocument/>', "a", Shape.XML),
        ("患者号,姓名\n".encode("gb18030"), "出院.csv", Shape.SHEET),
        (b"hello", "a.hl7", Shape.V2),
    ],
)
def test_what_a_file_is_is_told_by_its_content(content: bytes, name: str, shape: Shape) -> None:
    assert shape_of(content, name) is shape


def test_a_blank_file_is_empty() -> None:
    with pytest.raises(Refused) as refused:
        shape_of(b"\xef\xbb\xbf\r\n  \r\n", "a.hl7")
    assert refused.value.refusal.code == "file-empty"


def test_each_shape_has_the_format_of_its_messages() -> None:
    assert {shape: shape.of for shape in Shape} == {
        Shape.V2: Format.HL7V2,
        Shape.JSON: Format.FHIR,
        Shape.NDJSON: Format.FHIR,
        Shape.XML: Format.CDA,
        Shape.SHEET: Format.FHIR,
    }


@given(st.binary(max_size=3000), st.binary(max_size=3000))
def test_gzip_is_unpacked_also_of_several_members(one: bytes, two: bytes) -> None:
    assert unpacked(gzip.compress(one, mtime=0) + gzip.compress(two, mtime=0), MOST) == one + two


@given(st.binary(min_size=1, max_size=3000), st.data())
def test_a_packed_file_that_was_cut_off_is_never_taken_for_a_whole_one(content: bytes, data: st.DataObject) -> None:
    packed = gzip.compress(content, mtime=0)
    length = data.draw(st.integers(2, len(packed) - 1))
    with pytest.raises(Refused) as refused:
        unpacked(packed[:length], MOST)
    assert refused.value.refusal.code == "file-not-unpackable"


def test_a_bomb_is_refused_at_the_limit() -> None:
    packer = zlib.compressobj(9, wbits=31)
    bomb = b"".join(packer.compress(bytes(1 << 20)) for _ in range(64)) + packer.flush()
    with pytest.raises(Refused) as refused:
        unpacked(bomb, 1 << 20)
    assert refused.value.refusal.code == "file-too-large"
