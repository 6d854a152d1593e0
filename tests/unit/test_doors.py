"""The HTTP doors: from where a source may send."""

from dataclasses import replace
from uuid import uuid4

import httpx
import pytest
from starlette.applications import Starlette

from hub.checking import CheckingProcess
from hub.message import Arrival, Kept, Source, Transport
from hub.profiles import Profiles
from hub.settings import Settings
from hub.wiring import Behind, Doors, Outcome, profile_places
from tests.desk import sources

HOSPITAL = replace(sources()["erke-fhir"], addresses=("10.1.2.0/24", "2001:db8::/32"))
PATIENT = b'{"resourceType": "Patient"}'


async def post(path: str, address: str, kept: list[Arrival]) -> int:
    """The status of a request that comes from an address."""

    def sender(token: str, name: str, transport: Transport) -> Source:
        return HOSPITAL

    async def keep(arrival: Arrival) -> Kept:
        kept.append(arrival)
        return Kept(id=uuid4(), refusal=arrival.refusal)

    async def merged(*_: object) -> Outcome | None:
        return Outcome(kind="merged", refusal=None)

    settings = Settings()
    behind = Behind(keep=keep, wait=merged, find=merged, sender=sender)
    doors = Doors(settings, Profiles(profile_places(settings)), CheckingProcess(), behind)
    transport = httpx.ASGITransport(Starlette(routes=list(doors.routes())), client=(address, 4711))
    headers = {"authorization": "Bearer x", "content-type": "application/fhir+json", "x-forwarded-for": "10.1.2.3"}
    async with httpx.AsyncClient(transport=transport, base_url="http://hub.example") as client:
        return (await client.post(path, content=PATIENT, headers=headers)).status_code


@pytest.mark.parametrize("path", ["/fhir", "/ingest/erke-fhir"])
@pytest.mark.parametrize(
    ("address", "is_allowed"),
    [
        ("10.1.2.3", True),
        ("::ffff:10.1.2.3", True),
        ("2001:db8::7", True),
        ("10.1.3.3", False),
        ("2001:db9::7", False),
        ("", False),
    ],
)
async def test_a_source_sends_from_the_networks_of_its_profile(path: str, address: str, is_allowed: bool) -> None:
    kept: list[Arrival] = []
    status = await post(path, address, kept)
    assert (status != 403, bool(kept)) == (is_allowed, is_allowed)
