"""People without a number that proves who they are: whom the hub takes them for, and what outweighs its opinion."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import date, datetime
from typing import Any

import pytest
from sqlalchemy import event, text
from sqlalchemy.ext.asyncio import AsyncEngine

from fixtures.county import Person, Sending, crowd
from fixtures.county.clinic import BEIJING, Visit
from fixtures.county.plans import adt
from hub.intake import work
from hub.programme.happened import Happened
from hub.store import claims, inbox
from tests.desk import counts, deliver, drain, dump, keep, rows
from tests.matching import decide, part, patients, standing, undo
from tests.recognising import plain_desk

RENMIN, ZHONGYI = "renmin-his", "zhongyi-his"
NAMED, OTHER = (replace(one, phone=f"1990000{41 + at}27") for at, one in enumerate(crowd(2, seed=11)))
SOMEBODY = replace(NAMED, citizen_id="", health_record_number="", health_card="")
"""Somebody without a number that leads beyond a source."""
ELSEWHERE = replace(SOMEBODY, phone="19900009999")
"""The same name and birth date, and another phone."""
NAMESAKE = replace(ELSEWHERE, birth_date=date(1931, 2, 3))
"""Nothing but the same name."""


def at(day: int, hour: int = 9) -> datetime:
    return datetime(2026, 8, day, hour, tzinfo=BEIJING)


def says(source: str, person: Person, day: int, event: str = "A01", **more: Any) -> Sending:
    return adt(source, person, event, at(day), **more).sending(f"{source}{person.number}{event}{day}")


async def hear(engine: AsyncEngine, *sendings: Sending, most: int = 64) -> None:
    await deliver(engine, sendings, most=most, desk=plain_desk())


async def links(engine: AsyncEngine) -> list[tuple[str, str]]:
    """Why each patient stands where it stands, in the order in which they became known."""
    found = await rows(engine, "select grade, reason from link where until is null order by patient_id")
    return [(row["grade"], row["reason"]) for row in found]


async def reviews(engine: AsyncEngine) -> list[str]:
    """How the reviews stand, the first that was raised first."""
    return [row["state"] for row in await rows(engine, "select state from match_review order by id")]


# -- what a grade leads to ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("most", [1, 64])
@pytest.mark.parametrize(
    ("other", "grade", "reason"),
    [(SOMEBODY, "certain", "resembles-certainly"), (ELSEWHERE, "probable", "resembles-probably")],
)
async def test_who_resembles_a_resident_enough_is_linked_to_them_with_the_reason(
    engine: AsyncEngine, most: int, other: Person, grade: str, reason: str
) -> None:
    await hear(engine, says(RENMIN, SOMEBODY, 1), says(ZHONGYI, other, 2), most=most)
    assert await standing(engine) == [0, 0]
    assert await links(engine) == [("certain", "new-without-proof"), (grade, reason)]
    (link,) = await rows(engine, "select weights from link where reason = :reason", reason=reason)
    assert link["weights"] == [{"bits": 5.0, "zh": "姓名相同。", "en": "Same name."}]
    assert await reviews(engine) == []
    assert await rows(engine, "select id from resident where replaced_by is not null") == []


@pytest.mark.parametrize("most", [1, 64])
async def test_who_may_be_a_resident_is_one_of_their_own_and_waits_for_a_person(engine: AsyncEngine, most: int) -> None:
    await hear(engine, says(RENMIN, SOMEBODY, 1), says(ZHONGYI, NAMESAKE, 2), most=most)
    assert await standing(engine) == [0, 1]
    one, other = await patients(engine)
    (waiting,) = await rows(engine, "select patient_id, other_id, grade, score, weights, state from match_review")
    assert dict(waiting) == {
        "patient_id": other,
        "other_id": one,
        "grade": "possible",
        "score": 5.0,
        "weights": [{"bits": 5.0, "zh": "姓名相同。", "en": "Same name."}],
        "state": "open",
    }
    assert {row["fate"] for row in await rows(engine, "select fate from fate")} == {"merged"}


async def test_reviews_are_opened_as_often_as_there_is_a_reason(engine: AsyncEngine) -> None:
    """One after the other on one connection: a statement is planned otherwise once it has been executed some times."""
    born = (date(1930 + year, 1, 1) for year in range(9))
    namesakes = [
        replace(SOMEBODY, number=300 + at, birth_date=on, phone=f"1990002{at}327") for at, on in enumerate(born)
    ]
    await hear(engine, *(says(RENMIN, one, 1) for one in namesakes), most=1)
    assert await standing(engine) == list(range(9))
    assert await reviews(engine) == ["open"] * (9 * 8 // 2)


async def test_one_who_may_be_either_of_two_citizens_is_reviewed_with_each(engine: AsyncEngine) -> None:
    citizen = replace(OTHER, name=SOMEBODY.name, health_record_number="", health_card="")
    await hear(engine, says(RENMIN, NAMED, 1), says(ZHONGYI, NAMESAKE, 2), says(RENMIN, citizen, 3), most=1)
    assert (await standing(engine), await reviews(engine)) == ([0, 1, 2], ["open", "open"])


async def test_who_resembles_nobody_is_nobody_elses(engine: AsyncEngine) -> None:
    await hear(engine, says(RENMIN, SOMEBODY, 1), says(ZHONGYI, OTHER, 2))
    assert (await standing(engine), await reviews(engine)) == ([0, 1], [])


@pytest.mark.parametrize("first", [RENMIN, ZHONGYI])
async def test_who_has_proven_who_they_are_and_who_has_not_are_one_in_whatever_order_they_come(
    engine: AsyncEngine, first: str
) -> None:
    sent = [says(RENMIN, NAMED, 1), says(ZHONGYI, SOMEBODY, 2)]
    await hear(engine, *(sent if first == RENMIN else reversed(sent)), most=1)
    assert await standing(engine) == [0, 0]


async def test_two_citizens_are_never_one_however_alike(engine: AsyncEngine) -> None:
    twin = replace(NAMED, citizen_id=OTHER.citizen_id, birth_date=OTHER.birth_date, health_record_number="")
    await hear(engine, says(RENMIN, NAMED, 1), says(ZHONGYI, twin, 2))
    assert (await standing(engine), await reviews(engine)) == ([0, 1], [])


async def test_who_resembles_two_citizens_is_neither_before_a_person_has_looked(engine: AsyncEngine) -> None:
    twin = replace(NAMED, number=900, citizen_id=OTHER.citizen_id, birth_date=OTHER.birth_date, health_record_number="")
    unsure = replace(twin, number=901, citizen_id="", health_card="")
    await hear(engine, says(RENMIN, NAMED, 1), says(RENMIN, twin, 2), says(ZHONGYI, unsure, 3), most=1)
    assert (await standing(engine), await reviews(engine)) == ([0, 1, 2], ["open", "open"])


# -- what is said later ------------------------------------------------------------------------------------------------


async def test_a_name_that_is_corrected_leads_to_whom_it_resembles_then(engine: AsyncEngine) -> None:
    wrong = replace(SOMEBODY, name="误登记")
    await hear(engine, says(RENMIN, SOMEBODY, 1), says(ZHONGYI, wrong, 2))
    assert await standing(engine) == [0, 1]
    await hear(engine, says(ZHONGYI, SOMEBODY, 3, "A08"))
    assert await standing(engine) == [0, 0]
    assert (await links(engine))[1] == ("certain", "resembles-certainly")
    (gone,) = await rows(engine, "select replaced_by from resident where replaced_by is not null")
    assert gone["replaced_by"] is not None


async def test_a_resident_who_is_joined_takes_the_record_along(engine: AsyncEngine) -> None:
    wrong = replace(SOMEBODY, name="误登记")
    stays = [Visit(serial=serial, kind="I", began_at=at(day)) for serial, day in (("R1", 1), ("Z1", 2))]
    await hear(engine, says(RENMIN, SOMEBODY, 1, visit=stays[0]), says(ZHONGYI, wrong, 2, visit=stays[1]), most=1)
    await hear(engine, says(ZHONGYI, SOMEBODY, 3, "A08"))
    found = await rows(
        engine,
        "select e.visit_number from encounter e join resident r on r.id = e.resident_id "
        "where r.replaced_by is null order by 1",
    )
    assert [row["visit_number"] for row in found] == ["R1", "Z1"]


async def test_a_citizen_id_number_that_comes_later_parts_whom_only_resemblance_joined(engine: AsyncEngine) -> None:
    await hear(engine, says(RENMIN, NAMED, 1), says(ZHONGYI, SOMEBODY, 2))
    assert await standing(engine) == [0, 0]
    another = replace(NAMED, citizen_id=OTHER.citizen_id, birth_date=OTHER.birth_date, health_record_number="")
    await hear(engine, says(ZHONGYI, another, 3, "A08"))
    assert await standing(engine) == [0, 1]
    assert (await links(engine))[1] == ("certain", "resemblance-ended")
    (last,) = await rows(engine, "select fate, findings from fate order by message_id desc limit 1")
    assert (last["fate"], [one["code"] for one in last["findings"]]) == ("merged", ["resemblance-ended"])
    held = await rows(
        engine,
        "select l.patient_id, n.value from resident_number n join link l using (resident_id) "
        "where l.until is null and n.kind = 'citizen-id' order by 1",
    )
    assert [row["value"] for row in held] == [NAMED.citizen_id, OTHER.citizen_id]


async def test_a_citizen_id_number_that_is_anothers_leads_to_that_one(engine: AsyncEngine) -> None:
    await hear(engine, says(RENMIN, NAMED, 1), says(RENMIN, OTHER, 1), says(ZHONGYI, SOMEBODY, 2), most=1)
    assert await standing(engine) == [0, 1, 0]
    await hear(engine, says(ZHONGYI, replace(OTHER, number=SOMEBODY.number), 3, "A08"))
    assert await standing(engine) == [0, 1, 1]


async def test_a_number_that_agrees_makes_a_resemblance_certain(engine: AsyncEngine) -> None:
    await hear(engine, says(RENMIN, NAMED, 1), says(ZHONGYI, ELSEWHERE, 2))
    assert (await links(engine))[1] == ("probable", "resembles-probably")
    await hear(engine, says(ZHONGYI, replace(NAMED, phone=ELSEWHERE.phone), 3, "A08"))
    assert (await standing(engine), (await links(engine))[1]) == ([0, 0], ("certain", "same-citizen-id"))


@pytest.mark.parametrize("who", [RENMIN, ZHONGYI])
async def test_what_leaves_nothing_of_a_resemblance_parts_them_again(engine: AsyncEngine, who: str) -> None:
    await hear(engine, says(RENMIN, SOMEBODY, 1), says(ZHONGYI, SOMEBODY, 2))
    assert await standing(engine) == [0, 0]
    await hear(engine, says(who, replace(SOMEBODY, name="另有其人"), 3, "A08"))
    assert await standing(engine) == [0, 1]
    assert (await links(engine))[1] == ("certain", "resemblance-ended")
    names = await rows(engine, "select name from resident where replaced_by is null order by id")
    assert sorted(row["name"] for row in names) == sorted([SOMEBODY.name, "另有其人"])


async def test_what_joined_two_residents_and_is_withdrawn_gives_back_the_one_before(engine: AsyncEngine) -> None:
    wrong = replace(SOMEBODY, name="误登记")
    await hear(engine, says(RENMIN, SOMEBODY, 1), says(ZHONGYI, wrong, 2))
    before = await rows(engine, "select id from resident order by id")
    await hear(engine, says(ZHONGYI, SOMEBODY, 3, "A08"))
    await hear(engine, says(ZHONGYI, wrong, 4, "A08"))
    assert await standing(engine) == [0, 1]
    assert await rows(engine, "select id from resident where replaced_by is null order by id") == before


async def test_what_a_source_merges_is_more_than_resemblance(engine: AsyncEngine) -> None:
    twin = replace(SOMEBODY, number=SOMEBODY.number + 500)
    await hear(engine, says(RENMIN, SOMEBODY, 1), says(RENMIN, twin, 2), says(RENMIN, SOMEBODY, 3, "A40", prior=twin))
    assert {reason for _, reason in await links(engine)} == {"new-without-proof", "merged-by-source"}
    await hear(engine, says(RENMIN, replace(NAMED, name="改名之后"), 4, "A08"))
    assert await standing(engine) == [0, 0]


async def test_a_review_for_which_there_is_no_reason_any_longer_is_settled(engine: AsyncEngine) -> None:
    await hear(engine, says(RENMIN, SOMEBODY, 1), says(ZHONGYI, NAMESAKE, 2))
    assert await reviews(engine) == ["open"]
    await hear(engine, says(ZHONGYI, replace(NAMESAKE, name="另有其人"), 3, "A08"))
    assert await reviews(engine) == ["settled"]


async def test_a_review_of_two_who_became_one_is_settled(engine: AsyncEngine) -> None:
    await hear(engine, says(RENMIN, SOMEBODY, 1), says(ZHONGYI, NAMESAKE, 2))
    await hear(engine, says(ZHONGYI, replace(SOMEBODY, phone="19900009999"), 3, "A08"))
    assert (await standing(engine), await reviews(engine)) == ([0, 0], ["settled"])


# -- what a person said ------------------------------------------------------------------------------------------------


async def open_review(engine: AsyncEngine) -> Any:
    (row,) = await rows(engine, "select id from match_review where state = 'open'")
    return row["id"]


async def test_two_whom_a_person_keeps_apart_are_neither_joined_nor_asked_about_again(engine: AsyncEngine) -> None:
    await hear(engine, says(RENMIN, SOMEBODY, 1), says(ZHONGYI, NAMESAKE, 2))
    await decide(engine, await open_review(engine), is_same=False)
    await hear(engine, says(ZHONGYI, SOMEBODY, 3, "A08"))
    assert (await standing(engine), await reviews(engine)) == ([0, 1], ["different"])
    await hear(engine, says(ZHONGYI, NAMESAKE, 4, "A08"))
    assert (await standing(engine), await reviews(engine)) == ([0, 1], ["different"])


async def test_nobody_moves_whom_a_person_has_joined(engine: AsyncEngine) -> None:
    """The number that comes speaks against them, and a person knows better: the message is put aside."""
    await hear(engine, says(RENMIN, NAMED, 1), says(ZHONGYI, NAMESAKE, 2))
    await decide(engine, await open_review(engine), is_same=True)
    assert await standing(engine) == [0, 0]
    other = replace(OTHER, number=SOMEBODY.number, health_record_number="")
    await hear(engine, says(ZHONGYI, other, 3, "A08"))
    assert await standing(engine) == [0, 0]


async def test_who_was_parted_by_a_person_is_not_moved_but_asked_about(engine: AsyncEngine) -> None:
    """Parted from one, and later like a third: the third may come to them where it is nobody's yet, and two whom people
    placed wait for a person."""
    await hear(engine, says(RENMIN, SOMEBODY, 1), says(ZHONGYI, SOMEBODY, 2))
    _, other = await patients(engine)
    await part(engine, other)
    await hear(engine, says(RENMIN, SOMEBODY, 4, "A08"), says(ZHONGYI, SOMEBODY, 5, "A08"))
    assert (await standing(engine), await reviews(engine)) == ([0, 1], [])


async def test_an_undone_merge_brings_back_the_records_and_the_review(engine: AsyncEngine) -> None:
    await hear(engine, says(RENMIN, SOMEBODY, 1), says(ZHONGYI, NAMESAKE, 2))
    before = await dump(engine)
    outcome = await decide(engine, await open_review(engine), is_same=True)
    await undo(engine, outcome.verdict_id)
    assert await dump(engine) == before
    assert await reviews(engine) == ["open"]


# -- again, and at once ------------------------------------------------------------------------------------------------


async def test_a_replay_changes_nothing(engine: AsyncEngine) -> None:
    await hear(
        engine, says(RENMIN, SOMEBODY, 1), says(ZHONGYI, NAMESAKE, 2), says(RENMIN, replace(ELSEWHERE, number=7), 3)
    )
    before = await counts(engine), await dump(engine), await reviews(engine), await links(engine)
    ids = [row["message_id"] for row in await rows(engine, "select message_id from fate")]
    async with engine.begin() as connection:
        await inbox.replay(connection, ids)
    await drain(engine, desk=plain_desk())
    assert (await counts(engine), await dump(engine), await reviews(engine), await links(engine)) == before


async def test_two_workers_to_whom_one_person_comes_at_once_make_one_resident(engine: AsyncEngine) -> None:
    """The first holds the keys that it enters a person under; the other waits, and sees who was entered."""
    reached, goes_on = asyncio.Event(), asyncio.Event()

    async def wait(_: Happened) -> None:
        reached.set()
        await goes_on.wait()

    await keep(engine, [says(RENMIN, SOMEBODY, 1), says(ZHONGYI, SOMEBODY, 1)])
    first = asyncio.create_task(work(engine, replace(plain_desk(), reactions=[wait]), most=1))
    await reached.wait()
    second = asyncio.create_task(work(engine, plain_desk(), most=4))
    await asyncio.sleep(0.5)
    assert not second.done()
    goes_on.set()
    assert [await first, await second] == [1, 1]
    assert await standing(engine) == [0, 0]


async def test_two_workers_with_people_who_share_no_key_do_not_wait(engine: AsyncEngine) -> None:
    reached, goes_on = asyncio.Event(), asyncio.Event()

    async def wait(_: Happened) -> None:
        reached.set()
        await goes_on.wait()

    await keep(engine, [says(RENMIN, SOMEBODY, 1), says(ZHONGYI, OTHER, 1)])
    first = asyncio.create_task(work(engine, replace(plain_desk(), reactions=[wait]), most=1))
    await reached.wait()
    assert await work(engine, plain_desk(), most=4) == 1
    goes_on.set()
    await first


async def test_a_batch_that_joins_residents_waits_until_it_is_alone(engine: AsyncEngine) -> None:
    wrong = replace(SOMEBODY, name="误登记")
    await hear(engine, says(RENMIN, SOMEBODY, 1), says(ZHONGYI, wrong, 2))
    await keep(engine, [says(ZHONGYI, SOMEBODY, 3, "A08")])
    async with engine.begin() as connection:
        await connection.execute(text(f"select pg_advisory_xact_lock_shared({claims.MERGING})"))
        working = asyncio.create_task(work(engine, plain_desk()))
        await asyncio.sleep(0.5)
        assert not working.done()
    await working
    assert await standing(engine) == [0, 0]


@asynccontextmanager
async def counted(engine: AsyncEngine) -> AsyncIterator[list[str]]:
    """The statements that are executed meanwhile."""
    seen: list[str] = []

    def note(_c: Any, _k: Any, statement: str, *_: Any) -> None:
        seen.append(statement)

    event.listen(engine.sync_engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(engine.sync_engine, "before_cursor_execute", note)


async def test_a_batch_takes_as_many_statements_for_thirty_newcomers_as_for_three(engine: AsyncEngine) -> None:
    taken = []
    for count, seed in ((3, 21), (30, 22)):
        everybody = [
            replace(one, citizen_id="", health_record_number="", number=one.number + 100 * seed)
            for one in crowd(count, seed=seed)
        ]
        await keep(engine, [says(RENMIN, one, 1) for one in everybody])
        async with counted(engine) as seen:
            await work(engine, plain_desk())
        taken.append(len(seen))
    assert taken[0] == taken[1]
