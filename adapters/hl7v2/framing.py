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
class Peer:
    """Who is at the other end of a connection: its address, and the names (subject CN, alternative names) in the
    client certificate that it showed."""

    address: str
    names: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Frame:
    """What stood between the frame marks, or what stood where a frame should have been (then `fault` says
    why). Without a `peer` the door knows its sender by other means, such as a token."""

    content: bytes
    fault: Refusal | None = None
    peer: Peer | None = None


def frame(content: bytes) -> bytes:
    """Content with the marks of MLLP around it."""
    return b"".join((START, content, END))


class Deframer:
    """Cuts one connection's bytes into frames; every byte ends in a frame, whole or faulty.

    Only blank bytes between frames (CR, LF, space, tab) and a 0x0B with nothing behind it are passed over in
    silence: many senders end each frame with a line feed of their own. The same bytes give the same frames
    however they were split on the way, and each byte is looked at once: `_seen` remembers how far the search for a
    mark has come. Frames are cut as they are asked for, so a read full of tiny ones costs no more than its bytes.
    """

    __slots__ = ("_buffer", "_inside", "_max_bytes", "_peer", "_ready", "_seen", "_skipping")

    def __init__(self, max_bytes: int, peer: Peer | None = None) -> None:
        self._max_bytes = max_bytes
        self._peer = peer
        self._buffer = bytearray()
        self._ready: Frame | None = None
        self._inside = False
        self._skipping = False
        self._seen = 0

    def feed(self, data: bytes) -> list[Frame]:
        """The frames that these bytes complete, in order."""
        self.add(data)
        return list(iter(self.next, None))

    def add(self, data: bytes) -> None:
        """Takes bytes in; `next` cuts them."""
        if not self._inside and not self._buffer and self._ready is None:
            self._ready = self._whole(data)
            if self._ready is not None:
                return
        self._buffer += data

    def next(self) -> Frame | None:
        """The next frame of what was taken in; None where more bytes are needed."""
        found, self._ready = self._ready, None
        more = True
        while found is None and more:
            found, more = self._look_for_end() if self._inside else self._look_for_start()
        return found

    @property
    def waiting(self) -> bool:
        """Whether the sender owes the rest of a frame, once `next` has nothing more."""
        return self._inside or bool(self._buffer)

    @property
    def held(self) -> int:
        """Bytes at hand of what is not cut yet."""
        return len(self._buffer)

    def close(self) -> list[Frame]:
        """The connection has ended: what is left, the last of it as a faulty frame; the next bytes begin anew."""
        frames = list(iter(self.next, None))
        last = self._ended(whole=False) if self._inside else self._stray(bytes(self._buffer))
        self._buffer.clear()
        self._inside = self._skipping = False
        self._seen = 0
        return [*frames, last] if last is not None else frames

    def _whole(self, data: bytes) -> Frame | None:
        """The everyday case, one frame a read, without touching the buffer."""
        end = len(data) - 2
        if not (0 < end <= self._max_bytes + 1) or data[:1] != START or data.find(END) != end:
            return None
        return Frame(data[1:end], None, self._peer) if data.rfind(START) == 0 else None

    def _look_for_start(self) -> tuple[Frame | None, bool]:
        """What stood before the next 0x0B, if anything did, and whether there may be more in what is at hand."""
        buffer = self._buffer
        at = buffer.find(START, self._seen)
        if at < 0:
            blank = len(buffer) - len(buffer.lstrip(_BLANK))
            del buffer[:blank]
            del buffer[self._max_bytes + 1 :]  # one more than the limit, to know that there were more
            self._seen = len(buffer)
            return None, False
        stray = self._stray(bytes(buffer[:at]))
        self._enter(at)
        return stray, True

    def _look_for_end(self) -> tuple[Frame | None, bool]:
        buffer = self._buffer
        end = buffer.find(END, self._seen)
        start = buffer.find(START, self._seen, end if end >= 0 else len(buffer))
        if start >= 0:  # 0x0B is never content: the sender gave the earlier frame up
            broken = self._ended(start, whole=False)
            self._enter(start)
            return broken, True
        if end >= 0:
            found = self._ended(end, whole=True)
            del buffer[: end + 2]
            self._inside = self._skipping = False
            self._seen = 0
            return found, True
        return self._wait_for_end(), False

    def _wait_for_end(self) -> Frame | None:
        """No mark in sight: remembers how far the search came and bounds what is held. The frame's beginning, where
        it has just grown too large."""
        buffer, found = self._buffer, None
        half_mark = buffer[-1:] == END[:1]  # 0x1C whose 0x0D may come with the next bytes
        length = len(buffer) - half_mark
        if length > self._max_bytes and not self._skipping:
            found = self._too_large(bytes(buffer[: self._max_bytes]))
            self._skipping = True
        if self._skipping:
            del buffer[:length]
        self._seen = len(buffer) - half_mark
        return found

    def _enter(self, at: int) -> None:
        del self._buffer[: at + 1]
        self._inside, self._skipping, self._seen = True, False, 0

    def _ended(self, at: int | None = None, *, whole: bool) -> Frame | None:
        if self._skipping:
            return None  # its beginning was handed out when it grew too large
        content = bytes(self._buffer[:at])
        if len(content) > self._max_bytes:
            return self._too_large(content[: self._max_bytes])
        if whole:
            return Frame(content, None, self._peer)
        return Frame(content, refuse("broken-frame").refusal, self._peer) if content else None

    def _stray(self, content: bytes) -> Frame | None:
        content = content.lstrip(_BLANK)
        if len(content) > self._max_bytes:
            return self._too_large(content[: self._max_bytes])
        return Frame(content, refuse("stray-bytes").refusal, self._peer) if content else None

    def _too_large(self, content: bytes) -> Frame:
        return Frame(content, refuse("frame-too-large", limit=str(self._max_bytes)).refusal, self._peer)
