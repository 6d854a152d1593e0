"""Resources while they are read: what rows write into, and how a value is put where a row points."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol
from uuid import NAMESPACE_URL, uuid5

from hub.errors import Refusal
from hub.mapping.conditions import Position
from hub.mapping.rows import Row, RowSet
from hub.mapping.targets import SUBJECT_OF, Element
from hub.message import Segment, Source
from hub.record import Flag, Identifier, Json, Mapped, Trace


@dataclass(slots=True)
class Building:
    """A resource while its segments are read."""

    row_set: RowSet
    key: str
    segment: Segment
    latest: Segment
    resource: Json
    traces: list[Trace] = field(default_factory=list)
    filled: set[str] = field(default_factory=set)
    cleared: list[str] = field(default_factory=list)
    assumed: list[str] = field(default_factory=list)
    flags: list[Flag] = field(default_factory=list)
    yielding: set[str] = field(default_factory=set)

    @property
    def whole(self) -> "Into":
        """The resource itself, to write into."""
        return Into(self.resource, self.filled, yielding=self.yielding)


@dataclass(slots=True)
class Into:
    """What rows write into: the resource, or one part of it such as a contact. `yielding` are the elements that hold
    what a row has put which yields."""

    resource: Json
    filled: set[str]
    prefix: str = ""
    yielding: set[str] = field(default_factory=set)


def id_of(building: Building, whose: Sequence[tuple[Identifier, ...]], source: Source) -> str:
    """A stable id from the business key, so that a replay makes the same resource: of a patient by their number, of
    nobody's by the source."""
    number = whose[0][0] if whose else None
    owner = f"{number.system}|{number.value}" if number else source.name
    return str(uuid5(NAMESPACE_URL, f"{owner}|{building.row_set.resource}|{building.key}"))


def tell_whose(building: Building, number: Identifier) -> None:
    """Whom a resource is about: its subject, or of an appointment the first who takes part."""
    whose: Json = {"type": "Patient", "identifier": {"system": number.system, "value": number.value}}
    kind, resource = building.row_set.resource, building.resource
    if kind == "Appointment":
        resource["participant"] = [{"actor": whose, "status": "accepted"}, *resource.get("participant", ())]
        building.traces.append(Trace("participant", "PID-3", f"hl7v2/{building.row_set.name}"))
    elif subject := SUBJECT_OF.get(kind, "subject"):
        resource[subject] = whose


def missing_of(building: Building) -> str:
    """The first element that FHIR requires and nothing gave; "" where there is none."""
    return next((element for element in building.row_set.required if element not in building.resource), "")


def unfit(building: Building) -> Refusal:
    """Why a resource is left out of its message."""
    given = {"kind": building.row_set.resource, "element": missing_of(building)}
    return Refusal(code="mapped-resource-invalid", where=building.segment.where, given=given)


def drop_result(built: list[Building], gone: Building) -> None:
    """No report refers to a result that is left out."""
    reference = f"{gone.row_set.resource}/{gone.resource.get('id')}"
    for one in built:
        results = one.resource.get("result")
        if results:
            one.resource["result"] = [each for each in results if each["reference"] != reference]
            if not one.resource["result"]:
                del one.resource["result"]


def finished(building: Building) -> Mapped:
    """The resource as the record takes it."""
    return Mapped(
        kind=building.row_set.resource,
        key=building.key,
        resource=building.resource,
        path=building.segment.where,
        row=f"hl7v2/{building.row_set.name}",
        traces=tuple(building.traces),
        flags=tuple(building.flags),
        cleared=tuple(building.cleared),
        assumed=tuple(building.assumed),
    )


def texts_of(segment: Segment, row: Row, position: Position) -> list[tuple[str, str]]:
    """The texts that a row converts, each with what its place adds to the path."""
    raw = segment.field(position.field)
    if row.each:
        repetitions = raw.split(segment.delimiters.repetition)
        if len(repetitions) == 1:
            return [("", raw)]
        return [(f"[{number}]", text) for number, text in enumerate(repetitions, 1) if text]
    if position.component:
        return [("", _component(segment, raw, position.component))]
    return [("", raw)]


def _component(segment: Segment, raw: str, number: int) -> str:
    first = raw.split(segment.delimiters.repetition, 1)[0]
    parts = first.split(segment.delimiters.component)
    return parts[number - 1] if number <= len(parts) else ""


class Targeted(Protocol):
    """A row, as far as it says where its value goes."""

    @property
    def path(self) -> tuple[Element, ...]:
        """The elements along its target."""


def is_outranked(into: Into, row: Row) -> bool:
    """Whether an earlier row has said what this one would say, and stays."""
    if into.yielding and _giving_way(into, row):
        return False
    return (row.slot in into.filled and not row.repeats) or is_rivalled(into.resource, row)


def make_way(building: Building, into: Into, row: Row) -> None:
    """Take out what yields to a row that has a value: OBR-6 to the timing in TQ1."""
    for name in _giving_way(into, row):
        into.yielding.discard(name)
        into.resource.pop(name, None)
        building.traces = [trace for trace in building.traces if trace.target != into.prefix + name]


def _giving_way(into: Into, row: Row) -> set[str]:
    first = row.path[0]
    return set() if row.yields else into.yielding & (first.rivals | {first.name})


def is_rivalled(into: Json, row: Targeted) -> bool:
    """Whether another type of a choice stands where the row would put its value: beside an occurrenceDateTime there is
    no place for the parts of an occurrenceTiming."""
    for element in row.path:
        if not element.rivals.isdisjoint(into):
            return True
        below = into.get(element.name)
        below = below[0] if isinstance(below, list) and below else below
        if not isinstance(below, dict):
            return False
        into = below
    return False


def put(into: Json, row: Targeted, value: Any) -> None:
    """Set or add a value at the row's target."""
    for element in row.path[:-1]:
        if element.repeats:
            things = into.setdefault(element.name, [{}])
            into = things[0]
        else:
            into = into.setdefault(element.name, {})
    last = row.path[-1]
    if is_raw_code(value):
        _put_raw_code(into, last.name, last.repeats, value["_"])
    elif last.repeats:
        into.setdefault(last.name, []).append(value)
    else:
        into[last.name] = value


def is_raw_code(value: Any) -> bool:
    """Whether the `code` converter kept a code that its table does not know."""
    return isinstance(value, dict) and "_" in value


def _put_raw_code(into: Json, name: str, repeats: bool, extension: Json) -> None:
    if repeats:  # JSON has no good place beside a repeating code: the raw code stays on the resource
        into.setdefault("extension", []).extend(extension["extension"])
    else:
        into[f"_{name}"] = extension


def fresh(value: Any) -> Any:
    """A copy of a constant, so that no two resources share it."""
    if isinstance(value, dict):
        return {name: fresh(item) for name, item in value.items()}
    return [fresh(item) for item in value] if isinstance(value, list) else value
