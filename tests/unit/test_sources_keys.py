"""Every key of a profile: read into the source, documented, and refused by file, line and name where it is wrong."""

import re
import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from adapters.hl7v2.dictionary import is_known
from hub.docs.source_profiles import EXAMPLE
from hub.errors import Refused
from hub.message import (
    Acknowledging,
    DropFolder,
    Format,
    IdentifierRule,
    Outbound,
    Reuse,
    Source,
    Tells,
    Transport,
    View,
)
from hub.sources import KEYS, find_faults, load_sources, read_source
from hub.sources.lines import find_line
from tests.desk import is_charset, kinds

CERTIFICATE = "us.pem"


def written(folder: Path, text: str) -> Path:
    file = folder / "donghu-his" / "source.toml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    return file


def read(folder: Path, text: str = EXAMPLE) -> Source:
    return read_source(written(folder, text), kinds(), is_charset, is_known)


def faults(folder: Path, text: str) -> list[tuple[int, str, str]]:
    """Line, English and Chinese of every fault."""
    file = written(folder, text)
    found = find_faults(file, kinds(), is_charset, is_known)
    assert all(one.code == "bad-profile" and one.where.startswith(f"{file}:") for one in found)
    return [(int(one.where.rpartition(":")[2]), one.message("en"), one.message("zh")) for one in found]


def test_the_example_of_the_page_says_all_that_a_source_can_be(tmp_path: Path) -> None:
    source = read(tmp_path)
    assert source == Source(
        name="donghu-his",
        organisation="东湖医院",
        organisation_en="Donghu Hospital",
        organisation_id="donghu",
        format=Format.HL7V2,
        also=frozenset({Format.FHIR}),
        transports=frozenset({Transport.MLLP, Transport.SOAP, Transport.FOLDER, Transport.VIEW}),
        time_zone=source.time_zone,
        tells=frozenset({Tells.RECORD, Tells.SESSIONS}),
        visit_by="2.16.156.10011.1.12",
        kinds=frozenset({"ADT^A01", "ADT^A03", "ADT^A04", "ADT^A08", "ADT^A13", "ADT^A40", "ORU^R01"}),
        addresses=("10.1.2.0/24",),
        certificates=("his.donghu.example",),
        acknowledging=Acknowledging.AS_ASKED,
        reuse=Reuse.FLAG,
        retention_days=730,
        identifiers=(
            IdentifierRule(type="PatientNO", kind="inpatient-number", of_patient=True),
            IdentifierRule(type="IDCard", kind="visit-card", of_patient=True),
            IdentifierRule(type="IdentifyNO", kind="citizen-id"),
        ),
        sending_application="HIS",
        sending_facility="DHYY",
        charset="gb18030",
        versions=frozenset({"2.4"}),
        outbound=Outbound(
            host="10.1.2.9",
            port=6661,
            tls=True,
            ca=str(tmp_path / "donghu-his" / "ca.pem"),
            certificate=str(tmp_path / "donghu-his" / "us.pem"),
            seconds=30,
        ),
        folder=DropFolder(path="drop/donghu-his", pattern="*.hl7", seconds=5),
        views=(
            View(
                name="clinics",
                url_from="DONGHU_VIEW_URL",
                table="his.v_clinics",
                watermark="updated_at",
                sheet="sessions",
                columns=(("number", "PBID"), ("starts_at", "KSSJ")),
                seconds=60,
                most=500,
            ),
        ),
    )
    assert source.time_zone.utcoffset(None) == timedelta(hours=8)


@pytest.mark.parametrize("key", KEYS, ids=lambda key: key.path)
def test_every_key_of_the_page_stands_in_its_example(key: object) -> None:
    path = getattr(key, "path", "")
    assert re.search(rf"^(\s*\{{ .*)?\[*{re.escape(path.rpartition('.')[2])}\b", EXAMPLE, re.MULTILINE) or (
        re.search(rf"\b{re.escape(path.rpartition('.')[2])} = ", EXAMPLE)
    )


WRONG = [
    ('also = ["fhir"] ', 'also = ["dicom"] ', "also 'dicom' is not one of"),
    ('"10.1.2.0/24"', '"10.1.2.300"', "no address or network"),
    ('"10.1.2.0/24"', '"10.1.2.7/24"', "the network is 10.1.2.0/24"),
    ('["his.donghu.example"]', '"his.donghu.example"', "certificates is a list of texts"),
    ('["his.donghu.example"]', '[" his.donghu.example"]', "what is no name of a certificate"),
    ('"as-asked"', '"never"', "acknowledging 'never' is not one of as-asked, original, enhanced, fast"),
    ('reuse = "flag"', 'reuse = "drop"', "reuse 'drop' is not one of flag, refuse"),
    ("retention_days = 730", "retention_days = 0", "retention_days is a whole number from 1"),
    ("retention_days = 730", "retention_days = true", "retention_days is a whole number from 1"),
    ('"ADT^A01", ', '"ADT^A01", "adt^a01", ', "kinds 'adt^a01' is not written as ADT^A01"),
    ('versions = ["2.4"]', 'versions = ["2.4", "3.0"]', "hl7v2.versions '3.0' is no version of HL7 v2"),
    ('host = "10.1.2.9"', 'host = ""', "outbound.host is missing"),
    ("port = 6661", "port = 66610", "outbound.port is a whole number from 1 to 65535"),
    ("port = 6661", 'port = "6661"', "outbound.port is a whole number from 1 to 65535"),
    ("tls = true", "tls = 1", "outbound.tls is true or false"),
    ('certificate = "us.pem"', 'password = "x"', "unknown key outbound.password"),
    ("seconds = 30", "seconds = 0", "outbound.seconds is a number of seconds"),
    ('path = "drop/donghu-his"', 'path = "../../etc"', "folder.path does not lead upward"),
    ('pattern = "*.hl7"', 'pattern = "in/*.hl7"', "folder.pattern is of file names"),
    ('name = "clinics"', 'name = "Clinics"', "views[1].name is of small letters"),
    ('"DONGHU_VIEW_URL"', '"oracle://his:secret@10.1.2.9"', "views[1].url_from names an environment variable"),
    ('"his.v_clinics"', '"v_clinics; drop table x"', "views[1].table is a name of letters"),
    ('"his.v_clinics"', '"(select 1)"', "views[1].table is a name of letters"),
    ('"updated_at"', '"updated_at desc"', "views[1].watermark is a name of letters"),
    ('"PBID"', '"PBID\\" --"', "views[1].columns"),
    ("most = 500", "most = 0", "views[1].most is a whole number from 1"),
    ('"inpatient-number", of_patient', '"inpatient-number", of_patients', "unknown key identifiers[1].of_patients"),
    ('type = "IDCard"', 'type = "patientno"', "identifiers[2].type 'patientno' stands here twice"),
]


@pytest.mark.parametrize(("old", "new", "said"), WRONG, ids=[said[:40] for _, _, said in WRONG])
def test_a_wrong_key_is_refused_on_its_line_by_name_in_both_languages(
    old: str, new: str, said: str, tmp_path: Path
) -> None:
    assert EXAMPLE.count(old) == 1
    text = EXAMPLE.replace(old, new)
    line = text[: text.index(new)].count("\n") + 1
    found = faults(tmp_path, text)
    assert [one[0] for one in found] == [line]
    assert said in found[0][1]
    assert re.search(r"[\u4e00-\u9fff]", found[0][2])
    assert "secret" not in str(found), "a password that slipped in is not repeated"


def test_every_fault_is_named_at_once_in_the_order_of_the_lines(tmp_path: Path) -> None:
    text = EXAMPLE.replace('"flag"', '"drop"').replace("6661", "0").replace('"10.1.2.0/24"', '"ten"')
    found = faults(tmp_path, text)
    assert [one.split(": ", 1)[1].split(" ")[0] for _, one, _ in found] == ["addresses", "reuse", "outbound.port"]
    assert [line for line, _, _ in found] == sorted(line for line, _, _ in found)


@pytest.mark.parametrize(
    ("old", "said"),
    [
        (', "folder"', "folder and the transport 'folder' belong together"),
        (', "view"', "views and the transport 'view' belong together"),
        ('also = ["fhir"] ', "transports hl7v2 messages do not come by view"),
    ],
)
def test_transports_and_what_they_need_belong_together(old: str, said: str, tmp_path: Path) -> None:
    assert any(said in one for _, one, _ in faults(tmp_path, EXAMPLE.replace(old, "", 1)))


def test_certificates_without_tls_are_refused(tmp_path: Path) -> None:
    found = faults(tmp_path, EXAMPLE.replace("tls = true", "tls = false"))
    assert [one.split(": ", 1)[1].split(" ")[0] for _, one, _ in found] == ["outbound.ca", "outbound.certificate"]


def test_only_who_comes_without_a_token_needs_a_name_in_its_header(tmp_path: Path) -> None:
    nameless = EXAMPLE.replace('sending_application = "HIS"\n', "")
    assert "hl7v2 needs sending_application" in faults(tmp_path, nameless)[0][1]
    assert read(tmp_path, nameless.replace('"mllp", ', "")).sending_application == ""


def test_a_byte_order_mark_is_no_fault(tmp_path: Path) -> None:
    assert read(tmp_path, f"\ufeff{EXAMPLE}").name == "donghu-his"


def test_the_hubs_own_profile_is_sound() -> None:
    own = Path(__file__).parents[2] / "mappings" / "sources"
    assert set(load_sources([own], kinds(), is_charset, is_known)) == {"hub"}


def test_a_profile_that_cannot_be_read_says_so(tmp_path: Path) -> None:
    file = written(tmp_path, EXAMPLE)
    file.unlink()
    file.mkdir()
    with pytest.raises(Refused, match="cannot be read"):
        read_source(file, kinds(), is_charset)
    shutil.rmtree(file)


TOML = """\
# name = "not here"
organisation = "[outbound] is no header here"
identifiers = [
  { type = "{", kind = "a" }, { type = "b", kind = "c" },
  { type = "d",
    kind = "e" },
]
[[views]]
name = "one"
[outbound]  # name = 1
host = "h"
[[views]]
name = "two"
columns = { a = "b" }
"""


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("organisation",), 2),
        (("identifiers",), 3),
        (("identifiers", 0, "kind"), 4),
        (("identifiers", 1, "kind"), 4),
        (("identifiers", 2, "kind"), 5),
        (("views", 0, "name"), 9),
        (("views", 1, "name"), 13),
        (("views", 1, "columns"), 14),
        (("views", 1, "most"), 12),
        (("outbound", "host"), 11),
        (("outbound", "port"), 10),
        (("outbound",), 10),
        (("name",), None),
    ],
)
def test_the_line_of_a_key_is_found_whatever_stands_in_texts_and_comments(
    path: tuple[str | int, ...], line: int | None
) -> None:
    assert find_line(TOML, path) == line
