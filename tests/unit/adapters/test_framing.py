"""MLLP frames out of bytes."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.hl7v2.framing import Deframer, Frame, frame

LIMIT = 40


def cut(data: bytes, sizes: list[int]) -> list[bytes]:
    chunks, at = [], 0
    for size in sizes:
        chunks.append(data[at : at + size])
        at += size
    return [*chunks, data[at:]]


def frames_of(chunks: list[bytes], limit: int = LIMIT) -> list[Frame]:
    deframer = Deframer(limit)
    found = [found for chunk in chunks for found in deframer.feed(chunk)]
    return found + deframer.close()


def summary(frames: list[Frame]) -> list[tuple[bytes, str]]:
    return [(found.content, found.fault.code if found.fault else "") for found in frames]


def test_a_frame_is_what_stands_between_its_marks() -> None:
    assert summary(frames_of([frame(b"MSH|")])) == [(b"MSH|", "")]


def test_several_frames_in_one_read_come_out_in_order() -> None:
    assert summary(frames_of([frame(b"a") + frame(b"b") + frame(b"c")])) == [
        (b"a", ""),
        (b"b", ""),
        (b"c", ""),
    ]


def test_an_empty_frame_is_a_frame() -> None:
    assert summary(frames_of([frame(b"")])) == [(b"", "")]


def test_blank_bytes_between_frames_are_passed_over() -> None:
    assert summary(frames_of([b"\r\n" + frame(b"a") + b"\n", b" \t" + frame(b"b") + b"\r"])) == [
        (b"a", ""),
        (b"b", ""),
    ]


def test_bytes_before_a_frame_are_handed_out_as_stray() -> None:
    assert summary(frames_of([b"GET / HTTP/1.1\r\n" + frame(b"a")])) == [
        (b"GET / HTTP/1.1\r\n", "stray-bytes"),
        (b"a", ""),
    ]


def test_a_start_inside_a_frame_breaks_the_earlier_one_off() -> None:
    assert summary(frames_of([b"\x0bfirst" + frame(b"second")])) == [
        (b"first", "broken-frame"),
        (b"second", ""),
    ]


def test_a_start_with_nothing_behind_it_is_nothing() -> None:
    assert summary(frames_of([b"\x0b" * 3000])) == []
    assert summary(frames_of([b"\x0b" * 3000 + frame(b"a")])) == [(b"a", "")]


def test_a_frame_without_end_is_handed_out_when_the_connection_ends() -> None:
    assert summary(frames_of([b"\x0bMSH|half"])) == [(b"MSH|half", "broken-frame")]


def test_an_end_mark_split_between_reads_still_ends_the_frame() -> None:
    assert summary(frames_of([b"\x0ba\x1c", b"\r"])) == [(b"a", "")]


def test_a_frame_as_large_as_the_limit_passes_however_it_is_split() -> None:
    content = b"x" * LIMIT
    for at in range(LIMIT + 3):
        assert summary(frames_of(cut(frame(content), [at]))) == [(content, "")]


def test_a_frame_beyond_the_limit_keeps_its_beginning_and_the_next_one_is_read() -> None:
    found = frames_of([frame(b"x" * 100) + frame(b"next")])
    assert summary(found) == [(b"x" * LIMIT, "frame-too-large"), (b"next", "")]
    assert found[0].fault is not None
    assert str(LIMIT) in str(found[0].fault)


def test_a_frame_beyond_the_limit_is_reported_before_it_ends() -> None:
    deframer = Deframer(LIMIT)
    assert summary(deframer.feed(b"\x0b" + b"x" * 100)) == [(b"x" * LIMIT, "frame-too-large")]
    assert deframer.feed(b"x" * 100) == []
    assert deframer.waiting
    assert summary(deframer.feed(b"\x1c\r" + frame(b"next"))) == [(b"next", "")]
    assert not deframer.waiting


def test_what_is_held_is_bounded_by_the_limit() -> None:
    deframer = Deframer(LIMIT)
    for opening in (b"", b"\x0b"):
        deframer.feed(opening)
        for _ in range(50):
            deframer.feed(b"y" * LIMIT)
        assert len(deframer._buffer) <= 2 * LIMIT


@pytest.mark.parametrize("character", ["丂", "丆", "亅", "䶮", "𬎆"])
def test_gb18030_characters_never_look_like_a_mark(character: str) -> None:
    content = f"PID|||{character * 5}".encode("gb18030")
    assert summary(frames_of([frame(content)])) == [(content, "")]


def test_a_frame_in_thousands_of_small_reads_costs_no_more_than_its_length() -> None:
    def seconds(size: int) -> float:
        data = frame(b"z" * size)
        deframer = Deframer(10 * size)
        begun = time.perf_counter()
        for at in range(0, len(data), 64):
            deframer.feed(data[at : at + 64])
        return time.perf_counter() - begun

    short = min(seconds(200_000) for _ in range(3))
    assert min(seconds(1_600_000) for _ in range(3)) < 8 * 4 * short  # a search from the start would take 64 times


pieces = st.lists(
    st.one_of(
        st.binary(max_size=60),
        st.binary(max_size=60).map(frame),
        st.text("MSH|王𬎆\r\n", max_size=30).map(lambda text: frame(text.encode("gb18030"))),
        st.sampled_from([b"\x0b", b"\x1c", b"\r", b"\x1c\r", b"\n", b" \r\n", b"junk"]),
    ),
    max_size=12,
).map(b"".join)


@settings(deadline=None)
@given(pieces, st.lists(st.integers(0, 20), max_size=60))
def test_the_same_bytes_give_the_same_frames_however_they_are_split(data: bytes, sizes: list[int]) -> None:
    assert summary(frames_of(cut(data, sizes))) == summary(frames_of([data]))
    assert summary(frames_of(cut(data, [1] * len(data)))) == summary(frames_of([data]))


@settings(deadline=None)
@given(st.lists(st.binary(max_size=LIMIT).filter(lambda content: not set(content) & {0x0B, 0x1C}), max_size=8))
def test_what_was_framed_comes_out_again(contents: list[bytes]) -> None:
    joined = b"".join(frame(content) for content in contents)
    assert summary(frames_of([joined])) == [(content, "") for content in contents]


@settings(deadline=None)
@given(pieces)
def test_every_byte_that_is_no_mark_and_no_blank_ends_in_a_frame(data: bytes) -> None:
    marks = b"\x0b\x1c\r\n\t "
    kept = b"".join(found.content for found in frames_of([data], limit=10_000))
    assert kept.translate(None, marks) == data.translate(None, marks)
