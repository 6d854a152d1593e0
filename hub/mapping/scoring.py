"""How well a mapping agrees with somebody else's: leaf by leaf, on pairs of a message and the FHIR that it should give.

A leaf is an element with its value (``Patient.name.family=王``). Left out are what no two converters can share: ids,
references, extensions, narrative, metadata. Of a URI only its tail counts; an instant counts as the moment that it is.
"""

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol

from hub.mapping.misses import Item, Leaf, Miss, missing_in
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


def items_of(resource: Mapping[str, Any]) -> Iterator[tuple[Leaf, ...]]:
    """The leaves of a resource, by the items of its elements."""
    kind = resource["resourceType"]
    for name, value in resource.items():
        for one in value if isinstance(value, list) else [value]:
            if name != "resourceType" and (leaves := tuple(leaves_of({"resourceType": kind, name: one}))):
                yield leaves


Coded = tuple[str, str, str]
"""A code by the path of its label, the tail of its system, and itself."""


def labels_of(path: str, value: Any) -> Iterator[tuple[Coded, str]]:
    """The codes below a path, each with its label; "" where it has none."""
    if isinstance(value, list):
        for one in value:
            yield from labels_of(path, one)
    elif isinstance(value, Mapping):
        if "code" in value and isinstance(value["code"], str) and "system" in value:
            coded = (f"{path}.display", _normal(value["system"], "Uri"), value["code"])
            yield coded, " ".join(str(value.get("display", "")).split())
        for name, one in value.items():
            yield from labels_of(f"{path}.{name}", one)


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


class Measure(Protocol):
    """What a standard says of one message's expected leaves."""

    def asks_for(self, leaf: Leaf) -> bool:
        """Whether it has a row for a leaf."""

    def is_elsewhere(self, kind: str, leaves: Sequence[Leaf], *, whole: bool = False) -> bool:
        """Whether an item (or a `whole` resource) comes from segments of which it has no table for this resource."""


@dataclass(slots=True)
class Tally:
    """Leaves of one kind of resource: `wanted` of the others', `given` of ours, `met` of both. Of what was not met,
    `labels` only call a code otherwise (its display) that both have."""

    wanted: int = 0
    given: int = 0
    met: int = 0
    labels: int = 0

    @property
    def recall(self) -> float | None:
        """Of theirs, the share that is ours too; None where they have none."""
        return self.met / self.wanted if self.wanted else None

    @property
    def content_recall(self) -> float | None:
        """The recall where another label of the same code counts as neither hit nor miss."""
        return self.met / (self.wanted - self.labels) if self.wanted > self.labels else None

    @property
    def precision(self) -> float | None:
        """Of ours, the share that is theirs too; None where we have none."""
        return self.met / self.given if self.given else None

    def add(self, other: "Tally") -> None:
        """Count another tally in."""
        self.wanted, self.given, self.met = self.wanted + other.wanted, self.given + other.given, self.met + other.met
        self.labels += other.labels


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
    misses: list[Miss] = field(default_factory=list)

    def add(
        self,
        name: str,
        theirs: Sequence[Mapping[str, Any]],
        ours: Sequence[Mapping[str, Any]],
        measure: Measure | None = None,
    ) -> None:
        """Compare one pair, all resources of a kind together. `measure` tells which of their leaves a standard has a
        row for; they are counted apart as well."""
        self.pairs += 1
        for kind in SCORED:
            one, other = ([each for each in side if each.get("resourceType") == kind] for side in (theirs, ours))
            self._add(name, kind, _items(one, _codes(other), measure), Counter(_leaves_in(other)), measure)

    def _add(self, name: str, kind: str, items: Sequence[Item], given: Counter[Leaf], measure: Measure | None) -> None:
        wanted = Counter(leaf for item in items for leaf in item.leaves)
        missing = wanted - given
        found = [
            Miss(pair=name, path=leaf[0], value=leaf[1], item=item, tabled=_is_asked(leaf, item, measure))
            for item, leaf in missing_in(items, missing)
        ]
        met, labels = (wanted & given).total(), sum(miss.is_label for miss in found)
        tally = Tally(wanted=wanted.total(), given=given.total(), met=met, labels=labels)
        self.kinds.setdefault(kind, Tally()).add(tally)
        self.misses += found
        if measure:
            asked = sum(_is_asked(leaf, item, measure) for item in items for leaf in item.leaves)
            missed = [miss for miss in found if miss.tabled]
            tally = Tally(wanted=asked, met=asked - len(missed), labels=sum(miss.is_label for miss in missed))
            self.asked.setdefault(kind, Tally()).add(tally)
        for count, paths in ((self.missed, missing), (self.surplus, given - wanted)):
            for (path, _), times in paths.items():
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


def _leaves_in(resources: Iterable[Mapping[str, Any]]) -> Iterator[Leaf]:
    return (leaf for resource in resources for leaf in leaves_of(resource))


def _codes(resources: Iterable[Mapping[str, Any]]) -> frozenset[Coded]:
    return frozenset(coded for one in resources for coded, _ in labels_of(str(one["resourceType"]), one))


def _items(
    resources: Iterable[Mapping[str, Any]], codes: Collection[Coded], measure: Measure | None
) -> tuple[Item, ...]:
    """Their resources item by item; `codes` are ours."""
    found: list[Item] = []
    for resource in resources:
        kind, whole = str(resource["resourceType"]), tuple(leaves_of(resource))
        labels = frozenset((coded[0], label) for coded, label in labels_of(kind, resource) if coded in codes)
        away = measure is not None and measure.is_elsewhere(kind, whole, whole=True)
        for leaves in items_of(resource):
            elsewhere = away or (measure is not None and measure.is_elsewhere(kind, leaves))
            found.append(Item(leaves=leaves, resource=whole, labels=labels, elsewhere=elsewhere))
    return tuple(found)


def _is_asked(leaf: Leaf, item: Item, measure: Measure | None) -> bool:
    return measure is not None and not item.elsewhere and measure.asks_for(leaf)
