"""House rules, each a small check whose docstring is the rule."""

import csv
import re
import tomllib
from pathlib import Path

import pytest

from fixtures.county import people
from hub.wordings import WORDINGS

REPOSITORY = Path(__file__).parents[2]
CODES = sorted((REPOSITORY / "mappings" / "codes").glob("*.csv"))
ROWS = sorted((REPOSITORY / "mappings" / "hl7v2").glob("*.toml"))
DOCUMENT_ROWS = sorted((REPOSITORY / "mappings/cda").glob("*.toml"))
PYTHON = [
    file
    for folder in ("hub", "adapters", "fixtures", "tests")
    for file in sorted((REPOSITORY / folder).rglob("*.py"))
    if "__pycache__" not in file.parts
]
LONGEST = 400
LONG_FOR_A_REASON = {
    "hub/postgres.py": "one subject, the bundled server, whose steps belong together",
    "tests/integration/test_intake.py": "the cast of the county, one case after the other",
    "tests/integration/test_bundled_postgres.py": "the bundled server again",
}
IN_PYTHON = {
    *("coding-systems", "coding-oids", "placeholder", "identifier-kinds", "identifier-types", "units"),
    *("icd10-chapters", "range-groups", "placeholder-values"),
}
WORDED = re.compile(r"""["']([a-z]+(?:-[a-z0-9]+)*)["']""")


def named(file: Path) -> str:
    return file.relative_to(REPOSITORY).as_posix()


def test_no_module_is_longer_than_one_subject_without_a_reason() -> None:
    """A module becomes a folder when it stops fitting one subject."""
    long = {named(file) for file in PYTHON if len(file.read_text("utf-8").splitlines()) > LONGEST}
    assert long <= set(LONG_FOR_A_REASON)


def test_every_reason_for_a_long_module_still_stands() -> None:
    """An exception that is no longer one goes."""
    for name in LONG_FOR_A_REASON:
        assert len((REPOSITORY / name).read_text("utf-8").splitlines()) > LONGEST, name


def test_every_wording_is_used() -> None:
    """A refusal that nobody raises is a promise that nobody keeps."""
    sources = [
        file for file in PYTHON if named(file).startswith(("hub/", "adapters/")) and file.parent.name != "wordings"
    ]
    used = {word for file in sources for word in WORDED.findall(file.read_text("utf-8"))}
    assert set(WORDINGS) <= used


def test_every_code_table_is_used_by_a_row() -> None:
    """A table that no row reads misleads whoever corrects it."""
    text = "\n".join(file.read_text("utf-8") for file in (*ROWS, *DOCUMENT_ROWS))
    used = {*re.findall(r'codes = "([a-z0-9-]+)"', text), *re.findall(r" in ([a-z0-9-]+)", text)}
    assert {file.stem for file in CODES} <= used | IN_PYTHON


def test_every_row_file_is_read_by_a_message() -> None:
    """Rows that no message reads do nothing, whatever they say."""
    listing = tomllib.loads((REPOSITORY / "mappings/hl7v2/messages.toml").read_text("utf-8"))["message"]
    assert {name for entry in listing for name in entry["rows"]} == {
        file.stem for file in ROWS if file.name not in ("messages.toml", "ignored.toml")
    }


def test_every_row_file_for_documents_is_listed() -> None:
    """A set that the listing does not name reads nothing."""
    listing = tomllib.loads((REPOSITORY / "mappings/cda/documents.toml").read_text("utf-8"))
    assert set(listing["sets"]) == {
        file.stem for file in DOCUMENT_ROWS if file.name not in ("documents.toml", "ignored.toml")
    }


@pytest.mark.parametrize("file", CODES, ids=lambda file: file.stem)
def test_every_code_has_words_beside_it(file: Path) -> None:
    """A code is for machines; whoever reads the table needs its words."""
    if file.stem in ("identifier-kinds", "placeholder"):
        return
    with file.open(encoding="utf-8", newline="") as text:
        for row in csv.DictReader(text):
            assert row["to"], row
            assert row["display"], row
            assert row["from"] == row["from"].strip(), row


def test_everybody_of_the_county_is_invented() -> None:
    """No personal data of real people: county digits 99 and permits of 810000 are made up, 1990000 rings nowhere."""
    for person in people().values():
        assert not person.citizen_id or person.citizen_id[4:6] == "99" or person.citizen_id.startswith("810000")
        assert not person.phone or person.phone.startswith("1990000")


NUMBER = re.compile(r"(?<!\d)[1-6]\d{5}(?:19|20)\d{2}(?:0[1-9]|1[0-2])(?:[0-2]\d|3[01])\d{3}[\dXx](?!\d)")
STANDARDS_EXAMPLES = {"11010519491231002X"}


def test_no_file_carries_a_citizen_id_number_that_could_be_somebodys() -> None:
    """Every number of that shape in the project is of county digits 99, or the standard's own example."""
    texts = [*PYTHON, *(REPOSITORY / "fixtures").rglob("*.csv"), *(REPOSITORY / "tests").rglob("*.json")]
    for file in [*texts, *(REPOSITORY / "hub" / "docs").rglob("*.md"), *REPOSITORY.glob("*.md")]:
        for number in NUMBER.findall(file.read_text("utf-8")):
            assert number[4:6] == "99" or number in STANDARDS_EXAMPLES, (named(file), number)


def test_nothing_names_a_registry() -> None:
    """Where packages come from is for each machine to say."""
    texts = [*PYTHON, *REPOSITORY.glob("*.toml"), *REPOSITORY.glob("*.lock"), REPOSITORY / "Makefile"]
    registry = re.compile(r"https?://[^\s\"']*(?:pypi|npmjs|registry|mirror)[^\s\"']*")
    for file in texts:
        if file.name != "test_house.py":
            assert not registry.search(file.read_text("utf-8")), named(file)
