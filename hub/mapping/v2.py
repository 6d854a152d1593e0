"""The walk: a tokenized v2 message, its row sets, and out come FHIR resources of its patients.

Segments are read in order. A row may also read the nearest segment before it (``OBR-7`` in an OBX row) and the header.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from hub.errors import refuse
from hub.mapping.codes import CodeTable, IdentifierKind
from hub.mapping.conditions import Position
from hub.mapping.converters import Reader, patient_numbers
from hub.mapping.rows import MessagePlan, Row, RowSet
from hub.mapping.times import is_no_time, read_time
from hub.message import Segment, Source, V2Message
from hub.record import Flag, Identifier, Json, Mapped, PatientMerge, PatientPart, Reading, Trace

_EMPTIED = '""'
_KIND = re.compile(r"[A-Z0-9]{3}\^[A-Z0-9]{3}")
_AHEAD = timedelta(days=1)
"""How far a sender's clock may be ahead. What is said to happen later than that would outrank every later message."""


@dataclass(slots=True)
class _Building:
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


@dataclass(slots=True)
class _Into:
    """What rows write into: the resource, or one part of it such as a contact."""

    resource: Json
    filled: set[str]
    prefix: str = ""


@dataclass(frozen=True, slots=True)
class V2Mapping:
    """One source's mapping of v2 messages."""

    source: Source
    tables: Mapping[str, CodeTable]
    kinds: Mapping[str, IdentifierKind]
    plans: Mapping[str, MessagePlan]

    def read(self, message: V2Message, received_at: datetime) -> Reading:
        """The message as resources of its patients.

        Raises Refused (unknown-message-type, no-patient, impossible-date, wrong-check-digit,
        mapped-resource-invalid) naming the field.
        """
        plan = self.plans.get(message.kind)
        if plan is None:
            shown = message.kind if _KIND.fullmatch(message.kind) else "?"  # shifted fields may put a name there
            raise refuse("unknown-message-type", "MSH-9", type=shown, known=", ".join(sorted(self.plans)))
        walk = _Walk(self, plan, message)
        for segment in message.segments:
            walk.take(segment)
        parts = walk.parts()
        if not parts:
            raise refuse("missing-field", "PID")
        event_at, sent_at = _times(message, self.source, received_at)
        latest = received_at + _AHEAD
        event_at, sent_at = (at if at <= latest else received_at for at in (event_at, sent_at))
        return Reading(event_at=event_at, sent_at=sent_at, parts=parts, merges=walk.merges() if plan.merges else ())


def _times(message: V2Message, source: Source, received_at: datetime) -> tuple[datetime, datetime]:
    """When it happened (EVN-6, else EVN-2, else MSH-7) and when it was sent (MSH-7, else receipt)."""
    evn = message.first("EVN")
    candidates = [evn.component(6), evn.component(2)] if evn else []
    sent = message.segments[0].component(7)
    sent_at = _instant(sent, source, "MSH-7") or received_at
    happened = (_instant(text, source, where) for text, where in zip(candidates, ("EVN-6", "EVN-2"), strict=False))
    return next((at for at in happened if at), sent_at), sent_at


def _instant(text: str, source: Source, where: str) -> datetime | None:
    if not text.strip(' "') or is_no_time(text):
        return None
    found = read_time(text, source.time_zone)
    if found is None:
        raise refuse("impossible-date", where)
    return found[0]


class _Walk:
    """One pass over one message."""

    def __init__(self, mapping: V2Mapping, plan: MessagePlan, message: V2Message) -> None:
        self._mapping = mapping
        self._plan = plan
        self._message = message
        self._latest: dict[str, Segment] = {}
        self._built: list[list[_Building]] = []  # a list a patient, in the order of their PIDs
        self._used: dict[tuple[str, str], int] = {}  # how often a row set has made a key for the patient at hand
        self._numbers: list[tuple[Identifier, ...]] = []
        self._prior: list[tuple[Identifier, ...]] = []
        self._owner = ""  # the last segment that a note can belong to
        self._reader = Reader(mapping.source, mapping.tables, mapping.kinds, message.delimiters, message.segments[0])

    def take(self, segment: Segment) -> None:
        """Read one segment, after those before it."""
        name = segment.name
        self._latest[name] = segment
        if name == "PID":
            self._open(segment)
        elif name == "MRG":
            self._prior.append(self._numbers_in(segment, 1))
        elif name == "PV1" and self._built:
            self._late_rows()
        if name == "OBR":
            self._latest.pop("OBX", None)
        for row_set in self._plan.row_sets:
            if row_set.segment == name and self._fits(row_set, segment):
                self._build(row_set, segment)
        if name != "NTE":
            self._owner = name

    def parts(self) -> tuple[PatientPart, ...]:
        """The patients of the message with their resources. Raises Refused where one lacks what FHIR requires."""
        parts = []
        for numbers, built in zip(self._numbers, self._built, strict=True):
            mapped = [self._finished(building, numbers[0]) for building in built]
            parts.append(PatientPart(numbers=numbers, demographics=mapped[0], resources=tuple(mapped[1:])))
        return tuple(parts)

    def merges(self) -> tuple[PatientMerge, ...]:
        """The pairs of PID and MRG. Raises Refused where a PID has no MRG or one of them no number."""
        if len(self._prior) != len(self._numbers) or not all(self._prior):
            raise refuse("no-merged-patient", "MRG-1")
        pairs = zip(self._prior, self._numbers, strict=True)
        return tuple(PatientMerge(prior=prior, surviving=surviving) for prior, surviving in pairs)

    def _open(self, segment: Segment) -> None:
        numbers = self._numbers_in(segment, 3)
        self._numbers.append(numbers)
        self._built.append([])
        self._used.clear()
        for name in ("PV1", "OBR", "OBX"):
            self._latest.pop(name, None)

    def _numbers_in(self, segment: Segment, number: int) -> tuple[Identifier, ...]:
        self._reader.segment, self._reader.number = segment, number
        numbers = patient_numbers(segment.field(number), self._reader)
        if not numbers and segment.name == "PID":
            numbers = patient_numbers(segment.field(2), self._reader)
        if not numbers:
            raise refuse("no-patient", f"{segment.where}-{number}")
        return numbers

    def _fits(self, row_set: RowSet, segment: Segment) -> bool:
        """A note belongs to the segment before it; everything else to the patient at hand."""
        if not self._built:
            raise refuse("missing-field", "PID")
        if row_set.condition is not None and not row_set.condition(self._latest):
            return False
        if not row_set.part_of:
            return any(text.strip() for text in segment.fields[1:])
        owner = self._last(row_set.part_of)
        return owner is not None and (segment.name != "NTE" or self._is_noted(owner))

    def _is_noted(self, owner: _Building) -> bool:
        """Whether the segment before the notes at hand made this resource, or was the last to add to it."""
        return owner.row_set.segment == self._owner and owner.latest is self._latest.get(self._owner)

    def _last(self, row_set: str) -> _Building | None:
        return next((b for b in reversed(self._built[-1]) if b.row_set.name == row_set), None)

    def _build(self, row_set: RowSet, segment: Segment) -> None:
        if row_set.part_of:
            self._add_part(row_set, segment)
            return
        key = self._key(row_set, segment)
        if row_set.joins and (begun := self._begun(row_set, key)):
            self._join(begun, segment)
            return
        key = self._apart(row_set, key)
        building = _Building(row_set, key, segment, segment, {"resourceType": row_set.resource})
        whole = _Into(building.resource, building.filled)
        for row in row_set.rows:
            self._apply(building, row, segment, whole)
        if row_set.resource != "Patient":
            building.resource["id"] = self._id_of(building)
        if row_set.result_of and (report := self._last(row_set.result_of)):
            reference = {"reference": f"{row_set.resource}/{building.resource['id']}"}
            report.resource.setdefault("result", []).append(reference)
        self._built[-1].append(building)

    def _begun(self, row_set: RowSet, key: str) -> _Building | None:
        return next((b for b in self._built[-1] if b.row_set is row_set and b.key == key), None)

    def _join(self, building: _Building, segment: Segment) -> None:
        """What one more segment says of a resource that an earlier one of the same key has begun."""
        building.latest = segment
        whole = _Into(building.resource, building.filled)
        for row in building.row_set.rows:
            if row.position is not None:  # a constant stands there already
                self._apply(building, row, segment, whole)

    def _id_of(self, building: _Building) -> str:
        """A stable id from the business key, so that a replay makes the same resource."""
        numbers = self._numbers[-1][0]
        name = f"{numbers.system}|{numbers.value}|{building.row_set.resource}|{building.key}"
        return str(uuid5(NAMESPACE_URL, name))

    def _late_rows(self) -> None:
        """PID rows that read PV1 (a death at discharge) can only be read once PV1 is there."""
        patient = self._built[-1][0]
        whole = _Into(patient.resource, patient.filled)
        for row in patient.row_set.rows:
            if row.reads_visit:
                self._apply(patient, row, patient.segment, whole)

    def _add_part(self, row_set: RowSet, segment: Segment) -> None:
        owner = self._last(row_set.part_of)
        if owner is None:
            return
        parts = owner.resource.setdefault(row_set.into, [])
        part: Json = {}
        into = _Into(part, set(), f"{row_set.into}[{len(parts)}].")
        for row in row_set.rows:
            self._apply(owner, row, segment, into)
        if any(name != "url" for name in part):
            parts.append(part)
        elif not parts:
            del owner.resource[row_set.into]

    def _key(self, row_set: RowSet, segment: Segment) -> str:
        if not row_set.key:
            return ""
        columns = [next((text for at in column if (text := self._text(at))), "") for column in row_set.key]
        return "|".join(columns) if any(columns) else f"{self._message.segments[0].component(10)}#{segment.where}"

    def _apart(self, row_set: RowSet, key: str) -> str:
        """A key that this message has used before gets a number: two lines of one message never supersede each other
        (a text report comes as many OBX of one code)."""
        number = self._used[row_set.name, key] = self._used.get((row_set.name, key), 0) + 1
        return key if number == 1 else f"{key}#{number}"

    def _text(self, position: Position) -> str:
        segment = self._latest.get(position.segment)
        if segment is None:
            return ""
        return segment.component(position.field, position.component or 1).strip()

    def _apply(self, building: _Building, row: Row, segment: Segment, into: "_Into") -> None:
        if row.position is not None and not row.clear and not self._is_said(row.position):
            return
        before = len(self._reader.flags)
        self._fill(building, row, segment, into)
        building.flags += self._reader.flags[before:]

    def _is_said(self, position: Position) -> bool:
        """Whether there is anything in a field. Most rows of most messages end here."""
        segment = self._latest.get(position.segment)
        return segment is not None and segment.field(position.field) != ""

    def _fill(self, building: _Building, row: Row, segment: Segment, into: "_Into") -> None:
        if row.slot in into.filled and not row.repeats:
            return
        if row.condition is not None and not row.condition(self._latest):
            return
        if row.clear:
            building.cleared.append(into.prefix + row.target)
        elif row.position is None:
            _put(into.resource, row, _fresh(row.value))
            building.traces.append(Trace(into.prefix + row.target, segment.where, row.id))
        elif not self._read(building, row, into):
            return
        into.filled.add(row.slot)
        if row.assumed:
            building.assumed.append(row.target)

    def _read(self, building: _Building, row: Row, into: "_Into") -> bool:
        """Apply a row that reads a field; whether it settled its target."""
        position = row.position
        segment = self._latest.get(position.segment) if position else None
        if position is None or segment is None or row.convert is None:
            return False
        raw = segment.field(position.field)
        if raw == _EMPTIED:
            building.cleared += [into.prefix + row.empties] if row.empties else []
            return True
        if not raw:
            return False
        path = f"{segment.where}-{position.field}" + (f".{position.component}" if position.component else "")
        said = self._convert(row, segment, position, path, into.resource)
        if said:
            codes = row.table.name if row.table else ""
            building.traces.append(Trace(into.prefix + row.target, path, row.id, codes))
        return said

    def _convert(self, row: Row, segment: Segment, position: Position, path: str, into: Json) -> bool:
        reader, convert = self._reader, row.convert
        reader.segment, reader.number, reader.table = segment, position.field, row.table
        said = False
        for place, text in _texts(segment, row, position):
            reader.where = path + place
            value = convert(text, reader) if convert else None
            if value is not None:
                _put(into, row, value)
                said = said or not _is_raw_code(value)
        return said

    def _finished(self, building: _Building, number: Identifier) -> Mapped:
        row_set, resource = building.row_set, building.resource
        for element in row_set.required:
            if element not in resource:
                raise refuse("mapped-resource-invalid", building.segment.where, kind=row_set.resource, element=element)
        if row_set.resource != "Patient":
            subject = "patient" if row_set.resource == "AllergyIntolerance" else "subject"
            resource[subject] = {
                "type": "Patient",
                "identifier": {"system": number.system, "value": number.value},
            }
        return Mapped(
            kind=row_set.resource,
            key=building.key,
            resource=resource,
            path=building.segment.where,
            row=f"hl7v2/{row_set.name}",
            traces=tuple(building.traces),
            flags=tuple(building.flags),
            cleared=tuple(building.cleared),
            assumed=tuple(building.assumed),
        )


def _texts(segment: Segment, row: Row, position: Position) -> list[tuple[str, str]]:
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


def _put(into: Json, row: Row, value: Any) -> None:
    """Set or add a value at the row's target."""
    for element in row.path[:-1]:
        if element.repeats:
            things = into.setdefault(element.name, [{}])
            into = things[0]
        else:
            into = into.setdefault(element.name, {})
    last = row.path[-1]
    if _is_raw_code(value):
        _put_raw_code(into, last.name, last.repeats, value["_"])
    elif last.repeats:
        into.setdefault(last.name, []).append(value)
    else:
        into[last.name] = value


def _is_raw_code(value: Any) -> bool:
    """Whether the `code` converter kept a code that its table does not know."""
    return isinstance(value, dict) and "_" in value


def _put_raw_code(into: Json, name: str, repeats: bool, extension: Json) -> None:
    if repeats:  # JSON has no good place beside a repeating code: the raw code stays on the resource
        into.setdefault("extension", []).extend(extension["extension"])
    else:
        into[f"_{name}"] = extension


def _fresh(value: Any) -> Any:
    """A copy of a constant, so that no two resources share it."""
    if isinstance(value, dict):
        return {name: _fresh(item) for name, item in value.items()}
    return [_fresh(item) for item in value] if isinstance(value, list) else value
