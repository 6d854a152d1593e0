"""How alerts are signed, to whom they go, and how long one waits before the next attempt."""

import re
import stat
from base64 import b64decode
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from hub.errors import Refused
from hub.webhooks import KEY_FILE, open_key, pause_after, place_of, read_receivers, shown_key, sign, signed

KEY = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
PAGE = Path(__file__).parents[2] / "hub" / "docs" / "alerts.md"
BODY = b'{"test": 2432232314}'


def test_it_is_signed_as_standard_webhooks_has_it() -> None:
    key = b64decode(KEY.removeprefix("whsec_"))
    expected = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    assert sign(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, BODY) == expected
    assert shown_key(key) == KEY


def test_the_pages_own_code_verifies_it() -> None:
    (code,) = re.findall(r"```python\n(.+?)```", PAGE.read_text("utf-8"), re.S)
    said: dict[str, Any] = {}
    exec(code, said)
    key = b64decode(KEY.removeprefix("whsec_"))
    headers = signed(key, "1", datetime(2026, 11, 22, tzinfo=UTC), BODY)
    assert said["is_genuine"](headers, BODY, KEY)
    assert not said["is_genuine"](headers, BODY + b" ", KEY)
    assert not said["is_genuine"](headers | {"webhook-timestamp": "1"}, BODY, KEY)


def test_receivers_are_told_apart_by_a_hash_of_their_url() -> None:
    found = read_receivers("https://a.test/hook?key=1, http://b.test:8080/x\thttps://a.test/hook?key=2")
    assert list(found.values()) == ["https://a.test/hook?key=1", "http://b.test:8080/x", "https://a.test/hook?key=2"]
    assert all(re.fullmatch(r"[0-9a-f]{16}", key) for key in found)
    assert read_receivers(" ") == {}


@pytest.mark.parametrize("url", ["ftp://a.test/SECRET", "SECRET", "https:///SECRET", "http://a.test:x/SECRET"])
def test_what_is_no_url_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(Refused) as caught:
        read_receivers(f"https://good.test/ {url}")
    refusal = caught.value.refusal
    assert (refusal.code, refusal.where) == ("bad-setting", "HUB_ALERT_WEBHOOKS")
    assert "number 2" in refusal.message("en")
    assert "SECRET" not in refusal.message("en") + refusal.message("zh") + str(caught.value)


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("https://user:pass@a.test/path?key=1#f", "https://a.test"),
        ("http://a.test:8080/x", "http://a.test:8080"),
        ("http://[::1]:80/x", "http://[::1]:80"),
    ],
)
def test_of_a_url_only_scheme_host_and_port_are_shown(url: str, place: str) -> None:
    assert place_of(url) == place


def test_the_key_is_made_once_whoever_asks_first_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    folder = tmp_path / "keys"
    with ThreadPoolExecutor(8) as pool:
        found = set(pool.map(lambda _: open_key(folder), range(32)))
    assert len(found) == 1
    assert len(found.pop()) == 32
    assert [file.name for file in folder.iterdir()] == [KEY_FILE]
    assert stat.S_IMODE((folder / KEY_FILE).stat().st_mode) == 0o600


@pytest.mark.parametrize("said", ["", "whsec_", "whsec_c2hvcnQ=", "whsec_%%%", KEY.removeprefix("whsec_"), "密钥"])
def test_a_file_that_holds_no_key_is_refused_and_not_repeated(said: str, tmp_path: Path) -> None:
    (tmp_path / KEY_FILE).write_text(said, "utf-8")
    with pytest.raises(Refused) as caught:
        open_key(tmp_path)
    assert caught.value.refusal.where == "HUB_HOME"
    assert not said or said not in caught.value.refusal.message("en")


def test_a_home_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(Refused, match="HUB_HOME"):
        open_key(tmp_path / "file" / "keys")


def test_pauses_double_up_to_an_hour_and_jitter_takes_at_most_half() -> None:
    whole = [pause_after(tries, 0).total_seconds() for tries in range(1, 14)]
    assert whole[:4] == [5, 10, 20, 40]
    assert whole[-3:] == [3600, 3600, 3600]
    assert pause_after(10_000, 0) == timedelta(hours=1)
    assert pause_after(1, 1) == timedelta(seconds=2.5)
