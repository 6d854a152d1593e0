"""A hub whose own PostgreSQL ends: it says so and ends too, so that a supervisor starts both again."""

import os
import shutil
import signal
import tempfile
import time
from pathlib import Path

import httpx

from tests.acceptance.forking import Forked
from tests.acceptance.hub_process import PATIENCE, environment_of, free_port, run_hub


def test_a_hub_ends_with_its_server_and_is_there_again_when_it_is_started_again() -> None:
    home = Path(tempfile.mkdtemp(prefix="hub-home-"))
    home.chmod(0o711 if os.geteuid() == 0 else 0o700)  # the server's account has to get in
    try:
        port = free_port()
        environment = environment_of(home, HUB_HTTP_PORT=str(port), HUB_MLLP_PORT=str(free_port()))
        assert run_hub(environment, "migrate").returncode == 0
        log = home / "serve.log"
        hub = Forked(["serve", "--roles", "api,worker"], environment, log)
        _until_ready(port)
        os.kill(_server_of(home), signal.SIGKILL)
        assert hub.wait(PATIENCE) == 1
        assert "PostgreSQL" in log.read_text("utf-8").splitlines()[-2]
        again = Forked(["serve", "--roles", "api"], environment, log)
        _until_ready(port)
        again.send_signal(signal.SIGINT)
        assert again.wait(PATIENCE) == 0
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _server_of(home: Path) -> int:
    (file,) = home.rglob("postmaster.pid")
    return int(file.read_text("ascii").split()[0])


def _until_ready(port: int) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        try:
            if httpx.get(f"http://127.0.0.1:{port}/readyz", timeout=5).status_code == 200:
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.05)
    raise AssertionError("the hub did not come up")
