"""Which character set a message was read in, and why: what `charset.decoded` decides, said to people."""

from dataclasses import dataclass

from adapters.hl7v2.charset import declared_in, decoded
from adapters.hl7v2.header import read_header
from hub.errors import Refused


@dataclass(frozen=True, kw_only=True, slots=True)
class Evidence:
    """`codec` is Python's name of the character set, "" where the bytes are in none that was tried. `because`:
    ``declared`` (at `where`: MSH-18, MSH-17), ``ascii``, ``valid-utf-8``, ``profile`` or ``default``."""

    codec: str
    because: str
    where: str = ""


def evidence_of(raw: bytes, charset: str) -> Evidence:
    """How a message's character set was decided; `charset` is the source profile's, "" where it names none.

    Raises Refused (unreadable-frame, wide-charset).
    """
    header = read_header(raw)
    try:
        found = decoded(raw, header, charset)
    except Refused:
        where, _ = declared_in(header)
        because = "declared" if where else "profile" if charset else "default"
        return Evidence(codec="", because=because, where=where)
    return Evidence(codec=found.codec, because=found.because, where=found.where)
