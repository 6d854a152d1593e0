"""What a message is told apart, found and ordered by."""

from dataclasses import replace
from datetime import timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.hl7v2.keys import digest_of, keys_of
from adapters.hl7v2.tokenizer import tokenize
from adapters.keys import MOST, Keys
from hub.message import Format, IdentifierRule, Source, Transport
from tests.unit.adapters.messages import ADMISSION, message

HIS = Source(
    name="his",
    organisation="测试医院",
    format=Format.HL7V2,
    transports=frozenset({Transport.MLLP}),
    time_zone=timezone(timedelta(hours=8)),
    identifiers=(
        IdentifierRule(type="IDCard", kind="visit-card", of_patient=True),
        IdentifierRule(type="PatientNO", kind="inpatient-number", of_patient=True),
        IdentifierRule(type="IdentifyNO", kind="citizen-id"),
    ),
)
HEAD = "MSH|^~\\&|HIS|ZYY|EAI|HUB|{at}||ADT^A01|7|P|2.4"


def keys(*segments: str) -> Keys:
    return keys_of(tokenize(message(*segments)), HIS)


# -- the digest ------------------------------------------------------------------------------------------------------


def test_a_message_sent_again_with_a_new_time_says_the_same() -> None:
    first, again, later = (f"{HEAD.format(at=at)}\rPID|1".encode() for at in ("20260101", "", "20260102030405+0800"))
    assert digest_of(first) == digest_of(again) == digest_of(later)


@pytest.mark.parametrize("field", [3, 4, 5, 6, 8, 9, 10, 11, 12])
def test_any_other_field_makes_another_message(field: int) -> None:
    fields = HEAD.format(at="20260101").split("|")
    other = "|".join([*fields[: field - 1], "other", *fields[field:]])
    assert digest_of(HEAD.format(at="20260101").encode()) != digest_of(other.encode())


def test_the_rest_of_the_message_counts() -> None:
    head = HEAD.format(at="1")
    assert digest_of(f"{head}\rPID|1".encode()) != digest_of(f"{head}\rPID|2".encode())
    assert digest_of(f"{head}\rPID|1||||||20260101".encode()) != digest_of(f"{head}\rPID|1||||||20260102".encode())


@pytest.mark.parametrize("end", ["\r", "\n", "\r\n"])
@pytest.mark.parametrize("lead", [b"", b"\xef\xbb\xbf", b"\r\n"])
@pytest.mark.parametrize("mark", ["|", "#"])
def test_marks_before_it_and_the_ends_of_its_segments_say_nothing(end: str, lead: bytes, mark: str) -> None:
    text = f"{HEAD.format(at='20260101')}\rPID|1||测试\r".replace("|", mark)
    sent = lead + text.replace("\r", end).replace("20260101", "20269999").encode()
    assert digest_of(sent) == digest_of(text.encode())


def test_a_hanzi_whose_second_byte_looks_like_a_separator_moves_no_field() -> None:
    assert "亅".encode("gb18030")[1:] == b"|"
    first, again = (HEAD.replace("ZYY", "亅亅").format(at=at).encode("gb18030") for at in ("20260101", "20260102"))
    assert digest_of(first) == digest_of(again)
    shifted = HEAD.replace("ZYY", "亅亅").replace("|HUB|", "|HUX|").format(at="20260101").encode("gb18030")
    assert digest_of(first) != digest_of(shifted)


@given(st.binary(max_size=60))
def test_any_bytes_have_a_digest(raw: bytes) -> None:
    assert len(digest_of(raw)) == 32
    assert len(digest_of(b"MSH" + raw)) == 32


@given(
    st.text(st.characters(codec="gb18030", exclude_characters="\r\n"), max_size=20),
    st.sampled_from(["utf-8", "gb18030"]),
)
def test_the_time_is_left_out_in_every_character_set(name: str, codec: str) -> None:
    first, again = (
        f"{HEAD.format(at=at)}\rPID|{name}".replace("ZYY", name.replace("|", "")).encode(codec) for at in ("1", "22")
    )
    assert digest_of(first) == digest_of(again)


# -- numbers, names, lanes -------------------------------------------------------------------------------------------


def test_an_admission_gives_its_numbers_its_name_and_one_lane() -> None:
    assert keys_of(tokenize(ADMISSION), HIS) == Keys(
        numbers=("0000000123", "37109919560312001X"), names=("测试甲",), lanes=("his|visit-card|0000000123",)
    )


def test_every_number_of_pid_and_mrg_is_found_once() -> None:
    pid = 'PID|1|A|B^^^^IDCard~A~~^^^^IdentifyNO~""|||||||||||||||C^^^^VN|D'
    assert keys(pid, "MRG|E~B").numbers == ("B", "A", "C", "D", "E")


def test_the_lane_is_the_number_that_the_profile_names_first_in_whatever_order_it_is_sent() -> None:
    one = keys("PID|1||5^^^^IdentifyNO~2^^^^patientNo~1^^^^IDCARD~9")
    other = keys("PID|1||1^^^^IDCard~9~2^^^^PatientNO")
    assert one.lanes == other.lanes == ("his|visit-card|1",)
    assert keys("PID|1||9^^^^LocalID").lanes == ("his|localid|9",)
    assert keys("PID|1|7^^^^IDCard").lanes == ("his|visit-card|7",)
    assert keys('PID|1||~""').lanes == keys("PV1|1").lanes == ()


def test_a_merge_holds_the_lanes_of_both_patients() -> None:
    found = keys("PID|1||1^^^^IDCard", "MRG|2^^^^PatientNO~3^^^^IDCard")
    assert found.lanes == ("his|visit-card|1", "his|visit-card|3", "his|inpatient-number|2")


def test_a_link_holds_the_lanes_of_every_patient_in_it() -> None:
    assert keys("PID|1||1^^^^IDCard", "PID|2||2^^^^IDCard").lanes == ("his|visit-card|1", "his|visit-card|2")


def test_another_sources_patient_of_that_number_has_another_lane() -> None:
    text = tokenize(message("PID|1||1^^^^IDCard"))
    assert keys_of(text, HIS).lanes != keys_of(text, replace(HIS, name="lis")).lanes


@pytest.mark.parametrize(
    ("sent", "names"),
    [
        ("测试甲", ("测试甲",)),
        ("测试甲^ceshijia", ("测试甲", "ceshijia")),
        ("测^试甲", ("测", "测试甲")),
        ("测  试", ("测  试", "测试")),
        ("TEST^ONE", ("TEST", "TEST ONE")),
        ("测试甲~测试乙^^^^^1", ("测试甲", "测试乙")),
        ("^^^^^1", ()),
        ('""', ()),
    ],
)
def test_a_name_is_found_as_people_say_it(sent: str, names: tuple[str, ...]) -> None:
    assert keys(f"PID|1||||{sent}").names == names


def test_keys_are_bounded_however_often_a_field_repeats() -> None:
    found = keys("PID|1||" + "~".join(f"{number}^^^^IDCard" for number in range(10_000)) + "||" + "长" * 10_000)
    assert len(found.numbers) == MOST
    assert [len(name) for name in found.names] == [200]
    assert len(keys("MRG|" + "~".join(map(str, range(10_000)))).lanes) == MOST


def test_a_key_is_text_that_a_database_holds() -> None:
    found = keys("PID|1||1\0\x07^^^^IDCard||测\0试")
    assert (found.numbers, found.names, found.lanes) == (("1",), ("测试",), ("his|visit-card|1",))
