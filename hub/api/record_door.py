"""A resident's record by FHIR: ``GET /fhir/Patient/ID/$everything`` and ``/$summary``.

As with GraphQL: who asks is named by a token, reads only whom they have a relation to, and gets no answer before its
audit row is committed.
"""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import urlencode
from uuid import UUID

import orjson
from sqlalchemy.ext.asyncio import AsyncEngine
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from hub.access import Viewer
from hub.api.context import utc_now
from hub.api.paging import instant_of, read_resident_id
from hub.care.handing_out import Handed, Wanted, hand_out, summarise
from hub.care.visit import Visit, of_one_moment
from hub.errors import Refusal, Refused, refuse
from hub.tokens import Keyring

DEFAULT_COUNT = 100
MOST_COUNT = 500
_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
_CONTENT = "application/fhir+json; charset=utf-8"
_TYPES = re.compile(r"[A-Z][A-Za-z]{1,39}(,[A-Z][A-Za-z]{1,39})*")
_COUNT = re.compile(r"\d{1,6}")
_TAKEN = ("_count", "_type", "_since", "_page", "_format")

Ask = Callable[[Visit, UUID, Request], Awaitable[bytes]]


@dataclass(frozen=True, kw_only=True, slots=True)
class RecordDoor:
    """The way out. `refused` makes an OperationOutcome of a refusal, with the status given or the one that fits it;
    `check` says why an answer cannot be given as it is asked for (Accept), or None."""

    engine: AsyncEngine
    keyring: Keyring
    refused: Callable[[Refusal, int], Response]
    check: Callable[[Request], Refusal | None]
    now: Callable[[], datetime] = utc_now
    visits: AsyncEngine = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "visits", of_one_moment(self.engine))

    def routes(self) -> list[Route]:
        """Both addresses. They take every method, so that any other than GET is told which one is meant."""
        return [
            Route("/fhir/Patient/{id}/$everything", self.everything, methods=_METHODS),
            Route("/fhir/Patient/{id}/$summary", self.summary, methods=_METHODS),
        ]

    async def everything(self, request: Request) -> Response:
        """A page of all that was said of a resident and still holds: a searchset Bundle."""
        return await self._answer(request, "$everything", self._everything)

    async def summary(self, request: Request) -> Response:
        """A resident's International Patient Summary: a document Bundle."""
        return await self._answer(request, "$summary", self._summary)

    async def _answer(self, request: Request, operation: str, ask: Ask) -> Response:
        if request.method not in ("GET", "HEAD"):
            response = self.refused(refuse("unsupported-operation", operation=request.method).refusal, 405)
            response.headers["allow"] = "GET"
            return response
        if refusal := self.check(request):
            return self.refused(refusal, 406)
        try:
            viewer = self._viewer(request)
        except Refused as refused:
            response = self.refused(refused.refusal, 401)
            response.headers["www-authenticate"] = "Bearer"
            return response
        address = request.client.host if request.client else ""
        visit = Visit(self.visits, viewer, operation=operation, now=self.now(), address=address)
        try:
            answer = await self._asked(visit, request, ask)
            await visit.close()
        finally:
            await visit.abandon()
        answer.headers["cache-control"] = "no-store"
        return answer

    async def _asked(self, visit: Visit, request: Request, ask: Ask) -> Response:
        """The answer, or the refusal: the audit row will say which."""
        try:
            key = read_resident_id(request.path_params["id"], "Patient.id")
            return Response(await ask(visit, key, request), media_type=_CONTENT)
        except Refused as refused:
            return self.refused(refused.refusal, 0)

    def _viewer(self, request: Request) -> Viewer:
        """Whose token it is. Raises Refused (no-token)."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            raise refuse("no-token")
        return self.keyring.read(token.strip(), self.now())

    async def _everything(self, visit: Visit, key: UUID, request: Request) -> bytes:
        wanted = _wanted(request)
        handed = await hand_out(visit, key, wanted)
        return _searchset(request, handed, visit.now)

    async def _summary(self, visit: Visit, key: UUID, request: Request) -> bytes:
        _check_parameters(request, ("_format",))
        return orjson.dumps(await summarise(visit, key))


def _wanted(request: Request) -> Wanted:
    """What of everything is asked for. Raises Refused (bad-argument, bad-cursor)."""
    _check_parameters(request, _TAKEN)
    said = request.query_params
    count, kinds = said.get("_count", str(DEFAULT_COUNT)), said.get("_type", "")
    if not _COUNT.fullmatch(count) or int(count) < 1:
        raise refuse("bad-argument", "_count", reason=f"1-{MOST_COUNT}")
    if kinds and not _TYPES.fullmatch(kinds):
        raise refuse("bad-argument", "_type", reason="Observation,Condition")
    return Wanted(
        count=min(int(count), MOST_COUNT),
        after=_place(said.get("_page")),
        kinds=tuple(sorted(set(kinds.split(",")))) if kinds else (),
        since=_since(said.get("_since")),
    )


def _check_parameters(request: Request, taken: tuple[str, ...]) -> None:
    """Raises Refused (bad-argument): a parameter that is passed over would give more than was asked for."""
    for name in request.query_params:
        if name not in taken:
            raise refuse("bad-argument", "request.url", reason=", ".join(taken))


def _place(said: str | None) -> UUID | None:
    try:
        return UUID(said) if said else None
    except ValueError:
        raise refuse("bad-cursor", "_page") from None


def _since(said: str | None) -> datetime | None:
    """A moment; a day begins at midnight in China. A ``+`` that was not escaped came as a blank."""
    try:
        at = datetime.fromisoformat(said.replace(" ", "+")) if said else None
    except ValueError:
        raise refuse("bad-argument", "_since", reason="2026-03-01T00:00:00+08:00") from None
    return instant_of(at, "_since")


def _searchset(request: Request, handed: Handed, at: datetime) -> bytes:
    """The Bundle. The facts stand in it as they are stored, to the byte."""
    base = f"{str(request.base_url).rstrip('/')}/fhir"
    links = [{"relation": "self", "url": _address(request, None)}]
    if handed.next:
        links.append({"relation": "next", "url": _address(request, handed.next)})
    match = {"mode": "match"}
    entries: list[object] = []
    if handed.patient:
        address = f"{base}/Patient/{handed.patient['id']}"
        entries.append({"fullUrl": address, "resource": handed.patient, "search": match})
    entries += [
        {"fullUrl": f"urn:uuid:{key}", "resource": orjson.Fragment(text), "search": match} for key, text in handed.texts
    ]
    bundle = {
        "resourceType": "Bundle",
        "type": "searchset",
        "timestamp": at.isoformat(timespec="milliseconds"),
        "link": links,
        **({"entry": entries} if entries else {}),
    }
    return orjson.dumps(bundle)


def _address(request: Request, place: UUID | None) -> str:
    """The address of this page, or of the one behind a place."""
    said = {name: value for name, value in request.query_params.items() if name in _TAKEN}
    if place is not None:
        said["_page"] = str(place)
    address = str(request.url.replace(query=""))
    return f"{address}?{urlencode(said)}" if said else address
