"""One source's clinical documents: the rows of each set over the groups of entries that belong together."""

import re
from base64 import b64encode
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from hub.errors import Refusal, refuse
from hub.mapping.cda.accounting import Ignoring, left_over
from hub.mapping.cda.context import Context
from hub.mapping.cda.groups import Group, groups_of, role_of
from hub.mapping.cda.making import Making, key_of, make, may_be_wanted
from hub.mapping.cda.people import patient_numbers
from hub.mapping.cda.places import Branches, Seen, Standing, View
from hub.mapping.cda.readable import readable
from hub.mapping.cda.rows import CdaPlan, CdaSet
from hub.mapping.codes import CodeTable, IdentifierKind
from hub.mapping.doubts import with_doubts
from hub.mapping.times import is_no_time, read_time
from hub.message import VISIT_BY_ADMISSION, CdaDocument, Datum, Source, Statement
from hub.record import Identifier, Json, Mapped, PatientPart, Reading, Unaccounted

_ROLE = "recordTarget/patientRole"
_AHEAD = timedelta(days=1)
_STAY = "componentOf/encompassingEncounter"
_ADMITTED = "DE06.00.092.00"
_FURTHER = re.compile(r"recordTarget\[(?!1\])")
_INPATIENT = "I"


@dataclass(frozen=True, slots=True)
class CdaMapping:
    """One source's mapping of documents."""

    source: Source
    tables: Mapping[str, CodeTable]
    kinds: Mapping[str, IdentifierKind]
    plan: CdaPlan
    ignored: Ignoring = field(default_factory=Ignoring)

    def read(self, document: CdaDocument, received_at: datetime) -> Reading:
        """The document as resources of its patient.

        Raises Refused (no-patient, impossible-date, wrong-check-digit) naming the element.
        """
        return _Reading(self, document).read(received_at)


class _Reading:
    """One pass over one document."""

    def __init__(self, mapping: CdaMapping, document: CdaDocument) -> None:
        self._mapping = mapping
        self._document = document
        self._seen: Seen = set()
        self._header = Branches(_of_first_patient(document), 0, self._seen)
        aliases = mapping.plan.aliases
        negated = _negated(document)
        self._denied = [one for one in document.statements if one.number in negated]
        self._standing = [
            Standing(one, aliases.get(one.element, one.element), Branches(one.data, one.number, self._seen))
            for one in document.statements
            if one.number not in negated
        ]
        self._by_element: dict[str, list[Standing]] = {}
        for one in self._standing:
            self._by_element.setdefault(one.element, []).append(one)
        self._context = Context(source=mapping.source, tables=mapping.tables, kinds=mapping.kinds)
        self._read: Seen = set()
        self._taken: set[int] = set()
        self._used: Counter[tuple[str, str]] = Counter()
        self._left_out: list[Refusal] = []
        self._words = self._words_of_document()

    def read(self, received_at: datetime) -> Reading:
        numbers = self._numbers()
        said, *resources = self._resources(numbers)
        patient = with_doubts(said, self._mapping.source, self._mapping.kinds)
        if self._words["class"] == _INPATIENT and not self._words["visit"]:
            self._left_out.append(Refusal(code="stay-not-named", where="ClinicalDocument.componentOf"))
        written = self._written(received_at)
        is_ahead = written > received_at + _AHEAD
        at = received_at if is_ahead else written
        ignored, read = self._mapping.ignored, self._read
        return Reading(
            event_at=at,
            sent_at=at,
            parts=(PatientPart(numbers=numbers, demographics=patient, resources=tuple(resources)),),
            unaccounted=(
                *left_over(self._document, self._standing, read, self._taken, ignored),
                *(_told_of_denied(one) for one in self._denied),
            ),
            left_out=tuple(self._left_out),
            ahead="ClinicalDocument.effectiveTime" if is_ahead else "",
        )

    # -- of the document -----------------------------------------------------------------------------------------------

    def _numbers(self) -> tuple[Identifier, ...]:
        branches = [one for path in (f"{_ROLE}/id", f"{_ROLE}/patient/id") for one in self._header.at(path)]
        numbers = patient_numbers(branches, self._context)
        if not numbers:
            raise refuse("no-patient", "ClinicalDocument.recordTarget")
        return numbers

    def _written(self, received_at: datetime) -> datetime:
        text = self._document.written
        if not text or is_no_time(text):
            return received_at
        found = read_time(text, self._mapping.source.time_zone)
        if found is None:
            raise refuse("impossible-date", "ClinicalDocument.effectiveTime")
        return found[0]

    def _words_of_document(self) -> dict[str, str]:
        document = self._document
        kind = self._mapping.plan.kinds.get(document.code)
        return {
            "kind": document.code,
            "lineage": document.lineage,
            "replaces": document.replaces[0],
            "written": document.written,
            "class": kind.visit_class if kind else "",
            "visit": self._visit(),
            "readable": readable(document),
            "original": b64encode(document.raw).decode("ascii"),
        }

    def _visit(self) -> str:
        """By what number the sender knows the stay or the visit: the encounter's own, else as the profile says, the
        number of one root, or the patient's with the beginning of the stay."""
        by = self._mapping.source.visit_by
        own = self._first(f"{_STAY}/id")
        if own or not by:
            return own
        if by != VISIT_BY_ADMISSION:
            return self._first(f"{_ROLE}/id", by)
        number, began = self._first(f"{_ROLE}/id"), self._began()
        return f"{number}@{began}" if number and began else ""

    def _began(self) -> str:
        low = self._first(f"{_STAY}/effectiveTime/low")
        stated = (one for one in self._standing if one.element == _ADMITTED)
        return low or next((found[0].text for one in stated if (found := one.branches.at("value"))), "")

    def _first(self, path: str, root: str = "") -> str:
        said = (self._context.said(one.text) for one in self._header.at(path, root))
        return next((text for text in said if text), "")

    # -- of its entries ------------------------------------------------------------------------------------------------

    def _resources(self, numbers: tuple[Identifier, ...]) -> Iterator[Mapped]:
        made: dict[str, list[Making]] = {}
        finished: list[tuple[Making, str]] = []
        for row_set in self._mapping.plan.sets:
            for group in groups_of(row_set, self._standing, self._taken, self._mapping.plan.roles):
                making = self._make(row_set, group)
                if making is not None:
                    made.setdefault(row_set.name, []).append(making)
                    finished.append((making, self._key(row_set, making)))
        mapped = [(making, making.finished(key, numbers)) for making, key in finished]
        for making, one in mapped:
            if owners := made.get(making.row_set.result_of):
                reference: Json = {"reference": f"{one.kind}/{one.resource['id']}"}
                owners[0].resource.setdefault("result", []).append(reference)
        return (one for _, one in mapped)

    def _make(self, row_set: CdaSet, group: Group) -> Making | None:
        where = group[0].said.where if group and not row_set.once else "ClinicalDocument"
        view = View(
            header=self._header,
            group=group,
            words=self._words_about(row_set, group),
            by_element=self._by_element if row_set.once else None,
        )
        if row_set.condition is not None and not row_set.condition(view):
            return None
        if not may_be_wanted(row_set, view):
            return None
        making = make(row_set, view, self._context, self._seen, where)
        if not making.is_wanted:
            return None
        if making.missing:
            self._left_out.append(making.unfit())
            return None
        self._read |= making.read
        self._taken |= {number for number, steps in making.read if number and steps.startswith("value")}
        if not row_set.once:
            self._taken.add(group[0].said.number)
        return making

    def _words_about(self, row_set: CdaSet, group: Group) -> Mapping[str, str]:
        if row_set.once or not group:
            return self._words
        head, roles = group[0].said, self._mapping.plan.roles
        labels = (role_of(one.said.label, roles) for one in group)
        return {
            **self._words,
            "section": head.section,
            "label": head.label,
            "role": next(filter(None, labels), "") or role_of(head.section, roles) or role_of(head.section_name, roles),
            "mood": head.mood,
            "status": head.status,
            "type": next((datum.type for datum in head.data if datum.path == "value"), ""),
            "number": group[0].element,
        }

    def _key(self, row_set: CdaSet, making: Making) -> str:
        key = key_of(row_set, making.view, self._words, making.where)
        self._used[row_set.resource, key] += 1
        times = self._used[row_set.resource, key]
        return key if times == 1 else f"{key}#{times}"


def _of_first_patient(document: CdaDocument) -> list[Datum]:
    """The header without further patients: a document is about one."""
    return [one for one in document.header if not _FURTHER.match(one.steps)]


def _negated(document: CdaDocument) -> set[int]:
    """The entries that say what is not so (CDA R2 4.3.6), with what is in them: nothing is made of them."""
    found: set[int] = set()
    for one in document.statements:
        if one.negated or one.parent in found:
            found.add(one.number)
    return found


def _told_of_denied(statement: Statement) -> Unaccounted:
    name = statement.element or statement.kind
    return Unaccounted(where=f"{statement.where}/negationInd", field=f"{name}/negationInd", is_clinical=True)
