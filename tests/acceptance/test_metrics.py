"""What a supervisor sees: numbers that are right, and nobody's data."""

import asyncio
import re
from collections import Counter
from pathlib import Path

import httpx
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy.ext.asyncio import AsyncEngine

from fixtures.county import people, write_adt
from fixtures.county.clinic import at
from fixtures.senders import send_mllp
from hub.store import inbox
from tests.acceptance.hub_process import HubProcess
from tests.acceptance.test_doors import hub

__all__ = ["hub"]

PAGE = Path(__file__).parents[2] / "hub" / "docs" / "metrics.md"
Samples = dict[tuple[str, ...], float]


async def scraped(hub: HubProcess) -> tuple[str, Samples]:
    """The page, and each sample by its name and the values of its labels, these in the order of their names."""
    async with httpx.AsyncClient() as client:
        answer = await client.get(f"{hub.base}/metrics")
    assert answer.status_code == 200
    found = {}
    for family in text_string_to_metric_families(answer.text):
        for sample in family.samples:
            found[sample.name, *(value for _, value in sorted(sample.labels.items()))] = sample.value
    return answer.text, found


async def settled(engine: AsyncEngine) -> None:
    """Wait until nothing waits."""
    async with asyncio.timeout(30):
        while True:
            async with engine.connect() as connection:
                if not await inbox.count_waiting(connection):
                    return
            await asyncio.sleep(0.05)


async def test_messages_are_counted_by_source_and_by_what_their_sender_was_told(
    hub: HubProcess, engine: AsyncEngine
) -> None:
    person = people()["leap-day"]
    good = [write_adt("renmin-his", person, "A01", control_id=f"M{n}", at=at("2026-01-05T08:30")) for n in range(3)]
    stranger = good[0].replace(b"|HIS|", b"|NOBODY|", 1)
    odd = good[1].replace(b"ADT^A01", b"ADT^ZZ9", 1)
    await send_mllp("127.0.0.1", hub.mllp_port, [*good, good[0], stranger, odd])
    await settled(engine)
    text, found = await scraped(hub)
    told = Counter({key[1:]: value for key, value in found.items() if key[0] == "hub_messages_total"})
    assert told == {
        ("kept", "renmin-his", "mllp"): 3,
        ("repeated", "renmin-his", "mllp"): 1,
        ("refused", "renmin-his", "mllp"): 1,
        ("refused", "unknown", "mllp"): 1,
    }
    assert found["hub_settled_total",] == 3
    assert found["hub_keep_seconds_count",] == 6
    assert (found["hub_queue_messages", "renmin-his"], found["hub_parked_messages", "renmin-his"]) == (0, 1)
    assert found["hub_last_message_timestamp_seconds", "renmin-his"] > 1_700_000_000
    for personal in (person.name, person.citizen_id, "M0", "NOBODY", "ZZ9"):
        assert personal not in text


async def test_the_page_names_every_metric_and_no_other(hub: HubProcess) -> None:
    text, _ = await scraped(hub)
    known = set(re.findall(r"^# TYPE (\S+) (?:counter|gauge|histogram)", text, re.M))
    told = set(re.findall(r"^\| `(\w+)` \|", PAGE.read_text("utf-8"), re.M))
    assert told == {name for name in known if not name.endswith("_created")}
