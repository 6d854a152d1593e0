"""``hub alert``: what somebody was called for, and whether the call arrives."""

import asyncio
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.alerts import Alert, load_thresholds, next_step, sentence, tell
from hub.commands.parts import answer_of, open_site, print_json
from hub.days import CHINA
from hub.errors import Language, refuse
from hub.ids import new_id
from hub.settings import load_settings
from hub.store.alerts import list_newest
from hub.webhooks import Trial, open_key, read_receivers, shown_key, try_receivers

alerts = typer.Typer(no_args_is_help=True, help="What somebody was called for, and whether the call arrives.")

Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]

_SAID: dict[str, dict[Language, str]] = {
    "none": {"zh": "没有告警。", "en": "There is no alert."},
    "open": {"zh": "仍在持续", "en": "goes on"},
    "good": {"zh": "告警阈值有效：{file}", "en": "The thresholds are good: {file}"},
    "own": {"zh": "自带的 mappings/alerts.toml", "en": "the hub's own mappings/alerts.toml"},
    "told": {"zh": "{place}：已收到（{status}）", "en": "{place}: has it ({status})"},
    "refused": {"zh": "{place}：未收到（{status}）", "en": "{place}: does not take it ({status})"},
    "away": {"zh": "{place}：无法连接（{fault}）", "en": "{place}: cannot be reached ({fault})"},
}


@alerts.command("list")
def list_alerts(
    only_open: Annotated[bool, typer.Option("--open", help="Only those that have not ended.")] = False,
    source: Annotated[str | None, typer.Option(help="Only those of this source.")] = None,
    most: Annotated[int, typer.Option(min=1, max=1000, help="How many, the newest first.")] = 50,
    as_json: Json = False,
) -> None:
    """List alerts, the newest first, with what to do about each."""

    async def find(connection: AsyncConnection) -> list[Alert]:
        return await list_newest(connection, source, only_open, most, None)

    with open_site() as (settings, database):
        found = asyncio.run(answer_of(database, find))
    if as_json:
        print_json([_as_json(one) for one in found])
        return
    for one in found:
        print(_shown(one, settings.locale))
    if not found:
        print(_SAID["none"][settings.locale])


@alerts.command()
def check() -> None:
    """Check the site's alerts.toml. A fault is named by file and line."""
    settings = load_settings()
    load_thresholds(settings.config_dir)
    site = settings.config_dir / "alerts.toml" if settings.config_dir else None
    file = str(site) if site is not None and site.exists() else _SAID["own"][settings.locale]
    print(_SAID["good"][settings.locale].format(file=file))


@alerts.command("try")
def try_webhooks(as_json: Json = False) -> None:
    """Call every receiver of HUB_ALERT_WEBHOOKS once, to try. Ends with status 1 where one does not take it."""
    settings = load_settings()
    receivers = read_receivers(settings.alert_webhooks)
    if not receivers:
        raise refuse("bad-setting", "HUB_ALERT_WEBHOOKS", reason="it names no receiver")
    key = open_key(settings.home / "keys")
    found = asyncio.run(try_receivers(receivers, key, datetime.now(UTC)))
    if as_json:
        print_json([{"place": one.place, "status": one.status, "fault": one.fault} for one in found])
    else:
        for one in found:
            print(_said_of(one, settings.locale))
    if not all(one.is_taken for one in found):
        raise typer.Exit(1)


@alerts.command("key")
def show_key() -> None:
    """Print the key that webhooks are signed with (whsec_...), for their receivers. It is a secret."""
    print(shown_key(open_key(load_settings().home / "keys")))


def _said_of(one: Trial, language: Language) -> str:
    case = "told" if one.is_taken else "refused" if one.status else "away"
    return _SAID[case][language].format(place=one.place, status=one.status, fault=one.fault)


def _as_json(one: Alert) -> dict[str, Any]:
    return {key: value for key, value in tell(one, new_id()).items() if key not in ("id", "event")}


def _shown(one: Alert, language: Language) -> str:
    until = f"{one.until.astimezone(CHINA):%Y-%m-%d %H:%M}" if one.until else _SAID["open"][language]
    head = f"{one.since.astimezone(CHINA):%Y-%m-%d %H:%M} - {until}  {one.kind.value}  {one.source}".rstrip()
    return f"{head}\n  {sentence(one, language)}\n  {next_step(one, language)}"
