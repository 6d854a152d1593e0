"""Source profiles: what they say, and how a wrong one is refused with its file and line."""

from pathlib import Path

import pytest

from hub.errors import Refused
from hub.message import Format, Transport
from hub.sources import SourceBook, load_sources, read_source
from tests.desk import is_charset, kinds

PROFILE = """\
name = "erming-his"
organisation = "二明医院"
format = "hl7v2"
transports = ["mllp", "ingest"]
identifiers = [
  { type = "BLH", kind = "inpatient-number", of_patient = true },
  { type = "SFZ", kind = "citizen-id" },
]

[hl7v2]
sending_application = "HIS"
sending_facility = "EMYY"
charset = "gb18030"
"""


def written(folder: Path, text: str, name: str = "erming-his") -> Path:
    file = folder / name / "source.toml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    return file


def test_a_profile_says_who_sends_and_how(tmp_path: Path) -> None:
    source = read_source(written(tmp_path, PROFILE), kinds(), is_charset)
    assert (source.name, source.format, source.charset) == ("erming-his", Format.HL7V2, "gb18030")
    assert source.transports == {Transport.MLLP, Transport.INGEST}
    assert [(rule.type, rule.kind, rule.of_patient) for rule in source.identifiers] == [
        ("BLH", "inpatient-number", True),
        ("SFZ", "citizen-id", False),
    ]


def test_a_profile_without_a_time_zone_means_china(tmp_path: Path) -> None:
    source = read_source(written(tmp_path, PROFILE), kinds(), is_charset)
    assert str(source.time_zone) == "UTC+08:00"


def test_identifier_types_are_found_whatever_their_case(tmp_path: Path) -> None:
    rule = read_source(written(tmp_path, PROFILE), kinds(), is_charset).rule_for("blh")
    assert rule is not None
    assert rule.kind == "inpatient-number"


@pytest.mark.parametrize(
    ("old", "new", "line", "said"),
    [
        ('format = "hl7v2"', 'format = "hl7v3"', 3, "'hl7v3' is not one of hl7v2, fhir"),
        ('["mllp", "ingest"]', '["mllp", "fax"]', 4, "'fax' is not one of"),
        ('["mllp", "ingest"]', "[]", 4, "transports is missing"),
        ('organisation = "二明医院"', 'organization = "二明医院"', 2, "unknown key organization"),
        ('name = "erming-his"', 'name = "another"', 1, "name must be that of the folder"),
        ('kind = "citizen-id"', 'kind = "id-card"', 7, "identifiers[2].kind 'id-card' is not one of"),
        ('kind = "citizen-id"', 'kind = "citizen-id", strong = true', 7, "unknown key identifiers[2].strong"),
        ('charset = "gb18030"', 'charset = "gbk2000"', 13, "charset 'gbk2000' is not known"),
        ('charset = "gb18030"', 'character_set = "gb18030"', 13, "unknown key hl7v2.character_set"),
        ('sending_application = "HIS"\n', "", 10, "hl7v2 needs sending_application"),
        ('format = "hl7v2"', 'format = "hl7v2"\ntime_zone = "Asia/Shanghai"', 4, "is not written as +08:00"),
        ('format = "hl7v2"', 'format = "hl7v2"\ntime_zone = "+99:00"', 4, "is no time zone of the earth"),
        ('["mllp", "ingest"]', "5", 4, "transports is a list of texts"),
        ('format = "hl7v2"', 'format = "hl7v2"\ntime_zone = 8', 4, "time_zone is a text, in quotes"),
        ('format = "hl7v2"', 'format = "hl7v2"\ntime_zone = "+08:75"', 4, "is no time zone of the earth"),
    ],
)
def test_a_wrong_profile_is_refused_with_file_and_line(
    old: str, new: str, line: int, said: str, tmp_path: Path
) -> None:
    assert old in PROFILE
    file = written(tmp_path, PROFILE.replace(old, new))
    with pytest.raises(Refused) as refused:
        read_source(file, kinds(), is_charset)
    refusal = refused.value.refusal
    assert (refusal.code, refusal.where) == ("bad-profile", f"{file}:{line}")
    assert said in refusal.message()


def test_a_profile_that_is_no_toml_is_refused_with_its_line(tmp_path: Path) -> None:
    file = written(tmp_path, PROFILE.replace('format = "hl7v2"', "format = hl7v2"))
    with pytest.raises(Refused, match=r"source\.toml:3: is no TOML"):
        read_source(file, kinds(), is_charset)


def test_a_profile_in_another_character_set_is_refused_with_its_line(tmp_path: Path) -> None:
    file = written(tmp_path, PROFILE)
    file.write_bytes(PROFILE.encode("gb18030"))
    with pytest.raises(Refused, match="is not UTF-8") as refused:
        read_source(file, kinds(), is_charset)
    assert (refused.value.refusal.code, refused.value.refusal.where) == ("bad-profile", f"{file}:2")


def test_two_profiles_of_one_header_are_refused(tmp_path: Path) -> None:
    written(tmp_path, PROFILE)
    written(tmp_path, PROFILE.replace("erming-his", "sanming-his"), "sanming-his")
    with pytest.raises(Refused) as refused:
        load_sources([tmp_path], kinds(), is_charset)
    assert refused.value.refusal.code == "ambiguous-source"
    assert "erming-his" in refused.value.refusal.message()
    assert "sanming-his" in refused.value.refusal.message()


def test_a_sites_profile_replaces_one_of_the_same_name(tmp_path: Path) -> None:
    written(tmp_path / "base", PROFILE)
    written(tmp_path / "site", PROFILE.replace("二明医院", "二明新院"))
    found = load_sources([tmp_path / "base", tmp_path / "site"], kinds(), is_charset)
    source, folder = found["erming-his"]
    assert (source.organisation, folder) == ("二明新院", tmp_path / "site" / "erming-his")


def book(tmp_path: Path) -> SourceBook:
    written(tmp_path, PROFILE)
    found = load_sources([tmp_path], kinds(), is_charset)
    return SourceBook({name: source for name, (source, _) in found.items()})


def test_a_message_finds_its_source_by_application_and_facility(tmp_path: Path) -> None:
    assert book(tmp_path).find_sender("HIS", "EMYY").name == "erming-his"
    for application, facility, where in (("HIS", "NOWHERE", "MSH-4"), ("LIS", "EMYY", "MSH-3"), ("", "EMYY", "MSH-4")):
        with pytest.raises(Refused, match=f"{where} names no source"):
            book(tmp_path).find_sender(application, facility)


def test_a_source_may_send_only_the_ways_of_its_profile(tmp_path: Path) -> None:
    assert book(tmp_path).get("erming-his", Transport.MLLP).name == "erming-his"
    with pytest.raises(Refused) as refused:
        book(tmp_path).get("erming-his", Transport.FHIR)
    assert refused.value.refusal.code == "transport-not-declared"
