"""``hub identity``: whose record is it."""

import typer

from hub.commands.identity_match import match
from hub.commands.identity_refresh import refresh

identity = typer.Typer(no_args_is_help=True, help="Whose record is it: how persons are recognised.")
identity.command()(match)
identity.command()(refresh)
