"""``hub demo --once``: the county's whole story over real sockets, on the bundled server and on a site's own."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from hub.ids import new_id
from hub.message import Arrival, Format, Transport
from hub.postgres import may_enter, server_account
from hub.store import inbox
from hub.store.database import open_engine
from tests.acceptance.hub_process import environment_of, run_hub
from tests.conftest import Server


@pytest.fixture
def home() -> Iterator[Path]:
    """A home that the account of a bundled server may enter, also where root runs the tests."""
    with tempfile.TemporaryDirectory(prefix="hub-demo-") as folder:
        Path(folder).chmod(0o711)
        account = server_account()
        assert account is None or may_enter(account, Path(folder))
        yield Path(folder)


def test_the_demo_ends_well_and_a_second_one_on_the_same_data_changes_nothing(home: Path) -> None:
    environment = environment_of(home)
    for _ in range(2):
        done = run_hub(environment, "demo", "--once")
        assert done.returncode == 0, done.stdout + done.stderr
        assert "all 223 messages ended where they should" in done.stdout
        assert "residents: 45" in done.stdout
        assert "Authorization: Bearer " in done.stdout


async def test_the_demo_runs_on_a_database_of_the_sites_own(server: Server, home: Path) -> None:
    name = "demo_of_its_own"
    await server.create_database(name)
    try:
        urls = server.urls(name)
        environment = environment_of(home, HUB_DATABASE_URL=urls.application, HUB_OWNER_DATABASE_URL=urls.owner)
        done = run_hub(environment, "demo", "--once")
    finally:
        await server.drop_database(name)
    assert done.returncode == 0, done.stdout + done.stderr


async def test_the_demo_stays_out_of_a_database_with_other_peoples_messages(server: Server, home: Path) -> None:
    name = "not_for_demos"
    await server.create_database(name)
    try:
        urls = server.urls(name)
        environment = environment_of(home, HUB_DATABASE_URL=urls.application, HUB_OWNER_DATABASE_URL=urls.owner)
        assert run_hub(environment, "migrate").returncode == 0
        await _receive_from(urls.application, "a-real-hospital")
        done = run_hub(environment, "demo", "--once")
    finally:
        await server.drop_database(name)
    assert done.returncode == 1
    assert "a-real-hospital" in done.stderr


async def _receive_from(url: str, source: str) -> None:
    engine = open_engine(url)
    arrival = Arrival(source=source, transport=Transport.MLLP, format=Format.HL7V2, raw=b"MSH|")
    async with engine.begin() as connection:
        await inbox.keep(connection, [(new_id(), arrival)])
    await engine.dispose()


async def test_serving_refuses_an_unmigrated_database_and_says_what_to_run(server: Server, home: Path) -> None:
    name = "nobody_migrated_this"
    await server.create_database(name)
    try:
        environment = environment_of(home, HUB_DATABASE_URL=server.urls(name).owner)
        done = run_hub(environment, "serve")
    finally:
        await server.drop_database(name)
    assert done.returncode == 1
    assert "hub migrate" in done.stderr
    assert "Traceback" not in done.stderr
