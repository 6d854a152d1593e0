"""What of a document nothing has read: ``mappings/cda/ignored.toml`` says of what that is no loss.

```toml
[[ignored]]
places = ["/custodian/*", "./statusCode", "DE07.*"]   # of the header, of every entry, of an entry by its element
zh = "..."
en = "..."
```
"""

import re
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from fnmatch import translate
from typing import Any

from hub.errors import refuse
from hub.mapping.cda.places import Seen, Standing
from hub.mapping.codes import Folder
from hub.mapping.ignoring import FILE, Reason, read_reason
from hub.message import CdaDocument, Datum
from hub.record import Unaccounted
from hub.toml import NotToml, read_toml

_CODE = re.compile(r"HDSD?\d{2}(\.\d{2,3}){1,3}")
"""Numbers of data sets, which some write in the place of elements; anything else may be anybody's."""
_KEYS = frozenset({"places", "zh", "en"})
_STARTS = ("/", "./", "DE", "HDS")


@dataclass(frozen=True, kw_only=True, slots=True)
class Ignoring:
    """The places that are not read, as patterns, each with its reason."""

    places: Mapping[str, Reason] = field(default_factory=dict)
    compiled: Sequence[tuple[re.Pattern[str], Reason]] = ()

    def reason_for(self, *places: str) -> Reason | None:
        """Why something that may be called so is not read; None where nobody has said."""
        return next((reason for pattern, reason in self.compiled if any(map(pattern.match, places))), None)

    def under(self, own: "Ignoring") -> "Ignoring":
        """This with a source's own laid over it."""
        return ignoring({**self.places, **own.places})


def ignoring(places: Mapping[str, Reason]) -> Ignoring:
    """Patterns, ready to be asked."""
    return Ignoring(places=places, compiled=[(re.compile(translate(one)), reason) for one, reason in places.items()])


def left_over(
    document: CdaDocument, standing: Sequence[Standing], read: Seen, taken: Set[int], ignored: Ignoring
) -> Iterator[Unaccounted]:
    """What says something, went into nothing, and nobody ignores. An entry's code is its name: it is read with it."""
    for datum in document.header:
        if (0, datum.steps) not in read and ignored.reason_for(f"/{datum.path}") is None:
            yield Unaccounted(where=datum.where, field=f"/{datum.path}")
    for one in standing:
        number = one.said.number
        code = next((datum.code for datum in one.said.data if datum.path == "code"), "")
        called = one.element or (code if _CODE.fullmatch(code) else one.said.kind)
        named = number in taken or not any(_is_said(datum) for datum in one.said.data)
        for datum in one.said.data:
            if (number, datum.steps) in read or (named and datum.path.split("/")[0] == "code"):
                continue
            place = f"{called}/{datum.path}"
            if ignored.reason_for(f"./{datum.path}", place, one.said.label) is None:
                yield Unaccounted(where=datum.where, field=place, is_clinical=True)


def _is_said(datum: Datum) -> bool:
    return datum.path.split("/")[0] not in ("code", "statusCode", "id")


def load_ignored(folder: Folder, *, name: str = f"cda/{FILE}") -> Ignoring:
    """``ignored.toml`` of a folder; nothing where there is none. Raises Refused (bad-mapping) with file and line."""
    file = folder / FILE
    if not file.is_file():
        return Ignoring()
    try:
        text, said = read_toml(file)
    except NotToml as fault:
        raise refuse("bad-mapping", fault.place(name), reason=fault.en) from None
    if unknown := set(said) - {"ignored"}:
        raise refuse("bad-mapping", name, reason=f"unknown keys {sorted(unknown)}")
    lines = [at for at, line in enumerate(text.splitlines(), 1) if line.strip().startswith("[[ignored]]")]
    places: dict[str, Reason] = {}
    for at, entry in enumerate(said.get("ignored", ())):
        try:
            places.update(_entry(entry))
        except ValueError as fault:
            where = f"{name}:{lines[at]}" if at < len(lines) else name
            raise refuse("bad-mapping", where, reason=str(fault)) from None
    return ignoring(places)


def _entry(entry: Mapping[str, Any]) -> Iterator[tuple[str, Reason]]:
    reason = read_reason(entry, _KEYS)
    if not isinstance(entry["places"], list):
        raise ValueError("places is a list")
    for text in entry["places"]:
        if not str(text).startswith(_STARTS):
            raise ValueError(f"{text!r} is no place such as /custodian/*, ./statusCode or DE07.*")
        yield str(text), reason
