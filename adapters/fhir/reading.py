"""Request bodies to entries: what is asked for, of which resources; their content is `validation`'s business.

A conditional create or update by identifier (``ifNoneExist``, ``PUT Patient?identifier=...``) is taken as a plain one:
the hub tells resources apart by their business identifiers anyway. See `conditions`.
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime

import orjson
from fhir.resources.R4B import fhirtypes

from adapters.fhir.conditions import condition_fault
from adapters.fhir.versions import type_fault
from hub.errors import Refusal, Refused, refuse
from hub.message import FhirEntry, FhirMessage

MESSAGE = "message"
_NUL = b"\\u0000"
_BOM = b"\xef\xbb\xbf"
DOCUMENT = "document"
_BUNDLES = ("transaction", "batch")
_WITHOUT_REQUESTS = (MESSAGE, DOCUMENT)
_METHODS = ("POST", "PUT")


def read(
    body: bytes,
    *,
    supported: frozenset[str],
    kind: str = "",
    method: str = "POST",
    identifier: str = "",
) -> FhirMessage:
    """The entries of a request body: a transaction, batch, message or document Bundle, or one resource.

    `kind`, `method` and `identifier` are what the address says (``PUT /fhir/Patient/123``); without `kind`
    the body may be a Bundle or any supported resource. The result's kind is ``transaction``, ``batch``, ``message``,
    ``document`` or the resource's type; a message's header is no entry. Raises `Refused`: "not-json",
    "invalid-resource", "unsupported-resource", "unsupported-method", "unsupported-condition", "same-resource-twice"; in
    a batch these stand at their entry instead.
    """
    return read_parsed(parse(body), supported=supported, kind=kind, method=method, identifier=identifier)


def read_parsed(
    resource: dict[str, object],
    *,
    supported: frozenset[str],
    kind: str = "",
    method: str = "POST",
    identifier: str = "",
) -> FhirMessage:
    """As `read`, of a body that is parsed."""
    if resource.get("resourceType") == "Bundle" and kind in ("", "Bundle"):
        return _bundle(resource, supported)
    where = known_type(kind) or _type_of(resource) or "resource"
    if (refusal := _unsupported(resource, where, supported)) is not None:
        raise Refused(refusal)
    if kind and resource["resourceType"] != kind:
        raise refuse("invalid-resource", f"{where}.resourceType", reason="differs from the type in the address")
    if identifier and resource.get("id") != identifier:
        raise refuse("invalid-resource", f"{where}.id", reason="differs from the id in the address")
    entry = FhirEntry(resource=resource, where=where, method=method)
    return FhirMessage(kind=where, sent_at=_sent_at(resource.get("meta"), "lastUpdated"), entries=(entry,))


def parse(body: bytes) -> dict[str, object]:
    """The JSON object in a body. Raises `Refused` "not-json" with the place of the fault, never its text."""
    try:
        parsed = orjson.loads(body.removeprefix(_BOM))
    except orjson.JSONDecodeError as error:
        raise refuse("not-json", reason=f"{error.msg} at line {error.lineno} column {error.colno}") from None
    if not isinstance(parsed, dict):
        raise refuse("not-json", reason="the outermost value is not an object")
    if _NUL in body and (path := _path_of_nul(parsed)) is not None:
        raise refuse("invalid-resource", path, reason="holds the character U+0000, which FHIR does not allow")
    return parsed


def _path_of_nul(resource: dict[str, object]) -> str | None:
    """Where U+0000 stands, in a text or in a name."""
    left: list[tuple[object, str]] = [(resource, _type_of(resource) or "resource")]
    while left:
        value, path = left.pop()
        if isinstance(value, dict):
            for name, one in value.items():
                if "\0" in name:
                    return f"{path}.?"
                left.append((one, f"{path}{step(name)}"))
        elif isinstance(value, list):
            left += [(one, f"{path}{step(at)}") for at, one in enumerate(value)]
        elif isinstance(value, str) and "\0" in value:
            return path
    return None


def step(part: int | str) -> str:
    """One step of a path; a name that no FHIR element could have is not repeated."""
    if isinstance(part, int):
        return f"[{part}]"
    return f".{part}" if re.fullmatch(r"[A-Za-z_]\w{0,63}", part, re.ASCII) else ".?"


def known_type(name: str) -> str:
    """A name that FHIR R4B gives to a type, else "": what an address or a body says may be anything, a name too."""
    return name if re.fullmatch(r"[A-Z][A-Za-z]{1,39}", name) and hasattr(fhirtypes, f"{name}Type") else ""


def overflows(at: datetime) -> bool:
    """Whether an instant's zone leads it out of the years that can be counted (1 to 9999)."""
    try:
        at.astimezone(UTC)
    except OverflowError:
        return True
    return False


def header_of(bundle: dict[str, object]) -> dict[str, object] | None:
    """The MessageHeader of a message Bundle: its first entry (FHIR R4 2.4.1). None where there is none."""
    entries = bundle.get("entry")
    first = entries[0] if isinstance(entries, list) and entries else None
    resource = first.get("resource") if isinstance(first, dict) else None
    is_header = isinstance(resource, dict) and resource.get("resourceType") == "MessageHeader"
    return resource if is_header and bundle.get("type") == MESSAGE else None


def _bundle(bundle: dict[str, object], supported: frozenset[str]) -> FhirMessage:
    kind = bundle.get("type")
    if kind not in (*_BUNDLES, *_WITHOUT_REQUESTS):
        raise refuse("invalid-resource", "Bundle.type", reason="is not transaction, batch, message or document")
    entries = bundle.get("entry", [])
    if not isinstance(entries, list) or not entries:
        raise refuse("invalid-resource", "Bundle.entry", reason="holds no entry")
    read_entries = tuple(_entries(bundle, entries, supported))
    if kind != "batch":
        for entry in read_entries:
            if entry.refusal is not None:
                raise Refused(entry.refusal)
        _check_unique(bundle, read_entries)
    return FhirMessage(kind=str(kind), sent_at=_sent_at(bundle, "timestamp"), entries=read_entries)


def _entries(bundle: dict[str, object], entries: list[object], supported: frozenset[str]) -> Iterator[FhirEntry]:
    if bundle["type"] not in _WITHOUT_REQUESTS:
        for at, entry in enumerate(entries):
            yield _entry(entry, f"Bundle.entry[{at}]", supported)
        return
    if bundle["type"] == DOCUMENT:
        yield from _of_document(entries, supported)
        return
    if header_of(bundle) is None:
        raise refuse("invalid-resource", "Bundle.entry[0].resource", reason="is not the MessageHeader of the message")
    if len(entries) == 1:
        raise refuse("invalid-resource", "Bundle.entry", reason="holds nothing but the MessageHeader")
    for at, entry in enumerate(entries[1:], 1):
        yield _content(entry, f"Bundle.entry[{at}]", supported)


def _of_document(entries: list[object], supported: frozenset[str]) -> Iterator[FhirEntry]:
    """The entries of a document, which is merged whole or not at all; its first is the Composition (FHIR R4 3.3.1)."""
    found = [_content(entry, f"Bundle.entry[{at}]", supported) for at, entry in enumerate(entries)]
    if found[0].resource.get("resourceType") != "Composition":
        raise refuse("invalid-resource", "Bundle.entry[0].resource", reason="is not the Composition of the document")
    yield from found


def _check_unique(bundle: dict[str, object], entries: tuple[FhirEntry, ...]) -> None:
    """No resource stands in a transaction twice (FHIR R4 3.1.0.11.2), none in a message (bdl-7).

    Raises Refused (same-resource-twice).
    """
    seen: dict[object, str] = {}
    given = bundle["entry"]
    for entry in entries:
        at = entry.where.removesuffix(".resource")
        raw = given[int(at[len("Bundle.entry[") : -1])]  # type: ignore[index]
        request = raw.get("request") or {}
        names = [entry.full_url, _address(request) if entry.method == "PUT" else request.get("ifNoneExist")]
        for name in names:
            key = (entry.resource["resourceType"], name)
            if name and seen.setdefault(key, at) != at:
                raise refuse("same-resource-twice", at, other=seen[key])


def _address(request: dict[str, object]) -> str:
    return str(request.get("url", "")).strip("/")


def _content(entry: object, where: str, supported: frozenset[str]) -> FhirEntry:
    """An entry of a message or a document: it has no request (bdl-3), the bundle's kind says what is asked for."""
    resource = entry.get("resource") if isinstance(entry, dict) else None
    if not isinstance(entry, dict) or not isinstance(resource, dict):
        return FhirEntry(resource={}, where=where, refusal=_invalid(f"{where}.resource", "is required"))
    full_url = entry.get("fullUrl")
    return FhirEntry(
        resource=resource,
        where=f"{where}.resource",
        full_url=full_url if isinstance(full_url, str) else "",
        refusal=_unsupported(resource, f"{where}.resource", supported),
    )


def _entry(entry: object, where: str, supported: frozenset[str]) -> FhirEntry:
    if not isinstance(entry, dict):
        return FhirEntry(resource={}, where=where, refusal=_invalid(where, "is not an object"))
    request = entry.get("request")
    resource = entry.get("resource")
    if not isinstance(request, dict):
        refusal: Refusal | None = _invalid(f"{where}.request", "is required in a transaction or batch")
        request = {}
    else:
        refusal = _method_fault(request, where)
    if not isinstance(resource, dict):
        refusal = refusal or _invalid(f"{where}.resource", "is required")
        resource = {}
    refusal = refusal or _unsupported(resource, f"{where}.resource", supported)
    refusal = refusal or _address_fault(request, resource, where)
    method, full_url = request.get("method"), entry.get("fullUrl")
    return FhirEntry(
        resource=resource,
        where=f"{where}.resource",
        full_url=full_url if isinstance(full_url, str) else "",
        method=method if method in _METHODS else "POST",
        refusal=refusal,
    )


def _method_fault(request: dict[str, object], where: str) -> Refusal | None:
    method = request.get("method")
    if method in _METHODS:
        return None
    shown = method if isinstance(method, str) and re.fullmatch(r"[A-Za-z]{1,10}", method) else "?"
    return refuse("unsupported-method", f"{where}.request.method", method=shown).refusal


def _address_fault(request: dict[str, object], resource: dict[str, object], where: str) -> Refusal | None:
    """Whether request.url contradicts the resource: ``Patient`` to create, ``Patient/123`` or ``Patient?identifier=``
    to update. Conditions are those of `conditions`; of versions the hub knows nothing."""
    url = request.get("url")
    if not isinstance(url, str) or not url:
        return _invalid(f"{where}.request.url", "is required")
    path, query = url.partition("?")[::2]
    kind, _, identifier = path.strip("/").partition("/")
    if kind != resource["resourceType"]:
        return _invalid(f"{where}.request.url", "names another type than the resource's")
    for name in ("ifMatch", "ifNoneMatch", "ifModifiedSince"):
        if name in request:
            reason = "the condition is on a version, and the hub counts none"
            return refuse("unsupported-condition", f"{where}.request.{name}", reason=reason).refusal
    if request["method"] == "PUT":
        if query and not identifier:
            return condition_fault(query, resource, f"{where}.request.url")
        if query or not identifier or identifier != resource.get("id"):
            return _invalid(f"{where}.resource.id", "differs from the id in request.url")
        return None
    if query or identifier:
        return _invalid(f"{where}.request.url", "is more than the type, to which a create is sent")
    if "ifNoneExist" in request:
        return condition_fault(str(request["ifNoneExist"]), resource, f"{where}.request.ifNoneExist")
    return None


def _unsupported(resource: dict[str, object], where: str, supported: frozenset[str]) -> Refusal | None:
    kind = _type_of(resource)
    if not kind:
        other = type_fault(resource.get("resourceType"), where)
        return other or _invalid(f"{where}.resourceType", "is required and names a FHIR resource")
    if kind not in supported:
        known = ", ".join(sorted(supported))
        return refuse("unsupported-resource", where, type=kind, known=known).refusal
    return None


def _type_of(resource: dict[str, object]) -> str:
    """The resource's type, where it is one: a refusal repeats it."""
    kind = resource.get("resourceType")
    return known_type(kind) if isinstance(kind, str) else ""


def _invalid(where: str, reason: str) -> Refusal:
    return refuse("invalid-resource", where, reason=reason).refusal


def _sent_at(holder: object, name: str) -> datetime | None:
    """An instant of the sender's; None where there is none or it has no zone, or one that leads out of the
    calendar (faults for validation to find)."""
    text = holder.get(name) if isinstance(holder, dict) else None
    try:
        instant = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
    if instant is None or instant.tzinfo is None or overflows(instant):
        return None
    return instant
