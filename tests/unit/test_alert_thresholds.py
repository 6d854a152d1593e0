"""``alerts.toml``: the hub's thresholds, and the site's laid over them key by key."""

from pathlib import Path

import pytest

from hub.alerts import Kind, load_thresholds
from hub.errors import Refused

PAGE = Path(__file__).parents[2] / "hub" / "docs" / "alerts.md"
OWN = Path(__file__).parents[2] / "mappings" / "alerts.toml"


def site(folder: Path, text: str) -> Path:
    (folder / "alerts.toml").write_text(text, "utf-8")
    return folder


def test_without_a_file_of_the_site_the_hubs_own_hold(tmp_path: Path) -> None:
    found = load_thresholds(tmp_path)
    assert found == load_thresholds(None)
    assert found.kinds == frozenset(Kind)
    assert found.calm.total_seconds() == 300


def test_the_site_says_otherwise_key_by_key(tmp_path: Path) -> None:
    text = 'kinds = ["disk"]\ncalm_minutes = 0.5\n[silence]\nfloor_minutes = 120\n'
    found, own = load_thresholds(site(tmp_path, text)), load_thresholds(None)
    assert (found.kinds, found.calm_minutes, found.silence.floor_minutes) == (frozenset({Kind.DISK}), 0.5, 120)
    assert (found.silence.factor, found.disk) == (own.silence.factor, own.disk)


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("kinds = [", ""),
        ('\nkinds = ["noise"]', ":2"),
        ('kinds = "disk"', ":1"),
        ("[disc]\nbegin = 0.5", ":1"),
        ("silence = 3", ":1"),
        ("[disk]\n\nbegins = 0.5", ":3"),
        ('[disk]\nbegin = "much"', ":2"),
        ("[disk]\nbegin = true", ":2"),
        ("[disk]\nbegin = nan", ":2"),
        ("[disk]\nbegin = 0", ":2"),
        ("[queue]\nbegin = 2.5", ":2"),
        ("calm_minutes = -1", ":1"),
        ("[failures]\nminutes = 5\n[disk]\nend = 0.95", ":4"),
        ("[lag]\nbegin_minutes = 1", ":1"),
        ("[failures]\nbegin = 1.5", ":2"),
        ("[silence]\nfactor = 0.5", ":2"),
        ("[silence]\nleast_weeks = 5", ":2"),
    ],
)
def test_a_fault_is_refused_by_file_and_line(text: str, where: str, tmp_path: Path) -> None:
    with pytest.raises(Refused) as caught:
        load_thresholds(site(tmp_path, text))
    assert (caught.value.refusal.code, caught.value.refusal.where) == ("bad-alerts", f"alerts.toml{where}")


def test_the_page_names_every_key() -> None:
    page = PAGE.read_text("utf-8")
    keys = [line.split("=")[0].strip() for line in OWN.read_text("utf-8").splitlines() if "=" in line]
    keys = [key for key in keys if key.isidentifier()]
    assert len(keys) > 15
    for key in (*keys, *Kind):
        assert f"`{key}`" in page or f"{key} =" in page, key
