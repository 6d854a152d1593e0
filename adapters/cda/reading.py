"""The header of a clinical document (HL7 CDA R2, section 4.2), as far as it is needed to keep it: which document it is,
of what kind, and whose.

The kind is that of ``code`` (WS/T 500: ``C0053``, a discharge summary), never that of ``templateId``: Chinese senders
copy template ids from one document to the next.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256

from adapters.fhir.people import Person
from adapters.xml import Element, canonical, children, local_name, namespace_of, parse, text_in
from hub.errors import Refusal, refuse
from hub.message import Source, rule_for_root

NAMESPACE = "urn:hl7-org:v3"
ROOT = "ClinicalDocument"
UNREAD = "CDA"
"""The kind of a document whose code is not known."""

_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,29}")
_LOOKED_AT = 50
"""Patients of one document that are looked at, and numbers of each: a document has one patient, a newborn's two."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Document:
    """What stands in a document's header. `id` is ``ROOT|EXTENSION``, `kind` ``CDA C0053``; `people` have the root of
    each id (an OID) as its system. `digest` is that of the canonical form. `refusal` says what it lacks to be taken."""

    id: str
    kind: str
    digest: bytes
    people: tuple[Person, ...]
    findings: tuple[Refusal, ...] = ()
    refusal: Refusal | None = None


def is_document(element: Element) -> bool:
    """Whether this is a clinical document, in CDA's namespace or without any."""
    return local_name(element) == ROOT and namespace_of(element) in (NAMESPACE, "")


def read_document(raw: bytes, charset: str = "") -> Document:
    """The header of a document. Raises Refused: what `adapters.xml.parse` does, and "not-a-document"."""
    root = parse(raw, charset)
    if not is_document(root):
        raise refuse("not-a-document", "/")
    findings = () if namespace_of(root) else (refuse("document-without-namespace", ROOT).refusal,)
    id_, code = _id_of(next(children(root, "id"), None)), _code_of(root)
    return Document(
        id=id_,
        kind=f"{UNREAD} {code}" if code else UNREAD,
        digest=sha256(canonical(root, raw)).digest(),
        people=tuple(_people(root)),
        findings=findings,
        refusal=_lacking(id_, code),
    )


def in_words_of(people: tuple[Person, ...], source: Source) -> tuple[Person, ...]:
    """People whose numbers have the systems that the source's profile declares: an OID stands there as it is, as
    ``urn:oid:``, or as the kind of number that it is."""
    return tuple(
        Person(tuple((_declared(system, source), value) for system, value in person.identifiers), person.names)
        for person in people
    )


def _declared(oid: str, source: Source) -> str:
    rule = rule_for_root(source, oid)
    return rule.type if rule else oid


def _lacking(id_: str, code: str) -> Refusal | None:
    """Without an id a document that comes twice is two, and without a code nobody knows how to read it."""
    for name, found in (("id", id_), ("code", code)):
        if not found:
            return refuse("missing-field", f"{ROOT}.{name}").refusal
    return None


def _id_of(element: Element | None) -> str:
    """An instance identifier: root, and the extension where the root alone does not name it."""
    if element is None:
        return ""
    return "|".join(part for name in ("root", "extension") if (part := (element.get(name) or "").strip()))


def _code_of(root: Element) -> str:
    """The document's code; what is no code (it could be a name) counts as none."""
    element = next(children(root, "code"), None)
    code = (element.get("code") or "").strip() if element is not None else ""
    return code if _CODE.fullmatch(code) else ""


def _people(root: Element) -> Iterator[Person]:
    for number, role in enumerate(children(root, "recordTarget", "patientRole")):
        if number >= _LOOKED_AT:
            return
        ids = [*_numbers(role, "id"), *_numbers(role, "patient", "id")]  # WS/T 500 puts the citizen ID number below
        yield Person(tuple(ids), tuple(_names(role)))


def _numbers(role: Element, *path: str) -> Iterator[tuple[str, str]]:
    for number, element in enumerate(children(role, *path)):
        if number >= _LOOKED_AT:
            return
        if value := (element.get("extension") or "").strip():
            yield (element.get("root") or "").strip(), value


def _names(role: Element) -> Iterator[str]:
    """Each name as people would look for it: its text; in parts, family before given, no blank if they are Chinese."""
    for number, element in enumerate(children(role, "patient", "name")):
        if number >= _LOOKED_AT:
            return
        parts = [text_in(part) for name in ("family", "given") for part in children(element, name)]
        parts = [part for part in parts if part]
        if parts:
            yield (" " if all(part.isascii() for part in parts) else "").join(parts)
        elif text := text_in(element):
            yield text
