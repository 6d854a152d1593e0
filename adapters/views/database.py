"""A view's database: reached by its SQLAlchemy URL, asked with SELECTs that SQLAlchemy writes for its dialect.

The URL holds a password. It is read when it is needed, stands in no value that lives on, and no exception's text is
passed on: drivers quote it.
"""

import asyncio
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timezone
from typing import Any, TypeVar

from sqlalchemy import (
    ColumnClause,
    Connection,
    Label,
    Select,
    column,
    create_engine,
    false,
    make_url,
    select,
    table,
    text,
)
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from adapters.files.kinds import Column, FileKind
from adapters.views.cells import ViewRow, cell_of
from hub.errors import Refused, refuse
from hub.message import View

T = TypeVar("T")

_TIMEOUTS: Mapping[str, Mapping[str, object]] = {
    "asyncpg": {"timeout": 15, "command_timeout": 45},
    "psycopg": {"connect_timeout": 15},
    "psycopg2": {"connect_timeout": 15},
    "pymysql": {"connect_timeout": 15, "read_timeout": 45},
    "mysqldb": {"connect_timeout": 15, "read_timeout": 45},
    "oracledb": {"tcp_connect_timeout": 15},
    "pyodbc": {"timeout": 15},
    "pymssql": {"login_timeout": 15, "timeout": 45},
    "pysqlite": {"timeout": 15},
}
"""What each driver calls its time-outs; `_within` is there for the others, and for those that do not keep them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Reading:
    """What is read of a view: the sheet's columns that it has, and what it calls each."""

    view: View
    zone: timezone
    columns: tuple[Column, ...]
    names: tuple[str, ...]
    watermark: str
    keys: tuple[str, ...]

    def after(self, watermark: Any, most: int) -> Select[Any]:
        """The rows behind a watermark, all for None, in order."""
        mark: ColumnClause[Any] = column(self.watermark)
        asked = self._asked().where(mark.is_not(None) if watermark is None else mark > watermark)
        return asked.order_by(mark, *map(column, self.keys)).limit(most)

    def at(self, watermark: Any, offset: int, most: int) -> Select[Any]:
        """The rows of one watermark, in the order of what tells them apart."""
        mark: ColumnClause[Any] = column(self.watermark)
        asked = self._asked().where(mark == watermark)
        return asked.order_by(mark, *map(column, self.keys)).offset(offset).limit(most)

    def _asked(self) -> Select[Any]:
        wanted: list[Label[Any]] = [column(name).label(f"c{at}") for at, name in enumerate(self.names)]
        return select(*wanted, column(self.watermark).label("mark")).select_from(_table(self.view))

    def rows(self, connection: Connection, asked: Select[Any]) -> list[ViewRow]:
        """What a SELECT of this reading gives."""
        return [
            ViewRow(
                cells=tuple(cell_of(each, value, self.zone) for each, value in zip(self.columns, row, strict=False)),
                watermark=bytes(row.mark) if isinstance(row.mark, bytearray | memoryview) else row.mark,
            )
            for row in connection.execute(asked)
        ]


def _table(view: View) -> Any:
    schema, _, name = view.table.rpartition(".")
    return table(name, schema=schema or None)


def reading_of(connection: Connection, view: View, kind: FileKind, zone: timezone) -> Reading:
    """What there is to be read of a view, by the columns that it has. Raises Refused (view-column-missing,
    view-column-unknown)."""
    found = connection.execute(select(text("*")).select_from(_table(view)).where(false())).keys()
    there = {str(name).casefold(): str(name) for name in found}
    called = _called(view, kind)

    def named(name: str) -> str:
        if name.casefold() not in there:
            raise refuse("view-column-missing", view.name, column=name)
        return there[name.casefold()]

    wanted: dict[Column, str] = {}
    for one in kind.columns:
        if one.name in called:
            wanted[one] = named(called[one.name])
        elif own := next((there[name.casefold()] for name in (one.name, one.zh) if name.casefold() in there), None):
            wanted[one] = own
        elif one.required:
            raise refuse("view-column-missing", view.name, column=one.name)
    return Reading(
        view=view,
        zone=zone,
        columns=tuple(wanted),
        names=tuple(wanted.values()),
        watermark=named(view.watermark),
        keys=tuple(name for one, name in wanted.items() if one.name in kind.key),
    )


def _called(view: View, kind: FileKind) -> dict[str, str]:
    """What the view calls the sheet's columns, where the profile says so."""
    columns = kind.named()
    called: dict[str, str] = {}
    for name, theirs in view.columns:
        if name.casefold() not in columns:
            raise refuse("view-column-unknown", view.name, column=name, sheet=kind.name)
        called[columns[name.casefold()].name] = theirs
    return called


async def ask(url: str, view: View, act: Callable[[Connection], T], seconds: float) -> T:
    """What `act` gives on a connection of its own, in a thread where the driver blocks.

    Raises Refused: "view-url-bad", "view-driver-missing", "view-away" (by the kind of fault alone), "view-slow".
    """
    parsed = _parsed(url, view)
    try:
        async with asyncio.timeout(seconds):
            if parsed.get_dialect().is_async:
                return await _asked_async(parsed, act)
            return await _in_thread(lambda: _asked_here(parsed, act))
    except TimeoutError:
        raise refuse("view-slow", view.name, seconds=f"{seconds:g}") from None
    except Refused:
        raise
    except ImportError:
        raise refuse("view-driver-missing", view.name, driver=parsed.drivername) from None
    except (SQLAlchemyError, OSError) as fault:
        raise refuse("view-away", view.name, reason=_kind_of(fault)) from None
    except Exception as fault:  # drivers raise what they like, and quote the URL
        raise refuse("view-away", view.name, reason=type(fault).__name__) from None


def _parsed(url: str, view: View) -> URL:
    """Raises Refused without a word of the URL."""
    try:
        parsed = make_url(url)
        if parsed.drivername in ("postgresql", "postgres"):
            parsed = parsed.set(drivername="postgresql+asyncpg")  # the driver that the hub itself has
        parsed.get_dialect()
    except (NoSuchModuleError, ImportError):
        raise refuse("view-driver-missing", view.name, driver=parsed.drivername) from None
    except (ArgumentError, ValueError):
        raise refuse("view-url-bad", view.name, variable=view.url_from) from None
    return parsed


def _kind_of(fault: BaseException) -> str:
    own = getattr(fault, "orig", None)
    return f"{type(fault).__name__}, {type(own).__name__}" if own is not None else type(fault).__name__


def _options(url: URL) -> dict[str, Any]:
    """Connection options that the URL does not set itself."""
    known = _TIMEOUTS.get(url.get_dialect().driver, {})
    return {name: value for name, value in known.items() if name not in url.query}


async def _asked_async(url: URL, act: Callable[[Connection], T]) -> T:
    engine = create_async_engine(url, poolclass=NullPool, connect_args=_options(url), hide_parameters=True)
    try:
        async with engine.connect() as connection:
            return await connection.run_sync(act)
    finally:
        await engine.dispose()


def _asked_here(url: URL, act: Callable[[Connection], T]) -> T:
    with _engine(url) as connection:
        return act(connection)


@contextmanager
def _engine(url: URL) -> Iterator[Connection]:
    engine = create_engine(url, poolclass=NullPool, connect_args=_options(url), hide_parameters=True)
    try:
        with engine.connect() as connection:
            yield connection
    finally:
        engine.dispose()


async def _in_thread(act: Callable[[], T]) -> T:
    """What a blocking act gives. Its thread is a daemon: one that a dead network holds keeps no process from ending."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()

    def settle(result: T | None, fault: BaseException | None) -> None:
        if done.done():
            return
        if fault is not None:
            done.set_exception(fault)
        else:
            done.set_result(result)  # type: ignore[arg-type]

    def run() -> None:
        result, fault = None, None
        try:
            result = act()
        except BaseException as error:  # it is the waiting coroutine's
            fault = error
        with suppress(RuntimeError):  # nobody waits any longer, the loop has ended
            loop.call_soon_threadsafe(settle, result, fault)

    threading.Thread(target=run, name="view", daemon=True).start()
    return await done
