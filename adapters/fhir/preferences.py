"""What a sender asks for by headers: how to be answered (RFC 7240), and which request this is."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from starlette.requests import Request

from hub.errors import refuse
from hub.message import plain

LONGEST_KEY = 200
_KEY = re.compile(rf"[\x21-\x7e]{{1,{LONGEST_KEY}}}")
_WHOLE = re.compile(r"\d{1,6}")


class Return(StrEnum):
    """What stands in the answer to a request that was taken (FHIR R4 3.1.0.1.10)."""

    MINIMAL = "minimal"
    OUTCOME = "OperationOutcome"
    REPRESENTATION = "representation"


@dataclass(frozen=True, kw_only=True, slots=True)
class Preferences:
    """The preferences of a request that the hub knows; `wait_seconds` is None where the sender names none."""

    is_async: bool = False
    wait_seconds: int | None = None
    returns: Return | None = None


def preferences_of(request: Request) -> Preferences:
    """What `Prefer` asks for. Unknown preferences, and values that make no sense, are ignored (RFC 7240 section 2)."""
    said = _pairs(request.headers.getlist("prefer"))
    wait = said.get("wait", "")
    returns = next((one for one in Return if one.value.lower() == said.get("return", "").lower()), None)
    return Preferences(
        is_async="respond-async" in said,
        wait_seconds=int(wait) if _WHOLE.fullmatch(wait) else None,
        returns=returns,
    )


def _pairs(headers: Sequence[str]) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for preference in ",".join(headers).split(","):
        name, _, value = preference.split(";", 1)[0].partition("=")
        pairs.setdefault(name.strip().lower(), value.strip().strip('"'))
    return pairs


def idempotency_key(request: Request) -> str:
    """The `Idempotency-Key` of a request, "" without one: a string in quotes
    (draft-ietf-httpapi-idempotency-key-header section 2.1); without quotes, as most clients send it, it is taken too.

    Raises Refused (bad-idempotency-key).
    """
    given = request.headers.get("idempotency-key")
    if given is None:
        return ""
    key = given.strip()
    if len(key) > 1 and key[0] == key[-1] == '"':
        key = key[1:-1]
    if not _KEY.fullmatch(key) or plain(key) != key:
        raise refuse("bad-idempotency-key", limit=str(LONGEST_KEY))
    return key
