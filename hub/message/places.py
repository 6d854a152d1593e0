"""Where in a message's bytes something stands."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class BytePlace:
    """A stretch of a message as it came: bytes `start` to `end` (not included), counted from 0, and the text that they
    mean. `line` is the segment's number of an HL7 v2 message, from 1; 0 in a message without segments."""

    start: int
    end: int
    text: str
    line: int = 0
