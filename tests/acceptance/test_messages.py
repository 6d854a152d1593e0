"""``hub message`` and ``hub explain``: what an engineer sees of messages, at the command line."""

import asyncio
import getpass
import json
import subprocess
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.hl7v2.keys import digest_of
from fixtures.county import Sending
from hub.errors import refuse
from hub.ids import new_id
from hub.message import Arrival
from hub.store import inbox
from tests.acceptance.hub_process import environment_of, run_hub
from tests.conftest import Urls
from tests.desk import arrival, deliver, drain, rows, sources, told
from tests.integration.test_pruning import keep_at

pytestmark = pytest.mark.long

STROKE = told(about="stroke")
ADMISSION = next(one for one in STROKE if one.slug.startswith("renmin-a01"))
"""In GB 18030, and it does not say so."""
ENROLMENT = STROKE[0]
"""In UTF-8, as its MSH-18 says."""


@pytest.fixture
def environment(database: Urls, tmp_path: Path) -> Mapping[str, str]:
    urls = {"HUB_DATABASE_URL": database.application, "HUB_OWNER_DATABASE_URL": database.owner}
    return environment_of(tmp_path / "home", **urls)


def run(environment: Mapping[str, str], *words: object) -> subprocess.CompletedProcess[str]:
    return run_hub(environment, *map(str, words))


def asked(environment: Mapping[str, str], *words: object) -> Any:
    done = run(environment, *words, "--json")
    assert done.stdout, done.stderr
    return json.loads(done.stdout)


async def keep(engine: AsyncEngine, *arrivals: Arrival) -> list[str]:
    async with engine.begin() as connection:
        return [str(one.id) for one in await inbox.keep(connection, [(new_id(), one) for one in arrivals])]


def name_in(sending: Sending) -> str:
    """PID-5.1 of a message."""
    text_ = sending.body.decode("utf-8" if sending is ENROLMENT else "gb18030")
    line = next(line for line in text_.split("\r") if line.startswith("PID"))
    return line.split("|")[5].split("^")[0]


# -- hub message -------------------------------------------------------------------------------------------------------


async def test_a_list_is_two_lines_a_message_that_fit_a_terminal(
    engine: AsyncEngine, environment: Mapping[str, str]
) -> None:
    await deliver(engine, STROKE)
    refusal = refuse("unknown-message-type", "MSH-9", type="ADT^A99", known=", ".join(["ADT^A01"] * 30)).refusal
    (parked,) = await keep(engine, replace(arrival(ADMISSION), control_id="院" * 60, refusal=refusal, kind="ADT^A99"))
    for language in ("en", "zh"):
        shown = run({**environment, "HUB_LOCALE": language}, "message", "list", "--most", 4).stdout.splitlines()
        assert len(shown) == 8
        assert max(map(cell_len, shown)) <= 80
        assert "parked  renmin-his  ADT^A99  院院" in shown[0]
        assert shown[1].split()[0] == parked
    page = run(environment, "message", "list", "--most", 4)
    last = page.stdout.splitlines()[-2 + 1].split()[0]
    assert f"--after {last}" in page.stderr
    rest = asked(environment, "message", "list", "--after", last)
    assert len(rest) == len(STROKE) + 1 - 4


async def test_a_search_at_the_command_line_takes_every_condition(
    engine: AsyncEngine, environment: Mapping[str, str]
) -> None:
    sent = replace(arrival(ADMISSION), numbers=("ZY1",), names=("欧阳",), kind="ADT^A01", control_id="C1")
    key, _ = await keep(engine, sent, replace(arrival(ENROLMENT), kind="ADT^A28"))
    every = ["--source", "renmin-his", "--since", "2026-01-01", "--fate", "kept", "--kind", "ADT^A01"]
    every += ["--number", "ZY1", "--name", "欧阳", "--control-id", "C1", "--text", name_in(ADMISSION)]
    assert [one["id"] for one in asked(environment, "message", "list", *every)] == [key]
    for other in (["--number", "ZY"], ["--until", "2026-01-01"], ["--fate", "parked"], ["--text", "nobody"]):
        assert asked(environment, "message", "list", *other) == []
    assert "no time zone" not in run(environment, "message", "list", "--since", "2026-01-01T08:00").stderr
    wrong = run(environment, "message", "list", "--since", "1066-01-01")
    assert (wrong.returncode, "--since" in wrong.stderr) == (1, True)


async def test_a_message_is_shown_masked_until_somebody_says_why(
    engine: AsyncEngine, environment: Mapping[str, str]
) -> None:
    await deliver(engine, STROKE)
    (row,) = await rows(engine, "select id from message where control_id = :slug", slug=ENROLMENT.slug)
    name = name_in(ENROLMENT)
    plain = run(environment, "message", "show", row["id"]).stdout
    assert name not in plain
    assert "Patient Name" in plain
    assert "hl7v2/pid-patient:birthDate" in plain
    assert run(environment, "message", "show", row["id"], "--raw").returncode == 1
    assert not await rows(engine, "select 1 from audit")
    revealed = run(environment, "message", "show", row["id"], "--reveal", "ticket 7: charset").stdout
    assert name in revealed
    raw = run(environment, "message", "show", row["id"], "--raw", "--reveal", "ticket 7").stdout
    assert raw.encode() == ENROLMENT.body.replace(b"\r", b"\n")  # text mode reads each end of line as \n
    trail = await rows(engine, "select * from audit order by id")
    (resident,) = await rows(engine, "select id from resident")
    assert [row["purpose"] for row in trail] == ["ticket 7: charset", "ticket 7"]
    assert trail[0]["viewer"] == f"login:{getpass.getuser()}"
    assert (trail[0]["role"], trail[0]["residents"]) == ("engineer", [resident["id"]])


async def test_a_timeline_names_who_did_what(engine: AsyncEngine, environment: Mapping[str, str]) -> None:
    (key,) = await keep(engine, replace(arrival(ADMISSION), raw=ADMISSION.body.replace(b"ADT^A01", b"ADT^A99")))
    await drain(engine)
    assert run(environment, "message", "replay", key, "--wait", 0).stdout == "1\n"
    await drain(engine)
    found = asked(environment, "message", "show", key)
    steps = [(one["step"], one["by"], one["code"]) for one in found["timeline"]]
    code = "unknown-message-type"
    login = f"login:{getpass.getuser()}"
    assert steps == [("kept", "mllp", ""), ("parked", "hub", code), ("replayed", login, ""), ("parked", "hub", code)]
    assert (found["code"], found["where"], bool(found["next_step"])) == (code, "MSH-9", True)
    assert found["charset"] == {
        "codec": "gb18030",
        "because": "profile" if sources()["renmin-his"].charset else "default",
        "where": "",
    }


async def test_a_wrong_character_set_is_shown_in_both_readings(
    engine: AsyncEngine, environment: Mapping[str, str]
) -> None:
    raw = ENROLMENT.body.decode().encode("gb18030")  # and MSH-18 says UTF-8
    (key,) = await keep(engine, replace(arrival(ENROLMENT), raw=raw))
    await drain(engine)
    found = asked(environment, "message", "show", key, "--reveal", "ticket 8")
    assert (found["code"], found["charset"]["because"]) == ("wrong-charset", "declared")
    by_codec = {one["codec"]: one for one in found["readings"]}
    assert {"utf-8", "gb18030"} <= set(by_codec)
    assert name_in(ENROLMENT)[0] in "".join(by_codec["gb18030"][part] for part in ("before", "at", "after"))
    assert by_codec["gb18030"]["undecodable"] == 0
    masked = run(environment, "message", "show", key).stdout
    assert "gb18030: …" in masked
    assert name_in(ENROLMENT)[0] not in masked


async def test_a_replay_of_named_messages_tells_what_became_of_them(
    engine: AsyncEngine, environment: Mapping[str, str]
) -> None:
    good, bad = await keep(
        engine,
        replace(arrival(ADMISSION), refusal=refuse("unknown-message-type", "MSH-9", type="?", known="-").refusal),
        replace(arrival(ADMISSION), raw=ADMISSION.body.replace(b"ADT^A01", b"ADT^A99"), control_id="bad"),
    )
    await drain(engine)
    replayed = asyncio.create_task(asyncio.to_thread(run, environment, "message", "replay", good, bad))
    while not replayed.done():
        await drain(engine)
        await asyncio.sleep(0.05)
    done = await replayed
    assert (done.stdout, done.returncode) == ("2\n", 0)
    said = done.stderr.splitlines()[1:]
    fates = {said[at + 1].split()[0]: said[at].split()[2] for at in (0, 2)}
    assert fates == {str(good): "merged", str(bad): "parked"}
    unknown = run(environment, "message", "replay", new_id())
    assert (unknown.returncode, unknown.stdout) == (1, "")
    assert "no such message" in unknown.stderr


async def test_what_no_profile_fitted_is_the_sources_own_once_one_does(
    engine: AsyncEngine, environment: Mapping[str, str]
) -> None:
    sent = replace(arrival(ADMISSION), digest=digest_of(ADMISSION.body))
    stranger = replace(sent, source="", refusal=refuse("unknown-source", "MSH-3").refusal)
    (key,) = await keep(engine, stranger)
    assert run(environment, "message", "replay", key, "--wait", 0).stdout == "1\n"
    await drain(engine)
    assert [row["fate"] for row in await rows(engine, "select fate from fate")] == ["merged"]
    assert await keep(engine, sent) == [key], "what its sender sends again is a repeat"


async def test_a_replay_counts_first_and_a_dry_run_does_no_more(
    engine: AsyncEngine, environment: Mapping[str, str]
) -> None:
    raw = ADMISSION.body.replace(b"ADT^A01", b"ADT^A99")
    await keep(engine, *(replace(arrival(ADMISSION), raw=raw, control_id=str(n)) for n in range(3)))
    await drain(engine)
    dry = run(environment, "message", "replay", "--code", "unknown-message-type", "--dry-run")
    assert (dry.stdout, dry.stderr) == ("", "Messages that fit: 3\n")
    assert run(environment, "message", "replay", "--source", "erke-fhir").stdout == "0\n"
    done = run(environment, "message", "replay", "--source", "renmin-his", "--parked")
    assert (done.stdout, done.stderr) == ("3\n", "Messages that fit: 3\n")
    assert run(environment, "message", "replay", "--parked").stdout == "0\n"
    trail = await rows(
        engine, "select operation, changes from audit where operation = 'hub message replay' order by id"
    )
    assert [row["changes"] for row in trail][:2] == [["messages replayed: 0"], ["messages replayed: 3"]]
    for wrong in ([], ["--parked", "--fate", "merged"], [new_id(), "--parked"]):
        assert run(environment, "message", "replay", *wrong).returncode == 1


async def test_pruning_says_what_would_go_and_then_lets_it_go(
    engine: AsyncEngine, environment: Mapping[str, str], database: Urls
) -> None:
    past = datetime.now(UTC) - timedelta(days=800)
    await keep_at(engine, database, past, "renmin-his", "merged")
    await keep_at(engine, database, past, "renmin-his", "parked")
    keeps = {**environment, "HUB_RETENTION_DAYS": "90"}
    would = asked(keeps, "message", "prune", "--dry-run")
    assert [one["messages"] for one in would] == [1]
    assert len(await rows(engine, "select 1 from body")) == 2
    done = run(keeps, "message", "prune").stdout
    assert "The bytes of 1 messages" in done
    assert len(await rows(engine, "select 1 from body")) == 1
    assert asked(keeps, "message", "prune", "--dry-run") == []


async def test_sources_are_listed_with_their_figures(engine: AsyncEngine, environment: Mapping[str, str]) -> None:
    await deliver(engine, STROKE)
    await keep(engine, replace(arrival(ADMISSION), control_id="waits"))
    found = {one["name"]: one["figures"] for one in asked(environment, "source", "list")}
    sent = sum(one.source == "renmin-his" for one in STROKE)
    assert (found["renmin-his"]["last_hour"], found["renmin-his"]["queue"]) == (sent + 1, 1)
    assert found["renmin-his"]["lag_seconds"] > 0
    assert (found["hub"]["last_hour"], found["hub"]["last_message_at"]) == (0, None)
    shown = run(environment, "source", "list").stdout
    assert "queue" in shown
    nowhere = {**environment, "HUB_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none"}
    assert run(nowhere, "source", "list").returncode == 1
    assert all("figures" not in one for one in asked(nowhere, "source", "list", "--profiles"))
