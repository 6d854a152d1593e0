"""The record: what was said of a patient (facts) and what it amounts to for a resident (entries)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from hashlib import blake2b
from typing import Any
from uuid import UUID

from hub.errors import Refusal

Json = dict[str, Any]


class Grade(StrEnum):
    """How sure a link between a source's patient and a resident is."""

    CERTAIN = "certain"
    PROBABLE = "probable"
    POSSIBLE = "possible"
    NOT = "not"


@dataclass(frozen=True, kw_only=True, slots=True)
class Identifier:
    """A number of a person. `kind` is a row of ``mappings/codes/identifier-kinds.csv``; `system` a URI."""

    kind: str
    system: str
    value: str


_LONGEST_KEY = 200
_SHORTENED = re.compile(rf".{{{_LONGEST_KEY}}}…[0-9a-f]{{32}}", re.DOTALL)


def short_key(text: str) -> str:
    """A key that an index takes: a long one (a diagnosis that is a whole story) ends in its hash. What was shortened
    before stays as it is."""
    if len(text) <= _LONGEST_KEY or _SHORTENED.fullmatch(text):
        return text
    return f"{text[:_LONGEST_KEY]}…{blake2b(text.encode(), digest_size=16).hexdigest()}"


@dataclass(frozen=True, slots=True)
class Trace:
    """Where one element of a resource was read from.

    `target` is the FHIR element (``valueQuantity``), `path` the field (``OBX[2]-5``), `row` the mapping row
    (``hl7v2/obx-observation:valueQuantity``), `codes` the code table that translated it, if any.
    """

    target: str
    path: str
    row: str
    codes: str = ""


@dataclass(frozen=True, slots=True)
class Flag:
    """Something about a value that a reader should know: ``unknown-code`` at ``PID-8``."""

    code: str
    where: str
    table: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Mapped:
    """One FHIR resource that one message gave of one patient, not yet stored.

    `key` says what of the source's patient this is: a later fact with the same kind and key supersedes it.
    `cleared` are targets that the sender emptied (``""``); `assumed` are targets that FHIR requires and the
    sender did not give, so that they never override a value that was said. `whole` is true where the
    sender's resource replaces the earlier one instead of updating it (FHIR). `names` are what the sender calls the
    things that the resource refers to, by reference.
    """

    kind: str
    key: str
    resource: Json
    path: str
    row: str
    traces: tuple[Trace, ...] = ()
    flags: tuple[Flag, ...] = ()
    cleared: tuple[str, ...] = ()
    assumed: tuple[str, ...] = ()
    names: Mapping[str, str] = field(default_factory=dict)
    whole: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class PatientPart:
    """What a message says of one patient: who it is (`numbers` are the source's own, `proofs` lead across
    sources), their demographics and the resources about them."""

    numbers: tuple[Identifier, ...]
    demographics: Mapped | None
    resources: tuple[Mapped, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Shared:
    """One FHIR resource that is not of one patient: an organisation, a team, an agreement, a session.

    `key` is its own id or first identifier. `refers` leads from each reference inside it to the key of what is meant,
    `people` from each reference to a patient to the source's numbers of that patient.
    """

    kind: str
    key: str
    resource: Json
    path: str
    traces: tuple[Trace, ...] = ()
    refers: Mapping[str, str] = field(default_factory=dict)
    people: Mapping[str, tuple[Identifier, ...]] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Named:
    """What a message calls a thing that others refer to: `reference` as they write it (``Practitioner/p1``)."""

    reference: str
    kind: str
    shown: str


@dataclass(frozen=True, kw_only=True, slots=True)
class PatientMerge:
    """The source says that two of its patients are one: `prior` is given up, `surviving` stays (A40). With `keeps_both`
    neither is given up, and both numbers stay in use (A24). With `parts` they are two after all (A37)."""

    prior: tuple[Identifier, ...]
    surviving: tuple[Identifier, ...]
    keeps_both: bool = False
    parts: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Unaccounted:
    """A field that says something which nothing reads and nobody ignores: where it stands (``OBX[2]-13``), what it is
    (``OBX-13``), and whether it stands in a clinical segment."""

    where: str
    field: str
    is_clinical: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Reading:
    """A message, mapped. `event_at` is when it happened, `sent_at` when it was written (MSH-7)."""

    event_at: datetime
    sent_at: datetime
    parts: tuple[PatientPart, ...]
    merges: tuple[PatientMerge, ...] = ()
    shared: tuple[Shared, ...] = ()
    named: tuple[Named, ...] = ()
    unaccounted: tuple[Unaccounted, ...] = ()
    left_out: tuple[Refusal, ...] = ()
    """What the message says and cannot become a resource, while the rest of it goes on."""
    ahead: str = ""
    """The field whose time lies in the future, so that the message counts as of its receipt."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Fact:
    """One stored resource of one source's patient. Never rewritten. `ordinal` tells apart what a message says several
    times of one code and one instant."""

    id: UUID
    patient_id: UUID
    message_id: UUID
    source: str
    organisation: str
    kind: str
    key: str
    entry_key: str
    event_at: datetime
    sent_at: datetime
    received_at: datetime
    resource: Json
    path: str
    row: str
    traces: tuple[Trace, ...] = ()
    flags: tuple[Flag, ...] = ()
    cleared: tuple[str, ...] = ()
    assumed: tuple[str, ...] = ()
    names: Mapping[str, str] = field(default_factory=dict)
    whole: bool = False
    ordinal: int = 1

    @property
    def order(self) -> tuple[datetime, datetime, datetime, UUID]:
        """Facts apply in the order of their event, then of their sending, then of their receipt."""
        return (self.event_at, self.sent_at, self.received_at, self.id)


@dataclass(frozen=True, kw_only=True, slots=True)
class OriginValue:
    """One element of an entry and the field that it was read from."""

    element: str
    path: str
    row: str
    codes: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Origin:
    """Why an entry stands there: one fact of one message."""

    source: str
    organisation: str
    message_id: UUID
    path: str
    row: str
    sent_at: datetime
    values: tuple[OriginValue, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Conflict:
    """A value that lost against the one that the entry shows."""

    element: str
    value: str
    source: str
    organisation: str
    message_id: UUID
    sent_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """A resident's line of the record. `columns` are those of the table of its kind (``hub/tables.py``)."""

    id: UUID
    resident_id: UUID
    kind: str
    key: str
    columns: Mapping[str, Any]
    origins: tuple[Origin, ...]
    conflicts: tuple[Conflict, ...] = ()
    flags: tuple[Flag, ...] = ()
