"""``hub load``: CSV files into the site's database, beside a running hub, by the way of every message."""

import asyncio
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import typer
from rich.console import Console
from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncEngine

from hub.commands.parts import open_site, print_json, read_file
from hub.errors import Language, Refusal
from hub.ids import new_id
from hub.message import Arrival, Fate, Transport
from hub.settings import Settings, load_settings
from hub.site import Database
from hub.store import inbox
from hub.store.database import open_engine
from hub.wiring import read_named_files

_LOOK_SECONDS = 0.2
_STILL_SECONDS = 5.0
"""How long nothing at all may be merged before we say that no worker is up."""

_SAID: Mapping[str, Mapping[Language, str]] = {
    "checked": {
        "zh": "{files} 个文件无误，将生成 {bundles} 条消息；未导入。",
        "en": "{files} files without a fault make {bundles} messages; nothing was loaded.",
    },
    "loaded": {
        "zh": "{bundles} 条消息：已合并 {merged}，被搁置 {parked}，等待中 {kept}。",
        "en": "{bundles} messages: {merged} merged, {parked} parked, {kept} waiting.",
    },
    "faults": {"zh": "共 {count} 处错误，未导入任何内容。", "en": "{count} faults; nothing was loaded."},
    "idle": {
        "zh": "没有处理进程在运行：消息已保存，运行 hub serve（含 worker）后自动合并，无需重复导入。",
        "en": "No worker is at work: the messages are kept, and merged once `hub serve` runs one. Do not load again.",
    },
}


def load(
    files: Annotated[list[Path], typer.Argument(help="CSV files that belong together.")],
    source: Annotated[str, typer.Option(help="The source whose files they are, by its profile's name.")],
    check: Annotated[bool, typer.Option("--check", help="Only read them and name every fault; needs no hub.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")] = False,
) -> None:
    """Load CSV files: organisations, practitioners, teams, members, areas, agreements, sessions, discharges, forms.

    Status 1 if a file has a fault (then nothing is loaded) or a message was parked.
    """
    settings = load_settings()
    read, sender = read_named_files(settings, source, _opened(files))
    if read.faults:
        _tell_faults(read.faults, settings.locale, as_json=as_json)
        raise typer.Exit(1)
    arrivals = [one.arrival(sender, Transport.FILE) for one in read.bundles]
    if check:
        _tell_checked(len(files), [_shown_bundle(one) for one in read.bundles], settings.locale, as_json=as_json)
        return
    with open_site() as (_, database):
        fates = asyncio.run(load_arrivals(database, arrivals))
    shown = [
        _shown_bundle(one) | _shown_fate(fate, one.placed, settings)
        for one, fate in zip(read.bundles, fates, strict=True)
    ]
    _tell_fates(shown, settings.locale, as_json=as_json)
    if any(one["fate"] == Fate.PARKED for one in shown):
        raise typer.Exit(1)


def _opened(paths: Sequence[Path]) -> dict[str, bytes]:
    """Each file's bytes by its base name, or by its path where two share that. Raises Refused (unreadable-file)."""
    names = [path.name for path in paths]
    found: dict[str, bytes] = {}
    for path in paths:
        name = path.name if names.count(path.name) == 1 else str(path)
        found[name] = read_file(path, name)
    return found


async def load_arrivals(
    database: Database, arrivals: Sequence[Arrival], *, still_seconds: float = _STILL_SECONDS
) -> list[RowMapping]:
    """Keep all of them in one transaction, then wait until they are settled or nobody is at work."""
    engine = open_engine(database.application, size=1)
    try:
        keys = [new_id() for _ in arrivals]
        async with engine.begin() as connection:
            await inbox.keep(connection, list(zip(keys, arrivals, strict=True)))
        return await _settled(engine, keys, still_seconds)
    finally:
        await engine.dispose()


async def _settled(engine: AsyncEngine, keys: Sequence[UUID], still_seconds: float) -> list[RowMapping]:
    """The fates once none is kept, or once nothing in the whole inbox has moved for a while."""
    before, since = -1, time.monotonic()
    with Console(stderr=True).status("") as status:
        while True:
            async with engine.connect() as connection:
                fates = await inbox.find_fates(connection, keys)
                ahead = await inbox.count_waiting(connection)  # of anybody's: while it changes, somebody is at work
            waiting = sum(row["fate"] == Fate.KEPT for row in fates.values())
            if ahead != before:
                before, since = ahead, time.monotonic()
            if not waiting or time.monotonic() - since > still_seconds:
                return [fates[key] for key in keys]
            status.update(f"{len(keys) - waiting}/{len(keys)}")
            await asyncio.sleep(_LOOK_SECONDS)


# -- telling ---------------------------------------------------------------------------------------------------------


def _shown_bundle(one: Any) -> dict[str, Any]:
    return {"kind": one.kind, "key": one.key, "rows": one.positions}


def _shown_fate(row: RowMapping, placed: Any, settings: Settings) -> dict[str, Any]:
    refusal = inbox.refusal_from(row["refusal"])
    refusal = placed(refusal) if refusal else None
    return {"message": str(row["message_id"]), "fate": row["fate"], **_shown_refusal(refusal, settings.locale)}


def _shown_refusal(refusal: Refusal | None, language: Language) -> dict[str, str]:
    if refusal is None:
        return {}
    return {
        "code": refusal.code,
        "where": refusal.where,
        "reason": refusal.message(language),
        "next_step": refusal.next_step(language),
    }


def _tell_faults(faults: Sequence[Refusal], language: Language, *, as_json: bool) -> None:
    if as_json:
        print_json([_shown_refusal(fault, language) for fault in faults])
        return
    for fault in faults:
        print(fault.message(language), file=sys.stderr)
    for step in dict.fromkeys(fault.next_step(language) for fault in faults if fault.code != "bad-file"):
        print(step, file=sys.stderr)
    print(_SAID["faults"][language].format(count=len(faults)), file=sys.stderr)


def _tell_checked(files: int, bundles: Sequence[Mapping[str, Any]], language: Language, *, as_json: bool) -> None:
    if as_json:
        print_json(bundles)
        return
    print(_SAID["checked"][language].format(files=files, bundles=len(bundles)))


def _tell_fates(shown: Sequence[Mapping[str, Any]], language: Language, *, as_json: bool) -> None:
    """The parked ones with their reasons, and how many ended how."""
    if as_json:
        print_json(shown)
        return
    parked = [one for one in shown if one["fate"] == Fate.PARKED]
    if parked:
        for one in parked:
            print(f"{one['kind']} {one['key']} ({one['rows']})\n  {one['reason']}\n  {one['next_step']}")
    counts = {fate.value: sum(one["fate"] == fate for one in shown) for fate in Fate}
    print(_SAID["loaded"][language].format(bundles=len(shown), **counts))
    if counts[Fate.KEPT]:
        print(_SAID["idle"][language])
