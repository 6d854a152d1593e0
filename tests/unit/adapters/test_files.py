"""CSV files become FHIR bundles, however a spreadsheet writes them."""

import json
from datetime import date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.files.columns import AGREEMENTS, FILE_KINDS
from adapters.files.kinds import FileKind
from adapters.files.reading import Checks, read_files
from adapters.files.sheet import NamedFile
from adapters.files.text import decode
from hub.errors import Refusal
from hub.message import Transport
from hub.message.forms import forms
from tests.unit.adapters.csv_files import (
    AGREEMENT,
    AREA,
    BEIJING,
    CHECKS,
    HOUSEHOLD,
    MEMBER,
    ORGANISATION,
    PERSON,
    PRACTITIONER,
    SAMPLES,
    SECOND,
    SESSION,
    SOURCE,
    TEAM,
    extensions_of,
    read,
    resources_of,
    written,
)

# -- what files become -----------------------------------------------------------------------------------------------


def test_an_organisation_is_told_with_its_kind_level_and_alliance() -> None:
    ((told,),) = resources_of(read(organisations=written(ORGANISATION)))
    assert told["resourceType"] == "Organization"
    assert told["identifier"] == [
        {"system": "urn:hub:organisation", "value": "renmin"},
        {"system": "urn:oid:2.16.156.10011.1.5", "value": "123710994990000172"},
    ]
    codings = [concept["coding"][0] for concept in told["type"]]
    assert {one["system"]: one["code"] for one in codings} == {
        "urn:hub:organisation-kind": "hospital",
        "urn:hub:organisation-level": "2",
        "urn:hub:organisation-authority": "county",
    }
    assert (told["name"], told["alias"]) == ("威泉县人民医院", ["Weiquan County People's Hospital"])
    assert told["partOf"] == {"reference": "Organization/weiquan-alliance"}
    assert told["telecom"] == [{"system": "phone", "value": "19900000101"}]


def test_an_alliance_is_told_before_its_members_wherever_it_stands() -> None:
    member = ORGANISATION | {"alliance": "above"}
    above = ORGANISATION | {"id": "above", "kind": "alliance", "alliance": "top"}
    top = ORGANISATION | {"id": "top", "kind": "alliance", "alliance": ""}
    assert [one.key for one in read(organisations=written(member, above, top)).bundles] == ["top", "above", "renmin"]
    circle = above | {"alliance": "renmin"}
    assert {one.key for one in read(organisations=written(member, circle)).bundles} == {"renmin", "above"}


def test_a_practitioner_is_told_with_the_post() -> None:
    ((who, post),) = resources_of(read(practitioners=written(PRACTITIONER)))
    assert who["identifier"][0]["value"] == "d1"
    assert who["name"] == [{"text": "顾清和"}]
    assert post["organization"] == {"reference": "Organization/dongcheng"}
    (code,) = post["code"]
    assert code == {"coding": [{"system": "urn:hub:practitioner-role", "code": "family-doctor"}], "text": "主治医师"}


def test_a_team_is_told_as_a_whole_from_three_files() -> None:
    ((team,),) = resources_of(read(teams=written(TEAM), members=written(MEMBER), areas=written(AREA)))
    assert team["resourceType"] == "CareTeam"
    assert team["identifier"] == [{"system": "urn:hub:team", "value": "t1"}]
    assert team["managingOrganization"] == [{"reference": "Organization/dongcheng"}]
    (member,) = team["participant"]
    assert member["member"] == {"reference": "Practitioner/d1"}
    assert member["role"][0]["coding"][0]["code"] == "leader"
    assert member["period"] == {"start": "2025-01-01", "end": "2026-01-01"}
    assert extensions_of(team)["name-en"] == "Haitang"
    assert extensions_of(team)["area"] == [
        {"url": "code", "valueString": "371099001001"},
        {"url": "name", "valueString": "东城街道海棠路"},
    ]


def test_an_agreement_names_its_resident_by_the_sources_own_system() -> None:
    found = read(agreements=written(AGREEMENT))
    ((patient, contract),) = resources_of(found)
    assert patient["identifier"] == [{"system": "urn:oid:2.16.156.10011.1.3", "value": PERSON}]
    assert (patient["name"], patient["birthDate"]) == ([{"text": "秦学勤"}], "1956-03-12")
    assert contract["identifier"][0]["value"] == "A-1"
    assert (contract["status"], contract["issued"]) == ("executed", "2025-12-22")
    assert contract["applies"] == {"start": "2026-01-01", "end": "2026-12-31"}
    assert contract["type"]["coding"] == [{"system": "urn:hub:agreement-kind", "code": "primary"}]
    assert contract["term"][0]["action"][0]["performer"] == {"reference": "CareTeam/t1"}
    packages = [one["valueString"] for one in contract["extension"] if one["url"] == "urn:hub:package"]
    assert packages == ["基础服务包", "高血压服务包"]
    hospitals = [one["valueReference"] for one in contract["extension"] if one["url"] == "urn:hub:combination"]
    assert hospitals == [{"reference": "Organization/renmin"}, {"reference": "Organization/zhongyi"}]
    addresses = [entry["fullUrl"] for entry in json.loads(found.bundles[0].body)["entry"]]
    assert contract["subject"] == [{"reference": addresses[0]}]


def test_rows_of_one_number_are_one_household() -> None:
    found = read(agreements=written(HOUSEHOLD, AGREEMENT, SECOND))
    household, single = resources_of(found)
    assert [one["resourceType"] for one in household] == ["Patient", "Patient", "Group", "Contract"]
    group, contract = household[2:]
    addresses = [entry["fullUrl"] for entry in json.loads(found.bundles[0].body)["entry"]]
    assert group["identifier"] == [{"system": "urn:hub:household", "value": "H-29"}]
    assert [one["entity"]["reference"] for one in group["member"]] == addresses[:2]
    assert contract["subject"] == [{"reference": addresses[2]}]
    assert len(single) == 2
    assert [one.positions for one in found.bundles] == ["agreements.csv#row=2;4", "agreements.csv#row=3"]


def test_an_organisations_agreement_names_the_organisation_and_its_people() -> None:
    row = HOUSEHOLD | {"client_kind": "organisation", "client": "school-1", "provider_kind": "alliance"}
    ((_, group, contract),) = resources_of(read(agreements=written(row)))
    assert contract["subject"][0] == {"reference": "Organization/school-1"}
    assert len(contract["subject"]) == 2
    assert group["identifier"][0]["value"] == "A-2", "not the organisation's: they are two things of one bundle"
    assert contract["term"][0]["action"][0]["performer"] == {"reference": "Organization/t1"}


def test_an_ended_agreement_says_why() -> None:
    row = AGREEMENT | {"status": "终止", "end_reason": "迁出", "signed_on": ""}
    ((_, contract),) = resources_of(read(agreements=written(row)))
    assert contract["status"] == "terminated"
    assert contract["issued"] == "2026-01-01", "signed on its first day where nothing else is said"
    assert extensions_of(contract)["end-reason"] == "迁出"


def test_a_session_is_told_with_all_its_slots() -> None:
    found = read(sessions=written(SESSION))
    ((schedule, *slots),) = resources_of(found)
    assert schedule["identifier"][0]["value"] == "S-1"
    assert schedule["active"] is True
    assert schedule["serviceCategory"][0]["coding"] == [{"system": "urn:hub:session-kind", "code": "expert"}]
    assert schedule["serviceType"] == [{"text": "心内科"}]
    assert schedule["specialty"] == [{"text": "高血压"}]
    assert schedule["actor"] == [{"type": "Practitioner", "display": "华景行"}]
    horizon = {"start": "2026-03-02T08:00:00+08:00", "end": "2026-03-02T11:30:00+08:00"}
    assert schedule["planningHorizon"] == horizon
    assert extensions_of(schedule) == {
        "title": "主任医师",
        "place": "门诊三楼",
        "fee": "25",
        "public-from": "2026-02-23T08:30:00+08:00",
        "team-from": "2026-02-16T08:30:00+08:00",
        "release-at": "2026-03-01T08:00:00+08:00",
        "reserved": 2,
    }
    assert [slot["identifier"][0]["value"] for slot in slots] == [str(number) for number in range(1, 8)]
    address = json.loads(found.bundles[0].body)["entry"][0]["fullUrl"]
    assert {slot["schedule"]["reference"] for slot in slots} == {address}
    assert {slot["status"] for slot in slots} == {"free"}


def test_a_cancelled_session_says_why_and_a_list_without_a_doctor_says_where() -> None:
    row = SESSION | {
        "active": "否",
        "reason": "停诊",
        "doctor": "",
        "place": "CT 2 室",
        "reserved": "",
        "team_from": "",
    }
    ((schedule, *_),) = resources_of(read(sessions=written(row)))
    assert (schedule["active"], schedule["comment"]) == (False, "停诊")
    assert schedule["actor"] == [{"type": "Location", "display": "CT 2 室"}]
    assert not {"reserved", "team-from"} & set(extensions_of(schedule)), "what is not said is the policy's to say"


def test_beds_are_there_from_beginning_to_end() -> None:
    ((_, *beds),) = resources_of(read(sessions=written(SESSION | {"kind": "bed", "slots": "4"})))
    assert {(bed["start"], bed["end"]) for bed in beds} == {("2026-03-02T08:00:00+08:00", "2026-03-02T11:30:00+08:00")}


@given(slots=st.integers(1, 500), minutes=st.integers(10, 12 * 60))
def test_slots_share_a_session_without_gaps(slots: int, minutes: int) -> None:
    ends = datetime(2026, 3, 2, 8, tzinfo=BEIJING) + timedelta(minutes=minutes)
    row = SESSION | {"slots": str(slots), "ends_at": f"{ends:%Y-%m-%d %H:%M}", "reserved": ""}
    found = read_files([NamedFile(name="s.csv", raw=written(row).encode())], SOURCE, _unvalidated())
    ((schedule, *told),) = resources_of(found)
    assert [told[0]["start"], told[-1]["end"]] == list(schedule["planningHorizon"].values())
    assert all(slot["start"] < slot["end"] for slot in told)
    assert [slot["end"] for slot in told[:-1]] == [slot["start"] for slot in told[1:]]


def _unvalidated() -> Checks:
    return Checks(is_number=CHECKS.is_number, validate=lambda _: None)


def test_what_others_refer_to_is_sent_first() -> None:
    files = {name: written(*rows) for name, rows in reversed(SAMPLES.items())}
    kinds = [one.kind for one in read(SOURCE, **files).bundles]
    assert kinds == ["organisations", "practitioners", "teams", "agreements", "sessions", "discharges", *forms()]


def test_the_same_files_are_the_same_bytes_and_have_no_time_of_their_own() -> None:
    files = {name: written(*rows) for name, rows in SAMPLES.items()}
    first, again = read(SOURCE, **files), read(SOURCE, **files)
    assert [one.body for one in first.bundles] == [one.body for one in again.bundles]
    assert all("timestamp" not in json.loads(one.body) for one in first.bundles)


def test_a_bundle_goes_the_way_of_every_message() -> None:
    (bundle,) = read(sessions=written(SESSION)).bundles
    arrival = bundle.arrival(SOURCE, Transport.FILE)
    assert (arrival.source, arrival.transport, arrival.kind) == ("county-files", Transport.FILE, "transaction")
    assert arrival.control_id == "sessions.csv#row=2"
    parked = bundle.placed(Refusal(code="no-patient", where="Bundle.entry[1].resource"))
    assert parked.where == "sessions.csv:2 Bundle.entry[1].resource"


# -- how files are written -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", FILE_KINDS, ids=lambda kind: kind.name)
def test_a_chinese_header_means_the_same(kind: FileKind) -> None:
    rows = SAMPLES[kind.name]
    others = {"teams": "members", "members": "teams", "areas": "teams"}.get(kind.name, "")
    beside = {others: written(*SAMPLES[others])} if others else {}
    beside |= {"members": written(MEMBER)} if kind.name == "areas" else {}
    chinese = {column.name: column.zh for column in kind.columns}
    translated = [{chinese[name]: cell for name, cell in row.items()} for row in rows]
    english = read(SOURCE, **{kind.name: written(*rows)} | beside)
    assert [one.body for one in english.bundles] == [
        one.body for one in read(SOURCE, **{kind.name: written(*translated)} | beside).bundles
    ]


@pytest.mark.parametrize("codec", ["utf-8", "utf-8-sig", "gb18030"])
def test_utf_8_and_what_excel_in_china_writes_are_read_alike(codec: str) -> None:
    text = written(AGREEMENT | {"name": "䶮文𬭎"})
    assert [one.body for one in read(agreements=text.encode(codec)).bundles] == [
        one.body for one in read(agreements=text).bundles
    ]


def test_gb_18030_that_passes_for_utf_8_by_chance_is_gb_18030() -> None:
    text = "id,name\r\n1,木模\r\n"
    raw = text.encode("gb18030")
    raw.decode("utf-8")
    assert decode(raw) == text
    assert decode(text.encode("utf-8")) == text


@given(st.text(st.characters(categories=("Lo", "Nd", "Lu"), max_codepoint=0x9FFF), min_size=1))
def test_a_mark_leaves_no_doubt(text: str) -> None:
    assert decode(text.encode("utf-8-sig")) == text


@given(st.text(st.characters(min_codepoint=0x4E00, max_codepoint=0x9FFF), min_size=1))
def test_chinese_is_read_in_both_character_sets(text: str) -> None:
    assert decode(text.encode("utf-8")) == text
    assert decode(text.encode("gb18030")) == text or _is_utf_8(text.encode("gb18030"))


def _is_utf_8(raw: bytes) -> bool:
    """Whether bytes of GB 18030 are also Chinese of three bytes in UTF-8: nothing could tell them apart."""
    try:
        return any(character > "\u07ff" for character in raw.decode("utf-8"))
    except UnicodeDecodeError:
        return False


@pytest.mark.parametrize(
    ("cell", "day"),
    [
        ("2026-01-05", date(2026, 1, 5)),
        ("2026/1/5", date(2026, 1, 5)),
        ("2026年1月5日", date(2026, 1, 5)),
        ("　2026-01-05 ", date(2026, 1, 5)),
    ],
)
def test_a_day_is_read_as_spreadsheets_write_it(cell: str, day: date) -> None:
    ((_, contract),) = resources_of(read(agreements=written(AGREEMENT | {"begins_on": cell})))
    assert contract["applies"]["start"] == day.isoformat()


@pytest.mark.parametrize(
    ("cell", "instant"),
    [
        ("2026/3/2 8:00", "2026-03-02T08:00:00+08:00"),
        ("2026-03-02T08:00:30", "2026-03-02T08:00:30+08:00"),
        ("2026-03-02T00:00:00Z", "2026-03-02T00:00:00+00:00"),
        ("2026-03-02 09:00+09:00", "2026-03-02T09:00:00+09:00"),
    ],
)
def test_a_time_without_a_zone_is_the_sources_own(cell: str, instant: str) -> None:
    ((schedule, *_),) = resources_of(read(sessions=written(SESSION | {"starts_at": cell})))
    assert schedule["planningHorizon"]["start"] == instant


def test_the_order_of_columns_and_empty_lines_mean_nothing() -> None:
    plain = read(sessions=written(SESSION))
    turned = read(sessions="\r\n".join([*written(SESSION, columns=list(SESSION)[::-1]).splitlines(), ",,,", ""]))
    assert json.loads(plain.bundles[0].body)["entry"] == json.loads(turned.bundles[0].body)["entry"]


def test_columns_that_are_not_needed_may_be_missing() -> None:
    needed = {column.name for column in AGREEMENTS.columns if column.required}
    row = {name: cell for name, cell in AGREEMENT.items() if name in needed}
    ((patient, contract),) = resources_of(read(agreements=written(row)))
    assert set(patient) == {"resourceType", "identifier"}
    assert "extension" not in contract
