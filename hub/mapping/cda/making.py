"""One resource out of one group of entries: the rows of its set in their order."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from uuid import NAMESPACE_URL, uuid5

from hub.errors import Refusal, Refused
from hub.mapping.cda.context import Context
from hub.mapping.cda.places import Branch, Place, Seen, View
from hub.mapping.cda.rows import CdaRow, CdaSet
from hub.mapping.filling import fresh, is_raw_code, is_rivalled, put
from hub.mapping.targets import SUBJECT_OF
from hub.record import Flag, Identifier, Json, Mapped, Trace

_NO_TYPE = "resourceType"


@dataclass(kw_only=True, slots=True)
class Making:
    """A resource while its rows are read. `read` is what of the document has gone into it."""

    row_set: CdaSet
    view: View
    where: str
    resource: Json
    read: Seen = field(default_factory=set)
    traces: list[Trace] = field(default_factory=list)
    flags: list[Flag] = field(default_factory=list)
    filled: set[str] = field(default_factory=set)
    assumed: list[str] = field(default_factory=list)

    @property
    def is_wanted(self) -> bool:
        """Whether everything is there that it needs to be worth having."""
        return all(any(map(self._has, need.split("|"))) for need in self.row_set.needs)

    @property
    def missing(self) -> str:
        """The first element that FHIR requires and nothing gave; "" where there is none."""
        return next((element for element in self.row_set.required if element not in self.resource), "")

    def _has(self, target: str) -> bool:
        return target in self.filled or target.partition(".")[0] in self.resource

    def finished(self, key: str, numbers: Sequence[Identifier]) -> Mapped:
        """The resource as the record takes it, under its key, of the patient with these numbers."""
        owner = f"{numbers[0].system}|{numbers[0].value}"
        kind = self.row_set.resource
        if kind != "Patient":
            self.resource["id"] = str(uuid5(NAMESPACE_URL, f"{owner}|{kind}|{key}"))
        if subject := SUBJECT_OF.get(kind, "subject"):
            whose = {"system": numbers[0].system, "value": numbers[0].value}
            self.resource[subject] = {"type": "Patient", "identifier": whose}
        return Mapped(
            kind=kind,
            key=key,
            resource=self.resource,
            path=self.where,
            row=f"cda/{self.row_set.name}",
            traces=tuple(self.traces),
            flags=tuple(self.flags),
            assumed=tuple(self.assumed),
        )

    def unfit(self) -> Refusal:
        """Why it is left out of its document."""
        given = {"kind": self.row_set.resource, "element": self.missing}
        return Refusal(code="mapped-resource-invalid", where=self.where, given=given)


def may_be_wanted(row_set: CdaSet, view: View) -> bool:
    """Whether there is anything at the places that give what it needs. Most entries of a document only hold others:
    to find that out row by row takes as long as to read a result."""
    return all(any(view.find(place) for place in places) for places in row_set.openings)


def make(row_set: CdaSet, view: View, context: Context, seen: Seen, where: str) -> Making:
    """What the rows of a set make of a group. `seen` is where converters note what they look at."""
    making = Making(row_set=row_set, view=view, where=where, resource={_NO_TYPE: row_set.resource})
    _watch(making, row_set.watches)
    for row in row_set.rows:
        _apply(making, row, context, seen)
    return making


def _apply(making: Making, row: CdaRow, context: Context, seen: Seen) -> None:
    if row.place is not None:
        branches = making.view.find(row.place)
        if not branches:
            return
    else:
        branches = []
    if (row.slot in making.filled and not row.repeats) or is_rivalled(making.resource, row):
        for branch in branches[:1]:  # outranked: an earlier row has said it
            making.read.add((branch.number, branch.data[0].steps))
        return
    if row.condition is not None and not row.condition(making.view):
        return
    if row.place is None:
        put(making.resource, row, fresh(row.value))
        making.traces.append(Trace(row.target, making.where, row.id))
    elif not _convert(making, row, branches if row.each else branches[:1], context, seen):
        return
    _watch(making, row.watches)
    making.filled.add(row.slot)
    if row.assumed:
        making.assumed.append(row.target)


def _convert(making: Making, row: CdaRow, branches: Sequence[Branch], context: Context, seen: Seen) -> bool:
    said = False
    for branch in branches:
        context.table, context.where, context.flags = row.table, branch.data[0].where, []
        context.beside = making.view.first(row.beside) if row.beside else None
        seen.clear()
        try:
            value = row.convert(branch, context) if row.convert else None
        except Refused as refused:
            if not branch.number:  # of the header: whose it is, and when
                raise
            making.flags.append(Flag(refused.refusal.code, refused.refusal.where))
            continue
        if value is None:
            continue
        put(making.resource, row, value)
        making.read |= seen
        making.flags += context.flags
        raw = is_raw_code(value)
        if not raw:
            codes = row.table.name if row.table else ""
            making.traces.append(Trace(row.target, branch.data[0].where, row.id, codes))
        said = said or not raw
    return said


def _watch(making: Making, places: Sequence[Place]) -> None:
    """What decided whether a row stands has been read: by its code or value it is in the record."""
    for place in places:
        for branch in making.view.find(place)[:1]:
            making.read.add((branch.number, branch.data[0].steps))


def key_of(row_set: CdaSet, view: View, words: Mapping[str, str], where: str) -> str:
    """What a resource is of its patient, to the sender. One of a document that has no columns of its own goes by the
    document and its place."""
    if row_set.resource == "Patient":  # one fact a patient, whatever format tells of them
        return ""
    columns = [view.text(column) for column in row_set.key]
    if row_set.key and any(columns[1:] or columns):
        return "|".join(columns)
    return f"{words.get('lineage', '')}|{where}"
