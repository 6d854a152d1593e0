"""Converters: what a field's text becomes in FHIR. One function a FHIR type, named in the rows as ``as = "..."``.

A converter takes the raw text of one repetition (or of one component) and where it stands, and returns the FHIR value,
or None where there is nothing to say. It never guesses: an unknown code is kept raw and flagged; what cannot be a
value of its type is refused, or left to the next row of the same target.
"""

from collections.abc import Mapping

from hub.mapping.converters import care, codes, numbers, people, results, staff, timing, values
from hub.mapping.converters.extensions import extension
from hub.mapping.converters.reader import Convert, Converter, Reader

__all__ = ["CONVERTERS", "Convert", "Converter", "Reader"]

_TEXTS = ("String", "Markdown")
_SNOMED = "http://snomed.info/sct"
_FUNCTION = "http://terminology.hl7.org/CodeSystem/v2-0443"

_R5 = "http://hl7.org/fhir/5.0/StructureDefinition/extension-"
_DISABILITY = "http://hl7.org/fhir/StructureDefinition/patient-disability"
_ARRIVAL = "http://hl7.org/fhir/StructureDefinition/encounter-modeOfArrival"
_DUE_TO = "http://hl7.org/fhir/StructureDefinition/condition-dueTo"
_NATURE = "http://hl7.org/fhir/StructureDefinition/observation-nature-of-abnormal-test"

CONVERTERS: Mapping[str, Converter] = {
    name_: Converter(convert, frozenset(types))
    for name_, convert, *types in (
        ("text", values.text, *_TEXTS),
        ("lines", values.lines, *_TEXTS),
        ("boolean", values.boolean, "Boolean"),
        ("integer", values.integer, "Integer"),
        ("decimal", values.decimal, "Decimal"),
        ("date", values.date, "Date"),
        ("datetime", values.datetime, "DateTime"),
        ("instant", values.instant, "Instant"),
        ("time", values.time, "Time"),
        ("quantity", results.quantity, "Quantity"),
        ("range", values.value_range, "ObservationReferenceRange"),
        ("code", codes.code, "Code"),
        ("coding", codes.coding, "Coding"),
        ("concept", codes.concept, "CodeableConcept"),
        ("diagnosis", codes.diagnosis, "CodeableConcept"),
        ("text-concept", codes.text_concept, "CodeableConcept"),
        ("department", codes.department, "CodeableConcept"),
        ("ethnicity", codes.ethnicity, "Extension"),
        ("identifier", numbers.identifier, "Identifier"),
        ("citizen-id", numbers.citizen_id, "Identifier"),
        ("visit-number", numbers.visit_number, "Identifier"),
        ("visit-reference", numbers.visit_reference, "Reference"),
        ("placer-number", numbers.order_number("PLAC"), "Identifier"),
        ("filler-number", numbers.order_number("FILL"), "Identifier"),
        ("name", people.name, "HumanName"),
        ("address", people.address, "Address"),
        ("telecom", people.telecom, "ContactPoint"),
        ("work-telecom", people.work_telecom, "ContactPoint"),
        ("practitioner", people.practitioner, "Reference"),
        ("organisation", people.organisation, "Reference"),
        ("reference-text", people.reference_text, "Reference"),
        ("location", people.location, "EncounterLocation"),
        ("attender", people.participant("ATND", "attender"), "EncounterParticipant"),
        ("referrer", people.participant("REF", "referrer"), "EncounterParticipant"),
        ("consultant", people.participant("CON", "consultant"), "EncounterParticipant"),
        ("admitter", people.participant("ADM", "admitter"), "EncounterParticipant"),
        ("dose", care.dose, "Quantity"),
        ("amount", care.amount, "Quantity"),
        ("days", care.days, "Duration"),
        ("positive", care.positive, "PositiveInt"),
        ("whole", care.whole, "UnsignedInt"),
        ("shown", care.shown, *_TEXTS),
        ("annotation", care.annotation, "Annotation"),
        ("procedure", care.procedure, "CodeableConcept"),
        ("drug", care.drug, "CodeableConcept"),
        ("interval", care.interval, "CodeableConcept"),
        ("specimen-site", care.specimen_site, "CodeableConcept"),
        ("specimen-source", care.specimen_source, "Reference"),
        ("period", care.period, "Period"),
        ("timing-period", care.timing_period, "Period"),
        ("entity-number", care.entity_number, "Identifier"),
        ("group-number", care.group_number, "Identifier"),
        ("prescription-number", care.prescription_number, "Identifier"),
        ("specimen-number", care.specimen_number, "Identifier"),
        ("file-name", care.file_name, "Identifier"),
        ("place", care.place, "Reference"),
        ("equipment", care.equipment, "Reference"),
        ("licence", numbers.licence, "Identifier"),
        ("alias", people.alias, "HumanName"),
        ("language", people.language, "PatientCommunication"),
        ("mothers-maiden-name", people.mothers_maiden_name, "Extension"),
        ("birth-place", people.birth_place, "Extension"),
        ("religion", people.religion, "Extension"),
        ("nationality", people.nationality, "Extension"),
        ("other-provider", people.participant("PART", "Participation"), "EncounterParticipant"),
        ("current-location", care.current_location, "EncounterLocation"),
        ("planned-location", care.planned_location, "EncounterLocation"),
        ("prior-location", care.prior_location, "EncounterLocation"),
        ("anaesthetist", care.performing(_SNOMED, "88189002", "Anesthesiologist"), "ProcedurePerformer"),
        ("surgeon", care.performing(_SNOMED, "304292004", "Surgeon"), "ProcedurePerformer"),
        ("performer", care.performing("", "", ""), "ProcedurePerformer"),
        ("vaccinator", care.performing(_FUNCTION, "AP", "Administering Provider"), "ImmunizationPerformer"),
        ("vaccine-orderer", care.performing(_FUNCTION, "OP", "Ordering Provider"), "ImmunizationPerformer"),
        ("dispenser", care.performing("", "", ""), "MedicationDispensePerformer"),
        ("giver", care.performing("", "", ""), "MedicationAdministrationPerformer"),
        ("placer-contact", care.taking_part("author", "Author"), "AppointmentParticipant"),
        ("filler-contact", care.taking_part("performer", "Performer"), "AppointmentParticipant"),
        ("enterer", care.taking_part("enterer", "Enterer"), "AppointmentParticipant"),
        ("replaced-document", care.relation("replaces"), "DocumentReferenceRelatesTo"),
        ("amended-document", care.relation("appends"), "DocumentReferenceRelatesTo"),
        ("attachment", care.attachment, "Attachment"),
        ("other-number", numbers.other_number, "Identifier"),
        ("other-visit-number", numbers.other_visit_number, "Identifier"),
        ("county", people.county, "String"),
        ("called", people.called, "HumanName"),
        ("diagnosis-reference", codes.diagnosis_reference, "Reference"),
        ("component", results.component, "ObservationComponent"),
        ("coded-value", results.coded_value, "CodeableConcept"),
        ("text-value", results.text_value, *_TEXTS),
        ("single-range", results.single_range, "ObservationReferenceRange"),
        ("repeat-name", care.repeat_name, "CodeableConcept"),
        ("length", care.length, "Duration", "Quantity"),
        ("amount-unit", care.amount_unit, "Code"),
        ("device", care.device, "Reference"),
        ("order-reference", numbers.order_reference, "Reference"),
        ("prescription-reference", numbers.prescription_reference, "Reference"),
        ("filled-order", numbers.filled_order, "Reference"),
        ("result-number", results.result_number, "Identifier"),
        ("citizenship", people.citizenship, "Extension"),
        ("disability", extension(_DISABILITY, "valueCodeableConcept", codes.concept), "Extension"),
        ("payment", extension("urn:hub:payment", "valueCodeableConcept", codes.concept), "Extension"),
        ("planned-start", extension(f"{_R5}Encounter.plannedStartDate", "valueDateTime", values.datetime), "Extension"),
        ("planned-end", extension(f"{_R5}Encounter.plannedEndDate", "valueDateTime", values.datetime), "Extension"),
        ("mode-of-arrival", extension(_ARRIVAL, "valueCoding", codes.coding), "Extension"),
        ("nature-of-test", extension(_NATURE, "valueCodeableConcept", codes.concept), "Extension"),
        ("analysed-at", extension("urn:hub:analysed-at", "valueDateTime", values.datetime), "Extension"),
        ("staff-number", staff.staff_number, "Identifier"),
        ("own-practitioner", staff.own_practitioner, "Reference"),
        ("own-organisation", staff.own_organisation, "Reference"),
        ("place-number", staff.place_number, "Identifier"),
        ("mail", staff.mail, "ContactPoint"),
        ("procedure-period", care.procedure_period, "Period"),
        ("due-to", extension(_DUE_TO, "valueReference", care.condition_reference), "Extension"),
        (
            "present-on-admission",
            extension("urn:hub:present-on-admission", "valueCodeableConcept", codes.concept),
            "Extension",
        ),
        ("report-note", extension(f"{_R5}DiagnosticReport.note", "valueAnnotation", care.annotation), "Extension"),
        ("minutes", care.minutes, "UnsignedInt"),
        ("procedure-reference", care.procedure_reference, "Reference"),
        ("old-quantity", timing.quantity, "Quantity"),
        ("old-timing", timing.timing, "Timing"),
        ("old-instruction", timing.instruction, "Annotation"),
    )
}
