"""Who is whom: what people decided, what waits for them to decide, and what a merge took along."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Float,
    ForeignKey,
    Index,
    LargeBinary,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from hub.tables.naming import INSTANT, metadata

verdict = Table(
    "verdict",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("is_same", Boolean, nullable=False),
    Column("reason", Text, nullable=False),
    Column("by", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("at", INSTANT, nullable=False),
    Column("undone_by", Text),
    Column("undone_reason", Text),
    Column("undone_at", INSTANT, comment="null while it stands"),
    Column("superseded_by", Uuid, ForeignKey("verdict.id"), comment="a later decision about the same two"),
    CheckConstraint("(undone_at is null) = (undone_by is null)", name="undone_by_somebody"),
    comment="What a person decided of patients: that they are one person, or that they are not. Never overridden.",
)

verdict_pair = Table(
    "verdict_pair",
    metadata,
    Column("verdict_id", Uuid, ForeignKey("verdict.id"), primary_key=True),
    Column("one", Uuid, ForeignKey("patient.id"), primary_key=True),
    Column("other", Uuid, ForeignKey("patient.id"), primary_key=True, index=True),
    CheckConstraint("one <> other", name="two"),
    Index(None, "one"),
    comment="The pairs of patients that a decision is about.",
)

match_review = Table(
    "match_review",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("patient_id", Uuid, ForeignKey("patient.id"), nullable=False),
    Column("other_id", Uuid, ForeignKey("patient.id"), nullable=False, index=True),
    Column("grade", Text, nullable=False),
    Column("score", Float, nullable=False, comment="log-odds, base 2"),
    Column("weights", JSONB, nullable=False, comment="what speaks for and against it, strongest first"),
    Column("message_id", Uuid, ForeignKey("message.id"), nullable=False),
    Column("opened_at", INSTANT, nullable=False, server_default=text("now()")),
    Column("state", Text, nullable=False, server_default="open"),
    Column("ended_at", INSTANT),
    Column("verdict_id", Uuid, ForeignKey("verdict.id")),
    CheckConstraint("state in ('open', 'same', 'different', 'settled')", name="known_state"),
    CheckConstraint("grade in ('certain', 'probable', 'possible', 'not')", name="known_grade"),
    Index("uq_match_review_open", "patient_id", "other_id", unique=True, postgresql_where=text("state = 'open'")),
    Index(None, "state", "id"),
    comment="Two patients who may be one person, for a person to decide. Ingest goes on meanwhile.",
)

patient_proof = Table(
    "patient_proof",
    metadata,
    Column("patient_id", Uuid, ForeignKey("patient.id"), primary_key=True),
    Column("system", Text, primary_key=True),
    Column("value", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Index(None, "system", "value"),
    comment="Strong numbers by the patient who was sent with them: after a split each side keeps its own.",
)

resident_merge = Table(
    "resident_merge",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("before", Uuid, ForeignKey("resident.id"), nullable=False, index=True),
    Column("after", Uuid, ForeignKey("resident.id"), nullable=False, index=True),
    Column("at", INSTANT, nullable=False, server_default=text("now()")),
    Column("held", JSONB, nullable=False, comment="ids of what was the former resident's, by kind"),
    Column("undone_at", INSTANT, comment="null while it stands"),
    comment="Which resident was replaced by which, and what went along: undoing hands that back.",
)

match_person = Table(
    "match_person",
    metadata,
    Column("patient_id", Uuid, ForeignKey("patient.id"), primary_key=True),
    Column("person", JSONB, nullable=False, comment="what the patient is compared by, normalised"),
    Column("digest", LargeBinary, nullable=False, comment="hash of what it was made from: the same makes nothing anew"),
    comment="Patients as they are compared with others: the latest word on who they are.",
)

match_block = Table(
    "match_block",
    metadata,
    Column("key", BigInteger, primary_key=True, comment="hash of one blocking key"),
    Column("patient_id", Uuid, ForeignKey("patient.id"), primary_key=True, index=True),
    comment="Which patients are worth comparing: those who share a key. One index, no scan.",
)
