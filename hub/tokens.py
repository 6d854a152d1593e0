"""Bearer tokens: JWT (RFC 7519) that the hub signs itself, with Ed25519 (RFC 8037, RFC 9864).

One algorithm is taken and none other, so a token that names `none` or an HMAC is refused whatever its signature
(RFC 8725, 3.1). The key is a file of the hub's home; who can read it can be anybody.
"""

import os
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, Self

import orjson
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet, OKPKey

from hub.access import Role, Viewer
from hub.errors import refuse
from hub.ids import new_id

ISSUER = "urn:family-doctor-hub"
AUDIENCE = "urn:family-doctor-hub:api"
LIFETIME = timedelta(days=30)
SKEW = timedelta(seconds=30)
"""How far the clocks of two machines of one site may stand apart."""
LONGEST = 4096
"""Characters of a token that are looked at."""

_ALGORITHM: Final = "Ed25519"
_SIGNING = "signing-key.json"
_OWN = ("sub", "name", "role", "organisation", "team", "source")


class Keyring:
    """The key that signs, and every key whose tokens are still read."""

    def __init__(self, signing: OKPKey, retired: Iterable[OKPKey] = ()) -> None:
        self._signing = signing
        self._keys = KeySet([signing, *retired])
        # Checking a signature costs 0.13 ms, and clients send one token with every request. Only tokens that were
        # found true are kept; what time does to them is looked at each time.
        self._claims = lru_cache(maxsize=1024)(self._verified)

    @classmethod
    def open(cls, folder: Path) -> Self:
        """The keys of a folder; the signing key is made where there is none. Two processes that race agree on one."""
        path = folder / _SIGNING
        try:
            if not path.exists():
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                _create(path, OKPKey.generate_key(_ALGORITHM, {"use": "sig", "alg": _ALGORITHM}))
            return cls(_read_signing(path), [_read(one) for one in sorted(folder.glob("retired-*.json"))])
        except OSError as fault:
            reason = f"the keys in {folder} can be neither read nor made ({fault.strerror})"
            raise refuse("bad-setting", "HUB_HOME", reason=reason) from None

    @classmethod
    def renew(cls, folder: Path) -> Self:
        """Sign with a new key from now on; tokens of the old one stay good until they end."""
        old = _read(folder / _SIGNING)
        _write(folder / f"retired-{old.kid}.json", old.as_dict(private=False))
        new = OKPKey.generate_key(_ALGORITHM, {"use": "sig", "alg": _ALGORITHM})
        _write(folder / _SIGNING, _private(new))
        return cls.open(folder)

    def issue(self, viewer: Viewer, *, now: datetime, lifetime: timedelta = LIFETIME) -> str:
        """A token for somebody, good from `now` on."""
        began = int(now.timestamp())
        claims = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": viewer.id,
            "name": viewer.name,
            "role": viewer.role.value,
            "organisation": viewer.organisation,
            "team": viewer.team,
            "source": viewer.source,
            "iat": began,
            "nbf": began,
            "exp": began + int(lifetime.total_seconds()),
            "jti": str(new_id()),
        }
        header = {"alg": _ALGORITHM, "kid": self._signing.kid}
        return jwt.encode(header, claims, self._signing, algorithms=[_ALGORITHM])

    def read(self, token: str, now: datetime) -> Viewer:
        """Whose token this is. Raises Refused (no-token) unless the hub signed it, for this use, and for now."""
        claims = self._claims(token)
        moment, skew = now.timestamp(), SKEW.total_seconds()
        if not claims.begins <= moment + skew or not moment < claims.ends:
            raise refuse("no-token")
        return claims.viewer

    def _verified(self, token: str) -> "_Claims":
        try:
            if len(token) > LONGEST:
                raise ValueError("longer than any token of ours")
            claims = jwt.decode(token, self._keys, algorithms=[_ALGORITHM]).claims
            return _Claims.of(claims)
        except (JoseError, ValueError, TypeError, KeyError):
            raise refuse("no-token") from None


@dataclass(frozen=True, kw_only=True, slots=True)
class _Claims:
    """What a true token says. `begins` and `ends` are seconds since 1970."""

    viewer: Viewer
    begins: float
    ends: float

    @classmethod
    def of(cls, claims: dict[str, Any]) -> Self:
        if claims["iss"] != ISSUER or claims["aud"] != AUDIENCE:
            raise ValueError("meant for somebody else")
        said = {name: claims[name] for name in _OWN}
        if not all(isinstance(value, str) for value in said.values()) or not said["sub"]:
            raise TypeError("a claim about the viewer is not text")
        times = (claims["nbf"], claims["exp"])
        if not all(isinstance(time, int) and not isinstance(time, bool) for time in times):
            raise TypeError("a time is not a NumericDate")
        role = Role(said.pop("role"))
        return cls(viewer=Viewer(id=said.pop("sub"), role=role, **said), begins=times[0], ends=times[1])


def _private(key: OKPKey) -> dict[str, Any]:
    key.ensure_kid()
    return dict(key.as_dict(private=True))


def _read_signing(path: Path) -> OKPKey:
    """The key that signs. Raises Refused (bad-setting) where its private half is missing."""
    key = _read(path)
    if not key.is_private:
        raise refuse("bad-setting", "HUB_HOME", reason=f"{path.name} holds only the public half of a key")
    return key


def _read(path: Path) -> OKPKey:
    """A key of a file. Raises Refused (bad-setting) where it holds none; what it holds is not repeated."""
    try:
        key = OKPKey.import_key(orjson.loads(path.read_bytes()))
        said = key.as_dict(private=False)
        key.ensure_kid()
        if (said["crv"], said["x"]) != (_ALGORITHM, _public(key)):
            raise ValueError("a key of another curve, or halves of two keys")
    except (JoseError, ValueError, TypeError, KeyError, AttributeError):
        raise refuse("bad-setting", "HUB_HOME", reason=f"{path.name} holds no Ed25519 key") from None
    return key


def _public(key: OKPKey) -> str:
    """The public half as a JWK has it, worked out from the key: a broken one would else be found at its first use."""
    return urlsafe_b64encode(key.public_key.public_bytes_raw()).rstrip(b"=").decode()


def _create(path: Path, key: OKPKey) -> None:
    """Put a key under its name, whole, unless somebody else was first: link() never replaces."""
    partial = _partial(path, _private(key))
    try:
        os.link(partial, path)
    except FileExistsError:
        pass
    finally:
        partial.unlink()


def _write(path: Path, key: dict[str, Any]) -> None:
    _partial(path, key).replace(path)


def _partial(path: Path, key: dict[str, Any]) -> Path:
    partial = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(orjson.dumps(key))
        file.flush()
        os.fsync(file.fileno())
    return partial
