"""``hub record``: records as the facts make them."""

import asyncio
from collections.abc import Mapping
from dataclasses import asdict
from functools import reduce
from typing import Annotated, Any
from uuid import UUID

import typer
from rich.console import Console

from hub.commands.parts import engineer, open_site, print_json
from hub.errors import Language, refuse
from hub.rebuilding import Rebuilt, rebuild_all, rebuild_these, together
from hub.site import Database
from hub.store import people
from hub.store.database import open_engine

records = typer.Typer(no_args_is_help=True, help="What stands in residents' records.")

_SAID: Mapping[str, Mapping[Language, str]] = {
    "done": {
        "zh": "已重建 {residents} 名居民的档案，共 {entries} 条；{changed}。",
        "en": "{residents} records rebuilt, {entries} lines; {changed}.",
    },
    "looked": {
        "zh": "已核对 {residents} 名居民的档案，共 {entries} 条（未改动）；{changed}。",
        "en": "{residents} records looked at, {entries} lines, nothing written; {changed}.",
    },
    "same": {"zh": "与事实一致，无差异", "en": "all of them are what the facts say"},
    "differ": {"zh": "有差异：{kinds}", "en": "these differed: {kinds}"},
    "broken-off": {
        "zh": "已中断，此前的重建均已保存。接着执行请加 --after {last}。",
        "en": "Broken off; what was rebuilt stays. To go on: --after {last}",
    },
    "none": {"zh": "没有可重建的档案。", "en": "There is no record to rebuild."},
}


@records.command("rebuild")
def rebuild_records(
    resident: Annotated[list[UUID] | None, typer.Option(help="Only this resident's; may be named again.")] = None,
    after: Annotated[
        UUID | None, typer.Option(help="Only those behind this resident: where it was broken off.")
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Only look: status 1 if any record is not as its facts.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")] = False,
) -> None:
    """Project records anew from their facts, beside a running hub: everybody's, or those that are named."""
    if resident and after:
        raise refuse("bad-argument", "--after", reason="name residents, or where to go on, not both")
    with open_site() as (settings, database):
        steps: list[Rebuilt] = []
        try:
            asyncio.run(_run(database, resident, after, steps, check=check))
        except KeyboardInterrupt:
            if steps:
                print(_SAID["broken-off"][settings.locale].format(last=steps[-1].last))
            raise typer.Exit(130) from None
    told = reduce(together, steps) if steps else None
    if as_json:
        print_json(_shown(told))
    else:
        print(_line(told, settings.locale, check=check))
    if check and told is not None and told.changed:
        raise typer.Exit(1)


async def _run(
    database: Database, residents: list[UUID] | None, after: UUID | None, steps: list[Rebuilt], *, check: bool
) -> None:
    engine = open_engine(database.application, size=1)
    viewer = engineer()
    try:
        if residents:
            async with engine.connect() as connection:
                known = await people.list_patients_of(connection, residents)
            if unknown := set(residents) - set(known.values()):
                raise refuse("bad-argument", "--resident", reason=f"{len(unknown)} of them have no record")
            walk = rebuild_these(engine, viewer, residents, only_look=check)
        else:
            walk = rebuild_all(engine, viewer, after=after, only_look=check)
        with Console(stderr=True).status("") as status:
            done = 0
            async for step in walk:
                steps.append(step)
                done += step.residents
                status.update(str(done))
    finally:
        await engine.dispose()


def _shown(told: Rebuilt | None) -> dict[str, Any]:
    if told is None:
        return {"residents": 0, "entries": 0, "changed": {}}
    shown = asdict(told)
    del shown["last"]
    return shown


def _line(told: Rebuilt | None, language: Language, *, check: bool) -> str:
    if told is None:
        return _SAID["none"][language]
    kinds = ", ".join(f"{kind} {count}" for kind, count in told.changed.items())
    changed = _SAID["differ"][language].format(kinds=kinds) if kinds else _SAID["same"][language]
    said = _SAID["looked" if check else "done"][language]
    return said.format(residents=told.residents, entries=told.entries, changed=changed)
