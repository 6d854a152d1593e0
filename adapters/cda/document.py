"""A whole clinical document as values: header, sections and entries (HL7 CDA R2, sections 4.2 and 4.3).

Chinese senders nest, order and name differently: with or without the namespace, sections in sections, entries with or
without organizer. So nothing is looked for at a fixed place: whatever element is a clinical statement becomes one, in
the section that is nearest around it, and every other element that says something belongs to the statement around it.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import lru_cache

from adapters.cda.reading import ROOT, is_document
from adapters.xml import Element, children, parse, text_in
from hub.errors import refuse
from hub.message import CdaDocument, Datum, Statement

_STATEMENTS = frozenset(
    {
        *("observation", "procedure", "substanceAdministration", "act", "encounter"),
        *("organizer", "supply", "observationMedia", "regionOfInterest"),
    }
)
_MISSPELT = {
    "obervation": "observation",
    "partivipantRole": "participantRole",
    "manufactredLabeledDrug": "manufacturedLabeledDrug",
    "houserNumber": "houseNumber",
}
"""Names that a published template has wrong, and so everybody who copied it."""
_ELEMENT = re.compile(r"(DE\d{2,3}\.\d{2}\.\d{3})(\.\d{2})?")
_TYPE = "{http://www.w3.org/2001/XMLSchema-instance}type"
_STRUCTURE = frozenset({"realmCode", "typeId", "templateId"})
_CODE = re.compile(r"\d{1,5}-\d|DE\d{2}(\.\d{2,3}){3}")
"""What a section's code may look like to be named in places: LOINC's, or a data element's number."""
_LONGEST_NAME = 40


def read_whole(raw: bytes, charset: str = "") -> CdaDocument:
    """A document with all that it says. Raises Refused: what `adapters.xml.parse` does, and "not-a-document"."""
    root = parse(raw, charset)
    if not is_document(root):
        raise refuse("not-a-document", "/")
    code = _first(root, "code")
    walk = _Walk()
    header: list[Datum] = []
    body = [element for element in root if _name(element) == "component"]
    _collect(_without(root, body), "", "", ROOT, header)
    for element in body:
        walk.descend(element, _Around(), header)
    return CdaDocument(
        id=_id_of(_first(root, "id")),
        set_id=_own_id(_first(root, "setId")),
        code=_attribute(code, "code"),
        title=text_in(_first(root, "title")),
        written=_attribute(_first(root, "effectiveTime"), "value"),
        replaces=_replaced(root),
        header=tuple(header),
        statements=tuple(one.statement() for one in walk.begun),
        raw=raw,
    )


def _without(root: Element, body: list[Element]) -> Iterator[Element]:
    return (element for element in root if element not in body and _name(element) not in _STRUCTURE)


def _replaced(root: Element) -> tuple[str, str]:
    """The id and the set id of the document that this one replaces."""
    for related in children(root, "relatedDocument"):
        if related.get("typeCode") == "RPLC":
            parent = _first(related, "parentDocument")
            if parent is not None:
                return _id_of(_first(parent, "id")), _id_of(_first(parent, "setId"))
    return "", ""


def _own_id(element: Element | None) -> str:
    """An id that tells things apart: an OID without an extension is one for all of a kind."""
    extension = _attribute(element, "extension")
    is_whole = bool(extension) or "-" in _attribute(element, "root")  # a UUID
    return _id_of(element) if is_whole and extension not in ("无", "-") else ""


def _id_of(element: Element | None) -> str:
    return "|".join(part for name in ("root", "extension") if (part := _attribute(element, name)))


# -- statements --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class _Around:
    """What stands around an element: its section, and the statement that it is a part of."""

    section: str = ""
    name: str = ""
    scope: int = 0
    parent: int = 0

    @property
    def place(self) -> str:
        """What the section is called in places, which refusals and logs name: a title may say anything."""
        return self.section if _CODE.fullmatch(self.section) else f"section[{self.scope}]" if self.scope else "-"


@dataclass(kw_only=True, slots=True)
class _Begun:
    """A statement while its elements are read."""

    number: int
    element: Element
    around: _Around
    place: str
    data: list[Datum] = field(default_factory=list)

    def statement(self) -> Statement:
        code = next((one for one in self.data if one.path == "code"), None)
        qualifier = next((one for one in self.data if one.path == "code/qualifier/name"), None)
        return Statement(
            number=self.number,
            parent=self.around.parent,
            kind=_name(self.element),
            section=self.around.section,
            section_name=self.around.name,
            scope=self.around.scope,
            element=_element_number(code),
            label=(code.display if code else "") or (qualifier.display if qualifier else ""),
            where=self.place,
            mood=_attribute(self.element, "moodCode"),
            status=_attribute(_first(self.element, "statusCode"), "code"),
            negated=_attribute(self.element, "negationInd") in ("true", "1"),
            data=tuple(self.data),
        )


class _Walk:
    """One pass over the body of one document."""

    def __init__(self) -> None:
        self.begun: list[_Begun] = []
        self._scopes = 0
        self._places: Counter[str] = Counter()

    def descend(self, element: Element, around: _Around, header: list[Datum]) -> None:
        """Look for statements in and below an element that is in none."""
        name = _name(element)
        if name in _STATEMENTS:
            self._begin(element, around)
            return
        if name == "section":
            self._scopes += 1
            around = _section(element, around, self._scopes)
        for child in element:
            inner = _name(child)
            if inner == "text" and name in ("section", "nonXMLBody"):
                _add_narrative(child, name, around, header)
            elif inner not in ("title", "code", "templateId", "id"):
                self.descend(child, around, header)

    def _begin(self, element: Element, around: _Around) -> None:
        code = _attribute(_first(element, "code"), "code")
        found = _ELEMENT.fullmatch(code)
        place = f"{around.place}/{found[0] if found else _name(element)}"
        self._places[place] += 1
        number = self._places[place]
        begun = _Begun(
            number=len(self.begun) + 1,
            element=element,
            around=around,
            place=place if number == 1 else f"{place}[{number}]",
        )
        self.begun.append(begun)
        inside = replace(around, parent=begun.number)
        nested = _collect(element, "", "", begun.place, begun.data)
        for one in nested:
            self._begin(one, inside)


def _section(element: Element, around: _Around, scope: int) -> _Around:
    """The section at hand: its code, else what it is called; one that is called nothing is that around it."""
    code = _first(element, "code")
    title = text_in(_first(element, "title"))
    name = _attribute(code, "displayName") or title
    key = _attribute(code, "code") or name[:_LONGEST_NAME]
    return replace(around, section=key, name=title or name, scope=scope) if key else replace(around, scope=scope)


def _element_number(code: Datum | None) -> str:
    """``DE06.00.108.00``; some write it without the last two digits."""
    found = _ELEMENT.fullmatch(code.code) if code else None
    return f"{found[1]}{found[2] or '.00'}" if found else ""


# -- data --------------------------------------------------------------------------------------------------------------


def _collect(elements: Iterable[Element], path: str, steps: str, where: str, into: list[Datum]) -> list[Element]:
    """Add everything below an element that says something. Returns the statements among it, which are not entered."""
    nested: list[Element] = []
    named = [(element, _name(element)) for element in elements]
    many = len(named) != len({name for _, name in named})  # of most elements there is one
    counts = Counter(name for _, name in named) if many else {}
    seen: dict[str, int] = {}
    for element, name in named:
        if name in _STATEMENTS:
            nested.append(element)
            continue
        if name in _STRUCTURE:
            continue
        step = name
        if counts and counts[name] > 1:
            seen[name] = seen.get(name, 0) + 1
            step = f"{name}[{seen[name]}]"
        below, place = (f"{path}/{name}" if path else name), (f"{steps}/{step}" if steps else step)
        if element.attrib or element.text or name == "name":  # a name may be in parts
            _add(element, below, place, where, into)
        if len(element):
            nested += _collect(element, below, place, where, into)
    return nested


def _add(element: Element, path: str, steps: str, where: str, into: list[Datum]) -> None:
    """Add an element if it says something itself: by an attribute, or by text."""
    given = {name: text.strip() for name, text in element.attrib.items()}
    code, display, root = given.get("code", ""), given.get("displayName", ""), given.get("root", "")
    value = given.get("value", "") or given.get("extension", "") or _text_of(element, path)
    system = given.get("codeSystem", "") or root
    if not value and "extension" not in given and root:  # an id that is its root alone
        value, system = root, ""
    if value or code or display:
        into.append(
            Datum(
                path=path,
                steps=steps,
                where=f"{where}/{steps}",
                type=given.get(_TYPE, "").rpartition(":")[2] or given.get("mediaType", ""),
                code=code,
                system=system,
                version=given.get("codeSystemVersion", ""),
                display=display,
                value=value,
                unit=given.get("unit", "") or given.get("currency", ""),
            )
        )


def _add_narrative(element: Element, name: str, around: _Around, into: list[Datum]) -> None:
    """The narrative of a section, or the body of a document that has no sections."""
    read: list[Datum] = []
    _add(element, f"{name}/text", f"{name}[{around.scope}]/text", ROOT, read)
    into.extend(replace(one, display=one.display or around.name) for one in read)


def _text_of(element: Element, path: str) -> str:
    """The text of an element; of a name and a narrative also that of what is in it, since they come in parts."""
    if path.endswith(("/name", "section/text")) and len(element):
        parts = [text_in(part) for name in ("family", "given") for part in children(element, name)]
        joined = [part for part in parts if part] or [text_in(element)]
        return (" " if all(part.isascii() for part in joined) else "").join(joined).strip()
    return (element.text or "").strip()


def _name(element: Element) -> str:
    return _name_of(str(element.tag))


@lru_cache(maxsize=1024)
def _name_of(tag: str) -> str:
    """The name of an element by its tag, in whatever namespace: a document has few, many times."""
    name = tag.rpartition("}")[2]
    return _MISSPELT.get(name, name)


def _first(element: Element, name: str) -> Element | None:
    return next(children(element, name), None)


def _attribute(element: Element | None, name: str) -> str:
    return (element.get(name) or "").strip() if element is not None else ""
