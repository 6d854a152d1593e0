"""The MLLP client against receivers that behave, and receivers that do not, on real loopback sockets."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from adapters.hl7v2.answering import Answer
from adapters.hl7v2.client import (
    Acknowledgement,
    MllpClient,
    Patience,
    Receiver,
    deliver,
    read_acknowledgement,
    receiver_of,
)
from adapters.hl7v2.framing import Frame, frame
from adapters.hl7v2.header import read_header
from adapters.hl7v2.tls import client_context, server_context
from hub.errors import Refused
from hub.message import Outbound
from tests.unit.adapters.certificates import authority
from tests.unit.adapters.test_listener import listening, until

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def message(control_id: str = "7") -> bytes:
    return f"MSH|^~\\&|HUB||HIS||||ADT^A01|{control_id}|P|2.4\rPID|1\r".encode()


def ack(control_id: str = "7", code: str = "AA", more: str = "") -> bytes:
    return f"MSH|^~\\&|HIS||HUB||||ACK|H1|P|2.4\rMSA|{code}|{control_id}|{more}\r".encode()


async def one_frame(reader: asyncio.StreamReader) -> bytes:
    return (await reader.readuntil(b"\x1c\r"))[1:-2]


@asynccontextmanager
async def serving(serve: Serve) -> AsyncIterator[int]:
    """A receiver that does as told with each connection; its port."""
    ends: list[asyncio.StreamWriter] = []

    async def taken(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        ends.append(writer)
        try:
            await serve(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(taken, "127.0.0.1", 0)
    try:
        yield int(server.sockets[0].getsockname()[1])
    finally:
        server.close()
        for writer in ends:
            writer.transport.abort()
        await server.wait_closed()


def client_to(port: int, *, tries: int = 3, answer: float = 5, naps: list[float] | None = None) -> MllpClient:
    async def sleep(seconds: float) -> None:
        if naps is not None:
            naps.append(seconds)

    return MllpClient(
        Receiver(host="127.0.0.1", port=port, answer=answer),
        patience=Patience(tries=tries, first=1, longest=3),
        chance=lambda: 0.5,
        sleep=sleep,
    )


async def test_many_messages_go_over_one_connection_each_after_the_others_answer() -> None:
    connections = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        while True:
            writer.write(frame(ack(read_header(await one_frame(reader)).control_id)))

    async with serving(serve) as port, client_to(port) as client:
        found = await asyncio.gather(*(client.send(message(str(number))) for number in range(50)))
    assert [one.control_id for one in found] == [str(number) for number in range(50)]
    assert all(one.is_accepted for one in found)
    assert connections == 1


async def test_an_answer_to_another_message_is_not_taken_for_its_own() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await one_frame(reader)
        writer.write(frame(ack("6")) + frame(b"garbage") + frame(b"MSH|^~\\&|X\r") + frame(ack("7", "AE", "why")))
        await reader.read()

    async with serving(serve) as port, client_to(port) as client:
        found = await client.send(message())
    assert (found.code, found.control_id, found.text, found.is_accepted) == ("AE", "7", "why", False)


async def test_an_answer_that_names_no_message_is_that_of_the_only_one_under_way() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await one_frame(reader)
        writer.write(frame(ack("", "AR")))
        await reader.read()

    async with serving(serve) as port, client_to(port) as client:
        assert (await client.send(message())).code == "AR"


async def test_an_answer_may_come_in_pieces() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await one_frame(reader)
        for byte in frame(ack()):
            writer.write(bytes([byte]))
            await asyncio.sleep(0.001)
        await reader.read()

    async with serving(serve) as port, client_to(port) as client:
        assert (await client.send(message())).code == "AA"


async def test_a_message_whose_connection_fails_is_sent_again_ever_more_slowly() -> None:
    seen: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await one_frame(reader))
        if len(seen) == 4:
            writer.write(frame(ack()))
            await reader.read()

    naps: list[float] = []
    async with serving(serve) as port, client_to(port, tries=4, naps=naps) as client:
        assert (await client.send(message())).is_accepted
    assert seen == [message()] * 4, "as it is: the control id tells the receiver that it has it already"
    assert naps == [0.5, 1.0, 1.5]


async def test_a_connection_that_the_receiver_closed_meanwhile_is_opened_anew_without_a_wait() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(frame(ack(read_header(await one_frame(reader)).control_id)))

    naps: list[float] = []
    async with serving(serve) as port, client_to(port, naps=naps) as client:
        for number in range(3):
            await client.send(message(str(number)))
            await asyncio.sleep(0.05)
    assert naps == []


async def test_a_receiver_that_is_silent_or_closes_is_named() -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async def closing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await one_frame(reader)

    for serve in (silent, closing):
        async with serving(serve) as port, client_to(port, tries=2, answer=0.1) as client:
            with pytest.raises(Refused) as refused:
                await client.send(message())
        assert refused.value.refusal.code == "no-acknowledgement"
        assert refused.value.refusal.where == f"127.0.0.1:{port}"


async def test_nobody_listening_is_said_after_all_tries() -> None:
    async def never(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        raise AssertionError

    async with serving(never) as port:
        pass
    naps: list[float] = []
    async with client_to(port, naps=naps) as client:
        with pytest.raises(Refused) as refused:
            await client.send(message())
    assert refused.value.refusal.code == "no-connection"
    assert len(naps) == 2


async def test_a_late_answer_is_never_that_of_the_next_message() -> None:
    connections = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        first = connections == 1
        await one_frame(reader)
        if first:
            await asyncio.sleep(0.3)
        writer.write(frame(ack(code="AE" if first else "AA")))
        await reader.read()

    async with serving(serve) as port, client_to(port, answer=0.1) as client:
        assert (await client.send(message())).code == "AA"
    assert connections == 2


async def test_giving_up_half_way_leaves_no_connection_that_would_mix_up_answers() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        control_id = read_header(await one_frame(reader)).control_id
        if control_id == "1":
            await asyncio.sleep(0.2)
        writer.write(frame(ack("", "AA" if control_id == "2" else "AE")))
        await reader.read()

    async with serving(serve) as port, client_to(port) as client:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(client.send(message("1")), 0.05)
        assert (await client.send(message("2"))).code == "AA"


async def test_a_large_message_and_an_answer_that_comes_before_its_end() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(100)
        writer.write(frame(ack(code="AR")))
        while await reader.read(65_536):
            pass

    async with serving(serve) as port, client_to(port) as client:
        assert (await client.send(message() + b"ZZZ|" + b"x" * 5_000_000)).code == "AR"


@pytest.mark.parametrize(("content", "code"), [(b"PID|1", "unreadable-frame"), (message(""), "missing-field")])
async def test_what_cannot_be_answered_to_is_not_sent(content: bytes, code: str) -> None:
    with pytest.raises(Refused) as refused:
        await client_to(1).send(content)
    assert refused.value.refusal.code == code


async def test_over_tls_both_sides_show_who_they_are(tmp_path: Path) -> None:
    signer = authority(tmp_path)
    names: list[frozenset[str]] = []

    async def door(received: Frame) -> Answer:
        assert received.peer is not None
        names.append(received.peer.names)
        return Answer(ack())

    tls = server_context(signer.sign("localhost"), client_ca=signer.file)
    async with listening(door, tls=tls) as listener:
        shown = client_context(signer.file, signer.sign("hub.test"))
        good = Receiver(host="127.0.0.1", port=listener.port, tls=shown, server_name="localhost")
        async with MllpClient(good) as client:
            assert (await client.send(message())).is_accepted
        wrong = Receiver(host="127.0.0.1", port=listener.port, tls=shown, server_name="other.test")
        async with MllpClient(wrong, patience=Patience(tries=1)) as client:
            with pytest.raises(Refused) as refused:
                await client.send(message())
    assert names == [frozenset({"hub.test"})]
    assert refused.value.refusal.code == "no-connection"
    assert "other.test" in refused.value.refusal.given["reason"]


async def test_an_acknowledgement_is_delivered_and_nothing_is_waited_for() -> None:
    seen: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await one_frame(reader))
        await reader.read()

    async with serving(serve) as port:
        await deliver(Outbound(host="127.0.0.1", port=port), ack())
        await until(lambda: bool(seen))
    assert seen == [ack()]


def test_waits_grow_to_a_limit_and_are_spread() -> None:
    patience = Patience(first=0.5, longest=4)
    assert [patience.before(number, lambda: 1.0) for number in range(7)] == [0, 0.5, 1, 2, 4, 4, 4]
    assert patience.before(3, lambda: 0.25) == 0.5
    assert patience.before(10_000, lambda: 1.0) == 4


def test_an_acknowledgement_is_read_in_its_own_characters_with_its_errors() -> None:
    raw = ack(more="拒绝") + b"ERR|||207\rERR|||101\r"
    assert read_acknowledgement(raw.decode().encode("gb18030")) == Acknowledgement(
        code="AA",
        control_id="7",
        text="拒绝",
        errors=("ERR|||207", "ERR|||101"),
        raw=raw.decode().encode("gb18030"),
    )
    assert read_acknowledgement(message()) is None
    assert read_acknowledgement(b"hello") is None


def test_a_profiles_outbound_says_where_and_how(tmp_path: Path) -> None:
    found = receiver_of(Outbound(host="10.0.0.1", port=1, seconds=7))
    assert (str(found), found.tls, found.answer) == ("10.0.0.1:1", None, 7)
    signed = authority(tmp_path)
    assert receiver_of(Outbound(host="::1", port=1, tls=True, ca=str(signed.file))).tls is not None
    assert str(Receiver(host="::1", port=1)) == "[::1]:1"
    with pytest.raises(Refused):
        receiver_of(Outbound(host="h", port=1, tls=True, ca=str(tmp_path / "absent.pem")))
