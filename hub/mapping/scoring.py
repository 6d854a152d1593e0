"""How well a mapping agrees with somebody else's: leaf by leaf, on pairs of a message and the FHIR that it should give.

A leaf is an element with its value (``Patient.name.family=王``). Left out are what no two converters can share: ids,
references, extensions, narrative, metadata. Of a URI only its tail counts; an instant counts as the moment that it is.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from hub.mapping.targets import elements_of

SCORED = (
    "Patient",
    "Encounter",
    "Observation",
    "Condition",
    "AllergyIntolerance",
    "Procedure",
    "Immunization",
    "ServiceRequest",
    "Appointment",
    "MedicationRequest",
)
"""The resources that are compared."""
_SILENT = frozenset(
    {"id", "meta", "text", "extension", "modifierExtension", "contained", "resourceType", "implicitRules"}
)
_SILENT_TYPES = frozenset({"Reference", "Extension", "Narrative", "Meta", "Resource"})
_HL7_TABLE = re.compile(r"^hl7(?:nnnn)?(\d{4})$")
"""``HL70069`` and ``v2-0069`` are one table of HL7: the first is how messages call it, the second how FHIR does."""
_TAIL = re.compile(r"[/:#]")

Leaf = tuple[str, str]
"""An element by its path without indexes, and its value as text."""


def leaves_of(resource: Mapping[str, Any]) -> Iterator[Leaf]:
    """The leaves of a FHIR R4B resource."""
    kind = str(resource["resourceType"])
    yield from _leaves(kind, kind, resource)


def _leaves(path: str, type_name: str, value: Mapping[str, Any]) -> Iterator[Leaf]:
    elements = _elements(type_name)
    for name, item in value.items():
        element = elements.get(name)
        if name.startswith("_") or (name in _SILENT and path.count(".") == 0) or name in ("id", "extension"):
            continue
        if element is None or element.type in _SILENT_TYPES:
            continue
        for one in item if isinstance(item, list) else [item]:
            if isinstance(one, Mapping):
                yield from _leaves(f"{path}.{name}", element.type, one)
            elif one not in (None, ""):
                yield f"{path}.{name}", _normal(one, element.type)


def _elements(type_name: str) -> Mapping[str, Any]:
    try:
        return elements_of(type_name)
    except (LookupError, ValueError):
        return {}


def _normal(value: Any, type_name: str) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return f"{float(value):g}"
    text = " ".join(str(value).split())
    if type_name in ("Uri", "Url", "Canonical"):
        return _HL7_TABLE.sub(r"v2-\1", _TAIL.split(text.rstrip("/"))[-1].casefold())
    if type_name in ("DateTime", "Instant"):
        return _moment(text)
    return text


def _moment(text: str) -> str:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return text
    return at.astimezone(UTC).isoformat() if at.tzinfo else text


@dataclass(slots=True)
class Tally:
    """Leaves of one kind of resource: `wanted` of the others', `given` of ours, `met` of both."""

    wanted: int = 0
    given: int = 0
    met: int = 0

    @property
    def recall(self) -> float | None:
        """Of theirs, the share that is ours too; None where they have none."""
        return self.met / self.wanted if self.wanted else None

    @property
    def precision(self) -> float | None:
        """Of ours, the share that is theirs too; None where we have none."""
        return self.met / self.given if self.given else None

    def add(self, other: "Tally") -> None:
        """Count another tally in."""
        self.wanted, self.given, self.met = self.wanted + other.wanted, self.given + other.given, self.met + other.met


@dataclass(slots=True)
class Score:
    """What comparing came to: by kind of resource, and which elements were missed or said too much, how often, and in
    which pair first."""

    kinds: dict[str, Tally] = field(default_factory=dict)
    missed: Counter[str] = field(default_factory=Counter)
    surplus: Counter[str] = field(default_factory=Counter)
    seen_in: dict[str, str] = field(default_factory=dict)
    pairs: int = 0
    refused: dict[str, str] = field(default_factory=dict)
    asked: dict[str, Tally] = field(default_factory=dict)
    """Of the leaves that a standard has a row for, where one was named."""

    def add(
        self,
        name: str,
        theirs: Iterable[Mapping[str, Any]],
        ours: Iterable[Mapping[str, Any]],
        asks_for: Callable[[Leaf], bool] | None = None,
    ) -> None:
        """Compare one pair, all resources of a kind together. `asks_for` tells which of their leaves a standard has a
        row for; they are counted apart as well."""
        self.pairs += 1
        wanted, given = _by_kind(theirs), _by_kind(ours)
        for kind in SCORED:
            one, other = wanted.get(kind, Counter()), given.get(kind, Counter())
            both = one & other
            tally = Tally(wanted=one.total(), given=other.total(), met=both.total())
            self.kinds.setdefault(kind, Tally()).add(tally)
            if asks_for:
                met = sum(times for leaf, times in both.items() if asks_for(leaf))
                wanted_of = sum(times for leaf, times in one.items() if asks_for(leaf))
                self.asked.setdefault(kind, Tally()).add(Tally(wanted=wanted_of, met=met))
            for count, found in ((self.missed, one - both), (self.surplus, other - both)):
                for (path, _), times in found.items():
                    count[path] += times
                    self.seen_in.setdefault(path, name)

    @property
    def whole(self) -> Tally:
        """Over all kinds."""
        return _sum(self.kinds.values())

    @property
    def whole_asked(self) -> Tally:
        """Over all kinds, of what the standard has a row for."""
        return _sum(self.asked.values())


def _sum(tallies: Iterable[Tally]) -> Tally:
    total = Tally()
    for tally in tallies:
        total.add(tally)
    return total


def _by_kind(resources: Iterable[Mapping[str, Any]]) -> dict[str, Counter[Leaf]]:
    found: dict[str, Counter[Leaf]] = {}
    for resource in resources:
        kind = str(resource.get("resourceType", ""))
        if kind in SCORED:
            found.setdefault(kind, Counter()).update(leaves_of(resource))
    return found
