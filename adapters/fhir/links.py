"""References inside a bundle: what ``urn:uuid:...`` stands for is said nowhere but in the bundle itself."""

from collections.abc import Iterator

from adapters.fhir.reading import step
from hub.errors import Refusal, refuse
from hub.message import FhirMessage

_INNER = ("urn:uuid:", "urn:oid:")


def dangling(message: FhirMessage) -> Refusal | None:
    """The first reference of a transaction or message by urn that is no entry's fullUrl (FHIR R4 2.36.4.1), or None.

    The entries of a batch do not depend on each other (FHIR R4 3.1.0.11.1): there it is the entry's own matter.
    """
    if message.kind == "batch":
        return None
    known = {entry.full_url for entry in message.entries}
    for entry in message.entries:
        for address, path in _references(entry.resource, entry.where):
            if address.startswith(_INNER) and address not in known:
                return refuse("reference-not-in-bundle", path).refusal
    return None


def _references(resource: object, where: str) -> Iterator[tuple[str, str]]:
    left = [(resource, where)]
    while left:
        value, path = left.pop()
        if isinstance(value, dict):
            reference = value.get("reference")
            if isinstance(reference, str):
                yield reference, f"{path}.reference"
            left += [(one, f"{path}{step(name)}") for name, one in value.items() if isinstance(one, dict | list)]
        elif isinstance(value, list):
            left += [(one, f"{path}{step(at)}") for at, one in enumerate(value) if isinstance(one, dict | list)]
