"""Who messages are about, what is known of them, what happened."""

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Float,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from hub.tables.naming import INSTANT, metadata

# -- who it is about -------------------------------------------------------------------------------------------------

resident = Table(
    "resident",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("name", Text),
    Column("sex", Text),
    Column("birth_date", Text, comment="FHIR date, with the precision that was sent"),
    Column("phone", Text),
    Column("address", Text),
    Column("marital_status", Text),
    Column("ethnicity", Text),
    Column("deceased", Boolean),
    Column("deceased_on", Text),
    Column("contacts", JSONB, nullable=False, server_default="[]", comment="whom to ask: relation, name, phone"),
    Column("coverages", JSONB, nullable=False, server_default="[]", comment="how they pay"),
    Column("origins", JSONB, nullable=False, server_default="[]"),
    Column("conflicts", JSONB, nullable=False, server_default="[]"),
    Column("replaced_by", Uuid, ForeignKey("resident.id"), comment="the resident that a merge left in its place"),
    Column("created_at", INSTANT, nullable=False, server_default=text("now()")),
    Column("changed_at", INSTANT, nullable=False, server_default=text("now()")),
    Index("ix_resident_present", "id", postgresql_where=text("replaced_by is null")),
    comment="The person. Its columns are projected from the facts of its patients.",
)

resident_number = Table(
    "resident_number",
    metadata,
    Column("system", Text, primary_key=True),
    Column("value", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("resident_id", Uuid, ForeignKey("resident.id"), nullable=False, index=True),
    comment="Strong numbers: each leads to one resident, by primary key.",
)

patient = Table(
    "patient",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("source", Text, nullable=False),
    Column("organisation", Text, nullable=False),
    Column("merged_into", Uuid, ForeignKey("patient.id"), comment="the patient of the source that an A40 left"),
    Column("created_at", INSTANT, nullable=False, server_default=text("now()")),
    comment="A person as one source knows them.",
)

patient_number = Table(
    "patient_number",
    metadata,
    Column("source", Text, primary_key=True),
    Column("system", Text, primary_key=True),
    Column("value", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("patient_id", Uuid, ForeignKey("patient.id"), nullable=False, index=True),
    comment="A source's own numbers of its patients.",
)

link = Table(
    "link",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("patient_id", Uuid, ForeignKey("patient.id"), nullable=False),
    Column("resident_id", Uuid, ForeignKey("resident.id"), nullable=False, index=True),
    Column("grade", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("message_id", Uuid, ForeignKey("message.id")),
    Column("verdict_id", Uuid, comment="the person's decision that made it; null where a message did"),
    Column("weights", JSONB, comment="what spoke for and against it where persons were compared, strongest first"),
    Column("since", INSTANT, nullable=False, server_default=text("now()")),
    Column("until", INSTANT, comment="null while the link stands"),
    CheckConstraint("grade in ('certain', 'probable', 'possible', 'not')", name="known_grade"),
    Index("uq_link_standing", "patient_id", unique=True, postgresql_where=text("until is null")),
    comment="Which resident a patient is, since when, how sure and why. A patient has one standing link.",
)

# -- what is known ---------------------------------------------------------------------------------------------------

fact = Table(
    "fact",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("patient_id", Uuid, ForeignKey("patient.id"), nullable=False),
    Column("message_id", Uuid, ForeignKey("message.id"), nullable=False, index=True),
    Column("kind", Text, nullable=False, comment="FHIR resource type"),
    Column("key", Text, nullable=False, comment="the sender's business key: a later fact of it supersedes"),
    Column("entry_key", Text, nullable=False, comment="what it is of the resident, whoever says it"),
    Column("event_at", INSTANT, nullable=False),
    Column("sent_at", INSTANT, nullable=False),
    Column("received_at", INSTANT, nullable=False),
    Column("content", Text, nullable=False, comment="FHIR R4B JSON exactly as mapped or received"),
    Column("content_hash", LargeBinary, nullable=False),
    Column("path", Text, nullable=False),
    Column("row", Text, nullable=False),
    Column("notes", Text, nullable=False, comment="JSON: traces, flags, cleared, assumed, names, whole"),
    UniqueConstraint("patient_id", "kind", "key", "content_hash", "event_at"),
    Index(None, "patient_id", "kind", "entry_key"),
    comment="One FHIR resource that one message gave of one patient. Append-only for the application role.",
)


def _entry(name: str, *columns: Column[object], about: str) -> Table:
    return Table(
        name,
        metadata,
        Column("id", Uuid, primary_key=True),
        Column("resident_id", Uuid, ForeignKey("resident.id"), nullable=False),
        Column("key", Text, nullable=False),
        Column("status", Text),
        Column("code_system", Text),
        Column("code", Text),
        Column("display", Text),
        Column("effective", Text, comment="FHIR date or dateTime, with the precision that was sent"),
        Column("effective_at", INSTANT, comment="the first instant that `effective` covers"),
        Column("organisation", Text),
        *columns,
        Column("origins", JSONB, nullable=False),
        Column("conflicts", JSONB, nullable=False),
        Column("flags", JSONB, nullable=False),
        UniqueConstraint("resident_id", "key"),
        Index(None, "resident_id", "effective_at", "id"),
        comment=about,
    )


def _of_specimen() -> tuple[Column[object], ...]:
    return (
        Column("specimen", Text),
        Column("specimen_number", Text),
        Column("specimen_taken", Text, comment="FHIR date or dateTime, with the precision that was sent"),
    )


encounter = _entry(
    "encounter",
    Column("ended", Text),
    Column("ended_at", INSTANT),
    Column("visit_number", Text),
    Column("department", Text),
    Column("doctor", Text),
    Column("disposition_code", Text),
    Column("disposition", Text),
    Column("destination", Text),
    about="Stays and visits.",
)
condition = _entry(
    "condition",
    Column("onset", Text),
    Column("clinical_status", Text),
    Column("category", Text),
    about="Diagnoses and problems.",
)
observation = _entry(
    "observation",
    Column("value", Text),
    Column("value_number", Float),
    Column("unit", Text),
    Column("reference_range", Text),
    Column("interpretation", Text),
    Column("interpretation_code", Text),
    Column("category", Text),
    *_of_specimen(),
    Column("note", Text),
    about="Measurements and results.",
)
allergy = _entry(
    "allergy",
    Column("category", Text),
    Column("criticality", Text),
    Column("severity", Text),
    Column("reaction", Text),
    about="Allergies and intolerances.",
)
report = _entry(
    "report",
    Column("category", Text),
    Column("report_number", Text),
    Column("issued", Text),
    Column("conclusion", Text),
    *_of_specimen(),
    Column("note", Text),
    Column("result_count", Integer),
    about="Laboratory and examination reports.",
)
procedure = _entry(
    "procedure",
    Column("ended", Text),
    Column("ended_at", INSTANT),
    Column("category", Text),
    Column("performer", Text),
    Column("location", Text),
    Column("body_site", Text),
    Column("reason", Text),
    Column("outcome", Text),
    Column("note", Text),
    about="Operations and other procedures.",
)
medication = _entry(
    "medication",
    Column("statements", ARRAY(Text), comment="how it is known: prescribed, dispensed, administered, taken"),
    Column("prescription_number", Text),
    Column("intent", Text),
    Column("priority", Text),
    Column("dose", Text),
    Column("frequency", Text),
    Column("route", Text),
    Column("instruction", Text),
    Column("started", Text, comment="FHIR date or dateTime: when the course began"),
    Column("ended", Text),
    Column("ended_at", INSTANT),
    Column("duration", Text),
    Column("quantity", Text),
    Column("handed_over", Text),
    Column("prescriber", Text),
    Column("performer", Text),
    Column("reason", Text),
    Column("note", Text),
    about="Drugs: prescribed, dispensed, administered, taken.",
)
immunization = _entry(
    "immunization",
    Column("dose", Text),
    Column("dose_number", Text),
    Column("route", Text),
    Column("body_site", Text),
    Column("lot_number", Text),
    Column("expires", Text),
    Column("manufacturer", Text),
    Column("performer", Text),
    Column("location", Text),
    Column("status_reason", Text),
    Column("note", Text),
    about="Vaccinations, given and not given.",
)
document = _entry(
    "document",
    Column("document_number", Text),
    Column("document_status", Text),
    Column("category", Text),
    Column("title", Text),
    Column("author", Text),
    Column("authenticator", Text),
    Column("content_type", Text),
    Column("text", Text),
    about="Documents.",
)
appointment = _entry(
    "appointment",
    Column("ended", Text),
    Column("ended_at", INSTANT),
    Column("appointment_number", Text),
    Column("department", Text),
    Column("doctor", Text),
    Column("reason", Text),
    Column("cancellation_reason", Text),
    Column("note", Text),
    about="Appointments as the sources made them.",
)

ENTRY_TABLES = {
    "Encounter": encounter,
    "Condition": condition,
    "Observation": observation,
    "AllergyIntolerance": allergy,
    "DiagnosticReport": report,
    "Procedure": procedure,
    "MedicationRequest": medication,
    "Immunization": immunization,
    "DocumentReference": document,
    "Appointment": appointment,
}

# -- what happened ---------------------------------------------------------------------------------------------------

event = Table(
    "event",
    metadata,
    Column("position", BigInteger, Identity(always=True), primary_key=True),
    Column("transaction", BigInteger, nullable=False, server_default=text("(pg_current_xact_id()::text)::bigint")),
    Column("at", INSTANT, nullable=False, server_default=text("now()")),
    Column("kind", Text, nullable=False),
    Column("resident_id", Uuid, ForeignKey("resident.id"), comment="null where it is about nobody: a session"),
    Column("subject", Uuid, comment="what changed, where it is no record: a plan, a referral, a session"),
    Column("message_id", Uuid, ForeignKey("message.id")),
    Column("entries", ARRAY(Text), nullable=False, comment="kinds of entries that changed"),
    Column("audience", ARRAY(Text), nullable=False, server_default="{}", comment="team:ID, organisation:ID"),
    Index(None, "transaction", "position"),
    comment="What changed, read in the order of commits. Append-only for the application role.",
)

audit = Table(
    "audit",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("at", INSTANT, nullable=False, server_default=text("now()")),
    Column("viewer", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("operation", Text, nullable=False),
    Column("purpose", Text, nullable=False),
    Column("decision", Text, nullable=False),
    Column("rule", Text, nullable=False),
    Column("residents", ARRAY(Uuid), nullable=False),
    Column("kinds", ARRAY(Text), nullable=False),
    Column("changes", ARRAY(Text), nullable=False, server_default="{}", comment="referral 0198... sent>accepted"),
    Column("address", Text, nullable=False),
    Index(None, "at"),
    CheckConstraint("decision in ('allowed', 'refused')", name="known_decision"),
    comment="Who read or changed what, by which right. Append-only for the application role.",
)
