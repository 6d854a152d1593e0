"""The checking process: replaced where it is lost, once a check."""

import asyncio
import os
from concurrent.futures import BrokenExecutor
from contextlib import closing
from pathlib import Path

import pytest

from hub.checking import CheckingProcess


def end_once(marker: Path) -> str:
    """Take the process down at the first call only."""
    if not marker.exists():
        marker.touch()
        os._exit(9)
    return "checked"


async def test_a_check_whose_process_is_lost_is_tried_once_more(tmp_path: Path) -> None:
    with closing(CheckingProcess()) as checking:
        assert await checking.run(end_once, tmp_path / "ended") == "checked"


async def test_a_check_that_takes_every_process_down_is_given_up_and_the_next_one_runs() -> None:
    with closing(CheckingProcess()) as checking:
        with pytest.raises(BrokenExecutor):
            await checking.run(os._exit, 9)
        assert await checking.run(len, "abc") == 3


async def test_checks_that_lose_one_process_together_all_come_back(tmp_path: Path) -> None:
    with closing(CheckingProcess()) as checking:
        ended = tmp_path / "ended"
        assert await asyncio.gather(*(checking.run(end_once, ended) for _ in range(5))) == ["checked"] * 5


async def test_what_a_check_raises_is_raised_and_the_process_stays() -> None:
    with closing(CheckingProcess()) as checking:
        before = await checking.run(os.getpid)
        with pytest.raises(ValueError, match="invalid literal"):
            await checking.run(int, "x")
        assert await checking.run(os.getpid) == before
