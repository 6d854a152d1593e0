"""Full validation takes long, so it is done in a process of its own, which is started anew where it was lost."""

import asyncio
import ctypes
import os
import signal
import sys
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, ProcessPoolExecutor
from contextlib import suppress
from multiprocessing import get_context
from typing import ParamSpec, TypeVar

import structlog

logger = structlog.get_logger()

P = ParamSpec("P")
T = TypeVar("T")

_PR_SET_PDEATHSIG = 1  # linux/prctl.h


class CheckingProcess:
    """One process for checks, started at its first use."""

    def __init__(self) -> None:
        self._pool: ProcessPoolExecutor | None = None

    async def run(self, check: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """A check's result. Lost with its process (out of memory, killed), the check is tried once more in a new one.

        Raises what the check raises, or BrokenExecutor where it took the second process with it.
        """
        pool = self._running()
        try:
            return await self._run_in(pool, check, *args, **kwargs)
        except BrokenExecutor:
            logger.warning("checking-process-lost")
            self._give_up(pool)
        pool = self._running()
        try:
            return await self._run_in(pool, check, *args, **kwargs)
        except BrokenExecutor:
            self._give_up(pool)
            raise

    def close(self) -> None:
        """End the process."""
        if self._pool:
            self._pool.shutdown(cancel_futures=True)

    async def _run_in(self, pool: ProcessPoolExecutor, check: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        return await asyncio.wrap_future(pool.submit(check, *args, **kwargs))

    def _running(self) -> ProcessPoolExecutor:
        if self._pool is None:
            self._pool = ProcessPoolExecutor(1, get_context("spawn"), initializer=_begin, initargs=(os.getpid(),))
        return self._pool

    def _give_up(self, broken: ProcessPoolExecutor) -> None:
        """Forget a broken pool, unless somebody who met it earlier has replaced it already."""
        if self._pool is broken:
            self._pool = None
            broken.shutdown(wait=False, cancel_futures=True)


def _begin(parent: int) -> None:
    """In the new process: a Ctrl-C is for the hub, and the process ends with the hub however that ends (prctl(2)).

    Linux tells a child when the thread that started it ends: that is the thread of the event loop, which submits.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:  # the hub ended before we could ask to be told
            os._exit(1)
