"""What a frame is answered with: at once, and later."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Later:
    """An answer that is not known yet. `content` waits for it and gives it unframed, or None where none is due;
    `elsewhere` takes it where the connection has gone meanwhile."""

    content: Callable[[], Awaitable[bytes | None]]
    elsewhere: Callable[[bytes], Awaitable[None]] | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """`now` is an acknowledgement, unframed, or None where none is due. `later` is the application acknowledgement of
    enhanced mode, a message of its own (HL7 v2.5.1 chapter 2.9.3)."""

    now: bytes | None
    later: Later | None = None


NO_ANSWER = Answer(None)
