"""The county's own files, through the whole way of a message: what they say stands in the database, once."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.files.bundles import FileBundle
from adapters.files.reading import Checks, read_files
from adapters.files.sheet import NamedFile
from fixtures.county.directory import BOOKING, SIGNING, directory_files, sessions_file
from fixtures.county.today import Today
from hub.ids import new_id
from hub.intake import Desk, work
from hub.message import Arrival, Format, Transport
from hub.policy import load_programme, policy_folders
from hub.programme.contracts import contracts
from hub.programme.directory import directory
from hub.programme.publishing import sessions
from hub.store import inbox
from tests.desk import county_desk, deliver, read, rows, sources, told

COUNTY = Path(__file__).parents[2] / "fixtures" / "county"
NOW = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)
TABLES = ("organisation", "practitioner", "team", "team_member", "area", "agreement", "agreement_term", "coverage")
PASSING = frozenset({"changed_at", "message_id", "told_at"})


def desk() -> Desk:
    programme = load_programme("weihai-2023", policy_folders(COUNTY))
    reactions = (directory(), contracts(programme), sessions(programme))
    plain = county_desk()
    return Desk(kinds=plain.kinds, source_of=plain.source_of, read=read, reactions=reactions, now=lambda: NOW)


def bundles(files: Mapping[str, bytes], source: str = SIGNING) -> Sequence[FileBundle]:
    found = read_files(
        [NamedFile(name=name, raw=raw) for name, raw in files.items()],
        sources()[source],
        Checks(is_number=lambda *_: True, validate=lambda _: None),
    )
    assert not found.faults
    return found.bundles


async def load(engine: AsyncEngine, told: Sequence[FileBundle], source: str = SIGNING) -> list[Any]:
    """Keep bundles and merge them; what became of those that were parked."""
    keys = [new_id() for _ in told]
    arrivals = [one.arrival(sources()[source], Transport.FILE) for one in told]
    async with engine.begin() as connection:
        await inbox.keep(connection, list(zip(keys, arrivals, strict=True)))
    while await work(engine, desk()):
        pass
    async with engine.connect() as connection:
        fates = await inbox.find_fates(connection, keys)
    return [(one.key, fates[key]["refusal"]) for one, key in zip(told, keys, strict=True) if fates[key]["refusal"]]


async def everything(engine: AsyncEngine, *tables: str) -> dict[str, list[dict[str, Any]]]:
    """What the tables of the directory and of agreements hold, without what a repetition may touch."""
    found = {}
    for table in tables or TABLES:
        said = [
            {name: value for name, value in row.items() if name not in PASSING}
            for row in await rows(engine, f"select * from {table}")
        ]
        found[table] = sorted(said, key=str)
    return found


async def test_the_countys_files_are_taken_in_and_a_second_time_change_nothing(engine: AsyncEngine) -> None:
    assert await load(engine, bundles(directory_files(NOW))) == []
    first = await everything(engine)
    counts = {name: len(found) for name, found in first.items()}
    assert counts == {
        "organisation": 6,
        "practitioner": 17,
        "team": 4,
        "team_member": 16,
        "area": 8,
        "agreement": 46,
        "agreement_term": 46,
        "coverage": 48,
    }
    events = (await rows(engine, "select count(*) as n from event"))[0]["n"]
    assert await load(engine, bundles(directory_files(NOW))) == []
    assert await everything(engine) == first
    assert (await rows(engine, "select count(*) as n from event"))[0]["n"] == events


async def test_agreements_find_the_people_whom_other_systems_told_of(engine: AsyncEngine) -> None:
    await deliver(engine, told("dongcheng-a28", "nanshan-bundle"))
    residents = (await rows(engine, "select count(*) as n from resident"))[0]["n"]
    assert await load(engine, bundles(directory_files(NOW))) == []
    assert (await rows(engine, "select count(*) as n from resident"))[0]["n"] == residents
    (household,) = await rows(
        engine,
        "select count(*) as n from coverage c join agreement a on a.id = c.agreement_id where a.number = 'WQQY-H0001'",
    )
    assert household["n"] == 3


async def test_next_years_files_renew_the_agreements(engine: AsyncEngine) -> None:
    assert await load(engine, bundles(directory_files(NOW))) == []
    assert await load(engine, bundles(directory_files(NOW.replace(year=2027)))) == []
    ends = {row["number"]: row["ends_on"].year for row in await rows(engine, "select number, ends_on from agreement")}
    assert ends["WQQY-00001"] == 2027
    assert ends["WQQY-00010"] == 2026, "the dead do not renew"


@pytest.mark.parametrize("missing", ["organisations.csv", "teams.csv"])
async def test_what_refers_to_nothing_is_parked_and_taken_when_it_is_there(engine: AsyncEngine, missing: str) -> None:
    files = dict(directory_files(NOW))
    beside = {"members.csv", "areas.csv"} if missing == "teams.csv" else set()
    some = {name: raw for name, raw in files.items() if name != missing and name not in beside}
    parked = await load(engine, bundles(some))
    assert parked
    assert {refusal["code"] for _, refusal in parked} == {"directory-unknown"}
    await load(engine, bundles({name: files[name] for name in (missing, *beside)}))
    for _ in range(3):  # what was parked leans on what was parked before it
        async with engine.begin() as connection:
            await inbox.replay(connection, None)
        while await work(engine, desk()):
            pass
    left = await rows(engine, "select refusal from fate where fate = 'parked'")
    assert [dict(row) for row in left] == []


async def test_the_hospitals_sessions_are_published_and_a_second_time_change_nothing(engine: AsyncEngine) -> None:
    assert await load(engine, bundles(directory_files(NOW))) == []
    told = bundles({"sessions.csv": sessions_file(NOW)}, BOOKING)
    assert await load(engine, told, BOOKING) == []
    first = await everything(engine, "session", "slot", "movement")
    assert len(first["session"]) == 30
    kept = {(one["kind"], one["reserved"]) for one in first["session"]}
    assert kept == {("expert", 2), ("expert", 3), ("examination", 2), ("bed", 1)}, "a fifth; a quarter of the beds"
    assert {(one["public_from"] - one["team_from"]).days for one in first["session"]} == {7}
    events = (await rows(engine, "select count(*) as n from event"))[0]["n"]
    assert await load(engine, told, BOOKING) == []
    assert await everything(engine, "session", "slot", "movement") == first
    assert (await rows(engine, "select count(*) as n from event"))[0]["n"] == events


async def test_the_next_days_file_adds_a_day_and_changes_no_other(engine: AsyncEngine) -> None:
    assert await load(engine, bundles(directory_files(NOW))) == []
    assert await load(engine, bundles({"sessions.csv": sessions_file(NOW)}, BOOKING), BOOKING) == []
    movements = (await everything(engine, "movement"))["movement"]
    later = sessions_file(NOW + timedelta(days=1))
    assert await load(engine, bundles({"sessions.csv": later}, BOOKING), BOOKING) == []
    more = (await everything(engine, "movement"))["movement"]
    assert all(one in more for one in movements)
    days = {row["starts_at"].date() for row in await rows(engine, "select starts_at from session")}
    assert max(days) == (NOW + timedelta(days=15)).date()


async def test_erke_publishes_its_scans_by_fhir(engine: AsyncEngine) -> None:
    assert await load(engine, bundles(directory_files(NOW))) == []
    _, scans = Today(began_at=NOW).sessions()
    arrival = Arrival(
        source=scans.source, transport=Transport.FHIR, format=Format.FHIR, raw=scans.body, kind="transaction"
    )
    for _ in range(2):
        async with engine.begin() as connection:
            await inbox.keep(connection, [(new_id(), arrival)])
        while await work(engine, desk()):
            pass
    (session,) = await rows(engine, "select organisation_id, kind, place, reserved from session")
    assert dict(session) == {"organisation_id": "erke", "kind": "examination", "place": "医技楼一楼", "reserved": 2}
    (slots,) = await rows(engine, "select count(*) as n from slot")
    assert slots["n"] == 6
    assert await rows(engine, "select 1 from fate where fate <> 'merged'") == []


async def test_what_the_hospitals_send_today_is_taken_with_the_request_for_follow_up(engine: AsyncEngine) -> None:
    today = Today(began_at=NOW)
    later = NOW + timedelta(minutes=5)
    sent = [
        *today.stay(),
        *today.stay_of_the_unsigned(),
        today.referred_admission(later),
        today.referred_discharge(later, later + timedelta(minutes=5)),
    ]
    await deliver(engine, sent)
    await deliver(engine, Today(began_at=NOW + timedelta(hours=1)).stay())
    assert await rows(engine, "select 1 from fate where fate <> 'merged'") == []
    stays = await rows(engine, "select status, disposition_code from encounter")
    assert [row["status"] for row in stays] == ["finished"] * 4, "three stays, and one of the second run"
    asked = await rows(engine, "select content from fact where kind = 'ServiceRequest' order by event_at")
    told = [json.loads(row["content"]) for row in asked]
    assert {json.dumps(one["occurrenceTiming"]["event"]) for one in told} == {'["2026-11-29T09:00:00+08:00"]'}
    assert {one["orderDetail"][0]["coding"][0]["code"] for one in told} == {"3"}
    assert len({one["encounter"]["identifier"]["value"] for one in told}) == 2, "each run's stay has its own request"
