"""Messages that this project did not write: where they stand, and what their senders say of them.

`HUB_TEST_CORPORA` names the folder; without it, ``shared/corpora`` beside the checkout.
"""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

CORPORA = Path(os.environ.get("HUB_TEST_CORPORA") or Path(__file__).parents[3] / "shared" / "corpora")
FILES = sorted(CORPORA.glob("hl7v2-*/*.hl7")) if CORPORA.is_dir() else []
ABSENT = f"no foreign messages: {CORPORA} is absent"
_BOM = b"\xef\xbb\xbf"
_END = re.compile(rb"\r\n|\r|\n")


@dataclass(frozen=True, kw_only=True, slots=True)
class Foreign:
    """One message, with what its MSH says, read without the hub's own code. `raw` is the file as it stands."""

    name: str
    raw: bytes
    application: str
    facility: str
    kind: str
    control_id: str
    version: str
    separators: str


def messages() -> Iterator[Foreign]:
    """All of them, in order."""
    for file in FILES:
        raw = file.read_bytes()
        msh = next(line for line in lines_of(raw) if line).decode("utf-8")
        field = msh[3]
        parts = [*msh.split(field), *[""] * 20]
        component = parts[1][0]

        def first(text: str, component: str = component) -> str:
            return text.split(component)[0].strip()

        yield Foreign(
            name=file.stem,
            raw=raw,
            application=first(parts[2]),
            facility=first(parts[3]),
            kind="^".join(parts[8].split(component)[:2]),
            control_id=parts[9].strip(),
            version=first(parts[11]),
            separators=field + parts[1],
        )


def lines_of(raw: bytes) -> list[bytes]:
    """The lines of a message without byte-order mark, blank ones as well."""
    return _END.split(raw.removeprefix(_BOM))
