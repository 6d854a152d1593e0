"""Request bodies: packed, cut short, too large, or never ending."""

import asyncio
import gzip
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request

from adapters.http import charset_of, content_type_of, limited_body
from hub.errors import Refused
from tests.unit.adapters.fhir_door import Door, packed, patient


def raw_deflate(content: bytes) -> bytes:
    packing = zlib.compressobj(wbits=-15)
    return packing.compress(content) + packing.flush()


PACKINGS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "x-gzip": gzip.compress,
    "deflate": zlib.compress,
    "DEFLATE": raw_deflate,
}


def request_of(chunks: Iterator[bytes], headers: dict[str, str], *, then: str = "http.request") -> Request:
    """A request whose body comes in these chunks; `then` is what comes after them."""

    async def receive() -> dict[str, object]:
        for chunk in chunks:
            return {"type": "http.request", "body": chunk, "more_body": True}
        if then == "silence":
            await asyncio.sleep(60)
        return {"type": then, "body": b"", "more_body": False}

    lines = [(name.encode(), value.encode()) for name, value in headers.items()]
    return Request({"type": "http", "method": "POST", "path": "/", "headers": lines}, receive)


async def read(body: bytes, encoding: str = "", *, size: int = 7, most: int = 10_000, **more: str) -> bytes:
    chunks = (body[at : at + size] for at in range(0, len(body), size))
    return await limited_body(request_of(chunks, {"content-encoding": encoding, **more}), most)


async def refused(body: bytes, encoding: str = "", **more: object) -> str:
    """The code of its refusal."""
    with pytest.raises(Refused) as caught:
        await read(body, encoding, **more)  # type: ignore[arg-type]
    return caught.value.refusal.code


@given(content=st.binary(max_size=3000), size=st.integers(1, 4000), encoding=st.sampled_from(sorted(PACKINGS)))
def test_a_packed_body_is_unpacked_however_it_is_cut(content: bytes, size: int, encoding: str) -> None:
    assert asyncio.run(read(PACKINGS[encoding](content), encoding, size=size)) == content


@given(st.lists(st.binary(max_size=500), min_size=1, max_size=5), st.integers(1, 50))
def test_the_members_of_a_gzip_body_are_one_body(members: list[bytes], size: int) -> None:
    body = b"".join(map(gzip.compress, members))
    assert asyncio.run(read(body, "gzip", size=size)) == b"".join(members)


@given(
    content=st.binary(min_size=1, max_size=500), cut=st.integers(1, 10), encoding=st.sampled_from(["gzip", "deflate"])
)
def test_a_packed_body_without_its_end_is_refused(content: bytes, cut: int, encoding: str) -> None:
    body = PACKINGS[encoding](content)
    assert asyncio.run(refused(body[: max(len(body) - cut, 1)], encoding)) == "not-unpackable"


@given(st.binary(min_size=2, max_size=100), st.sampled_from(["gzip", "deflate"]))
def test_no_bytes_break_the_unpacking(body: bytes, encoding: str) -> None:
    with suppress(Refused):  # anything else would be a fault of ours
        asyncio.run(read(body, encoding))


async def test_the_limit_holds_to_the_byte_packed_and_plain() -> None:
    for encoding, pack in {"": bytes, **PACKINGS}.items():
        assert len(await read(pack(b"a" * 1000), encoding, most=1000)) == 1000
        assert await refused(pack(b"a" * 1001), encoding, most=1000) == "frame-too-large"


async def test_a_bomb_is_given_up_before_it_is_unpacked() -> None:
    bomb = gzip.compress(b"\0" * 200_000_000, 1, mtime=0)
    chunks = iter([bomb[at : at + 65536] for at in range(0, len(bomb), 65536)])
    tracemalloc.start()
    with pytest.raises(Refused) as caught:
        await limited_body(request_of(chunks, {"content-encoding": "gzip"}), 1_000_000)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert caught.value.refusal.code == "frame-too-large"
    assert peak < 4_000_000, "little more than the limit"


async def test_members_that_hold_nothing_do_not_go_on_for_ever() -> None:
    empty = gzip.compress(b"", mtime=0)
    chunks = (empty for _ in iter(int, 1))
    with pytest.raises(Refused) as caught:
        await limited_body(request_of(chunks, {"content-encoding": "gzip"}), 10_000)
    assert caught.value.refusal.code == "frame-too-large"


@pytest.mark.parametrize("encoding", ["br", "gzip, gzip", "compress", "zstd", "测试"])
async def test_another_packing_is_refused_with_those_that_are_taken(encoding: str) -> None:
    response = await Door().ask(
        "POST", "/fhir", b"x", {"content-encoding": encoding.encode().decode("ascii", "replace").replace("\ufffd", "?")}
    )
    assert response.status_code == 415
    assert response.headers["accept-encoding"] == "gzip, deflate"


async def test_a_declared_length_above_the_limit_is_refused_and_a_sender_that_asks_first_need_not_send() -> None:
    def none() -> Iterator[bytes]:
        raise AssertionError("a byte was read")
        yield b""

    for length in ("10001", "9" * 400):
        with pytest.raises(Refused) as caught:
            await limited_body(request_of(none(), {"content-length": length, "expect": "100-continue"}), 10_000)
        assert caught.value.refusal.code == "frame-too-large"


async def test_a_refused_body_goes_by_before_the_answer_but_not_for_ever() -> None:
    for encoding in ("br", ""):
        chunks = iter([b"x" * 100] * 500)
        with pytest.raises(Refused):
            await limited_body(request_of(chunks, {"content-encoding": encoding}), 10_000)
        left = sum(1 for _ in chunks)
        assert 500 - left in (101, 202), "so that the sender can read why"


@pytest.mark.parametrize("length", ["1", "9000", "x", "-1", "²", ""])
async def test_a_declared_length_that_lies_is_not_believed(length: str) -> None:
    lines = {"content-length": length.encode().decode("latin-1")}
    assert await limited_body(request_of(iter([b"abc", b"def"]), lines), 10_000) == b"abcdef"


async def test_a_sender_that_leaves_or_falls_silent_is_told_so() -> None:
    with pytest.raises(Refused) as caught:
        await limited_body(request_of(iter([b"{"]), {}, then="http.disconnect"), 100)
    assert caught.value.refusal.code == "broken-body"
    with pytest.raises(Refused) as caught:
        await limited_body(request_of(iter([b"{"]), {}, then="silence"), 100, patience=0.05)
    assert caught.value.refusal.code == "body-too-slow"


async def test_a_packed_request_is_kept_unpacked() -> None:
    door = Door()
    response = await door.ask("POST", "/fhir", packed(patient()), {"content-encoding": "gzip"})
    assert response.status_code == 201
    assert orjson.loads(door.only.raw) == patient()


@pytest.mark.parametrize(
    ("sent", "type_", "charset"),
    [
        ("", "", ""),
        ("text/xml", "text/xml", ""),
        ('Text/XML ; action="x"; Charset="GBK"', "text/xml", "gbk"),
        ("application/json;charset=utf-8", "application/json", "utf-8"),
    ],
)
def test_a_content_type_is_a_type_and_its_charset(sent: str, type_: str, charset: str) -> None:
    request = request_of(iter(()), {"content-type": sent})
    assert (content_type_of(request), charset_of(request)) == (type_, charset)
