"""What the commands about messages share: the site's database, who asks, how an answer is printed."""

import asyncio
import getpass
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import orjson
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.access import Role, Viewer
from hub.errors import refuse
from hub.settings import Settings, load_settings
from hub.site import Database, open_database
from hub.store.database import open_engine

T = TypeVar("T")


def engineer() -> Viewer:
    """Who works at the command line: the login, as an engineer."""
    try:
        login = getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        login = "unknown"
    return Viewer(id=f"login:{login}", name=login, role=Role.ENGINEER)


@contextmanager
def open_site() -> Iterator[tuple[Settings, Database]]:
    """Settings and a migrated database, for a command beside a running hub or without one."""
    settings = load_settings()
    with open_database(settings, shared=True) as database:
        asyncio.run(database.check())
        yield settings, database


async def answer_of(database: Database, ask: Callable[[AsyncConnection], Awaitable[T]]) -> T:
    """What a question of the store answers, in a transaction of its own."""
    engine = open_engine(database.application, size=1)
    try:
        async with engine.begin() as connection:
            return await ask(connection)
    finally:
        await engine.dispose()


def read_file(path: Path, name: str = "") -> bytes:
    """A file's bytes. Raises Refused (unreadable-file), by `name` where people know it by another one."""
    try:
        return path.read_bytes()
    except OSError as fault:
        raise refuse("unreadable-file", name or str(path), reason=fault.strerror or type(fault).__name__) from None


def print_json(value: Any) -> None:
    """A value as JSON, for programs."""
    sys.stdout.buffer.write(orjson.dumps(value, option=orjson.OPT_INDENT_2) + b"\n")
