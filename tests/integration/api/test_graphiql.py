"""The GraphiQL page needs nothing but the hub."""

import re
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount

from hub.api import routes
from hub.api.fetch_graphiql import ASSETS, is_complete
from hub.api.graphiql import PREFIX, graphiql_page


@pytest.fixture
def fetched(tmp_path: Path) -> Path:
    """A folder with the page's files, by name."""
    for asset in ASSETS:
        (tmp_path / asset.name).write_bytes(b"")
    return tmp_path


def test_the_page_loads_only_files_of_the_hub(fetched: Path) -> None:
    page = bytes(graphiql_page(fetched).body).decode()
    assert "https://" not in page
    assert "http://" not in page
    loaded = re.findall(r'(?:src|href)="([^"]*)"', page)
    assert sorted(loaded) == sorted(f"{PREFIX}/{asset.name}" for asset in ASSETS)


def test_the_page_lets_no_browser_load_from_elsewhere(fetched: Path) -> None:
    assert graphiql_page(fetched).headers["Content-Security-Policy"].startswith("default-src 'self'")


def test_without_its_files_the_page_says_what_to_run(tmp_path: Path) -> None:
    page = graphiql_page(tmp_path)
    assert page.status_code == 503
    assert b"make setup" in page.body


async def test_a_browser_gets_the_page_and_its_files(client: httpx.AsyncClient) -> None:
    page = await client.get("/graphql", headers={"Accept": "text/html"})
    assert page.headers["content-type"].startswith("text/html")
    assert page.status_code == (200 if is_complete() else 503)
    if is_complete():
        assert (await client.get(f"{PREFIX}/{ASSETS[0].name}")).status_code == 200


async def test_files_that_are_not_there_are_not_found(tmp_path: Path) -> None:
    assets = routes._Assets(directory=tmp_path / "none", check_dir=False)
    app = Starlette(routes=[Mount(PREFIX, assets)])
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://hub") as client:
        assert (await client.get(f"{PREFIX}/{ASSETS[0].name}")).status_code == 404
