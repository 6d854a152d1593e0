"""People, places, ways to reach them."""

from hub.mapping import times
from hub.mapping.converters import codes
from hub.mapping.converters.reader import Convert, Reader, filled
from hub.record import Json

PARTICIPATION = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType"


def name(raw: str, reader: Reader) -> Json | None:
    """XPN. A Chinese name is whole in component 1 and is never split; inner spaces of a padded two-character name go.
    Component 2 in Latin letters is its pinyin. Otherwise family and given are as HL7 has them."""
    family, given = reader.part(raw, 1), reader.part(raw, 2)
    if not family and not given:
        return None
    period = span(raw, reader, 10, 12, 13)
    if family and not family.isascii():
        shown = "".join(family.split())
        pinyin = {"url": "urn:hub:pinyin", "valueString": given} if given and given.isascii() else None
        whole = shown if pinyin or not given else shown + given
        return filled({"text": whole, "extension": [pinyin] if pinyin else None, "period": period})
    givens = [part for part in (given, *reader.part(raw, 3).split()) if part]
    prefix = reader.part(raw, 5)
    return filled(
        {
            "use": _NAME_USE.get(reader.part(raw, 7)),
            "text": " ".join(part for part in (family, *givens) if part),
            "family": family,
            "given": givens or None,
            "prefix": [prefix] if prefix else None,
            "suffix": [part for number in (4, 6, 14) if (part := reader.part(raw, number))] or None,
            "period": period,
        }
    )


_NAME_USE = {
    **{"L": "official", "D": "usual", "M": "maiden", "N": "nickname", "T": "temp", "S": "anonymous", "A": "anonymous"},
    **{"B": "official", "I": "official", "K": "usual", "P": "official", "R": "official", "C": "usual", "BAD": "old"},
}
_ADDRESS_USE = {
    "H": "home",
    "HM": "home",
    "RH": "home",
    "O": "work",
    "B": "work",
    "C": "temp",
    "BA": "old",
    "BI": "billing",
}
_ADDRESS_TYPE = {"M": "postal", "SH": "postal"}


def span(raw: str, reader: Reader, both: int, first: int, last: int) -> Json | None:
    """From when to when a name, a number or an address holds: two components, or before version 2.5 one of two."""
    start, end = reader.part(raw, first), reader.part(raw, last)
    if not start and not end and both:
        start, end = reader.part(raw, both, 1), reader.part(raw, both, 2)
    found = {"start": _lenient(start, reader), "end": _lenient(end, reader)}
    return filled(found) or None


def _lenient(text: str, reader: Reader) -> str | None:
    """A time that is no reason to refuse a message."""
    return times.fhir_datetime(text, reader.source.time_zone) if text and not times.is_no_time(text) else None


def address(raw: str, reader: Reader) -> Json | None:
    """XAD; Chinese systems put the whole address into component 1. Elsewhere its lines stand from small to large."""
    streets = [part for number in (1, 2, 3) if (part := reader.part(raw, 1, number))]
    more = reader.part(raw, 2)
    city, province = (reader.part(raw, number) for number in (3, 4))
    street = " ".join(streets)
    shown = "".join((province, city, more, street))
    if not shown:
        return None
    western = shown.isascii()
    lines_ = [line for line in (*streets, more, reader.part(raw, 19)) if line]
    kind = reader.part(raw, 7)
    return filled(
        {
            "use": _ADDRESS_USE.get(kind),
            "type": _ADDRESS_TYPE.get(kind),
            "text": ", ".join(part for part in (street, more, city, province) if part) if western else shown,
            "line": lines_ if western and lines_ else None,
            "city": city,
            "district": reader.part(raw, 9, 2) or reader.part(raw, 9),
            "state": province,
            "postalCode": reader.part(raw, 5),
            "country": reader.part(raw, 6),
            "period": span(raw, reader, 12, 13, 14),
        }
    )


def telecom(raw: str, reader: Reader) -> Json | None:
    """XTN; the number stands whole in component 12, 1 or 9, or in pieces (country, area, number, extension) in 5 to
    8. An address on the Internet stands in component 4."""
    equipment, mail = reader.part(raw, 3), reader.part(raw, 4)
    number = reader.part(raw, 12) or _in_pieces(raw, reader) or reader.part(raw, 1) or reader.part(raw, 9)
    is_mail = equipment in _NETWORK or (bool(mail) and not number)
    value = (mail or number) if is_mail else number
    if not value:
        return None
    rank = reader.part(raw, 18)
    return filled(
        {
            "system": "email" if is_mail else _EQUIPMENT.get(equipment, "phone"),
            "value": value,
            "use": _use(reader.part(raw, 2), "" if is_mail else equipment),
            "rank": int(rank) if rank.isdecimal() and 0 < int(rank) < 2**31 else None,
            "period": span(raw, reader, 0, 13, 14),
        }
    )


def _in_pieces(raw: str, reader: Reader) -> str:
    country, area, number, extension = (reader.part(raw, at) for at in (5, 6, 7, 8))
    if not number:
        return ""
    pieces = (f"+{country}" if country else "", area, number, f"X{extension}" if extension else "")
    return " ".join(piece for piece in pieces if piece)


def _use(use: str, equipment: str) -> str:
    return "mobile" if equipment in ("CP", "MD") else _TELECOM_USE.get(use, "home")


_NETWORK = ("Internet", "X.400", "NET")
_EQUIPMENT = {"FX": "fax", "BP": "pager", "TDD": "other", "TTY": "other", "MD": "other"}
_TELECOM_USE = {"PRS": "mobile", "WPN": "work", "VHN": "home", "PRN": "home", "ORN": "home", "EMR": "temp"}


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
    return filled({"type": "Practitioner", "identifier": numbered_ if number else None, "display": shown})


def organisation(raw: str, reader: Reader) -> Json | None:
    shown = reader.part(raw, 2) or reader.part(raw, 1)
    return {"type": "Organization", "display": shown} if shown else None


def reference_text(raw: str, reader: Reader) -> Json | None:
    shown = reader.part(raw, 1)
    return {"display": shown} if shown else None


def location(raw: str, reader: Reader) -> Json | None:
    """PL: ward, room, bed as one readable place; where none of them is said, the facility."""
    shown = " ".join(part for number in (9, 1, 2, 3) if (part := reader.part(raw, number))) or reader.part(raw, 4)
    return {"location": {"type": "Location", "display": shown}} if shown else None


def participant(role: str, label: str) -> Convert:
    """Who takes part in a stay, in a role. The label stands as HL7's own table has it: the attender's beside the code,
    the others' as text."""
    coding = {"system": PARTICIPATION, "code": role}
    kind: Json = {"coding": [{**coding, "display": label}]} if role == "ATND" else {"coding": [coding], "text": label}

    def take_part(raw: str, reader: Reader) -> Json | None:
        found = practitioner(raw, reader)
        return {"type": [kind], "individual": found} if found else None

    return take_part


def alias(raw: str, reader: Reader) -> Json | None:
    """PID-9: another name of the person."""
    found = name(raw, reader)
    return {"use": "usual", **found} if found else None


_PERSON = "http://hl7.org/fhir/StructureDefinition/patient-"


def mothers_maiden_name(raw: str, reader: Reader) -> Json | None:
    """PID-6, as FHIR's own extension."""
    found = name(raw, reader)
    text = found and (found.get("family") or found.get("text"))
    return {"url": f"{_PERSON}mothersMaidenName", "valueString": text} if text else None


def birth_place(raw: str, reader: Reader) -> Json | None:
    """PID-23, as FHIR's own extension."""
    text = reader.part(raw, 1)
    return {"url": f"{_PERSON}birthPlace", "valueAddress": {"text": text}} if text else None


def religion(raw: str, reader: Reader) -> Json | None:
    """PID-17, as FHIR's own extension."""
    found = codes.concept(raw, reader)
    return {"url": f"{_PERSON}religion", "valueCodeableConcept": found} if found else None


def nationality(raw: str, reader: Reader) -> Json | None:
    """PID-28, as FHIR's own extension: in China ISO 3166 as a number (``156^中国``)."""
    found = codes.concept(raw, reader)
    code = {"url": "code", "valueCodeableConcept": found}
    return {"url": f"{_PERSON}nationality", "extension": [code]} if found else None


def language(raw: str, reader: Reader) -> Json | None:
    """PID-15: the language to speak in, as BCP 47 has it; the sender names one, so it is the preferred one."""
    found = codes.concept(raw, reader)
    return {"language": found, "preferred": True} if found else None


def called(raw: str, reader: Reader) -> Json | None:
    """XPN.15: by what name the person is called."""
    given = reader.part(raw, 15)
    return {"use": "nickname", "text": given, "given": [given]} if given else None


def citizenship(raw: str, reader: Reader) -> Json | None:
    """PID-26, PID-39: of which country or tribe somebody is a citizen, as FHIR's own extension."""
    found = codes.concept(raw, reader)
    code = {"url": "code", "valueCodeableConcept": found}
    return {"url": f"{_PERSON}citizenship", "extension": [code]} if found else None


def county(raw: str, reader: Reader) -> str | None:
    """PID-12: the county, where the address (PID-11) names none itself."""
    first = reader.beside(11).split(reader.delimiters.repetition)[0].split(reader.delimiters.component)
    named = first[8].strip(f'{reader.delimiters.subcomponent} "') if len(first) > 8 else ""
    return None if named else reader.part(raw, 1) or None
