"""What a source sent: values that adapters, mapping and the inbox speak in. Nothing here knows of residents."""

from hub.message.arrival import MOVES, OWN_SOURCE, Arrival, Fate, Kept, Message, plain
from hub.message.fhir import FhirEntry, FhirMessage
from hub.message.profile import Acknowledging, DropFolder, IdentifierRule, Outbound, Reuse, Source, Tells, View
from hub.message.subjects import (
    SUBJECTS,
    base_of,
    condition_key,
    contained_in,
    patient_asked,
    patient_named,
    subjects_of,
)
from hub.message.v2 import (
    QUERIES,
    Delimiters,
    FieldDefinition,
    Segment,
    V2Dictionary,
    V2Message,
    component_of,
    components_of,
    unescape,
)
from hub.message.ways import Format, Transport

__all__ = [
    "MOVES",
    "OWN_SOURCE",
    "QUERIES",
    "SUBJECTS",
    "Acknowledging",
    "Arrival",
    "Delimiters",
    "DropFolder",
    "Fate",
    "FhirEntry",
    "FhirMessage",
    "FieldDefinition",
    "Format",
    "IdentifierRule",
    "Kept",
    "Message",
    "Outbound",
    "Reuse",
    "Segment",
    "Source",
    "Tells",
    "Transport",
    "V2Dictionary",
    "V2Message",
    "View",
    "base_of",
    "component_of",
    "components_of",
    "condition_key",
    "contained_in",
    "patient_asked",
    "patient_named",
    "plain",
    "subjects_of",
    "unescape",
]
