"""Rows for documents are refused with file and line, before anything is read by them."""

from pathlib import Path

import pytest

from hub.errors import Refused
from hub.mapping.cda.accounting import load_ignored
from hub.mapping.cda.rows import load_plan, load_set
from hub.mapping.codes import load_tables
from tests.desk import MAPPINGS

TABLES = load_tables(MAPPINGS / "codes")
SET = 'resource = "Condition"\nof = ["DE05.01.024.00"]\nneeds = ["code"]\nrows = [\n  ROW,\n]\n'
GOOD = '{ from = "DE05.01.024.00", to = "code", as = "diagnosis" }'


def refusal_of(tmp_path: Path, text: str) -> tuple[str, str]:
    file = tmp_path / "diagnosis.toml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(Refused) as refused:
        load_set(file, file.name, TABLES)
    refusal = refused.value.refusal
    assert refusal.code == "bad-mapping"
    return refusal.where, str(refusal.given["reason"])


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ('{ from = "DE05.01.024.00", to = "code", az = "diagnosis" }', "unknown keys ['az']"),
        ('{ from = "DE05.01.024.00", as = "diagnosis" }', "a row needs to"),
        ('{ to = "code" }', "a row needs to, and from or value"),
        ('{ from = "DE05.01.024.00", to = "codex", as = "diagnosis" }', "Condition.codex is no element of FHIR R4B"),
        ('{ from = "DE05.01.024.00", to = "code", as = "magic" }', "there is no converter 'magic' for documents"),
        ('{ from = "DE05.01.024.00", to = "code", as = "date" }', "converter 'date' gives Date, and code is a"),
        ('{ from = "DE05", to = "code", as = "diagnosis" }', "'DE05' is no place"),
        ('{ from = "#nothing", to = "code", as = "text-concept" }', "'#nothing' is no place"),
        ('{ from = "./value{x}", to = "code", as = "concept" }', "'./value{x}' is no place"),
        ('{ from = "./value", to = "code", as = "concept", codes = "none" }', "there is no code table 'none'"),
        ('{ to = "code", value = {}, when = "#kind in none" }', "there is no code table 'none'"),
        ('{ to = "code", value = {}, when = "#kind resembles C0053" }', "is not a condition"),
    ],
)
def test_a_wrong_row_is_refused_with_its_line(row: str, said: str, tmp_path: Path) -> None:
    where, reason = refusal_of(tmp_path, SET.replace("ROW", row))
    assert where == "diagnosis.toml:5"
    assert said in reason


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (SET.replace("of =", "off ="), "unknown keys ['off']"),
        (SET.replace('resource = "Condition"\n', ""), "missing keys ['resource']"),
        (SET.replace("of =", "once = true\nof ="), "a row set is made once, of a kind of entry"),
        (SET.replace('of = ["DE05.01.024.00"]\n', ""), "a row set is made once, of a kind of entry"),
        (SET.replace("DE05.01.024.00", "DE5"), "['DE5'] are no data elements"),
        (SET.replace('"code"', '"severity"', 1), "no row gives ['severity'], which it needs"),
        (SET.replace("rows = [", "rows = ["[:-1]), "is no TOML"),
    ],
)
def test_a_wrong_set_is_refused_by_its_name(changed: str, said: str, tmp_path: Path) -> None:
    where, reason = refusal_of(tmp_path, changed.replace("ROW", GOOD))
    assert where.startswith("diagnosis.toml")
    assert said in reason


def test_a_sources_file_that_takes_no_sets_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / "diagnoses.toml").write_text(SET.replace("ROW", GOOD), encoding="utf-8")
    with pytest.raises(Refused) as refused:
        load_plan(MAPPINGS / "cda", TABLES, tmp_path)
    assert "there is no row set diagnoses among the hub's" in str(refused.value.refusal.given)
    assert refused.value.refusal.where == str(tmp_path / "diagnoses.toml")


@pytest.mark.parametrize(
    ("text", "said", "line"),
    [
        ('[[ignored]]\nplaces = ["/x"]\nzh = "因"\n', "an [[ignored]] has en, places, zh", 1),
        ('[[ignored]]\nplaces = "/x"\nzh = "因"\nen = "why"\n', "places is a list", 1),
        ('\n[[ignored]]\nplaces = ["x"]\nzh = "因"\nen = "why"\n', "'x' is no place", 2),
    ],
)
def test_what_is_ignored_needs_places_and_a_reason(text: str, said: str, line: int, tmp_path: Path) -> None:
    (tmp_path / "ignored.toml").write_text(text, encoding="utf-8")
    with pytest.raises(Refused) as refused:
        load_ignored(tmp_path)
    assert refused.value.refusal.where == f"cda/ignored.toml:{line}"
    assert said in str(refused.value.refusal.given["reason"])
