"""Tokens: what the hub signed, for this use, and for now; nothing else."""

import base64
import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from joserfc import jwt
from joserfc.jwk import OctKey, OKPKey

from hub.access import Role, Viewer
from hub.errors import Refused
from hub.tokens import AUDIENCE, ISSUER, Keyring

NOW = datetime(2026, 3, 1, 8, tzinfo=UTC)
NURSE = Viewer(id="n-1", name="王护士", role=Role.NURSE, organisation="东城社区", team="team-2")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "keys"


@pytest.fixture
def keyring(folder: Path) -> Keyring:
    return Keyring.open(folder)


def signing_key(folder: Path) -> OKPKey:
    return OKPKey.import_key(json.loads((folder / "signing-key.json").read_bytes()))


def claims(**changes: Any) -> dict[str, Any]:
    began = int(NOW.timestamp())
    own = {"sub": "n-1", "name": "王护士", "role": "nurse", "organisation": "", "team": "", "source": ""}
    times = {"iat": began, "nbf": began, "exp": began + 60}
    return {"iss": ISSUER, "aud": AUDIENCE, "jti": "1", **own, **times, **changes}


def encoded(part: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()


def assert_refused(keyring: Keyring, token: str, now: datetime = NOW) -> None:
    with pytest.raises(Refused) as refused:
        keyring.read(token, now)
    assert refused.value.refusal.code == "no-token"
    assert len(token) < 20 or token not in str(refused.value)


def test_a_token_brings_its_viewer_back(keyring: Keyring) -> None:
    assert keyring.read(keyring.issue(NURSE, now=NOW), NOW) == NURSE


def test_a_token_holds_the_claims_of_the_standard(keyring: Keyring, folder: Path) -> None:
    token = keyring.issue(NURSE, now=NOW, lifetime=timedelta(hours=1))
    found = jwt.decode(token, signing_key(folder), algorithms=["Ed25519"])
    assert found.header["alg"] == "Ed25519"
    assert found.header["kid"]
    assert found.claims["exp"] - found.claims["iat"] == 3600
    assert {"iss", "aud", "sub", "name", "role", "organisation", "team", "source", "nbf", "jti"} <= set(found.claims)


def test_a_token_is_good_from_its_beginning_to_its_end(keyring: Keyring) -> None:
    token = keyring.issue(NURSE, now=NOW, lifetime=timedelta(hours=1))
    assert keyring.read(token, NOW + timedelta(minutes=59)) == NURSE
    assert_refused(keyring, token, NOW + timedelta(hours=1))
    assert_refused(keyring, token, NOW - timedelta(minutes=5))


def test_a_token_of_another_hub_is_refused(keyring: Keyring, tmp_path: Path) -> None:
    assert_refused(keyring, Keyring.open(tmp_path / "other").issue(NURSE, now=NOW))


def test_a_changed_token_is_refused(keyring: Keyring) -> None:
    header, _, signature = keyring.issue(NURSE, now=NOW).split(".")
    assert_refused(keyring, f"{header}.{encoded(claims(role='family-doctor'))}.{signature}")


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "urn:other"},
        {"aud": "urn:other"},
        {"aud": [AUDIENCE, "urn:other"]},
        {"role": "emperor"},
        {"sub": ""},
        {"sub": 1},
        {"exp": "9999999999"},
        {"exp": None},
        {"exp": True},
        {"nbf": None},
    ],
)
def test_a_token_that_is_signed_but_not_for_this_is_refused(
    keyring: Keyring, folder: Path, changes: dict[str, Any]
) -> None:
    key = signing_key(folder)
    good = jwt.encode({"alg": "Ed25519", "kid": key.kid}, claims(), key, algorithms=["Ed25519"])
    assert keyring.read(good, NOW).id == "n-1"
    assert_refused(
        keyring, jwt.encode({"alg": "Ed25519", "kid": key.kid}, claims(**changes), key, algorithms=["Ed25519"])
    )


@pytest.mark.parametrize("missing", ["iss", "aud", "sub", "role", "exp", "nbf", "team"])
def test_a_token_without_a_claim_is_refused(keyring: Keyring, folder: Path, missing: str) -> None:
    key = signing_key(folder)
    said = {name: value for name, value in claims().items() if name != missing}
    assert_refused(keyring, jwt.encode({"alg": "Ed25519", "kid": key.kid}, said, key, algorithms=["Ed25519"]))


def test_no_other_algorithm_is_taken(keyring: Keyring, folder: Path) -> None:
    """RFC 8725, 2.1: `none`, and the public key used as the secret of an HMAC."""
    key = signing_key(folder)
    unsigned = f"{encoded({'alg': 'none', 'kid': key.kid})}.{encoded(claims())}."
    secret = OctKey.import_key(f"{key.as_dict(private=False)['x']:=<63}")
    hashed = jwt.encode({"alg": "HS256", "kid": key.kid}, claims(), secret, algorithms=["HS256"])
    assert_refused(keyring, unsigned)
    assert_refused(keyring, hashed)


@pytest.mark.parametrize("token", ["", "a", "a.b.c", "....", "é.b.c", "x" * 5000, "e30.e30.e30"])
def test_what_is_no_token_is_refused(keyring: Keyring, token: str) -> None:
    assert_refused(keyring, token)


def test_the_key_is_its_owners_alone(keyring: Keyring, folder: Path) -> None:
    assert (folder / "signing-key.json").stat().st_mode & 0o777 == 0o600
    assert folder.stat().st_mode & 0o777 == 0o700
    assert [file.name for file in folder.iterdir()] == ["signing-key.json"]


def test_those_who_open_at_once_agree_on_one_key(folder: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        keyrings = list(pool.map(lambda _: Keyring.open(folder), range(16)))
    token = keyrings[0].issue(NURSE, now=NOW)
    assert all(keyring.read(token, NOW) == NURSE for keyring in keyrings)


def test_a_new_key_signs_and_the_old_one_is_still_read(keyring: Keyring, folder: Path) -> None:
    old = keyring.issue(NURSE, now=NOW)
    renewed = Keyring.renew(folder)
    assert renewed.read(old, NOW) == NURSE
    assert renewed.read(renewed.issue(NURSE, now=NOW), NOW) == NURSE
    assert_refused(keyring, renewed.issue(NURSE, now=NOW))
    assert all("d" not in json.loads(file.read_bytes()) for file in folder.glob("retired-*"))


def test_a_file_that_holds_no_key_is_refused_and_not_quoted(folder: Path) -> None:
    folder.mkdir()
    (folder / "signing-key.json").write_text("secret")
    with pytest.raises(Refused) as refused:
        Keyring.open(folder)
    assert refused.value.refusal.code == "bad-setting"
    assert "secret" not in str(refused.value)


def test_a_file_with_only_the_public_half_is_refused_when_it_is_opened(keyring: Keyring, folder: Path) -> None:
    file = folder / "signing-key.json"
    public = {name: value for name, value in orjson.loads(file.read_bytes()).items() if name != "d"}
    file.write_bytes(orjson.dumps(public))
    with pytest.raises(Refused, match="only the public half") as refused:
        Keyring.open(folder)
    assert refused.value.refusal.code == "bad-setting"


@pytest.mark.parametrize("change", [{"x": "!!"}, {"d": "AA"}, {"crv": "X25519"}, {"x": None}])
def test_a_broken_key_is_refused_when_it_is_opened(keyring: Keyring, folder: Path, change: dict[str, object]) -> None:
    file = folder / "signing-key.json"
    file.write_bytes(orjson.dumps({**orjson.loads(file.read_bytes()), **change}))
    with pytest.raises(Refused, match="no Ed25519 key"):
        Keyring.open(folder)


def test_a_home_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "home").write_bytes(b"a file, not a folder")
    with pytest.raises(Refused) as refused:
        Keyring.open(tmp_path / "home" / "keys")
    assert (refused.value.refusal.code, refused.value.refusal.where) == ("bad-setting", "HUB_HOME")
