"""The county's year through intake: who everybody is, and that neither order nor repetition matters."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime
from random import Random
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from fixtures.county import Person, Sending, people, story
from fixtures.county.clinic import BEIJING, Visit, diagnoses
from fixtures.county.dialects import visit_card, zhongyi_number
from fixtures.county.plans import adt, bundle
from hub.store import inbox
from hub.store.database import open_engine
from tests.conftest import Server
from tests.desk import counts, county_desk, deliver, drain, dump, incurious_desk, replay_parked, rows, told

RENMIN, ZHONGYI, DONGCHENG, NANSHAN, ERKE = "renmin-his", "zhongyi-his", "dongcheng-chc", "nanshan-phs", "erke-fhir"


@pytest.fixture(scope="module")
async def county(server: Server, template: str) -> AsyncIterator[AsyncEngine]:
    """The whole year, delivered once; tests only read it."""
    name = f"county_{uuid4().hex[:12]}"
    await server.create_database(name, template)
    engine = open_engine(server.urls(name).application)
    await deliver(engine, story())
    yield engine
    await engine.dispose()
    await server.drop_database(name)


# -- neither order nor repetition matters ------------------------------------------------------------------------------


async def test_the_whole_year_is_merged(county: AsyncEngine) -> None:
    fates = await rows(county, "select fate, count(*) as times from fate group by fate")
    assert [dict(row) for row in fates] == [{"fate": "merged", "times": len(story())}]


async def test_everybody_of_the_county_is_one_resident_and_nobody_is_two(county: AsyncEngine) -> None:
    """Sixty people, 戴云舟 among them, whom zhongyi-his cannot prove to be who they are."""
    present = await rows(county, "select name from resident where replaced_by is null")
    assert sorted(row["name"] for row in present) == sorted(one.name for one in people().values())


@pytest.mark.parametrize("seed", range(5))
async def test_the_record_does_not_depend_on_order_repetition_or_batch_size(
    seed: int, county: AsyncEngine, engine: AsyncEngine
) -> None:
    """What does depend on the order: why a link stands (the first patient of a person opens the resident, the others
    join), and that a FHIR resource about a patient who is not known yet is parked until it is replayed."""
    chance = Random(seed)
    sent = [*story(), *chance.sample(story(), 30)]
    chance.shuffle(sent)
    half = chance.randrange(len(sent))
    await deliver(engine, sent[:half], most=chance.choice([1, 7, 64]))
    await deliver(engine, sent[half:], most=chance.choice([1, 7, 64]))
    parked = await rows(engine, "select refusal->>'code' as code from fate where fate = 'parked'")
    assert {row["code"] for row in parked} <= {"unresolved-reference"}
    await replay_parked(engine)
    assert await dump(engine) == await dump(county)


async def test_delivering_everything_again_changes_nothing(engine: AsyncEngine) -> None:
    await deliver(engine, story())
    before, record = await counts(engine), await dump(engine)
    await deliver(engine, story(), most=50)
    assert await counts(engine) == before
    assert await dump(engine) == record


async def test_replaying_every_message_changes_nothing(engine: AsyncEngine) -> None:
    await deliver(engine, told(about="stroke"))
    before, record = await counts(engine), await dump(engine)
    ids = [row["message_id"] for row in await rows(engine, "select message_id from fate")]
    async with engine.begin() as connection:
        assert await inbox.replay(connection, ids) == len(ids)
    await drain(engine)
    assert await counts(engine) == before
    assert await dump(engine) == record


# -- who everybody is --------------------------------------------------------------------------------------------------

_LINKS = """
    select p.source, l.grade, l.reason, r.id, r.name, r.birth_date, r.sex
    from resident r join link l on l.resident_id = r.id and l.until is null join patient p on p.id = l.patient_id
    where r.name = :name and r.replaced_by is null order by l.since, p.id
"""


async def links_of(engine: AsyncEngine, slug: str) -> list[Any]:
    """The patients of the residents who bear a person's name."""
    return await rows(engine, _LINKS, name=people()[slug].name)


async def resident_of(engine: AsyncEngine, slug: str) -> Any:
    """The one resident who bears a person's name."""
    found = await rows(
        engine, "select * from resident where name = :name and replaced_by is null", name=people()[slug].name
    )
    assert len(found) == 1
    return found[0]


async def numbers_of(engine: AsyncEngine, slug: str) -> dict[str, str]:
    """The strong numbers of the one resident who bears a person's name, by kind."""
    held = await rows(
        engine,
        "select kind, value from resident_number where resident_id = :id",
        id=(await resident_of(engine, slug))["id"],
    )
    return {row["kind"]: row["value"] for row in held}


async def entries_of(engine: AsyncEngine, slug: str, table: str) -> list[Any]:
    """The entries of one kind of the one resident who bears a person's name, in the order of time."""
    resident = await resident_of(engine, slug)
    return await rows(
        engine, f"select * from {table} where resident_id = :id order by effective_at, key", id=resident["id"]
    )


@pytest.mark.parametrize(
    ("slug", "sources"),
    [
        ("leap-day", {DONGCHENG, RENMIN, ZHONGYI}),
        ("fifteen-digit", {RENMIN, ZHONGYI}),
        ("full-width", {NANSHAN, RENMIN, ERKE}),
        ("lower-case-x", {DONGCHENG, ZHONGYI, ERKE}),
        ("hong-kong", {DONGCHENG, RENMIN, ERKE}),
        ("rare-surname", {NANSHAN, RENMIN}),
        ("changed-name", {NANSHAN, RENMIN, ZHONGYI}),
    ],
)
async def test_one_citizen_id_number_is_one_resident_however_it_is_written(
    slug: str, sources: set[str], county: AsyncEngine
) -> None:
    links = await links_of(county, slug)
    assert len({row["id"] for row in links}) == 1
    assert sources <= {row["source"] for row in links}
    assert [row["reason"] for row in links].count("new-with-proof") == 1
    assert {row["reason"] for row in links} == {"new-with-proof", "same-citizen-id"}
    assert {row["grade"] for row in links} == {"certain"}


@pytest.mark.parametrize("slug", ["fifteen-digit", "full-width", "lower-case-x"])
async def test_a_number_is_kept_in_its_one_proper_form(slug: str, county: AsyncEngine) -> None:
    assert (await numbers_of(county, slug))["citizen-id"] == people()[slug].citizen_id


async def test_a_residence_permit_is_no_citizen_id_number(county: AsyncEngine) -> None:
    numbers = await numbers_of(county, "hong-kong")
    assert numbers["residence-permit"] == people()["hong-kong"].citizen_id
    assert "citizen-id" not in numbers


async def test_twins_and_namesakes_stay_apart(county: AsyncEngine) -> None:
    elder, younger = await resident_of(county, "twin-elder"), await resident_of(county, "twin-younger")
    assert elder["id"] != younger["id"]
    assert elder["birth_date"] == younger["birth_date"]
    namesakes = await links_of(county, "namesake-east")
    assert len({row["id"] for row in namesakes}) == 2
    assert {(row["birth_date"], row["sex"]) for row in namesakes} == {("1965-06-06", "female")}


async def test_a_household_shares_a_telephone_and_nothing_else(county: AsyncEngine) -> None:
    residents = [await resident_of(county, f"household-{who}") for who in ("father", "mother", "child")]
    assert len({row["id"] for row in residents}) == 3
    assert {row["phone"] for row in residents} == {"19900001029"}


async def test_a_newborn_under_the_mothers_number_is_somebody_else(county: AsyncEngine) -> None:
    mother, child = await resident_of(county, "mother"), await resident_of(county, "newborn")
    assert mother["id"] != child["id"]
    assert await numbers_of(county, "newborn") == {}
    assert (await numbers_of(county, "mother"))["citizen-id"] == people()["mother"].citizen_id
    assert [(row["grade"], row["reason"]) for row in await links_of(county, "newborn")] == [
        ("certain", "new-under-anothers-number")
    ]
    assert [row["display"] for row in await entries_of(county, "newborn", "observation")] == ["总胆红素"]
    assert "O80.0" not in {(row["code"] or "")[:5] for row in await entries_of(county, "newborn", "condition")}


async def test_a_name_beyond_gbk_is_kept_character_by_character(county: AsyncEngine) -> None:
    assert (await resident_of(county, "rare-surname"))["name"] == "䶮文𬭎"


async def test_a_health_record_number_alone_proves_a_person(county: AsyncEngine) -> None:
    assert set(await numbers_of(county, "no-id")) == {"health-record-number"}
    assert [row["reason"] for row in await links_of(county, "no-id")] == ["new-with-proof"]


async def test_a_visit_card_proves_nothing_beyond_its_hospital(county: AsyncEngine) -> None:
    assert await numbers_of(county, "local-only") == {}
    links = await links_of(county, "local-only")
    assert [(row["source"], row["reason"]) for row in links] == [(RENMIN, "new-without-proof")]


async def test_name_sex_birth_date_and_telephone_make_two_patients_one_until_something_speaks_against_it(
    county: AsyncEngine,
) -> None:
    """Whichever comes first opens the resident; the other is recognised, with a reason in words."""
    links = await links_of(county, "unproven")
    assert len({row["id"] for row in links}) == 1
    reasons = {row["source"]: row["reason"] for row in links}
    assert reasons[NANSHAN] == "new-with-proof"
    assert reasons[ZHONGYI].startswith("resembles-")


async def test_an_earlier_name_is_shown_beside_the_one_that_won(county: AsyncEngine) -> None:
    conflicts = (await resident_of(county, "changed-name"))["conflicts"]
    assert [(c["element"], c["value"], c["source"]) for c in conflicts] == [("name", "孟秋蓉", ZHONGYI)]


async def test_a_death_is_told_with_its_time(county: AsyncEngine) -> None:
    resident = await resident_of(county, "deceased")
    assert (resident["deceased"], resident["deceased_on"]) == (True, "2026-05-03T04:12:00+08:00")
    assert [row["disposition"] for row in await entries_of(county, "deceased", "encounter")] == ["死亡"]


async def test_a_late_message_does_not_undo_a_newer_one(county: AsyncEngine) -> None:
    assert (await resident_of(county, "new-phone"))["phone"] == "19900002018"


async def test_an_emptied_telephone_stays_empty_when_later_messages_are_silent(county: AsyncEngine) -> None:
    resident = await resident_of(county, "cleared-phone")
    assert resident["phone"] is None
    assert resident["address"] == "山东省威泉县东城街道望岛街113号"


async def test_an_ethnicity_is_read_in_words(county: AsyncEngine) -> None:
    assert (await resident_of(county, "hui"))["ethnicity"] == "回族"


async def test_a_disputed_marital_status_shows_both_sides(county: AsyncEngine) -> None:
    resident = await resident_of(county, "widowed")
    assert resident["marital_status"] == "丧偶"
    assert [(c["value"], c["source"]) for c in resident["conflicts"]] == [("已婚", RENMIN)]


# -- what was found and done -------------------------------------------------------------------------------------------


def sources_of(entry: Any) -> list[str]:
    return [origin["source"] for origin in entry["origins"]]


async def test_an_allergy_told_twice_is_one_entry_with_the_severity_that_lost(county: AsyncEngine) -> None:
    [allergy] = await entries_of(county, "allergic", "allergy")
    assert (allergy["display"], allergy["severity"]) == ("青霉素", "severe")
    assert sources_of(allergy) == [ERKE, RENMIN]
    assert [(c["element"], c["value"], c["source"]) for c in allergy["conflicts"]] == [("severity", "moderate", RENMIN)]


async def test_one_measurement_by_two_channels_is_one_entry_with_two_origins(county: AsyncEngine) -> None:
    [glucose] = [row for row in await entries_of(county, "same-test-agrees", "observation") if row["code"] == "1558-6"]
    assert (glucose["value"], glucose["unit"], glucose["conflicts"]) == ("6.8", "mmol/L", [])
    assert sorted(sources_of(glucose)) == [ERKE, RENMIN]


async def test_two_values_of_one_measurement_show_which_one_lost(county: AsyncEngine) -> None:
    [hba1c] = await entries_of(county, "same-test-differs", "observation")
    assert (hba1c["value"], hba1c["value_number"]) == ("7.9", 7.9)
    assert [(c["element"], c["value"], c["source"]) for c in hba1c["conflicts"]] == [("value", "7.2", RENMIN)]


async def test_a_correction_takes_the_place_of_the_first_result(county: AsyncEngine) -> None:
    potassium, sodium = await entries_of(county, "corrected-result", "observation")
    if potassium["code"] != "2823-3":
        potassium, sodium = sodium, potassium
    assert (potassium["value"], potassium["status"], potassium["note"]) == ("4.3", "corrected", "原标本溶血，复测更正")
    assert (sodium["value"], sodium["status"]) == ("141", "final")
    [report] = await entries_of(county, "corrected-result", "report")
    assert report["status"] == "corrected"


async def test_a_cancelled_discharge_opens_the_stay_again(engine: AsyncEngine) -> None:
    messages = told(about="cancelled-discharge")
    cancelled = next(place for place, one in enumerate(messages) if "-a13-" in one.slug)
    await deliver(engine, messages[: cancelled + 1])
    [stay] = await entries_of(engine, "cancelled-discharge", "encounter")
    assert (stay["status"], stay["ended"], stay["disposition"]) == ("in-progress", None, None)
    await deliver(engine, messages[cancelled + 1 :])
    [stay] = await entries_of(engine, "cancelled-discharge", "encounter")
    assert (stay["status"], stay["ended"], stay["disposition"]) == ("finished", "2026-05-25T10:10:00+08:00", "医嘱离院")


async def test_a_diagnosis_is_one_whether_its_code_is_padded_or_not(county: AsyncEngine) -> None:
    """renmin-his and its documents write I63.900 in the six places of the national edition, erke-fhir I63.9."""
    strokes = [row for row in await entries_of(county, "stroke", "condition") if "脑梗死" in row["display"]]
    assert [row["key"] for row in strokes] == ["http://hl7.org/fhir/sid/icd-10|I63.9"]
    assert set(sources_of(strokes[0])) == {RENMIN, "renmin-emr", ERKE}


async def test_every_kind_of_result_keeps_its_value(county: AsyncEngine) -> None:
    found = {row["display"]: row for row in await entries_of(county, "stroke", "observation")}
    assert (found["肌钙蛋白I"]["value"], found["肌钙蛋白I"]["value_number"]) == ("<0.01", 0.01)
    assert (found["D-二聚体"]["value"], found["D-二聚体"]["value_number"]) == ("<0.22", 0.22)
    assert found["尿蛋白"]["value"] == "阳性(2+)"
    assert found["血涂片镜检"]["value"] == "红细胞形态大致正常 & 未见异常细胞"
    assert found["血涂片镜检"]["note"] == "建议 3 个月后复查|门诊随诊"


# -- numbers that a source gives up (A40) ------------------------------------------------------------------------------

COUNT = iter(range(1, 1_000_000))
VISIT = Visit(serial="260199001", kind="O", began_at=datetime(2026, 8, 1, 9, tzinfo=BEIJING))


def at(day: int, hour: int = 9) -> datetime:
    return datetime(2026, 8, day, hour, tzinfo=BEIJING)


def says(person: Person, event: str, day: int, *, source: str = RENMIN, **more: Any) -> Sending:
    """An ADT message of a day in August."""
    return adt(source, person, event, at(day), **more).sending(f"T{next(COUNT):05d}")


def unpapered(number: int) -> Person:
    """Somebody of whom only local numbers are known."""
    return replace(people()["local-only"], number=number, name="无名氏")


async def standing(engine: AsyncEngine, *numbers: str) -> list[Any]:
    """The residents for whom patients' numbers stand, in the order of the numbers."""
    found = await rows(
        engine,
        "select n.value, l.resident_id, l.reason, l.grade from patient_number n "
        "join link l on l.patient_id = n.patient_id and l.until is null where n.value = any(:values)",
        values=list(numbers),
    )
    return sorted(found, key=lambda row: numbers.index(row["value"]))


async def test_after_a_merge_the_resident_given_up_leads_to_the_one_that_stays(county: AsyncEngine) -> None:
    resident = await resident_of(county, "two-numbers")
    given_up = await rows(county, "select id, replaced_by from resident where replaced_by is not null")
    assert [row["replaced_by"] for row in given_up] == [resident["id"]]
    for table in ("encounter", "condition", "observation", "report"):
        assert not await rows(county, f"select id from {table} where resident_id = :id", id=given_up[0]["id"])
    links = {(row["source"], row["reason"]) for row in await links_of(county, "two-numbers")}
    assert (RENMIN, "merged-by-source") in links


async def test_after_a_merge_the_record_of_the_number_given_up_stands_with_the_other(county: AsyncEngine) -> None:
    visits = [row["visit_number"] for row in await entries_of(county, "two-numbers", "encounter")]
    assert visits == ["260100460", "260000204"]
    assert len(await entries_of(county, "two-numbers", "observation")) == 4
    conflicts = (await resident_of(county, "two-numbers"))["conflicts"]
    assert ("name", "无名氏") in {(c["element"], c["value"]) for c in conflicts}


async def test_later_messages_under_a_number_given_up_land_with_the_one_that_stays(engine: AsyncEngine) -> None:
    nobody, person = unpapered(9001), people()["two-numbers"]
    await deliver(engine, [says(nobody, "A04", 1, visit=VISIT), says(person, "A40", 2, prior=nobody)])
    late = replace(VISIT, serial="260199002", began_at=at(3))
    await deliver(engine, [says(nobody, "A04", 3, visit=late, diagnoses=[diagnoses()["J06.9"]])])
    assert [row["visit_number"] for row in await entries_of(engine, "two-numbers", "encounter")] == [
        "260199001",
        "260199002",
    ]
    assert len(await rows(engine, "select id from resident where replaced_by is null")) == 1


async def test_a_merge_may_come_before_the_number_given_up_was_ever_seen(engine: AsyncEngine) -> None:
    nobody, person = unpapered(9001), people()["two-numbers"]
    await deliver(engine, [says(person, "A40", 2, prior=nobody)])
    await deliver(engine, [says(nobody, "A04", 1, visit=VISIT)])
    assert [row["visit_number"] for row in await entries_of(engine, "two-numbers", "encounter")] == ["260199001"]
    assert len(await rows(engine, "select id from resident")) == 1


def late_proof() -> list[Sending]:
    """Two numbers without papers, merged; then the ID number of a resident whom another hospital knows."""
    first, second, person = unpapered(9001), unpapered(9002), people()["changed-name"]
    proven = replace(person, number=9002)
    return [
        says(person, "A04", 1, source=ZHONGYI, visit=replace(VISIT, serial="Z1")),
        says(first, "A04", 1, visit=VISIT),
        says(second, "A04", 2, visit=replace(VISIT, serial="260199002", began_at=at(2))),
        says(second, "A40", 3, prior=first),
        says(proven, "A08", 4),
    ]


@pytest.mark.parametrize("seed", range(6))
async def test_patients_that_were_merged_move_together_whenever_the_proof_comes(seed: int, engine: AsyncEngine) -> None:
    sent = late_proof()
    Random(seed).shuffle(sent)
    for sending in sent:
        await deliver(engine, [sending])
    person = people()["changed-name"]
    found = await standing(engine, visit_card(unpapered(9001)), visit_card(unpapered(9002)), zhongyi_number(person))
    assert len({row["resident_id"] for row in found}) == 1
    assert len(await rows(engine, "select id from resident where replaced_by is null")) == 1


@pytest.mark.parametrize("backwards", [False, True])
async def test_a_merge_does_not_tear_a_proven_number_from_its_resident(backwards: bool, engine: AsyncEngine) -> None:
    """The number given up carries the ID number, the one that stays does not: both are the proven resident."""
    person, fresh = people()["changed-name"], unpapered(9002)
    sent = [
        says(person, "A04", 1, source=ZHONGYI, visit=replace(VISIT, serial="Z1")),
        says(person, "A04", 1, visit=VISIT),
        says(fresh, "A04", 2, visit=replace(VISIT, serial="260199002", began_at=at(2))),
        says(fresh, "A40", 3, prior=person),
    ]
    for sending in reversed(sent) if backwards else sent:
        await deliver(engine, [sending])
    found = await standing(engine, visit_card(person), visit_card(fresh), zhongyi_number(person))
    assert len({row["resident_id"] for row in found}) == 1


@pytest.mark.parametrize("seed", range(4))
async def test_an_id_number_that_comes_late_joins_the_residents_it_proves_to_be_one(
    seed: int, engine: AsyncEngine
) -> None:
    person = people()["changed-name"]
    sent = [
        says(replace(person, citizen_id=""), "A04", 1, visit=VISIT),
        says(person, "A04", 2, source=ZHONGYI, visit=replace(VISIT, serial="Z1")),
        says(person, "A08", 3),
    ]
    Random(seed).shuffle(sent)
    for sending in sent:
        await deliver(engine, [sending])
    assert len(await rows(engine, "select id from resident where replaced_by is null")) == 1
    assert len(await entries_of(engine, "changed-name", "encounter")) == 2


@pytest.mark.parametrize("looks", [False, True])
@pytest.mark.parametrize("backwards", [False, True])
async def test_two_strong_numbers_join_two_residents_only_by_resemblance(
    backwards: bool, looks: bool, engine: AsyncEngine
) -> None:
    """One source knows only the health-record number, another only the ID number, a third both. Where the third comes
    first all are one resident. Where it comes last numbers alone join it to the one with the ID number, and leave the
    other apart: two proven records are not joined in passing. Who looks at the persons finds them to be one."""
    person = people()["changed-name"]
    sent = [
        says(replace(person, citizen_id="", health_card=""), "A28", 1, source=DONGCHENG),
        says(replace(person, health_record_number=""), "A04", 2, source=ZHONGYI, visit=VISIT),
        bundle(NANSHAN, person, at(3)).sending("T00000"),
    ]
    for sending in reversed(sent) if backwards else sent:
        await deliver(engine, [sending], desk=county_desk() if looks else incurious_desk())
    residents = 1 if looks or backwards else 2
    assert len(await rows(engine, "select id from resident where replaced_by is null")) == residents
