"""Webhooks without a network: how they are signed, whom they go to, and that no secret is repeated."""

import base64
import hashlib
import hmac
import stat
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.errors import Refused
from hub.webhooks import KEY_FILE, open_key, pause_after, place_of, read_receivers, shown_key, sign, signed

PAGE = Path(__file__).parents[2] / "hub" / "docs" / "alerts.md"
KEY = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
ID = "msg_p5jXN8AQM9LWM0D4loKWxJek"
BODY = b'{"test": 2432232314}'
SIGNATURE = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
SECRET = "s3cr3t"


def of_page() -> Callable[[Mapping[str, str], bytes, str], bool]:
    """What the page tells receivers to do."""
    section = PAGE.read_text("utf-8").partition("### Verify it")[2]
    names: dict[str, Any] = {}
    exec(section.partition("```python\n")[2].partition("```")[0], names)
    found: Callable[[Mapping[str, str], bytes, str], bool] = names["is_genuine"]
    return found


# -- signing -----------------------------------------------------------------------------------------------------------


def test_calls_are_signed_as_the_specification_has_it() -> None:
    assert sign(KEY, ID, 1614265330, BODY) == SIGNATURE
    headers = signed(KEY, ID, datetime.fromtimestamp(1614265330.7, UTC), BODY)
    assert {name: headers[name] for name in headers if name.startswith("webhook-")} == {
        "webhook-id": ID,
        "webhook-timestamp": "1614265330",
        "webhook-signature": SIGNATURE,
    }
    assert headers["content-type"] == "application/json"


@given(st.binary(min_size=24, max_size=64), st.uuids(), st.integers(0, 2**40), st.binary(max_size=200))
def test_what_the_page_tells_receivers_verifies_what_we_sign(key: bytes, notice: Any, moment: int, body: bytes) -> None:
    headers = {"webhook-id": str(notice), "webhook-timestamp": str(moment)}
    genuine = headers | {"webhook-signature": f"v1a,x v1,AAAA {sign(key, str(notice), moment, body)}"}
    is_genuine = of_page()
    assert is_genuine(genuine, body, shown_key(key))
    assert not is_genuine(genuine, body + b" ", shown_key(key))
    assert not is_genuine(genuine, body, shown_key(key + b"x"))
    assert not is_genuine(genuine | {"webhook-timestamp": str(moment + 1)}, body, shown_key(key))
    assert not is_genuine(genuine | {"webhook-id": "x"}, body, shown_key(key))


def test_a_signature_is_hmac_sha256_over_id_time_and_body() -> None:
    digest = hmac.new(KEY, b"a.1.b", hashlib.sha256).digest()
    assert sign(KEY, "a", 1, b"b") == "v1," + base64.b64encode(digest).decode()


# -- receivers ---------------------------------------------------------------------------------------------------------


def test_receivers_are_named_one_after_the_other_and_each_counts_once() -> None:
    urls = ["https://a.example/x", "http://b.example:8080/y?key=1", "http://[::1]/z"]
    for said in (" ".join(urls), ", ".join(urls), f" {urls[0]}\n{urls[1]},{urls[2]} {urls[0]} "):
        assert list(read_receivers(said).values()) == urls
    assert read_receivers("") == read_receivers(" , ") == {}


def test_a_receiver_is_known_by_a_key_that_does_not_tell_its_url() -> None:
    url = f"https://a.example/{SECRET}"
    (key,) = read_receivers(url)
    assert SECRET not in key
    assert read_receivers(f"https://b.example/x {url}")[key] == url, "and its key does not depend on its place"


@pytest.mark.parametrize(
    "wrong",
    [
        f"ftp://a.example/{SECRET}",
        f"a.example/{SECRET}",
        f"https:///{SECRET}",
        f"https://a.example:{SECRET}/x",
        f"https://a.example:99999/{SECRET}",
        f"https://[::1/{SECRET}",
        f"file:///etc/{SECRET}",
        SECRET,
    ],
)
def test_what_is_no_http_url_is_refused_by_its_number_and_not_repeated(wrong: str) -> None:
    with pytest.raises(Refused) as refused:
        read_receivers(f"https://a.example/{SECRET} {wrong}")
    refusal = refused.value.refusal
    assert (refusal.code, refusal.where) == ("bad-setting", "HUB_ALERT_WEBHOOKS")
    for said in (str(refused.value), refusal.message("en"), refusal.message("zh"), repr(refusal)):
        assert SECRET not in said
    assert "number 2" in refusal.message("en")
    assert refused.value.__suppress_context__ or refused.value.__context__ is None


@pytest.mark.parametrize(
    ("url", "place"),
    [
        (f"https://me:{SECRET}@a.example/{SECRET}?key={SECRET}#{SECRET}", "https://a.example"),
        (f"http://a.example:8080/hook/{SECRET}", "http://a.example:8080"),
        (f"https://{SECRET}@[::1]:99/", "https://[::1]:99"),
        (f"HTTPS://A.example/{SECRET}", "https://a.example"),
    ],
)
def test_of_a_url_neither_login_nor_path_nor_query_is_shown(url: str, place: str) -> None:
    assert place_of(url) == place


# -- the key -----------------------------------------------------------------------------------------------------------


def test_the_key_is_made_once_and_is_for_its_owner_alone(tmp_path: Path) -> None:
    folder = tmp_path / "home" / "keys"
    key = open_key(folder)
    assert len(key) == 32
    assert open_key(folder) == key
    file = folder / KEY_FILE
    assert file.read_text("ascii") == shown_key(key) + "\n"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [one.name for one in folder.iterdir()] == [KEY_FILE]


def test_of_many_that_make_a_key_at_once_all_have_the_same(tmp_path: Path) -> None:
    for number in range(10):
        folder, start = tmp_path / str(number), Barrier(4)

        def race(folder: Path = folder, start: Barrier = start) -> bytes:
            start.wait()
            return open_key(folder)

        with ThreadPoolExecutor(4) as pool:
            assert len({one.result() for one in [pool.submit(race) for _ in range(4)]}) == 1
        assert [one.name for one in folder.iterdir()] == [KEY_FILE]


@pytest.mark.parametrize(
    "said", ["", "whsec_", "whsec_c2hvcnQ=", "whsec_***", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "密"]
)
def test_a_file_without_a_key_is_refused_and_left_as_it_is(said: str, tmp_path: Path) -> None:
    (tmp_path / KEY_FILE).write_text(said, "utf-8")
    with pytest.raises(Refused) as refused:
        open_key(tmp_path)
    assert (refused.value.refusal.code, refused.value.refusal.where) == ("bad-setting", "HUB_HOME")
    assert not said or said not in str(refused.value)
    assert (tmp_path / KEY_FILE).read_text("utf-8") == said


def test_a_folder_that_cannot_be_is_refused(tmp_path: Path) -> None:
    (tmp_path / "keys").write_text("a file")
    with pytest.raises(Refused, match="can be neither read nor made"):
        open_key(tmp_path / "keys")


# -- pauses ------------------------------------------------------------------------------------------------------------


def test_pauses_double_from_five_seconds_to_an_hour() -> None:
    full = [pause_after(tries, 0).total_seconds() for tries in range(1, 14)]
    assert full == [5, 10, 20, 40, 80, 160, 320, 640, 1280, 2560, 3600, 3600, 3600]
    assert pause_after(10_000, 0) == timedelta(hours=1)


@given(st.integers(1, 10_000), st.floats(0, 1))
def test_chance_takes_up_to_half_of_a_pause(tries: int, jitter: float) -> None:
    full = pause_after(tries, 0)
    assert full / 2 <= pause_after(tries, jitter) <= full
