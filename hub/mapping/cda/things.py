"""Numbers of stays, orders and documents, places, and what FHIR has no element for."""

from base64 import b64decode, b64encode
from collections.abc import Mapping

from hub.mapping.cda.codes import OID, concept
from hub.mapping.cda.context import Context, Convert
from hub.mapping.cda.places import Branch
from hub.mapping.cda.values import datetime, text
from hub.mapping.converters.numbers import TYPE_SYSTEM
from hub.mapping.converters.reader import filled, logical
from hub.message import Datum
from hub.record import Json
from hub.specimens import Specimen, reference_to

_LEVELS = {"22": "bed", "21": "room", "26": "department", "27": "ward", "5": "hospital"}
"""What a place is, by the last arc of its id's root (WS/T 500, the location of an encounter)."""
_ROOTS = "2.16.156.10011.1."
CHAIN = ("bed", "room", "department", "ward", "hospital")
"""Of what each organisation is that the next is the whole of, where no root says so."""
FRONT_PAGE = ("ward", "department")
"""The same on the front page (C0032, C0033), which begins with the ward."""


# -- numbers -----------------------------------------------------------------------------------------------------------


def number(branch: Branch, context: Context) -> Json | None:
    """An instance identifier as a FHIR Identifier: ``ROOT|EXTENSION``, or an id element."""
    main = branch.main
    if main is None or not context.said(main.value):
        return None
    root, _, extension = main.value.rpartition("|") if "|" in main.value else (main.system, "", main.value)
    return filled({"system": f"urn:oid:{root}" if OID.fullmatch(root) else "", "value": extension or root})


def order_number(role: str) -> Convert:
    """A number of an order or a report, in the role that it has in v2."""

    def convert(branch: Branch, context: Context) -> Json | None:
        value = text(branch, context)
        kind: Json = {"coding": [{"system": TYPE_SYSTEM, "code": role}]}
        system = f"urn:hub:source:{context.source.name}:order"
        return {"type": kind, "system": system, "value": value} if value else None

    return convert


def visit_number(branch: Branch, context: Context) -> Json | None:
    """The number of a stay or a visit, as v2 has it (PV1-19)."""
    value = text(branch, context)
    kind: Json = {"coding": [{"system": TYPE_SYSTEM, "code": "VN"}]}
    return {"type": kind, "system": f"urn:hub:source:{context.source.name}:visit", "value": value} if value else None


def visit_reference(branch: Branch, context: Context) -> Json | None:
    """The stay or visit that something belongs to."""
    return logical("Encounter", visit_number(branch, context))


# -- places ------------------------------------------------------------------------------------------------------------


def place_levels(branch: Branch, context: Context, chain: tuple[str, ...]) -> Mapping[str, str]:
    """Bed, room, department, ward and hospital out of a chain of organisations, each a part of the next: by the root of
    its id, where it has one, else by its place in the chain."""
    found: dict[int, dict[str, Datum]] = {}
    for datum in branch.all_below("wholeOrganization/id", "wholeOrganization/name"):
        if context.said(datum.value):
            depth, name = datum.path.count("wholeOrganization"), datum.path.rpartition("/")[2]
            found.setdefault(depth, {}).setdefault(name, datum)
    levels: dict[str, str] = {}
    for depth, said in found.items():
        root = said["id"].system.removeprefix(_ROOTS) if "id" in said else ""
        level = _LEVELS.get(root) or (chain[depth - 1] if depth <= len(chain) else "")
        levels[level] = context.said((said.get("name") or said["id"]).value)
    return levels


def department(chain: tuple[str, ...]) -> Convert:
    """The department of a stay."""

    def convert(branch: Branch, context: Context) -> Json | None:
        said = place_levels(branch, context, chain).get("department")
        return {"text": said} if said else None

    return convert


def location(chain: tuple[str, ...]) -> Convert:
    """Ward, room and bed as one readable place."""

    def convert(branch: Branch, context: Context) -> Json | None:
        levels = place_levels(branch, context, chain)
        shown = " ".join(levels[one] for one in ("ward", "room", "bed") if one in levels)
        return {"location": {"type": "Location", "display": shown}} if shown else None

    return convert


# -- documents ---------------------------------------------------------------------------------------------------------


def readable(branch: Branch, context: Context) -> Json | None:
    """What a document says, as text."""
    said = text(branch, context)
    if not said:
        return None
    data = b64encode(said.encode()).decode("ascii")
    return {"attachment": {"contentType": "text/plain; charset=utf-8", "data": data}}


def original(branch: Branch, context: Context) -> Json | None:
    """A document as it came: its bytes are kept beyond the retention of messages."""
    data = text(branch, context)
    return {"attachment": {"contentType": "text/xml", "data": data}} if data else None


def embedded(branch: Branch, context: Context) -> Json | None:
    """A body that is no XML (CDA R2 4.3.1.1): a PDF or a picture in base64, else the text as it stands."""
    main = branch.main
    if main is None or not main.value:
        return None
    data = "".join(main.value.split())
    try:
        b64decode(data, validate=True)
    except ValueError:
        data = b64encode(main.value.encode()).decode("ascii")
    return {"attachment": filled({"contentType": main.type, "data": data})}


def replaced(branch: Branch, context: Context) -> Json | None:
    """The document whose place this one takes."""
    found = number(branch, context)
    return {"code": "replaces", "target": logical("DocumentReference", found)} if found else None


def specimen(branch: Branch, context: Context) -> Json | None:
    """A specimen by what it is; when it was taken stands beside it."""
    said = text(branch, context)
    taken = datetime(context.beside, context) if context.beside else None
    return reference_to(Specimen(type=said, taken=taken or "")) if said else None


def timing(branch: Branch, context: Context) -> Json | None:
    """How often, by its name."""
    found = concept(branch, context)
    return {"code": found} if found else None


# -- extensions --------------------------------------------------------------------------------------------------------


def extension(url: str, element: str, convert: Convert) -> Convert:
    """What another converter gives, as an extension."""

    def extended(branch: Branch, context: Context) -> Json | None:
        value = convert(branch, context)
        return {"url": url, element: value} if value is not None else None

    return extended


def in_extension(url: str, convert: Convert) -> Convert:
    """A concept within one of FHIR's own extensions of two levels."""

    def extended(branch: Branch, context: Context) -> Json | None:
        value = convert(branch, context)
        return {"url": url, "extension": [{"url": "code", "valueCodeableConcept": value}]} if value else None

    return extended
