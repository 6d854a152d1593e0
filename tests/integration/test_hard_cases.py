"""Messages that once told the record a lie, each mended and held here."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncEngine

from fixtures.county import Person, Sending, crowd, people
from fixtures.county.clinic import BEIJING, Visit
from fixtures.county.plans import adt
from hub import intake
from hub.errors import Refusal
from hub.identifiers import check_character
from hub.intake import Desk, work
from hub.merging import fold
from hub.message import Message, Source
from hub.record import Reading
from hub.store import facts
from tests.desk import county_desk, deliver, keep, rows

RENMIN, ZHONGYI = "renmin-his", "zhongyi-his"


def at(day: int, hour: int = 9) -> datetime:
    return datetime(2026, 8, day, hour, tzinfo=BEIJING)


def says(person: Person, event: str, day: int, **more: Any) -> Sending:
    return adt(RENMIN, person, event, at(day), **more).sending(f"H{person.slug}{event}{day}")


def two_people() -> tuple[Person, Person]:
    first, second = crowd(2, seed=3)
    return first, second


async def fates(engine: AsyncEngine) -> list[tuple[str, str | None]]:
    query = "select fate, refusal->>'code' as code from fate order by message_id"
    return [(row["fate"], row["code"]) for row in await rows(engine, query)]


async def test_a_number_that_comes_with_another_persons_citizen_id_is_parked_and_joins_nobody(
    engine: AsyncEngine,
) -> None:
    """A local number reused for somebody else must not make two people one."""
    first, second = two_people()
    taken = replace(second, number=first.number)
    await deliver(engine, [says(first, "A01", 1), says(taken, "A01", 2)])
    assert await fates(engine) == [("merged", None), ("parked", "another-persons-number")]
    [resident] = await rows(engine, "select name from resident")
    assert resident["name"] == first.name
    assert len(await rows(engine, "select value from resident_number where kind = 'citizen-id'")) == 1


async def test_a_citizen_id_that_a_source_corrects_parks_nothing_and_is_told(engine: AsyncEngine) -> None:
    """Same local number, same name, same birthday, another serial number: a typing error that was mended."""
    first, _ = two_people()
    serial = f"{(int(first.citizen_id[14:17]) + 2) % 1000:03d}"
    body = first.citizen_id[:14] + serial
    mended = replace(first, citizen_id=body + check_character(body))
    await deliver(engine, [says(first, "A01", 1), says(mended, "A08", 2), says(mended, "A08", 3)])
    assert await fates(engine) == [("merged", None)] * 3
    found = [row["findings"] or [] for row in await rows(engine, "select findings from fate order by message_id")]
    assert [[one["code"] for one in of] for of in found] == [[], ["other-citizen-id"], []]
    held = await rows(engine, "select value, resident_id from resident_number where kind = 'citizen-id'")
    assert {row["value"] for row in held} == {first.citizen_id, mended.citizen_id}
    assert len({row["resident_id"] for row in held}) == 1


async def test_a_time_far_ahead_does_not_outrank_what_comes_after_it(engine: AsyncEngine) -> None:
    person = people()["new-phone"]
    early = says(replace(person, phone="19900002001"), "A08", 1)
    mistaken = replace(early, body=early.body.replace(b"20260801", b"20991231"))
    await deliver(engine, [mistaken])
    later = adt(RENMIN, replace(person, phone="19900002002"), "A08", datetime.now(BEIJING) + timedelta(minutes=5))
    await deliver(engine, [later.sending("HLATER")])
    [resident] = await rows(engine, "select phone from resident where replaced_by is null")
    assert resident["phone"] == "19900002002"


async def test_a_cancelled_discharge_takes_the_death_back(engine: AsyncEngine) -> None:
    person = people()["leap-day"]
    stay = Visit(serial="H1", kind="I", began_at=at(1), department="心内科", department_code="4700")
    died = replace(stay, ended_at=at(3), disposition="5")
    await deliver(engine, [says(person, "A01", 1, visit=stay), says(person, "A03", 3, visit=died)])
    [resident] = await rows(engine, "select deceased from resident")
    assert resident["deceased"] is True
    await deliver(engine, [says(person, "A13", 4, visit=stay)])
    [resident] = await rows(engine, "select deceased, deceased_on from resident")
    assert (resident["deceased"], resident["deceased_on"]) == (None, None)


@pytest.mark.parametrize(
    "change",
    [
        (b"PV1|", b"NTE|1||a\\X00\\b\rPV1|"),
        (b"20260801", b"00010101"),
        ("脑梗死".encode("gb18030"), "很长的诊断".encode("gb18030") * 400),
    ],
    ids=["nul", "minimum", "long"],
)
async def test_what_senders_really_send_is_no_fault_of_the_hub(
    change: tuple[bytes, bytes], engine: AsyncEngine
) -> None:
    stay = Visit(serial="H2", kind="I", began_at=at(1))
    sent = says(people()["leap-day"], "A01", 1, visit=stay)
    text = sent.body + b"DG1|1||^" + "脑梗死".encode("gb18030") + b"|" + "脑梗死".encode("gb18030") + b"\r"
    await deliver(engine, [replace(sent, body=text.replace(*change))])
    assert await fates(engine) == [("merged", None)]


async def test_a_passing_fault_parks_nothing(engine: AsyncEngine) -> None:
    """A busy pool or a lost connection says nothing about the message that was at hand."""
    await keep(engine, [says(people()["leap-day"], "A01", 1)])
    for fault in (ConnectionRefusedError(), PoolTimeoutError()):

        def fails(message: Message, source: Source, fault: Exception = fault) -> Any:
            raise fault

        with pytest.raises(type(fault)):
            await work(engine, replace(county_desk(), read=fails), most=1)
    assert await fates(engine) == [("kept", None)]


async def test_a_fault_of_ours_parks_the_message_that_had_it_and_no_other(engine: AsyncEngine) -> None:
    first, second = two_people()
    await keep(engine, [says(first, "A01", 1), says(second, "A01", 1)])
    plain = county_desk()

    def read(message: Message, source: Source) -> tuple[Reading, Mapping[str, Refusal]]:
        if second.name.encode("gb18030") in message.raw:
            raise KeyError("a fault of ours")
        return plain.read(message, source)

    desk: Desk = replace(plain, read=read)
    while await intake.work(engine, desk):
        pass
    assert await fates(engine) == [("merged", None), ("parked", "internal")]


async def test_an_emptied_telephone_leaves_the_one_at_work(engine: AsyncEngine) -> None:
    person = people()["leap-day"]
    both = says(person, "A08", 1, pid={13: "19900003001", 14: "19900003002"})
    await deliver(engine, [both, says(person, "A08", 2, pid={13: '""', 14: ""})])
    [fact] = await rows(engine, "select content from fact where kind = 'Patient' order by event_at limit 1")
    assert "19900003002" in fact["content"]
    assert await _telecoms(engine) == ["19900003002"]


async def _telecoms(engine: AsyncEngine) -> list[str]:
    [patient] = await rows(engine, "select id from patient")
    async with engine.connect() as connection:
        said = await facts.find_by_key(connection, [(UUID(str(patient["id"])), "Patient", "")])
    return [item["value"] for item in fold(said).resource.get("telecom", [])]
