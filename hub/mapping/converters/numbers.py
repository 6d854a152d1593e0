"""Numbers of persons and things."""

from collections.abc import Mapping

from hub.errors import refuse
from hub.identifiers import normalise, read_citizen_id
from hub.mapping.codes import IdentifierKind
from hub.mapping.converters.people import span
from hub.mapping.converters.reader import Convert, Reader, filled, logical
from hub.matching.placeholders import is_placeholder
from hub.message import IdentifierRule, Source
from hub.record import Identifier, Json

MOTHERS_NUMBER = "urn:hub:mothers-identifier"
"""The extension that holds a number of the mother on her newborn's record."""
TYPE_SYSTEM = "http://terminology.hl7.org/CodeSystem/v2-0203"


def identifier(raw: str, reader: Reader) -> Json | None:
    """CX by the source's own identifier types; an undeclared type is kept under the source's name and flagged."""
    value = reader.part(raw, 1)
    if not value:
        return None
    sent_type = reader.part(raw, 5)
    rule = reader.source.rule_for(sent_type)
    if rule is not None and is_nobodys(rule, value, reader.kinds):
        return None
    if rule is None:
        reader.flag("unknown-identifier-type")
        found = _local(reader.source, sent_type, value, "", reader.part(raw, 4))
    else:
        found = numbered(rule, value, reader.source, reader.kinds, reader.where)
        if reader.kinds[rule.kind].strength == "local":
            found["system"] = local_system(reader.source, rule.type, reader.part(raw, 4))
    return filled({**_typed(found, sent_type, reader), "period": span(raw, reader, 0, 7, 8)})


def other_number(raw: str, reader: Reader) -> Json | None:
    """PID-2 beside PID-3: the number of before there was a list, where the list does not have it as well."""
    known = {reader.part(one, 1) for one in reader.beside(3).split(reader.delimiters.repetition)}
    return None if reader.part(raw, 1) in known else identifier(raw, reader)


def _typed(found: Json, sent_type: str, reader: Reader) -> Json:
    """A number with the standard's own type where the sender gives that (table 0203)."""
    known = reader.tables["identifier-types"].find(sent_type) if sent_type else None
    if known is None:
        return found
    return {**found, "type": {"coding": [{"system": TYPE_SYSTEM, "code": known.to, "display": known.display}]}}


def citizen_id(raw: str, reader: Reader) -> Json | None:
    """A field that carries citizen ID numbers in some dialects (PID-19). A profile whose sender means something else by
    it says so under the field's name: ``{ type = "PID-19", kind = "insurance-number" }``."""
    value = reader.part(raw, 1)
    rule = reader.source.rule_for(f"{reader.segment.name}-{reader.number}") or IdentifierRule(
        type="", kind="citizen-id"
    )
    if not value or is_nobodys(rule, value, reader.kinds):
        return None
    return numbered(rule, value, reader.source, reader.kinds, reader.where)


def mothers_identifier(raw: str, reader: Reader) -> Json | None:
    """PID-21: a number of the mother, on her newborn's record. It is never the newborn's own."""
    value = reader.part(raw, 1)
    if is_placeholder(value):
        return None
    found = read_citizen_id(value)
    if found is None:
        number = _local(reader.source, reader.part(raw, 5), value, "", reader.part(raw, 4))
    else:
        number = _identifier(reader.kinds[found.kind], reader.kinds[found.kind].system, found.number)
    return {"url": MOTHERS_NUMBER, "valueIdentifier": number}


def is_nobodys(rule: IdentifierRule, value: str, kinds: Mapping[str, IdentifierKind]) -> bool:
    """Whether a number stands for none (all nines). A source's own numbers are its own affair."""
    return kinds[rule.kind].strength != "local" and is_placeholder(value)


def numbered(rule: IdentifierRule, value: str, source: Source, kinds: Mapping[str, IdentifierKind], where: str) -> Json:
    """A FHIR Identifier of a declared kind. A wrong citizen ID number is refused, naming `where`."""
    if rule.kind == "citizen-id":
        found = read_citizen_id(value)
        if found is None:
            raise refuse("wrong-check-digit", where)
        kind = kinds[found.kind]
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
        if value and rule and not is_nobodys(rule, value, reader.kinds):
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
    found = _visit(value, reader)
    return {**found, "type": {**found["type"], "text": "visit number"}}


def _visit(value: str, reader: Reader) -> Json:
    """A number by which the source knows a visit."""
    kind = {"coding": [{"system": TYPE_SYSTEM, "code": "VN"}]}
    return {"type": kind, "system": f"urn:hub:source:{reader.source.name}:visit", "value": value}


def other_visit_number(raw: str, reader: Reader) -> Json | None:
    """PV1-50: another number of the visit, of the type that it names."""
    value = reader.part(raw, 1)
    return _typed(_visit(value, reader), reader.part(raw, 5), reader) if value else None


def visit_reference(raw: str, reader: Reader) -> Json | None:
    value = reader.part(raw, 1)
    return logical("Encounter", _visit(value, reader)) if value else None


def order_number(role: str) -> Convert:
    def order_number(raw: str, reader: Reader) -> Json | None:
        value = reader.part(raw, 1)
        if not value:
            return None
        kind: Json = {"coding": [{"system": TYPE_SYSTEM, "code": role}]}
        return {"type": kind, "system": f"urn:hub:source:{reader.source.name}:order", "value": value}

    return order_number


_placer, _filler = order_number("PLAC"), order_number("FILL")


def order_reference(raw: str, reader: Reader) -> Json | None:
    """The placer's number as a logical Reference to the order."""
    return logical("ServiceRequest", _placer(raw, reader))


def prescription_reference(raw: str, reader: Reader) -> Json | None:
    """The placer's number (ORC-2) as a logical Reference to the prescription."""
    return logical("MedicationRequest", _placer(raw, reader))


def filled_order(raw: str, reader: Reader) -> Json | None:
    """The filler's number as a logical Reference to the order."""
    return logical("ServiceRequest", _filler(raw, reader))


def licence(raw: str, reader: Reader) -> Json | None:
    """DLN (PID-20): a driver's licence; component 2 says who gave it, 3 until when it holds."""
    value = reader.part(raw, 1)
    if not value:
        return None
    found = _local(reader.source, "DL", value, "DL", reader.part(raw, 2))
    return filled({**found, "period": span(raw, reader, 0, 0, 3)})
