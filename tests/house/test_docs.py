"""The pages say what the code does: commands, settings, links and examples in them are held against it."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from graphql import NoUnusedFragmentsRule, build_schema, parse, specified_rules, validate

from adapters.hl7v2.dictionary import Dictionary
from adapters.hl7v2.tokenizer import tokenize
from hub.api.schema import print_schema
from hub.docs.generate import FOLDER, PAGES, commands
from hub.mapping.codes import load_kinds
from hub.message import Source
from hub.settings import Settings
from hub.sources import read_source
from hub.wordings import WORDINGS
from tests.desk import is_charset, load_mappings

REPOSITORY = Path(__file__).parents[2]
MAPPINGS = REPOSITORY / "mappings"
READMES = [REPOSITORY / "README.md", REPOSITORY / "README.zh-CN.md"]
DECISIONS = sorted((FOLDER / "decisions").glob("0*.md"))
ALL = [*READMES, *sorted(FOLDER.rglob("*.md"))]

FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
SPAN = re.compile(r"`([^`\n]+)`")
COMMAND = re.compile(r"(?<![\w./-])hub((?: [a-z]+)+)([^\n`|)#]*)")
LINK = re.compile(r"(?<!!)\[[^\]\n]+\]\(([^)\s]+)\)")


def relative(page: Path) -> str:
    return page.relative_to(REPOSITORY).as_posix()


def prose(page: Path) -> str:
    """A page without its fenced blocks."""
    return FENCE.sub("", page.read_text(encoding="utf-8"))


def fenced(page: Path, *languages: str) -> list[str]:
    """The fenced blocks of these languages, without the indent of the list they stand in."""
    found = FENCE.findall(page.read_text(encoding="utf-8"))
    return [re.sub(rf"^{indent}", "", text, flags=re.MULTILINE) for indent, name, text in found if name in languages]


def typed(page: Path) -> str:
    """What a reader may type: code spans and fenced blocks of no language."""
    return "\n".join([*SPAN.findall(prose(page)), *fenced(page, "")])


def anchors(page: Path) -> set[str]:
    """The places of a page that a link may lead to, as GitHub names them."""
    headings = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def wrong_commands(text: str) -> Iterator[str]:
    known = {words: {name for one in command.params for name in one.opts} for words, command in commands()}
    for said, rest in COMMAND.findall(text):
        words = f"hub{said}".split()
        name = next((" ".join(words[:n]) for n in (3, 2) if " ".join(words[:n]) in known), None)
        options = set(re.findall(r"--[\w-]+", rest))
        if name is None or not options <= known[name]:
            yield f"hub{said}{rest}"


@pytest.mark.parametrize("name", PAGES)
def test_generated_pages_are_as_the_code_has_them(name: str) -> None:
    page = FOLDER / name
    written = page.read_text(encoding="utf-8") if page.exists() else ""
    assert written == PAGES[name](), f"hub/docs/{name} is old: run `python -m hub.docs.generate`"


@pytest.mark.parametrize("readme", READMES, ids=relative)
def test_a_readme_begins_with_the_two_commands(readme: Path) -> None:
    assert fenced(readme, "")[0] == "make demo\nmake test\n"


@pytest.mark.parametrize("page", ALL, ids=relative)
def test_every_make_target_that_a_page_names_exists(page: Path) -> None:
    targets = set(re.findall(r"^([a-z]+):.*## ", (REPOSITORY / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"\bmake ([a-z]+)", typed(page))) <= targets


@pytest.mark.parametrize("page", ALL, ids=relative)
def test_every_command_and_option_that_a_page_names_exists(page: Path) -> None:
    assert list(wrong_commands(typed(page))) == []


def test_every_command_that_a_refusal_names_exists() -> None:
    for code, said in WORDINGS.items():
        assert list(wrong_commands("\n".join(SPAN.findall(f"{said.en} {said.next_en}")))) == [], code


@pytest.mark.parametrize("page", ALL, ids=relative)
def test_every_setting_that_a_page_names_exists(page: Path) -> None:
    settings = {f"HUB_{name.upper()}" for name in Settings.model_fields}
    assert set(re.findall(r"\bHUB_[A-Z_]+\b", page.read_text(encoding="utf-8"))) <= settings


@pytest.mark.parametrize("page", ALL, ids=relative)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    for link in LINK.findall(prose(page)):
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


@pytest.mark.parametrize("page", ALL, ids=relative)
def test_no_page_names_a_machine_or_a_registry(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert not re.findall(r"(?<![\w.])/(?:root|home|work|opt|tmp)/\S+", text)
    hosts = set(re.findall(r"https?://([\w.-]+)", text))
    namespaces = {"schemas.xmlsoap.org", "www.w3.org", "docs.oasis-open.org"}  # names of SOAP's own standards
    assert hosts <= {"127.0.0.1", "loinc.org", "hl7.org", "terminology.hl7.org"} | namespaces


@pytest.mark.parametrize("page", DECISIONS, ids=relative)
def test_a_decision_has_a_line_to_quote_and_three_parts(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert re.match(rf"# {page.name[:4]} .+\n\n\*\*.+\*\*\n\n## Context\n", text)
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == ["Context", "Decision", "Consequences"]
    assert f"({page.name})" in (FOLDER / "decisions" / "README.md").read_text(encoding="utf-8")


def example_profile(page: Path, folder: Path) -> Source:
    """The source profile that a page gives as its example."""
    text = next(block for block in fenced(page, "toml") if "identifiers" in block)
    name = re.search(r'^name = "([\w-]+)"', text, re.MULTILINE)
    assert name is not None
    file = folder / name[1] / "source.toml"
    file.parent.mkdir()
    file.write_text(text, encoding="utf-8")
    return read_source(file, load_kinds(MAPPINGS / "codes"), is_charset)


@pytest.mark.parametrize("page", [*READMES, FOLDER / "connect-a-hospital.md"], ids=relative)
def test_the_example_of_a_profile_is_taken(page: Path, tmp_path: Path) -> None:
    assert example_profile(page, tmp_path).sending_facility == "DHYY"


def test_the_sample_message_is_mapped_by_the_example_profile(tmp_path: Path) -> None:
    page = FOLDER / "connect-a-hospital.md"
    source = example_profile(page, tmp_path)
    sample = next(block for block in fenced(page, "") if block.startswith("MSH"))
    mappings = load_mappings(MAPPINGS, {source.name: (source, tmp_path / source.name)}, Dictionary())
    (part,) = mappings.v2[source.name].read(tokenize(sample), datetime(2026, 10, 12, tzinfo=UTC)).parts
    assert [resource.kind for resource in part.resources] == ["Encounter", "Condition"]


@pytest.mark.parametrize("page", READMES, ids=relative)
def test_the_query_of_a_readme_fits_the_schema(page: Path) -> None:
    (body,) = re.findall(r"-d '(\{.+\})'", page.read_text(encoding="utf-8"))
    assert validate(build_schema(print_schema()), parse(json.loads(body)["query"])) == []


_RULES = [rule for rule in specified_rules if rule is not NoUnusedFragmentsRule]


@pytest.mark.parametrize("page", [page for page in ALL if fenced(page, "graphql")], ids=relative)
def test_every_query_of_a_page_fits_the_schema(page: Path) -> None:
    """A fragment may stand by itself, and serve the queries behind it."""
    schema, blocks = build_schema(print_schema()), fenced(page, "graphql")
    fragments = [block for block in blocks if block.startswith("fragment")]
    for block in blocks:
        query = "\n".join([block, *(one for one in fragments if one != block)])
        assert validate(schema, parse(query), _RULES) == [], block
