"""A source's own rows and tables, laid over the hub's, for that source and no other."""

from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from adapters.hl7v2.tokenizer import tokenize
from hub.docs.source_profiles import MESSAGES, ROWS
from hub.errors import Refused
from hub.mapping.library import Base, Reads, load_base, load_own
from hub.mapping.v2 import V2Mapping
from hub.message import Source, Tells
from tests.desk import MAPPINGS, dictionary, sources

MESSAGE = (
    "MSH|^~\\&|HIS||EAI||20260105093000||{kind}|90000001|P|2.4\r"
    "EVN||20260105093000\r"
    "PID|1||0000000123^^^^IDCard||测试甲||19560312|M||||||||S||||||||||M\r"
    "PV1|1|I|||||||||||||||||100200300|||||||||||||||||||||||||20251228100000\r"
    "ZVS|BP|120\r"
)
HEAD = 'segment = "PID"\nresource = "Patient"\nrows = [\n'
VITAL_SIGN = """\
segment = "ZVS"
resource = "Observation"
key = ["ZVS-1"]
rows = [
  { to = "status", value = "final" },
  { from = "ZVS-1", to = "code", as = "concept", codes = "vital-sign" },
  { from = "ZVS-2", to = "valueString", as = "text" },
]
"""


@cache
def base() -> Base:
    return load_base(MAPPINGS, dictionary())


def his() -> Source:
    return sources()["renmin-his"]


def laid(folder: Path, **files: str) -> Reads:
    """What is loaded of a folder with these files; ``hl7v2__messages`` is ``hl7v2/messages.toml``."""
    for name, text in files.items():
        kind, _, stem = name.partition("__")
        file = folder / kind / f"{stem.replace('_', '-')}.{'csv' if kind == 'codes' else 'toml'}"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    return load_own(base(), his(), folder)


def mapping(reads: Reads) -> V2Mapping:
    assert reads.v2 is not None
    return reads.v2


def resources(reads: Reads, kind: str = "ADT^A01", raw: str = MESSAGE) -> dict[str, Any]:
    """The message's resources by type."""
    reading = mapping(reads).read(tokenize(raw.format(kind=kind)), datetime(2026, 1, 5, tzinfo=UTC))
    (part,) = reading.parts
    assert part.demographics is not None
    return {one.resource["resourceType"]: one.resource for one in (part.demographics, *part.resources)}


def rows(reads: Reads, name: str = "pid-patient") -> list[tuple[str, str, str]]:
    plan = mapping(reads).plans["ADT^A01"]
    (found,) = (one for one in plan.row_sets if one.name == name)
    return [(row.target, str(row.position), row.id) for row in found.rows]


def test_a_folder_without_rows_and_tables_takes_the_hubs_as_they_are(tmp_path: Path) -> None:
    assert mapping(load_own(base(), his(), tmp_path)).plans is base().plans


def test_a_row_of_a_target_stands_in_place_of_the_hubs_and_only_there(tmp_path: Path) -> None:
    before = rows(load_own(base(), his(), tmp_path / "none"))
    after = rows(laid(tmp_path, hl7v2__pid_patient=ROWS))
    changed = [(old, new) for old, new in zip(before, after, strict=True) if old != new]
    assert [(old[:2], new) for old, new in changed] == [
        (
            ("maritalStatus", "PID-16"),
            ("maritalStatus", "PID-26.1", "sources/renmin-his/hl7v2/pid-patient:maritalStatus"),
        )
    ]
    assert rows(load_own(base(), his(), tmp_path / "none")) == before, "nobody else's rows have changed"


def test_all_rows_of_a_target_are_replaced_together_and_new_targets_are_added(tmp_path: Path) -> None:
    own = HEAD + (
        '  { from = "PID-3", to = "identifier", as = "identifier", each = true, empties = "" },\n'
        '  { to = "language", value = "zh-CN" },\n]\n'
    )
    found = rows(laid(tmp_path, hl7v2__pid_patient=own))
    assert [position for target, position, _ in found if target == "identifier"] == ["PID-3"]
    assert found[0][0] == "identifier"
    assert found[-1][0] == "language"


def test_what_a_row_of_its_own_reads_reaches_the_resource(tmp_path: Path) -> None:
    assert resources(load_own(base(), his(), tmp_path))["Patient"]["maritalStatus"]["coding"][0]["code"] == "S"
    assert resources(laid(tmp_path, hl7v2__pid_patient=ROWS))["Patient"]["maritalStatus"]["coding"][0]["code"] == "M"


def test_a_message_type_of_its_own_is_read_by_the_row_sets_that_it_names(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="ADT\\^ZP1"):
        resources(load_own(base(), his(), tmp_path), "ADT^ZP1")
    assert set(resources(laid(tmp_path, hl7v2__messages=MESSAGES), "ADT^ZP1")) == {"Patient", "Encounter"}


def test_a_z_segment_is_read_by_a_row_set_of_its_own_with_a_table_of_its_own(tmp_path: Path) -> None:
    listing = '[[message]]\nevents = ["ADT^A01"]\nrows = ["pid-patient", "zvs-observation"]\n'
    reads = laid(
        tmp_path,
        hl7v2__messages=listing,
        hl7v2__zvs_observation=VITAL_SIGN,
        codes__vital_sign="from,to,display,system\nBP,85354-9,血压,http://loinc.org\n",
    )
    observation = resources(reads)["Observation"]
    assert observation["code"]["coding"][0]["code"] == "85354-9"
    assert observation["valueString"] == "120"


STAFF = """\
segment = "Z02"
resource = "Practitioner"
key = ["Z02-1"]
rows = [
  { from = "Z02-1", to = "identifier", as = "staff-number" },
  { from = "Z02-2", to = "name", as = "name" },
  { from = "Z02-3.1", to = "gender", as = "code", codes = "administrative-sex" },
]
"""
REGISTER = '[[message]]\nevents = ["MFN^M01"]\nrows = ["z02-practitioner"]\nshare = true\n'


def test_staff_in_a_z_segment_of_a_master_file_reach_the_directory_by_rows_of_its_own(tmp_path: Path) -> None:
    """Z01 and Z02 of MFN M01: what stands in them differs from vendor to vendor."""
    reads = laid(tmp_path, hl7v2__messages=REGISTER, hl7v2__z02_practitioner=STAFF)
    registry = replace(his(), organisation_id="renmin", tells=frozenset({Tells.DIRECTORY}))
    own = replace(mapping(reads), source=registry)
    raw = "MSH|^~\\&|HIS||EAI||20260105093000||MFN^M01|9|P|2.4\rMFI|STF||UPD\rMFE|MAD|||D0001\rZ02|D0001|时砚秋|女\r"
    reading = own.read(tokenize(raw), datetime(2026, 1, 5, tzinfo=UTC))
    [one] = reading.shared
    assert (one.kind, one.key, one.resource["name"][0]["text"], one.resource["gender"]) == (
        "Practitioner",
        "renmin:D0001",
        "时砚秋",
        "female",
    )


def test_how_somebody_pays_is_read_where_the_standard_has_it_and_where_a_source_writes_it(tmp_path: Path) -> None:
    """PV1-20 by the hub's rows; PID-38 of this dialect by the source's own, with its own meaning of 1."""
    paid = MESSAGE.replace("PV1|1|I|||||||||||||||||100200300|", "PV1|1|I|||||||||||||||||100200300|01")
    own = 'segment = "PV1"\nresource = "Encounter"\nrows = [\n'
    own += '  { from = "PID-16", to = "extension", as = "payment", codes = "payment" },\n]\n'
    codes = "from,to,display,system\nS,7,全自费,urn:oid:2.16.156.10011.2.3.1.269\n"
    there = resources(laid(tmp_path / "a"), raw=paid)["Encounter"]
    here = resources(laid(tmp_path / "b", hl7v2__pv1_encounter=own, codes__payment=codes), raw=paid)["Encounter"]
    shown = [one["extension"][0]["valueCodeableConcept"]["coding"][0]["display"] for one in (there, here)]
    assert shown == ["城镇职工基本医疗保险", "全自费"]


def test_rows_see_the_sources_own_tables(tmp_path: Path) -> None:
    table = "from,to,display\nM,other,其他\n"
    assert resources(laid(tmp_path, codes__administrative_sex=table))["Patient"]["gender"] == "other"
    assert resources(load_own(base(), his(), tmp_path / "none"))["Patient"]["gender"] == "male"


def test_kinds_of_the_profile_leave_no_other_message_type(tmp_path: Path) -> None:
    reads = load_own(base(), replace(his(), kinds=frozenset({"ADT^A01", "ADT^A99"})), tmp_path)
    assert set(mapping(reads).plans) == {"ADT^A01"}


WRONG = [
    ("hl7v2__pid_patient", HEAD + '  { from = "PID-8.1", to = "gendre", as = "code" },\n]\n', 4, "no element of FHIR"),
    (
        "hl7v2__pid_patient",
        HEAD + '  { from = "PID-99", to = "language", as = "text" },\n]\n',
        4,
        "no field of the HL7",
    ),
    ("hl7v2__pid_patient", HEAD + '  { to = "active", from = "PID-15", as = 5 },\n]\n', 4, "no converter 5"),
    ("hl7v2__pid_patient", HEAD + "  { to = 5, value = 5 },\n]\n", 0, "of another type"),
    ("hl7v2__pid_patient", 'segment = "PID"\nrows = []\n', 0, "missing keys"),
    ("hl7v2__pid_patient", 'segment = "PV1"\nresource = "Patient"\nrows = []\n', 0, "segment is PV1"),
    ("hl7v2__pid_patient", 'segment = "PID"\nresource = "Person"\nrows = []\n', 0, "resource is Person"),
    ("hl7v2__pid_patient", "segment = PID\n", 1, "Invalid value"),
    (
        "hl7v2__pid_patient",
        'segment = "PID"\nresource = "Patient"\nrows = [{ to = "active", value = true }]\n',
        0,
        "each row",
    ),
    ("hl7v2__zz_part", 'segment = "ZZZ"\npart_of = "nobody"\ninto = "contact"\nrows = []\n', 0, "no row set"),
    ("hl7v2__messages", '[[message]]\nevents = ["ADT^A01"]\nrows = ["pid"]\n', 1, "there is no row set pid.toml"),
    ("hl7v2__messages", '\n[[message]]\nevents = ["A01"]\nrows = ["pid-patient"]\n', 2, "no message types"),
    ("hl7v2__messages", '[[message]]\nevents = "ADT^A01"\nrows = ["pid-patient"]\n', 1, "events is a list"),
    ("hl7v2__messages", '[[message]]\nevents = ["ADT^A01"]\n', 1, "has events and rows"),
    ("hl7v2__messages", MESSAGES + MESSAGES, 6, "stand here twice"),
    ("hl7v2__messages", "message = 5\n", 0, "holds \\[\\[message\\]\\] tables"),
    ("codes__administrative_sex", "from,to\nM,male\nM,female\n", 3, "repeated or short row"),
]


@pytest.mark.parametrize(("name", "text", "line", "said"), WRONG)
def test_wrong_rows_and_tables_are_refused_with_the_whole_path_and_the_line(
    name: str, text: str, line: int, said: str, tmp_path: Path
) -> None:
    with pytest.raises(Refused, match=said) as refused:
        laid(tmp_path, **{name: text})
    refusal = refused.value.refusal
    assert refusal.code == "bad-mapping"
    file = next(file for file in tmp_path.rglob("*") if file.is_file())
    assert refusal.where == (f"{file}:{line}" if line else str(file))


@pytest.mark.parametrize("name", ["codes/administrative-sex.csv", "hl7v2/pid-patient.toml"])
def test_a_file_in_another_character_set_is_refused_with_the_line_of_its_first_byte(name: str, tmp_path: Path) -> None:
    file = tmp_path / name
    file.parent.mkdir()
    file.write_bytes("from,to,display\n男,male,男\n".encode("gb18030"))
    with pytest.raises(Refused, match="not UTF-8") as refused:
        load_own(base(), his(), tmp_path)
    assert refused.value.refusal.where == f"{file}:2"
