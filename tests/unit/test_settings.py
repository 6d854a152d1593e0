"""Settings that cannot be are refused by name."""

from pathlib import Path

import pytest

from hub.errors import Refused
from hub.settings import load_settings


def test_a_folder_of_profiles_that_is_not_there_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUB_CONFIG_DIR", str(tmp_path / "none"))
    with pytest.raises(Refused) as refused:
        load_settings()
    assert (refused.value.refusal.code, refused.value.refusal.where) == ("bad-setting", "HUB_CONFIG_DIR")
