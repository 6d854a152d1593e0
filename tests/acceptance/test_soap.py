"""SOAP and documents at a running hub: a client that is made from its WSDL, and documents over plain HTTP."""

import asyncio
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
import requests
from lxml import etree
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine
from zeep import Client
from zeep.exceptions import Fault
from zeep.transports import Transport
from zeep.wsse.username import UsernameToken

from hub.access import Role, Viewer
from hub.tokens import Keyring
from tests.acceptance.hub_process import COUNTY, HubProcess, serving
from tests.conftest import Urls
from tests.documents import ADMISSION, as_cdata, document, envelope

SENDER = "renmin-his"
PORTS = ("HIPServiceSoap11", "HIPServiceSoap12")


@pytest.fixture
def hub(database: Urls, tmp_path: Path) -> Iterator[HubProcess]:
    """A hub of the county whose first hospital may also send by SOAP, and documents."""
    site = tmp_path / "site"
    shutil.copytree(COUNTY / "sources", site / "sources")
    profile = site / "sources" / SENDER / "source.toml"
    old = 'transports = ["mllp", "ingest"]'
    assert old in profile.read_text()
    profile.write_text(profile.read_text().replace(old, 'transports = ["mllp", "ingest", "soap"]\nalso = ["cda"]'))
    with serving(tmp_path / "home", database.application, HUB_CONFIG_DIR=str(site)) as process:
        yield process


def token_of(hub: HubProcess, source: str = SENDER) -> str:
    keyring = Keyring.open(Path(hub.environment["HUB_HOME"]) / "keys")
    viewer = Viewer(id=source, name=source, role=Role.HOSPITAL_SOURCE, source=source)
    return keyring.issue(viewer, now=datetime.now(UTC))


async def kept(engine: AsyncEngine, count: int) -> list[tuple[Any, ...]]:
    """Transport, format, kind, control id, fate, code and bytes of so many messages, once all of them are settled."""
    query = text(
        "select transport, format, kind, control_id, fate, refusal->>'code', raw from message "
        "join fate on fate.message_id = id join body on body.message_id = id order by id"
    )
    rows: list[tuple[Any, ...]] = []
    for _ in range(200):
        async with engine.connect() as connection:
            rows = [tuple(row) for row in await connection.execute(query)]
        if len(rows) == count and all(row[4] != "kept" for row in rows):
            return rows
        await asyncio.sleep(0.05)
    raise AssertionError(f"not settled: {[row[:6] for row in rows]}")


def signed(token: str, name: str = SENDER, **more: bool) -> UsernameToken:
    """A UsernameToken of WS-Security whose password is the token."""
    return UsernameToken(name, token, **more)  # type: ignore[no-untyped-call]


def client_of(hub: HubProcess, wsse: UsernameToken | None = None, auth: Any = None) -> Client:
    """A client made from the description that the running hub gives of itself."""
    session = requests.Session()
    session.trust_env = False
    session.auth = auth
    transport = Transport(session=session, timeout=20)  # type: ignore[no-untyped-call]
    return Client(f"{hub.base}/soap/{SENDER}?wsdl", transport=transport, wsse=wsse)  # type: ignore[no-untyped-call]


def call(client: Client, port: str, action: str, message: str) -> str:
    return str(client.bind("HIPService", port).HIPMessageServer(action=action, message=message))


async def test_a_client_made_from_the_wsdl_sends_a_chinese_message_and_a_document(
    hub: HubProcess, engine: AsyncEngine
) -> None:
    def converse() -> list[str]:
        client = client_of(hub, wsse=signed(token_of(hub)))
        said = []
        for port in PORTS:
            said.append(call(client, port, "ADT^A01", ADMISSION.format(control=port)))
            said.append(call(client, port, "C0053", document(port)))
        return said

    said = await asyncio.to_thread(converse)
    for ack, result, port in zip(said[::2], said[1::2], PORTS, strict=True):
        assert f"MSA|AA|{port}" in ack
        assert etree.fromstring(result).findtext("Code") == "AA"
    rows = await kept(engine, 4)
    assert {row[0] for row in rows} == {"soap"}
    assert [row[1:6] for row in rows] == [
        told
        for port in PORTS
        for told in (
            ("hl7v2", "ADT^A01", port, "merged", None),
            ("cda", "CDA C0053", f"2.16.156.10011.1.1|{port}", "merged", None),
        )
    ]
    assert "测试甲" in rows[1][6].decode()
    async with engine.connect() as connection:
        names = (await connection.execute(text("select names, numbers from message"))).all()
    assert {tuple(row.names) for row in names} == {("测试甲",)}
    assert all("0000004567" in row.numbers for row in names)


async def test_a_message_that_is_sent_again_gets_the_same_answer_and_is_kept_once(
    hub: HubProcess, engine: AsyncEngine
) -> None:
    def converse() -> list[str]:
        client = client_of(hub, auth=requests.auth.HTTPBasicAuth("", token_of(hub)))
        return [call(client, PORTS[number % 2], "", document()) for number in range(4)]

    said = await asyncio.to_thread(converse)
    assert len({etree.fromstring(result).findtext("MessageId") for result in said}) == 1
    await kept(engine, 1)


async def test_a_client_is_told_by_a_fault_why_it_may_not_send(hub: HubProcess) -> None:
    def converse(port: str, wsse: UsernameToken) -> Fault:
        with pytest.raises(Fault) as caught:
            call(client_of(hub, wsse=wsse), port, "", document())
        return caught.value

    for port in PORTS:
        fault = await asyncio.to_thread(converse, port, signed("wrong"))
        assert "令牌" in fault.message
        assert etree.tostring(fault.detail).count(b"nextStep") == 4
        digest = signed(token_of(hub), use_digest=True)
        assert "PasswordText" in str((await asyncio.to_thread(converse, port, digest)).message)
        other = signed(token_of(hub, "zhongyi-his"), "zhongyi-his")
        assert "renmin-his" in str((await asyncio.to_thread(converse, port, other)).message)


async def test_an_envelope_in_gbk_is_read_and_one_that_is_broken_is_parked(
    hub: HubProcess, engine: AsyncEngine
) -> None:
    lines = ADMISSION.format(control="G1").replace("\r", "\n")
    whole = envelope(as_cdata(lines))
    broken = envelope(lines)
    async with httpx.AsyncClient(headers={"Authorization": f"Bearer {token_of(hub)}"}, timeout=20) as client:
        for charset, declared in (("GBK", ""), ("", '<?xml version="1.0" encoding="GB2312"?>')):
            kind = f"text/xml; charset={charset}" if charset else "text/xml"
            content = (declared + whole).encode("gb18030")
            answer = await client.post(f"{hub.base}/soap/{SENDER}", content=content, headers={"Content-Type": kind})
            assert answer.status_code == 200
            assert "\nMSA|AA|G1" in answer.text
        answer = await client.post(
            f"{hub.base}/soap/{SENDER}", content=broken.encode(), headers={"Content-Type": "text/xml"}
        )
    assert answer.status_code == 500
    assert "CDATA" in answer.text
    rows = await kept(engine, 2)
    assert rows[0][2:6] == ("ADT^A01", "G1", "merged", None)
    assert (rows[1][2], rows[1][4:]) == ("SOAP", ("parked", "xml-not-well-formed", broken.encode()))


# -- documents over plain HTTP -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["application/xml", "text/xml; charset=GBK", "application/hl7-cda+xml"])
async def test_a_document_is_answered_with_202_and_the_address_of_its_status(
    hub: HubProcess, engine: AsyncEngine, kind: str
) -> None:
    raw = f'<?xml version="1.0" encoding="GBK"?>{document()}'.encode("gb18030")
    async with httpx.AsyncClient(headers={"Authorization": f"Bearer {token_of(hub)}"}, timeout=20) as client:
        answer = await client.post(f"{hub.base}/ingest/{SENDER}", content=raw, headers={"Content-Type": kind})
        assert answer.status_code == 202
        assert answer.json()["issue"][0]["severity"] == "information"
        (row,) = await kept(engine, 1)
        assert row == ("ingest", "cda", "CDA C0053", "2.16.156.10011.1.1|D0001", "merged", None, raw)
        status = await client.get(answer.headers["content-location"])
        assert status.status_code == 200
        assert "visit_by" in status.text
        assert (await client.get(answer.headers["content-location"][:-1] + "x")).status_code == 404
    stranger = httpx.get(answer.headers["content-location"])
    assert stranger.status_code == 401


async def test_a_document_that_is_not_well_formed_is_parked_and_answered_with_line_and_column(
    hub: HubProcess, engine: AsyncEngine
) -> None:
    raw = document()[:-5].encode()
    async with httpx.AsyncClient(headers={"Authorization": f"Bearer {token_of(hub)}"}, timeout=20) as client:
        answer = await client.post(
            f"{hub.base}/ingest/{SENDER}", content=raw, headers={"Content-Type": "application/xml"}
        )
    assert answer.status_code == 422
    assert "line 21, column 15" in answer.text
    (row,) = await kept(engine, 1)
    assert row[4:] == ("parked", "xml-not-well-formed", raw)


async def test_a_source_that_sends_no_documents_is_told_so(hub: HubProcess, engine: AsyncEngine) -> None:
    async with httpx.AsyncClient(headers={"Authorization": f"Bearer {token_of(hub, 'zhongyi-his')}"}) as client:
        answer = await client.post(
            f"{hub.base}/ingest/zhongyi-his", content=document().encode(), headers={"Content-Type": "text/xml"}
        )
    assert answer.status_code == 415
    await kept(engine, 0)
