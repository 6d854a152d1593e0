"""What sources refer to across bundles (FHIR R4 2.3.0)."""

from sqlalchemy import Column, ForeignKey, Index, Table, Text, Uuid

from hub.tables.naming import INSTANT, metadata

reference = Table(
    "reference",
    metadata,
    Column("source", Text, primary_key=True),
    Column(
        "reference",
        Text,
        primary_key=True,
        comment="as resources of other bundles write it: Practitioner/p1, or an address",
    ),
    Column("kind", Text),
    Column("shown", Text, comment="null while only the reference is known"),
    Column("sent_at", INSTANT),
    comment="What a source calls the people, places, organisations and drugs that it refers to.",
)

awaited = Table(
    "awaited",
    metadata,
    Column("source", Text, primary_key=True),
    Column("reference", Text, primary_key=True),
    Column("patient_id", Uuid, ForeignKey("patient.id"), primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("key", Text, primary_key=True, comment="the business key of the fact"),
    Index(None, "patient_id"),
    comment="Which facts refer to what their own bundle does not name: they are shown anew once it is named.",
)
