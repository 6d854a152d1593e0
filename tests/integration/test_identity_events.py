"""Identity and visit events of a source: what they mean for residents and their records, and what they never do."""

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.hl7v2 import reading as parsing
from hub.ids import new_id
from hub.intake import Desk, work
from hub.message import Arrival, Format, Message, Source, Tells, Transport
from hub.programme.directory import Organisation, directory, save_organisation
from hub.store import inbox
from tests.desk import county_desk, dump, mappings, rows, sources

RENMIN = "renmin-his"
OWN_ID, OTHER_ID = "371099195603120159", "371099198505050023"
ONE, TWO = "0000000016^^^^IDCard", "0000000902^^^^IDCard"
VISIT = "PV1|1|I|9700||||||||||||||||260000205|||||||||||||||||||||||||20260126093000"
FINDINGS = "select fate, refusal->>'code' as code, findings from fate order by message_id"


def pid(number: str, name: str, *, citizen_id: str = "", born: str = "") -> str:
    proof = f"~{citizen_id}^^^^IdentifyNO" if citizen_id else ""
    return f"PID|1||{number}{proof}||{name}||{born}|M"


QIN = pid(ONE, "秦学勤", citizen_id=OWN_ID, born="19560312")
NOBODY = pid(TWO, "无名氏")


def message(kind: str, minute: int, *segments: str) -> bytes:
    at = f"202602051{minute // 60}{minute % 60:02d}00"
    head = f"MSH|^~\\&|HIS|XRMYY|HUB|HUB|{at}||{kind}|I{minute:04d}|P|2.5.1"
    return "\r".join((head, f"EVN|{kind[4:]}|{at}", *segments)).encode() + b"\r"


async def deliver(engine: AsyncEngine, *bodies: bytes, desk: Desk | None = None) -> None:
    arrivals = [
        (new_id(), Arrival(source=RENMIN, transport=Transport.MLLP, format=Format.HL7V2, raw=raw, control_id=str(at)))
        for at, raw in enumerate(bodies)
    ]
    async with engine.begin() as connection:
        await inbox.keep(connection, arrivals)
    while await work(engine, desk or county_desk()):
        pass


async def residents(engine: AsyncEngine) -> list[tuple[str, str]]:
    """Each number of a patient with the name of the resident for whom it stands."""
    found = await rows(
        engine,
        "select n.value, r.name from patient_number n join link l on l.patient_id = n.patient_id and l.until is null "
        "join resident r on r.id = l.resident_id where n.value = any(:values) order by n.value",
        values=["0000000016", "0000000902"],
    )
    return [(row["value"], row["name"]) for row in found]


async def stays(engine: AsyncEngine) -> list[tuple[str, str]]:
    """The stays of all records: whose, and under which number."""
    found = await rows(
        engine,
        "select r.name, e.visit_number from encounter e join resident r on r.id = e.resident_id order by 1, 2",
    )
    return [(row["name"], row["visit_number"]) for row in found]


async def fates(engine: AsyncEngine) -> Sequence[Any]:
    return await rows(engine, FINDINGS)


async def test_a_link_joins_two_numbers_and_gives_neither_up(engine: AsyncEngine) -> None:
    await deliver(
        engine,
        message("ADT^A01", 1, QIN, VISIT),
        message("ADT^A04", 2, NOBODY, VISIT.replace("260000205", "260100777")),
        message("ADT^A24", 3, QIN, NOBODY),
    )
    (one,) = await rows(engine, "select distinct resident_id from link where until is null")
    found = await rows(
        engine, "select visit_number from encounter where resident_id = :one order by 1", one=one["resident_id"]
    )
    assert [row["visit_number"] for row in found] == ["260000205", "260100777"]
    assert not await rows(engine, "select id from patient where merged_into is not null")
    assert await rows(engine, "select id from link where reason = 'linked-by-source'")


async def test_a_link_that_is_undone_leaves_two_records_as_they_were(engine: AsyncEngine) -> None:
    other = VISIT.replace("260000205", "260100777")
    await deliver(engine, message("ADT^A01", 1, QIN, VISIT), message("ADT^A04", 2, NOBODY, other))
    before = [one["entries"] for one in await dump(engine)]
    await deliver(engine, message("ADT^A24", 3, QIN, NOBODY))
    assert len(await dump(engine)) == 1
    await deliver(engine, message("ADT^A37", 4, QIN, NOBODY))
    assert [one["entries"] for one in await dump(engine)] == before
    await deliver(engine, message("ADT^A03", 5, NOBODY, other))
    assert await stays(engine) == [("无名氏", "260100777"), ("秦学勤", "260000205")]


async def test_a_number_that_was_linked_before_anybody_heard_of_it_becomes_a_resident_of_its_own(
    engine: AsyncEngine,
) -> None:
    await deliver(engine, message("ADT^A24", 1, QIN, NOBODY), message("ADT^A37", 2, QIN, NOBODY))
    assert await residents(engine) == [("0000000016", "秦学勤"), ("0000000902", "无名氏")]
    assert len(await dump(engine)) == 2


async def test_two_patients_of_one_citizen_id_number_stay_together_when_a_link_is_undone(engine: AsyncEngine) -> None:
    same = pid(TWO, "秦学勤", citizen_id=OWN_ID, born="19560312")
    await deliver(engine, message("ADT^A28", 1, QIN), message("ADT^A28", 2, same), message("ADT^A37", 3, QIN, same))
    assert len(await dump(engine)) == 1
    *_, last = await fates(engine)
    assert [one["code"] for one in last["findings"]] == ["linked-by-numbers"]


async def test_two_who_hold_different_citizen_id_numbers_are_never_linked(engine: AsyncEngine) -> None:
    other = pid(TWO, "褚明远", citizen_id=OTHER_ID, born="19850505")
    await deliver(engine, message("ADT^A28", 1, QIN), message("ADT^A28", 2, other))
    await deliver(engine, message("ADT^A24", 3, pid(ONE, "秦学勤"), pid(TWO, "褚明远")))
    assert [row["code"] for row in await fates(engine)] == [None, None, "linked-persons-differ"]
    assert await residents(engine) == [("0000000016", "秦学勤"), ("0000000902", "褚明远")]


async def test_what_nobody_can_carry_out_is_parked_and_changes_nothing(engine: AsyncEngine) -> None:
    before = (message("ADT^A28", 1, QIN), message("ADT^A28", 2, NOBODY))
    await deliver(
        engine,
        *before,
        message("ADT^A43", 3, QIN, f"MRG|{TWO}"),
        message("ADT^A44", 4, QIN, f"MRG|{TWO}||AC1"),
    )
    assert [row["code"] for row in await fates(engine)][2:] == ["move-by-hand", "move-by-hand"]
    assert await residents(engine) == [("0000000016", "秦学勤"), ("0000000902", "无名氏")]


async def test_a_number_that_was_changed_leads_to_the_same_resident(engine: AsyncEngine) -> None:
    changed = message("ADT^A47", 2, pid(ONE, "秦学勤"), f"MRG|{TWO}")
    await deliver(engine, message("ADT^A01", 1, NOBODY, VISIT), changed)
    assert await residents(engine) == [("0000000016", "秦学勤"), ("0000000902", "秦学勤")]
    assert await stays(engine) == [("秦学勤", "260000205")]


async def test_a_visit_that_moves_leaves_the_wrong_record_and_stands_in_the_right_one(engine: AsyncEngine) -> None:
    await deliver(
        engine,
        message("ADT^A01", 1, NOBODY, VISIT),
        message("ADT^A45", 2, QIN, f"MRG|{TWO}||AC1||260000205", VISIT),
    )
    assert await stays(engine) == [("秦学勤", "260000205")]
    assert await residents(engine) == [("0000000016", "秦学勤"), ("0000000902", "无名氏")]
    _, moved = await fates(engine)
    assert [one["code"] for one in moved["findings"]] == ["visit-moved-alone"]


async def test_a_visit_goes_to_another_account_without_going_to_another_patient(engine: AsyncEngine) -> None:
    await deliver(engine, message("ADT^A01", 1, QIN, VISIT), message("ADT^A45", 2, QIN, "MRG|||AC1||260000205", VISIT))
    assert await stays(engine) == [("秦学勤", "260000205")]


async def test_a_stay_with_a_new_number_is_the_stay_it_was(engine: AsyncEngine) -> None:
    bare = "PV1|1|I|9700||||||||||||||||260000999"
    await deliver(
        engine,
        message("ADT^A01", 1, QIN, VISIT),
        message("ADT^A50", 2, QIN, f"MRG|{ONE}||||260000205", bare),
        message("ADT^A03", 3, QIN, bare),
    )
    (stay,) = await rows(engine, "select visit_number, status, effective_at from encounter")
    assert (stay["visit_number"], stay["status"]) == ("260000999", "finished")
    assert stay["effective_at"] == datetime(2026, 1, 26, 1, 30, tzinfo=UTC)


def alternate(visit: str, number: str) -> str:
    """PV1 with PV1-19 and PV1-50."""
    return f"PV1|1|O|9700{'|' * 16}{visit}{'|' * 31}{number}"


async def test_a_stay_known_by_its_other_number_alone_keeps_what_was_known_when_that_is_changed(
    engine: AsyncEngine,
) -> None:
    await deliver(
        engine,
        message("ADT^A04", 1, QIN, alternate("", "T1")),
        message("ADT^A51", 2, QIN, f"MRG|{ONE}|||||T1", alternate("", "T2")),
        message("ADT^A03", 3, QIN, alternate("", "T2")),
    )
    (stay,) = await rows(engine, "select visit_number, status from encounter")
    assert (stay["visit_number"], stay["status"]) == ("T2", "finished")


async def test_a_changed_other_number_leaves_a_stay_with_a_visit_number_one(engine: AsyncEngine) -> None:
    await deliver(
        engine,
        message("ADT^A01", 1, QIN, alternate("260000205", "T1")),
        message("ADT^A51", 2, QIN, f"MRG|{ONE}|||||T1", alternate("260000205", "T2")),
    )
    assert await stays(engine) == [("秦学勤", "260000205")]
    told = await rows(engine, "select content from fact where kind = 'Encounter' order by event_at")
    assert [[one["value"] for one in json.loads(row["content"])["identifier"]] for row in told] == [
        ["260000205", "T1"],
        ["260000205", "T2"],
    ]


@pytest.mark.parametrize("kind", ["ADT^A36", "ADT^A39", "ADT^A46"])
async def test_a_number_that_is_given_up_leads_to_the_same_resident_in_the_words_of_each_version(
    engine: AsyncEngine, kind: str
) -> None:
    given_up = message(kind, 2, pid(ONE, "秦学勤"), f"MRG|{TWO}")
    await deliver(engine, message("ADT^A01", 1, NOBODY, VISIT), given_up)
    assert await residents(engine) == [("0000000016", "秦学勤"), ("0000000902", "秦学勤")]
    assert await stays(engine) == [("秦学勤", "260000205")]


@pytest.mark.parametrize("kind", ["ADT^A36", "ADT^A39", "ADT^A46"])
async def test_a_number_is_given_up_for_another_only_where_both_are_named(engine: AsyncEngine, kind: str) -> None:
    await deliver(engine, message("ADT^A28", 1, QIN), message(kind, 2, pid(ONE, "秦学勤")))
    assert [row["fate"] for row in await fates(engine)] == ["merged", "parked"]


async def test_two_visits_that_are_merged_are_one_stay(engine: AsyncEngine) -> None:
    await deliver(
        engine,
        message("ADT^A01", 1, QIN, VISIT),
        message("ADT^A04", 2, QIN, VISIT.replace("260000205", "260000777")),
    )
    assert len(await stays(engine)) == 2
    bare = "PV1|1|I|9700||||||||||||||||260000205"
    await deliver(engine, message("ADT^A42", 3, QIN, f"MRG|{ONE}||||260000777", bare))
    assert await stays(engine) == [("秦学勤", "260000205")]


async def test_a_person_who_is_deleted_at_the_source_keeps_the_record_and_is_no_longer_active(
    engine: AsyncEngine,
) -> None:
    await deliver(engine, message("ADT^A01", 1, QIN, VISIT), message("ADT^A29", 2, QIN))
    assert [row["fate"] for row in await fates(engine)] == ["merged", "merged"]
    assert await stays(engine) == [("秦学勤", "260000205")]
    *_, told = await rows(engine, "select content from fact where kind = 'Patient' order by event_at")
    assert json.loads(told["content"])["active"] is False


async def test_a_result_without_a_code_costs_itself_and_not_its_message(engine: AsyncEngine) -> None:
    results = ("OBR|1||F1|SH01^生化全套", "OBX|1|NM|GLU^葡萄糖||6.8|mmol/L", "OBX|2|NM|||7.1|mmol/L")
    await deliver(engine, message("ORU^R01", 1, QIN, *results))
    assert [row["display"] for row in await rows(engine, "select display from observation")] == ["空腹血糖"]
    (fate,) = await fates(engine)
    assert fate["fate"] == "merged"
    assert ("mapped-resource-invalid", "OBX[2]") in {(one["code"], one["where"]) for one in fate["findings"]}


# -- staff -------------------------------------------------------------------------------------------------------------


def registry_desk() -> Desk:
    """A desk whose renmin-his may tell of its own staff."""
    own = replace(sources()[RENMIN], tells=frozenset({Tells.DIRECTORY}), organisation_id="renmin")

    def read_as(one: Message, source: Source) -> Any:
        mapping = replace(mappings().v2[RENMIN], source=own)
        return mapping.read(parsing.read(one.raw, own.charset), one.received_at), {}

    return replace(county_desk(), source_of=lambda one: own, read=read_as, reactions=(directory(),))


STAFF = ("MFI|STF||UPD|||NE", "MFE|MAD|1||D0031", "STF|D0031|D0031|卫正心|医生" + "|" * 14 + "主任医师")


async def test_a_hospitals_staff_stand_in_the_directory_under_its_own_name(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        await save_organisation(connection, Organisation(id="renmin", name="县人民医院", kind="hospital"))
    await deliver(engine, message("MFN^M02", 1, *STAFF), desk=registry_desk())
    (person,) = await rows(engine, "select id, organisation_id, name, role, title from practitioner")
    assert dict(person) == {
        "id": "renmin:D0031",
        "organisation_id": "renmin",
        "name": "卫正心",
        "role": "specialist",
        "title": "主任医师",
    }


async def test_a_source_without_a_say_in_the_directory_tells_of_no_staff(engine: AsyncEngine) -> None:
    await deliver(engine, message("MFN^M02", 1, *STAFF))
    assert [row["code"] for row in await fates(engine)] == ["may-not-tell"]
