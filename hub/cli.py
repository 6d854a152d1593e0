"""The command line: one command a thing that people do with a hub."""

import asyncio
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any
from uuid import UUID

import orjson
import typer
from rich.console import Console
from rich.table import Column, Table

from hub import demo as demo_
from hub.access import Role, Viewer
from hub.api.schema import print_schema
from hub.app import Part, interrupted, running, set_up_logs
from hub.errors import Language, Refused, refuse
from hub.load_command import load
from hub.message import Fate
from hub.policy_commands import policies
from hub.settings import Settings, load_settings
from hub.site import Database, open_database
from hub.store import inbox
from hub.store.database import open_engine
from hub.tokens import Keyring

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__)
messages = typer.Typer(no_args_is_help=True, help="What came in, and what has become of it.")
app.add_typer(messages, name="message")
app.add_typer(policies, name="policy")
app.command()(load)

Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]


def main() -> None:
    """The entry point: a refusal is printed in the site's language and ends with status 1."""
    language: Language = "zh"
    try:
        language = load_settings().locale
        app()
    except Refused as refused:
        refusal = refused.refusal
        print(f"{refusal.message(language)}\n{refusal.next_step(language)}", file=sys.stderr)
        raise SystemExit(1) from None


@app.command()
def serve(
    roles: Annotated[str, typer.Option(help="Parts to run, by comma: api, mllp, worker.")] = "api,mllp,worker",
) -> None:
    """Run the hub until it is interrupted."""
    settings = load_settings()
    parts = _parts(roles)
    set_up_logs(settings.log_level)
    with open_database(settings) as database:
        asyncio.run(_serve(settings, database, parts))


async def _serve(settings: Settings, database: Database, parts: frozenset[Part]) -> None:
    async with running(settings, database, parts):
        await interrupted()


def _parts(roles: str) -> frozenset[Part]:
    try:
        return frozenset(Part(name.strip()) for name in roles.split(","))
    except ValueError:
        raise refuse("bad-argument", "--roles", reason=f"choose from {', '.join(Part)}") from None


@app.command()
def migrate() -> None:
    """Bring the database up to this program."""
    with open_database(load_settings(), shared=True) as database:
        print(f"{database.name}: {database.migrate()}")


@app.command()
def demo(
    once: Annotated[bool, typer.Option("--once", help="End after the story; status 0 only if all went well.")] = False,
) -> None:
    """Show the hub at work on a small, fictional county, over real MLLP and HTTP."""
    raise SystemExit(demo_.run(load_settings(), once=once))


@app.command()
def token(
    name: Annotated[str, typer.Option(help="Who it is for, as the audit trail will call them.")] = "",
    role: Annotated[Role, typer.Option(help="What they may do.")] = Role.FAMILY_DOCTOR,
    organisation: Annotated[str, typer.Option(help="Where they work.")] = "",
    team: Annotated[str, typer.Option(help="Their family-doctor team.")] = "",
    source: Annotated[str, typer.Option(help="The source that it sends for; makes it a source's token.")] = "",
    days: Annotated[float, typer.Option(min=0, help="How long it is good.")] = 30,
) -> None:
    """Sign a bearer token."""
    settings = load_settings()
    viewer = Viewer(
        id=source or name or role.value,
        name=source or name or role.value,
        role=Role.HOSPITAL_SOURCE if source else role,
        organisation=organisation,
        team=team,
        source=source,
    )
    keyring = Keyring.open(settings.home / "keys")
    print(keyring.issue(viewer, now=datetime.now(UTC), lifetime=timedelta(days=days)))


@app.command()
def schema() -> None:
    """Print the GraphQL schema."""
    print(print_schema(), end="")


@messages.command("list")
def list_messages(
    fate: Annotated[Fate | None, typer.Option(help="Only those with this fate.")] = None,
    most: Annotated[int, typer.Option(min=1, max=10_000, help="How many, the newest first.")] = 50,
    as_json: Json = False,
) -> None:
    """List messages with their fate; a parked one with its reason and the next step."""
    with _site() as (settings, database):
        rows = [_shown(row, settings) for row in asyncio.run(_listed(database, fate, most))]
    if as_json:
        sys.stdout.buffer.write(orjson.dumps(rows, option=orjson.OPT_INDENT_2) + b"\n")
        return
    table = Table("received", "source", "kind", "control id", "fate", "reason", "next step", Column("id", no_wrap=True))
    for row in rows:
        names = ("received_at", "source", "kind", "control_id", "fate", "reason", "next_step", "id")
        table.add_row(*(str(row[name]) for name in names))
    Console().print(table)


@messages.command()
def replay(
    ids: Annotated[list[UUID] | None, typer.Argument(help="Messages to take in again.")] = None,
    parked: Annotated[bool, typer.Option("--parked", help="All parked messages.")] = False,
) -> None:
    """Take messages in again; what was said before changes nothing."""
    if not ids and not parked:
        raise refuse("bad-argument", "ids", reason="name messages, or --parked")
    with _site() as (settings, database):
        count = asyncio.run(_replayed(database, None if parked else ids))
    print({"zh": f"将重新处理 {count} 条消息", "en": f"Messages taken in again: {count}"}[settings.locale])


async def _listed(database: Database, fate: Fate | None, most: int) -> list[Any]:
    engine = open_engine(database.application, size=1)
    try:
        async with engine.connect() as connection:
            return list(await inbox.list_messages(connection, fate, most))
    finally:
        await engine.dispose()


async def _replayed(database: Database, ids: list[UUID] | None) -> int:
    engine = open_engine(database.application, size=1)
    try:
        async with engine.begin() as connection:
            return await inbox.replay(connection, ids)
    finally:
        await engine.dispose()


def _shown(row: Any, settings: Settings) -> dict[str, Any]:
    refusal = inbox.refusal_from(row["refusal"])
    language = settings.locale
    return {
        "id": str(row["id"]),
        "received_at": row["received_at"].isoformat(timespec="seconds"),
        "source": row["source"] or "?",
        "transport": row["transport"],
        "kind": row["kind"],
        "control_id": row["control_id"],
        "fate": row["fate"],
        "attempts": row["attempts"],
        "code": refusal.code if refusal else "",
        "where": refusal.where if refusal else "",
        "reason": refusal.message(language) if refusal else "",
        "next_step": refusal.next_step(language) if refusal else "",
        "findings": row["findings"] or [],
    }


@contextmanager
def _site() -> Iterator[tuple[Settings, Database]]:
    """Settings and a migrated database, for a command beside a running hub or without one."""
    settings = load_settings()
    with open_database(settings, shared=True) as database:
        asyncio.run(database.check())
        yield settings, database
