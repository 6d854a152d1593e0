"""Messages that this project did not write go through the tokenizer without loss."""

from pathlib import Path

import pytest

from adapters.hl7v2.charset import decode
from adapters.hl7v2.header import read_header
from adapters.hl7v2.tokenizer import tokenize
from hub.errors import Refused
from hub.message import Segment

CORPORA = Path(__file__).parents[4] / "shared" / "corpora"
FILES = sorted(CORPORA.rglob("*.hl7")) if CORPORA.is_dir() else []

pytestmark = pytest.mark.skipif(not FILES, reason=f"no foreign messages: {CORPORA} is absent")


def text_of(segment: Segment) -> str:
    fields = list(segment.fields)
    if segment.name in ("MSH", "FHS", "BHS"):
        del fields[1]
    return segment.delimiters.field.join(fields)


def lines_of(text: str) -> list[str]:
    """The lines of a text that are not blank."""
    return [line for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n") if line.strip()]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_joining_the_tokens_again_gives_the_text(path: Path) -> None:
    raw = path.read_bytes()
    try:
        text = decode(raw, read_header(raw), "")
    except Refused as refused:
        pytest.skip(f"no message with a header: {refused.refusal.code}")
    assert lines_of("\n".join(text_of(s) for s in tokenize(text).segments)) == lines_of(text)
