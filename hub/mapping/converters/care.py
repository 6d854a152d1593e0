"""Orders, drugs, appointments, documents: what is composed of more than one component."""

import re
from base64 import b64encode
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from hub.mapping.converters import codes, people, values
from hub.mapping.converters.numbers import TYPE_SYSTEM
from hub.mapping.converters.reader import Convert, Reader, filled, logical
from hub.message import component_of
from hub.record import Json
from hub.specimens import Specimen, reference_to

_UNIT_OF = {
    ("RXO", 2): 4,
    ("RXO", 3): 4,
    ("RXO", 11): 12,
    ("RXE", 3): 5,
    ("RXE", 4): 5,
    ("RXE", 10): 11,
    ("RXE", 23): 24,
    ("RXD", 4): 5,
    ("RXA", 6): 7,
}
"""The field that holds the unit of an amount (HL7 v2.5.1 chapter 4.14)."""
_UNKNOWN_AMOUNT = frozenset({"999", "9999"})
"""RXA-6 where nobody knows how much was given (IG for immunization messaging)."""
_ICD9 = re.compile(r"^\d{2}(\.\d{1,4})?(x\d{3})?$")
ICD9 = "http://hl7.org/fhir/sid/icd-9-cm"
_EXACT = 2**53


# -- amounts -----------------------------------------------------------------------------------------------------------


def dose(raw: str, reader: Reader) -> Json | None:
    """A number with the unit of its neighbour field: RXE-3 and RXE-5."""
    number = values.decimal(raw, reader)
    at = _UNIT_OF.get((reader.segment.name, reader.number))
    if reader.part(raw, 1) in _UNKNOWN_AMOUNT:
        reader.read |= {(reader.segment.line, field) for field in (reader.number, at) if field}
        return None
    if number is None or abs(number) >= _EXACT:
        return None
    unit = reader.beside(at) if at else ""
    return filled({"value": number, **_unit(unit, reader)})


def _unit(raw: str, reader: Reader) -> Json:
    """A CWE as the unit of a Quantity: its text; code and system where the sender names the system."""
    if not raw:
        return {}
    code, shown, system = (reader.part(raw, number) for number in (1, 2, 3))
    if system and code:
        return {"unit": shown or code, "system": codes.system_of(system, reader), "code": code}
    return {"unit": shown or code}


def amount(raw: str, reader: Reader) -> Json | None:
    """CQ: a number, and its unit in component 2 (``2^片``)."""
    number = values.decimal(component_of(reader.delimiters, raw, 1), reader)
    if number is None or abs(number) >= _EXACT:
        return None
    return filled({"value": number, "unit": reader.part(raw, 2) or reader.part(raw, 2, 2)})


def days(raw: str, reader: Reader) -> Json | None:
    """A number of days."""
    number = values.decimal(raw, reader)
    if number is None or abs(number) >= _EXACT:
        return None
    return {"value": number, "unit": "d", "system": "http://unitsofmeasure.org", "code": "d"}


def positive(raw: str, reader: Reader) -> int | None:
    """A whole number above 0; ``30.0`` is one."""
    number = whole(raw, reader)
    return number or None


def whole(raw: str, reader: Reader) -> int | None:
    """A whole number from 0 on that FHIR can hold."""
    number = values.decimal(raw, reader)
    return int(number) if number is not None and number == int(number) and 0 <= number < 2**31 else None


# -- texts -------------------------------------------------------------------------------------------------------------


def shown(raw: str, reader: Reader) -> str | None:
    """What people read of a CWE or ST: its text, else its code; all repetitions, by line."""
    rows = raw.split(reader.delimiters.repetition)
    return "\n".join(text for row in rows if (text := reader.part(row, 2) or reader.part(row, 1))) or None


def annotation(raw: str, reader: Reader) -> Json | None:
    """A text as a FHIR Annotation."""
    text = values.lines(raw, reader)
    return {"text": text} if text else None


# -- codes -------------------------------------------------------------------------------------------------------------


def procedure(raw: str, reader: Reader) -> Json | None:
    """PR1-3. Chinese front pages code operations in ICD-9-CM-3 and seldom say so: a code of that shape without a system
    is taken as such and flagged. The text is PR1-3.9, else PR1-4, else PR1-3.2."""
    found = codes.concept(raw, reader)
    if found is None:
        return None
    sent = reader.part(raw, 1)
    if sent and not reader.part(raw, 3) and _ICD9.match(sent):
        found["coding"][0]["system"] = ICD9
        reader.flag("assumed-code-system")
    if not reader.part(raw, 9) and (text := reader.part(reader.beside(4), 1)):
        found["text"] = text
    return found


def drug(raw: str, reader: Reader) -> Json | None:
    """A drug by its code and name."""
    return codes.concept(raw, reader)


def repeat_name(raw: str, reader: Reader) -> Json | None:
    """RPT.1, whose own parts are parted as subcomponents (``P&餐后&HL70335``). Many write the words into RPT.2, where
    nothing but a code of table 0527 belongs (``BID^每日两次``)."""
    marks = reader.delimiters
    first, _, rest = raw.partition(marks.component)
    words = rest.partition(marks.component)[0]
    if marks.subcomponent not in first and words and not words.isascii():
        first = f"{first}{marks.component}{words}"
    return codes.concept(first.replace(marks.subcomponent, marks.component), reader)


def length(raw: str, reader: Reader) -> Json | None:
    """CQ: how long, with its unit as UCUM where it is one of time (``30^min``, ``3^天``)."""
    found = amount(raw, reader)
    if found is None:
        return None
    known = reader.tables["period-unit"].find(found.get("unit", ""))
    return {**found, "system": "http://unitsofmeasure.org", "code": known.to} if known else found


def amount_unit(raw: str, reader: Reader) -> str | None:
    """CQ.2: the unit of a length of time, as its UCUM code."""
    known = reader.code(reader.part(raw, 2))
    return known.to if known else None


_MINUTES = {"s": 1 / 60, "min": 1, "h": 60, "d": 1440}


def minutes(raw: str, reader: Reader) -> int | None:
    """How many minutes before or after an event: RPT.9 with its unit in RPT.10, else CQ (TQ1-5)."""
    at, unit_at = (9, 10) if reader.number == 3 else (1, 2)
    number = values.decimal(component_of(reader.delimiters, raw, at), reader)
    known = reader.tables["period-unit"].find(reader.part(raw, unit_at) or "min")
    if number is None or known is None or known.to not in _MINUTES:
        return None
    return round(number * _MINUTES[known.to])


def interval(raw: str, reader: Reader) -> Json | None:
    """TQ.2 (RXE-1): how often, in the quantity and timing of before version 2.5."""
    code, _, _ = component_of(reader.delimiters, raw, 2).partition(reader.delimiters.subcomponent)
    code = code.strip()
    return {"text": code} if code and code not in reader.tables["placeholder"].codes else None


def specimen_site(raw: str, reader: Reader) -> Json | None:
    """SPS.4 (OBR-15): where the specimen was taken."""
    site = component_of(reader.delimiters, raw, 4).strip()
    return {"text": site} if site else None


def specimen_source(raw: str, reader: Reader) -> Json | None:
    """SPS.1 (OBR-15): what the specimen is. OBR-7 says when it was taken (HL7 v2.5.1 4.5.3.7)."""
    kind = reader.part(raw, 1, 2) or reader.part(raw, 1)
    if not kind:
        return None
    taken = values.datetime(component_of(reader.delimiters, reader.beside(7), 1), reader)
    return reference_to(Specimen(type=kind, taken=taken or ""))


# -- times -------------------------------------------------------------------------------------------------------------


def period(raw: str, reader: Reader) -> Json | None:
    """DR: from and to."""
    return _period(raw, reader, 1, 2)


def timing_period(raw: str, reader: Reader) -> Json | None:
    """TQ.4 and TQ.5 (OBR-27, before version 2.5): from and to."""
    return _period(raw, reader, 4, 5)


def procedure_period(raw: str, reader: Reader) -> Json | None:
    """PR1-5 with PR1-7: when it began, and how many minutes it took."""
    took = values.decimal(reader.beside(7), reader)
    start = values.instant(raw, reader)
    if start is None or took is None or not 0 < took < _EXACT:
        return None
    end = datetime.fromisoformat(start) + timedelta(minutes=float(took))
    return {"start": start, "end": end.isoformat(timespec="seconds")}


def _period(raw: str, reader: Reader, first: int, last: int) -> Json | None:
    start, end = (component_of(reader.delimiters, raw, number) for number in (first, last))
    found = filled({"start": values.datetime(start, reader), "end": values.datetime(end, reader)})
    return found or None


# -- numbers -----------------------------------------------------------------------------------------------------------


_OID = re.compile(r"[012](\.(0|[1-9]\d*))+")


def entity_number(raw: str, reader: Reader) -> Json | None:
    """EI: a number, unique in the namespace that it names, else in the source."""
    value = reader.part(raw, 1) or reader.part(raw, 3)
    if not value:
        return None
    space, universal, kind = (reader.part(raw, number) for number in (2, 3, 4))
    return {"system": _namespace(reader, space, universal, kind), "value": value}


def _namespace(reader: Reader, space: str, universal: str, kind: str) -> str:
    is_oid = _OID.fullmatch(universal) is not None
    if is_oid and (kind == "ISO" or universal.count(".") > 3):  # many leave the kind out
        return f"urn:oid:{universal}"
    return f"urn:hub:source:{reader.source.name}:{space or f'{reader.segment.name}-{reader.number}'}"


def _kind_of_number(role: str) -> Json:
    return {"coding": [{"system": TYPE_SYSTEM, "code": role}]}


def group_number(raw: str, reader: Reader) -> Json | None:
    """ORC-4: the number of a group of orders."""
    value = reader.part(raw, 1)
    if not value:
        return None
    system = f"urn:hub:source:{reader.source.name}:order-group"
    return {"type": _kind_of_number("PGN"), "system": system, "value": value}


def prescription_number(raw: str, reader: Reader) -> Json | None:
    """RXE-15, RXD-7: 处方编号 (national OID 2.16.156.10011.1.20) as the source gives it."""
    value = reader.part(raw, 1)
    return {"system": f"urn:hub:source:{reader.source.name}:prescription", "value": value} if value else None


def specimen_number(raw: str, reader: Reader) -> Json | None:
    """EIP (SPM-2): the filler's number of a specimen, else the placer's."""
    value = reader.part(raw, 2) or reader.part(raw, 1)
    return {"system": f"urn:hub:source:{reader.source.name}:specimen", "value": value} if value else None


def file_name(raw: str, reader: Reader) -> Json | None:
    """TXA-16: the name of the document's file."""
    value = reader.part(raw, 1)
    return {"system": f"urn:hub:source:{reader.source.name}:file", "value": value} if value else None


# -- who and where -----------------------------------------------------------------------------------------------------


def place(raw: str, reader: Reader) -> Json | None:
    """PL: a place as a logical Reference."""
    found = people.location(raw, reader)
    return found["location"] if found else None


def current_location(raw: str, reader: Reader) -> Json | None:
    found = people.location(raw, reader)
    return {**found, "status": "active"} if found else None


def planned_location(raw: str, reader: Reader) -> Json | None:
    found = people.location(raw, reader)
    return {**found, "status": "planned"} if found else None


def prior_location(raw: str, reader: Reader) -> Json | None:
    found = people.location(raw, reader)
    return {**found, "status": "completed"} if found else None


def condition_reference(raw: str, reader: Reader) -> Json | None:
    """EI (DG1-22): the diagnosis that this one follows from, by its own number (DG1-20)."""
    return logical("Condition", entity_number(raw, replace(reader, number=20)))


def procedure_reference(raw: str, reader: Reader) -> Json | None:
    """EI (PR1-25): the procedure of which this one is a part, by its own number (PR1-19)."""
    return logical("Procedure", entity_number(raw, replace(reader, number=19)))


def device(raw: str, reader: Reader) -> Json | None:
    """EI (OBX-18): the device that measured, as a logical Reference."""
    return logical("Device", entity_number(raw, reader))


def equipment(raw: str, reader: Reader) -> Json | None:
    text = shown(raw, reader)
    return {"type": "Device", "display": text} if text else None


def performing(system: str, code: str, display: str) -> Convert:
    """Who did something, in which function: a performer of a Procedure, an Immunization or a dispense."""
    function = {"coding": [{"system": system, "code": code, "display": display}]} if code else None

    def performer(raw: str, reader: Reader) -> Json | None:
        found = people.practitioner(raw, reader)
        return filled({"function": function, "actor": found}) if found else None

    return performer


def taking_part(code: str, display: str) -> Convert:
    """A participant of an Appointment."""
    coding = {"system": "http://terminology.hl7.org/CodeSystem/provenance-participant-type", "code": code}

    def participant(raw: str, reader: Reader) -> Json | None:
        found = people.practitioner(raw, reader)
        kind = {"coding": [{**coding, "display": display}]}
        return {"type": [kind], "actor": found, "status": "accepted"} if found else None

    return participant


# -- documents ---------------------------------------------------------------------------------------------------------


def relation(code: str) -> Convert:
    """How a document stands to the one that TXA-13 names."""

    def related(raw: str, reader: Reader) -> Json | None:
        number = entity_number(raw, reader)
        target = {"type": "DocumentReference", "identifier": number}
        return {"code": code, "target": target} if number else None

    return related


_DATA = re.compile(r"^[A-Za-z0-9+/\s]+=*$")
_MEDIA = {"PDF": "application/pdf", "JPEG": "image/jpeg", "PNG": "image/png", "HTML": "text/html", "XML": "text/xml"}


def attachment(raw: str, reader: Reader) -> Json | None:
    """OBX-5 of a document: text as UTF-8 in base64; ED as it came, with its type (ED.3)."""
    kind: Any = reader.segment.component(2, 1)
    if kind == "ED":
        data = component_of(reader.delimiters, raw, 5).strip()
        if not data or not _DATA.match(data):
            return None
        return filled({"contentType": _MEDIA.get(reader.part(raw, 3).upper()), "data": "".join(data.split())})
    if kind == "RP":
        where = reader.part(raw, 1)
        return {"url": where, "title": where} if where else None
    return _text_attachment(raw, reader)


def _text_attachment(raw: str, reader: Reader) -> Json | None:
    text = values.lines(raw, reader)
    if text is None:
        return None
    title = reader.part(reader.beside(3), 2) or reader.part(reader.beside(3), 1)
    data = b64encode(text.encode("utf-8")).decode("ascii")
    return filled({"contentType": "text/plain; charset=utf-8", "data": data, "title": title})
