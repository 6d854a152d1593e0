"""How messages are written, and by which way they come."""

from enum import StrEnum


class Format(StrEnum):
    """How the bytes of a message are written."""

    HL7V2 = "hl7v2"
    FHIR = "fhir"
    CDA = "cda"


class Transport(StrEnum):
    """The way a message came."""

    MLLP = "mllp"
    INGEST = "ingest"
    FHIR = "fhir"
    SOAP = "soap"
    FILE = "file"
    """Loaded by hand: ``hub load``."""
    FOLDER = "folder"
    """Put into the source's drop folder."""
    VIEW = "view"
    """Read from a view of the source's own database."""
    HUB = "hub"
    """The hub's own: what a team measured, kept as a message like any other."""
