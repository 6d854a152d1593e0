"""The walk: a tokenized v2 message, its row sets, and out come FHIR resources of its patients.

Segments are read in order. A row may also read the nearest segment before it (``OBR-7`` in an OBX row) and the header.
"""

from collections.abc import Iterator

from hub.errors import Refusal, refuse
from hub.mapping.accounting import Accounts
from hub.mapping.conditions import Position
from hub.mapping.converters import Reader
from hub.mapping.converters.numbers import patient_numbers
from hub.mapping.doubts import with_doubts
from hub.mapping.filling import (
    Building,
    Into,
    drop_result,
    finished,
    fresh,
    id_of,
    is_outranked,
    is_raw_code,
    make_way,
    missing_of,
    put,
    tell_whose,
    texts_of,
    unfit,
)
from hub.mapping.merges import links_of, merges_of
from hub.mapping.rows import MessagePlan, Row, RowSet
from hub.mapping.specimens import tie_specimens
from hub.mapping.telling import told_in
from hub.message import Segment, V2Message
from hub.record import Identifier, Json, PatientMerge, PatientPart, Shared, Trace, Unaccounted

_EMPTIED = '""'
_OLDER = {"PID": 2, "MRG": 4}
"""Where a patient's number stood before there was a list of them."""
_ORDERS = ("OBR", "RXO", "RXE")
_BESIDE = frozenset({"NTE", "TQ1", "TQ2", "PRT", "CTD", "ROL"})
"""Segments that only add to the one before them: a note behind them belongs to that one (ORU^R01: OBX PRT NTE)."""


class Walk:
    """One pass over one message."""

    def __init__(self, reader: Reader, accounts: Accounts, plan: MessagePlan, message: V2Message) -> None:
        self._reader = reader
        self._accounts = accounts
        self._plan = plan
        self._message = message
        self._latest: dict[str, Segment] = {}
        self._built: list[list[Building]] = [[]] if plan.shares else []  # a list a patient, in the order of their PIDs
        self._used: dict[tuple[str, str], int] = {}  # how often a row set has made a key for the patient at hand
        self._numbers: list[tuple[Identifier, ...]] = []
        self._prior: list[tuple[Identifier, ...]] = []
        self._owner = ""  # the last segment that a note can belong to
        self._segments = plan.segments
        self._early: list[Segment] = []  # what stands before the patient that it is about
        self._accounted: set[tuple[int, int]] = set()  # the line and number of each field that a row has read
        self.left_out: list[Refusal] = []
        self._ordered_at = 0  # how many resources there were at the latest ORC
        self._awaits_order = False  # whether that ORC has not come to what is ordered
        self._timings: list[Segment] = []  # TQ1 until then
        self._raw_kept = False  # whether the row at hand has kept a code that its table does not know

    def take(self, segment: Segment) -> None:
        """Read one segment, after those before it."""
        name = segment.name
        if name == "TQ1" and self._awaits_order:
            self._timings.append(segment)
            return
        self._latest[name] = segment
        if not self._built and name in self._segments and name != "PID":
            self._early.append(segment)
            return
        if name == "PID":
            self._open(segment)
        elif name == "MRG" and self._built:
            self._merge(segment)
            return
        elif name == "PV1" and self._built:
            self._late_rows()
        elif name == "ORC":
            self._ordered_at = len(self._built[-1]) if self._built else 0
            self._awaits_order, self._timings = True, []
            self._latest.pop("TQ1", None)  # that of the order before
        if name == "OBR":
            self._latest.pop("OBX", None)
        self._build_from(segment)
        if name in _ORDERS and self._awaits_order:
            self._take_timings()
        if name == "PID":
            self._take_early()

    def _build_from(self, segment: Segment) -> None:
        for row_set in self._plan.row_sets:
            if row_set.segment == segment.name and self._fits(row_set, segment):
                self._build(row_set, segment)
        if segment.name not in _BESIDE:
            self._owner = segment.name

    def _take_timings(self) -> None:
        """TQ1 stands between ORC and what is ordered, and is about the latter (HL7 v2.5.1 4.4.6)."""
        timings = self._timings
        self._awaits_order = False
        for segment in timings:
            self.take(segment)

    def _take_early(self) -> None:
        """What stood before the patient is about the patient: an appointment (SIU), a referral (REF)."""
        early, self._early = self._early, []
        for segment in early:
            self.take(segment)

    def unaccounted(self) -> Iterator[Unaccounted]:
        """The fields that say something which no row has read and nobody ignores."""
        return self._accounts.left_over(self._message, self._accounted | self._reader.read)

    def told(self) -> tuple[Shared, ...]:
        """What is not of one patient, of a message that is about nobody's health."""
        if not self._plan.shares:
            return ()
        (built,) = self._built
        self._leave_out(built)
        return tuple(told_in(built, self._reader.source))

    def parts(self) -> tuple[PatientPart, ...]:
        """The patients of the message with their resources. What lacks an element that FHIR requires is left out: it
        costs itself and not the message."""
        if self._plan.shares:
            return ()
        parts = []
        for numbers, built in zip(self._numbers, self._built, strict=True):
            tie_specimens(built)
            for building in built:
                tell_whose(building, numbers[0])
            self._leave_out(built)
            mapped = [finished(building) for building in built]
            patient = with_doubts(mapped[0], self._reader.source, self._reader.kinds)
            parts.append(PatientPart(numbers=numbers, demographics=patient, resources=tuple(mapped[1:])))
        return tuple(parts)

    def _leave_out(self, built: list[Building]) -> None:
        """Take out what cannot become a resource (a result without a code); its fields have not been read then."""
        for building in [one for one in built if missing_of(one)]:
            built.remove(building)
            self.left_out.append(unfit(building))
            drop_result(built, building)
            if all(one.segment is not building.segment for one in built):
                line = building.segment.line
                self._accounted = {field for field in self._accounted if field[0] != line}

    def merges(self) -> tuple[PatientMerge, ...]:
        """Who is one with whom. Raises Refused where a PID has no MRG or one of them no number, and where a link names
        one patient alone."""
        if self._plan.links or self._plan.unlinks:
            return links_of(self._numbers, parts=self._plan.unlinks)
        return merges_of(self._prior, self._numbers) if self._plan.merges else ()

    def _merge(self, segment: Segment) -> None:
        """MRG: the number that is given up; or of a visit that moves (A45) the patient from whom it is taken."""
        if self._plan.merges:
            self._prior.append(self._numbers_in(segment, 1))
        elif self._plan.moves and segment.component(1).strip(' "'):
            prior = self._numbers_in(segment, 1)
            if not set(prior) & set(self._numbers[-1]):
                self._at_prior(prior, segment)
                self.left_out.append(Refusal(code="visit-moved-alone", where=f"{segment.where}-5"))

    def _at_prior(self, prior: tuple[Identifier, ...], segment: Segment) -> None:
        """Read a segment as being about another patient than the one at hand, who stays the one at hand."""
        numbers, built = self._numbers.pop(), self._built.pop()
        self._numbers.append(prior)
        self._built.append([])
        self._build_from(segment)
        self._numbers.append(numbers)
        self._built.append(built)

    def _open(self, segment: Segment) -> None:
        numbers = self._numbers_in(segment, 3)
        self._numbers.append(numbers)
        self._built.append([])
        self._ordered_at = 0
        self._used.clear()
        for name in ("PV1", "OBR", "OBX"):
            self._latest.pop(name, None)

    def _numbers_in(self, segment: Segment, number: int) -> tuple[Identifier, ...]:
        self._reader.segment, self._reader.number = segment, number
        numbers = patient_numbers(segment.field(number), self._reader)
        if not numbers:  # before version 2.3: PID-2, MRG-4
            numbers = patient_numbers(segment.field(_OLDER.get(segment.name, number)), self._reader)
        if not numbers:
            raise refuse("no-patient", f"{segment.where}-{number}")
        return numbers

    def _fits(self, row_set: RowSet, segment: Segment) -> bool:
        """A note belongs to the segment before it; everything else to the patient at hand."""
        if not self._built:
            raise refuse("missing-field", "PID")
        if row_set.condition is not None and not row_set.condition(self._latest):
            for position in row_set.watches:  # PV1-2 N: there is no visit, and nothing is lost
                self._account(position)
            return False
        need = self._plan.needs.get(row_set.name)
        if need is not None and not need(self._latest):
            return False
        if not row_set.part_of:
            return any(text.strip() for text in segment.fields[1:])
        owner = self._last(*row_set.part_of)
        return owner is not None and (segment.name != "NTE" or self._is_noted(owner))

    def _is_noted(self, owner: Building) -> bool:
        """Whether the segment before the notes at hand made this resource, or was the last to add to it."""
        return owner.row_set.segment == self._owner and owner.latest is self._latest.get(self._owner)

    def _last(self, *row_sets: str) -> Building | None:
        """The last resource of these row sets; none of an order before the one at hand."""
        built = self._built[-1]
        for at in range(len(built) - 1, -1, -1):
            if built[at].row_set.name in row_sets:
                is_another = built[at].segment.name in _ORDERS and at < self._ordered_at
                return None if is_another else built[at]
        return None

    def _build(self, row_set: RowSet, segment: Segment) -> None:
        if row_set.part_of:
            self._add_part(row_set, segment)
            return
        key = self._key(row_set, segment)
        if row_set.joins and (begun := self._begun(row_set, key)):
            self._join(begun, segment)
            return
        key = self._apart(row_set, key)
        building = Building(row_set, key, segment, segment, {"resourceType": row_set.resource})
        whole = building.whole
        for row in row_set.rows:
            self._apply(building, row, segment, whole)
        if row_set.resource != "Patient":
            building.resource["id"] = id_of(building, self._numbers[-1:], self._reader.source)
        if row_set.result_of and (report := self._last(row_set.result_of)):
            reference = {"reference": f"{row_set.resource}/{building.resource['id']}"}
            report.resource.setdefault("result", []).append(reference)
        self._built[-1].append(building)

    def _begun(self, row_set: RowSet, key: str) -> Building | None:
        return next((b for b in self._built[-1] if b.row_set is row_set and b.key == key), None)

    def _join(self, building: Building, segment: Segment) -> None:
        """What one more segment says of a resource that an earlier one of the same key has begun."""
        building.latest = segment
        whole = building.whole
        for row in building.row_set.rows:
            if row.position is not None:  # a constant stands there already
                self._apply(building, row, segment, whole)

    def _late_rows(self) -> None:
        """PID rows that read PV1 (a death at discharge) can only be read once PV1 is there."""
        patient = self._built[-1][0]
        whole = patient.whole
        for row in patient.row_set.rows:
            if row.reads_visit:
                self._apply(patient, row, patient.segment, whole)

    def _add_part(self, row_set: RowSet, segment: Segment) -> None:
        owner = self._last(*row_set.part_of)
        if owner is None:
            return
        if not row_set.into:  # the segment goes on where the owner's own ended: PV2 after PV1
            whole = owner.whole
            for row in row_set.rows:
                self._apply(owner, row, segment, whole)
            return
        parts = owner.resource.setdefault(row_set.into, [])
        part: Json = {}
        into = Into(part, set(), f"{row_set.into}[{len(parts)}].")
        for row in row_set.rows:
            self._apply(owner, row, segment, into)
        if any(name != "url" for name in part) and all(name in part for name in row_set.required):
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

    def _apply(self, building: Building, row: Row, segment: Segment, into: Into) -> None:
        if row.position is not None and not row.clear and not self._is_said(row.position):
            return
        before = len(self._reader.flags)
        self._fill(building, row, segment, into)
        building.flags += self._reader.flags[before:]

    def _is_said(self, position: Position) -> bool:
        """Whether there is anything in a field. Most rows of most messages end here."""
        segment = self._latest.get(position.segment)
        return segment is not None and segment.field(position.field) != ""

    def _fill(self, building: Building, row: Row, segment: Segment, into: Into) -> None:
        if is_outranked(into, row):
            self._account(row.position)  # outranked: an earlier row has said it
            return
        if row.condition is not None and not row.condition(self._latest):
            return
        if row.clear:
            building.cleared.append(into.prefix + row.target)
        elif row.position is None:
            for position in row.watches:
                self._account(position)
            if into.yielding:
                make_way(building, into, row)
            put(into.resource, row, fresh(row.value))
            building.traces.append(Trace(into.prefix + row.target, segment.where, row.id))
        elif not self._read(building, row, into):
            return
        into.filled.add(row.slot)
        if row.yields:
            into.yielding.add(row.path[0].name)
        if row.assumed:
            building.assumed.append(row.target)

    def _account(self, position: Position | None) -> None:
        """A field has been read, and what it says is in the record or decided what is."""
        segment = self._latest.get(position.segment) if position else None
        if position is not None and segment is not None:
            self._accounted.add((segment.line, position.field))

    def _read(self, building: Building, row: Row, into: Into) -> bool:
        """Apply a row that reads a field; whether it settled its target."""
        position = row.position
        segment = self._latest.get(position.segment) if position else None
        if position is None or segment is None or row.convert is None:
            return False
        raw = segment.field(position.field)
        if raw == _EMPTIED:
            self._accounted.add((segment.line, position.field))
            building.cleared += [into.prefix + row.empties] if row.empties else []
            return True
        if not raw:
            return False
        path = f"{segment.where}-{position.field}" + (f".{position.component}" if position.component else "")
        said = self._convert(building, row, position, path, into)
        if said or self._raw_kept:
            self._accounted.add((segment.line, position.field))
        if said:
            codes = row.table.name if row.table else ""
            building.traces.append(Trace(into.prefix + row.target, path, row.id, codes))
        elif self._raw_kept and row.path[-1].repeats:  # beside a list there is no place for it
            building.traces.append(Trace(f"{into.prefix}extension", path, row.id))
        return said

    def _convert(self, building: Building, row: Row, position: Position, path: str, into: Into) -> bool:
        reader, convert, segment = self._reader, row.convert, self._latest[position.segment]
        reader.segment, reader.number, reader.table = segment, position.field, row.table
        said = self._raw_kept = False
        for place, text in texts_of(segment, row, position):
            reader.where = path + place
            value = convert(text, reader) if convert else None
            if value is None:
                continue
            if into.yielding and not is_raw_code(value):
                make_way(building, into, row)
            put(into.resource, row, value)
            self._raw_kept = self._raw_kept or is_raw_code(value)
            said = said or not is_raw_code(value)
        return said
