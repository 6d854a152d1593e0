"""Messages that this project did not write, over MLLP to a running hub: each answered, each kept, none doubled.

Of 353: 73 AA, 1 AE, 279 AR. 34 were repeats (the same but for MSH-7); of the 319 that were kept 55 merged and 264 were
parked: 151 of types that have no mapping, 63 name no sender, 43 have no control id, 4 would give resources that are not
valid, 2 have no patient and 1 an impossible date.
"""

import asyncio
import os
import re
from collections import Counter
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import hl7
import pytest
from hl7apy.consts import VALIDATION_LEVEL
from hl7apy.parser import parse_message
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from fixtures.senders import END, START
from tests.acceptance.hub_process import HubProcess, serving
from tests.conftest import Urls
from tests.spec.corpora import ABSENT, FILES, Foreign, lines_of, messages

PROFILE = """
name = "{name}"
organisation = "Foreign {name}"
format = "hl7v2"
transports = ["mllp"]
time_zone = "+00:00"
acknowledging = "original"
identifiers = [{identifiers}]

[hl7v2]
sending_application = '{application}'
sending_facility = '{facility}'
charset = "UTF-8"
"""
IDENTIFIERS = ", ".join(
    f'{{ type = "{name}", kind = "local-number", of_patient = true }}'
    for name in ("MR", "PI", "PT", "AN", "VN", "U", "EI", "XX", "ANON", "SS", "PN", "")
)
IDENTIFIERS += ', { type = "PID-19", kind = "insurance-number" }'
ANSWERED = re.compile(r"A[AER]")

pytestmark = pytest.mark.skipif(not FILES, reason=ABSENT)


@pytest.fixture
def hub(database: Urls, tmp_path: Path) -> Iterator[HubProcess]:
    """A hub with a profile for each application and facility that the messages name, and so for none of those that
    name no application."""
    senders = sorted({(one.application, one.facility) for one in messages() if one.application})
    for name, (application, facility) in zip((f"foreign-{number}" for number in count(1)), senders, strict=False):
        folder = tmp_path / "site" / "sources" / name
        folder.mkdir(parents=True)
        profile = PROFILE.format(name=name, application=application, facility=facility, identifiers=IDENTIFIERS)
        (folder / "source.toml").write_text(profile, encoding="utf-8")
    with serving(tmp_path / "home", database.application, HUB_CONFIG_DIR=str(tmp_path / "site")) as process:
        yield process


async def answers(port: int, sent: list[Foreign]) -> list[bytes]:
    """The answer to each message, sent one after the other over one connection, as the files stand."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    found = []
    for one in sent:
        writer.write(START + one.raw + END)
        await writer.drain()
        answer = await asyncio.wait_for(reader.readuntil(END), 60)
        found.append(answer[len(START) : -len(END)])
    writer.close()
    return found


async def test_every_foreign_message_is_answered_rightly_and_kept(hub: HubProcess, engine: AsyncEngine) -> None:
    sent = list(messages())
    replies = await answers(hub.mllp_port, sent)
    for one, reply in zip(sent, replies, strict=True):
        check_reply(one, reply)
    repeats = await repeats_of(engine)
    raws = await raws_of(engine)
    different = {said(one): one for one in reversed(sent)}
    assert Counter(raws) == Counter(one.raw for one in different.values()), "none is lost, changed or doubled"
    assert repeats == len(sent) - len(different)
    outcome = await outcomes(engine)
    tell(replies, outcome, repeats)
    assert outcome["kept"] == 0
    assert outcome["merged"] > 50
    assert "internal" not in outcome
    assert "Traceback" not in hub.log.read_text()


def check_reply(one: Foreign, reply: bytes) -> None:
    """MSA-1 is a code of original mode, MSA-2 their MSH-10, MSH-12 their version, by two foreign parsers."""
    text = reply.decode("utf-8")
    theirs = hl7.parse(text)
    assert ANSWERED.fullmatch(str(theirs.segment("MSA")[1])), one.name
    assert str(theirs.segment("MSA")[2]) == one.control_id, one.name
    assert str(theirs.segment("MSH")[12]) == (one.version or "2.5.1"), one.name
    assert [str(segment[0]) for segment in theirs][:2] == ["MSH", "MSA"]
    assert (len(theirs) == 3) == (str(theirs.segment("MSA")[1]) != "AA"), "a refusal has an ERR"
    if len(set(one.separators)) == len(one.separators):  # hl7apy takes no doubled escape character
        parsed = parse_message(text, validation_level=VALIDATION_LEVEL.TOLERANT, find_groups=False)
        assert parsed.msa.msa_2.to_er7() == one.control_id, one.name
        assert parsed.msh.msh_12.to_er7() == (one.version or "2.5.1"), one.name


def said(one: Foreign) -> tuple[str, ...]:
    """What tells a message that comes twice: its sender, its control id and all that it says but the time in MSH-7; a
    message without control id never does."""
    field = one.separators[0]
    msh, *others = (line.decode("utf-8") for line in lines_of(one.raw) if line.strip())
    parts = msh.split(field)
    return (one.name if not one.control_id else "", field.join([*parts[:6], "", *parts[7:]]), *others)


async def repeats_of(engine: AsyncEngine) -> int:
    async with engine.connect() as connection:
        return int(await connection.scalar(text("select coalesce(sum(repeats), 0) from control")) or 0)


async def raws_of(engine: AsyncEngine) -> list[bytes]:
    async with engine.connect() as connection:
        return list((await connection.execute(text("select raw from body"))).scalars())


async def outcomes(engine: AsyncEngine) -> Counter[str]:
    """How many messages each fate has, and each refusal, once none waits any more."""
    for _ in range(600):
        async with engine.connect() as connection:
            rows = (await connection.execute(text("select fate, refusal->>'code' from fate"))).all()
            if all(fate != "kept" for fate, _ in rows):
                break
            await connection.execute(text("select pg_sleep(0.1)"))
    found: Counter[str] = Counter()
    for fate, code in rows:
        found.update([fate] if code is None else [fate, code])
    return found


def tell(replies: list[bytes], outcome: Counter[str], repeats: int) -> None:
    """What became of them, for whoever runs the tests with -s."""
    codes = Counter(found[1].decode() for reply in replies if (found := re.search(rb"MSA.(A[AER])", reply)))
    print(os.linesep.join([f"answered: {dict(codes)}", f"became: {dict(outcome)}", f"repeats: {repeats}"]))
