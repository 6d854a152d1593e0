"""Every table of the hub. The migrations create them; a test holds the two against each other."""

from hub.tables.alerts import alert, alert_attempt, alert_delivery, alert_notice, database_size, source_hour
from hub.tables.followups import contact, follow_up, follow_up_plan, offer
from hub.tables.inbox import body, control, fate, message, message_step, unread_field, watermark
from hub.tables.naming import metadata
from hub.tables.record import (
    ENTRY_TABLES,
    allergy,
    audit,
    condition,
    encounter,
    event,
    fact,
    link,
    observation,
    patient,
    patient_number,
    report,
    resident,
    resident_number,
)
from hub.tables.referrals import history, referral
from hub.tables.slots import booking, movement, session, slot
from hub.tables.teams import agreement, agreement_term, area, coverage, organisation, practitioner, team, team_member

__all__ = [
    "APPEND_ONLY",
    "CHANGEABLE",
    "ENTRY_TABLES",
    "agreement",
    "agreement_term",
    "alert",
    "alert_attempt",
    "alert_delivery",
    "alert_notice",
    "allergy",
    "area",
    "audit",
    "body",
    "booking",
    "condition",
    "contact",
    "control",
    "coverage",
    "database_size",
    "encounter",
    "event",
    "fact",
    "fate",
    "follow_up",
    "follow_up_plan",
    "history",
    "link",
    "message",
    "message_step",
    "metadata",
    "movement",
    "observation",
    "offer",
    "organisation",
    "patient",
    "patient_number",
    "practitioner",
    "referral",
    "report",
    "resident",
    "resident_number",
    "session",
    "slot",
    "source_hour",
    "team",
    "team_member",
    "unread_field",
    "watermark",
]

APPEND_ONLY = (
    message,
    body,
    message_step,
    fact,
    event,
    audit,
    agreement_term,
    contact,
    movement,
    history,
    alert_notice,
    alert_attempt,
)
CHANGEABLE = tuple(table for table in metadata.sorted_tables if table not in APPEND_ONLY)
