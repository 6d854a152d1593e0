"""A hub of several processes over a database of its own, all of which can be killed: each is started again, as a
supervisor does it.
"""

import asyncio
import os
import signal
import sys
import tempfile
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from random import Random

from sqlalchemy.ext.asyncio import AsyncEngine

from hub.postgres import APPLICATION, OWNER, BundledServer, throwaway_server, url_at
from hub.store.database import migrate, open_engine
from tests.acceptance.hub_process import PATIENCE, environment_of, free_port

DATABASE = "postgres"
"""The name under which the database is killed, among the names of the hub's processes."""
AGAIN_SECONDS = 0.2
SHORTEST_DOWN, LONGEST_DOWN = 0.2, 1.2
"""Seconds that the database stays down."""


class Supervised:
    """A ``hub serve`` that is started again whenever it ends."""

    def __init__(self, name: str, roles: str, environment: dict[str, str], log: Path) -> None:
        self.name = name
        self.log = log
        self.orphans: set[int] = set()
        self._words = [sys.executable, "-m", "hub", "serve", "--roles", roles]
        self._environment = environment
        self._stopping = False
        self._process: asyncio.subprocess.Process | None = None
        self._task = asyncio.create_task(self._run())

    @property
    def process_id(self) -> int | None:
        """Of the process that runs now."""
        found = self._process
        return found.pid if found and found.returncode is None else None

    def kill(self) -> bool:
        """SIGKILL; False where it is down already. Its children are left to notice for themselves."""
        process_id = self.process_id
        if process_id is None:
            return False
        self.orphans |= children_of(process_id)
        os.kill(process_id, signal.SIGKILL)
        return True

    async def stop(self) -> None:
        """End in order; killed where it does not end."""
        self._stopping = True
        if process_id := self.process_id:
            os.kill(process_id, signal.SIGINT)
        try:
            await asyncio.wait_for(asyncio.shield(self._task), PATIENCE)
        except TimeoutError:
            self.kill()
            await self._task
            raise

    async def _run(self) -> None:
        while not self._stopping:
            with self.log.open("ab") as output:
                self._process = await asyncio.create_subprocess_exec(
                    *self._words, env=self._environment, stdout=output, stderr=output
                )
            await self._process.wait()
            if not self._stopping:
                await asyncio.sleep(AGAIN_SECONDS)


class Fleet:
    """One process with the doors, two workers, and PostgreSQL. `kills` counts by name."""

    def __init__(self, server: BundledServer, address: Path, folder: Path, chance: Random) -> None:
        self._server = server
        self._address = address
        self._chance = chance
        self._folder = folder
        self.kills: Counter[str] = Counter()
        self.processes: dict[str, Supervised] = {}
        self.mllp_port = free_port()
        self.url = url_at(address, APPLICATION)

    def start(self) -> None:
        """Start the hub's processes."""
        http = free_port()
        for name, roles in (("door", "api,mllp"), ("worker-1", "worker"), ("worker-2", "worker")):
            home = self._folder / name
            home.mkdir()
            environment = environment_of(
                home,
                HUB_DATABASE_URL=self.url,
                HUB_OWNER_DATABASE_URL=url_at(self._address, OWNER),
                HUB_HTTP_PORT=str(http),
                HUB_MLLP_PORT=str(self.mllp_port),
            )
            self.processes[name] = Supervised(name, roles, environment, self._folder / f"{name}.log")

    async def kill(self, name: str) -> None:
        """Kill one of the processes, or the database with all its processes."""
        if name == DATABASE:
            self.kills[name] += 1
            await self._kill_database()
            return
        while not self.processes[name].kill():
            await asyncio.sleep(0.05)
        self.kills[name] += 1

    async def _kill_database(self) -> None:
        """Kill PostgreSQL's first process and, before they notice, its others; start it again on what is on disk."""
        first = self._server.process_id
        assert first is not None
        others = children_of(first)
        os.kill(first, signal.SIGKILL)
        for process_id in others:
            with suppress(ProcessLookupError):
                os.kill(process_id, signal.SIGKILL)
        self._server.stop()  # nothing is left to stop: its socket's folder goes
        await asyncio.sleep(self._chance.uniform(SHORTEST_DOWN, LONGEST_DOWN))
        self._server.start()
        point(self._address, self._server.socket_folder)

    async def stop(self) -> None:
        """End all of the hub's processes in order."""
        await asyncio.gather(*(process.stop() for process in self.processes.values()))


@asynccontextmanager
async def fleet(folder: Path, seed: int) -> AsyncIterator[tuple[Fleet, AsyncEngine]]:
    """A fleet over a new, migrated, durable database, with an engine for looking; the hub's processes run.

    The server's socket moves at each of its starts, so the hub is given an address that is pointed at it anew.
    """
    with throwaway_server(durable=True) as server, tempfile.TemporaryDirectory(prefix="hub-fleet-") as short:
        address = Path(short) / "socket"
        point(address, server.socket_folder)
        await server.bootstrap()
        await migrate(server.url(OWNER))
        hub = Fleet(server, address, folder, Random(seed))
        engine = open_engine(hub.url, size=2)
        hub.start()
        try:
            yield hub, engine
        finally:
            await hub.stop()
            await engine.dispose()


def point(address: Path, folder: Path) -> None:
    """Let an address lead to this folder from now on."""
    following = address.with_name("following")
    following.symlink_to(folder)
    following.replace(address)


def children_of(process_id: int) -> set[int]:
    """The direct children of a process (proc(5), the fourth field of `stat`)."""
    found: set[int] = set()
    for status in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            if status.read_text().rpartition(")")[2].split()[1] == str(process_id):
                found.add(int(status.parent.name))
    return found


def is_there(process_id: int) -> bool:
    """Whether a process runs; one that ended and was not collected yet does not."""
    try:
        return Path("/proc", str(process_id), "stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False
