"""FHIR requests, validated."""

from dataclasses import dataclass, field
from datetime import datetime

from hub.errors import Refusal


@dataclass(frozen=True, kw_only=True, slots=True)
class FhirEntry:
    """One resource of a FHIR request. `where` is its path in the body (``Bundle.entry[2].resource``)."""

    resource: dict[str, object]
    where: str
    full_url: str = ""
    method: str = "POST"
    refusal: Refusal | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class FhirMessage:
    """A FHIR request body, validated. In a transaction no entry carries a refusal; in a batch some may."""

    kind: str
    sent_at: datetime | None
    entries: tuple[FhirEntry, ...] = field(default=())
