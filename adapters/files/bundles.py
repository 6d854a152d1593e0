"""How a bundle is written that rows of a file become: FHIR R4B, deterministic to the byte.

It has no timestamp: what a file says counts as of the moment it is loaded, so that loading it again says nothing new.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import orjson

from adapters.fhir.people import keys_of, people_in
from adapters.files.kinds import FileKind
from adapters.files.sheet import Row, positions_of
from adapters.keys import Keys
from hub.errors import Refusal
from hub.message import Arrival, FhirEntry, FhirMessage, Format, Source, Tells, Transport, plain

Json = dict[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class FileBundle:
    """One transaction and the rows that it comes from. `key` is what they are about, as their file calls it."""

    kind: str
    key: str
    rows: tuple[Row, ...]
    body: bytes
    is_of_a_patient: bool = False

    @property
    def positions(self) -> str:
        """Where its rows stand: ``agreements.csv#row=2-4``."""
        return positions_of(self.rows)

    def arrival(self, source: Source, transport: Transport) -> Arrival:
        """The bundle as a message at the door; where its rows stand is what its sender calls it by.

        Discharges and forms keep the order of their patient's other messages. What is not of one patient stays in the
        lane of its source: an agreement comes after the team that it names.
        """
        keys = self._keys(source)
        return Arrival(
            source=source.name,
            transport=transport,
            format=Format.FHIR,
            raw=self.body,
            kind="transaction",
            control_id=plain(self.positions),
            numbers=keys.numbers,
            names=keys.names,
            lanes=keys.lanes if self.is_of_a_patient else (),
        )

    def _keys(self, source: Source) -> Keys:
        entries = tuple(
            FhirEntry(resource=one["resource"], where="", full_url=one["fullUrl"])
            for one in orjson.loads(self.body)["entry"]
        )
        return keys_of(people_in(FhirMessage(kind="transaction", sent_at=None, entries=entries)), source)

    def placed(self, refusal: Refusal) -> Refusal:
        """A refusal at the row it comes from: who fills in a table knows nothing of ``Bundle.entry[2]``."""
        row = self.rows[0]
        return replace(refusal, where=f"{row.file}:{row.line} {refusal.where}".strip())


def bundle(kind: FileKind, key: str, rows: Sequence[Row], resources: Iterable[tuple[str, Json]]) -> FileBundle:
    """A transaction that creates each resource under the address of its key."""
    content = {
        "resourceType": "Bundle",
        "identifier": {"system": "urn:hub:file", "value": positions_of(rows)},
        "type": "transaction",
        "entry": [_entry(key, resource) for key, resource in resources],
    }
    of_a_patient = kind.tells is Tells.RECORD
    body = orjson.dumps(content)
    return FileBundle(kind=kind.name, key=key, rows=tuple(rows), body=body, is_of_a_patient=of_a_patient)


def _entry(key: str, resource: Json) -> Json:
    kind = resource["resourceType"]
    return {
        "fullUrl": address(kind, key),
        "resource": resource,
        "request": {"method": "POST", "url": kind},
    }


def address(kind: str, key: str) -> str:
    """How a resource of the same bundle is referred to."""
    return f"urn:uuid:{uuid5(NAMESPACE_URL, f'urn:hub:file/{kind}/{key}')}"


def referred(kind: str, key: str) -> Json:
    """A reference to something that another bundle tells of, by its directory id."""
    return {"reference": f"{kind}/{key}"}


def coded(system: str, code: str) -> Json:
    """A CodeableConcept with one coding of the hub's own."""
    return {"coding": [{"system": f"urn:hub:{system}", "code": code}]}


def identified(system: str, value: str) -> list[Json]:
    """The identifier by which the hub knows a thing."""
    return [{"system": f"urn:hub:{system}", "value": value}]


def patient(numbers: Iterable[tuple[str | None, str | None]], row: Row) -> Json:
    """A Patient as a row names them: their numbers, each with its system, and the columns that kinds of one patient
    have in common."""
    return filled(
        {
            "resourceType": "Patient",
            "identifier": [filled({"system": system, "value": value}) for system, value in numbers if value],
            "name": [{"text": row["name"]}],
            "gender": row.get("sex"),
            "birthDate": row["birth_date"].isoformat() if row.get("birth_date") else None,
            "telecom": [{"system": "phone", "value": row["phone"]}] if row.get("phone") else [],
            "address": [{"text": row["address"]}] if row.get("address") else [],
        }
    )


def extension(name: str, **value: object) -> Json:
    """One of the hub's extensions: ``extension("fee", valueString="25")``."""
    return {"url": f"urn:hub:{name}", **value}


def filled(resource: Mapping[str, Any]) -> Json:
    """A resource without its empty elements: silence changes nothing."""
    return {name: value for name, value in resource.items() if value not in (None, "", [], {}, ())}
