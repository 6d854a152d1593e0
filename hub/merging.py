"""Facts to entries: a pure function of what was said, whatever the order in which it came.

First the facts of one patient with one key are **folded**, in the order of their events: a later one supersedes,
``""`` clears, silence changes nothing, what was only assumed never overrides. Then the folded resources that speak of
the same thing, from whatever source, are **projected** onto one entry: the latest wins, the others fill what it leaves
open, and where they disagree the value that lost is kept beside it.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, timedelta, timezone
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

from hub.columns import COLUMNS
from hub.concepts import Columns, concept_key, numbers_of
from hub.courses import SAID, course_key, of_one_course, rank
from hub.mapping.times import instant_of
from hub.record import Conflict, Entry, Fact, Flag, Json, Origin, OriginValue, short_key

_DEEP = frozenset({"period", "hospitalization", "effectivePeriod"})
_CHOICE = re.compile(r"^(value|effective|onset|deceased|multipleBirth)[A-Z]")
_SILENT = frozenset({"resourceType", "id", "meta", "text", "subject", "patient"})
_GONE = frozenset({"entered-in-error"})
_CHINA = timezone(timedelta(hours=8))


@dataclass(slots=True)
class Folded:
    """What the facts of one patient with one key amount to.

    `said_by` tells which fact each element came from; `ordinal` counts the results of one code and one instant in the
    message that said them (two organisms, the lines of a text), which are different things.
    """

    latest: Fact
    ordinal: int = 1
    resource: Json = field(default_factory=dict)
    said_by: dict[str, Fact] = field(default_factory=dict)
    assumed: set[str] = field(default_factory=set)

    @property
    def said(self) -> Json:
        """The resource without what nobody said."""
        return {name: value for name, value in self.resource.items() if name not in self.assumed}

    @property
    def entry_key(self) -> str:
        """What this is of the resident, whoever says it."""
        key = entry_key(self.latest.kind, self.resource, self.latest)
        return short_key(f"{key}#{self.ordinal}" if self.ordinal > 1 else key)


def fold(facts: Iterable[Fact]) -> Folded:
    """The facts of one patient, kind and key, as one resource. At least one fact."""
    ordered = sorted(facts, key=lambda fact: fact.order)
    folded = Folded(ordered[-1], max(fact.ordinal for fact in ordered))
    for fact in ordered:
        if fact.whole:
            folded.resource, folded.said_by = {}, {}
        _lay(folded, fact)
    for fact in ordered:
        for element in fact.assumed:
            if element not in folded.resource:
                folded.resource[element] = fact.resource[element]
                folded.assumed.add(element)
    return folded


def _lay(folded: Folded, fact: Fact) -> None:
    for target in fact.cleared:
        _clear(folded, target)
    for element, value in fact.resource.items():
        if element in fact.assumed:
            continue
        _drop_rival(folded, element)
        before = folded.resource.get(element)
        if element in _DEEP and isinstance(before, dict):
            folded.resource[element] = before | value
        elif (fact.kind, element) in _ITEMS and isinstance(before, list):
            folded.resource[element] = _renewed(before, value, _ITEMS[fact.kind, element])
        else:
            folded.resource[element] = value
        for said in _said(fact.kind, element, value):
            folded.said_by[said] = fact


def _clear(folded: Folded, target: str) -> None:
    element, _, inner = target.partition(".")
    if "/" in target:
        _clear_items(folded, *target.split("/", 1))
    elif not inner:
        _drop(folded, element)
        _drop_rival(folded, element)
    elif isinstance(holder := folded.resource.get(element), dict):
        folded.resource[element] = {name: value for name, value in holder.items() if name != inner}
        folded.said_by.pop(target, None)


def _clear_items(folded: Folded, element: str, sort: str) -> None:
    """Of a list that several fields fill, only the items that the emptied field gives."""
    sort_of = _ITEMS[folded.latest.kind, element]
    left = [item for item in folded.resource.get(element) or () if sort_of(item) != sort]
    folded.resource[element] = left
    folded.said_by.pop(f"{element}/{sort}", None)
    if not left:
        del folded.resource[element]


def _drop_rival(folded: Folded, element: str) -> None:
    """``valueString`` takes the place of ``valueQuantity``; ``gender`` that of a raw ``_gender``."""
    rivals = [f"_{element}"] if not element.startswith("_") else [element[1:]]
    if found := _CHOICE.match(element):
        pattern = re.compile(rf"^{found[1]}[A-Z]")
        rivals += [name for name in folded.resource if name != element and pattern.match(name)]
    for rival in rivals:
        if rival in folded.resource:
            _drop(folded, rival)


def _drop(folded: Folded, element: str) -> None:
    folded.resource.pop(element, None)
    for said in [said for said in folded.said_by if re.split(r"[./]", said, maxsplit=1)[0] == element]:
        del folded.said_by[said]


def _said(kind: str, element: str, value: Any) -> list[str]:
    """Under which names an element is noted as said: by its parts where it is folded part by part."""
    if element in _DEEP:
        return [f"{element}.{inner}" for inner in value]
    if (kind, element) in _ITEMS and isinstance(value, list):
        return list(dict.fromkeys(f"{element}/{_ITEMS[kind, element](item)}" for item in value))
    return [element]


def _renewed(before: list[Json], added: list[Json], sort_of: Callable[[Json], str]) -> list[Json]:
    """Items of a sort that is said again are replaced, those of which nothing is said stay."""
    sorts = {sort_of(item) for item in added}
    return [item for item in before if sort_of(item) not in sorts] + added


def _number(item: Json) -> str:
    return f"{item.get('system')}|{item.get('value')}"


def _way(item: Json) -> str:
    """Work and private numbers come from fields of their own (PID-14, PID-13)."""
    return "work" if item.get("use") == "work" else "own"


def _role(item: Json) -> str:
    """Each role of a stay has a field of its own (PV1-7, -8, -9, -17)."""
    return ",".join(str(coding.get("code")) for kind in item.get("type") or () for coding in kind.get("coding") or ())


# Lists that several fields fill: each field renews only what is its own.
_ITEMS: Mapping[tuple[str, str], Callable[[Json], str]] = {
    ("Patient", "identifier"): _number,
    ("Patient", "telecom"): _way,
    ("Encounter", "participant"): _role,
}


# -- what is the same thing ------------------------------------------------------------------------------------------


def entry_key(kind: str, resource: Mapping[str, Any], fact: Fact) -> str:
    """What a resource is of its resident, the same whichever source says it.

    A stay is its hospital and visit number; a diagnosis and an allergy their code (ICD-10 without the padding of the
    national edition) or, uncoded, their text; a result its code and its instant, whatever the zone it is written in; a
    report its hospital, its number and its code, since laboratories print several panels under one number; a procedure
    and a vaccination their code and their instant (where one source numbers several of them, `hub.apart`); a
    prescription with its drug, a document and an appointment their hospital and number (what else is said of drugs:
    `hub.courses`).
    """
    match kind:
        case "Encounter":
            return f"{fact.organisation}|{numbers_of(resource)[0] or fact.key}"
        case "DiagnosticReport":
            code = concept_key(resource.get("code") or {})
            return f"{fact.organisation}|{numbers_of(resource)[-1] or fact.key}|{code}"
        case "Condition" | "AllergyIntolerance":
            return concept_key(resource.get("code") or {}) or f"{fact.source}|{fact.key}"
        case "Observation":
            code = concept_key(resource.get("code") or {})
            when = resource.get("effectiveDateTime") or (resource.get("effectivePeriod") or {}).get("start") or ""
            return f"{code}|{_moment(str(when))}" if code and when else f"{fact.source}|{fact.key}"
        case "Procedure" | "Immunization":
            code = concept_key(resource.get("code") or resource.get("vaccineCode") or {})
            when = _done(resource)
            return f"{code}|{_moment(when)}" if code and when else f"{fact.source}|{fact.key}"
    return _numbered_key(kind, resource, fact)


def _numbered_key(kind: str, resource: Mapping[str, Any], fact: Fact) -> str:
    """What a house itself numbers, whichever of its systems says it."""
    if kind in SAID:
        return course_key(kind, resource, fact)
    match kind:
        case "DocumentReference" if number := str((resource.get("masterIdentifier") or {}).get("value", "")):
            return f"{fact.organisation}|{number}"
        case "Appointment" if number := numbers_of(resource)[-1]:
            return f"{fact.organisation}|{number}"
    return f"{fact.source}|{fact.key}"


def _done(resource: Mapping[str, Any]) -> str:
    """When a procedure was done or a vaccine given, as it was said."""
    period = resource.get("performedPeriod") or {}
    said = (resource.get("performedDateTime"), period.get("start"), resource.get("occurrenceDateTime"))
    return str(next((when for when in said if when), ""))


def _moment(when: str) -> str:
    at = instant_of(when, _CHINA) if "T" in when else None
    return at.astimezone(UTC).isoformat() if at else when


# -- one entry out of what several say -------------------------------------------------------------------------------


def entry_id(resident_id: UUID, kind: str, key: str) -> UUID:
    """The id of an entry: the same however often the record is rebuilt."""
    return uuid5(NAMESPACE_URL, f"{resident_id}|{kind}|{key}")


def project(resident_id: UUID, kind: str, key: str, folded: Sequence[Folded]) -> Entry | None:
    """One entry out of the folded resources that share its key, or None where nothing is left to show."""
    standing = sorted((one for one in folded if not is_gone(one.resource)), key=lambda one: one.latest.order)[::-1]
    if not standing:
        return None
    standing.sort(key=lambda one: rank(one.latest.kind))
    read = [(one, COLUMNS[one.latest.kind](one.said, one.latest)) for one in standing]
    if kind in SAID:
        read = of_one_course([(one, one.latest.kind, own) for one, own in read])
    columns, conflicts = settle(read)
    if any(one.assumed for one in standing):  # what FHIR requires and nobody said outranks nothing that somebody said
        assumed = next(one for one in standing if one.assumed)
        columns, _ = settle(
            [(assumed, columns), (assumed, COLUMNS[assumed.latest.kind](assumed.resource, assumed.latest))]
        )
    return Entry(
        id=entry_id(resident_id, kind, key),
        resident_id=resident_id,
        kind=kind,
        key=key,
        columns=columns,
        origins=tuple(origin for one in standing for origin in origins_of(one)),
        conflicts=conflicts,
        flags=_flags(standing),
    )


def settle(read: Sequence[tuple[Folded, Columns]]) -> tuple[Columns, tuple[Conflict, ...]]:
    """The first of several views wins, the others fill what it leaves open; what differs is a conflict.

    What only makes sense beside another column (a unit beside its value) is filled from views that agree on that one.
    """
    columns = dict(read[0][1])
    conflicts: list[Conflict] = []
    for one, other in read[1:]:
        agreed = {lead for lead in _BESIDE.values() if lead in columns and _agrees(lead, columns, other)}
        for name, value in other.items():
            if value is None or value == columns[name]:
                continue
            if columns[name] is None:
                if _BESIDE.get(name, name) in agreed or name not in _BESIDE:
                    columns[name] = value
            elif isinstance(value, str) and name in _COMPARED and not _is_same(name, columns, other):
                conflicts.append(_conflict(name, value, one.latest))
    return columns, tuple(dict.fromkeys(conflicts))


_BESIDE = {
    **dict.fromkeys(("value_number", "unit", "interpretation", "interpretation_code", "reference_range"), "value"),
    "effective_at": "effective",
    "ended_at": "ended",
    "disposition_code": "disposition",
}


def _agrees(lead: str, columns: Columns, other: Columns) -> bool:
    return columns[lead] is None or (other[lead] is not None and _is_same(lead, columns, other))


def _is_same(name: str, columns: Columns, other: Columns) -> bool:
    """``6.8`` and ``6.80`` are one number, ``王 芳`` and ``王芳`` one text; +08:00 and Z are one instant."""
    exact = {"value": "value_number", "ended": "ended_at", "effective": "effective_at"}.get(name)
    if exact and columns.get(exact) is not None and other.get(exact) is not None and _comparable(name, columns, other):
        return bool(columns[exact] == other[exact])
    return _same_text(str(columns[name]), str(other[name]))


def _comparable(name: str, columns: Columns, other: Columns) -> bool:
    """``<0.5`` and ``0.5`` share their number, a day and its midnight share their instant: they are not the same."""
    one, two = str(columns[name]), str(other[name])
    return one.rstrip("0123456789.") == two.rstrip("0123456789.") if name == "value" else "T" in one and "T" in two


_COMPARED = frozenset(
    {
        *("display", "status", "value", "unit", "criticality", "severity", "clinical_status", "reference_range"),
        *("ended", "disposition", "department", "conclusion", "dose", "frequency", "route", "lot_number"),
        *("name", "sex", "birth_date", "phone", "address", "marital_status", "ethnicity", "deceased_on"),
    }
)


def _same_text(one: str, other: str) -> bool:
    return "".join(one.split()).casefold() == "".join(other.split()).casefold()


def _conflict(name: str, value: str, fact: Fact) -> Conflict:
    return Conflict(
        element=name,
        value=value,
        source=fact.source,
        organisation=fact.organisation,
        message_id=fact.message_id,
        sent_at=fact.sent_at,
    )


def origins_of(folded: Folded) -> tuple[Origin, ...]:
    """The facts that an entry rests on, each with the elements that it gave; the latest first."""
    given: dict[UUID, tuple[Fact, list[str]]] = {}
    for element, fact in folded.said_by.items():
        if element not in _SILENT:
            given.setdefault(fact.id, (fact, []))[1].append(element.partition("/")[0])
    facts = sorted(given.values(), key=lambda item: item[0].order, reverse=True)
    return tuple(_origin(fact, elements) for fact, elements in facts)


def _origin(fact: Fact, elements: list[str]) -> Origin:
    values = tuple(
        OriginValue(element=trace.target, path=trace.path, row=trace.row, codes=trace.codes)
        for trace in fact.traces
        if _is_given(trace.target, elements)
    )
    return Origin(
        source=fact.source,
        organisation=fact.organisation,
        message_id=fact.message_id,
        path=fact.path,
        row=fact.row,
        sent_at=fact.sent_at,
        values=values,
    )


def _is_given(target: str, elements: list[str]) -> bool:
    head = re.split(r"[.\[]", target, maxsplit=1)[0]
    return target in elements or head in elements or ".".join(target.split(".")[:2]) in elements


def is_gone(resource: Mapping[str, Any]) -> bool:
    """Whether its source has withdrawn a resource."""
    verification = (resource.get("verificationStatus") or {}).get("coding") or ()
    return resource.get("status") in _GONE or any(coding.get("code") in _GONE for coding in verification)


def _flags(folded: Sequence[Folded]) -> tuple[Flag, ...]:
    """The flags of the facts that an entry rests on, the latest facts first."""
    facts = {fact.id: fact for one in folded for fact in (one.latest, *one.said_by.values())}
    latest_first = sorted(facts.values(), key=lambda fact: fact.order, reverse=True)
    return tuple(dict.fromkeys(flag for fact in latest_first for flag in fact.flags))


def group(facts: Iterable[Fact]) -> list[Folded]:
    """Facts folded by patient, kind and key."""
    together: dict[tuple[UUID, str, str], list[Fact]] = {}
    for fact in facts:
        together.setdefault((fact.patient_id, fact.kind, fact.key), []).append(fact)
    return [fold(same) for same in together.values()]
