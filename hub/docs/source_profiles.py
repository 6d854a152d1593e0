"""The page of source profiles: every key, and what may lie beside the profile."""

from hub.docs.pages import page, table
from hub.sources import KEYS, Key

EXAMPLE = """\
name = "donghu-his"
organisation = "东湖医院"
organisation_en = "Donghu Hospital"
organisation_id = "donghu"
format = "hl7v2"
also = ["fhir"]                           # what comes by the view below
visit_by = "2.16.156.10011.1.12"          # its documents name a stay by 住院号
transports = ["mllp", "soap", "folder", "view"]
time_zone = "+08:00"
tells = ["record", "sessions"]
kinds = ["ADT^A01", "ADT^A03", "ADT^A04", "ADT^A08", "ADT^A13", "ADT^A40", "ORU^R01"]
addresses = ["10.1.2.0/24"]
certificates = ["his.donghu.example"]
acknowledging = "as-asked"
reuse = "flag"
retention_days = 730
identifiers = [
  { type = "PatientNO",  kind = "inpatient-number", of_patient = true },
  { type = "IDCard",     kind = "visit-card",       of_patient = true },  # 就诊卡, not the citizen ID card
  { type = "IdentifyNO", kind = "citizen-id" },
]

[hl7v2]
sending_application = "HIS"
sending_facility = "DHYY"
charset = "gb18030"
versions = ["2.4"]

[outbound]
host = "10.1.2.9"
port = 6661
tls = true
ca = "ca.pem"
certificate = "us.pem"
seconds = 30

[folder]
path = "drop/donghu-his"
pattern = "*.hl7"
seconds = 5

[[views]]
name = "clinics"
url_from = "DONGHU_VIEW_URL"
table = "his.v_clinics"
watermark = "updated_at"
sheet = "sessions"
columns = { number = "PBID", starts_at = "KSSJ" }
seconds = 60
most = 500
"""
"""A profile with every key; a test takes it in."""

ROWS = """\
# sources/donghu-his/hl7v2/pid-patient.toml
segment = "PID"
resource = "Patient"
rows = [
  { from = "PID-26.1", to = "maritalStatus", as = "concept", codes = "marital-status" },
]
"""
"""A row of a source's own; a test lays it over the hub's."""

MESSAGES = """\
# sources/donghu-his/hl7v2/messages.toml
[[message]]
events = ["ADT^ZP1"]
rows = ["pid-patient", "pv1-encounter"]
"""
"""A message type of a source's own; a test takes it in."""


def source_profiles_page() -> str:
    """Every key with its type and default, an example of all of them, rows and tables, reloading, the commands."""
    return page(
        "Source profiles",
        "A sending system is a folder: `NAME/source.toml` in the `sources` folder of `HUB_CONFIG_DIR`, and beside it, "
        "where it needs them, code tables (`codes/*.csv`) and mapping rows (`hl7v2/*.toml`). A profile of a site "
        "replaces one of the hub's own of that name. [Connect a hospital](connect-a-hospital.md) shows the way from a "
        "sample to a checked profile.",
        "## From samples",
        "```\nhub source new donghu-his --from monday.hl7 tuesday.hl7\nhub source check donghu-his\n```",
        "`hub source new` reads v2 messages (as they are, a batch, or an MLLP capture), FHIR JSON and NDJSON, CDA, "
        "SOAP envelopes and CSV files, and writes `NAME/source.toml` below the current folder or `--out`. It says what "
        "was seen, with counts; what it guesses from the shape of numbers and names ends in `?`. It lists what no row "
        "reads by position, and writes no value of a person. The folder comes into force when it is moved to "
        "`sources`. `hub source check` names every fault with file and line and ends with status 1 if there is one; "
        "remarks are about what is sound and still odd. It takes names, and folders that are not in force yet.",
        "## When files change",
        "A running hub looks at the profiles once a second, each of its processes for itself, and takes a change that "
        "has stood still for a second; `SIGHUP` makes it look at once. No connection is closed: the next message is "
        "read by the new profile, rows and tables.",
        "- A profile with a fault is refused: `profile-refused` in the log, with file and line. **The last good one "
        "stays in force** until the file is mended; the others load.",
        "- At start there may be no last good one. Then the hub starts without that source, and says so.",
        "- No two sources share application and facility. Who had them keeps them; whoever comes to claim them is "
        "refused. If at start two claim them, neither is in force: one hospital's messages must not become another's.",
        "- The messages of a source whose folder is gone are kept and parked (`unknown-source`).",
        "`hub source list` reads the files as they are now; what it calls refused may still run on its last good one.",
        "## Example",
        f"```toml\n{EXAMPLE}```",
        "## Keys",
        table(("key", "type", "required", "without it", "meaning", "example"), [_row(key) for key in KEYS]),
        "A key that is not listed is refused. No password stands in a profile: `url_from` names the environment "
        "variable that holds it.",
        "## Code tables of a source",
        "`codes/TABLE.csv` is laid over `mappings/codes/TABLE.csv`: its rows are added, and win where both know a "
        "code. The columns are `from,to,display,system`; the last two may be left out. A table of another name is the "
        "source's own, for rows of its own. Tables and rows are laid over for v2 only; FHIR resources stay as sent.",
        "## Rows of a source",
        "`hl7v2/ignored.toml` names the fields of this source that need no row, each with its reason "
        "([Mapping](mapping.md#what-nothing-reads)).",
        "`hl7v2/NAME.toml`, named as one of the hub's row sets, is laid over it: all rows of a target (`to`) that it "
        "names stand in place of all the hub's rows of that target, others are added at the end. `segment` and "
        "`resource` are written as in the hub's file; `key`, `when`, `joins` and `result_of` only where they differ. "
        "[Mapping](mapping.md) says how rows are written.",
        f"```toml\n{ROWS}```",
        "A file of another name is a row set of the source's own, about a Z segment for instance. `messages.toml` "
        "names the message types that it reads; types that are not named there are read as the hub reads them.",
        f"```toml\n{MESSAGES}```",
    )


def _row(key: Key) -> tuple[str, ...]:
    example = f"`{key.example}`" if key.example else ""
    return (f"`{key.path}`", key.type, key.required, key.otherwise, key.about, example)
