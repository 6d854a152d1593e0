"""Where fields and elements stand among the bytes of a message."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.fhir import places as fhir
from adapters.hl7v2 import places as v2
from adapters.hl7v2.charset import decode
from adapters.hl7v2.header import read_header
from adapters.hl7v2.reading import read
from fixtures.county import story
from hub.message import Format
from tests.desk import sources

LETTERS = [
    (one.body, sources()[one.source].charset)
    for one in story()
    if sources()[one.source].format is Format.HL7V2 and not one.body.startswith(b"<")
]
NOTE = (
    "MSH|^~\\&|A|B|C|D|20260301||ORU^R01|1|P|2.5\rPID|1||1^^^H~2||张三^Zhang\r"
    "OBX|1|TX|||影像所见：\r\n肺\nCT\r\n清晰|x|y\r"
)


def test_every_field_of_the_countys_messages_is_found_at_its_bytes() -> None:
    assert len(LETTERS) > 50
    for raw, charset in LETTERS:
        message = read(raw, charset)
        fields = {
            f"{segment.where}-{number}": text
            for segment in message.segments
            for number, text in enumerate(segment.fields)
            if number and text and (segment.name, number) != ("MSH", 1)
        }
        found = v2.locate(raw, charset, fields)
        assert set(found) == set(fields)
        for path, place in found.items():
            assert place.text == fields[path]
            assert decode(raw[place.start : place.end], read_header(raw), charset) == fields[path]


@pytest.mark.parametrize("codec", ["utf-8", "gb18030"])
@pytest.mark.parametrize(
    ("path", "text", "line"),
    [
        ("PID-5", "张三^Zhang", 2),
        ("PID-5.2", "Zhang", 2),
        ("PID-3", "1^^^H~2", 2),
        ("PID-3.4", "H", 2),
        ("OBX-5", "影像所见：\r\n肺\nCT\r\n清晰", 3),
        ("OBX-7", "y", 3),
        ("MSH-9.2", "R01", 1),
    ],
)
def test_a_position_is_found_in_either_character_set(codec: str, path: str, text: str, line: int) -> None:
    raw = NOTE.encode(codec)
    place = v2.locate(raw, codec, [path])[path]
    assert (place.text, place.line) == (text, line)
    assert raw[place.start : place.end] == text.encode(codec)


def test_a_segment_is_found_whole_and_a_byte_order_mark_is_counted() -> None:
    raw = b"\xef\xbb\xbf" + NOTE.encode()
    place = v2.locate(raw, "", ["PID"])["PID"]
    assert raw[place.start : place.end].decode() == "PID|1||1^^^H~2||张三^Zhang"


@pytest.mark.parametrize(
    "path", ["PID-99", "PID-5.9", "OBX[2]-5", "ZZZ-1", "PID[0]-5", "PID-0", "nonsense", "", "PID-5.0"]
)
def test_what_does_not_stand_there_has_no_place(path: str) -> None:
    assert v2.locate(NOTE.encode(), "utf-8", [path]) == {}


NAMES = st.text("abcdefgh_", min_size=1, max_size=5)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text('aé张"\\\n', max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=12,
)


def paths_in(value: Any, at: str) -> dict[str, Any]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    steps = {f"{at}.{name}" if isinstance(value, dict) else f"{at}[{name}]": one for name, one in inner}
    return {at: value, **{path: found for step, one in steps.items() for path, found in paths_in(one, step).items()}}


@given(st.dictionaries(NAMES, JSON, max_size=4), st.sampled_from([None, 2]), st.booleans())
def test_every_element_of_a_body_is_found_at_its_bytes(body: dict[str, Any], indent: int | None, escaped: bool) -> None:
    raw = json.dumps(body, indent=indent, ensure_ascii=escaped).encode()
    known = paths_in(body, "Patient")
    found = fhir.locate(raw, known)
    assert set(found) == set(known)
    for path, place in found.items():
        assert json.loads(raw[place.start : place.end]) == known[path]
        assert place.text.encode() == raw[place.start : place.end]


@pytest.mark.parametrize(
    "path", ["Patient.name[1]", "Patient.gender", "Patient.?", "Patient.name.family", "Patient[0]", ""]
)
def test_an_element_that_is_not_there_has_no_place(path: str) -> None:
    assert fhir.locate(b'\xef\xbb\xbf{"name": [{"text": "x"}]}', [path]) == {}


def test_a_body_that_is_no_json_has_no_places() -> None:
    for raw in (b"", b"{", b'{"name"', b"\xff", b"[1", b"x" * 9):
        assert fhir.locate(raw, ["Patient.name", "Patient[2]"]) == {}
