"""A real hub in a process of its own, as a site runs it: started, asked over sockets, interrupted or killed."""

import os
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.acceptance.forking import Forked

COUNTY = Path(__file__).parents[2] / "fixtures" / "county"
REGION = "weihai-2023"
"""Whose rules the fictional county follows."""
PATIENCE = 60.0
"""Seconds that a hub may take to come up or to end; the machine may be busy."""


@dataclass(frozen=True, slots=True)
class HubProcess:
    """A running ``hub serve``."""

    process: Forked
    environment: Mapping[str, str]
    http_port: int
    mllp_port: int
    log: Path

    @property
    def base(self) -> str:
        """Where its HTTP doors are."""
        return f"http://127.0.0.1:{self.http_port}"

    def interrupt(self) -> int:
        """Ctrl-C; the exit status."""
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(PATIENCE)

    def kill(self) -> None:
        """As a power cut would: no line of the hub runs after this."""
        self.process.kill()
        self.process.wait(PATIENCE)


def _ports() -> Iterator[int]:
    """Each test process walks its own way through the ports that the kernel gives to nobody by itself.

    A port of the kernel's own choice (32768 and up on Linux) may be given to an outgoing connection in the moment
    before the hub opens it; the tests make thousands of those.
    """
    start = os.getpid() * 131 % 20_000
    while True:
        for step in range(20_000):
            yield 12_000 + (start + step) % 20_000


_PORTS = _ports()


def free_port() -> int:
    """A port that nobody listens on at the moment."""
    for port in _PORTS:
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError("there is no end of ports")


def environment_of(home: Path, **settings: str) -> dict[str, str]:
    """The environment of a hub of this home, without the settings of whoever runs the tests."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith("HUB_")}
    ours = {"HUB_HOME": str(home), "HUB_CONFIG_DIR": str(COUNTY), "HUB_REGION": REGION, "HUB_LOCALE": "en"}
    return {**plain, **ours, **settings}


def run_hub(environment: Mapping[str, str], *words: str, seconds: float = 240) -> subprocess.CompletedProcess[str]:
    """One command of the hub, to its end."""
    with tempfile.TemporaryDirectory() as folder:
        printed, complained = Path(folder) / "printed", Path(folder) / "complained"
        process = Forked(words, environment, printed, complained)
        try:
            status = process.wait(seconds)
        finally:
            process.kill()
        return subprocess.CompletedProcess(words, status, printed.read_text("utf-8"), complained.read_text("utf-8"))


@contextmanager
def serving(home: Path, database_url: str, roles: str = "api,mllp,worker", **settings: str) -> Iterator[HubProcess]:
    """A hub that is ready; ended, in order or by force, when the block ends."""
    home.mkdir(parents=True, exist_ok=True)
    http_port, mllp_port = free_port(), int(settings.pop("HUB_MLLP_PORT", "") or free_port())
    environment = environment_of(
        home,
        HUB_DATABASE_URL=database_url,
        HUB_HTTP_PORT=str(http_port),
        HUB_MLLP_PORT=str(mllp_port),
        **settings,
    )
    log = home / f"serve-{http_port}.log"
    process = Forked(["serve", "--roles", roles], environment, log)
    hub = HubProcess(process, environment, http_port, mllp_port, log)
    try:
        _wait_until_ready(hub, roles)
        yield hub
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(PATIENCE)
        except TimeoutError:
            process.kill()
            process.wait(PATIENCE)


def _wait_until_ready(hub: HubProcess, roles: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if hub.process.poll() is not None:
            raise AssertionError(f"the hub ended: {hub.log.read_text()}")
        if _is_ready(hub, roles):
            return
        time.sleep(0.05)
    raise AssertionError(f"the hub did not come up: {hub.log.read_text()}")


def _is_ready(hub: HubProcess, roles: str) -> bool:
    if "api" in roles:
        try:
            return httpx.get(f"{hub.base}/readyz", timeout=5).status_code == 200
        except httpx.HTTPError:
            return False
    return '"serving"' in hub.log.read_text()
