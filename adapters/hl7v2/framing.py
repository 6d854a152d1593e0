"""MLLP frames: ``0x0B content 0x1C 0x0D`` (HL7 v2 Transport: MLLP release 1).

Frames are cut on bytes, before any decoding. That is safe in every character set the hub takes: 0x0B, 0x1C
and 0x0D are never part of a longer character, neither in UTF-8 nor in GB18030 (whose trail bytes are
0x30-0x39, 0x40-0x7E and 0x80-0xFE).
"""

from dataclasses import dataclass

from hub.errors import Refusal, refuse

START = b"\x0b"
END = b"\x1c\r"
_BLANK = b"\r\n\t "


@dataclass(frozen=True, slots=True)
class Frame:
    """What stood between the frame marks, or what stood where a frame should have been (then `fault` says
    why)."""

    content: bytes
    fault: Refusal | None = None


def frame(content: bytes) -> bytes:
    """Content with the marks of MLLP around it."""
    return b"".join((START, content, END))


class Deframer:
    """Cuts one connection's bytes into frames; every byte ends in a frame, whole or faulty.

    Only blank bytes between frames (CR, LF, space, tab) and a 0x0B with nothing behind it are passed over in
    silence: many senders end each frame with a line feed of their own. The same bytes give the same frames
    however they were split on the way, and each byte is looked at once: `_seen` remembers how far the search for a
    mark has come.
    """

    __slots__ = ("_buffer", "_inside", "_max_bytes", "_seen", "_skipping")

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._buffer = bytearray()
        self._inside = False
        self._skipping = False
        self._seen = 0

    def feed(self, data: bytes) -> list[Frame]:
        """The frames that these bytes complete, in order."""
        if not self._inside and not self._buffer and (whole := self._whole(data)) is not None:
            return [whole]
        self._buffer += data
        frames: list[Frame] = []
        while self._advance(frames):
            pass
        return frames

    @property
    def waiting(self) -> bool:
        """Whether the sender owes the rest of a frame."""
        return self._inside or bool(self._buffer)

    def close(self) -> list[Frame]:
        """The connection has ended: what is pending, as a faulty frame; the next bytes begin anew."""
        frames: list[Frame] = []
        if self._inside:
            self._emit(bytes(self._buffer), frames, whole=False)
        elif not self._inside:
            self._stray(bytes(self._buffer), frames)
        self._buffer.clear()
        self._inside = self._skipping = False
        self._seen = 0
        return frames

    def _whole(self, data: bytes) -> Frame | None:
        """The everyday case, one frame a read, without touching the buffer."""
        end = len(data) - 2
        if not (0 < end <= self._max_bytes + 1) or data[:1] != START or data.find(END) != end:
            return None
        return Frame(data[1:end]) if data.rfind(START) == 0 else None

    def _advance(self, frames: list[Frame]) -> bool:
        """Takes one step; whether there may be another with the bytes at hand."""
        if not self._inside:
            return self._look_for_start(frames)
        return self._look_for_end(frames)

    def _look_for_start(self, frames: list[Frame]) -> bool:
        buffer = self._buffer
        at = buffer.find(START, self._seen)
        if at < 0:
            blank = len(buffer) - len(buffer.lstrip(_BLANK))
            del buffer[:blank]
            del buffer[self._max_bytes + 1 :]  # one more than the limit, to know that there were more
            self._seen = len(buffer)
            return False
        self._stray(bytes(buffer[:at]), frames)
        self._enter(at)
        return True

    def _look_for_end(self, frames: list[Frame]) -> bool:
        buffer = self._buffer
        end = buffer.find(END, self._seen)
        start = buffer.find(START, self._seen, end if end >= 0 else len(buffer))
        if start >= 0:  # 0x0B is never content: the sender gave the earlier frame up
            self._emit(bytes(buffer[:start]), frames, whole=False)
            self._enter(start)
            return True
        if end >= 0:
            self._emit(bytes(buffer[:end]), frames, whole=True)
            del buffer[: end + 2]
            self._inside = self._skipping = False
            self._seen = 0
            return True
        self._wait_for_end(frames)
        return False

    def _wait_for_end(self, frames: list[Frame]) -> None:
        """No mark in sight: remembers how far the search came and bounds what is held."""
        buffer = self._buffer
        half_mark = buffer[-1:] == END[:1]  # 0x1C whose 0x0D may come with the next bytes
        length = len(buffer) - half_mark
        if length > self._max_bytes and not self._skipping:
            frames.append(self._too_large(bytes(buffer[: self._max_bytes])))
            self._skipping = True
        if self._skipping:
            del buffer[:length]
        self._seen = len(buffer) - half_mark

    def _enter(self, at: int) -> None:
        del self._buffer[: at + 1]
        self._inside, self._skipping, self._seen = True, False, 0

    def _emit(self, content: bytes, frames: list[Frame], *, whole: bool) -> None:
        if self._skipping:
            return  # its beginning was handed out when it grew too large
        if len(content) > self._max_bytes:
            frames.append(self._too_large(content[: self._max_bytes]))
        elif whole:
            frames.append(Frame(content))
        elif content:
            frames.append(self._broken(content))

    def _stray(self, content: bytes, frames: list[Frame]) -> None:
        content = content.lstrip(_BLANK)
        if len(content) > self._max_bytes:
            frames.append(self._too_large(content[: self._max_bytes]))
        elif content:
            frames.append(Frame(content, refuse("stray-bytes").refusal))

    def _broken(self, content: bytes) -> Frame:
        return Frame(content, refuse("broken-frame").refusal)

    def _too_large(self, content: bytes) -> Frame:
        return Frame(content, refuse("frame-too-large", limit=str(self._max_bytes)).refusal)
