"""Rows and tables are refused at start, with file and line, where anything in them is not understood."""

import shutil
from pathlib import Path

import pytest

from hub.errors import Refused
from hub.mapping.codes import load_tables
from hub.mapping.rows import load_plans
from tests.desk import MAPPINGS, dictionary, kinds, load_mappings, sources

ROWS = """\
segment = "PID"
resource = "Patient"
rows = [
  { from = "PID-7", to = "birthDate", as = "date" },
  ROW,
]
"""
MESSAGES = '[[message]]\nevents = ["ADT^A28"]\nrows = ["pid-patient"]\n'


def refusal_of(folder: Path, rows: str, messages: str = MESSAGES) -> tuple[str, str]:
    """Where a folder of rows was refused, and why."""
    (folder / "messages.toml").write_text(messages, encoding="utf-8")
    (folder / "pid-patient.toml").write_text(rows, encoding="utf-8")
    with pytest.raises(Refused) as refused:
        load_plans(folder, load_tables(MAPPINGS / "codes"), dictionary())
    assert refused.value.refusal.code == "bad-mapping"
    return refused.value.refusal.where, refused.value.refusal.given["reason"]


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ('{ from = "PID-8", to = "gender", as = "code", codez = "x" }', "unknown keys ['codez']"),
        ('{ from = "PID-8", to = "gender", as = "guess" }', "there is no converter 'guess'"),
        ('{ from = "PID-8", to = "gender" }', "there is no converter None"),
        ('{ from = "PID-8", to = "gender", as = "date" }', "converter 'date' gives Date, and gender is a Code"),
        ('{ from = "PID-8", to = "sex", as = "code" }', "Patient.sex is no element of FHIR R4B"),
        ('{ from = "PID-8", to = "gender.code", as = "code" }', "Patient.gender.code is no element"),
        ('{ from = "PID-8", to = "gender", as = "code", codes = "sexes" }', "there is no code table 'sexes'"),
        ('{ from = "PID-8", to = "gender", as = "code", when = "PID-8 looks-fine" }', "is not a condition"),
        ('{ from = "PID-8", to = "gender", as = "code", when = "PID-8 in sexes" }', "no code table 'sexes'"),
        ('{ from = "PID-80", to = "gender", as = "code" }', "PID-80 is no field of the HL7 v2 standard"),
        ('{ from = "PIX-1", to = "gender", as = "code" }', "PIX-1 is no field of the HL7 v2 standard"),
        ('{ from = "PID8", to = "gender", as = "code" }', "is not a position"),
        ('{ from = "PID-8", as = "code" }', "to is missing"),
        ('{ to = "gender" }', "needs from, value or clear"),
        ('{ to = "gender", value = "male", yields = true }', "only a row that reads a field"),
        ('{ from = "PID-5", to = "name", as = "name", yields = true }', "into a single element yields"),
        ('{ from = "PID-16", to = "maritalStatus.text", as = "shown", yields = true }', "into a single element yields"),
    ],
)
def test_a_wrong_row_is_refused_with_its_line(row: str, said: str, tmp_path: Path) -> None:
    where, reason = refusal_of(tmp_path, ROWS.replace("ROW", row))
    assert where == "pid-patient.toml:5"
    assert said in reason


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (ROWS.replace("  ROW,\n", "").replace("segment", "segmant"), "unknown keys ['segmant']"),
        (ROWS.replace("  ROW,\n]", ""), "is no TOML"),
        (ROWS.replace("  ROW,\n", "").replace('segment = "PID"\n', ""), "missing keys ['segment']"),
        (ROWS.replace("  ROW,\n", "").replace('resource = "Patient"', 'part_of = "pv1"\ninto = "x"'), "is no row set"),
        (ROWS.replace("  ROW,\n", "").replace('"Patient"', '"Person2"'), "Person2"),
        (ROWS.replace("ROW", '{ from = "PID-8", to = "gender", as = "code", yields = true }'), "gender yields, and no"),
    ],
)
def test_a_wrong_file_of_rows_is_refused_by_its_name(rows: str, said: str, tmp_path: Path) -> None:
    where, reason = refusal_of(tmp_path, rows)
    assert where.startswith("pid-patient.toml")
    assert said in reason


@pytest.mark.parametrize(
    ("messages", "said"),
    [
        (MESSAGES.replace("ADT^A28", "ADT_A28"), "are no message types"),
        (MESSAGES.replace("pid-patient", "pid-person"), "there is no row set pid-person.toml"),
    ],
)
def test_a_wrong_list_of_messages_is_refused(messages: str, said: str, tmp_path: Path) -> None:
    where, reason = refusal_of(tmp_path, ROWS.replace("  ROW,\n", ""), messages)
    assert where == "messages.toml"
    assert said in reason


@pytest.mark.parametrize(
    ("table", "line"),
    [
        ("from,to,display\nM,male,男\nM,female,女\n", 3),
        ("from,to,display\nM,male\n", 2),
        ("code,meaning\nM,male\n", 1),
        ("from,display\nM,male\n", 1),
    ],
)
def test_a_wrong_code_table_is_refused_with_its_line(table: str, line: int, tmp_path: Path) -> None:
    (tmp_path / "sexes.csv").write_text(table, encoding="utf-8")
    with pytest.raises(Refused) as refused:
        load_tables(tmp_path)
    assert refused.value.refusal.where == f"sexes.csv:{line}"


def test_a_sources_own_codes_are_laid_over_the_tables_and_only_there(tmp_path: Path) -> None:
    folder = tmp_path / "renmin-his"
    (folder / "codes").mkdir(parents=True)
    (folder / "codes" / "administrative-sex.csv").write_text("from,to,display\nX,other,其他\n", encoding="utf-8")
    found = load_mappings(
        MAPPINGS,
        {"renmin-his": (sources()["renmin-his"], folder), "zhongyi-his": (sources()["zhongyi-his"], tmp_path)},
        dictionary(),
    )
    own, others = (found.v2[name].tables["administrative-sex"] for name in ("renmin-his", "zhongyi-his"))
    assert own.find("X") is not None
    assert own.find("M") is not None
    assert others.find("X") is None


def test_the_hubs_own_rows_and_tables_load(tmp_path: Path) -> None:
    shutil.copytree(MAPPINGS / "hl7v2", tmp_path / "hl7v2")
    shutil.copytree(MAPPINGS / "cda", tmp_path / "cda")
    shutil.copytree(MAPPINGS / "codes", tmp_path / "codes")
    assert set(load_mappings(tmp_path, {}, dictionary()).kinds) == set(kinds())
    assert load_plans(tmp_path / "hl7v2", load_tables(tmp_path / "codes"), dictionary())
