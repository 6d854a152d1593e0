"""What no row reads, and why that loses nothing: ``ignored.toml`` beside the rows, and beside a source's own.

```toml
clinical = ["OBX", "DG1"]   # what is left over of these is a problem of the message

[[ignored]]
fields = ["PID-1", "NK1-1"] # or whole segments: ["EVN"]
zh = "..."
en = "..."
```
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from hub.errors import refuse
from hub.mapping.codes import Folder
from hub.toml import NotToml, read_toml

FILE = "ignored.toml"
_FIELD = re.compile(r"([A-Z][A-Z0-9]{2})(?:-(\d+))?")
_KEYS = frozenset({"fields", "zh", "en"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Reason:
    """Why a field is not read, in both languages."""

    zh: str
    en: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Ignored:
    """The fields that are not read, by segment and number (0: the whole segment), each with its reason; the segments
    of which nothing may be left over."""

    fields: Mapping[tuple[str, int], Reason]
    clinical: frozenset[str]

    def reason_for(self, segment: str, number: int) -> Reason | None:
        """Why a field is not read; None where nobody has said."""
        return self.fields.get((segment, number)) or self.fields.get((segment, 0))

    def under(self, own: "Ignored") -> "Ignored":
        """This with a source's own laid over it."""
        return Ignored(fields={**self.fields, **own.fields}, clinical=self.clinical | own.clinical)


NOTHING = Ignored(fields={}, clinical=frozenset())


def load_ignored(folder: Folder, *, name: str = FILE) -> Ignored:
    """``ignored.toml`` of a folder of rows; nothing where there is none. Raises Refused (bad-mapping) with file and
    line; `name` is what the file is called then."""
    file = folder / FILE
    if not file.is_file():
        return NOTHING
    try:
        text, said = read_toml(file)
    except NotToml as fault:
        raise refuse("bad-mapping", fault.place(name), reason=fault.en) from None
    if unknown := set(said) - {"clinical", "ignored"}:
        raise refuse("bad-mapping", name, reason=f"unknown keys {sorted(unknown)}")
    lines = [at for at, line in enumerate(text.splitlines(), 1) if line.strip().startswith("[[ignored]]")]
    fields: dict[tuple[str, int], Reason] = {}
    for at, entry in enumerate(said.get("ignored", ())):
        try:
            fields.update(_entry(entry))
        except ValueError as fault:
            where = f"{name}:{lines[at]}" if at < len(lines) else name
            raise refuse("bad-mapping", where, reason=str(fault)) from None
    clinical = said.get("clinical", [])
    if not isinstance(clinical, list) or not all(isinstance(one, str) and len(one) == 3 for one in clinical):
        raise refuse("bad-mapping", name, reason="clinical is a list of segments")
    return Ignored(fields=fields, clinical=frozenset(clinical))


def read_reason(entry: Mapping[str, Any], keys: frozenset[str]) -> Reason:
    """The reason of an ``[[ignored]]``, which has exactly these keys. Raises ValueError with what is wrong."""
    if set(entry) != keys:
        raise ValueError(f"an [[ignored]] has {', '.join(sorted(keys))}")
    if not all(isinstance(entry[key], str) and entry[key].strip() for key in ("zh", "en")):
        raise ValueError("the reason is said in zh and in en")
    return Reason(zh=entry["zh"], en=entry["en"])


def _entry(entry: Mapping[str, Any]) -> Iterator[tuple[tuple[str, int], Reason]]:
    reason = read_reason(entry, _KEYS)
    if not isinstance(entry["fields"], list):
        raise ValueError("fields is a list")
    for text in entry["fields"]:
        found = _FIELD.fullmatch(str(text))
        if found is None:
            raise ValueError(f"{text!r} is no field such as PID-1, and no segment")
        yield (found[1], int(found[2] or 0)), reason
