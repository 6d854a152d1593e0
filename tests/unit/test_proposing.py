"""A profile proposed from samples: what was seen, with counts; what is guessed, plainly marked; nothing of a person."""

import json
import re
import tomllib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fixtures.county import people, story
from hub.errors import Language, Refused
from hub.message import Format
from hub.profiles.findings import Findings, as_json, find
from hub.profiles.proposing import Proposal
from hub.profiles.samples import Written, read_samples, v2_messages, written_in
from hub.profiles.shapes import guess_kind, shape_of
from hub.sources import find_faults
from hub.wiring import sample_eyes
from tests.desk import is_charset, kinds, sources
from tests.unit.test_sources_rows import base

ADMISSION = (
    "MSH|^~\\&|HIS|DHYY|HUB|WQ|20261012093000{zone}||{kind}|T0001|P|2.4|||{asked}|{country}|{charset}\r"
    "EVN|A01|20261012093000\r"
    "PID|1|8800|{numbers}||测试甲||19560312|M|||||||||||{pid19}|||||||||中国\r"
    "PV1|1|I|4700^^^4700^神经内科\r"
    "ZCS|1|自费\r"
)
NUMBERS = "0000004567^^^^PatientNO~37109919560312001X^^^^IdentifyNO"


def admission(codec: str = "gb18030", **said: str) -> bytes:
    filled = {"zone": "", "kind": "ADT^A01", "asked": "AL|NE", "country": "", "charset": "", "pid19": ""}
    return ADMISSION.format(**{**filled, "numbers": NUMBERS, **said}).encode(codec)


def found(*files: bytes) -> Findings:
    eyes = sample_eyes()
    return find(read_samples({f"{at}.dat": raw for at, raw in enumerate(files)}, eyes), base(), eyes)


def proposed(findings: Findings, language: Language = "en", name: str = "donghu-his") -> str:
    proposal = Proposal(name=name, files=["a.hl7"], language=language, is_version=lambda text: text in ("2.4", "2.5.1"))
    return proposal.propose(findings)


def profile(*files: bytes) -> dict[str, Any]:
    return tomllib.loads(proposed(found(*files)))


@cache
def county() -> Mapping[str, Sequence[bytes]]:
    """What each source of the county sends in its story."""
    sent: dict[str, list[bytes]] = defaultdict(list)
    for sending in story():
        sent[sending.source].append(sending.body)
    return sent


# -- the county's own hospitals --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(county()))
@pytest.mark.parametrize("language", ["zh", "en"])
def test_what_is_proposed_is_a_sound_profile(name: str, language: Language, tmp_path: Path) -> None:
    file = tmp_path / name / "source.toml"
    file.parent.mkdir()
    file.write_text(proposed(found(*county()[name]), language, name), encoding="utf-8")
    assert find_faults(file, kinds(), is_charset) == []


@pytest.mark.parametrize("name", [name for name, one in sources().items() if one.format is Format.HL7V2])
def test_a_v2_source_is_found_as_its_people_wrote_it(name: str) -> None:
    meant, said = sources()[name], profile(*county()[name])
    assert said["hl7v2"]["sending_application"] == meant.sending_application
    assert said["hl7v2"]["sending_facility"] == meant.sending_facility
    assert said["hl7v2"]["charset"] == meant.charset
    rules = {(rule.type, rule.kind, rule.of_patient) for rule in meant.identifiers}
    assert {(one["type"], one["kind"], one.get("of_patient", False)) for one in said["identifiers"]} <= rules


@pytest.mark.parametrize("name", ["erke-fhir", "nanshan-phs"])
def test_a_fhir_source_is_found_by_its_identifier_systems(name: str) -> None:
    said = profile(*county()[name])
    assert (said["format"], said["transports"]) == ("fhir", ["fhir", "ingest"])
    meant = {rule.type: rule.kind for rule in sources()[name].identifiers}
    assert {one["type"]: one["kind"] for one in said["identifiers"]}.items() <= meant.items()


@pytest.mark.parametrize("name", sorted(county()))
def test_no_value_of_a_person_is_written(name: str) -> None:
    text = proposed(found(*county()[name]), "zh") + json.dumps(as_json(found(*county()[name])))
    for person in people().values():
        assert person.name not in text
        assert not person.citizen_id or person.citizen_id not in text
        assert not person.phone or person.phone not in text
    assert not re.search(r"\d{9,}", re.sub(r"urn:oid:[\d.]+", "", text))


# -- what is seen ----------------------------------------------------------------------------------------------------


def test_all_that_a_header_says_is_counted() -> None:
    findings = found(admission() + b"\r" + admission(asked="NE|AL", charset="UNICODE UTF-8", codec="utf-8"))
    assert findings.senders == {("HIS", "DHYY"): 2}
    assert findings.versions == {"2.4": 2}
    assert findings.kinds == {"ADT^A01": 2}
    assert findings.asked == {("AL", "NE"): 1, ("NE", "AL"): 1}
    assert findings.declared == {"MSH-18 UNICODE UTF-8": 1}
    assert findings.written == {"gb18030": 1, "utf-8": 1}
    assert findings.mismatched == 0


@pytest.mark.parametrize(
    ("messages", "charset"),
    [
        ([admission("utf-8")], "utf-8"),
        ([admission("gb18030")], "gb18030"),
        ([admission("utf-8"), admission("utf-8"), admission("gb18030")], "utf-8"),
    ],
)
def test_the_charset_is_what_most_bytes_really_are(messages: list[bytes], charset: str) -> None:
    assert profile(*messages)["hl7v2"]["charset"] == charset


def test_bytes_that_are_not_what_they_declare_are_pointed_out() -> None:
    findings = found(admission("gb18030", charset="UNICODE UTF-8"), admission("gb18030", country="GB2312"))
    assert findings.mismatched == 1
    assert findings.declared == {"MSH-18 UNICODE UTF-8": 1, "MSH-17 GB2312": 1}
    assert "1 messages are not in the character set that they declare" in proposed(findings)


@pytest.mark.parametrize(
    ("raw", "written"),
    [
        (b"MSH", Written.ASCII),
        ("王".encode(), Written.UTF_8),
        ("王小明".encode("gb18030"), Written.GB_18030),
        ("木".encode("gb18030"), Written.EITHER),
        ("\U00020bb7".encode("gb18030"), Written.GB_18030),
        (b"\xff\xff", Written.NEITHER),
    ],
)
def test_bytes_are_known_by_the_evidence(raw: bytes, written: Written) -> None:
    assert written_in(raw) is written


def test_a_zone_that_times_carry_is_proposed_and_one_that_none_carries_is_marked() -> None:
    assert profile(admission(zone="+0600"))["time_zone"] == "+06:00"
    assert profile(admission(zone="+9900"))["time_zone"] == "+08:00"
    (line,) = [line for line in proposed(found(admission())).splitlines() if line.startswith("time_zone")]
    assert line.startswith('time_zone = "+08:00"')
    assert line.endswith("?")


def test_a_kind_that_nobody_maps_is_named_and_left_out() -> None:
    findings = found(admission(kind="ADT^ZP1"), admission())
    assert findings.unmapped_kinds == ("ADT^ZP1",)
    text = proposed(findings)
    assert "not mapped, and refused until rows are written for them: ADT^ZP1" in text
    assert '# kinds = ["ADT^A01"]' in text


def test_what_no_row_reads_is_listed_by_position_with_the_standards_name() -> None:
    sample = admission().replace(b"\rZCS", b"\rPV2|||||B7\rZCS", 1)
    unread = {one.position: (one.name, one.messages) for one in found(sample, admission()).unread}
    assert unread["PV2-5"] == ("Patient Valuables", 1)
    assert unread["ZCS"] == ("", 2)
    assert not {"PID-3", "PID-5", "PID-8", "PV1-2", "EVN-2"} & set(unread)
    assert "#   PV2-5 Patient Valuables ×1" in proposed(found(sample, admission()))


def test_two_senders_in_one_file_are_pointed_out() -> None:
    text = proposed(found(admission(), admission(), admission().replace(b"DHYY", b"XRMYY")))
    assert "HIS/DHYY ×2, HIS/XRMYY ×1" in text
    assert "another sender needs a profile of its own" in text
    assert tomllib.loads(text)["hl7v2"]["sending_facility"] == "DHYY"


def test_a_sender_without_a_name_may_not_come_by_mllp() -> None:
    said = profile(admission().replace(b"|HIS|", b"||"))
    assert said["transports"] == ["ingest"]
    assert "sending_application" not in said["hl7v2"]


# -- numbers ---------------------------------------------------------------------------------------------------------


def rules(numbers: str, **said: str) -> dict[str, str]:
    return {one["type"]: one["kind"] for one in profile(admission(numbers=numbers, **said))["identifiers"]}


def test_the_visit_card_that_is_called_id_card_is_no_citizen_id() -> None:
    assert rules("0000000123^^^^IDCard") == {"IDCard": "visit-card"}
    assert rules("37109919560312001X^^^^IDCard") == {"IDCard": "citizen-id"}, "the shape speaks before the name"


def test_a_type_that_says_citizen_id_and_holds_others_is_questioned() -> None:
    text = proposed(found(admission(numbers="123456^^^^SFZ")))
    assert "its name says citizen ID number, its numbers do not" in text
    assert rules("123456^^^^SFZ") == {"SFZ": "local-number"}


def test_every_rule_is_marked_as_a_guess_with_what_it_rests_on() -> None:
    lines = proposed(found(admission())).splitlines()
    of_rules = [at for at, line in enumerate(lines) if line.startswith("  { type")]
    assert all(lines[at].endswith("?") for at in of_rules)
    assert all(lines[at - 1].startswith("  # in 1 messages") for at in of_rules)
    assert "1 of 1 are valid citizen ID numbers (GB 11643)" in "\n".join(lines)


def test_a_number_where_a_type_should_stand_is_not_written() -> None:
    text = proposed(found(admission(numbers="4567^^^^37109919560312001X~8^^^^BLH")))
    assert "37109919560312001X" not in text
    assert "in 1 messages the type is no name" in text


def test_pid_19_that_holds_something_else_is_offered_as_a_rule() -> None:
    assert '{ type = "PID-19", kind = "insurance-number" }' in proposed(found(admission(pid19="A5512")))
    assert "PID-19 is filled: in 1 messages" in proposed(found(admission(pid19="37109919560312001X")))


def test_samples_without_any_number_still_give_a_sound_profile() -> None:
    assert profile(admission(numbers=""))["identifiers"] == [{"type": "", "kind": "local-number", "of_patient": True}]


def test_seventeen_digits_are_guessed_to_be_a_health_record() -> None:
    assert guess_kind("", shape_of(["37109900100100001"]), kinds()) == "health-record-number"
    assert guess_kind("", shape_of(["37109900100100001", "12"]), kinds()) == "local-number"


# -- files of every kind ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "between",
    [b"\x1c\r\x0b", b"\r\n", b"\r\r", b"\n\n", b"\x1c\r\n\x0b"],
    ids=["mllp", "crlf", "cr", "lf", "mllp-lf"],
)
def test_messages_are_found_however_they_stand_in_a_file(between: bytes) -> None:
    raw = b"\x0b" * (between[:1] == b"\x1c") + between.join([admission()] * 3) + b"\x1c\r" * (between[:1] == b"\x1c")
    assert found(raw).messages == 3
    assert [one.splitlines() for one in v2_messages(raw)] == [admission().splitlines()] * 3


def test_a_batch_is_its_messages() -> None:
    batch = b"FHS|^~\\&|X\rBHS|^~\\&|X\r" + admission() + admission("utf-8") + b"BTS|2\rFTS|1\r"
    findings = found(batch)
    assert findings.messages == 2
    assert "BTS" not in {one.position for one in findings.unread}


@settings(max_examples=60, deadline=None)
@given(raw=st.binary(max_size=200))
def test_whatever_a_file_holds_it_is_read_or_left_out(raw: bytes) -> None:
    for file in (raw, admission() + raw, b"{" + raw, b"<" + raw):
        findings = found(admission(), file)
        assert findings.messages + findings.unreadable >= 1
        tomllib.loads(proposed(findings))


def test_soap_envelopes_are_opened_in_either_way() -> None:
    text = admission("utf-8").decode().replace("\r", "\n")
    head, tail = "<e:Envelope xmlns:e='urn:e'><e:Body><payload>", "</payload></e:Body></e:Envelope>"
    escaped = text.replace("&", "&amp;")
    findings = found(f"{head}<![CDATA[{text}]]>{tail}".encode(), f"{head}{escaped}{tail}".encode())
    assert (findings.messages, findings.enveloped) == (2, 2)
    assert profile(f"{head}{escaped}{tail}".encode())["transports"] == ["soap", "ingest"]


CDA = """\
<ClinicalDocument xmlns="urn:hl7-org:v3"><recordTarget><patientRole>
<id root="2.16.156.10011.1.3" extension="37109919560312001X"/><id root="1.2.3" extension="77"/>
</patientRole></recordTarget></ClinicalDocument>"""


def test_a_document_is_found_by_its_patients_numbers() -> None:
    said = profile(CDA.encode())
    assert said["format"] == "cda"
    assert {one["type"]: one["kind"] for one in said["identifiers"]} == {
        "urn:oid:2.16.156.10011.1.3": "citizen-id",
        "urn:oid:1.2.3": "local-number",
    }
    both = profile(admission(), admission(), CDA.encode())
    assert (both["format"], both["also"]) == ("hl7v2", ["cda"])


def test_xml_entities_are_not_resolved(tmp_path: Path) -> None:
    secret = tmp_path / "secret.hl7"
    secret.write_bytes(admission("utf-8"))
    raw = f'<!DOCTYPE x [<!ENTITY e SYSTEM "file://{secret}">]><x>&e;</x>'.encode()
    with pytest.raises(Refused, match="no message"):
        found(raw)


def test_csv_files_say_what_the_source_tells() -> None:
    header = "number,kind,department,starts_at,ends_at,slots,public_from\n"
    said = profile(header.encode())
    assert (said["format"], said["transports"], said["tells"]) == ("fhir", ["file", "ingest"], ["sessions"])


def test_ndjson_is_one_resource_a_line() -> None:
    lines = [orjson.dumps({"resourceType": kind}) for kind in ("Patient", "Observation", "Media")]
    findings = found(b"\n".join([*lines, b"{broken"]))
    assert findings.resources == {"Patient": 1, "Observation": 1, "Media": 1}
    assert (findings.unmapped_resources, findings.unreadable) == (("Media",), 1)
