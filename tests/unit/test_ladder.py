"""The ladder's file: what the committed one says, what a site lays over it, how a wrong one is refused."""

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from hub.commands.policies import policies
from hub.errors import Refused
from hub.followups import Discharge, load_ladder, plan_for
from hub.policy import load_policies, policy_folders
from tests.aftercare import ladder
from tests.unit.test_followups import DAY

OWN = policy_folders(None)
WHOLE = (OWN[0] / "follow-up.toml").read_text("utf-8")


def site(tmp_path: Path, text: str) -> list[Path]:
    (tmp_path / "follow-up.toml").write_text(text, encoding="utf-8")
    return [*OWN, tmp_path]


def refused(folders: list[Path]) -> tuple[str, str]:
    with pytest.raises(Refused) as raised:
        load_ladder(folders)
    refusal = raised.value.refusal
    assert refusal.code == "bad-ladder"
    return refusal.where.rpartition("/")[2], refusal.given["reason"]


def test_every_rule_says_where_its_figures_come_from() -> None:
    for rule in ladder().rules:
        assert re.search(r"read|memory|design", rule.source), rule.id
        assert re.search(r"[一-鿿]", rule.reason.zh)
        assert rule.reason.en.isascii()


def test_every_disposition_of_the_front_page_is_settled() -> None:
    assert sorted(ladder().dispositions) == ["1", "2", "3", "4", "5", "9"]


def test_the_ladder_is_no_policy() -> None:
    assert "follow-up" not in load_policies(OWN)


def test_a_site_replaces_a_rule_and_a_figure_and_leaves_the_rest(tmp_path: Path) -> None:
    text = """
stale_after_days = 10

[[rule]]
id = "everybody"
steps = [{ from = 1, until = 3, way = "home" }]
reason = { zh = "本县规定。", en = "The county's own." }
source = "design: decided by the county"
"""
    found = load_ladder(site(tmp_path, text))
    assert (found.stale_after_days, found.catch_up_days) == (10, ladder().catch_up_days)
    assert len(found.rules) == len(ladder().rules)
    owed = plan_for(Discharge(on=DAY, known_on=DAY, disposition="1"), found)
    assert [(one.way, one.reason.zh) for one in owed.windows] == [("home", "本县规定。")]


def test_a_site_takes_a_rule_away(tmp_path: Path) -> None:
    text = '[[rule]]\nid = "chronic"\nsteps = []\nreason = { zh = "无", en = "none" }\nsource = "design"\n'
    assert "chronic" not in {rule.id for rule in load_ladder(site(tmp_path, text)).rules}


def test_a_rule_of_another_region_does_not_hold(tmp_path: Path) -> None:
    text = """
[[rule]]
id = "fujian"
region = "fujian-2022"
steps = [{ from = 0, until = 1 }]
reason = { zh = "及时", en = "in time" }
source = "design"
"""
    folders = site(tmp_path, text)
    assert "fujian" in {rule.id for rule in load_ladder(folders, "fujian-2022").rules}
    assert "fujian" not in {rule.id for rule in load_ladder(folders, "weihai-2023").rules}


RULE = '[[rule]]\nid = "x"\n{}\nreason = {{ zh = "因", en = "why" }}\nsource = "design"\n'


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("stale_after_days = -1\n", 1, "whole number"),
        ("stale_after_day = 3\n", 1, "unknown key"),
        (RULE.format("steps = [{ from = 5, until = 2 }]"), 3, "comes before"),
        (RULE.format('steps = [{ from = 1, until = 2, way = "fax" }]'), 3, "'fax'"),
        (RULE.format("steps = 3"), 3, "is a list"),
        (RULE.format('diagnoses = ["heart"]\nsteps = []'), 3, "ICD-10"),
        (RULE.format('diagnoses = ["I64-I60"]\nsteps = []'), 3, "ICD-10"),
        (RULE.format("steps = []\nweeks = 2"), 4, "unknown key weeks"),
        ('[[rule]]\nid = "x"\nsteps = []\nsource = "design"\n', 1, "zh"),
        ('\n[[disposition]]\ncode = "1"\neffect = "pray"\n', 4, "'pray'"),
        ('[[measurement]]\nname = "mood"\n', 2, "'mood'"),
        ('[lost]\nattempts = 3\nways = ["dove"]\n', 3, "'dove'"),
        (RULE.format("steps = []") * 2, 7, "twice"),
        ("rule = 3\n", 1, "[[rule]]"),
        ("stale_after_days = \n", 1, "Invalid value"),
    ],
)
def test_a_wrong_file_is_refused_with_its_line(tmp_path: Path, text: str, line: int, said: str) -> None:
    where, reason = refused(site(tmp_path, text))
    assert where == f"follow-up.toml:{line}"
    assert said in reason


def test_what_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "follow-up.toml").write_bytes(b"\xff\xfe")
    assert "UTF-8" in refused([*OWN, tmp_path])[1]


@pytest.mark.parametrize("missing", ["stale_after_days = 30", "attempts = 3", 'code = "9"', 'name = "weight"'])
def test_a_ladder_that_lacks_something_is_refused(tmp_path: Path, missing: str) -> None:
    head, _, tail = WHOLE.partition(missing)
    assert tail
    if missing.startswith(("code", "name")):
        kind = "[[disposition]]" if missing.startswith("code") else "[[measurement]]"
        head = head.rpartition(kind)[0]
        tail = tail[tail.index("\n[") :]
    (tmp_path / "follow-up.toml").write_text(head + tail, encoding="utf-8")
    assert "missing" in refused([tmp_path])[1]


def test_a_sites_ladder_is_checked_with_its_policies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`hub policy check` reads it too, so that a wrong one is known before the hub is started."""
    monkeypatch.setenv("HUB_CONFIG_DIR", str(tmp_path))
    folder = tmp_path / "policies"
    folder.mkdir()
    file = folder / "follow-up.toml"
    file.write_text("\nstale_after_days = 'soon'\n", encoding="utf-8")
    result = CliRunner().invoke(policies, ["check"])
    assert result.exit_code == 1
    assert f"{file}:2" in result.stderr
    assert "stale_after_days is a whole number" in result.stderr
    file.write_text("stale_after_days = 60\n", encoding="utf-8")
    assert CliRunner().invoke(policies, ["check"]).exit_code == 0
