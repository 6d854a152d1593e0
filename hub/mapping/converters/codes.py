"""Codes: by a table, by the system that the sender names, or as they came."""

import re

from hub.mapping.codes import Code
from hub.mapping.converters.reader import Reader, filled
from hub.message import component_of
from hub.record import Json

_ICD10 = re.compile(r"^[A-Z]\d{2}(\.[0-9A-Zx]{1,6})?([+*])?$")
_HL7_TABLE = re.compile(r"HL7(?:nnnn)?(\d{4})")
ICD10 = "http://hl7.org/fhir/sid/icd-10"


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
    sent, label, other = reader.part(raw, 1), reader.part(raw, 2), ""
    if not sent and not label:  # a local code alone, in the place of the second one
        other = reader.part(raw, 5) or reader.part(raw, 4) or reader.part(raw, 9)
        if not other:
            return None
    codings: list[Json] = []
    translated = None
    if reader.table:
        translated = reader.table.find(sent) if sent else None
        translated = translated or (reader.table.find(label) if label else None)
        if translated is None and (sent or label):
            reader.flag("unknown-code")
        elif translated:
            codings.append(translated.coding())
            codings += _second_meaning(raw, reader, translated)
    codings += _sent_codings(raw, reader, translated)
    return filled(
        {
            "coding": codings or None,
            "text": reader.part(raw, 9) or label or (translated.display if translated else "") or sent or other,
        }
    )


def _second_meaning(raw: str, reader: Reader, first: Code) -> list[Json]:
    """What the alternate code (CWE.4) means, where it is one of the same system as the first and of the row's table."""
    second = reader.part(raw, 4)
    if not second or reader.part(raw, 6) != reader.part(raw, 3) or reader.table is None:
        return []
    found = reader.table.find(second)
    return [found.coding()] if found and found.to != first.to else []


def _sent_codings(raw: str, reader: Reader, translated: Code | None) -> list[Json]:
    codings = []
    for first, version in ((1, 7), (4, 8), (10, 13)):  # CWE.1-3, the alternate CWE.4-6, the second one CWE.10-12
        sent = reader.part(raw, first)
        if sent and not (first == 1 and _is_said(raw, reader, translated)):
            coding_ = {
                "system": system_of(reader.part(raw, first + 2), reader),
                "version": reader.part(raw, version),
                "code": sent,
                "display": reader.part(raw, first + 1),
            }
            codings.append(filled(coding_))
    return codings


def _is_said(raw: str, reader: Reader, translated: Code | None) -> bool:
    """Whether the table's coding says all that was sent: the same code, whose label (CWE.2) stands as the text. An
    original text (CWE.9) takes that place, and the label needs the sender's own coding."""
    if translated is None or reader.part(raw, 1) != translated.to:
        return False
    label, original = reader.part(raw, 2), reader.part(raw, 9)
    return not label or not original or label in (original, translated.display)


def system_of(name: str, reader: Reader) -> str:
    """The URI of a coding system by the sender's name for it; one that is not known stands under the source's own."""
    known = reader.tables["coding-systems"].find(name) if name else None
    if known:
        return known.to
    if found := _HL7_TABLE.fullmatch(name):
        return f"http://terminology.hl7.org/CodeSystem/v2-{found[1]}"
    return f"urn:hub:source:{reader.source.name}:{name or f'{reader.segment.name}-{reader.number}'}"


def diagnosis(raw: str, reader: Reader) -> Json | None:
    """DG1-3. Chinese records code diagnoses in ICD-10 and seldom say so: a code of that shape without a system is
    taken as ICD-10 and flagged. The text is DG1-3.2, else DG1-4."""
    if not reader.part(raw, 1) and not reader.part(raw, 2):
        return text_concept(reader.beside(4), reader)
    found = concept(raw, reader)
    if found is None:
        return None
    sent = reader.part(raw, 1)
    if sent and not reader.part(raw, 3) and _ICD10.match(sent):
        found["coding"][0]["system"] = ICD10
        reader.flag("assumed-code-system")
    described = reader.part(reader.beside(4), 1)
    return {**found, "text": described} if described else found


def text_concept(raw: str, reader: Reader) -> Json | None:
    shown = reader.part(raw, 1) or reader.part(raw, 2)
    return {"text": shown} if shown else None


def department(raw: str, reader: Reader) -> Json | None:
    """PV1-3.4 and .5 as Chinese systems use them: department code and name."""
    label = component_of(reader.delimiters, reader.beside(3), 5).strip()
    sent = reader.part(raw, 1)
    coding_ = {"system": f"urn:hub:source:{reader.source.name}:department", "code": sent, "display": label}
    return filled({"coding": [filled(coding_)], "text": label or sent}) if sent or label else None


def ethnicity(raw: str, reader: Reader) -> Json | None:
    """GB/T 3304 as the HL7 China profile writes it: an extension of the Patient."""
    found = concept(raw, reader)
    return {"url": "urn:hub:ethnicity", "valueCodeableConcept": found} if found else None


def diagnosis_reference(raw: str, reader: Reader) -> Json | None:
    """DG1-3 (else DG1-4) as a logical Reference: of what a stay's diagnosis speaks."""
    text = reader.part(reader.beside(4), 1) or reader.part(raw, 2) or reader.part(raw, 1)
    return {"type": "Condition", "display": text} if text else None
