"""The converters that rows of documents may name (``as = "..."``), and the FHIR types that each gives."""

from collections.abc import Mapping

from hub.drugs import HOW_OFTEN, TOTAL_DOSE
from hub.mapping.cda import codes, people, things, values
from hub.mapping.cda.context import CdaConverter

_TEXTS = ("String", "Markdown")
_SNOMED = "http://snomed.info/sct"
_NOTE = "http://hl7.org/fhir/5.0/StructureDefinition/extension-DiagnosticReport.note"
_PERSON = "http://hl7.org/fhir/StructureDefinition/patient-"

CONVERTERS: Mapping[str, CdaConverter] = {
    name: CdaConverter(convert, frozenset(types))
    for name, convert, *types in (
        ("text", values.text, *_TEXTS),
        ("annotation", values.annotation, "Annotation"),
        ("boolean", values.boolean, "Boolean"),
        ("quantity", values.quantity, "Quantity"),
        ("measured", values.measured, "Quantity"),
        ("decimal", values.decimal, "Decimal"),
        ("unit-code", values.unit_code, "Code"),
        ("days", values.days, "Duration", "Quantity"),
        ("date", values.date, "Date"),
        ("datetime", values.datetime, "DateTime"),
        ("ending", values.ending, "DateTime"),
        ("instant", values.instant, "Instant"),
        ("typed-datetime", values.typed_datetime, "DateTime"),
        ("span", values.span, "Period"),
        ("between", values.between, "Range"),
        ("code", codes.code, "Code"),
        ("coding", codes.coding, "Coding"),
        ("concept", codes.concept, "CodeableConcept"),
        ("typed-concept", codes.typed_concept, "CodeableConcept"),
        ("text-concept", codes.text_concept, "CodeableConcept"),
        ("substance", codes.substance, "CodeableConcept"),
        ("diagnosis", codes.diagnosis, "CodeableConcept"),
        ("operation", codes.operation, "CodeableConcept"),
        ("element", codes.element, "CodeableConcept"),
        ("range", codes.reference_range, "ObservationReferenceRange"),
        ("name", people.name, "HumanName"),
        ("address", people.address, "Address"),
        ("telecom", people.telecom, "ContactPoint"),
        ("work-telecom", people.work_telecom, "ContactPoint"),
        ("contact", people.contact, "PatientContact"),
        ("person-number", people.person_number, "Identifier"),
        ("practitioner", people.practitioner, "Reference"),
        ("performer", people.performing("", "", ""), "ProcedurePerformer"),
        ("anaesthetist", people.performing(_SNOMED, "88189002", "Anesthesiologist"), "ProcedurePerformer"),
        ("assistant", people.assistant, "ProcedurePerformer"),
        ("attender", people.attender, "EncounterParticipant"),
        ("organisation", people.organisation, "Reference"),
        ("reference-text", people.reference_text, "Reference"),
        ("birth-place", people.birth_place, "Extension"),
        ("number", things.number, "Identifier"),
        ("placer-number", things.order_number("PLAC"), "Identifier"),
        ("filler-number", things.order_number("FILL"), "Identifier"),
        ("visit-number", things.visit_number, "Identifier"),
        ("visit-reference", things.visit_reference, "Reference"),
        ("department", things.department(things.CHAIN), "CodeableConcept"),
        ("front-page-department", things.department(things.FRONT_PAGE), "CodeableConcept"),
        ("location", things.location(things.CHAIN), "EncounterLocation"),
        ("front-page-location", things.location(things.FRONT_PAGE), "EncounterLocation"),
        ("readable", things.readable, "DocumentReferenceContent"),
        ("original", things.original, "DocumentReferenceContent"),
        ("embedded", things.embedded, "DocumentReferenceContent"),
        ("replaced", things.replaced, "DocumentReferenceRelatesTo"),
        ("ethnicity", things.extension("urn:hub:ethnicity", "valueCodeableConcept", codes.concept), "Extension"),
        ("occupation", things.extension("urn:hub:occupation", "valueCodeableConcept", codes.concept), "Extension"),
        ("payment", things.extension("urn:hub:payment", "valueCodeableConcept", codes.concept), "Extension"),
        ("readmission", things.extension("urn:hub:readmission-planned", "valueBoolean", values.boolean), "Extension"),
        (
            "readmission-purpose",
            things.extension("urn:hub:readmission-purpose", "valueString", values.text),
            "Extension",
        ),
        (
            "present-on-admission",
            things.extension("urn:hub:present-on-admission", "valueCodeableConcept", codes.concept),
            "Extension",
        ),
        ("report-note", things.extension(_NOTE, "valueAnnotation", values.annotation), "Extension"),
        ("administration-timing", things.extension(HOW_OFTEN, "valueTiming", things.timing), "Extension"),
        ("specimen", things.specimen, "Reference"),
        ("total-dose", things.extension(TOTAL_DOSE, "valueQuantity", values.quantity), "Extension"),
        ("nationality", things.in_extension(f"{_PERSON}nationality", codes.concept), "Extension"),
    )
}
