"""A real hub that sees its disk fill: who is to be told hears of it once, and can tell that it is genuine."""

import json
import shutil
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import Empty, Queue
from threading import Thread

import httpx
import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from tests.acceptance.hub_process import COUNTY, PATIENCE, run_hub, serving
from tests.conftest import Urls

FULL = "kinds = ['disk']\n[disk]\nbegin = 0.000001\nend = 0.0000001\n"
Heard = Queue[tuple[Mapping[str, str], bytes]]


@pytest.fixture
def receiver() -> Iterator[tuple[str, Heard]]:
    """A receiver's URL, and what it hears."""
    heard: Heard = Queue()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            heard.put(({name.lower(): value for name, value in self.headers.items()}, body))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/SECRET", heard
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_disk_that_fills_is_told_once_signed_and_shown(
    database: Urls, tmp_path: Path, receiver: tuple[str, Heard]
) -> None:
    url, heard = receiver
    shutil.copytree(COUNTY / "sources", tmp_path / "site" / "sources")
    (tmp_path / "site" / "alerts.toml").write_text(FULL)
    given = {"HUB_CONFIG_DIR": str(tmp_path / "site"), "HUB_ALERT_WEBHOOKS": url}
    with serving(tmp_path / "home", database.application, "mllp", **given) as hub:
        headers, body = heard.get(timeout=PATIENCE)
    key = run_hub(hub.environment, "alert", "key").stdout.strip()
    said = Webhook(key).verify(body, dict(headers))
    assert (said["event"], said["kind"], said["source"], said["unit"]) == ("began", "disk", "", "share")
    assert "HUB_HOME" in said["sentence"]["zh"]
    with pytest.raises(WebhookVerificationError):
        Webhook(key).verify(body.replace(b"began", b"ended"), dict(headers))
    logs = hub.log.read_text("utf-8")

    with serving(tmp_path / "home", database.application, "api", **given) as again:
        assert "hub_alerts_open" in httpx.get(f"{again.base}/metrics").text
        with pytest.raises(Empty):
            heard.get(timeout=3)
    logs += again.log.read_text("utf-8")
    assert logs.count('"alert-began"') == 1
    assert "SECRET" not in logs

    listed = json.loads(run_hub(hub.environment, "alert", "list", "--json").stdout)
    assert [(one["kind"], one["until"]) for one in listed] == [("disk", None)]
    assert "disk" in run_hub(hub.environment, "alert", "list", "--open").stdout
    assert "alerts.toml" in run_hub(hub.environment, "alert", "check").stdout


def test_whether_a_call_arrives_can_be_tried(tmp_path: Path, receiver: tuple[str, Heard]) -> None:
    url, heard = receiver
    environment = {"HUB_HOME": str(tmp_path / "home"), "HUB_ALERT_WEBHOOKS": url, "HUB_LOCALE": "en"}
    done = run_hub(environment, "alert", "try")
    assert (done.returncode, done.stdout) == (0, f"{url.removesuffix('/SECRET')}: has it (204)\n")
    headers, body = heard.get(timeout=PATIENCE)
    key = run_hub(environment, "alert", "key").stdout.strip()
    assert Webhook(key).verify(body, dict(headers))["event"] == "trial"
    away = run_hub(environment | {"HUB_ALERT_WEBHOOKS": "http://127.0.0.1:1/SECRET"}, "alert", "try", "--json")
    assert (away.returncode, json.loads(away.stdout)) == (
        1,
        [{"place": "http://127.0.0.1:1", "status": 0, "fault": "ConnectError"}],
    )
    none = run_hub(environment | {"HUB_ALERT_WEBHOOKS": ""}, "alert", "try")
    assert (none.returncode, "HUB_ALERT_WEBHOOKS" in none.stderr) == (1, True)


def test_a_fault_in_the_thresholds_stops_the_start_and_is_named_by_line(tmp_path: Path) -> None:
    (tmp_path / "alerts.toml").write_text("[disk]\nbegin = 2\n")
    environment = {"HUB_HOME": str(tmp_path / "home"), "HUB_CONFIG_DIR": str(tmp_path), "HUB_LOCALE": "en"}
    done = run_hub(environment, "alert", "check")
    assert done.returncode == 1
    assert done.stderr.startswith("alerts.toml:2: ")
