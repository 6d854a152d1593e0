"""MLLP over TLS, on real loopback sockets."""

import asyncio
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from adapters.hl7v2 import listener as listening_module
from adapters.hl7v2.answering import NO_ANSWER, Answer
from adapters.hl7v2.framing import Frame, Peer, frame
from adapters.hl7v2.tls import client_context, names_of, server_context
from hub.errors import Refused
from tests.unit.adapters.certificates import Authority, authority
from tests.unit.adapters.test_listener import Desk, answers, connected, listening, until


@pytest.fixture
def signer(tmp_path: Path) -> Authority:
    return authority(tmp_path)


class Door:
    """Remembers who sent."""

    def __init__(self) -> None:
        self.peers: list[Peer | None] = []

    async def __call__(self, received: Frame) -> Answer:
        self.peers.append(received.peer)
        return Answer(b"ACK")


async def test_frames_pass_through_tls_and_a_closed_connection_is_forgotten(signer: Authority) -> None:
    desk = Desk()
    async with listening(desk, tls=server_context(signer.sign("localhost"))) as listener:
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", listener.port, ssl=client_context(signer.file), server_hostname="localhost"
        )
        writer.write(b"".join(frame(str(number).encode()) for number in range(100)) + b"\x0bhalf")
        assert await answers(reader, 100) == [f"ACK {number}".encode() for number in range(100)]
        writer.close()
        await until(lambda: not listener.connections)
    assert desk.seen[-1] == (b"half", "broken-frame")


async def test_the_names_of_a_client_certificate_come_with_every_frame(signer: Authority) -> None:
    door = Door()
    tls = server_context(signer.sign("localhost"), client_ca=signer.file)
    async with listening(door, tls=tls) as listener:
        shown = client_context(signer.file, signer.sign("his.renmin.test"))
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", listener.port, ssl=shown, server_hostname="localhost"
        )
        writer.write(frame(b"a") + frame(b"b"))
        await answers(reader, 2)
        writer.close()
    assert door.peers == [Peer("127.0.0.1", frozenset({"his.renmin.test"}))] * 2


async def test_a_sender_without_a_certificate_or_with_a_strangers_gets_no_word_in(
    signer: Authority, tmp_path: Path
) -> None:
    door = Door()
    (tmp_path / "other").mkdir()
    stranger = authority(tmp_path / "other", "stranger").sign("his.renmin.test")
    async with listening(door, tls=server_context(signer.sign("localhost"), client_ca=signer.file)) as listener:
        for certificate in (None, stranger):
            with suppress(OSError):  # TLS 1.3 tells a client only when it reads
                reader, writer = await asyncio.open_connection(
                    "127.0.0.1",
                    listener.port,
                    ssl=client_context(signer.file, certificate),
                    server_hostname="localhost",
                )
                writer.write(frame(b"a"))
                assert await asyncio.wait_for(reader.read(), 10) == b""
                writer.close()
    assert door.peers == []


async def test_a_plain_port_stays_open_beside_one_for_tls(signer: Authority) -> None:
    door = Door()
    async with listening(door, tls=server_context(signer.sign("localhost")), tls_port=0) as listener:
        assert listener.tls_port not in (0, listener.port)
        async with connected(listener) as (reader, writer):
            writer.write(frame(b"a"))
            await answers(reader, 1)
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", listener.tls_port, ssl=client_context(signer.file), server_hostname="localhost"
        )
        writer.write(frame(b"a"))
        await answers(reader, 1)
        writer.close()
    assert door.peers == [Peer("127.0.0.1")] * 2


async def test_a_plain_sender_at_the_port_for_tls_is_turned_away(signer: Authority) -> None:
    door = Door()
    async with listening(door, tls=server_context(signer.sign("localhost"))) as listener:
        assert listener.tls_port == listener.port
        async with connected(listener) as (reader, writer):
            writer.write(frame(b"MSH|"))
            with suppress(ConnectionError):
                await asyncio.wait_for(reader.read(), 10)
    assert door.peers == []


async def test_a_handshake_that_does_not_go_on_is_cut(signer: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listening_module, "_HANDSHAKE_SECONDS", 0.2)

    async def never(_: Frame) -> Answer:
        return NO_ANSWER

    async with listening(never, tls=server_context(signer.sign("localhost"))) as listener:
        with socket.create_connection(("127.0.0.1", listener.port)) as raw:
            raw.setblocking(False)
            loop = asyncio.get_running_loop()
            with suppress(ConnectionError):
                assert await asyncio.wait_for(loop.sock_recv(raw, 10), 10) == b""


def test_what_is_no_certificate_is_refused_by_its_file(tmp_path: Path, signer: Authority) -> None:
    empty = tmp_path / "empty.pem"
    empty.write_text("")
    attempts: list[Callable[[], ssl.SSLContext]] = [
        lambda: server_context(tmp_path / "absent.pem"),
        lambda: server_context(empty),
        lambda: server_context(signer.file),  # a certificate without its key
        lambda: server_context(signer.sign("localhost"), client_ca=empty),
        lambda: client_context(empty),
        lambda: client_context(None, empty),
    ]
    for attempt in attempts:
        with pytest.raises(Refused) as refused:
            attempt()
        assert refused.value.refusal.code == "bad-tls"
        assert str(tmp_path) in refused.value.refusal.where


def test_an_old_version_of_tls_is_not_spoken(signer: Authority) -> None:
    assert server_context(signer.sign("localhost")).minimum_version >= ssl.TLSVersion.TLSv1_2
    assert client_context(signer.file).minimum_version >= ssl.TLSVersion.TLSv1_2


def test_names_are_those_of_the_subject_and_its_alternatives() -> None:
    shown = {
        "subject": ((("countryName", "CN"),), (("commonName", "his"),)),
        "subjectAltName": (("DNS", "his.test"), ("IP Address", "10.0.0.1"), ("othername", "<unsupported>")),
    }
    assert names_of(shown) == {"his", "his.test", "10.0.0.1"}
    assert names_of(None) == names_of({}) == frozenset()
