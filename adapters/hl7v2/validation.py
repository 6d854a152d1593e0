"""Full validation by hl7apy: the authority on conformance, 50 to 300 ms a message, so in a process pool.

hl7apy's traps, and what is done about them here: other segment ends than CR lose segments (normalised);
without MSH-9.3 a message has no structure (filled in from the event); segments outside the structure are
dropped in silence (looked up one by one); its report quotes field values (only known sentences are passed on,
without the value).
"""

import re
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from hl7apy.consts import VALIDATION_LEVEL
from hl7apy.exceptions import HL7apyException
from hl7apy.parser import parse_message
from hl7apy.validation import Validator

from adapters.hl7v2.dictionary import Dictionary, is_known
from adapters.hl7v2.tokenizer import tokenize
from hub.message import Segment, V2Message

MOST = 20  # findings a message; beyond that the sender has the version wrong


@dataclass(frozen=True, slots=True)
class Finding:
    """What does not conform, and where (``PID-3.1``, a segment's name, "" for the whole). Holds no field's
    value."""

    position: str
    message: str


_UNKNOWN_PARTS = "has parts that the standard does not know"

# hl7apy's sentences, without the places where it quotes a value: "Value {} not in table {} in element {}.{}".
_SENTENCES = (
    (re.compile(r"Missing required child (?P<at>[\w.]+)"), "required and missing"),
    (re.compile(r"Child limit exceeded (?P<at>[\w.]+)"), "repeats more often than the standard allows"),
    (
        re.compile(r"Value .* not in table (?P<shown>HL7\d+) in element (?P<at>[\w.]+)", re.DOTALL),
        "not in table {shown}",
    ),
    (
        re.compile(r"Exceeded max length \((?P<shown>\d+)\) of (?P<at>[\w.]+)"),
        "longer than {shown} characters",
    ),
    (
        re.compile(r"Datatype \w+ is not correct for (?P<at>[\w.]+) \(it must be (?P<shown>\w+)\)"),
        "not of datatype {shown}",
    ),
    (
        re.compile(r"Invalid children detected for <\w+ (?P<at>\w+).*"),
        _UNKNOWN_PARTS,
    ),
    (re.compile(r"Unknown element found: <\w+ (?P<at>\w+).*"), _UNKNOWN_PARTS),
)


def findings_in(text: str, version: str) -> tuple[Finding, ...]:
    """What in this message does not conform to its version of the standard; at most `MOST` findings, in no
    order that means anything. Raises `Refused` "unreadable-frame" where the text is no v2 message."""
    message = tokenize(text)
    if not is_known(version):
        return (Finding("MSH-12", "a version without tables here; nothing else was checked"),)
    structure = _structure(message, version)
    if structure is None:
        return (Finding("MSH-9", "an event without structure in this version; nothing else was checked"),)
    found = [*_unknown_segments(message, version), *_reported(_normalised(message, structure))]
    return tuple(dict.fromkeys(found))[:MOST]


def _structure(message: V2Message, version: str) -> str | None:
    tables = Dictionary()
    named = message.segments[0].component(9, 3)
    return tables.structure_of(named, version) or tables.structure_of(message.kind, version)


def _unknown_segments(message: V2Message, version: str) -> Iterator[Finding]:
    tables = Dictionary()
    for segment in message.segments:
        if not segment.name.startswith("Z") and not tables.has_segment(segment.name, version):
            yield Finding(segment.where, "no segment of this version")


def _normalised(message: V2Message, structure: str) -> str:
    """The text hl7apy can read: CR between segments, no line feed in fields, the structure in MSH-9.3."""
    first, *others = message.segments
    fields = list(first.fields)
    separator = message.delimiters.component
    fields[9] = separator.join((*(first.component(9, n) for n in (1, 2)), structure))
    lines = [message.delimiters.field.join((fields[0], *fields[2:]))]
    lines += [_line(segment) for segment in others]
    return "\r".join(lines).replace("\n", " ") + "\r"


def _line(segment: Segment) -> str:
    return segment.delimiters.field.join(segment.fields)


def _reported(text: str) -> list[Finding]:
    try:
        message = parse_message(text, validation_level=VALIDATION_LEVEL.TOLERANT, find_groups=True)
        return [_finding(line) for line in _report(message).splitlines() if line]
    except (HL7apyException, ValueError, KeyError, IndexError, AttributeError) as error:
        # hl7apy stumbles over some messages instead of reporting them; the exception's text may quote a
        # value.
        return [Finding("", f"could not be parsed by the standard's tables ({type(error).__name__})")]


def _report(message: object) -> str:
    """hl7apy lists its findings only into a file, which may quote values: private, and gone with the
    folder."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "report"
        with suppress(HL7apyException):  # the first of those in the report
            Validator.validate(message, report_file=str(path))
        return path.read_text()


def _finding(line: str) -> Finding:
    sentence = line.partition(": ")[2]
    for pattern, message in _SENTENCES:
        if match := pattern.fullmatch(sentence):
            parts = match.groupdict()
            return Finding(_position(parts["at"]), message.format(shown=parts.get("shown", "")))
    return Finding("", "does not conform (the sentence is withheld: it may quote a value)")


def _position(at: str) -> str:
    """``PID-3.1`` out of ``PID_3.CX_1``, ``PID-8`` out of ``PID.PID_8``; groups leave their segment or
    name."""
    parent, _, child = at.rpartition(".")
    if not parent:
        return at
    if match := re.fullmatch(r"([A-Z][A-Z0-9]{2})_(\d+)", parent):
        number = child.rpartition("_")[2]
        return f"{match[1]}-{match[2]}.{number}" if number.isdigit() else f"{match[1]}-{match[2]}"
    if match := re.fullmatch(r"([A-Z][A-Z0-9]{2})_(\d+)", child):
        return f"{match[1]}-{match[2]}"
    return child
