"""The command line: one command a thing that people do with a hub."""

import asyncio
import sys
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from hub import demo as demo_
from hub.access import Role, Viewer
from hub.api.schema import print_schema
from hub.app import Part, interrupted, running, set_up_logs, until_ended
from hub.commands.alerts import alerts
from hub.commands.explain import explain_file
from hub.commands.identity import identity
from hub.commands.load import load
from hub.commands.mappings import mappings
from hub.commands.messages import messages
from hub.commands.policies import policies
from hub.commands.records import records
from hub.commands.send import send
from hub.commands.sources import sources
from hub.errors import Language, Refused, refuse
from hub.profiles import read_library
from hub.settings import Settings, load_settings
from hub.site import Database, open_database
from hub.tokens import Keyring
from hub.wiring import profile_places

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__)
app.add_typer(alerts, name="alert")
app.add_typer(identity, name="identity")
app.add_typer(mappings, name="mapping")
app.add_typer(messages, name="message")
app.add_typer(policies, name="policy")
app.add_typer(records, name="record")
app.add_typer(sources, name="source")
app.command()(load)
app.command("explain")(explain_file)
app.command()(send)


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
    roles: Annotated[
        str, typer.Option(help="Parts to run, by comma: api, mllp, worker, collect.")
    ] = "api,mllp,worker,collect",
) -> None:
    """Run the hub until it is interrupted."""
    settings = load_settings()
    parts = _parts(roles)
    set_up_logs(settings.log_level)
    with open_database(settings) as database:
        asyncio.run(_serve(settings, database, parts))


async def _serve(settings: Settings, database: Database, parts: frozenset[Part]) -> None:
    async with running(settings, database, parts):
        await interrupted(until_ended(database))


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
    if source and source not in read_library(profile_places(settings)).book.by_name:
        raise refuse("unknown-source", "--source")
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
