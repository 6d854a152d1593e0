"""`kill -9` of every process at random points of a load of 20,000 messages, PostgreSQL included.

Not a measurement: it stands among the benches because it takes minutes. Its seed is new at every run and printed, so a
day that went wrong can be had again.
"""

import secrets
from pathlib import Path

import pytest

from tests.acceptance.feed import write_feed
from tests.acceptance.killing import check_day, rough_day

pytestmark = pytest.mark.bench

LETTERS, LINES = 20_000, 12
KILLS = {"door": 6, "worker-1": 6, "worker-2": 6, "postgres": 8}


async def test_each_acknowledged_message_of_a_long_load_is_merged_exactly_once_whatever_is_killed(
    tmp_path: Path,
) -> None:
    seed = secrets.randbelow(1_000_000)
    print(f"\nseed {seed}", flush=True)
    letters = write_feed(LETTERS, lines=LINES)
    day = await rough_day(tmp_path, letters, KILLS, seed=seed)
    print(day.said(), flush=True)
    check_day(day, letters)
    assert day.kills == KILLS
