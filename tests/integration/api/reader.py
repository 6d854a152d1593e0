"""Somebody who reads by FHIR."""

from typing import Any

import httpx

from hub.access import Viewer
from hub.tokens import Keyring
from tests.integration.api.conftest import DOCTOR, Clock


class Reader:
    """Somebody with a token who reads by FHIR."""

    def __init__(self, client: httpx.AsyncClient, keyring: Keyring, clock: Clock, viewer: Viewer = DOCTOR) -> None:
        self.client = client
        self.token = keyring.issue(viewer, now=clock())

    async def get(self, path: str, **headers: str) -> httpx.Response:
        said = {"Authorization": f"Bearer {self.token}", **headers}
        return await self.client.get(path, headers=said)

    async def bundle(self, path: str) -> dict[str, Any]:
        response = await self.get(path)
        assert response.status_code == 200, response.text
        found: dict[str, Any] = response.json()
        return found

    async def pages(self, path: str) -> list[dict[str, Any]]:
        """A page, and all that follow it by their next links."""
        found = [await self.bundle(path)]
        while following := [one["url"] for one in found[-1]["link"] if one["relation"] == "next"]:
            found.append(await self.bundle(following[0]))
            assert len(found) < 500
        return found
