"""``hub source``: a profile is proposed for review, checked by file and line, and listed."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from hub.cli import app
from hub.errors import Refused
from hub.settings import load_settings
from hub.wiring import profile_places
from tests.unit.test_proposing import admission


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The site's own folder, in English."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HUB_CONFIG_DIR", str(tmp_path))
    monkeypatch.setenv("HUB_LOCALE", "en")
    (tmp_path / "a.hl7").write_bytes(admission())
    (tmp_path / "b.hl7").write_bytes(admission("utf-8"))
    return tmp_path


def run(*words: str) -> Result:
    return CliRunner().invoke(app, ["source", *words])


def test_a_profile_is_written_for_review_checked_and_not_put_into_force(site: Path) -> None:
    done = run("new", "donghu-his", "--from", "a.hl7", "b.hl7")
    assert done.exit_code == 0, done.output
    assert (site / "donghu-his" / "source.toml").is_file()
    assert "Profiles read: 1, faults: 0" in done.output
    assert "donghu-his" not in run("list").output
    assert run("check", "donghu-his").exit_code == 0, "a folder is checked before it is in force"
    (site / "sources").mkdir()
    (site / "donghu-his").rename(site / "sources" / "donghu-his")
    listed = json.loads(run("list", "--profiles", "--json").output)
    assert [(one["name"], one["in_force"], one["sender"]) for one in listed] == [
        ("donghu-his", True, "HIS|DHYY"),
        ("hub", True, ""),
    ]


def test_a_profile_that_is_there_is_not_overwritten(site: Path) -> None:
    run("new", "donghu-his", "--from", "a.hl7")
    with pytest.raises(Refused) as refused:
        CliRunner().invoke(app, ["source", "new", "donghu-his", "--from", "a.hl7"], catch_exceptions=False)
    assert refused.value.refusal.code == "profile-exists"


def test_findings_are_given_as_json_and_nothing_is_written(site: Path) -> None:
    findings = json.loads(run("new", "donghu-his", "--from", "a.hl7", "b.hl7", "--json").output)
    assert findings["charsets"]["written"] == {"gb18030": 1, "utf-8": 1}
    assert not (site / "donghu-his").exists()


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["new", "Donghu", "--from", "a.hl7"], "bad-argument"),
        (["new", "donghu-his"], "bad-argument"),
        (["new", "donghu-his", "--from", "none.hl7"], "unreadable-file"),
        (["check", "nobody"], "unknown-source"),
    ],
)
def test_what_cannot_be_done_is_refused(words: list[str], code: str, site: Path) -> None:
    with pytest.raises(Refused) as refused:
        CliRunner().invoke(app, ["source", *words], catch_exceptions=False)
    assert refused.value.refusal.code == code


def test_check_ends_with_status_1_and_names_each_fault_by_file_and_line(site: Path) -> None:
    run("new", "donghu-his", "--from", "a.hl7", "--out", "sources")
    assert run("check").exit_code == 0
    file = site / "sources" / "donghu-his" / "source.toml"
    text = file.read_text("utf-8").replace('"gb18030"', '"gb"').replace('"original"', '"never"')
    file.write_text(text, "utf-8")
    done = run("check")
    assert done.exit_code == 1
    for wrong in ('acknowledging = "never"', 'charset = "gb"'):
        line = text[: text.index(wrong)].count("\n") + 1
        assert f"{file}:{line}: " in done.output
    assert run("check", "hub").exit_code == 0
    as_json = json.loads(run("check", "--json").output)
    assert [one["code"] for one in as_json["faults"]] == ["bad-profile", "bad-profile"]


def test_two_with_one_header_are_a_fault_of_both(site: Path) -> None:
    for name in ("donghu-his", "xihu-his"):
        run("new", name, "--from", "a.hl7", "--out", "sources")
    done = run("check")
    assert done.exit_code == 1
    assert "are also those of xihu-his" in done.output
    assert "are also those of donghu-his" in done.output


def test_what_the_hub_reads_profiles_with_knows_its_versions_and_sheets() -> None:
    known = profile_places(load_settings()).known
    assert known.is_version("2.5.1")
    assert not known.is_version("2.10")
    assert known.is_sheet("sessions")
    assert not known.is_sheet("beds")
