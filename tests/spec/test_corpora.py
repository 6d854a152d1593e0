"""The tokenizer on messages that this project did not write: nothing is lost, and it cuts where hl7apy cuts."""

from collections import Counter
from collections.abc import Iterator
from itertools import chain

import pytest
from hl7apy.consts import VALIDATION_LEVEL
from hl7apy.exceptions import HL7apyException
from hl7apy.parser import parse_segment

from adapters.hl7v2.charset import decoded
from adapters.hl7v2.header import read_header
from adapters.hl7v2.tokenizer import joined, tokenize
from hub.message import Delimiters, Segment, V2Message
from tests.spec.corpora import ABSENT, FILES, Foreign, lines_of, messages

FOREIGN = {message.name: message for message in messages()}
UNKNOWN_TO_HL7APY = {"PRT", "SPM"}
"""Segments of later versions, which hl7apy refuses to look at in an earlier one."""

pytestmark = pytest.mark.skipif(not FILES, reason=ABSENT)


def tokenized(foreign: Foreign) -> tuple[V2Message, str]:
    """A message and the codec that it was read by."""
    found = decoded(foreign.raw, read_header(foreign.raw))
    return tokenize(found.text), found.codec


@pytest.mark.parametrize("name", FOREIGN)
def test_the_segments_joined_again_are_the_messages_bytes(name: str) -> None:
    foreign = FOREIGN[name]
    message, codec = tokenized(foreign)
    end = "\r\n" if b"\r\n" in foreign.raw else "\n" if b"\n" in foreign.raw else "\r"
    again = joined(message, end).encode(codec)
    assert [line for line in lines_of(again) if line] == [line for line in lines_of(foreign.raw) if line.strip()]
    if b"" not in lines_of(foreign.raw)[:-1]:  # no blank line: then to the last byte
        assert again.rstrip() == foreign.raw.removeprefix(b"\xef\xbb\xbf").rstrip()


@pytest.mark.parametrize("name", FOREIGN)
def test_a_header_says_what_its_sender_wrote(name: str) -> None:
    foreign = FOREIGN[name]
    header = read_header(foreign.raw)
    assert (header.application, header.facility) == (foreign.application, foreign.facility)
    assert (header.kind, header.control_id, header.version) == (foreign.kind, foreign.control_id, foreign.version)
    assert header.delimiters.field + header.encoding_characters == foreign.separators


@pytest.mark.long
def test_every_field_stands_where_hl7apy_finds_it() -> None:
    compared: Counter[str] = Counter()
    differ: list[str] = []
    for name, foreign in FOREIGN.items():
        message, _ = tokenized(foreign)
        for segment in message.segments:
            theirs = hl7apys(segment, foreign.version)
            if theirs is None:
                compared["unknown"] += 1
                continue
            ours = named(segment, theirs)
            compared.update(segments=1, fields=len(list(chain.from_iterable(ours.values()))))
            if ours != theirs:
                compared["moved"] += 1
                if pieces(ours, segment.delimiters) != pieces(theirs, segment.delimiters):
                    differ.append(f"{name} {segment.where}")
    assert differ == []
    assert compared["segments"] > 2_000
    assert compared["fields"] > 20_000
    assert compared["unknown"] < 20
    assert compared["moved"] < 120


BEYOND = 0
"""Stands for the fields that hl7apy does not number: those that the version does not have."""


def hl7apys(segment: Segment, version: str) -> dict[int, list[str]] | None:
    """The repetitions of each field by hl7apy; None where it does not know the segment."""
    marks = segment.delimiters
    text = joined(V2Message(marks, (segment,)), "")
    characters = {
        "SEGMENT": "\r",
        "GROUP": "\r",
        "FIELD": marks.field,
        "COMPONENT": marks.component,
        "SUBCOMPONENT": marks.subcomponent,
        "REPETITION": marks.repetition,
        "ESCAPE": marks.escape,
    }
    try:
        parsed = parse_segment(
            text,
            version=version if version in ("2.3", "2.3.1", "2.4", "2.5", "2.5.1", "2.6", "2.7", "2.8") else "2.5.1",
            encoding_chars=characters,
            validation_level=VALIDATION_LEVEL.TOLERANT,
        )
    except HL7apyException:
        if segment.name not in UNKNOWN_TO_HL7APY:
            raise
        return None
    found: dict[int, list[str]] = {}
    for field in parsed.children:
        if field.name in ("MSH_1", "MSH_2"):
            continue
        number = int(field.name.rsplit("_", 1)[1]) if field.name else BEYOND
        found.setdefault(number, []).append(trimmed(field.to_er7(characters), marks))
    return dict(valued(found))


def named(segment: Segment, theirs: dict[int, list[str]]) -> dict[int, list[str]]:
    """Our repetitions by number, those of fields that hl7apy does not number together."""
    found: dict[int, list[str]] = {}
    for number in range(1, len(segment.fields)):
        repetitions = [trimmed(text, segment.delimiters) for text in segment.repetitions(number)]
        if segment.name == "MSH" and number < 3:
            continue  # the separators themselves
        found.setdefault(number if number in theirs else BEYOND, []).extend(repetitions)
    return dict(valued(found))


def pieces(found: dict[int, list[str]], marks: Delimiters) -> dict[int, list[list[str]]]:
    """The components of each repetition, in no order and without leading zeros.

    hl7apy puts a component that the version does not have, or has withdrawn (XTN.1 from 2.7 on), behind the others, and
    writes ``001`` as ``1`` where the type is SI.
    """
    return {
        number: [sorted(part.lstrip("0") for part in text.split(marks.component) if part) for text in repetitions]
        for number, repetitions in found.items()
    }


def valued(found: dict[int, list[str]]) -> Iterator[tuple[int, list[str]]]:
    for number, repetitions in found.items():
        if kept := [text for text in repetitions if text]:
            yield number, kept


def trimmed(text: str, marks: Delimiters) -> str:
    """Without the empty parts at the end, which hl7apy drops, and without blanks at a segment's end."""
    parts = [part.rstrip(f"{marks.subcomponent} ") for part in text.split(marks.component)]
    return marks.component.join(parts).rstrip(f"{marks.component} ")
