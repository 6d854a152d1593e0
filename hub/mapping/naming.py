"""What a FHIR request calls the people, places, organisations and drugs that other requests refer to.

An id at another server may be anybody's: a relative reference is one to the sender's own things, an absolute one stays
as it is written (FHIR R4 2.3.0.2).
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from hub.concepts import shown_as
from hub.message import FhirEntry
from hub.naming import CALLED
from hub.record import Named
from hub.specimens import KIND, words_of


def named_in(entries: Iterable[FhirEntry]) -> Iterator[Named]:
    """The names of a request's things, by every reference that may lead to them from another request: their id, their
    address, a number of theirs (``Practitioner?identifier=SYSTEM|VALUE``)."""
    for entry in entries:
        kind = str(entry.resource["resourceType"])
        shown = name_of(entry.resource) if kind in CALLED else ""
        if shown:
            yield from (Named(reference=one, kind=kind, shown=shown) for one in ways_to(kind, entry))


def ways_to(kind: str, entry: FhirEntry) -> Iterator[str]:
    """The references that may lead to an entry from another request."""
    if entry.resource.get("id"):
        yield f"{kind}/{entry.resource['id']}"
    if entry.full_url.startswith(("http://", "https://")):
        yield entry.full_url
    numbers: Any = entry.resource.get("identifier") or ()
    for number in numbers:
        if number.get("system") and number.get("value"):
            yield f"{kind}?identifier={number['system']}|{number['value']}"


def name_of(resource: Mapping[str, Any]) -> str:
    """How a thing is called; of a person the first name, of a drug its code, of a specimen what it is."""
    if resource.get("resourceType") == KIND:
        return words_of(resource)
    name = shown_as(resource.get("code")) if resource.get("resourceType") == "Medication" else resource.get("name")
    if isinstance(name, list):
        first = name[0] if name else {}
        return str(first.get("text") or "".join((first.get("family", ""), *first.get("given", ()))))
    return str(name or "")
