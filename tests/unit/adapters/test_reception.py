"""From a frame to its acknowledgement, with nothing said that is not kept."""

import asyncio
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, timezone
from itertools import count
from uuid import UUID, uuid4

import pytest

from adapters.hl7v2.answering import Answer
from adapters.hl7v2.checks import DoorCheck, Rule
from adapters.hl7v2.framing import Deframer, Frame, Peer, frame
from adapters.hl7v2.keys import digest_of
from adapters.hl7v2.reading import read
from adapters.hl7v2.reception import Reception
from hub.errors import Refusal, refuse
from hub.message import Acknowledging, Arrival, Format, Kept, Outbound, Reuse, Source, Transport
from tests.unit.adapters.messages import ADMISSION, message

HIS = Source(
    acknowledging=Acknowledging.AS_ASKED,
    name="his",
    organisation="测试医院",
    format=Format.HL7V2,
    transports=frozenset({Transport.MLLP}),
    time_zone=timezone(timedelta(hours=8)),
    identifiers=(),
)
DATE = Rule(segment="PID", field=7, check=str.isdigit, refusal_code="impossible-date")


@dataclass(frozen=True)
class Became:
    """What has become of a message."""

    refusal: Refusal | None = None


class Desk:
    """A reception whose store is a list."""

    def __init__(
        self,
        keep_fails: bool = False,
        door: Callable[[Source], DoorCheck] | None = None,
        source: Source = HIS,
        became: Became | None = None,
        most_segments: int = 1_000,
    ) -> None:
        self.kept: list[Arrival] = []
        self.keep_fails = keep_fails
        self.source = source
        self.became = became or Became()
        self.settles = True
        self.answers: dict[UUID, Refusal | None] = {}
        self.delivered: list[tuple[Outbound, bytes]] = []
        numbers = count(1)
        self.reception = Reception(
            find_source=self.find_source,
            kinds=lambda source: {"ADT^A01", "ORU^R01"},
            door=door or (lambda source: DoorCheck([DATE])),
            keep=self.keep,
            wait=self.wait,
            deliver=self.deliver,
            clock=lambda: datetime(2026, 1, 5, tzinfo=UTC),
            new_control_id=lambda: f"H{next(numbers)}",
            most_segments=most_segments,
        )

    def find_source(self, application: str, facility: str) -> Source:
        if (application, facility) == ("HIS", "ZYY"):
            return self.source
        if application == "BUG":
            raise RuntimeError("测试甲")
        raise refuse("unknown-source", "MSH-3")

    async def keep(self, arrival: Arrival) -> Kept:
        await asyncio.sleep(0)
        if self.keep_fails:
            raise ConnectionError("测试甲")
        self.kept.append(arrival)
        return Kept(id=uuid4(), refusal=arrival.refusal)

    async def wait(self, key: UUID, seconds: float) -> Became | None:
        await asyncio.sleep(0)
        return self.became if self.settles else None

    async def deliver(self, outbound: Outbound, content: bytes) -> None:
        self.delivered.append((outbound, content))

    async def told(self, content: str, peer: Peer | None = None, fault: str = "") -> list[str]:
        """MSA-1 and ERR-5 of every answer, one after the other: ``CA``, ``AE impossible-date``."""
        answer = await self.receive(content, peer, fault)
        found = [answer.now, await answer.later.content() if answer.later else None]
        return [said(one) for one in found if one is not None]

    async def receive(self, content: str, peer: Peer | None = None, fault: str = "") -> Answer:
        return await self.reception.receive(Frame(content.encode(), refuse(fault).refusal if fault else None, peer))

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


def said(answer: bytes) -> str:
    found = read(answer, "")
    msa, err = found.first("MSA"), found.first("ERR")
    assert msa is not None
    assert msa.field(2) == "7"
    return f"{msa.field(1)} {err.component(5) if err else ''}".strip()


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
        digest=digest_of(ADMISSION.encode()),
        numbers=("0000000123", "37109919560312001X"),
        names=("测试甲",),
        lanes=("his|idcard|0000000123",),
    )


HEAD = "MSH|^~\\&|HIS|ZYY|||||ADT^A01|7|P|2.5.1"
NO_UTF8 = f"{HEAD}||||||UTF-8\rPID|1||||".encode() + "测".encode("gbk")


@pytest.mark.parametrize(
    ("content", "answer", "source"),
    [
        ("PID|1", ["AR", "", "unreadable-frame"], ""),
        (HEAD.replace("HIS", "XXX"), ["AR", "7", "unknown-source"], ""),
        (HEAD.replace("ADT^A01", "ADT^ZP1"), ["AR", "7", "unknown-message-type"], "his"),
        (HEAD.replace("ADT^A01", "QBP^Q22"), ["AR", "7", "query-not-answered"], "his"),
        (HEAD.replace("ADT^A01", "QRY^A19"), ["AR", "7", "query-not-answered"], "his"),
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


async def test_a_door_that_answers_once_does_so_whatever_is_asked_for() -> None:
    never = message(header="MSH|^~\\&|HIS|ZYY|||||ADT^A01|7|P|2.5.1|||NE|NE")
    assert (await Desk().take(never))[:2] == ["AA", "7"]


# -- who may send what -----------------------------------------------------------------------------------------------

WARD = Peer("10.1.2.9")


@pytest.mark.parametrize(
    ("peer", "told"),
    [
        (WARD, ["AA"]),
        (Peer("::ffff:10.1.2.9"), ["AA"]),
        (Peer("10.1.3.9"), ["AR address-not-allowed"]),
        (Peer("fe80::1%eth0"), ["AR address-not-allowed"]),
        (Peer(""), ["AR address-not-allowed"]),
        (Peer("192.168.1.7"), ["AA"]),
        (None, ["AA"]),  # a door that asks for a token
    ],
)
async def test_a_source_sends_from_its_own_networks_only(peer: Peer | None, told: list[str]) -> None:
    desk = Desk(source=replace(HIS, addresses=("10.1.2.0/24", "192.168.1.7")))
    assert [one.removesuffix(" None") for one in await desk.told(HEAD, peer)] == told
    assert len(desk.kept) == 1


@pytest.mark.parametrize(
    ("names", "told"),
    [(set(), "AR certificate-not-allowed"), ({"x"}, "AR certificate-not-allowed"), ({"x", "his.test"}, "AA")],
)
async def test_a_source_shows_one_of_its_own_certificates(names: set[str], told: str) -> None:
    desk = Desk(source=replace(HIS, certificates=("his.test", "his2.test")))
    assert await desk.told(HEAD, Peer("10.0.0.1", frozenset(names))) == [told]


async def test_whoever_borrows_a_sources_name_uses_up_none_of_its_control_ids() -> None:
    desk = Desk(source=replace(HIS, addresses=("10.0.0.0/8",)))
    await desk.told(ADMISSION.replace("90000001", "7"), Peer("192.168.0.1"))
    (arrival,) = desk.kept
    assert (arrival.source, arrival.lanes) == ("", ())
    assert arrival.numbers
    assert arrival.refusal is not None
    assert "his" in str(arrival.refusal)


async def test_a_source_sends_the_types_of_its_profile_only() -> None:
    desk = Desk(source=replace(HIS, kinds=frozenset({"ORU^R01"})))
    assert await desk.told(HEAD) == ["AR kind-not-declared"]
    assert await desk.told(HEAD.replace("ADT^A01", "ORU^R01")) == ["AA"]


@pytest.mark.parametrize(("sent", "shown"), [("2.5.1", ""), ("2.4", "2.4"), ("2.4 beta", "?"), ("", "?")])
async def test_an_unexpected_version_is_taken_and_noted(sent: str, shown: str) -> None:
    desk = Desk(source=replace(HIS, versions=frozenset({"2.3", "2.5.1"})))
    assert (await desk.take(HEAD.replace("2.5.1", sent)))[0] == "AA"
    assert [one.given["version"] for one in desk.kept[0].findings] == ([shown] if shown else [])


async def test_a_message_of_too_many_segments_is_refused_before_it_is_read() -> None:
    desk = Desk(most_segments=10)
    assert await desk.told(HEAD + "\rNTE|1" * 10) == ["AA"]
    assert await desk.told(HEAD + "\rNTE|1" * 11) == ["AR too-many-segments"]
    assert await desk.told(HEAD + "\r\nNTE|1" * 10) == ["AA"]
    assert await desk.told(HEAD + "\n" * 11) == ["AR too-many-segments"]


async def test_a_large_message_is_looked_at_beside_the_loop() -> None:
    threads = []

    def door(source: Source) -> DoorCheck:
        threads.append(threading.current_thread())
        return DoorCheck([])

    desk = Desk(door=door)
    assert await desk.told(f"{HEAD}\rZZZ|{'x' * 200_000}") == ["AA"]
    assert await desk.told(HEAD) == ["AA"]
    assert [thread is threading.main_thread() for thread in threads] == [False, True]


# -- keys ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (f"{HEAD}\rPID|1||1^^^^IDCard||测试甲|\rPV1|1|".encode(), "broken-frame"),
        (f"{HEAD}||||||UTF-8\rPID|1||1^^^^IDCard||测试甲".encode("gb18030"), ""),
        (f"{HEAD.replace('ADT^A01', 'ADT^ZP1')}\rPID|1||1^^^^IDCard||测试甲".encode(), ""),
        (f"{HEAD}||||||KOI8\rPID|1||1^^^^IDCard||测试甲\rNTE|1||".encode() + b"\xff" * 100, ""),
    ],
)
async def test_what_is_refused_is_found_by_its_patient_all_the_same(content: bytes, fault: str) -> None:
    desk = Desk()
    assert (await desk.take(content, fault))[0] in {"AE", "AR"}
    (arrival,) = desk.kept
    assert (arrival.numbers, arrival.names, arrival.lanes) == (("1",), ("测试甲",), ("his|idcard|1",))


async def test_the_profile_says_what_becomes_of_a_control_id_that_is_used_again() -> None:
    desk = Desk(source=replace(HIS, reuse=Reuse.REFUSE))
    await desk.take(HEAD)
    assert desk.kept[0].reuse is Reuse.REFUSE


async def test_a_sender_is_told_what_keeping_came_to() -> None:
    desk = Desk()

    async def keep(arrival: Arrival) -> Kept:
        return Kept(id=uuid4(), refusal=refuse("impossible-date", "PID-7").refusal, is_repeat=True)

    desk.reception = replace(desk.reception, keep=keep)
    assert await desk.told(HEAD) == ["AE impossible-date"]
