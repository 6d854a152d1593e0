"""A resident as a FHIR Patient: who they are to the hub, and the numbers under which sources know them."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from hub.record import Json

Row = Mapping[str, Any]
_DATE = re.compile(r"\d{4}(-\d{2}(-\d{2})?)?")
_TIME = re.compile(
    r"\d{4}(-\d{2}(-\d{2}(T([01]\d|2[0-3]):[0-5]\d:([0-5]\d|60)(\.\d+)?(Z|[+-]((0\d|1[0-3]):[0-5]\d|14:00)))?)?)?"
)
_GENDERS = frozenset({"male", "female", "other", "unknown"})
UNKNOWN: Json = {
    "extension": [{"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "unknown"}]
}
"""In place of a value that FHIR, or the patient summary, asks for and nobody gave."""


def patient_of(person: Row, numbers: Iterable[Row], patients: Sequence[Row]) -> Json:
    """A Patient by a resident's row, their strong numbers, and the patients that stand for them: facts refer to people
    by the sources' own numbers, so these stand here too."""
    listed = [*numbers, *(number for one in patients for number in one["numbers"])]
    identifiers = {(one["system"], one["value"]): None for one in listed}
    born = str(person["birth_date"] or "")
    phone = person["phone"]
    found: Json = {
        "resourceType": "Patient",
        "id": str(person["id"]),
        "identifier": [{"system": system, "value": value} for system, value in identifiers],
        "name": [{"text": person["name"]}] if person["name"] else [{"text": "不详"}],
        "telecom": [{"system": "phone", "value": phone}] if phone else [],
        "gender": person["sex"] if person["sex"] in _GENDERS else None,
        "birthDate": born if _DATE.fullmatch(born) else None,
        "_birthDate": None if _DATE.fullmatch(born) else UNKNOWN,
        "address": [{"text": person["address"]}] if person["address"] else [],
        "maritalStatus": {"text": person["marital_status"]} if person["marital_status"] else None,
        **_death(person),
    }
    return without_gaps(found)


def _death(person: Row) -> Json:
    died = str(person["deceased_on"] or "")
    if _TIME.fullmatch(died):
        return {"deceasedDateTime": died}
    return {"deceasedBoolean": True} if person["deceased"] else {}


def without_gaps(resource: Json) -> Json:
    """A resource without what it does not say."""
    return {name: value for name, value in resource.items() if value not in (None, "", [], {})}


def is_time(said: str | None) -> bool:
    """Whether a text is a FHIR dateTime."""
    return said is not None and _TIME.fullmatch(said) is not None


def reference_to(key: UUID) -> str:
    """How the resources of one bundle refer to each other."""
    return f"urn:uuid:{key}"
