"""Clinical documents in the record: what they add to a stay that ADT tells of, and what follows from them."""

from dataclasses import replace
from datetime import date
from itertools import permutations

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from fixtures.county import Sending, people
from fixtures.county.dialects import inpatient_number
from fixtures.county.documents import WRITERS, Document, Said, Section, Stay
from tests.aftercare import Course, deliver, known, lines, plans, set_up, sign
from tests.desk import dump, rows
from tests.mapping.documents import DOCUMENTS

STROKE = Course(slug="stroke", diagnoses=("I63.9",))
PERSON = people()["stroke"]
OURS = (("12", inpatient_number(PERSON)),)
STAY = Stay(began="20260610100000", ended="20260619093000", number=STROKE.serial)


def of_the_stay(kind: str, **more: object) -> Document:
    """A document of a golden pair, as one about the stay of these tests."""
    given: dict[str, object] = {"numbers": OURS, "stay": STAY, "written": "20260619120000", **more}
    return replace(DOCUMENTS[kind], **given)  # type: ignore[arg-type]


def sent(document: Document, dialect: str = "national", slug: str = "") -> Sending:
    return Sending(
        slug=slug or document.number,
        source="renmin-emr",
        transport="ingest",
        body=WRITERS[dialect](document),
        content_type="application/xml",
        ends="merged",
        answer="202",
        about=("stroke",),
    )


@pytest.mark.parametrize("dialect", WRITERS)
async def test_a_discharge_summary_adds_to_the_stay_that_adt_tells_of(engine: AsyncEngine, dialect: str) -> None:
    await set_up(engine)
    await sign(engine, await known(engine, "stroke"))
    await deliver(engine, [STROKE.a01(), STROKE.a03(), sent(of_the_stay("C0053"), dialect)])
    [stay] = await rows(engine, "select visit_number, status, origins from encounter where code = 'IMP'")
    assert (stay["visit_number"], stay["status"]) == (STROKE.serial, "finished")
    assert {origin["path"] for origin in stay["origins"]} == {"PV1", "ClinicalDocument"}
    [stroke] = await rows(engine, "select origins from condition where key like '%I63.9'")
    said = {origin["path"].partition("/")[0] for origin in stroke["origins"]}
    assert said == {"DG1", *(("46241-6", "11535-2") if dialect == "national" else ("section[6]", "section[7]"))}
    [plan] = await plans(engine)
    assert plan["request"]["notes"] == ["阿司匹林100mg每日一次，两周后神经内科门诊复查"]
    assert plan["basis"] == "ladder"


async def test_a_treatment_record_asks_for_days_before_the_ladder(engine: AsyncEngine) -> None:
    await set_up(engine)
    await sign(engine, await known(engine, "stroke"))
    asked = Said(
        element="DE06.00.108.00",
        label="随访方式",
        type="CD",
        code="2",
        system="2.3.1.183",
        value="家庭",
        at="20260703",
        inside=(Said(element="DE06.00.112.00", label="随访周期建议", type="PQ", value="2", unit="周"),),
    )
    record = of_the_stay("C0008", sections=(Section(code="18776-5", title="治疗计划", entries=(asked,)),))
    await deliver(engine, [STROKE.a01(), STROKE.a03(), sent(record)])
    [plan] = await plans(engine)
    assert plan["basis"] == "hospital-request"
    due = [line for line in await lines(engine) if line["state"] == "due"]
    assert (due[0]["due_from"], due[0]["way"], due[1]["due_from"]) == (date(2026, 7, 3), "home", date(2026, 7, 17))


async def test_a_summary_alone_is_a_discharge_and_is_followed_up(engine: AsyncEngine) -> None:
    """A hospital that sends documents and no ADT."""
    await set_up(engine)
    await sign(engine, await known(engine, "stroke"))
    await deliver(engine, [sent(of_the_stay("C0053"))])
    [stay] = await rows(engine, "select effective, ended, code from encounter where visit_number = :n", n=STAY.number)
    assert (stay["effective"], stay["ended"], stay["code"]) == (
        "2026-06-10T10:00:00+08:00",
        "2026-06-19T09:30:00+08:00",
        "IMP",
    )
    assert len(await plans(engine)) == 1


async def test_a_document_that_names_no_stay_makes_none_and_says_so(engine: AsyncEngine) -> None:
    await set_up(engine)
    await sign(engine, await known(engine, "stroke"))
    await deliver(engine, [STROKE.a01(), STROKE.a03(), sent(of_the_stay("C0053", stay=replace(STAY, number="")))])
    assert len(await rows(engine, "select id from encounter where code = 'IMP'")) == 1
    assert len(await plans(engine)) == 1
    [told] = await rows(engine, "select findings from fate where findings::text like '%stay-not-named%'")
    assert "stay-not-named" in str(told["findings"])


async def test_what_one_system_of_a_house_asks_belongs_to_the_stay_that_another_tells_of(engine: AsyncEngine) -> None:
    """The documents come from a system of their own, which knows people by their citizen ID alone."""
    await set_up(engine)
    await sign(engine, await known(engine, "stroke"))
    instructions = of_the_stay("C0025", stay=Stay(number=STROKE.serial), sections=DOCUMENTS["C0025"].sections[1:])
    await deliver(engine, [STROKE.a01(), STROKE.a03(), sent(instructions)])
    [plan] = await plans(engine)
    assert plan["request"]["notes"] == ["两周后神经内科门诊复诊"]


async def test_the_document_itself_is_kept_and_readable(engine: AsyncEngine) -> None:
    await deliver(engine, [sent(of_the_stay("C0053"), "vendor")])
    [document] = await rows(engine, "select title, document_number, code, author, text from document")
    assert (document["title"], document["document_number"], document["code"]) == ("出院小结", "C0053-0001", "C0053")
    assert document["author"] == "时砚秋"
    assert "【出院诊断】" in document["text"]
    assert "予抗血小板、调脂治疗。" in document["text"]


async def test_a_document_that_comes_again_changes_nothing(engine: AsyncEngine) -> None:
    summary = of_the_stay("C0053")
    await deliver(engine, [STROKE.a01(), STROKE.a03(), sent(summary)])
    before, facts = await dump(engine), await rows(engine, "select count(*) as n from fact")
    await deliver(engine, [sent(summary, slug="again")])
    assert (await dump(engine), await rows(engine, "select count(*) as n from fact")) == (before, facts)


async def test_a_newer_version_of_a_document_updates_what_it_says(engine: AsyncEngine) -> None:
    first = of_the_stay("C0007")
    item = first.sections[0].entries[1]
    assert isinstance(item, tuple)
    corrected = (item[0], replace(item[1], value="7.10"), item[2])
    section = replace(first.sections[0], entries=(first.sections[0].entries[0], corrected))
    second = replace(first, number="C0007-0002", replaces=first.number, written="20260620090000", sections=(section,))
    await deliver(engine, [sent(first), sent(second)])
    [glucose] = await rows(engine, "select value from observation where display = '空腹血糖'")
    assert glucose["value"] == "7.10"


@pytest.mark.parametrize("order", list(permutations(range(4)))[::3], ids=lambda order: "".join(map(str, order)))
async def test_documents_and_adt_in_any_order_come_to_the_same(engine: AsyncEngine, order: tuple[int, ...]) -> None:
    await set_up(engine)
    await sign(engine, await known(engine, "stroke"))
    whole = [STROKE.a01(), STROKE.a03(), sent(of_the_stay("C0053")), sent(of_the_stay("C0032"), "vendor")]
    await deliver(engine, [whole[at] for at in order], most=1)
    stays = await rows(
        engine, "select visit_number, status, effective, ended, disposition_code from encounter where code = 'IMP'"
    )
    assert [tuple(stay.values()) for stay in stays] == [
        ("260000901", "finished", "2026-06-10T10:00:00+08:00", "2026-06-19T09:30:00+08:00", "3"),
    ]
    codes = await rows(engine, "select distinct code from condition order by code")
    assert [one["code"] for one in codes] == ["BNZ080", "I10.x00", "I63.900", "ZYFT00"]
    [plan] = await plans(engine)
    assert plan["request"]["notes"] == ["阿司匹林100mg每日一次，两周后神经内科门诊复查"]
    assert plan["state"] == "delivered"
