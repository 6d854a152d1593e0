"""Every key that a profile may hold. ``hub/docs/source-profiles.md`` is made from this list, and what is not in it is
refused."""

from dataclasses import dataclass
from enum import StrEnum

from hub.message import DropFolder, Format, Outbound, Tells, Transport, View


@dataclass(frozen=True, kw_only=True, slots=True)
class Key:
    """One key. `required` says when it must stand there, "" if never; `otherwise` is what holds where it does not."""

    path: str
    type: str
    about: str
    required: str = ""
    otherwise: str = ""
    example: str = ""


def _values(choices: type[StrEnum]) -> str:
    return ", ".join(f"`{choice.value}`" for choice in choices)


KEYS: tuple[Key, ...] = (
    Key(
        path="name",
        type="text",
        required="yes",
        about="Name of the source and of its folder: small letters, digits, hyphens, 2 to 41 of them, a letter first.",
        example='"donghu-his"',
    ),
    Key(
        path="organisation",
        type="text",
        required="yes",
        about="The organisation, as readers see it beside each value.",
        example='"东湖医院"',
    ),
    Key(
        path="organisation_en",
        type="text",
        about="Its English name. Kept in the profile; nothing shows it yet.",
        example='"Donghu Hospital"',
    ),
    Key(
        path="organisation_id",
        type="text",
        about="The organisation's id in the [directory](teams-and-agreements.md#the-directory). Without it "
        "the source's stays move no referral, its plans and offers know no hospital of the directory, and it can "
        "publish no sessions.",
        example='"donghu"',
    ),
    Key(
        path="format",
        type="text",
        required="yes",
        about=f"How most of its messages are written: {_values(Format)}.",
        example='"hl7v2"',
    ),
    Key(
        path="also",
        type="list",
        about="Other formats that it sends besides, such as documents in CDA from a system that else speaks v2.",
        example='["cda"]',
    ),
    Key(
        path="transports",
        type="list",
        required="yes",
        about="By which doors it may send: `mllp` (v2), `fhir` (`POST /fhir`), `ingest` (`POST /ingest/NAME`), `soap`, "
        "`file` (`hub load`), `folder` (needs `[folder]`), `view` (needs `[[views]]`). What comes by `file` and `view` "
        f"are rows of tables, which are read as FHIR. All of them: {_values(Transport)}; `hub` is the hub's own.",
        example='["mllp", "ingest"]',
    ),
    Key(
        path="time_zone",
        type="text",
        otherwise="`+08:00`",
        about="The zone of times that name none.",
        example='"+08:00"',
    ),
    Key(
        path="tells",
        type="list",
        otherwise='`["record"]`',
        about=f"In what it has a say: {_values(Tells)} (sessions of its `organisation_id`). For FHIR and files; v2 "
        "tells records only. Else refused: `may-not-tell`.",
        example='["record", "sessions"]',
    ),
    Key(
        path="kinds",
        type="list",
        otherwise="all that are mapped",
        about="The only v2 message types that it may send, each as type and event.",
        example='["ADT^A01", "ADT^A03"]',
    ),
    Key(
        path="addresses",
        type="list",
        otherwise="any",
        about="Networks that it may send from, IPv4 or IPv6; a single address is a network too. Over HTTP "
        "behind a proxy it is the proxy's address that is looked at.",
        example='["10.1.2.0/24"]',
    ),
    Key(
        path="certificates",
        type="list",
        otherwise="any, or none",
        about="Names of client certificates that it may send with over MLLP: the subject's CN or an alternative name.",
        example='["his.donghu.example"]',
    ),
    Key(
        path="acknowledging",
        type="text",
        otherwise="`original`",
        about="When a v2 message is answered: `original` (one answer, whatever MSH-15 and MSH-16 say), `as-asked` (by "
        "these two), `enhanced` (CA once it is kept, then AA, AE or AR), `fast` (AA as soon as it is kept, whatever is "
        "found in it).",
        example='"as-asked"',
    ),
    Key(
        path="reuse",
        type="text",
        otherwise="`flag`",
        about="A control id that comes again with other content: `flag` takes the message and says so, `refuse` "
        "parks it.",
        example='"refuse"',
    ),
    Key(
        path="retention_days",
        type="whole number",
        otherwise="as the site's settings say",
        about="How many days the bytes of its messages are kept, 1 or more.",
        example="730",
    ),
    Key(
        path="visit_by",
        type="text",
        otherwise="none",
        about="By what its documents (CDA) name a stay where `componentOf/encompassingEncounter/id` does not: the root "
        "of one of the patient's ids (`2.16.156.10011.1.12`, 住院号) whose number PV1-19 has as well, or `admission`: "
        "the patient's first id with the time of admission, for a hospital that sends no ADT. Without it such a "
        "document makes no stay, or it would stand beside the one that ADT tells of.",
        example='"2.16.156.10011.1.12"',
    ),
    Key(
        path="identifiers",
        type="list of tables",
        required="yes",
        about="What this source means by its types of numbers.",
    ),
    Key(
        path="identifiers[].type",
        type="text",
        otherwise="numbers without a type",
        about="In v2 what stands in CX.5 (case is ignored), or a position such as `PID-19`; in FHIR "
        "`Identifier.system`.",
        example='"PatientNO"',
    ),
    Key(
        path="identifiers[].kind",
        type="text",
        required="yes",
        about="One of the [identifier kinds](identifier-kinds.md).",
        example='"inpatient-number"',
    ),
    Key(
        path="identifiers[].of_patient",
        type="true or false",
        otherwise="`false`",
        about="Whether the source tells its patients apart by this number. The first of the list that a message "
        "carries counts.",
        example="true",
    ),
    Key(
        path="hl7v2.sending_application",
        type="text",
        required="for `mllp`",
        about="MSH-3.1, exactly: how a message that comes without a token is known.",
        example='"HIS"',
    ),
    Key(
        path="hl7v2.sending_facility",
        type="text",
        otherwise="any facility that no other profile names",
        about="MSH-4.1, exactly.",
        example='"DHYY"',
    ),
    Key(
        path="hl7v2.charset",
        type="text",
        otherwise="`gb18030`",
        about="Character set of messages that declare none and are not valid UTF-8.",
        example='"gb18030"',
    ),
    Key(
        path="hl7v2.versions",
        type="list",
        otherwise="any",
        about="The HL7 versions (MSH-12) that it is known to send; another one is a finding.",
        example='["2.4"]',
    ),
    Key(
        path="outbound.host",
        type="text",
        required="in `[outbound]`",
        about="Where it takes messages from us: its own MLLP listener, by name or address.",
        example='"10.1.2.9"',
    ),
    Key(
        path="outbound.port",
        type="whole number",
        required="in `[outbound]`",
        about="The port of its listener.",
        example="6661",
    ),
    Key(path="outbound.tls", type="true or false", otherwise="`false`", about="Whether it speaks TLS.", example="true"),
    Key(
        path="outbound.ca",
        type="text",
        otherwise="the system's",
        about="PEM file of the authorities that its certificate is held against; relative to the profile's folder.",
        example='"ca.pem"',
    ),
    Key(
        path="outbound.certificate",
        type="text",
        otherwise="none",
        about="PEM file with our certificate and its key, for listeners that ask; relative to the profile's folder.",
        example='"us.pem"',
    ),
    Key(
        path="outbound.seconds",
        type="seconds",
        otherwise=f"`{Outbound(host='', port=1).seconds:g}`",
        about="How long an acknowledgement is waited for.",
        example="30",
    ),
    Key(
        path="folder.path",
        type="text",
        required="in `[folder]`",
        about="The folder that it puts files into; relative to `HUB_HOME`.",
        example='"drop/donghu-his"',
    ),
    Key(
        path="folder.pattern",
        type="text",
        otherwise=f"`{DropFolder(path='').pattern}`",
        about="Which files are taken, by name: `*` stands for anything.",
        example='"*.hl7"',
    ),
    Key(
        path="folder.seconds",
        type="seconds",
        otherwise=f"`{DropFolder(path='').seconds:g}`",
        about="How often it is looked into.",
        example="5",
    ),
    Key(
        path="views[].name",
        type="text",
        required="in `[[views]]`",
        about="Its name: small letters, digits, hyphens. What has been read is remembered under it.",
        example='"discharges"',
    ),
    Key(
        path="views[].url_from",
        type="text",
        required="in `[[views]]`",
        about="Name of the environment variable that holds the SQLAlchemy URL of the source's database; no password "
        "stands in a profile.",
        example='"DONGHU_VIEW_URL"',
    ),
    Key(
        path="views[].table",
        type="text",
        required="in `[[views]]`",
        about="The view or table, with its schema if it needs one. A name, never SQL.",
        example='"his.v_discharges"',
    ),
    Key(
        path="views[].watermark",
        type="text",
        required="in `[[views]]`",
        about="A column that only grows; rows are read in its order.",
        example='"updated_at"',
    ),
    Key(
        path="views[].sheet",
        type="text",
        required="in `[[views]]`",
        about="What its rows are, by the name of a [CSV file](load-files.md) of that kind.",
        example='"sessions"',
    ),
    Key(
        path="views[].columns",
        type="table",
        otherwise="the same names",
        about="Columns that the view calls otherwise: the file's name of a column, then the view's.",
        example='{ number = "PBID" }',
    ),
    Key(
        path="views[].seconds",
        type="seconds",
        otherwise=f"`{View.__dataclass_fields__['seconds'].default:g}`",
        about="How often it is read.",
        example="60",
    ),
    Key(
        path="views[].most",
        type="whole number",
        otherwise=f"`{View.__dataclass_fields__['most'].default}`",
        about="Rows of one reading.",
        example="500",
    ),
)
"""In the order in which the page shows them."""


def known_in(table: str = "") -> frozenset[str]:
    """The keys of a table (``outbound``, ``views[]``); of the profile itself, its tables among them, for ""."""
    if not table:
        return frozenset(key.path.partition(".")[0].removesuffix("[]") for key in KEYS)
    return frozenset(key.path.removeprefix(f"{table}.") for key in KEYS if key.path.startswith(f"{table}."))
