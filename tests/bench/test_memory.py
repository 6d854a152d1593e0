"""Memory stays flat: what the listening and the merging process hold is no more after 100,000 messages than after the
first of them.
"""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from statistics import median

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from hub.site import Database
from hub.store import inbox
from tests.acceptance.hub_process import serving
from tests.bench.mllp_load import crowd_process

pytestmark = pytest.mark.bench

MESSAGES = 100_000
PEOPLE = 20_000
"""Each comes five times: what a record costs that grows without end is another question than what a process keeps."""
LOT = 2_000
"""Sent and merged before the next: a worker that has fallen behind would be measured on half of them."""
WARM = 0.2
"""Of the lots. By then every patient of the load is known, and every pool and cache has its size."""
MOST_GROWTH = 32.0
"""MB. The allocator's arenas grow in steps, with the largest batch so far; half a kilobyte that is not let go of each
message would be 40."""


async def test_memory_stays_flat_over_a_hundred_thousand_messages(
    site: Database, engine: AsyncEngine, tmp_path: Path
) -> None:
    held: dict[str, list[float]] = {"mllp": [], "worker": []}
    owner = {"HUB_OWNER_DATABASE_URL": site.owner}
    with (
        serving(tmp_path / "mllp", site.application, "mllp", **owner) as door,
        serving(tmp_path / "worker", site.application, "worker", **owner) as worker,
    ):
        async with crowd_process(PEOPLE) as senders:
            for _ in range(MESSAGES // LOT):
                await senders.send(door.mllp_port, LOT, 8)
                while await _waiting(engine):
                    await asyncio.sleep(0.1)
                held["mllp"].append(resident_megabytes(door.process.pid))
                held["worker"].append(resident_megabytes(worker.process.pid))
    for name, samples in held.items():
        early, late = _early_and_late(samples)
        print(
            f"\nmemory of the {name} process over {MESSAGES:,} messages: {early:.1f} MB after the warm-up, "
            f"{late:.1f} MB at the end, {max(samples):.1f} MB at the most",
            end="",
            flush=True,
        )
        assert late - early < MOST_GROWTH


def _early_and_late(samples: Sequence[float]) -> tuple[float, float]:
    """The medians of a tenth of the samples after the warm-up, and of the last tenth."""
    tenth = max(1, len(samples) // 10)
    warm = int(len(samples) * WARM)
    return median(samples[warm : warm + tenth]), median(samples[-tenth:])


async def _waiting(engine: AsyncEngine) -> int:
    async with engine.connect() as connection:
        return await inbox.count_waiting(connection)


def resident_megabytes(process_id: int) -> float:
    """What a process holds in memory (proc(5), VmRSS)."""
    lines = Path("/proc", str(process_id), "status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:")) / 1024
