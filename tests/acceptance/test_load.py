"""``hub load`` and ``POST /ingest`` of CSV: a real hub, real files, and what became of every row."""

import json
import subprocess
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from fixtures.county.directory import BOOKING, SIGNING, directory_files, sessions_file
from fixtures.senders import send_ingest
from hub.access import Role, Viewer
from hub.tokens import Keyring
from tests.acceptance.hub_process import HubProcess, environment_of, run_hub, serving
from tests.conftest import Urls

NOW = datetime.now(UTC)
FILES = directory_files(NOW)
REGION = {"HUB_REGION": "weihai-2023"}
BUNDLES = 73
"""6 organisations, 17 practitioners, 4 teams, 46 agreements."""
TABLES = ("organisation", "practitioner", "team", "team_member", "area", "agreement", "coverage")


@pytest.fixture
def hub(database: Urls, tmp_path: Path) -> Iterator[HubProcess]:
    with serving(tmp_path / "home", database.application, **REGION) as process:
        yield process


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """The county's files on disk."""
    return written(tmp_path, FILES)


def written(folder: Path, files: Mapping[str, bytes]) -> list[Path]:
    for name, raw in files.items():
        (folder / name).write_bytes(raw)
    return [folder / name for name in files]


def load(hub: HubProcess, *words: object, source: str = SIGNING) -> subprocess.CompletedProcess[str]:
    return run_hub(hub.environment, "load", *map(str, words), "--source", source)


async def counted(engine: AsyncEngine, *tables: str) -> dict[str, int]:
    async with engine.connect() as connection:
        return {name: int(await connection.scalar(text(f"select count(*) from {name}")) or 0) for name in tables}


async def test_the_countys_files_are_loaded_and_a_second_time_change_nothing(
    hub: HubProcess, engine: AsyncEngine, files: list[Path]
) -> None:
    done = load(hub, *files)
    assert done.stdout == f"{BUNDLES} messages: {BUNDLES} merged, 0 parked, 0 waiting.\n", done.stdout + done.stderr
    assert done.returncode == 0
    first = await counted(engine, *TABLES, "event", "history")
    assert {name: first[name] for name in TABLES} == {
        "organisation": 6,
        "practitioner": 17,
        "team": 4,
        "team_member": 16,
        "area": 8,
        "agreement": 46,
        "coverage": 48,
    }
    again = load(hub, *files)
    assert again.returncode == 0, again.stdout + again.stderr
    assert await counted(engine, *TABLES, "event", "history") == first
    assert await counted(engine, "message") == {"message": 2 * BUNDLES}


async def test_every_row_of_the_answer_says_what_became_of_it(
    hub: HubProcess, engine: AsyncEngine, tmp_path: Path
) -> None:
    done = load(hub, *written(tmp_path, {"organisations.csv": FILES["organisations.csv"]}), "--json")
    told = json.loads(done.stdout)
    assert told[0]["key"] == "weiquan-alliance", "what others refer to comes first"
    assert {(one["kind"], one["fate"]) for one in told} == {("organisations", "merged")}
    assert {one["rows"] for one in told} == {f"organisations.csv#row={row}" for row in range(2, 8)}
    async with engine.connect() as connection:
        kept = await connection.execute(text("select id::text, source, transport, format, control_id from message"))
        by_id = {row[0]: tuple(row[1:]) for row in kept}
    for one in told:
        assert by_id[one["message"]] == (SIGNING, "file", "fhir", one["rows"])


async def test_of_a_file_with_faults_nothing_is_taken_and_each_fault_has_its_line(
    hub: HubProcess, engine: AsyncEngine, tmp_path: Path
) -> None:
    raw = FILES["agreements.csv"].decode().replace("dongcheng-1,resident", "dongcheng-1,person", 1)
    raw = raw.replace("2026-12-31" if "2026-12-31" in raw else f"{NOW.year}-12-31", "31.12.", 1)
    done = load(hub, *written(tmp_path, {**FILES, "agreements.csv": raw.encode()}))
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "agreements.csv:2 [client_kind]: is not one of resident, household, organisation.",
        "agreements.csv:2 [ends_on]: is no day; write it as 2026-01-05.",
        "2 faults; nothing was loaded.",
    ]
    assert await counted(engine, "message") == {"message": 0}


def test_files_are_checked_without_a_hub_and_without_a_database(tmp_path: Path) -> None:
    environment = environment_of(tmp_path / "home", HUB_DATABASE_URL="postgresql://nobody@127.0.0.1:1/none")
    (tmp_path / "home").mkdir()
    paths = [str(path) for path in written(tmp_path, FILES)]
    done = run_hub(environment, "load", *paths, "--source", SIGNING, "--check")
    assert (done.returncode, done.stdout) == (
        0,
        f"6 files without a fault make {BUNDLES} messages; nothing was loaded.\n",
    )
    alone = run_hub(environment, "load", paths[2], "--source", SIGNING, "--check", "--json")
    assert alone.returncode == 1
    assert {fault["code"] for fault in json.loads(alone.stdout)} == {"bad-file"}


async def test_what_excel_in_china_writes_is_loaded_like_utf_8(
    hub: HubProcess, engine: AsyncEngine, tmp_path: Path
) -> None:
    header = "代码,名称,英文名称,类型,等级,隶属,统一社会信用代码,所属医联体,电话"
    _, *rows = FILES["organisations.csv"].decode().splitlines()
    chinese = "\r\n".join([header, *(row.replace(",hospital,", ",医院,") for row in rows), ""])
    done = load(hub, *written(tmp_path, {"机构.csv": chinese.encode("gb18030")}))
    assert done.returncode == 0, done.stdout + done.stderr
    async with engine.connect() as connection:
        names = await connection.execute(text("select id, name, kind from organisation order by id"))
        assert ("renmin", "威泉县人民医院", "hospital") in [tuple(row) for row in names]
    assert load(hub, *written(tmp_path, {"organisations.csv": FILES["organisations.csv"]})).returncode == 0
    assert await counted(engine, "organisation") == {"organisation": 6}


async def test_what_is_parked_is_told_with_its_row_its_reason_and_the_next_step(
    hub: HubProcess, tmp_path: Path
) -> None:
    done = load(hub, *written(tmp_path, {"agreements.csv": FILES["agreements.csv"]}), "--json")
    assert done.returncode == 1
    told = json.loads(done.stdout)
    assert {one["fate"] for one in told} == {"parked"}
    assert told[0]["where"].startswith("agreements.csv:2 ")
    assert told[0]["reason"]
    assert told[0]["next_step"]


def test_a_hub_without_a_worker_keeps_the_messages_and_says_so(database: Urls, tmp_path: Path) -> None:
    path = written(tmp_path, {"organisations.csv": FILES["organisations.csv"]})
    with serving(tmp_path / "home", database.application, roles="api", **REGION) as hub:
        done = load(hub, *path)
        assert done.returncode == 0
        assert "0 merged, 0 parked, 6 waiting" in done.stdout
        assert "hub serve" in done.stdout


@pytest.mark.parametrize(
    ("source", "name", "said"),
    [
        ("renmin-his", "organisations.csv", "file"),
        ("nobody", "organisations.csv", "source"),
        (BOOKING, "organisations.csv", "directory"),
    ],
)
def test_only_a_source_that_may_is_believed(tmp_path: Path, source: str, name: str, said: str) -> None:
    path = written(tmp_path, {name: FILES[name]})
    done = run_hub(environment_of(tmp_path), "load", str(path[0]), "--source", source, "--check")
    assert done.returncode == 1
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    done = run_hub(environment_of(tmp_path), "load", str(tmp_path / "none.csv"), "--source", SIGNING, "--check")
    assert done.returncode == 1
    assert done.stderr.startswith("none.csv cannot be read")


# -- over HTTP -------------------------------------------------------------------------------------------------------


def token_for(hub: HubProcess, source: str) -> str:
    keyring = Keyring.open(Path(hub.environment["HUB_HOME"]) / "keys")
    viewer = Viewer(id=source, name=source, role=Role.HOSPITAL_SOURCE, source=source)
    return keyring.issue(viewer, now=datetime.now(UTC))


async def post(hub: HubProcess, source: str, body: bytes) -> tuple[int, list[dict[str, Any]]]:
    answer = await send_ingest(hub.base, source, body, "text/csv; charset=utf-8", token_for(hub, source))
    assert answer.body["resourceType"] == "OperationOutcome"
    return answer.status, answer.body["issue"]


async def test_a_file_over_http_is_answered_with_what_became_of_it(hub: HubProcess, engine: AsyncEngine) -> None:
    status, issues = await post(hub, SIGNING, FILES["organisations.csv"])
    assert (status, [issue["severity"] for issue in issues]) == (200, ["information"])
    assert await counted(engine, "organisation") == {"organisation": 6}
    status, issues = await post(hub, SIGNING, FILES["agreements.csv"])
    assert status == 422, "the teams are not known yet"
    assert "csv:2 " in issues[0]["details"]["text"]
    assert issues[0]["diagnostics"]


async def test_every_fault_of_a_file_over_http_is_an_issue_and_nothing_is_kept(
    hub: HubProcess, engine: AsyncEngine
) -> None:
    wrong = sessions_file(NOW).replace(b",expert,", b",famous,")
    status, issues = await post(hub, BOOKING, wrong)
    assert status == 422
    assert len(issues) == wrong.count(b",famous,")
    assert all("[kind]" in issue["details"]["text"] for issue in issues)
    assert (await post(hub, SIGNING, sessions_file(NOW)))[0] == 422, "sessions are the hospital's to tell"
    assert await counted(engine, "message") == {"message": 0}


async def test_a_source_that_does_not_send_files_is_told_so(hub: HubProcess) -> None:
    token = token_for(hub, "erke-fhir")
    answer = await send_ingest(hub.base, "erke-fhir", sessions_file(NOW), "text/csv", token)
    assert answer.status == 403
