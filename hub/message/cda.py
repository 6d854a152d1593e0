"""Clinical documents (HL7 CDA R2; in China WS/T 500 and WS/T 483), read: what the header says, and every entry as a
statement of its own. Nothing is converted, and nothing that says something is left out.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from hub.message.profile import IdentifierRule, Source

NUMBERS: Mapping[str, str] = MappingProxyType(
    {
        "2.16.156.10011.1.2": "health-record-number",
        "2.16.156.10011.1.3": "citizen-id",
        "2.16.156.10011.1.11": "outpatient-number",
        "2.16.156.10011.1.12": "inpatient-number",
        "2.16.156.10011.1.15": "insurance-number",
        "2.16.156.10011.1.19": "health-card",
    }
)
"""The national roots of a person's numbers (WS/T 500, the ids of `recordTarget`), and the kind of each."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Datum:
    """One element that says something: `path` is where it stands in its statement or in the header
    (``effectiveTime/low``), `steps` the same with numbers where there are several (``authenticator[2]/time``), `where`
    what people call the place. `system` is an OID (``codeSystem``, or the ``root`` of an id); `value` an attribute
    (``value``, ``extension``) or, where there is none, the text; `unit` as sent; `type` that of ``xsi:type``, of an
    encapsulated text its media type.
    """

    path: str
    steps: str
    where: str
    type: str = ""
    code: str = ""
    system: str = ""
    version: str = ""
    display: str = ""
    value: str = ""
    unit: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Statement:
    """One entry, or one that stands inside another (``entryRelationship``, the components of an organizer).

    `number` counts the document's statements from 1; `parent` is the number of the one around it, 0 for none. `kind` is
    its element (``observation``), `element` its data-element number (``DE05.01.024.00``) where its code is one, `label`
    what the sender calls it. `section` is the code of the section around it, else that section's name; `scope` numbers
    the sections, of which several may have one code.
    """

    number: int
    parent: int
    kind: str
    section: str
    section_name: str
    scope: int
    element: str
    label: str
    where: str
    mood: str = ""
    status: str = ""
    negated: bool = False
    data: tuple[Datum, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class CdaDocument:
    """One clinical document. `id` and `set_id` are ``ROOT|EXTENSION``; `replaces` the id and the set id of the document
    whose place it takes (``relatedDocument`` RPLC). `written` is ``effectiveTime`` as sent, `raw` the document as it
    came."""

    id: str
    set_id: str
    code: str
    title: str
    written: str
    replaces: tuple[str, str] = ("", "")
    header: tuple[Datum, ...] = ()
    statements: tuple[Statement, ...] = ()
    raw: bytes = b""

    @property
    def lineage(self) -> str:
        """What all versions of a document have in common: the set, else the document that this one replaces."""
        return self.set_id or self.replaces[1] or self.replaces[0] or self.id


def rule_for_root(source: Source, root: str) -> IdentifierRule | None:
    """What a source means by a number of this root: as its profile says it of the OID, else as it says it of that kind
    of number, whatever format it comes in. None where it says nothing."""
    declared = next((rule for name in (root, f"urn:oid:{root}") if (rule := source.rule_for(name))), None)
    kind = declared.kind if declared else NUMBERS.get(root, "")
    if kind == "local-number":  # several things may be called so
        return declared
    return first_of_kind(source.identifiers, kind)


def first_of_kind(rules: Iterable[IdentifierRule], kind: str) -> IdentifierRule | None:
    """The rule by which a source names numbers of a kind: one number of it is one, in v2 and in documents."""
    return next((rule for rule in rules if rule.kind == kind), None)
