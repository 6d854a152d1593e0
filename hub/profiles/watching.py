"""Profiles are read anew when their files change, or on SIGHUP, while messages go on coming in.

A change is taken once it has stood still from one look to the next, so that a folder that is being copied is not read
by half. Whoever asks gets one `Library` and, from then on, another: no connection is touched.
"""

import asyncio
import signal
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Concatenate, Generic, ParamSpec, TypeVar

import structlog

from hub.errors import Refused, places_of
from hub.profiles.library import Library, Mark, Places, Profile, marks_of, read_library

logger = structlog.get_logger()

T = TypeVar("T")
R = TypeVar("R")
P = ParamSpec("P")

_LOOK_SECONDS = 1.0


class Profiles:
    """The library that holds now. Each process has its own and reloads it on its own."""

    def __init__(self, places: Places, *, look_seconds: float = _LOOK_SECONDS) -> None:
        """Reads the profiles; one with a fault is left out and said, the others hold. Raises nothing of theirs."""
        self._places = places
        self._look_seconds = look_seconds
        self._pending: Mapping[str, Mark] | None = None
        self._asked = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self.now = read_library(places)
        """What holds at the moment. Take it once for what belongs together: it may be another a moment later."""
        for profile in self.now.faults:
            _tell_refused(profile)

    def start(self) -> None:
        """Begin to look for changes, and to listen for SIGHUP where the system and the thread allow it."""
        self._task = asyncio.create_task(self._run(), name="profiles")
        with suppress(NotImplementedError, RuntimeError, ValueError):
            asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, self._asked.set)

    @property
    def is_alive(self) -> bool:
        """Whether it still looks for changes."""
        return self._task is not None and not self._task.done()

    async def stop(self) -> None:
        """Leave off."""
        with suppress(NotImplementedError, RuntimeError, ValueError):
            asyncio.get_running_loop().remove_signal_handler(signal.SIGHUP)
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def look(self, *, at_once: bool = False) -> bool:
        """Look whether files have changed, and read them anew where they have stood still since the last look, or
        `at_once`. Returns whether another library holds now."""
        marks = await asyncio.to_thread(marks_of, self._places.folders)
        is_settled = at_once or marks == self._pending
        self._pending = marks
        if marks == self.now.marks() or not is_settled:
            return False
        self._take(await asyncio.to_thread(read_library, self._places, self.now))
        return True

    def retried(self, act: Callable[[], T]) -> T:
        """What `act` gives; where it refuses, and files have changed, what it gives once they are read anew.

        Each process looks for itself: a door may have taken a message by a profile that its worker has not seen yet,
        and such a message must not be parked. Raises Refused.
        """
        try:
            return act()
        except Refused:
            if marks_of(self._places.folders) == self.now.marks():
                raise
            self._take(read_library(self._places, self.now))
            return act()

    def _take(self, found: Library) -> None:
        before, self.now = self.now, found
        _tell_changes(before, found)

    def made(self, make: Callable[[Library], T]) -> "Made[T]":
        """Something that is made of a library, made anew when another one holds."""
        return Made(self, make)

    async def _run(self) -> None:
        while True:
            at_once = await self._woken()
            try:
                await self.look(at_once=at_once)
            except Exception as fault:  # whatever it is, what holds goes on holding
                logger.error("profiles-not-read", fault=type(fault).__name__, at=places_of(fault))

    async def _woken(self) -> bool:
        """Wait for the next look; whether somebody asked for it."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._asked.wait(), self._look_seconds)
            self._asked.clear()
            return True
        return False


class Made(Generic[T]):
    """What is made of a library: once for each, when it is first asked for."""

    def __init__(self, profiles: Profiles, make: Callable[[Library], T]) -> None:
        self._profiles = profiles
        self._make = make
        self._of: Library | None = None

    def __call__(self) -> T:
        """That of the library that holds now."""
        library = self._profiles.now
        if self._of is not library:
            self._made, self._of = self._make(library), library
        return self._made

    def calling(self, act: Callable[Concatenate[T, P], R]) -> Callable[P, R]:
        """An act of it, for somebody who keeps the act: each call is one of what holds then."""

        def call(*args: P.args, **kwargs: P.kwargs) -> R:
            return act(self(), *args, **kwargs)

        return call


def _tell_changes(before: Library, after: Library) -> None:
    for name in sorted(before.profiles.keys() - after.profiles.keys()):
        logger.warning("profile-removed", source=name)
    for name, profile in sorted(after.profiles.items()):
        old = before.profiles.get(name)
        if profile.refusal and (old is None or old.refusal != profile.refusal or old.mark != profile.mark):
            _tell_refused(profile)
        elif not profile.refusal and (old is None or old.in_force is not profile.in_force or old.refusal):
            logger.info("profile-loaded", source=name, file=str(profile.file))


def _tell_refused(profile: Profile) -> None:
    """A profile's fault, with its file and line. What stands in a profile is about no person."""
    refusal = profile.refusal
    assert refusal is not None
    logger.error(
        "profile-refused",
        source=profile.name,
        code=refusal.code,
        where=refusal.where,
        reason=refusal.message(),
        in_force="the last good one" if profile.in_force else "none",
    )
