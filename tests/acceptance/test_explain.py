"""``hub explain``: what would become of a file, and nothing is written."""

import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.hl7v2.keys import digest_of
from fixtures.county import story
from fixtures.county.directory import SIGNING, directory_files
from hub.errors import Refused
from hub.explaining import Answered, explain
from hub.ids import new_id
from hub.settings import Settings
from hub.store import inbox
from hub.store.database import open_engine
from tests.acceptance.hub_process import COUNTY, REGION
from tests.acceptance.test_load import NOW
from tests.acceptance.test_messages import ADMISSION, STROKE, environment, run
from tests.conftest import Urls
from tests.desk import arrival, deliver, rows, told

pytestmark = pytest.mark.long
__all__ = ["environment"]


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
