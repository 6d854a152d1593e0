"""The page about files names every column, every word that may stand in it, and gives examples that are taken."""

import re
from pathlib import Path

import pytest

from adapters.files import columns
from adapters.files.columns import FILE_KINDS
from adapters.files.form_columns import FORM_KINDS
from adapters.files.kinds import FileKind
from adapters.files.reading import Checks, FilesRead, read_files
from adapters.files.sheet import NamedFile
from hub.identifiers import read_citizen_id
from hub.mapping.codes import load_kinds
from hub.sources import read_source
from tests.desk import MAPPINGS, is_charset, sources

PAGE = Path(__file__).parents[2] / "hub" / "docs" / "load-files.md"
TEXT = PAGE.read_text(encoding="utf-8")
ROW = re.compile(r"^\| `(\w+)` \| (\S+) \| (yes)? ?\| (.*) ?\|$", re.MULTILINE)
EXAMPLES = re.findall(r"```csv\n(.*?)```", TEXT, re.DOTALL)
WORDS = {
    "kind": (columns.ORGANISATION_KINDS, columns.AGREEMENT_KINDS, columns.SESSION_KINDS),
    "level": (columns.LEVELS,),
    "authority": (columns.AUTHORITIES,),
    "role": (columns.ROLES, columns.MEMBER_ROLES),
    "provider_kind": (columns.PROVIDERS,),
    "client_kind": (columns.CLIENTS,),
    "identifier_kind": (columns.IDENTIFIER_KINDS,),
    "status": (columns.STATES,),
}


def table_of(kind: FileKind) -> list[tuple[str, str, bool]]:
    """The rows of the table that follows a kind's name: column, Chinese name, whether it is required."""
    start = re.search(rf"^(## {kind.name} |{kind.name}, one row)", TEXT, re.MULTILINE)
    assert start is not None, kind.name
    rest = TEXT[TEXT.index("| column |", start.start()) :]
    return [(name, zh, bool(needed)) for name, zh, needed, _ in ROW.findall(rest.partition("\n\n")[0])]


@pytest.mark.parametrize("kind", [kind for kind in FILE_KINDS if kind not in FORM_KINDS], ids=lambda kind: kind.name)
def test_the_page_names_every_column_in_both_languages(kind: FileKind) -> None:
    assert f"{kind.name} ({kind.zh})" in TEXT
    assert table_of(kind) == [(column.name, column.zh, column.required) for column in kind.columns]


def test_the_page_gives_every_word_that_a_cell_may_hold() -> None:
    said = "\n".join(line for line in TEXT.splitlines() if line.startswith("| `"))
    for tables in WORDS.values():
        for words in tables:
            for code, chinese in words.items():
                assert f"`{code}` {chinese}" in said, code


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda text: text.partition(",")[0])
def test_every_example_of_the_page_is_taken(example: str) -> None:
    found = read_example(example)
    wrong = [fault for fault in found.faults if "teams that is loaded with it" not in fault.given["en"]]
    assert [str(fault) for fault in wrong] == []


def read_example(example: str) -> FilesRead:
    source = sources()["renmin-booking" if example.startswith("排班号") else "weiquan-signing"]
    checks = Checks(
        is_number=lambda kind, text: kind != "citizen-id" or read_citizen_id(text) is not None, validate=lambda _: None
    )
    return read_files([NamedFile(name="example.csv", raw=example.encode())], source, checks)


def test_the_profile_of_the_page_may_send_files(tmp_path: Path) -> None:
    (text,) = re.findall(r"```toml\n(.*?)```", TEXT, re.DOTALL)
    file = tmp_path / "weiquan-signing" / "source.toml"
    file.parent.mkdir()
    file.write_text(text, encoding="utf-8")
    source = read_source(file, load_kinds(MAPPINGS / "codes"), is_charset)
    assert {"file", "ingest"} == set(source.transports)
    assert {kind.tells for kind in FILE_KINDS if kind is not columns.SESSIONS} <= source.tells
