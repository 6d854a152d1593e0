"""``hub policy``: every fault by file and line, and what holds with what is open plainly marked."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from hub.cli import app
from hub.docs.policies import EXAMPLE
from hub.errors import Refused
from hub.policy import load_policies, policy_folders

WRONG = """\
[[set]]
rule = "slot-share"
value = "0.1"
unit = "share"
kinds = ["expert"]
by = "威海市卫生健康委员会"
on = 2026-03-01
why = "少留一些。"

[[set]]
rule = "slot-release"
value = 24
unit = "years"
by = "威海市卫生健康委员会"
on = 2026-03-01
why = "前一日退回。"
"""


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The site's own folder, in English."""
    (tmp_path / "policies").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HUB_CONFIG_DIR", str(tmp_path))
    monkeypatch.setenv("HUB_LOCALE", "en")
    monkeypatch.setenv("COLUMNS", "400")
    monkeypatch.delenv("HUB_REGION", raising=False)
    return tmp_path / "policies"


def run(*words: str) -> Result:
    return CliRunner().invoke(app, ["policy", *words])


def shown(*words: str) -> dict[str, Any]:
    result = run("show", "--json", *words)
    assert result.exit_code == 0, result.output
    document: dict[str, Any] = json.loads(result.stdout)
    return document


def rules_of(document: dict[str, Any], id: str) -> list[dict[str, Any]]:
    return [rule for rule in document["rules"] if rule["id"] == id]


def test_sound_files_are_counted_and_end_well(site: Path) -> None:
    (site / "weihai-2023.toml").write_text(EXAMPLE, encoding="utf-8")
    result = run("check")
    assert (result.exit_code, result.stdout) == (0, "Files read: 7, faults: 0\n")


def test_every_fault_is_named_with_file_and_line_and_ends_with_status_1(site: Path) -> None:
    file = site / "weihai-2023.toml"
    file.write_text(WRONG, encoding="utf-8")
    (site / "weihai-2032.toml").write_text(EXAMPLE, encoding="utf-8")
    result = run("check")
    assert (result.exit_code, result.stdout) == (1, "")
    first, second, third, next_step = result.stderr.splitlines()
    assert first.startswith(f"{file}:3: 1/10 share contradicts weihai-2023 四(三)")
    assert second.startswith(f"{file}:13: slot-release is not counted in years")
    assert third.startswith(f"{site / 'weihai-2032.toml'}:1: there is no sound policy named weihai-2032")
    assert "hub/docs/policies.md" in next_step


def test_only_the_files_that_are_named_are_read(site: Path) -> None:
    good, bad = site / "weihai-2023.toml", site / "baodi-2017.toml"
    good.write_text(EXAMPLE, encoding="utf-8")
    bad.write_text(WRONG.replace('"0.1"', '"1.1"'), encoding="utf-8")
    assert run("check", str(good)).exit_code == 0
    result = run("check", str(bad))
    assert result.exit_code == 1
    assert f"{bad}:3: 11/10: a share is at most 1" in result.stderr


def test_a_file_that_is_not_there_is_a_fault(site: Path) -> None:
    result = run("check", str(site / "none.toml"))
    assert result.exit_code == 1
    assert "cannot be read" in result.stderr


@pytest.mark.parametrize("region", sorted(load_policies(policy_folders(None))))
def test_every_region_is_shown_with_each_rules_clause_and_printed_figure(region: str, site: Path) -> None:
    document = shown(region)
    rules = load_policies(policy_folders(None))[region].rules
    assert [(rule["id"], rule["clause"], rule["printed"]) for rule in document["rules"]] == [
        (rule.id, rule.clause, rule.printed) for rule in rules
    ]
    assert run("show", region).stdout.count("OPEN") == sum(rule["standing"] == "open" for rule in document["rules"])


def test_figures_are_shown_exactly(site: Path) -> None:
    stated, hearsay = rules_of(shown("pudong-2023"), "slot-share")
    assert (stated["value"], stated["operator"], stated["authorities"]) == ("1/3", ">=", ["district"])
    assert (hearsay["standing"], hearsay["value"]) == ("hearsay", "1/2")
    assert set(hearsay["source"]) == {"zh", "en"}
    assert "HEARSAY" in run("show", "pudong-2023").stdout


def test_what_the_site_has_set_stands_beside_the_rule(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (site / "weihai-2023.toml").write_text(EXAMPLE, encoding="utf-8")
    monkeypatch.setenv("HUB_REGION", "weihai-2023")
    experts, beds = rules_of(shown(), "slot-share")
    assert experts["set_by_site"] == []
    (value,) = beds["set_by_site"]
    assert (value["value"], value["kinds"], value["on"]) == ("1/4", ["bed"], "2026-03-01")
    assert "1/4 share [bed] (威海市卫生健康委员会, 2026-03-01)" in run("show").stdout


def test_a_rule_of_the_sites_own_is_shown_without_a_clause(site: Path) -> None:
    own = EXAMPLE.replace("slot-release", "discharge-push")
    (site / "weihai-2023.toml").write_text(own, encoding="utf-8")
    (rule,) = rules_of(shown("weihai-2023"), "discharge-push")
    assert (rule["standing"], rule["value"], rule["clause"]) == ("site", "24", "")
    assert "the site's own" in run("show", "weihai-2023").stdout


def test_without_a_region_there_is_nothing_to_show(site: Path) -> None:
    result = run("show")
    assert isinstance(result.exception, Refused)
    assert result.exception.refusal.code == "no-region"


def test_a_region_that_is_not_there_is_refused(site: Path) -> None:
    result = run("show", "weihai")
    assert isinstance(result.exception, Refused)
    assert (result.exception.refusal.code, result.exception.refusal.where) == ("unknown-region", "REGION")
