"""Converters: what a field's text becomes in FHIR. One function a FHIR type, named in the rows as ``as = "..."``.

A converter takes the raw text of one repetition (or of one component) and where it stands, and returns the FHIR value,
or None where there is nothing to say. It never guesses: an unknown code is kept raw and flagged; what cannot be a
value of its type is refused, or left to the next row of the same target.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from hub.errors import refuse
from hub.identifiers import normalise, read_citizen_id
from hub.mapping import times
from hub.mapping.codes import Code, CodeTable, IdentifierKind
from hub.message import Delimiters, IdentifierRule, Segment, Source, component_of, unescape
from hub.record import Flag, Identifier, Json

_ICD10 = re.compile(r"^[A-Z]\d{2}(\.[0-9A-Zx]{1,6})?([+*])?$")
_NUMBER = re.compile(r"^\s*(?P<comparator><=|>=|<|>)?\s*(?P<number>[+-]?\d+(\.\d+)?)\s*$")
_TIME = re.compile(r"^(\d{2}):?(\d{2}):?(\d{2})?")
_EXACT = 2**53
TYPE_SYSTEM = "http://terminology.hl7.org/CodeSystem/v2-0203"
PARTICIPATION = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType"
ICD10 = "http://hl7.org/fhir/sid/icd-10"


@dataclass(slots=True)
class Reader:
    """What helps a converter at one place of one message. It moves along with the reading."""

    source: Source
    tables: Mapping[str, CodeTable]
    kinds: Mapping[str, IdentifierKind]
    delimiters: Delimiters
    segment: Segment
    number: int = 0
    where: str = ""
    table: CodeTable | None = None
    flags: list[Flag] = field(default_factory=list)

    def part(self, text: str, component: int, subcomponent: int = 1) -> str:
        """One component of a repetition, unescaped and stripped; "" for a placeholder such as 无."""
        value = component_of(self.delimiters, text, component, subcomponent).replace("\0", "").strip()
        return "" if value in self.tables["placeholder"].codes or value == '""' else value

    def flag(self, code: str) -> None:
        """Note something about the value at hand."""
        self.flags.append(Flag(code, self.where, self.table.name if self.table else ""))

    def code(self, text: str) -> Code | None:
        """The meaning of a code in the row's table; an unknown one is flagged."""
        if self.table is None:
            return None
        found = self.table.find(text)
        if found is None:
            self.flag("unknown-code")
        return found


Convert = Callable[[str, Reader], Any]


@dataclass(frozen=True, slots=True)
class Converter:
    """A converter and the FHIR types that it gives."""

    convert: Convert
    types: frozenset[str]


# -- text, numbers, times --------------------------------------------------------------------------------------------


def text(raw: str, reader: Reader) -> str | None:
    return reader.part(raw, 1) or None


def lines(raw: str, reader: Reader) -> str | None:
    """All repetitions and components as readable text: repetitions are lines (an FT or TX value, NTE-3)."""
    if raw in ("", '""'):
        return None
    marks = reader.delimiters
    rows = (row.replace(marks.component, " ").rstrip() for row in raw.split(marks.repetition))
    return unescape(marks, "\n".join(rows)).replace("\0", "").strip() or None


def boolean(raw: str, reader: Reader) -> bool | None:
    found = reader.code(reader.part(raw, 1))
    return None if found is None else found.to == "true"


def integer(raw: str, reader: Reader) -> int | None:
    value = reader.part(raw, 1)
    return int(value) if value.isdecimal() else None


def decimal(raw: str, reader: Reader) -> int | float | None:
    """A plain number without a comparator."""
    found = _NUMBER.match(reader.part(raw, 1))
    if found is None or found["comparator"]:
        return None
    return float(found["number"]) if "." in found["number"] else int(found["number"])


def date(raw: str, reader: Reader) -> str | None:
    return _time(raw, reader, times.fhir_date)


def datetime(raw: str, reader: Reader) -> str | None:
    return _time(raw, reader, times.fhir_datetime)


def instant(raw: str, reader: Reader) -> str | None:
    """A FHIR instant; a coarser time is left unsaid here, the fact's order does not need it."""
    value = reader.part(raw, 1)
    return times.fhir_instant(value, reader.source.time_zone) if _time(raw, reader, times.fhir_datetime) else None


def _time(raw: str, reader: Reader, convert: Callable[[str, Any], str | None]) -> str | None:
    value = reader.part(raw, 1)
    if not value or times.is_no_time(value):
        return None
    found = convert(value, reader.source.time_zone)
    if found is None:
        raise refuse("impossible-date", reader.where)
    return found


def time(raw: str, reader: Reader) -> str | None:
    found = _TIME.match(reader.part(raw, 1))
    return f"{found[1]}:{found[2]}:{found[3] or '00'}" if found else None


def quantity(raw: str, reader: Reader) -> Json | None:
    """NM and SN (``<^0.01``) with the unit of OBX-6. The digits stay as sent: a decimal keeps its trailing zeros."""
    # All four components of an SN, a dash too: ``^10^-^20`` is a range and not the number 1020.
    found = _NUMBER.match("".join(component_of(reader.delimiters, raw, number).strip() for number in (1, 2, 3, 4)))
    if found is None:
        return None
    unit = reader.segment.component(6, 1).strip()
    number = float(found["number"]) if "." in found["number"] else int(found["number"])
    if abs(number) >= _EXACT:
        return None  # JSON's readers would round it: it stays text
    value: Json = {"value": number, "comparator": found["comparator"], "unit": unit or None}
    if "." in found["number"] and str(number) != found["number"].lstrip("+"):
        value["extension"] = [{"url": "urn:hub:digits", "valueString": found["number"].lstrip("+")}]
    return _filled(value)


def value_range(raw: str, reader: Reader) -> Json | None:
    """OBX-7 as text, as HL7 maps it: ``3.9-6.1``, ``<5.2``, 阴性."""
    shown = lines(raw, reader)
    return {"text": shown} if shown else None


# -- codes -----------------------------------------------------------------------------------------------------------


def code(raw: str, reader: Reader) -> str | Json | None:
    """A code of a required FHIR binding. An unknown one cannot stand there, so it is kept in an extension."""
    value = reader.part(raw, 1)
    if not value:
        return None
    found = reader.code(value)
    return found.to if found else {"_": {"extension": [{"url": "urn:hub:raw-code", "valueString": value}]}}


def coding(raw: str, reader: Reader) -> Json | None:
    concept_ = concept(raw, reader)
    return concept_["coding"][0] if concept_ and "coding" in concept_ else None


def concept(raw: str, reader: Reader) -> Json | None:
    """CE, CWE, IS or ST to a CodeableConcept: the translated coding first, then what was sent, and its text."""
    sent, label = reader.part(raw, 1), reader.part(raw, 2)
    if not sent and not label:
        return None
    codings: list[Json] = []
    translated = None
    if reader.table:
        translated = reader.table.find(sent) if sent else None
        translated = translated or (reader.table.find(label) if label else None)
        if translated is None:
            reader.flag("unknown-code")
        else:
            codings.append(translated.coding())
    codings += _sent_codings(raw, reader, translated)
    return _filled({"coding": codings or None, "text": label or (translated.display if translated else "") or sent})


def _sent_codings(raw: str, reader: Reader, translated: Code | None) -> list[Json]:
    codings = []
    for first in (1, 4):  # CWE.1-3 and the alternate CWE.4-6
        sent = reader.part(raw, first)
        system = _system(reader.part(raw, first + 2), reader)
        if sent and not (translated and first == 1 and sent == translated.to):
            codings.append(_filled({"system": system, "code": sent, "display": reader.part(raw, first + 1)}))
    return codings


def _system(name: str, reader: Reader) -> str:
    known = reader.tables["coding-systems"].find(name) if name else None
    if known:
        return known.to
    return f"urn:hub:source:{reader.source.name}:{name or f'{reader.segment.name}-{reader.number}'}"


def diagnosis(raw: str, reader: Reader) -> Json | None:
    """DG1-3. Chinese records code diagnoses in ICD-10 and seldom say so: a code of that shape without a system is
    taken as ICD-10 and flagged. The text is DG1-3.2, else DG1-4."""
    if not reader.part(raw, 1) and not reader.part(raw, 2):
        return text_concept(reader.segment.field(4), reader)
    found = concept(raw, reader)
    if found is None:
        return None
    sent = reader.part(raw, 1)
    if sent and not reader.part(raw, 3) and _ICD10.match(sent):
        found["coding"][0]["system"] = ICD10
        reader.flag("assumed-code-system")
    return found


def text_concept(raw: str, reader: Reader) -> Json | None:
    shown = reader.part(raw, 1) or reader.part(raw, 2)
    return {"text": shown} if shown else None


def department(raw: str, reader: Reader) -> Json | None:
    """PV1-3.4 and .5 as Chinese systems use them: department code and name."""
    label = reader.segment.component(3, 5).strip()
    sent = reader.part(raw, 1)
    coding_ = {"system": f"urn:hub:source:{reader.source.name}:department", "code": sent, "display": label}
    return _filled({"coding": [_filled(coding_)], "text": label or sent}) if sent or label else None


def ethnicity(raw: str, reader: Reader) -> Json | None:
    """GB/T 3304 as the HL7 China profile writes it: an extension of the Patient."""
    found = concept(raw, reader)
    return {"url": "urn:hub:ethnicity", "valueCodeableConcept": found} if found else None


# -- numbers of persons and things -----------------------------------------------------------------------------------


def identifier(raw: str, reader: Reader) -> Json | None:
    """CX by the source's own identifier types; an undeclared type is kept under the source's name and flagged."""
    value = reader.part(raw, 1)
    if not value:
        return None
    sent_type = reader.part(raw, 5)
    rule = reader.source.rule_for(sent_type)
    if rule is None:
        reader.flag("unknown-identifier-type")
        return _local(reader.source, sent_type, value, "", reader.part(raw, 4))
    found = numbered(rule, value, reader.source, reader.kinds, reader.where)
    if reader.kinds[rule.kind].strength == "local":
        found["system"] = local_system(reader.source, rule.type, reader.part(raw, 4))
    return found


def citizen_id(raw: str, reader: Reader) -> Json | None:
    """A field that carries citizen ID numbers in some dialects (PID-19). A profile whose sender means something else by
    it says so under the field's name: ``{ type = "PID-19", kind = "insurance-number" }``."""
    value = reader.part(raw, 1)
    rule = reader.source.rule_for(f"{reader.segment.name}-{reader.number}") or IdentifierRule(
        type="", kind="citizen-id"
    )
    return numbered(rule, value, reader.source, reader.kinds, reader.where) if value else None


def numbered(rule: IdentifierRule, value: str, source: Source, kinds: Mapping[str, IdentifierKind], where: str) -> Json:
    """A FHIR Identifier of a declared kind. A wrong citizen ID number is refused, naming `where`."""
    if rule.kind == "citizen-id":
        found = read_citizen_id(value)
        if found is None:
            raise refuse("wrong-check-digit", where)
        kind = kinds["residence-permit" if found.is_permit else "citizen-id"]
        return _identifier(kind, kind.system, found.number)
    kind = kinds[rule.kind]
    if kind.strength == "local":
        return _local(source, rule.type, value, kind.type)
    return _identifier(kind, kind.system, normalise(value))


def _identifier(kind: IdentifierKind, system: str, value: str) -> Json:
    return {
        "type": {"coding": [{"system": TYPE_SYSTEM, "code": kind.type}]},
        "system": system,
        "value": value,
    }


def _local(source: Source, sent_type: str, value: str, code_: str, authority: str = "") -> Json:
    found: Json = {"system": local_system(source, sent_type, authority), "value": value.strip()}
    if code_:
        found = {"type": {"coding": [{"system": TYPE_SYSTEM, "code": code_}]}, **found}
    return found


def local_system(source: Source, sent_type: str, authority: str = "") -> str:
    """The URI under which a source's own numbers of one type are unique. A sender that speaks for several houses names
    the one that gave the number (CX.4)."""
    whole = f"urn:hub:source:{source.name}:identifier:{sent_type or 'local'}"
    return f"{whole}:{authority}" if authority else whole


def patient_numbers(raw: str, reader: Reader) -> tuple[Identifier, ...]:
    """The numbers in a CX field by which the source itself tells its patients apart, in the profile's order.

    Where the sender gives none of these, a declared number of another kind (a citizen ID number alone) serves.
    """
    source = reader.source
    declared = []
    for repetition in raw.split(reader.delimiters.repetition) if raw else []:
        value, rule = reader.part(repetition, 1), source.rule_for(reader.part(repetition, 5))
        if value and rule:
            authority = reader.part(repetition, 4) if reader.kinds[rule.kind].strength == "local" else ""
            declared.append((source.identifiers.index(rule), rule, authority, value))
    own = [item for item in declared if item[1].of_patient] or declared
    return tuple(
        Identifier(kind=rule.kind, system=local_system(source, rule.type, authority), value=normalise(value))
        for _, rule, authority, value in sorted(own, key=lambda item: item[0])
    )


def visit_number(raw: str, reader: Reader) -> Json | None:
    value = reader.part(raw, 1)
    if not value:
        return None
    kind: Json = {"coding": [{"system": TYPE_SYSTEM, "code": "VN"}]}
    return {"type": kind, "system": f"urn:hub:source:{reader.source.name}:visit", "value": value}


def visit_reference(raw: str, reader: Reader) -> Json | None:
    found = visit_number(raw, reader)
    return {"type": "Encounter", "identifier": found} if found else None


def _order_number(role: str) -> Convert:
    def order_number(raw: str, reader: Reader) -> Json | None:
        value = reader.part(raw, 1)
        if not value:
            return None
        kind: Json = {"coding": [{"system": TYPE_SYSTEM, "code": role}]}
        return {"type": kind, "system": f"urn:hub:source:{reader.source.name}:order", "value": value}

    return order_number


# -- people, places, ways to reach them ------------------------------------------------------------------------------


def name(raw: str, reader: Reader) -> Json | None:
    """XPN. A Chinese name is whole in component 1 and is never split; inner spaces of a padded two-character name go.
    Component 2 in Latin letters is its pinyin. Otherwise family and given are as HL7 has them."""
    family, given = reader.part(raw, 1), reader.part(raw, 2)
    if not family and not given:
        return None
    if family and not family.isascii():
        shown = "".join(family.split())
        pinyin = {"url": "urn:hub:pinyin", "valueString": given} if given and given.isascii() else None
        whole = shown if pinyin or not given else shown + given
        return _filled({"text": whole, "extension": [pinyin] if pinyin else None})
    givens = [part for part in (given, *reader.part(raw, 3).split()) if part]
    suffix, prefix = reader.part(raw, 4), reader.part(raw, 5)
    return _filled(
        {
            "use": _NAME_USE.get(reader.part(raw, 7)),
            "text": " ".join(part for part in (family, *givens) if part),
            "family": family,
            "given": givens or None,
            "prefix": [prefix] if prefix else None,
            "suffix": [suffix] if suffix else None,
        }
    )


_NAME_USE = {"L": "official", "D": "usual", "M": "maiden", "N": "nickname"}
_ADDRESS_USE = {"H": "home", "HM": "home", "RH": "home", "O": "work", "B": "work", "C": "temp", "BA": "old"}


def address(raw: str, reader: Reader) -> Json | None:
    """XAD; Chinese systems put the whole address into component 1. Elsewhere its lines stand from small to large."""
    street = " ".join(part for number in (1, 2, 3) if (part := reader.part(raw, 1, number)))
    district, city, province = (reader.part(raw, number) for number in (2, 3, 4))
    lines_ = [line for line in (street, district) if line]
    shown = "".join((province, city, district, street))
    if not shown:
        return None
    western = shown.isascii()
    return _filled(
        {
            "use": _ADDRESS_USE.get(reader.part(raw, 7)),
            "text": ", ".join(part for part in (*lines_, city, province) if part) if western else shown,
            "line": lines_ if western and lines_ else None,
            "city": city,
            "state": province,
            "postalCode": reader.part(raw, 5),
            "country": reader.part(raw, 6),
        }
    )


def telecom(raw: str, reader: Reader) -> Json | None:
    """XTN; the number stands in component 1, 9 or 12, or in pieces (area code and number) in 6 and 7."""
    in_pieces = " ".join(part for number in (6, 7) if (part := reader.part(raw, number)))
    value = reader.part(raw, 1) or reader.part(raw, 9) or reader.part(raw, 12) or in_pieces
    if not value:
        return (reader.part(raw, 4) and {"system": "email", "value": reader.part(raw, 4)}) or None
    equipment = reader.part(raw, 3)
    use = "mobile" if equipment in ("CP", "MD") else "work" if reader.part(raw, 2) == "WPN" else "home"
    return {"system": _EQUIPMENT.get(equipment, "phone"), "value": value, "use": use}


_EQUIPMENT = {"FX": "fax", "BP": "pager", "TDD": "other"}


def work_telecom(raw: str, reader: Reader) -> Json | None:
    found = telecom(raw, reader)
    return {**found, "use": "work"} if found else None


def practitioner(raw: str, reader: Reader) -> Json | None:
    """XCN to a logical Reference: staff number and name."""
    number = reader.part(raw, 1)
    shown = "".join((reader.part(raw, 2), reader.part(raw, 3)))
    if not number and not shown:
        return None
    numbered_ = {"system": f"urn:hub:source:{reader.source.name}:staff", "value": number}
    return _filled({"type": "Practitioner", "identifier": numbered_ if number else None, "display": shown})


def organisation(raw: str, reader: Reader) -> Json | None:
    shown = reader.part(raw, 2) or reader.part(raw, 1)
    return {"type": "Organization", "display": shown} if shown else None


def reference_text(raw: str, reader: Reader) -> Json | None:
    shown = reader.part(raw, 1)
    return {"display": shown} if shown else None


def location(raw: str, reader: Reader) -> Json | None:
    """PL: ward, room, bed as one readable place."""
    shown = " ".join(part for number in (9, 1, 2, 3) if (part := reader.part(raw, number)))
    return {"location": {"type": "Location", "display": shown}} if shown else None


def _participant(role: str, display: str) -> Convert:
    kind = [{"coding": [{"system": PARTICIPATION, "code": role, "display": display}]}]

    def participant(raw: str, reader: Reader) -> Json | None:
        found = practitioner(raw, reader)
        return {"type": kind, "individual": found} if found else None

    return participant


def _filled(value: Json) -> Json:
    return {name_: item for name_, item in value.items() if item not in (None, "")}


_TEXTS = ("String", "Markdown")

CONVERTERS: Mapping[str, Converter] = {
    name_: Converter(convert, frozenset(types))
    for name_, convert, *types in (
        ("text", text, *_TEXTS),
        ("lines", lines, *_TEXTS),
        ("boolean", boolean, "Boolean"),
        ("integer", integer, "Integer"),
        ("decimal", decimal, "Decimal"),
        ("date", date, "Date"),
        ("datetime", datetime, "DateTime"),
        ("instant", instant, "Instant"),
        ("time", time, "Time"),
        ("quantity", quantity, "Quantity"),
        ("range", value_range, "ObservationReferenceRange"),
        ("code", code, "Code"),
        ("coding", coding, "Coding"),
        ("concept", concept, "CodeableConcept"),
        ("diagnosis", diagnosis, "CodeableConcept"),
        ("text-concept", text_concept, "CodeableConcept"),
        ("department", department, "CodeableConcept"),
        ("ethnicity", ethnicity, "Extension"),
        ("identifier", identifier, "Identifier"),
        ("citizen-id", citizen_id, "Identifier"),
        ("visit-number", visit_number, "Identifier"),
        ("visit-reference", visit_reference, "Reference"),
        ("placer-number", _order_number("PLAC"), "Identifier"),
        ("filler-number", _order_number("FILL"), "Identifier"),
        ("name", name, "HumanName"),
        ("address", address, "Address"),
        ("telecom", telecom, "ContactPoint"),
        ("work-telecom", work_telecom, "ContactPoint"),
        ("practitioner", practitioner, "Reference"),
        ("organisation", organisation, "Reference"),
        ("reference-text", reference_text, "Reference"),
        ("location", location, "EncounterLocation"),
        ("attender", _participant("ATND", "attender"), "EncounterParticipant"),
        ("referrer", _participant("REF", "referrer"), "EncounterParticipant"),
        ("consultant", _participant("CON", "consultant"), "EncounterParticipant"),
        ("admitter", _participant("ADM", "admitter"), "EncounterParticipant"),
    )
}
