"""What a result was found in: the specimen of an observation or a report, its type, its number and when it was taken.

FHIR refers to a resource of its own, which may be contained, in the same bundle or in another (`hub.naming`). What
other formats say is written on the reference itself.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hub.concepts import Columns, Resource, number_of, shown_as
from hub.message import contained_in
from hub.record import Fact, Json

KIND = "Specimen"
TAKEN = "urn:hub:specimen-taken"
"""The extension of a reference that says when its specimen was taken."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Specimen:
    """What is known of a specimen; "" where nothing is said. `taken` is a FHIR date or dateTime."""

    type: str = ""
    taken: str = ""
    number: str = ""


def words_of(resource: Resource) -> str:
    """A Specimen resource as what refers to it needs it: its type, when it was taken and its number, line by line; ""
    where it says none of these."""
    specimen = told_by(resource)
    words = [" ".join(word.split()) for word in (specimen.type, specimen.taken, specimen.number)]
    return "\n".join(words) if any(words) else ""


def reference_to(specimen: Specimen, **more: Any) -> Json:
    """A reference that says itself what it leads to."""
    said: Json = {**more, "type": KIND}
    if specimen.number:
        said.setdefault("identifier", {"value": specimen.number})
    if specimen.type:
        said["display"] = specimen.type
    if specimen.taken:
        said["extension"] = [{"url": TAKEN, "valueDateTime": specimen.taken}]
    return said


def specimen_in(resource: Resource, fact: Fact) -> Specimen | None:
    """The specimen of an observation, or the first of a report; None where nothing is said of one."""
    listed: Any = resource.get("specimen")
    reference = (listed[0] if listed else None) if isinstance(listed, list) else listed
    if not isinstance(reference, dict):
        return None
    address = str(reference.get("reference", ""))
    if inside := contained_in(resource, address):
        return told_by(inside)
    if named := fact.names.get(address):
        kind, taken, number = (*named.split("\n"), "", "")[:3]
        return Specimen(type=kind or str(reference.get("display", "")), taken=taken, number=number)
    said = Specimen(
        type=str(reference.get("display", "")),
        taken=next(
            (str(one["valueDateTime"]) for one in reference.get("extension") or () if one.get("url") == TAKEN), ""
        ),
        number=str((reference.get("identifier") or {}).get("value", "")),
    )
    return said if said != Specimen() else None


def columns_of(resource: Resource, fact: Fact) -> Columns:
    """The columns that tell of the specimen."""
    found = specimen_in(resource, fact) or Specimen()
    return {
        "specimen": found.type or None,
        "specimen_number": found.number or None,
        "specimen_taken": found.taken or None,
    }


def are_other(one: tuple[Specimen, Fact], others: Sequence[tuple[Specimen, Fact]]) -> bool:
    """Whether a specimen is none of these: where both say it, another type, another time, or another number of the same
    source. What one of them leaves open tells nothing apart."""
    return any(_differ(one, other) for other in others)


def _differ(one: tuple[Specimen, Fact], other: tuple[Specimen, Fact]) -> bool:
    (this, fact), (that, told) = one, other
    pairs = [(this.type, that.type), (this.taken, that.taken)]
    if fact.source == told.source:
        pairs.append((this.number, that.number))
    return any(a and b and a != b for a, b in pairs)


def told_by(resource: Resource) -> Specimen:
    """What a Specimen resource tells."""
    collection = resource.get("collection") or {}
    taken = collection.get("collectedDateTime") or (collection.get("collectedPeriod") or {}).get("start")
    number = number_of(resource) or (resource.get("accessionIdentifier") or {}).get("value")
    return Specimen(type=shown_as(resource.get("type")) or "", taken=str(taken or ""), number=str(number or ""))
