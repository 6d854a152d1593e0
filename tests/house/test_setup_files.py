"""The set-up is the same for everybody: locked hash by hash, free of any machine's or registry's address."""

import os
import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

REPOSITORY = Path(__file__).parents[2]
SETUP_FILES = ["Makefile", ".ci/run", "pyproject.toml", "requirements.lock", "hub/api/fetch_graphiql.py"]


def locked() -> dict[str, str]:
    """Each locked requirement's name with its lines joined."""
    joined = (REPOSITORY / "requirements.lock").read_text().replace("\\\n", " ")
    lines = [line for line in joined.splitlines() if line and not line.lstrip().startswith("#")]
    return {canonicalize_name(re.split(r"[=\s;\[]", line)[0]): line for line in lines}


def wanted() -> list[Requirement]:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())
    texts = [
        *project["project"]["dependencies"],
        *project["dependency-groups"]["dev"],
        *project["build-system"]["requires"],
    ]
    return [Requirement(each) for each in texts]


def test_every_locked_package_has_one_version_and_its_hashes() -> None:
    assert locked()
    for name, line in locked().items():
        assert re.match(r"[\w.-]+==[\w.!+]+(?= )", line), name
        assert "--hash=sha256:" in line, name


def test_every_dependency_is_locked_at_a_version_that_pyproject_allows() -> None:
    for requirement in wanted():
        line = locked()[canonicalize_name(requirement.name)]
        version = re.match(r"[\w.-]+==([\w.!+]+)", line)
        assert version is not None
        assert requirement.specifier.contains(version[1]), f"{requirement}: locked at {version[1]}, run `make lock`"


@pytest.mark.parametrize("name", SETUP_FILES)
def test_no_set_up_file_names_a_registry_or_a_machine(name: str) -> None:
    text = (REPOSITORY / name).read_text()
    assert not re.findall(r"https?://\S+|--(?:extra-)?index-url\b(?<!no-emit-index-url)|--find-links\S*", text)
    assert not re.findall(r"(?<![\w.])/(?:root|home|work|opt|tmp)/\S+", text)


def test_every_make_target_says_what_it_does() -> None:
    makefile = (REPOSITORY / "Makefile").read_text()
    phony = re.search(r"^\.PHONY: (.+)$", makefile, re.MULTILINE)
    assert phony is not None
    described = set(re.findall(r"^([a-z]+):.*## .+$", makefile, re.MULTILINE))
    assert described == set(phony[1].split())


def test_the_ci_script_may_be_run() -> None:
    assert os.access(REPOSITORY / ".ci" / "run", os.X_OK)
