"""Drugs: what sorts of statements there are of them, and which of these speak of one course.

A drug is prescribed, dispensed, administered or said to be taken, each by a FHIR type of its own. All of them stand on
one shelf, under the kind of the prescription. What was dispensed belongs to the prescription that it names
(``MedicationDispense.authorizingPrescription``), and what is taken to the one that it rests on
(``MedicationStatement.basedOn``): by reference, or by the same number and drug in the same house. What was administered
is an event of its own, with its own time and dose.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from hub.concepts import Columns, Resource, concept_key, drug_of, numbers_of
from hub.message import contained_in
from hub.record import Fact

PRESCRIPTION = "MedicationRequest"
SAID: Mapping[str, str] = {
    PRESCRIPTION: "prescribed",
    "MedicationDispense": "dispensed",
    "MedicationAdministration": "administered",
    "MedicationStatement": "taken",
}
"""How each FHIR type knows of a drug; the first of several leads their entry."""
ASKED_BY: Mapping[str, str] = {
    "MedicationDispense": "authorizingPrescription",
    "MedicationStatement": "basedOn",
    "MedicationAdministration": "request",
}
"""The element that refers to the prescription."""
_JOINING = frozenset({"MedicationDispense", "MedicationStatement"})
_REQUEST = re.compile(rf"(?:.+/)?{PRESCRIPTION}/(?P<id>[A-Za-z0-9.-]{{1,64}})(?:/_history/[^/]+)?")


def shelf_of(kind: str) -> str:
    """The kind under which entries of a fact's kind stand: that of the prescription for all that is said of drugs."""
    return PRESCRIPTION if kind in SAID else kind


def kinds_on(shelf: str) -> tuple[str, ...]:
    """The kinds of facts that entries of a kind are made of."""
    return tuple(SAID) if shelf == PRESCRIPTION else (shelf,)


def course_key(kind: str, resource: Resource, fact: Fact) -> str:
    """What a statement about a drug is of its resident: the key of its prescription, else its source's own."""
    if kind == PRESCRIPTION:
        return prescription_key(resource, fact.organisation, f"{fact.source}|{fact.key}")
    for asked in references_of(kind, resource) if kind in _JOINING else ():
        if key := _key_behind(asked, resource, fact):
            return key
    return (
        f"{fact.source}|{kind}|{fact.key}"  # FHIR's ids count by type: MedicationStatement/1 is not MedicationRequest/1
    )


def prescription_key(resource: Resource, organisation: str, own: str) -> str:
    """A prescription is its house's number and its drug, since one number may ask for several; else its source's
    `own`."""
    number, drug = numbers_of(resource)[0], concept_key(drug_of(resource))
    return f"{organisation}|{number}|{drug}" if number and drug else own


def _key_behind(asked: Resource, resource: Resource, fact: Fact) -> str:
    """The key of the prescription that a reference leads to; "" where it does not say."""
    address = str(asked.get("reference", ""))
    if named := fact.names.get(address):  # `hub.mapping.bundles` calls a prescription by its key
        return named
    if inside := contained_in(resource, address):
        return prescription_key({**inside, **_drug_in(resource, inside)}, fact.organisation, "")
    drug, number = concept_key(drug_of(resource)), (asked.get("identifier") or {}).get("value")
    if number and drug:
        return f"{fact.organisation}|{number}|{drug}"
    found = _REQUEST.fullmatch(address)
    return f"{fact.source}|{found['id']}" if found else ""


def _drug_in(resource: Resource, inside: Resource) -> Resource:
    """The drug of a contained prescription; that of the resource around it where it says none."""
    return {
        "medicationCodeableConcept": drug_of({**inside, "contained": resource.get("contained")}) or drug_of(resource)
    }


def references_of(kind: str, resource: Resource) -> list[Resource]:
    """The references to prescriptions of a statement about a drug; a plan or another order is none."""
    said: Any = resource.get(ASKED_BY.get(kind, ""))
    listed = said if isinstance(said, list) else [said] if said else []
    return [one for one in listed if str(one.get("type", PRESCRIPTION)) == PRESCRIPTION]


T = TypeVar("T")


def of_one_course(read: Sequence[tuple[T, str, Columns]]) -> list[tuple[T, Columns]]:
    """Several statements as one course, each with its kind, what leads first: how it is known is what all of them say,
    and how far it is, the leading kind alone. That a dispense is completed says nothing of the prescription."""
    said = list(dict.fromkeys(SAID[kind] for _, kind, _ in read))
    lead = read[0][1]
    return [(one, {**own, "statements": said} | ({} if kind == lead else {"status": None})) for one, kind, own in read]


def rank(kind: str) -> int:
    """Which kind of statement leads an entry: the lowest."""
    return list(SAID).index(kind) if kind in SAID else 0
