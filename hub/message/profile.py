"""A source's profile, as values: who sends, how, and what it means by its own words."""

from dataclasses import dataclass
from datetime import timezone
from enum import StrEnum

from hub.message.ways import Format, Transport

VISIT_BY_ADMISSION = "admission"
"""What `Source.visit_by` says where a stay goes by its patient's number and its beginning."""


class Tells(StrEnum):
    """What a source has a say in."""

    RECORD = "record"
    """Patients and what is known of their health."""
    DIRECTORY = "directory"
    """Organisations, practitioners, teams."""
    AGREEMENTS = "agreements"
    """Who signed with whom."""
    SESSIONS = "sessions"
    """The sessions and slots of its own organisation."""


class Acknowledging(StrEnum):
    """When a v2 message is answered, and with what (HL7 v2.5.1 chapter 2.9.2)."""

    AS_ASKED = "as-asked"
    """As MSH-15 and MSH-16 ask: enhanced mode where either is valued, else original mode."""
    ORIGINAL = "original"
    """One answer, AA, AE or AR, once the message is kept and the door has looked at it."""
    ENHANCED = "enhanced"
    """CA, CE or CR once it is kept; AA, AE or AR once it is merged or parked."""
    FAST = "fast"
    """AA as soon as it is kept, whatever the door finds: for senders that stop at the first AE."""


class Reuse(StrEnum):
    """What becomes of a message whose control id its source has used before, with other content (MSH-7 aside)."""

    FLAG = "flag"
    REFUSE = "refuse"


@dataclass(frozen=True, kw_only=True, slots=True)
class Outbound:
    """Where a source takes messages from us: its own MLLP listener. `ca` and `certificate` are paths of PEM files."""

    host: str
    port: int
    tls: bool = False
    ca: str = ""
    certificate: str = ""
    seconds: float = 30.0
    """How long an acknowledgement is waited for."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DropFolder:
    """A folder that a source puts files into. What was taken moves to ``done/``, what was not to ``failed/``, each with
    a report beside it."""

    path: str
    pattern: str = "*"
    seconds: float = 5.0
    """How often it is looked into."""
    is_ours: bool = False
    """Whether it lies under the hub's home, and is made where it is not there."""


@dataclass(frozen=True, kw_only=True, slots=True)
class View:
    """A view of the source's own database. `url_from` names the environment variable that holds its SQLAlchemy URL: no
    password stands in a profile. Rows are read in the order of `watermark`, a column that only grows."""

    name: str
    url_from: str
    table: str
    watermark: str
    sheet: str
    """What its rows are, by the name of a CSV file of that kind: ``sessions``, ``discharges``."""
    columns: tuple[tuple[str, str], ...] = ()
    """(column of the sheet, column of the view), where they differ."""
    seconds: float = 60.0
    most: int = 500
    """Rows of one reading."""


@dataclass(frozen=True, kw_only=True, slots=True)
class IdentifierRule:
    """What a source means by one identifier type of its own (CX.5 in v2, ``Identifier.system`` in FHIR)."""

    type: str
    kind: str
    of_patient: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """One sending system of one organisation: its profile, as the site wrote it. `organisation_id` is that of the
    directory; without it nothing that the source says moves a referral or publishes a session."""

    name: str
    organisation: str
    organisation_en: str = ""
    format: Format
    transports: frozenset[Transport]
    time_zone: timezone
    identifiers: tuple[IdentifierRule, ...]
    sending_application: str = ""
    sending_facility: str = ""
    charset: str = ""
    organisation_id: str = ""
    tells: frozenset[Tells] = frozenset({Tells.RECORD})
    also: frozenset[Format] = frozenset()
    """Formats besides `format`: documents (CDA) that come through the same doors."""
    kinds: frozenset[str] = frozenset()
    """The only message types that it may send (``ADT^A01``); empty: all that are mapped."""
    versions: frozenset[str] = frozenset()
    """The HL7 versions that it is known to send; another one is a finding. Empty: any."""
    addresses: tuple[str, ...] = ()
    """Networks (``10.1.2.0/24``) that it may send from; empty: any."""
    certificates: tuple[str, ...] = ()
    """Names (subject CN or alternative name) of the client certificates that it may send with; empty: any, or none."""
    acknowledging: Acknowledging = Acknowledging.ORIGINAL
    reuse: Reuse = Reuse.FLAG
    retention_days: int = 0
    """How long the bytes of its messages are kept; 0: as HUB_RETENTION_DAYS says."""
    outbound: Outbound | None = None
    folder: DropFolder | None = None
    views: tuple[View, ...] = ()
    visit_by: str = ""
    """By what a document without an encounter of its own number names its stay: the root of an id of the patient
    (``2.16.156.10011.1.12``), or ``admission``: the patient's number and when the stay began. "": it names none."""

    def speaks(self, format_: Format) -> bool:
        """Whether its messages may be written so."""
        return format_ is self.format or format_ in self.also

    def rule_for(self, identifier_type: str) -> IdentifierRule | None:
        """The rule for an identifier type as sent; case is ignored, senders vary it."""
        for rule in self.identifiers:
            if rule.type == identifier_type:
                return rule
        wanted = identifier_type.casefold()
        return next((rule for rule in self.identifiers if rule.type.casefold() == wanted), None)
