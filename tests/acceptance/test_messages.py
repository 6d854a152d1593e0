"""``hub message`` and ``hub explain``: what an engineer sees of messages, at the command line."""

import getpass
import json
import subprocess
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.hl7v2.keys import digest_of
from fixtures.county import Sending, story
from fixtures.county.directory import SIGNING, directory_files
from hub.errors import Refused, refuse
from hub.explaining import Answered, explain
from hub.ids import new_id
from hub.message import Arrival
from hub.settings import Settings
from hub.store import inbox
from hub.store.database import open_engine
from tests.acceptance.hub_process import COUNTY, REGION, environment_of, run_hub
from tests.acceptance.test_load import NOW
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
    assert run(environment, "message", "replay", key).stdout == "1\n"
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


# -- hub explain -------------------------------------------------------------------------------------------------------


@pytest.fixture
async def owner(database: Urls) -> AsyncIterator[AsyncEngine]:
    engine = open_engine(database.owner, size=1, role="")
    yield engine
    await engine.dispose()


@pytest.fixture
def site(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path, config_dir=COUNTY, region=REGION)


async def everything(engine: AsyncEngine) -> dict[str, Any]:
    """How many rows each table has, what they say in sum, and where each sequence stands."""
    names = [row["relname"] for row in await rows(engine, "select relname from pg_stat_user_tables order by 1")]
    found: dict[str, Any] = {}
    for name in names:
        (row,) = await rows(engine, f"select count(*), md5(string_agg(t::text, '' order by t::text)) from {name} t")
        found[name] = tuple(row.values())
    sequences = await rows(engine, "select sequencename, last_value from pg_sequences order by 1")
    return found | {row["sequencename"]: row["last_value"] for row in sequences}


async def explained(site: Settings, owner: AsyncEngine, raw: bytes, name: str = "x.hl7", source: str = "") -> Answered:
    (one,) = await explain(site, owner, name, raw, source)
    return one


async def test_to_explain_writes_nothing_at_all(engine: AsyncEngine, owner: AsyncEngine, site: Settings) -> None:
    await deliver(engine, STROKE[:2])
    before = await everything(owner)
    assert before["fact"][0] > 0
    for sending in [*STROKE, *told(about="twins")]:
        await explain(site, owner, sending.slug, sending.body, sending.source)
    for name, raw in directory_files(NOW).items():
        await explain(site, owner, name, raw, SIGNING)
    assert await everything(owner) == before


async def test_an_explanation_is_what_then_happens(engine: AsyncEngine, owner: AsyncEngine, site: Settings) -> None:
    """Over the county's whole story: each message is merged as it was explained, into the resident that was named."""
    for sending in story():
        one = await explained(site, owner, sending.body, source=sending.source)
        (tried,) = one.tried
        assert tried.refusal is None, sending.slug
        known = {row["id"] for row in await rows(engine, "select id from resident")}
        await deliver(engine, [sending])
        (last,) = await rows(engine, "select message_id, fate from fate order by message_id desc limit 1")
        assert last["fate"] == "merged", sending.slug
        decided = await rows(
            engine,
            "select resident_id, reason from link where message_id = :id order by id",
            id=last["message_id"],
        )
        assert sorted(person.reason for person in tried.people if person.is_decided) <= sorted(
            row["reason"] for row in decided
        ), sending.slug
        opened = {row["id"] for row in await rows(engine, "select id from resident")} - known
        assert len(opened) == sum(person.is_new for person in tried.people), sending.slug
        for person in tried.people:
            assert person.is_new or person.resident_id in known, sending.slug


async def test_an_explanation_names_the_acknowledgement_and_every_fields_way(
    owner: AsyncEngine, site: Settings
) -> None:
    one = await explained(site, owner, ADMISSION.body)
    assert one.source is not None
    assert one.source.name == "renmin-his"
    assert b"MSA|AA|" in one.body
    (tried,) = one.tried
    birth = next(e for became in tried.anatomy.became for e in became.elements if e.target == "birthDate")
    assert (birth.path, birth.row) == ("PID-7", "hl7v2/pid-patient:birthDate")
    assert [(person.is_new, person.reason) for person in tried.people] == [(True, "new-with-proof")]
    assert "Patient" in tried.changes[0]["entries"]


async def test_what_the_door_refuses_is_explained_with_its_acknowledgement(owner: AsyncEngine, site: Settings) -> None:
    one = await explained(site, owner, ADMISSION.body.replace(b"ADT^A01", b"ADT^A99"))
    assert b"MSA|AR|" in one.body or b"MSA|AE|" in one.body
    (tried,) = one.tried
    assert tried.at_the_door
    assert tried.refusal is not None
    assert (tried.refusal.code, tried.refusal.where) == ("unknown-message-type", "MSH-9")


async def test_a_message_of_nobody_is_explained_as_such(owner: AsyncEngine, site: Settings) -> None:
    header, _, rest = ADMISSION.body.partition(b"\r")
    fields = header.split(b"|")
    fields[2] = b"STRANGER"
    one = await explained(site, owner, b"|".join(fields) + b"\r" + rest)
    assert one.refusal is not None
    assert one.refusal.code == "unknown-source"


async def test_a_patient_who_is_known_is_explained_as_the_resident_that_stands(
    engine: AsyncEngine, owner: AsyncEngine, site: Settings
) -> None:
    await deliver(engine, STROKE[:1])
    (resident,) = await rows(engine, "select id from resident")
    one = await explained(site, owner, ADMISSION.body)
    (person,) = one.tried[0].people
    assert (person.resident_id, person.is_new, person.is_decided) == (resident["id"], False, True)
    assert person.reason == "same-citizen-id"


async def test_what_was_sent_before_is_explained_as_a_repeat(
    engine: AsyncEngine, owner: AsyncEngine, site: Settings
) -> None:
    (first,) = (await explained(site, owner, ADMISSION.body)).tried
    assert first.repeats is None
    async with engine.begin() as connection:
        sent = replace(arrival(ADMISSION), control_id=first.message.control_id, digest=digest_of(ADMISSION.body))
        (kept,) = await inbox.keep(connection, [(new_id(), sent)])
    (again,) = (await explained(site, owner, ADMISSION.body)).tried
    assert (again.repeats, again.refusal) == (kept.id, None)
    assert again.anatomy.became


async def test_each_message_of_a_batch_is_explained_after_those_before_it(owner: AsyncEngine, site: Settings) -> None:
    own = [one.body for one in STROKE if one.source == "renmin-his"]
    batch = b"FHS|^~\\&\rBHS|^~\\&\r" + b"\r".join(body.strip(b"\r") for body in own) + b"\rBTS|1\rFTS|1\r"
    answers = await explain(site, owner, "batch.hl7", batch)
    assert [len(one.tried) for one in answers] == [1] * len(own)
    new = [person.is_new for one in answers for person in one.tried[0].people]
    assert new == [True] + [False] * (len(own) - 1)


async def test_what_is_no_message_is_refused_by_name(owner: AsyncEngine, site: Settings) -> None:
    with pytest.raises(Refused) as nothing:
        await explain(site, owner, "notes.txt", b"hello")
    assert nothing.value.refusal.code == "nothing-explained"
    with pytest.raises(Refused) as unsaid:
        await explain(site, owner, "x.json", b'{"resourceType": "Patient"}')
    assert unsaid.value.refusal.where == "--source"


async def test_a_file_is_explained_at_the_command_line(environment: Mapping[str, str], tmp_path: Path) -> None:
    file = tmp_path / "sample.hl7"
    file.write_bytes(ADMISSION.body)
    done = run(environment, "explain", file)
    assert done.returncode == 0, done.stderr
    for said in (
        "Source: renmin-his",
        "MSA|AA|",
        "character set: gb18030",
        "hl7v2/pid-patient:birthDate",
        "a new resident",
    ):
        assert said in done.stdout
    assert done.stderr == "Nothing was written.\n"
    file.write_bytes(ADMISSION.body.replace(b"ADT^A01", b"ADT^A99"))
    told_json = run(environment, "explain", file, "--json")
    assert told_json.returncode == 1
    (one,) = json.loads(told_json.stdout)
    assert (one["messages"][0]["code"], one["messages"][0]["at_the_door"]) == ("unknown-message-type", True)
    assert run(environment, "explain", tmp_path / "nowhere").returncode == 1
