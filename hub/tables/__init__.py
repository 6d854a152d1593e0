"""Every table of the hub. The migrations create them; a test holds the two against each other."""

from hub.tables.followups import contact, follow_up, follow_up_plan, offer
from hub.tables.naming import metadata
from hub.tables.record import (
    ENTRY_TABLES,
    allergy,
    audit,
    condition,
    encounter,
    event,
    fact,
    fate,
    link,
    message,
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
    "allergy",
    "area",
    "audit",
    "booking",
    "condition",
    "contact",
    "coverage",
    "encounter",
    "event",
    "fact",
    "fate",
    "follow_up",
    "follow_up_plan",
    "history",
    "link",
    "message",
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
    "team",
    "team_member",
]

APPEND_ONLY = (message, fact, event, audit, agreement_term, contact, movement, history)
CHANGEABLE = tuple(table for table in metadata.sorted_tables if table not in APPEND_ONLY)
