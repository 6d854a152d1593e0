"""Referrals up to hospitals and down to the community, and the history of everything that has states."""

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, Integer, Table, Text, Uuid, text
from sqlalchemy.dialects.postgresql import JSONB

from hub.tables.inbox import message
from hub.tables.naming import INSTANT, metadata
from hub.tables.record import resident

_OPEN = text("ended_at is null")
_TO_CENTRE = text("direction = 'down' and to_team_id is null")
"""Sent down to a centre, and taken by none of its teams."""

referral = Table(
    "referral",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("number", Text, nullable=False, unique=True, comment="what people call it: 20261122-7KQF-2M9T"),
    Column("direction", Text, nullable=False, comment="up to a hospital, down to the community"),
    Column("resident_id", Uuid, ForeignKey(resident.c.id), nullable=False, index=True),
    Column("state", Text, nullable=False),
    Column("from_organisation_id", Text, ForeignKey("organisation.id"), nullable=False),
    Column("from_team_id", Text, ForeignKey("team.id")),
    Column("to_organisation_id", Text, ForeignKey("organisation.id"), nullable=False),
    Column("to_team_id", Text, ForeignKey("team.id")),
    Column("department", Text, nullable=False, server_default=""),
    Column("urgency", Text, nullable=False),
    Column("reason", Text, nullable=False, comment="主要现病史(转出原因)"),
    Column("impression", Text, nullable=False, server_default="", comment="初步印象"),
    Column("summary", JSONB, nullable=False, comment="the record as it was when the referral was sent; never changed"),
    Column("booking_id", Uuid, ForeignKey("booking.id")),
    Column("plan_id", Uuid, ForeignKey("follow_up_plan.id"), comment="of a down referral: what follows it"),
    Column("previous_id", Uuid, ForeignKey("referral.id"), comment="the referral up whose stay ends with this one"),
    Column("stay_key", Text, nullable=False, server_default="", comment="the encounter that it led to, or came from"),
    Column("reply", JSONB, comment="what the receiver wrote back: findings, treatment, advice"),
    Column("outcome", Text, nullable=False, server_default=""),
    Column("state_reason", Text, nullable=False, server_default=""),
    Column("by", Text, nullable=False, comment="the account that sent it; a source where a message did"),
    Column("message_id", Uuid, ForeignKey(message.c.id), comment="the message that opened it"),
    Column("sent_at", INSTANT, nullable=False),
    Column("accepted_at", INSTANT),
    Column("ended_at", INSTANT),
    Column("version", Integer, nullable=False, server_default="1"),
    Column("changed_at", INSTANT, nullable=False, server_default=text("now()")),
    CheckConstraint("direction in ('up', 'down')", name="known_direction"),
    CheckConstraint("urgency in ('routine', 'urgent', 'emergency')", name="known_urgency"),
    Index(
        "uq_referral_down",
        "resident_id",
        "stay_key",
        unique=True,
        postgresql_where=text("direction = 'down' and stay_key <> '' and state <> 'withdrawn'"),
    ),
    Index("uq_referral_booking", "booking_id", unique=True, postgresql_where=text("ended_at is null")),
    Index(None, "plan_id"),
    Index(None, "previous_id"),
    Index("ix_referral_waiting", "id", postgresql_where=text("state = 'booked'")),
    Index(None, "from_team_id", "id"),
    Index(None, "from_organisation_id", "id"),
    Index(None, "to_organisation_id", "id"),
    Index(None, "to_team_id", "id"),
    Index("ix_referral_to_centre", "to_organisation_id", "id", postgresql_where=_TO_CENTRE),
    Index("ix_referral_open_from_team", "from_team_id", "id", postgresql_where=_OPEN),
    Index("ix_referral_open_from_organisation", "from_organisation_id", "id", postgresql_where=_OPEN),
    Index("ix_referral_open_to_team", "to_team_id", "id", postgresql_where=_OPEN),
    Index("ix_referral_open_to_organisation", "to_organisation_id", "id", postgresql_where=_OPEN),
    comment="A referral, up or down, with the record's summary frozen at sending.",
)

history = Table(
    "history",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("kind", Text, nullable=False, comment="agreement, plan, follow-up, offer, session, booking, referral"),
    Column("subject", Uuid, nullable=False),
    Column("act", Text, nullable=False),
    Column("before", Text, nullable=False, comment="the state before; empty of the first"),
    Column("after", Text, nullable=False),
    Column("by", Text, nullable=False, comment="an account; a source where a message did it; hub where time did"),
    Column("role", Text, nullable=False),
    Column("note", Text, nullable=False, server_default=""),
    Column("message_id", Uuid, ForeignKey(message.c.id), comment="the witness, where a message did it"),
    Column("at", INSTANT, nullable=False, server_default=text("now()")),
    Index(None, "subject", "id"),
    comment="Every step of everything that has states. Append-only for the application role.",
)
