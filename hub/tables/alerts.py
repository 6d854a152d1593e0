"""Alerts, who was told of them, and what they are judged by."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Double,
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

alert = Table(
    "alert",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("source", Text, nullable=False, comment='"" where the whole hub is meant'),
    Column("since", INSTANT, nullable=False),
    Column("figure", Double, nullable=False, comment="when it began; seconds, a share, messages or bytes, by its kind"),
    Column("threshold", Double, nullable=False),
    Column("given", JSONB, nullable=False, comment="what fills its sentence; nothing of a person"),
    Column("calm_since", INSTANT, comment="from when on its figure has been well again"),
    Column("until", INSTANT),
    Column("is_recovered", Boolean, nullable=False, server_default="false"),
    CheckConstraint("kind in ('silence', 'failures', 'lag', 'queue', 'disk', 'growth')", name="known"),
    Index("uq_alert_open", "kind", "source", unique=True, postgresql_where=text("until is null")),
    comment="What somebody was called for, from when to when.",
)

alert_notice = Table(
    "alert_notice",
    metadata,
    Column("id", Uuid, primary_key=True, comment="by this a receiver knows a repeat"),
    Column("alert_id", Uuid, ForeignKey("alert.id"), nullable=False, index=True),
    Column("event", Text, nullable=False),
    Column("at", INSTANT, nullable=False, server_default=text("now()")),
    Column("body", LargeBinary, nullable=False, comment="JSON, the same bytes at every attempt"),
    CheckConstraint("event in ('began', 'ended')", name="known"),
    Index("uq_alert_notice_once", "alert_id", "event", unique=True),
    comment="What is told of an alert: once that it began, once that it ended. Append-only for the application role.",
)

alert_delivery = Table(
    "alert_delivery",
    metadata,
    Column("notice_id", Uuid, ForeignKey("alert_notice.id"), primary_key=True),
    Column("receiver", Text, primary_key=True, comment="hash of the webhook's URL, which may hold a secret"),
    Column("place", Text, nullable=False, comment="its scheme, host and port"),
    Column("state", Text, nullable=False, server_default="waiting"),
    Column("tries", Integer, nullable=False, server_default="0"),
    Column("next_at", INSTANT, comment="not before; null: at once"),
    Column("settled_at", INSTANT),
    CheckConstraint("state in ('waiting', 'delivered', 'given-up')", name="known"),
    Index("ix_alert_delivery_waiting", "receiver", "notice_id", postgresql_where=text("state = 'waiting'")),
    comment="Which receivers have been told.",
)

alert_attempt = Table(
    "alert_attempt",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("notice_id", Uuid, ForeignKey("alert_notice.id"), nullable=False, index=True),
    Column("receiver", Text, nullable=False),
    Column("at", INSTANT, nullable=False, server_default=text("now()")),
    Column("status", Integer, nullable=False, comment="of HTTP; 0 where there was no answer"),
    Column("fault", Text, nullable=False, comment="its kind, where there was no answer"),
    Column("seconds", Double, nullable=False),
    comment="Every attempt to tell a receiver. Append-only for the application role.",
)

source_hour = Table(
    "source_hour",
    metadata,
    Column("source", Text, primary_key=True),
    Column("hour", INSTANT, primary_key=True, comment="its beginning"),
    Column("messages", Integer, nullable=False),
    Column("first_at", INSTANT),
    Column("last_at", INSTANT),
    Column("longest", Double, nullable=False, comment="seconds between two messages of this hour"),
    comment="How sources sent, hour by hour: what is usual is learned from it. Only the last weeks.",
)

database_size = Table(
    "database_size",
    metadata,
    Column("at", INSTANT, primary_key=True, comment="a whole hour"),
    Column("bytes", BigInteger, nullable=False),
    comment="How large the database was, hour by hour. Only the last weeks.",
)
