"""``hub message``: finding messages, looking at one, taking them in again, letting old bytes go."""

import asyncio
import sys
import time
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

import typer
from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.access import Viewer
from hub.audit import Witness
from hub.care.messages import may_see_messages, of_replay, replay_matching
from hub.commands import shown
from hub.commands.parts import answer_of, engineer, open_site, print_json
from hub.commands.show import show
from hub.days import CHINA, check_moment
from hub.errors import Language, refuse
from hub.message import Fate
from hub.profiles import read_library
from hub.pruning import cuts_for, prune
from hub.site import Database
from hub.store import inbox, log, search
from hub.store.search import Found, Wanted
from hub.wiring import profile_places

messages = typer.Typer(no_args_is_help=True, help="What came in, and what has become of it.")
messages.command()(show)

_DAYS = ["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S"]

Source = Annotated[str | None, typer.Option(help="Only those of this source; '' for those that no profile fitted.")]
Since = Annotated[datetime | None, typer.Option(formats=_DAYS, help="Received from this time on (China's time).")]
Until = Annotated[datetime | None, typer.Option(formats=_DAYS, help="Received before this time (China's time).")]
OfFate = Annotated[Fate | None, typer.Option(help="Only those with this fate.")]
Kind = Annotated[str, typer.Option(help="Only of this type: ADT^A01, transaction, Observation.")]
Number = Annotated[str, typer.Option(help="Only of the patient with this number, exactly as it was sent.")]
Name = Annotated[str, typer.Option(help="Only of patients of this name, exactly as it was sent.")]
ControlId = Annotated[str, typer.Option(help="Only with this control id (MSH-10).")]
Code = Annotated[str, typer.Option(help="Only those parked with this refusal: wrong-charset.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]


@messages.command("list")
def list_messages(
    source: Source = None,
    since: Since = None,
    until: Until = None,
    fate: OfFate = None,
    kind: Kind = "",
    number: Number = "",
    name: Name = "",
    control_id: ControlId = "",
    code: Code = "",
    text: Annotated[
        str, typer.Option(help="Only those that hold these words; the newest 50,000 are looked through.")
    ] = "",
    after: Annotated[UUID | None, typer.Option(help="Only those older than this message: the last of a page.")] = None,
    most: Annotated[int, typer.Option(min=1, max=10_000, help="How many, the newest first.")] = 50,
    as_json: Json = False,
) -> None:
    """List messages with their fate, the newest first; a parked one with its reason."""
    texts = {"kind": kind, "number": number, "name": name, "control_id": control_id, "code": code}
    wanted = _wanted(source, since, until, fate, texts)
    words = _checked(text, "--text")

    async def find(connection: AsyncConnection) -> Found:
        if words:
            return await search.find_words(connection, wanted, words, most, after)
        return await search.find_page(connection, wanted, most, after)

    with open_site() as (settings, database):
        found = asyncio.run(answer_of(database, find))
    rows = [shown.as_listed(row, settings.locale) for row in found.rows]
    if as_json:
        print_json(rows)
        return
    for row in rows:
        print("\n".join(shown.list_lines(row)))
    _tell_page(found, settings.locale)


def _tell_page(found: Found, language: Language) -> None:
    """What is not on the page: on standard error, so that the page can be piped."""
    if not found.rows:
        print(shown.SAID["none"][language], file=sys.stderr)
    if not found.is_last:
        print(shown.SAID["more"][language].format(after=found.rows[-1]["id"]), file=sys.stderr)
    if found.looked:
        until = shown.shown_at(found.looked_until)
        print(shown.SAID["looked"][language].format(looked=found.looked, until=until), file=sys.stderr)


# -- taking in again, letting go -------------------------------------------------------------------------------------


@messages.command()
def replay(
    ids: Annotated[list[UUID] | None, typer.Argument(help="Messages to take in again.")] = None,
    parked: Annotated[bool, typer.Option("--parked", help="All parked messages, or those of them that fit.")] = False,
    source: Source = None,
    since: Since = None,
    until: Until = None,
    fate: OfFate = None,
    kind: Kind = "",
    number: Number = "",
    name: Name = "",
    code: Code = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say how many there are.")] = False,
    wait: Annotated[float, typer.Option(min=0, help="Seconds to wait for what becomes of the messages named.")] = 10,
) -> None:
    """Take messages in again; what was said before changes nothing. A search takes parked ones unless --fate says
    otherwise. Of messages that are named it is told what became of them, once a worker has had them."""
    wanted = _wanted(source, since, until, fate, {"kind": kind, "number": number, "name": name, "code": code})
    _check_replay(ids, wanted, parked=parked)
    if parked:
        wanted = replace(wanted, fate=Fate.PARKED)

    async def count(connection: AsyncConnection) -> int:
        if ids:
            return len(await _named(connection, ids))
        return await search.count_matching(connection, of_replay(wanted))

    async def again(connection: AsyncConnection) -> int:
        viewer = engineer()
        done = await _again(connection, ids, wanted, viewer.id)
        witness = replace(_replayed(viewer), changes=(f"messages replayed: {done}",))
        await log.witness(connection, [witness.row()])
        return done

    with open_site() as (settings, database):
        found = asyncio.run(answer_of(database, count))
        print(_COUNTED[settings.locale].format(count=found), file=sys.stderr)
        if dry_run:
            return
        print(asyncio.run(answer_of(database, again)))
        for row in _settled(database, ids or (), wait):
            print("\n".join(shown.list_lines(shown.as_listed(row, settings.locale))), file=sys.stderr)


async def _named(connection: AsyncConnection, ids: Sequence[UUID]) -> Sequence[RowMapping]:
    """The messages of these ids. Raises Refused (no-such-message) where one is missing."""
    found = await search.list_by_id(connection, ids)
    if len(found) < len(set(ids)):
        raise refuse("no-such-message", "ids")
    return found


def _settled(database: Database, ids: Sequence[UUID], seconds: float) -> Sequence[RowMapping]:
    """Messages once none of them waits any more, or the time is over."""
    until = time.monotonic() + seconds
    while ids:
        rows = asyncio.run(answer_of(database, lambda connection: _named(connection, ids)))
        if all(row["fate"] != Fate.KEPT for row in rows) or time.monotonic() >= until:
            return rows
        time.sleep(_LOOK_SECONDS)
    return ()


_LOOK_SECONDS = 0.3


_COUNTED: dict[Language, str] = {"zh": "符合条件的消息：{count}", "en": "Messages that fit: {count}"}


def _check_replay(ids: Sequence[UUID] | None, wanted: Wanted, *, parked: bool) -> None:
    is_search = wanted != Wanted()
    if not ids and not parked and not is_search:
        raise refuse("bad-argument", "ids", reason="name messages, a search, or --parked")
    if ids and (parked or is_search):
        raise refuse("bad-argument", "ids", reason="name messages or a search, not both")
    if parked and wanted.fate not in (None, Fate.PARKED):
        raise refuse("bad-argument", "--parked", reason="--fate says otherwise")


async def _again(connection: AsyncConnection, ids: Sequence[UUID] | None, wanted: Wanted, by: str) -> int:
    if ids:
        return await inbox.replay(connection, ids, by)
    return await replay_matching(connection, wanted, by)


def _replayed(viewer: Viewer) -> Witness:
    return Witness(
        viewer=viewer,
        operation="hub message replay",
        decision=may_see_messages(viewer),
        kinds=("Message",),
        address="command line",
    )


_FREED: dict[Language, dict[str, str]] = {
    "zh": {
        "month": "{month}: {messages} 条消息，{size} MB{dropped}",
        "dropped": "，该月已整体清除",
        "sum": "共 {messages} 条消息的原始字节，{size} MB：{done}。",
        "done": "已清除",
        "would": "将被清除（未执行）",
    },
    "en": {
        "month": "{month}: {messages} messages, {size} MB{dropped}",
        "dropped": ", the month as a whole",
        "sum": "The bytes of {messages} messages, {size} MB: {done}.",
        "done": "gone",
        "would": "would go; nothing was done",
    },
}


@messages.command("prune")
def prune_messages(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would go.")] = False,
    as_json: Json = False,
) -> None:
    """Let go the bytes of merged messages that are older than their source keeps them; what the messages were, and
    what became of them, stays."""
    now = datetime.now(UTC)
    with open_site() as (settings, database):
        book = read_library(profile_places(settings)).book
        cuts = cuts_for(book.by_name.values(), settings.retention_days, now)
        freed = asyncio.run(prune(database.owner, cuts, now, only_count=dry_run))
    if as_json:
        print_json(
            [
                {"month": one.month, "messages": one.messages, "bytes": one.size, "is_dropped": one.is_dropped}
                for one in freed
            ]
        )
        return
    said = _FREED[settings.locale]
    for one in freed:
        dropped = said["dropped"] if one.is_dropped else ""
        print(said["month"].format(month=one.month, messages=one.messages, size=_megabytes(one.size), dropped=dropped))
    count, size = sum(one.messages for one in freed), sum(one.size for one in freed)
    done = said["would" if dry_run else "done"]
    print(said["sum"].format(messages=count, size=_megabytes(size), done=done))


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.1f}"


# -- what all of them need -------------------------------------------------------------------------------------------


def _wanted(
    source: str | None, since: datetime | None, until: datetime | None, fate: Fate | None, texts: Mapping[str, str]
) -> Wanted:
    """What options ask for. Raises Refused (bad-argument)."""
    for name, value in texts.items():
        _checked(value, f"--{name.replace('_', '-')}")
    return Wanted(source=source, since=_moment(since, "--since"), until=_moment(until, "--until"), fate=fate, **texts)


def _moment(at: datetime | None, where: str) -> datetime | None:
    """A time as people at the site say it. Raises Refused (bad-argument)."""
    return check_moment(at.replace(tzinfo=CHINA), where) if at else None


def _checked(text: str, where: str) -> str:
    """A text that a database takes. Raises Refused (bad-argument)."""
    if any(unicodedata.category(character) == "Cc" for character in text):
        raise refuse("bad-argument", where, reason="control characters")
    return text
