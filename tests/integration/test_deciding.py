"""A person says who is whom: it holds against every message, and it can be taken back."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from fixtures.county import Person, Sending, crowd
from fixtures.county.clinic import BEIJING, Visit
from fixtures.county.plans import adt
from hub.errors import Refused
from tests.desk import deliver as deliver_to
from tests.desk import dump, incurious_desk, rows
from tests.integration.referring import County
from tests.matching import decide, part, patients, review, standing, undo

RENMIN, ZHONGYI = "renmin-his", "zhongyi-his"


async def deliver(engine: AsyncEngine, sendings: Iterable[Sending]) -> None:
    """Deliver to a hub that joins nobody by itself: here people decide."""
    await deliver_to(engine, sendings, desk=incurious_desk())


def at(day: int, hour: int = 9) -> datetime:
    return datetime(2026, 8, day, hour, tzinfo=BEIJING)


def says(source: str, person: Person, event: str, day: int, **more: Any) -> Sending:
    return adt(source, person, event, at(day), **more).sending(f"{source}{person.slug}{event}{day}")


def unknown() -> Person:
    """Somebody without a number that leads beyond a source."""
    (one,) = crowd(1, seed=11)
    return replace(one, citizen_id="", health_record_number="", health_card="")


def stay(serial: str, day: int) -> Visit:
    return Visit(serial=serial, kind="I", began_at=at(day))


async def two_patients(engine: AsyncEngine, *, known: bool = False) -> list[UUID]:
    """One person at two hospitals; the second one knows their citizen ID number where `known`."""
    nobody = unknown()
    (named,) = crowd(1, seed=11)
    await deliver(
        engine,
        [
            says(RENMIN, nobody, "A01", 1, visit=stay("R1", 1)),
            says(ZHONGYI, named if known else nobody, "A01", 2, visit=stay("Z1", 2)),
        ],
    )
    return await patients(engine)


async def codes(engine: AsyncEngine) -> list[list[str]]:
    """What was odd about each message."""
    found = await rows(engine, "select findings from fate order by message_id")
    return [[one["code"] for one in row["findings"] or ()] for row in found]


async def test_two_patients_whom_a_person_takes_for_one_share_a_record(engine: AsyncEngine) -> None:
    one, other = await two_patients(engine)
    key = await review(engine, one, other)
    outcome = await decide(engine, key, is_same=True)
    assert await standing(engine) == [0, 0]
    (resident,) = await rows(engine, "select id from resident where replaced_by is null")
    assert outcome.residents == (resident["id"],)
    found = await rows(
        engine, "select visit_number from encounter where resident_id = :of order by 1", of=resident["id"]
    )
    assert [row["visit_number"] for row in found] == ["R1", "Z1"]
    (ended,) = await rows(engine, "select state, verdict_id from match_review")
    assert (ended["state"], ended["verdict_id"]) == ("same", outcome.verdict_id)


async def test_who_alone_has_proven_who_they_are_stays(engine: AsyncEngine) -> None:
    one, other = await two_patients(engine, known=True)
    await decide(engine, await review(engine, one, other), is_same=True)
    assert await standing(engine) == [1, 1]


@pytest.mark.parametrize("known", [False, True])
async def test_a_merge_that_is_undone_leaves_the_records_as_they_were(engine: AsyncEngine, known: bool) -> None:
    one, other = await two_patients(engine, known=known)
    key = await review(engine, one, other)
    before = await dump(engine)
    outcome = await decide(engine, key, is_same=True)
    assert await dump(engine) != before
    await undo(engine, outcome.verdict_id)
    assert await dump(engine) == before
    assert await standing(engine) == [0, 1]
    assert await rows(engine, "select id from resident where replaced_by is not null") == []
    (again,) = await rows(engine, "select state, verdict_id from match_review")
    assert (again["state"], again["verdict_id"]) == ("open", None)


async def test_what_came_after_a_merge_goes_back_with_its_own_patient(engine: AsyncEngine) -> None:
    one, other = await two_patients(engine)
    outcome = await decide(engine, await review(engine, one, other), is_same=True)
    await deliver(engine, [says(ZHONGYI, unknown(), "A01", 5, visit=stay("Z2", 5))])
    await undo(engine, outcome.verdict_id)
    found = await rows(
        engine,
        "select e.visit_number, l.patient_id from encounter e join link l using (resident_id) "
        "where l.until is null order by 1",
    )
    assert [(row["visit_number"], row["patient_id"]) for row in found] == [("R1", one), ("Z1", other), ("Z2", other)]


async def test_merges_upon_merges_are_undone_in_any_order(engine: AsyncEngine) -> None:
    nobody = unknown()
    third = replace(nobody, number=nobody.number + 500)
    await two_patients(engine)
    await deliver(engine, [says(RENMIN, third, "A01", 3, visit=stay("R3", 3))])
    one, other, more = await patients(engine)
    before = await dump(engine)
    first = await decide(engine, await review(engine, other, more), is_same=True)
    second = await decide(engine, await review(engine, one, other), is_same=True)
    assert await standing(engine) == [0, 0, 0]
    await undo(engine, second.verdict_id)
    assert await standing(engine) == [0, 1, 1]
    await undo(engine, first.verdict_id)
    assert await dump(engine) == before


async def test_a_patient_whom_a_person_parts_stays_parted_whatever_is_sent(engine: AsyncEngine) -> None:
    """The second source sends the first one's citizen ID number: a person knows better."""
    (named,) = crowd(1, seed=11)
    await deliver(engine, [says(source, named, "A01", day) for day, source in enumerate((RENMIN, ZHONGYI), 1)])
    _, other = await patients(engine)
    assert await standing(engine) == [0, 0]
    outcome = await part(engine, other)
    assert await standing(engine) == [0, 1]
    assert outcome.disputed == ("citizen-id",)
    await deliver(engine, [says(ZHONGYI, named, "A08", 5)])
    assert await standing(engine) == [0, 1]
    assert "person-decided-apart" in (await codes(engine))[-1]
    await undo(engine, outcome.verdict_id)
    assert await standing(engine) == [0, 0]


async def test_a_merge_message_does_not_override_a_person(engine: AsyncEngine) -> None:
    nobody = unknown()
    twin = replace(nobody, number=nobody.number + 500)
    await deliver(engine, [says(RENMIN, nobody, "A01", 1), says(RENMIN, twin, "A01", 2)])
    one, other = await patients(engine)
    await decide(engine, await review(engine, one, other), is_same=False)
    await deliver(engine, [says(RENMIN, nobody, "A40", 3, prior=twin)])
    assert await standing(engine) == [0, 1]
    assert (await codes(engine))[-1] == ["person-decided-apart"]


async def test_what_a_source_merged_a_person_can_part_and_join_again(engine: AsyncEngine) -> None:
    nobody = unknown()
    twin = replace(nobody, number=nobody.number + 500)
    await deliver(engine, [says(RENMIN, nobody, "A01", 1, visit=stay("R1", 1))])
    await deliver(engine, [says(RENMIN, twin, "A01", 2, visit=stay("R2", 2))])
    apart = await rows(engine, "select resident_id, visit_number from encounter order by visit_number")
    await deliver(engine, [says(RENMIN, nobody, "A40", 3, prior=twin)])
    merged = await dump(engine)
    _, other = await patients(engine)
    assert await standing(engine) == [0, 0]
    outcome = await part(engine, other)
    assert await rows(engine, "select resident_id, visit_number from encounter order by visit_number") == apart
    await undo(engine, outcome.verdict_id)
    assert await dump(engine) == merged


async def test_a_number_goes_with_the_only_patient_who_was_sent_with_it(engine: AsyncEngine) -> None:
    one, other = await two_patients(engine, known=True)
    outcome = await decide(engine, await review(engine, one, other), is_same=True)
    await undo(engine, outcome.verdict_id)
    held = await rows(
        engine,
        "select l.patient_id from resident_number n join link l using (resident_id) "
        "where l.until is null and n.kind = 'citizen-id'",
    )
    assert [row["patient_id"] for row in held] == [other]


async def test_the_last_word_of_a_person_counts(engine: AsyncEngine) -> None:
    one, other = await two_patients(engine)
    first = await decide(engine, await review(engine, one, other), is_same=False)
    second = await decide(engine, await review(engine, one, other), is_same=True)
    assert await standing(engine) == [0, 0]
    undone = await rows(engine, "select id, superseded_by from verdict where undone_at is not null")
    assert [(row["id"], row["superseded_by"]) for row in undone] == [(first.verdict_id, second.verdict_id)]
    with pytest.raises(Refused) as refused:
        await undo(engine, first.verdict_id)
    assert refused.value.refusal.code == "verdict-undone"
    await undo(engine, second.verdict_id)
    assert await standing(engine) == [0, 1]
    standing_now = await rows(engine, "select id from verdict where undone_at is null")
    assert [row["id"] for row in standing_now] == [first.verdict_id]


async def test_a_decision_says_what_it_moved_and_who_had_read_it(engine: AsyncEngine) -> None:
    one, other = await two_patients(engine)
    (_, second) = await rows(engine, "select resident_id from link order by patient_id")
    async with engine.begin() as connection:
        await connection.exec_driver_sql(
            "insert into audit (id, viewer, role, operation, purpose, decision, rule, residents, kinds, address) "
            "values (gen_random_uuid(), 'dr-lin', 'family-doctor', 'record', 'treatment', 'allowed', 'x', "
            f"array['{second['resident_id']}']::uuid[], array['Encounter'], '')"
        )
    outcome = await decide(engine, await review(engine, one, other), is_same=True)
    assert outcome.reach is not None
    assert outcome.reach.entries["Encounter"] == 1
    assert [(reader.viewer, reader.times) for reader in outcome.reach.readers] == [("dr-lin", 1)]


async def test_two_citizens_are_never_one(engine: AsyncEngine) -> None:
    first, second = crowd(2, seed=3)
    await deliver(engine, [says(RENMIN, first, "A01", 1), says(ZHONGYI, second, "A01", 2)])
    one, other = await patients(engine)
    key = await review(engine, one, other)
    with pytest.raises(Refused) as refused:
        await decide(engine, key, is_same=True)
    assert refused.value.refusal.code == "linked-persons-differ"
    assert await standing(engine) == [0, 1]
    assert await rows(engine, "select id from verdict") == []


async def test_a_decision_needs_a_reason_and_somebody_to_part_from(engine: AsyncEngine) -> None:
    one, _ = await two_patients(engine)
    for reason, code in (("  ", "reason-needed"), ("有依据", "nothing-to-part")):
        with pytest.raises(Refused) as refused:
            await part(engine, one, reason=reason)
        assert refused.value.refusal.code == code


async def test_residents_tell_their_followers_that_they_changed(engine: AsyncEngine) -> None:
    one, other = await two_patients(engine)
    key = await review(engine, one, other)
    (last,) = await rows(engine, "select max(position) as at from event")
    await decide(engine, key, is_same=True)
    told = await rows(
        engine, "select resident_id from event where position > :at and kind = 'resident-changed'", at=last["at"]
    )
    assert len({row["resident_id"] for row in told}) == 2


async def test_a_review_of_two_who_became_one_by_other_means_is_settled(engine: AsyncEngine) -> None:
    nobody = unknown()
    third = replace(nobody, number=nobody.number + 500)
    await two_patients(engine)
    await deliver(engine, [says(RENMIN, third, "A01", 3) for _ in (timedelta(),)])
    one, other, more = await patients(engine)
    keys = [await review(engine, *pair) for pair in ((one, other), (one, more), (other, more))]
    await decide(engine, keys[0], is_same=True)
    await decide(engine, keys[1], is_same=True)
    states = await rows(engine, "select state from match_review order by id")
    assert [row["state"] for row in states] == ["same", "same", "settled"]


# -- what hangs on a resident ------------------------------------------------------------------------------------------


async def test_agreements_referrals_and_plans_go_along_with_a_merge_and_back_with_its_undoing(
    engine: AsyncEngine,
) -> None:
    """Only the one who is given up is signed and referred; their patient at the hospital is discharged meanwhile."""
    county = await County(engine).open(signed=False)
    proven = await rows(engine, "select patient_id from link")
    nobody = replace(unknown(), name="某某")
    await county.deliver([says(ZHONGYI, nobody, "A01", 2, visit=stay("Z1", 2))])
    (gone,) = await rows(
        engine, "select patient_id, resident_id from link where patient_id <> :of", of=proven[0]["patient_id"]
    )
    await county.sign(gone["resident_id"])
    county.resident = gone["resident_id"]
    await county.refer()
    before = await _hangs(engine)
    assert {row[1] for row in before} == {gone["resident_id"]}
    outcome = await decide(engine, await review(engine, proven[0]["patient_id"], gone["patient_id"]), is_same=True)
    moved = await _hangs(engine)
    assert [row[0] for row in moved] == [row[0] for row in before]
    assert gone["resident_id"] not in {row[1] for row in moved}
    assert outcome.reach is not None
    assert (outcome.reach.agreements, outcome.reach.referrals) == (1, 1)
    await undo(engine, outcome.verdict_id)
    assert await _hangs(engine) == before


async def _hangs(engine: AsyncEngine) -> list[tuple[str, UUID]]:
    """What hangs on residents, and on whom."""
    found = await rows(
        engine,
        "select 'coverage ' || agreement_id as what, resident_id from coverage "
        "union all select 'agreement ' || id, cast(client_id as uuid) from agreement "
        "union all select 'referral ' || id, resident_id from referral order by 1",
    )
    return [(row["what"], row["resident_id"]) for row in found]


# -- in any order ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("parts", [False, True])
async def test_whatever_people_decide_undoing_all_of_it_leaves_the_records_as_they_were(
    engine: AsyncEngine, seed: int, parts: bool
) -> None:
    """Joined only, in whatever order it is undone; parted as well, the last first."""
    chance = Random(seed)
    nobody = unknown()
    somebody = [replace(nobody, number=nobody.number + 100 * place) for place in range(4)]
    await deliver(
        engine,
        [says(RENMIN, one, "A01", day, visit=stay(f"R{day}", day)) for day, one in enumerate(somebody, 1)],
    )
    known = await patients(engine)
    before = await dump(engine)
    stands: list[UUID] = []
    for _ in range(6):
        one, other = chance.sample(range(len(known)), 2)
        where = await standing(engine)
        if where[one] != where[other]:
            done = await decide(engine, await review(engine, known[one], known[other]), is_same=True)
            stands.append(done.verdict_id)
        elif parts:
            stands.append((await part(engine, known[one])).verdict_id)
    if not parts:
        chance.shuffle(stands)
    for verdict in reversed(stands):
        await undo(engine, verdict)
    assert len(set(await standing(engine))) == len(known)
    assert await dump(engine) == before
