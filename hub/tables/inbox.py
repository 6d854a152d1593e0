"""What came in, and what has become of it."""

from sqlalchemy import (
    ARRAY,
    BigInteger,
    CheckConstraint,
    Column,
    Date,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from hub.tables.naming import INSTANT, metadata

message = Table(
    "message",
    metadata,
    Column("id", Uuid, primary_key=True, comment="UUIDv7: ids sort by receipt"),
    Column("source", Text, nullable=False, comment='name of the source profile; "" where none fits'),
    Column("transport", Text, nullable=False),
    Column("format", Text, nullable=False),
    Column("kind", Text, nullable=False, comment="ADT^A01, transaction, Observation"),
    Column("control_id", Text, nullable=False, comment="MSH-10, Idempotency-Key, id of a document"),
    Column("received_at", INSTANT, nullable=False, server_default=text("now()")),
    Column("size", Integer, nullable=False, comment="bytes"),
    Column("numbers", ARRAY(Text), nullable=False, server_default="{}", comment="patients' numbers as they were sent"),
    Column("names", ARRAY(Text), nullable=False, server_default="{}", comment="patients' names as they were sent"),
    Index(None, "source", "id"),
    Index(None, "kind", "id"),
    Index(None, "control_id"),
    Index("ix_message_numbers", "numbers", postgresql_using="gin"),
    Index("ix_message_names", "names", postgresql_using="gin"),
    comment="What a source sent, without its bytes: a witness for good. Append-only for the application role.",
)

body = Table(
    "body",
    metadata,
    Column("message_id", Uuid, primary_key=True),
    Column("source", Text, nullable=False),
    Column("raw", LargeBinary, nullable=False, comment="the bytes as they came"),
    comment="The bytes of messages, by month of receipt (the time in a UUIDv7), as long as they are kept. "
    "Append-only for the application role.",
    postgresql_partition_by="RANGE (message_id)",
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
    Column("changed_at", INSTANT, nullable=False, server_default=text("now()")),
    Column("buckets", ARRAY(Integer), nullable=False, server_default="{}", comment="hashes of its patients' lanes"),
    Column("tries", Integer, nullable=False, server_default="0", comment="times that a passing fault hit it"),
    Column("retry_at", INSTANT, comment="not before; null: at once"),
    CheckConstraint("fate in ('kept', 'merged', 'parked')", name="known"),
    Index("ix_fate_kept", "message_id", postgresql_where=text("fate = 'kept'")),
    Index("ix_fate_parked", "message_id", postgresql_where=text("fate = 'parked'")),
    comment="What has become of each message: exactly one row a message.",
)

control = Table(
    "control",
    metadata,
    Column("source", Text, primary_key=True),
    Column("control_id", Text, primary_key=True),
    Column("digest", LargeBinary, primary_key=True, comment="SHA-256 of what the message says, MSH-7 aside"),
    Column("message_id", Uuid, nullable=False, comment="the first message of this content"),
    Column("repeats", Integer, nullable=False, server_default="0"),
    Column("repeated_at", INSTANT),
    Index(None, "message_id"),
    comment="Control ids that were used, and for what: by this a message that comes twice is known.",
)

message_step = Table(
    "message_step",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("message_id", Uuid, ForeignKey("message.id"), nullable=False, index=True),
    Column("at", INSTANT, nullable=False, server_default=text("now()")),
    Column("step", Text, nullable=False),
    Column("by", Text, nullable=False, comment="an account; hub where the worker did it"),
    Column("code", Text, nullable=False, comment="of the refusal or the fault"),
    CheckConstraint("step in ('parked', 'retried', 'replayed')", name="known"),
    comment="What happened to messages on their way, besides being kept and merged. Append-only for the application "
    "role.",
)

watermark = Table(
    "watermark",
    metadata,
    Column("source", Text, primary_key=True),
    Column("view", Text, primary_key=True),
    Column("value", Text, nullable=False),
    Column("at", INSTANT, nullable=False, server_default=text("now()")),
    comment="How far the views of sources' databases have been read.",
)

unread_field = Table(
    "unread_field",
    metadata,
    Column("source", Text, primary_key=True),
    Column("day", Date, primary_key=True),
    Column("field", Text, primary_key=True, comment="OBX-13; of CDA and FHIR an element"),
    Column("messages", BigInteger, nullable=False),
    Column("last_at", INSTANT, nullable=False),
    comment="Fields that messages filled and nothing read, counted by source and day. Only the last months.",
)
