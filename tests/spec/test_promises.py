"""The promises of the design (section 4) that the first release touches, each as a test that breaks with it.

Promises 8, 10 and the reader's side of 9 and 12 belong to what is not built yet or to the API's own tests. That nothing
is acknowledged before it is on disk (1) is shown over the wire in the acceptance tests; here, that the bytes stay.
"""

import json
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from fixtures.county import Sending, people, story
from fixtures.county.clinic import BEIJING, Visit, diagnoses
from fixtures.county.plans import adt
from hub.ids import new_id
from hub.intake import work
from hub.message import Message, Source
from hub.recording import rebuild
from hub.store import inbox
from tests.desk import arrival, counts, county_desk, deliver, dump, read, rows, told

RENMIN, ZHONGYI, DONGCHENG = "renmin-his", "zhongyi-his", "dongcheng-chc"
DAY = datetime(2026, 8, 1, 9, tzinfo=BEIJING)
VISIT = Visit(serial="260199001", kind="O", began_at=DAY)


def says(event: str, *, source: str = DONGCHENG, slug: str = "new-phone", hour: int = 9, **more: Any) -> Sending:
    person = replace(people()[slug], **more.pop("person", {}))
    return adt(source, person, event, DAY.replace(hour=hour), **more).sending(f"P{hour:02d}{event}")


async def resident(engine: AsyncEngine) -> Any:
    [found] = await rows(engine, "select * from resident where replaced_by is null")
    return found


async def test_1_the_bytes_are_kept_as_they_came(engine: AsyncEngine) -> None:
    """1. Nothing is acknowledged that is not on disk. The bytes are kept as they came."""
    sent = told(about="rare-surname")
    await deliver(engine, sent)
    kept = await rows(engine, "select raw from body order by message_id")
    assert [row["raw"] for row in kept] == [sending.body for sending in sent]


async def test_1_the_application_cannot_change_what_came(engine: AsyncEngine) -> None:
    """1. The bytes are kept as they came."""
    [may] = await rows(
        engine,
        "select has_table_privilege('message', 'update') as change, has_table_privilege('message', 'delete') as remove",
    )
    assert dict(may) == {"change": False, "remove": False}


async def test_2_results_in_an_admission_are_not_passed_over(engine: AsyncEngine) -> None:
    """2. No clinical content is lost in silence: an OBX counts wherever the standard lets it stand."""
    admission = says("A01", source=RENMIN, visit=VISIT, local=["OBX|1|NM|WT^体重||61|kg|||||F|||20260801090000"])
    await deliver(engine, [admission])
    [weight] = await rows(engine, "select display, value, unit from observation")
    assert dict(weight) == {"display": "体重", "value": "61", "unit": "kg"}


async def test_3_every_entry_names_the_message_and_the_fields_that_it_was_read_from(engine: AsyncEngine) -> None:
    """3. Every value of the record names its origin, down to the field it was read from."""
    await deliver(engine, told(about="stroke"))
    messages = {str(row["id"]) for row in await rows(engine, "select id from message")}
    for table in ("encounter", "condition", "observation", "allergy", "report"):
        found = await rows(engine, f"select origins from {table}")
        assert found
        for origin in [origin for row in found for origin in row["origins"]]:
            assert origin["message_id"] in messages
            assert all(path and row for _, path, row, _ in origin["values"])
            assert origin["values"]


async def test_3_the_values_that_lost_are_shown_beside_the_one_that_won(engine: AsyncEngine) -> None:
    """3. The values that lost are shown beside the one that won."""
    await deliver(
        engine, [says("A28"), says("A04", source=RENMIN, hour=10, visit=VISIT, person={"phone": "19900009999"})]
    )
    found = await resident(engine)
    assert found["phone"] == "19900009999"
    assert [(c["element"], c["value"], c["source"]) for c in found["conflicts"]] == [
        ("phone", "19900001018", DONGCHENG)
    ]


async def test_4_facts_outlive_every_merge_and_give_the_record_again(engine: AsyncEngine) -> None:
    """4. Facts are never rewritten. Merging moves links; entries are projected anew."""
    *before, merge = [one for one in told(about="two-numbers") if one.source == RENMIN][:4]
    assert "-a40-" in merge.slug
    await deliver(engine, before)
    facts = await rows(engine, "select id, patient_id, content from fact order by id")
    await deliver(engine, [merge])
    kept = await rows(engine, "select id, patient_id, content from fact order by id")
    assert kept[: len(facts)] == facts
    record = await dump(engine)
    async with engine.begin() as connection:
        await rebuild(connection, [(await resident(engine))["id"]])
    assert await dump(engine) == record


async def test_5_the_same_message_twice_changes_nothing(engine: AsyncEngine) -> None:
    """5. The same message twice, or a replay, changes nothing."""
    await deliver(engine, told(about="allergic"))
    before, record = await counts(engine), await dump(engine)
    await deliver(engine, told(about="allergic"))
    assert (await counts(engine), await dump(engine)) == (before, record)


async def test_5_a_late_message_does_not_undo_a_newer_one(engine: AsyncEngine) -> None:
    """5. Messages of one patient apply in order; a late message does not undo a newer one."""
    await deliver(engine, [says("A08", hour=10, person={"phone": "19900002018"})])
    await deliver(engine, [says("A08", hour=9)])
    assert (await resident(engine))["phone"] == "19900002018"


async def test_5_an_update_after_the_discharge_does_not_reopen_the_stay(engine: AsyncEngine) -> None:
    """5. What a message does not say, it does not change: an A08 says nothing of whether somebody still lies there."""
    stay = replace(VISIT, kind="I", serial="260000901")
    home = replace(stay, ended_at=DAY.replace(hour=11), disposition="1")
    await deliver(engine, [says("A01", source=RENMIN, visit=stay), says("A03", source=RENMIN, hour=11, visit=home)])
    await deliver(engine, [says("A08", source=RENMIN, hour=12, visit=stay)])
    [found] = await rows(engine, "select status, ended, disposition from encounter")
    assert (found["status"], found["disposition"]) == ("finished", "医嘱离院")


async def test_6_absent_is_not_cleared_and_an_empty_value_is(engine: AsyncEngine) -> None:
    """6. Absent is not cleared; ``""`` is."""
    await deliver(engine, [says("A08", hour=9), says("A08", hour=10, pid={13: ""})])
    assert (await resident(engine))["phone"] == "19900001018"
    await deliver(engine, [says("A08", hour=11, pid={13: '""'})])
    assert (await resident(engine))["phone"] is None


async def test_6_a_date_keeps_its_precision_and_a_time_its_zone(engine: AsyncEngine) -> None:
    """6. A date keeps its precision; a time keeps its zone (a source without one means +08:00)."""
    abroad = says("A04", source=RENMIN, visit=VISIT, pid={7: "1978", 3: "0000000777^^^^IDCard"})
    body = abroad.body.replace(b"|20260801090000\r", b"|20260801090000+0000\r")
    assert body != abroad.body
    await deliver(engine, [replace(abroad, body=body)])
    [visit] = await rows(engine, "select effective from encounter")
    assert ((await resident(engine))["birth_date"], visit["effective"]) == ("1978", "2026-08-01T09:00:00+00:00")


async def test_7_an_unknown_code_is_kept_raw_with_a_flag(engine: AsyncEngine) -> None:
    """7. An unknown code is kept raw with a flag, never guessed, never dropped."""
    odd = replace(VISIT, kind="特需")
    await deliver(engine, [says("A04", source=RENMIN, visit=odd, diagnoses=[diagnoses()["I10"]])])
    [visit] = await rows(engine, "select code, flags from encounter")
    assert visit["code"] == "特需"
    assert {"code": "unknown-code", "where": "PV1-2", "table": "encounter-class"} in visit["flags"]
    [fact] = await rows(engine, "select content from fact where kind = 'Encounter'")
    assert json.loads(fact["content"])["class"]["code"] == "特需"


@pytest.mark.parametrize("most", [1, 64])
async def test_11_a_message_that_fails_takes_nothing_of_the_others_with_it(most: int, engine: AsyncEngine) -> None:
    """11. No message's changes span transactions: what one message breaks, it breaks for itself."""
    sent = told(about="stroke")
    poisoned = sent[2].slug

    def fails(message: Message, source: Source) -> Any:
        if message.control_id == poisoned:
            raise ArithmeticError("a fault of ours")
        return read(message, source)

    async with engine.begin() as connection:
        await inbox.keep(connection, [(new_id(), arrival(sending)) for sending in sent])
    desk = replace(county_desk(), read=fails)
    while await work(engine, desk, most=most):
        pass
    fates = await rows(engine, "select m.control_id, f.fate from fate f join message m on m.id = f.message_id")
    assert {row["control_id"] for row in fates if row["fate"] == "parked"} == {poisoned}
    assert [row["fate"] for row in fates].count("merged") == len(sent) - 1


async def test_11_events_stand_or_fall_with_the_change(engine: AsyncEngine) -> None:
    """11. Events commit with the change: every resident that a message changed is told of in its transaction."""
    await deliver(engine, story()[:40])
    told_of = {row["resident_id"] for row in await rows(engine, "select resident_id from event")}
    assert told_of == {row["id"] for row in await rows(engine, "select id from resident")}
