"""``alerts.toml``: the hub's own holds, a site's lies over it key by key, and a wrong one is refused with its line."""

import tomllib
from datetime import timedelta
from pathlib import Path

import pytest

from hub.alerts import Kind, load_thresholds
from hub.errors import Refused

ROOT = Path(__file__).parents[2]
OWN = ROOT / "mappings" / "alerts.toml"
PAGE = ROOT / "hub" / "docs" / "alerts.md"


def site(tmp_path: Path, text: str) -> Path:
    (tmp_path / "alerts.toml").write_text(text, encoding="utf-8")
    return tmp_path


def refused(folder: Path) -> tuple[str, str]:
    """(where, what is said)."""
    with pytest.raises(Refused) as raised:
        load_thresholds(folder)
    refusal = raised.value.refusal
    assert refusal.code == "bad-alerts"
    assert "mappings/alerts.toml" in refusal.next_step()
    return refusal.where, refusal.message("en")


def test_the_hubs_own_hold_where_a_site_says_nothing(tmp_path: Path) -> None:
    own = load_thresholds(None)
    assert own.kinds == frozenset(Kind)
    assert own.calm == timedelta(minutes=5)
    assert (own.disk.begin, own.disk.end, own.silence.weeks) == (0.9, 0.85, 4)
    assert load_thresholds(tmp_path) == own == load_thresholds(site(tmp_path, ""))


def test_a_site_lays_its_own_over_key_by_key(tmp_path: Path) -> None:
    own = load_thresholds(None)
    found = load_thresholds(
        site(tmp_path, 'kinds = ["disk", "lag"]\n[disk]\nbegin = 0.95\n[lag]\nbegin_minutes = 10\nend_minutes = 2.5\n')
    )
    assert found.kinds == {Kind.DISK, Kind.LAG}
    assert (found.disk.begin, found.disk.end) == (0.95, own.disk.end)
    assert (found.lag.begin_minutes, found.lag.end_minutes) == (10, 2.5)
    assert (found.silence, found.queue, found.calm) == (own.silence, own.queue, own.calm)


def test_a_site_may_watch_nothing_at_all(tmp_path: Path) -> None:
    assert load_thresholds(site(tmp_path, "kinds = []")).kinds == frozenset()


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("\ncalm = 3\n", 2, "'calm' is no key of it"),
        ("[disk]\nbegin = 0.9\n[disc]\nbegin = 0.9\n", 3, "'disc' is no key of it"),
        ("[disk]\n# how full\nbegins = 0.9\n", 3, "'begins' is no key of [disk]: begin, end"),
        ("[disk]\nbegi = 0.9\nbegin = 0.9\n", 2, "'begi' is no key of [disk]"),
        ("disk = 0.9\n", 1, "'disk' is no key of it"),
        ('kinds = ["disk",\n"disc"]\n', 1, "kinds are a list of silence, failures"),
        ('calm_minutes = 1\nkinds = "disk"\n', 2, "kinds are a list of"),
        ("kinds = [1]\n", 1, "kinds are a list of"),
        ('kinds = [["disk"]]\n', 1, "kinds are a list of"),
        ("calm_minutes = 0\n", 1, "'calm_minutes' is a number above 0"),
        ('[lag]\nbegin_minutes = "5"\n', 2, "'begin_minutes' is a number above 0"),
        ("[lag]\nbegin_minutes = true\n", 2, "'begin_minutes' is a number above 0"),
        ("[lag]\nbegin_minutes = nan\n", 2, "'begin_minutes' is a number above 0"),
        ("[lag]\nbegin_minutes = inf\n", 2, "'begin_minutes' is a number above 0"),
        ("[lag]\nbegin_minutes = -5\n", 2, "'begin_minutes' is a number above 0"),
        (f"[lag]\nbegin_minutes = {'9' * 400}\n", 2, "at most 1000000"),
        ("[queue]\nbegin = 10.5\n", 2, "'begin' is a whole number above 0"),
        ("[silence]\nweeks = 2.0\n", 2, "'weeks' is a whole number above 0"),
        ("[disk]\nbegin = 0.5\nend = 0.6\n", 3, "[disk] ends at 0.6, which is not below its begin, 0.5"),
        ("[disk]\nbegin = 0.5\nend = 0.5\n", 3, "not below its begin"),
        ("\n[disk]\nbegin = 0.5\n", 2, "[disk] ends at 0.85, which is not below its begin, 0.5"),
        ("disk = { begin = 0.5 }\n", 1, "[disk] ends at 0.85"),
        ("calm_minutes = 1\ndisk.begin = 0.5\n", 2, "[disk] ends at 0.85"),
        ("[lag]\nbegin_minutes = 5\nend_minutes = 6\n", 3, "[lag] ends at 6"),
        ("[growth]\nend_gib = 30\n", 2, "[growth] ends at 30"),
        ("[failures]\nend = 0.3\n", 2, "[failures] ends at 0.3"),
        ("[queue]\nend = 20000\n", 2, "[queue] ends at 20000"),
        ("[disk]\nend = 0.9\nbegin = 90\n", 3, "[disk] begin is a share, at most 1"),
        ("[failures]\nbegin = 20\n", 2, "[failures] begin is a share, at most 1"),
        ("[silence]\nfloor_minutes = 5\nfactor = 0.5\n", 3, "a factor below 1 would call the usual unusual"),
        ("[silence]\nleast_weeks = 5\n", 2, "least_weeks are at most weeks"),
        ("[silence]\nweeks = 53\n", 2, "weeks are at most 52"),
        ("calm_minutes = 1\n[disk\n", 2, "is no TOML"),
        ("[disk]\nbegin = 0.9\nbegin = 0.8\n", 3, "is no TOML"),
        ("[disk]\nbegin = 0,9\n", 2, "is no TOML"),
    ],
)
def test_a_fault_is_refused_with_file_and_line(text: str, line: int, said: str, tmp_path: Path) -> None:
    where, message = refused(site(tmp_path, text))
    assert where == f"alerts.toml:{line}"
    assert said in message


def test_a_file_that_cannot_be_read_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "alerts.toml").write_bytes("# 告警\n".encode("gb18030"))
    assert refused(tmp_path) == ("alerts.toml:1", "alerts.toml:1: is not UTF-8 (byte 3).")
    (tmp_path / "alerts.toml").unlink()
    (tmp_path / "alerts.toml").mkdir()
    where, message = refused(tmp_path)
    assert where == "alerts.toml"
    assert "cannot be read" in message


def test_the_page_names_every_key_and_its_example_is_good(tmp_path: Path) -> None:
    page = PAGE.read_text("utf-8")
    for key, value in tomllib.loads(OWN.read_text("utf-8")).items():
        for name in value if isinstance(value, dict) else ():
            assert f"`{name}`" in page, (key, name)
        assert f"`{key}`" in page, key
    example = page.partition("```toml\n")[2].partition("```")[0]
    found = load_thresholds(site(tmp_path, example))
    assert (found.silence.floor_minutes, found.disk.begin) == (120, 0.8)
