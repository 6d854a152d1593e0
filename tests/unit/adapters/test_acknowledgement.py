"""Acknowledgements from the template; each is parsed by hl7apy and by our own tokenizer."""

from datetime import datetime, timedelta, timezone
from string import Formatter

import pytest
from hl7apy.parser import parse_message
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.hl7v2.acknowledgement import acknowledge, code_for, condition_for
from adapters.hl7v2.header import Header, read_header
from adapters.hl7v2.reading import read
from hub.errors import Refusal, refuse
from hub.message import V2Message
from hub.wordings import WORDINGS

AT = datetime(2026, 1, 5, 9, 30, tzinfo=timezone(timedelta(hours=8)))
VERSIONS = ["2.1", "2.2", "2.3", "2.3.1", "2.4", "2.5", "2.5.1", "2.6", "2.7", "2.8", "2.8.1", "2.8.2"]
# Every refusal in the two layouts of ERR, and a few in every version: hl7apy takes its time.
CASES = [(version, code) for version in ("2.4", "2.5.1") for code in WORDINGS]
CASES += [(version, code) for version in (*VERSIONS, "2.7.1", "", "x") for code in ("", "internal", "impossible-date")]


def refusal_of(code: str) -> Refusal:
    """A refusal of that code with something in each of its wording's places."""
    wording = WORDINGS[code]
    text = "".join((wording.en, wording.zh, wording.next_en, wording.next_zh))
    names = {name for _, name, _, _ in Formatter().parse(text) if name} - {"where"}
    return refuse(code, "PID-3[2].1", **dict.fromkeys(names, "x")).refusal


def header(version: str = "2.5.1", kind: str = "ADT^A01", charset: str = "") -> Header:
    line = f"MSH|^~\\&|HIS^1.2^ISO|ZYY|EAI|HUB|20260105||{kind}|C 17|P|{version}||||||{charset}"
    return read_header(line.encode())


def answer(head: Header | None, refusal: Refusal | None = None) -> V2Message:
    raw = acknowledge(head, at=AT, control_id="H1", refusal=refusal)
    if head is None or head.version in VERSIONS:
        parse_message(raw.decode(), find_groups=False)
    return read(raw, "utf-8")


@pytest.mark.parametrize(("version", "code"), CASES)
def test_every_answer_is_a_message_that_names_the_one_it_answers(version: str, code: str) -> None:
    refusal = refusal_of(code) if code else None
    found = answer(header(version), refusal)
    msh, msa = found.segments[0], found.first("MSA")
    assert msa is not None
    assert (msa.field(1), msa.field(2)) == (code_for(refusal), "C 17")
    assert [msh.field(n) for n in (3, 4, 5, 6)] == ["EAI", "HUB", "HIS^1.2^ISO", "ZYY"]
    assert (msh.field(7), msh.field(10), msh.field(12)) == ("20260105093000+0800", "H1", version or "2.5.1")
    assert len(found.segments) == (3 if refusal else 2)


def test_one_instant_is_said_in_the_zone_of_each_sender() -> None:
    zones = [timezone(timedelta(hours=hours)) for hours in (8, 0, -3)]
    said = [read(acknowledge(header(), at=AT.astimezone(zone), control_id="H1"), "utf-8") for zone in zones]
    assert [one.segments[0].field(7) for one in said] == [
        "20260105093000+0800",
        "20260105013000+0000",
        "20260104223000-0300",
    ]


@pytest.mark.parametrize(
    ("version", "kind"),
    [("2.2", "ACK"), ("2.3", "ACK"), ("2.3.1", "ACK^A01"), ("2.4", "ACK^A01^ACK"), ("2.5.1", "ACK^A01^ACK")],
)
def test_the_message_type_has_the_shape_of_the_senders_version(version: str, kind: str) -> None:
    assert answer(header(version)).segments[0].field(9) == kind


def test_without_an_event_the_answer_names_none() -> None:
    assert answer(header(kind="ADT")).segments[0].field(9) == "ACK"


def test_from_2_5_on_the_error_says_where_what_and_what_next() -> None:
    refusal = refuse("wrong-check-digit", "PID-3[2].1").refusal
    found = answer(header("2.5"), refusal)
    err, msa = found.first("ERR"), found.first("MSA")
    assert err is not None
    assert msa is not None
    assert err.field(2) == "PID^1^3^2^1"
    assert err.field(3) == "102^Data type error^HL70357"
    assert (err.field(4), err.component(5)) == ("E", "wrong-check-digit")
    assert err.component(7) == refusal.message()
    assert refusal.next_step("zh") in err.component(8)
    assert refusal.next_step("en") in err.component(8)
    assert msa.component(3) == f"{refusal.message()} {refusal.next_step()}"


def test_up_to_2_4_the_error_is_one_field_and_the_next_step_stands_in_msa_3() -> None:
    refusal = refuse("impossible-date", "PID-7").refusal
    found = answer(header("2.4"), refusal)
    err, msa = found.first("ERR"), found.first("MSA")
    assert err is not None
    assert msa is not None
    assert refusal.next_step() in msa.component(3)
    assert err.field(1) == "PID^1^7^102&Data type error&HL70357"


@pytest.mark.parametrize(
    ("where", "location"),
    [
        ("PID-7", "PID^1^7^1"),
        ("OBX[2]-5", "OBX^2^5^1"),
        ("PID-3.4.2", "PID^1^3^1^4^2"),
        ("MSH", "MSH^1"),
        ("MSH-3, MSH-4", "MSH^1^3^1"),
        ("", ""),
        ("Bundle.type", ""),
    ],
)
def test_a_position_becomes_a_location(where: str, location: str) -> None:
    err = answer(header(), refuse("impossible-date", where).refusal).first("ERR")
    assert err is not None
    assert err.field(2) == location


@pytest.mark.parametrize(
    ("refusal", "code"),
    [
        (None, "AA"),
        (refuse("unreadable-frame", "MSH").refusal, "AR"),
        (refuse("unknown-source", "MSH-3").refusal, "AR"),
        (refuse("unknown-message-type", "MSH-9", type="X", known="").refusal, "AR"),
        (refuse("missing-field", "MSH-10").refusal, "AR"),
        (refuse("missing-field", "PID-3").refusal, "AE"),
        (refuse("impossible-date", "PID-7").refusal, "AE"),
        (refuse("wrong-charset", "MSH-18", charset="x", position="1").refusal, "AE"),
        (refuse("internal", reference="1").refusal, "AE"),
    ],
)
def test_a_refused_message_is_rejected_and_refused_content_is_an_error(refusal: Refusal | None, code: str) -> None:
    assert code_for(refusal) == code


def test_an_unknown_event_of_a_known_type_is_told_from_an_unknown_type() -> None:
    known = "ADT^A01, ORU^R01"
    assert condition_for(refuse("unknown-message-type", type="ADT^ZP1", known=known).refusal) == "201"
    assert condition_for(refuse("unknown-message-type", type="MFN^M01", known=known).refusal) == "200"


def test_without_a_header_the_answer_rejects_without_naming_a_message() -> None:
    found = answer(None, refuse("unreadable-frame", "MSH").refusal)
    assert found.segments[0].field(12) == "2.5.1"
    assert [found.segments[1].field(n) for n in (1, 2)] == ["AR", ""]
    assert answer(None).segments[1].field(1) == "AR"


def test_the_character_set_is_named_where_there_is_more_than_ascii() -> None:
    assert answer(header()).segments[0].field(18) == ""
    assert answer(header(), refuse("no-patient", "PID").refusal).segments[0].field(18) == "UNICODE UTF-8"
    named = read_header("MSH|^~\\&|HIS|测试院|||||ADT^A01|1|P|2.4".encode("gbk"))
    found = answer(named)
    assert (found.segments[0].field(6), found.segments[0].field(18)) == ("测试院", "UNICODE UTF-8")


def test_the_answer_is_written_with_the_senders_separators() -> None:
    head = read_header(b"MSH$%*/!$HIS$F$$$$$ADT%A01$5$P$2.5.1")
    raw = acknowledge(head, at=AT, control_id="H1", refusal=refuse("no-patient", "PID-3").refusal)
    found = read(raw, "")
    assert raw.startswith(b"MSH$%*/!$")
    assert found.segments[0].component(9, 3) == "ACK"


@settings(deadline=None)
@given(st.text(max_size=30))
def test_text_cannot_break_out_of_its_field(text: str) -> None:
    text = text.encode("utf-8", "replace").decode()
    refusal = refuse("bad-setting", "PID-3", reason=text).refusal
    raw = acknowledge(header(), at=AT, control_id="H1", refusal=refusal)
    assert raw.count(b"\r") == 3
    assert not set(raw) & {0x0A, 0x0B, 0x1C}
    err = read(raw, "").first("ERR")
    assert err is not None
    shown = "".join(" " if character < " " else character for character in refusal.message())
    assert err.component(7) == shown
