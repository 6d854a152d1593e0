"""A mapping's score: what counts as agreement, and the commands that tell it."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from hub.cli import app
from hub.errors import Refused
from hub.mapping.misses import classed, load_classes
from hub.mapping.scoring import Score, leaves_of
from hub.mapping.standard import implemented, load_standard
from tests.desk import mappings
from tests.mapping.cases import GOLDEN, RENMIN

PATIENT: dict[str, Any] = {
    "resourceType": "Patient",
    "id": "1",
    "meta": {"lastUpdated": "2026-01-01T00:00:00Z"},
    "text": {"status": "generated", "div": "<div/>"},
    "extension": [{"url": "x", "valueString": "y"}],
    "identifier": [{"system": "urn:oid:2.16/MR", "value": "7", "assigner": {"reference": "Organization/1"}}],
    "name": [{"text": "秦 学勤"}],
    "deceasedDateTime": "2026-01-01T08:00:00+08:00",
    "multipleBirthInteger": 2,
}


def test_ids_references_extensions_and_metadata_are_left_out_and_systems_reduced_to_their_tails() -> None:
    assert sorted(leaves_of(PATIENT)) == [
        ("Patient.deceasedDateTime", "2026-01-01T00:00:00+00:00"),
        ("Patient.identifier.system", "mr"),
        ("Patient.identifier.value", "7"),
        ("Patient.multipleBirthInteger", "2"),
        ("Patient.name.text", "秦 学勤"),
    ]


def test_recall_is_of_theirs_and_precision_of_ours() -> None:
    score = Score()
    theirs = [PATIENT, {"resourceType": "Condition", "code": {"text": "高血压"}}]
    ours = [{**PATIENT, "multipleBirthInteger": 3}, {"resourceType": "Device"}]
    score.add("pair", theirs, ours)
    patient = score.kinds["Patient"]
    assert (patient.wanted, patient.given, patient.met) == (5, 5, 4)
    assert (patient.recall, patient.precision) == (0.8, 0.8)
    assert (score.kinds["Condition"].recall, score.kinds["Condition"].precision) == (0, None)
    assert (score.whole.wanted, score.whole.met) == (6, 4)
    assert set(score.missed) == {"Patient.multipleBirthInteger", "Condition.code.text"}
    assert score.seen_in["Condition.code.text"] == "pair"


@pytest.fixture
def pairs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """One pair that agrees in part, and a message that nothing reads."""
    monkeypatch.setenv("HUB_LOCALE", "en")
    raw = (GOLDEN / "renmin-adt-a31-twin.hl7").read_bytes()
    (tmp_path / "one.hl7").write_bytes(raw.replace("秦学勤".encode(), b"Qin"))
    name = [{"family": "Qin", "given": ["Xueqin"]}]
    said = {"resourceType": "Bundle", "entry": [{"resource": {"resourceType": "Patient", "name": name}}]}
    (tmp_path / "one.expected.json").write_text(json.dumps(said), "utf-8-sig")
    (tmp_path / "two.hl7").write_bytes(raw.replace(b"ADT^A31", b"QBP^Q22"))
    (tmp_path / "two.fhir").write_text(json.dumps({"resourceType": "Patient", "gender": "male"}))
    return tmp_path


def test_a_folder_of_pairs_is_scored(pairs: Path) -> None:
    done = CliRunner().invoke(app, ["mapping", "score", str(pairs), "--json"])
    found = json.loads(done.stdout)
    assert (found["pairs"], found["refused"]) == (2, {"two": "query-not-answered MSH-9"})
    assert (found["all"]["expected"], found["all"]["met"]) == (3, 1)
    assert {one["element"] for one in found["missed"]} == {"Patient.name.given", "Patient.gender"}
    shown = CliRunner().invoke(app, ["mapping", "score", str(pairs)]).stdout
    assert "2 pairs, 1 messages not read" in shown
    assert "Patient.name.given" in shown


def test_what_no_row_reads_is_told_of_any_messages(pairs: Path) -> None:
    (pairs / "three.hl7").write_bytes((pairs / "one.hl7").read_bytes() + b"PV1|1|I\rAL1|1||X^Y||||Z\r")
    done = CliRunner().invoke(app, ["mapping", "coverage", str(pairs), "--json"])
    found = json.loads(done.stdout)
    assert (found["messages"], found["read"]) == (3, 2)
    assert {one["field"]: one["clinical"] for one in found["unread"]} == {"PV1-2": False, "AL1-7": True}
    assert "AL1-7" in CliRunner().invoke(app, ["mapping", "coverage", str(pairs / "three.hl7")]).stdout


def test_documents_are_scored_and_covered_beside_messages(pairs: Path) -> None:
    document = (GOLDEN / "documents" / "other-laboratory.xml").read_bytes()
    odd = document.replace(b"<title>", b"<nobodyKnows value='1'/><title>")
    (pairs / "four.xml").write_bytes(odd)
    said = {"resourceType": "Observation", "status": "final", "valueString": "\u9633\u6027"}
    (pairs / "four.fhir").write_text(json.dumps(said))
    found = json.loads(CliRunner().invoke(app, ["mapping", "score", str(pairs), "--json"]).stdout)
    assert found["pairs"] == 3
    assert (found["kinds"]["Observation"]["expected"], found["kinds"]["Observation"]["met"]) == (2, 2)
    found = json.loads(CliRunner().invoke(app, ["mapping", "coverage", str(pairs), "--json"]).stdout)
    assert found["unread"] == [{"field": "/nobodyKnows", "messages": 1, "clinical": False}]


def test_fhir_is_covered_beside_messages_element_by_element(tmp_path: Path) -> None:
    patient = {"resourceType": "Patient", "identifier": [{"system": "urn:x", "value": "1"}], "photo": [{"title": "x"}]}
    number = {"identifier": {"system": "urn:x", "value": "1"}}
    seen = {"resourceType": "Observation", "status": "final", "code": {"text": "x"}, "subject": number, "focus": [{}]}
    (tmp_path / "patient.json").write_text(json.dumps(patient))
    (tmp_path / "seen.ndjson").write_text(f"{json.dumps(seen)}\n{json.dumps(seen)}\n")
    found = json.loads(CliRunner().invoke(app, ["mapping", "coverage", str(tmp_path), "--json"]).stdout)
    assert (found["messages"], found["read"], found["refused"]) == (3, 3, {})
    assert {one["field"]: one["messages"] for one in found["unread"]} == {"Patient.photo": 1, "Observation.focus": 2}


def test_the_hubs_own_rows_are_good(pairs: Path) -> None:
    assert "rows are good" in CliRunner().invoke(app, ["mapping", "check"]).stdout


def test_a_folder_without_pairs_is_refused(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["mapping", "score", str(tmp_path)])
    assert done.exit_code == 1


TABLE = """\
HL7 v2,,,,,,Condition (IF True),,,HL7 FHIR,,,,,,,,,Comments
Sort Order,Identifier,Name,Data Type,Min,Max,ANTLR,FHIRPath,Narrative,FHIR Attribute,,Data Type,Min,Max,Map,Voc,,,
1,PID-5,Name,XPN,0,-1,,,,name[1],,HumanName,0,-1,,,,,
2,PID-7,Birth,DTM,0,1,,,,birthDate,,date,0,1,,,,,
3,PID-7,Birth,DTM,0,1,IF LENGTH,,,birthDate.extension[1].url,,uri,0,1,,,,,
4,PID-31,Mother,CX,0,-1,,,,$this,,,0,1,,,,,
5,PID-25,Order,NM,0,1,,,,multipleBirthInteger,,integer,0,1,,,,,
6,PID-99,,,,,,,,,,,,,,,,,
"""


@pytest.fixture
def tables(tmp_path: Path) -> Path:
    """HL7's tables, one of them, as HL7 writes them."""
    folder = tmp_path / "segments"
    folder.mkdir()
    (folder / "HL7 Segment - FHIR R4_ PID[Patient] - PID.csv").write_text(TABLE, "utf-8-sig")
    (folder / "HL7 Data Type - FHIR R4_ CWE[Coding] - Sheet1.csv").write_text(TABLE, "utf-8-sig")
    return folder


def test_a_row_of_hl7s_tables_is_implemented_where_the_same_field_gives_the_same_element(tables: Path) -> None:
    standard = load_standard(tables)
    had = implemented(standard, mappings().v2[RENMIN].plans)
    assert {(row.field, row.element): row in had for row in standard.rows} == {
        (5, "name"): True,
        (7, "birthDate"): True,
        (7, "birthDate.extension"): False,
        (31, "$this"): False,
        (25, "multipleBirthInteger"): True,
    }


def test_what_stands_in_segments_without_a_table_is_not_asked_for(tables: Path) -> None:
    measure = load_standard(tables).of(["PID|1||||Qin^Xueqin", "IN2||INS7"])
    assert measure.asks_for(("Patient.name.family", "Qin"))
    assert measure.asks_for(("Patient.name.use", "official"))  # nobody sent it: HL7's own constant
    assert not measure.asks_for(("Patient.name.given", "INS7"))
    assert not measure.asks_for(("Patient.photo.title", "Qin"))
    assert not measure.asks_for(("Condition.name", "Qin"))


def test_an_item_of_which_one_part_stands_elsewhere_alone_is_from_elsewhere(tables: Path) -> None:
    measure = load_standard(tables).of(["PID|1||||Qin^Xueqin", "IN2||INS7^Xueqin"])
    named = ("Patient.name.given", "Xueqin")
    insured = ("Patient.name.family", "INS7")
    assert measure.is_elsewhere("Patient", [named, insured])
    assert not measure.is_elsewhere("Patient", [named])
    assert not measure.is_elsewhere("Patient", [named, insured], whole=True)
    assert measure.is_elsewhere("Patient", [insured], whole=True)


def test_the_score_tells_what_hl7s_tables_have_a_row_for(pairs: Path, tables: Path) -> None:
    done = CliRunner().invoke(app, ["mapping", "score", str(pairs), "--tables", str(tables), "--json"])
    found = json.loads(done.stdout)
    assert (found["tables"]["rows"], found["tables"]["implemented"]) == (5, 3)
    assert found["kinds"]["Patient"]["tabled"]["expected"] == 2
    shown = CliRunner().invoke(app, ["mapping", "score", str(pairs), "--tables", str(tables)]).stdout
    assert "3 of 5 rows" in shown
    assert "PID[Patient]  PID-7 birthDate.extension, PID-31 $this" in shown


def test_a_folder_without_tables_is_refused(pairs: Path, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    assert CliRunner().invoke(app, ["mapping", "score", str(pairs), "--tables", str(empty)]).exit_code == 1


def test_hl7s_name_of_a_table_is_fhirs() -> None:
    for system in ("http://example.com/CodeSystem/HL70069", "http://terminology.hl7.org/CodeSystem/v2-0069"):
        coded = {"resourceType": "Encounter", "serviceType": {"coding": [{"system": system}]}}
        assert list(leaves_of(coded)) == [("Encounter.serviceType.coding.system", "v2-0069")]


# -- labels and classes ------------------------------------------------------------------------------------------------

MARRIED: dict[str, Any] = {"system": "http://x/v3-MaritalStatus", "code": "M", "display": "Married"}


def of_marriage(coding: dict[str, Any]) -> dict[str, Any]:
    return {"resourceType": "Patient", "maritalStatus": {"coding": [coding]}}


@pytest.mark.parametrize(
    ("ours", "met", "labels"),
    [
        ({**MARRIED, "display": "已婚"}, 2, 1),
        ({**MARRIED, "code": "S", "display": "未婚"}, 1, 0),
        ({**MARRIED, "system": "http://x/other", "display": "已婚"}, 1, 0),
        (MARRIED, 3, 0),
    ],
)
def test_another_label_of_the_same_code_is_counted_apart_and_still_no_hit(
    ours: dict[str, Any], met: int, labels: int
) -> None:
    score = Score()
    score.add("pair", [of_marriage(MARRIED)], [of_marriage(ours)])
    tally = score.kinds["Patient"]
    assert (tally.wanted, tally.met, tally.labels) == (3, met, labels)
    assert tally.recall == met / 3
    assert tally.content_recall == met / (3 - labels)


CLASSES = """\
[[class]]
name = "labels"
label = true
zh = "名称。"
en = "Labels."
[[class]]
name = "passports"
path = 'identifier'
beside = 'type\\.text=passport'
zh = "护照。"
en = "Passports."
"""


def test_a_miss_is_of_the_first_class_that_holds(tmp_path: Path) -> None:
    (tmp_path / "classes.toml").write_text(CLASSES, "utf-8")
    score = Score()
    numbers = [{"value": "E1", "type": {"text": "passport"}}]
    ours = of_marriage({**MARRIED, "display": "已婚"})
    score.add("pair", [of_marriage(MARRIED) | {"identifier": numbers, "gender": "male"}], [ours])
    found = classed(score.misses, load_classes(tmp_path / "classes.toml"))
    assert {name: sorted(miss.path for miss in misses) for name, misses in found.items()} == {
        "labels": ["Patient.maritalStatus.coding.display"],
        "passports": ["Patient.identifier.type.text", "Patient.identifier.value"],
        "": ["Patient.gender"],
    }


def test_every_miss_is_of_one_class_or_of_none(pairs: Path, tmp_path: Path) -> None:
    (tmp_path / "classes.toml").write_text(CLASSES, "utf-8")
    asked = ["mapping", "score", str(pairs), "--classes", str(tmp_path / "classes.toml")]
    found = json.loads(CliRunner().invoke(app, [*asked, "--json"]).stdout)
    missed = found["all"]["expected"] - found["all"]["met"]
    assert sum(one["times"] for one in found["classes"]) == missed == 2
    assert "the rest" in CliRunner().invoke(app, asked).stdout


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[[klass]]\n",
        CLASSES.replace("label = true", ""),
        CLASSES.replace("label = true", "lable = true"),
        CLASSES.replace('en = "Labels."', ""),
        CLASSES.replace("'identifier'", "'('"),
    ],
)
def test_classes_that_are_not_understood_are_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "classes.toml").write_text(text, "utf-8")
    with pytest.raises(Refused):
        load_classes(tmp_path / "classes.toml")


def test_the_classes_of_the_decision_are_good() -> None:
    names = [one.name for one in load_classes(GOLDEN.parent / "classes.toml")]
    assert len(names) == len(set(names)) > 10
