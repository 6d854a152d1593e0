"""FHIR requests as patients and their resources. The resources stay as sent; only who they are about is read."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from hub.concepts import TYPE
from hub.courses import PRESCRIPTION, prescription_key
from hub.errors import Refusal, Refused, refuse
from hub.identifiers import normalise
from hub.mapping.codes import CodeTable, IdentifierKind
from hub.mapping.compositions import KIND as COMPOSITION
from hub.mapping.compositions import document_of
from hub.mapping.converters.numbers import local_system
from hub.mapping.doubts import with_doubts
from hub.mapping.elements import Elements
from hub.mapping.forms import KIND as FORM
from hub.mapping.forms import form_key, read_form
from hub.mapping.naming import name_of, named_in, ways_to
from hub.mapping.times import instant_of
from hub.matching.placeholders import is_placeholder
from hub.message import (
    SUBJECTS,
    FhirEntry,
    FhirMessage,
    IdentifierRule,
    Source,
    Tells,
    base_of,
    contained_in,
    patient_asked,
    patient_named,
    subjects_of,
)
from hub.naming import CALLED, NAMED
from hub.record import Identifier, Json, Mapped, Named, PatientPart, Reading, Shared, Trace, Unaccounted, short_key

CLINICAL = frozenset(
    {
        *("Encounter", "Condition", "AllergyIntolerance", "Observation", "DiagnosticReport", "ServiceRequest", FORM),
        *("Procedure", "MedicationRequest", "MedicationStatement", "MedicationDispense", "MedicationAdministration"),
        *("Immunization", "DocumentReference", "Appointment", "Specimen", "RelatedPerson", "Coverage", "Composition"),
    }
)
TOLD: Mapping[str, Tells] = {
    "Organization": Tells.DIRECTORY,
    "Practitioner": Tells.DIRECTORY,
    "PractitionerRole": Tells.DIRECTORY,
    "CareTeam": Tells.DIRECTORY,
    "Group": Tells.AGREEMENTS,
    "Contract": Tells.AGREEMENTS,
    "Schedule": Tells.SESSIONS,
    "Slot": Tells.SESSIONS,
}
"""Resources that are not of one patient, and what a source must have a say in for them to count. Those of `NAMED`
count as names otherwise; the others are refused."""
_ACCOUNTED = (CLINICAL | {"Patient"}) - {FORM}
"""Whose elements are accounted for; a form accounts for its answers (`hub.mapping.forms`)."""
SUPPORTED = CLINICAL | NAMED | set(TOLD) | {"Patient"}

_FHIR_ID = IdentifierRule(type="fhir-id", kind="fhir-id", of_patient=True)


@dataclass(frozen=True, slots=True)
class FhirMapping:
    """One source's reading of FHIR requests. `tables` are the units, and the source's own words for forms."""

    source: Source
    kinds: Mapping[str, IdentifierKind]
    tables: Mapping[str, CodeTable] = field(default_factory=dict)
    elements: Elements = field(default_factory=Elements)

    def read(self, message: FhirMessage, received_at: datetime) -> tuple[Reading, dict[str, Refusal]]:
        """The request as patients with their resources, and the refusals of a batch by where they stand.

        Raises Refused (no-patient) in a transaction.
        """
        entries = [entry for entry in message.entries if entry.refusal is None]
        refusals = {entry.where: entry.refusal for entry in message.entries if entry.refusal}
        names = dict(_names(entries)) | self._courses(entries)
        bases = {base_of(entry.full_url) for entry in message.entries}
        people = _People(self.source, self.tables, self.kinds, bases)
        for entry in entries:
            if entry.resource["resourceType"] == "Patient":
                people.add(entry, names)
        for entry in entries:
            if entry.resource["resourceType"] in CLINICAL and not people.attach(entry, names):
                refusals[entry.where] = Refusal(
                    code="no-patient", where=f"{entry.where}.{_subject_name(entry.resource)}"
                )
        if refusals and message.kind != "batch":
            raise refuse("transaction-failed" if message.kind == "transaction" else "no-patient", next(iter(refusals)))
        shared = self._shared(entries, people, refusals)
        if refusals and message.kind != "batch":
            raise Refused(next(iter(refusals.values())))
        at = message.sent_at or _last_updated(entries, self.source) or received_at
        taken = [entry for entry in entries if entry.where not in refusals]
        lost = (*people.unaccounted, *self._left_over(taken))
        reading = Reading(
            event_at=at,
            sent_at=at,
            parts=people.parts(),
            shared=shared,
            named=(*named_in(taken), *self._named_courses(taken)),
            unaccounted=lost,
        )
        return reading, refusals

    def _courses(self, entries: list[FhirEntry]) -> dict[str, str]:
        """The keys of the prescriptions of a request, by the references that lead to them: a dispense is of one."""
        return {way: key for entry, key in self._prescriptions(entries) for way in _references_to(entry)}

    def _named_courses(self, entries: list[FhirEntry]) -> Iterator[Named]:
        """The same for what other requests say: a prescription is called by its key."""
        for entry, key in self._prescriptions(entries):
            yield from (Named(reference=way, kind=PRESCRIPTION, shown=key) for way in ways_to(PRESCRIPTION, entry))

    def _prescriptions(self, entries: list[FhirEntry]) -> Iterator[tuple[FhirEntry, str]]:
        for entry in entries:
            if entry.resource["resourceType"] == PRESCRIPTION:
                own = f"{self.source.name}|{short_key(_key(entry.resource))}"
                yield entry, short_key(prescription_key(entry.resource, self.source.organisation, own))

    def _left_over(self, entries: Iterable[FhirEntry]) -> Iterator[Unaccounted]:
        for entry in entries:
            if entry.resource["resourceType"] in _ACCOUNTED:
                yield from self.elements.left_over(entry.resource, entry.where)

    def _shared(self, entries: list[FhirEntry], people: "_People", refusals: dict[str, Refusal]) -> tuple[Shared, ...]:
        """What is not of one patient, as far as the source has a say in it."""
        told = [entry for entry in entries if entry.resource["resourceType"] in TOLD]
        keys = {reference: _own_key(entry) for entry in told for reference in _references_to(entry)}
        found = []
        for entry in told:
            kind = str(entry.resource["resourceType"])
            if TOLD[kind] in self.source.tells:
                found.append(_shared(entry, keys, people))
            elif kind not in NAMED:
                given = {"kind": kind, "tells": TOLD[kind].value}
                refusals[entry.where] = Refusal(code="may-not-tell", where=entry.where, given=given)
        return tuple(found)


class _People:
    """The patients of one request, by the references that lead to them."""

    def __init__(
        self,
        source: Source,
        tables: Mapping[str, CodeTable],
        kinds: Mapping[str, IdentifierKind],
        bases: Collection[str],
    ) -> None:
        self._source = source
        self._kinds = kinds
        self._bases = {"", *bases}
        self._tables = tables
        self.unaccounted: list[Unaccounted] = []
        self._parts: list[tuple[tuple[Identifier, ...], Mapped | None, list[Mapped]]] = []
        self._by_reference: dict[str, int] = {}
        self._by_number: dict[Identifier, int] = {}

    def add(self, entry: FhirEntry, names: Mapping[str, str]) -> None:
        """A Patient resource of the request."""
        resource = entry.resource
        numbers = _numbers(resource, self._source, is_update=entry.method == "PUT")
        if not numbers:
            raise refuse("no-patient", f"{entry.where}.identifier")
        patient = with_doubts(_mapped(entry, "", names), self._source, self._kinds)
        self._parts.append((numbers, patient, []))
        self._by_number |= dict.fromkeys(numbers, len(self._parts) - 1)
        for reference in _references_to(entry):
            self._by_reference[reference] = len(self._parts) - 1

    def attach(self, entry: FhirEntry, names: Mapping[str, str]) -> bool:
        """A clinical resource; False where nothing says whom it is about."""
        places = (self._find(subject, entry.resource) for subject in subjects_of(entry.resource))
        at = next((place for place in places if place is not None), None)
        if at is None:
            return False
        self._parts[at][2].append(_mapped(entry, _key(entry.resource), names))
        if entry.resource["resourceType"] == COMPOSITION:
            self._parts[at][2].append(document_of(entry.resource, entry.where, _key(entry.resource)))
        if entry.resource["resourceType"] == FORM:
            found = read_form(entry.resource, entry.where, self._tables)
            self._parts[at][2].extend(found.resources)
            self.unaccounted += found.unaccounted
        return True

    def parts(self) -> tuple[PatientPart, ...]:
        """The patients in the order in which the request names them."""
        return tuple(
            PatientPart(numbers=numbers, demographics=patient, resources=tuple(resources))
            for numbers, patient, resources in self._parts
        )

    def numbers_of(self, reference: str) -> tuple[Identifier, ...]:
        """The source's numbers of a patient by reference: one of this request, or one that was sent before."""
        if reference in self._by_reference:
            return self._parts[self._by_reference[reference]][0]
        return self._referred(reference, {})

    def _find(self, subject: Mapping[str, Any], resource: Mapping[str, Any]) -> int | None:
        reference = str(subject.get("reference", ""))
        if reference in self._by_reference and not reference.startswith("#"):
            return self._by_reference[reference]
        inside = contained_in(resource, reference)
        numbers = self._referred(reference, subject) if inside is None else _numbers(inside, self._source)
        if not numbers:
            return None
        known = next((self._by_number[number] for number in numbers if number in self._by_number), None)
        if known is not None:
            return known
        self._parts.append((numbers, None, []))
        self._by_number |= dict.fromkeys(numbers, len(self._parts) - 1)
        return len(self._parts) - 1

    def _referred(self, reference: str, subject: Mapping[str, Any]) -> tuple[Identifier, ...]:
        """The numbers behind a literal, a conditional or a logical reference. An id at another server than this
        bundle's own may be anybody's: it counts for nothing."""
        if (named := patient_named(reference)) and named.base in self._bases:
            return (_fhir_id(named.id, self._source),)
        if key := patient_asked(reference):
            return _numbers({"identifier": [{"system": key[0], "value": key[1]}]}, self._source)
        identifier = subject.get("identifier")
        return _numbers({"identifier": [identifier]}, self._source) if isinstance(identifier, dict) else ()


def _shared(entry: FhirEntry, keys: Mapping[str, str], people: _People) -> Shared:
    references = list(_references(entry.resource))
    return Shared(
        kind=str(entry.resource["resourceType"]),
        key=_own_key(entry),
        resource=entry.resource,
        path=entry.where,
        refers={one: keys.get(one) or one.rpartition("/")[2] for one in references},
        people={one: numbers for one in references if (numbers := people.numbers_of(one))},
    )


def _own_key(entry: FhirEntry) -> str:
    """What the source calls it: its first identifier, else its id."""
    numbers = [one["value"] for one in _listed(entry.resource.get("identifier")) if one.get("value")]
    return str(numbers[0] if numbers else entry.resource.get("id", ""))


def _listed(value: Any) -> list[Any]:
    """Contract has one identifier or several; a list either way."""
    return value if isinstance(value, list) else [value] if value else []


def _numbers(patient: Mapping[str, Any], source: Source, *, is_update: bool = False) -> tuple[Identifier, ...]:
    """By what the source tells this patient apart: its FHIR id, then the identifiers that its profile names.

    The id counts only where the source updates (PUT): one that is created is to get its id from the server, and what
    stands there may be anything (FHIR R4 3.1.0.8).
    """
    numbers = [_fhir_id(str(patient["id"]), source)] if patient.get("id") and is_update else []
    ranked = []
    for identifier in patient.get("identifier") or ():
        rule = source.rule_for(str(identifier.get("system", "")))
        value = str(identifier.get("value") or "")
        if rule and value and (rule.of_patient or not is_placeholder(value)):
            ranked.append((not rule.of_patient, source.identifiers.index(rule), rule, value))
    numbers += [
        Identifier(kind=rule.kind, system=local_system(source, rule.type), value=normalise(value))
        for other, _, rule, value in sorted(ranked, key=lambda item: item[:2])
        if not other or not numbers
    ]
    return tuple(numbers)


def _fhir_id(value: str, source: Source) -> Identifier:
    return Identifier(kind="fhir-id", system=local_system(source, _FHIR_ID.type), value=value)


def _subject_name(resource: Mapping[str, Any]) -> str:
    return SUBJECTS.get(str(resource["resourceType"]), "subject")


def _mapped(entry: FhirEntry, key: str, names: Mapping[str, str]) -> Mapped:
    resource = entry.resource
    kind = str(resource["resourceType"])
    elements = [name for name in resource if name not in ("resourceType", "id", "meta", "text")]
    return Mapped(
        kind=kind,
        key=key,
        resource=resource,
        path=entry.where,
        row="fhir/as-sent",
        traces=tuple(Trace(name, f"{entry.where}.{name}", "fhir/as-sent") for name in elements),
        names=dict(_names_in(resource, names)),
        whole=True,
    )


def _key(resource: Mapping[str, Any]) -> str:
    """What of the patient this is, to the sender: its id, else its first identifier, else what it says."""
    if resource.get("resourceType") == FORM:
        return form_key(resource)
    if resource.get("id"):
        return str(resource["id"])
    for identifier in (*_listed(resource.get("masterIdentifier")), *_listed(resource.get("identifier"))):
        if identifier.get("value"):
            return f"{identifier.get('system', '')}|{identifier['value']}"
    said: Any = next((resource[name] for name in _WHAT if resource.get(name)), {})
    when = next((str(resource[name]) for name in _WHEN if name in resource), "")
    return f"{said}|{when}"


_WHAT = (
    *("code", "class", "vaccineCode", "medicationCodeableConcept", "medicationReference", "type", "relationship"),
    *("serviceType", "appointmentType"),
)
_WHEN = (
    *("effectiveDateTime", "effectivePeriod", "period", "onsetDateTime", "recordedDate", "issued"),
    *("performedDateTime", "performedPeriod", "occurrenceDateTime", "authoredOn", "start", "date", "whenHandedOver"),
    *("dateAsserted", "receivedTime"),
)


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("reference"), str):
            yield value["reference"]
        for item in value.values():
            yield from _references(item)
    elif isinstance(value, list):
        for item in value:
            yield from _references(item)


def _names(entries: list[FhirEntry]) -> Iterator[tuple[str, str]]:
    """How the organisations, people and places of a request are called, by the references that lead to them; a stay by
    its number."""
    for entry in entries:
        kind = str(entry.resource["resourceType"])
        shown = name_of(entry.resource) if kind in CALLED else _own_key(entry) if kind == "Encounter" else ""
        if shown:
            for reference in _references_to(entry):
                yield reference, shown
                if reference.startswith("urn:"):
                    yield f"{reference}{TYPE}", kind


def _names_in(resource: Json, names: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """How what a resource refers to is called: what it contains, then what its bundle names, with the type of each."""
    for reference in _references(resource):
        if inside := contained_in(resource, reference):
            yield f"{reference}{TYPE}", str(inside.get("resourceType", ""))
            if shown := name_of(inside):
                yield reference, shown
        elif reference in names:
            yield reference, names[reference]
            if (kind := f"{reference}{TYPE}") in names:
                yield kind, names[kind]


def _references_to(entry: FhirEntry) -> Iterator[str]:
    """By what other entries may refer to this one; an entry without an address and an id cannot be referred to."""
    if entry.full_url:
        yield entry.full_url
    if entry.resource.get("id"):
        yield f"{entry.resource['resourceType']}/{entry.resource['id']}"


def _last_updated(entries: list[FhirEntry], source: Source) -> datetime | None:
    times = [str((entry.resource.get("meta") or {}).get("lastUpdated", "")) for entry in entries]  # type: ignore[attr-defined]
    instants = [at for text in times if text and (at := instant_of(text, source.time_zone))]
    return max(instants, default=None)
