"""A body at the door, examined: what it asks for, whether it may be taken, whom it is about.

Everything that takes long is done in the checking process, and only what the door needs comes back: to hand 5,000
resources from process to process would hold the loop as long as to read them. A large bundle is checked part by part,
so that the small ones of other senders have their turn between two parts.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Any

import orjson

from adapters.fhir.conditions import condition_fault
from adapters.fhir.links import dangling
from adapters.fhir.people import Person, people_in
from adapters.fhir.reading import DOCUMENT, MESSAGE, header_of, parse, read_parsed
from adapters.fhir.validation import check
from adapters.fhir.written import check_written
from hub.errors import Refusal, Refused, refuse
from hub.message import FhirEntry, FhirMessage

INLINE_BYTES = 8 * 1024
"""A body up to this size is examined at once; a larger one would hold up the loop and goes to the checking process."""
PART = 100
"""Resources of one part: about a tenth of a second."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """What a request's address and headers say. `condition` is a query (``identifier=S|V``), `where` the place it
    stands at; `is_message`: it was sent to ``$process-message``."""

    kind: str = ""
    method: str = "POST"
    identifier: str = ""
    condition: str = ""
    where: str = ""
    is_message: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """What an entry is, without its content. `id` is "" where the sender's id is not what the hub tells it by."""

    where: str
    kind: str
    method: str = "POST"
    id: str = ""
    refusal: Refusal | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Header:
    """A MessageHeader as far as its answer repeats it (FHIR R4 2.4.5)."""

    id: str
    event: Mapping[str, Any]
    endpoint: str = ""

    @property
    def is_complete(self) -> bool:
        """Whether an answer can be made that names message and event, as FHIR asks."""
        return bool(self.id and self.event)


@dataclass(frozen=True, kw_only=True, slots=True)
class Examined:
    """A body as the door saw it. `kind` is "" where it could not be read so far. `name` is what the sender calls it
    (Bundle.identifier, MessageHeader.id), and `digest` a hash of what it says."""

    kind: str = ""
    entries: tuple[Entry, ...] = ()
    refusal: Refusal | None = None
    people: tuple[Person, ...] = ()
    name: str = ""
    digest: bytes = b""
    header: Header | None = field(default=None)


_EVENTS: Mapping[str, type] = {"eventCoding": dict, "eventUri": str}
Parts = tuple[bytes, ...]
Found = list[tuple[str, Refusal]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Examiner:
    """Examines bodies. `run` runs a function in the checking process."""

    supported: frozenset[str]
    run: Callable[..., Awaitable[Any]]

    async def __call__(self, body: bytes, asked: Asked) -> Examined:
        """A body, examined. What is wrong with it stands in the result. Raises what `run` raises."""
        if len(body) <= INLINE_BYTES:
            examined, parts = outline(body, asked, self.supported)
        else:
            examined, parts = await self.run(outline, body, asked, self.supported)
        found: Found = []
        for part in parts:
            found += await self.run(check_part, part)
            if found and examined.kind != "batch":
                break
        return _with(examined, dict(found))


def outline(body: bytes, asked: Asked, supported: frozenset[str]) -> tuple[Examined, Parts]:
    """A body, examined but for the resources of a bundle that is to be checked in parts, and these parts."""
    examined = Examined()
    try:
        check_written(body)
        parsed = parse(body)
        examined = _named(parsed, asked)
        message = read_parsed(
            parsed, supported=supported, kind=asked.kind, method=asked.method, identifier=asked.identifier
        )
        examined = replace(
            examined,
            kind=message.kind,
            people=people_in(message),
            entries=tuple(map(_entry, message.entries)),
        )
        _check_asked(message, parsed, asked)
    except Refused as refused:
        return replace(examined, refusal=refused.refusal), ()
    if len(message.entries) > PART:
        return examined, _parts(message)
    found = check_resources((entry.where, entry.resource) for entry in message.entries if entry.refusal is None)
    return _with(examined, dict(found)), ()


def check_part(part: bytes) -> Found:
    """The refusals of one part, by where they stand."""
    return check_resources(orjson.loads(part))


def check_resources(resources: Any) -> Found:
    """The refusals of resources, (where, resource) each."""
    return [(where, fault) for where, resource in resources if (fault := check(resource, where)) is not None]


def _parts(message: FhirMessage) -> Parts:
    sound = [(entry.where, entry.resource) for entry in message.entries if entry.refusal is None]
    return tuple(orjson.dumps(sound[at : at + PART]) for at in range(0, len(sound), PART))


def _with(examined: Examined, found: Mapping[str, Refusal]) -> Examined:
    """The refusals at their entries in a batch; otherwise the first one refuses everything."""
    if not found:
        return examined
    if examined.kind != "batch":
        return replace(examined, refusal=next(iter(found.values())))
    entries = tuple(replace(entry, refusal=entry.refusal or found.get(entry.where)) for entry in examined.entries)
    return replace(examined, entries=entries)


def _check_asked(message: FhirMessage, parsed: dict[str, object], asked: Asked) -> None:
    if asked.is_message and message.kind != MESSAGE:
        raise refuse("invalid-resource", "Bundle.type", reason="is not message, which $process-message takes")
    if message.kind == MESSAGE:
        _check_header(parsed)
    if asked.condition:
        fault = condition_fault(asked.condition, message.entries[0].resource, asked.where)
        if message.kind in ("transaction", "batch", MESSAGE, DOCUMENT):
            fault = refuse("unsupported-condition", asked.where, reason="a bundle's conditions stand in it").refusal
        if fault:
            raise Refused(fault)
    if fault := dangling(message):
        raise Refused(fault)


def _check_header(bundle: dict[str, object]) -> None:
    """Raises Refused (invalid-resource) where the answer could not name the message that it answers."""
    where = "Bundle.entry[0].resource"
    header = header_of(bundle) or {}
    if fault := check(header, where):
        raise Refused(fault)
    if not header.get("id"):
        raise refuse("invalid-resource", f"{where}.id", reason="is required: the answer names it")
    if "response" in header:
        raise refuse("invalid-resource", f"{where}.response", reason="makes it an answer, and the hub asked nothing")


def _named(parsed: dict[str, object], asked: Asked) -> Examined:
    """What a bundle is called by its sender, and a hash of what it says.

    As MSH-7 in v2, what a sender writes anew when it sends the same again does not count: Bundle.id, meta, timestamp
    and, beside a MessageHeader, Bundle.identifier (FHIR R4 2.4.4).
    """
    if parsed.get("resourceType") != "Bundle" or asked.kind not in ("", "Bundle"):
        return Examined()
    without = {"id", "meta", "timestamp"}
    header = header_of(parsed)
    if header is None:
        name = _identifier(parsed.get("identifier"))
    else:
        name = _text(header.get("id"))
        without.add("identifier")
    said = {key: value for key, value in parsed.items() if key not in without}
    digest = sha256(orjson.dumps(said, option=orjson.OPT_SORT_KEYS)).digest()
    return Examined(name=name, digest=digest, header=_header(header) if header else None)


def _header(header: Mapping[str, Any]) -> Header:
    source = header.get("source")
    return Header(
        id=_text(header.get("id")),
        event={name: header[name] for name, type_ in _EVENTS.items() if isinstance(header.get(name), type_)},
        endpoint=_text(source.get("endpoint")) if isinstance(source, dict) else "",
    )


def _identifier(identifier: object) -> str:
    if not isinstance(identifier, dict) or not _text(identifier.get("value")):
        return ""
    system = _text(identifier.get("system"))
    return f"{system}|{identifier['value']}" if system else str(identifier["value"])


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _entry(entry: FhirEntry) -> Entry:
    kind, fhir_id = _text(entry.resource.get("resourceType")), _text(entry.resource.get("id"))
    is_name = entry.method == "PUT" or kind != "Patient"  # a patient's id counts only where its source gave it
    return Entry(
        where=entry.where, kind=kind, method=entry.method, id=fhir_id if is_name else "", refusal=entry.refusal
    )
