"""From a frame to its acknowledgement, with nothing said that is not kept."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from itertools import count
from uuid import UUID, uuid4

import pytest

from adapters.hl7v2.checks import DoorCheck, Rule
from adapters.hl7v2.framing import Deframer, Frame, frame
from adapters.hl7v2.reading import read
from adapters.hl7v2.reception import Reception
from hub.errors import refuse
from hub.message import Arrival, Format, Source, Transport
from tests.unit.adapters.messages import ADMISSION, message

HIS = Source(
    name="his",
    organisation="测试医院",
    format=Format.HL7V2,
    transports=frozenset({Transport.MLLP}),
    time_zone=timezone(timedelta(hours=8)),
    identifiers=(),
)
DATE = Rule(segment="PID", field=7, check=str.isdigit, refusal_code="impossible-date")


def find_source(application: str, facility: str) -> Source:
    if (application, facility) == ("HIS", "ZYY"):
        return HIS
    if application == "BUG":
        raise RuntimeError("测试甲")
    raise refuse("unknown-source", "MSH-3")


class Desk:
    """A reception whose store is a list."""

    def __init__(self, keep_fails: bool = False, door: Callable[[Source], DoorCheck] | None = None) -> None:
        self.kept: list[Arrival] = []
        self.keep_fails = keep_fails
        numbers = count(1)
        self.reception = Reception(
            find_source=find_source,
            kinds=lambda source: {"ADT^A01", "ORU^R01"},
            door=door or (lambda source: DoorCheck([DATE])),
            keep=self.keep,
            clock=lambda: datetime(2026, 1, 5, tzinfo=UTC),
            new_control_id=lambda: f"H{next(numbers)}",
        )

    async def keep(self, arrival: Arrival) -> UUID:
        await asyncio.sleep(0)
        if self.keep_fails:
            raise ConnectionError("测试甲")
        self.kept.append(arrival)
        return uuid4()

    async def take(self, content: str | bytes, fault: str = "") -> list[str]:
        """MSA-1, MSA-2 and ERR-5 of the answer; [] where there is none."""
        raw = content.encode() if isinstance(content, str) else content
        given = {"limit": "9"} if fault == "frame-too-large" else {}
        answer = await self.reception(Frame(raw, refuse(fault, **given).refusal if fault else None))
        if answer is None:
            return []
        found = read(answer, "")
        msa, err = found.first("MSA"), found.first("ERR")
        assert msa is not None
        assert "测试甲" not in answer.decode()
        return [msa.field(1), msa.field(2), err.component(5) if err else ""]


async def test_a_good_message_is_kept_and_accepted() -> None:
    desk = Desk()
    assert await desk.take(ADMISSION) == ["AA", "90000001", ""]
    (arrival,) = desk.kept
    assert arrival == Arrival(
        source="his",
        transport=Transport.MLLP,
        format=Format.HL7V2,
        raw=ADMISSION.encode(),
        kind="ADT^A01",
        control_id="90000001",
    )


HEAD = "MSH|^~\\&|HIS|ZYY|||||ADT^A01|7|P|2.5.1"
NO_UTF8 = f"{HEAD}||||||UTF-8\rPID|1||||".encode() + "测".encode("gbk")


@pytest.mark.parametrize(
    ("content", "answer", "source"),
    [
        ("PID|1", ["AR", "", "unreadable-frame"], ""),
        (HEAD.replace("HIS", "XXX"), ["AR", "7", "unknown-source"], ""),
        (HEAD.replace("ADT^A01", "ADT^ZP1"), ["AR", "7", "unknown-message-type"], "his"),
        (HEAD.replace("ADT^A01", ""), ["AR", "7", "missing-field"], "his"),
        (HEAD.replace("|7|", "||"), ["AR", "", "missing-field"], "his"),
        (f"{HEAD}||||||KOI8", ["AE", "7", "unknown-charset"], "his"),
        (NO_UTF8, ["AE", "7", "wrong-charset"], "his"),
        (f"{HEAD}\rPID|1||||||1956-99", ["AE", "7", "impossible-date"], "his"),
        (HEAD.replace("HIS", "BUG"), ["AE", "7", "internal"], ""),
    ],
)
async def test_what_is_refused_is_kept_with_its_refusal(content: str | bytes, answer: list[str], source: str) -> None:
    desk = Desk()
    assert await desk.take(content) == answer
    (arrival,) = desk.kept
    assert arrival.raw == (content.encode() if isinstance(content, str) else content)
    assert arrival.source == source
    assert arrival.refusal is not None
    assert arrival.refusal.code == answer[2]


async def test_a_faulty_frame_is_kept_and_rejected_by_its_header() -> None:
    desk = Desk()
    assert await desk.take(HEAD, fault="frame-too-large") == ["AR", "7", "frame-too-large"]
    assert await desk.take(b"\xff" * 9, fault="frame-too-large") == ["AR", "", "frame-too-large"]
    assert await desk.take(HEAD, fault="broken-frame") == ["AR", "7", "broken-frame"]
    assert [arrival.refusal.code for arrival in desk.kept if arrival.refusal] == [
        "frame-too-large",
        "frame-too-large",
        "broken-frame",
    ]


async def test_what_is_no_message_is_kept_without_an_answer() -> None:
    desk = Desk()
    assert await desk.take(b"GET /", fault="stray-bytes") == []
    assert await desk.take(b"MS", fault="broken-frame") == []
    assert [arrival.raw for arrival in desk.kept] == [b"GET /", b"MS"]


async def test_an_acknowledgement_is_kept_and_never_acknowledged() -> None:
    desk = Desk()
    assert await desk.take(HEAD.replace("ADT^A01", "ACK^A01")) == []
    assert len(desk.kept) == 1


@pytest.mark.parametrize("content", [HEAD, "PID|1", HEAD.replace("HIS", "XXX")])
async def test_what_cannot_be_kept_is_an_error_and_never_accepted(content: str) -> None:
    code, _, why = await Desk(keep_fails=True).take(content)
    assert (code, why) == ("AE", "not-kept")


async def test_a_control_id_is_kept_as_text_that_a_database_holds() -> None:
    desk = Desk()
    long = "7" * 300
    assert (await desk.take(HEAD.replace("|7|", "|7\0\x07|")))[0] == "AA"
    assert (await desk.take(HEAD.replace("|7|", f"|{long}|")))[:2] == ["AA", long]
    assert [arrival.control_id for arrival in desk.kept] == ["7", "7" * 200]


async def test_a_fault_of_the_checks_still_keeps_the_message() -> None:
    def broken(source: Source) -> DoorCheck:
        raise RuntimeError("测试甲")

    desk = Desk(door=broken)
    assert await desk.take(HEAD) == ["AE", "7", "internal"]
    assert desk.kept[0].refusal is not None


async def test_a_type_that_looks_like_something_else_is_not_repeated() -> None:
    desk = Desk()
    assert (await desk.take(HEAD.replace("ADT^A01", "测试甲")))[2] == "unknown-message-type"
    assert desk.kept[0].kind == "?"


async def test_a_message_is_taken_in_its_own_character_set() -> None:
    desk = Desk()
    assert (await desk.take(ADMISSION.encode("gb18030")))[0] == "AA"
    (found,) = Deframer(10_000).feed(frame(ADMISSION.encode("gb18030")))
    assert desk.kept[0].raw == found.content


async def test_a_sender_that_asks_for_no_acknowledgement_gets_one_all_the_same() -> None:
    never = message(header="MSH|^~\\&|HIS|ZYY|||||ADT^A01|7|P|2.5.1|||NE|NE")
    assert (await Desk().take(never))[:2] == ["AA", "7"]
