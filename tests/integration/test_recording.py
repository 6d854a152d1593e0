"""Facts and what is projected from them, in the database."""

import json
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.ext.asyncio import AsyncEngine

from fixtures.county import Sending, people, story
from fixtures.county.clinic import BEIJING, Order, Result
from fixtures.county.plans import adt, oru
from hub.recording import rebuild
from tests.desk import counts, deliver, dump, rows, told
from tests.integration.api.test_reading import counting

RENMIN, DONGCHENG = "renmin-his", "dongcheng-chc"


def at(day: int, hour: int = 9) -> datetime:
    return datetime(2026, 8, day, hour, tzinfo=BEIJING)


def update(day: int, phone: str, **more: Any) -> Sending:
    """An A08 of a day in August with a telephone number."""
    person = replace(people()["new-phone"], phone=phone)
    return adt(DONGCHENG, person, "A08", at(day), **more).sending(f"T{day}{phone}")


def result(value: str, *, hour: int = 8, filler: str = "LX1", **more: Any) -> Sending:
    """One potassium of the first of August."""
    order = Order(filler=filler, code="DJZ", text="电解质", collected_at=at(1, hour), reported_at=at(1, hour + 2))
    found = Result(code="K", text="钾", value=value, unit="mmol/L", **more)
    return oru(RENMIN, people()["corrected-result"], order, [found]).sending(f"T{hour}{value}")


async def phone(engine: AsyncEngine) -> str | None:
    [row] = await rows(engine, "select phone from resident where replaced_by is null")
    return str(row["phone"]) if row["phone"] else None


async def test_rebuilding_every_record_from_its_facts_changes_nothing(engine: AsyncEngine) -> None:
    await deliver(engine, story())
    before, record = await counts(engine), await dump(engine)
    everybody = [row["id"] for row in await rows(engine, "select id from resident where replaced_by is null")]
    async with engine.begin() as connection:
        await rebuild(connection, sorted(everybody))
    assert await dump(engine) == record
    assert await counts(engine) == before


async def test_rebuilding_takes_as_many_statements_whatever_the_record(engine: AsyncEngine) -> None:
    sent = []
    for hours in ((8,), (9, 10, 11, 12, 13, 14)):
        await deliver(engine, [result(f"4.{hour}", hour=hour, filler=f"LX{hour}") for hour in hours])
        [resident] = await rows(engine, "select id from resident where replaced_by is null")
        with counting(engine) as statements:
            async with engine.begin() as connection:
                await rebuild(connection, [resident["id"]])
        sent.append(sorted(statements))
    assert len(await rows(engine, "select id from observation")) == 7
    assert sent[0] == sent[1]


async def test_a_record_that_was_spoilt_is_rebuilt_from_its_facts(engine: AsyncEngine) -> None:
    await deliver(engine, told(about="stroke"))
    record = await dump(engine)
    [resident] = await rows(engine, "select id from resident")
    async with engine.begin() as connection:
        await connection.exec_driver_sql("delete from observation")
        await connection.exec_driver_sql("update condition set display = 'spoilt'")
        await connection.exec_driver_sql("update resident set name = 'spoilt'")
        await rebuild(connection, [resident["id"]])
    assert await dump(engine) == record


async def test_what_was_said_again_later_is_still_known_when_it_is_repeated(engine: AsyncEngine) -> None:
    """Only the latest of equal facts is read; a repeat of an earlier one is no news all the same."""
    await deliver(engine, [update(1, "19900003001"), update(2, "19900003001"), update(3, "19900003001")])
    before = await counts(engine)
    await deliver(engine, [update(1, "19900003001")])
    assert await counts(engine) == before


async def test_a_value_that_returns_wins_over_the_one_between(engine: AsyncEngine) -> None:
    await deliver(engine, [update(1, "19900003001"), update(3, "19900003001")])
    await deliver(engine, [update(2, "19900003002")])
    assert await phone(engine) == "19900003001"


async def test_a_late_clearing_does_not_clear_what_came_after_it(engine: AsyncEngine) -> None:
    await deliver(engine, [update(3, "19900003003")])
    await deliver(engine, [update(2, "", pid={13: '""'})])
    assert await phone(engine) == "19900003003"


async def test_a_clearing_clears_what_came_before_it(engine: AsyncEngine) -> None:
    await deliver(engine, [update(2, "", pid={13: '""'})])
    await deliver(engine, [update(1, "19900003001")])
    assert await phone(engine) is None


async def test_a_result_whose_code_is_corrected_leaves_no_entry_behind(engine: AsyncEngine) -> None:
    """The time of sampling was wrong: the entry of the wrong time goes when the correction comes."""
    first = result("4.1")
    corrected = first.body.replace(b"20260801080000", b"20260801073000").replace(b"20260801100100", b"20260801120000")
    await deliver(engine, [first])
    await deliver(engine, [replace(first, body=corrected)])
    found = await rows(engine, "select effective, value from observation")
    assert [dict(row) for row in found] == [{"effective": "2026-08-01T07:30:00+08:00", "value": "4.1"}]
    assert len(await rows(engine, "select id from fact where kind = 'Observation'")) == 2


async def test_a_result_that_was_deleted_leaves_the_record_and_stays_a_fact(engine: AsyncEngine) -> None:
    await deliver(engine, [result("6.9")])
    withdrawn = result("6.9", status="D")
    await deliver(engine, [replace(withdrawn, body=withdrawn.body.replace(b"20260801100100", b"20260801130000"))])
    assert await rows(engine, "select id from observation") == []
    assert len(await rows(engine, "select id from fact where kind = 'Observation'")) == 2


async def test_results_without_an_order_number_do_not_supersede_each_other(engine: AsyncEngine) -> None:
    """Some laboratories number nothing: then the time keeps yesterday's potassium from being overwritten."""
    sent = [result("4.1", hour=8), result("5.2", hour=16)]
    plain = [replace(one, body=one.body.replace(b"|PLX1|LX1|", b"|||")) for one in sent]
    await deliver(engine, plain)
    found = await rows(engine, "select value from observation order by effective_at")
    assert [row["value"] for row in found] == ["4.1", "5.2"]


async def test_the_lines_of_a_text_report_are_all_kept(engine: AsyncEngine) -> None:
    """A report in prose comes as many OBX of one code: each line is an entry of its own, and no conflict."""
    order = Order(filler="LX9", code="CT", text="胸部CT", collected_at=at(1), reported_at=at(1) + timedelta(hours=1))
    lines = [Result(code="TXT", text="所见", value=value, kind="TX") for value in ("双肺清晰", "心影不大", "未见积液")]
    await deliver(engine, [oru(RENMIN, people()["stroke"], order, lines).sending("T1")])
    found = await rows(engine, "select value, conflicts from observation")
    assert {entry["value"] for entry in found} == {line.value for line in lines}
    assert [entry["conflicts"] for entry in found] == [[], [], []]
    assert len(await rows(engine, "select id from fact where kind = 'Observation'")) == 3


async def test_two_panels_under_one_number_are_two_reports(engine: AsyncEngine) -> None:
    first = result("4.1")
    second = replace(first, body=first.body.replace("DJZ^电解质".encode("gb18030"), "XCG^血常规".encode("gb18030")))
    await deliver(engine, [first, second])
    assert {row["display"] for row in await rows(engine, "select display from report")} == {"电解质", "血常规"}


async def test_events_name_the_residents_that_changed_and_what_changed(engine: AsyncEngine) -> None:
    await deliver(engine, [result("4.1")])
    [event] = await rows(engine, "select kind, resident_id, entries from event")
    [resident] = await rows(engine, "select id from resident")
    assert event["resident_id"] == resident["id"]
    assert event["entries"] == ["DiagnosticReport", "Observation", "Patient", "ServiceRequest"]


@pytest.mark.parametrize("change", ["update fact set content = '{}'", "delete from fact"])
async def test_the_application_cannot_rewrite_a_fact(change: str, engine: AsyncEngine) -> None:
    await deliver(engine, [result("4.1")])
    with pytest.raises(ProgrammingError, match="permission denied"):
        await rows(engine, change)


def vaccination(name: str, day: int) -> Sending:
    """A vaccination to the day that a FHIR source sends under an id, in a bundle of its own."""
    who = {"identifier": {"system": "https://erke.example/patient-number", "value": "EK26000901"}}
    given = {"resourceType": "Immunization", "id": name, "status": "completed", "patient": who}
    given |= {"vaccineCode": {"text": "流感疫苗"}, "occurrenceDateTime": "2026-02-05"}
    person = {"resourceType": "Patient", "identifier": [who["identifier"]], "name": [{"text": "测试甲"}]}
    entry = [{"resource": one, "request": {"method": "POST", "url": one["resourceType"]}} for one in (person, given)]
    bundle = {"resourceType": "Bundle", "type": "transaction", "timestamp": at(day).isoformat(), "entry": entry}
    return Sending(
        slug=f"{name}-{day}",
        source="erke-fhir",
        transport="fhir",
        body=json.dumps(bundle).encode(),
        content_type="application/fhir+json",
        ends="merged",
        answer="200",
        about=(),
    )


@pytest.mark.parametrize("order", ["ab", "ba", "aab", "bab"])
async def test_two_ids_of_one_source_are_two_entries_whatever_the_order(order: str, engine: AsyncEngine) -> None:
    for day, name in enumerate(order, 1):
        await deliver(engine, [vaccination(name, day)])
    found = await rows(engine, "select key from immunization order by key")
    assert [row["key"] for row in found] == ["流感疫苗|2026-02-05", "流感疫苗|2026-02-05~2"]
    record = await dump(engine)
    [resident] = await rows(engine, "select id from resident")
    async with engine.begin() as connection:
        await rebuild(connection, [resident["id"]])
    assert await dump(engine) == record


async def test_what_moves_away_together_leaves_no_entry_behind(engine: AsyncEngine) -> None:
    """Of four vaccinations of a day three were of the next day, as one batch says."""
    await deliver(engine, [vaccination(name, 1) for name in "abcd"])
    wrong = [vaccination(name, 2) for name in "bcd"]
    await deliver(engine, [replace(one, body=one.body.replace(b"2026-02-05", b"2026-02-06")) for one in wrong])
    found = await rows(engine, "select key from immunization order by key")
    there = [f"流感疫苗|2026-02-06{place}" for place in ("", "~2", "~3")]
    assert [row["key"] for row in found] == ["流感疫苗|2026-02-05", *there]
    record = await dump(engine)
    [resident] = await rows(engine, "select id from resident")
    async with engine.begin() as connection:
        await rebuild(connection, [resident["id"]])
    assert await dump(engine) == record
