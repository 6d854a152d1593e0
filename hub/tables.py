"""Every table of the hub. The migration creates them; a test holds the two against each other."""

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    Float,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "pk": "pk_%(table_name)s",
}
metadata = MetaData(naming_convention=NAMES)

_at = DateTime(timezone=True)

# -- what came in ----------------------------------------------------------------------------------------------------

message = Table(
    "message",
    metadata,
    Column("id", Uuid, primary_key=True, comment="UUIDv7: ids sort by receipt"),
    Column("source", Text, nullable=False, comment='name of the source profile; "" where none fits'),
    Column("transport", Text, nullable=False),
    Column("format", Text, nullable=False),
    Column("kind", Text, nullable=False, comment="ADT^A01, transaction, Observation"),
    Column("control_id", Text, nullable=False, comment="MSH-10"),
    Column("raw", LargeBinary, nullable=False, comment="the bytes as they came"),
    Column("received_at", _at, nullable=False, server_default=text("now()")),
    Index(None, "source", "control_id"),
    comment="What a source sent. Append-only for the application role.",
)

fate = Table(
    "fate",
    metadata,
    Column("message_id", Uuid, ForeignKey("message.id"), primary_key=True),
    Column("fate", Text, nullable=False),
    Column("lane", Text, nullable=False, server_default="", comment="source and patient, once they are known"),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("refusal", JSONB, comment="code, where and given of the refusal that parked it"),
    Column("findings", JSONB, comment="per-entry refusals of a batch; what full validation found"),
    Column("changed_at", _at, nullable=False, server_default=text("now()")),
    CheckConstraint("fate in ('kept', 'merged', 'parked')", name="known"),
    Index("ix_fate_kept", "message_id", postgresql_where=text("fate = 'kept'")),
    Index("ix_fate_parked", "message_id", postgresql_where=text("fate = 'parked'")),
    comment="What has become of each message: exactly one row a message.",
)

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
    Column("origins", JSONB, nullable=False, server_default="[]"),
    Column("conflicts", JSONB, nullable=False, server_default="[]"),
    Column("replaced_by", Uuid, ForeignKey("resident.id"), comment="the resident that a merge left in its place"),
    Column("created_at", _at, nullable=False, server_default=text("now()")),
    Column("changed_at", _at, nullable=False, server_default=text("now()")),
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
    Column("created_at", _at, nullable=False, server_default=text("now()")),
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
    Column("since", _at, nullable=False, server_default=text("now()")),
    Column("until", _at, comment="null while the link stands"),
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
    Column("event_at", _at, nullable=False),
    Column("sent_at", _at, nullable=False),
    Column("received_at", _at, nullable=False),
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
        Column("effective_at", _at, comment="the first instant that `effective` covers"),
        Column("organisation", Text),
        *columns,
        Column("origins", JSONB, nullable=False),
        Column("conflicts", JSONB, nullable=False),
        Column("flags", JSONB, nullable=False),
        UniqueConstraint("resident_id", "key"),
        Index(None, "resident_id", "effective_at", "id"),
        comment=about,
    )


encounter = _entry(
    "encounter",
    Column("ended", Text),
    Column("ended_at", _at),
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
    Column("note", Text),
    Column("result_count", Integer),
    about="Laboratory and examination reports.",
)

ENTRY_TABLES = {
    "Encounter": encounter,
    "Condition": condition,
    "Observation": observation,
    "AllergyIntolerance": allergy,
    "DiagnosticReport": report,
}

# -- what happened ---------------------------------------------------------------------------------------------------

event = Table(
    "event",
    metadata,
    Column("position", BigInteger, Identity(always=True), primary_key=True),
    Column("transaction", BigInteger, nullable=False, server_default=text("(pg_current_xact_id()::text)::bigint")),
    Column("at", _at, nullable=False, server_default=text("now()")),
    Column("kind", Text, nullable=False),
    Column("resident_id", Uuid, ForeignKey("resident.id"), nullable=False),
    Column("message_id", Uuid, ForeignKey("message.id")),
    Column("entries", ARRAY(Text), nullable=False, comment="kinds of entries that changed"),
    Index(None, "transaction", "position"),
    comment="What changed, read in the order of commits. Append-only for the application role.",
)

audit = Table(
    "audit",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("at", _at, nullable=False, server_default=text("now()")),
    Column("viewer", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("operation", Text, nullable=False),
    Column("purpose", Text, nullable=False),
    Column("decision", Text, nullable=False),
    Column("rule", Text, nullable=False),
    Column("residents", ARRAY(Uuid), nullable=False),
    Column("kinds", ARRAY(Text), nullable=False),
    Column("address", Text, nullable=False),
    Index(None, "at"),
    CheckConstraint("decision in ('allowed', 'refused')", name="known_decision"),
    comment="Who read what, by which right. Append-only for the application role.",
)

APPEND_ONLY = (message, fact, event, audit)
CHANGEABLE = tuple(table for table in metadata.sorted_tables if table not in APPEND_ONLY)
