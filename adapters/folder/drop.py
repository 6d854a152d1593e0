"""One drop folder on disk: what lies in it, what stands still, and how a file is claimed and put away.

    NAME  --rename-->  taking/TOKEN/NAME  --kept-->  done/NAME (or failed/NAME), with NAME.report.json and .report.txt

All paths are held as open directories and no link is followed, so whoever may write into the folder cannot lead the hub
out of it. One process at a time works a folder: it holds a lock that ends with it, and what its predecessor left in
``taking`` is then its own.
"""

import fcntl
import os
import secrets
import stat
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from pathlib import Path

from hub.errors import Refusal, refuse

TAKING, DONE, FAILED = "taking", "done", "failed"
_OWN = (TAKING, DONE, FAILED)
_UNFINISHED = (".tmp", ".part", ".partial", ".filepart")
"""Under these names senders write; they rename the file once it is whole."""
_LOCK = ".lock"
_LONGEST_NAME = 255
"""Bytes of a file's name (Linux, NAME_MAX)."""
_EMPTY_SECONDS = 60.0
"""How long an empty file must have stood before it is taken for one: many senders create first and write later."""
_LATE_SECONDS = 3600.0
"""How long a file that was put away is watched: a sender whose connection hung goes on writing to it there."""
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def shown(name: str) -> str:
    """A file's name as text: UTF-8, else GB 18030, as older Chinese systems write names."""
    raw = os.fsencode(name)
    for codec in ("utf-8", "gb18030"):
        with suppress(UnicodeDecodeError):
            return raw.decode(codec)
    return raw.decode("utf-8", "replace")


@dataclass(frozen=True, slots=True)
class Mark:
    """By what a file that is still being written is told: it changes."""

    inode: int
    size: int
    written_at: int

    @classmethod
    def of(cls, found: os.stat_result) -> "Mark":
        """The mark of a file."""
        return cls(found.st_ino, found.st_size, found.st_mtime_ns)


@dataclass(frozen=True, kw_only=True, slots=True)
class Claim:
    """A file that is being taken. `token` tells this taking from that of another file of the same name, and outlives
    the process; `mark` is that of the last look, None where a predecessor claimed it."""

    token: str
    name: str
    mark: Mark | None = None

    @property
    def shown(self) -> str:
        """Its name as text."""
        return shown(self.name)

    @property
    def path(self) -> str:
        """As from ``taking``."""
        return f"{self.token}/{self.name}"


@dataclass(frozen=True, kw_only=True, slots=True)
class _Away:
    """A file that was put away: what its sender called it, its mark when it was read, and when that was."""

    name: str
    mark: Mark
    since: float


class Drop:
    """A drop folder, open and locked; `close` lets go of it."""

    def __init__(self, path: Path, root: int, places: dict[str, int], lock: int) -> None:
        self._path = path
        self._root, self._places, self._lock = root, places, lock
        self._before: dict[str, Mark] = {}
        self._unfinished: set[int] = set()
        self._read: dict[str, Mark] = {}
        self._away: dict[tuple[str, str], _Away] = {}

    @classmethod
    def open(cls, path: Path, *, make: bool = False) -> "Drop | None":
        """The folder; None while another process works it. `make` creates it where it is missing.

        Raises Refused (folder-not-usable).
        """
        opened: list[int] = []
        try:
            if make:
                path.mkdir(parents=True, exist_ok=True)
            # The folder itself may be a link: that is for whoever wrote the profile. What lies in it may not.
            root = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            opened.append(root)
            places = {}
            for name in _OWN:
                with suppress(FileExistsError):
                    os.mkdir(name, 0o770, dir_fd=root)
                places[name] = os.open(name, _DIRECTORY, dir_fd=root)
                opened.append(places[name])
            flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
            lock = os.open(_LOCK, flags, 0o660, dir_fd=places[TAKING])
            opened.append(lock)
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            _close(opened)
            return None
        except OSError as fault:
            _close(opened)
            reason = fault.strerror or type(fault).__name__
            raise refuse("folder-not-usable", str(fault.filename or path), reason=reason) from None
        return cls(path, root, places, lock)

    def close(self) -> None:
        """Let go of the folder: another process may have it."""
        _close([self._lock, *self._places.values(), self._root])

    def check(self) -> None:
        """Insist that the folder is still where it was: it may be a mount that came or went.

        Raises Refused (folder-not-usable).
        """
        try:
            there, held = self._path.stat(), os.fstat(self._root)
        except OSError as fault:
            raise refuse("folder-not-usable", str(self._path), reason=fault.strerror or "away") from None
        if (there.st_ino, there.st_dev) != (held.st_ino, held.st_dev):
            raise refuse("folder-not-usable", str(self._path), reason="another folder stands in its place")

    # -- looking -----------------------------------------------------------------------------------------------------

    def ready(self, pattern: str) -> list[Claim]:
        """The files that stood still since the last look, or came by a rename, the oldest first. Not yet claimed."""
        marks: dict[str, Mark] = {}
        unfinished: set[int] = set()
        found: list[Claim] = []
        now = datetime.now(UTC).timestamp()
        for name, status in self._entries():
            if name.casefold().endswith(_UNFINISHED):
                unfinished.add(status.st_ino)
                continue
            if stat.S_ISDIR(status.st_mode) or not fnmatchcase(shown(name), pattern):
                continue
            mark = marks[name] = Mark.of(status)
            if not mark.size and stat.S_ISREG(status.st_mode) and now - status.st_mtime < _EMPTY_SECONDS:
                continue
            if self._before.get(name) == mark or mark.inode in self._unfinished:
                found.append(Claim(token="", name=name, mark=mark))
        self._before, self._unfinished = marks, unfinished
        return sorted(found, key=lambda claim: (claim.mark.written_at if claim.mark else 0, claim.name))

    def come_back(self) -> int:
        """Put files back to where they were found whose senders wrote on after they were read; how many there were.

        They are taken again as a whole once they stand still: what was kept of them is then a repeat. A file is watched
        for an hour, and no longer than this process works the folder.
        """
        back = 0
        for (place, name), away in list(self._away.items()):
            try:
                mark = Mark.of(os.stat(name, dir_fd=self._places[place], follow_symlinks=False))
            except OSError:  # somebody tidied up
                del self._away[place, name]
                continue
            if mark != away.mark and not _is_there(away.name, self._root):
                os.rename(name, away.name, src_dir_fd=self._places[place], dst_dir_fd=self._root)
                del self._away[place, name]
                back += 1
            elif mark == away.mark and time.monotonic() - away.since > _LATE_SECONDS:
                del self._away[place, name]
        return back

    def _entries(self) -> Iterator[tuple[str, os.stat_result]]:
        with os.scandir(self._root) as entries:
            for entry in entries:
                if entry.name.startswith(".") or entry.name in _OWN:
                    continue
                with suppress(FileNotFoundError):
                    yield entry.name, entry.stat(follow_symlinks=False)

    def left(self) -> list[Claim]:
        """What lies in ``taking``: what could not be kept, or what a predecessor left when it was killed."""
        found: list[Claim] = []
        for token in _names_in(self._places[TAKING]):
            if token == _LOCK:
                continue
            with suppress(NotADirectoryError, FileNotFoundError):
                folder = os.open(token, _DIRECTORY, dir_fd=self._places[TAKING])
                try:
                    names = _names_in(folder)
                finally:
                    os.close(folder)
                found += [Claim(token=token, name=name) for name in names]
                if not names:  # killed between the two lines of `claim` or of `put_away`
                    self._forget(token)
        return found

    # -- taking ------------------------------------------------------------------------------------------------------

    def claim(self, found: Claim) -> Claim | None:
        """Take a file out of its sender's reach; None where somebody else was faster, or where it is being written."""
        claim = replace(found, token=f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{secrets.token_hex(4)}")
        taking = self._places[TAKING]
        os.mkdir(claim.token, 0o770, dir_fd=taking)
        try:
            os.rename(found.name, claim.path, src_dir_fd=self._root, dst_dir_fd=taking)
        except FileNotFoundError:
            self._forget(claim.token)
            return None
        os.fsync(taking)
        status = os.stat(claim.path, dir_fd=taking, follow_symlinks=False)
        if claim.mark != Mark.of(status):
            self._put_back(claim)
            return None
        return claim

    def read(self, claim: Claim, most: int) -> bytes | None:
        """A claimed file's bytes; None where its sender wrote on meanwhile, then it lies where it lay.

        Raises Refused: "file-not-regular" (a link, a pipe), "file-too-large" above `most` bytes, "file-not-readable".
        """
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        try:
            status = os.stat(claim.path, dir_fd=self._places[TAKING], follow_symlinks=False)
            if not stat.S_ISREG(status.st_mode):
                raise refuse("file-not-regular")
            if status.st_size > most:
                raise refuse("file-too-large", limit=str(most))
            with os.fdopen(os.open(claim.path, flags, dir_fd=self._places[TAKING]), "rb") as file:
                raw = file.read(most + 1)
                after = os.fstat(file.fileno())
        except OSError as fault:
            raise refuse("file-not-readable", reason=fault.strerror or type(fault).__name__) from None
        if len(raw) > most:
            raise refuse("file-too-large", limit=str(most))
        if Mark.of(after) != Mark.of(status):
            self._put_back(claim)
            return None
        self._read[claim.token] = Mark.of(status)
        return raw

    def put_away(self, claim: Claim, place: str, reports: dict[str, bytes]) -> Refusal | None:
        """Move a claimed file to ``done`` or ``failed``, its reports beside it under the suffixes given.

        The reports come first, so that a file that lies there has its reports. Returns why they could not be written: a
        full disk keeps no file from being put away. Raises OSError where the file cannot be moved.
        """
        folder = self._places[place]
        name = self._free_name(claim, folder)
        fault: Refusal | None = None
        try:
            for suffix, content in reports.items():
                _write(folder, f"{_cut(name, len(suffix))}{suffix}", content, claim.token)
        except OSError as error:
            fault = refuse("report-not-written", place, reason=error.strerror or type(error).__name__).refusal
        os.rename(claim.path, name, src_dir_fd=self._places[TAKING], dst_dir_fd=folder)
        os.fsync(folder)
        self._forget(claim.token)
        if mark := self._read.pop(claim.token, None):
            self._away[place, name] = _Away(name=claim.name, mark=mark, since=time.monotonic())
        return fault

    def _put_back(self, claim: Claim) -> None:
        """Back to where it was found; where another one of its name has come, it waits in ``taking``."""
        if _is_there(claim.name, self._root):
            return
        with suppress(FileNotFoundError):
            os.rename(claim.path, claim.name, src_dir_fd=self._places[TAKING], dst_dir_fd=self._root)
        self._forget(claim.token)

    def _forget(self, token: str) -> None:
        with suppress(OSError):
            os.rmdir(token, dir_fd=self._places[TAKING])

    def _free_name(self, claim: Claim, folder: int) -> str:
        """The file's own name, or that with the token in it where one of that name was put away before."""
        if not _is_there(claim.name, folder):
            return claim.name
        stem, dot, suffix = claim.name.partition(".")
        added = f".{claim.token}{dot}{suffix}"
        return f"{_cut(stem, len(os.fsencode(added)))}{added}"


def _write(folder: int, name: str, content: bytes, token: str) -> None:
    """A whole file or none, in the place of one of that name."""
    unfinished = f".{token}.tmp"
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        with os.fdopen(os.open(unfinished, flags, 0o660, dir_fd=folder), "wb") as file:
            file.write(content)
        os.rename(unfinished, name, src_dir_fd=folder, dst_dir_fd=folder)
    except OSError:
        with suppress(OSError):
            os.unlink(unfinished, dir_fd=folder)
        raise


def _cut(name: str, room: int) -> str:
    """A name that leaves room for so many bytes; no character is cut in two."""
    raw = os.fsencode(name)
    if len(raw) + room <= _LONGEST_NAME:
        return name
    return raw[: _LONGEST_NAME - room].decode("utf-8", "ignore")


def _names_in(folder: int) -> list[str]:
    with os.scandir(folder) as entries:
        return sorted(entry.name for entry in entries)


def _is_there(name: str, folder: int) -> bool:
    try:
        os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True


def _close(opened: list[int]) -> None:
    for one in opened:
        with suppress(OSError):
            os.close(one)
