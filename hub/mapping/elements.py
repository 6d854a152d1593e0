"""What of a FHIR resource reaches the record, and what only stays in the stored resource.

An element is read if the columns or the key of an entry are made of it: that is noted from the functions themselves, so
it cannot say otherwise than they do. What is not read is ignored for a reason (``mappings/fhir/ignored.toml``), or
unaccounted for: counted for each source and element. Only a resource's own elements are accounted for, not what stands
within them.

```toml
[[ignored]]
elements = ["*.meta", "Encounter.length"]
zh = "..."
en = "..."
```
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from typing import Any
from uuid import UUID

from hub.columns import COLUMNS
from hub.errors import refuse
from hub.mapping.codes import Folder
from hub.mapping.ignoring import FILE, Reason, read_reason
from hub.merging import entry_key
from hub.message import SUBJECTS
from hub.record import Fact, Unaccounted
from hub.toml import NotToml, read_toml

_ELEMENT = re.compile(r"(?:\*|[A-Z][A-Za-z]+)\._?[a-z][A-Za-z0-9]*")
_KEYS = frozenset({"elements", "zh", "en"})
_ELSEWHERE: Mapping[str, frozenset[str]] = {
    "Patient": frozenset({"identifier", "name", "contact"}),  # who it is: hub.identifying; whom to ask: hub.relatives
    "RelatedPerson": frozenset({"active", "name", "relationship", "telecom", "period"}),  # hub.relatives
    "Coverage": frozenset({"status", "type", "payor", "period", "subscriberId"}),  # hub.relatives
    "AllergyIntolerance": frozenset({"verificationStatus"}),  # whether it still stands: hub.merging
    "Specimen": frozenset({"type", "collection", "accessionIdentifier"}),  # of its results: hub.specimens
    "Condition": frozenset({"encounter"}),  # of which stay it is: hub.programme.stays
    "ServiceRequest": frozenset(  # a request for follow-up: hub.followups.requests, hub.programme.stays
        {
            *("status", "code", "orderDetail", "encounter", "note", "patientInstruction"),
            *("occurrenceTiming", "occurrenceDateTime", "occurrencePeriod"),
        }
    ),
}
"""What is read of a resource by others than its columns."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Elements:
    """How the elements of resources are accounted for. `ignored` are those that are not read, as ``Kind.element`` or
    ``*.element``, with the reason."""

    ignored: Mapping[str, Reason] = field(default_factory=dict)

    def left_over(self, resource: Mapping[str, Any], where: str) -> Iterator[Unaccounted]:
        """The elements of a resource that nothing reads and nobody ignores, in their order."""
        kind = str(resource["resourceType"])
        known = elements_read(kind)
        for name in resource:
            if name in known or self.reason_for(kind, name) is not None:
                continue
            yield Unaccounted(where=f"{where}.{name}", field=f"{kind}.{name}")

    def reason_for(self, kind: str, element: str) -> Reason | None:
        """Why an element is not read; None where nobody has said."""
        return self.ignored.get(f"{kind}.{element}") or self.ignored.get(f"*.{element}")

    def under(self, own: "Elements") -> "Elements":
        """This with a source's own laid over it."""
        return Elements(ignored={**self.ignored, **own.ignored})


@cache
def elements_read(kind: str) -> frozenset[str]:
    """The elements of a kind that the record is made of."""
    noting = _Noting({"resourceType": kind})
    nobody = _nobody(kind)
    if kind in COLUMNS:
        COLUMNS[kind](noting, nobody)
        entry_key(kind, noting, nobody)
    return frozenset({SUBJECTS.get(kind, "subject"), *noting.asked, *_ELSEWHERE.get(kind, ())})


class _Noting(dict[str, Any]):
    """A resource that notes what it is asked for."""

    def __init__(self, said: Mapping[str, Any]) -> None:
        super().__init__(said)
        self.asked: set[str] = set()

    def get(self, name: str, default: Any = None) -> Any:
        self.asked.add(name)
        return super().get(name, default)

    def __getitem__(self, name: str) -> Any:
        self.asked.add(name)
        return super().__getitem__(name)

    def __contains__(self, name: object) -> bool:
        self.asked.add(str(name))
        return super().__contains__(name)


def _nobody(kind: str) -> Fact:
    at, nothing = datetime(1, 1, 1, tzinfo=UTC), UUID(int=0)
    return Fact(
        id=nothing,
        patient_id=nothing,
        message_id=nothing,
        source="",
        organisation="",
        kind=kind,
        key="",
        entry_key="",
        event_at=at,
        sent_at=at,
        received_at=at,
        resource={},
        path="",
        row="",
    )


def load_elements(folder: Folder, *, name: str = f"fhir/{FILE}") -> Elements:
    """``ignored.toml`` of a folder; nothing where there is none. Raises Refused (bad-mapping) with file and line;
    `name` is what the file is called then."""
    file = folder / FILE
    if not file.is_file():
        return Elements()
    try:
        text, said = read_toml(file)
    except NotToml as fault:
        raise refuse("bad-mapping", fault.place(name), reason=fault.en) from None
    if unknown := set(said) - {"ignored"}:
        raise refuse("bad-mapping", name, reason=f"unknown keys {sorted(unknown)}")
    lines = [at for at, line in enumerate(text.splitlines(), 1) if line.strip().startswith("[[ignored]]")]
    ignored: dict[str, Reason] = {}
    for at, entry in enumerate(said.get("ignored", ())):
        try:
            ignored.update(_entry(entry))
        except ValueError as fault:
            where = f"{name}:{lines[at]}" if at < len(lines) else name
            raise refuse("bad-mapping", where, reason=str(fault)) from None
    return Elements(ignored=ignored)


def _entry(entry: Mapping[str, Any]) -> Iterator[tuple[str, Reason]]:
    reason = read_reason(entry, _KEYS)
    if not isinstance(entry["elements"], list):
        raise ValueError("elements is a list")
    for text in entry["elements"]:
        if not _ELEMENT.fullmatch(str(text)):
            raise ValueError(f"{text!r} is no element such as Encounter.length, and no *.meta")
        yield str(text), reason
