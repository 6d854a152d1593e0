"""``hub identity refresh``: patients are entered into what is compared, those of before or everybody anew."""

import asyncio
from typing import Annotated

import typer
from rich.console import Console

from hub.commands.parts import open_site, print_json
from hub.entering import enter_all
from hub.errors import Language
from hub.profiles import read_library
from hub.settings import Settings
from hub.site import Database
from hub.store.database import open_engine
from hub.wiring import open_matcher, profile_places

_SAID: dict[Language, str] = {
    "zh": "已登记 {entered} 名患者供比对。",
    "en": "{entered} patients entered, to be compared with.",
}


def refresh(
    everybody: Annotated[
        bool, typer.Option("--all", help="Everybody anew, after what is compared has changed; else who is missing.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")] = False,
) -> None:
    """Enter patients into what newcomers are compared with, beside a running hub: those of before, or everybody. It
    joins and reviews nobody; each is compared once something is said of them. It may be interrupted and run again."""
    with open_site() as (settings, database):
        entered = asyncio.run(_refreshed(settings, database, everybody=everybody))
    if as_json:
        print_json({"entered": entered})
        return
    print(_SAID[settings.locale].format(entered=entered))


async def _refreshed(settings: Settings, database: Database, *, everybody: bool) -> int:
    engine = open_engine(database.application, size=1)
    sources = read_library(profile_places(settings)).book.by_name
    entered = 0
    try:
        matcher = await open_matcher(settings, engine)
        with Console(stderr=True).status("") as status:
            async for some in enter_all(engine, matcher, sources.get, only_missing=not everybody):
                entered += some
                status.update(str(entered))
    finally:
        await engine.dispose()
    return entered
