"""Staff and places of the sender's own organisation."""

from hub.mapping.converters import numbers
from hub.mapping.converters.reader import Reader
from hub.record import Json


def staff_number(raw: str, reader: Reader) -> Json | None:
    """CX or CWE: a staff number of the source, or a number of the type that it names."""
    value = reader.part(raw, 1)
    if value and reader.source.rule_for(reader.part(raw, 5) or "-"):
        return numbers.identifier(raw, reader)
    return {"system": f"urn:hub:source:{reader.source.name}:staff", "value": value} if value else None


def own_practitioner(raw: str, reader: Reader) -> Json | None:
    """A staff number as a reference to who the directory knows by it."""
    value = reader.part(raw, 1)
    return {"reference": f"Practitioner/{reader.source.organisation_id}:{value}"} if value else None


def own_organisation(raw: str, reader: Reader) -> Json | None:
    """The organisation of the source, of whomever the field speaks."""
    return {"reference": f"Organization/{reader.source.organisation_id}"} if reader.part(raw, 1) else None


def place_number(raw: str, reader: Reader) -> Json | None:
    """PL: the parts of a place's own name, from large to small."""
    parts = [part for number in (1, 2, 3) if (part := reader.part(raw, number))]
    return {"system": f"urn:hub:source:{reader.source.name}:place", "value": "-".join(parts)} if parts else None


def mail(raw: str, reader: Reader) -> Json | None:
    """STF-15: an electronic address by itself."""
    value = reader.part(raw, 1)
    return {"system": "email", "value": value} if "@" in value else None
