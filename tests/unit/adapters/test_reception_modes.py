"""Original, enhanced and fast acknowledgement: which answers a message gets, and what they say."""

from dataclasses import replace

import pytest

from adapters.hl7v2.framing import Frame
from adapters.hl7v2.reading import read
from hub.errors import refuse
from hub.message import Acknowledging, Outbound
from tests.unit.adapters.test_reception import HEAD, HIS, Became, Desk

PARKED = Became(refuse("no-patient", "PID-3").refusal)
BAD_DATE = f"{HEAD}{{asks}}\rPID|1||||||1956-99"


@pytest.mark.parametrize(
    ("asks", "merged", "parked", "at_once"),
    [
        # MSH-15|MSH-16, what is told of a message that is merged, of one that is parked, of one with a bad date
        ("", ["AA"], ["AA"], ["AE impossible-date"]),
        ("AL|AL", ["CA", "AA"], ["CA", "AE no-patient"], ["CA", "AE impossible-date"]),
        ("NE|AL", ["AA"], ["AE no-patient"], ["AE impossible-date"]),
        ("AL|NE", ["CA"], ["CA"], ["CA"]),
        ("NE|NE", [], [], []),
        ("AL|", ["CA"], ["CA"], ["CA"]),
        ("|AL", ["AA"], ["AE no-patient"], ["AE impossible-date"]),
        ("ER|ER", [], ["AE no-patient"], ["AE impossible-date"]),
        ("SU|SU", ["CA", "AA"], ["CA"], ["CA"]),
        ("er|al", ["AA"], ["AE no-patient"], ["AE impossible-date"]),
        ("x|x", ["CA", "AA"], ["CA", "AE no-patient"], ["CA", "AE impossible-date"]),
    ],
)
async def test_enhanced_mode_answers_as_the_header_asks(
    asks: str, merged: list[str], parked: list[str], at_once: list[str]
) -> None:
    asked = f"|||{asks}"
    assert await Desk().told(HEAD + asked) == merged
    assert await Desk(became=PARKED).told(HEAD + asked) == parked
    assert await Desk(became=PARKED).told(BAD_DATE.format(asks=asked)) == at_once


@pytest.mark.parametrize(
    ("asks", "told"),
    [
        ("AL|AL", ["CR unknown-message-type"]),
        ("NE|AL", ["AR unknown-message-type"]),
        ("SU|AL", ["AR unknown-message-type"]),
        ("ER|NE", ["CR unknown-message-type"]),
        ("SU|SU", []),
        ("NE|NE", []),
    ],
)
async def test_a_message_that_is_not_taken_is_told_so_once(asks: str, told: list[str]) -> None:
    assert await Desk().told(f"{HEAD.replace('ADT^A01', 'ADT^ZP1')}|||{asks}") == told


@pytest.mark.parametrize(
    ("asks", "told"),
    [("AL|AL", ["CE not-kept"]), ("NE|AL", ["AE not-kept"]), ("", ["AE not-kept"]), ("AL|NE", ["CE not-kept"])],
)
async def test_what_is_not_kept_is_never_accepted_in_any_mode(asks: str, told: list[str]) -> None:
    assert await Desk(keep_fails=True).told(f"{HEAD}|||{asks}") == told


@pytest.mark.parametrize(
    ("mode", "asks", "told"),
    [
        (Acknowledging.ORIGINAL, "AL|AL", ["AA"]),
        (Acknowledging.ORIGINAL, "NE|NE", ["AA"]),
        (Acknowledging.FAST, "AL|AL", ["AA"]),
        (Acknowledging.ENHANCED, "", ["CA", "AA"]),
        (Acknowledging.ENHANCED, "NE|AL", ["AA"]),
    ],
)
async def test_the_profile_may_say_another_mode_than_the_header(
    mode: Acknowledging, asks: str, told: list[str]
) -> None:
    assert await Desk(source=replace(HIS, acknowledging=mode)).told(f"{HEAD}|||{asks}") == told


async def test_a_sender_that_stops_at_an_error_is_told_only_that_its_message_is_kept() -> None:
    fast = replace(HIS, acknowledging=Acknowledging.FAST)
    desk = Desk(source=fast)
    assert await desk.told(BAD_DATE.format(asks="")) == ["AA"]
    assert desk.kept[0].refusal is not None
    assert await Desk(source=fast, keep_fails=True).told(HEAD) == ["AE not-kept"]
    assert await desk.told(HEAD, fault="broken-frame") == ["AR broken-frame"]


async def test_a_merge_that_takes_too_long_is_no_silence() -> None:
    desk = Desk()
    desk.settles = False
    assert await desk.told(f"{HEAD}|||AL|AL") == ["CA", "AE not-settled"]


async def test_an_application_acknowledgement_asks_for_no_answer_and_has_an_id_of_its_own() -> None:
    answer = await Desk().receive(f"{HEAD}|||AL|AL")
    assert answer.now is not None
    assert answer.later is not None
    later = await answer.later.content()
    assert later is not None
    first, second = read(answer.now, "").segments[0], read(later, "").segments[0]
    assert (first.field(15), first.field(16)) == ("", "")
    assert (second.field(15), second.field(16)) == ("NE", "NE")
    assert first.field(10) != second.field(10)


async def test_an_acknowledgement_of_our_acknowledgement_is_not_answered() -> None:
    assert await Desk().told(f"{HEAD.replace('ADT^A01', 'ACK^A01^ACK')}|||AL|AL\rMSA|CA|H1") == []


async def test_a_source_with_a_listener_of_its_own_is_told_there_once_its_connection_is_gone() -> None:
    outbound = Outbound(host="10.1.2.3", port=2576)
    desk = Desk(source=replace(HIS, outbound=outbound))
    answer = await desk.receive(f"{HEAD}|||AL|AL")
    assert answer.later is not None
    assert answer.later.elsewhere is not None
    await answer.later.elsewhere(b"ack")
    assert desk.delivered == [(outbound, b"ack")]
    nowhere = await Desk().receive(f"{HEAD}|||AL|AL")
    assert nowhere.later is not None
    assert nowhere.later.elsewhere is None


@pytest.mark.parametrize(
    ("said", "profile", "codec", "named"),
    [
        ("测试甲".encode("gb18030"), "", "gb18030", "GB 18030-2000"),
        ("测试甲".encode(), "gb18030", "utf-8", "UNICODE UTF-8"),
        (b"Cesi", "gb18030", "gb18030", "GB 18030-2000"),
        (b"Cesi", "", "utf-8", "UNICODE UTF-8"),
    ],
)
async def test_a_sender_is_answered_in_the_character_set_that_it_writes(
    said: bytes, profile: str, codec: str, named: str
) -> None:
    reception = replace(Desk(source=replace(HIS, charset=profile)).reception, language="zh")
    answer = await reception(Frame(f"{HEAD}\rPID|1||||".encode() + said + b"||1956-99", None))
    assert answer is not None
    text = answer.decode(codec)
    assert "有效的日历日期" in text
    assert text.split("\r")[0].endswith(named)
