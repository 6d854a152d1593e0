"""The pages that are made from the code, so that they stay true: ``python -m hub.docs.generate`` writes them."""

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from enum import Enum
from importlib.resources import files
from pathlib import Path
from typing import Any, get_args

from typer.core import TyperGroup
from typer.main import get_command

from hub.cli import app
from hub.docs.documents import documents_page
from hub.docs.forms import forms_page
from hub.docs.pages import page, table
from hub.docs.policies import policies_page
from hub.docs.source_profiles import source_profiles_page
from hub.docs.states import states_page
from hub.mapping.bundles import CLINICAL
from hub.mapping.cda.rows import load_plan
from hub.mapping.codes import CodeTable, load_kinds, load_tables
from hub.mapping.converters import CONVERTERS, Converter
from hub.naming import NAMED
from hub.settings import Settings
from hub.toml import read_toml
from hub.wordings import WORDINGS

FOLDER = Path(__file__).parent


def settings_page() -> str:
    """Every setting with its default."""
    fields = Settings.model_fields.items()
    rows = [(f"`HUB_{name.upper()}`", _default(of.default), of.description or "") for name, of in fields]
    return page(
        "Settings",
        "Settings are environment variables, or lines of a file `.env` in the folder that the command is run in; the "
        "environment wins. A value that is not taken is refused at start, with the name of its setting.",
        table(("setting", "default", "what it is"), rows),
    )


def refusals_page() -> str:
    """Every refusal with its next step, in both languages."""
    rows = [
        (f"`{code}`", f"{said.en}<br>{said.zh}", f"{said.next_en}<br>{said.next_zh}")
        for code, said in sorted(WORDINGS.items())
    ]
    return page(
        "Refusals",
        "Whatever the hub refuses, it refuses with a code, a place and a next step. The same code stands in ERR-5 of "
        "an acknowledgement (HL7 2.5 and later), in GraphQL's `errors[].extensions.code` and in "
        "`hub message list --json`; a FHIR OperationOutcome carries the two sentences. What stands in braces is filled "
        "in: `{where}` is a position such as `PID-7`. No refusal holds a person's data.",
        table(("code", "what is wrong", "what to do next"), rows),
    )


def commands_page() -> str:
    """Every command with its arguments and options."""
    parts = [_command(words, command) for words, command in commands()]
    return page("Commands", "Every command of `hub`. `hub COMMAND --help` says the same.", *parts)


def converters_page() -> str:
    """The converters that rows name, with the FHIR types that they give."""
    rows = [(f"`{name}`", _types(of), _first_sentence(of.convert)) for name, of in sorted(CONVERTERS.items())]
    return page(
        "Converters",
        "What a mapping row may say after `as`. A converter fits a target only if the target's FHIR type is among "
        "those that it gives; else the hub does not start. [Mapping](mapping.md) says how rows are written.",
        table(("converter", "gives", "what it does"), rows),
    )


def identifier_kinds_page() -> str:
    """The kinds of numbers that a source profile may name."""
    rows = [
        (
            *(f"`{kind.kind}`", kind.zh, kind.en, kind.strength),
            f"`{kind.shape}`" if kind.shape else "",
            f"`{kind.system}`" if kind.system else "the source's own",
        )
        for kind in load_kinds(_mappings() / "codes").values()
    ]
    return page(
        "Identifier kinds",
        "What a source profile may write as `kind`, from `mappings/codes/identifier-kinds.csv`. A **strong** number "
        "leads to one resident, whichever source sends it; a **local** one means something within its source only; one "
        "that is **comparable** speaks for a person where two are compared, and proves nothing; one with **none** is "
        "kept and leads nowhere. Strong numbers of the shape of a citizen ID number lead by their check character and "
        "birth date; the others (health record, passport, permits, certificates) lead only where "
        "the name or the birth date is equal as well. A number has to fit its shape to lead; of one with brackets in "
        "its shape, what the first pair holds is compared, so that a permit is the same after its renewal. What stands "
        "for no number (`mappings/codes/placeholder-values.csv`: all nines, counted up, 不详) is passed over.",
        table(("kind", "中文", "English", "strength", "shape", "system"), rows),
    )


def messages_page() -> str:
    """What may be sent: v2 events with their row sets, FHIR resources, code tables."""
    listing = read_toml(_mappings() / "hl7v2" / "messages.toml")[1]["message"]
    events = [
        (f"`{event}`", ", ".join(f"`{name}`" for name in entry["rows"]) + (", `MRG`" if entry.get("merge") else ""))
        for entry in listing
        for event in entry["events"]
    ]
    tables = [(f"`{table.name}`", _sample(table)) for table in _code_tables()]
    return page(
        "Messages and resources that are taken",
        "Anything else is refused by name, kept, and parked.",
        "## HL7 v2",
        "From `mappings/hl7v2/messages.toml`. A segment that no row set reads is kept with the message's bytes and "
        "does not reach the record.",
        table(("event", "row sets that read it"), events),
        "## FHIR R4",
        f"Kept as facts: {_listed({'Patient', *CLINICAL})}.",
        "Taken for the names that they give to references, of the same bundle or of others before and after it, and "
        f"not kept as facts: {_listed(NAMED)}.",
        "## Clinical documents",
        "CDA of WS/T 500 and WS/T 483, all 73 kinds: [Clinical documents](documents.md).",
        "## Code tables",
        "From `mappings/codes/`. A source may lay its own rows over any of them.",
        table(("table", "such as"), tables),
    )


PAGES: Mapping[str, Callable[[], str]] = {
    "settings.md": settings_page,
    "refusals.md": refusals_page,
    "commands.md": commands_page,
    "converters.md": converters_page,
    "identifier-kinds.md": identifier_kinds_page,
    "messages.md": messages_page,
    "states.md": states_page,
    "policies.md": policies_page,
    "source-profiles.md": source_profiles_page,
    "forms.md": forms_page,
    "documents.md": lambda: documents_page(load_plan(_mappings() / "cda", load_tables(_mappings() / "codes"))),
}


def commands() -> Iterator[tuple[str, Any]]:
    """Every command that does something, by the words that call it (``hub message list``)."""
    return _commands("hub", get_command(app))


def _commands(words: str, command: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(command, TyperGroup):
        for name, inner in command.commands.items():
            yield from _commands(f"{words} {name}", inner)
    else:
        yield words, command


def _command(words: str, command: Any) -> str:
    rows = [
        (_called(one), "" if _is_flag(one) else _default(one.default), (one.help or "") + _choices(one))
        for one in command.params
        if one.name != "help"
    ]
    about = inspect.cleandoc(command.help or "")
    below = ["", table(("argument or option", "default", "what it is"), rows)] if rows else []
    return "\n".join((f"## `{words}`", "", about, *below))


def _called(parameter: Any) -> str:
    options = [name for name in parameter.opts if name.startswith("-")]
    if not options:
        return f"`{parameter.name.upper()}{'...' if parameter.nargs == -1 else ''}`"
    return f"`{', '.join(options)}`"


def _choices(parameter: Any) -> str:
    """The values of an option that takes one of few."""
    kind = parameter.type_descriptor.annotation
    one_of = next((of for of in (kind, *get_args(kind)) if isinstance(of, type) and issubclass(of, Enum)), None)
    return f" One of {', '.join(f'`{of.value}`' for of in one_of)}." if one_of else ""


def _is_flag(parameter: Any) -> bool:
    return bool(getattr(parameter, "is_flag", False))


def _default(value: object) -> str:
    shown = value.value if isinstance(value, Enum) else value
    return "" if shown is None or shown == "" else f"`{shown}`"


def _types(converter: Converter) -> str:
    return ", ".join(sorted(converter.types))


def _first_sentence(function: Callable[..., Any]) -> str:
    """What a converter's docstring says first; many say nothing, because their name does."""
    paragraph = inspect.cleandoc(function.__doc__ or "").split("\n\n")[0]
    return " ".join(paragraph.replace("``", "`").split())


def _mappings() -> Path:
    return Path(str(files("mappings")))


def _code_tables() -> list[CodeTable]:
    return [table for table in load_tables(_mappings() / "codes").values() if table.codes]


def _sample(table: CodeTable) -> str:
    return ", ".join(f"`{sent}` → `{code.to}`" for sent, code in list(table.codes.items())[:2] if code.to)


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in sorted(names))


def main() -> None:
    """Write every page."""
    for name, make in PAGES.items():
        (FOLDER / name).write_text(make(), encoding="utf-8")
        print(f"hub/docs/{name}")


if __name__ == "__main__":
    main()
