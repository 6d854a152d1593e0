"""Results: what OBX-5 holds where it holds several values, and what stands beside it."""

from dataclasses import replace

from hub.mapping.converters import care, codes, numbers, values
from hub.mapping.converters.reader import Reader, filled
from hub.record import Json


def _repeats(reader: Reader) -> bool:
    """Whether OBX-5 holds several values. Text is one, however many lines it has."""
    if reader.delimiters.repetition not in reader.segment.field(5):
        return False
    kind = reader.segment.component(2).strip()
    return any(kind in reader.tables[name].codes for name in ("numeric-types", "coded-types"))


def component(raw: str, reader: Reader) -> Json | None:
    """One of several values of OBX-5, under the code of the whole (HL7's OBX[Observation-Component])."""
    if not _repeats(reader):
        return None
    kind = reader.segment.component(2).strip()
    is_number = kind in reader.tables["numeric-types"].codes
    number = values.quantity(raw, reader) if is_number else None
    concept = None if is_number else codes.concept(raw, reader)
    text = values.lines(raw, reader) if number is None and concept is None else None
    if number is None and concept is None and text is None:
        return None
    ranged = values.value_range(reader.beside(7), reader)
    return filled(
        {
            "code": _code_of(reader),
            "valueQuantity": number,
            "valueCodeableConcept": concept,
            "valueString": text,
            "referenceRange": [ranged] if ranged else None,
        }
    )


def _code_of(reader: Reader) -> Json:
    """OBX-3, as the row of `code` reads it."""
    code = replace(reader, number=3, table=reader.tables["observation-code"], flags=[])  # its flags: the row of `code`
    return codes.concept(reader.beside(3), code) or {}


def quantity(raw: str, reader: Reader) -> Json | None:
    """OBX-5 where it is one number."""
    return None if _repeats(reader) else values.quantity(raw, reader)


def coded_value(raw: str, reader: Reader) -> Json | None:
    """OBX-5 where it is one code."""
    return None if _repeats(reader) else codes.concept(raw, reader)


def text_value(raw: str, reader: Reader) -> str | None:
    """OBX-5 as text: what is of no other type, and not one of several values. A number that is none (a range, a titre:
    ``^1^:^128``) carries its unit along, as HL7's table has it."""
    text = None if _repeats(reader) else values.lines(raw, reader)
    if text is None or reader.segment.component(2).strip() not in reader.tables["numeric-types"].codes:
        return text
    return " ".join(part for part in (text, reader.part(reader.beside(6), 1)) if part)


def single_range(raw: str, reader: Reader) -> Json | None:
    """OBX-7 of one value; several values carry it themselves."""
    return None if _repeats(reader) else values.value_range(raw, reader)


def result_number(raw: str, reader: Reader) -> Json | None:
    """OBX-21: the filler's number of one result."""
    found = care.entity_number(raw, reader)
    kind = {"coding": [{"system": numbers.TYPE_SYSTEM, "code": "FILL"}]}
    return {"type": kind, **found} if found else None
